//! `embedded_nal_async` 0.9.

use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;

use embedded_io::ErrorKind;
use embedded_io_async::{Read, Write};
use embedded_nal_async::{AddrType, ConnectedUdp, Dns, TcpConnect, UdpStack, UnconnectedUdp};
use usocket_core::nal::Stack;
use usocket_core::{Error, ErrorKind as Kind, Family};

use super::lookup::is_name;
use super::setup::{
    echo, ends, is_kind, loses_nothing, resets, run, server, times_out, udp_peer, without_udp,
};
use crate::cases::duplex::ask;
use crate::cases::section;
use crate::cases::setup::{SHORT, check_took, own_ip};
use crate::{Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    asynch_connects_and_echoes: rows [], requirements [], clauses [];
    asynch_tells_an_end_of_stream: rows [], requirements [2], clauses [12];
    asynch_tells_a_reset: rows [], requirements [2], clauses [13];
    asynch_tells_a_timeout: rows [], requirements [2, 5], clauses [];
    asynch_waits_where_it_would_block: rows [], requirements [2], clauses [];
    asynch_tells_its_own_close: rows [], requirements [2], clauses [9];
    asynch_tells_why_it_cannot_connect: rows [], requirements [25], clauses [];
    asynch_loses_nothing_when_dropped: rows [], requirements [9], clauses [17];
    asynch_connected_datagrams: rows [], requirements [17, 18], clauses [18];
    asynch_uniquely_bound_datagrams: rows [], requirements [17, 18], clauses [18];
    asynch_multiply_bound_datagrams: rows [], requirements [18], clauses [18];
    asynch_refuses_contradictions: rows [], requirements [18], clauses [];
    asynch_names: rows [], requirements [6], clauses [23];
}

/// Connects as a client does that knows the trait alone.
async fn dial<T: TcpConnect>(stack: &T, to: SocketAddr) -> Result<T::Connection<'_>, T::Error> {
    stack.connect(to).await
}

fn asynch_connects_and_echoes<H: Harness>(h: &H) -> Outcome {
    let (to, _peer) = server(h, &[Step::Echo])?;
    let stack = Stack::new(h.net());
    let mut stream = run(h, dial(&stack, to))?;
    check_eq!(run(h, stream.read(&mut [])), Ok(0));
    check_eq!(run(h, stream.write(&[])), Ok(0));
    run(h, echo(&mut stream))?;
    check_eq!(stream.socket().peer_addr().map(SocketAddr::from), Ok(to));
    Ok(Verdict::Proved)
}

fn asynch_tells_an_end_of_stream<H: Harness>(h: &H) -> Outcome {
    let (to, _peer) = server(h, &[Step::Close])?;
    ends(h, &mut run(h, dial(&Stack::new(h.net()), to))?)
}

fn asynch_tells_a_reset<H: Harness>(h: &H) -> Outcome {
    let (to, _peer) = server(h, &[Step::Wait(5), Step::Rst])?;
    resets(h, &mut run(h, dial(&Stack::new(h.net()), to))?)
}

fn asynch_tells_a_timeout<H: Harness>(h: &H) -> Outcome {
    let (to, _peer) = server(h, &[Step::Echo])?;
    let mut stream = run(h, dial(&Stack::new(h.net()), to))?;
    stream.socket().settimeout(SHORT)?;
    let begun = h.now();
    check_eq!(run(h, stream.read(&mut [0; 4])), Err(Error::ETIMEDOUT));
    check_took(h, begun, SHORT)?;
    // As long as a modem may take for what comes behind.
    stream.socket().settimeout(Duration::from_secs(2))?;
    times_out(h, &mut stream)?;
    let stack = Stack::new(h.net());
    check_eq!(stack.with_timeout(0).map(|_| ()), Err(Error::EINVAL));
    let hasty = stack.with_timeout(SHORT)?;
    let begun = h.now();
    let answer = run(h, dial(&hasty, h.peer().silent(Family::V4).to_std())).map(|_| ());
    check_took(h, begun, SHORT)?;
    is_kind(answer, ErrorKind::TimedOut)?;
    Ok(Verdict::Proved)
}

fn asynch_waits_where_it_would_block<H: Harness>(h: &H) -> Outcome {
    let (to, _peer) = server(h, &[Step::Wait(40), Step::Text(b"late"), Step::Hold])?;
    let mut stream = run(h, dial(&Stack::new(h.net()), to))?;
    let mut buf = [0; 4];
    {
        let mut waiting = pin!(stream.read_exact(&mut buf));
        check!(ask(waiting.as_mut()).is_pending());
        check!(run(h, waiting).is_ok());
    }
    check_eq!(&buf, b"late");
    Ok(Verdict::Proved)
}

