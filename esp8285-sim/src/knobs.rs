//! The knobs of sheet section 11.5 that the modem itself obeys.
//!
//! Those of the wire are in [`uart`](crate::uart), those of the air in [`air`](crate::air),
//! those of the network in [`net`](crate::net).

use std::time::Duration;

use crate::profile::{ClosedPolicy, NoticePolicy};
use crate::time::Instant;

/// How the modem behaves beyond its firmware's table. `None` leaves it to the table.
#[derive(Clone, Debug)]
pub struct Knobs {
    /// Every random choice of the modem comes from this.
    pub seed: u64,
    /// From power-up to `ready`.
    pub boot_time: Duration,
    /// Bytes of noise before `ready` (1.1); the first half is seeded garbage, the rest
    /// is `boot_text`.
    pub boot_noise: usize,
    /// Text inside the boot noise, for noise that looks like an answer.
    pub boot_text: Vec<u8>,
    /// The rate stored in flash (section 7).
    pub flash_baud: u32,
    /// From the end of a command to the beginning of its answer (section 8).
    pub command_latency: Duration,
    /// From the end of `CIPSEND` to its prompt; at least `command_latency`.
    pub prompt_latency: Duration,
    /// From the last data byte to `Recv`.
    pub recv_latency: Duration,
    /// From `Recv` to `SEND OK` where it does not wait for the peer (2.x, UDP).
    pub ack_latency: Duration,
    /// The modem says `busy p...` for so long after every final result (esp-at#731).
    pub busy_for: Duration,
    /// Says `busy p...` while joining an access point unasked (1.5).
    pub busy_while_joining: bool,
    /// Commands that are never answered: a name without `AT+`, and which of that name,
    /// counted from 0. Only `AT+RST` or the enable pin helps (2.5, scenario 35).
    pub hang_on: Vec<(String, u64)>,
    /// Largest payload of one active `+IPD` (5.1).
    pub ipd_chunk_max: usize,
    /// Trailer after an active `+IPD` payload (5.1).
    pub ipd_trailer: Option<bool>,
    /// The address in an active `+IPD` with CIPDINFO is in quotes (5.1).
    pub quote_ip: Option<bool>,
    /// How often `ready` is said after a boot (scenario 32).
    pub ready_times: u32,
    /// A `CIPRECVDATA` gives at most so many bytes, whatever was asked (scenario 26).
    pub read_max: Option<usize>,
    /// The `CIPRECVDATA` of these numbers fail, counted from 0 (scenario 26).
    pub read_fails: Vec<u64>,
    /// Passive notices (5.2).
    pub notice: Option<NoticePolicy>,
    /// Unread passive data at close (5.3).
    pub closed: Option<ClosedPolicy>,
    /// 2.x puts hints and log lines on the AT port (2.2, scenario 37).
    pub chatty: bool,
    /// `Recv` is not said, as in some chatty builds (scenario 37).
    pub silent_recv: bool,
    /// A client may be given the id that an open in progress wants; the open fails then
    /// (scenario 19).
    pub id_taken: bool,
    /// From the `ERROR` of a failed open to the stale `CLOSED`; 1.x only (4.2).
    pub stale_closed: Duration,
    /// What becomes of the sends of this number and all later ones, counted from 0.
    pub send_outcome: Vec<(u64, SendOutcome)>,
    /// A send of more than this many bytes stalls after so many (2.5, 2.1 to 2.2.1).
    pub rx_stall_after: Option<usize>,
    /// Bytes put into the output at these offsets, counted from power-up. Where the
    /// offset is inside a counted payload they follow it.
    pub urc_at: Vec<(u64, Vec<u8>)>,
    /// Spontaneous reboots.
    pub reboot_at: Vec<Instant>,
    /// Bytes that the receive ring holds until the modem's task has taken them (section 7).
    pub rx_ring: usize,
    /// From the first byte in an empty ring to the task that empties it. Without it no
    /// byte waits, and none is lost.
    pub rx_latency: Duration,
    /// The rate of everything before `ready`; 74880 with a crystal of 26 MHz (1.1).
    pub boot_baud: Option<u32>,
    /// `AT+RST` says `CLOSED` and `WIFI DISCONNECT` before the reset (1.2).
    pub rst_lines: bool,
    /// Clients that are accepted at most, whatever `CIPSERVERMAXCONN` says (4.7).
    pub accept_limit: Option<usize>,
    /// The idle limit of accepted clients after a boot, in seconds (4.7); 180 otherwise.
    pub sto: Option<u32>,
    /// A client takes the id of an open in progress, which is never answered then: busy
    /// until the reset, as before 1.6.0 (2.5, scenario 19).
    pub id_clash: bool,
    /// Active receive: `CLOSED` comes before the rest of the data, as in 1.5 (2.5).
    pub early_closed: bool,
    /// The server is gone after a loss of Wi-Fi, and nobody is told (scenario 29).
    pub server_lost: bool,
    /// 1.x says `CONNECT FAIL` where an open fails, and no stale `CLOSED` (4.2).
    pub connect_fail: bool,
    /// Faults inside the counted answers to `CIPRECVDATA` of these numbers, counted from
    /// 0 (2.4, 11.4).
    pub reply_faults: Vec<(u64, ReplyFault)>,
    /// What becomes of the final results of these numbers, counted from 0 at power-up.
    pub result_faults: Vec<(u64, ResultFault)>,
    /// Output that waits for the wire beyond which active receive stops taking data
    /// from the network (section 7: TX ring 2048).
    pub tx_ring: usize,
}

