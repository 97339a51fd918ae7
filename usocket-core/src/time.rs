//! Time as an argument: instants, deadlines, and what `settimeout` accepts.

use core::fmt;
use core::num::NonZero;
use core::time::Duration;

use crate::{Error, Result};

/// A point in time: microseconds since an origin that the platform chooses.
///
/// Only instants of one [`Platform`](crate::spi::Platform) may be compared. The last one is
/// half a million years away; later ones are taken for it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(
    /// One more than the microseconds, so that an optional instant, of which a backend has
    /// many, is no longer than an instant.
    NonZero<u64>,
);

impl Instant {
    /// The platform's origin.
    pub const ZERO: Instant = Instant::from_micros(0);

    /// The instant this many microseconds after the origin.
    #[must_use]
    #[inline]
    pub const fn from_micros(micros: u64) -> Self {
        match NonZero::new(micros.saturating_add(1)) {
            Some(next) => Self(next),
            // It is at least one.
            None => Self(NonZero::<u64>::MAX),
        }
    }

    /// Microseconds since the origin.
    #[must_use]
    #[inline]
    pub const fn as_micros(self) -> u64 {
        self.0.get() - 1
    }

    /// Time from `earlier` to `self`, zero if `earlier` is later.
    #[must_use]
    pub const fn saturating_since(self, earlier: Instant) -> Duration {
        Duration::from_micros(self.0.get().saturating_sub(earlier.0.get()))
    }

    /// `self` and this many microseconds, saturating at the end of time.
    ///
    /// As `self + delay` for whoever has a number and no [`Duration`], which costs a division.
    #[must_use]
    #[inline]
    pub const fn after_micros(self, micros: u64) -> Self {
        Self(self.0.saturating_add(micros))
    }

    /// `self` and this many milliseconds, saturating at the end of time.
    #[must_use]
    #[inline]
    pub const fn after_millis(self, millis: u32) -> Self {
        self.after_micros(millis as u64 * 1000)
    }

    /// `self + delay` for a delay that is not known before. Apart, so that an image has it
    /// once: that of a constant, which is inlined, is one instruction.
    #[inline(never)]
    pub(crate) fn after(self, delay: Duration) -> Self {
        self + delay
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

impl Default for Instant {
    fn default() -> Self {
        Self::ZERO
    }
}

impl fmt::Debug for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Instant").field(&self.as_micros()).finish()
    }
}

impl core::ops::Add<Duration> for Instant {
    type Output = Instant;

    /// `self + delay`, saturating at the end of time.
    #[inline]
    fn add(self, delay: Duration) -> Instant {
        self.checked_add(delay).unwrap_or(Self::from_micros(u64::MAX))
    }
}

/// The earlier of two optional deadlines; `None` means never.
#[must_use]
#[inline]
pub fn earlier(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    // `None` is 0 in memory. One less than that is later than any, and needs no branch.
    let number = |time: Option<Instant>| time.map_or(0, |time| time.0.get()).wrapping_sub(1);
    NonZero::new(number(a).min(number(b)).wrapping_add(1)).map(Instant)
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
        let last = Instant::from_micros(u64::MAX);
        assert_eq!((last.as_micros(), size_of::<Option<Instant>>()), (u64::MAX - 1, 8));
        assert_eq!(last.checked_add(Duration::from_micros(1)), None);
        assert_eq!((last + Duration::MAX, last.after_millis(1)), (last, last));
        assert_eq!(Instant::ZERO + Duration::from_nanos(1), Instant::from_micros(1));
        assert_eq!(Instant::ZERO.after_millis(2), Instant::ZERO + Duration::from_millis(2));
    }

    #[test]
    fn the_earlier_of_two_is_not_the_one_that_never_comes() {
        let [early, late, last] = [0, 1, u64::MAX].map(|at| Some(Instant::from_micros(at)));
        for (a, b, sooner) in
            [(None, None, None), (early, late, early), (late, None, late), (last, None, last)]
        {
            assert_eq!((earlier(a, b), earlier(b, a)), (sooner, sooner));
        }
        assert_eq!(std::format!("{late:?}"), "Some(Instant(1))");
    }
}
