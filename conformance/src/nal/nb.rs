//! `embedded_nal` 0.9.

use core::net::SocketAddr;

use embedded_nal::{
    AddrType, Dns, SharableStack, TcpClientStack, TcpError, TcpErrorKind, TcpFullStack,
    UdpClientStack, UdpFullStack, nb,
};
use usocket_core::nal::{NbStack, NbTcpSocket};
use usocket_core::{Error, Family, Usocket};

use super::lookup::is_name;
use crate::cases::section;
use crate::cases::setup::{BULK, PATIENCE, SHORT, own_ip, script};
use crate::{Digest, End, Failure, Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    nb_connects_and_echoes: rows [], requirements [4], clauses [];
    nb_tells_an_end_of_stream: rows [], requirements [2], clauses [12];
    nb_tells_a_reset: rows [], requirements [2], clauses [13];
    nb_tells_that_it_would_block: rows [], requirements [2], clauses [];
    nb_tells_why_it_cannot_connect: rows [], requirements [4, 25], clauses [15];
    nb_loses_nothing_when_closed: rows [], requirements [9], clauses [17];
    nb_serves_and_tells_the_peer: rows [], requirements [8], clauses [];
    nb_datagrams: rows [], requirements [17, 18], clauses [18];
    nb_names: rows [], requirements [6], clauses [23];
    nb_names_asked_in_turns: rows [], requirements [6], clauses [];
    nb_is_shared_by_clients: rows [], requirements [14], clauses [];
    nb_takes_the_family_of_the_remote: rows [], requirements [25], clauses [];
}

type Tcp<'h, H> = NbTcpSocket<'h, <H as Harness>::Net>;

/// Calls until the answer is another than would-block, or too much time has passed.
#[track_caller]
fn block<H: Harness, T>(
    h: &H,
    mut call: impl FnMut() -> nb::Result<T, Error>,
) -> Result<Result<T, Error>, Failure> {
    let limit = h.now() + PATIENCE;
    while h.now() < limit {
        match call() {
            Ok(answer) => return Ok(Ok(answer)),
            Err(nb::Error::Other(error)) => return Ok(Err(error)),
            Err(nb::Error::WouldBlock) => h.pass(core::time::Duration::from_millis(1)),
        }
    }
    Err(Failure::new("a call would block for ever"))
}

/// A connected socket and its peer, which does these steps.
fn connected<'h, H: Harness>(
    h: &'h H,
    stack: &mut NbStack<'h, H::Net>,
    then: &[Step],
) -> Result<(Tcp<'h, H>, crate::cases::setup::Script<'h>), Failure> {
    let mut steps = heapless::Vec::<Step, 8>::new();
    for step in [Step::Listen(Family::V4, 1), Step::Accept].iter().chain(then) {
        steps.push(*step).map_err(|_| Error::ENOBUFS)?;
    }
    let peer = script(h, &steps)?;
    let to = peer.address()?.to_std();
    let mut socket = TcpClientStack::socket(stack)?;
    block(h, || TcpClientStack::connect(stack, &mut socket, to))??;
    Ok((socket, peer))
}

fn send_all<'h, H: Harness>(
    h: &H,
    stack: &mut NbStack<'h, H::Net>,
    socket: &mut Tcp<'h, H>,
    data: &[u8],
) -> Result<(), Failure> {
    let mut sent = 0;
    while sent < data.len() {
        sent += block(h, || TcpClientStack::send(stack, socket, &data[sent..]))??;
    }
    Ok(())
}

/// A receive that waits.
fn receive<'h, H: Harness>(
    h: &H,
    stack: &mut NbStack<'h, H::Net>,
    socket: &mut Tcp<'h, H>,
    buf: &mut [u8],
) -> Result<Result<usize, Error>, Failure> {
    block(h, || TcpClientStack::receive(stack, socket, buf))
}

fn nb_connects_and_echoes<H: Harness>(h: &H) -> Outcome {
    let mut stack = NbStack::new(h.net());
    let (mut socket, _peer) = connected(h, &mut stack, &[Step::Echo])?;
    send_all(h, &mut stack, &mut socket, b"to be echoed")?;
    let (mut buf, mut filled) = ([0; 12], 0);
    while filled < buf.len() {
        filled += receive(h, &mut stack, &mut socket, &mut buf[filled..])??;
    }
    check_eq!(&buf, b"to be echoed");
    check_eq!(receive(h, &mut stack, &mut socket, &mut [])?, Ok(0));
    let again =
        TcpClientStack::connect(&mut stack, &mut socket, h.peer().refusing(Family::V4).to_std());
    check!(again == Err(nb::Error::Other(Error::EISCONN)));
    Ok(Verdict::Proved)
}

