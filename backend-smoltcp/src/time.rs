//! Spans of time as the backend counts them: in microseconds, as instants are. A `Duration` has
//! seconds and nanoseconds, and each sum of the two would be a multiplication and a division.

use core::ops::{Add, Mul};
use core::time::Duration;

use usocket_core::Instant;

/// A span of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Span(u64);

impl Span {
    pub(crate) const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1_000_000)
    }

    pub(crate) const fn from_millis(millis: u64) -> Self {
        Self(millis * 1000)
    }

    /// From the one to the other; none where that is the earlier one.
    #[cfg(feature = "slaac")]
    pub(crate) const fn between(from: Instant, to: Instant) -> Self {
        Self(to.as_micros().saturating_sub(from.as_micros()))
    }

    #[cfg(feature = "slaac")]
    pub(crate) const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The same for the stack.
    pub(crate) const fn for_stack(self) -> smoltcp::time::Duration {
        smoltcp::time::Duration::from_micros(self.0)
    }
}

impl From<Duration> for Span {
    fn from(time: Duration) -> Self {
        // A user's: whatever is longer than that is that long, too.
        let whole = time.as_secs().min(u64::from(u32::MAX)) * 1_000_000;
        Self(whole + u64::from(time.subsec_micros()))
    }
}

impl Add<Span> for Instant {
    type Output = Instant;

    fn add(self, span: Span) -> Instant {
        // Half a million years, and the spans here are hours at most.
        Instant::from_micros(self.as_micros().wrapping_add(span.0))
    }
}

impl Mul<u32> for Span {
    type Output = Span;

    fn mul(self, times: u32) -> Span {
        Span(self.0.saturating_mul(times.into()))
    }
}

/// When there is nothing to wait for.
pub(crate) const NEVER: Instant = Instant::from_micros(u64::MAX);

/// The time as the stack counts it.
pub(crate) fn stack_time(now: Instant) -> smoltcp::time::Instant {
    // Positive for 290,000 years.
    smoltcp::time::Instant::from_micros(now.as_micros().cast_signed())
}

/// A time of the stack; what lies before the clock's origin is the origin.
pub(crate) fn from_stack_time(time: smoltcp::time::Instant) -> Instant {
    Instant::from_micros(time.total_micros().max(0).cast_unsigned())
}
