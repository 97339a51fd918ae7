//! Section J: send.

use core::time::Duration;

use usocket_core::{Error, Family, POLLERR, Usocket};

use super::section;
use super::setup::{
    AFTER_FILL, BULK, PATIENCE, SHORT, Sock, Sum, becomes, bound_udp, check_took, check_within,
    connected, fill, gone, no_pipe, own_ip, script, without_server, without_udp,
};
use crate::{Digest, Failure, Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    send_counts_what_it_takes: rows [94], requirements [3], clauses [11];
    empty_send_reaches_nobody: rows [95], requirements [], clauses [11];
    unconnected_stream_cannot_send: rows [96], requirements [25], clauses [14];
    listening_or_closed_socket_cannot_send: rows [97], requirements [16], clauses [9, 14];
    sends_to_a_closed_peer_fail: rows [98], requirements [], clauses [13];
    reset_is_told_to_the_first_send: rows [99], requirements [], clauses [13];
    full_buffer_would_block: rows [100], requirements [], clauses [11];
    full_buffer_times_out: rows [101], requirements [5], clauses [];
    send_without_timeout_queues_everything: rows [102], requirements [], clauses [11];
    send_with_timeout_waits_for_room: rows [102], requirements [], clauses [5];
    send_is_one_datagram: rows [103], requirements [], clauses [19];
    oversize_datagram_is_refused: rows [104], requirements [17], clauses [19];
    text_is_sent_as_it_is: rows [105], requirements [], clauses [];
}

pub(crate) fn send_counts_what_it_takes<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::RecvToEnd, Step::Hold])?;
    let mut sum = Sum::default();
    while sum.count < 8_000 {
        let count = socket.send(&BULK[..3_000])?;
        check!((1..=3_000).contains(&count));
        sum.add(&BULK[..count]);
    }
    socket.close()?;
    check!(sum.is(&peer.settle()));
    Ok(Verdict::Proved)
}

pub(crate) fn empty_send_reaches_nobody<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::RecvToEnd, Step::Hold])?;
    for blocking in [true, false] {
        socket.setblocking(blocking)?;
        check_eq!(socket.send(b""), Ok(0));
    }
    socket.settimeout(PATIENCE)?;
    check_eq!(socket.send(b""), Ok(0));
    check_eq!(socket.send(b"x"), Ok(1));
    socket.close()?;
    check_eq!(peer.settle().received, 1);
    Ok(Verdict::Proved)
}

/// Asserts what every send answers on a stream that has no peer.
fn check_no_pipe<H: Harness>(socket: &Sock<'_, H>) -> Result<(), Failure> {
    for data in [&b"x"[..], b""] {
        for error in [
            socket.send(data).err(),
            socket.sendall(data).err(),
            socket.write(data).err(),
            socket.backend().block_on(socket.asynch().send(data)).err(),
        ] {
            check!(error.is_some_and(no_pipe));
        }
    }
    Ok(())
}

pub(crate) fn unconnected_stream_cannot_send<H: Harness>(h: &H) -> Outcome {
    for bind in [false, true] {
        let socket = h.net().tcp()?;
        if bind && h.caps().server {
            socket.bind((own_ip(h, Family::V4)?, 0))?;
        }
        check_no_pipe::<H>(&socket)?;
        socket.setblocking(false)?;
        check!(socket.send(b"x").is_err_and(no_pipe));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn listening_or_closed_socket_cannot_send<H: Harness>(h: &H) -> Outcome {
    let closed = h.net().tcp()?;
    closed.close()?;
    for data in [&b"x"[..], b""] {
        check_eq!(closed.send(data), Err(Error::EBADF));
    }
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let listener = h.net().tcp()?;
    listener.bind((own_ip(h, Family::V4)?, 0))?;
    listener.listen(1)?;
    check_no_pipe::<H>(&listener)?;
    Ok(Verdict::Proved)
}

/// Sends a byte now and then until it fails.
fn until_refused<H: Harness>(h: &H, socket: &Sock<'_, H>) -> Result<Error, Failure> {
    for _ in 0..100 {
        if let Err(error) = socket.send(b"x") {
            return Ok(error);
        }
        h.pass(Duration::from_millis(10));
    }
    Err(Failure::new("sends to a peer that is gone go on to succeed"))
}

pub(crate) fn sends_to_a_closed_peer_fail<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Close])?;
    peer.settle();
    check!(gone(until_refused(h, &socket)?));
    for _ in 0..3 {
        check!(socket.send(b"x").is_err_and(gone));
        check!(socket.sendall(b"x").is_err_and(gone));
        check!(socket.write(b"x").is_err_and(gone));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn reset_is_told_to_the_first_send<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Rst])?;
    peer.settle();
    if !h.caps().reset {
        return unsupported(Err::<(), _>(until_refused(h, &socket)?), Error::EPIPE);
    }
    becomes(h, &socket, POLLERR)?;
    check_eq!(socket.send(b"x"), Err(Error::ECONNRESET));
    for _ in 0..3 {
        check_eq!(socket.send(b"x"), Err(Error::EPIPE));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn full_buffer_would_block<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Hold])?;
    socket.setblocking(false)?;
    check!(fill(h, &socket)?.count > 0);
    check_eq!(h.api().send(&socket, &BULK[..1024]), Err(Error::EAGAIN));
    check_eq!(h.api().send(&socket, &BULK), Err(Error::EAGAIN));
    drop(peer);
    Ok(Verdict::Proved)
}

