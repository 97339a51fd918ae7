//! Section M: sendto and recvfrom.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use usocket_core::{
    AF_INET6, Error, Family, SO_BROADCAST, SOCK_DGRAM, SOL_SOCKET, SockAddr, Usocket,
};

use super::section;
use super::setup::{
    BULK, PATIENCE, SHORT, Sock, bound_udp, check_took, connected, no_pipe, own_ip, script,
    without_udp,
};
use crate::{Digest, Failure, Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    sendto_binds_and_replies_arrive: rows [128], requirements [18], clauses [];
    recvfrom_names_each_sender: rows [129], requirements [18], clauses [];
    an_empty_datagram_makes_the_round: rows [130], requirements [17], clauses [18];
    sendto_leaves_the_default_peer: rows [131], requirements [18], clauses [];
    sendto_on_a_stream_is_send: rows [132], requirements [], clauses [];
    recvfrom_on_a_stream_names_the_peer: rows [133], requirements [8], clauses [];
    broadcast_needs_permission: rows [134], requirements [18], clauses [];
    what_sendto_refuses: rows [135], requirements [17, 25], clauses [19, 20, 21];
    recvfrom_fails_as_recv_does: rows [136], requirements [2, 5], clauses [14];
    a_closed_port_never_fails_sendto: rows [137], requirements [], clauses [];
    a_datagram_leaves_from_where_it_is_told: rows [], requirements [18], clauses [];
}

pub(crate) fn sendto_binds_and_replies_arrive<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let steps = [Step::Udp(Family::V4), Step::RecvFrom, Step::Reply(b"pong"), Step::Hold];
    let peer = script(h, &steps)?;
    let to = peer.address()?;
    let socket = h.net().udp()?;
    socket.settimeout(PATIENCE)?;
    check_eq!(socket.local_addr()?.port(), 0);
    check_eq!(socket.sendto(&BULK[..300], to), Ok(300));
    let own = socket.local_addr()?;
    check!(own.port() != 0);
    check_eq!(socket.bind(("", 0)), Err(Error::EINVAL));
    let mut buf = [0; 16];
    check_eq!(socket.recv(&mut buf), Ok(4));
    check_eq!(&buf[..4], b"pong");
    let report = peer.settle();
    check_eq!(report.digest, Digest::of_pattern(300));
    check_eq!(report.from.map(|from| from.port()), Some(own.port()));
    Ok(Verdict::Proved)
}

pub(crate) fn recvfrom_names_each_sender<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, to) = bound_udp(h)?;
    let mut buf = [0; 16];
    let texts: [&'static [u8]; 3] = [b"a", b"bb", b"ccc"];
    for text in texts {
        let steps = [Step::Udp(Family::V4), Step::SendTo(to, text), Step::RecvFrom, Step::Hold];
        let peer = script(h, &steps)?;
        let (len, sender) = socket.recvfrom(&mut buf)?;
        check_eq!(&buf[..len], text);
        check_eq!(sender, peer.address()?);
        check_eq!(socket.sendto(b"re", sender), Ok(2));
        let report = peer.settle();
        check_eq!(&report.head[..], b"re");
        check_eq!(report.from, Some(to));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn an_empty_datagram_makes_the_round<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let peer = script(h, &[Step::Udp(Family::V4), Step::EchoFrom(1), Step::Hold])?;
    let to = peer.address()?;
    let (socket, _) = bound_udp(h)?;
    if !h.caps().empty_datagrams {
        return unsupported(socket.sendto(b"", to), Error::EOPNOTSUPP);
    }
    check_eq!(socket.sendto(b"", to), Ok(0));
    check_eq!(socket.recvfrom(&mut [0; 8]), Ok((0, to)));
    check_eq!(peer.settle().datagrams, 1);
    Ok(Verdict::Proved)
}

pub(crate) fn sendto_leaves_the_default_peer<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let steps = [Step::Udp(Family::V4), Step::RecvFrom, Step::Hold];
    let (a, b) = (script(h, &steps)?, script(h, &steps)?);
    let (socket, _) = bound_udp(h)?;
    socket.connect(a.address()?)?;
    check_eq!(socket.sendto(b"to b", b.address()?), Ok(4));
    check_eq!(socket.peer_addr(), Ok(a.address()?));
    check_eq!(socket.send(b"to a"), Ok(4));
    check_eq!(&b.settle().head[..], b"to b");
    check_eq!(&a.settle().head[..], b"to a");
    Ok(Verdict::Proved)
}

