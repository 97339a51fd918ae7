//! Faults: their kinds, when they strike, and how.

use std::collections::BTreeMap;
use std::time::Duration;

use esp8285_sim::net::{Conn, VirtualNet};
use esp8285_sim::uart::{Fault, Uart, byte_time};
use esp8285_sim::{Activity, Instant, ReplyFault, ResultFault, Rng, SendOutcome};

use crate::plan::Class;
use crate::rig::SSID;

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// An interrupt comes so late that the FIFO overruns.
    Overrun,
    /// A byte comes with a framing error.
    Framing,
    /// A counted reply is shorter or longer than its head says (passive receive).
    Length,
    Reboot,
    BusyWhile,
    BusyForEver,
    WifiLoss,
    LateResult,
    LostResult,
    DoubledResult,
    /// `SEND FAIL`, that and then `SEND OK`, late, or none.
    SendResult,
    PeerReset,
    StaleClosed,
    LostNotice,
    /// A bit of counted payload is inverted.
    FlippedBit,
    /// A byte of a counted payload is missing and another one doubled.
    SameLength,
    /// A byte of pushed payload is missing, and no flag says so (active receive).
    SilentDrop,
    /// A byte of the payload of a send is lost, doubled or inverted on the way to the modem.
    ToModem,
}

impl Kind {
    pub(crate) const ALL: [Kind; 18] = [
        Kind::Overrun,
        Kind::Framing,
        Kind::Length,
        Kind::Reboot,
        Kind::BusyWhile,
        Kind::BusyForEver,
        Kind::WifiLoss,
        Kind::LateResult,
        Kind::LostResult,
        Kind::DoubledResult,
        Kind::SendResult,
        Kind::PeerReset,
        Kind::StaleClosed,
        Kind::LostNotice,
        Kind::FlippedBit,
        Kind::SameLength,
        Kind::SilentDrop,
        Kind::ToModem,
    ];

    /// Whether it can be told from good data.
    pub(crate) fn is_detectable(self) -> bool {
        self < Kind::FlippedBit
    }

    /// Whether a stream can survive it.
    pub(crate) fn is_terminal(self) -> bool {
        let harmless = [Kind::BusyWhile, Kind::DoubledResult, Kind::StaleClosed, Kind::LostNotice];
        !harmless.contains(&self)
    }

    /// What can strike in such a run, those more often that need a certain mode of receiving
    /// or may come in few runs.
    pub(crate) fn possible(class: Class, passive: bool) -> Vec<Kind> {
        let mut kinds = Vec::new();
        for kind in Kind::ALL {
            let weight = match kind {
                Kind::Length | Kind::LostNotice => 3 * usize::from(passive),
                Kind::SilentDrop => 18 * usize::from(!passive),
                _ if kind.is_detectable() => 1,
                _ => 6,
            };
            if kind.is_detectable() || class == Class::Undetectable {
                kinds.extend(std::iter::repeat_n(kind, weight));
            }
        }
        kinds
    }
}

/// What the modem is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    /// It has nothing to do and nothing to say.
    Idle,
    /// Between a command and its answer.
    Command,
    /// Between `OK` and prompt of a send.
    Prompt,
    /// It takes the payload of a send.
    Payload,
    /// Its answer is on the wire, or the result of a send is due.
    Reply,
}

impl Phase {
    pub(crate) const ALL: [Phase; 5] =
        [Phase::Idle, Phase::Command, Phase::Prompt, Phase::Payload, Phase::Reply];

    fn of(uart: &mut Uart<VirtualNet>, now: Instant) -> Option<Self> {
        let silent = uart.modem(now).tx_len() == 0;
        Some(match uart.activity() {
            Activity::Idle if silent => Phase::Idle,
            Activity::Idle | Activity::Reply | Activity::Result => Phase::Reply,
            Activity::Command => Phase::Command,
            Activity::Prompt => Phase::Prompt,
            Activity::Payload => Phase::Payload,
            _ => return None,
        })
    }
}

/// A fault to come.
#[derive(Clone, Debug)]
pub(crate) struct FaultPlan {
    pub(crate) kind: Kind,
    pub(crate) phase: Phase,
    /// One in so many moments of the phase.
    rarity: u64,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Armed,
    /// Let loose; so many losses had been flagged before, and it ends then.
    Loose(u64, Instant),
    Over,
}

impl FaultPlan {
    pub(crate) fn new(kinds: &[Kind], rng: &mut Rng) -> Self {
        Self {
            kind: kinds[rng.below(kinds.len() as u64) as usize],
            phase: Phase::ALL[rng.below(5) as usize],
            rarity: 1 << rng.below(8),
            state: State::Armed,
        }
    }
}

/// How often each kind struck in each phase.
pub(crate) type Hits = BTreeMap<(Kind, Phase), u64>;

