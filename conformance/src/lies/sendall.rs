//! Lies about section K: sendall.

use usocket_core::spi::{Backend, Handle, Opt, OptName, SockType};
use usocket_core::{Error, Result, Socket, Timeout};

use super::{lies, retold};
use crate::cases::sendall;
use crate::{Api, Lie};

lies! {
    backend ForgetsOfAShortSend breaks [106], caught by sendall::sendall_queues_everything;
    api SendallSendsOnePiece breaks [106], caught by sendall::sendall_queues_everything;
    backend QueuesForNobody breaks [107], caught by sendall::sendall_fails_as_send_does;
    api EmptySendallNeverFails breaks [107], caught by sendall::sendall_fails_as_send_does;
    api NonBlockingSendallRefused breaks [108], caught by sendall::non_blocking_sendall_that_fits;
    api PartOfSendallIsSuccess breaks [109],
        caught by sendall::non_blocking_sendall_that_does_not_fit;
    api CountOfSendallIsLost breaks [109],
        caught by sendall::non_blocking_sendall_that_does_not_fit;
    api CountOfSendallIsLost breaks [110], caught by sendall::sendall_has_one_deadline_and_counts;
    api SendallDeadlinePerPiece breaks [110],
        caught by sendall::sendall_has_one_deadline_and_counts;
    backend SendallSplitsDatagrams breaks [111], caught by sendall::sendall_is_one_datagram;
}

retold! {
    backend QueuesForNobody: try_send(data) {
        Err(Error::ECONNRESET | Error::EPIPE | Error::ENOTCONN) => Ok(data.len())
    }
    /// Where not everything fits, a byte is dropped at the seam.
    backend ForgetsOfAShortSend: try_send(data) { Ok(n) if n < data.len() => Ok(n + 1) }
    api PartOfSendallIsSuccess: sendall { Err(error) if error.transferred() > 0 => Ok(()) }
    api CountOfSendallIsLost: sendall { Err(error) => Err(error.with_transferred(0)) }
}

#[derive(Default)]
struct SendallSendsOnePiece;

impl<B: Backend> Api<B> for SendallSendsOnePiece {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        socket.settimeout(60)?;
        socket.send(data).map(|_| ())
    }
}

#[derive(Default)]
struct EmptySendallNeverFails;

impl<B: Backend> Api<B> for EmptySendallNeverFails {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        if data.is_empty() { Ok(()) } else { socket.sendall(data) }
    }
}

#[derive(Default)]
struct NonBlockingSendallRefused;

impl<B: Backend> Api<B> for NonBlockingSendallRefused {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        if socket.timeout() == Timeout::Zero { Err(Error::EAGAIN) } else { socket.sendall(data) }
    }
}

#[derive(Default)]
struct SendallDeadlinePerPiece;

impl<B: Backend> Api<B> for SendallDeadlinePerPiece {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        let mut sent = 0;
        while sent < data.len() {
            sent += socket.send(&data[sent..]).map_err(|error| error.with_transferred(sent))?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct SendallSplitsDatagrams;

impl<B: Backend> Lie<B> for SendallSplitsDatagrams {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        let dgram = net.option(handle, OptName::Type) == Ok(Opt::Type(SockType::Dgram));
        if dgram && data.len() > 1 {
            let (a, b) = data.split_at(data.len() / 2);
            return Ok(net.try_send(handle, a)? + net.try_send(handle, b)?);
        }
        net.try_send(handle, data)
    }
}
