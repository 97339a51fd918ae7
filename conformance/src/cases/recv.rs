//! Section L on streams: recv.

use core::time::Duration;

use usocket_core::{Error, Family, MSG_DONTWAIT, MSG_PEEK, POLLIN, Usocket};

use super::section;
use super::setup::{
    PATIENCE, SHORT, Sock, becomes, check_took, check_within, connected, is_pattern, own_ip,
    read_pattern,
};
use crate::{Failure, Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    recv_takes_what_is_there: rows [112], requirements [3], clauses [12];
    end_of_stream_is_for_ever: rows [113], requirements [1, 2], clauses [12, 13];
    end_of_stream_without_blocking: rows [114], requirements [2], clauses [12];
    unconnected_stream_cannot_recv: rows [115], requirements [25], clauses [14];
    closed_socket_has_no_data: rows [116], requirements [16], clauses [9];
    nothing_there_would_block: rows [117], requirements [2], clauses [];
    nothing_in_time_times_out: rows [118], requirements [2, 5], clauses [];
    a_timeout_leaves_the_connection_intact: rows [119], requirements [3], clauses [22];
    a_reset_is_told_once_after_the_data: rows [120], requirements [1, 2], clauses [13];
    recv_of_nothing_takes_nothing: rows [121], requirements [], clauses [12];
    peek_and_dontwait_on_streams: rows [127], requirements [], clauses [12];
}

/// How many bytes every backend and peer can hold unread.
const UNREAD: u32 = 200;

pub(crate) fn recv_takes_what_is_there<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected(h, &[Step::Send(UNREAD), Step::Hold])?;
    let mut buf = [0xee; 64];
    becomes(h, &socket, POLLIN)?;
    h.pass(Duration::from_millis(20));
    // More is there than fits, and less than fits: neither is waited for or lost.
    let mut total = 0;
    while total < UNREAD as usize {
        let room = if total == 0 { 3 } else { buf.len() };
        let count = h.api().recv_flags(&socket, &mut buf[..room], 0)?;
        check!((1..=room).contains(&count));
        check!(is_pattern(&buf[..count], total as u64));
        check!(total > 0 || buf[3..].iter().all(|&byte| byte == 0xee));
        total += count;
    }
    check_eq!(total, UNREAD as usize);
    Ok(Verdict::Proved)
}

pub(crate) fn end_of_stream_is_for_ever<H: Harness>(h: &H) -> Outcome {
    // Unread data that is all there before the end is seen, and a longer stream.
    for (len, settle) in [(UNREAD, true), (4096, false), (0, true)] {
        let (socket, peer) = connected(h, &[Step::Send(len), Step::Fin, Step::Hold])?;
        if settle {
            peer.settle();
            h.pass(Duration::from_millis(30));
        }
        check_eq!(read_pattern::<H>(&socket)?, u64::from(len));
        for timeout in [None, Some(PATIENCE), Some(SHORT)] {
            socket.settimeout(timeout)?;
            let begun = h.now();
            check_eq!(socket.recv(&mut [0; 8]), Ok(0));
            check_eq!(socket.recv(&mut [0; 8]), Ok(0));
            check_within(h, begun, SHORT)?;
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn end_of_stream_without_blocking<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::Send(10), Step::Close])?;
    peer.settle();
    becomes(h, &socket, POLLIN)?;
    h.pass(Duration::from_millis(30));
    socket.setblocking(false)?;
    check_eq!(read_pattern::<H>(&socket)?, 10);
    for _ in 0..5 {
        check_eq!(socket.recv(&mut [0; 8]), Ok(0));
        check_eq!(socket.recv_flags(&mut [0; 8], MSG_DONTWAIT), Ok(0));
    }
    Ok(Verdict::Proved)
}

/// Asserts what a receive answers on this socket in all three modes.
fn check_recv<H: Harness>(socket: &Sock<'_, H>, wanted: Error) -> Result<(), Failure> {
    for timeout in [None, Some(PATIENCE), Some(Duration::ZERO)] {
        socket.settimeout(timeout)?;
        check_eq!(socket.recv(&mut [0; 8]), Err(wanted));
        check_eq!(socket.recv_flags(&mut [0; 8], MSG_PEEK), Err(wanted));
    }
    Ok(())
}

pub(crate) fn unconnected_stream_cannot_recv<H: Harness>(h: &H) -> Outcome {
    for bind in [false, true] {
        let socket = h.net().tcp()?;
        if bind && h.caps().server {
            socket.bind((own_ip(h, Family::V4)?, 0))?;
        }
        check_recv::<H>(&socket, Error::ENOTCONN)?;
    }
    Ok(Verdict::Proved)
}

pub(crate) fn closed_socket_has_no_data<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected(h, &[Step::Send(20), Step::Hold])?;
    becomes(h, &socket, POLLIN)?;
    socket.close()?;
    for flags in [0, MSG_PEEK, MSG_DONTWAIT] {
        check_eq!(socket.recv_flags(&mut [0; 8], flags), Err(Error::EBADF));
    }
    check_eq!(socket.recv(&mut [0; 8]), Err(Error::EBADF));
    check_eq!(socket.recv(&mut []), Err(Error::EBADF));
    Ok(Verdict::Proved)
}

pub(crate) fn nothing_there_would_block<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected(h, &[Step::Hold])?;
    socket.setblocking(false)?;
    let begun = h.now();
    for _ in 0..3 {
        check_eq!(h.api().recv_flags(&socket, &mut [0; 8], 0), Err(Error::EAGAIN));
    }
    check_within(h, begun, SHORT)?;
    Ok(Verdict::Proved)
}

