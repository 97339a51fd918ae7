//! Section O: settimeout and setblocking.

use core::time::Duration;

use usocket_core::{Error, Family, Hints, Result, SOCK_STREAM, Socket, Timeout, Usocket};

use super::section;
use super::setup::{
    BLOCK, SHORT, connected_plain, connected_udp, fill, listening, on_time, pending, quiet,
    reached, script, stream, timed,
};
use crate::{Asked, Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    none_zero_and_seconds: rows [149], requirements [5], clauses [1];
    setblocking_is_short_for_settimeout: rows [150], requirements [], clauses [];
    a_timeout_after_setblocking_false_waits: rows [151], requirements [5], clauses [];
    wrong_timeouts_are_refused: rows [152], requirements [], clauses [];
    tiny_timeouts_are_timeouts: rows [153], requirements [], clauses [];
    fractions_of_seconds_count: rows [154], requirements [5], clauses [];
    a_timeout_covers_the_whole_read: rows [156], requirements [5], clauses [];
    a_timeout_covers_the_whole_readline: rows [156], requirements [5], clauses [];
    a_timeout_covers_the_whole_write: rows [156], requirements [5], clauses [];
    would_block_is_no_timeout: rows [155], requirements [2, 5], clauses [1];
    a_full_buffer_is_no_timeout: rows [155], requirements [2, 5], clauses [1];
    datagrams_would_block_or_time_out: rows [155], requirements [2, 5], clauses [1];
    a_timeout_is_the_sockets_own: rows [157], requirements [5], clauses [];
    a_timeout_is_not_inherited: rows [157], requirements [5], clauses [];
    a_timeout_may_come_first: rows [158], requirements [], clauses [];
    no_timeout_on_a_closed_socket: rows [158], requirements [], clauses [9];
}

/// When late data comes, in milliseconds: after `SHORT`.
const LATE: u32 = 150;

fn recv<H: Harness>(socket: &Socket<'_, H::Net>) -> Result<usize> {
    socket.recv(&mut [0; 16])
}

pub(crate) fn none_zero_and_seconds<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Wait(LATE), Step::Text(b"x"), Step::Hold])?;
    h.api().settimeout_to(&socket, Timeout::Never)?;
    check_eq!(socket.timeout(), Timeout::Never);
    check_eq!(recv::<H>(&socket), Ok(1));

    h.api().settimeout(&socket, 0.0)?;
    check_eq!(socket.timeout(), Timeout::Zero);
    let (answer, took) = timed(h, || recv::<H>(&socket));
    check_eq!(answer, Err(Error::EAGAIN));
    check!(took < SHORT);

    h.api().settimeout(&socket, SHORT.as_secs_f64())?;
    check_eq!(socket.timeout(), Timeout::After(SHORT));
    let (answer, took) = timed(h, || recv::<H>(&socket));
    check_eq!(answer, Err(Error::ETIMEDOUT));
    check!(on_time(took, SHORT));
    Ok(Verdict::Proved)
}

pub(crate) fn setblocking_is_short_for_settimeout<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Wait(LATE), Step::Text(b"x"), Step::Hold])?;
    h.api().settimeout(&socket, SHORT.as_secs_f64())?;
    h.api().setblocking(&socket, true)?;
    check_eq!(recv::<H>(&socket), Ok(1));
    check_eq!(socket.timeout(), Timeout::Never);

    h.api().setblocking(&socket, false)?;
    check_eq!(recv::<H>(&socket), Err(Error::EAGAIN));
    check_eq!(socket.timeout(), Timeout::Zero);
    h.api().settimeout(&socket, SHORT.as_secs_f64())?;
    h.api().setblocking(&socket, false)?;
    check_eq!(recv::<H>(&socket), Err(Error::EAGAIN));
    Ok(Verdict::Proved)
}

pub(crate) fn a_timeout_after_setblocking_false_waits<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    h.api().setblocking(&socket, false)?;
    h.api().settimeout(&socket, SHORT.as_secs_f64())?;
    let (answer, took) = timed(h, || recv::<H>(&socket));
    check_eq!(answer, Err(Error::ETIMEDOUT));
    check!(on_time(took, SHORT));
    Ok(Verdict::Proved)
}