fn asynch_tells_its_own_close<H: Harness>(h: &H) -> Outcome {
    let (to, _peer) = server(h, &[Step::Hold])?;
    let mut stream = run(h, dial(&Stack::new(h.net()), to))?;
    stream.socket().close()?;
    is_kind(run(h, stream.read(&mut [0; 4])), ErrorKind::NotConnected)?;
    is_kind(run(h, stream.write(b"x")), ErrorKind::NotConnected)?;
    check_eq!(run(h, stream.flush()), Err(Error::EBADF));
    Ok(Verdict::Proved)
}

fn asynch_tells_why_it_cannot_connect<H: Harness>(h: &H) -> Outcome {
    let stack = Stack::new(h.net());
    let refusing = h.peer().refusing(Family::V4).to_std();
    is_kind(run(h, dial(&stack, refusing)).map(|_| ()), ErrorKind::ConnectionRefused)?;
    let nowhere = SocketAddr::new(refusing.ip(), 0);
    is_kind(run(h, dial(&stack, nowhere)).map(|_| ()), ErrorKind::InvalidInput)?;
    if !h.caps().ipv6 {
        let v6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 80));
        is_kind(run(h, dial(&stack, v6)).map(|_| ()), ErrorKind::Unsupported)?;
    }
    Ok(Verdict::Proved)
}

fn asynch_loses_nothing_when_dropped<H: Harness>(h: &H) -> Outcome {
    let (to, peer) = server(h, &[Step::RecvToEnd, Step::Hold])?;
    loses_nothing(h, run(h, dial(&Stack::new(h.net()), to))?, &peer)
}

/// The whole case on a backend without datagrams.
fn without_datagrams<H: Harness>(h: &H) -> Option<Outcome> {
    without_udp(h, run(h, Stack::new(h.net()).bind_multiple(([0, 0, 0, 0], 0).into())))
}

fn asynch_connected_datagrams<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_datagrams(h) {
        return outcome;
    }
    let steps = [Step::RecvFrom, Step::Reply(b"a longer answer"), Step::Reply(b"2"), Step::Hold];
    let (to, peer) = udp_peer(h, &steps)?;
    let stack = Stack::new(h.net());
    let (local, mut socket) = run(h, UdpStack::connect(&stack, to))?;
    check!(local.port() != 0);
    run(h, ConnectedUdp::send(&mut socket, b"question"))?;
    let mut buf = [0; 8];
    check_eq!(run(h, ConnectedUdp::receive_into(&mut socket, &mut buf)), Ok(15));
    check_eq!(&buf, b"a longer");
    check_eq!(run(h, ConnectedUdp::receive_into(&mut socket, &mut buf)), Ok(1));
    let seen = peer.settle();
    check_eq!(seen.received, 8);
    check_eq!(seen.from.map(|from| from.port()), Some(local.port()));
    let other = SocketAddr::new(to.ip(), to.port().wrapping_add(1).max(1));
    let astray = UnconnectedUdp::send(&mut socket, local, other, b"x");
    check_eq!(run(h, astray), Err(Error::EISCONN));
    Ok(Verdict::Proved)
}

fn asynch_uniquely_bound_datagrams<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_datagrams(h) {
        return outcome;
    }
    let (to, peer) = udp_peer(h, &[Step::RecvFrom, Step::Reply(b"fine"), Step::Hold])?;
    let stack = Stack::new(h.net());
    let own = SocketAddr::new(own_ip(h, Family::V4)?, 0);
    let (local, mut socket) = run(h, stack.bind_single(own))?;
    check_eq!(local.ip(), own.ip());
    check!(local.port() != 0);
    run(h, UnconnectedUdp::send(&mut socket, local, to, b"how are you"))?;
    let mut buf = [0; 16];
    let (len, at, from) = run(h, UnconnectedUdp::receive_into(&mut socket, &mut buf))?;
    check_eq!(&buf[..len], b"fine");
    check_eq!(at, local);
    check!(from == to);
    check_eq!(peer.settle().from.map(SocketAddr::from), Some(local));
    // The wildcard becomes one address, of which the port is told.
    let (local, _socket) = run(h, stack.bind_single(([0, 0, 0, 0], 0).into()))?;
    check!(!local.ip().is_unspecified() && local.port() != 0);
    check!(usocket_core::spi::Backend::has_address(h.net(), local.ip()));
    Ok(Verdict::Proved)
}

