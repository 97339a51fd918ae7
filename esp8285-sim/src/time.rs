//! Virtual time.

use std::ops::Add;
use std::time::Duration;

/// A point in virtual time: nanoseconds since the world began.
///
/// Nanoseconds, because one bit at 2 Mbaud lasts half a microsecond.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The beginning of the world.
    pub const ZERO: Instant = Instant(0);

    /// The end of time.
    pub const MAX: Instant = Instant(u64::MAX);

    /// The instant this many nanoseconds after the beginning.
    #[must_use]
    pub const fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The instant this many milliseconds after the beginning.
    #[must_use]
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis.saturating_mul(1_000_000))
    }

    /// Nanoseconds since the beginning.
    #[must_use]
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`, zero if `earlier` is later.
    #[must_use]
    pub const fn since(self, earlier: Instant) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Instant {
    type Output = Instant;

    /// `self + delay`, saturating at the end of time.
    fn add(self, delay: Duration) -> Instant {
        let seconds = delay.as_secs().saturating_mul(1_000_000_000);
        let nanos = seconds.saturating_add(u64::from(delay.subsec_nanos()));
        Instant(self.0.saturating_add(nanos))
    }
}

/// The earlier of two times that may be never. Asked for every byte on the wire.
pub(crate) fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) if other < one => Some(other),
        (Some(one), _) => Some(one),
        (None, other) => other,
    }
}

#[cfg(test)]
mod tests {
    use super::Instant;
    use std::time::Duration;

    #[test]
    fn time_saturates_at_both_ends() {
        assert_eq!(Instant::MAX + Duration::from_secs(1), Instant::MAX);
        assert_eq!(Instant::ZERO + Duration::MAX, Instant::MAX);
        assert_eq!(Instant::ZERO.since(Instant::from_millis(1)), Duration::ZERO);
        assert_eq!(Instant::from_millis(3).since(Instant::from_nanos(500)).as_nanos(), 2_999_500);
    }
}
