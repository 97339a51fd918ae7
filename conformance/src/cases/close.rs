//! Section R: close and lifetime; shutdown and abort (R9, R10).

use core::time::Duration;

use usocket_core::spi::Shutdown;
use usocket_core::{
    Error, Events, Family, POLLNVAL, SO_ERROR, SO_REUSEADDR, SOL_SOCKET, SockAddr, Usocket,
};

use super::section;
use super::stage::{
    BULK, PATIENCE, Part, Sock, Sum, check_end, check_within, connected, fill, our_ip,
    until_readable,
};
use crate::{Digest, End, Failure, Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    close_may_be_repeated: rows [214], requirements [9], clauses [9];
    a_closed_socket_fails_every_call: rows [215], requirements [16], clauses [9];
    the_peer_gets_everything_then_the_end: rows [216], requirements [9], clauses [11, 17];
    dropping_the_last_handle_closes: rows [217], requirements [9], clauses [17];
    unread_data_makes_close_a_reset: rows [218], requirements [10], clauses [17];
    a_thousand_rounds_leak_nothing: rows [219], requirements [9, 16], clauses [10, 17];
    lingering_ends: rows [], requirements [9], clauses [17];
    half_close_goes_on_reading: rows [], requirements [10], clauses [];
    abort_resets_and_waits_for_nothing: rows [], requirements [10], clauses [];
}

/// What counts as not waiting, on a clock that runs on.
const AT_ONCE: Duration = Duration::from_millis(100);

pub(crate) fn close_may_be_repeated<H: Harness>(h: &H) -> Outcome {
    let (connected, _peer) = connected(h, &[Step::Hold])?;
    for socket in [connected, h.net().tcp()?] {
        for _ in 0..3 {
            check_eq!(h.api().close(&socket), Ok(()));
        }
        check_eq!(socket.abort(), Ok(()));
        check_eq!(socket.readiness(), POLLNVAL);
    }
    Ok(Verdict::Proved)
}

/// Every call of a closed socket, by name.
fn check_closed<H: Harness>(h: &H, s: &Sock<'_, H>, to: SockAddr) -> Result<(), Failure> {
    let mut buf = [0; 4];
    let net = h.net();
    let answers = [
        s.bind(to),
        s.bind(("name", 1)),
        s.listen(1),
        s.accept().map(|_| ()),
        s.connect(to),
        s.connect(to.with_port(0)),
        s.shutdown(Shutdown::Both),
        s.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1),
        s.setsockopt(SOL_SOCKET, -5, 1),
        s.getsockopt(SOL_SOCKET, SO_ERROR).map(|_| ()),
        s.settimeout(1),
        s.setblocking(false),
        s.set_linger(None),
        s.take_error().map(|_| ()),
        s.local_addr().map(|_| ()),
        s.peer_addr().map(|_| ()),
        s.makefile("rb").map(|_| ()),
        s.makefile("no mode").map(|_| ()),
        net.block_on(s.asynch().accept()).map(|_| ()),
        net.block_on(s.asynch().connect(to)),
        net.block_on(s.asynch().ready(Events::NONE)).map(|_| ()),
    ];
    for answer in &answers[..20] {
        check_eq!(*answer, Err(Error::EBADF));
    }
    // Readiness is no operation: it tells that the socket is closed (row 204).
    check_eq!(answers[20], Ok(()));
    for data in [&b"x"[..], b""] {
        check_eq!(s.send(data), Err(Error::EBADF));
        check_eq!(s.sendall(data), Err(Error::EBADF));
        check_eq!(s.sendto(data, to), Err(Error::EBADF));
        check_eq!(s.write(data), Err(Error::EBADF));
        check_eq!(net.block_on(s.asynch().sendall(data)), Err(Error::EBADF));
    }
    for len in [4, 0] {
        check_eq!(s.recv(&mut buf[..len]), Err(Error::EBADF));
        check_eq!(s.recvfrom(&mut buf[..len]).map(|_| ()), Err(Error::EBADF));
        check_eq!(s.recv_info(&mut buf[..len], 0).map(|_| ()), Err(Error::EBADF));
        check_eq!(s.recv_flags(&mut buf[..len], 1 << 20), Err(Error::EBADF));
        check_eq!(s.read(&mut buf[..len]), Err(Error::EBADF));
        check_eq!(s.readinto(&mut buf[..len]), Err(Error::EBADF));
        check_eq!(s.readline(&mut buf[..len]), Err(Error::EBADF));
        check_eq!(net.block_on(s.asynch().read(&mut buf[..len])), Err(Error::EBADF));
        check_eq!(net.block_on(s.asynch().readline(&mut buf[..len])), Err(Error::EBADF));
    }
    check_eq!(s.close(), Ok(()));
    Ok(())
}

pub(crate) fn a_closed_socket_fails_every_call<H: Harness>(h: &H) -> Outcome {
    let to = SockAddr::new(our_ip(h)?, 9);
    let (stream, _peer) = connected(h, &[Step::Send(20), Step::Hold])?;
    until_readable(h, &stream)?;
    let fresh = h.net().tcp()?;
    for socket in [stream, fresh] {
        socket.close()?;
        check_closed(h, &socket, to)?;
    }
    if h.caps().udp {
        let udp = h.net().udp()?;
        udp.close()?;
        check_closed(h, &udp, to)?;
    }
    if h.caps().server {
        let listener = h.net().tcp()?;
        listener.listen(1)?;
        listener.close()?;
        check_closed(h, &listener, to)?;
    }
    Ok(Verdict::Proved)
}

