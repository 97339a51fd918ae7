//! Exact counts of an operation: the difference between a run with N of them
//! and one with 2N, divided by N. Start and end of the program cancel out.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::{Command, Stdio};
use std::{env, fs, io, process};

/// How many operations the shorter run does. Merely chosen: the counts are exact,
/// and twice as many fit into the buffers of a socket.
pub const RUN: usize = 40;

/// Which side does the operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// usocket.
    Ours,
    /// `std::net`, or the system's epoll.
    Peer,
}

impl Side {
    /// As it is written in a command.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Side::Ours => "ours",
            Side::Peer => "peer",
        }
    }
}

/// System calls of one operation, by name.
pub type Calls = BTreeMap<String, f64>;

/// Counts the system calls of an operation with strace.
///
/// # Errors
/// strace is missing or not allowed, or the operation failed.
pub fn system_calls(op: &str, side: Side) -> io::Result<Calls> {
    let once = strace(op, side, RUN)?;
    let twice = strace(op, side, 2 * RUN)?;
    let mut calls = Calls::new();
    for name in once.keys().chain(twice.keys()) {
        let count = |run: &BTreeMap<String, u32>| f64::from(run.get(name).copied().unwrap_or(0));
        let difference = count(&twice) - count(&once);
        // What the allocator and the tables of a growing program need now and
        // then is not of the operation; what it does every time is.
        if difference != 0.0 && !OCCASIONAL.contains(&name.as_str()) {
            calls.insert(name.clone(), difference / RUN as f64);
        }
    }
    Ok(calls)
}

/// Counts the user-space instructions of one operation with callgrind.
///
/// # Errors
/// valgrind is missing, or the operation failed.
pub fn instructions(op: &str, side: Side) -> io::Result<f64> {
    instructions_but(op, side, None)
}

/// The same, without what the function with this name (a pattern) does and calls. Copies are
/// then made without string instructions, which count as one instruction for each byte.
///
/// # Errors
/// valgrind is missing, or the operation failed.
pub fn instructions_but(op: &str, side: Side, but: Option<&str>) -> io::Result<f64> {
    let (once, twice) = (callgrind(op, side, RUN, but)?, callgrind(op, side, 2 * RUN, but)?);
    Ok((twice - once) / RUN as f64)
}

fn strace(op: &str, side: Side, count: usize) -> io::Result<BTreeMap<String, u32>> {
    let log = env::temp_dir().join(format!("usocket-bench-{}.strace", process::id()));
    let tool = ["-f", "-qq", "-o"].map(OsStr::new);
    let result = traced("strace", None, tool.into_iter().chain([log.as_os_str()]), op, side, count)
        .and_then(|_| fs::read_to_string(&log));
    let _ = fs::remove_file(&log);
    Ok(count_calls(&result?))
}

/// The calls of a log whose lines are `PID name(...) = result`. A call that is
/// resumed was counted when it began.
fn count_calls(log: &str) -> BTreeMap<String, u32> {
    let mut calls = BTreeMap::new();
    for line in log.lines() {
        let call = line.split_whitespace().nth(1).unwrap_or_default();
        if let Some((name, _)) = call.split_once('(')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        {
            *calls.entry(name.to_owned()).or_default() += 1;
        }
    }
    calls
}

fn callgrind(op: &str, side: Side, count: usize, but: Option<&str>) -> io::Result<f64> {
    let tool = ["--tool=callgrind", "--callgrind-out-file=/dev/null"].map(OsStr::new);
    // Switched off where it begins, on again where it ends.
    let toggle = but.map(|name| OsString::from(format!("--toggle-collect={name}")));
    let start = but.map(|_| OsStr::new("--collect-atstart=yes"));
    let tool = tool.into_iter().chain(toggle.as_deref()).chain(start);
    let said = traced("valgrind", but.map(|_| NO_STRINGS), tool, op, side, count)?;
    let collected = said.lines().find_map(|line| line.split_once("Collected : "));
    let number = collected.and_then(|(_, number)| number.trim().parse().ok());
    number.ok_or_else(|| io::Error::other("callgrind said nothing"))
}

/// Runs an operation of this program under a tool; returns what was written to
/// standard error.
fn traced<'a>(
    tool: &str,
    variable: Option<(&str, &str)>,
    arguments: impl Iterator<Item = &'a OsStr>,
    op: &str,
    side: Side,
    count: usize,
) -> io::Result<String> {
    let program = env::current_exe()?;
    let output = Command::new(tool)
        .envs(variable)
        .args(arguments)
        .arg(Path::new(&program))
        .args(["op", side.name(), op, &count.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if output.status.success() {
        Ok(said)
    } else {
        Err(io::Error::other(format!("{tool}: {}", said.trim())))
    }
}

/// Keeps glibc from copying and clearing with string instructions.
const NO_STRINGS: (&str, &str) = (
    "GLIBC_TUNABLES",
    "glibc.cpu.x86_rep_movsb_threshold=1000000000:glibc.cpu.x86_rep_stosb_threshold=1000000000",
);

/// Calls of the allocator and of a program's start and end.
const OCCASIONAL: [&str; 5] = ["brk", "mmap", "munmap", "mremap", "madvise"];

#[cfg(test)]
mod tests {
    use super::count_calls;

    #[test]
    fn calls_are_counted_once_each() {
        let log = "12 recvfrom(3, \"a\", 1, 0, NULL, NULL) = 1\n\
                   13 epoll_pwait(4,  <unfinished ...>\n\
                   12 recvfrom(3, \"b\", 1, 0, NULL, NULL) = 1\n\
                   13 <... epoll_pwait resumed>[], 1, -1, NULL, 8) = 0\n\
                   12 +++ exited with 0 +++\n";
        let calls: Vec<_> = count_calls(log).into_iter().collect();
        assert_eq!(calls, [("epoll_pwait".into(), 1), ("recvfrom".into(), 2)]);
    }
}
