//! Lies about section E.

use usocket_core::spi::{Backend, Handle, RecvFlags, RecvInfo};
use usocket_core::{Error, Family, Result, SockAddr, Socket, ToSockAddr};

use super::{instead, lies};
use crate::cases::addresses;
use crate::{Api, Lie, Tuple};

lies! {
    api OpaqueOnly breaks [39], caught by addresses::ipv4_pairs_are_accepted;
    api ResolvesNames breaks [40], caught by addresses::names_are_refused;
    api EmptyRefused breaks [41], caught by addresses::empty_host_is_the_wildcard;
    backend StaysAtPort0 breaks [42], caught by addresses::port_0_binds_and_is_no_destination;
    api ConnectsToPort0 breaks [42], caught by addresses::port_0_binds_and_is_no_destination;
    api PortsTruncated breaks [43], caught by addresses::ports_out_of_range_are_refused;
    api PairsForIpv6 breaks [45], caught by addresses::ipv6_has_four_parts;
    api AnyFlowinfo breaks [46], caught by addresses::flowinfo_must_be_0;
    api ScopeOptional breaks [47], caught by addresses::link_local_needs_its_interface;
    backend AnyInterface breaks [47], caught by addresses::link_local_needs_its_interface;
    api MismatchInvalid breaks [48], caught by addresses::other_family_is_refused;
    backend MappedSender breaks [49], caught by addresses::received_addresses_go_back;
    backend NoSender breaks [49], caught by addresses::received_addresses_go_back;
}

/// The honest meaning of a tuple.
fn honest(tuple: Tuple<'_>, family: Family) -> Result<SockAddr> {
    match tuple {
        Tuple::V4(text, port) => (text, port).to_sock_addr(family),
        Tuple::V6(text, port, flowinfo, scope) => {
            (text, port, flowinfo, scope).to_sock_addr(family)
        }
    }
}

/// A lie about what a tuple means.
macro_rules! tuples {
    ($($(#[$doc:meta])* $lie:ident { $($tuple:pat $(if $guard:expr)? => $means:expr,)* })*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            fn address(&self, tuple: Tuple<'_>, family: Family) -> Result<SockAddr> {
                match (tuple, family) {
                    $($tuple $(if $guard)? => $means,)*
                    (tuple, family) => honest(tuple, family),
                }
            }
        }
    )*};
}
tuples! {
    /// As the unix port: the opaque form or nothing.
    OpaqueOnly { (Tuple::V4(..), _) => Err(Error::EINVAL), }
    /// As CPython.
    ResolvesNames {
        (Tuple::V4("localhost", port), family) => honest(Tuple::V4("127.0.0.1", port), family),
    }
    EmptyRefused { (Tuple::V4("", _), _) => Err(Error::EINVAL), }
    /// As lwIP: modulo 65,536.
    PortsTruncated {
        (Tuple::V4(text, port), family) => honest(Tuple::V4(text, port & 0xffff), family),
    }
    /// As CPython.
    PairsForIpv6 {
        (Tuple::V4(text, port), Family::V6) => honest(Tuple::V6(text, port, 0, 0), Family::V6),
    }
    /// As CPython.
    AnyFlowinfo {
        (Tuple::V6(text, port, _, scope), family) => {
            honest(Tuple::V6(text, port, 0, scope), family)
        },
    }
    ScopeOptional {
        (Tuple::V6(text, port, 0, 0), family) if text.starts_with("fe80") => {
            honest(Tuple::V6(text, port, 0, 1), family)
        },
    }
}

/// Port 0 is an address like any other.
#[derive(Default)]
struct StaysAtPort0;

impl<B: Backend> Lie<B> for StaysAtPort0 {
    fn local_addr(&self, net: &B, handle: Handle) -> Result<SockAddr> {
        Ok(net.local_addr(handle)?.with_port(0))
    }
}

/// As Linux.
#[derive(Default)]
struct ConnectsToPort0;

impl<B: Backend> Api<B> for ConnectsToPort0 {
    fn connect(&self, socket: &Socket<'_, B>, address: SockAddr) -> Result<()> {
        if address.port() == 0 {
            return Err(Error::ECONNREFUSED);
        }
        socket.connect(address)
    }
}

/// An unknown interface is as good as none.
#[derive(Default)]
struct AnyInterface;

impl<B: Backend> Lie<B> for AnyInterface {
    fn bind(&self, net: &B, handle: Handle, address: SockAddr) -> Result<()> {
        instead(net.bind(handle, address), Error::ENODEV, Ok(()))
    }
}

/// As the unix port for IPv4 sockets.
#[derive(Default)]
struct MismatchInvalid;

impl<B: Backend> Api<B> for MismatchInvalid {
    fn connect(&self, socket: &Socket<'_, B>, address: SockAddr) -> Result<()> {
        instead(socket.connect(address), Error::EAFNOSUPPORT, Err(Error::EINVAL))
    }
}

/// IPv4 senders in IPv6 clothes.
#[derive(Default)]
struct MappedSender;

impl<B: Backend> Lie<B> for MappedSender {
    fn try_recv_info(
        &self,
        net: &B,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<RecvInfo> {
        let info = net.try_recv_info(handle, buf, flags)?;
        let from = match info.from.ip() {
            core::net::IpAddr::V4(ip) => {
                SockAddr::new(ip.to_ipv6_mapped().into(), info.from.port())
            }
            core::net::IpAddr::V6(_) => info.from,
        };
        Ok(RecvInfo { from, ..info })
    }
}

/// `0.0.0.0`, as a modem without `AT+CIPDINFO=1`.
#[derive(Default)]
struct NoSender;

impl<B: Backend> Lie<B> for NoSender {
    fn try_recv_info(
        &self,
        net: &B,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<RecvInfo> {
        let info = net.try_recv_info(handle, buf, flags)?;
        let from = SockAddr::new(info.from.family().unspecified(), 0);
        Ok(RecvInfo { from, ..info })
    }
}