pub(crate) fn full_buffer_times_out<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected(h, &[Step::Hold])?;
    fill(h, &socket)?;
    socket.settimeout(SHORT)?;
    let begun = h.now();
    check_eq!(h.api().send(&socket, &BULK[..1024]), Err(Error::ETIMEDOUT));
    check_took(h, begun, SHORT)?;
    Ok(Verdict::Proved)
}

pub(crate) fn send_without_timeout_queues_everything<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Wait(40), Step::RecvToEnd, Step::Hold])?;
    socket.settimeout(None)?;
    check_eq!(h.api().send(&socket, &BULK), Ok(BULK.len()));
    socket.close()?;
    let report = peer.settle();
    check_eq!(report.received, BULK.len() as u64);
    check_eq!(report.digest, Digest::of_pattern(BULK.len() as u64));
    Ok(Verdict::Proved)
}

pub(crate) fn send_with_timeout_waits_for_room<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[AFTER_FILL, Step::RecvToEnd, Step::Hold])?;
    let mut sum = fill(h, &socket)?;
    socket.settimeout(PATIENCE)?;
    let count = h.api().send(&socket, &BULK)?;
    check!((1..=BULK.len()).contains(&count));
    sum.add(&BULK[..count]);
    socket.close()?;
    check!(sum.is(&peer.settle()));
    Ok(Verdict::Proved)
}

pub(crate) fn send_is_one_datagram<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, _) = bound_udp(h)?;
    for data in [&b"x"[..], b""] {
        check_eq!(socket.send(data), Err(Error::EDESTADDRREQ));
    }
    let steps = [Step::Udp(Family::V4), Step::RecvFrom, Step::RecvFrom, Step::Hold];
    let peer = script(h, &steps)?;
    socket.connect(peer.address()?)?;
    check_eq!(socket.send(&BULK[..700]), Ok(700));
    if !h.caps().empty_datagrams {
        check!(peer.reaches(h, 2));
        check_eq!(peer.report().digest, Digest::of_pattern(700));
        return unsupported(socket.send(b""), Error::EOPNOTSUPP);
    }
    check_eq!(socket.send(b""), Ok(0));
    let report = peer.settle();
    check_eq!(report.datagrams, 2);
    check_eq!(report.received, 700);
    check_eq!(report.digest, Digest::of_pattern(700));
    Ok(Verdict::Proved)
}

pub(crate) fn oversize_datagram_is_refused<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, _) = bound_udp(h)?;
    let peer = script(h, &[Step::Udp(Family::V4), Step::RecvFrom, Step::RecvFrom, Step::Hold])?;
    let to = peer.address()?;
    let largest = h.caps().max_datagram;
    let begun = h.now();
    check_eq!(h.api().sendto(&socket, &BULK[..=largest], to), Err(Error::EMSGSIZE));
    socket.connect(to)?;
    check_eq!(h.api().send(&socket, &BULK[..=largest]), Err(Error::EMSGSIZE));
    check_within(h, begun, Duration::from_secs(1))?;
    // Nothing of it was sent: the next datagrams are the first that arrive.
    check_eq!(socket.send(&BULK[..512]), Ok(512));
    check_eq!(socket.send(b"end"), Ok(3));
    check_eq!(peer.settle().received, 515);
    Ok(Verdict::Proved)
}

pub(crate) fn text_is_sent_as_it_is<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::RecvToEnd, Step::Hold])?;
    let text = "GET / HTTP/1.1\nHost: \u{e9}\n\n";
    check_eq!(socket.send(text), Ok(text.len()));
    socket.close()?;
    check_eq!(&peer.settle().head[..], text.as_bytes());
    Ok(Verdict::Proved)
}
