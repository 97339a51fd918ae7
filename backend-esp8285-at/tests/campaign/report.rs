//! What all runs together have shown, and whether that is enough.

use std::fmt;
use std::time::Duration;

use crate::fault::{Hits, Kind, Phase};
use crate::plan::Class;
use crate::run::Shown;

/// Counts of a campaign.
#[derive(Debug, Default)]
pub(crate) struct Report {
    runs: u64,
    by_class: [u64; 3],
    /// Runs without a fault in which everything arrived.
    whole: u64,
    hits: Hits,
    sent: u64,
    arrived: u64,
    jobs: [u64; 5],
    longest_recovery: (Duration, u64),
    pub(crate) violations: Vec<(u64, String)>,
}

/// Violations that are printed.
const PRINTED: usize = 40;

impl Report {
    pub(crate) fn add(&mut self, seed: u64, class: Class, result: Result<Shown, String>) {
        self.runs += 1;
        self.by_class[class as usize] += 1;
        let shown = match result {
            Ok(shown) => shown,
            Err(what) => return self.violations.push((seed, what)),
        };
        self.whole += u64::from(class == Class::Plain);
        for (place, count) in shown.hits {
            *self.hits.entry(place).or_default() += count;
        }
        self.sent += shown.sent;
        self.arrived += shown.arrived;
        let jobs = [shown.jobs, shown.complete, shown.failed, shown.left, shown.unfinished];
        self.jobs.iter_mut().zip(jobs).for_each(|(sum, more)| *sum += more);
        self.longest_recovery = self.longest_recovery.max((shown.recovery, seed));
    }

    pub(crate) fn merge(&mut self, other: Report) {
        self.runs += other.runs;
        self.by_class.iter_mut().zip(other.by_class).for_each(|(sum, more)| *sum += more);
        self.whole += other.whole;
        for (place, count) in other.hits {
            *self.hits.entry(place).or_default() += count;
        }
        self.sent += other.sent;
        self.arrived += other.arrived;
        self.jobs.iter_mut().zip(other.jobs).for_each(|(sum, more)| *sum += more);
        self.longest_recovery = self.longest_recovery.max(other.longest_recovery);
        self.violations.extend(other.violations);
    }

    fn hits_of(&self, kind: Kind) -> [u64; 5] {
        Phase::ALL.map(|phase| self.hits.get(&(kind, phase)).copied().unwrap_or(0))
    }

    /// The floors that were not reached: those of 10,000 runs; for fewer in proportion, less
    /// three standard deviations, as a small sample scatters.
    pub(crate) fn floors(&self) -> Vec<String> {
        let scaled = |floor: u64| {
            if self.runs >= 10_000 {
                return floor;
            }
            let share = floor * self.runs / 10_000;
            share.saturating_sub(3 * share.isqrt())
        };
        let mut missed = Vec::new();
        if self.whole * 10 < self.runs {
            missed.push(format!("only {} fault-free runs delivered everything", self.whole));
        }
        if self.arrived * 2 < self.sent {
            missed.push(format!("only {} of {} bytes arrived", self.arrived, self.sent));
        }
        for kind in Kind::ALL {
            let hits = self.hits_of(kind);
            let all: u64 = hits.iter().sum();
            if all < scaled(KIND_FLOOR) {
                missed.push(format!("{kind:?} struck only {all} times"));
            }
            for (phase, count) in Phase::ALL.into_iter().zip(hits) {
                if count < scaled(PHASE_FLOOR) {
                    missed.push(format!("{kind:?} struck only {count} times in {phase:?}"));
                }
            }
        }
        missed
    }
}

/// Least number of strikes of each kind, and of each kind in each phase, in 10,000 runs.
const KIND_FLOOR: u64 = 500;
const PHASE_FLOOR: u64 = 20;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [plain, detectable, undetectable] = self.by_class;
        writeln!(
            f,
            "{} runs: {plain} without faults ({} delivered everything), {detectable} with \
             detectable ones, {undetectable} with undetectable ones too",
            self.runs, self.whole
        )?;
        write!(f, "{:14}{:>8}", "fault", "all")?;
        for phase in Phase::ALL {
            write!(f, "{:>9}", format!("{phase:?}"))?;
        }
        writeln!(f)?;
        for kind in Kind::ALL {
            let hits = self.hits_of(kind);
            write!(f, "{:14}{:>8}", format!("{kind:?}"), hits.iter().sum::<u64>())?;
            for count in hits {
                write!(f, "{count:>9}")?;
            }
            writeln!(f)?;
        }
        let percent = (self.arrived * 1000).checked_div(self.sent).unwrap_or(0);
        writeln!(
            f,
            "sent before the first fault that may end streams: {} bytes, arrived: {} ({}.{} %)",
            self.sent,
            self.arrived,
            percent / 10,
            percent % 10
        )?;
        let [jobs, complete, failed, left, unfinished] = self.jobs;
        writeln!(
            f,
            "sockets: {jobs}, complete {complete}, ended by an error {failed}, left early \
             {left}, unfinished {unfinished}"
        )?;
        let (longest, seed) = self.longest_recovery;
        writeln!(f, "longest way back: {:.1} s (seed {seed})", longest.as_secs_f64())?;
        for (seed, what) in self.violations.iter().take(PRINTED) {
            writeln!(f, "VIOLATION seed {seed}: {what}")?;
        }
        if self.violations.len() > PRINTED {
            writeln!(f, "and {} more", self.violations.len() - PRINTED)?;
        }
        Ok(())
    }
}
