//! Frames by hand.

use core::net::Ipv4Addr;
#[cfg(feature = "slaac")]
use core::net::Ipv6Addr;
#[cfg(feature = "slaac")]
use core::time::Duration;

#[cfg(feature = "slaac")]
use usocket_backend_smoltcp::smoltcp;
use usocket_backend_smoltcp::smoltcp::phy::ChecksumCapabilities;
use usocket_backend_smoltcp::smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl,
    TcpPacket, TcpRepr, TcpSeqNumber,
};
#[cfg(feature = "slaac")]
use usocket_backend_smoltcp::smoltcp::wire::{
    Icmpv6Packet, Icmpv6Repr, Ipv6Packet, Ipv6Repr, NdiscPrefixInfoFlags, NdiscPrefixInformation,
    NdiscRepr, NdiscRouterFlags,
};

/// A segment of TCP in its Ethernet frame, from anybody to our side.
pub(crate) fn segment(
    from: (Ipv4Addr, u16),
    to: (Ipv4Addr, u16),
    control: TcpControl,
    seq: i32,
    ack: Option<i32>,
) -> Vec<u8> {
    let tcp = TcpRepr {
        src_port: from.1,
        dst_port: to.1,
        control,
        seq_number: TcpSeqNumber(seq),
        ack_number: ack.map(TcpSeqNumber),
        window_len: 4096,
        window_scale: None,
        max_seg_size: Some(1460),
        sack_permitted: false,
        sack_ranges: [None; 3],
        timestamp: None,
        payload: &[],
    };
    let ip = Ipv4Repr {
        src_addr: from.0,
        dst_addr: to.0,
        next_header: IpProtocol::Tcp,
        payload_len: tcp.buffer_len(),
        hop_limit: 64,
    };
    let checksums = ChecksumCapabilities::default();
    let mut frame = vec![0; 14 + ip.buffer_len() + tcp.buffer_len()];
    let mut ethernet = EthernetFrame::new_unchecked(&mut frame);
    ethernet.set_src_addr(EthernetAddress([2, 0, 0, 0, 0, 2]));
    ethernet.set_dst_addr(EthernetAddress([2, 0, 0, 0, 0, 1]));
    ethernet.set_ethertype(EthernetProtocol::Ipv4);
    let mut packet = Ipv4Packet::new_unchecked(ethernet.payload_mut());
    ip.emit(&mut packet, &checksums);
    let mut packet = TcpPacket::new_unchecked(packet.payload_mut());
    tcp.emit(&mut packet, &from.0.into(), &to.0.into(), &checksums);
    frame
}

/// What a router says.
#[cfg(feature = "slaac")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Advertisement {
    pub(crate) from: Ipv6Addr,
    pub(crate) hop_limit: u8,
    /// How long the router is one.
    pub(crate) router: Duration,
    pub(crate) prefix: Ipv6Addr,
    pub(crate) prefix_len: u8,
    /// How long addresses of the prefix are valid.
    pub(crate) valid: Duration,
}

#[cfg(feature = "slaac")]
impl Default for Advertisement {
    /// The peer is the router, for an hour, and `fd00::/64` is on the link.
    fn default() -> Self {
        let hour = Duration::from_secs(3600);
        Self {
            from: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 2),
            hop_limit: 255,
            router: hour,
            prefix: Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0),
            prefix_len: 64,
            valid: hour,
        }
    }
}

/// A router advertisement in its Ethernet frame, for all on the link.
#[cfg(feature = "slaac")]
pub(crate) fn advertisement(said: Advertisement) -> Vec<u8> {
    let seconds = |time: Duration| smoltcp::time::Duration::from_secs(time.as_secs());
    let icmp = Icmpv6Repr::Ndisc(NdiscRepr::RouterAdvert {
        hop_limit: 64,
        flags: NdiscRouterFlags::empty(),
        router_lifetime: seconds(said.router),
        reachable_time: smoltcp::time::Duration::ZERO,
        retrans_time: smoltcp::time::Duration::ZERO,
        lladdr: None,
        mtu: None,
        prefix_info: Some(NdiscPrefixInformation {
            prefix_len: said.prefix_len,
            flags: NdiscPrefixInfoFlags::ADDRCONF | NdiscPrefixInfoFlags::ON_LINK,
            valid_lifetime: seconds(said.valid),
            preferred_lifetime: seconds(said.valid),
            prefix: said.prefix,
        }),
    });
    let to = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let ip = Ipv6Repr {
        src_addr: said.from,
        dst_addr: to,
        next_header: IpProtocol::Icmpv6,
        payload_len: icmp.buffer_len(),
        hop_limit: said.hop_limit,
    };
    let mut frame = vec![0; 14 + ip.buffer_len() + icmp.buffer_len()];
    let mut ethernet = EthernetFrame::new_unchecked(&mut frame);
    ethernet.set_src_addr(EthernetAddress([2, 0, 0, 0, 0, 2]));
    ethernet.set_dst_addr(EthernetAddress([0x33, 0x33, 0, 0, 0, 1]));
    ethernet.set_ethertype(EthernetProtocol::Ipv6);
    let mut packet = Ipv6Packet::new_unchecked(ethernet.payload_mut());
    ip.emit(&mut packet);
    let mut packet = Icmpv6Packet::new_unchecked(packet.payload_mut());
    icmp.emit(&said.from, &to, &mut packet, &ChecksumCapabilities::default());
    frame
}
