//! Calls in any order on a small pool of sockets, and polls against queries.

use core::time::Duration;

use usocket_core::op::{Op, answers};
use usocket_core::{
    AF_INET, Error, Events, Family, MSG_DONTWAIT, POLLIN, POLLOUT, Pollable, Result, SO_REUSEADDR,
    SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, SockAddr, Socket, Usocket,
};

use super::section;
use super::setup::{connected_plain, events_of, poll_of, script};
use crate::{Failure, Harness, Outcome, Step, Verdict, check_eq};

section! {
    any_order_of_calls: rows [], requirements [16, 25], clauses [9, 10, 20];
    a_poll_equals_a_fresh_query: rows [], requirements [12], clauses [5];
}

/// Calls of one run, and runs.
const CALLS: usize = 120;
const SEEDS: core::ops::Range<u32> = 1..9;

/// Small numbers that look random and are the same each time.
struct Dice(u32);

impl Dice {
    fn roll(&mut self, sides: u32) -> u32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        self.0 % sides
    }
}

/// An answer of `op` that its row of the table allows.
#[track_caller]
fn answered<T>(op: Op, answer: Result<T>) -> Result<(), Failure> {
    match answer {
        Err(error) if !answers(op, error) => {
            Err(Failure { error: Some(error), ..Failure::new("an error that the table has not") })
        }
        _ => Ok(()),
    }
}

/// One call, whichever the dice say.
fn call<'h, H: Harness>(
    dice: &mut Dice,
    socket: &Socket<'h, H::Net>,
    to: SockAddr,
) -> Result<Option<Socket<'h, H::Net>>, Failure> {
    let mut buf = [0; 16];
    match dice.roll(18) {
        0 => answered(Op::Bind, socket.bind(("", 0)))?,
        1 => answered(Op::Listen, socket.listen(1))?,
        2 => {
            let accepted = socket.accept();
            answered(Op::Accept, accepted.as_ref().map_err(|error| *error))?;
            return Ok(accepted.ok().map(|(child, _)| child));
        }
        3 | 4 => answered(Op::Connect, socket.connect(to))?,
        5 => answered(Op::Send, socket.send("xyz"))?,
        6 => answered(Op::Send, socket.write("xyz"))?,
        7 => answered(Op::SendTo, socket.sendto("xyz", to))?,
        8 => answered(Op::Recv, socket.recv(&mut buf))?,
        9 => answered(Op::Recv, socket.recvfrom_flags(&mut buf, MSG_DONTWAIT))?,
        10 => answered(Op::Recv, socket.read(&mut buf))?,
        11 => answered(Op::Recv, socket.readline(&mut buf))?,
        12 => answered(Op::SetOption, socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1))?,
        13 => answered(Op::Shutdown, socket.shutdown(usocket_core::spi::Shutdown::Write))?,
        14 => answered(Op::TakeError, socket.take_error())?,
        15 => answered(Op::PeerAddr, socket.peer_addr())?,
        16 => answered(Op::LocalAddr, socket.local_addr())?,
        _ if dice.roll(3) == 0 => answered(Op::Close, socket.close())?,
        _ => answered(Op::MakeFile, socket.makefile("rb"))?,
    }
    Ok(None)
}

pub(crate) fn any_order_of_calls<H: Harness>(h: &H) -> Outcome {
    calls_in_any_order(h, SEEDS)
}

/// Random calls on a small pool of sockets, one run per seed: none panics, each
/// answers what the table of `usocket_core::op` has for it, and all slots come back.
/// The kit runs some seeds; a campaign runs many.
pub fn calls_in_any_order<H: Harness>(h: &H, seeds: core::ops::Range<u32>) -> Outcome {
    let peer = script(h, &[Step::Listen(Family::V4, 16), Step::Accept, Step::Hold])?;
    let open = peer.address()?;
    let refusing = h.peer().refusing(Family::V4);
    for seed in seeds {
        let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9) | 1);
        let mut pool = heapless::Vec::<Socket<'_, H::Net>, 4>::new();
        for _ in 0..CALLS {
            if !pool.is_full() {
                let udp = h.caps().udp && dice.roll(3) == 0;
                let socktype = if udp { SOCK_DGRAM } else { SOCK_STREAM };
                let fresh = h.net().socket(AF_INET, socktype);
                answered(Op::Socket, fresh.as_ref().map_err(|error| *error))?;
                let _ = fresh.and_then(|socket| {
                    socket.setblocking(false)?;
                    pool.push(socket).map_err(|_| Error::ENOBUFS)
                });
                continue;
            }
            let at = dice.roll(4) as usize;
            let to = if dice.roll(2) == 0 { open } else { refusing };
            if let Some(child) = call::<H>(&mut dice, &pool[at], to)? {
                child.setblocking(false)?;
                pool[at] = child;
            }
            if dice.roll(16) == 0 {
                pool.swap_remove(at);
                h.pass(Duration::from_millis(1));
            }
        }
    }
    drop(peer);
    h.net().drain(Duration::from_secs(30))?;
    // Every slot is back: as many as there are can be had at once.
    if let Some(most) = h.caps().max_sockets {
        let mut all = heapless::Vec::<Socket<'_, H::Net>, 64>::new();
        for _ in 0..most.min(64) {
            let _ = all.push(h.net().tcp()?);
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn a_poll_equals_a_fresh_query<H: Harness>(h: &H) -> Outcome {
    for seed in SEEDS {
        let mut dice = Dice(seed.wrapping_mul(0x85eb_ca6b) | 1);
        let (a, _a) = connected_plain(h, &[Step::Echo])?;
        let (b, _b) =
            connected_plain(h, &[Step::Recv(3), Step::Send(9), Step::Fin, Step::RecvToEnd])?;
        let c = h.net().tcp()?;
        let sockets = [&a, &b, &c];
        sockets.iter().try_for_each(|socket| socket.setblocking(false))?;
        let both = Some(POLLIN | POLLOUT);
        let mut poll = poll_of(h, &sockets.map(|socket| (socket.poll_ref(), both)))?;
        let mut masks = [POLLIN | POLLOUT; 3];
        for _ in 0..40 {
            let at = dice.roll(3) as usize;
            match dice.roll(7) {
                0 | 1 => drop(sockets[at].send("x")),
                2 | 3 => drop(sockets[at].recv(&mut [0; 4])),
                4 => h.pass(Duration::from_millis(2)),
                5 if dice.roll(8) == 0 => sockets[at].close()?,
                _ => {
                    masks[at] = [Events::NONE, POLLIN, POLLOUT][dice.roll(3) as usize];
                    h.api().modify(&mut poll, sockets[at].poll_ref(), masks[at])?;
                }
            }
            let before = sockets.map(|socket| socket.readiness());
            let found = h.api().poll(h.net(), &mut poll, Some(0))?;
            let after = sockets.map(|socket| socket.readiness());
            for (at, socket) in sockets.iter().enumerate() {
                // What changed meanwhile may be in the answer or not.
                if before[at] == after[at] {
                    let wanted = after[at].masked(masks[at]);
                    check_eq!(events_of(&found, socket.poll_ref()), wanted);
                }
            }
        }
    }
    Ok(Verdict::Proved)
}
