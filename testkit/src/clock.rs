//! The clock of a world: virtual, with a watch on programs that would never end.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::time::Duration;

use usocket_conformance::net::Virtual;
use usocket_core::Instant;
use usocket_core::spi::Platform;

/// Readings of the clock between which it does not move: more than any program makes that
/// waits instead of asking again and again. Merely chosen.
const BUSY: u32 = 300_000;

/// A time that passes only while somebody waits.
#[derive(Debug)]
pub(crate) struct Clock {
    time: Virtual,
    creeps: bool,
    /// The last reading, and how often it was the same.
    asked: Cell<(u64, u32)>,
    pub(crate) limit: Cell<Instant>,
    flag: Arc<Flag>,
}

impl Clock {
    pub(crate) fn new(seed: u64, creep: Duration, limit: Duration) -> Self {
        Self {
            time: Virtual::new(seed).creeping(creep),
            creeps: !creep.is_zero(),
            asked: Cell::default(),
            limit: Cell::new(Instant::ZERO + limit),
            flag: Arc::default(),
        }
    }
}

impl Platform for Clock {
    fn now(&self) -> Instant {
        let now = self.time.now();
        let (before, count) = self.asked.get();
        let count = if before == now.as_micros() { count + 1 } else { 0 };
        let busy = !self.creeps && count >= BUSY;
        // Counts anew, as sockets that are closed while the panic unwinds ask as well.
        self.asked.set((now.as_micros(), if busy { 0 } else { count }));
        assert!(
            !busy,
            "virtual time: the program asks again and again and never waits; \
             time passes for it in `World::creeping`"
        );
        now
    }

    fn seed(&self) -> u64 {
        self.time.seed()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        if self.flag.take() {
            return;
        }
        assert!(
            until.is_none_or(|until| until <= self.limit.get()),
            "virtual time: the program still waits at the world's limit; \
             `World::set_limit` moves it"
        );
        self.time.idle(until, ready);
    }

    fn waker(&self) -> Option<Waker> {
        Some(Waker::from(Arc::clone(&self.flag)))
    }
}

/// Something that was woken.
#[derive(Debug, Default)]
pub(crate) struct Flag(AtomicBool);

impl Flag {
    /// Whether it was, since this was last asked.
    pub(crate) fn take(&self) -> bool {
        self.0.swap(false, Ordering::Relaxed)
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.set();
    }
}
