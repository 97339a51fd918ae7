//! Streams: the operations of a socket (S11 to S17).

use core::time::Duration;

use usocket_core::spi::{Handle, RecvFlags, Shutdown, SockType};
use usocket_core::{Error, Events, POLLIN, Result, SockAddr};

use super::connection::{Connection, End, Owner, Phase, Side};
use super::pipe::Pipe;
use super::socket::{Role, Socket, Tuning};
use super::state::{Id, State};

/// How long a connect goes unanswered before it fails, as in BSD (R5).
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(75);

/// How long a host looks for a neighbour that does not exist.
const NEIGHBOUR_TIMEOUT: Duration = Duration::from_secs(3);

impl<const S: usize, const C: usize, const B: usize> State<S, C, B> {
    /// `listen` (rows 60 to 67).
    pub(super) fn listen(&mut self, id: Id, backlog: u32) -> Result<()> {
        let socket = self.socket(id)?;
        match socket.role {
            Role::Idle | Role::Listening { .. } => {}
            Role::Dgram(_) => return Err(Error::EOPNOTSUPP),
            _ => return Err(Error::EINVAL),
        }
        let address = self.bind_implicitly(id, socket.family.unspecified())?;
        if !self.may_listen(id, address) {
            return Err(Error::EADDRINUSE);
        }
        // Entries are connections of the table, so C bounds them all (row 64).
        let backlog = usize::try_from(backlog).unwrap_or(C).clamp(1, C);
        self.socket_mut(id)?.role = Role::Listening { backlog };
        self.touch();
        Ok(())
    }

    /// `try_accept`: the connection that came first (rows 69 to 78).
    pub(super) fn accept(&mut self, id: Id) -> Result<(Handle, SockAddr)> {
        let socket = self.socket(id)?;
        let family = socket.family;
        match socket.role {
            Role::Listening { .. } => {}
            Role::Dgram(_) => return Err(Error::EOPNOTSUPP),
            _ => return Err(Error::EINVAL),
        }
        let index = self.oldest_pending(id).ok_or(Error::EAGAIN)?;
        // Where no slot is free the connection stays in the backlog (S16).
        let handle = self.open(id.host, family, SockType::Stream)?;
        let tuning = self.socket(Id { host: id.host, handle })?.options.tuning;
        let now = self.now;
        let connection = self.connection(index);
        let end = &mut connection.ends[Side::Server.index()];
        end.owner = Owner::Socket(handle);
        end.tuning = tuning;
        end.heard = now;
        connection.fit();
        let [client, server] = &connection.ends;
        let (peer, local) = (client.address, server.address);
        let socket = self.socket_mut(Id { host: id.host, handle })?;
        socket.bound = Some(local);
        socket.role = Role::Connected(index, Side::Server);
        self.touch();
        Ok((handle, peer))
    }

    fn oldest_pending(&self, id: Id) -> Option<usize> {
        let waiting = self.connections.iter().enumerate().filter_map(|(index, connection)| {
            let connection = connection.as_ref()?;
            (connection.ends[1].host == Some(id.host) && connection.acceptable(id.handle))
                .then_some((connection.order, index))
        });
        waiting.min().map(|(_, index)| index)
    }

    pub(super) fn listener_readiness(&self, id: Id) -> Events {
        if self.oldest_pending(id).is_some() { POLLIN } else { Events::NONE }
    }

    /// `try_connect` (S15, rows 80 to 92): sends a SYN, or says why not.
    pub(super) fn connect(&mut self, id: Id, to: SockAddr) -> Result<()> {
        let socket = self.socket_mut(id)?;
        match socket.role {
            Role::Idle | Role::Ended => {}
            Role::Connecting(_) => return Err(Error::EALREADY),
            Role::Listening { .. } | Role::Connected(..) => return Err(Error::EISCONN),
            Role::Failed(error) => {
                socket.role = Role::Idle;
                return Err(error);
            }
            Role::Dgram(_) => return self.connect_datagrams(id, to),
        }
        let (bound, tuning) = (socket.bound, socket.options.tuning);
        let to = Self::destination(to)?;
        if to.ip().is_multicast() || self.is_broadcast(id.host, to.ip()) {
            return Err(Error::ENETUNREACH);
        }
        self.check_device(id, to.ip())?;
        let source = self.source(id.host, bound, to.ip())?;
        let free = self.connections.iter().position(Option::is_none).ok_or(Error::ENOBUFS)?;
        let bound = self.bind_implicitly(id, source)?;
        let local = self.with_scope(id.host, source, bound.port());
        if self.pair_in_use(id.host, local, to) {
            return Err(Error::EADDRNOTAVAIL);
        }
        let there = self.host_of(id.host, to.ip());
        let path = self.path((Some(id.host), source), (there, to.ip()));
        let named = self.faults.iter().any(|entry| entry.ip == to.ip());
        let phase = match there {
            None if !named => Phase::Refused(self.now + NEIGHBOUR_TIMEOUT, Error::EHOSTUNREACH),
            _ => Phase::Syn(self.now + path.latency),
        };
        let theirs = Tuning::new(SockType::Stream, B);
        let mut connection = Connection {
            ends: [
                End::new(Some(id.host), local, Owner::Socket(id.handle), tuning),
                End::new(there, to, Owner::Gone, theirs),
            ],
            pipes: [Pipe::new(B), Pipe::new(B)],
            phase,
            give_up: self.now + CONNECT_TIMEOUT,
            order: 0,
            carried: 0,
            cut_since: None,
        };
        connection.fit();
        self.connections[free] = Some(connection);
        let socket = self.socket_mut(id)?;
        socket.role = Role::Connecting(free);
        socket.bound = Some(local);
        self.touch();
        Err(Error::EINPROGRESS)
    }

