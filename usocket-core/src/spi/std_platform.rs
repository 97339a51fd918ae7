//! The host's clock and sleep.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, OnceLock};
use std::task::{Wake, Waker};
use std::thread::{self, Thread};
use std::thread_local;
use std::time::Instant as StdInstant;

use super::Platform;
use crate::Instant;

/// A [`Platform`] on a host with threads: the monotonic clock, random seeds,
/// and thread parking. All values share one clock, so their instants compare.
#[derive(Clone, Copy, Debug, Default)]
pub struct StdPlatform;

fn origin() -> StdInstant {
    static ORIGIN: OnceLock<StdInstant> = OnceLock::new();
    *ORIGIN.get_or_init(StdInstant::now)
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

thread_local! {
    static WAKER: Waker = Waker::from(Arc::new(Unpark(thread::current())));
}

impl Platform for StdPlatform {
    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(origin().elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    fn seed(&self) -> u64 {
        // Each RandomState has keys of its own, drawn from the system's entropy.
        RandomState::new().hash_one(origin())
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        // An unpark between this check and the park makes the park return at once.
        if ready() {
            return;
        }
        match until {
            None => thread::park(),
            Some(until) => {
                let left = until.saturating_since(self.now());
                if !left.is_zero() {
                    thread::park_timeout(left);
                }
            }
        }
    }

    fn waker(&self) -> Option<Waker> {
        Some(WAKER.with(Waker::clone))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_waker_used_before_idle_is_not_lost() {
        let platform = StdPlatform;
        let waker = platform.waker().unwrap();
        thread::scope(|scope| {
            scope.spawn(move || waker.wake()).join().unwrap();
        });
        platform.idle(None, &mut || false);
    }

    #[test]
    fn idle_ends_at_its_time_and_seeds_differ() {
        let platform = StdPlatform;
        let until = platform.now() + Duration::from_millis(2);
        while platform.now() < until {
            platform.idle(Some(until), &mut || false);
        }
        assert_ne!(platform.seed(), platform.seed());
    }
}
