//! Section I: connect (R4, R5).

use core::net::Ipv4Addr;
use core::time::Duration;

use usocket_core::{
    Error, Events, Family, POLLERR, POLLHUP, POLLIN, POLLOUT, Result, SOCK_STREAM, SockAddr,
    Socket, Usocket,
};

use super::section;
use super::setup::{
    PATIENCE, bound, connect_plain, families, listening, on_time, own_ip, reached, script, stream,
    timed, without_server, without_udp,
};
use crate::{Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    blocking_connect_establishes: rows [80], requirements [], clauses [15];
    connect_keeps_a_bound_port: rows [80], requirements [], clauses [15];
    nobody_listens_is_refused: rows [81], requirements [4, 25], clauses [15];
    non_blocking_connect_is_in_progress: rows [82], requirements [4], clauses [5, 15];
    connect_while_pending_is_already: rows [83, 86], requirements [4], clauses [15];
    connected_stream_is_connected: rows [84], requirements [4], clauses [15];
    no_answer_times_out: rows [85], requirements [4, 5], clauses [1];
    pending_after_a_timeout: rows [86, 93], requirements [4, 5], clauses [7, 15];
    pending_connect_moves_nothing: rows [87], requirements [4], clauses [5, 14];
    refused_in_the_background: rows [88], requirements [4, 12], clauses [13, 15];
    take_error_tells_the_outcome: rows [], requirements [4], clauses [15];
    after_a_refused_connect: rows [89], requirements [4], clauses [14, 15];
    listener_cannot_connect: rows [90], requirements [], clauses [15];
    datagram_connect_sets_and_changes_the_peer: rows [91], requirements [18], clauses [];
    no_route_is_unreachable: rows [92], requirements [25], clauses [];
    close_cancels_a_pending_connect: rows [93], requirements [11], clauses [7, 9, 17];
}

/// How long a connect that must not end is watched.
const MOMENT: Duration = Duration::from_millis(60);

/// An address that never answers.
fn silent<H: Harness>(h: &H) -> SockAddr {
    h.peer().silent(Family::V4)
}

/// An address on which nobody listens.
fn refusing<H: Harness>(h: &H) -> SockAddr {
    h.peer().refusing(Family::V4)
}

/// A non-blocking stream whose connect to `to` has just begun. Where an answer
/// can be there before the call returns, its outcome is told apart by the caller.
fn begun<H: Harness>(h: &H, to: SockAddr) -> Result<(Socket<'_, H::Net>, Result<()>)> {
    let socket = stream(h)?;
    h.api().setblocking(&socket, false)?;
    let answer = h.api().connect(&socket, to);
    Ok((socket, answer))
}

/// Waits for any of `events`, or ERR or HUP, on one socket.
fn ready<H: Harness>(h: &H, socket: &Socket<'_, H::Net>, events: Events) -> Result<Events> {
    let until = h.now() + PATIENCE;
    loop {
        let found = socket.readiness().masked(events);
        if !found.is_empty() || h.now() >= until {
            return Ok(found);
        }
        h.pass(Duration::from_millis(5));
    }
}