pub(crate) fn wrong_timeouts_are_refused<H: Harness>(h: &H) -> Outcome {
    let socket = stream(h)?;
    for mode in [Timeout::Never, Timeout::Zero, Timeout::After(SHORT)] {
        h.api().settimeout_to(&socket, mode)?;
        for wrong in [-1.0, -0.001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            check_eq!(h.api().settimeout(&socket, wrong), Err(Error::EINVAL));
            check_eq!(socket.timeout(), mode);
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn tiny_timeouts_are_timeouts<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    for tiny in [1e-9, 0.0004, f64::MIN_POSITIVE] {
        h.api().settimeout(&socket, tiny)?;
        check_eq!(recv::<H>(&socket), Err(Error::ETIMEDOUT));
        check_eq!(socket.read(&mut [0; 4]), Err(Error::ETIMEDOUT));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn fractions_of_seconds_count<H: Harness>(h: &H) -> Outcome {
    let wanted = Duration::from_millis(200);
    let (socket, _peer) = quiet(h)?;
    h.api().settimeout(&socket, 0.2)?;
    let (answer, took) = timed(h, || recv::<H>(&socket));
    check_eq!(answer, Err(Error::ETIMEDOUT));
    check!(on_time(took, wanted));
    let silent = stream(h)?;
    h.api().settimeout(&silent, 0.2)?;
    let (answer, took) = timed(h, || silent.connect(h.peer().silent(Family::V4)));
    check_eq!(answer, Err(Error::ETIMEDOUT));
    check!(on_time(took, wanted));
    Ok(Verdict::Proved)
}

/// Every call that can wait, on a stream where nothing comes: what it answers
/// non-blocking, and that it times out with a timeout.
pub(crate) fn would_block_is_no_timeout<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    let connecting = pending(h)?;
    for receive in forms::<H>() {
        socket.setblocking(false)?;
        check!(matches!(receive(h, &socket), Err(Error::EAGAIN) | Ok(None)));
        socket.settimeout(SHORT.as_secs_f64())?;
        let (answer, took) = timed(h, || receive(h, &socket));
        check_eq!(answer, Err(Error::ETIMEDOUT));
        check!(on_time(took, SHORT));
    }
    check_eq!(connecting.connect(h.peer().silent(Family::V4)), Err(Error::EALREADY));
    let slow = stream(h)?;
    slow.settimeout(SHORT.as_secs_f64())?;
    check_eq!(h.api().connect(&slow, h.peer().silent(Family::V4)), Err(Error::ETIMEDOUT));
    if h.caps().server {
        let listener = listening(h, None)?;
        listener.setblocking(false)?;
        check_eq!(h.api().accept(&listener).map(|_| ()), Err(Error::EAGAIN));
        listener.settimeout(SHORT.as_secs_f64())?;
        check_eq!(h.api().accept(&listener).map(|_| ()), Err(Error::ETIMEDOUT));
        let accepting = h.net().block_on(listener.asynch().accept()).map(|_| ());
        check_eq!(accepting, Err(Error::ETIMEDOUT));
    }
    Ok(Verdict::Proved)
}

/// A way to receive from a stream; `None` is "nothing there yet".
type Receive<H> = fn(&H, &Socket<'_, <H as Harness>::Net>) -> Result<Option<usize>>;

/// Every blocking form of receiving.
fn forms<H: Harness>() -> [Receive<H>; 8] {
    [
        |_, socket| socket.recv(&mut [0; 8]).map(Some),
        |h, socket| h.api().recv_flags(socket, &mut [0; 8], usocket_core::MSG_PEEK).map(Some),
        |_, socket| socket.recvfrom(&mut [0; 8]).map(|(len, _)| Some(len)),
        |_, socket| socket.recv_info(&mut [0; 8], 0).map(|info| Some(info.len)),
        |h, socket| h.api().read(socket, &mut [0; 8]),
        |h, socket| h.api().readinto_n(socket, &mut [0; 8], 8),
        |h, socket| h.api().readline(socket, &mut [0; 8]),
        |_, socket| embedded_io::Read::read(&mut socket.stream(), &mut [0; 8]).map(Some),
    ]
}

pub(crate) fn a_full_buffer_is_no_timeout<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = quiet(h)?;
    fill(h, &socket)?;
    socket.setblocking(false)?;
    check_eq!(h.api().send(&socket, BLOCK), Err(Error::EAGAIN));
    check_eq!(h.api().sendall(&socket, BLOCK), Err(Error::EAGAIN));
    check_eq!(h.api().write(&socket, BLOCK), Ok(None));
    check_eq!(embedded_io::Write::write(&mut socket.stream(), BLOCK), Err(Error::EAGAIN));
    socket.settimeout(SHORT.as_secs_f64())?;
    check_eq!(h.api().send(&socket, BLOCK), Err(Error::ETIMEDOUT));
    check_eq!(h.api().sendall(&socket, BLOCK), Err(Error::ETIMEDOUT));
    check_eq!(h.api().write(&socket, BLOCK), Err(Error::ETIMEDOUT));
    check_eq!(embedded_io::Write::write(&mut socket.stream(), BLOCK), Err(Error::ETIMEDOUT));
    check_eq!(h.net().block_on(socket.asynch().send(BLOCK)), Err(Error::ETIMEDOUT));
    Ok(Verdict::Proved)
}

pub(crate) fn datagrams_would_block_or_time_out<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = super::setup::without_udp(h) {
        return outcome;
    }
    let (socket, _peer) = connected_udp(h, &[Step::Hold])?;
    for receive in forms::<H>() {
        socket.setblocking(false)?;
        check!(matches!(receive(h, &socket), Err(Error::EAGAIN) | Ok(None)));
        socket.settimeout(SHORT.as_secs_f64())?;
        check_eq!(receive(h, &socket), Err(Error::ETIMEDOUT));
    }
    Ok(Verdict::Proved)
}

/// The timeout of a whole call, which pieces that come in time do not renew.
const WHOLE: Duration = Duration::from_millis(100);

/// A byte each 40 ms: eight of them last longer than `WHOLE` and its slack.
const DRIPS: [Step; 21] = {
    let mut steps = [Step::Wait(40); 21];
    let mut at = 1;
    while at < 20 {
        steps[at] = Step::Text(b"x");
        at += 2;
    }
    steps[20] = Step::Hold;
    steps
};

pub(crate) fn a_timeout_covers_the_whole_read<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &DRIPS)?;
    h.api().settimeout(&socket, WHOLE.as_secs_f64())?;
    let (answer, took) = timed(h, || h.api().read(&socket, &mut [0; 100]));
    check_eq!(answer.map_err(|error| error.with_transferred(0)), Err(Error::ETIMEDOUT));
    check!(on_time(took, WHOLE));
    Ok(Verdict::Proved)
}

