//! Lies about sections A and B.

use core::cell::RefCell;

use usocket_core::spi::{Backend, Handle, SockType};
use usocket_core::{
    AF_INET, Error, Family, MSG_DONTWAIT, Result, SOCK_STREAM, SockAddr, Socket, Timeout, Usocket,
};

use super::lies;
use crate::cases::module;
use crate::{Api, Asked, Lie};

lies! {
    backend BornBound breaks [1], caught by module::a_new_socket_is_a_fresh_stream;
    backend NoDatagrams breaks [2], caught by module::protocol_follows_the_type;
    backend StreamsOnly breaks [2], caught by module::protocol_follows_the_type;
    api NoProtocolArgument breaks [3], caught by module::matching_protocol_is_accepted;
    api AnyProtocol breaks [4], caught by module::contradicting_protocol_is_refused;
    api AnyFamily breaks [5], caught by module::unknown_family_is_refused;
    api AnyType breaks [6], caught by module::unknown_type_is_refused;
    api TenSeconds breaks [7], caught by module::a_new_socket_waits_for_ever;
    backend FullIsNoBuffers breaks [8], caught by module::slots_run_out_and_come_back;
    backend CloseLeaks breaks [8], caught by module::slots_run_out_and_come_back;
    backend OneLinkForAll breaks [9], caught by module::sockets_are_independent;
    api BsdFamilies breaks [10], caught by module::family_and_type_numbers;
    api NoUdpNumber breaks [11], caught by module::protocol_numbers;
    api LwipOptions breaks [12], caught by module::option_numbers;
    api BsdErrnos breaks [13], caught by module::errnos_are_those_of_linux;
    api PositiveNameErrors breaks [14], caught by module::errors_are_of_one_type;
    api LwipFlags breaks [15], caught by module::receive_flags_are_an_extension;
    api FlagsIgnored breaks [15], caught by module::receive_flags_are_an_extension;
}

#[derive(Default)]
struct BornBound;

impl<B: Backend> Lie<B> for BornBound {
    fn local_addr(&self, net: &B, handle: Handle) -> Result<SockAddr> {
        let address = net.local_addr(handle)?;
        Ok(if address.port() == 0 { address.with_port(1024) } else { address })
    }
}

#[derive(Default)]
struct NoDatagrams;

impl<B: Backend> Lie<B> for NoDatagrams {
    fn open(&self, net: &B, family: Family, kind: SockType) -> Result<Handle> {
        match kind {
            SockType::Stream => net.open(family, kind),
            SockType::Dgram => Err(Error::EPROTONOSUPPORT),
        }
    }
}

/// The literal default IPPROTO_TCP, taken at its word.
#[derive(Default)]
struct StreamsOnly;

impl<B: Backend> Lie<B> for StreamsOnly {
    fn open(&self, net: &B, family: Family, _kind: SockType) -> Result<Handle> {
        net.open(family, SockType::Stream)
    }
}

#[derive(Default)]
struct NoProtocolArgument;

impl<B: Backend> Api<B> for NoProtocolArgument {
    fn socket<'b>(&self, net: &'b B, af: i32, ty: i32, proto: i32) -> Result<Socket<'b, B>> {
        if proto == 0 { net.socket(af, ty) } else { Err(Error::EPROTONOSUPPORT) }
    }
}

#[derive(Default)]
struct AnyProtocol;

impl<B: Backend> Api<B> for AnyProtocol {
    fn socket<'b>(&self, net: &'b B, af: i32, ty: i32, _proto: i32) -> Result<Socket<'b, B>> {
        net.socket(af, ty)
    }
}

#[derive(Default)]
struct AnyFamily;

impl<B: Backend> Api<B> for AnyFamily {
    fn socket<'b>(&self, net: &'b B, _af: i32, ty: i32, proto: i32) -> Result<Socket<'b, B>> {
        net.socket_proto(AF_INET, ty, proto)
    }
}

#[derive(Default)]
struct AnyType;

impl<B: Backend> Api<B> for AnyType {
    fn socket<'b>(&self, net: &'b B, af: i32, _ty: i32, _proto: i32) -> Result<Socket<'b, B>> {
        net.socket(af, SOCK_STREAM)
    }
}

/// What MaixPy does.
#[derive(Default)]
struct TenSeconds;

impl<B: Backend> Api<B> for TenSeconds {
    fn socket<'b>(&self, net: &'b B, af: i32, ty: i32, proto: i32) -> Result<Socket<'b, B>> {
        let socket = net.socket_proto(af, ty, proto)?;
        if socket.timeout() == Timeout::Never {
            socket.settimeout(10)?;
        }
        Ok(socket)
    }
}

#[derive(Default)]
struct FullIsNoBuffers;

impl<B: Backend> Lie<B> for FullIsNoBuffers {
    fn open(&self, net: &B, family: Family, kind: SockType) -> Result<Handle> {
        net.open(family, kind).map_err(|_| Error::ENOBUFS)
    }
}

#[derive(Default)]
struct CloseLeaks;

impl<B: Backend> Lie<B> for CloseLeaks {
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        net.alive(handle)
    }
}

/// MaixPy: `AT+CIPCLOSE`, whichever socket it was.
#[derive(Default)]
struct OneLinkForAll(RefCell<heapless::Vec<Handle, 16>>);

impl<B: Backend> Lie<B> for OneLinkForAll {
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

/// A constant with another number than Linux has.
macro_rules! wrong_number {
    ($($(#[$doc:meta])* $lie:ident($right:literal, $wrong:literal);)*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            fn constant(&self, honest: i32) -> i32 {
                if honest == $right { $wrong } else { honest }
            }
        }
    )*};
}
wrong_number! {
    /// AF_INET6 of macOS.
    BsdFamilies(10, 30);
    NoUdpNumber(17, 0);
    /// IP_ADD_MEMBERSHIP of lwIP.
    LwipOptions(35, 1024);
    /// EAGAIN of macOS.
    BsdErrnos(11, 35);
    /// MSG_PEEK of lwIP.
    LwipFlags(2, 1);
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
struct FlagsIgnored;

impl<B: Backend> Api<B> for FlagsIgnored {
    fn recv_flags(&self, socket: &Socket<'_, B>, buf: &mut [u8], flags: i32) -> Result<usize> {
        socket.recv_flags(buf, flags & MSG_DONTWAIT)
    }
}