pub(crate) fn sendto_on_a_stream_is_send<H: Harness>(h: &H) -> Outcome {
    let refusing = h.peer().refusing(Family::V4);
    let fresh = h.net().tcp()?;
    check!(h.api().sendto(&fresh, b"x", refusing).is_err_and(no_pipe));
    let (socket, peer) = connected(h, &[Step::RecvToEnd, Step::Hold])?;
    check_eq!(h.api().sendto(&socket, b"hello", refusing), Ok(5));
    socket.close()?;
    check_eq!(h.api().sendto(&socket, b"hello", refusing), Err(Error::EBADF));
    check_eq!(&peer.settle().head[..], b"hello");
    Ok(Verdict::Proved)
}

pub(crate) fn recvfrom_on_a_stream_names_the_peer<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Text(b"hi"), Step::Hold])?;
    check_eq!(socket.recvfrom(&mut [0; 1]), Ok((1, peer.address()?)));
    check_eq!(socket.recvfrom(&mut [0; 1]), Ok((1, peer.address()?)));
    if !h.caps().server {
        return Ok(Verdict::Proved);
    }
    let listener = h.net().tcp()?;
    let ip = own_ip(h, Family::V4)?;
    listener.bind((ip, 0))?;
    listener.listen(1)?;
    listener.settimeout(PATIENCE)?;
    let to = SockAddr::new(ip, listener.local_addr()?.port());
    let peer = script(h, &[Step::Connect(to), Step::Text(b"x"), Step::Fin, Step::Hold])?;
    let (accepted, _) = listener.accept()?;
    accepted.settimeout(PATIENCE)?;
    let from = peer.address()?;
    check_eq!(accepted.recvfrom(&mut [0; 8]), Ok((1, from)));
    // Also at the end of the stream.
    check_eq!(accepted.recvfrom(&mut [0; 8]), Ok((0, from)));
    Ok(Verdict::Proved)
}

pub(crate) fn broadcast_needs_permission<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, _) = bound_udp(h)?;
    if !h.caps().broadcast {
        return unsupported(socket.setsockopt(SOL_SOCKET, SO_BROADCAST, 1), Error::ENOPROTOOPT);
    }
    // The loopback has a broadcast address of its own.
    let ip = match own_ip(h, Family::V4)? {
        IpAddr::V4(own) if own.is_loopback() => Ipv4Addr::new(127, 255, 255, 255),
        _ => Ipv4Addr::BROADCAST,
    };
    let to = SockAddr::new(ip.into(), 9);
    check_eq!(socket.sendto(b"x", to), Err(Error::EACCES));
    socket.setsockopt(SOL_SOCKET, SO_BROADCAST, 1)?;
    check_eq!(socket.sendto(b"x", to), Ok(1));
    socket.setsockopt(SOL_SOCKET, SO_BROADCAST, 0)?;
    check_eq!(socket.sendto(b"x", to), Err(Error::EACCES));
    Ok(Verdict::Proved)
}

