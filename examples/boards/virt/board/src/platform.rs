//! The clock, and sleep.

use usocket::Instant;
use usocket::spi::Platform;

use crate::registers::{MTIME, MTIMECMP, RTC_HIGH, RTC_LOW};

/// The board as the platform of a backend: `mtime` is its clock, and `wfi` its sleep.
#[derive(Clone, Copy, Debug, Default)]
pub struct Board;

/// Ticks of `mtime` per microsecond.
const TICKS: u64 = 10;

impl Platform for Board {
    fn now(&self) -> Instant {
        Instant::from_micros(MTIME.read() / TICKS)
    }

    /// The time of day in nanoseconds: another one at each start.
    fn seed(&self) -> u64 {
        u64::from(RTC_LOW.read()) | u64::from(RTC_HIGH.read()) << 32
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        let until = until.map_or(u64::MAX, |at| at.as_micros().saturating_mul(TICKS));
        critical_section::with(|_| {
            if ready() {
                return;
            }
            // An executor may have set its own time.
            let before = MTIMECMP.read();
            MTIMECMP.write(until.min(before));
            // An interrupt ends it though it is masked, and is handled after.
            riscv::asm::wfi();
            MTIMECMP.write(before);
        });
    }
}
