//! `edge_nal` 0.7: datagrams and groups.

use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::pin::pin;

use edge_nal::{
    MulticastV4, Readable, UdpBind, UdpConnect, UdpReceive, UdpSend, UdpSplit, UdpSplitMulticast,
};
use usocket_core::nal::Stack;
use usocket_core::{Error, Family};

use super::setup::{run, udp_peer, without_udp};
use crate::cases::duplex::ask;
use crate::cases::section;
use crate::cases::setup::{PATIENCE, own_ip};
use crate::{Failure, Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    edge_bound_datagrams: rows [], requirements [17, 18], clauses [18];
    edge_connected_datagrams: rows [], requirements [17, 18], clauses [18];
    edge_groups: rows [], requirements [18], clauses [];
}

/// The wildcard and no port: the backend's choice.
const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

fn edge_bound_datagrams<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h, run(h, UdpBind::bind(&Stack::new(h.net()), ANY))) {
        return outcome;
    }
    let own = SocketAddr::new(own_ip(h, Family::V4)?, 0);
    let mut socket = run(h, UdpBind::bind(&Stack::new(h.net()), own))?;
    socket.socket().settimeout(PATIENCE)?;
    let at = SocketAddr::new(own.ip(), socket.socket().local_addr()?.port());
    check!(ask(pin!(socket.readable())).is_pending());
    let steps = [
        Step::SendTo(at.into(), b"a datagram too long"),
        Step::SendTo(at.into(), b"short"),
        Step::RecvFrom,
        Step::Hold,
    ];
    let (to, peer) = udp_peer(h, &steps)?;
    let (mut receive, mut send) = socket.split();
    check_eq!(run(h, receive.readable()), Ok(()));
    let mut buf = [0; 10];
    let (len, from) = run(h, receive.receive(&mut buf))?;
    check_eq!((len, from == to), (19, true));
    check!(from == to);
    check_eq!(&buf, b"a datagram");
    check_eq!(run(h, receive.receive(&mut buf))?.0, 5);
    check_eq!(run(h, send.send(to, b"fine")), Ok(()));
    let seen = peer.settle();
    check_eq!(seen.received, 4);
    check_eq!(seen.from.map(SocketAddr::from), Some(at));
    Ok(Verdict::Proved)
}

fn edge_connected_datagrams<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h, run(h, UdpBind::bind(&Stack::new(h.net()), ANY))) {
        return outcome;
    }
    let (to, peer) = udp_peer(h, &[Step::RecvFrom, Step::Reply(b"answer"), Step::Hold])?;
    let mut socket = run(h, UdpConnect::connect(&Stack::new(h.net()), ANY, to))?;
    socket.socket().settimeout(PATIENCE)?;
    // The address given is ignored, as the trait wants.
    let other = SocketAddr::from(([192, 0, 2, 77], 9));
    check_eq!(run(h, UdpSend::send(&mut socket, other, b"question")), Ok(()));
    let mut buf = [0; 16];
    let (len, from) = run(h, UdpReceive::receive(&mut socket, &mut buf))?;
    check_eq!(&buf[..len], b"answer");
    check!(from == to);
    check_eq!(peer.settle().received, 8);
    // From a port of our choice: one that was free just now.
    let port = socket.socket().local_addr()?.port();
    drop(socket);
    let local = SocketAddr::new(own_ip(h, Family::V4)?, port);
    let socket = run(h, UdpConnect::connect(&Stack::new(h.net()), local, to))?;
    check_eq!(socket.socket().local_addr()?.port(), port);
    Ok(Verdict::Proved)
}

fn edge_groups<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h, run(h, UdpBind::bind(&Stack::new(h.net()), ANY))) {
        return outcome;
    }
    let group = Ipv4Addr::new(239, 1, 2, 3);
    let interface = match own_ip(h, Family::V4)? {
        IpAddr::V4(ip) => ip,
        IpAddr::V6(_) => return Err(Failure::new("no IPv4 address")),
    };
    let mut socket = run(h, UdpBind::bind(&Stack::new(h.net()), ANY))?;
    socket.socket().settimeout(PATIENCE)?;
    if !h.caps().multicast {
        return unsupported(run(h, socket.join_v4(group, interface)), Error::ENOPROTOOPT);
    }
    let (_, _, mut v4, _) = socket.split_multicast();
    check_eq!(run(h, v4.join_v4(Ipv4Addr::LOCALHOST, interface)), Err(Error::EINVAL));
    check_eq!(run(h, v4.leave_v4(group, interface)), Err(Error::EADDRNOTAVAIL));
    check_eq!(run(h, v4.join_v4(group, interface)), Ok(()));
    check_eq!(run(h, v4.join_v4(group, interface)), Err(Error::EADDRINUSE));
    let to = SocketAddr::new(group.into(), socket.socket().local_addr()?.port());
    let (from, _peer) = udp_peer(h, &[Step::SendTo(to.into(), b"to all"), Step::Hold])?;
    let mut buf = [0; 16];
    let (len, sender) = run(h, UdpReceive::receive(&mut socket, &mut buf))?;
    check_eq!(&buf[..len], b"to all");
    check_eq!(sender.port(), from.port());
    check_eq!(run(h, socket.leave_v4(group, interface)), Ok(()));
    Ok(Verdict::Proved)
}
