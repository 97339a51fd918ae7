//! `edge_nal` 0.7: streams and names.

use core::future::{Future, poll_fn};
use core::net::SocketAddr;
use core::pin::pin;
use core::task::Poll;

use edge_nal::{
    AddrType, Close, Dns, Readable, TcpAccept, TcpBind, TcpConnect, TcpShutdown, TcpSplit,
};
use embedded_io_async::{Read, Write};
use usocket_core::nal::{Stack, TcpListener, TcpStream};
use usocket_core::{Error, Family, Result, Usocket};

use super::lookup::is_name;
use super::setup::{
    all_arrived, echo, ends, is_kind, loses_nothing, resets, run, server, times_out, told,
};
use crate::cases::duplex::ask;
use crate::cases::section;
use crate::cases::setup::{BULK, PATIENCE, SHORT, Script, check_within, own_ip, script};
use crate::{Digest, End, Failure, Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    edge_connects_and_echoes: rows [], requirements [], clauses [];
    edge_tells_an_end_of_stream: rows [], requirements [2], clauses [12];
    edge_tells_a_reset: rows [], requirements [2], clauses [13];
    edge_tells_a_timeout: rows [], requirements [2, 5], clauses [];
    edge_tells_its_own_close: rows [], requirements [2], clauses [9];
    edge_becomes_readable: rows [], requirements [12], clauses [5];
    edge_loses_nothing_when_dropped: rows [], requirements [9], clauses [17];
    edge_halves_work_at_once: rows [], requirements [14], clauses [2];
    edge_accepts_and_tells_the_peer: rows [], requirements [8], clauses [16];
    edge_accept_waits_for_room: rows [], requirements [7, 16], clauses [10, 16];
    edge_closes_one_direction: rows [], requirements [10], clauses [];
    edge_closes_both_directions: rows [], requirements [9, 10], clauses [];
    edge_close_is_bounded: rows [], requirements [5], clauses [];
    edge_aborts: rows [], requirements [10], clauses [];
    edge_names: rows [], requirements [6], clauses [23];
}

/// Connects as a client does that knows the trait alone.
async fn dial<T: TcpConnect>(stack: &T, to: SocketAddr) -> Result<T::Socket<'_>, T::Error> {
    stack.connect(to).await
}

/// A stream to a peer that accepts it and then does these steps.
fn connected<'h, H: Harness>(
    h: &'h H,
    then: &[Step],
) -> Result<(TcpStream<'h, H::Net>, Script<'h>)> {
    let (to, peer) = server(h, then)?;
    let stream = run(h, TcpConnect::connect(&Stack::new(h.net()), to))?;
    stream.socket().settimeout(PATIENCE)?;
    Ok((stream, peer))
}

/// A listener at our own address, and where.
fn listening<H: Harness>(h: &H) -> Result<(TcpListener<'_, H::Net>, SocketAddr), Failure> {
    let own = SocketAddr::new(own_ip(h, Family::V4)?, 0);
    let listener = run(h, TcpBind::bind(&Stack::new(h.net()), own))?;
    let port = listener.socket().local_addr()?.port();
    Ok((listener, SocketAddr::new(own.ip(), port)))
}

/// The whole case on a backend without server sockets.
fn without_server<H: Harness>(h: &H) -> Option<Outcome> {
    let bind = || run(h, TcpBind::bind(&Stack::new(h.net()), ([0, 0, 0, 0], 0).into()));
    (!h.caps().server).then(|| unsupported(bind().map(|_| ()), Error::EOPNOTSUPP))
}

fn edge_connects_and_echoes<H: Harness>(h: &H) -> Outcome {
    let (to, _peer) = server(h, &[Step::Echo])?;
    let stack = Stack::new(h.net());
    run(h, async {
        let mut stream = dial(&stack, to).await.map_err(told)?;
        echo(&mut stream).await
    })?;
    Ok(Verdict::Proved)
}

fn edge_tells_an_end_of_stream<H: Harness>(h: &H) -> Outcome {
    let (mut stream, _peer) = connected(h, &[Step::Close])?;
    ends(h, &mut stream)?;
    ends(h, &mut stream.split().0)
}

fn edge_tells_a_reset<H: Harness>(h: &H) -> Outcome {
    let (mut stream, _peer) = connected(h, &[Step::Wait(5), Step::Rst])?;
    resets(h, &mut stream)?;
    let (mut stream, _peer) = connected(h, &[Step::Wait(5), Step::Rst])?;
    let (mut read, _) = stream.split();
    check_eq!(run(h, read.readable()), Ok(()));
    resets(h, &mut read)
}

fn edge_tells_a_timeout<H: Harness>(h: &H) -> Outcome {
    let (mut stream, _peer) = connected(h, &[Step::Echo])?;
    stream.socket().settimeout(core::time::Duration::from_secs(2))?;
    check_eq!(run(h, stream.readable()), Err(Error::ETIMEDOUT));
    times_out(h, &mut stream)
}

