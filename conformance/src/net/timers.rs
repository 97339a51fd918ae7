//! Streams that hear nothing: the bound of sending, and keep-alive.
//!
//! Both matter only while a path is cut, so a healthy network has no timers: that
//! probes were answered meanwhile is reckoned when the cut comes.

use core::time::Duration;

use usocket_core::{Error, Instant};

use super::connection::{Connection, Owner, Side};
use super::faults::Path;
use super::pipe::Pipe;
use super::state::State;

/// How long a stream that has something to send goes on while nothing gets
/// through, from the last progress on: then `ETIMEDOUT`. Linux: 15 minutes or more.
pub(super) const SEND_TIMEOUT: Duration = Duration::from_secs(120);

impl<const B: usize> Connection<B> {
    /// When `side` gives its peer up if the path stays cut.
    pub(super) fn lost_at(&self, side: Side) -> Option<Instant> {
        let cut = self.cut_since.filter(|_| self.alive(side))?;
        let (end, pipe) = (&self.ends[side.index()], &self.pipes[side.index()]);
        if pipe.unfinished() {
            return Some(cut.max(pipe.waiting_since()) + SEND_TIMEOUT);
        }
        let tuning = &end.tuning;
        tuning.keep_alive.then(|| {
            let interval = Duration::from_secs(tuning.keep_interval.into());
            end.heard + self.idle(side) + interval * tuning.keep_count.into()
        })
    }

    /// Whether `side` has a socket and the connection is open there.
    fn alive(&self, side: Side) -> bool {
        let end = &self.ends[side.index()];
        let over = self.pipes.iter().all(Pipe::fin_arrived);
        matches!(end.owner, Owner::Socket(_)) && !end.dead && self.established() && !over
    }

    fn idle(&self, side: Side) -> Duration {
        Duration::from_secs(self.ends[side.index()].tuning.keep_idle.max(1).into())
    }

    /// The time of the last probe until `now`, if each one was answered, or the
    /// last sign of the peer.
    fn last_probe(&self, side: Side, now: Instant) -> Instant {
        let (heard, idle) = (self.ends[side.index()].heard, self.idle(side));
        let silent = now.saturating_since(heard).as_micros();
        let rest = silent % idle.as_micros();
        heard + Duration::from_micros(u64::try_from(silent - rest).unwrap_or(u64::MAX))
    }

    /// Notes when the path was cut, and when it is whole again.
    pub(super) fn note_cut(&mut self, now: Instant, path: &Path) {
        match (path.blocked(now), self.cut_since) {
            (true, None) => {
                for side in Side::BOTH {
                    self.ends[side.index()].heard = self.last_probe(side, now);
                    self.ends[side.index()].probe_at = None;
                }
                self.cut_since = Some(now);
            }
            (false, Some(cut)) => {
                let stalled = path.stalled_until;
                let whole = if stalled > cut { stalled.min(now) } else { now };
                for end in &mut self.ends {
                    end.heard = end.heard.max(whole);
                }
                self.cut_since = None;
            }
            _ => {}
        }
    }

    /// Probes a peer that has forgotten the connection, and answers with a reset.
    fn probe(&mut self, side: Side, now: Instant, path: &Path) -> bool {
        let other = side.other();
        let peer = &self.ends[other.index()];
        let forgotten = peer.dead || peer.owner == Owner::Gone;
        let keeps = self.alive(side) && self.ends[side.index()].tuning.keep_alive;
        if !keeps || !forgotten || self.pipes[other.index()].was_reset() {
            self.ends[side.index()].probe_at = None;
            return false;
        }
        let next = self.last_probe(side, now) + self.idle(side);
        let due = *self.ends[side.index()].probe_at.get_or_insert(next);
        if due > now {
            return false;
        }
        self.ends[side.index()].probe_at = None;
        self.refuse(other, now, path);
        true
    }

    /// What comes to a connection that `side` has lost is answered with a reset.
    pub(super) fn answer_lost(&mut self, side: Side, now: Instant, path: &Path) -> bool {
        let incoming = &self.pipes[side.other().index()];
        let due = incoming.next_due().is_some_and(|due| due <= now);
        if !due || incoming.was_reset() || !self.ends[side.index()].dead {
            return false;
        }
        self.refuse(side, now, path);
        true
    }

    /// `side` resets a connection that it does not know any more. What its socket
    /// has not read yet stays (R1).
    fn refuse(&mut self, side: Side, now: Instant, path: &Path) {
        let line = self.ends[side.index()].line(path);
        self.pipes[side.other().index()].cut();
        self.pipes[side.index()].send_rst(now, &line);
    }
}

impl<const S: usize, const C: usize, const B: usize> State<S, C, B> {
    /// Gives up what was cut for too long, and probes.
    pub(super) fn step_timers(&mut self, index: usize, path: &Path) -> bool {
        let now = self.now;
        let connection = self.connection(index);
        connection.note_cut(now, path);
        let mut moved = false;
        for side in Side::BOTH {
            if connection.lost_at(side).is_some_and(|lost| lost <= now) {
                connection.lose(side, Error::ETIMEDOUT);
                moved = true;
            }
            moved |= !path.blocked(now) && connection.probe(side, now, path);
        }
        if moved {
            self.note(6, index as u64);
        }
        moved
    }

    /// Notes which paths are cut, at a time when that changes.
    pub(super) fn note_cuts(&mut self) {
        for index in 0..C {
            let Some(connection) = &self.connections[index] else { continue };
            let (path, now) = (self.path_of(connection), self.now);
            self.connection(index).note_cut(now, &path);
        }
    }
}
