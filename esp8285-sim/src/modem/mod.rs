//! The modem: bytes and a time in, bytes, events and the next deadline out.

mod events;
mod inject;
mod input;
mod ipv6;
mod link;
mod links;
mod network;
mod output;
mod phase;
mod reboot;
mod ring;
mod run;
mod settings;
mod station;
mod timers;
mod tx;

use std::collections::{BTreeMap, VecDeque};

pub use events::Event;
pub use inject::Awaited;
pub(crate) use link::Link;
pub(crate) use output::{Outcome, fill};
pub use phase::Activity;
pub(crate) use phase::Send;
pub(crate) use phase::{Open, Phase, SendKind, Waiting};
pub(crate) use settings::{Credentials, Settings, SoftAp};
pub(crate) use station::{JOIN_LIMIT, SCAN_TIME, Station};
pub(crate) use tx::move_out;

use self::inject::Pending;
use self::input::Input;
use self::ring::Ring;
use self::settings::Stored;
use self::timers::{Timer, Timers};
use self::tx::TxQueue;
use crate::air::Air;
use crate::knobs::Knobs;
use crate::net::Network;
use crate::profile::{Profile, Version};
use crate::rng::Rng;
use crate::time::{Instant, earlier};

/// An ESP8285 with AT firmware, its air and its network.
///
/// Nothing happens but in a call, and every call has the time as an argument, which must
/// not go backwards. Drive it like this: [`poll_tx`](Self::poll_tx) for bytes to the host,
/// [`handle_rx`](Self::handle_rx) with bytes from it, and again at the latest at
/// [`poll_at`](Self::poll_at).
#[derive(Debug)]
pub struct Modem<N> {
    pub(crate) profile: &'static Profile,
    pub(crate) knobs: Knobs,
    pub(crate) net: N,
    pub(crate) air: Air,
    pub(crate) now: Instant,
    pub(crate) phase: Phase,
    /// What the enable pin says.
    powered: bool,
    pub(crate) set: Settings,
    flash: Stored,
    flash_writes: u32,
    pub(crate) station: Station,
    pub(crate) links: [Option<Link>; 5],
    /// Unread data of closed links, until the id is used again (sheet section 5.3).
    pub(crate) leftover: [VecDeque<u8>; 5],
    ap_clients: Vec<([u8; 6], std::net::Ipv4Addr)>,
    /// Link-local and global.
    pub(crate) ipv6: [Option<std::net::Ipv6Addr>; 2],
    rng: Rng,
    ring: Ring,
    input: Input,
    tx: TxQueue,
    timers: Timers,
    pending_baud: Option<u32>,
    /// There has been a link since the boot.
    pub(crate) had_link: bool,
    sends: u64,
    /// How often each command was executed, for `hang_on`.
    seen: BTreeMap<String, u64>,
    pub(crate) reads: u64,
    /// Answers to `CIPRECVDATA`, for `reply_faults`.
    pub(crate) replies: u64,
    /// Final results so far, for `result_faults`.
    results: u64,
    notices: u32,
    pending: Pending,
    events: VecDeque<Event>,
}

/// Where [`Modem`] has got to in the numbers that knobs name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Payloads taken from the host, for `send_outcome`.
    pub sends: u64,
    /// `CIPRECVDATA` so far, for `read_fails`.
    pub reads: u64,
    /// Those that were answered with data, for `reply_faults`.
    pub replies: u64,
    /// Final results, for `result_faults`.
    pub results: u64,
    /// Bytes queued for the host, for `urc_at`.
    pub said: u64,
}

impl<N: Network> Modem<N> {
    /// A modem that is powered up at time zero.
    #[must_use]
    pub fn new(version: Version, knobs: Knobs, air: Air, net: N) -> Self {
        let profile = version.profile();
        let flash = Stored::factory(knobs.flash_baud);
        let mut modem = Self {
            profile,
            net,
            air,
            now: Instant::ZERO,
            phase: Phase::Booting,
            powered: true,
            set: Settings::booted(profile, &knobs, &flash),
            flash,
            flash_writes: 0,
            station: Station::default(),
            links: Default::default(),
            leftover: Default::default(),
            ap_clients: Vec::new(),
            ipv6: [None; 2],
            rng: Rng::new(knobs.seed),
            ring: Ring::default(),
            input: Input::default(),
            tx: TxQueue::new(knobs.urc_at.clone()),
            timers: Timers::default(),
            pending_baud: None,
            had_link: false,
            sends: 0,
            seen: BTreeMap::new(),
            reads: 0,
            replies: 0,
            results: 0,
            notices: 0,
            pending: Pending::default(),
            events: VecDeque::new(),
            knobs,
        };
        for at in modem.knobs.reboot_at.clone() {
            modem.timers.add(at, Timer::Fault);
        }
        modem.boot();
        modem
    }

