//! Addresses as the driver keeps them. Without the feature `ipv6` there are none but IPv4's,
//! and an address is 6 bytes long instead of 32: each link and each socket has some.

use core::net::IpAddr;
#[cfg(not(feature = "ipv6"))]
pub(crate) use core::net::Ipv4Addr as Ip;
#[cfg(feature = "ipv6")]
pub(crate) use core::net::{IpAddr as Ip, SocketAddr as Address};

use usocket_core::{Family, SockAddr};

/// An address and a port: aligned, so that a copy is two instructions and not four, and with
/// a byte of which an optional one has the values that a `bool` has not, so that it is no
/// longer.
#[cfg(not(feature = "ipv6"))]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C, align(4))]
pub(crate) struct Address {
    ip: Ip,
    port: u16,
    is_some: bool,
}

#[cfg(not(feature = "ipv6"))]
impl Address {
    pub(crate) fn new(ip: Ip, port: u16) -> Self {
        Self { ip, port, is_some: true }
    }

    pub(crate) fn port(self) -> u16 {
        self.port
    }
}

#[cfg(not(feature = "ipv6"))]
impl From<Address> for SockAddr {
    fn from(address: Address) -> Self {
        core::net::SocketAddrV4::new(address.ip, address.port).into()
    }
}

/// An address of a user's; the wildcard where it is of a family that is not spoken, which no
/// socket has.
pub(crate) fn known(ip: IpAddr) -> Ip {
    #[cfg(feature = "ipv6")]
    return ip;
    #[cfg(not(feature = "ipv6"))]
    match ip {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(_) => Ip::UNSPECIFIED,
    }
}

/// The same with a port.
pub(crate) fn of_user(address: SockAddr) -> Address {
    #[cfg(feature = "ipv6")]
    return address.to_std();
    #[cfg(not(feature = "ipv6"))]
    Address::new(known(address.ip()), address.port())
}

/// Without its port.
pub(crate) fn ip_of(address: Address) -> Ip {
    #[cfg(feature = "ipv6")]
    return address.ip();
    #[cfg(not(feature = "ipv6"))]
    address.ip
}

/// The wildcard of a family.
pub(crate) fn unspecified(family: Family) -> Ip {
    known(family.unspecified())
}

/// The wildcard and port 0.
pub(crate) fn nobody(family: Family) -> Address {
    Address::new(unspecified(family), 0)
}

/// Whether it is an IPv6 address.
pub(crate) fn is_v6(ip: Ip) -> bool {
    #[cfg(feature = "ipv6")]
    return ip.is_ipv6();
    #[cfg(not(feature = "ipv6"))]
    {
        let _ = ip;
        false
    }
}
