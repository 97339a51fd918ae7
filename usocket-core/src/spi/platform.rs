//! What a board supplies: time, a seed, and a place to sleep.

use core::task::Waker;

use crate::Instant;

/// The clock, the entropy and the sleep of a board (P4).
///
/// A host has [`StdPlatform`](crate::spi::StdPlatform) (feature `std`); a test
/// has the virtual clock of the conformance crate.
pub trait Platform {
    /// The time now. Never goes back.
    fn now(&self) -> Instant;

    /// A number that differs after each reset: ports and sequence numbers are
    /// drawn from it. A fixed number is a defect on a network.
    fn seed(&self) -> u64;

    /// Sleeps until the time `until` (`None`: for ever), an interrupt or a
    /// [`waker`](Self::waker), whichever is first; returning early is allowed.
    ///
    /// Must evaluate `ready` with wake-ups masked and return at once if it says
    /// true, so that an event between the last check and the sleep is not lost:
    /// mask interrupts, ask `ready`, `wfi`, unmask.
    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool);

    /// A waker that ends an [`idle`](Self::idle) of the calling thread, or
    /// makes its next one return at once.
    ///
    /// `None`, the default, is a board with one context of execution: there,
    /// events come from interrupts, every interrupt ends `idle`, and whoever waits
    /// takes no entry of a table. With threads, or tasks of an RTOS that block, it
    /// must be some. With [`block_on`](crate::Usocket::block_on) it should be:
    /// without, a future that wakes itself is polled again at the next interrupt.
    fn waker(&self) -> Option<Waker> {
        None
    }
}

impl<P: Platform + ?Sized> Platform for &P {
    fn now(&self) -> Instant {
        (**self).now()
    }

    fn seed(&self) -> u64 {
        (**self).seed()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        (**self).idle(until, ready);
    }

    fn waker(&self) -> Option<Waker> {
        (**self).waker()
    }
}