    /// `connect_result` (S15, row 89).
    pub(super) fn connect_result(&mut self, id: Id) -> Result<()> {
        let socket = self.socket_mut(id)?;
        match socket.role {
            Role::Connected(..) | Role::Dgram(_) => Ok(()),
            Role::Connecting(_) => Err(Error::EAGAIN),
            Role::Failed(error) => {
                socket.role = Role::Idle;
                Err(error)
            }
            Role::Idle | Role::Ended | Role::Listening { .. } => Err(Error::ENOTCONN),
        }
    }

    /// Sends on a stream (S11, S14, rows 94 to 100).
    pub(super) fn send_stream(&mut self, id: Id, data: &[u8]) -> Result<usize> {
        let socket = self.socket_mut(id)?;
        let (index, side) = match socket.role {
            Role::Connected(index, side) => (index, side),
            Role::Connecting(_) => return Err(Error::EAGAIN),
            Role::Failed(error) => {
                socket.role = Role::Ended;
                return Err(error);
            }
            _ => return Err(Error::EPIPE),
        };
        let Some(connection) = &self.connections[index] else { return Err(Error::EPIPE) };
        let (path, now) = (self.path_of(connection), self.now);
        let connection = self.connection(index);
        let end = &mut connection.ends[side.index()];
        if end.dead {
            return Err(end.error.take().unwrap_or(Error::EPIPE));
        }
        let pipe = &mut connection.pipes[side.index()];
        if pipe.finished() {
            return Err(Error::EPIPE);
        }
        if data.is_empty() {
            return Ok(0);
        }
        let taken = pipe.push(data, now, &end.line(&path));
        if taken == 0 {
            return Err(Error::EAGAIN);
        }
        let due = pipe.next_due();
        if let Some(due) = path.arrival(due) {
            self.schedule(due);
        }
        Ok(taken)
    }

