//! Instructions of the host per received payload byte: checked, since counts are exact.

use std::io;

use super::recorded::BLOCK;
use crate::counts::{Side, instructions};

/// Most in bulk, and most with a drive for each byte.
const BULK: f64 = 20.0;
const BYTES: f64 = 60.0;

/// Counts and says each; how many are over their bound.
///
/// # Errors
/// callgrind is missing.
pub fn run(say: &mut dyn FnMut(&str)) -> io::Result<usize> {
    let count = |op| Ok::<_, io::Error>(instructions(op, Side::Ours)? / BLOCK as f64);
    let recording = count("modem-nothing")?;
    say("instructions per payload byte, passive receive in blocks of 2048, user's copy included:");
    let mut failures = 0;
    let mut judge = |what: &str, cost: f64, bound: Option<f64>| {
        let over = bound.is_some_and(|bound| cost > bound);
        failures += usize::from(over);
        let bound = bound.map_or(String::new(), |bound| format!(" (<= {bound})"));
        say(&format!("{cost:8.1}{bound:9}  {what}{}", if over { "   OVER" } else { "" }));
    };
    judge("bulk: the UART gives what it has", count("modem-bulk")?, Some(BULK));
    let bytes = count("modem-bytes")? - recording;
    judge("byte by byte, a drive for each", bytes, Some(BYTES));
    let waiting = count("modem-waiting")? - recording;
    judge("the same, and each wakes a program that waits in recv", waiting, None);
    judge("(what the recording costs byte by byte, not counted above)", recording, None);
    Ok(failures)
}
