//! Questions for neighbours, beside those of the stack.
//!
//! The stack asks for one neighbour a second, whoever needs it; one who does not exist and
//! is wanted again and again keeps it from ever asking for another. So whoever waits for a
//! neighbour has a question of its own, once a second (R19). The stack takes the answer.

use heapless::Vec;
use smoltcp::phy::{Device, TxToken};
use smoltcp::socket::tcp;
use smoltcp::wire::IpAddress;
use smoltcp::wire::{
    ArpOperation, ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol,
    HardwareAddress,
};
use usocket_core::Instant;

use crate::address::next_hop;
use crate::pairs::Owner;
use crate::state::State;
use crate::time::{NEVER, Span, stack_time};

/// Between two questions for one neighbour.
const AGAIN: Span = Span::from_secs(1);

/// How long one is looked for before a connect to it fails.
const GIVEN_UP: Span = Span::from_secs(3);

/// Neighbours asked for at a time.
const ASKED: usize = 8;

/// Longest question: Ethernet, IPv6, ICMPv6 with one option.
const QUESTION: usize = 14 + 40 + 32;

/// Who was asked for, and when.
pub(crate) type Asked = Vec<(IpAddress, Instant), ASKED>;

impl State<'_> {
    /// Behind the way out: asks for those whom somebody waits for.
    pub(crate) fn ask_neighbours<D: Device + ?Sized>(&mut self, device: &mut D) {
        if !self.is_ethernet() {
            return;
        }
        let now = self.now;
        self.asked.retain(|&(_, at)| now < at + AGAIN);
        let mut wanted: Vec<IpAddress, ASKED> = Vec::new();
        // Each once, however many wait for it: nobody keeps a place from another.
        let mut want = |hop| {
            if !wanted.contains(&hop) && !self.asked.iter().any(|&(ip, _)| ip == hop) {
                let _ = wanted.push(hop);
            }
        };
        for pair in &*self.pairs {
            if pair.is_free() || !pair.shown() || !self.misses_neighbour(pair) {
                continue;
            }
            want(next_hop(&self.iface, pair.remote.addr));
        }
        #[cfg(feature = "udp")]
        self.senders.wanted().for_each(want);
        for hop in wanted {
            if self.ask_for(hop, device) {
                // One more than there is room for is asked again with the next drive.
                let _ = self.asked.push((hop, now));
            }
        }
    }

    /// The stack has asked by itself.
    pub(crate) fn note_asked(&mut self, hop: IpAddress) {
        self.asked.retain(|&(ip, _)| ip != hop);
        let _ = self.asked.push((hop, self.now));
    }

    /// When a connect to a neighbour who does not answer fails.
    pub(crate) fn neighbour_limit(pair: &crate::pairs::Pair<'_>) -> Instant {
        if pair.asked.get() { NEVER } else { pair.heard_at + GIVEN_UP }
    }

    /// Whether a pair has something to send, and it did not go out.
    fn misses_neighbour(&self, pair: &crate::pairs::Pair<'_>) -> bool {
        match pair.state {
            tcp::State::SynSent | tcp::State::SynReceived => !pair.asked.get(),
            _ => matches!(pair.owner, Owner::Socket(_)) && pair.slow,
        }
    }

    /// When somebody is asked for again.
    pub(crate) fn neighbours_due(&self) -> Instant {
        let times = self.asked.iter().map(|&(_, at)| at + AGAIN);
        times.filter(|&at| at > self.now).min().unwrap_or(NEVER)
    }

    /// Sends one question; whether it went out.
    fn ask_for<D: Device + ?Sized>(&mut self, hop: IpAddress, device: &mut D) -> bool {
        let Some(question) = self.neighbour_question(hop) else { return false };
        let Some(token) = device.transmit(stack_time(self.now)) else { return false };
        token.consume(question.len(), |frame| frame.copy_from_slice(&question));
        true
    }

    fn neighbour_question(&self, hop: IpAddress) -> Option<Vec<u8, QUESTION>> {
        let HardwareAddress::Ethernet(own) = self.iface.hardware_addr() else { return None };
        let source = self.iface.get_source_address(&hop)?;
        match (source, hop) {
            (IpAddress::Ipv4(source), IpAddress::Ipv4(hop)) => {
                let arp = ArpRepr::EthernetIpv4 {
                    operation: ArpOperation::Request,
                    source_hardware_addr: own,
                    source_protocol_addr: source,
                    target_hardware_addr: EthernetAddress::BROADCAST,
                    target_protocol_addr: hop,
                };
                let mut frame = Vec::new();
                frame.resize(14 + arp.buffer_len(), 0).ok()?;
                let mut ethernet = EthernetFrame::new_unchecked(&mut frame[..]);
                ethernet.set_src_addr(own);
                ethernet.set_dst_addr(EthernetAddress::BROADCAST);
                ethernet.set_ethertype(EthernetProtocol::Arp);
                arp.emit(&mut ArpPacket::new_unchecked(ethernet.payload_mut()));
                Some(frame)
            }
            #[cfg(feature = "ipv6")]
            (IpAddress::Ipv6(source), IpAddress::Ipv6(hop)) => solicitation(own, source, hop),
            #[cfg(feature = "ipv6")]
            _ => None,
        }
    }
}

/// A neighbour solicitation (RFC 4861, 4.3), to the group of all that may have the address.
#[cfg(feature = "ipv6")]
fn solicitation(
    own: EthernetAddress,
    source: core::net::Ipv6Addr,
    hop: core::net::Ipv6Addr,
) -> Option<Vec<u8, QUESTION>> {
    use smoltcp::wire::{NdiscRepr, RawHardwareAddress};

    let [.., a, b, c] = hop.octets();
    let low = u16::from_be_bytes([b, c]);
    let group = core::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), low);
    let lladdr = Some(RawHardwareAddress::from(own));
    discovery_frame(own, source, group, NdiscRepr::NeighborSolicit { target_addr: hop, lladdr })
}

/// A message of neighbour discovery to a group, in its frame.
#[cfg(all(feature = "ethernet", feature = "ipv6"))]
pub(crate) fn discovery_frame(
    own: EthernetAddress,
    source: core::net::Ipv6Addr,
    group: core::net::Ipv6Addr,
    message: smoltcp::wire::NdiscRepr<'_>,
) -> Option<Vec<u8, QUESTION>> {
    use smoltcp::phy::ChecksumCapabilities;
    use smoltcp::wire::{Icmpv6Packet, Icmpv6Repr, IpProtocol, Ipv6Packet, Ipv6Repr};

    let [.., a, b, c, d] = group.octets();
    let icmp = Icmpv6Repr::Ndisc(message);
    let ip = Ipv6Repr {
        src_addr: source,
        dst_addr: group,
        next_header: IpProtocol::Icmpv6,
        payload_len: icmp.buffer_len(),
        hop_limit: 255,
    };
    let mut frame = Vec::new();
    frame.resize(14 + ip.buffer_len() + icmp.buffer_len(), 0).ok()?;
    let mut ethernet = EthernetFrame::new_unchecked(&mut frame[..]);
    ethernet.set_src_addr(own);
    ethernet.set_dst_addr(EthernetAddress([0x33, 0x33, a, b, c, d]));
    ethernet.set_ethertype(EthernetProtocol::Ipv6);
    let mut packet = Ipv6Packet::new_unchecked(ethernet.payload_mut());
    ip.emit(&mut packet);
    let mut packet = Icmpv6Packet::new_unchecked(packet.payload_mut());
    icmp.emit(&source, &group, &mut packet, &ChecksumCapabilities::default());
    Some(frame)
}
