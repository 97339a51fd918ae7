//! Lies about closed sockets: of each method one that goes on.

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, Opt, OptName, RecvFlags, RecvInfo, Shutdown};
use usocket_core::{Error, File, OptValue, Result, SockAddr, Socket};

use super::lies;
use crate::cases::closed;
use crate::{Api, Lie};

lies! {
    api SecondCloseFails breaks [214], caught by closed::close_may_be_repeated;
    backend SecondCloseIsInvalid breaks [214], caught by closed::close_may_be_repeated;
    backend CloseHitsTheSlot breaks [214], caught by closed::close_may_be_repeated;
    backend BindsWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend ListensWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend AcceptsWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend ConnectsWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend SendsWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend ReceivesWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend ReceivesFromWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend OptionsWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend OptionReadWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend ShutsDownWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend NoErrorWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend NamedWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend PeerNamedWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend AliveWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    api TimesWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    api FilesWhenClosed breaks [215], caught by closed::every_method_of_a_closed_stream;
    backend SendsToWhenClosed breaks [215],
        caught by closed::every_method_of_a_closed_datagram_socket;
    api ArgumentsFirst breaks [215], caught by closed::every_form_of_a_closed_socket;
    backend DataOutlivesClose breaks [215], caught by closed::closed_with_data_waiting;
    api NumberStays breaks [220], caught by closed::a_number_while_it_is_open;
}

#[derive(Default)]
struct SecondCloseFails;

impl<B: Backend> Api<B> for SecondCloseFails {
    fn close(&self, socket: &Socket<'_, B>) -> Result<()> {
        socket.backend().alive(socket.handle())?;
        socket.close()
    }
}

#[derive(Default)]
struct SecondCloseIsInvalid(Cell<Option<Handle>>);

impl<B: Backend> Lie<B> for SecondCloseIsInvalid {
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        if self.0.replace(Some(handle)) == Some(handle) {
            return Err(Error::EINVAL);
        }
        net.close(handle)
    }
}

/// A close that comes again finds the next socket.
#[derive(Default)]
struct CloseHitsTheSlot(Cell<Option<Handle>>, Cell<Option<Handle>>);

impl<B: Backend> Lie<B> for CloseHitsTheSlot {
    fn open(
        &self,
        net: &B,
        family: usocket_core::Family,
        kind: usocket_core::spi::SockType,
    ) -> Result<Handle> {
        let handle = net.open(family, kind)?;
        self.1.set(Some(handle));
        Ok(handle)
    }

    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        if self.0.replace(Some(handle)) == Some(handle)
            && let Some(newest) = self.1.get()
        {
            return net.close(newest);
        }
        net.close(handle)
    }
}

/// One operation that answers something else than `EBADF`.
macro_rules! when_closed {
    ($($lie:ident: $op:ident($($arg:ident: $type:ty),*) -> $ok:ty = $told:expr;)*) => {$(
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Lie<B> for $lie {
            fn $op(&self, net: &B, handle: Handle $(, $arg: $type)*) -> Result<$ok> {
                match net.$op(handle $(, $arg)*) {
                    Err(Error::EBADF) => $told,
                    answer => answer,
                }
            }
        }
    )*};
}

when_closed! {
    BindsWhenClosed: bind(address: SockAddr) -> () = Ok(());
    ListensWhenClosed: listen(backlog: u32) -> () = Ok(());
    AcceptsWhenClosed: try_accept() -> (Handle, SockAddr) = Err(Error::EINVAL);
    ConnectsWhenClosed: try_connect(address: SockAddr) -> () = Ok(());
    SendsWhenClosed: try_send(data: &[u8]) -> usize = Err(Error::EPIPE);
    SendsToWhenClosed: try_send_to(data: &[u8], to: SockAddr) -> usize = Ok(data.len());
    ReceivesWhenClosed: try_recv(buf: &mut [u8], flags: RecvFlags) -> usize = Ok(0);
    ReceivesFromWhenClosed: try_recv_info(buf: &mut [u8], flags: RecvFlags) -> RecvInfo
        = Err(Error::ENOTCONN);
    OptionsWhenClosed: set_option(option: &Opt) -> () = Ok(());
    OptionReadWhenClosed: option(name: OptName) -> Opt = Ok(Opt::ReuseAddr(false));
    ShutsDownWhenClosed: shutdown(how: Shutdown) -> () = Ok(());
    NoErrorWhenClosed: take_error() -> Option<Error> = Ok(None);
    NamedWhenClosed: local_addr() -> SockAddr = Err(Error::ENOTCONN);
    PeerNamedWhenClosed: peer_addr() -> SockAddr = Err(Error::ENOTCONN);
    AliveWhenClosed: alive() -> () = Ok(());
}

#[derive(Default)]
struct TimesWhenClosed;

impl<B: Backend> Api<B> for TimesWhenClosed {
    fn setblocking(&self, socket: &Socket<'_, B>, flag: bool) -> Result<()> {
        match socket.setblocking(flag) {
            Err(Error::EBADF) => Ok(()),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct FilesWhenClosed;

impl<B: Backend> Api<B> for FilesWhenClosed {
    fn makefile<'s, 'b>(
        &self,
        socket: &'s Socket<'b, B>,
        mode: &str,
        buffering: i32,
    ) -> Result<File<'s, 'b, B>> {
        socket.makefile_buffered(mode, buffering).map_err(|_| Error::EINVAL)
    }
}

/// Looks at the arguments before the socket.
#[derive(Default)]
struct ArgumentsFirst;

impl<B: Backend> Api<B> for ArgumentsFirst {
    fn setsockopt(
        &self,
        socket: &Socket<'_, B>,
        level: i32,
        name: i32,
        value: OptValue<'_>,
    ) -> Result<()> {
        if level > 50 {
            return Err(Error::ENOPROTOOPT);
        }
        socket.setsockopt(level, name, value)
    }
}

/// What was received can still be had.
#[derive(Default)]
struct DataOutlivesClose(Cell<bool>);

impl<B: Backend> Lie<B> for DataOutlivesClose {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::EBADF) if self.0.get() && !buf.is_empty() => Ok(buf.len().min(8)),
            answer => {
                self.0.set(answer.is_ok());
                answer
            }
        }
    }
}

#[derive(Default)]
struct NumberStays;

impl<B: Backend> Api<B> for NumberStays {
    fn fileno(&self, honest: i32) -> i32 {
        honest.max(0)
    }
}
