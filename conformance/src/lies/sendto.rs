//! Lies about section M: sendto and recvfrom.

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, RecvFlags, RecvInfo};
use usocket_core::{Error, Family, Result, SockAddr, Socket};

use super::lies;
use crate::cases::sendto;
use crate::{Api, Lie};

lies! {
    backend DoesNotBind breaks [128], caught by sendto::sendto_binds_and_replies_arrive;
    backend CountsAHeader breaks [128], caught by sendto::sendto_binds_and_replies_arrive;
    backend FirstSenderForEver breaks [129], caught by sendto::recvfrom_names_each_sender;
    backend EmptyIsNotSent breaks [130], caught by sendto::an_empty_datagram_makes_the_round;
    backend IgnoresTheAddress breaks [131], caught by sendto::sendto_leaves_the_default_peer;
    backend MovesTheDefaultPeer breaks [131], caught by sendto::sendto_leaves_the_default_peer;
    api RefusesAnAddress breaks [132], caught by sendto::sendto_on_a_stream_is_send;
    backend StreamsAreAnonymous breaks [133], caught by sendto::recvfrom_on_a_stream_names_the_peer;
    backend AnybodyBroadcasts breaks [134], caught by sendto::broadcast_needs_permission;
    backend NobodyBroadcasts breaks [134], caught by sendto::broadcast_needs_permission;
    backend TooLargeIsMemory breaks [135], caught by sendto::what_sendto_refuses;
    api OtherFamilyIsInvalid breaks [135], caught by sendto::what_sendto_refuses;
    api PortZeroIsDropped breaks [135], caught by sendto::what_sendto_refuses;
    api AddressBeforeClose breaks [135], caught by sendto::what_sendto_refuses;
    backend QuietIsEmpty breaks [136], caught by sendto::recvfrom_fails_as_recv_does;
    backend UnconnectedIsQuiet breaks [136], caught by sendto::recvfrom_fails_as_recv_does;
    backend ClosedPortFails breaks [137], caught by sendto::a_closed_port_never_fails_sendto;
}

#[derive(Default)]
struct DoesNotBind;

impl<B: Backend> Lie<B> for DoesNotBind {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        if net.local_addr(handle)?.port() == 0 {
            return Err(Error::EINVAL);
        }
        net.try_send_to(handle, data, to)
    }
}

#[derive(Default)]
struct CountsAHeader;

impl<B: Backend> Lie<B> for CountsAHeader {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        net.try_send_to(handle, data, to).map(|len| len + 8)
    }
}

#[derive(Default)]
struct FirstSenderForEver {
    first: Cell<Option<SockAddr>>,
}

impl<B: Backend> Lie<B> for FirstSenderForEver {
    fn try_recv_info(
        &self,
        net: &B,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<RecvInfo> {
        let info = net.try_recv_info(handle, buf, flags)?;
        let from = self.first.get().unwrap_or(info.from);
        self.first.set(Some(from));
        Ok(RecvInfo { from, ..info })
    }
}

#[derive(Default)]
struct EmptyIsNotSent;

impl<B: Backend> Lie<B> for EmptyIsNotSent {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        if data.is_empty() { Ok(0) } else { net.try_send_to(handle, data, to) }
    }
}

#[derive(Default)]
struct IgnoresTheAddress;

impl<B: Backend> Lie<B> for IgnoresTheAddress {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        match net.peer_addr(handle) {
            Ok(_) => net.try_send(handle, data),
            Err(_) => net.try_send_to(handle, data, to),
        }
    }
}

#[derive(Default)]
struct MovesTheDefaultPeer;

impl<B: Backend> Lie<B> for MovesTheDefaultPeer {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        net.try_connect(handle, to)?;
        net.try_send(handle, data)
    }
}

#[derive(Default)]
struct RefusesAnAddress;

