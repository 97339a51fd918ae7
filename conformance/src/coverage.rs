//! What a run of the kit has shown of a backend, row by row.

use core::fmt;

use usocket_core::Error;

use crate::cases::{BY_TYPE, NOT_COVERED, visit};
use crate::{Case, Failure, Harness, Outcome, Row, Verdict};

/// Rows of the behaviour table.
pub const ROWS: usize = 220;

/// What is known of one row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// No case has asserted it.
    NotCovered,
    /// Rust's types make it impossible to break; a compile-fail test shows it.
    ByType,
    /// Every case that names it held.
    Proved,
    /// The backend said that it cannot, with this error, which is documented.
    Unsupported(Error),
    /// A case that names it failed.
    Failed,
}

/// Collects the outcomes of cases.
///
/// ```
/// use usocket_conformance::net::{MemHarness, Network, Virtual};
/// use usocket_conformance::{Coverage, Status};
///
/// let network: Network<Virtual> = Network::new(Virtual::new(1));
/// let coverage = Coverage::of(&MemHarness::new(&network)?);
/// assert_eq!(coverage.status(10), Status::Proved);
/// # Ok::<(), usocket_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Coverage {
    rows: [Status; ROWS + 1],
    failures: heapless::Vec<(&'static str, Failure), 64>,
    cases: usize,
    failed: usize,
    /// Bit sets of numbers asserted by cases that held.
    requirements: u32,
    clauses: u32,
}

impl Default for Coverage {
    fn default() -> Self {
        Self::new()
    }
}

impl Coverage {
    /// Nothing has been run.
    #[must_use]
    pub fn new() -> Self {
        let mut rows = [Status::NotCovered; ROWS + 1];
        for &(row, _) in BY_TYPE {
            rows[usize::from(row)] = Status::ByType;
        }
        let failures = heapless::Vec::new();
        Self { rows, failures, cases: 0, failed: 0, requirements: 0, clauses: 0 }
    }

    /// Runs the whole kit on one harness.
    pub fn of<H: Harness>(h: &H) -> Self {
        let mut coverage = Self::new();
        visit(&mut |case: &Case<H>| coverage.note(case, (case.run)(h)));
        coverage
    }

    /// Notes what came of a case.
    pub fn note<H>(&mut self, case: &Case<H>, outcome: Outcome) {
        self.cases += 1;
        let status = match outcome {
            Ok(Verdict::Proved) => Status::Proved,
            Ok(Verdict::Unsupported(error)) => Status::Unsupported(error),
            Err(failure) => {
                self.failed += 1;
                // A kit with more failures than that is not read to its end.
                let _ = self.failures.push((case.name, failure));
                Status::Failed
            }
        };
        for &row in case.rows {
            let known = &mut self.rows[usize::from(row)];
            if rank(status) > rank(*known) {
                *known = status;
            }
        }
        if status != Status::Failed {
            self.requirements |= case.requirements.iter().fold(0, |set, &n| set | 1 << n);
            self.clauses |= case.clauses.iter().fold(0, |set, &n| set | 1 << n);
        }
    }

    /// What is known of a row.
    ///
    /// # Panics
    /// If there is no such row.
    #[must_use]
    pub fn status(&self, row: Row) -> Status {
        self.rows[usize::from(row)]
    }

    /// How many rows hold, those fixed by types included.
    #[must_use]
    pub fn proved(&self) -> usize {
        self.count(|status| matches!(status, Status::Proved | Status::ByType))
    }

    /// How many cases failed.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.failed
    }

    /// The failures, at most 64, with the names of their cases.
    #[must_use]
    pub fn failures(&self) -> &[(&'static str, Failure)] {
        &self.failures
    }

    fn count(&self, wanted: impl Fn(Status) -> bool) -> usize {
        self.rows[1..].iter().filter(|&&status| wanted(status)).count()
    }

    fn list(
        &self,
        f: &mut fmt::Formatter<'_>,
        title: &str,
        wanted: impl Fn(Status) -> bool,
    ) -> fmt::Result {
        let mut rows = (1..=ROWS).filter(|&row| wanted(self.rows[row])).peekable();
        write!(f, "{title:<14}")?;
        if rows.peek().is_none() {
            return writeln!(f, " -");
        }
        while let Some(first) = rows.next() {
            let mut last = first;
            while let Some(next) = rows.next_if(|&row| row == last + 1) {
                last = next;
            }
            if last == first { write!(f, " {first}")? } else { write!(f, " {first}-{last}")? }
        }
        writeln!(f)
    }
}

/// What outweighs what where several cases name one row.
fn rank(status: Status) -> u8 {
    match status {
        Status::NotCovered => 0,
        Status::ByType => 1,
        Status::Proved => 2,
        Status::Unsupported(_) => 3,
        Status::Failed => 4,
    }
}

impl fmt::Display for Coverage {
    /// The table, for people.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} cases, {} failed", self.cases, self.failed)?;
        writeln!(f, "{} of {ROWS} rows proved", self.proved())?;
        self.list(f, "proved", |status| status == Status::Proved)?;
        self.list(f, "by type", |status| status == Status::ByType)?;
        self.list(f, "failed", |status| status == Status::Failed)?;
        self.list(f, "unsupported", |status| matches!(status, Status::Unsupported(_)))?;
        for (row, status) in self.rows.iter().enumerate() {
            if let Status::Unsupported(error) = status {
                writeln!(f, "  {row:>3} {error:?}")?;
            }
        }
        self.list(f, "not covered", |status| status == Status::NotCovered)?;
        for (row, why) in NOT_COVERED {
            if self.status(*row) == Status::NotCovered {
                writeln!(f, "  {row:>3} {why}")?;
            }
        }
        numbers(f, "requirements R", self.requirements)?;
        numbers(f, "clauses S", self.clauses)?;
        for (case, failure) in &self.failures {
            writeln!(f, "FAILED {case}: {failure}")?;
        }
        Ok(())
    }
}

fn numbers(f: &mut fmt::Formatter<'_>, title: &str, set: u32) -> fmt::Result {
    write!(f, "{title:<14}")?;
    for number in (1..32).filter(|number| set & 1 << number != 0) {
        write!(f, " {number}")?;
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::ToString;

    fn case(rows: &'static [Row]) -> Case<()> {
        fn run((): &()) -> Outcome {
            Ok(Verdict::Proved)
        }
        Case { name: "example", rows, requirements: &[5], clauses: &[], run }
    }

    #[test]
    fn the_worst_outcome_of_a_row_counts() {
        let mut coverage = Coverage::new();
        let before = coverage.proved();
        coverage.note(&case(&[1, 2, 3]), Ok(Verdict::Proved));
        coverage.note(&case(&[2]), Ok(Verdict::Unsupported(Error::EOPNOTSUPP)));
        coverage.note(&case(&[3]), Err(Failure::new("wrong")));
        coverage.note(&case(&[3]), Ok(Verdict::Proved));
        assert_eq!(coverage.status(1), Status::Proved);
        assert_eq!(coverage.status(2), Status::Unsupported(Error::EOPNOTSUPP));
        assert_eq!(coverage.status(3), Status::Failed);
        assert_eq!((coverage.proved(), coverage.failed()), (before + 1, 1));
        let table = coverage.to_string();
        for line in ["unsupported    2\n", "    2 EOPNOTSUPP(95)", "FAILED example", "R 5"] {
            assert!(table.contains(line), "{line:?} in\n{table}");
        }
    }
}
