//! Finding the modem, whatever state it is in, and setting it up (sections 1, 2, 7).
//!
//! Nothing here writes to the modem's flash: settings are `_CUR` on 1.x, and on 2.1 on
//! come behind `SYSSTORE=0`. The modem is not reset if it answers, since it may still be
//! joined.

use core::time::Duration;

use atat::AtatCmd;
use usocket_core::{Error, Instant};

use super::{Action, Exchange, Machine, Out, Phase};
use crate::cmd::{At, Baud, Close, Dialect, GetMode, GetVersion, Mode, Set, SetMode, Version};
use crate::firmware::Firmware;
use crate::trace::Trace;

/// Looking for the modem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hunt {
    /// Which of the rates.
    rate: u8,
    /// Probes at this rate so far.
    tries: u8,
    /// Fill up a send that the modem may be waiting to be completed.
    fill: bool,
}

impl Hunt {
    /// The beginning.
    pub(crate) const FIRST: Hunt = Hunt { rate: 0, tries: 0, fill: false };
}

/// The rates that are tried after those of the configuration.
const RATES: [u32; 7] = [115_200, 921_600, 460_800, 230_400, 2_000_000, 57_600, 9_600];
/// Probes at each rate.
const TRIES: u8 = 3;
/// More than a send can be.
const FILL: u16 = 2048 + 64;
/// How long a modem may take to boot (section 1.2).
const BOOT: Duration = Duration::from_secs(5);
/// How long the enable pin is low.
const OFF: Duration = Duration::from_millis(100);
/// From a switch of the rate to the first byte (section 7).
const SETTLE: Duration = Duration::from_millis(10);
/// How long the result of a command may take that was said back.
const ECHO: Duration = Duration::from_millis(100);

/// The set-up, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Echo,
    Version,
    Store,
    Rate,
    RateProbe(u8),
    Mode,
    Station,
    ServerOff,
    Mux,
    MuxClose,
    MuxAgain,
    CloseAll,
    Receive,
    Sender,
    Messages,
    #[cfg(feature = "ipv6")]
    V6,
    Status,
}

