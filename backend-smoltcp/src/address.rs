//! Between the addresses of the API and those of the stack, in which the backend keeps all:
//! they are as short as the families that were built in allow.

use core::net::IpAddr;

use smoltcp::iface::Interface;
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint, Ipv4Address};
use usocket_core::{Error, Family, Result, SockAddr};

/// The number of the one interface, for scope ids (row 47).
pub(crate) const INTERFACE: u32 = 1;

/// `0.0.0.0`.
pub(crate) const UNSPECIFIED: IpAddress = IpAddress::Ipv4(Ipv4Address::UNSPECIFIED);

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
    match ip {
        IpAddress::Ipv4(ip) => IpAddr::V4(ip),
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(ip) => IpAddr::V6(ip),
    }
}

/// An address that a user named. A link-local one must name our interface (row 47).
pub(crate) fn endpoint(address: SockAddr) -> Result<IpEndpoint> {
    let ip = to_stack(address.ip()).ok_or(Error::EAFNOSUPPORT)?;
    if is_link_local(ip) {
        match address.scope_id() {
            INTERFACE => {}
            0 => return Err(Error::EINVAL),
            _ => return Err(Error::ENODEV),
        }
    }
    Ok(IpEndpoint::new(ip, address.port()))
}

/// The same for the user, with the scope of a link-local address (row 49).
pub(crate) fn sock_addr(at: IpEndpoint) -> SockAddr {
    match at.addr {
        IpAddress::Ipv4(ip) => SockAddr::new(ip.into(), at.port),
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(ip) => {
            let scope = if is_link_local(at.addr) { INTERFACE } else { 0 };
            SockAddr::from(core::net::SocketAddrV6::new(ip, at.port, 0, scope))
        }
    }
}

/// An address as a place where the stack listens; the wildcard is any address.
pub(crate) fn listen_endpoint(at: IpEndpoint) -> IpListenEndpoint {
    let addr = if at.addr.is_unspecified() { None } else { Some(at.addr) };
    IpListenEndpoint { addr, port: at.port }
}

pub(crate) fn family(ip: IpAddress) -> Family {
    match ip {
        IpAddress::Ipv4(_) => Family::V4,
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(_) => Family::V6,
    }
}

/// The wildcard of a family.
pub(crate) fn wildcard(family: Family) -> IpAddress {
    match family {
        #[cfg(feature = "ipv6")]
        Family::V6 => IpAddress::Ipv6(core::net::Ipv6Addr::UNSPECIFIED),
        _ => UNSPECIFIED,
    }
}

pub(crate) fn is_link_local(ip: IpAddress) -> bool {
    match ip {
        IpAddress::Ipv4(_) => false,
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(ip) => ip.is_unicast_link_local(),
    }
}

fn is_loopback(ip: IpAddress) -> bool {
    match ip {
        IpAddress::Ipv4(ip) => ip.is_loopback(),
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(ip) => ip.is_loopback(),
    }
}

/// Whether it names this host: the stack has no way to itself.
pub(crate) fn is_own(iface: &Interface, ip: IpAddress) -> bool {
    ip.is_unspecified() || is_loopback(ip) || is_local(iface, ip)
}

#[cfg(any(feature = "server", feature = "udp"))]
/// Whether two local addresses cannot both be held.
pub(crate) fn overlap(a: IpEndpoint, b: IpEndpoint) -> bool {
    a.port == b.port
        && family(a.addr) == family(b.addr)
        && (a.addr == b.addr || a.addr.is_unspecified() || b.addr.is_unspecified())
}

/// Whether `ip` is an address of the interface.
pub(crate) fn is_local(iface: &Interface, ip: IpAddress) -> bool {
    iface.has_ip_addr(ip)
}

/// Whether the interface has an address of this family.
pub(crate) fn has_family(iface: &Interface, of: Family) -> bool {
    iface.ip_addrs().iter().any(|cidr| family(cidr.address()) == of)
}

/// The length of the best prefix that leads to `ip`; `None` is no route (R13).
pub(crate) fn route(iface: &Interface, ip: IpAddress) -> Option<u8> {
    if is_local(iface, ip) {
        return Some(if family(ip) == Family::V4 { 32 } else { 128 });
    }
    let own = iface.ip_addrs().iter();
    if let Some(best) = own.filter(|cidr| cidr.contains_addr(&ip)).map(|c| c.prefix_len()).max() {
        return Some(best);
    }
    let there = is_group(iface, ip) || router(iface, ip).is_some();
    (there && has_family(iface, family(ip))).then_some(0)
}

#[cfg(any(feature = "neighbours", feature = "udp"))]
/// The neighbour to whom what is for `ip` goes.
pub(crate) fn next_hop(iface: &Interface, ip: IpAddress) -> IpAddress {
    let on_link = iface.ip_addrs().iter().any(|cidr| cidr.contains_addr(&ip));
    if on_link || is_group(iface, ip) {
        return ip;
    }
    router(iface, ip).unwrap_or(ip)
}

pub(crate) fn router(iface: &Interface, ip: IpAddress) -> Option<IpAddress> {
    let route = match ip {
        IpAddress::Ipv4(_) => iface.routes().get_default_ipv4_route(),
        #[cfg(feature = "ipv6")]
        IpAddress::Ipv6(_) => iface.routes().get_default_ipv6_route(),
    };
    route.map(|route| route.via_router)
}

/// Whether it is the address of many. Without datagrams nobody sends to all of a network, and its
/// last address is as any that does not answer.
pub(crate) fn is_group(iface: &Interface, ip: IpAddress) -> bool {
    #[cfg(feature = "udp")]
    let all = is_broadcast(iface, ip);
    #[cfg(not(feature = "udp"))]
    let (all, _) = (ip.is_broadcast(), iface);
    all || ip.is_multicast()
}

#[cfg(feature = "udp")]
/// `255.255.255.255`, or the last address of a network of the interface.
pub(crate) fn is_broadcast(iface: &Interface, ip: IpAddress) -> bool {
    ip.is_broadcast()
        || iface.ip_addrs().iter().any(|cidr| match (cidr, ip) {
            (smoltcp::wire::IpCidr::Ipv4(cidr), IpAddress::Ipv4(ip)) => {
                // All that is not the network is ones, and there is room for hosts.
                let network = u32::MAX.unbounded_shl(32 - u32::from(cidr.prefix_len()));
                cidr.contains_addr(&ip)
                    && cidr.prefix_len() < 31
                    && ip.to_bits() | network == u32::MAX
            }
            #[cfg(feature = "ipv6")]
            _ => false,
        })
}
