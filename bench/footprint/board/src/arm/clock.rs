//! The timer, sleep, and the lock against interrupts.

use core::arch::asm;
use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use critical_section::RawRestoreState;

/// Ticks per second.
pub const TICKS: u64 = 1_000_000;

/// Timer 2: 32 bits, one tick each microsecond.
const TIMER: usize = 0x4000_0000;
const INTERRUPTS: usize = 0x0c;
const STATUS: usize = 0x10;
const COUNT: usize = 0x24;
const COMPARE: usize = 0x34;

fn read(register: usize) -> u32 {
    // SAFETY: a register of the timer, aligned; only this module uses them.
    unsafe { ptr::read_volatile((TIMER + register) as *const u32) }
}

fn write(register: usize, value: u32) {
    // SAFETY: as in `read`.
    unsafe { ptr::write_volatile((TIMER + register) as *mut u32, value) };
}

/// The upper half of the time, and the count when it was last read.
static HIGH: AtomicU32 = AtomicU32::new(0);
static LAST: AtomicU32 = AtomicU32::new(0);

/// Ticks since reset. To be called once in each 70 minutes.
#[must_use]
pub fn now() -> u64 {
    critical_section::with(|_| {
        let count = read(COUNT);
        let high = HIGH.load(Ordering::Relaxed);
        let high = if count < LAST.load(Ordering::Relaxed) { high.wrapping_add(1) } else { high };
        HIGH.store(high, Ordering::Relaxed);
        LAST.store(count, Ordering::Relaxed);
        u64::from(high) << 32 | u64::from(count)
    })
}

/// Sleeps until an interrupt or this tick, unless `ready` says true.
pub fn idle(until: u64, ready: &mut dyn FnMut() -> bool) {
    critical_section::with(|_| {
        // One that is further away than the timer counts is waited for in pieces.
        let time = now();
        let left = u32::try_from(until.saturating_sub(time)).unwrap_or(u32::MAX);
        write(COMPARE, read(COUNT).wrapping_add(left));
        write(INTERRUPTS, 2);
        if left > 0 && !ready() {
            // SAFETY: waits; an interrupt that is pending ends it though it is masked.
            unsafe { asm!("wfi") };
        }
    });
}

/// No interrupt of the timer until the next sleep.
pub(crate) fn disarm() {
    write(INTERRUPTS, 0);
    write(STATUS, 0);
}

struct Masked;
critical_section::set_impl!(Masked);

// SAFETY: there is one core, and with its interrupts masked nothing else runs.
unsafe impl critical_section::Impl for Masked {
    unsafe fn acquire() -> RawRestoreState {
        let masked: u32;
        // SAFETY: masks interrupts and gives whether they were masked.
        unsafe { asm!("mrs {}, PRIMASK", "cpsid i", out(reg) masked) };
        masked & 1 == 0
    }

    unsafe fn release(enabled: RawRestoreState) {
        if enabled {
            // SAFETY: they were enabled before.
            unsafe { asm!("cpsie i") };
        }
    }
}
