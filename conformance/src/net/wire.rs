//! Streams: what arrives on the wire.

use core::time::Duration;

use usocket_core::spi::{Handle, Link};
use usocket_core::{Error, Instant, SockAddr};

use super::connection::{Owner, Phase, Side};
use super::faults::Path;
use super::pipe::Line;
use super::ports::{TIME_WAIT, TimeWait};
use super::socket::Role;
use super::state::{Id, State};

/// When a SYN that found the backlog full is sent again (row 63).
const SYN_AGAIN: Duration = Duration::from_secs(1);

impl<const S: usize, const C: usize, const B: usize> State<S, C, B> {
    /// Moves every connection; whether any moved.
    pub(super) fn step_connections(&mut self) -> bool {
        let mut moved = false;
        for index in 0..C {
            moved |= self.step_connection(index);
        }
        moved
    }

    fn step_connection(&mut self, index: usize) -> bool {
        let Some(connection) = &self.connections[index] else { return false };
        let path = self.path_of(connection);
        let shaken = self.step_handshake(index, &path);
        let Some(connection) = &self.connections[index] else { return true };
        if !connection.established() {
            return shaken;
        }
        let mut moved = shaken;
        moved |= self.step_timers(index, &path);
        for side in Side::BOTH {
            moved |= self.pump(index, side, &path);
        }
        for side in Side::BOTH {
            moved |= self.step_closing(index, side, &path);
        }
        if self.connection(index).over() {
            self.connections[index] = None;
        }
        moved
    }

    fn step_handshake(&mut self, index: usize, path: &Path) -> bool {
        let now = self.now;
        let connection = self.connection(index);
        let blocked = path.blocked(now);
        match connection.phase {
            Phase::Refused(due, error) if due <= now => self.fail_connect(index, error),
            Phase::Syn(_) | Phase::SynAck(_) if connection.give_up <= now => {
                self.fail_connect(index, Error::ETIMEDOUT);
            }
            Phase::Syn(due) if due <= now && !blocked => self.handle_syn(index, path),
            Phase::SynAck(due) if due <= now && !blocked => {
                connection.phase = Phase::Ack(now + path.latency);
                connection.ends[0].heard = now;
                let client = &connection.ends[0];
                if let (Some(host), Owner::Socket(handle)) = (client.host, client.owner) {
                    let id = Id { host, handle };
                    if let Ok(socket) = self.socket_mut(id) {
                        socket.role = Role::Connected(index, Side::Client);
                    }
                }
                self.note(1, index as u64);
            }
            Phase::Ack(due) if due <= now && !blocked => {
                let order = self.next_order();
                let connection = self.connection(index);
                connection.phase = Phase::Open;
                connection.order = order;
            }
            _ => return false,
        }
        true
    }

    /// A SYN arrives: into the backlog, or back as a refusal (rows 63, 81).
    fn handle_syn(&mut self, index: usize, path: &Path) {
        let now = self.now;
        let [client, end] = &self.connection(index).ends;
        let (from, host, address) = (client.host, end.host, end.address);
        let listener = match host {
            Some(host) if !path.faults.refuse => self.listener_at(host, address, from),
            _ => None,
        };
        let connection = self.connection(index);
        let (Some(host), Some((listener, backlog))) = (host, listener) else {
            connection.phase = Phase::Refused(now + path.latency, Error::ECONNREFUSED);
            return;
        };
        let taken = self.connections.iter().flatten();
        if taken.filter(|other| other.in_backlog(host, listener)).count() >= backlog {
            self.connection(index).phase = Phase::Syn(now + SYN_AGAIN);
            return;
        }
        let connection = self.connection(index);
        connection.ends[1].owner = Owner::Pending(listener);
        connection.phase = Phase::SynAck(now + path.latency);
    }

    /// The listener for `address`, the one bound to it before a wildcard's.
    fn listener_at(
        &self,
        host: usize,
        address: SockAddr,
        from: Option<usize>,
    ) -> Option<(Handle, usize)> {
        let sockets = self.hosts[host].sockets.iter();
        let listeners = sockets.filter_map(|(handle, socket)| {
            let Role::Listening { backlog } = socket.role else { return None };
            let bound = socket.bound?;
            let exact = bound.ip() == address.ip();
            let fits = bound.port() == address.port()
                && bound.family() == address.family()
                && (exact || bound.ip().is_unspecified())
                && (from != Some(host) || socket.options.device.is_empty());
            fits.then_some((exact, handle, backlog))
        });
        listeners.max_by_key(|&(exact, ..)| exact).map(|(_, handle, backlog)| (handle, backlog))
    }

    fn fail_connect(&mut self, index: usize, error: Error) {
        self.note(2, index as u64);
        let Some(connection) = self.connections[index].take() else { return };
        let client = &connection.ends[0];
        if let (Some(host), Owner::Socket(handle)) = (client.host, client.owner)
            && let Ok(socket) = self.socket_mut(Id { host, handle })
        {
            socket.fail(error);
        }
    }

