//! A readable record of both directions.

use std::io::Write;
use std::time::Duration;

use esp8285_sim::{Event, Instant};

/// Which way bytes went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToModem,
    ToHost,
}

/// Writes lines such as `   1.234567 -> AT+GMR\r\n` to the standard error.
#[derive(Debug)]
pub(crate) struct Trace {
    on: bool,
    began: Instant,
    /// When the last byte of the line passed.
    last: Instant,
    direction: Direction,
    line: Vec<u8>,
}

impl Trace {
    pub(crate) fn new(on: bool) -> Self {
        Self {
            on,
            began: Instant::ZERO,
            last: Instant::ZERO,
            direction: Direction::ToHost,
            line: Vec::new(),
        }
    }

    /// Bytes passed; a line of the trace ends with a line of theirs.
    pub(crate) fn bytes(&mut self, now: Instant, direction: Direction, bytes: &[u8]) {
        for byte in bytes {
            if direction != self.direction || self.line.len() >= WIDTH {
                self.show();
            }
            self.last = now;
            if self.line.is_empty() {
                (self.began, self.direction) = (now, direction);
            }
            self.line.push(*byte);
            if *byte == b'\n' && self.line.len() > 2 {
                self.show();
            }
        }
    }

    /// Something happened inside the modem.
    pub(crate) fn event(&mut self, now: Instant, event: &Event) {
        self.show();
        self.put(now, "**", &event.to_string());
    }

    /// Nothing has come just now: shows what there is of a line, if that lasts.
    pub(crate) fn quiet(&mut self, now: Instant) {
        if now.since(self.last) >= PAUSE {
            self.show();
        }
    }

    /// Shows what there is of a line.
    fn show(&mut self) {
        if !self.line.is_empty() {
            let text: String = self.line.iter().map(|byte| readable(*byte)).collect();
            let arrow = if self.direction == Direction::ToModem { "->" } else { "<-" };
            self.put(self.began, arrow, &text);
            self.line.clear();
        }
    }

    fn put(&self, at: Instant, mark: &str, text: &str) {
        if self.on {
            let micros = at.as_nanos() / 1000;
            let (seconds, micros) = (micros / 1_000_000, micros % 1_000_000);
            // A trace that nobody can read is no reason to stop.
            let _ = writeln!(std::io::stderr(), "{seconds:5}.{micros:06} {mark} {text}");
        }
    }
}

/// Control bytes and all beyond ASCII as escapes.
fn readable(byte: u8) -> String {
    if byte == b'"' { "\"".to_owned() } else { byte.escape_ascii().to_string() }
}

/// Merely chosen: silence after which a line is shown although it has not ended.
const PAUSE: Duration = Duration::from_millis(20);

/// Most bytes of one line of the trace.
const WIDTH: usize = 64;
