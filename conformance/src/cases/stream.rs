//! Section P: `read`, `readinto`, `readline`.

use usocket_core::{Error, POLLIN, Result, Socket, Usocket};

use super::section;
use super::setup::{
    SHORT, arrived, becomes, connected_plain, is_pattern, on_time, quiet, stream, timed,
};
use crate::{Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    read_fills_the_buffer: rows [159], requirements [3], clauses [];
    read_ends_at_the_end_of_the_stream: rows [160], requirements [2], clauses [12];
    read_all_ends_at_the_end_of_the_stream: rows [161], requirements [1], clauses [];
    reading_nothing_is_nothing: rows [162], requirements [], clauses [9];
    non_blocking_read_gives_what_is_there: rows [163, 164], requirements [2], clauses [];
    non_blocking_readinto_gives_what_is_there: rows [171], requirements [2], clauses [];
    non_blocking_readline_gives_a_part: rows [175], requirements [2], clauses [];
    a_timeout_with_nothing_read: rows [165], requirements [2, 5], clauses [];
    a_timeout_after_a_part_keeps_it: rows [166], requirements [3], clauses [];
    a_timeout_after_a_part_of_a_line_keeps_it: rows [166], requirements [3], clauses [];
    a_reset_after_a_part_keeps_it: rows [167], requirements [1, 3], clauses [13];
    reading_unconnected_or_closed: rows [168], requirements [2], clauses [9, 14];
    readinto_fills_the_buffer: rows [169], requirements [], clauses [];
    readinto_keeps_to_its_count: rows [170], requirements [], clauses [];
    readline_ends_at_the_newline: rows [172], requirements [], clauses [];
    readline_gives_the_last_line: rows [173], requirements [], clauses [];
    readline_takes_nothing_behind_it: rows [174], requirements [3], clauses [];
}

/// Tells the peer, which waits for a byte, to go on.
pub(crate) fn go<H: Harness>(socket: &Socket<'_, H::Net>) -> Result<()> {
    socket.send("!").map(|_| ())
}

/// "abcd", "ef" in three pieces, and the end.
const PIECES: [Step; 7] = [
    Step::Text(b"ab"),
    Step::Wait(20),
    Step::Text(b"cd"),
    Step::Wait(20),
    Step::Text(b"ef"),
    Step::Fin,
    Step::Hold,
];

pub(crate) fn read_fills_the_buffer<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &PIECES)?;
    let mut buf = [0; 4];
    check_eq!(h.api().read(&socket, &mut buf), Ok(Some(4)));
    check_eq!(&buf, b"abcd");
    let (socket, _peer) = connected_plain(h, &PIECES)?;
    check_eq!(h.net().block_on(socket.asynch().read(&mut buf)), Ok(4));
    check_eq!(&buf, b"abcd");
    Ok(Verdict::Proved)
}

pub(crate) fn read_ends_at_the_end_of_the_stream<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &PIECES)?;
    let mut buf = [0; 4];
    check_eq!(h.api().read(&socket, &mut buf), Ok(Some(4)));
    check_eq!(h.api().read(&socket, &mut buf), Ok(Some(2)));
    check_eq!(&buf[..2], b"ef");
    for _ in 0..3 {
        check_eq!(h.api().read(&socket, &mut buf), Ok(Some(0)));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn read_all_ends_at_the_end_of_the_stream<H: Harness>(h: &H) -> Outcome {
    let steps =
        [Step::Send(1000), Step::Wait(20), Step::Send(2000), Step::Wait(20), Step::Send(96)];
    let (socket, _peer) = connected_plain(h, &steps)?;
    let mut buf = [0; 4096];
    check_eq!(h.api().read(&socket, &mut buf), Ok(Some(3096)));
    check!(is_pattern(&buf[..3096], 0));
    check_eq!(h.api().read(&socket, &mut buf), Ok(Some(0)));
    Ok(Verdict::Proved)
}

pub(crate) fn reading_nothing_is_nothing<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    for blocking in [true, false] {
        socket.setblocking(blocking)?;
        check_eq!(h.api().read(&socket, &mut []), Ok(Some(0)));
        check_eq!(socket.readinto(&mut []), Ok(Some(0)));
        check_eq!(h.api().readinto_n(&socket, &mut [0; 4], 0), Ok(Some(0)));
        check_eq!(embedded_io::Read::read(&mut socket.stream(), &mut []), Ok(0));
    }
    socket.close()?;
    check_eq!(h.api().read(&socket, &mut []), Err(Error::EBADF));
    check_eq!(socket.readinto(&mut []), Err(Error::EBADF));
    check_eq!(h.api().readinto_n(&socket, &mut [0; 4], 0), Err(Error::EBADF));
    check_eq!(embedded_io::Read::read(&mut socket.stream(), &mut []), Err(Error::EBADF));
    check_eq!(h.net().block_on(socket.asynch().read(&mut [])), Err(Error::EBADF));
    Ok(Verdict::Proved)
}

