//! Lies about the five outcomes (R2): one call form, or one end, differs.

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, RecvFlags, RecvInfo};
use usocket_core::{Error, Family, MSG_PEEK, Result, SockAddr, Socket};

use super::lies;
use crate::cases::outcomes;
use crate::{Api, Lie};

lies! {
    backend EndOfInfoWouldBlock breaks [114], caught by outcomes::end_of_stream_in_every_form;
    backend EndOnlyThrice breaks [113], caught by outcomes::end_of_stream_in_every_form;
    api EndOfReadIsNothing breaks [], caught by outcomes::end_of_stream_in_every_form;
    backend InfoOfResetIsTheEnd breaks [120], caught by outcomes::reset_in_every_form;
    backend ResetIsAborted breaks [120], caught by outcomes::reset_in_every_form;
    backend InfoIsEmptyAtOnce breaks [136], caught by outcomes::timeout_in_every_form;
    api ReadOfNothingIsNone breaks [118], caught by outcomes::timeout_in_every_form;
    api PeekNeverWaits breaks [118], caught by outcomes::timeout_in_every_form;
    api LineOfNothingIsTheEnd breaks [117], caught by outcomes::would_block_in_every_form;
    backend InfoIsEmptyAtOnce breaks [136], caught by outcomes::would_block_in_every_form;
    backend ClosedInfoIsTheEnd breaks [116], caught by outcomes::local_close_in_every_form;
    backend ClosedIsReset breaks [116], caught by outcomes::local_close_in_every_form;
}

/// An end of stream for `recv_info`.
const END: RecvInfo =
    RecvInfo { len: 0, full_len: 0, from: SockAddr::new(Family::V4.unspecified(), 0), local: None };

/// A lie about `try_recv_info` alone.
macro_rules! info_lie {
    ($($lie:ident: $answer:pat => $told:expr;)*) => {$(
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Lie<B> for $lie {
            fn try_recv_info(
                &self,
                net: &B,
                handle: Handle,
                buf: &mut [u8],
                flags: RecvFlags,
            ) -> Result<RecvInfo> {
                match net.try_recv_info(handle, buf, flags) {
                    $answer => $told,
                    answer => answer,
                }
            }
        }
    )*};
}

info_lie! {
    EndOfInfoWouldBlock: Ok(RecvInfo { len: 0, .. }) => Err(Error::EAGAIN);
    InfoOfResetIsTheEnd: Err(Error::ECONNRESET) => Ok(END);
    InfoIsEmptyAtOnce: Err(Error::EAGAIN) => Ok(END);
    ClosedInfoIsTheEnd: Err(Error::EBADF) => Ok(END);
}

#[derive(Default)]
struct EndOnlyThrice {
    told: Cell<u8>,
}

impl<B: Backend> Lie<B> for EndOnlyThrice {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let answer = net.try_recv(handle, buf, flags);
        if answer == Ok(0) && !buf.is_empty() {
            self.told.set(self.told.get() + 1);
            if self.told.get() > 3 {
                return Err(Error::ENOTCONN);
            }
        }
        answer
    }
}

#[derive(Default)]
struct ResetIsAborted;

impl<B: Backend> Lie<B> for ResetIsAborted {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::ECONNRESET) => Err(Error::ECONNABORTED),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct ClosedIsReset;

impl<B: Backend> Lie<B> for ClosedIsReset {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::EBADF) => Err(Error::ECONNRESET),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct EndOfReadIsNothing;

impl<B: Backend> Api<B> for EndOfReadIsNothing {
    fn read(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        Ok(socket.read(buf)?.filter(|&count| count > 0))
    }
}

#[derive(Default)]
struct ReadOfNothingIsNone;

impl<B: Backend> Api<B> for ReadOfNothingIsNone {
    fn read(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        match socket.read(buf) {
            Err(Error::ETIMEDOUT) => Ok(None),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct PeekNeverWaits;

impl<B: Backend> Api<B> for PeekNeverWaits {
    fn recv_flags(&self, socket: &Socket<'_, B>, buf: &mut [u8], flags: i32) -> Result<usize> {
        match socket.recv_flags(buf, flags) {
            Err(Error::ETIMEDOUT) if flags & MSG_PEEK != 0 => Err(Error::EAGAIN),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct LineOfNothingIsTheEnd;

impl<B: Backend> Api<B> for LineOfNothingIsTheEnd {
    fn readline(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        Ok(socket.readline(buf)?.or(Some(0)))
    }
}
