//! Addresses and the link: what was configured, what DHCP says, and what becomes of the
//! sockets when either goes.

#[cfg(feature = "dns")]
use core::net::IpAddr;

use heapless::Vec;
#[cfg(feature = "dhcp")]
use smoltcp::iface::SocketHandle;
#[cfg(feature = "dhcp")]
use smoltcp::socket::dhcpv4;
#[cfg(any(feature = "dhcp", feature = "slaac", all(feature = "ipv6", feature = "ethernet")))]
use smoltcp::wire::IpCidr;
#[cfg(feature = "dhcp")]
use smoltcp::wire::{Ipv4Address, Ipv4Cidr};
use usocket_core::Error;

use crate::address::is_local;
#[cfg(any(feature = "dhcp", feature = "slaac"))]
use crate::config::ADDRESSES;
use crate::config::Config;
#[cfg(feature = "dns")]
use crate::config::SERVERS;
use crate::pairs::Owner;
use crate::state::State;

/// What was configured, and by whom.
#[cfg(any(feature = "dns", feature = "dhcp", feature = "slaac"))]
pub(crate) struct Setup {
    /// The name servers, those of DHCP first.
    #[cfg(feature = "dns")]
    pub(crate) servers: Vec<IpAddr, { 2 * SERVERS }>,
    #[cfg(feature = "dns")]
    fixed_servers: Vec<IpAddr, SERVERS>,
    #[cfg(all(feature = "dns", feature = "dhcp"))]
    leased_servers: Vec<Ipv4Address, SERVERS>,
    /// The router configured by hand, and that of DHCP, which goes first.
    #[cfg(feature = "dhcp")]
    routers: [Option<Ipv4Address>; 2],
    #[cfg(any(feature = "dhcp", feature = "slaac"))]
    /// The addresses configured by hand.
    fixed: Vec<IpCidr, ADDRESSES>,
    #[cfg(feature = "dhcp")]
    dhcp: Option<SocketHandle>,
    /// The address that DHCP gave.
    #[cfg(feature = "dhcp")]
    leased: Option<Ipv4Cidr>,
}

#[cfg(any(feature = "dns", feature = "dhcp", feature = "slaac"))]
impl Setup {
    pub(crate) const fn new() -> Self {
        Self {
            #[cfg(feature = "dns")]
            servers: Vec::new(),
            #[cfg(feature = "dns")]
            fixed_servers: Vec::new(),
            #[cfg(all(feature = "dns", feature = "dhcp"))]
            leased_servers: Vec::new(),
            #[cfg(feature = "dhcp")]
            routers: [None; 2],
            #[cfg(any(feature = "dhcp", feature = "slaac"))]
            fixed: Vec::new(),
            #[cfg(feature = "dhcp")]
            dhcp: None,
            #[cfg(feature = "dhcp")]
            leased: None,
        }
    }
}