    /// Takes bytes from the host.
    pub fn handle_rx(&mut self, now: Instant, bytes: &[u8]) {
        self.advance(now);
        self.take(bytes);
    }

    /// Gives bytes for the host: as many as are there and fit. They leave the modem's
    /// transmit ring by that, so take them no faster than the wire does.
    pub fn poll_tx(&mut self, now: Instant, buf: &mut [u8]) -> usize {
        self.advance(now);
        let taken = self.tx.take(buf);
        if self.tx.len() == 0
            && let Some(baud) = self.pending_baud.take()
        {
            self.set.baud = baud;
            self.event(Event::Baud(baud));
        }
        self.pump_active();
        taken
    }

    /// How many bytes wait for the host.
    #[must_use]
    pub fn tx_len(&self) -> usize {
        self.tx.len()
    }

    /// When the modem will do something next by itself; `None` is never.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        let own = earlier(self.phase.due(), earlier(self.timers.next(), self.ring.due()));
        earlier(own, earlier(self.net.poll_at(), self.idle_client()))
    }

    /// What has happened, oldest first. Only the last 4096 events are kept.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Does everything that is due until `now`, each thing at its own time.
    pub fn advance(&mut self, now: Instant) {
        while let Some(due) = self.poll_at().filter(|due| *due <= now) {
            self.now = self.now.max(due);
            self.step();
        }
        self.now = self.now.max(now);
    }

    /// The rate at which the modem sends and listens just now.
    #[must_use]
    pub fn baud(&self) -> u32 {
        let boot = self.knobs.boot_baud.filter(|_| self.tx.noise_left());
        boot.unwrap_or(self.set.baud)
    }

    /// What it is doing just now, for faults that have to hit a certain phase.
    #[must_use]
    pub fn activity(&self) -> Activity {
        self.phase.activity()
    }

    /// Whether the next byte to the host belongs to a counted payload or its header.
    #[must_use]
    pub fn is_replying(&self) -> bool {
        self.tx.in_counted()
    }

    /// How often what can go wrong by number has happened so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts {
            sends: self.sends,
            reads: self.reads,
            replies: self.replies,
            results: self.results,
            said: self.tx.total(),
        }
    }

    /// The knobs, to turn them while it runs. Those of the boot, `urc_at` and `reboot_at`
    /// are read at the beginning only.
    pub fn knobs_mut(&mut self) -> &mut Knobs {
        &mut self.knobs
    }

    /// A spontaneous reboot, now.
    pub fn crash(&mut self, now: Instant) {
        self.advance(now);
        self.tx.clear();
        self.reboot("fault");
    }

    /// Says a line, behind everything said so far.
    pub fn interject(&mut self, now: Instant, line: &[u8]) {
        self.advance(now);
        self.say_raw(line);
    }

    /// The firmware it plays.
    #[must_use]
    pub fn profile(&self) -> &'static Profile {
        self.profile
    }

    /// How often a command has written to flash.
    #[must_use]
    pub fn flash_writes(&self) -> u32 {
        self.flash_writes
    }

    /// The network.
    #[must_use]
    pub fn net(&self) -> &N {
        &self.net
    }

    /// The network, to change it. Time must have been brought up to date by
    /// [`advance`](Self::advance).
    pub fn net_mut(&mut self) -> &mut N {
        &mut self.net
    }

    /// Switches the rate when everything said so far has left.
    pub(crate) fn switch_baud(&mut self, baud: u32) {
        self.pending_baud = Some(baud);
    }

    /// Reboots in a while.
    pub(crate) fn restart_after(&mut self, wait: std::time::Duration) {
        self.timers.add(self.now + wait, Timer::Restart);
    }

    /// One thing that is due at `self.now`.
    fn step(&mut self) {
        if self.phase.due().is_some_and(|due| due <= self.now) {
            self.phase_due();
        } else if let Some(timer) = self.timers.pop(self.now) {
            self.timer(timer);
        } else if self.ring.due().is_some_and(|due| due <= self.now) {
            self.empty_ring();
        } else if let Some(event) = self.net.poll(self.now) {
            self.net_event(event);
        } else if self.idle_client().is_some_and(|due| due <= self.now) {
            self.drop_idle_client();
        }
    }

    fn timer(&mut self, timer: Timer) {
        match timer {
            Timer::Ready => self.ready(),
            Timer::Restart => {
                if self.knobs.rst_lines {
                    (0..self.links.len()).for_each(|id| self.link_down(id));
                    self.leave();
                }
                self.reboot("AT+RST");
            }
            Timer::Fault => {
                self.tx.clear();
                self.reboot("fault");
            }
            Timer::Associated => self.associated(),
            Timer::GotAddress => self.got_address(),
            Timer::JoinFailed(code) => self.join_failed(code),
            Timer::Rejoin => self.try_again(),
            Timer::GotIpv6(which) => self.got_ipv6(which),
            Timer::Say(text) => self.say(&text),
        }
    }
}