impl<B: Backend> Api<B> for RefusesAnAddress {
    fn sendto(&self, socket: &Socket<'_, B>, data: &[u8], to: SockAddr) -> Result<usize> {
        socket.peer_addr().map_or_else(|_| socket.sendto(data, to), |_| Err(Error::EISCONN))
    }
}

#[derive(Default)]
struct StreamsAreAnonymous;

impl<B: Backend> Lie<B> for StreamsAreAnonymous {
    fn try_recv_info(
        &self,
        net: &B,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<RecvInfo> {
        let from = SockAddr::new(Family::V4.unspecified(), 0);
        Ok(RecvInfo { from, ..net.try_recv_info(handle, buf, flags)? })
    }
}

#[derive(Default)]
struct AnybodyBroadcasts;

impl<B: Backend> Lie<B> for AnybodyBroadcasts {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        match net.try_send_to(handle, data, to) {
            Err(Error::EACCES) => Ok(data.len()),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct NobodyBroadcasts;

impl<B: Backend> Lie<B> for NobodyBroadcasts {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        match to.ip() {
            core::net::IpAddr::V4(ip) if ip.is_broadcast() => Err(Error::EACCES),
            _ => net.try_send_to(handle, data, to),
        }
    }
}

#[derive(Default)]
struct TooLargeIsMemory;

impl<B: Backend> Lie<B> for TooLargeIsMemory {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        match net.try_send_to(handle, data, to) {
            Err(Error::EMSGSIZE) => Err(Error::ENOMEM),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct OtherFamilyIsInvalid;

impl<B: Backend> Api<B> for OtherFamilyIsInvalid {
    fn sendto(&self, socket: &Socket<'_, B>, data: &[u8], to: SockAddr) -> Result<usize> {
        match socket.sendto(data, to) {
            Err(Error::EAFNOSUPPORT) => Err(Error::EINVAL),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct PortZeroIsDropped;

impl<B: Backend> Api<B> for PortZeroIsDropped {
    fn sendto(&self, socket: &Socket<'_, B>, data: &[u8], to: SockAddr) -> Result<usize> {
        if to.port() == 0 { Ok(data.len()) } else { socket.sendto(data, to) }
    }
}

/// A wrong address is told first, then that the socket is closed.
#[derive(Default)]
struct AddressBeforeClose;

impl<B: Backend> Api<B> for AddressBeforeClose {
    fn sendto(&self, socket: &Socket<'_, B>, data: &[u8], to: SockAddr) -> Result<usize> {
        if to.family() == socket.family() {
            socket.sendto(data, to)
        } else {
            Err(Error::EAFNOSUPPORT)
        }
    }
}

#[derive(Default)]
struct QuietIsEmpty;

impl<B: Backend> Lie<B> for QuietIsEmpty {
    fn try_recv_info(
        &self,
        net: &B,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<RecvInfo> {
        match net.try_recv_info(handle, buf, flags) {
            Err(Error::EAGAIN) => {
                let from = SockAddr::new(Family::V4.unspecified(), 0);
                Ok(RecvInfo { len: 0, full_len: 0, from, local: None })
            }
            answer => answer,
        }
    }
}

#[derive(Default)]
struct UnconnectedIsQuiet;

impl<B: Backend> Lie<B> for UnconnectedIsQuiet {
    fn try_recv_info(
        &self,
        net: &B,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<RecvInfo> {
        match net.try_recv_info(handle, buf, flags) {
            Err(Error::ENOTCONN) => Err(Error::EAGAIN),
            answer => answer,
        }
    }
}

/// The answer to an earlier datagram fails a later send.
#[derive(Default)]
struct ClosedPortFails {
    last: Cell<Option<SockAddr>>,
}

impl<B: Backend> Lie<B> for ClosedPortFails {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        if self.last.replace(Some(to)) == Some(to) {
            return Err(Error::ECONNREFUSED);
        }
        net.try_send_to(handle, data, to)
    }
}
