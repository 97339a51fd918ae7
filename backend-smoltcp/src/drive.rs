//! One drive: frames in, what they changed, packets out, and when to come again.
//!
//! Mostly nothing moves but bytes of streams. Then a drive is little more than a poll of the
//! stack: the gate has seen only segments of plain connections, and no operation or time asked
//! for more. In all other cases everything is looked at.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, Ordering};

use smoltcp::iface::PollIngressSingleResult;
use smoltcp::phy::{Device, RxToken as _};
use usocket_core::{Error, Instant, Result};

use crate::gate::{Port, Watch};
use crate::state::State;
use crate::steps::SLOW;
use crate::storage::OWN;
use crate::time::{NEVER, Span, from_stack_time, stack_time};

/// Frames that one drive takes in (S3).
const FRAMES: usize = 32;

/// Rounds of one drive on the way out: in each, every socket sends one packet.
const ROUNDS: usize = 64;

/// When `drive` runs again at the latest after one that only moved bytes of streams. None of
/// the stack's timers is shorter, so that it need not be asked for them each time.
const SOON: Span = Span::from_millis(10);

/// When a device that could take no more is tried again, if nothing else happens.
const RETRY: Span = Span::from_millis(1);

/// What the stack shall do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    In,
    Out,
    Both,
    /// Both, if there is a frame.
    Quiet,
}

/// What the first half of a drive found.
#[derive(Default)]
pub(crate) struct Begun {
    /// There was something to do.
    work: bool,
    /// Something may have become possible.
    came: bool,
    /// More than bytes of streams.
    all: bool,
    /// There is something left for another drive.
    again: bool,
}

/// What the stack did.
#[derive(Default)]
struct Passed {
    /// How many frames came in.
    frames: usize,
    /// Whether the device was full.
    full: bool,
    /// Whether there was more to send than the bound allows.
    more: bool,
}

impl Passed {
    /// Whether it stopped at a bound.
    fn again(&self) -> bool {
        self.more || self.frames == FRAMES
    }
}

