//! Where a program's network is, as seen from this machine.

use std::net::{Ipv4Addr, SocketAddrV4, TcpListener, UdpSocket};

use usocket::SockAddr;
use usocket::prelude::*;
use usocket_example_apps::http::Url;
use usocket_example_apps::{Kind, Neighbourhood};
use usocket_gateway::{Gateway, HOST, from_host};

use crate::Trouble;

/// How a program and this machine reach each other. On most networks by the same addresses;
/// a stack behind a [`Gateway`] has its own, and its ports are opened here for it.
#[derive(Clone, Copy, Debug)]
pub struct Site<'g> {
    gateway: Option<&'g Gateway>,
    /// Ports that the program picks are opened on this machine by somebody else, a simulated
    /// modem, who cannot if they are taken.
    shares_ports: bool,
}

/// Where a server listens.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// What it binds to.
    pub bind: (Ipv4Addr, u16),
    /// Where this machine finds it, if that is elsewhere.
    outside: Option<SocketAddrV4>,
}

impl Spot {
    /// Where this machine finds what is bound to `local`.
    #[must_use]
    pub fn seen(&self, local: SockAddr) -> SockAddr {
        self.outside.map_or(local, SockAddr::from)
    }
}

impl<'g> Site<'g> {
    /// The program is on this machine's own network.
    pub(crate) const HERE: Site<'static> = Site { gateway: None, shares_ports: false };

    /// The program has a modem that is on this machine's own network.
    pub(crate) const MODEM: Site<'static> = Site { gateway: None, shares_ports: true };

    /// It is behind this gateway.
    pub(crate) fn behind(gateway: &'g Gateway) -> Self {
        Self { gateway: Some(gateway), shares_ports: false }
    }

    /// How the program reaches what is at this address of this machine.
    #[must_use]
    pub fn peer(&self, (ip, port): (Ipv4Addr, u16)) -> (Ipv4Addr, u16) {
        (if self.gateway.is_some() { from_host(ip) } else { ip }, port)
    }

    /// The same for a URL.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let Ok(Url { host, .. }) = Url::parse(url) else { return url.to_owned() };
        let loopback =
            host == "localhost" || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback());
        if self.gateway.is_some() && loopback {
            url.replacen(host, &HOST.to_string(), 1)
        } else {
            url.to_owned()
        }
    }

    /// Where a server binds to be found at this address of this machine.
    ///
    /// # Errors
    /// This machine's port is taken.
    pub fn server(&self, at: (Ipv4Addr, u16), kind: Kind) -> Result<Spot, Trouble> {
        let mut at = SocketAddrV4::new(at.0, at.1);
        let Some(gateway) = self.gateway else {
            if self.shares_ports && at.port() == 0 {
                at.set_port(free_port(kind).map_err(|error| Trouble::of("a free port", error))?);
            }
            return Ok(Spot { bind: (*at.ip(), at.port()), outside: None });
        };
        let forward = || match kind {
            Kind::Tcp => gateway.forward_tcp(at, None),
            Kind::Udp => gateway.forward_udp(at, None),
            Kind::Both => {
                let tcp = gateway.forward_tcp(at, None)?;
                gateway.forward_udp(tcp, None)
            }
        };
        let mut outside = forward();
        // A port that was free for one of the two need not be free for the other.
        for _ in 0..10 {
            if at.port() == 0 && outside.is_err() {
                outside = forward();
            }
        }
        let outside = outside.map_err(|error| Trouble::of(&at.to_string(), error))?;
        Ok(Spot { bind: (Ipv4Addr::UNSPECIFIED, outside.port()), outside: Some(outside) })
    }

    /// Has a multicast group carried that is on this interface of this machine. Which
    /// interface the program then joins it on.
    ///
    /// # Errors
    /// What is wrong with the group or the interface.
    pub fn group(
        &self,
        (group, port): (Ipv4Addr, u16),
        interface: Ipv4Addr,
    ) -> Result<Ipv4Addr, Trouble> {
        let Some(gateway) = self.gateway else { return Ok(interface) };
        let group = SocketAddrV4::new(group, port);
        gateway
            .forward_group(group, interface)
            .map_err(|error| Trouble::of(&group.to_string(), error))?;
        Ok(Ipv4Addr::UNSPECIFIED)
    }
}

/// A port that nobody on this machine has: one that the modem's driver picks may belong to a
/// connection that has just ended here.
fn free_port(kind: Kind) -> std::io::Result<u16> {
    let any = (Ipv4Addr::LOCALHOST, 0);
    if kind == Kind::Udp {
        return Ok(UdpSocket::bind(any)?.local_addr()?.port());
    }
    loop {
        let port = TcpListener::bind(any)?.local_addr()?.port();
        if kind == Kind::Tcp || UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return Ok(port);
        }
    }
}

impl Neighbourhood for Site<'_> {
    fn place(&mut self, kind: Kind) -> usocket::Result<(Ipv4Addr, u16)> {
        let spot = self.server((Ipv4Addr::LOCALHOST, 0), kind);
        spot.map(|spot| spot.bind).map_err(|_| Error::EADDRINUSE)
    }

    fn reach(&self, local: SockAddr) -> SockAddr {
        match self.gateway {
            Some(_) => SocketAddrV4::new(HOST, local.port()).into(),
            None => local,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_elsewhere_behind_a_gateway() {
        let gateway = Gateway::new().unwrap();
        let (here, behind) = (Site::HERE, Site::behind(&gateway));
        for (url, seen) in [
            ("http://127.0.0.1:8000/127.0.0.1", "http://10.0.2.2:8000/127.0.0.1"),
            ("http://localhost/x", "http://10.0.2.2/x"),
            ("http://example.org/x", "http://example.org/x"),
            ("nonsense", "nonsense"),
        ] {
            assert_eq!((here.url(url), behind.url(url)), (url.to_owned(), seen.to_owned()));
        }
        let at = (Ipv4Addr::LOCALHOST, 80);
        assert_eq!((here.peer(at), behind.peer(at)), (at, (HOST, 80)));
    }

    #[test]
    fn a_port_of_the_board_is_a_port_of_this_machine() {
        let gateway = Gateway::new().unwrap();
        let site = Site::behind(&gateway);
        let spot = site.server((Ipv4Addr::LOCALHOST, 0), Kind::Both).unwrap();
        let local = SocketAddrV4::new(spot.bind.0, spot.bind.1);
        assert_eq!(local.ip(), &Ipv4Addr::UNSPECIFIED);
        let seen = SocketAddrV4::new(Ipv4Addr::LOCALHOST, local.port());
        assert_eq!(spot.seen(local.into()), seen.into());
        let taken = site.server((Ipv4Addr::LOCALHOST, local.port()), Kind::Udp);
        assert!(matches!(taken, Err(Trouble::Failed(_))), "{taken:?}");
    }
}
