//! The table of results, as text and as Markdown.

use std::fmt::Write;

use crate::stats::Spread;

/// What a ratio should be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Target {
    /// A rate: no less than this.
    AtLeast(f64),
    /// A cost: no more than this.
    AtMost(f64),
    /// A rate that is only reported.
    Rate,
    /// A cost that is only reported.
    Cost,
}

impl Target {
    /// Whether the ratio is of costs, where less is better.
    #[must_use]
    pub fn is_cost(self) -> bool {
        matches!(self, Target::AtMost(_) | Target::Cost)
    }

    fn met(self, ratio: f64) -> Option<bool> {
        match self {
            Target::AtLeast(bound) => Some(ratio >= bound),
            Target::AtMost(bound) => Some(ratio <= bound),
            Target::Rate | Target::Cost => None,
        }
    }

    fn text(self) -> String {
        match self {
            Target::AtLeast(bound) => format!(">= {bound:.2}"),
            Target::AtMost(bound) => format!("<= {bound:.2}"),
            Target::Rate | Target::Cost => "-".into(),
        }
    }
}

/// One line of the table.
#[derive(Clone, Debug)]
pub struct Line {
    /// What was measured.
    pub what: String,
    /// Against whom.
    pub peer: String,
    /// Our figure, with its unit.
    pub ours: String,
    /// The other's.
    pub theirs: String,
    /// Ours over theirs, over the pairs.
    pub ratio: Spread,
    /// What it should be.
    pub target: Target,
}

impl Line {
    fn cells(&self) -> [String; 7] {
        let noisy = self.ratio.high - self.ratio.low > NOISY;
        let verdict = match (self.target.met(self.ratio.median), noisy) {
            (Some(true), false) => "met",
            (Some(false), false) => "MISSED",
            (Some(true), true) => "met, in noise",
            (Some(false), true) => "missed, in noise",
            (None, _) => "",
        };
        [
            self.what.clone(),
            self.peer.clone(),
            self.ours.clone(),
            self.theirs.clone(),
            format!("{:.3} ({:.3} to {:.3})", self.ratio.median, self.ratio.low, self.ratio.high),
            self.target.text(),
            verdict.into(),
        ]
    }
}

/// Quartiles further apart than this decide nothing. Merely chosen.
const NOISY: f64 = 0.15;

/// The heads of the columns.
const HEADS: [&str; 7] = ["what", "peer", "ours", "theirs", "ratio (quartiles)", "target", ""];

/// The table as text.
#[must_use]
pub fn text(lines: &[Line]) -> String {
    let mut rows = vec![HEADS.map(String::from)];
    rows.extend(lines.iter().map(Line::cells));
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let widths: [usize; 7] = std::array::from_fn(width);
    let mut out = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        let _ = writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    out
}

/// The table as Markdown.
#[must_use]
pub fn markdown(lines: &[Line]) -> String {
    let mut out = format!("| {} |\n|{}\n", HEADS.join(" | "), "---|".repeat(HEADS.len()));
    for line in lines {
        let _ = writeln!(out, "| {} |", line.cells().join(" | "));
    }
    out
}

/// A rate with a prefix: `12.3 k/s`.
#[must_use]
pub fn rate(per_second: f64, unit: &str) -> String {
    for (size, prefix) in [(1e9, "G"), (1e6, "M"), (1e3, "k")] {
        if per_second >= size {
            return format!("{:.2} {prefix}{unit}/s", per_second / size);
        }
    }
    format!("{per_second:.0} {unit}/s")
}

/// A cost in nanoseconds.
#[must_use]
pub fn cost(seconds: f64) -> String {
    format!("{:.0} ns", seconds * 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_says_whether_its_target_is_met() {
        let ratio = Spread { low: 0.9, median: 0.97, high: 1.0 };
        let mut line = Line {
            what: "bulk".into(),
            peer: "std::net".into(),
            ours: rate(1.5e9, "B"),
            theirs: cost(2.5e-7),
            ratio,
            target: Target::AtLeast(0.98),
        };
        assert!(text(std::slice::from_ref(&line)).contains("MISSED"));
        line.ratio.high = 1.1;
        assert!(text(std::slice::from_ref(&line)).contains("missed, in noise"));
        line.ratio.high = 1.0;
        line.target = Target::AtMost(1.1);
        let markdown = markdown(&[line]);
        let expected =
            "| bulk | std::net | 1.50 GB/s | 250 ns | 0.970 (0.900 to 1.000) | <= 1.10 | met |";
        assert_eq!(markdown.lines().last(), Some(expected));
    }
}
