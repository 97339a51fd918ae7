//! The few fields of a frame that the gate looks at.
//!
//! Nothing here is trusted: what is too short or odd is no segment, and goes to the
//! stack as it is.

use core::net::Ipv4Addr;
#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;

use smoltcp::phy::Medium;
use smoltcp::wire::{IpAddress, IpEndpoint};
#[cfg(feature = "unreachable")]
use usocket_core::Family;

#[cfg(feature = "unreachable")]
use crate::address::family;

const TCP: u8 = 6;
#[cfg(any(feature = "unreachable", all(test, feature = "bulk")))]
const UDP: u8 = 17;
#[cfg(feature = "unreachable")]
const ICMP: u8 = 1;
#[cfg(all(feature = "ipv6", any(feature = "neighbours", feature = "unreachable")))]
const ICMPV6: u8 = 58;

#[cfg(any(feature = "bulk", feature = "server", test))]
const FIN: u8 = 1;
const SYN: u8 = 2;
#[cfg(any(feature = "bulk", feature = "server"))]
const RST: u8 = 4;
const ACK: u8 = 16;

/// Two ends of a packet, as its header names them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ends {
    pub(crate) from: IpEndpoint,
    pub(crate) to: IpEndpoint,
}

/// What a frame is to the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A TCP segment that asks for a connection.
    #[cfg(feature = "server")]
    Syn(Ends),
    /// Any other TCP segment, and how much its sender takes.
    Segment(Ends, Window),
    #[cfg(feature = "unreachable")]
    /// "Unreachable", about a packet of ours: its protocol and ends.
    Unreachable { tcp: bool, ends: Ends, why: Why },
    /// Anything else.
    Other,
}

/// What a segment says of its sender's window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) field: u16,
    /// By how many bits later ones are shifted; only in a segment with SYN.
    pub(crate) scale: Option<u8>,
}

#[cfg(feature = "unreachable")]
/// Why a packet did not arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// Nobody listens there.
    Port,
    /// There is no way.
    Network,
    /// There is no such host, or it does not want it.
    Host,
}

#[cfg(feature = "bulk")]
/// The ends of a connection as they are in its segments: addresses and ports, the other's
/// first. IPv4 leaves a part unused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key([u8; KEY]);

#[cfg(feature = "bulk")]
/// Two addresses, two ports.
const KEY: usize = if cfg!(feature = "ipv6") { 36 } else { 12 };

#[cfg(feature = "bulk")]
impl Key {
    /// That of no connection.
    pub(crate) const NONE: Self = Self([0; KEY]);

    pub(crate) fn new(from: IpEndpoint, to: IpEndpoint) -> Self {
        let mut key = [0; KEY];
        let len = match (from.addr, to.addr) {
            (IpAddress::Ipv4(from), IpAddress::Ipv4(to)) => {
                key[..4].copy_from_slice(&from.octets());
                key[4..8].copy_from_slice(&to.octets());
                8
            }
            #[cfg(feature = "ipv6")]
            (IpAddress::Ipv6(from), IpAddress::Ipv6(to)) => {
                key[..16].copy_from_slice(&from.octets());
                key[16..32].copy_from_slice(&to.octets());
                32
            }
            #[allow(unreachable_patterns)]
            _ => return Self::NONE,
        };
        key[len..len + 2].copy_from_slice(&from.port.to_be_bytes());
        key[len + 2..len + 4].copy_from_slice(&to.port.to_be_bytes());
        Self(key)
    }

    /// Whether a segment with these addresses and ports is one of the connection.
    #[inline]
    pub(crate) fn is(&self, ends: &[u8]) -> bool {
        // By their lengths, which are known where this is inlined.
        match ends.len() {
            12 => ends == &self.0[..12],
            #[cfg(feature = "ipv6")]
            36 => ends == &self.0[..36],
            _ => false,
        }
    }
}

#[cfg(feature = "bulk")]
/// A frame as nearly all are in bulk: a segment without SYN, FIN and RST, without options
/// of IP.
pub(crate) struct Plain<'f> {
    /// The addresses and ports, as in a [`Key`]: 12 bytes or 36.
    pub(crate) ends: &'f [u8],
    /// The rest of TCP's header.
    rest: &'f [u8; 16],
}

