//! The jobs of the lines, done by the crate `esp-at-nal` against the same simulator.
//!
//! It has a workspace of its own, as it pins what it depends on, so it is run as a program
//! that answers each line of its input by one: three values, or `- REASON`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::process::{Command, Stdio};

use super::conditions::{Firmware, Receiving, Sending};
use super::jobs::{Job, Line};

/// What it has reached.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It cannot do this job.
    Unable,
    /// It has failed.
    Failed(String),
    /// It has done it.
    Did(Did),
}

/// Efficiencies, or the seconds of a round trip, with three cooldowns.
///
/// It does not look for the prompt of a send: it sends the data when its cooldown is over,
/// which begins with the end of the command. Data that come too early are lost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Did {
    /// The crate's own 20 ms.
    pub default: f64,
    /// Twice the latency of the prompt. With the fixed latencies that is 8 ms, up to which
    /// prompts have been seen (sheet section 8).
    pub careful: f64,
    /// Exactly the latency of the prompt, which only we know.
    pub exact: f64,
}

/// Lets it do the jobs of all these lines.
///
/// # Errors
/// It could not be run, or does not answer as agreed.
pub fn measure(lines: &[Line]) -> io::Result<Vec<Answer>> {
    // Some lines differ only in what it does not have.
    let asked: BTreeSet<String> = lines.iter().filter_map(words).collect();
    let said = ask(&asked)?;
    let answers: Option<Vec<Answer>> = said.lines().map(parse).collect();
    let answers = answers.filter(|answers| answers.len() == asked.len());
    let odd = || io::Error::other(format!("esp-at-nal does not answer as agreed:\n{said}"));
    let known: BTreeMap<String, Answer> = asked.into_iter().zip(answers.ok_or_else(odd)?).collect();
    let answer = |line| words(line).and_then(|words| known.get(&words).cloned());
    Ok(lines.iter().map(|line| answer(line).unwrap_or(Answer::Unable)).collect())
}

/// What the program says to these lines.
fn ask(lines: &BTreeSet<String>) -> io::Result<String> {
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../esp8285-sim/peers/Cargo.toml");
    let mut child = Command::new("cargo")
        .args(["run", "--quiet", "--locked", "--release", "--manifest-path", manifest])
        .args(["--bin", "jobs"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    // It reads all of it before it begins.
    if let Some(mut input) = child.stdin.take() {
        for line in lines {
            writeln!(input, "{line}")?;
        }
    }
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("esp-at-nal: {}", output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A job in words: what, firmware, rate, sockets, ring, and the latencies in microseconds.
fn words(line: &Line) -> Option<String> {
    let job = match line.job {
        // Passive receive is all it knows.
        Job::Receive(Receiving::Active) | Job::Echo(Receiving::Active, _) => return None,
        Job::Receive(Receiving::Passive) => "receive",
        // `CIPSEND` is all it knows; the job is the same.
        Job::Send(Sending::Plain | Sending::Pipelined) => "send",
        Job::Echo(Receiving::Passive, _) => "echo",
    };
    let firmware = match line.on.firmware {
        Firmware::V1_7_6 => "1.7.6",
        Firmware::V2_2 => "2.2",
    };
    let times = line.on.latencies;
    let times = [times.command, times.prompt, times.recv, times.queued, times.round_trip];
    let times: Vec<String> = times.iter().map(|time| time.as_micros().to_string()).collect();
    let on = line.on;
    let times = times.join(" ");
    Some(format!("{job} {firmware} {} {} {} {times}", on.baud, on.sockets, on.ring))
}

fn parse(line: &str) -> Option<Answer> {
    if let Some(reason) = line.strip_prefix("- ") {
        return Some(Answer::Failed(reason.into()));
    }
    let mut numbers = line.split(' ').map(|word| word.parse::<f64>().ok());
    let mut next = || numbers.next().flatten();
    Some(Answer::Did(Did { default: next()?, careful: next()?, exact: next()? }))
}

#[cfg(test)]
mod tests {
    use super::{Answer, Did, parse};

    #[test]
    fn answers_are_understood() {
        let did = Answer::Did(Did { default: 0.25, careful: 0.5, exact: 0.75 });
        assert_eq!(parse("0.25 0.5 0.75"), Some(did));
        assert_eq!(parse("- not done in time"), Some(Answer::Failed("not done in time".into())));
        assert_eq!((parse("0.5 x 1"), parse("0.5 1"), parse("")), (None, None, None));
    }
}