impl State<'_> {
    /// Moves everything that is due, within bounds (S3).
    pub(crate) fn drive<D: Device + ?Sized>(&mut self, device: &mut D, now: Instant) {
        let begun = self.begin_drive(device, now);
        self.end_drive(device, begun);
    }

    /// An operation, and a drive if it cannot be had; then once more. `first`: it was not
    /// tried since the last drive. `sends`: what it leaves goes out at once.
    #[inline(always)]
    pub(crate) fn round<D: Device + ?Sized, T>(
        &mut self,
        device: &mut D,
        input: &AtomicBool,
        now: Instant,
        first: bool,
        sends: bool,
        attempt: &mut impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let mut begun = None;
        if !first {
            begun = self.take_in(device, input, now, sends);
        }
        loop {
            let answer = attempt(self);
            match begun.take() {
                Some(begun) if sends => self.end_drive(device, begun),
                Some(_) => {}
                None if answer.as_ref().is_err_and(|error| *error == Error::EAGAIN) => {
                    begun = self.take_in(device, input, now, sends);
                    if begun.is_some() {
                        continue;
                    }
                    if self.rough && !self.dirty {
                        // The caller will sleep: nothing is left but to know how long.
                        self.next_due = self.find_next_due(false);
                    }
                }
                None if sends && self.dirty => {
                    input.store(false, Ordering::Release);
                    self.flow(device, now);
                }
                None => {}
            }
            return answer;
        }
    }

    /// A drive before an operation, `None` if nothing came. A receive comes behind
    /// all of it: the peer shall have an acknowledgment for what came, and another one for the
    /// room that the receive makes. If one is lost the other one keeps it from waiting.
    fn take_in<D: Device + ?Sized>(
        &mut self,
        device: &mut D,
        input: &AtomicBool,
        now: Instant,
        sends: bool,
    ) -> Option<Begun> {
        input.store(false, Ordering::Release);
        if !sends {
            return self.flow(device, now).then(Begun::default);
        }
        let begun = self.begin_drive(device, now);
        if begun.came {
            return Some(begun);
        }
        self.end_drive(device, begun);
        None
    }

    /// A drive when mostly only bytes of streams move, in one go; whether anything came.
    pub(crate) fn flow<D: Device + ?Sized>(&mut self, device: &mut D, now: Instant) -> bool {
        let due = self.next_due <= now;
        if due || self.all || !self.up {
            let begun = self.begin_drive(device, now);
            let came = begun.came;
            self.end_drive(device, begun);
            return came;
        }
        self.now = self.now.max(now);
        let pass = if self.dirty { Pass::Both } else { Pass::Quiet };
        self.dirty = false;
        self.unannounced = false;
        let passed = self.pass(device, pass);
        let frames = passed.frames;
        if pass == Pass::Quiet && frames == 0 {
            return false;
        }
        if self.all || (frames > 0 && !self.step_streams()) {
            // Something else came: as if it came now.
            let begun = Begun { work: true, again: passed.again(), ..Begun::default() };
            self.all = true;
            self.end_drive(device, begun);
        } else {
            self.end_pass(&passed);
            self.dirty = passed.again();
        }
        frames > 0
    }

    /// The first half of a drive: takes frames in, and looks at what they changed.
    pub(crate) fn begin_drive<D: Device + ?Sized>(
        &mut self,
        device: &mut D,
        now: Instant,
    ) -> Begun {
        self.now = self.now.max(now);
        let due = self.next_due <= self.now;
        let passed = if self.up { self.pass(device, Pass::In) } else { self.discard(device) };
        let came = passed.frames > 0;
        let work = due || came || self.dirty;
        let mut begun = Begun { work, came: came || due || self.all, ..Begun::default() };
        if begun.work {
            self.dirty = false;
            self.unannounced = false;
            begun.all = due || self.all || (came && !self.step_streams());
            if begun.all {
                // What a timer of the stack does is seen by the next drive.
                self.all = due;
                self.step_all(device);
            }
            begun.again = passed.again() || self.dirty;
        }
        begun
    }

    /// The second half: sends what there is, also what an operation in between has left.
    pub(crate) fn end_drive<D: Device + ?Sized>(&mut self, device: &mut D, mut begun: Begun) {
        if !begun.work && !self.dirty {
            if self.rough {
                self.next_due = self.find_next_due(false);
            }
            return;
        }
        if self.all && !begun.all {
            self.all = false;
            self.step_all(device);
            begun.all = true;
        }
        let passed = if self.up { self.pass(device, Pass::Out) } else { Passed::default() };
        if begun.all {
            self.step_resetting();
            self.step_senders(passed.full);
            if self.up {
                self.ask_neighbours(device);
                #[cfg(feature = "slaac")]
                self.ask_routers(device);
            }
            self.look_at_all();
            let others = self.pairs_due().min(self.admission_due()).min(self.datagrams_due());
            self.others_due = others.min(self.neighbours_due()).min(self.queries_due());
            #[cfg(feature = "slaac")]
            {
                self.others_due = self.others_due.min(self.routers_due());
            }
            self.next_due = self.find_next_due(passed.full);
        } else {
            self.end_pass(&passed);
        }
        self.dirty = begun.again || passed.again();
        self.unannounced = begun.again;
    }

    /// Behind a pass of nothing but bytes of streams.
    #[inline]
    fn end_pass(&mut self, passed: &Passed) {
        if passed.full {
            self.next_due = self.find_next_due(true);
        } else {
            self.next_due = self.next_due.min(self.now + SOON);
            self.rough = true;
        }
    }

    /// Everything between the way in and the way out.
    fn step_all<D: Device + ?Sized>(&mut self, device: &mut D) {
        self.iface.poll_maintenance(stack_time(self.now));
        #[cfg(any(feature = "dhcp", feature = "slaac"))]
        self.follow_setup();
        self.step_pairs();
        self.purge_all();
        self.step_resolver();
        self.admit(device);
        self.expire_senders();
    }

    /// Lets the stack take frames in, or send what it has, or both.
    fn pass<D: Device + ?Sized>(&mut self, device: &mut D, pass: Pass) -> Passed {
        let time = stack_time(self.now);
        let Self { iface, set, pairs, .. } = self;
        let watch = Watch {
            notes: &self.notes,
            pairs,
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
        let mut more = true;
        while more && matches!(pass, Pass::In | Pass::Quiet) {
            more = iface.poll_ingress_single(time, &mut port, set) != PollIngressSingleResult::None;
            if pass == Pass::Quiet {
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
            self.note_odd();
        }
        passed
    }

    /// What the gate has noticed, beside bytes of streams.
    fn note_odd(&mut self) {
        self.all = true;
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

    /// Without a link: what the device still has is of no use.
    fn discard<D: Device + ?Sized>(&mut self, device: &mut D) -> Passed {
        let time = stack_time(self.now);
        let mut passed = Passed::default();
        while passed.frames < FRAMES {
            let Some((frame, _)) = device.receive(time) else { break };
            self.all = true;
            frame.consume(|_| ());
            passed.frames += 1;
        }
        passed
    }

    fn find_next_due(&mut self, full: bool) -> Instant {
        self.rough = false;
        let soonest = self.now + RETRY;
        let mut next = if full { soonest } else { NEVER };
        if self.up
            && let Some(time) = self.iface.poll_at(stack_time(self.now), &self.set)
        {
            // All that could go out has gone: what is left "now" waits for the device.
            next = next.min(from_stack_time(time).max(soonest));
        }
        next = next.min(self.others_due);
        if self.pairs.iter().any(|pair| pair.plain && pair.unacked > 0) {
            next = next.min(self.now + SLOW);
        }
        // Nothing can be overdue behind a drive; if it is, it must not be a busy loop.
        if next <= self.now { soonest } else { next }
    }
}