#[cfg(feature = "bulk")]
impl<'f> Plain<'f> {
    #[inline]
    pub(crate) fn new(medium: Medium, frame: &'f [u8]) -> Option<Self> {
        let packet = packet(medium, frame)?;
        // Both headers are at least that long.
        let head = packet.first_chunk::<40>()?;
        let (ends, rest) = match head[0] {
            0x45 => {
                // One word: no fragment, whatever the hops, TCP.
                let word = u32::from_be_bytes(*head[6..].first_chunk()?);
                if word & 0x3fff_00ff != TCP.into() {
                    return None;
                }
                (&head[12..24], head.last_chunk()?)
            }
            #[cfg(feature = "ipv6")]
            0x60..=0x6f => {
                let head = packet.first_chunk::<60>()?;
                if head[6] != TCP {
                    return None;
                }
                (&head[8..44], head.last_chunk()?)
            }
            _ => return None,
        };
        (rest[9] & (FIN | SYN | RST) == 0).then_some(Self { ends, rest })
    }

    /// The field of its window.
    #[inline]
    pub(crate) fn window(&self) -> u16 {
        u16::from_be_bytes([self.rest[10], self.rest[11]])
    }
}

/// Looks at a frame.
pub(crate) fn classify(medium: Medium, frame: &[u8]) -> Kind {
    classify_ip(medium, frame).unwrap_or(Kind::Other)
}

#[cfg(feature = "neighbours")]
/// The ends of a segment that has SYN, with ACK or without.
pub(crate) fn opening(medium: Medium, frame: &[u8]) -> Option<Ends> {
    let (header, payload) = split(packet(medium, frame)?)?;
    let opens = header.protocol == TCP && payload.get(13)? & SYN != 0;
    if opens { header.ends(payload) } else { None }
}

/// Where the TCP header of a frame begins that may be a probe, one byte that is zero, and its ends.
pub(crate) fn probe(medium: Medium, frame: &[u8]) -> Option<(Ends, usize)> {
    let (header, segment) = split(packet(medium, frame)?)?;
    let (byte, options) = (segment.last()?, usize::from(*segment.get(12)? >> 4) * 4);
    let bare = segment.len() == options + 1 && *byte == 0 && segment[13] == ACK;
    let probes = header.protocol == TCP && bare;
    if probes { Some((header.ends(segment)?, frame.len() - segment.len())) } else { None }
}

/// Up to where a segment acknowledges.
pub(crate) fn acknowledged(medium: Medium, frame: &[u8]) -> Option<u32> {
    let (_, segment) = split(packet(medium, frame)?)?;
    number(segment, 8)
}

/// Moves a segment that has no bytes forward to this number, if it lies behind.
pub(crate) fn move_up(medium: Medium, frame: &mut [u8], of: Ends, to: u32) -> Option<()> {
    let (header, segment) = split(packet(medium, frame)?)?;
    let bare = segment.len() == usize::from(*segment.get(12)? >> 4) * 4 && segment[13] == ACK;
    let behind = to.wrapping_sub(number(segment, 4)?);
    let at = frame.len() - segment.len();
    if header.protocol == TCP && bare && header.ends(segment)? == of && behind < 1 << 31 {
        set_back(&mut frame[at..], behind.wrapping_neg());
    }
    Some(())
}

fn number(segment: &[u8], at: usize) -> Option<u32> {
    Some(u32::from(word(segment, at)?) << 16 | u32::from(word(segment, at + 2)?))
}

/// Makes the sequence number of a segment so much smaller.
pub(crate) fn set_back(segment: &mut [u8], by: u32) {
    let (Some(number), Some(sum)) = (word(segment, 4), word(segment, 16)) else { return };
    let Some(rest) = word(segment, 6) else { return };
    let old = u32::from(number) << 16 | u32::from(rest);
    let new = old.wrapping_sub(by).to_be_bytes();
    segment[4..8].copy_from_slice(&new);
    // Where it is zero the device computes it.
    if sum != 0 {
        // RFC 1624: what went out of it, and what came in.
        let words = [!sum, !number, !rest].map(u32::from);
        let came = [word(segment, 4), word(segment, 6)].map(|it| u32::from(it.unwrap_or(0)));
        let mut total = words.iter().chain(&came).sum::<u32>();
        total = (total & 0xffff) + (total >> 16);
        total = (total & 0xffff) + (total >> 16);
        #[expect(clippy::cast_possible_truncation, reason = "folded")]
        segment[16..18].copy_from_slice(&(!(total as u16)).to_be_bytes());
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes([*bytes.get(at)?, *bytes.get(at + 1)?]))
}

