//! Router advertisements (RFC 4861 and 4862): addresses and the way out.
//!
//! smoltcp has this too, but there a multicast prefix in an advertisement ends the program, and
//! `Interface::poll_at` forgets the timers of sockets or the other way round. So the gate
//! hands the advertisements over, and the stack's own part stays off.

use core::net::Ipv6Addr;

use heapless::Vec;
use smoltcp::phy::{ChecksumCapabilities, Device, TxToken};
use smoltcp::wire::{
    EthernetFrame, EthernetProtocol, HardwareAddress, Icmpv6Packet, Icmpv6Repr, IpCidr, IpProtocol,
    Ipv6Packet, Ipv6Repr, NdiscPrefixInfoFlags, NdiscRepr, RawHardwareAddress,
};
use usocket_core::Instant;

use crate::neighbours::discovery_frame;
use crate::state::State;
use crate::time::{NEVER, Span, stack_time};

/// Prefixes that an address is made of.
const PREFIXES: usize = 2;

/// Questions for routers, and the time between two (RFC 4861, 10).
const QUESTIONS: u8 = 3;
const BETWEEN: Span = Span::from_secs(4);

/// A lifetime that an advertisement cannot fall below, or anybody on the link could take
/// an address away (RFC 4862, 5.5.3).
const TWO_HOURS: Span = Span::from_secs(7200);

/// The group of all nodes on the link, and that of all routers.
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);

/// What an advertisement says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Heard {
    from: Ipv6Addr,
    /// How long it is a default router.
    router: Span,
    /// A prefix of 64 bits for addresses, and how long they are valid.
    prefix: Option<(Ipv6Addr, Span)>,
}

/// Advertisements of one drive; routers repeat them.
pub(crate) type Heards = Vec<Heard, PREFIXES>;

/// What routers have said, and how often they were asked.
pub(crate) struct Routers {
    on: bool,
    addresses: Vec<(Ipv6Addr, Instant), PREFIXES>,
    router: Option<(Ipv6Addr, Instant)>,
    left: u8,
    ask_at: Option<Instant>,
}

impl Routers {
    /// Off.
    pub(crate) const fn new() -> Self {
        Self { on: false, addresses: Vec::new(), router: None, left: 0, ask_at: None }
    }

    pub(crate) fn is_on(&self) -> bool {
        self.on
    }

    /// Asks from now on, for instance since the link has come.
    pub(crate) fn begin(&mut self, now: Instant) {
        if self.on {
            self.left = QUESTIONS;
            self.ask_at = Some(now);
        }
    }
}

/// Reads an advertisement; `None` for any other frame, and for those that must not be heeded.
pub(crate) fn read(frame: &[u8]) -> Option<Heard> {
    let ethernet = EthernetFrame::new_checked(frame).ok()?;
    if ethernet.ethertype() != EthernetProtocol::Ipv6 {
        return None;
    }
    let packet = Ipv6Packet::new_checked(ethernet.payload()).ok()?;
    let ip = Ipv6Repr::parse(&packet).ok()?;
    let local = ip.src_addr.is_unicast_link_local()
        && (ip.dst_addr == ALL_NODES || ip.dst_addr.is_unicast_link_local());
    // What has passed a router has less.
    if ip.next_header != IpProtocol::Icmpv6 || ip.hop_limit != 255 || !local {
        return None;
    }
    let icmp = Icmpv6Packet::new_checked(packet.payload()).ok()?;
    let checksums = ChecksumCapabilities::default();
    match Icmpv6Repr::parse(&ip.src_addr, &ip.dst_addr, &icmp, &checksums).ok()? {
        Icmpv6Repr::Ndisc(NdiscRepr::RouterAdvert { router_lifetime, prefix_info, .. }) => {
            let prefix = prefix_info.filter(|info| {
                info.flags.contains(NdiscPrefixInfoFlags::ADDRCONF)
                    && info.prefix_len == 64
                    && info.preferred_lifetime <= info.valid_lifetime
                    && is_usable(info.prefix)
            });
            Some(Heard {
                from: ip.src_addr,
                router: of_stack(router_lifetime),
                prefix: prefix.map(|info| (info.prefix, of_stack(info.valid_lifetime))),
            })
        }
        _ => None,
    }
}

fn of_stack(time: smoltcp::time::Duration) -> Span {
    core::time::Duration::from(time).into()
}

/// Whether addresses of this prefix may be ours.
fn is_usable(prefix: Ipv6Addr) -> bool {
    let [first, ..] = prefix.segments();
    first != 0 && !prefix.is_multicast() && !prefix.is_unicast_link_local()
}