pub(crate) fn nothing_in_time_times_out<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected(h, &[Step::Hold])?;
    socket.settimeout(SHORT)?;
    for _ in 0..2 {
        let begun = h.now();
        check_eq!(h.api().recv_flags(&socket, &mut [0; 8], 0), Err(Error::ETIMEDOUT));
        check_took(h, begun, SHORT)?;
    }
    Ok(Verdict::Proved)
}

pub(crate) fn a_timeout_leaves_the_connection_intact<H: Harness>(h: &H) -> Outcome {
    let steps = [Step::Wait(250), Step::Text(b"late"), Step::Recv(4), Step::Text(b"r"), Step::Hold];
    let (socket, peer) = connected(h, &steps)?;
    socket.settimeout(SHORT)?;
    for _ in 0..2 {
        let answer = h.api().recv_flags(&socket, &mut [0; 8], 0);
        check_eq!(answer, Err(Error::ETIMEDOUT));
    }
    socket.settimeout(PATIENCE)?;
    let mut buf = [0; 8];
    check_eq!(socket.read(&mut buf[..4]), Ok(Some(4)));
    check_eq!(&buf[..4], b"late");
    check_eq!(socket.sendall(b"more"), Ok(()));
    check_eq!(socket.recv(&mut buf), Ok(1));
    check_eq!(&peer.settle().head[..], b"more");
    Ok(Verdict::Proved)
}

pub(crate) fn a_reset_is_told_once_after_the_data<H: Harness>(h: &H) -> Outcome {
    // Data and reset are both there before the first receive, or come one by one.
    for settle in [true, false] {
        let (socket, peer) = connected(h, &[Step::Send(UNREAD), Step::Wait(30), Step::Rst])?;
        if settle {
            peer.settle();
            h.pass(Duration::from_millis(30));
        }
        let mut buf = [0; 64];
        let mut total = 0;
        let end = loop {
            match socket.recv(&mut buf) {
                Ok(count @ 1..) => {
                    check!(is_pattern(&buf[..count], total));
                    total += count as u64;
                }
                end => break end,
            }
        };
        check_eq!(total, u64::from(UNREAD));
        if h.caps().reset {
            check_eq!(end, Err(Error::ECONNRESET));
        } else {
            // It cannot be told apart from an end of stream.
            check_eq!(end, Ok(0));
        }
        for _ in 0..3 {
            check_eq!(socket.recv(&mut buf), Ok(0));
        }
        socket.setblocking(false)?;
        check_eq!(socket.recv(&mut buf), Ok(0));
    }
    let able = h.caps().reset;
    Ok(if able { Verdict::Proved } else { Verdict::Unsupported(Error::EOPNOTSUPP) })
}

pub(crate) fn recv_of_nothing_takes_nothing<H: Harness>(h: &H) -> Outcome {
    let fresh = h.net().tcp()?;
    check_eq!(fresh.recv(&mut []), Err(Error::ENOTCONN));
    fresh.close()?;
    check_eq!(fresh.recv(&mut []), Err(Error::EBADF));

    let (socket, _peer) = connected(h, &[Step::Wait(100), Step::Text(b"abc"), Step::Hold])?;
    let begun = h.now();
    for timeout in [Some(PATIENCE), Some(Duration::ZERO), None] {
        socket.settimeout(timeout)?;
        check_eq!(socket.recv(&mut []), Ok(0));
    }
    check_within(h, begun, Duration::from_millis(90))?;
    socket.settimeout(PATIENCE)?;
    becomes(h, &socket, POLLIN)?;
    check_eq!(socket.recv(&mut []), Ok(0));
    let mut buf = [0; 3];
    check_eq!(socket.read(&mut buf), Ok(Some(3)));
    check_eq!(&buf, b"abc");
    Ok(Verdict::Proved)
}

pub(crate) fn peek_and_dontwait_on_streams<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) =
        connected(h, &[Step::Wait(100), Step::Text(b"abcd"), Step::Fin, Step::Hold])?;
    socket.settimeout(PATIENCE)?;
    let mut buf = [0; 8];
    let begun = h.now();
    for flags in [MSG_DONTWAIT, MSG_DONTWAIT | MSG_PEEK] {
        check_eq!(h.api().recv_flags(&socket, &mut buf, flags), Err(Error::EAGAIN));
    }
    check_within(h, begun, Duration::from_millis(50))?;
    check_eq!(socket.recv_flags(&mut buf, 1 << 20), Err(Error::EINVAL));

    peer.settle();
    h.pass(Duration::from_millis(30));
    for room in [2, 4] {
        let count = h.api().recv_flags(&socket, &mut buf[..room], MSG_PEEK)?;
        check_eq!(&buf[..count], &b"abcd"[..room]);
    }
    let count = h.net().block_on(socket.asynch().peek(&mut buf))?;
    check_eq!(&buf[..count], b"abcd");
    check_eq!(h.api().recv_flags(&socket, &mut buf, MSG_DONTWAIT), Ok(4));
    for flags in [MSG_PEEK, MSG_PEEK | MSG_DONTWAIT, 0, MSG_PEEK] {
        check_eq!(h.api().recv_flags(&socket, &mut buf, flags), Ok(0));
    }
    Ok(Verdict::Proved)
}
