//! Two clocks.

use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// How long work takes on the wall clock.
pub fn timed(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

/// How much processor time of this thread work takes, its system calls included:
/// the same as the wall clock for work that never sleeps on a machine that does
/// nothing else, and still right on one that does.
pub fn timed_alone(work: impl FnOnce()) -> Duration {
    let start = processor_time();
    work();
    processor_time().saturating_sub(start)
}

fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}
