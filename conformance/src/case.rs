//! Cases and what comes of them.

use core::fmt;

use usocket_core::Error;

/// The number of a row of the behaviour table, 1 to 220.
pub type Row = u16;

/// One case of the kit, instantiated for a harness.
pub struct Case<H> {
    /// What the case shows, in `snake_case`.
    pub name: &'static str,
    /// The behaviour rows it asserts.
    pub rows: &'static [Row],
    /// The requirements R1 to R25 it asserts.
    pub requirements: &'static [u8],
    /// The SPI clauses S1 to S23 it asserts.
    pub clauses: &'static [u8],
    /// Runs it.
    pub run: fn(&H) -> Outcome,
}

/// What came of a case that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Every assertion held.
    Proved,
    /// The backend said that it cannot, with the documented error.
    Unsupported(Error),
}

/// What came of a case.
pub type Outcome = Result<Verdict, Failure>;

/// Where and why a case failed.
#[derive(Clone, Copy, Debug)]
pub struct Failure {
    /// The assertion, or the call that failed.
    pub what: &'static str,
    /// The file of the case.
    pub file: &'static str,
    /// The line in it.
    pub line: u32,
    /// The error found, if one was.
    pub error: Option<Error>,
    /// The number found, if one was.
    pub found: Option<i64>,
}

impl Failure {
    /// A failure at the caller's place.
    #[track_caller]
    #[must_use]
    pub fn new(what: &'static str) -> Self {
        let place = core::panic::Location::caller();
        Self { what, file: place.file(), line: place.line(), error: None, found: None }
    }
}

impl From<Error> for Failure {
    /// A call that was expected to succeed did not: what `?` makes of it.
    #[track_caller]
    fn from(error: Error) -> Self {
        Self { error: Some(error), ..Self::new("a call failed") }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)?;
        if let Some(error) = self.error {
            write!(f, ", found {error:?}")?;
        }
        if let Some(found) = self.found {
            write!(f, ", found {found}")?;
        }
        Ok(())
    }
}
