//! Section Q: what a poll says of a socket in each of its states.

use core::time::Duration;

use usocket_core::{
    Error, Events, Family, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, Pollable, Result, Socket,
    Usocket,
};

use super::section;
use super::setup::{
    AFTER_FILL, BLOCK, arrived, becomes, connected_plain, connected_udp, events_of, fill,
    listening, pending, poll_of, polled, quiet, reached, script, starting, stream, watch,
    without_server, without_udp,
};
use crate::{Failure, Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    a_fresh_stream_hangs_up: rows [194], requirements [12], clauses [];
    a_bound_stream_hangs_up: rows [194], requirements [12], clauses [];
    datagram_readiness: rows [195], requirements [12], clauses [5];
    an_empty_datagram_is_input: rows [195], requirements [12], clauses [5, 18];
    listener_readiness: rows [196], requirements [12], clauses [5];
    connecting_readiness: rows [197], requirements [4, 12], clauses [5];
    data_is_input_until_read: rows [198], requirements [12], clauses [5];
    a_full_buffer_is_no_output: rows [199], requirements [12], clauses [5];
    the_end_of_the_stream_is_input: rows [200], requirements [12], clauses [5];
    a_reset_is_an_error: rows [201], requirements [12], clauses [5, 13];
    a_reset_behind_data_is_an_error: rows [201], requirements [1, 12], clauses [5, 13];
    a_delivered_reset_hangs_up: rows [202], requirements [12], clauses [13];
    a_refused_connect_is_an_error: rows [203], requirements [4, 12], clauses [15];
    a_closed_socket_is_invalid: rows [204], requirements [12], clauses [9];
    input_is_never_a_promise_too_many: rows [210], requirements [12], clauses [5];
    output_is_never_a_promise_too_many: rows [210], requirements [12], clauses [5];
}

/// The four masks, and what a poll finds with each.
const MASKS: [Events; 4] = [Events::from_bits(5), POLLIN, POLLOUT, Events::NONE];

/// What polls with each mask find, as numbers.
fn all_masks<'h, H: Harness>(h: &'h H, socket: &Socket<'h, H::Net>) -> Result<[u8; 4]> {
    let mut found = [0; 4];
    for (found, mask) in found.iter_mut().zip(MASKS) {
        *found = polled(h, socket, mask)?.bits();
    }
    Ok(found)
}

pub(crate) fn a_fresh_stream_hangs_up<H: Harness>(h: &H) -> Outcome {
    check_eq!(all_masks(h, &stream(h)?)?, [20, 16, 20, 16]);
    Ok(Verdict::Proved)
}

pub(crate) fn a_bound_stream_hangs_up<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let socket = super::setup::bound(h, Family::V4, usocket_core::SOCK_STREAM)?;
    check_eq!(all_masks(h, &socket)?, [20, 16, 20, 16]);
    Ok(Verdict::Proved)
}

pub(crate) fn datagram_readiness<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    check_eq!(all_masks(h, &h.net().udp()?)?, [4, 0, 4, 0]);
    let (socket, _peer) = connected_udp(h, &[Step::RecvFrom, Step::Reply(b"x"), Step::Hold])?;
    check_eq!(all_masks(h, &socket)?, [4, 0, 4, 0]);
    socket.send("?")?;
    becomes(h, &socket, POLLIN)?;
    check_eq!(all_masks(h, &socket)?, [5, 1, 4, 0]);
    check_eq!(socket.recv(&mut [0; 4]), Ok(1));
    check_eq!(all_masks(h, &socket)?, [4, 0, 4, 0]);
    Ok(Verdict::Proved)
}

pub(crate) fn an_empty_datagram_is_input<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, _peer) = connected_udp(h, &[Step::RecvFrom, Step::Reply(b""), Step::Hold])?;
    socket.send("?")?;
    let mut poll = watch(h, &socket)?;
    check_eq!(poll.poll(2000)?.events_of(&socket), POLLIN);
    check_eq!(socket.recv(&mut [0; 4]), Ok(0));
    check!(poll.poll(0)?.is_empty());
    Ok(Verdict::Proved)
}

