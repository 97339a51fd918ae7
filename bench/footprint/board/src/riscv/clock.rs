//! The timer, sleep, and the lock against interrupts.

use core::arch::asm;
use core::ptr;

use critical_section::RawRestoreState;

/// Ticks per second.
pub const TICKS: u64 = 7_800_000;

const MTIMECMP: *mut u64 = 0x0200_4000 as *mut u64;
const MTIME: *const u64 = 0x0200_bff8 as *const u64;

/// Ticks since reset.
#[must_use]
pub fn now() -> u64 {
    // SAFETY: the timer of hart 0, which every program may read.
    unsafe { ptr::read_volatile(MTIME) }
}

/// Sleeps until an interrupt or this tick, unless `ready` says true.
pub fn idle(until: u64, ready: &mut dyn FnMut() -> bool) {
    critical_section::with(|_| {
        // SAFETY: the compare register of hart 0.
        unsafe { ptr::write_volatile(MTIMECMP, until) };
        if !ready() {
            // SAFETY: waits; an interrupt that is pending ends it though it is masked.
            unsafe { asm!("wfi") };
        }
    });
}

/// No interrupt of the timer until the next sleep.
pub(crate) fn disarm() {
    // SAFETY: as in `idle`.
    unsafe { ptr::write_volatile(MTIMECMP, u64::MAX) };
}

struct Masked;
critical_section::set_impl!(Masked);

// SAFETY: one hart runs, and with its interrupts masked nothing else does.
unsafe impl critical_section::Impl for Masked {
    unsafe fn acquire() -> RawRestoreState {
        let status: usize;
        // SAFETY: clears mstatus.MIE and gives what it was.
        unsafe { asm!("csrrci {}, mstatus, 8", out(reg) status) };
        status & 8 != 0
    }

    unsafe fn release(enabled: RawRestoreState) {
        if enabled {
            // SAFETY: they were enabled before.
            unsafe { asm!("csrsi mstatus, 8") };
        }
    }
}
