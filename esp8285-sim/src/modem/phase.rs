//! What the modem is doing with its one command.
//!
//! ```text
//! Booting -> Idle -> Command -> Idle
//!                      |  `--> Waiting (join, open, name, ping, scan) -> Idle
//!                      `-----> Prompt -> Data -> Recv -> Sending -> Idle
//! ```

use std::time::Duration;

use crate::net::{Conn, Query};
use crate::syntax::Command;
use crate::time::Instant;

/// The state of the command interpreter. Everything but `Idle` and `Data` rejects input.
#[derive(Debug)]
pub(crate) enum Phase {
    /// Before `ready`: input goes nowhere.
    Booting,
    /// Ready for a line.
    Idle,
    /// A line has been read and is answered at `due`; `None` if it was malformed.
    Command { due: Instant, command: Option<Command> },
    /// `CIPSEND` was accepted, its prompt comes at `due`.
    Prompt { due: Instant, send: Send },
    /// Payload is being counted.
    Data(Data),
    /// The payload is complete, `Recv` comes at `due`.
    Recv { due: Instant, send: Send, data: Vec<u8> },
    /// `Recv` was sent, the result is pending.
    Sending(Sending),
    /// Something outside must happen first.
    Waiting(Waiting),
    /// Done, but the result is late (knob `result_faults`).
    Late { due: Instant, result: String },
    /// Done, but `busy` for a while (knob `busy_for`); `None` is for ever.
    Cooling { due: Option<Instant> },
}

/// A send that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Send {
    pub(crate) id: usize,
    pub(crate) conn: Conn,
    pub(crate) len: usize,
    /// Destination of a datagram.
    pub(crate) to: Option<std::net::SocketAddr>,
    pub(crate) kind: SendKind,
}

/// Which command it was (sheet sections 4.3 to 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendKind {
    /// `CIPSEND`
    Plain,
    /// `CIPSENDEX`
    Ex,
    /// `CIPSENDBUF`, with its segment number.
    Buffered(u32),
}

/// Payload on its way in.
#[derive(Debug)]
pub(crate) struct Data {
    pub(crate) send: Send,
    pub(crate) got: Vec<u8>,
    /// When the last byte came.
    pub(crate) last: Instant,
    /// `CIPSENDEX`: the last byte was a backslash.
    pub(crate) escaped: bool,
    /// Knob `rx_stall_after`: bytes go nowhere until a quiet time has passed.
    pub(crate) stalled: bool,
}

/// A send whose result is pending.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sending {
    pub(crate) conn: Conn,
    /// The result comes when the peer has acknowledged so many bytes.
    pub(crate) acked: u64,
    /// But not before this.
    pub(crate) due: Option<Instant>,
    /// By then it has failed (2.x, send time limit of `CIPTCPOPT`).
    pub(crate) limit: Option<Instant>,
}

/// A command that waits for the world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Waiting {
    Join,
    Scan {
        due: Instant,
    },
    /// `CIPSTART`: first the name, then the connection.
    OpenName {
        query: Query,
        open: Open,
    },
    Open {
        conn: Conn,
        remote: std::net::SocketAddr,
        open: Open,
    },
    Resolve(Query),
    PingName(Query),
    Ping(Query),
}

/// A `CIPSTART` whose parameters were good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Open {
    pub(crate) id: usize,
    pub(crate) udp: bool,
    pub(crate) port: u16,
    /// Local UDP port, 0 for any.
    pub(crate) local_port: u16,
    pub(crate) udp_mode: i64,
    /// Silence after which the peer is asked, zero for never.
    pub(crate) keep_alive: Duration,
}

/// What the modem is doing, as seen from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Activity {
    /// Before `ready`.
    Booting,
    /// Ready for a line, though one may be half done.
    Idle,
    /// Between a command and its result.
    Command,
    /// Between the `OK` of a send and its prompt.
    Prompt,
    /// Between the prompt and the last byte of the payload.
    Payload,
    /// Between the payload and the result of the send.
    Result,
    /// A counted payload is on its way to the host, whatever the modem does meanwhile.
    Reply,
}

impl Phase {
    /// What that is to somebody outside.
    pub(crate) fn activity(&self) -> Activity {
        match self {
            Phase::Booting => Activity::Booting,
            Phase::Idle => Activity::Idle,
            Phase::Command { .. }
            | Phase::Waiting(_)
            | Phase::Late { .. }
            | Phase::Cooling { .. } => Activity::Command,
            Phase::Prompt { .. } => Activity::Prompt,
            Phase::Data(_) => Activity::Payload,
            Phase::Recv { .. } | Phase::Sending(_) => Activity::Result,
        }
    }

    /// When it goes on by itself.
    pub(crate) fn due(&self) -> Option<Instant> {
        match self {
            Phase::Command { due, .. }
            | Phase::Prompt { due, .. }
            | Phase::Recv { due, .. }
            | Phase::Late { due, .. }
            | Phase::Waiting(Waiting::Scan { due }) => Some(*due),
            Phase::Sending(sending) => sending.due.or(sending.limit),
            Phase::Cooling { due } => *due,
            Phase::Data(data) => data.quiet_at(),
            Phase::Booting | Phase::Idle | Phase::Waiting(_) => None,
        }
    }
}

impl Data {
    /// When silence would mean something: after `+++` alone, or in a stall.
    pub(crate) fn quiet_at(&self) -> Option<Instant> {
        (self.stalled || self.got == b"+++").then(|| self.last + QUIET)
    }
}

/// Silence that ends a chunk (sheet section 8).
const QUIET: Duration = Duration::from_millis(20);