pub(crate) fn blocking_connect_establishes<H: Harness>(h: &H) -> Outcome {
    for family in families(h) {
        let peer = script(h, &[Step::Listen(family, 1), Step::Accept, Step::RecvToEnd])?;
        let to = peer.address()?;
        let socket = h.net().socket(family.number(), SOCK_STREAM)?;
        check_eq!(socket.local_addr()?.port(), 0);
        check_eq!(h.api().connect(&socket, to), Ok(()));
        check!(socket.local_addr()?.port() != 0);
        check_eq!(socket.peer_addr()?, to);
        check_eq!(socket.send("hi")?, 2);
        check_eq!(socket.close(), Ok(()));
        let report = peer.settle();
        check_eq!(report.head.as_slice(), b"hi".as_slice());
        check_eq!(report.from.map(|from| from.ip()), Some(own_ip(h, family)?));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn connect_keeps_a_bound_port<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let peer = script(h, &[Step::Listen(Family::V4, 1), Step::Accept, Step::Hold])?;
    let socket = bound(h, Family::V4, SOCK_STREAM)?;
    let own = socket.local_addr()?;
    if !h.caps().client_port {
        return unsupported(socket.connect(peer.address()?), Error::EADDRNOTAVAIL);
    }
    socket.connect(peer.address()?)?;
    check_eq!(socket.local_addr()?, own);
    peer.settle();
    check_eq!(peer.report().from, Some(own));
    Ok(Verdict::Proved)
}

pub(crate) fn nobody_listens_is_refused<H: Harness>(h: &H) -> Outcome {
    for family in families(h) {
        let socket = h.net().socket(family.number(), SOCK_STREAM)?;
        check_eq!(socket.connect(h.peer().refusing(family)), Err(Error::ECONNREFUSED));
    }
    let socket = stream(h)?;
    socket.settimeout(5)?;
    check_eq!(socket.connect(refusing(h)), Err(Error::ECONNREFUSED));
    let socket = stream(h)?;
    let refused = h.net().block_on(socket.asynch().connect(refusing(h)));
    check_eq!(refused, Err(Error::ECONNREFUSED));
    Ok(Verdict::Proved)
}

pub(crate) fn non_blocking_connect_is_in_progress<H: Harness>(h: &H) -> Outcome {
    let peer = script(h, &[Step::Listen(Family::V4, 1), Step::Accept, Step::Hold])?;
    let (socket, answer) = begun(h, peer.address()?)?;
    check_eq!(answer, Err(Error::EINPROGRESS));
    check_eq!(ready(h, &socket, POLLOUT)?, POLLOUT);
    check_eq!(socket.take_error(), Ok(None));
    check_eq!(socket.send("now")?, 3);
    Ok(Verdict::Proved)
}

pub(crate) fn connect_while_pending_is_already<H: Harness>(h: &H) -> Outcome {
    let (socket, answer) = begun(h, silent(h))?;
    check_eq!(answer, Err(Error::EINPROGRESS));
    check_eq!(socket.connect(silent(h)), Err(Error::EALREADY));
    h.pass(MOMENT);
    check_eq!(socket.connect(silent(h)), Err(Error::EALREADY));
    // In blocking mode as well: it is no second wait for the first attempt.
    socket.setblocking(true)?;
    check_eq!(socket.connect(silent(h)), Err(Error::EALREADY));
    Ok(Verdict::Proved)
}

pub(crate) fn connected_stream_is_connected<H: Harness>(h: &H) -> Outcome {
    let peer = script(h, &[Step::Listen(Family::V4, 2), Step::Accept, Step::Hold])?;
    let socket = connect_plain(h, &peer)?;
    check_eq!(socket.connect(peer.address()?), Err(Error::EISCONN));
    check_eq!(socket.connect(refusing(h)), Err(Error::EISCONN));

    let other = script(h, &[Step::Listen(Family::V4, 2), Step::Accept, Step::Hold])?;
    let (socket, answer) = begun(h, other.address()?)?;
    check_eq!(answer, Err(Error::EINPROGRESS));
    check_eq!(ready(h, &socket, POLLOUT)?, POLLOUT);
    // The first call may report the success of the attempt, a habit of Linux.
    let first = socket.connect(other.address()?);
    check!(matches!(first, Ok(()) | Err(Error::EISCONN)));
    check_eq!(socket.connect(other.address()?), Err(Error::EISCONN));
    Ok(Verdict::Proved)
}

pub(crate) fn no_answer_times_out<H: Harness>(h: &H) -> Outcome {
    let socket = stream(h)?;
    socket.settimeout(0.2)?;
    let limit = Duration::from_millis(200);
    let (answer, took) = timed(h, || h.api().connect(&socket, silent(h)));
    check_eq!(answer, Err(Error::ETIMEDOUT));
    check!(on_time(took, limit));

    let socket = stream(h)?;
    socket.settimeout(0.1)?;
    let waiting = socket.asynch();
    let (answer, took) = timed(h, || h.net().block_on(waiting.connect(silent(h))));
    check_eq!(answer, Err(Error::ETIMEDOUT));
    check!(on_time(took, Duration::from_millis(100)));

    let socket = stream(h)?;
    socket.settimeout(0)?;
    check_eq!(h.api().connect(&socket, silent(h)), Err(Error::EINPROGRESS));
    Ok(Verdict::Proved)
}

pub(crate) fn pending_after_a_timeout<H: Harness>(h: &H) -> Outcome {
    let socket = stream(h)?;
    socket.settimeout(0.05)?;
    check_eq!(socket.connect(silent(h)), Err(Error::ETIMEDOUT));
    check_eq!(socket.connect(silent(h)), Err(Error::EALREADY));
    let (answer, took) = timed(h, || socket.close());
    check_eq!(answer, Ok(()));
    check!(took < Duration::from_millis(250));
    check_eq!(socket.connect(silent(h)), Err(Error::EBADF));
    Ok(Verdict::Proved)
}

pub(crate) fn pending_connect_moves_nothing<H: Harness>(h: &H) -> Outcome {
    let (socket, answer) = begun(h, silent(h))?;
    check_eq!(answer, Err(Error::EINPROGRESS));
    for _ in 0..2 {
        check_eq!(socket.send("x"), Err(Error::EAGAIN));
        check_eq!(socket.recv(&mut [0; 4]), Err(Error::EAGAIN));
        check_eq!(socket.write("x"), Ok(None));
        check_eq!(socket.read(&mut [0; 4]), Ok(None));
        check_eq!(socket.readline(&mut [0; 4]), Ok(None));
        check_eq!(socket.readiness(), Events::NONE);
        h.pass(MOMENT);
    }
    socket.settimeout(0.05)?;
    check_eq!(socket.send("x"), Err(Error::ETIMEDOUT));
    check_eq!(socket.recv(&mut [0; 4]), Err(Error::ETIMEDOUT));
    Ok(Verdict::Proved)
}

pub(crate) fn refused_in_the_background<H: Harness>(h: &H) -> Outcome {
    let (socket, answer) = begun(h, refusing(h))?;
    check_eq!(answer, Err(Error::EINPROGRESS));
    let trouble = POLLERR | POLLHUP;
    check_eq!(ready(h, &socket, Events::NONE)?, trouble);
    check_eq!(socket.readiness(), trouble | POLLIN | POLLOUT);
    check_eq!(socket.recv(&mut [0; 4]), Err(Error::ECONNREFUSED));
    check_eq!(socket.recv(&mut [0; 4]), Ok(0));
    check_eq!(socket.recv(&mut [0; 4]), Ok(0));
    check!(!socket.readiness().intersects(POLLERR));
    Ok(Verdict::Proved)
}

pub(crate) fn take_error_tells_the_outcome<H: Harness>(h: &H) -> Outcome {
    let (socket, answer) = begun(h, silent(h))?;
    check_eq!(answer, Err(Error::EINPROGRESS));
    check_eq!(socket.take_error(), Ok(None));
    let (socket, answer) = begun(h, refusing(h))?;
    check_eq!(answer, Err(Error::EINPROGRESS));
    ready(h, &socket, Events::NONE)?;
    check_eq!(socket.take_error(), Ok(Some(Error::ECONNREFUSED)));
    check_eq!(socket.take_error(), Ok(None));
    Ok(Verdict::Proved)
}

pub(crate) fn after_a_refused_connect<H: Harness>(h: &H) -> Outcome {
    let socket = stream(h)?;
    check_eq!(socket.connect(refusing(h)), Err(Error::ECONNREFUSED));
    check_eq!(socket.send("x"), Err(Error::EPIPE));
    check_eq!(socket.recv(&mut [0; 4]), Err(Error::ENOTCONN));
    check_eq!(socket.connect(refusing(h)), Err(Error::ECONNREFUSED));
    let peer = script(h, &[Step::Listen(Family::V4, 1), Step::Accept, Step::Text(b"ok")])?;
    check_eq!(socket.connect(peer.address()?), Ok(()));
    check_eq!(socket.recv(&mut [0; 4]), Ok(2));
    Ok(Verdict::Proved)
}

pub(crate) fn listener_cannot_connect<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let peer = script(h, &[Step::Listen(Family::V4, 1), Step::Accept, Step::Hold])?;
    let listener = listening(h, None)?;
    let answer = listener.connect(peer.address()?);
    check!(matches!(answer, Err(Error::EISCONN | Error::EALREADY | Error::EOPNOTSUPP)));
    // It listens as before.
    let other = script(h, &[Step::Connect(reached(h, &listener)?), Step::Hold])?;
    listener.settimeout(5)?;
    check!(listener.accept().is_ok());
    drop(other);
    Ok(Verdict::Proved)
}

