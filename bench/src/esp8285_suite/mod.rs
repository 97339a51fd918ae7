//! The ESP8285 behind its UART, in virtual time: exact, and the same on every machine.

pub mod ceiling;
pub mod conditions;
pub mod driver;
pub mod instructions;
pub mod jobs;
pub mod peer;
pub mod recorded;
pub mod report;
pub mod rig;

use std::fmt::Write;

/// The ceilings alone, as a table.
#[must_use]
pub fn ceilings() -> String {
    let mut text = String::new();
    for line in jobs::lines() {
        let best = match line.best() {
            Some(jobs::Best::Efficiency(efficiency)) => format!("{efficiency:.4}"),
            Some(jobs::Best::RoundTrip(seconds)) => format!("{:.3} ms", seconds * 1e3),
            None => continue,
        };
        let _ = writeln!(text, "{best:>10}  {}", line.name());
    }
    text
}
