//! The platform of a board in a world.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};

use esp8285_sim::net::Network;
use usocket_core::Instant;
use usocket_core::spi::Platform;

use crate::World;

/// A board's clock and its sleep.
///
/// `idle(until)` lets the modem go on from event to event. It ends at `until`, once `ready`
/// says true, when woken, and at the interrupts that a UART has: bytes in the ring, room in
/// the transmitter, transmitter idle. So a driver that relies on being called more often than
/// that hangs here as it would on the board.
///
/// # Panics
/// When nothing can ever happen any more, and beyond the world's [`Limits`](crate::Limits).
pub struct Board<N> {
    world: World<N>,
    /// Set by a wake; `None` with one context of execution.
    woken: Option<Arc<Woken>>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl<N> Board<N> {
    pub(crate) fn new(world: World<N>, thread: bool) -> Self {
        let woken = thread.then(|| Arc::new(Woken(AtomicBool::new(false))));
        Self { world, woken }
    }
}

impl<N> Clone for Board<N> {
    fn clone(&self) -> Self {
        Self { world: self.world.clone(), woken: self.woken.clone() }
    }
}

impl<N> fmt::Debug for Board<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thread = self.woken.is_some();
        f.debug_struct("Board").field("world", &self.world).field("thread", &thread).finish()
    }
}

impl<N: Network> Platform for Board<N> {
    fn now(&self) -> Instant {
        self.world.look_at_clock()
    }

    fn seed(&self) -> u64 {
        self.world.seed()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        let woken =
            || self.woken.as_ref().is_some_and(|woken| woken.0.swap(false, Ordering::Relaxed));
        // Asked for last, as `ready` may wake.
        self.world.idle(until, || ready() || woken());
    }

    fn waker(&self) -> Option<Waker> {
        self.woken.clone().map(Waker::from)
    }
}