pub(crate) fn listener_readiness<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let listener = listening(h, None)?;
    check_eq!(all_masks(h, &listener)?, [0; 4]);
    let _peer = script(h, &[Step::Connect(reached(h, &listener)?), Step::Hold])?;
    becomes(h, &listener, POLLIN)?;
    check_eq!(all_masks(h, &listener)?, [1, 1, 0, 0]);
    let (_child, _) = listener.accept()?;
    check_eq!(all_masks(h, &listener)?, [0; 4]);
    Ok(Verdict::Proved)
}

pub(crate) fn connecting_readiness<H: Harness>(h: &H) -> Outcome {
    check_eq!(all_masks(h, &pending(h)?)?, [0; 4]);
    let peer = script(h, &[Step::Listen(Family::V4, 1), Step::Accept, Step::Hold])?;
    let socket = starting(h, peer.address()?)?;
    becomes(h, &socket, POLLOUT)?;
    check_eq!(all_masks(h, &socket)?, [4, 0, 4, 0]);
    Ok(Verdict::Proved)
}

pub(crate) fn data_is_input_until_read<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Text(b"xy"), Step::Hold])?;
    arrived(h, &socket, 2)?;
    let mut poll = watch(h, &socket)?;
    for _ in 0..3 {
        check_eq!(poll.poll(1000)?.events_of(&socket), POLLIN);
    }
    check_eq!(all_masks(h, &socket)?, [5, 1, 4, 0]);
    check_eq!(socket.recv(&mut [0; 1]), Ok(1));
    check_eq!(poll.poll(0)?.events_of(&socket), POLLIN);
    check_eq!(socket.recv(&mut [0; 1]), Ok(1));
    check!(poll.poll(0)?.is_empty());
    Ok(Verdict::Proved)
}

pub(crate) fn a_full_buffer_is_no_output<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    check_eq!(all_masks(h, &socket)?, [4, 0, 4, 0]);
    fill(h, &socket)?;
    check_eq!(all_masks(h, &socket)?, [0; 4]);
    let (socket, _peer) = connected_plain(h, &[AFTER_FILL, Step::RecvToEnd])?;
    fill(h, &socket)?;
    becomes(h, &socket, POLLOUT)?;
    socket.setblocking(false)?;
    check!(socket.send(BLOCK)? > 0);
    Ok(Verdict::Proved)
}

pub(crate) fn the_end_of_the_stream_is_input<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Text(b"x"), Step::Fin, Step::Hold])?;
    becomes(h, &socket, POLLIN)?;
    check_eq!(all_masks(h, &socket)?, [5, 1, 4, 0]);
    check_eq!(socket.recv(&mut [0; 4]), Ok(1));
    check_eq!(socket.recv(&mut [0; 4]), Ok(0));
    for _ in 0..2 {
        check_eq!(all_masks(h, &socket)?, [5, 1, 4, 0]);
        check_eq!(socket.recv(&mut [0; 4]), Ok(0));
    }
    Ok(Verdict::Proved)
}

/// The readiness after a reset, or, where it is not told apart, after the end.
fn reset_masks<H: Harness>(h: &H) -> [u8; 4] {
    if h.caps().reset { [29, 25, 28, 24] } else { [5, 1, 4, 0] }
}

pub(crate) fn a_reset_is_an_error<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Rst])?;
    becomes(h, &socket, if h.caps().reset { POLLERR } else { POLLIN })?;
    check_eq!(all_masks(h, &socket)?, reset_masks(h));
    check_eq!(all_masks(h, &socket)?, reset_masks(h));
    Ok(Verdict::Proved)
}

pub(crate) fn a_reset_behind_data_is_an_error<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Text(b"xy"), Step::Recv(1), Step::Rst])?;
    arrived(h, &socket, 2)?;
    socket.send("!")?;
    becomes(h, &socket, if h.caps().reset { POLLERR } else { POLLIN })?;
    check_eq!(all_masks(h, &socket)?, reset_masks(h));
    check_eq!(socket.recv(&mut [0; 8]), Ok(2));
    // Where a reset is no error the data hid whether it had come.
    becomes(h, &socket, if h.caps().reset { POLLERR } else { POLLIN })?;
    check_eq!(all_masks(h, &socket)?, reset_masks(h));
    Ok(Verdict::Proved)
}

