//! One drive: frames in, what they changed, packets out, and when to come again. Those that only
//! move bytes of streams are in `bulk.rs`.

#[cfg(feature = "bulk")]
use core::cell::Cell;

use smoltcp::iface::PollIngressSingleResult;
#[cfg(not(feature = "slow-peers"))]
use smoltcp::iface::PollResult;
use smoltcp::phy::Device;
#[cfg(feature = "slow-peers")]
use smoltcp::phy::RxToken as _;
use usocket_core::Instant;

#[cfg(feature = "slow-peers")]
use crate::gate::{Port, Watch};
use crate::state::State;
#[cfg(feature = "slow-peers")]
use crate::storage::OWN;
use crate::time::{NEVER, Span, from_stack_time, stack_time};

/// Frames that one drive takes in (S3).
const FRAMES: usize = 32;

/// Rounds of one drive on the way out: in each, every socket sends one packet.
const ROUNDS: usize = 64;

/// When a device that could take no more is tried again, if nothing else happens.
const RETRY: Span = Span::from_millis(1);

/// What the stack shall do.
#[cfg(feature = "slow-peers")]
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pass {
    In,
    Out,
    #[cfg(feature = "bulk")]
    Both,
    /// Both, if there is a frame.
    #[cfg(feature = "bulk")]
    Quiet,
}

/// What the stack did.
#[derive(Default)]
pub(crate) struct Passed {
    /// How many frames came in.
    pub(crate) frames: usize,
    /// Whether the device was full.
    pub(crate) full: bool,
    /// Whether there was more to send than the bound allows.
    more: bool,
}

impl Passed {
    /// Whether it stopped at a bound.
    pub(crate) fn again(&self) -> bool {
        self.more || self.frames == FRAMES
    }
}

