//! Lies about section L on streams: recv.

use core::cell::{Cell, RefCell};

use usocket_core::spi::{Backend, Handle, RecvFlags};
use usocket_core::{Error, MSG_DONTWAIT, MSG_PEEK, Result, Socket};

use super::{lies, retold};
use crate::cases::recv;
use crate::{Api, Lie};

lies! {
    api WaitsForAFullBuffer breaks [112], caught by recv::recv_takes_what_is_there;
    backend DropsWhatDoesNotFit breaks [112], caught by recv::recv_takes_what_is_there;
    backend EndEatsData breaks [113], caught by recv::end_of_stream_is_for_ever;
    backend EndOnlyOnce breaks [113], caught by recv::end_of_stream_is_for_ever;
    backend EndWouldBlock breaks [114], caught by recv::end_of_stream_without_blocking;
    backend UnconnectedIsAtItsEnd breaks [115], caught by recv::unconnected_stream_cannot_recv;
    backend ReceivedOutlivesClose breaks [116], caught by recv::closed_socket_has_no_data;
    backend NoDataIsTheEnd breaks [117], caught by recv::nothing_there_would_block;
    api NonBlockingRecvTimesOut breaks [117], caught by recv::nothing_there_would_block;
    backend NoDataIsTheEnd breaks [118], caught by recv::nothing_in_time_times_out;
    api RecvTimeoutIsWouldBlock breaks [118], caught by recv::nothing_in_time_times_out;
    api RecvTimeoutIsTheEnd breaks [118], caught by recv::nothing_in_time_times_out;
    api TimeoutEndsTheConnection breaks [119],
        caught by recv::a_timeout_leaves_the_connection_intact;
    backend ResetIsTheEnd breaks [120], caught by recv::a_reset_is_told_once_after_the_data;
    backend ResetIsToldForEver breaks [120], caught by recv::a_reset_is_told_once_after_the_data;
    backend ResetEatsData breaks [120], caught by recv::a_reset_is_told_once_after_the_data;
    backend EmptyRecvWaits breaks [121], caught by recv::recv_of_nothing_takes_nothing;
    backend EmptyRecvNeverFails breaks [121], caught by recv::recv_of_nothing_takes_nothing;
    backend EmptyRecvTakesAByte breaks [121], caught by recv::recv_of_nothing_takes_nothing;
    backend PeekConsumes breaks [127], caught by recv::peek_and_dontwait_on_streams;
    api DontwaitWaits breaks [127], caught by recv::peek_and_dontwait_on_streams;
    api PeekFailsAtTheEnd breaks [127], caught by recv::peek_and_dontwait_on_streams;
}

retold! {
    backend EndWouldBlock: try_recv(buf, flags) { Ok(0) if !buf.is_empty() => Err(Error::EAGAIN) }
    backend UnconnectedIsAtItsEnd: try_recv { Err(Error::ENOTCONN) => Ok(0) }
    backend NoDataIsTheEnd: try_recv { Err(Error::EAGAIN) => Ok(0) }
    api NonBlockingRecvTimesOut: recv_flags { Err(Error::EAGAIN) => Err(Error::ETIMEDOUT) }
    api RecvTimeoutIsWouldBlock: recv_flags { Err(Error::ETIMEDOUT) => Err(Error::EAGAIN) }
    api RecvTimeoutIsTheEnd: recv_flags { Err(Error::ETIMEDOUT) => Ok(0) }
    backend ResetIsTheEnd: try_recv { Err(Error::ECONNRESET) => Ok(0) }
    api PeekFailsAtTheEnd: recv_flags(buf, flags) {
        Ok(0) if flags & MSG_PEEK != 0 => Err(Error::EAGAIN)
    }
}

const PEEK: RecvFlags = RecvFlags { peek: true };

#[derive(Default)]
struct WaitsForAFullBuffer;

impl<B: Backend> Api<B> for WaitsForAFullBuffer {
    fn recv_flags(&self, socket: &Socket<'_, B>, buf: &mut [u8], _: i32) -> Result<usize> {
        socket.read(buf).map(|count| count.unwrap_or(0))
    }
}

#[derive(Default)]
struct DropsWhatDoesNotFit;

impl<B: Backend> Lie<B> for DropsWhatDoesNotFit {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let mut all = [0; 64];
        if flags.peek || buf.len() >= all.len() {
            return net.try_recv(handle, buf, flags);
        }
        let count = net.try_recv(handle, &mut all, flags)?.min(buf.len());
        buf[..count].copy_from_slice(&all[..count]);
        Ok(count)
    }
}

/// Holds what has arrived, and forgets it when the stream ends.
#[derive(Default)]
struct Held {
    bytes: RefCell<heapless::Vec<u8, 512>>,
}

