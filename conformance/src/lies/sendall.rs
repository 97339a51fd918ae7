//! Lies about section K: sendall.

use usocket_core::spi::{Backend, Handle, Opt, OptName, SockType};
use usocket_core::{Error, Result, Socket, Timeout};

use super::lies;
use crate::cases::sendall;
use crate::{Api, Lie};

lies! {
    backend ForgetsOfAShortSend breaks [106], caught by sendall::sendall_queues_everything;
    api OnePieceIsAll breaks [106], caught by sendall::sendall_queues_everything;
    backend QueuesForNobody breaks [107], caught by sendall::sendall_fails_as_send_does;
    api EmptyNeverFails breaks [107], caught by sendall::sendall_fails_as_send_does;
    api RefusesNonBlocking breaks [108], caught by sendall::non_blocking_sendall_that_fits;
    api PartIsSuccess breaks [109], caught by sendall::non_blocking_sendall_that_does_not_fit;
    api CountIsLost breaks [109], caught by sendall::non_blocking_sendall_that_does_not_fit;
    api CountIsLost breaks [110], caught by sendall::sendall_has_one_deadline_and_counts;
    api DeadlinePerPiece breaks [110], caught by sendall::sendall_has_one_deadline_and_counts;
    backend DatagramInTwo breaks [111], caught by sendall::sendall_is_one_datagram;
}

/// Where not everything fits, a byte is dropped at the seam.
#[derive(Default)]
struct ForgetsOfAShortSend;

impl<B: Backend> Lie<B> for ForgetsOfAShortSend {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        net.try_send(handle, data).map(|n| if n < data.len() { n + 1 } else { n })
    }
}

#[derive(Default)]
struct OnePieceIsAll;

impl<B: Backend> Api<B> for OnePieceIsAll {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        socket.settimeout(60)?;
        socket.send(data).map(|_| ())
    }
}

#[derive(Default)]
struct QueuesForNobody;

impl<B: Backend> Lie<B> for QueuesForNobody {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match net.try_send(handle, data) {
            Err(Error::ECONNRESET | Error::EPIPE | Error::ENOTCONN) => Ok(data.len()),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct EmptyNeverFails;

impl<B: Backend> Api<B> for EmptyNeverFails {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        if data.is_empty() { Ok(()) } else { socket.sendall(data) }
    }
}

#[derive(Default)]
struct RefusesNonBlocking;

impl<B: Backend> Api<B> for RefusesNonBlocking {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        if socket.timeout() == Timeout::Zero { Err(Error::EAGAIN) } else { socket.sendall(data) }
    }
}

#[derive(Default)]
struct PartIsSuccess;

impl<B: Backend> Api<B> for PartIsSuccess {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        socket
            .sendall(data)
            .or_else(|error| if error.transferred() > 0 { Ok(()) } else { Err(error) })
    }
}

#[derive(Default)]
struct CountIsLost;

impl<B: Backend> Api<B> for CountIsLost {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        socket.sendall(data).map_err(|error| error.with_transferred(0))
    }
}

#[derive(Default)]
struct DeadlinePerPiece;

impl<B: Backend> Api<B> for DeadlinePerPiece {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        let mut sent = 0;
        while sent < data.len() {
            sent += socket.send(&data[sent..]).map_err(|error| error.with_transferred(sent))?;
        }
        Ok(())
    }
}

#[derive(Default)]
struct DatagramInTwo;

impl<B: Backend> Lie<B> for DatagramInTwo {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        let dgram = net.option(handle, OptName::Type) == Ok(Opt::Type(SockType::Dgram));
        if dgram && data.len() > 1 {
            let (a, b) = data.split_at(data.len() / 2);
            return Ok(net.try_send(handle, a)? + net.try_send(handle, b)?);
        }
        net.try_send(handle, data)
    }
}
