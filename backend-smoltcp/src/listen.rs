//! Listeners: `listen`, `accept`, and who is let in (R7, rows 60 to 79).

use smoltcp::phy::Device;
use smoltcp::socket::tcp;
use smoltcp::wire::IpEndpoint;
use usocket_core::spi::{Handle, SockType};
use usocket_core::{Error, Events, Instant, POLLIN, Result, SockAddr};

use crate::address::{sock_addr, wildcard};
use crate::frame::window;
use crate::gate::Replay;
use crate::pairs::{Owner, Pair};
use crate::slots::{Role, TTL};
use crate::state::State;
use crate::stream::tune;
use crate::time::{NEVER, Span, stack_time};

/// How long a half-open connection keeps its pair when others wait for one: some round
/// trips, as the answer of a real peer takes one.
const GRACE: Span = Span::from_secs(1);

/// How long it keeps it when nobody waits: as long as Linux, five repetitions.
const HALF_OPEN: Span = Span::from_secs(63);

impl State<'_> {
    /// `listen` (rows 60 to 67).
    pub(crate) fn listen(&mut self, handle: Handle, backlog: u32) -> Result<()> {
        let slot = self.slots.get(handle)?;
        match slot.role {
            Role::Idle | Role::Listening { .. } => {}
            Role::Dgram(_) => return Err(Error::EOPNOTSUPP),
            _ => return Err(Error::EINVAL),
        }
        let address = self.bind_implicitly(handle, wildcard(slot.family))?;
        if !self.may_listen(handle, address) {
            return Err(Error::EADDRINUSE);
        }
        // A connection that completes holds a pair, so there are no more (row 64).
        let most = self.pairs.len();
        let backlog = usize::try_from(backlog).unwrap_or(most).clamp(1, most);
        self.slots.get_mut(handle)?.role = Role::Listening { backlog };
        self.look(handle);
        Ok(())
    }

    /// `try_accept`: the connection that came first (rows 69 to 78).
    pub(crate) fn accept(&mut self, handle: Handle) -> Result<(Handle, SockAddr)> {
        let slot = self.slots.get(handle)?;
        let family = slot.family;
        match slot.role {
            Role::Listening { .. } => {}
            Role::Dgram(_) => return Err(Error::EOPNOTSUPP),
            _ => return Err(Error::EINVAL),
        }
        let index = self.oldest_pending(handle).ok_or(Error::EAGAIN)?;
        // Where no slot is free the connection stays in the backlog (S16).
        let accepted = self.open(family, SockType::Stream)?;
        let pair = &mut self.pairs[index];
        pair.owner = Owner::Socket(accepted);
        pair.heard_at = self.now;
        pair.stuck_since = self.now;
        let (local, remote) = (pair.local, pair.remote);
        let slot = self.slots.get_mut(accepted)?;
        slot.bound = Some(local);
        slot.role = Role::Connected(index);
        self.tune(accepted);
        self.look(accepted);
        self.look(handle);
        // Its place in the backlog is free: one that is parked may come in.
        self.touch();
        Ok((accepted, sock_addr(remote)))
    }

    fn oldest_pending(&self, listener: Handle) -> Option<usize> {
        let waiting = self
            .pairs
            .iter()
            .enumerate()
            .filter(|(_, pair)| pair.owner == Owner::Pending(listener) && acceptable(pair));
        waiting.min_by_key(|(_, pair)| pair.order).map(|(index, _)| index)
    }

    pub(crate) fn listener_readiness(&self, listener: Handle) -> Events {
        if self.oldest_pending(listener).is_some() { POLLIN } else { Events::NONE }
    }

    /// Lets parked connections in, as far as pairs and backlogs go.
    pub(crate) fn admit<D: Device + ?Sized>(&mut self, device: &mut D) {
        let medium = self.medium();
        self.parking.expire(self.now);
        for _ in 0..self.pairs.len() {
            if self.parking.is_empty() || !self.make_room() {
                return;
            }
            if device.transmit(stack_time(self.now)).is_none() {
                // The stack takes a frame only where it could answer; soon it can.
                return;
            }
            let (slots, pairs) = (&self.slots, &*self.pairs);
            let roomy = |listener| has_room(slots, pairs, listener);
            let Some(parked) = self.parking.next(roomy) else { return };
            self.end_time_wait(parked.local, parked.remote);
            let Some(index) = self.spare_pair(parked.listener) else { return };
            self.order += 1;
            let pair = &mut self.pairs[index];
            pair.begin(Owner::Pending(parked.listener), parked.local, parked.remote, self.now);
            pair.order = self.order;
            if let Some(window) = window(medium, &parked.frame) {
                pair.hear(window);
            }
            let endpoint = crate::address::listen_endpoint(parked.local);
            let socket = pair.tcp_mut(&mut self.set);
            socket.set_timeout(None);
            socket.set_keep_alive(None);
            // Until it is accepted: not what the last one in these buffers wanted.
            tune(socket, false, TTL);
            let listens = socket.listen(endpoint).is_ok();
            pair.show(&mut self.set);
            if listens {
                let mut replay = Replay { device: &mut *device, frame: Some(&parked.frame) };
                self.iface.poll_ingress_single(stack_time(self.now), &mut replay, &mut self.set);
            }
            let pair = &mut self.pairs[index];
            pair.state = pair.tcp(&self.set).state();
            if pair.state != tcp::State::SynReceived {
                // The stack did not like the frame.
                pair.free(&mut self.set);
            }
        }
    }

    /// Ends the TIME-WAIT of a connection whose peer begins anew: all bytes of both are there.
    fn end_time_wait(&mut self, local: IpEndpoint, remote: IpEndpoint) {
        let old = self.pairs.iter_mut().find(|pair| pair.connects(local, remote));
        let Some(pair) = old.filter(|pair| pair.state == tcp::State::TimeWait) else { return };
        match pair.owner {
            Owner::Socket(_) => pair.hide(&mut self.set),
            _ => pair.free(&mut self.set),
        }
    }

    /// Sees to it that a parked connection can come in: whether one can. A half-open
    /// connection that nobody completes gives way, and one that was reset before anybody
    /// accepted it and has nothing to tell but that.
    fn make_room(&mut self) -> bool {
        let (slots, pairs) = (&self.slots, &*self.pairs);
        let roomy = self.parking.any(|listener| has_room(slots, pairs, listener));
        if roomy && self.spare().is_some() {
            return true;
        }
        let half_open = pairs.iter().enumerate().filter(|(_, pair)| match pair.owner {
            Owner::Pending(listener) => {
                let late = pair.state == tcp::State::SynReceived && self.now >= pair.since + GRACE;
                let over = pair.dead && !pair.tcp(&self.set).can_recv();
                (late || over) && (roomy || self.parking.any(|waiting| waiting == listener))
            }
            _ => false,
        });
        let oldest = half_open.min_by_key(|(_, pair)| pair.order).map(|(index, _)| index);
        let Some(index) = oldest else { return false };
        self.pairs[index].free(&mut self.set);
        true
    }

    /// One look at a connection that nobody has accepted.
    pub(crate) fn step_pending(&mut self, index: usize, listener: Handle) {
        let pair = &mut self.pairs[index];
        let gone = match pair.state {
            // Reset before it was established: the stack listens again, which nobody asked.
            tcp::State::Listen => true,
            tcp::State::SynReceived => self.now >= pair.since + HALF_OPEN,
            tcp::State::Closed => {
                // Reset while it waited (row 77): who accepts it is told, behind its bytes.
                if !pair.dead {
                    pair.lose(Error::ECONNRESET, &mut self.set);
                }
                false
            }
            _ => false,
        };
        if gone {
            pair.free(&mut self.set);
        }
        self.look(listener);
    }

    /// When it is given up.
    pub(crate) fn pending_due(&self, pair: &Pair<'_>) -> Instant {
        if pair.state == tcp::State::SynReceived { pair.since + HALF_OPEN } else { NEVER }
    }

    /// When one that waits can come in, or a half-open connection gives way to it.
    pub(crate) fn admission_due(&self) -> Instant {
        if self.parking.is_empty() {
            return NEVER;
        }
        let (slots, pairs) = (&self.slots, &*self.pairs);
        if self.spare().is_some() && self.parking.any(|listener| has_room(slots, pairs, listener)) {
            // What has sent its RST has become free behind all that.
            return self.now;
        }
        let half_open = self.pairs.iter().filter(|pair| {
            matches!(pair.owner, Owner::Pending(_)) && pair.state == tcp::State::SynReceived
        });
        let times = half_open.map(|pair| pair.since + GRACE).chain(self.parking.next_due());
        times.filter(|&time| time > self.now).min().unwrap_or(NEVER)
    }

    /// Resets what nobody accepted (row 68); a SYN that waits is forgotten, and its
    /// repetition finds nobody.
    pub(crate) fn release_listener(&mut self, listener: Handle) {
        self.parking.forget(|parked| parked.listener == listener);
        for index in 0..self.pairs.len() {
            if self.pairs[index].owner == Owner::Pending(listener) {
                self.reset(index);
            }
        }
    }
}

/// Whether it may be accepted: established, and maybe ended by its peer since.
fn acceptable(pair: &Pair<'_>) -> bool {
    !matches!(pair.state, tcp::State::SynReceived | tcp::State::Listen)
}

fn has_room(slots: &crate::slots::Slots<'_>, pairs: &[Pair<'_>], listener: Handle) -> bool {
    let Ok(slot) = slots.get(listener) else { return false };
    let Role::Listening { backlog } = slot.role else { return false };
    pairs.iter().filter(|pair| pair.owner == Owner::Pending(listener)).count() < backlog
}
