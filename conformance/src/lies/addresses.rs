//! Lies about section E: address arguments.

use core::net::IpAddr;

use usocket_core::spi::{Backend, RecvInfo};
use usocket_core::{Error, Family, Result, SockAddr, Socket, ToSockAddr};

use super::retold::NOBODY;
use super::{lies, retold};
use crate::cases::addresses;
use crate::{Api, Tuple};

lies! {
    api PairsRefused breaks [39], caught by addresses::ipv4_pairs_are_accepted;
    api NamesAreResolved breaks [40], caught by addresses::names_are_refused;
    api EmptyHostRefused breaks [41], caught by addresses::empty_host_is_the_wildcard;
    backend StaysAtPort0 breaks [42], caught by addresses::port_0_binds_and_is_no_destination;
    api ConnectsToPort0 breaks [42], caught by addresses::port_0_binds_and_is_no_destination;
    api PortsTruncated breaks [43], caught by addresses::ports_out_of_range_are_refused;
    api PairsAcceptedForIpv6 breaks [45], caught by addresses::ipv6_has_four_parts;
    api AnyFlowinfoAccepted breaks [46], caught by addresses::flowinfo_must_be_0;
    api LinkLocalWithoutScope breaks [47], caught by addresses::link_local_needs_its_interface;
    backend UnknownScopeAccepted breaks [47], caught by addresses::link_local_needs_its_interface;
    api MismatchedFamilyIsInvalid breaks [48], caught by addresses::other_family_is_refused;
    backend SenderIsMappedToIpv6 breaks [49], caught by addresses::received_addresses_go_back;
    backend SenderIsUnknown breaks [49], caught by addresses::received_addresses_go_back;
}

retold! {
    /// An unknown interface is as good as none.
    backend UnknownScopeAccepted: bind { Err(Error::ENODEV) => Ok(()) }
    /// As the unix port for IPv4 sockets.
    api MismatchedFamilyIsInvalid: connect { Err(Error::EAFNOSUPPORT) => Err(Error::EINVAL) }
    /// Port 0 is an address like any other.
    backend StaysAtPort0: local_addr { Ok(own) => Ok(own.with_port(0)) }
    /// `0.0.0.0`, as a modem without `AT+CIPDINFO=1`.
    backend SenderIsUnknown: try_recv_info { Ok(info) => Ok(RecvInfo { from: NOBODY, ..info }) }
    /// IPv4 senders in IPv6 clothes.
    backend SenderIsMappedToIpv6: try_recv_info {
        Ok(info) => Ok(RecvInfo { from: mapped(info.from), ..info })
    }
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
    PairsRefused { (Tuple::V4(..), _) => Err(Error::EINVAL), }
    /// As CPython.
    NamesAreResolved {
        (Tuple::V4("localhost", port), family) => honest(Tuple::V4("127.0.0.1", port), family),
    }
    EmptyHostRefused { (Tuple::V4("", _), _) => Err(Error::EINVAL), }
    /// As lwIP: modulo 65,536.
    PortsTruncated {
        (Tuple::V4(text, port), family) => honest(Tuple::V4(text, port & 0xffff), family),
    }
    /// As CPython.
    PairsAcceptedForIpv6 {
        (Tuple::V4(text, port), Family::V6) => honest(Tuple::V6(text, port, 0, 0), Family::V6),
    }
    /// As CPython.
    AnyFlowinfoAccepted {
        (Tuple::V6(text, port, _, scope), family) => {
            honest(Tuple::V6(text, port, 0, scope), family)
        },
    }
    LinkLocalWithoutScope {
        (Tuple::V6(text, port, 0, 0), family) if text.starts_with("fe80") => {
            honest(Tuple::V6(text, port, 0, 1), family)
        },
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

/// An IPv4 address in IPv6 clothes.
fn mapped(address: SockAddr) -> SockAddr {
    match address.ip() {
        IpAddr::V4(ip) => SockAddr::new(ip.to_ipv6_mapped().into(), address.port()),
        IpAddr::V6(_) => address,
    }
}
