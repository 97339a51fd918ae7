//! Cancel safety (R15): futures dropped at their await points, by seeds.

use core::future::Future;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use usocket_core::{Error, Family, POLLIN, SockAddr, Usocket};

use super::duplex::ask;
use super::section;
use super::setup::{
    AFTER_FILL, BULK, PATIENCE, SHORT, Sock, bound_udp, connected, fill, is_pattern, own_ip,
    script, without_server, without_udp,
};
use crate::{Failure, Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    dropped_receives_lose_nothing: rows [], requirements [15], clauses [22];
    dropped_sends_send_nothing: rows [], requirements [15], clauses [22];
    dropped_accepts_lose_no_connection: rows [], requirements [15], clauses [22];
    dropped_datagram_receives_lose_nothing: rows [], requirements [15], clauses [22];
    dropped_waits_leave_no_trace: rows [], requirements [15, 16], clauses [22];
    a_dropped_connect_stays_pending: rows [], requirements [4, 15], clauses [15, 22];
}

/// Decides where a future is dropped: xorshift, the same on every target.
struct Dice(u32);

impl Dice {
    /// A number below `limit`.
    fn roll(&mut self, limit: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % limit
    }
}

/// Asks a future up to `times` times with a moment in between, and drops it.
fn ask_or_drop<H: Harness, T>(h: &H, times: u32, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    for _ in 0..times {
        if let Poll::Ready(answer) = ask(future.as_mut()) {
            return Some(answer);
        }
        // What happens now finds the future waiting, and it is not asked again.
        h.pass(Duration::from_millis(1));
    }
    None
}

/// Rounds after which something is wrong.
const MANY: u32 = 20_000;

fn receive_all<H: Harness>(h: &H, socket: &Sock<'_, H>, seed: u32) -> Result<u64, Failure> {
    let (view, mut dice) = (socket.asynch(), Dice(seed));
    let (mut total, mut buf) = (0, [0; 16]);
    for _ in 0..MANY {
        let room = 1 + dice.roll(16) as usize;
        let (times, form) = (1 + dice.roll(3), dice.roll(6));
        let answer = match form {
            0 => ask_or_drop(h, times, view.ready(POLLIN)).map(|answer| answer.map(|_| None)),
            1 => ask_or_drop(h, times, view.peek(&mut buf[..room])).map(|a| a.map(|_| None)),
            2 => ask_or_drop(h, times, view.recvfrom(&mut buf[..room]))
                .map(|a| a.map(|(len, _)| Some(len))),
            _ => ask_or_drop(h, times, view.recv(&mut buf[..room])).map(|a| a.map(Some)),
        };
        match answer.transpose()?.flatten() {
            None => {}
            Some(0) => return Ok(total),
            Some(len) => {
                check!(is_pattern(&buf[..len], total));
                total += len as u64;
            }
        }
    }
    Err(Failure::new("the stream does not end"))
}

pub(crate) fn dropped_receives_lose_nothing<H: Harness>(h: &H) -> Outcome {
    let mut steps = [Step::Wait(4); 22];
    for send in steps.iter_mut().step_by(2).take(10) {
        *send = Step::Send(37);
    }
    steps[20] = Step::Fin;
    steps[21] = Step::Hold;
    for seed in [1, 77, 4_093] {
        let (socket, _peer) = connected(h, &steps)?;
        check_eq!(receive_all(h, &socket, seed)?, 370);
    }
    Ok(Verdict::Proved)
}

pub(crate) fn dropped_sends_send_nothing<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[AFTER_FILL, Step::RecvToEnd, Step::Hold])?;
    let mut sum = fill(h, &socket)?;
    socket.settimeout(PATIENCE)?;
    let (view, mut dice, mut dropped, mut sent) = (socket.asynch(), Dice(9), 0, 0);
    while sent < 10 && dropped < MANY {
        let data = &BULK[..1 + dice.roll(900) as usize];
        match ask_or_drop(h, 1 + dice.roll(4), view.send(data)).transpose()? {
            Some(count) => {
                sum.add(&data[..count]);
                sent += 1;
            }
            None => dropped += 1,
        }
    }
    check!(dropped > 0 && sent == 10);
    socket.close()?;
    check!(sum.is(&peer.settle()));
    Ok(Verdict::Proved)
}

pub(crate) fn dropped_accepts_lose_no_connection<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let listener = h.net().tcp()?;
    let ip = own_ip(h, Family::V4)?;
    listener.bind((ip, 0))?;
    listener.listen(4)?;
    let to = SockAddr::new(ip, listener.local_addr()?.port());
    let (view, mut dice) = (listener.asynch(), Dice(5));
    let peers = [5_u32, 25, 60]
        .map(|ms| script(h, &[Step::Wait(ms), Step::Connect(to), Step::Text(b"hi"), Step::Hold]));
    for peer in peers {
        let peer = peer?;
        let (accepted, from) = loop {
            match ask_or_drop(h, 1 + dice.roll(2), view.accept()).transpose()? {
                Some(accepted) => break accepted,
                None => check!(dice.roll(MANY) > 0),
            }
        };
        accepted.settimeout(PATIENCE)?;
        check_eq!(accepted.read(&mut [0; 2]), Ok(Some(2)));
        check_eq!(from, peer.address()?);
    }
    Ok(Verdict::Proved)
}

pub(crate) fn dropped_datagram_receives_lose_nothing<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, to) = bound_udp(h)?;
    let mut steps = [Step::Wait(4); 23];
    steps[0] = Step::Udp(Family::V4);
    for (len, send) in (10..).zip(steps.iter_mut().skip(1).step_by(2)) {
        *send = Step::SendLenTo(to, len);
    }
    steps[22] = Step::Hold;
    let _peer = script(h, &steps)?;
    let (view, mut dice, mut buf) = (socket.asynch(), Dice(3), [0; 64]);
    for wanted in 10..21 {
        let mut found = None;
        for _ in 0..MANY {
            found = ask_or_drop(h, 1 + dice.roll(2), view.recv(&mut buf)).transpose()?;
            if found.is_some() {
                break;
            }
        }
        check_eq!(found, Some(wanted));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn dropped_waits_leave_no_trace<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected(h, &[Step::Hold])?;
    let (view, mut buf) = (socket.asynch(), [0; 8]);
    for _ in 0..300 {
        let mut waiting = pin!(view.recv(&mut buf));
        check!(ask(waiting.as_mut()).is_pending());
    }
    socket.settimeout(SHORT)?;
    check_eq!(h.net().block_on(view.recv(&mut buf)), Err(Error::ETIMEDOUT));
    check_eq!(socket.recv(&mut buf), Err(Error::ETIMEDOUT));
    Ok(Verdict::Proved)
}

pub(crate) fn a_dropped_connect_stays_pending<H: Harness>(h: &H) -> Outcome {
    let silent = h.peer().silent(Family::V4);
    for _ in 0..20 {
        let socket = h.net().tcp()?;
        check_eq!(ask_or_drop(h, 1, socket.asynch().connect(silent)), None);
        check_eq!(socket.connect(silent), Err(Error::EALREADY));
        check_eq!(socket.recv_flags(&mut [0; 4], usocket_core::MSG_DONTWAIT), Err(Error::EAGAIN));
        socket.close()?;
    }
    Ok(Verdict::Proved)
}
