//! Frames by hand.

use core::net::Ipv4Addr;

use usocket_backend_smoltcp::smoltcp::phy::ChecksumCapabilities;
use usocket_backend_smoltcp::smoltcp::wire::{
    EthernetAddress, EthernetFrame, EthernetProtocol, IpProtocol, Ipv4Packet, Ipv4Repr, TcpControl,
    TcpPacket, TcpRepr, TcpSeqNumber,
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
