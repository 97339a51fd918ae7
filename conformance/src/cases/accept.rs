//! Section H: accept (R8).

use core::time::Duration;

use usocket_core::{
    Error, Family, POLLIN, Result, SOCK_STREAM, SockAddr, Socket, Timeout, Usocket,
};

use super::section;
use super::setup::{
    PATIENCE, Script, becomes, bound, connect_plain, listening, on_time, reached, script, stream,
    timed, without_server, without_udp,
};
use crate::{Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    accept_gives_a_socket_and_its_peer: rows [69], requirements [8], clauses [16];
    accept_needs_a_listener: rows [70], requirements [], clauses [];
    datagram_or_closed_sockets_accept_nothing: rows [71], requirements [], clauses [9];
    nobody_waiting_would_block: rows [72], requirements [], clauses [1];
    nobody_waiting_times_out: rows [73], requirements [5], clauses [];
    connections_come_in_order: rows [74], requirements [], clauses [16];
    an_accepted_socket_starts_blocking: rows [75], requirements [8], clauses [];
    what_came_before_accept_is_kept: rows [76], requirements [1, 7], clauses [13, 16];
    a_reset_before_accept_is_no_failure: rows [77], requirements [7], clauses [13];
    a_listener_receives_nothing: rows [78], requirements [], clauses [14];
    listener_and_accepted_are_independent: rows [79], requirements [], clauses [];
}

/// A listener with patience, and where the peer reaches it.
fn server<H: Harness>(
    h: &H,
    backlog: i32,
) -> Result<(Socket<'_, H::Net>, SockAddr), crate::Failure> {
    let listener = listening(h, Some(backlog))?;
    listener.settimeout(PATIENCE)?;
    let to = reached(h, &listener)?;
    Ok((listener, to))
}

/// A peer that connects and then does these steps.
fn client<'h, H: Harness>(h: &'h H, to: SockAddr, then: &[Step]) -> Result<Script<'h>> {
    let mut steps = heapless::Vec::<Step, { crate::MAX_STEPS }>::new();
    for &step in [Step::Connect(to)].iter().chain(then) {
        steps.push(step).map_err(|_| Error::ENOBUFS)?;
    }
    script(h, &steps)
}

pub(crate) fn accept_gives_a_socket_and_its_peer<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let (listener, to) = server(h, 2)?;
    let peer = client(h, to, &[Step::Text(b"hello"), Step::Recv(5), Step::Hold])?;
    let (socket, from) = h.api().accept(&listener)?;
    check_eq!(from, peer.address()?);
    check_eq!(socket.peer_addr(), Ok(from));
    check_eq!(socket.local_addr(), Ok(to));
    check!(socket.handle() != listener.handle());
    let mut buf = [0; 8];
    socket.settimeout(PATIENCE)?;
    check_eq!(socket.read(&mut buf[..5]), Ok(Some(5)));
    check_eq!(&buf[..5], b"hello".as_slice());
    socket.send("world")?;
    let report = peer.settle();
    check_eq!(report.head.as_slice(), b"world".as_slice());
    Ok(Verdict::Proved)
}

pub(crate) fn accept_needs_a_listener<H: Harness>(h: &H) -> Outcome {
    check_eq!(stream(h)?.accept().map(|_| ()), Err(Error::EINVAL));
    let peer = script(h, &[Step::Listen(Family::V4, 1), Step::Accept, Step::Hold])?;
    let socket = connect_plain(h, &peer)?;
    socket.setblocking(false)?;
    check_eq!(socket.accept().map(|_| ()), Err(Error::EINVAL));
    if h.caps().server {
        let socket = bound(h, Family::V4, SOCK_STREAM)?;
        check_eq!(socket.accept().map(|_| ()), Err(Error::EINVAL));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn datagram_or_closed_sockets_accept_nothing<H: Harness>(h: &H) -> Outcome {
    let closed = stream(h)?;
    closed.close()?;
    check_eq!(closed.accept().map(|_| ()), Err(Error::EBADF));
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let socket = h.net().udp()?;
    check_eq!(socket.accept().map(|_| ()), Err(Error::EOPNOTSUPP));
    Ok(Verdict::Proved)
}

pub(crate) fn nobody_waiting_would_block<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let (listener, to) = server(h, 2)?;
    listener.setblocking(false)?;
    let (answer, took) = timed(h, || listener.accept().map(|_| ()));
    check_eq!(answer, Err(Error::EAGAIN));
    check!(took < Duration::from_millis(100));
    let _peer = client(h, to, &[Step::Hold])?;
    becomes(h, &listener, POLLIN)?;
    check!(listener.accept().is_ok());
    check_eq!(listener.accept().map(|_| ()), Err(Error::EAGAIN));
    Ok(Verdict::Proved)
}

pub(crate) fn nobody_waiting_times_out<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let (listener, to) = server(h, 2)?;
    listener.settimeout(0.1)?;
    let (answer, took) = timed(h, || h.api().accept(&listener).map(|_| ()));
    check_eq!(answer, Err(Error::ETIMEDOUT));
    check!(on_time(took, Duration::from_millis(100)));
    let waiting = listener.asynch();
    let (answer, took) = timed(h, || h.net().block_on(waiting.accept()).map(|_| ()));
    check_eq!(answer, Err(Error::ETIMEDOUT));
    check!(on_time(took, Duration::from_millis(100)));
    // It listens on, and who comes in time is accepted.
    listener.settimeout(PATIENCE)?;
    let _peer = client(h, to, &[Step::Hold])?;
    check!(h.net().block_on(waiting.accept()).is_ok());
    Ok(Verdict::Proved)
}

