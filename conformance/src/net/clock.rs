//! Virtual time.

use core::cell::Cell;
use core::time::Duration;

use usocket_core::Instant;
use usocket_core::spi::Platform;

/// A platform whose time passes only while somebody idles (P4): tests of
/// timeouts take microseconds, and the same program sees the same instants.
///
/// `idle(until)` sets the clock to `until`, never beyond it. The caller has just
/// driven its backend, so `until` includes the next thing that happens in the
/// [`Network`](super::Network): an arrival, a peer's script, a timer.
///
/// # Panics
/// `idle` without a time to wake at panics: no event is due, no deadline was
/// given and nobody else runs, so a test that waits now would wait for ever.
#[derive(Debug, Default)]
pub struct Virtual {
    micros: Cell<u64>,
    seed: u64,
    creep: u64,
}

impl Virtual {
    /// A clock at its origin. Everything random in the network follows from `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { micros: Cell::new(0), seed, creep: 0 }
    }

    /// Lets the clock advance by `step` each time it is read, for programs that
    /// spin on a non-blocking call instead of waiting.
    #[must_use]
    pub fn creeping(mut self, step: Duration) -> Self {
        self.creep = u64::try_from(step.as_micros()).unwrap_or(u64::MAX);
        self
    }

    /// Advances the clock by hand. Nothing happens before somebody drives.
    pub fn advance(&self, time: Duration) {
        self.set(Instant::from_micros(self.micros.get()) + time);
    }

    fn set(&self, to: Instant) {
        self.micros.set(self.micros.get().max(to.as_micros()));
    }
}

impl Platform for Virtual {
    fn now(&self) -> Instant {
        let now = self.micros.get();
        self.micros.set(now.saturating_add(self.creep));
        Instant::from_micros(now)
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        if ready() {
            return;
        }
        match until {
            Some(until) => self.set(until),
            None => panic!(
                "virtual time: nothing can ever happen: a call waits without a deadline, \
                 nothing is in flight and no script or timer is due"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_goes_to_its_time_and_no_further() {
        let clock = Virtual::new(1);
        clock.idle(Some(Instant::from_micros(70)), &mut || false);
        assert_eq!(clock.now().as_micros(), 70);
        clock.idle(Some(Instant::from_micros(90)), &mut || true);
        clock.idle(Some(Instant::from_micros(5)), &mut || false);
        assert_eq!(clock.now().as_micros(), 70);
        let creeping = Virtual::new(1).creeping(Duration::from_micros(3));
        assert_eq!((creeping.now().as_micros(), creeping.now().as_micros()), (0, 3));
    }

    #[test]
    #[should_panic(expected = "nothing can ever happen")]
    fn idle_for_ever_is_a_deadlock() {
        Virtual::new(1).idle(None, &mut || false);
    }
}
