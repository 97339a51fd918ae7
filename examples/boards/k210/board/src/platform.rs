//! The clock, and sleep.

use core::arch::asm;

use k210_hal::pac::CLINT;
use usocket::Instant;
use usocket::spi::Platform;

use crate::interrupts::masked;
use crate::uart;

/// The board as the platform of a backend: `mtime` is its clock, and `wfi` its sleep.
#[derive(Clone, Copy, Debug, Default)]
pub struct Board;

impl Platform for Board {
    fn now(&self) -> Instant {
        Instant::from_micros(ticks() * 5 / 39)
    }

    /// The chip documents no source of random numbers. The modem picks ports and sequence
    /// numbers, so nothing depends on this one.
    fn seed(&self) -> u64 {
        ticks()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        let until = until.map_or(u64::MAX, |at| at.as_micros().saturating_mul(39).div_ceil(5));
        masked(|| {
            if ready() {
                return;
            }
            // There is no interrupt for the last stop bit: look again when it has left.
            let until = uart::leaving().map_or(until, |wait| until.min(ticks() + wait));
            arm(until);
            // SAFETY: waits. An interrupt ends it though it is masked, and is taken after.
            unsafe { asm!("wfi") };
            disarm();
        });
    }
}

/// Of `mtime` per second: the CPU's clock by 50.
pub(crate) const TICKS: u64 = crate::CPU as u64 / 50;
const _: () = assert!(TICKS == 7_800_000, "39 ticks are 5 us");

/// Ticks since reset.
pub(crate) fn ticks() -> u64 {
    // SAFETY: the registers are always there.
    unsafe { &*CLINT::ptr() }.mtime.read().bits()
}

/// Waits so long, for hardware that wants it.
pub(crate) fn pause(milliseconds: u64) {
    let end = ticks() + milliseconds * TICKS / 1000;
    while ticks() < end {
        core::hint::spin_loop();
    }
}

/// An interrupt of the timer at this time.
pub(crate) fn arm(until: u64) {
    // SAFETY: the registers are always there.
    let clint = unsafe { &*CLINT::ptr() };
    // SAFETY: any time will do.
    clint.mtimecmp[0].write(|w| unsafe { w.bits(until) });
}

/// No interrupt of the timer.
pub(crate) fn disarm() {
    arm(u64::MAX);
}