fn nb_tells_an_end_of_stream<H: Harness>(h: &H) -> Outcome {
    let mut stack = NbStack::new(h.net());
    let (mut socket, _peer) = connected(h, &mut stack, &[Step::Close])?;
    for _ in 0..3 {
        check_eq!(receive(h, &mut stack, &mut socket, &mut [0; 8])?, Ok(0));
    }
    Ok(Verdict::Proved)
}

fn nb_tells_a_reset<H: Harness>(h: &H) -> Outcome {
    let mut stack = NbStack::new(h.net());
    let (mut socket, _peer) = connected(h, &mut stack, &[Step::Wait(5), Step::Rst])?;
    let answer = receive(h, &mut stack, &mut socket, &mut [0; 8])?;
    if !h.caps().reset {
        check_eq!(answer, Ok(0));
        return Ok(Verdict::Unsupported(Error::EOPNOTSUPP));
    }
    check_eq!(answer, Err(Error::ECONNRESET));
    check!(TcpError::kind(&Error::ECONNRESET) == TcpErrorKind::PipeClosed);
    check_eq!(receive(h, &mut stack, &mut socket, &mut [0; 8])?, Ok(0));
    let sent = TcpClientStack::send(&mut stack, &mut socket, b"x");
    check!(sent == Err(nb::Error::Other(Error::EPIPE)));
    check!(TcpError::kind(&Error::EPIPE) == TcpErrorKind::PipeClosed);
    check!(TcpError::kind(&Error::ETIMEDOUT) == TcpErrorKind::Other);
    Ok(Verdict::Proved)
}

fn nb_tells_that_it_would_block<H: Harness>(h: &H) -> Outcome {
    let mut stack = NbStack::new(h.net());
    let (mut socket, _peer) = connected(h, &mut stack, &[Step::Hold])?;
    for _ in 0..3 {
        let answer = TcpClientStack::receive(&mut stack, &mut socket, &mut [0; 8]);
        check!(answer == Err(nb::Error::WouldBlock));
        h.pass(SHORT);
    }
    let limit = 64 << 20;
    let mut sent = 0;
    loop {
        match TcpClientStack::send(&mut stack, &mut socket, &BULK) {
            Ok(count) => sent += count,
            Err(nb::Error::WouldBlock) => break,
            Err(nb::Error::Other(error)) => return Err(error.into()),
        }
        check!(sent < limit);
    }
    Ok(Verdict::Proved)
}

fn nb_tells_why_it_cannot_connect<H: Harness>(h: &H) -> Outcome {
    let mut stack = NbStack::new(h.net());
    let mut socket = TcpClientStack::socket(&mut stack)?;
    let refusing = h.peer().refusing(Family::V4).to_std();
    // Tried, told, and tried again.
    for _ in 0..2 {
        let answer = block(h, || TcpClientStack::connect(&mut stack, &mut socket, refusing))?;
        check_eq!(answer, Err(Error::ECONNREFUSED));
    }
    let nowhere = SocketAddr::new(refusing.ip(), 0);
    let answer = block(h, || TcpClientStack::connect(&mut stack, &mut socket, nowhere))?;
    check_eq!(answer, Err(Error::EINVAL));
    let silent = h.peer().silent(Family::V4).to_std();
    for (to, wanted) in [
        (silent, nb::Error::WouldBlock),
        (silent, nb::Error::WouldBlock),
        (refusing, nb::Error::Other(Error::EALREADY)),
    ] {
        check!(TcpClientStack::connect(&mut stack, &mut socket, to) == Err(wanted));
    }
    TcpClientStack::close(&mut stack, socket)?;
    Ok(Verdict::Proved)
}

fn nb_loses_nothing_when_closed<H: Harness>(h: &H) -> Outcome {
    let mut stack = NbStack::new(h.net());
    for dropped in [true, false] {
        let steps = [Step::RecvToEnd, Step::Hold];
        let (mut socket, peer) = connected(h, &mut stack, &steps)?;
        send_all(h, &mut stack, &mut socket, &BULK)?;
        if dropped {
            drop(socket);
        } else {
            TcpClientStack::close(&mut stack, socket)?;
        }
        let seen = peer.settle();
        check_eq!(seen.received, BULK.len() as u64);
        check_eq!(seen.digest, Digest::of_pattern(BULK.len() as u64));
        check!(seen.end == End::Fin);
    }
    Ok(Verdict::Proved)
}

