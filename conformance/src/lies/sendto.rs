//! Lies about section M: sendto and recvfrom.

use core::cell::Cell;
use core::net::IpAddr;

use usocket_core::spi::{Backend, Handle, RecvFlags, RecvInfo};
use usocket_core::{Error, Result, SockAddr, Socket};

use super::retold::{EMPTY, NOBODY};
use super::{lies, retold};
use crate::cases::sendto;
use crate::{Api, Lie};

lies! {
    backend SendtoDoesNotBind breaks [128], caught by sendto::sendto_binds_and_replies_arrive;
    backend CountsAHeader breaks [128], caught by sendto::sendto_binds_and_replies_arrive;
    backend FirstSenderForEver breaks [129], caught by sendto::recvfrom_names_each_sender;
    backend SendtoDropsEmptyDatagrams breaks [130],
        caught by sendto::an_empty_datagram_makes_the_round;
    backend SendtoIgnoresTheAddress breaks [131], caught by sendto::sendto_leaves_the_default_peer;
    backend SendtoMovesTheDefaultPeer breaks [131],
        caught by sendto::sendto_leaves_the_default_peer;
    api SendtoOnStreamRefused breaks [132], caught by sendto::sendto_on_a_stream_is_send;
    backend StreamsAreAnonymous breaks [133], caught by sendto::recvfrom_on_a_stream_names_the_peer;
    backend AnybodyBroadcasts breaks [134], caught by sendto::broadcast_needs_permission;
    backend NobodyBroadcasts breaks [134], caught by sendto::broadcast_needs_permission;
    backend TooLargeIsMemory breaks [135], caught by sendto::what_sendto_refuses;
    api OtherFamilyIsInvalid breaks [135], caught by sendto::what_sendto_refuses;
    api PortZeroIsDropped breaks [135], caught by sendto::what_sendto_refuses;
    api AddressBeforeClose breaks [135], caught by sendto::what_sendto_refuses;
    backend QuietRecvfromIsEmpty breaks [136], caught by sendto::recvfrom_fails_as_recv_does;
    backend UnconnectedRecvfromWouldBlock breaks [136],
        caught by sendto::recvfrom_fails_as_recv_does;
    backend ClosedPortFailsSendto breaks [137], caught by sendto::a_closed_port_never_fails_sendto;
    backend LeavesFromAnywhere breaks [], caught by sendto::a_datagram_leaves_from_where_it_is_told;
}

retold! {
    backend AnybodyBroadcasts: try_send_to(data, to) { Err(Error::EACCES) => Ok(data.len()) }
    backend TooLargeIsMemory: try_send_to { Err(Error::EMSGSIZE) => Err(Error::ENOMEM) }
    api OtherFamilyIsInvalid: sendto { Err(Error::EAFNOSUPPORT) => Err(Error::EINVAL) }
    backend QuietRecvfromIsEmpty: try_recv_info { Err(Error::EAGAIN) => Ok(EMPTY) }
    backend UnconnectedRecvfromWouldBlock: try_recv_info {
        Err(Error::ENOTCONN) => Err(Error::EAGAIN)
    }
    backend StreamsAreAnonymous: try_recv_info { Ok(info) => Ok(RecvInfo { from: NOBODY, ..info }) }
    backend CountsAHeader: try_send_to { Ok(len) => Ok(len + 8) }
}

#[derive(Default)]
struct SendtoDoesNotBind;

impl<B: Backend> Lie<B> for SendtoDoesNotBind {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        if net.local_addr(handle)?.port() == 0 {
            return Err(Error::EINVAL);
        }
        net.try_send_to(handle, data, to)
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
struct SendtoDropsEmptyDatagrams;

impl<B: Backend> Lie<B> for SendtoDropsEmptyDatagrams {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        if data.is_empty() { Ok(0) } else { net.try_send_to(handle, data, to) }
    }
}

#[derive(Default)]
struct SendtoIgnoresTheAddress;

impl<B: Backend> Lie<B> for SendtoIgnoresTheAddress {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        match net.peer_addr(handle) {
            Ok(_) => net.try_send(handle, data),
            Err(_) => net.try_send_to(handle, data, to),
        }
    }
}

#[derive(Default)]
struct SendtoMovesTheDefaultPeer;

impl<B: Backend> Lie<B> for SendtoMovesTheDefaultPeer {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        net.try_connect(handle, to)?;
        net.try_send(handle, data)
    }
}

#[derive(Default)]
struct SendtoOnStreamRefused;

impl<B: Backend> Api<B> for SendtoOnStreamRefused {
    fn sendto(&self, socket: &Socket<'_, B>, data: &[u8], to: SockAddr) -> Result<usize> {
        socket.peer_addr().map_or_else(|_| socket.sendto(data, to), |_| Err(Error::EISCONN))
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

/// The answer to an earlier datagram fails a later send.
#[derive(Default)]
struct ClosedPortFailsSendto {
    last: Cell<Option<SockAddr>>,
}

impl<B: Backend> Lie<B> for ClosedPortFailsSendto {
    fn try_send_to(&self, net: &B, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        if self.last.replace(Some(to)) == Some(to) {
            return Err(Error::ECONNREFUSED);
        }
        net.try_send_to(handle, data, to)
    }
}

#[derive(Default)]
struct LeavesFromAnywhere;

impl<B: Backend> Lie<B> for LeavesFromAnywhere {
    fn try_send_from(
        &self,
        net: &B,
        handle: Handle,
        data: &[u8],
        _: IpAddr,
        to: SockAddr,
    ) -> Result<usize> {
        net.try_send_to(handle, data, to)
    }
}