fn edge_tells_its_own_close<H: Harness>(h: &H) -> Outcome {
    let (mut stream, _peer) = connected(h, &[Step::Hold])?;
    stream.socket().close()?;
    let closed = embedded_io::ErrorKind::NotConnected;
    is_kind(run(h, stream.read(&mut [0; 4])), closed)?;
    is_kind(run(h, stream.write(b"x")), closed)?;
    is_kind(run(h, stream.readable()), closed)?;
    is_kind(run(h, stream.close(Close::Write)), closed)?;
    is_kind(run(h, stream.close(Close::Both)), closed)?;
    check_eq!(run(h, stream.abort()), Ok(()));
    Ok(Verdict::Proved)
}

fn edge_becomes_readable<H: Harness>(h: &H) -> Outcome {
    let steps = [Step::Wait(40), Step::Text(b"late"), Step::Wait(40), Step::Close];
    let (mut stream, _peer) = connected(h, &steps)?;
    check!(ask(pin!(stream.readable())).is_pending());
    check_eq!(run(h, stream.readable()), Ok(()));
    let mut buf = [0; 4];
    check!(run(h, stream.read_exact(&mut buf)).is_ok());
    check_eq!(&buf, b"late");
    check!(ask(pin!(stream.readable())).is_pending());
    check_eq!(run(h, stream.readable()), Ok(()));
    ends(h, &mut stream)
}

fn edge_loses_nothing_when_dropped<H: Harness>(h: &H) -> Outcome {
    let (stream, peer) = connected(h, &[Step::RecvToEnd, Step::Hold])?;
    loses_nothing(h, stream, &peer)
}

/// Both futures, together.
async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(|context| {
        if first.is_none()
            && let Poll::Ready(output) = a.as_mut().poll(context)
        {
            first = Some(output);
        }
        if second.is_none()
            && let Poll::Ready(output) = b.as_mut().poll(context)
        {
            second = Some(output);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            (a, b) => {
                (first, second) = (a, b);
                Poll::Pending
            }
        }
    })
    .await
}

/// More than the buffers of both sides hold: whoever only sends comes to a halt.
fn edge_halves_work_at_once<H: Harness>(h: &H) -> Outcome {
    let (mut stream, _peer) = connected(h, &[Step::Echo])?;
    let (mut read, mut write) = stream.split();
    let mut digest = Digest::default();
    let receive = async {
        let (mut buf, mut left) = ([0; 512], BULK.len());
        while left > 0 {
            let count = read.read(&mut buf).await?;
            if count == 0 {
                break;
            }
            digest.add(&buf[..count]);
            left -= count;
        }
        Ok::<_, Error>(left)
    };
    let (sent, left) = run(h, both(write.write_all(&BULK), receive));
    check_eq!(sent, Ok(()));
    check_eq!(left, Ok(0));
    check_eq!(digest, Digest::of_pattern(BULK.len() as u64));
    Ok(Verdict::Proved)
}

fn edge_accepts_and_tells_the_peer<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let (listener, at) = listening(h)?;
    check!(ask(pin!(listener.accept())).is_pending());
    let peers = [5, 30].map(|ms| {
        script(h, &[Step::Wait(ms), Step::Connect(at.into()), Step::Text(b"hi"), Step::RecvToEnd])
    });
    for peer in peers {
        let peer = peer?;
        let (from, mut stream) = run(h, listener.accept())?;
        check_eq!(Ok(from.into()), peer.address());
        check!(stream.socket().timeout() == usocket_core::Timeout::Never);
        stream.socket().settimeout(PATIENCE)?;
        let mut buf = [0; 2];
        check!(run(h, stream.read_exact(&mut buf)).is_ok());
        check_eq!(&buf, b"hi");
        check_eq!(run(h, stream.write_all(b"welcome")), Ok(()));
        drop(stream);
        check_eq!(peer.settle().received, 7);
    }
    // A server can be started again where it was; what it accepts has the timeout of the stack.
    drop(listener);
    let hasty = Stack::new(h.net()).with_timeout(PATIENCE)?;
    let again = run(h, TcpBind::bind(&hasty, at))?;
    check_eq!(again.socket().local_addr()?.port(), at.port());
    let _peer = script(h, &[Step::Connect(at.into()), Step::Hold])?;
    let (_, stream) = run(h, again.accept())?;
    check_eq!(stream.socket().timeout(), hasty.timeout());
    Ok(Verdict::Proved)
}

