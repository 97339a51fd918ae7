//! The lines of the suite.

use super::ceiling;
use super::conditions::{Conditions, Firmware, Latencies, Receiving, Sending};

/// What a line measures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Job {
    /// Bytes from the peer.
    Receive(Receiving),
    /// Bytes to the peer.
    Send(Sending),
    /// 32 bytes to the peer and back.
    Echo(Receiving, Sending),
}

/// One line: a job under conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// What.
    pub job: Job,
    /// Under which conditions.
    pub on: Conditions,
    /// Whether it is one of those that are judged, with the fixed latencies and 4 KiB rings.
    pub judged: bool,
    /// How the conditions differ from those.
    pub aside: &'static str,
}

/// The best that a line can show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Best {
    /// Payload efficiency.
    Efficiency(f64),
    /// A round trip, in seconds.
    RoundTrip(f64),
}

impl Line {
    /// Its ceiling.
    #[must_use]
    pub fn best(&self) -> Option<Best> {
        match self.job {
            Job::Receive(how) => Some(Best::Efficiency(ceiling::receive(&self.on, how))),
            Job::Send(how) => ceiling::send(&self.on, how).map(Best::Efficiency),
            Job::Echo(receiving, sending) => {
                let time = ceiling::echo(&self.on, receiving, sending, ECHO)?;
                Some(Best::RoundTrip(time.as_secs_f64()))
            }
        }
    }

    /// As it stands in the table.
    #[must_use]
    pub fn name(&self) -> String {
        let job = match self.job {
            Job::Receive(how) => format!("receive, {}", receiving(how)),
            Job::Send(how) => format!("send, {}", sending(how)),
            Job::Echo(back, there) => {
                format!("echo of {ECHO}, {}, {}", sending(there), receiving(back))
            }
        };
        let firmware = match self.on.firmware {
            Firmware::V1_7_6 => "1.7.6",
            Firmware::V2_2 => "2.2",
        };
        let sockets = if self.on.sockets == 1 { "1 socket" } else { "5 sockets" };
        let aside = if self.aside.is_empty() { String::new() } else { format!(", {}", self.aside) };
        format!("{firmware}, {job}, {sockets}, {} baud{aside}", self.on.baud)
    }
}

/// Every line, those that are judged first.
#[must_use]
pub fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    for (aside, change) in VARIATIONS {
        for firmware in [Firmware::V1_7_6, Firmware::V2_2] {
            for job in JOBS {
                for sockets in [1, 5] {
                    for baud in Conditions::RATES {
                        let on = change(Conditions { sockets, ..Conditions::new(firmware, baud) });
                        let line = Line { job, on, judged: aside.is_empty(), aside };
                        let alone = matches!(job, Job::Echo(..)) && sockets > 1;
                        if line.best().is_some() && !alone {
                            lines.push(line);
                        }
                    }
                }
            }
        }
    }
    lines
}

/// Bytes of an echo.
pub const ECHO: usize = 32;

const JOBS: [Job; 7] = [
    Job::Receive(Receiving::Passive),
    Job::Receive(Receiving::Active),
    Job::Send(Sending::Plain),
    Job::Send(Sending::Pipelined),
    Job::Echo(Receiving::Passive, Sending::Plain),
    Job::Echo(Receiving::Active, Sending::Plain),
    Job::Echo(Receiving::Passive, Sending::Pipelined),
];

type Change = fn(Conditions) -> Conditions;

/// The judged conditions, and the others.
const VARIATIONS: [(&str, Change); 5] = [
    ("", |on| on),
    ("latencies x 0.5", |on| Conditions { latencies: Latencies::FIXED.halved(), ..on }),
    ("latencies x 2", |on| Conditions { latencies: Latencies::FIXED.doubled(), ..on }),
    ("rings of 2 KiB", |on| Conditions { ring: 2048, ..on }),
    ("rings of 1 KiB", |on| Conditions { ring: 1024, ..on }),
];

fn receiving(how: Receiving) -> &'static str {
    match how {
        Receiving::Passive => "passive",
        Receiving::Active => "active",
    }
}

fn sending(how: Sending) -> &'static str {
    match how {
        Sending::Plain => "CIPSEND",
        Sending::Pipelined => "CIPSENDBUF",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Best, lines};

    #[test]
    fn each_line_has_a_name_and_a_ceiling_below_one() {
        let lines = lines();
        let names: HashSet<String> = lines.iter().map(super::Line::name).collect();
        assert_eq!(names.len(), lines.len());
        for line in lines {
            match line.best().unwrap() {
                Best::Efficiency(efficiency) => assert!((0.2..1.0).contains(&efficiency)),
                Best::RoundTrip(seconds) => assert!((0.005..0.1).contains(&seconds)),
            }
        }
    }
}
