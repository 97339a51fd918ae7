//! The clock of the network behind the modem.

use std::cell::Cell;

use usocket_core::Instant;
use usocket_core::spi::Platform;

/// The platform of the kit's network: the time that the modem is at.
///
/// The modem works off what is due one thing after the other, each at its own time, which may be
/// before the time of the world; so the network cannot read the world's clock. Nobody
/// sleeps here: the world idles on its [`Board`](crate::Board).
#[derive(Debug)]
pub struct Clock {
    now: Cell<Instant>,
    seed: u64,
}

impl Clock {
    /// A clock at its origin.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self { now: Cell::new(Instant::ZERO), seed }
    }

    /// The time is `now`, or later if it was later before.
    pub(crate) fn set(&self, now: Instant) {
        self.now.set(self.now.get().max(now));
    }
}

impl Platform for Clock {
    fn now(&self) -> Instant {
        self.now.get()
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    /// # Panics
    /// Always: who waits on this network must wait in the world around it.
    fn idle(&self, _until: Option<Instant>, _ready: &mut dyn FnMut() -> bool) {
        panic!("virtual time: a call waits on the modem's network instead of the board");
    }
}
