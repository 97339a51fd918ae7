//! Sockets from their making to their end.

use core::net::IpAddr;

use usocket_core::spi::{Handle, Link as LinkState, Shutdown, SockType};
use usocket_core::{Error, Family, Result, SockAddr};

use super::flight::{Exchange, Stage};
use super::{Machine, PairId, Target};
use crate::address::{self, Address};
use crate::link::{LINK_RANGE, Owner, Phase as LinkPhase};
use crate::slot::{Ends, Socket, State};

/// The number of the one interface.
const INTERFACE: u32 = 1;

/// The first port that is given without being asked for.
const EPHEMERAL: u16 = 49_152;

impl Machine<'_> {
    pub(crate) fn open(&mut self, family: Family, kind: SockType) -> Result<Handle> {
        if family == Family::V6 && !(cfg!(feature = "ipv6") && self.firmware.ipv6) {
            return Err(Error::EAFNOSUPPORT);
        }
        if kind == SockType::Dgram {
            #[cfg(not(feature = "udp"))]
            return Err(Error::EOPNOTSUPP);
            #[cfg(feature = "udp")]
            if !self.has_datagrams() {
                return Err(Error::EOPNOTSUPP);
            }
        }
        self.slots.insert(Socket::new(kind, family)).ok_or(Error::ENOMEM)
    }

    pub(crate) fn bind(&mut self, handle: Handle, address: SockAddr) -> Result<()> {
        let socket = self.slots.get(handle)?;
        let kind = socket.kind;
        if kind == SockType::Stream && !cfg!(feature = "server") {
            return Err(Error::EOPNOTSUPP);
        }
        if socket.bound || !matches!(socket.state, State::Fresh | State::Dgram) {
            return Err(Error::EINVAL);
        }
        if !address.ip().is_unspecified() && !self.station.has_address(address.ip()) {
            return Err(Error::EADDRNOTAVAIL);
        }
        let port = match address.port() {
            0 => self.free_port(kind),
            port if self.is_port_taken(kind, port) => return Err(Error::EADDRINUSE),
            port => port,
        };
        let socket = self.slots.get_mut(handle)?;
        let ip = address::known(address.ip());
        socket.local_ip = (!ip.is_unspecified()).then_some(ip);
        socket.local_port = port;
        #[cfg(feature = "udp")]
        if kind == SockType::Dgram
            && let Err(error) = self.lease_datagrams(handle)
        {
            let socket = self.slots.get_mut(handle)?;
            (socket.local_ip, socket.local_port) = (None, 0);
            return Err(error);
        }
        self.slots.get_mut(handle)?.bound = true;
        Ok(())
    }

    /// A link-local address must name our interface (row 47).
    pub(crate) fn check_scope(&self, handle: Handle, address: SockAddr) -> Result<()> {
        self.slots.get(handle)?;
        // Only IPv6 addresses have a scope.
        let bad = cfg!(feature = "ipv6") && address.scope_id() > INTERFACE;
        if bad { Err(Error::ENODEV) } else { Ok(()) }
    }

    /// Whether a socket of this kind has the port; accepted ones share their listener's.
    fn is_port_taken(&self, kind: SockType, port: u16) -> bool {
        self.slots
            .iter()
            .any(|socket| socket.kind == kind && socket.bound && socket.local_port == port)
    }

    /// Whether what was asked of the wire for a socket has been done, or cannot be now.
    pub(crate) fn in_effect(&self, handle: Handle) -> bool {
        let Ok(socket) = self.slots.get(handle) else { return true };
        if self.way().is_err() || !self.is_ready() {
            return true;
        }
        match socket.state {
            State::Listening { .. } => self.is_listening((socket.family, socket.local_port)),
            State::Dgram => socket.link.is_none_or(|link| self.links[usize::from(link)].is_open()),
            _ => true,
        }
    }

    /// A port nobody has, at random so that it does not come again after a reset.
    pub(super) fn free_port(&mut self, kind: SockType) -> u16 {
        loop {
            let port = EPHEMERAL + (self.random() >> 20 & 0x3FFF) as u16;
            if !self.is_port_taken(kind, port) {
                return port;
            }
        }
    }

    pub(crate) fn close(
        &mut self,
        handle: Handle,
        abort: bool,
        now: usocket_core::Instant,
    ) -> Result<()> {
        self.now = self.now.max(now);
        let socket = self.slots.remove(handle)?;
        self.touched = true;
        self.work = true;
        if matches!(socket.state, State::Listening { .. }) {
            self.unlisten();
        }
        let linger = match socket.options.linger() {
            Some(seconds) => u32::from(seconds) * 1000,
            None => self.config.linger,
        };
        let index = u8::try_from(handle.slot()).unwrap_or(u8::MAX);
        let until = self.now.after_millis(linger);
        let owned = LINK_RANGE
            .into_iter()
            .find(|link| self.links[usize::from(*link)].owner == Owner::Slot(index));
        match owned {
            Some(link) => {
                let reset = abort || linger == 0;
                self.orphan(link, socket.pair, until, reset);
            }
            None => self.keep_or_release(socket.pair),
        }
        Ok(())
    }

    /// A link goes on without its socket.
    fn orphan(
        &mut self,
        link: u8,
        pair: Option<PairId>,
        until: usocket_core::Instant,
        reset: bool,
    ) {
        let in_flight = self.exchange_link() == Some(link);
        let state = &mut self.links[usize::from(link)];
        state.owner = Owner::Orphan;
        state.pair = pair;
        state.linger_until = Some(until);
        state.readable = false;
        if reset {
            state.reset(&self.firmware);
        }
        if let Some(pair) = self.pairs.get_mut(pair) {
            pair.rx.clear();
            if reset && !in_flight {
                pair.tx.clear();
            }
        }
        let state = &self.links[usize::from(link)];
        // An open that has not begun is taken back, but for datagrams that wait for it.
        let queued = self.pairs.get(pair).is_some_and(|pair| !pair.tx.is_empty());
        let unasked = state.phase == LinkPhase::Wanted && (state.tcp || !queued);
        if (state.gone || unasked) && !in_flight {
            self.free_link(link);
        }
    }

    /// Buffers of a socket without a link, unless the modem has been promised their bytes
    /// for a link that has failed.
    fn keep_or_release(&mut self, pair: Option<PairId>) {
        if let Exchange::Send(sending) = self.exchange
            && pair.is_some()
            && sending.pair == pair
            && sending.stage <= Stage::Data
        {
            self.drop_payload_into(pair);
            self.links[usize::from(sending.link)].pair = pair;
            return;
        }
        self.release(pair);
    }

    /// Gives buffers back. The rest of a payload that is coming into them is not that of whoever
    /// has them next.
    pub(super) fn release(&mut self, pair: Option<PairId>) {
        self.drop_payload_into(pair);
        self.pairs.release(pair);
    }

    fn drop_payload_into(&mut self, pair: Option<PairId>) {
        if pair.is_some() && self.target_pair() == pair {
            self.drop_payload();
        }
    }

    pub(crate) fn shutdown(&mut self, handle: Handle, how: Shutdown) -> Result<()> {
        let socket = self.slots.get_mut(handle)?;
        let State::Connected(ends) = socket.state else { return Err(Error::ENOTCONN) };
        match how {
            // The modem has no half-close (section 10).
            Shutdown::Write => Err(Error::EOPNOTSUPP),
            Shutdown::Read => {
                socket.state = State::Connected(Ends { rx: true, ..ends });
                let pair = socket.pair;
                // The reply to a read must still be counted; it is dropped at its end.
                if !matches!(self.target, Target::Read { .. }) {
                    self.drop_payload_into(pair);
                }
                if let Some(pair) = self.pairs.get_mut(pair) {
                    pair.rx.clear();
                }
                self.touched = true;
                // Room for what waits in the modem.
                self.work = true;
                Ok(())
            }
            // As close, but the socket stays.
            Shutdown::Both => {
                socket.state = State::Connected(Ends { rx: true, tx: true });
                let (link, pair) = (socket.link.take(), socket.pair.take());
                let until = self.now.after_millis(self.config.linger);
                match link {
                    Some(link) => self.orphan(link, pair, until, false),
                    None => self.keep_or_release(pair),
                }
                self.touched = true;
                self.work = true;
                Ok(())
            }
        }
    }

    /// Closed sockets that still have something to do. One whose time is over has not,
    /// even if the firmware does not let go of its last send.
    pub(crate) fn lingering(&self) -> usize {
        let waits = |link: &&crate::link::Link| {
            link.owner == Owner::Orphan && link.linger_until.is_none_or(|until| until > self.now)
        };
        self.links.iter().filter(waits).count()
    }

    /// Whether the station can reach anybody: `ENETDOWN`, `ENETUNREACH`.
    pub(super) fn way(&self) -> Result<()> {
        match self.station.link() {
            LinkState::Up => Ok(()),
            LinkState::NoAddress => Err(Error::ENETUNREACH),
            LinkState::Down => Err(Error::ENETDOWN),
        }
    }

    /// Takes a link for an open: from 4 down, since clients take the lowest (4.2).
    pub(super) fn take_link(&mut self, owner: Owner, tcp: bool) -> Option<u8> {
        let mut best = None;
        for (link, state) in LINK_RANGE.zip(&self.links) {
            let at = match state.phase {
                LinkPhase::Free => Some(usocket_core::Instant::ZERO),
                // It may be opened then.
                LinkPhase::Held => state.send_at,
                _ => None,
            };
            // Of several the last one.
            if let Some(at) = at
                && best.is_none_or(|(soonest, _)| at <= soonest)
            {
                best = Some((at, link));
            }
        }
        let (at, link) = best?;
        let state = &mut self.links[usize::from(link)];
        state.renew(LinkPhase::Wanted, owner);
        state.send_at = Some(at);
        state.tcp = tcp;
        self.work = true;
        Some(link)
    }

    pub(crate) fn local_addr(&self, handle: Handle) -> Result<SockAddr> {
        let socket = self.slots.get(handle)?;
        let connected = matches!(socket.state, State::Connected(_)) || socket.peer.is_some();
        let own = || connected.then(|| self.station.address(socket.family)).flatten();
        let ip = socket.local_ip.or_else(own).unwrap_or(address::unspecified(socket.family));
        Ok(Address::new(ip, socket.local_port).into())
    }

    pub(crate) fn peer_addr(&self, handle: Handle) -> Result<SockAddr> {
        let socket = self.slots.get(handle)?;
        match socket.state {
            State::Connected(_) | State::Dgram => {
                socket.peer.map(SockAddr::from).ok_or(Error::ENOTCONN)
            }
            _ => Err(Error::ENOTCONN),
        }
    }

    pub(crate) fn take_error(&mut self, handle: Handle) -> Result<Option<Error>> {
        let socket = self.slots.get_mut(handle)?;
        let error = socket.error.take();
        if error.is_some() && socket.state == State::Failed {
            socket.reset_stream();
        }
        Ok(error)
    }

    pub(crate) fn has_address(&self, ip: IpAddr) -> bool {
        self.station.has_address(ip)
    }
}

impl Socket {
    /// A failed connect was told: the stream is as if it had never tried.
    pub(super) fn reset_stream(&mut self) {
        self.state = State::Fresh;
        self.peer = None;
        self.link = None;
        self.error = None;
    }
}