pub(crate) fn the_peer_gets_everything_then_the_end<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Wait(300), Step::RecvToEnd, Step::Hold])?;
    // As much as is taken without the peer's help.
    socket.setblocking(false)?;
    let answer = h.api().sendall(&socket, &BULK);
    let sent = answer.map_or_else(Error::transferred, |()| BULK.len());
    check!(sent > 0);
    let begun = h.now();
    check_eq!(h.api().close(&socket), Ok(()));
    check_within(h, begun, AT_ONCE)?;
    let report = peer.settle();
    let mut sum = Sum::default();
    sum.add(&BULK[..sent]);
    check!(sum.is(&report));
    check_end(&report, End::Fin)?;
    check_eq!(h.api().drain(h.net(), Duration::from_secs(15)), Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn dropping_the_last_handle_closes<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Wait(100), Step::RecvToEnd, Step::Hold])?;
    socket.settimeout(None)?;
    check_eq!(socket.sendall(&BULK[..200]), Ok(()));
    let begun = h.now();
    h.api().drop_socket(socket);
    check_within(h, begun, AT_ONCE)?;
    let report = peer.settle();
    check_eq!(report.digest, Digest::of_pattern(200));
    check_end(&report, End::Fin)?;
    Ok(Verdict::Proved)
}

pub(crate) fn unread_data_makes_close_a_reset<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Send(100), Step::RecvToEnd, Step::Hold])?;
    until_readable(h, &socket)?;
    check_eq!(socket.recv(&mut [0; 10]), Ok(10));
    socket.close()?;
    let report = peer.settle();
    if h.caps().reset {
        check_end(&report, End::Reset)?;
        return Ok(Verdict::Proved);
    }
    check_end(&report, End::Fin)?;
    unsupported(Err::<(), _>(Error::EOPNOTSUPP), Error::EOPNOTSUPP)
}

/// Connections of one script: a listener, and as many pairs of steps as fit.
const ROUNDS: usize = 10;

pub(crate) fn a_thousand_rounds_leak_nothing<H: Harness>(h: &H) -> Outcome {
    let mut script = [Step::Accept; 2 * ROUNDS + 1];
    script[0] = Step::Listen(Family::V4, 4);
    for close in script.iter_mut().skip(2).step_by(2) {
        *close = Step::Close;
    }
    for _ in 0..1000 / ROUNDS {
        let peer = Part::start(h, &script)?;
        let to = peer.address()?;
        for round in 0..ROUNDS {
            let socket = h.net().tcp()?;
            socket.settimeout(PATIENCE)?;
            socket.connect(to)?;
            // Both ends may be the one that closes first.
            if round % 2 == 0 {
                check_eq!(socket.recv(&mut [0; 4]), Ok(0));
            }
            check_eq!(h.api().close(&socket), Ok(()));
        }
        peer.settle();
    }
    check_eq!(h.api().drain(h.net(), Duration::from_secs(15)), Ok(()));
    Ok(Verdict::Proved)
}

/// A peer that takes nothing more holds the slot no longer than the bound.
pub(crate) fn lingering_ends<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected(h, &[Step::Hold])?;
    fill(h, &socket)?;
    let begun = h.now();
    socket.close()?;
    check_within(h, begun, AT_ONCE)?;
    check_eq!(h.api().drain(h.net(), Duration::from_secs(12)), Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn half_close_goes_on_reading<H: Harness>(h: &H) -> Outcome {
    let script = [Step::RecvToEnd, Step::Wait(50), Step::Text(b"reply"), Step::Close];
    let (socket, peer) = connected(h, &script)?;
    check_eq!(socket.sendall(b"request"), Ok(()));
    if !h.caps().half_close {
        return unsupported(socket.shutdown(Shutdown::Write), Error::EOPNOTSUPP);
    }
    check_eq!(socket.shutdown(Shutdown::Write), Ok(()));
    check_eq!(socket.send(b"x"), Err(Error::EPIPE));
    let mut buf = [0; 16];
    check_eq!(socket.read(&mut buf), Ok(Some(5)));
    check_eq!(&buf[..5], b"reply");
    let report = peer.settle();
    check_eq!(&report.head[..], b"request");
    check_end(&report, End::Fin)?;
    check_eq!(h.net().tcp()?.shutdown(Shutdown::Write), Err(Error::ENOTCONN));
    Ok(Verdict::Proved)
}

pub(crate) fn abort_resets_and_waits_for_nothing<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Wait(200), Step::RecvToEnd, Step::Hold])?;
    socket.setblocking(false)?;
    let _ = socket.sendall(BULK);
    let begun = h.now();
    check_eq!(socket.abort(), Ok(()));
    check_within(h, begun, AT_ONCE)?;
    check_eq!(socket.send(b"x"), Err(Error::EBADF));
    let report = peer.settle();
    check!(report.received < BULK.len() as u64);
    if !h.caps().reset {
        check!(report.end != End::Open);
        return unsupported(Err::<(), _>(Error::EOPNOTSUPP), Error::EOPNOTSUPP);
    }
    check_end(&report, End::Reset)?;
    // Nothing is left to do.
    check_eq!(h.api().drain(h.net(), Duration::from_millis(100)), Ok(()));
    Ok(Verdict::Proved)
}