/// Sends "abc", "de" and the end, each when told to.
const ON_CALL: [Step; 7] = [
    Step::Recv(1),
    Step::Text(b"abc"),
    Step::Recv(1),
    Step::Text(b"de"),
    Step::Recv(1),
    Step::Fin,
    Step::Hold,
];

/// A form of reading into a buffer of eight bytes.
type Read<H> = fn(&H, &Socket<'_, <H as Harness>::Net>, &mut [u8]) -> Result<Option<usize>>;

fn gives_what_is_there<H: Harness>(h: &H, read: Read<H>) -> Outcome {
    let (socket, _peer) = connected_plain(h, &ON_CALL)?;
    let mut buf = [0; 8];
    socket.setblocking(false)?;
    check_eq!(read(h, &socket, &mut buf), Ok(None));
    for part in ["abc", "de"] {
        go::<H>(&socket)?;
        arrived(h, &socket, part.len())?;
        check_eq!(read(h, &socket, &mut buf), Ok(Some(part.len())));
        check_eq!(&buf[..part.len()], part.as_bytes());
        check_eq!(read(h, &socket, &mut buf), Ok(None));
    }
    go::<H>(&socket)?;
    becomes(h, &socket, POLLIN)?;
    check_eq!(read(h, &socket, &mut buf), Ok(Some(0)));
    check_eq!(read(h, &socket, &mut buf), Ok(Some(0)));
    Ok(Verdict::Proved)
}

pub(crate) fn non_blocking_read_gives_what_is_there<H: Harness>(h: &H) -> Outcome {
    gives_what_is_there(h, |h, socket, buf| h.api().read(socket, buf))
}

pub(crate) fn non_blocking_readinto_gives_what_is_there<H: Harness>(h: &H) -> Outcome {
    gives_what_is_there::<H>(h, |_, socket, buf| socket.readinto(buf))?;
    gives_what_is_there(h, |h, socket, buf| h.api().readinto_n(socket, buf, 8))
}

pub(crate) fn non_blocking_readline_gives_a_part<H: Harness>(h: &H) -> Outcome {
    gives_what_is_there(h, |h, socket, buf| h.api().readline(socket, buf))?;
    let steps = [Step::Text(b"par"), Step::Recv(1), Step::Text(b"tial\nnext"), Step::Hold];
    let (socket, _peer) = connected_plain(h, &steps)?;
    let mut buf = [0; 16];
    socket.setblocking(false)?;
    arrived(h, &socket, 3)?;
    check_eq!(h.api().readline(&socket, &mut buf), Ok(Some(3)));
    check_eq!(&buf[..3], b"par");
    go::<H>(&socket)?;
    arrived(h, &socket, 9)?;
    check_eq!(h.api().readline(&socket, &mut buf), Ok(Some(5)));
    check_eq!(&buf[..5], b"tial\n");
    Ok(Verdict::Proved)
}

pub(crate) fn a_timeout_with_nothing_read<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    socket.settimeout(SHORT.as_secs_f64())?;
    let forms: [Read<H>; 4] = [
        |h, socket, buf| h.api().read(socket, buf),
        |h, socket, buf| h.api().readline(socket, buf),
        |h, socket, buf| h.api().readinto_n(socket, buf, 8),
        |h, socket, buf| h.net().block_on(socket.asynch().read(buf)).map(Some),
    ];
    for read in forms {
        let (answer, took) = timed(h, || read(h, &socket, &mut [0; 8]));
        check_eq!(answer, Err(Error::ETIMEDOUT));
        check!(on_time(took, SHORT));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn a_timeout_after_a_part_keeps_it<H: Harness>(h: &H) -> Outcome {
    let forms: [Read<H>; 3] = [
        |h, socket, buf| h.api().read(socket, buf),
        |h, socket, buf| h.api().readinto_n(socket, buf, 100),
        |h, socket, buf| h.net().block_on(socket.asynch().read(buf)).map(Some),
    ];
    for read in forms {
        let (socket, _peer) =
            connected_plain(h, &[Step::Send(50), Step::Recv(1), Step::Send(50), Step::Hold])?;
        let mut buf = [0; 100];
        arrived(h, &socket, 50)?;
        socket.settimeout(SHORT.as_secs_f64())?;
        check_eq!(read(h, &socket, &mut buf), Err(Error::ETIMEDOUT.with_transferred(50)));
        check!(is_pattern(&buf[..50], 0));
        go::<H>(&socket)?;
        socket.settimeout(5)?;
        check_eq!(read(h, &socket, &mut buf[50..]), Ok(Some(50)));
        check!(is_pattern(&buf, 0));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn a_timeout_after_a_part_of_a_line_keeps_it<H: Harness>(h: &H) -> Outcome {
    let steps = [Step::Text(b"first half,"), Step::Recv(1), Step::Text(b"second\n"), Step::Hold];
    for awaited in [false, true] {
        let (socket, _peer) = connected_plain(h, &steps)?;
        let mut line = [0; 40];
        arrived(h, &socket, 11)?;
        socket.settimeout(SHORT.as_secs_f64())?;
        let answer = match awaited {
            false => h.api().readline(&socket, &mut line),
            true => h.net().block_on(socket.asynch().readline(&mut line)).map(Some),
        };
        check_eq!(answer, Err(Error::ETIMEDOUT.with_transferred(11)));
        go::<H>(&socket)?;
        socket.settimeout(5)?;
        check_eq!(h.api().readline(&socket, &mut line[11..]), Ok(Some(7)));
        check_eq!(&line[..18], b"first half,second\n");
    }
    Ok(Verdict::Proved)
}

pub(crate) fn a_reset_after_a_part_keeps_it<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Send(20), Step::Recv(1), Step::Rst])?;
    let mut buf = [0; 100];
    arrived(h, &socket, 20)?;
    go::<H>(&socket)?;
    let answer = h.api().read(&socket, &mut buf);
    // Where a reset is not told apart it is an end of stream (row 120).
    let wanted =
        if h.caps().reset { Err(Error::ECONNRESET.with_transferred(20)) } else { Ok(Some(20)) };
    check_eq!(answer, wanted);
    check!(is_pattern(&buf[..20], 0));
    check_eq!(h.api().read(&socket, &mut buf), Ok(Some(0)));
    Ok(Verdict::Proved)
}

pub(crate) fn reading_unconnected_or_closed<H: Harness>(h: &H) -> Outcome {
    let socket = stream(h)?;
    for wanted in [Error::ENOTCONN, Error::EBADF] {
        for timeout in [usocket_core::Timeout::Never, usocket_core::Timeout::Zero] {
            if wanted == Error::ENOTCONN {
                socket.settimeout(timeout)?;
            }
            check_eq!(h.api().read(&socket, &mut [0; 4]), Err(wanted));
            check_eq!(h.api().readinto_n(&socket, &mut [0; 4], 4), Err(wanted));
            check_eq!(h.api().readline(&socket, &mut [0; 4]), Err(wanted));
            check_eq!(h.net().block_on(socket.asynch().read(&mut [0; 4])), Err(wanted));
            check_eq!(h.net().block_on(socket.asynch().readline(&mut [0; 4])), Err(wanted));
        }
        socket.close()?;
    }
    Ok(Verdict::Proved)
}

pub(crate) fn readinto_fills_the_buffer<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &PIECES)?;
    let mut buf = [0; 4];
    check_eq!(h.api().readinto_n(&socket, &mut buf, 4), Ok(Some(4)));
    check_eq!(&buf, b"abcd");
    check_eq!(h.api().readinto_n(&socket, &mut buf, 4), Ok(Some(2)));
    check_eq!(h.api().readinto_n(&socket, &mut buf, 4), Ok(Some(0)));
    let (socket, _peer) = connected_plain(h, &PIECES)?;
    check_eq!(socket.readinto(&mut buf), Ok(Some(4)));
    check_eq!(socket.readinto(&mut buf), Ok(Some(2)));
    check_eq!(socket.readinto(&mut buf), Ok(Some(0)));
    Ok(Verdict::Proved)
}

