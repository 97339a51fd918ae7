//! What becomes of each connection as segments come and time passes.

use smoltcp::socket::tcp;
use usocket_core::spi::Handle;
use usocket_core::{Error, Instant};

#[cfg(feature = "keep-alive")]
use crate::keep_alive::interval;
#[cfg(feature = "slow-peers")]
use crate::pairs::ending;
use crate::pairs::{Owner, Pair};
use crate::ports::TIME_WAIT;
use crate::slots::Role;
use crate::state::State;
use crate::time::{NEVER, Span};

/// How long a connect goes unanswered before it fails, as in BSD (R5).
pub(crate) const CONNECT_TIMEOUT: Span = Span::from_secs(75);

/// When bytes or FIN that nobody acknowledges are given up.
const STUCK: Span = Span::from_secs(120);

#[cfg(feature = "slow-peers")]
/// From when on somebody who acknowledges nothing is listened to more closely.
pub(crate) const SLOW: Span = Span::from_secs(1);

#[cfg(feature = "slow-peers")]
/// How often a peer that takes nothing is asked for its window. The stack does so itself
/// but for one case: it forgets to when a repetition meets a window that has closed.
const ASK_FOR_ROOM: Span = Span::from_secs(2);

/// How long a closed connection waits for the FIN of its peer.
const FIN_WAIT: Span = Span::from_secs(60);