/// What is wrong inside a counted answer. Its header is as without the fault.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReplyFault {
    /// So many of the last bytes are missing.
    Cut(usize),
    /// So many bytes are doubled, from the first on.
    Repeat(usize),
    /// These bits of this byte are inverted, counted from 0 and round the end.
    Flip(usize, u8),
    /// This text stands before this byte (esp-at#13).
    Insert(usize, Vec<u8>),
}

/// What becomes of a final result: `OK`, `ERROR`, `FAIL` and the results of sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResultFault {
    /// It is never said; the port is free.
    Lost,
    /// It is said twice.
    Twice,
    /// It is said so much later; the port is busy until then.
    Late(Duration),
}

impl ReplyFault {
    /// Does it to a payload.
    pub(crate) fn apply(&self, data: &mut Vec<u8>) {
        match self {
            ReplyFault::Cut(len) => data.truncate(data.len().saturating_sub(*len)),
            ReplyFault::Repeat(len) => {
                let again = data[..data.len().min(*len)].to_vec();
                data.splice(..0, again);
            }
            ReplyFault::Flip(at, bits) => {
                let len = data.len().max(1);
                if let Some(byte) = data.get_mut(at % len) {
                    *byte ^= bits;
                }
            }
            ReplyFault::Insert(at, text) => {
                let at = (*at).min(data.len());
                data.splice(at..at, text.iter().copied());
            }
        }
    }
}

/// The end of a send (sheet sections 2.4, 2.5, scenario 22).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendOutcome {
    /// As the network decides.
    Honest,
    /// The bytes are not sent and the result is `SEND FAIL`.
    Fail,
    /// `SEND FAIL`, then `SEND OK` for the same send; the bytes are sent.
    FailThenOk,
    /// The bytes are sent and no result ever comes; the port is free.
    Lost,
    /// The bytes are sent, the port is free, the result comes this much later.
    Late(Duration),
}

impl Default for Knobs {
    /// No fault; the latencies of a quiet network (section 8).
    fn default() -> Self {
        Self {
            seed: 1,
            boot_time: Duration::from_millis(300),
            boot_noise: 0,
            boot_text: Vec::new(),
            flash_baud: 115_200,
            command_latency: Duration::from_millis(2),
            prompt_latency: Duration::from_millis(4),
            recv_latency: Duration::from_millis(1),
            ack_latency: Duration::from_millis(4),
            busy_for: Duration::ZERO,
            busy_while_joining: false,
            hang_on: Vec::new(),
            ipd_chunk_max: 1460,
            ipd_trailer: None,
            quote_ip: None,
            ready_times: 1,
            read_max: None,
            read_fails: Vec::new(),
            notice: None,
            closed: None,
            chatty: false,
            silent_recv: false,
            id_taken: false,
            stale_closed: Duration::ZERO,
            send_outcome: Vec::new(),
            rx_stall_after: None,
            urc_at: Vec::new(),
            reboot_at: Vec::new(),
            rx_ring: 1024,
            rx_latency: Duration::ZERO,
            boot_baud: None,
            rst_lines: false,
            accept_limit: None,
            sto: None,
            id_clash: false,
            early_closed: false,
            server_lost: false,
            connect_fail: false,
            reply_faults: Vec::new(),
            result_faults: Vec::new(),
            tx_ring: 2048,
        }
    }
}

impl Knobs {
    /// What the knobs say about the send of this number.
    #[must_use]
    pub fn outcome_of(&self, send: u64) -> SendOutcome {
        let mine = self.send_outcome.iter().filter(|(from, _)| *from <= send);
        mine.max_by_key(|(from, _)| *from).map_or(SendOutcome::Honest, |(_, outcome)| *outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::{Knobs, SendOutcome};

    #[test]
    fn the_latest_outcome_holds() {
        let knobs = Knobs {
            send_outcome: vec![(2, SendOutcome::Fail), (3, SendOutcome::Honest)],
            ..Knobs::default()
        };
        let outcomes = [0, 1, 2, 3, 9].map(|n| knobs.outcome_of(n) == SendOutcome::Fail);
        assert_eq!(outcomes, [false, false, true, false, false]);
    }
}
