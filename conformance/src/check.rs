//! What cases assert with.

use usocket_core::{Error, Result};

use crate::{Failure, Outcome, Verdict};

/// Ends the case as failed unless the condition holds.
#[macro_export]
macro_rules! check {
    ($condition:expr $(,)?) => {
        if !$condition {
            return Err($crate::Failure::new(stringify!($condition)));
        }
    };
}

/// Ends the case as failed unless both values are equal.
#[macro_export]
macro_rules! check_eq {
    ($found:expr, $wanted:expr $(,)?) => {
        // A match, so that what the expressions borrow lives as long as needed.
        match ($found, $wanted) {
            (found, wanted) if found != wanted => {
                return Err($crate::Failure {
                    error: $crate::Found::error(&found),
                    found: $crate::Found::number(&found),
                    ..$crate::Failure::new(concat!(
                        stringify!($found),
                        " should be ",
                        stringify!($wanted)
                    ))
                });
            }
            _ => {}
        }
    };
}

/// What a failed comparison can show of the value it found.
pub trait Found {
    /// The error in it.
    fn error(&self) -> Option<Error> {
        None
    }

    /// The number in it.
    fn number(&self) -> Option<i64> {
        None
    }
}

macro_rules! found_numbers {
    ($($int:ty),*) => {$(
        impl Found for $int {
            fn number(&self) -> Option<i64> {
                i64::try_from(*self).ok()
            }
        }
    )*};
}
found_numbers!(u8, u16, u32, u64, usize, i32, i64);

impl Found for bool {}
impl Found for () {}
impl Found for &str {}
impl Found for &[u8] {}
impl<const N: usize> Found for [u8; N] {}
impl<const N: usize> Found for &[u8; N] {}
impl<const N: usize> Found for heapless::String<N> {}
impl<T, const N: usize> Found for heapless::Vec<T, N> {}
impl Found for usocket_core::SockAddr {}
impl Found for core::net::IpAddr {}
impl Found for core::net::SocketAddr {}
impl Found for usocket_core::Timeout {}
impl Found for crate::State {}
impl Found for crate::End {}
impl Found for crate::Digest {}
impl<A: Found, B> Found for (A, B) {
    fn number(&self) -> Option<i64> {
        self.0.number()
    }
}

impl Found for usocket_core::Events {
    fn number(&self) -> Option<i64> {
        Some(self.bits().into())
    }
}

impl Found for Error {
    fn error(&self) -> Option<Error> {
        Some(*self)
    }
}

impl<T: Found> Found for Option<T> {
    fn error(&self) -> Option<Error> {
        self.as_ref().and_then(Found::error)
    }

    fn number(&self) -> Option<i64> {
        self.as_ref().and_then(Found::number)
    }
}

impl<T: Found> Found for Result<T> {
    fn error(&self) -> Option<Error> {
        self.as_ref().err().copied()
    }

    fn number(&self) -> Option<i64> {
        self.as_ref().ok().and_then(Found::number)
    }
}

/// The end of a case for an ability that is absent: `answer` must be exactly
/// this error.
#[track_caller]
pub fn unsupported<T>(answer: Result<T>, wanted: Error) -> Outcome {
    match answer {
        Err(error) if error == wanted => Ok(Verdict::Unsupported(error)),
        Err(error) => {
            Err(Failure { error: Some(error), ..Failure::new("refused with another error") })
        }
        Ok(_) => Err(Failure::new("an ability that is said to be absent is there")),
    }
}