    /// Delivers what `from` sent.
    fn pump(&mut self, index: usize, from: Side, path: &Path) -> bool {
        let now = self.now;
        if path.blocked(now) {
            return false;
        }
        let to = from.other();
        let connection = self.connection(index);
        let line = connection.ends[from.index()].line(path);
        let departed = connection.pipes[from.index()].depart(now, &line);
        if connection.answer_lost(to, now, path) {
            return true;
        }
        let left = path
            .faults
            .reset_after
            .map_or(u64::MAX, |limit| limit.saturating_sub(connection.carried));
        let delivered = connection.pipes[from.index()].deliver(now, left, path.latency);
        connection.carried += delivered.bytes;
        if path.faults.reset_after.is_some_and(|limit| connection.carried >= limit) {
            return self.break_connection(index, now) || delivered.any();
        }
        if !delivered.any() {
            return departed;
        }
        for end in &mut connection.ends {
            end.heard = now;
            end.probe_at = None;
        }
        let held =
            matches!(connection.ends[to.index()].owner, Owner::Socket(_) | Owner::Pending(_));
        if !held {
            connection.pipes[from.index()].discard();
            // Nobody is there to read: the sender must learn it (row 98).
            if delivered.bytes > 0 {
                connection.reset(to, now, path);
            }
        }
        if delivered.rst {
            let told = connection.pipes[from.index()].fin_arrived();
            let end = &mut connection.ends[to.index()];
            if !held {
                end.owner = Owner::Gone;
            } else if !end.dead {
                end.dead = true;
                // After an end of stream only the sender has something to learn.
                end.error = Some(if told { Error::EPIPE } else { Error::ECONNRESET });
            }
        }
        let what =
            (delivered.bytes << 2) | u64::from(delivered.fin) << 1 | u64::from(delivered.rst);
        self.note(3, what);
        true
    }

    /// The network resets a connection for both its ends.
    fn break_connection(&mut self, index: usize, now: Instant) -> bool {
        let connection = self.connection(index);
        let mut moved = false;
        for side in Side::BOTH {
            let pipe = &mut connection.pipes[side.index()];
            if !pipe.was_reset() {
                pipe.cut();
                pipe.send_rst(now, &Line::default());
                let _ = pipe.deliver(now, 0, Duration::ZERO);
                moved = true;
            }
            let end = &mut connection.ends[side.index()];
            if matches!(end.owner, Owner::Closing(_)) {
                end.owner = Owner::Gone;
            } else if !end.dead {
                end.dead = true;
                end.error = Some(Error::ECONNRESET);
                moved = true;
            }
        }
        moved
    }

    /// Ends the background life of a closed end: done, or out of time (R9).
    fn step_closing(&mut self, index: usize, side: Side, path: &Path) -> bool {
        let now = self.now;
        let connection = self.connection(index);
        let Owner::Closing(until) = connection.ends[side.index()].owner else { return false };
        if connection.finished(side) {
            let own = &connection.ends[side.index()];
            let other = &connection.ends[side.other().index()];
            if let (true, Some(host)) = (own.active, own.host) {
                let (local, remote) = (own.address, other.address);
                self.time_waits.add(TimeWait { host, local, remote, until: now + TIME_WAIT });
            }
            self.connection(index).ends[side.index()].owner = Owner::Gone;
            return true;
        }
        if until > now {
            return false;
        }
        if connection.lingers(side) {
            connection.pipes[side.index()].cut();
            connection.reset(side, now, path);
        } else {
            // All is out; a peer that never closes is answered when it sends.
            connection.ends[side.index()].owner = Owner::Gone;
        }
        true
    }

    /// The link of `host` went down: its streams learn it at once (R24).
    pub(super) fn link_lost(&mut self, host: usize, error: Error) {
        for index in 0..C {
            let Some(connection) = &mut self.connections[index] else { continue };
            if connection.ends.iter().all(|end| end.host == Some(host)) {
                continue;
            }
            if !connection.established() && connection.ends[0].host == Some(host) {
                self.fail_connect(index, error);
                continue;
            }
            for side in Side::BOTH {
                let end = &mut connection.ends[side.index()];
                if end.host != Some(host) {
                    continue;
                }
                match end.owner {
                    Owner::Socket(_) if !end.dead => connection.lose(side, error),
                    Owner::Pending(_) | Owner::Closing(_) => {
                        end.owner = Owner::Gone;
                        connection.pipes[side.index()].cut();
                    }
                    _ => {}
                }
            }
            if self.connection(index).over() {
                self.connections[index] = None;
            }
        }
        self.touch();
    }

    /// The state of the link of `host`.
    pub(super) fn set_link(&mut self, host: usize, link: Link) {
        self.note_cuts();
        self.hosts[host].link = link;
        self.note_cuts();
        match link {
            Link::Up => self.touch(),
            Link::Down => self.link_lost(host, Error::ENETDOWN),
            Link::NoAddress => self.link_lost(host, Error::ENETUNREACH),
        }
    }
}
