//! Addresses of the system and of the core.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use rustix::io::Errno;
use rustix::net::SocketAddrAny;
use usocket_core::{Result, SockAddr};

use crate::entry::Entry;

impl Entry {
    pub(crate) fn local_addr(&self) -> Result<SockAddr> {
        self.done(rustix::net::getsockname(&self.fd).and_then(convert))
    }

    pub(crate) fn peer_addr(&self) -> Result<SockAddr> {
        let peer = rustix::net::getpeername(&self.fd);
        self.done(peer.and_then(|peer| peer.ok_or(Errno::NOTCONN)).and_then(convert))
    }

    /// The peer of a stream, also after a reset, when the system has forgotten
    /// it (row 133).
    pub(crate) fn stream_peer(&self) -> Result<SockAddr> {
        let known = *self.peer();
        known.map_or_else(|| self.peer_addr(), Ok)
    }
}

pub(crate) fn convert(address: SocketAddrAny) -> rustix::io::Result<SockAddr> {
    SocketAddr::try_from(address).map(SockAddr::from)
}

/// Where a connect to this address arrives: the wildcard means this host.
pub(crate) fn reached(address: SockAddr) -> SockAddr {
    match address.to_std() {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => {
            SockAddr::new(Ipv4Addr::LOCALHOST.into(), v4.port())
        }
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            SockAddr::new(Ipv6Addr::LOCALHOST.into(), v6.port())
        }
        _ => address,
    }
}