pub(crate) fn a_timeout_covers_the_whole_readline<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &DRIPS)?;
    h.api().settimeout(&socket, WHOLE.as_secs_f64())?;
    let (answer, took) = timed(h, || h.api().readline(&socket, &mut [0; 100]));
    check_eq!(answer.map_err(|error| error.with_transferred(0)), Err(Error::ETIMEDOUT));
    check!(on_time(took, WHOLE));
    Ok(Verdict::Proved)
}

/// A peer that receives a little each 40 ms.
const SIPS: [Step; 21] = {
    let mut steps = [Step::Wait(40); 21];
    let mut at = 1;
    while at < 20 {
        steps[at] = Step::Recv(64);
        at += 2;
    }
    steps[20] = Step::Hold;
    steps
};

pub(crate) fn a_timeout_covers_the_whole_write<H: Harness>(h: &H) -> Outcome {
    for all in [false, true] {
        let (socket, _peer) = connected_plain(h, &SIPS)?;
        fill_at_once::<H>(&socket)?;
        h.api().settimeout(&socket, WHOLE.as_secs_f64())?;
        let mut answer = Ok(());
        // A buffer may have grown meanwhile; one of these calls cannot end in time.
        for _ in 0..64 {
            let took;
            (answer, took) = timed(h, || match all {
                false => h.api().write(&socket, BLOCK).map(|_| ()),
                true => h.api().sendall(&socket, BLOCK),
            });
            if answer.is_err() {
                check!(on_time(took, WHOLE));
                break;
            }
        }
        check_eq!(answer.map_err(|error| error.with_transferred(0)), Err(Error::ETIMEDOUT));
    }
    Ok(Verdict::Proved)
}

