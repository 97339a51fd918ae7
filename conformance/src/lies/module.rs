//! Lies about sections A and B: sockets and constants.

use core::cell::RefCell;

use usocket_core::spi::{Backend, Handle, SockType};
use usocket_core::{
    AF_INET, Error, Family, MSG_DONTWAIT, Result, SOCK_STREAM, Socket, Timeout, Usocket,
};

use super::{lies, retold};
use crate::cases::module;
use crate::{Api, Asked, Lie};

lies! {
    backend FreshSocketIsBound breaks [1], caught by module::a_new_socket_is_a_fresh_stream;
    backend DatagramSocketsRefused breaks [2], caught by module::protocol_follows_the_type;
    backend DatagramSocketsAreStreams breaks [2], caught by module::protocol_follows_the_type;
    api MatchingProtocolRefused breaks [3], caught by module::matching_protocol_is_accepted;
    api AnyProtocolAccepted breaks [4], caught by module::contradicting_protocol_is_refused;
    api AnyFamilyAccepted breaks [5], caught by module::unknown_family_is_refused;
    api AnyTypeAccepted breaks [6], caught by module::unknown_type_is_refused;
    api DefaultTimeoutIsTenSeconds breaks [7], caught by module::a_new_socket_waits_for_ever;
    backend NoSlotIsNoBuffers breaks [8], caught by module::slots_run_out_and_come_back;
    backend CloseLeaksTheSlot breaks [8], caught by module::slots_run_out_and_come_back;
    backend CloseEndsAllSockets breaks [9], caught by module::sockets_are_independent;
    api FamilyNumbersOfBsd breaks [10], caught by module::family_and_type_numbers;
    api UdpNumberIsZero breaks [11], caught by module::protocol_numbers;
    api OptionNumbersOfLwip breaks [12], caught by module::option_numbers;
    api ErrnosOfBsd breaks [13], caught by module::errnos_are_those_of_linux;
    api PositiveNameErrors breaks [14], caught by module::errors_are_of_one_type;
    api FlagNumbersOfLwip breaks [15], caught by module::receive_flags_are_an_extension;
    api PeekFlagIgnored breaks [15], caught by module::receive_flags_are_an_extension;
}

retold! {
    /// AF_INET6 of macOS.
    api FamilyNumbersOfBsd: constant { 10 => 30 }
    api UdpNumberIsZero: constant { 17 => 0 }
    /// IP_ADD_MEMBERSHIP of lwIP.
    api OptionNumbersOfLwip: constant { 35 => 1024 }
    /// EAGAIN of macOS.
    api ErrnosOfBsd: constant { 11 => 35 }
    /// MSG_PEEK of lwIP.
    api FlagNumbersOfLwip: constant { 2 => 1 }
    backend FreshSocketIsBound: local_addr { Ok(own) if own.port() == 0 => Ok(own.with_port(1024)) }
}

#[derive(Default)]
struct DatagramSocketsRefused;

impl<B: Backend> Lie<B> for DatagramSocketsRefused {
    fn open(&self, net: &B, family: Family, kind: SockType) -> Result<Handle> {
        match kind {
            SockType::Stream => net.open(family, kind),
            SockType::Dgram => Err(Error::EPROTONOSUPPORT),
        }
    }
}

/// The literal default IPPROTO_TCP, taken at its word.
#[derive(Default)]
struct DatagramSocketsAreStreams;

impl<B: Backend> Lie<B> for DatagramSocketsAreStreams {
    fn open(&self, net: &B, family: Family, _kind: SockType) -> Result<Handle> {
        net.open(family, SockType::Stream)
    }
}

#[derive(Default)]
struct MatchingProtocolRefused;

impl<B: Backend> Api<B> for MatchingProtocolRefused {
    fn socket<'b>(&self, net: &'b B, af: i32, ty: i32, proto: i32) -> Result<Socket<'b, B>> {
        if proto == 0 { net.socket(af, ty) } else { Err(Error::EPROTONOSUPPORT) }
    }
}

#[derive(Default)]
struct AnyProtocolAccepted;

impl<B: Backend> Api<B> for AnyProtocolAccepted {
    fn socket<'b>(&self, net: &'b B, af: i32, ty: i32, _proto: i32) -> Result<Socket<'b, B>> {
        net.socket(af, ty)
    }
}

#[derive(Default)]
struct AnyFamilyAccepted;

impl<B: Backend> Api<B> for AnyFamilyAccepted {
    fn socket<'b>(&self, net: &'b B, _af: i32, ty: i32, proto: i32) -> Result<Socket<'b, B>> {
        net.socket_proto(AF_INET, ty, proto)
    }
}

#[derive(Default)]
struct AnyTypeAccepted;

impl<B: Backend> Api<B> for AnyTypeAccepted {
    fn socket<'b>(&self, net: &'b B, af: i32, _ty: i32, _proto: i32) -> Result<Socket<'b, B>> {
        net.socket(af, SOCK_STREAM)
    }
}

/// What MaixPy does.
#[derive(Default)]
struct DefaultTimeoutIsTenSeconds;

impl<B: Backend> Api<B> for DefaultTimeoutIsTenSeconds {
    fn socket<'b>(&self, net: &'b B, af: i32, ty: i32, proto: i32) -> Result<Socket<'b, B>> {
        let socket = net.socket_proto(af, ty, proto)?;
        if socket.timeout() == Timeout::Never {
            socket.settimeout(10)?;
        }
        Ok(socket)
    }
}

#[derive(Default)]
struct NoSlotIsNoBuffers;

impl<B: Backend> Lie<B> for NoSlotIsNoBuffers {
    fn open(&self, net: &B, family: Family, kind: SockType) -> Result<Handle> {
        net.open(family, kind).map_err(|_| Error::ENOBUFS)
    }
}

#[derive(Default)]
struct CloseLeaksTheSlot;

impl<B: Backend> Lie<B> for CloseLeaksTheSlot {
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        net.alive(handle)
    }
}

/// MaixPy: `AT+CIPCLOSE`, whichever socket it was.
#[derive(Default)]
struct CloseEndsAllSockets(RefCell<heapless::Vec<Handle, 16>>);

impl<B: Backend> Lie<B> for CloseEndsAllSockets {
    fn open(&self, net: &B, family: Family, kind: SockType) -> Result<Handle> {
        let handle = net.open(family, kind)?;
        let _ = self.0.borrow_mut().push(handle);
        Ok(handle)
    }

    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        for other in self.0.borrow().iter().filter(|&&other| other != handle) {
            let _ = net.shutdown(*other, usocket_core::spi::Shutdown::Both);
        }
        net.close(handle)
    }
}

/// MaixPy: every failure of getaddrinfo is +22.
#[derive(Default)]
struct PositiveNameErrors;

impl<B: Backend> Api<B> for PositiveNameErrors {
    fn getaddrinfo(&self, net: &B, asked: Asked<'_>) -> Result<usocket_core::AddrInfoList> {
        net.getaddrinfo(asked.host, asked.port, asked.hints).map_err(|_| Error::EINVAL)
    }
}

#[derive(Default)]
struct PeekFlagIgnored;

impl<B: Backend> Api<B> for PeekFlagIgnored {
    fn recv_flags(&self, socket: &Socket<'_, B>, buf: &mut [u8], flags: i32) -> Result<usize> {
        socket.recv_flags(buf, flags & MSG_DONTWAIT)
    }
}