impl State<'_> {
    /// Sets what is configured by hand, in place of what was.
    pub(crate) fn reconfigure(&mut self, config: &Config) {
        #[cfg(any(feature = "dhcp", feature = "slaac"))]
        {
            let old = core::mem::take(&mut self.setup.fixed);
            self.iface.update_ip_addrs(|own| own.retain(|cidr| !old.contains(cidr)));
        }
        #[cfg(not(any(feature = "dhcp", feature = "slaac")))]
        self.iface.update_ip_addrs(Vec::clear);
        self.iface.routes_mut().remove_default_ipv4_route();
        #[cfg(feature = "ipv6")]
        self.iface.routes_mut().remove_default_ipv6_route();
        #[cfg(not(any(feature = "dhcp", feature = "ipv6")))]
        {
            self.routed = config.gateway_v4.is_some();
        }
        self.configure(config);
        self.note_addresses();
    }

    /// The first configuration.
    pub(crate) fn configure(&mut self, config: &Config) {
        #[cfg(any(feature = "dhcp", feature = "slaac"))]
        {
            self.setup.fixed = config.addresses.clone();
        }
        #[cfg(feature = "dns")]
        {
            self.setup.fixed_servers = config.servers.clone();
            self.use_servers();
        }
        self.iface.update_ip_addrs(|own| {
            // The stack holds eight, a configuration four.
            own.extend(config.addresses.iter().copied().take(own.capacity() - own.len()));
            #[cfg(all(feature = "ipv6", feature = "ethernet"))]
            if let smoltcp::wire::HardwareAddress::Ethernet(address) = config.hardware {
                let own_link = IpCidr::new(link_local(address.0).into(), 64);
                if !own.contains(&own_link) {
                    let _ = own.push(own_link);
                }
            }
        });
        #[cfg(feature = "dhcp")]
        {
            self.setup.routers[0] = config.gateway_v4;
            self.use_router_v4();
        }
        #[cfg(not(feature = "dhcp"))]
        if let Some(gateway) = config.gateway_v4 {
            let _ = self.iface.routes_mut().add_default_ipv4_route(gateway);
        }
        #[cfg(feature = "ipv6")]
        if let Some(gateway) = config.gateway_v6 {
            let _ = self.iface.routes_mut().add_default_ipv6_route(gateway);
        }
        #[cfg(feature = "slaac")]
        {
            self.use_router();
            if config.slaac && !self.routers.is_on() {
                self.listen_to_routers(true);
            }
        }
        #[cfg(feature = "dhcp")]
        if config.dhcp && self.setup.dhcp.is_none() {
            self.setup.dhcp = Some(self.set.add(dhcpv4::Socket::new()));
        }
    }

    #[cfg(any(feature = "dhcp", feature = "slaac"))]
    /// Follows what DHCP and router advertisements say.
    pub(crate) fn follow_setup(&mut self) {
        #[cfg(feature = "dhcp")]
        self.follow_dhcp();
        #[cfg(feature = "slaac")]
        self.expire_routers();
        let own = self.iface.ip_addrs().iter().map(|cidr| cidr.address());
        if !own.eq(self.own.iter().copied()) {
            self.note_addresses();
        }
    }

    /// Ends the connections whose address is gone, before the stack does: it would throw
    /// away what they have received (R1).
    fn note_addresses(&mut self) {
        #[cfg(any(feature = "server", feature = "dhcp", feature = "slaac"))]
        self.note_own();
        for index in 0..self.pairs.len() {
            let pair = &self.pairs[index];
            if !pair.is_free() && !is_local(&self.iface, pair.local.addr) {
                self.cut(index, Error::ENETUNREACH);
            }
        }
        self.change();
    }

    #[cfg(any(feature = "server", feature = "dhcp", feature = "slaac"))]
    pub(crate) fn note_own(&mut self) {
        self.own = self.iface.ip_addrs().iter().map(|cidr| cidr.address()).collect();
    }

    /// Ends one connection: no segment can tell the peer.
    fn cut(&mut self, index: usize, error: Error) {
        let pair = &mut self.pairs[index];
        match pair.owner {
            Owner::Free => {}
            Owner::Socket(handle) => self.lose(index, handle, error),
            Owner::Pending(..) | Owner::Closing(_) | Owner::Resetting(_) => {
                pair.free(&mut self.set);
            }
        }
    }

    /// The link came or went. When it goes, its streams are told at once; their peers
    /// notice nothing (R24).
    pub(crate) fn set_link(&mut self, up: bool) {
        if self.up == up {
            return;
        }
        self.up = up;
        if !up {
            for index in 0..self.pairs.len() {
                self.cut(index, Error::ENETDOWN);
            }
            #[cfg(feature = "server")]
            self.parking.forget(|_| true);
        }
        #[cfg(feature = "slaac")]
        if up {
            self.routers.begin(self.now);
        }
        #[cfg(feature = "dhcp")]
        if let Some(dhcp) = self.setup.dhcp
            && up
        {
            // Maybe another network.
            self.set.get_mut::<dhcpv4::Socket<'_>>(dhcp).reset();
        }
        self.change();
    }

    #[cfg(feature = "dhcp")]
    fn follow_dhcp(&mut self) {
        let Some(dhcp) = self.setup.dhcp else { return };
        let event = self.set.get_mut::<dhcpv4::Socket<'_>>(dhcp).poll();
        match event {
            None => {}
            Some(dhcpv4::Event::Deconfigured) => self.lease(None, None, &[]),
            Some(dhcpv4::Event::Configured(config)) => {
                let (address, router) = (config.address, config.router);
                #[cfg(feature = "dns")]
                let servers: Vec<Ipv4Address, SERVERS> =
                    config.dns_servers.iter().take(SERVERS).copied().collect();
                #[cfg(not(feature = "dns"))]
                let servers = [];
                self.lease(Some(address), router, &servers);
            }
        }
    }

    #[cfg(feature = "dhcp")]
    fn lease(
        &mut self,
        address: Option<Ipv4Cidr>,
        router: Option<Ipv4Address>,
        servers: &[Ipv4Address],
    ) {
        let old = core::mem::replace(&mut self.setup.leased, address).map(IpCidr::Ipv4);
        let new = address.filter(|cidr| is_unicast(cidr.address())).map(IpCidr::Ipv4);
        if old != new {
            self.iface.update_ip_addrs(|own| {
                own.retain(|cidr| Some(*cidr) != old);
                if let Some(new) = new {
                    let _ = own.push(new);
                }
            });
        }
        self.setup.routers[1] = router;
        self.use_router_v4();
        #[cfg(feature = "dns")]
        {
            self.setup.leased_servers = servers.iter().copied().take(SERVERS).collect();
            self.use_servers();
        }
        let _ = servers;
        self.change();
    }

    #[cfg(feature = "dhcp")]
    fn use_router_v4(&mut self) {
        let [fixed, leased] = self.setup.routers;
        match leased.or(fixed) {
            Some(router) => {
                let _ = self.iface.routes_mut().add_default_ipv4_route(router);
            }
            None => {
                self.iface.routes_mut().remove_default_ipv4_route();
            }
        }
    }

    #[cfg(feature = "dns")]
    fn use_servers(&mut self) {
        self.setup.servers.clear();
        #[cfg(feature = "dhcp")]
        self.setup.servers.extend(self.setup.leased_servers.iter().map(|&ip| IpAddr::V4(ip)));
        self.setup.servers.extend(self.setup.fixed_servers.iter().copied());
    }
}

/// What the stack takes for an address of its own; it panics at any other.
#[cfg(feature = "dhcp")]
fn is_unicast(ip: Ipv4Address) -> bool {
    !(ip.is_broadcast() || ip.is_multicast() || ip.is_unspecified())
}

/// The link-local address of an Ethernet interface (RFC 4291, appendix A).
#[cfg(all(feature = "ipv6", feature = "ethernet"))]
pub(crate) fn link_local(mac: [u8; 6]) -> core::net::Ipv6Addr {
    let [a, b, c, d, e, f] = mac;
    let half = [a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    let mut octets = [0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    octets[8..].copy_from_slice(&half);
    octets.into()
}
