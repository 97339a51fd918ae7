//! Section R: what close leaves behind; shutdown and abort (R9, R10).

use core::time::Duration;

use usocket_core::spi::Shutdown;
use usocket_core::{Error, Family, POLLIN, Usocket};

use super::section;
use super::setup::{
    BULK, PATIENCE, Sum, accepting, becomes, check_within, connected, fill, script, stream,
};
use crate::{Digest, End, Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    the_peer_gets_everything_then_the_end: rows [216], requirements [9], clauses [11, 17];
    dropping_the_last_handle_closes: rows [217], requirements [9], clauses [17];
    unread_data_makes_close_a_reset: rows [218], requirements [10], clauses [17];
    a_thousand_rounds_leak_nothing: rows [219], requirements [9, 16], clauses [10, 17];
    lingering_ends: rows [], requirements [9], clauses [17];
    half_close_goes_on_reading: rows [], requirements [10], clauses [];
    the_end_of_reading_stays: rows [], requirements [10], clauses [5, 12];
    abort_resets_and_waits_for_nothing: rows [], requirements [10], clauses [];
}

/// What counts as not waiting, on a clock that runs on.
const AT_ONCE: Duration = Duration::from_millis(100);

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
    check_eq!(report.end, End::Fin);
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
    check_eq!(report.end, End::Fin);
    Ok(Verdict::Proved)
}

pub(crate) fn unread_data_makes_close_a_reset<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Send(100), Step::RecvToEnd, Step::Hold])?;
    becomes(h, &socket, POLLIN)?;
    check_eq!(socket.recv(&mut [0; 10]), Ok(10));
    socket.close()?;
    let report = peer.settle();
    if h.caps().reset {
        check_eq!(report.end, End::Reset);
        return Ok(Verdict::Proved);
    }
    check_eq!(report.end, End::Fin);
    unsupported(Err::<(), _>(Error::EOPNOTSUPP), Error::EOPNOTSUPP)
}

/// Connections of one script: a listener, and as many pairs of steps as fit.
const ROUNDS: usize = 10;

pub(crate) fn a_thousand_rounds_leak_nothing<H: Harness>(h: &H) -> Outcome {
    let mut steps = [Step::Accept; 2 * ROUNDS + 1];
    steps[0] = Step::Listen(Family::V4, 4);
    for close in steps.iter_mut().skip(2).step_by(2) {
        *close = Step::Close;
    }
    for _ in 0..1000 / ROUNDS {
        let peer = script(h, &steps)?;
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
    let steps = [Step::RecvToEnd, Step::Wait(50), Step::Text(b"reply"), Step::Close];
    let (socket, peer) = connected(h, &steps)?;
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
    check_eq!(report.end, End::Fin);
    // In vain it changes nothing.
    let peer = accepting(h, &[Step::Text(b"hello"), Step::RecvToEnd, Step::Hold])?;
    let socket = stream(h)?;
    socket.settimeout(PATIENCE)?;
    check_eq!(socket.shutdown(Shutdown::Both), Err(Error::ENOTCONN));
    check_eq!(socket.connect(peer.address()?), Ok(()));
    check_eq!(socket.send(b"x"), Ok(1));
    check_eq!(socket.recv(&mut buf), Ok(5));
    Ok(Verdict::Proved)
}

pub(crate) fn the_end_of_reading_stays<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Wait(100), Step::Text(b"late"), Step::RecvToEnd])?;
    if !h.caps().half_close {
        return unsupported(socket.shutdown(Shutdown::Write), Error::EOPNOTSUPP);
    }
    check_eq!(socket.shutdown(Shutdown::Read), Ok(()));
    let mut buf = [0; 8];
    for _ in 0..4 {
        becomes(h, &socket, POLLIN)?;
        check_eq!(socket.recv(&mut buf), Ok(0));
        h.pass(Duration::from_millis(100));
    }
    // The other direction is as it was.
    check_eq!(socket.send(b"x"), Ok(1));
    check_eq!(socket.shutdown(Shutdown::Write), Ok(()));
    check_eq!(&peer.settle().head[..], b"x");
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
    check_eq!(report.end, End::Reset);
    // Nothing is left to do.
    check_eq!(h.api().drain(h.net(), Duration::from_millis(100)), Ok(()));
    Ok(Verdict::Proved)
}