#[cfg(feature = "server")]
/// The window of a frame that is a segment.
pub(crate) fn window(medium: Medium, frame: &[u8]) -> Option<Window> {
    let (header, payload) = split(packet(medium, frame)?)?;
    if header.protocol == TCP { window_of(payload) } else { None }
}

fn window_of(segment: &[u8]) -> Option<Window> {
    let field = u16::from_be_bytes([*segment.get(14)?, *segment.get(15)?]);
    let scale = if segment.get(13)? & SYN == 0 { None } else { Some(scale(segment)) };
    Some(Window { field, scale })
}

/// The window scale option (RFC 7323), 0 without.
fn scale(segment: &[u8]) -> u8 {
    let end = segment.get(12).map_or(0, |byte| usize::from(byte >> 4) * 4).min(segment.len());
    let mut at = 20;
    while at < end {
        match (segment[at], segment.get(at + 1)) {
            (0, _) => break,
            (1, _) => at += 1,
            (3, Some(3)) => return segment.get(at + 2).map_or(0, |&bits| bits.min(14)),
            (_, Some(&len)) if len >= 2 => at += usize::from(len),
            _ => break,
        }
    }
    0
}

#[cfg(feature = "neighbours")]
/// The neighbour that a frame on Ethernet asks for.
pub(crate) fn sought(frame: &[u8]) -> Option<IpAddress> {
    match frame.get(12..14)? {
        [0x08, 0x06] if frame.get(20..22)? == [0, 1] => {
            let octets: [u8; 4] = frame.get(38..42)?.try_into().ok()?;
            Some(Ipv4Addr::from(octets).into())
        }
        #[cfg(feature = "ipv6")]
        [0x86, 0xdd] if *frame.get(20)? == ICMPV6 && *frame.get(54)? == 135 => {
            let octets: [u8; 16] = frame.get(62..78)?.try_into().ok()?;
            Some(Ipv6Addr::from(octets).into())
        }
        _ => None,
    }
}

/// The packet in a frame.
fn packet(medium: Medium, frame: &[u8]) -> Option<&[u8]> {
    match medium {
        #[cfg(feature = "ethernet")]
        Medium::Ethernet => frame.get(14..),
        Medium::Ip => Some(frame),
        #[allow(unreachable_patterns)]
        _ => None,
    }
}

fn classify_ip(medium: Medium, frame: &[u8]) -> Option<Kind> {
    let packet = packet(medium, frame)?;
    let (header, payload) = split(packet)?;
    match header.protocol {
        TCP => {
            let ends = header.ends(payload)?;
            #[cfg(feature = "server")]
            if *payload.get(13)? & (FIN | SYN | RST | ACK) == SYN {
                return Some(Kind::Syn(ends));
            }
            Some(Kind::Segment(ends, window_of(payload)?))
        }
        #[cfg(feature = "unreachable")]
        ICMP if is_v4(header.from) => unreachable_v4(payload),
        #[cfg(all(feature = "ipv6", feature = "unreachable"))]
        ICMPV6 if !is_v4(header.from) => unreachable_v6(payload),
        _ => None,
    }
}

#[cfg(feature = "unreachable")]
fn is_v4(ip: IpAddress) -> bool {
    family(ip) == Family::V4
}

struct Header {
    protocol: u8,
    from: IpAddress,
    to: IpAddress,
}

impl Header {
    /// With the ports, which TCP and UDP have in the same place.
    fn ends(&self, payload: &[u8]) -> Option<Ends> {
        let ports = payload.get(..4)?;
        let port = |at: usize| u16::from_be_bytes([ports[at], ports[at + 1]]);
        Some(Ends {
            from: IpEndpoint::new(self.from, port(0)),
            to: IpEndpoint::new(self.to, port(2)),
        })
    }
}