pub(crate) fn connections_come_in_order<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let (listener, to) = server(h, 4)?;
    let mut peers = heapless::Vec::<_, 3>::new();
    for _ in 0..3 {
        let peer = client(h, to, &[Step::Hold])?;
        peer.settle();
        let _ = peers.push(peer);
    }
    for peer in &peers {
        check_eq!(listener.accept()?.1, peer.address()?);
    }
    Ok(Verdict::Proved)
}

pub(crate) fn an_accepted_socket_starts_blocking<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let (listener, to) = server(h, 2)?;
    for seconds in [0.3, 0.0] {
        let peer = client(h, to, &[Step::Wait(500), Step::Text(b"late"), Step::Hold])?;
        // With a timeout of 0 it must be there before accept is called.
        peer.address()?;
        h.pass(Duration::from_millis(100));
        listener.settimeout(seconds)?;
        let (socket, _) = h.api().accept(&listener)?;
        check_eq!(socket.timeout(), Timeout::Never);
        // Whatever the listener has, this waits for what comes later than that.
        let mut buf = [0; 8];
        check_eq!(socket.recv(&mut buf), Ok(4));
        drop(peer);
    }
    Ok(Verdict::Proved)
}

pub(crate) fn what_came_before_accept_is_kept<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let (listener, to) = server(h, 2)?;
    let stays = client(h, to, &[Step::Text(b"early"), Step::Hold])?;
    stays.settle();
    let goes = client(h, to, &[Step::Text(b"and gone"), Step::Close])?;
    goes.settle();
    h.pass(Duration::from_millis(50));
    let mut buf = [0; 16];
    let (first, _) = listener.accept()?;
    first.settimeout(PATIENCE)?;
    check_eq!(first.recv(&mut buf), Ok(5));
    check_eq!(&buf[..5], b"early".as_slice());
    let (second, _) = listener.accept()?;
    check_eq!(second.read(&mut buf), Ok(Some(8)));
    check_eq!(&buf[..8], b"and gone".as_slice());
    check_eq!(second.recv(&mut buf), Ok(0));
    Ok(Verdict::Proved)
}

pub(crate) fn a_reset_before_accept_is_no_failure<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let (listener, to) = server(h, 4)?;
    let gone = client(h, to, &[Step::Rst])?;
    gone.settle();
    let next = client(h, to, &[Step::Text(b"here"), Step::Hold])?;
    next.settle();
    h.pass(Duration::from_millis(50));
    let mut buf = [0; 8];
    let (mut socket, mut from) = listener.accept()?;
    if from != next.address()? {
        // It may be shown, and then says what became of it.
        let answer = socket.recv(&mut buf);
        if h.caps().reset {
            check_eq!(answer, Err(Error::ECONNRESET));
        } else {
            check_eq!(answer, Ok(0));
        }
        (socket, from) = listener.accept()?;
    }
    check_eq!(from, next.address()?);
    check_eq!(socket.recv(&mut buf), Ok(4));
    Ok(Verdict::Proved)
}

pub(crate) fn a_listener_receives_nothing<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    for backlog in [None, Some(0), Some(1), Some(2)] {
        let listener = listening(h, backlog)?;
        let _peer = client(h, reached(h, &listener)?, &[Step::Text(b"hi"), Step::Hold])?;
        listener.settimeout(PATIENCE)?;
        let (_socket, _) = listener.accept()?;
        let mut buf = [0; 8];
        check_eq!(listener.recv(&mut buf), Err(Error::ENOTCONN));
        listener.setblocking(true)?;
        check_eq!(listener.recv(&mut buf), Err(Error::ENOTCONN));
        listener.setblocking(false)?;
        check_eq!(listener.recv(&mut buf), Err(Error::ENOTCONN));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn listener_and_accepted_are_independent<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let (listener, to) = server(h, 2)?;
    let first = client(h, to, &[Step::Echo])?;
    let (socket, _) = listener.accept()?;
    socket.settimeout(PATIENCE)?;
    drop(socket);
    // The listener outlives what it accepted.
    let second = client(h, to, &[Step::Echo])?;
    let (socket, _) = listener.accept()?;
    socket.settimeout(PATIENCE)?;
    listener.close()?;
    // And the accepted socket its listener.
    socket.send("still here")?;
    let mut buf = [0; 10];
    check_eq!(socket.read(&mut buf), Ok(Some(10)));
    check_eq!(&buf, b"still here");
    drop((first, second));
    Ok(Verdict::Proved)
}
