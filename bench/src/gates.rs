//! What an operation may cost: checked, since counts are exact.

use std::fmt::Write;
use std::io;

use crate::counts::{Calls, Side, instructions, system_calls};
use crate::std_suite::ops::OPS;

/// The outcome of a check.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// A table.
    pub text: String,
    /// How many gates failed.
    pub failures: usize,
}

/// What one operation costs.
struct Gate {
    op: &'static str,
    /// System calls, all of them.
    calls: &'static [(&'static str, f64)],
    /// User-space instructions more than the peer's.
    instructions: Option<f64>,
}

/// The gates. In `accept` and `connect` the sockets made are closed as well. The
/// bounds on instructions are what was measured and a tenth: compilers differ.
const GATES: [Gate; 14] = [
    gate("send", &[("sendto", 1.0)], Some(165.0)),
    gate("recv", &[("recvfrom", 1.0)], Some(130.0)),
    gate("recv-timeout", &[("recvfrom", 1.0)], None),
    // Found nothing; waited; looked once more.
    gate("recv-timeout-expires", &[("ppoll", 1.0), ("recvfrom", 2.0)], None),
    gate("recv-nonblocking", &[("recvfrom", 1.0)], Some(215.0)),
    gate("send-nonblocking", &[("sendto", 1.0)], Some(225.0)),
    gate("accept", &[("accept4", 1.0), ("close", 1.0)], None),
    gate("connect", &[("close", 1.0), ("connect", 1.0), ("socket", 1.0)], None),
    // As many as std::net: non-blocking and back, and one look at the outcome.
    gate(
        "connect-timeout",
        &[("close", 1.0), ("connect", 1.0), ("ioctl", 2.0), ("ppoll", 1.0), ("socket", 1.0)],
        None,
    ),
    gate("sendto", &[("sendto", 1.0)], Some(290.0)),
    gate("recvfrom", &[("recvfrom", 1.0)], Some(240.0)),
    gate("poll-10", &[("epoll_pwait", 1.0)], Some(1100.0)),
    gate("poll-1000", &[("epoll_pwait", 1.0)], Some(1250.0)),
    gate("poll-timeout", &[("epoll_pwait", 1.0)], None),
];

const fn gate(
    op: &'static str,
    calls: &'static [(&'static str, f64)],
    instructions: Option<f64>,
) -> Gate {
    Gate { op, calls, instructions }
}

/// Counts the system calls of every operation.
///
/// # Errors
/// An operation could not be counted.
pub fn check_system_calls() -> io::Result<Report> {
    let mut report = Report::default();
    report.line(&["operation", "ours", "peer", ""]);
    for op in &OPS {
        let ours = system_calls(op.name, Side::Ours)?;
        let peer = match op.peer {
            Some(_) => show(&system_calls(op.name, Side::Peer)?),
            None => "-".into(),
        };
        let gate = GATES.iter().find(|gate| gate.op == op.name);
        let verdict = match gate {
            Some(gate) if gate.holds(&ours) => "as stated",
            Some(_) => {
                report.failures += 1;
                "NOT AS STATED"
            }
            None => "",
        };
        report.line(&[op.name, &show(&ours), &peer, verdict]);
    }
    Ok(report)
}

/// Counts the instructions of every operation with a bound.
///
/// # Errors
/// An operation could not be counted.
pub fn check_instructions() -> io::Result<Report> {
    let mut report = Report::default();
    report.line(&["operation", "ours - peer", "bound", ""]);
    for gate in &GATES {
        let Some(bound) = gate.instructions else { continue };
        let ours = instructions(gate.op, Side::Ours)?;
        let peer = instructions(gate.op, Side::Peer)?;
        let within = ours - peer <= bound;
        report.failures += usize::from(!within);
        let verdict = if within { "within" } else { "OVER" };
        let figures = format!("{ours:.1} - {peer:.1} = {:.1}", ours - peer);
        report.line(&[gate.op, &figures, &format!("<= {bound}"), verdict]);
    }
    Ok(report)
}

impl Report {
    fn line(&mut self, cells: &[&str; 4]) {
        let [op, ours, peer, verdict] = cells;
        let _ = writeln!(self.text, "{op:20} {ours:56} {peer:56} {verdict}");
    }
}

impl Gate {
    /// Exactly these calls; where time itself is waited for, a wait may now and
    /// then end a moment early and be repeated.
    fn holds(&self, calls: &Calls) -> bool {
        let slack = if TIMED.contains(&self.op) { 0.2 } else { 0.0 };
        calls.len() == self.calls.len()
            && self.calls.iter().all(|(name, wanted)| {
                calls.get(*name).is_some_and(|count| (count - wanted).abs() <= slack)
            })
    }
}

/// Operations that wait for time to pass.
const TIMED: [&str; 2] = ["recv-timeout-expires", "poll-timeout"];

fn show(calls: &Calls) -> String {
    let parts: Vec<String> = calls.iter().map(|(name, count)| format!("{name} {count}")).collect();
    if parts.is_empty() { "none".into() } else { parts.join(", ") }
}
