//! Section P: write, and streams and datagrams mixed with reading.

use core::time::Duration;

use usocket_core::{Error, POLLIN, Usocket};

use super::section;
use super::setup::{
    BLOCK, SHORT, arrived, becomes, connected_plain, connected_udp, fill, on_time, quiet, stream,
    timed, without_udp,
};
use crate::{Digest, Harness, Outcome, Step, Verdict, check, check_eq, pattern};

section! {
    write_queues_everything: rows [176], requirements [3], clauses [11];
    non_blocking_write_takes_what_fits: rows [177], requirements [3], clauses [11];
    write_times_out_when_full: rows [178], requirements [5], clauses [];
    writing_unconnected_or_closed: rows [179], requirements [2], clauses [9, 14];
    writing_to_a_dead_peer: rows [179], requirements [2], clauses [13];
    reads_mix_without_a_hidden_buffer: rows [180], requirements [3], clauses [];
    writes_mix_without_a_hidden_buffer: rows [180], requirements [3], clauses [];
    write_is_one_datagram: rows [181], requirements [17], clauses [19];
    read_joins_datagrams: rows [181], requirements [17], clauses [18];
    an_empty_datagram_ends_a_read: rows [181], requirements [17], clauses [18];
}

pub(crate) fn write_queues_everything<H: Harness>(h: &H) -> Outcome {
    let data: [u8; 6000] = core::array::from_fn(|offset| pattern(offset as u64));
    for awaited in [false, true] {
        let (socket, peer) = connected_plain(h, &[Step::Wait(30), Step::RecvToEnd])?;
        check_eq!(h.api().write(&socket, b""), Ok(Some(0)));
        let answer = match awaited {
            false => h.api().write(&socket, &data),
            true => h.net().block_on(socket.asynch().write(&data)).map(Some),
        };
        check_eq!(answer, Ok(Some(6000)));
        check_eq!(h.api().write(&socket, b""), Ok(Some(0)));
        socket.close()?;
        let report = peer.settle();
        check_eq!(report.received, 6000u64);
        check_eq!(report.digest, Digest::of_pattern(6000));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn non_blocking_write_takes_what_fits<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected_plain(h, &[Step::Wait(400), Step::RecvToEnd])?;
    socket.setblocking(false)?;
    let mut total = 0;
    let until = h.now() + Duration::from_millis(300);
    loop {
        match h.api().write(&socket, BLOCK)? {
            Some(count) => {
                check!(count > 0 && count <= BLOCK.len());
                total += count as u64;
            }
            // Not asked again: where time passes by itself room may have come since.
            None if h.now() >= until => break,
            None => h.pass(Duration::from_millis(30)),
        }
    }
    socket.close()?;
    check_eq!(peer.settle().received, total);
    Ok(Verdict::Proved)
}

pub(crate) fn write_times_out_when_full<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    fill(h, &socket)?;
    socket.settimeout(SHORT.as_secs_f64())?;
    let (answer, took) = timed(h, || h.api().write(&socket, BLOCK));
    check_eq!(answer.map_err(|error| error.with_transferred(0)), Err(Error::ETIMEDOUT));
    check!(on_time(took, SHORT));
    let answer = h.net().block_on(socket.asynch().write(BLOCK));
    check_eq!(answer.map_err(|error| error.with_transferred(0)), Err(Error::ETIMEDOUT));
    Ok(Verdict::Proved)
}

pub(crate) fn writing_unconnected_or_closed<H: Harness>(h: &H) -> Outcome {
    let socket = stream(h)?;
    for wanted in [Error::EPIPE, Error::EBADF] {
        for data in [&b"x"[..], b""] {
            check_eq!(h.api().write(&socket, data), Err(wanted));
            check_eq!(h.net().block_on(socket.asynch().write(data)), Err(wanted));
        }
        socket.close()?;
    }
    Ok(Verdict::Proved)
}

