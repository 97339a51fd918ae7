//! An executor of embassy that sleeps when nobody is ready, and the clock for its timers.

use core::cell::RefCell;
use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use core::task::Waker;
use core::time::Duration;

use critical_section::Mutex;
use embassy_executor::{Spawner, raw};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;

use crate::registers::{MTIME, MTIMECMP};

/// A task is ready.
static READY: AtomicBool = AtomicBool::new(false);

/// How often the hart slept.
static SLEEPS: AtomicU32 = AtomicU32::new(0);

/// For how long, in ticks.
static SLEPT: AtomicU64 = AtomicU64::new(0);

/// How often the executor has put the hart to sleep, and for how long altogether.
pub fn slept() -> (u32, Duration) {
    let time = Duration::from_nanos(100 * SLEPT.load(Ordering::Relaxed));
    (SLEEPS.load(Ordering::Relaxed), time)
}

/// Polls tasks, and waits for an interrupt while none is ready.
#[expect(missing_debug_implementations, reason = "embassy's has none")]
pub struct Executor {
    inner: raw::Executor,
}

impl Default for Executor {
    fn default() -> Self {
        Self::new()
    }
}

impl Executor {
    /// An executor without tasks.
    #[must_use]
    pub fn new() -> Self {
        Self { inner: raw::Executor::new(core::ptr::null_mut()) }
    }

    /// Runs what `start` spawns, for ever.
    pub fn run(&'static mut self, start: impl FnOnce(Spawner)) -> ! {
        start(self.inner.spawner());
        loop {
            // SAFETY: not called from within itself: there is one loop, and no handler polls.
            unsafe { self.inner.poll() };
            critical_section::with(|_| {
                if !READY.swap(false, Ordering::AcqRel) {
                    let begun = MTIME.read();
                    // An interrupt ends it though it is masked, and is handled after.
                    riscv::asm::wfi();
                    SLEEPS.fetch_add(1, Ordering::Relaxed);
                    SLEPT.fetch_add(MTIME.read() - begun, Ordering::Relaxed);
                }
            });
        }
    }
}

/// Called by the executor from any context.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    READY.store(true, Ordering::Release);
}

struct Clock {
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(
    static CLOCK: Clock = Clock { queue: Mutex::new(RefCell::new(Queue::new())) }
);

impl Driver for Clock {
    fn now(&self) -> u64 {
        MTIME.read()
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| {
            let mut queue = self.queue.borrow_ref_mut(cs);
            if queue.schedule_wake(at, waker) {
                // A time that is over makes its interrupt come at once.
                MTIMECMP.write(queue.next_expiration(self.now()));
            }
        });
    }
}

/// The timer's interrupt.
pub(crate) fn timer() {
    critical_section::with(|cs| {
        let next = CLOCK.queue.borrow_ref_mut(cs).next_expiration(CLOCK.now());
        MTIMECMP.write(next);
    });
}