fn nb_serves_and_tells_the_peer<H: Harness>(h: &H) -> Outcome {
    let mut stack = NbStack::new(h.net());
    let mut listener = TcpClientStack::socket(&mut stack)?;
    let bound = TcpFullStack::bind(&mut stack, &mut listener, 0);
    if !h.caps().server {
        return unsupported(bound, Error::EOPNOTSUPP);
    }
    bound?;
    TcpFullStack::listen(&mut stack, &mut listener)?;
    check!(
        TcpFullStack::accept(&mut stack, &mut listener).is_err_and(|e| e == nb::Error::WouldBlock)
    );
    // A port that a modem must open first: nothing here waits for it.
    let limit = h.now() + PATIENCE;
    while !usocket_core::spi::Backend::in_effect(h.net(), listener.socket().handle()) {
        check!(h.now() < limit);
        h.pass(SHORT);
    }
    let at = SocketAddr::new(own_ip(h, Family::V4)?, listener.socket().local_addr()?.port());
    let steps = [Step::Connect(at.into()), Step::Wait(100), Step::Text(b"hi"), Step::RecvToEnd];
    let peer = script(h, &steps)?;
    let (mut socket, from) = block(h, || TcpFullStack::accept(&mut stack, &mut listener))??;
    let early = TcpClientStack::receive(&mut stack, &mut socket, &mut [0; 4]);
    check!(early == Err(nb::Error::WouldBlock));
    check_eq!(Ok(from.into()), peer.address());
    let mut buf = [0; 4];
    check_eq!(receive(h, &mut stack, &mut socket, &mut buf)?, Ok(2));
    send_all(h, &mut stack, &mut socket, b"welcome")?;
    TcpClientStack::close(&mut stack, socket)?;
    check_eq!(peer.settle().received, 7);
    TcpClientStack::close(&mut stack, listener)?;
    Ok(Verdict::Proved)
}

fn nb_datagrams<H: Harness>(h: &H) -> Outcome {
    let mut stack = NbStack::new(h.net());
    if !h.caps().udp {
        return unsupported(UdpClientStack::socket(&mut stack).map(|_| ()), Error::EOPNOTSUPP);
    }
    let steps = [Step::Udp(Family::V4), Step::EchoFrom(3), Step::Hold];
    let peer = script(h, &steps)?;
    let to = peer.address()?.to_std();
    // A client.
    let mut socket = UdpClientStack::socket(&mut stack)?;
    let early = UdpClientStack::send(&mut stack, &mut socket, b"x");
    check!(early == Err(nb::Error::Other(Error::EDESTADDRREQ)));
    UdpClientStack::connect(&mut stack, &mut socket, to)?;
    block(h, || UdpClientStack::send(&mut stack, &mut socket, b"one"))??;
    let mut buf = [0; 8];
    let (len, from) = block(h, || UdpClientStack::receive(&mut stack, &mut socket, &mut buf))??;
    check_eq!(&buf[..len], b"one");
    check!(from == to);
    UdpClientStack::close(&mut stack, socket)?;
    // A server: a later `send` goes where the last `send_to` went.
    let mut socket = UdpClientStack::socket(&mut stack)?;
    UdpFullStack::bind(&mut stack, &mut socket, 0)?;
    let limit = h.now() + PATIENCE;
    while !usocket_core::spi::Backend::in_effect(h.net(), socket.socket().handle()) {
        check!(h.now() < limit);
        h.pass(SHORT);
    }
    check!(socket.socket().local_addr()?.port() != 0);
    block(h, || UdpFullStack::send_to(&mut stack, &mut socket, to, b"two"))??;
    block(h, || UdpClientStack::send(&mut stack, &mut socket, b"three"))??;
    for text in [&b"two"[..], b"three"] {
        let (len, from) = block(h, || UdpClientStack::receive(&mut stack, &mut socket, &mut buf))??;
        check_eq!(&buf[..len], text);
        check!(from == to);
    }
    let nothing = UdpClientStack::receive(&mut stack, &mut socket, &mut buf);
    check!(nothing == Err(nb::Error::WouldBlock));
    Ok(Verdict::Proved)
}

