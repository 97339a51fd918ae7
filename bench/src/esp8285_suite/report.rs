//! The table of all lines, and what is judged in it.

use std::io;

use super::conditions::Receiving;
use super::driver;
use super::jobs::{Best, Job, Line, lines};
use super::peer::{self, Answer};

/// Least share of its ceiling that a line of bulk data must reach.
const LEAST: f64 = 0.99;
/// Most that an echo may take of its minimum.
const MOST: f64 = 1.05;

/// Which lines, and beside whom.
#[derive(Clone, Copy, Debug, Default)]
pub struct Options<'a> {
    /// Without `esp-at-nal`.
    pub alone: bool,
    /// Only lines whose name contains this.
    pub only: &'a str,
    /// Only the lines that are judged.
    pub judged: bool,
}

/// Does the jobs of the lines and says each as soon as it is done; how many fail their gate.
///
/// # Errors
/// `esp-at-nal` could not be run.
pub fn run(options: Options<'_>, say: &mut dyn FnMut(&str)) -> io::Result<usize> {
    let chosen =
        |line: &Line| line.name().contains(options.only) && (line.judged || !options.judged);
    let lines: Vec<Line> = lines().into_iter().filter(chosen).collect();
    let theirs = if options.alone { Vec::new() } else { peer::measure(&lines)? };
    say(&format!("{HEAD}\n{}", "-".repeat(HEAD.len())));
    let mut failures = 0;
    for (at, line) in lines.iter().enumerate() {
        let row = Row { line, ours: driver::measure(line), theirs: theirs.get(at) };
        failures += row.failures().len();
        say(&row.text());
    }
    Ok(failures)
}

/// Of `esp-at-nal`: its own cooldown of 20 ms; twice the latency of the prompt; exactly that
/// latency, which is shown and not judged (see [`peer::Did`]).
const HEAD: &str = "ceiling    driver     ratio   nal 20 ms  2 prompts  1 prompt   line";

/// A line and what came of it.
struct Row<'a> {
    line: &'a Line,
    ours: Result<f64, String>,
    theirs: Option<&'a Answer>,
}

impl Row<'_> {
    /// Why the line fails.
    fn failures(&self) -> Vec<String> {
        if self.overflows() {
            return Vec::new();
        }
        let (Some(best), Ok(ours)) = (self.line.best(), &self.ours) else {
            return vec![self.ours.clone().err().unwrap_or_else(|| "no ceiling".into())];
        };
        let mut failures = Vec::new();
        let met = match best {
            Best::Efficiency(best) => ours / best >= LEAST,
            Best::RoundTrip(best) => ours / best <= MOST,
        };
        if self.line.judged && !met {
            failures.push("MISSED".to_owned());
        }
        if let Some(Answer::Did(did)) = self.theirs {
            let ahead = |theirs: f64| match best {
                Best::Efficiency(_) => *ours > theirs,
                Best::RoundTrip(_) => *ours < theirs,
            };
            if !ahead(did.default) || !ahead(did.careful) {
                failures.push("BEHIND".to_owned());
            }
        }
        failures
    }

    /// What is pushed in larger pieces than a ring holds ends the socket, as documented.
    fn overflows(&self) -> bool {
        let pushed = matches!(self.line.job, Job::Receive(Receiving::Active));
        let lost = self.ours.as_ref().is_err_and(|why| why.contains("EIO"));
        pushed && self.line.on.ring < 1460 && lost
    }

    fn text(&self) -> String {
        let best = self.line.best();
        let show = |value: f64| match best {
            Some(Best::RoundTrip(_)) => format!("{:.3} ms", value * 1e3),
            _ => format!("{value:.4}"),
        };
        let (ceiling, value) = match best {
            Some(Best::Efficiency(value) | Best::RoundTrip(value)) => (show(value), value),
            None => ("-".into(), f64::NAN),
        };
        let (ours, ratio) = match &self.ours {
            Ok(ours) => (show(*ours), format!("{:.4}", ours / value)),
            Err(_) => ("-".into(), "-".into()),
        };
        let theirs = match self.theirs {
            None | Some(Answer::Unable) => ["-"; 3].map(str::to_owned),
            Some(Answer::Failed(why)) => [why.clone(), "-".into(), "-".into()],
            Some(Answer::Did(did)) => [did.default, did.careful, did.exact].map(show),
        };
        let theirs = theirs.map(|cell| format!("{cell:9}")).join("  ");
        let verdict = match self.failures().join(", ") {
            _ if self.overflows() => "   overflow, as documented".into(),
            none if none.is_empty() => String::new(),
            some => format!("   {some}"),
        };
        let name = self.line.name();
        format!("{ceiling:9}  {ours:9}  {ratio:6}  {theirs}  {name}{verdict}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Row, lines};
    use crate::esp8285_suite::jobs::Best;
    use crate::esp8285_suite::peer::Did;

    /// A row whose driver does so many times its ceiling, and whose peer so many.
    fn verdicts(ours: f64, theirs: f64, echo: bool) -> Vec<String> {
        let lines = lines();
        let kind = |best| matches!(best, Some(Best::RoundTrip(_))) == echo;
        let line = lines.iter().find(|line| kind(line.best())).expect("such a line");
        let (Best::Efficiency(best) | Best::RoundTrip(best)) = line.best().expect("a ceiling");
        let default = if echo { best * 9.0 } else { best / 9.0 };
        let theirs = Answer::Did(Did { default, careful: best * theirs, exact: best });
        Row { line, ours: Ok(best * ours), theirs: Some(&theirs) }.failures()
    }

    #[test]
    fn lines_are_judged() {
        assert_eq!(verdicts(0.991, 0.5, false), [""; 0]);
        assert_eq!(verdicts(0.989, 0.5, false), ["MISSED"]);
        assert_eq!(verdicts(0.991, 0.992, false), ["BEHIND"]);
        assert_eq!(verdicts(1.049, 1.2, true), [""; 0]);
        assert_eq!(verdicts(1.051, 1.2, true), ["MISSED"]);
        assert_eq!(verdicts(1.01, 1.0, true), ["BEHIND"]);
    }
}
