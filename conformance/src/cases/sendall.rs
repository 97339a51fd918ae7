//! Section K: sendall, and partial sends (R3).

use core::time::Duration;

use usocket_core::{Error, Family, Usocket};

use super::section;
use super::setup::{
    BULK, PATIENCE, SLACK, Sum, bound_udp, check_took, connected, gone, no_pipe, script,
    without_udp,
};
use crate::{Digest, Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    sendall_queues_everything: rows [106], requirements [3], clauses [11];
    sendall_fails_as_send_does: rows [107], requirements [16], clauses [14];
    non_blocking_sendall_that_fits: rows [108], requirements [], clauses [];
    non_blocking_sendall_that_does_not_fit: rows [109], requirements [3], clauses [];
    sendall_has_one_deadline_and_counts: rows [110], requirements [3, 5], clauses [];
    sendall_is_one_datagram: rows [111], requirements [17], clauses [19];
}

pub(crate) fn sendall_queues_everything<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Wait(40), Step::RecvToEnd, Step::Hold])?;
    socket.settimeout(None)?;
    check_eq!(h.api().sendall(&socket, &BULK), Ok(()));
    check_eq!(h.api().sendall(&socket, b""), Ok(()));
    check_eq!(h.api().sendall(&socket, &BULK[..100]), Ok(()));
    socket.close()?;
    let mut sum = Sum::default();
    sum.add(&BULK);
    sum.add(&BULK[..100]);
    check!(sum.is(&peer.settle()));
    Ok(Verdict::Proved)
}

pub(crate) fn sendall_fails_as_send_does<H: Harness>(h: &H) -> Outcome {
    let fresh = h.net().tcp()?;
    for data in [&b"x"[..], b""] {
        check!(h.api().sendall(&fresh, data).is_err_and(no_pipe));
    }
    fresh.close()?;
    for data in [&b"x"[..], b""] {
        check_eq!(h.api().sendall(&fresh, data), Err(Error::EBADF));
    }
    let (socket, peer) = connected(h, &[Step::Close])?;
    peer.settle();
    let mut outcome = Ok(());
    for _ in 0..100 {
        outcome = h.api().sendall(&socket, b"x");
        if outcome.is_err() {
            break;
        }
        h.pass(Duration::from_millis(10));
    }
    check!(outcome.is_err_and(gone));
    for _ in 0..3 {
        check!(h.api().sendall(&socket, b"x").is_err_and(gone));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn non_blocking_sendall_that_fits<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::RecvToEnd, Step::Hold])?;
    socket.setblocking(false)?;
    check_eq!(h.api().sendall(&socket, &BULK[..64]), Ok(()));
    check_eq!(h.api().sendall(&socket, b""), Ok(()));
    socket.close()?;
    let report = peer.settle();
    check_eq!(report.received, 64);
    check_eq!(report.digest, Digest::of_pattern(64));
    Ok(Verdict::Proved)
}

pub(crate) fn non_blocking_sendall_that_does_not_fit<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Wait(60), Step::RecvToEnd, Step::Hold])?;
    socket.setblocking(false)?;
    let answer = h.api().sendall(&socket, &BULK);
    check!(answer.is_err_and(|error| error.errno() == Error::EAGAIN.errno()));
    // How much is unspecified, but it is told and true (R3).
    let sent = answer.err().map_or(0, Error::transferred);
    check!(sent < BULK.len());
    socket.close()?;
    let mut sum = Sum::default();
    sum.add(&BULK[..sent]);
    check!(sum.is(&peer.settle()));
    Ok(Verdict::Proved)
}

/// The peer takes a little at a time, so that a deadline per piece would never
/// pass while the whole call does.
pub(crate) fn sendall_has_one_deadline_and_counts<H: Harness>(h: &H) -> Outcome {
    const LIMIT: Duration = Duration::from_millis(100);
    let mut steps = [Step::Wait(40); 22];
    for step in steps.iter_mut().step_by(2).take(10) {
        *step = Step::Recv(256);
    }
    steps[19] = Step::Wait(400);
    steps[20] = Step::RecvToEnd;
    steps[21] = Step::Hold;
    let (socket, peer) = connected(h, &steps)?;
    socket.settimeout(LIMIT)?;
    let begun = h.now();
    let answer = h.api().sendall(&socket, &BULK);
    check_took(h, begun, LIMIT)?;
    check!(answer.is_err_and(|error| error.errno() == Error::ETIMEDOUT.errno()));
    let sent = answer.err().map_or(0, Error::transferred);
    check!(0 < sent && sent < BULK.len());
    socket.close()?;
    let mut sum = Sum::default();
    sum.add(&BULK[..sent]);
    check!(sum.is(&peer.settle()));
    const { assert!(LIMIT.as_millis() + SLACK.as_millis() < 380, "pieces go on for longer") };
    Ok(Verdict::Proved)
}

pub(crate) fn sendall_is_one_datagram<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, _) = bound_udp(h)?;
    check_eq!(h.api().sendall(&socket, b"x"), Err(Error::EDESTADDRREQ));
    let steps = [Step::Udp(Family::V4), Step::RecvFrom, Step::RecvFrom, Step::Hold];
    let peer = script(h, &steps)?;
    socket.connect(peer.address()?)?;
    for timeout in [None, Some(PATIENCE)] {
        socket.settimeout(timeout)?;
        check_eq!(h.api().sendall(&socket, &BULK[..300]), Ok(()));
    }
    let report = peer.settle();
    check_eq!(report.datagrams, 2);
    check_eq!(report.received, 600);
    Ok(Verdict::Proved)
}