/// Lets faults loose in their phases and notes those that strike.
///
/// The phase that counts is the one in which a fault is let loose. It strikes there where
/// its kind can; a fault of a result strikes the next result, one of counted payload the
/// next payload, and so on.
#[derive(Debug)]
pub(crate) struct Injector {
    plans: Vec<FaultPlan>,
    rng: Rng,
    running: bool,
    late: Duration,
    baud: u32,
    /// Sends are pipelined.
    buffered: bool,
    wifi_back: Option<Instant>,
    pub(crate) hits: Hits,
    /// When the first fault struck that may end streams.
    pub(crate) terminal: bool,
    pub(crate) notes: bool,
}

impl Injector {
    pub(crate) fn new(plans: Vec<FaultPlan>, seed: u64, late: Duration) -> Self {
        Self {
            plans,
            rng: Rng::new(seed),
            running: false,
            late,
            baud: 115_200,
            buffered: false,
            wifi_back: None,
            hits: Hits::new(),
            terminal: false,
            notes: false,
        }
    }

    pub(crate) fn start(&mut self) {
        self.running = true;
    }

    /// Whether there is anything to look for.
    pub(crate) fn is_idle(&self) -> bool {
        !self.running || self.plans.is_empty()
    }

    /// Looks at the wire. True if a fault that may end streams is about to strike: what has
    /// been sent up to now is to be noted first.
    pub(crate) fn look(&mut self, uart: &mut Uart<VirtualNet>, now: Instant) -> bool {
        self.come_back(uart, now);
        let mut ends = false;
        let mut phase = None;
        for index in 0..self.plans.len() {
            let plan = &self.plans[index];
            match plan.state {
                State::Over => {}
                State::Armed => {
                    let (wanted, kind) = (plan.phase, plan.kind);
                    phase = phase.or_else(|| Phase::of(uart, now));
                    if self.is_in_the_way(kind) {
                        continue;
                    }
                    if phase != Some(wanted) || self.rng.below(plan.rarity) > 0 {
                        continue;
                    }
                    ends |= kind.is_terminal();
                    self.let_loose(index, uart, now);
                }
                State::Loose(before, until) => self.watch(index, before, until, uart, now),
            }
        }
        self.plans.retain(|plan| plan.state != State::Over);
        let first = ends && !self.terminal;
        self.terminal |= ends;
        first
    }

    /// Whether a fault is still to strike that together with this one would be another kind:
    /// two wrong lengths can make a right one, and the second `OK` can stand in for one that
    /// the count has swallowed.
    fn is_in_the_way(&self, kind: Kind) -> bool {
        let pair = [Kind::Length, Kind::DoubledResult];
        let loose = |other: &FaultPlan| other.state != State::Armed && pair.contains(&other.kind);
        pair.contains(&kind) && self.plans.iter().any(loose)
    }

    fn let_loose(&mut self, index: usize, uart: &mut Uart<VirtualNet>, now: Instant) {
        let kind = self.plans[index].kind;
        self.note(now, kind, self.plans[index].phase);
        let mut state = State::Loose(uart.losses(), now + Duration::from_secs(30));
        let n = |rng: &mut Rng, most| 1 + rng.below(most) as usize;
        match kind {
            Kind::Overrun => {
                let bytes = 17 + self.rng.below(40);
                let slow = byte_time(self.baud.min(uart.modem(now).baud()));
                uart.set_irq_latency(now, slow * u32::try_from(bytes).unwrap_or(20));
                state = State::Loose(uart.losses(), now + Duration::from_millis(40));
            }
            Kind::Framing => uart.garble_next(now),
            Kind::Length => {
                let fault = match self.rng.below(3) {
                    0 => ReplyFault::Cut(n(&mut self.rng, 20)),
                    1 => ReplyFault::Repeat(n(&mut self.rng, 20)),
                    _ => ReplyFault::Insert(n(&mut self.rng, 9) - 1, b"\r\nOK\r\n".to_vec()),
                };
                let modem = uart.modem(now);
                let next = modem.counts().replies;
                modem.knobs_mut().reply_faults.push((next, fault));
                state = State::Loose(next, now + Duration::from_secs(1000));
            }
            Kind::Reboot => {
                uart.modem(now).crash(now);
                state = self.struck(index);
            }
            Kind::BusyWhile => {
                let time = Duration::from_millis(10 + self.rng.below(4000));
                uart.modem(now).make_busy(now, Some(time));
            }
            Kind::BusyForEver => uart.modem(now).make_busy(now, None),
            Kind::WifiLoss => {
                uart.modem(now).set_access_point(now, SSID, false);
                self.wifi_back = Some(now + Duration::from_millis(200 + self.rng.below(20_000)));
                state = self.struck(index);
            }
            Kind::LateResult => {
                let late = Duration::from_millis(50 + self.rng.below(4000));
                uart.modem(now).fault_next_result(ResultFault::Late(late));
            }
            Kind::LostResult => uart.modem(now).fault_next_result(ResultFault::Lost),
            Kind::DoubledResult => uart.modem(now).fault_next_result(ResultFault::Twice),
            Kind::SendResult => {
                let late = Duration::from_millis(50 + self.rng.below(4000));
                let outcomes = [
                    SendOutcome::FailThenOk,
                    SendOutcome::Lost,
                    SendOutcome::Late(late),
                    // Of pipelined segments none is sent after one that was not.
                    if self.buffered { SendOutcome::FailThenOk } else { SendOutcome::Fail },
                ];
                uart.modem(now).fault_next_send(outcomes[self.rng.below(4) as usize]);
            }
            Kind::PeerReset => {
                let net = uart.modem(now).net_mut();
                let open: Vec<Conn> = net.connections().map(|(conn, _)| conn).collect();
                let mut peers = net.peers(now);
                let open: Vec<Conn> = open
                    .into_iter()
                    .filter(|conn| peers.state(*conn) == esp8285_sim::net::PeerState::Open)
                    .collect();
                if open.is_empty() {
                    state = State::Armed;
                } else {
                    peers.reset(open[self.rng.below(open.len() as u64) as usize]);
                    state = self.struck(index);
                }
            }
            Kind::StaleClosed => {
                let said = uart.modem(now).say_stale_closed(now);
                state = if said { self.struck(index) } else { State::Armed };
            }
            Kind::LostNotice => {
                let count = 1 + self.rng.below(3) as u32;
                uart.modem(now).suppress_notices(count);
            }
            Kind::FlippedBit => {
                let fault = ReplyFault::Flip(n(&mut self.rng, 2000), 1 << self.rng.below(4));
                uart.modem(now).fault_next_counted(fault);
            }
            Kind::SameLength => {
                let modem = uart.modem(now);
                modem.fault_next_counted(ReplyFault::Cut(1));
                modem.fault_next_counted(ReplyFault::Repeat(1));
            }
            Kind::SilentDrop => uart.modem(now).fault_next_counted(ReplyFault::Cut(1)),
            Kind::ToModem => {}
        }
        self.plans[index].state = state;
    }

