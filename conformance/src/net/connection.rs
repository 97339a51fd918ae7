//! A TCP connection: two ends, two pipes, and the handshake between them.

use usocket_core::spi::Handle;
use usocket_core::{Error, Instant, SockAddr, earlier};

use super::faults::Path;
use super::pipe::{Line, Pipe};
use super::socket::Tuning;

/// Which end: the one that connects, or the one that accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

impl Side {
    pub(super) const BOTH: [Side; 2] = [Side::Client, Side::Server];

    pub(super) const fn index(self) -> usize {
        match self {
            Side::Client => 0,
            Side::Server => 1,
        }
    }

    pub(super) const fn other(self) -> Side {
        match self {
            Side::Client => Side::Server,
            Side::Server => Side::Client,
        }
    }
}

/// How far the handshake is. Each phase ends when what is in flight arrives.
///
/// ```text
/// client          Syn ------------------> SynAck ----> (established) Ack
/// server                (in the backlog)                             ----> Open: may be accepted
/// nobody there    Syn ------------------> Refused ---> the client learns it
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) enum Phase {
    Syn(Instant),
    SynAck(Instant),
    Ack(Instant),
    Open,
    Refused(Instant, Error),
}

/// Who holds an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// A socket of the end's host.
    Socket(Handle),
    /// It waits in the backlog of this listener.
    Pending(Handle),
    /// Closed; what is queued still goes out, until this time at the latest (S17).
    Closing(Instant),
    /// Nobody: what arrives here is answered with RST.
    Gone,
}

/// One end of a connection.
pub(super) struct End {
    /// Index of the host; `None` where the address belongs to nobody.
    pub(super) host: Option<usize>,
    pub(super) address: SockAddr,
    pub(super) owner: Owner,
    /// Reset arrived, or the link was lost.
    pub(super) dead: bool,
    /// What the holder must be told, once (S13).
    pub(super) error: Option<Error>,
    /// `shutdown(Read)` was called.
    pub(super) read_shut: bool,
    /// It sent FIN before it got one, so TIME-WAIT will be here.
    pub(super) active: bool,
    /// The options of its socket that concern the connection.
    pub(super) tuning: Tuning,
    /// When it heard of its peer last: bytes, an acknowledgment, an answered probe.
    pub(super) heard: Instant,
    /// When it probes a peer that has forgotten the connection.
    pub(super) probe_at: Option<Instant>,
}

impl End {
    pub(super) fn new(
        host: Option<usize>,
        address: SockAddr,
        owner: Owner,
        tuning: Tuning,
    ) -> Self {
        Self {
            host,
            address,
            owner,
            dead: false,
            error: None,
            read_shut: false,
            active: false,
            tuning,
            heard: Instant::ZERO,
            probe_at: None,
        }
    }

    /// How it sends on a path.
    pub(super) fn line(&self, path: &Path) -> Line {
        Line {
            latency: path.latency,
            bandwidth: path.faults.bandwidth,
            no_delay: self.tuning.no_delay,
        }
    }
}

/// A connection. Its data buffers are the two pipes; see [`Pipe`].
pub(super) struct Connection<const B: usize> {
    /// Client and server, by [`Side::index`].
    pub(super) ends: [End; 2],
    /// `pipes[i]` carries what `ends[i]` sends.
    pub(super) pipes: [Pipe<B>; 2],
    pub(super) phase: Phase,
    /// When an unanswered connect fails (R5).
    pub(super) give_up: Instant,
    /// Order of arrival at the listener (row 74).
    pub(super) order: u64,
    /// Bytes carried, both directions.
    pub(super) carried: u64,
    /// Since when nothing gets through.
    pub(super) cut_since: Option<Instant>,
}

impl<const B: usize> Connection<B> {
    /// Whether the client knows that it is established.
    pub(super) fn established(&self) -> bool {
        matches!(self.phase, Phase::Ack(_) | Phase::Open)
    }

    /// Whether the listener may accept it.
    pub(super) fn acceptable(&self, listener: Handle) -> bool {
        matches!(self.phase, Phase::Open) && self.ends[1].owner == Owner::Pending(listener)
    }

    /// Whether it takes a place in the backlog of `listener` on `host`.
    pub(super) fn in_backlog(&self, host: usize, listener: Handle) -> bool {
        self.ends[1].host == Some(host) && self.ends[1].owner == Owner::Pending(listener)
    }

    /// Whether nobody holds it any more.
    pub(super) fn over(&self) -> bool {
        self.ends.iter().all(|end| end.owner == Owner::Gone)
    }

    /// Sets the usable bytes of both directions (see [`Tuning`]).
    pub(super) fn fit(&mut self) {
        for side in Side::BOTH {
            let sender = self.ends[side.index()].tuning.send_buffer;
            let receiver = self.ends[side.other().index()].tuning.recv_buffer;
            let least = usize::try_from(sender.min(receiver)).unwrap_or(B);
            self.pipes[side.index()].resize(least);
        }
    }

    /// `side` ends its sending direction (R10).
    pub(super) fn finish(&mut self, side: Side, now: Instant, path: &Path) {
        let first = !self.pipes[side.other().index()].fin_arrived();
        let end = &mut self.ends[side.index()];
        let pipe = &mut self.pipes[side.index()];
        if !pipe.finished() {
            pipe.send_fin(now, &end.line(path));
            end.active = first;
        }
    }

    /// `side` is told that the connection is lost, and what it had not brought out is.
    /// The peer notices nothing until it sends.
    pub(super) fn lose(&mut self, side: Side, error: Error) {
        self.pipes[side.index()].cut();
        let end = &mut self.ends[side.index()];
        end.dead = true;
        end.error = Some(error);
    }

    /// `side` lets go of the connection and resets it.
    pub(super) fn reset(&mut self, side: Side, now: Instant, path: &Path) {
        let line = self.ends[side.index()].line(path);
        self.pipes[side.index()].send_rst(now, &line);
        self.pipes[side.other().index()].discard();
        self.ends[side.index()].owner = Owner::Gone;
    }

    /// Whether a closed end has nothing left to do: its FIN is there and the
    /// peer's has come.
    pub(super) fn finished(&self, side: Side) -> bool {
        self.pipes.iter().all(Pipe::fin_arrived)
            && matches!(self.ends[side.index()].owner, Owner::Closing(_))
    }

    /// Whether a closed end still has bytes or FIN to bring out.
    pub(super) fn lingers(&self, side: Side) -> bool {
        matches!(self.ends[side.index()].owner, Owner::Closing(_))
            && !self.pipes[side.index()].fin_arrived()
    }

    /// When something happens next on its path.
    pub(super) fn next_due(&self, path: &Path) -> Option<Instant> {
        let mut next = match self.phase {
            Phase::Syn(due) | Phase::SynAck(due) => {
                earlier(path.arrival(Some(due)), Some(self.give_up))
            }
            Phase::Ack(due) => path.arrival(Some(due)),
            Phase::Refused(due, _) => return Some(due),
            Phase::Open => None,
        };
        for (end, pipe) in self.ends.iter().zip(&self.pipes) {
            next = earlier(next, path.arrival(pipe.next_due()));
            if let Owner::Closing(until) = end.owner {
                next = earlier(next, Some(until));
            }
        }
        for side in Side::BOTH {
            let probe = self.ends[side.index()].probe_at;
            next = earlier(earlier(next, self.lost_at(side)), probe);
        }
        next
    }
}
