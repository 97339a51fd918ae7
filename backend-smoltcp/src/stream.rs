//! Streams: what the user does with a connection (S11 to S17).

use smoltcp::socket::tcp;
use smoltcp::wire::IpEndpoint;
use usocket_core::spi::{Handle, RecvFlags, Shutdown, SockType};
use usocket_core::{
    DEFAULT_LINGER, Error, Events, POLLERR, POLLHUP, POLLIN, POLLOUT, Result, SockAddr,
};

use crate::address::{endpoint, is_group, listen_endpoint, sock_addr};
use crate::pairs::{Owner, at_end};
use crate::slots::{Role, Slot};
use crate::state::State;
use crate::time::Span;

/// How long a close goes on in the background.
const LINGER: Span = Span::from_secs(DEFAULT_LINGER.as_secs());

/// How long an RST may wait for the device.
const RESET_BOUND: Span = Span::from_secs(1);

impl State<'_> {
    /// `try_connect` (S15, rows 80 to 92): a SYN goes out with the next drive.
    pub(crate) fn connect(&mut self, handle: Handle, to: SockAddr) -> Result<()> {
        let slot = self.slots.get_mut(handle)?;
        match slot.role {
            Role::Idle | Role::Ended => {}
            Role::Connecting(_) => return Err(Error::EALREADY),
            Role::Listening { .. } | Role::Connected(_) => return Err(Error::EISCONN),
            Role::Failed(error) => {
                slot.role = Role::Idle;
                self.look(handle);
                return Err(error);
            }
            Role::Dgram(_) => return self.connect_datagrams(handle, to),
        }
        // Where none can be bound, each connection has a port of its own.
        let bound = slot.bound.filter(|_| cfg!(any(feature = "server", feature = "udp")));
        #[cfg(feature = "options")]
        let (no_delay, ttl) = (slot.options.no_delay, slot.options.ttl);
        let to = endpoint(to)?;
        if is_group(&self.iface, to.addr) {
            return Err(Error::ENETUNREACH);
        }
        let source = self.source(bound, to.addr)?;
        let index = self.spare_pair(handle).ok_or(Error::ENOBUFS)?;
        let port = match bound {
            Some(bound) => bound.port,
            None => self.pick_port(SockType::Stream)?,
        };
        let local = IpEndpoint::new(source, port);
        if bound.is_some() && self.connection_exists(local, to) {
            return Err(Error::EADDRNOTAVAIL);
        }
        let pair = &mut self.pairs[index];
        pair.begin(Owner::Socket(handle), local, to, self.now);
        let socket = pair.tcp_mut(&mut self.set);
        #[cfg(feature = "slow-peers")]
        {
            socket.set_timeout(None);
            socket.set_keep_alive(None);
        }
        #[cfg(not(feature = "slow-peers"))]
        socket.set_timeout(Some(crate::steps::CONNECT_TIMEOUT.for_stack()));
        if socket.connect(self.iface.context(), to, listen_endpoint(local)).is_err() {
            pair.free(&mut self.set);
            return Err(Error::EADDRNOTAVAIL);
        }
        #[cfg(feature = "options")]
        tune(socket, no_delay, ttl);
        pair.state = tcp::State::SynSent;
        pair.show(&mut self.set);
        let slot = self.slots.get_mut(handle)?;
        slot.role = Role::Connecting(index);
        slot.bound = Some(local);
        #[cfg(any(feature = "server", feature = "udp"))]
        {
            slot.implicit |= bound.is_none();
        }
        self.look(handle);
        self.touch();
        Err(Error::EINPROGRESS)
    }

    /// `connect_result` (S15, row 89).
    pub(crate) fn connect_result(&mut self, handle: Handle) -> Result<()> {
        let slot = self.slots.get_mut(handle)?;
        match slot.role {
            Role::Connected(_) | Role::Dgram(_) => Ok(()),
            Role::Connecting(_) => Err(Error::EAGAIN),
            Role::Failed(error) => {
                slot.role = Role::Idle;
                self.look(handle);
                Err(error)
            }
            Role::Idle | Role::Ended | Role::Listening { .. } => Err(Error::ENOTCONN),
        }
    }

    /// `try_send` (S11, S14, rows 94 to 100).
    #[inline]
    pub(crate) fn send(&mut self, handle: Handle, data: &[u8]) -> Result<usize> {
        let slot = self.slots.get(handle)?;
        let Role::Connected(index) = slot.role else {
            return self.send_unconnected(handle, data);
        };
        #[cfg(any(feature = "buffer-classes", feature = "udp"))]
        let limit = slot.send_limit();
        let pair = &mut self.pairs[index];
        if pair.dead {
            let error = pair.error.take().unwrap_or(Error::EPIPE);
            self.look(handle);
            return Err(error);
        }
        #[cfg(feature = "slow-peers")]
        if pair.write_shut {
            return Err(Error::EPIPE);
        }
        let socket = pair.tcp_mut(&mut self.set);
        // The stack takes what there is room for.
        #[cfg(not(any(feature = "buffer-classes", feature = "udp")))]
        let most = data;
        #[cfg(any(feature = "buffer-classes", feature = "udp"))]
        let most = &data[..limit.saturating_sub(socket.send_queue()).min(data.len())];
        let taken = socket.send_slice(most).map_err(|_| Error::EPIPE)?;
        if taken == 0 && !data.is_empty() {
            return Err(Error::EAGAIN);
        }
        #[cfg(feature = "slow-peers")]
        if pair.unacked == 0 {
            pair.note_progress(taken, self.now);
        }
        self.touch_streams();
        Ok(taken)
    }

    #[inline(never)]
    fn send_unconnected(&mut self, handle: Handle, data: &[u8]) -> Result<usize> {
        self.check_connect(handle)?;
        match self.slots.get(handle)?.role {
            Role::Dgram(_) => self.send_datagram(handle, data),
            _ => Err(Error::EPIPE),
        }
    }

    /// Why nothing can be sent or received yet, or could be connected.
    #[inline(never)]
    fn check_connect(&mut self, handle: Handle) -> Result<()> {
        let slot = self.slots.get_mut(handle)?;
        match slot.role {
            Role::Connecting(_) => Err(Error::EAGAIN),
            Role::Failed(error) => {
                slot.role = Role::Ended;
                self.look(handle);
                Err(error)
            }
            _ => Ok(()),
        }
    }

    /// `try_recv` (S12 to S14, rows 112 to 121).
    #[inline]
    pub(crate) fn recv(
        &mut self,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<usize> {
        let Role::Connected(index) = self.slots.get(handle)?.role else {
            return self.recv_unconnected(handle, buf, flags);
        };
        let pair = &mut self.pairs[index];
        if buf.is_empty() {
            return Ok(0);
        }
        let (read_shut, dead) = (pair.read_shut, pair.dead);
        let socket = pair.tcp_mut(&mut self.set);
        if read_shut && !dead {
            return Ok(0);
        }
        let waited = socket.recv_queue();
        if waited == 0 {
            let ended = at_end(socket);
            // A reset is told once, a peek included: `readline` looks before it takes.
            return match pair.error.take() {
                Some(error) => {
                    self.look(handle);
                    Err(error)
                }
                None if dead || ended => Ok(0),
                None => Err(Error::EAGAIN),
            };
        }
        if flags.peek {
            return socket.peek_slice(buf).map_err(|_| Error::EIO);
        }
        let capacity = socket.recv_capacity();
        let given = socket.recv_slice(buf).map_err(|_| Error::EIO)?;
        if cfg!(not(feature = "bulk")) || waited >= capacity / 2 {
            // The peer may have been waiting for room.
            self.touch_streams();
        }
        Ok(given)
    }

    #[inline(never)]
    fn recv_unconnected(
        &mut self,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<usize> {
        if buf.is_empty() && matches!(self.slots.get(handle)?.role, Role::Failed(_)) {
            return Ok(0);
        }
        self.check_connect(handle)?;
        match self.slots.get(handle)?.role {
            Role::Dgram(_) => self.recv_datagram(handle, buf, flags).map(|info| info.len),
            Role::Ended => Ok(0),
            _ => Err(Error::ENOTCONN),
        }
    }

    /// Who sends what a receive answers: nobody on a stream that is not connected.
    pub(crate) fn sender(&self, handle: Handle) -> Result<IpEndpoint> {
        let slot = self.slots.get(handle)?;
        Ok(match slot.role {
            Role::Connected(index) => self.pairs[index].remote,
            _ => slot.nowhere(),
        })
    }

    /// Readiness of a connected stream (rows 197 to 202).
    pub(crate) fn stream_readiness(&self, slot: &Slot, index: usize) -> Events {
        let pair = &self.pairs[index];
        if pair.dead {
            // Nothing will wait any more: every call answers at once.
            let error = if pair.error.is_some() { POLLERR } else { Events::NONE };
            return POLLIN | POLLOUT | POLLHUP | error;
        }
        let socket = pair.tcp(&self.set);
        let mut events = Events::NONE;
        let no_more_in = pair.read_shut || at_end(socket);
        if no_more_in || socket.can_recv() {
            events |= POLLIN;
        }
        let limit = slot.send_limit();
        let room = limit.min(socket.send_capacity()) > socket.send_queue();
        let no_more_out = !socket.may_send();
        #[cfg(feature = "slow-peers")]
        let no_more_out = no_more_out || pair.write_shut;
        if no_more_out || room {
            events |= POLLOUT;
        }
        if no_more_in && no_more_out {
            events |= POLLHUP;
        }
        events
    }

    /// `shutdown` of a stream (R10).
    pub(crate) fn shutdown_stream(&mut self, handle: Handle, how: Shutdown) -> Result<()> {
        let Role::Connected(index) = self.slots.get(handle)?.role else {
            return Err(Error::ENOTCONN);
        };
        let pair = &mut self.pairs[index];
        if pair.dead {
            return Err(Error::ENOTCONN);
        }
        if how != Shutdown::Write {
            pair.read_shut = true;
        }
        if how != Shutdown::Read {
            pair.finish(&mut self.set);
            #[cfg(feature = "slow-peers")]
            {
                pair.stuck_since = self.now;
            }
        }
        self.look(handle);
        self.change();
        Ok(())
    }

    /// Lets go of what a closed socket held (S17). `abort` resets at once (R10).
    pub(crate) fn release(&mut self, handle: Handle, slot: &Slot, abort: bool) {
        match slot.role {
            Role::Listening { .. } => self.release_listener(handle),
            Role::Connecting(index) => self.pairs[index].free(&mut self.set),
            Role::Connected(index) => self.release_connection(index, slot, abort),
            Role::Dgram(dgram) => self.release_datagrams(slot, &dgram),
            Role::Idle | Role::Failed(_) | Role::Ended => {}
        }
        self.change();
    }

    fn release_connection(&mut self, index: usize, slot: &Slot, abort: bool) {
        let linger = slot.linger();
        let bound = linger.map_or(LINGER, |seconds| Span::from_secs(seconds.into()));
        let pair = &mut self.pairs[index];
        // Where nobody can bind to the port the next drive is as good: it sees the same.
        let unread = cfg!(feature = "server") && pair.tcp(&self.set).can_recv();
        if !pair.shown() {
            pair.free(&mut self.set);
        } else if abort || linger == Some(0) || unread {
            self.reset(index);
        } else {
            pair.finish(&mut self.set);
            pair.owner = Owner::Closing(self.now + bound);
        }
    }

    /// Ends a connection with RST, which goes out with the next drive.
    pub(crate) fn reset(&mut self, index: usize) {
        let pair = &mut self.pairs[index];
        pair.tcp_mut(&mut self.set).abort();
        pair.owner = Owner::Resetting(self.now + RESET_BOUND);
        self.touch();
    }

    /// `take_error` (`SO_ERROR`): the pending error, once.
    pub(crate) fn take_error(&mut self, handle: Handle) -> Result<Option<Error>> {
        let slot = self.slots.get_mut(handle)?;
        let error = match &mut slot.role {
            Role::Failed(error) => {
                let error = *error;
                slot.role = Role::Ended;
                Some(error)
            }
            Role::Dgram(dgram) => dgram.error.take(),
            Role::Connected(index) => self.pairs[*index].error.take(),
            _ => None,
        };
        self.look(handle);
        Ok(error)
    }

    /// The peer's address while connected.
    pub(crate) fn peer_addr(&self, handle: Handle) -> Result<SockAddr> {
        match self.slots.get(handle)?.role {
            Role::Dgram(dgram) => dgram.peer.map(sock_addr).ok_or(Error::ENOTCONN),
            Role::Connected(index) if !self.pairs[index].dead => {
                Ok(sock_addr(self.pairs[index].remote))
            }
            _ => Err(Error::ENOTCONN),
        }
    }

    #[cfg(feature = "options")]
    /// Tells the connection what its socket's options are now.
    pub(crate) fn tune(&mut self, handle: Handle) {
        let Ok(slot) = self.slots.get(handle) else { return };
        let (Role::Connected(index) | Role::Connecting(index)) = slot.role else { return };
        let (no_delay, ttl) = (slot.options.no_delay, slot.options.ttl);
        tune(self.pairs[index].tcp_mut(&mut self.set), no_delay, ttl);
        self.touch();
    }
}

#[cfg(feature = "options")]
pub(crate) fn tune(socket: &mut tcp::Socket<'_>, no_delay: bool, ttl: u8) {
    socket.set_nagle_enabled(!no_delay);
    socket.set_hop_limit(Some(ttl.max(1)));
}
