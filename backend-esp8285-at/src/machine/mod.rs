//! The modem machine: bytes and a time in, bytes, events and the next deadline out (P3).
//!
//! One command is in flight at a time and it is the machine's, never a user's future's
//! (P8). Users state what they want in sockets, links and requests; [`schedule`] picks
//! the next command from that state, so that a command that was dropped (`busy`), or lost
//! with the modem's memory (a reboot), is simply picked again.
//!
//! ```text
//!  received bytes -> input: digest -> lines -> flight (the command in flight)
//!                                  \-> URCs -> urcs (links, station)
//!                                  \-> payload -> rings of sockets
//!  sockets, links, requests -> schedule -> command line, payload -> bytes to send
//! ```

mod buffers;
mod data;
#[cfg(feature = "udp")]
mod dgram;
mod direct;
mod flight;
mod input;
#[cfg(any(feature = "settings", feature = "access-point"))]
mod kept;
mod lost;
#[cfg(feature = "dns")]
mod names;
#[cfg(not(feature = "udp"))]
mod no_dgram;
#[cfg(not(feature = "server"))]
mod no_server;
mod options;
mod ready;
mod request;
mod schedule;
#[cfg(feature = "server")]
mod server;
mod setup;
mod sockets;
mod station;
mod status;
mod stream;
mod urcs;

pub(crate) use buffers::{Pair, PairId, Pairs};
pub(crate) use direct::Direct;
pub(crate) use flight::{Exchange, Out};
#[cfg(feature = "dns")]
pub(crate) use names::Queries;
pub(crate) use request::Request;
#[cfg(any(feature = "settings", feature = "ping", feature = "access-point"))]
pub(crate) use station::Scratch;
pub(crate) use station::Station;

use core::time::Duration;

use usocket_core::{Instant, earlier};

use self::input::{Ingress, Target};
use self::lost::Lost;
#[cfg(not(feature = "server"))]
use self::no_server::Listener;
#[cfg(feature = "server")]
use self::server::Listener;
use self::setup::Step;
use crate::cmd::MAX_COMMAND;
use crate::config::Config;
use crate::digest::Digest;
use crate::firmware::{Firmware, LINKS};
use crate::link::Link;
use crate::slot::Slots;
#[cfg(feature = "stats")]
use crate::stats::Stats;
use crate::trace::Tracer;

/// What the machine is doing as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Looking for the modem at one rate after the other.
    Probe(setup::Hunt),
    /// Setting it up.
    Setup(Step),
    /// At work.
    Ready,
    /// Out of step with the modem's output: nothing is believed until it is silent.
    Lost(Lost),
    /// After a reset: waiting for `ready`, at most until then.
    Booting(Instant),
    /// Its enable pin is low until then.
    Off(Instant),
}

/// What only the shell can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Switch the rate, once everything has left.
    Baud(u32),
    /// Drive the enable pin.
    Enable(bool),
}

/// The driver without its UART.
#[derive(Debug)]
pub(crate) struct Machine<'r> {
    pub(crate) config: Config,
    pub(crate) firmware: Firmware,
    pub(crate) slots: Slots<'r>,
    pub(crate) pairs: Pairs<'r>,
    pub(crate) links: [Link; LINKS],
    #[cfg(feature = "dns")]
    pub(crate) queries: Queries,
    pub(crate) station: Station,
    #[cfg(feature = "stats")]
    pub(crate) stats: Stats,
    pub(crate) tracer: Tracer,
    /// A bit of readiness may have been gained.
    pub(crate) touched: bool,
    /// An operation has left something that can begin at once.
    pub(crate) work: bool,
    listener: Listener,
    phase: Phase,
    digest: Digest,
    ingress: Ingress<'r>,
    target: Target,
    exchange: Exchange,
    flight: flight::Flight,
    command: [u8; MAX_COMMAND],
    out: Out,
    /// Nothing is believed until the send in flight has had its time.
    deaf: bool,
    action: Option<Action>,
    /// The rate spoken now.
    baud: u32,
    /// When the last byte came.
    heard: Instant,
    /// Nothing is sent before this.
    quiet_until: Instant,
    /// Since when the modem has done nothing but say `busy`.
    busy_since: Option<Instant>,
    /// Answers to `GMR` in a row that named no version.
    unversioned: u8,
    /// The framing of the last payload did not close.
    hurt: bool,
    /// Ask which links there are.
    status_due: bool,
    /// The heads of pushed data name the sender.
    tells_sender: bool,
    /// When to ask for data whose notice may have been lost.
    lengths_at: Option<Instant>,
    status_at: Option<Instant>,
    /// The modem was asked for data: those who still wait want it asked again.
    ask_again: bool,
    /// Which link has the next turn.
    turn: u8,
    /// The last command was no data.
    control_last: bool,
    /// A reply to a read may be shorter than what there is (scenario 26).
    short_replies: bool,
    /// Answers in a row in which no version could be read.
    strange: u8,
    /// Links that clients took so far.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "of servers"))]
    accepted: u32,
    /// Time up to which `poll` has seen everything.
    now: Instant,
    random: u64,
}

