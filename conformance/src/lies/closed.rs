//! Lies about section R: closed sockets, of each method one that goes on.

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, Opt, RecvFlags};
use usocket_core::{Error, File, OptValue, Result, Socket};

use super::{lies, retold};
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
    api ArgumentsCheckedBeforeClosed breaks [215], caught by closed::every_form_of_a_closed_socket;
    backend DataOutlivesClose breaks [215], caught by closed::closed_with_data_waiting;
    api FilenoOutlivesClose breaks [220], caught by closed::a_number_while_it_is_open;
}

retold! {
    backend BindsWhenClosed: bind { Err(Error::EBADF) => Ok(()) }
    backend ListensWhenClosed: listen { Err(Error::EBADF) => Ok(()) }
    backend AcceptsWhenClosed: try_accept { Err(Error::EBADF) => Err(Error::EINVAL) }
    backend ConnectsWhenClosed: try_connect { Err(Error::EBADF) => Ok(()) }
    backend SendsWhenClosed: try_send { Err(Error::EBADF) => Err(Error::EPIPE) }
    backend SendsToWhenClosed: try_send_to(data, to) { Err(Error::EBADF) => Ok(data.len()) }
    backend ReceivesWhenClosed: try_recv { Err(Error::EBADF) => Ok(0) }
    backend ReceivesFromWhenClosed: try_recv_info { Err(Error::EBADF) => Err(Error::ENOTCONN) }
    backend OptionsWhenClosed: set_option { Err(Error::EBADF) => Ok(()) }
    backend OptionReadWhenClosed: option { Err(Error::EBADF) => Ok(Opt::ReuseAddr(false)) }
    backend ShutsDownWhenClosed: shutdown { Err(Error::EBADF) => Ok(()) }
    backend NoErrorWhenClosed: take_error { Err(Error::EBADF) => Ok(None) }
    backend NamedWhenClosed: local_addr { Err(Error::EBADF) => Err(Error::ENOTCONN) }
    backend PeerNamedWhenClosed: peer_addr { Err(Error::EBADF) => Err(Error::ENOTCONN) }
    backend AliveWhenClosed: alive { Err(Error::EBADF) => Ok(()) }
    api TimesWhenClosed: setblocking { Err(Error::EBADF) => Ok(()) }
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
struct ArgumentsCheckedBeforeClosed;

impl<B: Backend> Api<B> for ArgumentsCheckedBeforeClosed {
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
struct FilenoOutlivesClose;

impl<B: Backend> Api<B> for FilenoOutlivesClose {
    fn fileno(&self, honest: i32) -> i32 {
        honest.max(0)
    }
}