pub(crate) fn writing_to_a_dead_peer<H: Harness>(h: &H) -> Outcome {
    for end in [Step::Close, Step::Rst] {
        let (socket, peer) = connected_plain(h, &[end])?;
        becomes(h, &socket, POLLIN)?;
        peer.settle();
        // The first may find nothing wrong; its answer from the peer ends the second.
        let first = h.api().write(&socket, b"x");
        check!(matches!(first, Ok(Some(1)) | Err(Error::EPIPE | Error::ECONNRESET)));
        h.pass(SHORT);
        for _ in 0..2 {
            let next = h.api().write(&socket, b"x");
            check!(matches!(next, Err(Error::EPIPE | Error::ECONNRESET)));
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn reads_mix_without_a_hidden_buffer<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) =
        connected_plain(h, &[Step::Text(b"one\n23\nfour\n5678"), Step::Fin, Step::Hold])?;
    arrived(h, &socket, 16)?;
    let mut buf = [0; 16];
    let api = h.api();
    check_eq!(api.readline(&socket, &mut buf), Ok(Some(4)));
    check_eq!(socket.recv(&mut buf[..1]), Ok(1));
    check_eq!(buf[0], b'2');
    check_eq!(api.read(&socket, &mut buf[..2]), Ok(Some(2)));
    check_eq!(&buf[..2], b"3\n");
    check_eq!(api.readline(&socket, &mut buf), Ok(Some(5)));
    check_eq!(&buf[..5], b"four\n");
    check_eq!(api.readinto_n(&socket, &mut buf, 1), Ok(Some(1)));
    check_eq!(socket.recvfrom(&mut buf[..1]).map(|(len, _)| len), Ok(1));
    check_eq!(buf[0], b'6');
    check_eq!(embedded_io::Read::read(&mut socket.stream(), &mut buf[..1]), Ok(1));
    check_eq!(api.read(&socket, &mut buf), Ok(Some(1)));
    check_eq!(buf[0], b'8');
    Ok(Verdict::Proved)
}

pub(crate) fn writes_mix_without_a_hidden_buffer<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected_plain(h, &[Step::Recv(9), Step::Hold])?;
    check_eq!(h.api().write(&socket, b"ab"), Ok(Some(2)));
    check_eq!(h.api().send(&socket, b"c"), Ok(1));
    check_eq!(embedded_io::Write::write(&mut socket.stream(), b"d"), Ok(1));
    check_eq!(h.api().sendall(&socket, b"e"), Ok(()));
    check_eq!(h.api().write(&socket, b"fg"), Ok(Some(2)));
    check_eq!(socket.makefile("wb")?.write("h"), Ok(Some(1)));
    check_eq!(h.net().block_on(socket.asynch().send("i")), Ok(1));
    let report = peer.settle();
    check_eq!(report.head.as_slice(), b"abcdefghi");
    Ok(Verdict::Proved)
}

pub(crate) fn write_is_one_datagram<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let alone = h.net().udp()?;
    check_eq!(h.api().write(&alone, b"x"), Err(Error::EDESTADDRREQ));
    let (socket, peer) = connected_udp(h, &[Step::RecvFrom, Step::RecvFrom, Step::Hold])?;
    if !h.caps().empty_datagrams {
        check_eq!(h.api().write(&socket, b""), Err(Error::EOPNOTSUPP));
        check_eq!(h.api().write(&socket, b"abc"), Ok(Some(3)));
        check!(peer.reaches(h, 2));
        check_eq!(peer.report().head.as_slice(), &b"abc"[..]);
        return Ok(Verdict::Proved);
    }
    check_eq!(h.api().write(&socket, b""), Ok(Some(0)));
    check_eq!(h.api().write(&socket, b"abc"), Ok(Some(3)));
    let report = peer.settle();
    check_eq!(report.datagrams, 2u32);
    check_eq!(report.head.as_slice(), &b"abc"[..]);
    Ok(Verdict::Proved)
}

/// Three datagrams for one.
const REPLIES: [Step; 6] = [
    Step::RecvFrom,
    Step::Reply(b"abc"),
    Step::Reply(b"def"),
    Step::Reply(b"gh"),
    Step::Reply(b""),
    Step::Hold,
];

pub(crate) fn read_joins_datagrams<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, _peer) = connected_udp(h, &REPLIES)?;
    socket.settimeout(5)?;
    socket.send("?")?;
    let mut buf = [0; 16];
    check_eq!(h.api().read(&socket, &mut buf[..5]), Ok(Some(5)));
    check_eq!(&buf[..5], b"abcde");
    // The tail "f" is gone, the next datagram is not.
    check_eq!(socket.recv(&mut buf), Ok(2));
    check_eq!(&buf[..2], b"gh");
    Ok(Verdict::Proved)
}

pub(crate) fn an_empty_datagram_ends_a_read<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, _peer) = connected_udp(h, &REPLIES)?;
    socket.settimeout(5)?;
    socket.send("?")?;
    let mut buf = [0; 16];
    check_eq!(h.api().read(&socket, &mut buf), Ok(Some(8)));
    check_eq!(&buf[..8], b"abcdefgh");
    socket.settimeout(SHORT.as_secs_f64())?;
    check_eq!(h.api().read(&socket, &mut buf), Err(Error::ETIMEDOUT));
    Ok(Verdict::Proved)
}