fn edge_accept_waits_for_room<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let (listener, at) = listening(h)?;
    let steps = [Step::Connect(at.into()), Step::Text(b"hi"), Step::Hold];
    let mut hogs = heapless::Vec::<_, 64>::new();
    if h.caps().max_sockets.is_some() {
        while let Ok(socket) = h.net().tcp() {
            check!(hogs.push(socket).is_ok());
        }
        check!(!hogs.is_empty());
    }
    let peer = script(h, &steps)?;
    if !hogs.is_empty() {
        let mut waiting = pin!(listener.accept());
        for _ in 0..20 {
            check!(ask(waiting.as_mut()).is_pending());
            h.pass(SHORT);
        }
        hogs.pop();
    }
    let begun = h.now();
    let (_, mut stream) = run(h, listener.accept())?;
    check_within(h, begun, PATIENCE)?;
    check!(run(h, stream.read_exact(&mut [0; 2])).is_ok());
    drop(peer);
    Ok(Verdict::Proved)
}

fn edge_closes_one_direction<H: Harness>(h: &H) -> Outcome {
    let steps = [Step::RecvToEnd, Step::Text(b"all of it"), Step::Close];
    let (mut stream, peer) = connected(h, &steps)?;
    check_eq!(run(h, stream.write_all(b"request")), Ok(()));
    let answer = run(h, stream.close(Close::Write));
    if !h.caps().half_close {
        return unsupported(answer, Error::EOPNOTSUPP);
    }
    check_eq!(answer, Ok(()));
    check_eq!(run(h, stream.write(b"more")), Err(Error::EPIPE));
    let mut buf = [0; 9];
    check!(run(h, stream.read_exact(&mut buf)).is_ok());
    check_eq!(&buf, b"all of it");
    ends(h, &mut stream)?;
    check_eq!(peer.settle().received, 7);
    // Reading on until the peer ends.
    let (mut stream, _peer) = connected(h, &[Step::Send(3000), Step::Close])?;
    check_eq!(run(h, stream.close(Close::Read)), Ok(()));
    ends(h, &mut stream)
}

fn edge_closes_both_directions<H: Harness>(h: &H) -> Outcome {
    for ours in [true, false] {
        let steps = [Step::Text(b"unread"), Step::RecvToEnd, Step::Close];
        let (mut stream, peer) = connected(h, &steps)?;
        if ours {
            check_eq!(run(h, stream.write_all(&BULK)), Ok(()));
        }
        check_eq!(run(h, stream.close(Close::Both)), Ok(()));
        check_eq!(run(h, stream.write(b"more")), Err(Error::EPIPE));
        drop(stream);
        all_arrived(&peer, if ours { BULK.len() } else { 0 })?;
    }
    Ok(Verdict::Proved)
}

/// A peer that never ends does not hold `close` for ever (R9).
fn edge_close_is_bounded<H: Harness>(h: &H) -> Outcome {
    let (mut stream, _peer) = connected(h, &[Step::Hold])?;
    stream.socket().settimeout(SHORT)?;
    let begun = h.now();
    let answer = run(h, stream.close(Close::Both));
    check_within(h, begun, PATIENCE)?;
    let wanted = if h.caps().half_close { Err(Error::ETIMEDOUT) } else { Ok(()) };
    check_eq!(answer, wanted);
    Ok(Verdict::Proved)
}

fn edge_aborts<H: Harness>(h: &H) -> Outcome {
    let (mut stream, peer) = connected(h, &[Step::RecvToEnd, Step::Hold])?;
    check_eq!(run(h, stream.abort()), Ok(()));
    check_eq!(run(h, stream.abort()), Ok(()));
    check_eq!(run(h, stream.read(&mut [0; 1])), Err(Error::EBADF));
    let end = peer.settle().end;
    if !h.caps().reset {
        check!(end != End::Open);
        return Ok(Verdict::Unsupported(Error::EOPNOTSUPP));
    }
    check_eq!(end, End::Reset);
    Ok(Verdict::Proved)
}

fn edge_names<H: Harness>(h: &H) -> Outcome {
    let stack = Stack::new(h.net());
    let name = h.peer().name();
    let found = run(h, stack.get_host_by_name(name, AddrType::IPv4))?;
    check!(found.is_loopback() || h.peer().ip(Family::V4) == Some(found));
    // Where there is no IPv6 at all its literals are no names either.
    match run(h, stack.get_host_by_name("::1", AddrType::Either)) {
        Err(Error::EAI_NONAME) if !h.caps().ipv6 => {}
        literal => {
            check_eq!(literal, Ok(core::net::IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
            let other = run(h, stack.get_host_by_name("::1", AddrType::IPv4));
            check_eq!(other, Err(Error::EAI_ADDRFAMILY));
        }
    }
    check_eq!(run(h, stack.get_host_by_name("", AddrType::Either)), Err(Error::EAI_NONAME));
    let mut name = [0; 255];
    let reverse = run(h, stack.get_host_by_address(found, &mut name));
    if reverse.is_ok() {
        let short = run(h, stack.get_host_by_address(found, &mut name[..1]));
        check_eq!(short, Err(Error::ENOBUFS));
    }
    is_name(h, found, reverse, &name)
}
