//! Streams: connect, send, receive.

use core::time::Duration;

use usocket_core::spi::Handle;
use usocket_core::{Error, Result, SockAddr};

use super::Machine;
use crate::address;
use crate::link::{Owner, Phase as LinkPhase};
use crate::reply::Hint;
use crate::slot::{Ends, State};

/// A failed open that took longer than this was not refused, nobody answered (section 10).
const REFUSED_WITHIN: Duration = Duration::from_secs(3);

impl Machine<'_> {
    pub(crate) fn connect(&mut self, handle: Handle, to: SockAddr) -> Result<()> {
        let socket = self.slots.get_mut(handle)?;
        match socket.state {
            State::Fresh => {}
            State::Connecting => return Err(Error::EALREADY),
            State::Failed => {
                let error = socket.error.unwrap_or(Error::ECONNABORTED);
                socket.reset_stream();
                return Err(error);
            }
            State::Connected(_) | State::Listening { .. } => return Err(Error::EISCONN),
            State::Dgram => return self.connect_datagrams(handle, to),
        }
        // The modem picks the port of a client (4.2).
        if socket.bound {
            return Err(Error::EADDRNOTAVAIL);
        }
        let to = address::of_user(to);
        let ip = address::ip_of(to);
        if ip.is_multicast() || ip.is_unspecified() {
            return Err(Error::ENETUNREACH);
        }
        self.way()?;
        let slot = u8::try_from(handle.slot()).unwrap_or(u8::MAX);
        if self.slots.get(handle)?.pair.is_none() {
            let pair = self.pairs.lease().ok_or(Error::ENOBUFS)?;
            self.slots.get_mut(handle)?.pair = Some(pair);
        }
        let link = self.take_link(Owner::Slot(slot), true);
        let Some(link) = link else {
            let pair = self.slots.get_mut(handle)?.pair.take();
            self.pairs.release(pair);
            return Err(Error::ENOBUFS);
        };
        self.links[usize::from(link)].peer = Some(to);
        let socket = self.slots.get_mut(handle)?;
        socket.state = State::Connecting;
        socket.link = Some(link);
        socket.peer = Some(to);
        self.links[usize::from(link)].no_delay = socket.options.no_delay;
        Err(Error::EINPROGRESS)
    }

    pub(crate) fn connect_result(&mut self, handle: Handle) -> Result<()> {
        let socket = self.slots.get_mut(handle)?;
        match socket.state {
            State::Connecting => Err(Error::EAGAIN),
            State::Connected(_) => Ok(()),
            State::Failed => {
                let error = socket.error.unwrap_or(Error::ECONNABORTED);
                socket.reset_stream();
                Err(error)
            }
            State::Dgram if socket.peer.is_some() => Ok(()),
            _ => Err(Error::ENOTCONN),
        }
    }

    /// The result of a `CIPSTART`.
    pub(super) fn opened(&mut self, link: u8, ok: bool) {
        let index = usize::from(link);
        let hint = self.flight.hint.take();
        if !self.links[index].tcp {
            self.datagrams_opened(link, ok);
            return;
        }
        if ok {
            let state = &mut self.links[index];
            state.phase = LinkPhase::Open;
            state.touched = true;
            state.option_due |= state.no_delay && self.firmware.tcp_option;
            if state.local_port == 0 && matches!(state.owner, Owner::Slot(_)) {
                // Without `+LINK_CONN` only the status tells our port (4.8).
                self.status_due = true;
            }
            self.status_due |= self.links[index].doubtful;
            self.connect_completed(link);
            return;
        }
        if hint == Some(Hint::Taken) {
            // The id belongs to a client whose `CONNECT` was missed: another id, then.
            self.open_lost_race(link);
            if self.flight.connected {
                self.client_came(link, None);
            } else {
                self.free_link(link);
            }
            self.status_due = true;
            return;
        }
        let slow = self.now.saturating_since(self.flight.issued) > REFUSED_WITHIN;
        let error = match hint {
            Some(Hint::NoAddress) => Error::ENETUNREACH,
            Some(Hint::NoName) => Error::EHOSTUNREACH,
            _ if slow => Error::ETIMEDOUT,
            _ => Error::ECONNREFUSED,
        };
        self.connect_failed(link, error);
        self.hold_link(link);
        // 2.x does not say whether the id was taken: ask.
        self.status_due |= !slow && self.firmware.dialect == crate::cmd::Dialect::EspAt;
    }

    /// Tells a socket that its link stands, once everything about it is known.
    pub(super) fn connect_completed(&mut self, link: u8) {
        let state = &self.links[usize::from(link)];
        if !state.is_open() || !state.tcp || (state.local_port == 0 && self.status_due) {
            return;
        }
        let Owner::Slot(slot) = state.owner else { return };
        let local_port = state.local_port;
        if let Some(socket) = self.slots.at(slot)
            && socket.state == State::Connecting
        {
            socket.state = State::Connected(Ends::default());
            socket.local_port = local_port;
            self.touched = true;
            if self.links[usize::from(link)].gone {
                // It was closed before it was known to stand.
                self.peer_closed(link);
            }
        }
    }

    fn connect_failed(&mut self, link: u8, error: Error) {
        if let Owner::Slot(slot) = self.links[usize::from(link)].owner
            && let Some(socket) = self.slots.at(slot)
        {
            socket.fail(error);
            let pair = socket.pair.take();
            self.pairs.release(pair);
            self.touched = true;
        }
    }

    /// A client has the id that we are opening; our own open will fail.
    pub(super) fn client_was_faster(&mut self, link: u8) {
        self.open_lost_race(link);
        self.exchange = super::Exchange::Ignored;
    }

    /// A client took the id that we were opening: the socket gets another one.
    pub(super) fn open_lost_race(&mut self, link: u8) {
        let owner = core::mem::replace(&mut self.links[usize::from(link)].owner, Owner::None);
        let Owner::Slot(slot) = owner else { return };
        let (tcp, peer) = (self.links[usize::from(link)].tcp, self.links[usize::from(link)].peer);
        let other = self.take_link(owner, tcp);
        if let Some(other) = other {
            self.links[usize::from(other)].peer = peer;
        }
        let Some(socket) = self.slots.at(slot) else { return };
        socket.link = other;
        if other.is_none() {
            socket.fail(Error::ENOBUFS);
            let pair = socket.pair.take();
            self.pairs.release(pair);
        }
    }

    /// A `CIPSTART` was never answered: nobody knows whether the link stands.
    pub(super) fn open_unknown(&mut self, link: u8) {
        self.connect_failed(link, Error::ETIMEDOUT);
        let state = &mut self.links[usize::from(link)];
        state.owner = Owner::Orphan;
        state.phase = LinkPhase::Open;
        state.linger_until = Some(self.now);
    }

    pub(crate) fn send(&mut self, handle: Handle, data: &[u8]) -> Result<usize> {
        let socket = self.slots.get_mut(handle)?;
        if let State::Dgram = socket.state {
            return self.send_to(handle, data, None);
        }
        let ends = match socket.state {
            State::Connecting => return Err(Error::EAGAIN),
            State::Failed => {
                let error = socket.error.unwrap_or(Error::EPIPE);
                socket.reset_stream();
                return Err(error);
            }
            State::Connected(ends) => ends,
            _ => return Err(Error::EPIPE),
        };
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        if ends.tx {
            return Err(Error::EPIPE);
        }
        let pair = socket.pair;
        let Some(mut ring) = self.pairs.tx(pair) else { return Err(Error::EPIPE) };
        let taken = ring.push(data);
        if taken == 0 && !data.is_empty() {
            return Err(Error::EAGAIN);
        }
        self.work = true;
        Ok(taken)
    }

    pub(crate) fn recv(&mut self, handle: Handle, buf: &mut [u8], peek: bool) -> Result<usize> {
        let slot = u8::try_from(handle.slot()).unwrap_or(u8::MAX);
        let socket = self.slots.get_mut(handle)?;
        let ends = match socket.state {
            State::Connecting => return Err(Error::EAGAIN),
            State::Failed => {
                let error = socket.error.unwrap_or(Error::ENOTCONN);
                socket.error = None;
                // The end of the stream follows the outcome (row 88).
                socket.state = State::Connected(Ends { rx: true, tx: true });
                return Err(error);
            }
            State::Connected(ends) => ends,
            _ => return Err(Error::ENOTCONN),
        };
        if buf.is_empty() {
            return Ok(0);
        }
        let pair = socket.pair;
        if let Some(mut ring) = self.pairs.rx(pair)
            && !ring.marks.is_empty()
        {
            let got = if peek { ring.peek(0, buf) } else { ring.pop(buf) };
            // Room for what waits in the modem.
            self.work |= !peek;
            return Ok(got);
        }
        if let Some(error) = socket.error {
            if !peek {
                socket.error = None;
            }
            return Err(error);
        }
        if ends.rx {
            return Ok(0);
        }
        self.interested(slot);
        Err(Error::EAGAIN)
    }
}
