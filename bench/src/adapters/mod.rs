//! The adapters of the community's traits beside the native calls: checked.
//!
//! On the std and smoltcp backends the instructions of an operation are counted, on the
//! modem the virtual time of a transfer. Each adapter must do no worse than [`LEAST`] of the
//! native call of its kind: the async ones of the async view, `embedded_nal` of a
//! non-blocking socket.

mod modem;
mod moves;
pub mod ops;

use std::io;

use crate::counts::{Side, instructions};

/// The least that an adapter may reach of the native call.
pub const LEAST: f64 = 0.97;

/// Measures and says each; how many are below.
///
/// # Errors
/// callgrind is missing, or a transfer went wrong.
pub fn run(say: &mut dyn FnMut(&str)) -> io::Result<usize> {
    let mut failures = 0;
    let mut judge = |name: &str, native: f64, adapter: f64, unit: &str| {
        let ratio = native / adapter;
        let below = ratio < LEAST;
        failures += usize::from(below);
        let verdict = if below { "   BELOW" } else { "" };
        say(&format!("{ratio:6.4}  {name:32} {native:10.1} {adapter:10.1} {unit}{verdict}"));
    };
    for op in &ops::OPS {
        let native = instructions(op.name, Side::Peer)?;
        judge(op.name, native, instructions(op.name, Side::Ours)?, "instructions");
    }
    for line in modem::LINES {
        let native = modem::measure(line, false).map_err(io::Error::other)?;
        let adapter = modem::measure(line, true).map_err(io::Error::other)?;
        judge(line.name, native, adapter, "ms");
    }
    Ok(failures)
}
