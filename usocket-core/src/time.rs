//! Time as an argument: instants, deadlines, and what `settimeout` accepts.

use core::time::Duration;

use crate::{Error, Result};

/// A point in time: microseconds since an origin that the platform chooses.
///
/// Only instants of one [`Platform`](crate::spi::Platform) may be compared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The platform's origin.
    pub const ZERO: Instant = Instant(0);

    /// The instant this many microseconds after the origin.
    #[must_use]
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the origin.
    #[must_use]
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// Time from `earlier` to `self`, zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }

    /// `self + delay`, rounded up to a microsecond; `None` where it cannot be expressed.
    #[must_use]
    #[inline]
    pub fn checked_add(self, delay: Duration) -> Option<Self> {
        // Not by nanoseconds: those need 128 bits, and a division of them.
        let whole = delay.as_secs().checked_mul(1_000_000)?;
        let part = u64::from(delay.subsec_nanos().div_ceil(1000));
        self.0.checked_add(whole.checked_add(part)?).map(Self)
    }
}

impl Instant {
    /// Without a division, which `Duration` would need.
    pub(crate) const fn after_millis(self, millis: u32) -> Self {
        Self(self.0.saturating_add(millis as u64 * 1000))
    }
}

impl core::ops::Add<Duration> for Instant {
    type Output = Instant;

    /// `self + delay`, saturating at the end of time.
    #[inline]
    fn add(self, delay: Duration) -> Instant {
        self.checked_add(delay).unwrap_or(Instant(u64::MAX))
    }
}

/// The earlier of two optional deadlines; `None` means never.
#[must_use]
#[inline]
pub fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, None) => a,
        (None, b) => b,
    }
}

/// How long the calls of a socket wait: for ever, not at all, or this long.
///
/// Kept to the millisecond, rounded up (row 153: a tiny positive timeout is
/// not zero); longer than 49.7 days counts as 49.7 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timeout {
    /// Wait for ever: blocking mode, the state of every new socket (row 7).
    Never,
    /// Do not wait: non-blocking mode.
    Zero,
    /// Wait this long, then fail with `ETIMEDOUT`.
    After(Duration),
}

impl Timeout {
    pub(crate) const NEVER: u32 = u32::MAX;

    pub(crate) fn to_raw(self) -> u32 {
        match self {
            Timeout::Never => Self::NEVER,
            Timeout::Zero => 0,
            Timeout::After(d) => {
                let part = u64::from(d.subsec_nanos().div_ceil(1_000_000));
                let millis = d.as_secs().saturating_mul(1000).saturating_add(part);
                u32::try_from(millis).unwrap_or(Self::NEVER - 1).clamp(1, Self::NEVER - 1)
            }
        }
    }

    pub(crate) fn from_raw(raw: u32) -> Self {
        match raw {
            Self::NEVER => Timeout::Never,
            0 => Timeout::Zero,
            ms => Timeout::After(Duration::from_millis(ms.into())),
        }
    }
}

/// What [`settimeout`](crate::Socket::settimeout) accepts: `None`, seconds as a
/// number (an integer or a float, as in the reference text), or a [`Duration`].
///
/// Zero means non-blocking. A negative, NaN or infinite number is `EINVAL`
/// (row 152).
///
/// ```
/// use usocket_core::{Error, IntoTimeout, Timeout};
/// assert_eq!(None.into_timeout(), Ok(Timeout::Never));
/// assert_eq!(0.into_timeout(), Ok(Timeout::Zero));
/// assert_eq!((-1.0).into_timeout(), Err(Error::EINVAL));
/// ```
pub trait IntoTimeout {
    /// The timeout meant, or `EINVAL`.
    fn into_timeout(self) -> Result<Timeout>;
}

impl IntoTimeout for Timeout {
    fn into_timeout(self) -> Result<Timeout> {
        Ok(self)
    }
}

impl IntoTimeout for Duration {
    fn into_timeout(self) -> Result<Timeout> {
        Ok(if self.is_zero() { Timeout::Zero } else { Timeout::After(self) })
    }
}

impl IntoTimeout for Option<Duration> {
    fn into_timeout(self) -> Result<Timeout> {
        self.map_or(Ok(Timeout::Never), Duration::into_timeout)
    }
}

impl IntoTimeout for f64 {
    fn into_timeout(self) -> Result<Timeout> {
        if self == 0.0 {
            return Ok(Timeout::Zero);
        }
        if !self.is_finite() || self < 0.0 {
            return Err(Error::EINVAL);
        }
        // A value below a nanosecond is still not zero (row 153); one beyond
        // what Duration holds is clamped by the millisecond range anyway.
        let duration = Duration::try_from_secs_f64(self).unwrap_or(Duration::MAX);
        Ok(Timeout::After(duration.max(Duration::from_nanos(1))))
    }
}

impl IntoTimeout for f32 {
    fn into_timeout(self) -> Result<Timeout> {
        f64::from(self).into_timeout()
    }
}

macro_rules! whole_seconds {
    ($($int:ty),*) => {$(
        impl IntoTimeout for $int {
            fn into_timeout(self) -> Result<Timeout> {
                u64::try_from(self)
                    .map_err(|_| Error::EINVAL)
                    .and_then(|s| Duration::from_secs(s).into_timeout())
            }
        }
    )*};
}
whole_seconds!(i32, u32, u64, i64, u16, u8);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_are_no_timeouts_are_refused() {
        for bad in [-1.0, -0.001, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(bad.into_timeout(), Err(Error::EINVAL), "{bad}");
        }
        assert_eq!((-1).into_timeout(), Err(Error::EINVAL));
    }

    #[test]
    fn tiny_values_round_up_and_huge_ones_are_clamped() {
        for tiny in [1e-9, 1e-30, 0.0004, f64::MIN_POSITIVE] {
            let raw = tiny.into_timeout().unwrap().to_raw();
            assert_eq!(Timeout::from_raw(raw), Timeout::After(Duration::from_millis(1)));
        }
        assert_eq!(1e300.into_timeout().unwrap().to_raw(), u32::MAX - 1);
        assert_eq!(Timeout::Never.to_raw(), u32::MAX);
        assert_eq!((-0.0).into_timeout(), Ok(Timeout::Zero));
    }

    #[test]
    fn instants_saturate() {
        let late = Instant::from_micros(u64::MAX - 1);
        assert_eq!(late.checked_add(Duration::from_secs(1)), None);
        assert_eq!((late + Duration::MAX).as_micros(), u64::MAX);
        assert_eq!(Instant::ZERO + Duration::from_nanos(1), Instant::from_micros(1));
    }
}
