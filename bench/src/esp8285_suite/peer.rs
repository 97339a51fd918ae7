//! The jobs of the lines, done by the crate `esp-at-nal` against the same simulator.
//!
//! It has a workspace of its own, as it pins what it depends on, so it is run as a program
//! that answers each line of its input by one: `VALUE COOLDOWN DEFAULT`, or `- REASON`.

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
    /// Efficiency, or the seconds of a round trip.
    Did {
        /// With the smallest cooldown that it works with.
        best: f64,
        /// That cooldown, in milliseconds.
        cooldown: f64,
        /// With the crate's own cooldown of 20 ms.
        default: f64,
    },
}

/// Lets it do the jobs of all these lines.
///
/// # Errors
/// It could not be run, or does not answer as agreed.
pub fn measure(lines: &[Line]) -> io::Result<Vec<Answer>> {
    let asked: Vec<Option<String>> = lines.iter().map(words).collect();
    let mut input = String::new();
    for words in asked.iter().flatten() {
        input.push_str(words);
        input.push('\n');
    }
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../esp8285-sim/peers/Cargo.toml");
    let mut child = Command::new("cargo")
        .args(["run", "--quiet", "--locked", "--release", "--manifest-path", manifest])
        .args(["--bin", "jobs"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    // All of it fits into the pipe or is read as it comes: the program answers at its end.
    child.stdin.take().ok_or_else(|| io::Error::other("no input"))?.write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("esp-at-nal: {}", output.status)));
    }
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let mut answers = said.lines();
    asked
        .iter()
        .map(|asked| match asked {
            None => Ok(Answer::Unable),
            Some(_) => {
                let line = answers.next().and_then(parse);
                line.ok_or_else(|| io::Error::other("esp-at-nal does not answer as agreed"))
            }
        })
        .collect()
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
    Some(Answer::Did { best: next()?, cooldown: next()?, default: next()? })
}

#[cfg(test)]
mod tests {
    use super::{Answer, parse};

    #[test]
    fn answers_are_understood() {
        let did = Answer::Did { best: 0.5, cooldown: 2.5, default: 0.25 };
        assert_eq!(parse("0.5 2.5 0.25"), Some(did));
        assert_eq!(parse("- not done in time"), Some(Answer::Failed("not done in time".into())));
        assert_eq!((parse("0.5 x 1"), parse("0.5 1"), parse("")), (None, None, None));
    }
}