pub(crate) fn datagram_connect_sets_and_changes_the_peer<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let family = Family::V4;
    let first = script(h, &[Step::Udp(family), Step::RecvFrom, Step::Reply(b"one"), Step::Hold])?;
    let second = script(h, &[Step::Udp(family), Step::RecvFrom, Step::Reply(b"two"), Step::Hold])?;
    let socket = h.net().udp()?;
    let (answer, took) = timed(h, || socket.connect(first.address()?));
    check_eq!(answer, Ok(()));
    check!(took < Duration::from_millis(100));
    check_eq!(socket.peer_addr()?, first.address()?);
    socket.send("to the first")?;
    socket.settimeout(5)?;
    let mut buf = [0; 8];
    check_eq!(socket.recv(&mut buf)?, 3);
    check_eq!(&buf[..3], b"one".as_slice());

    // A stranger is not heard.
    let own = SockAddr::new(own_ip(h, family)?, socket.local_addr()?.port());
    let stranger = script(h, &[Step::Udp(family), Step::SendTo(own, b"stranger")])?;
    stranger.settle();
    h.pass(MOMENT);
    socket.setblocking(false)?;
    check_eq!(socket.recv(&mut buf), Err(Error::EAGAIN));

    socket.settimeout(5)?;
    check_eq!(socket.connect(second.address()?), Ok(()));
    socket.send("to the second")?;
    check_eq!(socket.recv(&mut buf)?, 3);
    check_eq!(&buf[..3], b"two".as_slice());
    Ok(Verdict::Proved)
}

pub(crate) fn no_route_is_unreachable<H: Harness>(h: &H) -> Outcome {
    let socket = stream(h)?;
    socket.settimeout(10)?;
    // No stream has a route to a group, on any network, and nothing is sent.
    let answer = socket.connect((Ipv4Addr::new(224, 0, 0, 1), 9));
    check!(matches!(answer, Err(Error::ENETUNREACH | Error::EHOSTUNREACH)));
    Ok(Verdict::Proved)
}

pub(crate) fn close_cancels_a_pending_connect<H: Harness>(h: &H) -> Outcome {
    for _ in 0..20 {
        let (socket, answer) = begun(h, silent(h))?;
        check_eq!(answer, Err(Error::EINPROGRESS));
        check_eq!(socket.close(), Ok(()));
        check_eq!(socket.connect(silent(h)), Err(Error::EBADF));
        check_eq!(socket.take_error(), Err(Error::EBADF));
    }
    Ok(Verdict::Proved)
}
