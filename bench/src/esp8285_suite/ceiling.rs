//! The best that any host can reach at the end of this wire.
//!
//! Computed from the byte strings of the protocol sheet and the stated latencies alone: no
//! code of a driver or of a simulator is used here. Section numbers are the sheet's.
//!
//! **What is counted.** Payload efficiency is payload bytes over the bytes that the wire could
//! have carried in that direction in the same time, in a transfer long enough for its
//! beginning and end not to matter. The two directions of the wire are independent: a command
//! going out takes nothing from payload coming in but the time until the answer begins.
//!
//! **What a host is taken to do.** It wastes nothing: its next byte begins when the previous
//! one ends, and it acts in the moment in which the last byte that it needs is in. It keeps to
//! what the firmware permits:
//!
//! - A command begins when the previous one has its final result, CR LF included (2.1, 8).
//! - Data begin at the `>` of the prompt; the space of 1.x need not be waited for (4.3).
//! - A piece or a read is at most 2048 bytes (4.3, 5.2) and at most what a ring holds, since
//!   a host promises only bytes that it has and asks only for bytes that it can take.
//! - 2.2.0 is sent at most 1024 bytes in a piece, for the fault that esp-at#458 tells of (2.5, 7).
//! - With `CIPSENDBUF` a link has at most 2 x 1460 bytes unacknowledged (4.5). Whether the
//!   next piece fits is settled when the command is carried out, and the host is taken to
//!   foresee that. The best of one to eight equal pieces in flight counts; with the stated
//!   latencies it is two, which never wait.
//! - What `CIPSENDBUF` answers about segments is taken as short as it ever is.
//!
//! **Notices.** In passive mode the lines `+IPD,<id>,<len>` share the wire with the answers:
//! on 1.7.6 one for each segment of the peer, on 2.2 one after each read that left something
//! (5.2). A host need not wait for the end of a notice: it has its next command on the other
//! line meanwhile. So they cost nothing as long as they fit into the time between two answers,
//! and the excess otherwise; the shortest notice is what is counted. One that comes just before
//! an answer delays that one, which no host can help: the ceiling does not subtract it. Nor
//! does it subtract the late results of `CIPSENDBUF`, which can delay a prompt in that way.
//!
//! **Windows.** 5840 bytes for each link on 1.7.6 and 5760 on 2.2 (5.3), and a round trip until
//! the place of a byte that was read can be used again.
//!
//! An active `+IPD` carries 1460 bytes, the sheet's default for both families (5.1).

mod strings;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::conditions::{Conditions, Firmware, Receiving, Sending};

/// Payload efficiency of receiving in bulk.
#[must_use]
pub fn receive(on: &Conditions, receiving: Receiving) -> f64 {
    let wire = match receiving {
        Receiving::Active => {
            let around = strings::ipd(on.firmware, SEGMENT) + strings::ipd_trailer(on.firmware);
            SEGMENT as f64 / (SEGMENT + around) as f64
        }
        Receiving::Passive => passive(on),
    };
    // A window's worth for each link and round trip.
    let window = (strings::window(on.firmware) * on.sockets) as f64;
    let room = window / on.latencies.round_trip.as_secs_f64().max(f64::MIN_POSITIVE);
    wire.min(room * on.on_the_wire(1))
}

/// Payload efficiency of sending in bulk; `None` where the firmware has no such command.
#[must_use]
pub fn send(on: &Conditions, sending: Sending) -> Option<f64> {
    let most = strings::most_per_piece(on.firmware).min(on.ring);
    match (sending, on.firmware) {
        (Sending::Pipelined, Firmware::V2_2) => None,
        (Sending::Plain, _) => Some(pieces(on, sending, most)),
        // The largest piece is not the best one where it has to wait for the buffer.
        (Sending::Pipelined, Firmware::V1_7_6) => {
            let sizes = (1..=MOST_FLYING).map(|flying| most.min(SEND_BUFFER / flying));
            sizes.map(|piece| pieces(on, sending, piece)).reduce(f64::max)
        }
    }
}