impl Held {
    /// Receives all there is; the answer that ended it, if it was not would-block.
    fn gather<B: Backend>(&self, net: &B, handle: Handle) -> Option<Result<usize>> {
        let mut piece = [0; 32];
        let mut bytes = self.bytes.borrow_mut();
        while bytes.capacity() - bytes.len() >= piece.len() {
            match net.try_recv(handle, &mut piece, RecvFlags::default()) {
                Ok(count @ 1..) => {
                    let _ = bytes.extend_from_slice(&piece[..count]);
                }
                Err(Error::EAGAIN) => return None,
                end => return Some(end),
            }
        }
        None
    }

    fn serve(&self, buf: &mut [u8]) -> Result<usize> {
        let mut bytes = self.bytes.borrow_mut();
        let count = bytes.len().min(buf.len());
        if count == 0 {
            return Err(Error::EAGAIN);
        }
        buf[..count].copy_from_slice(&bytes[..count]);
        bytes.rotate_left(count);
        let rest = bytes.len() - count;
        bytes.truncate(rest);
        Ok(count)
    }
}

/// FIN discards what was not read.
#[derive(Default)]
struct EndEatsData(Held);

impl<B: Backend> Lie<B> for EndEatsData {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], _: RecvFlags) -> Result<usize> {
        match self.0.gather(net, handle) {
            None => self.0.serve(buf),
            Some(end) => end,
        }
    }
}

/// RST discards what was not read.
#[derive(Default)]
struct ResetEatsData(Held);

impl<B: Backend> Lie<B> for ResetEatsData {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], _: RecvFlags) -> Result<usize> {
        match self.0.gather(net, handle) {
            Some(end @ Err(_)) => end,
            Some(end) => self.0.serve(buf).or(end),
            None => self.0.serve(buf),
        }
    }
}

#[derive(Default)]
struct EndOnlyOnce {
    told: Cell<bool>,
}

impl<B: Backend> Lie<B> for EndOnlyOnce {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Ok(0) if !buf.is_empty() && self.told.replace(true) => Err(Error::ENOTCONN),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct ReceivedOutlivesClose {
    waiting: Cell<usize>,
}

impl<B: Backend> Lie<B> for ReceivedOutlivesClose {
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        self.waiting.set(net.try_recv(handle, &mut [0; 8], PEEK).unwrap_or(0));
        net.close(handle)
    }

    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::EBADF) if self.waiting.get() > 0 => Ok(self.waiting.get().min(buf.len())),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct TimeoutEndsTheConnection;

impl<B: Backend> Api<B> for TimeoutEndsTheConnection {
    fn recv_flags(&self, socket: &Socket<'_, B>, buf: &mut [u8], flags: i32) -> Result<usize> {
        let answer = socket.recv_flags(buf, flags);
        if answer == Err(Error::ETIMEDOUT) {
            socket.shutdown(usocket_core::spi::Shutdown::Both)?;
        }
        answer
    }
}

#[derive(Default)]
struct ResetIsToldForEver {
    reset: Cell<bool>,
}

impl<B: Backend> Lie<B> for ResetIsToldForEver {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Ok(0) if self.reset.get() => Err(Error::ECONNRESET),
            Err(Error::ECONNRESET) => {
                self.reset.set(true);
                Err(Error::ECONNRESET)
            }
            answer => answer,
        }
    }
}

#[derive(Default)]
struct EmptyRecvWaits;

impl<B: Backend> Lie<B> for EmptyRecvWaits {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        if buf.is_empty() {
            return net.try_recv(handle, &mut [0; 1], PEEK).map(|_| 0);
        }
        net.try_recv(handle, buf, flags)
    }
}

#[derive(Default)]
struct EmptyRecvNeverFails;

impl<B: Backend> Lie<B> for EmptyRecvNeverFails {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        if buf.is_empty() { Ok(0) } else { net.try_recv(handle, buf, flags) }
    }
}

#[derive(Default)]
struct EmptyRecvTakesAByte;

impl<B: Backend> Lie<B> for EmptyRecvTakesAByte {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let answer = net.try_recv(handle, buf, flags);
        if buf.is_empty() {
            let _ = net.try_recv(handle, &mut [0; 1], RecvFlags::default());
        }
        answer
    }
}

#[derive(Default)]
struct PeekConsumes;

impl<B: Backend> Lie<B> for PeekConsumes {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], _: RecvFlags) -> Result<usize> {
        net.try_recv(handle, buf, RecvFlags::default())
    }
}

#[derive(Default)]
struct DontwaitWaits;

impl<B: Backend> Api<B> for DontwaitWaits {
    fn recv_flags(&self, socket: &Socket<'_, B>, buf: &mut [u8], flags: i32) -> Result<usize> {
        socket.recv_flags(buf, flags & !MSG_DONTWAIT)
    }
}
