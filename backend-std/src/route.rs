//! Which addresses are ours and how well others are reached (R13).
//!
//! Asked of the system by trying: a datagram socket is bound or connected,
//! which sends nothing.

use std::net::{IpAddr, SocketAddr};

use usocket_core::Family;
use usocket_core::spi::SockType;

use crate::sys;

/// Any port but 0; nothing is sent to it.
const DISCARD: u16 = 9;

pub(crate) fn is_ours(ip: IpAddr) -> bool {
    if ip.is_unspecified() || ip.is_multicast() {
        return false;
    }
    let Ok(probe) = sys::open(Family::of(ip), SockType::Dgram) else { return false };
    let bound = rustix::net::bind(&probe, &SocketAddr::new(ip, 0)).is_ok();
    // Linux binds to broadcast addresses too, but connects to none.
    bound && rustix::net::connect(&probe, &SocketAddr::new(ip, DISCARD)).is_ok()
}

/// The prefix of the best route: that of the address itself if it is ours, of
/// the interface's network if it is on one, 0 for what lies behind a gateway.
pub(crate) fn prefix(ip: IpAddr) -> Option<u8> {
    let probe = sys::open(Family::of(ip), SockType::Dgram).ok()?;
    rustix::net::connect(&probe, &SocketAddr::new(ip, DISCARD)).ok()?;
    if is_ours(ip) {
        return Some(if ip.is_ipv4() { 32 } else { 128 });
    }
    Some(on_link(ip).unwrap_or(0))
}

#[cfg(target_os = "linux")]
fn on_link(ip: IpAddr) -> Option<u8> {
    let interfaces = nix::ifaddrs::getifaddrs().ok()?;
    let prefixes = interfaces.filter_map(|interface| {
        let own = address(interface.address.as_ref()?)?;
        let mask = address(interface.netmask.as_ref()?)?;
        let length = match (ip, own, mask) {
            (IpAddr::V4(ip), IpAddr::V4(own), IpAddr::V4(mask)) => {
                let mask = mask.to_bits();
                (ip.to_bits() & mask == own.to_bits() & mask).then(|| mask.leading_ones())
            }
            (IpAddr::V6(ip), IpAddr::V6(own), IpAddr::V6(mask)) => {
                let mask = mask.to_bits();
                (ip.to_bits() & mask == own.to_bits() & mask).then(|| mask.leading_ones())
            }
            _ => None,
        }?;
        u8::try_from(length).ok()
    });
    prefixes.max()
}

#[cfg(target_os = "linux")]
fn address(storage: &nix::sys::socket::SockaddrStorage) -> Option<IpAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(v4.ip().into());
    }
    storage.as_sockaddr_in6().map(|v6| v6.ip().into())
}

#[cfg(not(target_os = "linux"))]
fn on_link(_: IpAddr) -> Option<u8> {
    None
}

/// Whether there is an interface of this name.
pub(crate) fn has_device(name: &str) -> bool {
    #[cfg(target_os = "linux")]
    return nix::net::if_::if_nametoindex(name).is_ok();
    #[cfg(not(target_os = "linux"))]
    {
        let _ = name;
        false
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn the_loopback_is_ours() {
        assert!(is_ours(Ipv4Addr::LOCALHOST.into()));
        assert_eq!(prefix(Ipv4Addr::LOCALHOST.into()), Some(32));
        for other in ["0.0.0.0", "224.0.0.1", "192.0.2.1"] {
            assert!(!is_ours(other.parse().unwrap()), "{other}");
        }
        assert_eq!(has_device("lo"), cfg!(target_os = "linux"));
        assert!(!has_device("no-such-device"));
    }
}