/// From the beginning of a send of `len` bytes to the end of receiving them back, if the peer
/// returns them at once. What can be known of passive data is known by the notice.
#[must_use]
pub fn echo(
    on: &Conditions,
    receiving: Receiving,
    sending: Sending,
    len: usize,
) -> Option<Duration> {
    if (sending, on.firmware) == (Sending::Pipelined, Firmware::V2_2) {
        return None;
    }
    let send = send_times(on, sending, len, 0.0, 0.0);
    let back = send.recv + on.latencies.round_trip.as_secs_f64();
    let wire = |bytes| on.on_the_wire(bytes);
    // The result of the send leaves before the echo does, and where it waits for the peer both
    // share the wire: the segment that brings the echo brings the acknowledgement, which is
    // looked at first.
    let free = match sending {
        Sending::Plain => send.free,
        Sending::Pipelined => back + wire(strings::SEGMENT_OK),
    };
    let begins = back.max(free);
    let end = match receiving {
        Receiving::Active => begins + wire(strings::ipd(on.firmware, len) + len),
        Receiving::Passive => {
            // No byte of an answer is the user's before its framing has closed with OK.
            let answer = strings::read_answer(on.firmware, len) + len + strings::OK;
            begins
                + wire(strings::notice(len))
                + wire(strings::read_command(len))
                + on.latencies.command.as_secs_f64()
                + wire(answer)
        }
    };
    Some(Duration::from_secs_f64(end))
}

/// Reads of the largest size, one after the other.
fn passive(on: &Conditions) -> f64 {
    let read = MOST_PER_READ.min(on.ring);
    let answer = strings::read_answer(on.firmware, read) + read + strings::OK;
    let between = on.on_the_wire(strings::read_command(read)) + on.latencies.command.as_secs_f64();
    let notices = match on.firmware {
        Firmware::V1_7_6 => read as f64 / SEGMENT as f64,
        Firmware::V2_2 => 1.0,
    };
    let told = notices * on.on_the_wire(strings::notice(SHORT_NOTICE));
    on.on_the_wire(read) / (on.on_the_wire(answer) + between.max(told))
}

/// Pieces of one size, sent in turn by the sockets.
fn pieces(on: &Conditions, sending: Sending, piece: usize) -> f64 {
    // When the pieces of each link are acknowledged, oldest first.
    let mut flying = vec![Vec::<f64>::new(); on.sockets];
    let (mut free, mut warm) = (0.0, 0.0);
    for number in 0..WARM_UP + COUNTED {
        if number == WARM_UP {
            warm = free;
        }
        let acks = &mut flying[number % on.sockets];
        let fits = match sending {
            Sending::Plain => 0.0,
            Sending::Pipelined => {
                let beside = SEND_BUFFER / piece - 1;
                acks.iter().rev().nth(beside).copied().unwrap_or(0.0)
            }
        };
        let times = send_times(on, sending, piece, free, fits);
        acks.push(times.recv + on.latencies.round_trip.as_secs_f64());
        free = times.free;
    }
    on.on_the_wire(piece) * COUNTED as f64 / (free - warm)
}

/// Moments of one send.
struct Times {
    /// `Recv` begins and the piece leaves for the network.
    recv: f64,
    /// The next command may begin.
    free: f64,
}

/// A send whose command begins at `start` and is not carried out before `fits`.
fn send_times(on: &Conditions, sending: Sending, len: usize, start: f64, fits: f64) -> Times {
    let wire = |bytes| on.on_the_wire(bytes);
    let command = on.latencies.command.as_secs_f64();
    let line_end = (start + wire(strings::send_command(sending, len))).max(fits - command);
    let answered = line_end + command + wire(strings::send_answer(sending));
    let prompt = answered.max(line_end + on.latencies.prompt.as_secs_f64());
    let data_end = prompt + wire(strings::prompt(on.firmware)) + wire(len);
    let recv = data_end + on.latencies.recv.as_secs_f64();
    let told = recv + wire(strings::recv(len));
    let result = match (sending, on.firmware) {
        (Sending::Pipelined, _) => return Times { recv, free: told },
        (Sending::Plain, Firmware::V1_7_6) => recv + on.latencies.round_trip.as_secs_f64(),
        (Sending::Plain, Firmware::V2_2) => recv + on.latencies.queued.as_secs_f64(),
    };
    Times { recv, free: told.max(result) + wire(strings::SEND_OK) }
}

/// Largest request of a read on 1.7, and the advice for 2.x (5.2).
const MOST_PER_READ: usize = 2048;

/// What the peer sends at once, and a `+IPD` carries (5.1).
const SEGMENT: usize = 1460;

/// The stack's buffer for `CIPSENDBUF` (4.5).
const SEND_BUFFER: usize = 2 * 1460;

/// The shortest count that a notice of bulk data has: three digits.
const SHORT_NOTICE: usize = 100;

/// Most pieces that share the buffer. Smaller ones than an eighth of it cost more in commands
/// than they save in waits.
const MOST_FLYING: usize = 8;

/// Pieces until the buffers of five sockets are as full as they stay.
const WARM_UP: usize = 2 * 5 * MOST_FLYING;

/// Pieces that are counted: whole rounds of five sockets with one to eight pieces each.
const COUNTED: usize = 5 * 840;