impl<'r> Machine<'r> {
    pub(crate) fn new(
        config: Config,
        baud: u32,
        slots: Slots<'r>,
        pairs: Pairs<'r>,
        line: &'r mut [u8],
        seed: u64,
        capacity: usize,
    ) -> Self {
        Self {
            config,
            firmware: Firmware::default(),
            slots,
            pairs,
            links: [const { Link::new() }; LINKS],
            #[cfg(feature = "dns")]
            queries: Queries::new(),
            station: Station::new(capacity),
            #[cfg(feature = "stats")]
            stats: Stats::default(),
            tracer: Tracer::default(),
            touched: false,
            work: true,
            listener: Default::default(),
            phase: Phase::Probe(setup::Hunt::FIRST),
            digest: Digest::new(),
            ingress: Ingress::new(line),
            target: Target::Nowhere,
            exchange: Exchange::Idle,
            flight: flight::Flight::default(),
            command: [0; MAX_COMMAND],
            out: Out::Idle,
            deaf: false,
            action: None,
            baud,
            heard: Instant::ZERO,
            quiet_until: Instant::ZERO,
            busy_since: None,
            unversioned: 0,
            hurt: false,
            status_due: false,
            tells_sender: false,
            lengths_at: None,
            status_at: None,
            ask_again: false,
            turn: 0,
            control_last: false,
            short_replies: false,
            strange: 0,
            accepted: 0,
            now: Instant::ZERO,
            random: seed | 1,
        }
    }

    /// Passes the time: what is overdue is given up, and the next command begins.
    #[inline(never)]
    pub(crate) fn poll(&mut self, now: Instant) {
        self.now = self.now.max(now);
        self.work = false;
        self.overdue();
        self.payload_overdue();
        self.expire();
        if self.exchange.is_idle() && self.out == Out::Idle && self.action.is_none() {
            self.schedule();
        }
    }

    /// When `poll` wants to be called again without new input.
    #[inline(never)]
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let flight = self.flight.deadline;
        let phase = match self.phase {
            _ if !self.exchange.is_idle() => None,
            Phase::Booting(until) | Phase::Off(until) => Some(until),
            // A probe in flight has a deadline of its own.
            Phase::Lost(lost) if self.exchange.is_idle() => Some(lost.until(self.heard)),
            Phase::Lost(_) | Phase::Probe(_) | Phase::Setup(_) | Phase::Ready => None,
        };
        // Nothing of it begins before the modem may be spoken to.
        let phase = phase.map(|at| at.max(self.quiet_until));
        let free = self.exchange.is_idle() && self.out == Out::Idle;
        let idle = if free { self.next_idle() } else { None };
        let phase = earlier(phase, self.payload_deadline());
        let action = self.action.map(|_| self.now + Duration::from_micros(100));
        earlier(earlier(flight, phase), earlier(earlier(idle, action), self.next_expiry()))
    }

    /// What the shell must do before anything else.
    pub(crate) fn action(&self) -> Option<Action> {
        if self.out == Out::Idle { self.action } else { None }
    }

    /// The shell has done it, or cannot.
    pub(crate) fn action_done(&mut self, action: Action, done: bool) {
        self.action = None;
        self.work = true;
        match action {
            Action::Baud(baud) => self.switched(baud, done),
            Action::Enable(on) => self.enabled(on, done),
        }
    }

    /// Whether there is a modem that has been set up.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self.phase, Phase::Ready | Phase::Lost(_))
    }

    /// TCP data are read when there is room, rather than pushed.
    pub(crate) fn is_passive(&self) -> bool {
        self.firmware.passive && self.config.receive == crate::Receive::Auto
    }

    /// Datagrams come one by one: not where passive receive would merge them (5.3).
    #[cfg(feature = "udp")]
    pub(crate) fn has_datagrams(&self) -> bool {
        !(self.firmware.udp_merges && self.is_passive())
    }

    /// Whether there is something to send.
    pub(crate) fn has_tx(&self) -> bool {
        !self.tx().is_empty()
    }

    /// Whether a socket is one of datagrams.
    pub(crate) fn is_datagram(
        &self,
        handle: usocket_core::spi::Handle,
    ) -> usocket_core::Result<bool> {
        Ok(self.slots.get(handle)?.kind == usocket_core::spi::SockType::Dgram)
    }

    /// A number that nobody can foresee who does not know the seed (xorshift).
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod words;
