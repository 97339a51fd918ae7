//! Lies about section J: send.

use usocket_core::spi::{Backend, Handle};
use usocket_core::{Error, Result, SockAddr, Socket, Timeout};

use super::lies;
use crate::cases::send;
use crate::{Api, Lie};

lies! {
    backend CountsOneTooMany breaks [94], caught by send::send_counts_what_it_takes;
    backend EmptySendIsAByte breaks [95], caught by send::empty_send_reaches_nobody;
    backend SendsToNobody breaks [96], caught by send::unconnected_stream_cannot_send;
    backend SendsToNobody breaks [97], caught by send::listening_or_closed_socket_cannot_send;
    backend SendsWhenClosed breaks [97], caught by send::listening_or_closed_socket_cannot_send;
    backend SendsToTheDead breaks [98], caught by send::sends_to_a_closed_peer_fail;
    backend ResetIsAPipe breaks [99], caught by send::reset_is_told_to_the_first_send;
    backend ResetForEver breaks [99], caught by send::reset_is_told_to_the_first_send;
    api FullIsNoBuffer breaks [100], caught by send::full_buffer_would_block;
    api LateIsWouldBlock breaks [101], caught by send::full_buffer_times_out;
    api LateIsEarly breaks [101], caught by send::full_buffer_times_out;
    api ShortWithoutTimeout breaks [102], caught by send::send_without_timeout_queues_everything;
    api NeverWaits breaks [102], caught by send::send_with_timeout_waits_for_room;
    backend NoPeerIsAPipe breaks [103], caught by send::send_is_one_datagram;
    backend EmptyDatagramIsKept breaks [103], caught by send::send_is_one_datagram;
    backend OversizeIsCut breaks [104], caught by send::oversize_datagram_is_refused;
    backend OversizeIsNoBuffer breaks [104], caught by send::oversize_datagram_is_refused;
    backend NewlinesAreReturns breaks [105], caught by send::text_is_sent_as_it_is;
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

#[derive(Default)]
struct SendsToNobody;

impl<B: Backend> Lie<B> for SendsToNobody {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match net.try_send(handle, data) {
            Err(Error::EPIPE | Error::ENOTCONN) => Ok(data.len()),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct SendsWhenClosed;

impl<B: Backend> Lie<B> for SendsWhenClosed {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match net.try_send(handle, data) {
            Err(Error::EBADF) => Err(Error::EPIPE),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct SendsToTheDead;

impl<B: Backend> Lie<B> for SendsToTheDead {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match net.try_send(handle, data) {
            Err(Error::EPIPE | Error::ECONNRESET) => Ok(data.len()),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct ResetIsAPipe;

impl<B: Backend> Lie<B> for ResetIsAPipe {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match net.try_send(handle, data) {
            Err(Error::ECONNRESET) => Err(Error::EPIPE),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct ResetForEver;

impl<B: Backend> Lie<B> for ResetForEver {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match net.try_send(handle, data) {
            Err(Error::EPIPE) => Err(Error::ECONNRESET),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct FullIsNoBuffer;

impl<B: Backend> Api<B> for FullIsNoBuffer {
    fn send(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<usize> {
        socket.send(data).map_err(|error| match error {
            Error::EAGAIN => Error::ENOBUFS,
            error => error,
        })
    }
}

#[derive(Default)]
struct LateIsWouldBlock;

impl<B: Backend> Api<B> for LateIsWouldBlock {
    fn send(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<usize> {
        socket.send(data).map_err(|error| match error {
            Error::ETIMEDOUT => Error::EAGAIN,
            error => error,
        })
    }
}

/// A timeout is reported at once.
#[derive(Default)]
struct LateIsEarly;

impl<B: Backend> Api<B> for LateIsEarly {
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
struct ShortWithoutTimeout;

impl<B: Backend> Api<B> for ShortWithoutTimeout {
    fn send(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<usize> {
        if socket.timeout() == Timeout::Never {
            socket.settimeout(60)?;
        }
        socket.send(data)
    }
}

/// A send with a timeout does not use it.
#[derive(Default)]
struct NeverWaits;

impl<B: Backend> Api<B> for NeverWaits {
    fn send(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<usize> {
        socket.setblocking(false)?;
        socket.send(data)
    }
}

#[derive(Default)]
struct NoPeerIsAPipe;

impl<B: Backend> Lie<B> for NoPeerIsAPipe {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match net.try_send(handle, data) {
            Err(Error::EDESTADDRREQ) => Err(Error::EPIPE),
            answer => answer,
        }
    }
}

/// An empty datagram counts as sent and is not; everything else is true.
#[derive(Default)]
struct EmptyDatagramIsKept;

impl<B: Backend> Lie<B> for EmptyDatagramIsKept {
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

#[derive(Default)]
struct OversizeIsNoBuffer;

impl<B: Backend> Lie<B> for OversizeIsNoBuffer {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        match net.try_send_to(handle, data, to) {
            Err(Error::EMSGSIZE) => Err(Error::ENOBUFS),
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
