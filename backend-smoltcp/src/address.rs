//! Between the addresses of the API and those of the stack.

use core::net::{IpAddr, SocketAddrV6};

use smoltcp::iface::Interface;
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};
use usocket_core::{Error, Family, Instant, Result, SockAddr};

/// The number of the one interface, for scope ids (row 47).
pub(crate) const INTERFACE: u32 = 1;

/// `None`: the stack was built without this family.
pub(crate) fn to_stack(ip: IpAddr) -> Option<IpAddress> {
    match ip {
        IpAddr::V4(ip) => Some(IpAddress::Ipv4(ip)),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(ip) => Some(IpAddress::Ipv6(ip)),
        #[cfg(not(feature = "ipv6"))]
        IpAddr::V6(_) => None,
    }
}

pub(crate) fn from_stack(ip: IpAddress) -> IpAddr {
    // With one family only the last arm is never reached.
    match ip {
        IpAddress::Ipv4(ip) => IpAddr::V4(ip),
        #[allow(unreachable_patterns)]
        other => other.into(),
    }
}

/// `address` as a peer of the stack.
pub(crate) fn endpoint(address: SockAddr) -> Option<IpEndpoint> {
    Some(IpEndpoint::new(to_stack(address.ip())?, address.port()))
}

/// `address` as a place where the stack listens; the wildcard is any address.
pub(crate) fn listen_endpoint(address: SockAddr) -> IpListenEndpoint {
    let ip = address.ip();
    let addr = if ip.is_unspecified() { None } else { to_stack(ip) };
    IpListenEndpoint { addr, port: address.port() }
}

/// With the scope of a link-local address (row 49).
pub(crate) fn sock_addr(ip: IpAddr, port: u16) -> SockAddr {
    match ip {
        IpAddr::V6(v6) if v6.is_unicast_link_local() => {
            SockAddr::from(SocketAddrV6::new(v6, port, 0, INTERFACE))
        }
        _ => SockAddr::new(ip, port),
    }
}

/// A link-local address must name our interface (row 47).
pub(crate) fn check_scope(address: SockAddr) -> Result<()> {
    let link_local = matches!(address.ip(), IpAddr::V6(ip) if ip.is_unicast_link_local());
    match (link_local, address.scope_id()) {
        (true, 0) => Err(Error::EINVAL),
        (true, INTERFACE) | (false, _) => Ok(()),
        (true, _) => Err(Error::ENODEV),
    }
}

/// Whether two local addresses cannot both be held.
pub(crate) fn overlap(a: SockAddr, b: SockAddr) -> bool {
    a.port() == b.port()
        && a.family() == b.family()
        && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

/// The time as the stack counts it.
pub(crate) fn stack_time(now: Instant) -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(i64::try_from(now.as_micros()).unwrap_or(i64::MAX))
}

/// A time of the stack; what lies before the clock's origin is the origin.
pub(crate) fn from_stack_time(time: smoltcp::time::Instant) -> Instant {
    Instant::from_micros(u64::try_from(time.total_micros()).unwrap_or(0))
}

pub(crate) fn duration(time: core::time::Duration) -> smoltcp::time::Duration {
    smoltcp::time::Duration::from_micros(u64::try_from(time.as_micros()).unwrap_or(u64::MAX))
}

/// Whether `ip` is an address of the interface.
pub(crate) fn is_local(iface: &Interface, ip: IpAddr) -> bool {
    iface.ip_addrs().iter().any(|cidr| from_stack(cidr.address()) == ip)
}

/// Whether the interface has an address of this family.
pub(crate) fn has_family(iface: &Interface, family: Family) -> bool {
    iface.ip_addrs().iter().any(|cidr| Family::of(from_stack(cidr.address())) == family)
}

/// The length of the best prefix that leads to `ip`; `None` is no route (R13).
pub(crate) fn route(iface: &Interface, ip: IpAddr) -> Option<u8> {
    let to = to_stack(ip)?;
    if is_local(iface, ip) {
        return Some(if ip.is_ipv4() { 32 } else { 128 });
    }
    let own = iface.ip_addrs().iter();
    if let Some(best) = own.filter(|cidr| cidr.contains_addr(&to)).map(|c| c.prefix_len()).max() {
        return Some(best);
    }
    let group = ip.is_multicast() || is_broadcast(iface, ip);
    let through = match ip {
        IpAddr::V4(_) => iface.routes().get_default_ipv4_route().is_some(),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(_) => iface.routes().get_default_ipv6_route().is_some(),
        #[cfg(not(feature = "ipv6"))]
        IpAddr::V6(_) => false,
    };
    ((group || through) && has_family(iface, Family::of(ip))).then_some(0)
}

/// The neighbour to whom what is for `ip` goes.
pub(crate) fn next_hop(iface: &Interface, ip: IpAddr) -> IpAddr {
    let on_link =
        to_stack(ip).is_some_and(|to| iface.ip_addrs().iter().any(|cidr| cidr.contains_addr(&to)));
    if on_link || ip.is_multicast() || is_broadcast(iface, ip) {
        return ip;
    }
    let router = match ip {
        IpAddr::V4(_) => iface.routes().get_default_ipv4_route(),
        #[cfg(feature = "ipv6")]
        IpAddr::V6(_) => iface.routes().get_default_ipv6_route(),
        #[cfg(not(feature = "ipv6"))]
        IpAddr::V6(_) => None,
    };
    router.map_or(ip, |route| from_stack(route.via_router))
}

/// `255.255.255.255`, or the last address of a network of the interface.
pub(crate) fn is_broadcast(iface: &Interface, ip: IpAddr) -> bool {
    let IpAddr::V4(ip) = ip else { return false };
    ip.is_broadcast()
        || iface.ip_addrs().iter().any(|cidr| match cidr {
            smoltcp::wire::IpCidr::Ipv4(cidr) => cidr.broadcast() == Some(ip),
            #[allow(unreachable_patterns)]
            _ => false,
        })
}