impl State<'_> {
    /// Moves everything that is due, within bounds (S3).
    #[cfg(not(feature = "bulk"))]
    pub(crate) fn drive<D: Device + ?Sized>(&mut self, device: &mut D, now: Instant) {
        self.now = self.now.max(now);
        let due = self.next_due <= self.now;
        let came = self.receive(device);
        if came.frames == 0 && !due && !self.dirty {
            return;
        }
        self.dirty = false;
        self.unannounced = false;
        self.step_all(device);
        let again = came.again() || self.dirty;
        let passed = if self.sends() { self.transmit(device) } else { Passed::default() };
        self.step_sent(device, passed.full);
        self.dirty = again || passed.again();
        self.unannounced = again;
    }

    /// Whether there may be something to send. Where there is nothing but streams, they ended
    /// with the link.
    pub(crate) fn sends(&self) -> bool {
        self.up || cfg!(not(any(feature = "slow-peers", feature = "udp", feature = "dhcp")))
    }

    /// Takes frames in.
    #[cfg(not(feature = "slow-peers"))]
    fn receive<D: Device + ?Sized>(&mut self, device: &mut D) -> Passed {
        let time = stack_time(self.now);
        let mut frames = 0;
        while frames < FRAMES
            && self.iface.poll_ingress_single(time, device, &mut self.set)
                != PollIngressSingleResult::None
        {
            frames += 1;
        }
        self.changed |= frames > 0;
        Passed { frames, ..Passed::default() }
    }

    /// Takes frames in.
    #[cfg(feature = "slow-peers")]
    pub(crate) fn receive<D: Device + ?Sized>(&mut self, device: &mut D) -> Passed {
        if self.up { self.pass(device, Pass::In) } else { self.discard(device) }
    }

    /// Everything between the way in and the way out.
    pub(crate) fn step_all<D: Device + ?Sized>(&mut self, device: &mut D) {
        self.iface.poll_maintenance(stack_time(self.now));
        #[cfg(any(feature = "dhcp", feature = "slaac"))]
        self.follow_setup();
        self.step_pairs();
        self.purge_all();
        self.step_resolver();
        self.admit(device);
        self.expire_senders();
    }

    /// Everything behind the way out.
    pub(crate) fn step_sent<D: Device + ?Sized>(&mut self, device: &mut D, full: bool) {
        self.step_resetting();
        self.step_senders(full);
        if self.sends() {
            self.ask_neighbours(device);
            #[cfg(feature = "slaac")]
            self.ask_routers(device);
        }
        self.look_at_all();
        let others = self.pairs_due().min(self.admission_due()).min(self.datagrams_due());
        let others = others.min(self.neighbours_due()).min(self.queries_due());
        #[cfg(feature = "slaac")]
        let others = others.min(self.routers_due());
        #[cfg(feature = "bulk")]
        {
            self.others_due = others;
        }
        self.next_due = self.find_next_due(full, others);
    }

    /// Lets the stack send what it has.
    #[cfg(not(feature = "slow-peers"))]
    fn transmit<D: Device + ?Sized>(&mut self, device: &mut D) -> Passed {
        let time = stack_time(self.now);
        for _ in 0..ROUNDS {
            if self.iface.poll_egress(time, device, &mut self.set) == PollResult::None {
                return Passed::default();
            }
        }
        Passed { more: true, ..Passed::default() }
    }

    /// Lets the stack send what it has.
    #[cfg(feature = "slow-peers")]
    pub(crate) fn transmit<D: Device + ?Sized>(&mut self, device: &mut D) -> Passed {
        self.pass(device, Pass::Out)
    }

    /// Lets the stack take frames in, or send what it has, or both.
    #[cfg(feature = "slow-peers")]
    pub(crate) fn pass<D: Device + ?Sized>(&mut self, device: &mut D, pass: Pass) -> Passed {
        let time = stack_time(self.now);
        let Self { iface, set, pairs, .. } = self;
        let watch = Watch {
            notes: &self.notes,
            pairs,
            #[cfg(feature = "bulk")]
            last: Cell::new(pairs.get(self.notes.last.get()).filter(|pair| pair.plain)),
            #[cfg(feature = "server")]
            now: self.now,
            #[cfg(feature = "server")]
            slots: &self.slots,
            #[cfg(feature = "server")]
            own: &self.own,
            #[cfg(feature = "server")]
            parking: core::cell::RefCell::new(&mut self.parking),
        };
        // In each round every socket sends one packet.
        let packets = ROUNDS * (pairs.len() + OWN);
        let most = if pass == Pass::Out { 0 } else { FRAMES };
        let mut port = Port { device, watch: &watch, frames: most, packets, full: false };
        #[cfg(feature = "bulk")]
        let (ingress, once) = (matches!(pass, Pass::In | Pass::Quiet), pass == Pass::Quiet);
        #[cfg(not(feature = "bulk"))]
        let (ingress, once) = (pass == Pass::In, false);
        let mut more = true;
        while more && ingress {
            more = iface.poll_ingress_single(time, &mut port, set) != PollIngressSingleResult::None;
            if once {
                break;
            }
        }
        if more {
            iface.poll(time, &mut port, set);
        }
        let passed =
            Passed { frames: most - port.frames, full: port.full, more: port.packets == 0 };
        self.changed |= passed.frames > self.notes.strange.take();
        if self.notes.odd.take() {
            self.notes.slow.set(None);
            self.note_odd();
        }
        passed
    }

    #[cfg(feature = "slow-peers")]
    /// What the gate has noticed, beside bytes of streams.
    fn note_odd(&mut self) {
        #[cfg(feature = "bulk")]
        {
            self.all = true;
        }
        #[cfg(feature = "unreachable")]
        if let Some((local, remote, error)) = self.notes.unreachable.take() {
            self.note_unreachable(local, remote, error);
        }
        #[cfg(feature = "neighbours")]
        if let Some(ip) = self.notes.sought.take() {
            self.note_asked(ip);
        }
        #[cfg(feature = "slaac")]
        for heard in self.notes.advertised.take() {
            if self.routers.is_on() {
                self.heed(&heard);
            }
        }
    }

    #[cfg(feature = "slow-peers")]
    /// Without a link: what the device still has is of no use.
    fn discard<D: Device + ?Sized>(&mut self, device: &mut D) -> Passed {
        let time = stack_time(self.now);
        let mut passed = Passed::default();
        while passed.frames < FRAMES {
            let Some((frame, _)) = device.receive(time) else { break };
            #[cfg(feature = "bulk")]
            {
                self.all = true;
            }
            frame.consume(|_| ());
            passed.frames += 1;
        }
        passed
    }

    /// When to drive again; `others`: when more than the stack has something to do.
    pub(crate) fn find_next_due(&mut self, full: bool, others: Instant) -> Instant {
        #[cfg(feature = "bulk")]
        {
            self.rough = false;
        }
        let soonest = self.now + RETRY;
        let mut next = if full { soonest } else { NEVER };
        if self.sends()
            && let Some(time) = self.iface.poll_at(stack_time(self.now), &self.set)
        {
            // All that could go out has gone: what is left "now" waits for the device.
            next = next.min(from_stack_time(time).max(soonest));
        }
        next = next.min(others);
        #[cfg(feature = "bulk")]
        if self.pairs.iter().any(|pair| pair.plain && pair.unacked > 0) {
            next = next.min(self.now + crate::steps::SLOW);
        }
        // Nothing can be overdue behind a drive; if it is, it must not be a busy loop.
        if next <= self.now { soonest } else { next }
    }
}
