//! Time: counted in 39ths of a nanosecond, of which everything here is a multiple.

use std::time::Duration;

use esp8285_sim::Instant;

/// A point in time, in 39ths of a nanosecond: a cycle of the CPU at 390 MHz is 100 of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Time(pub u64);

/// Of a nanosecond.
pub(crate) const PER_NANO: u64 = 39;

/// Of a second.
pub(crate) const PER_SECOND: u64 = PER_NANO * 1_000_000_000;

/// A cycle of the CPU at full speed.
pub(crate) const CYCLE: u64 = PER_SECOND / 390_000_000;

/// A tick of `mtime`: 50 cycles.
pub(crate) const TICK: u64 = 50 * CYCLE;

impl Time {
    /// This much later.
    #[must_use]
    pub const fn after(self, more: u64) -> Self {
        Self(self.0.saturating_add(more))
    }

    /// The simulator's, rounded down.
    #[must_use]
    pub const fn instant(self) -> Instant {
        Instant::from_nanos(self.0 / PER_NANO)
    }

    /// From the simulator's.
    #[must_use]
    pub const fn of(at: Instant) -> Self {
        Self(at.as_nanos().saturating_mul(PER_NANO))
    }

    /// Since the beginning.
    #[must_use]
    pub const fn since_start(self) -> Duration {
        Duration::from_nanos(self.0 / PER_NANO)
    }
}

/// A duration in our unit.
pub(crate) fn length(of: Duration) -> u64 {
    u64::try_from(of.as_nanos()).unwrap_or(u64::MAX).saturating_mul(PER_NANO)
}

/// Ten bits at this rate.
pub(crate) fn byte_time(baud: u32) -> u64 {
    10 * PER_SECOND / u64::from(baud.max(1))
}
