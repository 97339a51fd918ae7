//! The machine: cores, limits, and what a table says about it.

use std::fs;
use std::thread;
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// The cores that two threads are kept on; none to let the system choose.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// Of the thread that measures.
    pub first: Option<usize>,
    /// Of the other one.
    pub second: Option<usize>,
}

impl Cores {
    /// Two different cores, where there are two that this process may use.
    #[must_use]
    pub fn two(pin: bool) -> Self {
        let allowed = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
        let mut usable = (0..CpuSet::MAX_CPU).filter(|core| pin && allowed.is_set(*core));
        let first = usable.next();
        Self { first, second: usable.next().or(first) }
    }

    /// Both threads on the first core.
    #[must_use]
    pub fn one(self) -> Self {
        Self { second: self.first, ..self }
    }
}

/// Keeps the calling thread on a core.
pub fn pin(core: Option<usize>) {
    if let Some(core) = core {
        let mut set = CpuSet::new();
        set.set(core);
        // Refused: then the system chooses, and the spread shows it.
        let _ = sched_setaffinity(None, &set);
    }
}

/// Allows as many descriptors as the system lets us: some thousands are needed.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// The machine in general words: what a reader needs to judge a ratio.
#[must_use]
pub fn describe() -> String {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let kernel = release.split('.').take(2).collect::<Vec<_>>().join(".");
    let cpu = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let kind = if cpu.contains(" hypervisor") { "virtual machine" } else { "machine" };
    format!("{kind}, {cores} cores, {}, Linux {kernel}, release build", std::env::consts::ARCH)
}

/// Today in UTC, as year-month-day.
#[must_use]
pub fn today() -> String {
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}")
}

/// The date of a day counted from 1970-01-01.
fn civil(mut days: u64) -> (u64, usize, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let february = 28 + u64::from(leap(year));
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if days < length {
            break;
        }
        days -= length;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests {
    use super::civil;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(11_017), (2000, 3, 1));
        assert_eq!(civil(20_453), (2025, 12, 31));
    }
}