impl State<'_> {
    #[cfg(feature = "bulk")]
    /// The short form of `step_pairs`, for when only segments of plain connections came;
    /// `false`: one of them is not plain any more.
    #[inline]
    pub(crate) fn step_streams(&mut self) -> bool {
        for pair in &mut *self.pairs {
            if !pair.plain {
                continue;
            }
            let socket = pair.tcp(&self.set);
            if socket.state() != pair.state {
                return false;
            }
            let unacked = socket.send_queue();
            pair.note_progress(unacked, self.now);
        }
        true
    }

    /// One look at every pair in use.
    pub(crate) fn step_pairs(&mut self) {
        for index in 0..self.pairs.len() {
            if self.pairs[index].is_free() {
                continue;
            }
            let pair = &mut self.pairs[index];
            #[cfg(feature = "bulk")]
            {
                pair.plain = false;
            }
            #[cfg(feature = "slow-peers")]
            if pair.fin_waits() && !pair.dead {
                pair.finish(&mut self.set);
            }
            #[cfg(feature = "server")]
            pair.ask_again(&mut self.set);
            let state = pair.tcp(&self.set).state();
            let before = core::mem::replace(&mut pair.state, state);
            if before != state {
                pair.since = self.now;
            }
            match pair.owner {
                Owner::Free => {}
                Owner::Socket(handle) => self.step_owned(index, handle, before),
                Owner::Pending(listener, ..) => self.step_pending(index, listener),
                Owner::Closing(until) => self.step_closing(index, until),
                // Behind the way out, where the RST goes.
                Owner::Resetting(_) => {}
            }
        }
    }

    fn step_owned(&mut self, index: usize, handle: Handle, before: tcp::State) {
        if self.pairs[index].dead {
            return;
        }
        match self.slots.get(handle).map(|slot| slot.role) {
            Ok(Role::Connecting(_)) => self.step_connecting(index, handle),
            Ok(Role::Connected(_)) => self.step_connected(index, handle, before),
            _ => {}
        }
    }

    fn step_connecting(&mut self, index: usize, handle: Handle) {
        let pair = &mut self.pairs[index];
        let error = match pair.state {
            #[cfg(feature = "slow-peers")]
            tcp::State::SynSent | tcp::State::SynReceived => match pair.hint() {
                Some(Error::ECONNREFUSED) => Error::ECONNREFUSED,
                _ if self.now >= Self::neighbour_limit(pair) => Error::EHOSTUNREACH,
                hint if self.now >= pair.heard_at + CONNECT_TIMEOUT => {
                    hint.unwrap_or(Error::ETIMEDOUT)
                }
                _ => return,
            },
            #[cfg(not(feature = "slow-peers"))]
            tcp::State::SynSent | tcp::State::SynReceived => return,
            tcp::State::Closed => Error::ECONNREFUSED,
            _ => {
                #[cfg(feature = "slow-peers")]
                {
                    pair.heard_at = self.now;
                    pair.stuck_since = self.now;
                }
                #[cfg(not(feature = "slow-peers"))]
                pair.tcp_mut(&mut self.set).set_timeout(None);
                if let Ok(slot) = self.slots.get_mut(handle) {
                    slot.role = Role::Connected(index);
                }
                return;
            }
        };
        self.lose(index, handle, error);
    }

    fn step_connected(&mut self, index: usize, handle: Handle, before: tcp::State) {
        let pair = &mut self.pairs[index];
        let socket = pair.tcp_mut(&mut self.set);
        let waiting = socket.send_queue();
        match pair.state {
            // Both ends are done; what was received stays here (R1). A reset is no error then.
            tcp::State::Closed
                if matches!(before, tcp::State::LastAck | tcp::State::TimeWait) && waiting == 0 =>
            {
                pair.hide(&mut self.set);
            }
            tcp::State::Closed if pair.shown() => {
                self.lose(index, handle, Error::ECONNRESET);
            }
            tcp::State::Closed => {}
            // The stack throws away what it has when this time is over.
            tcp::State::TimeWait if self.now >= pair.since + TIME_WAIT => pair.hide(&mut self.set),
            _ => self.step_live(index, handle, waiting),
        }
    }

    /// A connection that is up: the stack is the judge of its peer while there is something that
    /// it has to acknowledge.
    #[cfg(not(feature = "slow-peers"))]
    fn step_live(&mut self, index: usize, _: Handle, waiting: usize) {
        let socket = self.pairs[index].tcp_mut(&mut self.set);
        socket.set_timeout((waiting > 0).then_some(STUCK.for_stack()));
    }

    /// A connection that is up: is its peer still there?
    #[cfg(feature = "slow-peers")]
    fn step_live(&mut self, index: usize, handle: Handle, waiting: usize) {
        #[cfg(feature = "keep-alive")]
        let Ok(slot) = self.slots.get(handle) else { return };
        let pair = &mut self.pairs[index];
        let unacked = waiting + usize::from(ending(pair.state) || pair.fin_waits());
        #[cfg_attr(not(feature = "keep-alive"), expect(unused_variables, reason = "nobody asks"))]
        let heard = pair.note_progress(unacked, self.now);
        let slow = unacked > 0 && self.now >= pair.stuck_since + SLOW;
        #[cfg(feature = "neighbours")]
        {
            pair.slow = slow;
        }
        if pair.read_shut {
            // Nobody will read it; the peer must not wait for room.
            let socket = pair.tcp_mut(&mut self.set);
            while socket.can_recv() && socket.recv(|bytes| (bytes.len(), ())).is_ok() {}
        }
        #[cfg(feature = "keep-alive")]
        if pair.keep_alive(&slot.options, heard, self.now) {
            self.lose(index, handle, Error::ETIMEDOUT);
            return;
        }
        // One now, and then one each interval.
        let probes = (slow || pair.fin_waits()).then_some(ASK_FOR_ROOM);
        #[cfg(feature = "keep-alive")]
        let probes = match pair.probing {
            Some(_) => Some(interval(&slot.options)),
            None => probes,
        };
        #[cfg(feature = "bulk")]
        {
            pair.plain = probes.is_none() && !pair.read_shut && !pair.write_shut;
        }
        pair.probe(probes, &mut self.set);
        if unacked > 0 && self.now >= self.pairs[index].stuck_since + STUCK {
            self.lose(index, handle, Error::ETIMEDOUT);
        }
    }

    fn step_closing(&mut self, index: usize, until: Instant) {
        let pair = &mut self.pairs[index];
        let done = done(pair.state);
        if pair.state == tcp::State::Closed || self.now >= closing_limit(pair, until) {
            // Where everything of ours is there an RST could destroy what the peer has not read.
            if done { pair.free(&mut self.set) } else { self.reset(index) }
        } else if pair.tcp(&self.set).can_recv() && pair.state != tcp::State::TimeWait {
            // Nobody will ever read it (row 218).
            self.reset(index);
        } else {
            #[cfg(feature = "slow-peers")]
            {
                // With FIN, until that is acknowledged.
                pair.unacked = if done { 0 } else { pair.tcp(&self.set).send_queue() + 1 };
            }
            #[cfg(feature = "slow-peers")]
            if done {
                pair.probe(None, &mut self.set);
            } else if self.now >= pair.since + ASK_FOR_ROOM {
                pair.probe(Some(ASK_FOR_ROOM), &mut self.set);
            }
        }
    }

    /// Behind the way out: what has sent its RST is free.
    pub(crate) fn step_resetting(&mut self) {
        for index in 0..self.pairs.len() {
            let pair = &mut self.pairs[index];
            let socket = pair.tcp(&self.set);
            match pair.owner {
                Owner::Resetting(until)
                    if self.now >= until || socket.remote_endpoint().is_none() =>
                {
                    pair.free(&mut self.set);
                }
                // On the way out it is the stack that gives up.
                #[cfg(not(feature = "slow-peers"))]
                Owner::Socket(handle)
                    if pair.state != tcp::State::Closed && socket.state() == tcp::State::Closed =>
                {
                    self.lose(index, handle, Error::ETIMEDOUT);
                }
                _ => {}
            }
        }
    }

    /// The socket is told that its connection is lost, or did not come about.
    pub(crate) fn lose(&mut self, index: usize, handle: Handle, error: Error) {
        let pair = &mut self.pairs[index];
        let Ok(slot) = self.slots.get_mut(handle) else { return };
        if let Role::Connecting(_) = slot.role {
            pair.free(&mut self.set);
            slot.fail(error);
        } else if pair.shown() {
            pair.lose(error, &mut self.set);
        }
        self.look(handle);
    }

    /// When time alone changes something.
    pub(crate) fn pairs_due(&self) -> Instant {
        let mut next = NEVER;
        for pair in &*self.pairs {
            next = next.min(self.pair_due(pair));
        }
        next
    }

    fn pair_due(&self, pair: &Pair<'_>) -> Instant {
        let time_wait = pair.state == tcp::State::TimeWait;
        match pair.owner {
            Owner::Free => NEVER,
            Owner::Socket(_) if !pair.shown() => NEVER,
            Owner::Socket(_) if time_wait => pair.since + TIME_WAIT,
            #[cfg(feature = "slow-peers")]
            Owner::Socket(handle) => self.owned_due(pair, handle),
            #[cfg(not(feature = "slow-peers"))]
            Owner::Socket(_) => NEVER,
            Owner::Pending(..) => self.pending_due(pair),
            #[cfg(feature = "slow-peers")]
            Owner::Closing(until) if !done(pair.state) && self.now < pair.since + ASK_FOR_ROOM => {
                until.min(pair.since + ASK_FOR_ROOM)
            }
            Owner::Closing(until) => closing_limit(pair, until),
            Owner::Resetting(until) => until,
        }
    }

    #[cfg(feature = "slow-peers")]
    fn owned_due(&self, pair: &Pair<'_>, handle: Handle) -> Instant {
        let Ok(slot) = self.slots.get(handle) else { return NEVER };
        if let Role::Connecting(_) = slot.role {
            return Self::neighbour_limit(pair).min(pair.heard_at + CONNECT_TIMEOUT);
        }
        let slow = pair.stuck_since + SLOW;
        let stuck = match pair.unacked {
            0 => NEVER,
            _ if self.now < slow => slow,
            _ => pair.stuck_since + STUCK,
        };
        #[cfg(feature = "keep-alive")]
        let stuck = stuck.min(pair.keep_alive_due(&slot.options));
        stuck
    }

    /// Closed sockets that still have bytes, FIN or RST to bring out.
    pub(crate) fn lingering(&self) -> usize {
        let busy = self.pairs.iter().filter(|pair| match pair.owner {
            Owner::Closing(_) => !done(pair.state),
            Owner::Resetting(_) => true,
            _ => false,
        });
        busy.count() + self.datagrams_lingering()
    }
}

/// When a closed connection is over, as it is now; `until` is its bound (S17).
fn closing_limit(pair: &Pair<'_>, until: Instant) -> Instant {
    match pair.state {
        tcp::State::TimeWait => pair.since + TIME_WAIT,
        tcp::State::FinWait2 => pair.since + FIN_WAIT,
        _ => until,
    }
}

/// Whether the peer has everything, FIN included.
fn done(state: tcp::State) -> bool {
    matches!(state, tcp::State::FinWait2 | tcp::State::TimeWait | tcp::State::Closed)
}