    /// Receives from a stream (S12 to S14, rows 112 to 121); who sent it.
    pub(super) fn recv_stream(
        &mut self,
        id: Id,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<(usize, SockAddr)> {
        let socket = self.socket_mut(id)?;
        let nobody = SockAddr::new(socket.family.unspecified(), 0);
        let (index, side) = match socket.role {
            Role::Connected(index, side) => (index, side),
            Role::Connecting(_) => return Err(Error::EAGAIN),
            Role::Failed(_) if buf.is_empty() => return Ok((0, nobody)),
            Role::Failed(error) => {
                socket.role = Role::Ended;
                return Err(error);
            }
            Role::Ended => return Ok((0, nobody)),
            _ => return Err(Error::ENOTCONN),
        };
        let Some(connection) = &self.connections[index] else { return Err(Error::ENOTCONN) };
        let path = self.path_of(connection);
        let connection = self.connection(index);
        let peer = connection.ends[side.other().index()].address;
        if buf.is_empty() {
            return Ok((0, peer));
        }
        let most = buf.len().min(path.faults.segment.unwrap_or(usize::MAX).max(1));
        let pipe = &mut connection.pipes[side.other().index()];
        let end = &mut connection.ends[side.index()];
        if end.read_shut {
            // The end stays the end (S12), whatever still comes.
            pipe.discard();
        }
        let given = pipe.pull(&mut buf[..most], flags.peek);
        if given == 0 {
            // The stream's own end is an answer for ever (row 113); a reset is
            // told once (row 120), a peek included: `readline` looks before it takes.
            return match end.error {
                _ if pipe.fin_arrived() => Ok((0, peer)),
                Some(error) => {
                    end.error = None;
                    Err(error)
                }
                None if end.dead || end.read_shut => Ok((0, peer)),
                None => Err(Error::EAGAIN),
            };
        }
        if !flags.peek {
            // Room for the sender: it may wait for it.
            self.touch();
        }
        Ok((given, peer))
    }

    /// `shutdown` of a stream (R10).
    pub(super) fn shutdown_stream(&mut self, id: Id, how: Shutdown) -> Result<()> {
        let Role::Connected(index, side) = self.socket(id)?.role else {
            return Err(Error::ENOTCONN);
        };
        let Some(connection) = &self.connections[index] else { return Err(Error::ENOTCONN) };
        if connection.ends[side.index()].dead {
            return Err(Error::ENOTCONN);
        }
        let (path, now) = (self.path_of(connection), self.now);
        let connection = self.connection(index);
        if how != Shutdown::Write {
            connection.ends[side.index()].read_shut = true;
        }
        if how != Shutdown::Read {
            connection.finish(side, now, &path);
        }
        self.touch();
        Ok(())
    }

    /// Lets go of what a closed socket held (S17). `abort` resets at once (R10).
    pub(super) fn release(&mut self, id: Id, socket: &Socket, abort: bool) {
        match socket.role {
            Role::Listening { .. } => self.release_listener(id),
            Role::Connecting(index) => self.connections[index] = None,
            Role::Connected(index, side) => {
                let abort = abort || socket.options.linger == Some(0);
                let linger = socket
                    .options
                    .linger
                    .map_or(self.linger, |seconds| Duration::from_secs(seconds.into()));
                self.release_connection(index, side, abort, linger);
            }
            Role::Dgram(_) => self.pool.forget(id),
            Role::Idle | Role::Failed(_) | Role::Ended => {}
        }
        self.touch();
    }

    fn release_connection(&mut self, index: usize, side: Side, abort: bool, linger: Duration) {
        let Some(connection) = &self.connections[index] else { return };
        let (path, now) = (self.path_of(connection), self.now);
        let connection = self.connection(index);
        let unread = connection.pipes[side.other().index()].readable() > 0;
        if connection.ends[side.index()].dead {
            connection.ends[side.index()].owner = Owner::Gone;
        } else if abort || unread {
            connection.reset(side, now, &path);
        } else {
            connection.finish(side, now, &path);
            connection.ends[side.index()].owner = Owner::Closing(now + linger);
        }
    }

    /// Resets what nobody accepted (row 68); a SYN on its way finds nobody.
    fn release_listener(&mut self, id: Id) {
        for index in 0..C {
            let Some(connection) = &self.connections[index] else { continue };
            if !connection.in_backlog(id.host, id.handle) {
                continue;
            }
            let (path, now) = (self.path_of(connection), self.now);
            let connection = self.connection(index);
            if connection.established() {
                connection.reset(Side::Server, now, &path);
            } else {
                connection.ends[1].owner = Owner::Gone;
                connection.phase = Phase::Refused(now + path.latency, Error::ECONNREFUSED);
            }
        }
    }

    /// `take_error` (`SO_ERROR`): the pending error, once.
    pub(super) fn take_error(&mut self, id: Id) -> Result<Option<Error>> {
        let socket = self.socket_mut(id)?;
        match &mut socket.role {
            Role::Failed(error) => {
                let error = *error;
                socket.role = Role::Ended;
                Ok(Some(error))
            }
            Role::Dgram(dgram) => Ok(dgram.error.take()),
            Role::Connected(index, side) => {
                let (index, side) = (*index, *side);
                Ok(self.connection(index).ends[side.index()].error.take())
            }
            _ => Ok(None),
        }
    }

    /// The peer's address while connected.
    pub(super) fn peer_addr(&self, id: Id) -> Result<SockAddr> {
        match self.socket(id)?.role {
            Role::Dgram(dgram) => dgram.peer.ok_or(Error::ENOTCONN),
            Role::Connected(index, side) => {
                let connection = self.connections[index].as_ref().ok_or(Error::ENOTCONN)?;
                if connection.ends[side.index()].dead {
                    return Err(Error::ENOTCONN);
                }
                Ok(connection.ends[side.other().index()].address)
            }
            _ => Err(Error::ENOTCONN),
        }
    }

    /// Closed sockets of `host` that still have bytes or FIN to bring out.
    pub(super) fn lingering(&self, host: usize) -> usize {
        let ends = self.connections.iter().flatten().flat_map(|connection| {
            Side::BOTH.into_iter().filter(|&side| {
                connection.ends[side.index()].host == Some(host) && connection.lingers(side)
            })
        });
        ends.count()
    }
}
