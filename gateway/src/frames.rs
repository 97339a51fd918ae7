//! Frames, as far as the gateway looks into them itself.

use std::net::{Ipv4Addr, SocketAddrV4};

use smoltcp::phy::ChecksumCapabilities;
use smoltcp::wire::{
    ArpPacket, ArpRepr, EthernetAddress, EthernetFrame, EthernetProtocol, IgmpPacket, IgmpRepr,
    IpProtocol, Ipv4Packet, Ipv4Repr, TcpPacket, UdpPacket, UdpRepr,
};

use crate::place::{HARDWARE, HOST, NAMES};

/// What a frame of the board is about.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum About<'f> {
    /// For the gateway's stack: ARP and pings.
    Stack,
    /// A segment; for the stack too, but the gateway hears of beginnings and resets.
    Segment { from: SocketAddrV4, to: SocketAddrV4, begins: bool, resets: bool },
    /// A datagram.
    Datagram { from: SocketAddrV4, to: SocketAddrV4, payload: &'f [u8] },
    /// The board is in a group, or leaves it.
    Group(Ipv4Addr, bool),
    /// Nobody is interested: damaged, IPv6, a question for an address that is not there.
    Nothing,
}

/// Looks at a frame; also says who sent it.
pub(crate) fn look(frame: &[u8]) -> (EthernetAddress, About<'_>) {
    let Ok(ethernet) = EthernetFrame::new_checked(frame) else {
        return (EthernetAddress::BROADCAST, About::Nothing);
    };
    let about = match ethernet.ethertype() {
        EthernetProtocol::Arp => arp(ethernet.payload()),
        EthernetProtocol::Ipv4 => ip(ethernet.payload()),
        _ => None,
    };
    (ethernet.src_addr(), about.unwrap_or(About::Nothing))
}

fn arp(packet: &[u8]) -> Option<About<'_>> {
    let packet = ArpPacket::new_checked(packet).ok()?;
    match ArpRepr::parse(&packet).ok()? {
        ArpRepr::EthernetIpv4 { target_protocol_addr: ip, .. } if ip == HOST || ip == NAMES => {
            Some(About::Stack)
        }
        _ => None,
    }
}

fn ip(packet: &[u8]) -> Option<About<'_>> {
    let checksums = ChecksumCapabilities::default();
    let packet = Ipv4Packet::new_checked(packet).ok()?;
    let ip = Ipv4Repr::parse(&packet, &checksums).ok()?;
    if packet.more_frags() || packet.frag_offset() != 0 {
        return None;
    }
    let (from, to) = (ip.src_addr, ip.dst_addr);
    let payload = packet.payload();
    match ip.next_header {
        IpProtocol::Icmp => Some(About::Stack),
        IpProtocol::Tcp => {
            let tcp = TcpPacket::new_checked(payload).ok()?;
            if !tcp.verify_checksum(&from.into(), &to.into()) {
                return None;
            }
            Some(About::Segment {
                from: SocketAddrV4::new(from, tcp.src_port()),
                to: SocketAddrV4::new(to, tcp.dst_port()),
                begins: tcp.syn() && !tcp.ack(),
                resets: tcp.rst(),
            })
        }
        IpProtocol::Udp => {
            let udp = UdpPacket::new_checked(payload).ok()?;
            let repr = UdpRepr::parse(&udp, &from.into(), &to.into(), &checksums).ok()?;
            let len = usize::from(udp.len()).checked_sub(repr.header_len())?;
            Some(About::Datagram {
                from: SocketAddrV4::new(from, repr.src_port),
                to: SocketAddrV4::new(to, repr.dst_port),
                payload: payload.get(repr.header_len()..)?.get(..len)?,
            })
        }
        IpProtocol::Igmp => {
            let igmp = IgmpPacket::new_checked(payload).ok()?;
            match IgmpRepr::parse(&igmp).ok()? {
                IgmpRepr::MembershipReport { group_addr, .. } => {
                    Some(About::Group(group_addr, true))
                }
                IgmpRepr::LeaveGroup { group_addr } => Some(About::Group(group_addr, false)),
                IgmpRepr::MembershipQuery { .. } => None,
            }
        }
        _ => None,
    }
}

/// The longest datagram that a frame carries.
pub(crate) const MAX_DATAGRAM: usize = 1472;

/// A datagram in its frame; one that is too long is `None`.
pub(crate) fn datagram(
    board: EthernetAddress,
    from: SocketAddrV4,
    to: SocketAddrV4,
    payload: &[u8],
) -> Option<Vec<u8>> {
    if payload.len() > MAX_DATAGRAM {
        return None;
    }
    let checksums = ChecksumCapabilities::default();
    let udp = UdpRepr { src_port: from.port(), dst_port: to.port() };
    let ip = Ipv4Repr {
        src_addr: *from.ip(),
        dst_addr: *to.ip(),
        next_header: IpProtocol::Udp,
        payload_len: udp.header_len() + payload.len(),
        hop_limit: 64,
    };
    let headers = EthernetFrame::<&[u8]>::header_len() + ip.buffer_len() + udp.header_len();
    let mut frame = vec![0; headers + payload.len()];
    let mut ethernet = EthernetFrame::new_unchecked(&mut frame);
    ethernet.set_src_addr(HARDWARE);
    ethernet.set_dst_addr(hardware(*to.ip(), board));
    ethernet.set_ethertype(EthernetProtocol::Ipv4);
    let mut packet = Ipv4Packet::new_unchecked(ethernet.payload_mut());
    ip.emit(&mut packet, &checksums);
    let mut packet = UdpPacket::new_unchecked(packet.payload_mut());
    let (from, to) = ((*from.ip()).into(), (*to.ip()).into());
    let copy = |room: &mut [u8]| room.copy_from_slice(payload);
    udp.emit(&mut packet, &from, &to, payload.len(), copy, &checksums);
    Some(frame)
}

/// Where on the wire an address is.
fn hardware(ip: Ipv4Addr, board: EthernetAddress) -> EthernetAddress {
    if ip.is_multicast() {
        let [_, b, c, d] = ip.octets();
        EthernetAddress([1, 0, 0x5e, b & 0x7f, c, d])
    } else if ip.is_broadcast() {
        EthernetAddress::BROADCAST
    } else {
        board
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::place::BOARD;

    const MAC: EthernetAddress = EthernetAddress([2, 0, 0, 0, 0, 1]);

    #[test]
    fn a_datagram_reads_as_it_was_written() {
        let (from, to) = (SocketAddrV4::new(HOST, 53), SocketAddrV4::new(BOARD, 5000));
        for payload in [&b""[..], b"hello", &[7; MAX_DATAGRAM]] {
            let mut frame = datagram(MAC, from, to, payload).unwrap();
            assert_eq!(look(&frame), (HARDWARE, About::Datagram { from, to, payload }));
            // Ethernet pads short frames.
            frame.extend([0; 30]);
            assert_eq!(look(&frame).1, About::Datagram { from, to, payload });
        }
        assert_eq!(datagram(MAC, from, to, &[7; MAX_DATAGRAM + 1]), None);
    }

    #[test]
    fn damaged_frames_are_nothing() {
        let (from, to) = (SocketAddrV4::new(HOST, 53), SocketAddrV4::new(BOARD, 5000));
        let frame = datagram(MAC, from, to, b"hello").unwrap();
        for at in 14..frame.len() {
            let mut damaged = frame.clone();
            damaged[at] ^= 0x10;
            assert_eq!(look(&damaged).1, About::Nothing, "byte {at}");
            assert_eq!(look(&frame[..at]).1, About::Nothing, "{at} bytes");
        }
    }
}