/// Sends what fits without letting time pass: the peer's clock runs.
fn fill_at_once<H: Harness>(socket: &Socket<'_, H::Net>) -> Result<()> {
    socket.setblocking(false)?;
    loop {
        match socket.send(BLOCK) {
            Ok(_) => {}
            Err(Error::EAGAIN) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

pub(crate) fn a_timeout_is_the_sockets_own<H: Harness>(h: &H) -> Outcome {
    let (one, _first) = quiet(h)?;
    let (other, _second) = connected_plain(h, &[Step::Wait(LATE), Step::Text(b"x"), Step::Hold])?;
    h.api().settimeout(&one, SHORT.as_secs_f64())?;
    check_eq!(recv::<H>(&other), Ok(1));
    check_eq!(recv::<H>(&one), Err(Error::ETIMEDOUT));
    check_eq!(other.timeout(), Timeout::Never);

    h.api().settimeout(&one, 1e-9)?;
    let asked = Asked { host: h.peer().name(), port: 80, hints: Hints::stream() };
    check_eq!(h.api().getaddrinfo(h.net(), asked)?.first().sockaddr.port(), 80);
    Ok(Verdict::Proved)
}

pub(crate) fn a_timeout_is_not_inherited<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = super::setup::without_server(h) {
        return outcome;
    }
    let listener = listening(h, None)?;
    h.api().settimeout(&listener, SHORT.as_secs_f64())?;
    let to = reached(h, &listener)?;
    let _peer = script(h, &[Step::Connect(to), Step::Wait(LATE), Step::Text(b"x"), Step::Hold])?;
    let (child, _) = h.api().accept(&listener)?;
    check_eq!(recv::<H>(&child), Ok(1));
    check_eq!(child.timeout(), Timeout::Never);
    check_eq!(listener.timeout(), Timeout::After(SHORT));
    Ok(Verdict::Proved)
}

pub(crate) fn a_timeout_may_come_first<H: Harness>(h: &H) -> Outcome {
    let peer = script(h, &[Step::Listen(Family::V4, 1), Step::Accept, Step::Hold])?;
    let socket = stream(h)?;
    h.api().settimeout(&socket, 5.0)?;
    h.api().setblocking(&socket, true)?;
    h.api().settimeout(&socket, 5.0)?;
    socket.connect(peer.address()?)?;
    check_eq!(socket.timeout(), Timeout::After(Duration::from_secs(5)));
    h.api().settimeout(&socket, SHORT.as_secs_f64())?;
    check_eq!(recv::<H>(&socket), Err(Error::ETIMEDOUT));
    if h.caps().server {
        let socket = stream(h)?;
        h.api().settimeout(&socket, SHORT.as_secs_f64())?;
        socket.bind((super::setup::own_ip(h, Family::V4)?, 0))?;
        socket.listen(1)?;
        check_eq!(socket.accept().map(|_| ()), Err(Error::ETIMEDOUT));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn no_timeout_on_a_closed_socket<H: Harness>(h: &H) -> Outcome {
    for socktype in [SOCK_STREAM, usocket_core::SOCK_DGRAM] {
        if socktype == usocket_core::SOCK_DGRAM && !h.caps().udp {
            continue;
        }
        let socket = h.net().socket(usocket_core::AF_INET, socktype)?;
        socket.close()?;
        for timeout in [0.0, 1.5, -1.0] {
            check_eq!(h.api().settimeout(&socket, timeout), Err(Error::EBADF));
        }
        check_eq!(h.api().settimeout_to(&socket, Timeout::Never), Err(Error::EBADF));
        check_eq!(h.api().setblocking(&socket, true), Err(Error::EBADF));
        check_eq!(h.api().setblocking(&socket, false), Err(Error::EBADF));
    }
    Ok(Verdict::Proved)
}
