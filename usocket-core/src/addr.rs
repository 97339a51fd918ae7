//! Socket addresses: the opaque form, and the tuples of the reference text.

use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use crate::{AF_INET, AF_INET6, Error, Result};

/// IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// [`AF_INET`].
    V4 = AF_INET as isize,
    /// [`AF_INET6`].
    V6 = AF_INET6 as isize,
}

impl Family {
    /// The constant of the reference text.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32
    }

    /// The family with this number; `EAFNOSUPPORT` for any other (row 5).
    pub const fn from_number(af: i32) -> Result<Self> {
        match af {
            AF_INET => Ok(Family::V4),
            AF_INET6 => Ok(Family::V6),
            _ => Err(Error::EAFNOSUPPORT),
        }
    }

    /// The family of an address.
    #[must_use]
    pub const fn of(ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// The wildcard address, `0.0.0.0` or `::`.
    #[must_use]
    pub const fn unspecified(self) -> IpAddr {
        match self {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        }
    }
}

/// A socket address: what `getaddrinfo` returns and what `bind`, `connect` and
/// `sendto` take (row 30).
///
/// Opaque, comparable and `Copy`. It converts from and into the address types
/// of `core::net`.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SockAddr(SocketAddr);

impl SockAddr {
    /// The address `ip` and `port`, with no scope.
    #[must_use]
    pub const fn new(ip: IpAddr, port: u16) -> Self {
        Self(SocketAddr::new(ip, port))
    }

    /// The IP address.
    #[must_use]
    pub const fn ip(&self) -> IpAddr {
        self.0.ip()
    }

    /// The port, 0 to 65535.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.0.port()
    }

    /// The family.
    #[must_use]
    pub const fn family(&self) -> Family {
        Family::of(self.0.ip())
    }

    /// The interface of a link-local IPv6 address; 0 otherwise.
    #[must_use]
    pub const fn scope_id(&self) -> u32 {
        match self.0 {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(v6) => v6.scope_id(),
        }
    }

    /// The same address with another port.
    #[must_use]
    pub fn with_port(self, port: u16) -> Self {
        let mut address = self.0;
        address.set_port(port);
        Self(address)
    }

    /// As the standard library's type.
    #[must_use]
    pub const fn to_std(self) -> SocketAddr {
        self.0
    }

    /// Checks what every call asks of an address it is given: flowinfo is 0
    /// (row 46), a link-local IPv6 address names its interface (row 47).
    fn checked(self) -> Result<Self> {
        if let SocketAddr::V6(v6) = self.0
            && (v6.flowinfo() != 0 || (v6.ip().is_unicast_link_local() && v6.scope_id() == 0))
        {
            return Err(Error::EINVAL);
        }
        Ok(self)
    }
}

impl From<SocketAddr> for SockAddr {
    fn from(address: SocketAddr) -> Self {
        Self(address)
    }
}

impl From<SocketAddrV4> for SockAddr {
    fn from(address: SocketAddrV4) -> Self {
        Self(address.into())
    }
}

impl From<SocketAddrV6> for SockAddr {
    fn from(address: SocketAddrV6) -> Self {
        Self(address.into())
    }
}

impl From<SockAddr> for SocketAddr {
    fn from(address: SockAddr) -> Self {
        address.0
    }
}

impl fmt::Display for SockAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for SockAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What `bind`, `connect` and `sendto` accept as an address.
///
/// - [`SockAddr`] and the types of `core::net`;
/// - `(ip, port)` with an [`IpAddr`], [`Ipv4Addr`] or [`Ipv6Addr`];
/// - the IPv4 tuple of the reference text, `("192.168.0.183", 3456)`;
/// - its IPv6 tuple, `("2001:db8::1", 80, 0, 0)`: text, port, flowinfo, scope id.
///
/// The text is an address, never a name: a name is `EINVAL` (row 40). An empty
/// text is the wildcard address (row 41). A port is any integer; one outside
/// 0 to 65535 is `EINVAL` (row 43). Two parts with an IPv6 text, or with an empty one,
/// on an IPv6 socket are `EINVAL` (row 45); any other mismatch of families is
/// `EAFNOSUPPORT` (row 48).
pub trait ToSockAddr {
    /// The address for a socket of this family.
    fn to_sock_addr(&self, family: Family) -> Result<SockAddr>;
}

impl<A: ToSockAddr + ?Sized> ToSockAddr for &A {
    fn to_sock_addr(&self, family: Family) -> Result<SockAddr> {
        (**self).to_sock_addr(family)
    }
}

impl ToSockAddr for SockAddr {
    fn to_sock_addr(&self, family: Family) -> Result<SockAddr> {
        if self.family() == family { self.checked() } else { Err(Error::EAFNOSUPPORT) }
    }
}