pub(crate) fn what_sendto_refuses<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, own) = bound_udp(h)?;
    let oversize = &BULK[..=h.caps().max_datagram];
    check_eq!(socket.sendto(oversize, own), Err(Error::EMSGSIZE));
    let other = SockAddr::new(Family::V6.unspecified(), 9);
    check_eq!(h.api().sendto(&socket, b"x", other), Err(Error::EAFNOSUPPORT));
    if h.caps().ipv6 {
        let socket = h.net().socket(AF_INET6, SOCK_DGRAM)?;
        check_eq!(h.api().sendto(&socket, b"x", own), Err(Error::EAFNOSUPPORT));
    }
    check_eq!(h.api().sendto(&socket, b"x", own.with_port(0)), Err(Error::EINVAL));
    for (host, port) in [("localhost", 9), ("1.2.3", 9), ("1.2.3.4", -1), ("1.2.3.4", 65_536)] {
        check_eq!(socket.sendto(b"x", (host, port)), Err(Error::EINVAL));
    }
    socket.close()?;
    for address in [own, other, own.with_port(0)] {
        check_eq!(h.api().sendto(&socket, b"x", address), Err(Error::EBADF));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn recvfrom_fails_as_recv_does<H: Harness>(h: &H) -> Outcome {
    let mut buf = [0; 8];
    let fresh = h.net().tcp()?;
    for timeout in [Some(Duration::ZERO), None, Some(PATIENCE)] {
        fresh.settimeout(timeout)?;
        check_eq!(fresh.recvfrom(&mut buf).map(|_| ()), Err(Error::ENOTCONN));
    }
    let (stream, _peer) = connected(h, &[Step::Hold])?;
    let quiet = |socket: &Sock<'_, H>| -> Result<(), Failure> {
        let mut buf = [0; 8];
        socket.setblocking(false)?;
        check_eq!(socket.recvfrom(&mut buf).map(|_| ()), Err(Error::EAGAIN));
        socket.settimeout(SHORT)?;
        let begun = h.now();
        check_eq!(socket.recvfrom(&mut buf).map(|_| ()), Err(Error::ETIMEDOUT));
        check_took(h, begun, SHORT)
    };
    quiet(&stream)?;
    stream.close()?;
    check_eq!(stream.recvfrom(&mut buf).map(|_| ()), Err(Error::EBADF));
    if h.caps().udp {
        quiet(&bound_udp(h)?.0)?;
        quiet(&h.net().udp()?)?;
    }
    Ok(Verdict::Proved)
}

pub(crate) fn a_closed_port_never_fails_sendto<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, _) = bound_udp(h)?;
    let refusing = h.peer().refusing(Family::V4);
    for _ in 0..4 {
        check_eq!(socket.sendto(b"x", refusing), Ok(1));
        h.pass(Duration::from_millis(20));
    }
    socket.setblocking(false)?;
    check_eq!(socket.recv(&mut [0; 8]), Err(Error::EAGAIN));
    Ok(Verdict::Proved)
}

pub(crate) fn a_datagram_leaves_from_where_it_is_told<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let peer = script(h, &[Step::Udp(Family::V4), Step::RecvFrom, Step::Hold])?;
    let to = peer.address()?;
    let (own, foreign) = (own_ip(h, Family::V4)?, IpAddr::from([192, 0, 2, 77]));
    let socket = h.net().udp()?;
    socket.settimeout(PATIENCE)?;
    socket.bind(("", 0))?;
    match socket.sendto_from("x", own, to) {
        Err(error @ Error::EOPNOTSUPP) if !h.caps().local_address => {
            return Ok(Verdict::Unsupported(error));
        }
        answer => check_eq!(answer, Ok(1)),
    }
    check_eq!(peer.settle().from, Some(SockAddr::new(own, socket.local_addr()?.port())));
    check_eq!(socket.sendto_from("x", foreign, to), Err(Error::EADDRNOTAVAIL));
    let asynch = socket.asynch();
    check_eq!(h.net().block_on(asynch.sendto_from("x", own, to)), Ok(1));
    let answer = h.net().block_on(asynch.sendto_from("x", foreign, to));
    check_eq!(answer, Err(Error::EADDRNOTAVAIL));
    check_eq!(h.net().tcp()?.sendto_from("x", own, to), Err(Error::EOPNOTSUPP));
    let stream = h.net().tcp()?;
    stream.close()?;
    socket.close()?;
    for closed in [&socket, &stream] {
        check_eq!(closed.sendto_from("x", own, to), Err(Error::EBADF));
        let answer = h.net().block_on(closed.asynch().sendto_from("x", own, to));
        check_eq!(answer, Err(Error::EBADF));
    }
    Ok(Verdict::Proved)
}