fn asynch_multiply_bound_datagrams<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_datagrams(h) {
        return outcome;
    }
    let stack = Stack::new(h.net());
    let mut socket = run(h, stack.bind_multiple(([0, 0, 0, 0], 0).into()))?;
    let port = socket.socket().local_addr()?.port();
    let own = SocketAddr::new(own_ip(h, Family::V4)?, port);
    let (to, peer) =
        udp_peer(h, &[Step::SendTo(own.into(), b"hello"), Step::RecvFrom, Step::Hold])?;
    let mut buf = [0; 16];
    let (len, local, from) = run(h, UnconnectedUdp::receive_into(&mut socket, &mut buf))?;
    check_eq!(&buf[..len], b"hello");
    check!(from == to && local.port() == port);
    if h.caps().local_address {
        check_eq!(local.ip(), own.ip());
    }
    // Back from where it came to, and from anywhere; never from where we are not.
    run(h, UnconnectedUdp::send(&mut socket, local, to, b"again"))?;
    let seen = peer.settle();
    check_eq!(seen.from.map(|from| from.port()), Some(port));
    if h.caps().local_address {
        check_eq!(seen.from.map(|from| from.ip()), Some(own.ip()));
    }
    let any = SocketAddr::new(Family::V4.unspecified(), port);
    run(h, UnconnectedUdp::send(&mut socket, any, to, b"and again"))?;
    let foreign = SocketAddr::from(([192, 0, 2, 77], port));
    let answer = run(h, UnconnectedUdp::send(&mut socket, foreign, to, b"x"));
    check_eq!(answer, Err(Error::EADDRNOTAVAIL));
    Ok(Verdict::Proved)
}

fn asynch_refuses_contradictions<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_datagrams(h) {
        return outcome;
    }
    let (to, _peer) = udp_peer(h, &[Step::Hold])?;
    let stack = Stack::new(h.net());
    let own = SocketAddr::new(own_ip(h, Family::V4)?, 0);
    let (local, mut socket) = run(h, stack.bind_single(own))?;
    let port = SocketAddr::new(local.ip(), local.port() ^ 1);
    let ip = SocketAddr::from(([192, 0, 2, 77], local.port()));
    for wrong in [port, ip] {
        check_eq!(run(h, UnconnectedUdp::send(&mut socket, wrong, to, b"x")), Err(Error::EINVAL));
    }
    let (_, mut bound) = run(h, stack.bind_single(own))?;
    let answer = run(h, ConnectedUdp::send(&mut bound, b"to nobody"));
    check_eq!(answer, Err(Error::EDESTADDRREQ));
    Ok(Verdict::Proved)
}

fn asynch_names<H: Harness>(h: &H) -> Outcome {
    let stack = Stack::new(h.net());
    let name = h.peer().name();
    let found = run(h, stack.get_host_by_name(name, AddrType::IPv4))?;
    check!(found.is_ipv4());
    check!(found.is_loopback() || h.peer().ip(Family::V4) == Some(found));
    let literal = run(h, stack.get_host_by_name("192.0.2.7", AddrType::Either))?;
    check_eq!(literal, core::net::IpAddr::from([192, 0, 2, 7]));
    let other = run(h, stack.get_host_by_name("192.0.2.7", AddrType::IPv6));
    check_eq!(other, Err(Error::EAI_ADDRFAMILY));
    for bad in ["", "no name!", "does-not-exist.invalid"] {
        let answer = run(h, stack.get_host_by_name(bad, AddrType::Either));
        check!(answer.is_err_and(|error| matches!(
            error.kind(),
            Kind::NameUnknown | Kind::NameTemporary | Kind::NameFailure
        )));
    }
    // Dropped questions take no place away.
    for _ in 0..20 {
        let asked = pin!(stack.get_host_by_name(name, AddrType::IPv4));
        let _ = ask(asked);
    }
    check_eq!(run(h, stack.get_host_by_name(name, AddrType::IPv4)), Ok(found));
    let mut name = [0; 255];
    let reverse = run(h, stack.get_host_by_address(found, &mut name));
    if reverse.is_ok() {
        let short = run(h, stack.get_host_by_address(found, &mut name[..1]));
        check_eq!(short, Err(Error::ENOBUFS));
    }
    is_name(h, found, reverse, &name)
}
