//! What came of cases, in little memory: the kit's own account, which keeps every failure,
//! takes 5 KB.

use usocket_conformance::{Outcome, ROWS, Row, Verdict};
use usocket_example_apps::Journal;

/// A set of rows.
type Rows = [u8; ROWS / 8 + 1];

/// The account.
#[derive(Debug, Default)]
pub struct Tally {
    section: &'static str,
    cases: u32,
    failed: u32,
    proved: Rows,
    unsupported: Rows,
}

impl Tally {
    /// Notes what came of a case. Sections and failures are said at once, as the next case may
    /// never end.
    pub fn note(
        &mut self,
        section: &'static str,
        rows: &[Row],
        outcome: Outcome,
        console: &mut impl Journal,
    ) {
        if self.section != section {
            console.line(format_args!("section {section}"));
            self.section = section;
        }
        self.cases += 1;
        let set = match outcome {
            Ok(Verdict::Proved) => &mut self.proved,
            Ok(Verdict::Unsupported(_)) => &mut self.unsupported,
            Err(failure) => {
                console.line(format_args!("FAILED: {failure}"));
                self.failed += 1;
                return;
            }
        };
        rows.iter().for_each(|&row| set[usize::from(row) / 8] |= 1 << (row % 8));
    }

    /// Says it. Bad if a case failed, or fewer rows were proved than this.
    #[expect(clippy::result_unit_err, reason = "what failed was said on the console")]
    pub fn report(&self, console: &mut impl Journal, at_least: u32) -> Result<(), ()> {
        let (proved, unsupported) = (count(&self.proved), count(&self.unsupported));
        console.line(format_args!(
            "{} cases, {} failed; {proved} rows proved, {unsupported} unsupported",
            self.cases, self.failed
        ));
        if self.failed == 0 && proved >= at_least { Ok(()) } else { Err(()) }
    }
}

fn count(rows: &Rows) -> u32 {
    rows.iter().map(|byte| byte.count_ones()).sum()
}