pub(crate) fn readinto_keeps_to_its_count<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &PIECES)?;
    let mut buf = [0xaa; 6];
    arrived(h, &socket, 6)?;
    check_eq!(h.api().readinto_n(&socket, &mut buf, 3), Ok(Some(3)));
    check_eq!(&buf, b"abc\xaa\xaa\xaa");
    check_eq!(h.api().readinto_n(&socket, &mut buf[..2], 99), Ok(Some(2)));
    check_eq!(&buf, b"dec\xaa\xaa\xaa");
    Ok(Verdict::Proved)
}

/// Lines in awkward pieces.
const LINES: [Step; 6] = [
    Step::Text(b"on"),
    Step::Wait(20),
    Step::Text(b"e\r"),
    Step::Wait(20),
    Step::Text(b"\nt\rwo\n\nrest"),
    Step::Fin,
];

pub(crate) fn readline_ends_at_the_newline<H: Harness>(h: &H) -> Outcome {
    for awaited in [false, true] {
        let (socket, _peer) = connected_plain(h, &LINES)?;
        for line in ["one\r\n", "t\rwo\n", "\n"] {
            let mut buf = [0; 16];
            let answer = match awaited {
                false => h.api().readline(&socket, &mut buf),
                true => h.net().block_on(socket.asynch().readline(&mut buf)).map(Some),
            };
            check_eq!(answer, Ok(Some(line.len())));
            check_eq!(&buf[..line.len()], line.as_bytes());
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn readline_gives_the_last_line<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &LINES)?;
    let mut buf = [0; 16];
    for _ in 0..3 {
        h.api().readline(&socket, &mut buf)?;
    }
    check_eq!(h.api().readline(&socket, &mut buf), Ok(Some(4)));
    check_eq!(&buf[..4], b"rest");
    check_eq!(h.api().readline(&socket, &mut buf), Ok(Some(0)));
    check_eq!(h.api().readline(&socket, &mut buf), Ok(Some(0)));
    Ok(Verdict::Proved)
}

pub(crate) fn readline_takes_nothing_behind_it<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Text(b"a\nb\ncd"), Step::Hold])?;
    socket.settimeout(5)?;
    arrived(h, &socket, 6)?;
    let mut buf = [0; 16];
    for left in ["b\ncd", "cd"] {
        check_eq!(h.api().readline(&socket, &mut buf), Ok(Some(2)));
        let seen = socket.recv_flags(&mut buf, usocket_core::MSG_PEEK)?;
        check_eq!(&buf[..seen], left.as_bytes());
    }
    check_eq!(socket.recv(&mut buf), Ok(2));
    check_eq!(&buf[..2], b"cd");
    Ok(Verdict::Proved)
}