macro_rules! through_sock_addr {
    ($($address:ty),*) => {$(
        impl ToSockAddr for $address {
            fn to_sock_addr(&self, family: Family) -> Result<SockAddr> {
                SockAddr::from(*self).to_sock_addr(family)
            }
        }
    )*};
}
through_sock_addr!(SocketAddr, SocketAddrV4, SocketAddrV6);

macro_rules! ip_and_port {
    ($($ip:ty),*) => {$(
        impl<P: TryInto<u16> + Copy> ToSockAddr for ($ip, P) {
            fn to_sock_addr(&self, family: Family) -> Result<SockAddr> {
                SockAddr::new(self.0.into(), port(self.1)?).to_sock_addr(family)
            }
        }
    )*};
}
ip_and_port!(IpAddr, Ipv4Addr, Ipv6Addr);

impl<P: TryInto<u16> + Copy> ToSockAddr for (&str, P) {
    fn to_sock_addr(&self, family: Family) -> Result<SockAddr> {
        let port = port(self.1)?;
        let ip = match (self.0, family) {
            ("", Family::V4) => Ipv4Addr::UNSPECIFIED,
            (text, Family::V4) => text.parse().map_err(|_| match text.parse::<Ipv6Addr>() {
                Ok(_) => Error::EAFNOSUPPORT,
                Err(_) => Error::EINVAL,
            })?,
            (text, Family::V6) => {
                return Err(match text.parse::<Ipv4Addr>() {
                    Ok(_) => Error::EAFNOSUPPORT,
                    Err(_) => Error::EINVAL,
                });
            }
        };
        Ok(SockAddr::new(ip.into(), port))
    }
}

impl<P: TryInto<u16> + Copy> ToSockAddr for (&str, P, u32, u32) {
    fn to_sock_addr(&self, family: Family) -> Result<SockAddr> {
        let &(text, number, flowinfo, scope_id) = self;
        let port = port(number)?;
        if family == Family::V4 {
            return Err(Error::EAFNOSUPPORT);
        }
        let ip = match text {
            "" => Ipv6Addr::UNSPECIFIED,
            _ => text.parse().map_err(|_| Error::EINVAL)?,
        };
        SockAddr::from(SocketAddrV6::new(ip, port, flowinfo, scope_id)).checked()
    }
}

fn port<P: TryInto<u16>>(number: P) -> Result<u16> {
    number.try_into().map_err(|_| Error::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v4<A: ToSockAddr>(address: A) -> Result<SockAddr> {
        address.to_sock_addr(Family::V4)
    }

    fn v6<A: ToSockAddr>(address: A) -> Result<SockAddr> {
        address.to_sock_addr(Family::V6)
    }

    #[test]
    fn ipv4_forms() {
        let want = SockAddr::new(Ipv4Addr::new(1, 2, 3, 4).into(), 80);
        assert_eq!(v4(("1.2.3.4", 80)), Ok(want));
        assert_eq!(v4(("1.2.3.4", 80u8)), Ok(want));
        assert_eq!(v4((Ipv4Addr::new(1, 2, 3, 4), 80u16)), Ok(want));
        assert_eq!(v4(want.to_std()), Ok(want));
        assert_eq!(v4(("", 0)).map(|a| a.ip()), Ok(Family::V4.unspecified()));
    }

    #[test]
    fn ipv4_refusals() {
        for host in ["localhost", "256.1.1.1", "1.2.3", " 1.2.3.4"] {
            assert_eq!(v4((host, 80)), Err(Error::EINVAL), "{host}");
        }
        for port in [-1, 65_536, i32::MAX] {
            assert_eq!(v4(("1.2.3.4", port)), Err(Error::EINVAL), "{port}");
        }
        assert_eq!(v4(("::1", 80)), Err(Error::EAFNOSUPPORT));
        assert_eq!(v4(("::1", 80, 0, 0)), Err(Error::EAFNOSUPPORT));
    }

    #[test]
    fn ipv6_forms_and_refusals() {
        assert!(v6(("::1", 80, 0, 0)).is_ok());
        assert_eq!(v6(("", 80, 0, 0)).map(|a| a.ip()), Ok(Family::V6.unspecified()));
        assert_eq!(v6(("::1", 80)), Err(Error::EINVAL));
        assert_eq!(v6(("1.2.3.4", 80)), Err(Error::EAFNOSUPPORT));
        assert_eq!(v6(("::1", 80, 1, 0)), Err(Error::EINVAL));
        assert_eq!(v6(("fe80::1", 80, 0, 0)), Err(Error::EINVAL));
        assert_eq!(v6(("fe80::1", 80, 0, 3)).map(|a| a.scope_id()), Ok(3));
        assert_eq!(v6(("example.org", 80, 0, 0)), Err(Error::EINVAL));
        assert_eq!(v6(SockAddr::new(Ipv4Addr::LOCALHOST.into(), 1)), Err(Error::EAFNOSUPPORT));
    }
}