pub(crate) fn a_delivered_reset_hangs_up<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Rst])?;
    if !h.caps().reset {
        check_eq!(socket.recv(&mut [0; 4]), Ok(0));
        check!(polled(h, &socket, None)?.contains(POLLIN));
        return Ok(Verdict::Proved);
    }
    becomes(h, &socket, POLLERR)?;
    check_eq!(socket.recv(&mut [0; 4]), Err(Error::ECONNRESET));
    for _ in 0..2 {
        check_eq!(polled(h, &socket, None)? & !POLLOUT, POLLIN | POLLHUP);
        check_eq!(polled(h, &socket, POLLIN)?, POLLIN | POLLHUP);
        check_eq!(polled(h, &socket, Events::NONE)?, POLLHUP);
        check_eq!(socket.recv(&mut [0; 4]), Ok(0));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn a_refused_connect_is_an_error<H: Harness>(h: &H) -> Outcome {
    let socket = starting(h, h.peer().refusing(Family::V4))?;
    becomes(h, &socket, POLLERR)?;
    check_eq!(all_masks(h, &socket)?, [29, 25, 28, 24]);
    check_eq!(all_masks(h, &socket)?, [29, 25, 28, 24]);
    check_eq!(socket.take_error(), Ok(Some(Error::ECONNREFUSED)));
    check!(!polled(h, &socket, None)?.contains(POLLERR));
    Ok(Verdict::Proved)
}

pub(crate) fn a_closed_socket_is_invalid<H: Harness>(h: &H) -> Outcome {
    let before = stream(h)?;
    before.close()?;
    check_eq!(all_masks(h, &before)?, [32; 4]);
    let (after, _peer) = quiet(h)?;
    let mut poll = watch(h, &after)?;
    check!(poll.poll(0)?.is_empty());
    after.close()?;
    for _ in 0..2 {
        check_eq!(poll.poll(100)?.events_of(&after), POLLNVAL);
    }
    if h.caps().udp {
        let object = h.net().udp()?.poll_ref();
        let mut poll = poll_of(h, &[(object, None)])?;
        let found = h.api().poll(h.net(), &mut poll, Some(100))?;
        check_eq!(events_of(&found, object), POLLNVAL);
    }
    Ok(Verdict::Proved)
}

/// Polls for input, then receives without waiting: once for each poll.
pub(crate) fn input_is_never_a_promise_too_many<H: Harness>(h: &H) -> Outcome {
    let steps = [Step::Send(50), Step::Wait(5), Step::Send(200), Step::Wait(5), Step::Send(6)];
    let (socket, _peer) = connected_plain(h, &steps)?;
    socket.setblocking(false)?;
    let mut poll = watch(h, &socket)?;
    let mut total = 0;
    loop {
        let events = poll.poll(2000)?.events_of(&socket);
        check_eq!(events, POLLIN);
        match socket.recv(&mut [0; 7])? {
            0 => break,
            count => total += count,
        }
    }
    check_eq!(total, 256usize);
    if h.caps().server {
        let listener = listening(h, Some(3))?;
        listener.setblocking(false)?;
        let to = reached(h, &listener)?;
        let connect = [Step::Connect(to), Step::Connect(to), Step::Connect(to), Step::Hold];
        let _peer = script(h, &connect)?;
        let mut poll = watch(h, &listener)?;
        for _ in 0..3 {
            check_eq!(poll.poll(2000)?.events_of(&listener), POLLIN);
            listener.accept()?;
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn output_is_never_a_promise_too_many<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    socket.setblocking(false)?;
    let mut calm = 0;
    while calm < 3 {
        if polled(h, &socket, POLLOUT)?.contains(POLLOUT) {
            if socket.send(BLOCK)? == 0 {
                return Err(Failure::new("a send took nothing"));
            }
            calm = 0;
        } else {
            h.pass(Duration::from_millis(60));
            calm += 1;
        }
    }
    Ok(Verdict::Proved)
}