    /// Whether what was let loose has struck.
    fn watch(
        &mut self,
        index: usize,
        before: u64,
        until: Instant,
        uart: &mut Uart<VirtualNet>,
        now: Instant,
    ) {
        let awaited = uart.modem(now).awaited();
        let struck = match self.plans[index].kind {
            Kind::Overrun => {
                let lost = uart.losses() > before;
                if lost || now >= until {
                    uart.set_irq_latency(now, self.late);
                }
                lost
            }
            Kind::Framing => uart.losses() > before,
            Kind::Length => uart.modem(now).counts().replies > before,
            Kind::FlippedBit | Kind::SameLength | Kind::SilentDrop => !awaited.counted,
            Kind::BusyWhile | Kind::BusyForEver => !awaited.busy,
            Kind::LateResult | Kind::LostResult | Kind::DoubledResult => !awaited.result,
            Kind::SendResult => !awaited.send,
            Kind::LostNotice => awaited.notices == 0,
            Kind::ToModem => self.hit_payload(uart, now),
            _ => true,
        };
        self.plans[index].state = match () {
            () if struck => self.struck(index),
            () if now >= until => State::Armed,
            () => return,
        };
    }

    /// A byte of the payload of a send, in the modem's direction.
    fn hit_payload(&mut self, uart: &mut Uart<VirtualNet>, now: Instant) -> bool {
        if Phase::of(uart, now) != Some(Phase::Payload) || uart.is_tx_idle() {
            return false;
        }
        let fault = match self.rng.below(3) {
            0 => Fault::Drop,
            1 => Fault::Repeat,
            _ => Fault::Flip(1 << self.rng.below(4)),
        };
        uart.fault_to_modem(now, fault);
        true
    }

    fn struck(&mut self, index: usize) -> State {
        let plan = &self.plans[index];
        *self.hits.entry((plan.kind, plan.phase)).or_default() += 1;
        State::Over
    }

    fn come_back(&mut self, uart: &mut Uart<VirtualNet>, now: Instant) {
        if self.wifi_back.is_some_and(|at| at <= now) {
            self.wifi_back = None;
            uart.modem(now).set_access_point(now, SSID, true);
        }
    }

    /// No more faults, and what they left behind outside the driver is over.
    pub(crate) fn stop(&mut self, uart: &mut Uart<VirtualNet>, now: Instant) {
        self.running = false;
        self.plans.clear();
        self.wifi_back = None;
        uart.set_irq_latency(now, self.late);
        let modem = uart.modem(now);
        modem.forget_faults();
        modem.knobs_mut().reply_faults.clear();
        modem.set_access_point(now, SSID, true);
    }

    /// The fastest rate, and whether sends are pipelined.
    pub(crate) fn set_wire(&mut self, baud: u32, buffered: bool) {
        (self.baud, self.buffered) = (baud, buffered);
    }

    fn note(&self, now: Instant, kind: Kind, phase: Phase) {
        if self.notes {
            eprintln!("{:>12} us ** {kind:?} in {phase:?}", now.as_nanos() / 1000);
        }
    }
}