impl State<'_> {
    /// Switches it on, where the interface has something to make addresses of.
    pub(crate) fn listen_to_routers(&mut self, on: bool) {
        self.routers.on = on && self.is_ethernet();
        self.routers.begin(self.now);
    }

    /// Follows an advertisement.
    pub(crate) fn heed(&mut self, heard: &Heard) {
        self.routers.ask_at = None;
        if let Some((prefix, valid)) = heard.prefix {
            self.heed_prefix(prefix, valid);
        }
        let current = self.routers.router.map(|(router, _)| router);
        if heard.router.is_zero() {
            if current == Some(heard.from) {
                self.forget_router();
            }
        } else if current.is_none_or(|router| router == heard.from) {
            self.routers.router = Some((heard.from, self.now + heard.router));
            self.use_router();
        }
    }

    fn heed_prefix(&mut self, prefix: Ipv6Addr, valid: Span) {
        let Some(address) = self.address_in(prefix) else { return };
        let now = self.now;
        if let Some((_, until)) = self.routers.addresses.iter_mut().find(|own| own.0 == address) {
            let left = Span::between(now, *until);
            if valid > TWO_HOURS || valid > left {
                *until = now + valid;
            } else if left > TWO_HOURS {
                *until = now + TWO_HOURS;
            }
            return;
        }
        let cidr = IpCidr::new(address.into(), 64);
        let room = !self.routers.addresses.is_full();
        // One that was configured by hand is left alone.
        if valid.is_zero() || !room || self.iface.ip_addrs().contains(&cidr) {
            return;
        }
        let mut added = false;
        self.iface.update_ip_addrs(|own| added = own.push(cidr).is_ok());
        if added {
            let _ = self.routers.addresses.push((address, now + valid));
        }
    }

    /// The address that the hardware address makes of a prefix (RFC 4291, appendix A).
    fn address_in(&self, prefix: Ipv6Addr) -> Option<Ipv6Addr> {
        let HardwareAddress::Ethernet(mac) = self.iface.hardware_addr() else { return None };
        let mut octets = crate::setup::link_local(mac.0).octets();
        octets[..8].copy_from_slice(&prefix.octets()[..8]);
        Some(octets.into())
    }

    /// A router configured by hand goes first.
    pub(crate) fn use_router(&mut self) {
        if let Some((router, _)) = self.routers.router
            && self.iface.routes().get_default_ipv6_route().is_none()
        {
            // Its only error is a full table; then there is no way out.
            let _ = self.iface.routes_mut().add_default_ipv6_route(router);
        }
    }

    fn forget_router(&mut self) {
        let Some((router, _)) = self.routers.router.take() else { return };
        let route = self.iface.routes().get_default_ipv6_route();
        if route.is_some_and(|route| route.via_router == router.into()) {
            self.iface.routes_mut().remove_default_ipv6_route();
        }
    }

    /// Ends what has lived long enough.
    pub(crate) fn expire_routers(&mut self) {
        let now = self.now;
        if self.routers.router.is_some_and(|(_, until)| until <= now) {
            self.forget_router();
        }
        while let Some(at) = self.routers.addresses.iter().position(|own| own.1 <= now) {
            let (address, _) = self.routers.addresses.swap_remove(at);
            let cidr = IpCidr::new(address.into(), 64);
            self.iface.update_ip_addrs(|own| own.retain(|other| *other != cidr));
        }
    }

    /// Behind the way out: asks for routers.
    pub(crate) fn ask_routers<D: Device + ?Sized>(&mut self, device: &mut D) {
        if self.routers.ask_at.is_none_or(|at| self.now < at) {
            return;
        }
        if self.routers.left == 0 {
            self.routers.ask_at = None;
            return;
        }
        let HardwareAddress::Ethernet(mac) = self.iface.hardware_addr() else { return };
        let lladdr = Some(RawHardwareAddress::from(mac));
        let source = crate::setup::link_local(mac.0);
        let question = NdiscRepr::RouterSolicit { lladdr };
        let Some(question) = discovery_frame(mac, source, ALL_ROUTERS, question) else { return };
        // A device that is full is tried again.
        let Some(token) = device.transmit(stack_time(self.now)) else { return };
        token.consume(question.len(), |frame| frame.copy_from_slice(&question));
        self.routers.left -= 1;
        self.routers.ask_at = (self.routers.left > 0).then_some(self.now + BETWEEN);
    }

    pub(crate) fn routers_due(&self) -> Instant {
        let ends = self.routers.addresses.iter().map(|own| own.1);
        let router = self.routers.router.map(|(_, until)| until);
        // Without a link nobody can be asked; when it comes all begins anew.
        let ask_at = self.routers.ask_at.filter(|_| self.up);
        ends.chain(router).chain(ask_at).min().unwrap_or(NEVER)
    }
}
