//! An executor of embassy that sleeps when nobody is ready, and the clock for its timers.
//!
//! Nothing of it runs in an interrupt but waking: the timer is armed for sleeps only, as for
//! [`Board`](crate::Board).

use core::arch::asm;
use core::cell::{Cell, RefCell};
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::Waker;
use core::time::Duration;

use critical_section::{Mutex, RawRestoreState};
use embassy_executor::{Spawner, raw};
use embassy_time_driver::Driver;
use embassy_time_queue_utils::Queue;
use usocket::esp8285::{Esp8285, Uart};

use crate::interrupts::{mask, masked, unmask};
use crate::platform::{TICKS, arm, disarm, ticks};
use crate::uart;

/// A task is ready.
static READY: AtomicBool = AtomicBool::new(false);

/// Polls tasks, and waits for an interrupt while none is ready.
pub struct Executor {
    inner: raw::Executor,
}

impl fmt::Debug for Executor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Executor").finish_non_exhaustive()
    }
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

    /// Runs what was spawned before and what `start` spawns, until `done`, which is asked before
    /// each sleep.
    pub fn run_until(&'static self, start: impl FnOnce(Spawner), done: impl Fn() -> bool) {
        start(self.inner.spawner());
        loop {
            // SAFETY: not called from within itself: there is one loop, and no handler polls.
            unsafe { self.inner.poll() };
            if done() {
                return;
            }
            let sent = masked(sleep);
            if sent {
                notify();
            }
        }
    }
}

/// Sleeps until an interrupt or a timer, unless a task is ready; called with interrupts masked.
/// Whether a UART was sending: there is no interrupt for its last stop bit.
fn sleep() -> bool {
    // This wakes the tasks whose time has come.
    let next =
        critical_section::with(|cs| CLOCK.queue.borrow_ref_mut(cs).next_expiration(CLOCK.now()));
    if READY.swap(false, Ordering::AcqRel) {
        return false;
    }
    let begun = ticks();
    let leaving = uart::leaving();
    let until = next.saturating_mul(39).div_ceil(5);
    arm(leaving.map_or(until, |wait| until.min(begun + wait)));
    // SAFETY: waits. An interrupt ends it though it is masked, and is taken after.
    unsafe { asm!("wfi") };
    disarm();
    critical_section::with(|cs| {
        let slept = SLEPT.borrow(cs);
        let (times, so_far) = slept.get();
        slept.set((times + 1, so_far + ticks() - begun));
    });
    leaving.is_some()
}

/// How often the hart was put to sleep, and for how long altogether.
#[must_use]
pub fn slept() -> (u32, Duration) {
    let (times, slept) = critical_section::with(|cs| SLEPT.borrow(cs).get());
    (times, Duration::from_micros(slept * 1_000_000 / TICKS))
}

static SLEPT: Mutex<Cell<(u32, u64)>> = Mutex::new(Cell::new((0, 0)));

/// Called by the executor from any context.
#[unsafe(export_name = "__pender")]
fn pender(_: *mut ()) {
    READY.store(true, Ordering::Release);
}

/// A driver to be told that bytes have come, or that there is room to send.
trait Notify: Sync {
    fn notify(&self);
}

impl<U, P, M, const WAITERS: usize> Notify for Esp8285<'static, U, P, M, WAITERS>
where
    U: Uart,
    P: usocket::spi::Platform,
    M: usocket::RawMutex,
    Self: Sync,
{
    fn notify(&self) {
        Esp8285::notify(self);
    }
}

static DRIVER: Mutex<Cell<Option<&'static dyn Notify>>> = Mutex::new(Cell::new(None));

/// From now on an interrupt of a UART wakes this driver's runner. Its lock must mask interrupts.
pub fn on_bytes<U, P, M, const WAITERS: usize>(net: &'static Esp8285<'static, U, P, M, WAITERS>)
where
    U: Uart,
    P: usocket::spi::Platform,
    M: usocket::RawMutex,
    Esp8285<'static, U, P, M, WAITERS>: Sync,
{
    critical_section::with(|cs| DRIVER.borrow(cs).set(Some(net)));
}

/// Wakes the driver's runner.
pub(crate) fn notify() {
    if let Some(driver) = critical_section::with(|cs| DRIVER.borrow(cs).get()) {
        driver.notify();
    }
}

struct Clock {
    queue: Mutex<RefCell<Queue>>,
}

embassy_time_driver::time_driver_impl!(
    static CLOCK: Clock = Clock { queue: Mutex::new(RefCell::new(Queue::new())) }
);

impl Driver for Clock {
    /// In microseconds.
    fn now(&self) -> u64 {
        ticks() * 5 / 39
    }

    /// Whoever sleeps looks at the queue first.
    fn schedule_wake(&self, at: u64, waker: &Waker) {
        critical_section::with(|cs| self.queue.borrow_ref_mut(cs).schedule_wake(at, waker));
    }
}

struct Masked;
critical_section::set_impl!(Masked);

// SAFETY: one hart runs, and between the two its interrupts are masked.
unsafe impl critical_section::Impl for Masked {
    unsafe fn acquire() -> RawRestoreState {
        mask()
    }

    unsafe fn release(enabled: RawRestoreState) {
        if enabled {
            unmask();
        }
    }
}