/// Header and payload of an IP packet; a later fragment has no ports to look at.
fn split(packet: &[u8]) -> Option<(Header, &[u8])> {
    match packet.first()? >> 4 {
        4 => {
            let header = packet.get(..20)?;
            let later = u16::from_be_bytes([header[6], header[7]]) & 0x1fff != 0;
            let ip = |at: usize| {
                Ipv4Addr::new(header[at], header[at + 1], header[at + 2], header[at + 3]).into()
            };
            let payload = packet.get(usize::from(header[0] & 15) * 4..)?;
            let header = Header { protocol: header[9], from: ip(12), to: ip(16) };
            (!later).then_some((header, payload))
        }
        #[cfg(feature = "ipv6")]
        6 => {
            let header = packet.get(..40)?;
            let ip = |at: usize| -> Option<IpAddress> {
                let octets: [u8; 16] = header.get(at..at + 16)?.try_into().ok()?;
                Some(Ipv6Addr::from(octets).into())
            };
            // Extension headers are rare before TCP; the stack sees them all the same.
            let found = Header { protocol: header[6], from: ip(8)?, to: ip(24)? };
            Some((found, packet.get(40..)?))
        }
        _ => None,
    }
}

#[cfg(feature = "unreachable")]
fn unreachable_v4(message: &[u8]) -> Option<Kind> {
    let (kind, code) = (*message.first()?, *message.get(1)?);
    let why = match (kind, code) {
        (3, 2 | 3) => Why::Port,
        // "Fragmentation needed" is no end.
        (3, 4) => return None,
        (3, 0 | 6 | 11) => Why::Network,
        (3, _) => Why::Host,
        _ => return None,
    };
    quoted(message.get(8..)?, why)
}

#[cfg(all(feature = "ipv6", feature = "unreachable"))]
fn unreachable_v6(message: &[u8]) -> Option<Kind> {
    let why = match (*message.first()?, *message.get(1)?) {
        (1, 4) => Why::Port,
        (1, 0) => Why::Network,
        (1, _) => Why::Host,
        _ => return None,
    };
    quoted(message.get(8..)?, why)
}