impl Machine<'_> {
    /// One probe, or the next rate.
    pub(super) fn hunt(&mut self, hunt: Hunt) {
        if hunt.tries == 0 && !self.at_rate(hunt) {
            return;
        }
        if hunt.tries >= TRIES {
            self.next_rate(hunt);
            return;
        }
        if hunt.fill && hunt.tries == 0 {
            self.out = Out::Fill(FILL);
        } else {
            self.issue(Exchange::Probe, &At);
        }
        self.phase = Phase::Probe(Hunt { tries: hunt.tries + 1, ..hunt });
    }

    /// Makes sure that the UART has the rate of this hunt.
    fn at_rate(&mut self, hunt: Hunt) -> bool {
        let wanted = match (hunt.rate, self.config.fast_baud) {
            (0, _) => self.config.baud,
            (1, Some(fast)) => fast,
            (1, None) => self.config.baud,
            (rate, _) => RATES[(usize::from(rate) - 2).min(RATES.len() - 1)],
        };
        if wanted != self.baud {
            self.action = Some(Action::Baud(wanted));
            return false;
        }
        true
    }

    fn next_rate(&mut self, hunt: Hunt) {
        let last = usize::from(hunt.rate) + 1 >= RATES.len() + 2;
        let next = Hunt { rate: hunt.rate + 1, tries: 0, fill: hunt.fill };
        self.phase = Phase::Probe(if last {
            self.tracer.tell(Trace::Note("no answer at any rate"));
            self.station.lost_modem();
            self.fail_request(Error::ETIMEDOUT);
            self.fail_wanted(Error::ENETDOWN);
            // Every second round fills up a send; with an enable pin the modem is reset.
            if !hunt.fill {
                self.action = Some(Action::Enable(false));
            }
            self.quiet_until = self.now + Duration::from_secs(1);
            Hunt { fill: !hunt.fill, ..Hunt::FIRST }
        } else {
            next
        });
        self.work = true;
    }

    /// The UART has the new rate, or cannot.
    pub(super) fn switched(&mut self, baud: u32, done: bool) {
        if done {
            self.baud = baud;
            self.quiet_until = self.now + SETTLE;
            self.forget_input();
            return;
        }
        match self.phase {
            Phase::Probe(hunt) => self.next_rate(hunt),
            // The modem has switched and we cannot follow: it must boot to come back.
            _ => {
                self.config.fast_baud = None;
                self.restart();
            }
        }
    }

    /// The enable pin is as wanted, or there is none.
    pub(super) fn enabled(&mut self, on: bool, done: bool) {
        match (on, done) {
            (false, true) => self.phase = Phase::Off(self.now + OFF),
            (false, false) => {}
            (true, _) => {
                self.booted_by_us();
                self.phase = Phase::Booting(self.now + BOOT);
            }
        }
    }

    /// Everything that the modem knew is gone, and so are the links.
    pub(super) fn booted_by_us(&mut self) {
        self.restart_links();
        self.station.forget_address();
        self.forget_input();
        self.finish();
        self.out = Out::Idle;
        self.action = (self.baud != self.config.baud).then_some(Action::Baud(self.config.baud));
    }

    /// `AT+RST`, which is heard even by a modem that is busy (1.2); the enable pin where
    /// there is one.
    pub(super) fn restart(&mut self) {
        count!(self, restarts);
        self.tracer.tell(Trace::Note("restart"));
        let exchange = self.exchange;
        self.finish();
        self.abandoned(exchange);
        self.restart_links();
        self.station.forget_address();
        self.forget_input();
        // A phase that believes replies, so that its `OK` is heard.
        self.phase = Phase::Setup(Step::Echo);
        self.issue(Exchange::Restart, &Set(b"+RST"));
    }

    /// The modem does not answer at the rate that it had.
    pub(super) fn unreachable(&mut self) {
        self.forget_links(Error::ECONNRESET);
        self.station.forget_address();
        self.phase = Phase::Probe(Hunt::FIRST);
        self.work = true;
    }

    /// `AT+RST` was answered, or not.
    pub(super) fn restarting(&mut self) {
        self.booted_by_us();
        self.phase = Phase::Booting(self.now + BOOT);
    }

    /// The modem has said nothing but `busy` for too long (scenario 35).
    pub(super) fn give_up_busy(&mut self) {
        self.tracer.tell(Trace::Note("busy without end"));
        self.restart();
    }

    /// `ready` came: all that was is gone (1.1).
    pub(super) fn rebooted(&mut self) {
        let unasked = self.is_ready();
        if unasked {
            count!(self, reboots);
            self.tracer.tell(Trace::Note("modem booted"));
        }
        let exchange = self.exchange;
        self.finish();
        self.interrupted(exchange);
        if unasked {
            self.forget_links(Error::ECONNRESET);
        }
        self.booted_by_us();
        // It was heard, so this is its rate.
        self.action = None;
        // It may be an old `ready` that has waited for us, before the answer to a probe. And
        // a result of what is in flight must not pass for that of `ATE0`.
        let wait = if exchange.is_idle() { SETTLE } else { ECHO };
        self.quiet_until = self.now + wait;
        self.phase = Phase::Setup(Step::Echo);
        self.work = true;
    }

    /// The modem says our commands back. At work it has forgotten `ATE0`, so it has booted;
    /// during the set-up it did not hear it. Either way the command that it says is under
    /// way, and its result must not pass for that of `ATE0`.
    pub(super) fn echo_heard(&mut self) {
        match self.phase {
            Phase::Setup(Step::Echo) | Phase::Probe(_) | Phase::Booting(_) | Phase::Off(_) => {
                return;
            }
            Phase::Setup(_) => self.finish(),
            Phase::Ready | Phase::Lost(_) => self.rebooted(),
        }
        self.phase = Phase::Setup(Step::Echo);
        self.quiet_until = self.now + ECHO;
    }

    /// A boot that was waited for did not end in `ready`: look for the modem.
    pub(super) fn boot_overdue(&mut self) {
        self.phase = Phase::Probe(Hunt::FIRST);
    }

    /// A probe was answered.
    pub(super) fn probed(&mut self, ok: bool) {
        match self.phase {
            Phase::Lost(_) if ok => self.found_track(),
            Phase::Probe(_) if ok => {
                self.phase = Phase::Setup(Step::Echo);
            }
            // What was in the modem's line before the probe spoiled it: once more.
            Phase::Probe(hunt) => {
                self.phase = Phase::Probe(Hunt { tries: hunt.tries.min(1), ..hunt });
            }
            _ => {}
        }
    }

    /// A probe was not answered.
    pub(super) fn unanswered(&mut self) {
        if let Phase::Lost(lost) = self.phase {
            self.still_lost(lost);
        }
        // Both phases count their probes; the next one is due at once.
        self.work = true;
    }

    /// Sends the command of a step.
    pub(super) fn set_up_next(&mut self, step: Step) {
        let dialect = self.firmware.dialect;
        let exchange = Exchange::Setup(step);
        let passive = self.is_passive();
        let sent = match step {
            Step::Echo => self.issue(exchange, &Set(b"E0")),
            Step::Version => self.issue(exchange, &GetVersion),
            Step::Store => self.issue(exchange, &Set(b"+SYSSTORE=0")),
            Step::Rate => match self.config.fast_baud {
                Some(baud) => self.issue(exchange, &Baud(baud)),
                None => false,
            },
            Step::RateProbe(_) => self.issue(exchange, &At),
            Step::Mode => self.issue(exchange, &GetMode(dialect)),
            Step::Station => self.issue(exchange, &SetMode(dialect, self.station.mode())),
            Step::ServerOff => self.issue(exchange, &Set(b"+CIPSERVER=0")),
            Step::Mux | Step::MuxAgain => self.issue(exchange, &Set(b"+CIPMUX=1")),
            Step::MuxClose => self.issue(exchange, &Set(b"+CIPCLOSE")),
            Step::CloseAll => self.issue(exchange, &Close(5)),
            Step::Receive if passive => self.issue(exchange, &Set(b"+CIPRECVMODE=1")),
            Step::Receive => self.issue(exchange, &Set(b"+CIPRECVMODE=0")),
            // The sender in every head costs the wire some, and on 2.x it would stand in the
            // replies to reads as well (5.2). Without `+LINK_CONN` it tells who a client is;
            // else only datagrams need it, and ask for it.
            Step::Sender => {
                let replies = passive && dialect == Dialect::EspAt;
                self.tells_sender = !(replies || self.firmware.link_conn);
                let on = self.tells_sender;
                self.issue(exchange, &Set(if on { b"+CIPDINFO=1" } else { b"+CIPDINFO=0" }))
            }
            Step::Messages if dialect == Dialect::NonOs => {
                self.issue(exchange, &Set(b"+SYSMSG_CUR=2"))
            }
            Step::Messages => self.issue(exchange, &Set(b"+SYSMSG=2")),
            #[cfg(feature = "ipv6")]
            Step::V6 => self.issue(exchange, &Set(b"+CIPV6=1")),
            Step::Status => {
                self.ask_status();
                true
            }
        };
        if !sent {
            self.set_up(step, true);
        }
    }

    /// Information that answers a step.
    pub(super) fn set_up_line(&mut self, step: Step, line: &[u8]) {
        match step {
            Step::Version => {
                if let Ok(version) = GetVersion.parse(Ok(line)) {
                    let known = Firmware::of(version);
                    self.unversioned = if known.is_some() { 0 } else { TRIES };
                    self.firmware = known.unwrap_or_default();
                }
            }
            Step::Mode => {
                if let Ok(Mode(mode)) = GetMode(self.firmware.dialect).parse(Ok(line)) {
                    self.station.found_mode(mode);
                }
            }
            _ => {}
        }
    }

    /// A step was answered: what comes next. Most are optional, and an `ERROR` says that
    /// this firmware does not have them or that there was nothing to do.
    pub(super) fn set_up(&mut self, step: Step, ok: bool) {
        let firmware = self.firmware;
        let next = match step {
            Step::Echo => {
                self.firmware = Firmware::default();
                Step::Version
            }
            Step::Version if firmware.version == Version::default() && self.unversioned < TRIES => {
                // The result of something else, perhaps.
                self.unversioned += 1;
                self.quiet_until = self.now + ECHO;
                Step::Echo
            }
            // A byte of the answer may have been hurt.
            Step::Version if firmware.version == Version::default() && self.strange < TRIES => {
                self.strange += 1;
                Step::Echo
            }
            Step::Version if firmware.version == Version::default() => {
                self.strange = 0;
                // A dialect of old that is not spoken here: look again later.
                self.tracer.tell(Trace::Note("firmware not supported"));
                self.station.lost_modem();
                self.fail_request(Error::EOPNOTSUPP);
                self.phase = Phase::Booting(self.now + Duration::from_secs(60));
                return;
            }
            Step::Version if firmware.store => Step::Store,
            Step::Version | Step::Store
                if self.config.fast_baud.is_some_and(|b| b != self.baud) =>
            {
                Step::Rate
            }
            Step::Version | Step::Store => Step::Mode,
            Step::Rate if ok => {
                self.action = self.config.fast_baud.map(Action::Baud);
                Step::RateProbe(0)
            }
            Step::Rate => Step::Mode,
            // An error may come of noise in the modem's line.
            Step::RateProbe(tries) if !ok => return self.set_up_failed(Step::RateProbe(tries)),
            Step::RateProbe(_) => Step::Mode,
            Step::Mode if self.station.mode_is_right() => Step::ServerOff,
            Step::Mode => Step::Station,
            Step::Station => Step::ServerOff,
            Step::ServerOff => Step::Mux,
            Step::Mux if !ok => Step::MuxClose,
            Step::MuxClose => Step::MuxAgain,
            Step::MuxAgain if !ok => return self.restart(),
            Step::Mux | Step::MuxAgain => Step::CloseAll,
            Step::CloseAll if firmware.receive_mode => Step::Receive,
            Step::Receive | Step::CloseAll => Step::Sender,
            Step::Sender if firmware.link_conn => Step::Messages,
            Step::Messages if !ok => {
                self.firmware.link_conn = false;
                Step::Sender
            }
            #[cfg(feature = "ipv6")]
            Step::Messages if firmware.ipv6 => Step::V6,
            #[cfg(feature = "ipv6")]
            Step::V6 => {
                self.firmware.ipv6 = ok;
                Step::Status
            }
            Step::Sender | Step::Messages => Step::Status,
            Step::Status => return self.begin_work(),
        };
        self.phase = Phase::Setup(next);
        self.work = true;
    }

    /// A step was not answered.
    pub(super) fn set_up_failed(&mut self, step: Step) {
        match step {
            Step::RateProbe(tries) if tries < TRIES => {
                self.phase = Phase::Setup(Step::RateProbe(tries + 1));
                self.quiet_until = self.now + SETTLE;
            }
            // The new rate does not work. The modem keeps it until it boots, so it is
            // told to boot at both rates, and found at the old one.
            Step::RateProbe(_) => {
                self.tracer.tell(Trace::Note("rate does not work"));
                self.config.fast_baud = None;
                self.phase = Phase::Probe(Hunt::FIRST);
            }
            _ => self.phase = Phase::Probe(Hunt::FIRST),
        }
        self.work = true;
    }

    /// What `AT` and its like wait for before they are sent.
    pub(super) fn may_speak(&self) -> Option<Instant> {
        (self.now < self.quiet_until).then_some(self.quiet_until)
    }
}
