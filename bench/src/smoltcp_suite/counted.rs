//! Instructions of our end over those of a hand-written loop on bare smoltcp: checked, since
//! counts are exact.

use std::io;

use super::ops::{BLOCK, FAR, MSS};
use crate::counts::{Side, instructions_but};

/// What a line counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    /// One byte of payload.
    Byte,
    /// One full segment.
    Segment,
    /// One connection, from the socket to its close.
    Connection,
}

/// A line: what, which operation, what of it, and the most that ours may cost of theirs.
type Line = (&'static str, &'static str, Unit, Option<Bound>);

/// What it may be, and what it should be. Where these differ the readme says what for.
#[derive(Clone, Copy)]
struct Bound {
    most: f64,
    wanted: f64,
}

/// What CI judges.
const JUDGED: [Line; 6] = [
    ("send, pieces of 16384", "smoltcp-send-16384", Unit::Byte, bound(BULK, BULK)),
    ("receive, pieces of 16384", "smoltcp-recv-16384", Unit::Byte, bound(BULK, BULK)),
    ("send beside a closing connection", "smoltcp-send-closing", Unit::Byte, bound(BULK, BULK)),
    ("receive beside a closing connection", "smoltcp-recv-closing", Unit::Byte, bound(BULK, BULK)),
    ("connect, see the end, close", "smoltcp-connect", Unit::Connection, bound(1.65, SET_UP)),
    ("accept, see the end, close", "smoltcp-accept", Unit::Connection, bound(1.45, SET_UP)),
];

/// What is only printed.
const REPORTED: [Line; 18] = [
    ("send, pieces of 8192", "smoltcp-send-8192", Unit::Byte, None),
    ("receive, pieces of 8192", "smoltcp-recv-8192", Unit::Byte, None),
    ("send, pieces of 1460", "smoltcp-send-1460", Unit::Byte, None),
    ("receive, pieces of 1460", "smoltcp-recv-1460", Unit::Byte, None),
    ("send, pieces of 64", "smoltcp-send-64", Unit::Byte, None),
    ("receive, pieces of 64", "smoltcp-recv-64", Unit::Byte, None),
    ("send, pieces of 16384, with a timeout", "smoltcp-send-timeout", Unit::Byte, None),
    ("receive, pieces of 16384, with a timeout", "smoltcp-recv-timeout", Unit::Byte, None),
    ("send beside 1 idle connection", "smoltcp-send-idle-1", Unit::Segment, None),
    ("send beside 8 idle connections", "smoltcp-send-idle-8", Unit::Segment, None),
    ("send beside 64 idle connections", "smoltcp-send-idle-64", Unit::Segment, None),
    ("send beside 256 idle connections", "smoltcp-send-idle-256", Unit::Segment, None),
    ("receive beside 1 idle connection", "smoltcp-recv-idle-1", Unit::Segment, None),
    ("receive beside 8 idle connections", "smoltcp-recv-idle-8", Unit::Segment, None),
    ("receive beside 64 idle connections", "smoltcp-recv-idle-64", Unit::Segment, None),
    ("receive beside 256 idle connections", "smoltcp-recv-idle-256", Unit::Segment, None),
    ("send beside 256 idle listeners", "smoltcp-send-listeners-256", Unit::Segment, None),
    ("receive beside 256 idle listeners", "smoltcp-recv-listeners-256", Unit::Segment, None),
];

/// Wanted in bulk.
const BULK: f64 = 1.05;

/// Wanted for a connection.
const SET_UP: f64 = 1.0 / 0.95;

#[expect(clippy::unnecessary_wraps, reason = "lines without one are beside it")]
const fn bound(most: f64, wanted: f64) -> Option<Bound> {
    Some(Bound { most, wanted })
}

/// Counts and says each; how many are over their bound. `all` counts also what is not judged.
///
/// # Errors
/// callgrind is missing, or does not tell our end from the far one.
pub fn run(all: bool, say: &mut dyn FnMut(&str)) -> io::Result<usize> {
    let count = |op: &str, side| instructions_but(op, side, Some(FAR));
    let (_, op, ..) = JUDGED[0];
    if instructions_but(op, Side::Peer, Some("nothing"))? < 1.5 * count(op, Side::Peer)? {
        return Err(io::Error::other("the far end is counted, too"));
    }
    say("instructions of one end, beside a hand-written loop on bare smoltcp:");
    say("      ours      bare  ratio  of one");
    let reported = if all { &REPORTED[..] } else { &[] };
    let mut failures = 0;
    for &(what, op, unit, bound) in JUDGED.iter().chain(reported) {
        let (ours, bare) = (count(op, Side::Ours)?, count(op, Side::Peer)?);
        let (of, name) = match unit {
            Unit::Byte => (BLOCK as f64, "byte"),
            Unit::Segment => (BLOCK as f64 / MSS as f64, "segment"),
            Unit::Connection => (1.0, "connection"),
        };
        let over = bound.is_some_and(|bound| ours > bound.most * bare);
        failures += usize::from(over);
        let digits = if unit == Unit::Byte { 3 } else { 0 };
        say(&format!(
            "{:10.digits$}{:10.digits$}{:7.3}  {name:10}  {what}{}{}",
            ours / of,
            bare / of,
            ours / bare,
            bound.map_or(String::new(), |Bound { most, wanted }| {
                format!(" (<= {most:.3}, wanted {wanted:.2})")
            }),
            if over { "   OVER" } else { "" },
        ));
    }
    Ok(failures)
}
