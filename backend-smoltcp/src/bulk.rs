//! Drives that only move bytes of streams, and what goes with them: operations that wait for ever
//! under one lock.
//!
//! Mostly nothing moves but bytes of streams. Then a drive is little more than a poll of the
//! stack: the gate has seen only segments of plain connections, and no operation or time asked
//! for more. In all other cases everything is looked at.

use core::sync::atomic::{AtomicBool, Ordering};

use embassy_sync::blocking_mutex::raw::RawMutex;
use smoltcp::phy::Device;
use usocket_core::spi::{Handle, Platform, nap};
use usocket_core::{Error, Events, Instant, POLLOUT, Result};

use crate::drive::{Pass, Passed};
use crate::net::{Net, Shared};
use crate::state::State;
use crate::time::Span;

/// When `drive` runs again at the latest after one that only moved bytes of streams. None of
/// the stack's timers is shorter, so that it need not be asked for them each time.
const SOON: Span = Span::from_millis(10);

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

impl<'a, D: Device, P: Platform, M: RawMutex, const WAKERS: usize> Net<'a, D, P, M, WAKERS> {
    /// An operation that waits for ever. Where it cannot be had, what makes it possible is
    /// taken in, under the same lock.
    pub(crate) fn wait_driving(
        &self,
        handle: Handle,
        events: Events,
        mut attempt: impl FnMut(&mut State<'a>) -> Result<usize>,
    ) -> Result<usize> {
        let mut slept = false;
        loop {
            let now = self.board().now();
            let (answer, rough, waited) = self.with(|shared| {
                let Shared { state, device, .. } = shared;
                let answer =
                    state.round(device, &self.input, now, !slept, events == POLLOUT, &mut attempt);
                (answer, state.is_rough(), shared.is_waited())
            });
            if waited {
                self.wake_due(now);
            }
            match answer {
                // Once more where there was something to do: then nothing is left.
                Err(Error::EAGAIN) if rough => {}
                Err(Error::EAGAIN) => {
                    let next = self.with(Shared::next);
                    nap(self, handle, events, next, None)?;
                    slept = true;
                }
                answer => return answer,
            }
        }
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
        self.now = self.now.max(now);
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
                        self.next_due = self.find_next_due(false, self.others_due);
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
        let passed = self.receive(device);
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
                self.next_due = self.find_next_due(false, self.others_due);
            }
            return;
        }
        if self.all && !begun.all {
            self.all = false;
            self.step_all(device);
            begun.all = true;
        }
        let passed = if self.up { self.transmit(device) } else { Passed::default() };
        if begun.all {
            self.step_sent(device, passed.full);
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
            self.next_due = self.find_next_due(true, self.others_due);
        } else {
            self.next_due = self.next_due.min(self.now + SOON);
            self.rough = true;
        }
    }
}
