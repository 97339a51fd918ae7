//! Lies about section J: send.

use usocket_core::spi::{Backend, Handle};
use usocket_core::{Error, Result, Socket, Timeout};

use super::{lies, retold};
use crate::cases::send;
use crate::{Api, Lie};

lies! {
    backend CountsOneTooMany breaks [94], caught by send::send_counts_what_it_takes;
    backend EmptySendIsAByte breaks [95], caught by send::empty_send_reaches_nobody;
    backend SendsToNobody breaks [96], caught by send::unconnected_stream_cannot_send;
    backend SendsToNobody breaks [97], caught by send::listening_or_closed_socket_cannot_send;
    backend SendWhenClosedIsAPipe breaks [97],
        caught by send::listening_or_closed_socket_cannot_send;
    backend SendsToTheDead breaks [98], caught by send::sends_to_a_closed_peer_fail;
    backend ResetIsAPipe breaks [99], caught by send::reset_is_told_to_the_first_send;
    backend SendsAfterResetAreReset breaks [99], caught by send::reset_is_told_to_the_first_send;
    api FullSendIsNoBuffer breaks [100], caught by send::full_buffer_would_block;
    api FullTimeoutIsWouldBlock breaks [101], caught by send::full_buffer_times_out;
    api SendTimesOutAtOnce breaks [101], caught by send::full_buffer_times_out;
    api SendWithoutTimeoutIsShort breaks [102],
        caught by send::send_without_timeout_queues_everything;
    api SendWithTimeoutNeverWaits breaks [102], caught by send::send_with_timeout_waits_for_room;
    backend NoPeerIsAPipe breaks [103], caught by send::send_is_one_datagram;
    backend EmptyDatagramIsNotSent breaks [103], caught by send::send_is_one_datagram;
    backend OversizeIsCut breaks [104], caught by send::oversize_datagram_is_refused;
    backend OversizeIsNoBuffer breaks [104], caught by send::oversize_datagram_is_refused;
    backend NewlinesAreReturns breaks [105], caught by send::text_is_sent_as_it_is;
}

retold! {
    backend SendsToNobody: try_send(data) {
        Err(Error::EPIPE | Error::ENOTCONN) => Ok(data.len())
    }
    backend SendWhenClosedIsAPipe: try_send { Err(Error::EBADF) => Err(Error::EPIPE) }
    backend SendsToTheDead: try_send(data) {
        Err(Error::EPIPE | Error::ECONNRESET) => Ok(data.len())
    }
    backend ResetIsAPipe: try_send { Err(Error::ECONNRESET) => Err(Error::EPIPE) }
    backend SendsAfterResetAreReset: try_send { Err(Error::EPIPE) => Err(Error::ECONNRESET) }
    api FullSendIsNoBuffer: send { Err(Error::EAGAIN) => Err(Error::ENOBUFS) }
    api FullTimeoutIsWouldBlock: send { Err(Error::ETIMEDOUT) => Err(Error::EAGAIN) }
    backend NoPeerIsAPipe: try_send { Err(Error::EDESTADDRREQ) => Err(Error::EPIPE) }
    backend OversizeIsNoBuffer: try_send_to { Err(Error::EMSGSIZE) => Err(Error::ENOBUFS) }
}

/// The last byte of a longer send is lost, and counted.
#[derive(Default)]
struct CountsOneTooMany;

impl<B: Backend> Lie<B> for CountsOneTooMany {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match data {
            [part @ .., _] if !part.is_empty() => net.try_send(handle, part).map(|n| n + 1),
            _ => net.try_send(handle, data),
        }
    }
}

#[derive(Default)]
struct EmptySendIsAByte;

impl<B: Backend> Lie<B> for EmptySendIsAByte {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        if data.is_empty() {
            net.try_send(handle, b"\0").map(|_| 0)
        } else {
            net.try_send(handle, data)
        }
    }
}

/// A timeout is reported at once.
#[derive(Default)]
struct SendTimesOutAtOnce;

impl<B: Backend> Api<B> for SendTimesOutAtOnce {
    fn send(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<usize> {
        socket.setblocking(false)?;
        socket.send(data).map_err(|error| match error {
            Error::EAGAIN => Error::ETIMEDOUT,
            error => error,
        })
    }
}

/// A send without a timeout is content with a part.
#[derive(Default)]
struct SendWithoutTimeoutIsShort;

impl<B: Backend> Api<B> for SendWithoutTimeoutIsShort {
    fn send(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<usize> {
        if socket.timeout() == Timeout::Never {
            socket.settimeout(60)?;
        }
        socket.send(data)
    }
}

/// A send with a timeout does not use it.
#[derive(Default)]
struct SendWithTimeoutNeverWaits;

impl<B: Backend> Api<B> for SendWithTimeoutNeverWaits {
    fn send(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<usize> {
        socket.setblocking(false)?;
        socket.send(data)
    }
}

/// An empty datagram counts as sent and is not; everything else is true.
#[derive(Default)]
struct EmptyDatagramIsNotSent;

impl<B: Backend> Lie<B> for EmptyDatagramIsNotSent {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        if data.is_empty() && net.peer_addr(handle).is_ok() {
            return Ok(0);
        }
        net.try_send(handle, data)
    }
}

#[derive(Default)]
struct OversizeIsCut;

impl<B: Backend> Lie<B> for OversizeIsCut {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match net.try_send(handle, data) {
            Err(Error::EMSGSIZE) => net.try_send(handle, &data[..100]).map(|_| data.len()),
            answer => answer,
        }
    }
}

/// Translates text on the way.
#[derive(Default)]
struct NewlinesAreReturns;

impl<B: Backend> Lie<B> for NewlinesAreReturns {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        let mut text = [0; 64];
        let Some(text) = text.get_mut(..data.len()) else { return net.try_send(handle, data) };
        for (to, from) in text.iter_mut().zip(data) {
            *to = if *from == b'\n' { b'\r' } else { *from };
        }
        net.try_send(handle, text)
    }
}