#[cfg(feature = "unreachable")]
/// The packet of ours that the message is about.
fn quoted(packet: &[u8], why: Why) -> Option<Kind> {
    let (header, payload) = split(packet)?;
    let tcp = match header.protocol {
        TCP => true,
        UDP => false,
        _ => return None,
    };
    Some(Kind::Unreachable { tcp, ends: header.ends(payload)?, why })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An IPv4 header with `protocol` and then `payload`.
    fn v4(protocol: u8, payload: &[u8]) -> std::vec::Vec<u8> {
        let mut packet = std::vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0];
        packet.extend([10, 0, 0, 2, 10, 0, 0, 1]);
        packet.extend(payload);
        packet
    }

    fn tcp(flags: u8) -> [u8; 20] {
        let mut segment = [0; 20];
        segment[..4].copy_from_slice(&[0x12, 0x34, 0, 80]);
        segment[13] = flags;
        segment
    }

    fn ends() -> Ends {
        Ends {
            from: IpEndpoint::new(IpAddress::v4(10, 0, 0, 2), 0x1234),
            to: IpEndpoint::new(IpAddress::v4(10, 0, 0, 1), 80),
        }
    }

    #[test]
    fn a_probe_goes_back_and_keeps_its_checksum() {
        use smoltcp::wire::TcpPacket;

        let Ends { from, to } = ends();
        for (number, by) in [(5, 0), (5, 1), (0x0001_0003, 8192), (3, 70_000), (u32::MAX, 1)] {
            let mut segment = tcp(ACK).to_vec();
            segment[12] = 5 << 4;
            segment[4..8].copy_from_slice(&number.to_be_bytes());
            segment.push(0);
            TcpPacket::new_unchecked(&mut segment[..]).fill_checksum(&from.addr, &to.addr);
            let mut frame = v4(TCP, &segment);
            assert_eq!(probe(Medium::Ip, &frame), Some((ends(), 20)));
            set_back(&mut frame[20..], by);
            let packet = TcpPacket::new_checked(&frame[20..]).unwrap();
            assert!(packet.verify_checksum(&from.addr, &to.addr), "{number} {by}");
            assert_eq!(frame[24..28], number.wrapping_sub(by).to_be_bytes());
        }
        // Bytes of the user.
        for (flags, byte) in [(ACK | 8, 0), (ACK | FIN, 0), (ACK, 1)] {
            let mut segment = tcp(flags).to_vec();
            segment[12] = 5 << 4;
            segment.push(byte);
            assert_eq!(probe(Medium::Ip, &v4(TCP, &segment)), None);
        }
    }

    #[cfg(feature = "server")]
    #[test]
    fn a_syn_is_told_from_other_segments() {
        for (flags, kind) in [
            (SYN, Kind::Syn(ends())),
            (SYN | 8 | 64 | 128, Kind::Syn(ends())),
            (SYN | ACK, Kind::Segment(ends(), Window { field: 0, scale: Some(0) })),
            (SYN | RST, Kind::Segment(ends(), Window { field: 0, scale: Some(0) })),
            (SYN | FIN, Kind::Segment(ends(), Window { field: 0, scale: Some(0) })),
            (ACK, Kind::Segment(ends(), Window::default())),
        ] {
            assert_eq!(classify(Medium::Ip, &v4(TCP, &tcp(flags))), kind, "{flags}");
        }
    }

    #[cfg(feature = "server")]
    #[test]
    fn the_window_and_its_scale() {
        let mut segment = tcp(SYN | ACK).to_vec();
        segment[12] = 8 << 4;
        segment[14..16].copy_from_slice(&[0x12, 0x34]);
        segment.extend([2, 4, 5, 180, 1, 3, 3, 7, 1, 1, 0, 0]);
        let want = Window { field: 0x1234, scale: Some(7) };
        assert_eq!(window(Medium::Ip, &v4(TCP, &segment)), Some(want));
        // Options that are cut off or have no length end the search.
        for odd in [[3, 3], [2, 0], [2, 1], [3, 9]] {
            segment.truncate(20);
            segment.extend(odd);
            segment[12] = 15 << 4;
            assert_eq!(scale(&segment), 0);
        }
    }

    #[cfg(feature = "bulk")]
    #[test]
    fn a_plain_segment_is_known_by_its_ends() {
        let Ends { from, to } = ends();
        let key = Key::new(from, to);
        let turned = Key::new(to, from);
        for (flags, plain) in [(ACK, true), (ACK | 8, true), (SYN, false), (FIN | ACK, false)] {
            let mut segment = tcp(flags);
            segment[14..16].copy_from_slice(&[0x12, 0x34]);
            let frame = v4(TCP, &segment);
            let found = Plain::new(Medium::Ip, &frame);
            let found = found.map(|it| (key.is(it.ends), turned.is(it.ends), it.window()));
            assert_eq!(found, plain.then_some((true, false, 0x1234)));
            for len in 0..frame.len() {
                assert!(Plain::new(Medium::Ip, &frame[..len]).is_none());
            }
        }
        for (at, byte) in [(0, 0x46), (6, 0x20), (7, 1), (9, UDP)] {
            let mut frame = v4(TCP, &tcp(ACK));
            frame[at] = byte;
            assert!(Plain::new(Medium::Ip, &frame).is_none());
        }
    }

    #[cfg(all(feature = "bulk", feature = "ipv6"))]
    #[test]
    fn the_same_on_ipv6() {
        let [from, to] = [1, 2].map(|last| Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last));
        let mut frame = std::vec![0x60, 0, 0, 0, 0, 20, TCP, 64];
        frame.extend(from.octets());
        frame.extend(to.octets());
        frame.extend(tcp(ACK));
        let ends = [IpEndpoint::new(from.into(), 0x1234), IpEndpoint::new(to.into(), 80)];
        let key = Key::new(ends[0], ends[1]);
        assert!(Plain::new(Medium::Ip, &frame).is_some_and(|it| key.is(it.ends)));
        frame[6] = 0;
        assert!(Plain::new(Medium::Ip, &frame).is_none());
    }

    #[cfg(feature = "unreachable")]
    #[test]
    fn unreachable_names_our_packet() {
        let mut message = std::vec![3, 3, 0, 0, 0, 0, 0, 0];
        message.extend(v4(UDP, &[0x12, 0x34, 0, 80, 0, 8, 0, 0]));
        let found = classify(Medium::Ip, &v4(ICMP, &message));
        assert_eq!(found, Kind::Unreachable { tcp: false, ends: ends(), why: Why::Port });
        message[1] = 4;
        assert_eq!(classify(Medium::Ip, &v4(ICMP, &message)), Kind::Other);
    }

    #[cfg(feature = "unreachable")]
    #[test]
    fn what_is_cut_off_is_nothing() {
        let whole = v4(TCP, &tcp(SYN));
        for len in 0..whole.len() - 6 {
            assert_eq!(classify(Medium::Ip, &whole[..len]), Kind::Other, "{len}");
        }
        let mut fragment = whole;
        fragment[7] = 1;
        assert_eq!(classify(Medium::Ip, &fragment), Kind::Other);
    }
}