fn nb_names<H: Harness>(h: &H) -> Outcome {
    let mut stack = NbStack::new(h.net());
    let name = h.peer().name();
    let found = block(h, || stack.get_host_by_name(name, AddrType::IPv4))??;
    check!(found.is_loopback() || h.peer().ip(Family::V4) == Some(found));
    let literal = stack.get_host_by_name("192.0.2.7", AddrType::Either);
    check!(literal == Ok(core::net::IpAddr::from([192, 0, 2, 7])));
    let wrong = stack.get_host_by_name("192.0.2.7", AddrType::IPv6);
    check!(wrong == Err(nb::Error::Other(Error::EAI_ADDRFAMILY)));
    let bad = stack.get_host_by_name("no name!", AddrType::Either);
    check!(bad == Err(nb::Error::Other(Error::EAI_NONAME)));
    // Stacks that are dropped with a question out leave nothing behind.
    for _ in 0..20 {
        let mut hasty = NbStack::new(h.net());
        let _ = hasty.get_host_by_name(name, AddrType::IPv4);
    }
    check_eq!(block(h, || stack.get_host_by_name(name, AddrType::IPv4))?, Ok(found));
    let mut name = [0; 255];
    let reverse = block(h, || stack.get_host_by_address(found, &mut name))?;
    if reverse.is_ok() {
        let short = block(h, || stack.get_host_by_address(found, &mut name[..1]))?;
        check_eq!(short, Err(Error::ENOBUFS));
    }
    is_name(h, found, reverse, &name)
}

/// Two clients of one stack, both asking, in turns: neither gets the other's answer.
fn nb_names_asked_in_turns<H: Harness>(h: &H) -> Outcome {
    let mut stack = NbStack::new(h.net());
    let (name, unknown) = (h.peer().name(), "does-not-exist.invalid");
    let (mut first, mut second) = (None, None);
    if stack.get_host_by_name(name, AddrType::IPv4) == Err(nb::Error::WouldBlock) {
        // The answer that comes meanwhile is not for this one.
        for _ in 0..50 {
            let other = stack.get_host_by_name(unknown, AddrType::IPv4);
            check!(other == Err(nb::Error::WouldBlock));
            h.pass(core::time::Duration::from_millis(10));
        }
    }
    // One may have to wait until the other's question is given up.
    let limit = h.now() + PATIENCE * 4;
    while first.is_none() || second.is_none() {
        check!(h.now() < limit);
        if first.is_none() {
            first = waited(stack.get_host_by_name(name, AddrType::IPv4));
        }
        if second.is_none() {
            second = waited(stack.get_host_by_name(unknown, AddrType::IPv4));
        }
        h.pass(core::time::Duration::from_millis(1));
    }
    check!(first.is_some_and(|answer| answer.is_ok()));
    check!(second.is_some_and(|answer| answer.is_err()));
    Ok(Verdict::Proved)
}

fn nb_is_shared_by_clients<H: Harness>(h: &H) -> Outcome {
    let shared = SharableStack::new(NbStack::new(h.net()));
    let (mut a, mut b) = (shared.acquire(), shared.acquire());
    let mut one = TcpClientStack::socket(&mut a)?;
    let two = TcpClientStack::socket(&mut b)?;
    let silent = h.peer().silent(Family::V4).to_std();
    check!(TcpClientStack::connect(&mut a, &mut one, silent) == Err(nb::Error::WouldBlock));
    // Stacks over one backend are one stack.
    let mut own = NbStack::new(h.net());
    TcpClientStack::close(&mut own, one)?;
    TcpClientStack::close(&mut a, two)?;
    Ok(Verdict::Proved)
}

fn waited<T>(answer: nb::Result<T, Error>) -> Option<Result<T, Error>> {
    match answer {
        Ok(value) => Some(Ok(value)),
        Err(nb::Error::Other(error)) => Some(Err(error)),
        Err(nb::Error::WouldBlock) => None,
    }
}

fn nb_takes_the_family_of_the_remote<H: Harness>(h: &H) -> Outcome {
    let mut stack = NbStack::new(h.net());
    let mut socket = TcpClientStack::socket(&mut stack)?;
    check!(socket.socket().family() == Family::V4);
    let v6 = h.peer().refusing(if h.caps().ipv6 { Family::V6 } else { Family::V4 }).to_std();
    if h.caps().ipv6 {
        let answer = block(h, || TcpClientStack::connect(&mut stack, &mut socket, v6))?;
        check_eq!(answer, Err(Error::ECONNREFUSED));
        check!(socket.socket().family() == Family::V6);
        let mut server = NbStack::new(h.net()).with_family(Family::V6);
        check!(TcpClientStack::socket(&mut server)?.socket().family() == Family::V6);
        return Ok(Verdict::Proved);
    }
    let v6 = SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], v6.port()));
    let answer = block(h, || TcpClientStack::connect(&mut stack, &mut socket, v6))?;
    check_eq!(answer, Err(Error::EAFNOSUPPORT));
    unsupported(h.net().socket(usocket_core::AF_INET6, 1).map(|_| ()), Error::EAFNOSUPPORT)
}
