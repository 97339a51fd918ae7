//! How far a transfer is, on standard error; and lines on standard output.

use std::fmt;
use std::io::{self, IsTerminal, Write};

use usocket_example_apps::{Journal, Progress};

use crate::out;

/// A progress bar. On a terminal it stays on its line; elsewhere, in a log, there is
/// a line for each quarter.
#[derive(Debug)]
pub struct Bar {
    moves: bool,
    shown: Option<u64>,
}

impl Default for Bar {
    fn default() -> Self {
        Self::new()
    }
}

impl Bar {
    /// A bar that was not shown yet.
    #[must_use]
    pub fn new() -> Self {
        Self { moves: io::stderr().is_terminal(), shown: None }
    }

    /// Whether this is worth showing, after what was shown last.
    fn is_news(&mut self, done: u64, total: Option<u64>) -> bool {
        let step = match (total, self.moves) {
            (Some(total), true) => total.div_ceil(100),
            (Some(total), false) => total.div_ceil(4),
            (None, true) => 16 << 10,
            (None, false) => 256 << 10,
        };
        let step = done / step.max(1);
        let news = self.shown != Some(step);
        self.shown = Some(step);
        news || total == Some(done)
    }
}

impl Progress for Bar {
    fn progress(&mut self, done: u64, total: Option<u64>) {
        if !self.is_news(done, total) {
            return;
        }
        let (begin, end) = if self.moves { ("\r", "") } else { ("", "\n") };
        let _ = write!(io::stderr(), "{begin}{}{end}", line(done, total));
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        if self.moves && self.shown.is_some() {
            let _ = writeln!(io::stderr());
        }
    }
}

fn line(done: u64, total: Option<u64>) -> String {
    const WIDTH: usize = 32;
    let Some(total) = total else { return format!("{done} bytes") };
    let percent = done.min(total) * 100 / total.max(1);
    let filled = usize::try_from(percent).unwrap_or(100) * WIDTH / 100;
    let bar = "#".repeat(filled) + &"-".repeat(WIDTH - filled);
    format!("[{bar}] {percent:3} %  {done} of {total} bytes")
}

/// A journal on standard output.
#[derive(Clone, Copy, Debug, Default)]
pub struct Printer;

impl Journal for Printer {
    fn line(&mut self, text: fmt::Arguments<'_>) {
        out(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_gets_a_line_per_quarter() {
        let mut bar = Bar { moves: false, shown: None };
        let shown: Vec<u64> = (0..=100).filter(|&done| bar.is_news(done, Some(100))).collect();
        assert_eq!(shown, [0, 25, 50, 75, 100]);
        assert!(bar.is_news(0, Some(0)));
    }

    #[test]
    fn texts() {
        assert_eq!(line(5, None), "5 bytes");
        assert!(line(50, Some(100)).ends_with("]  50 %  50 of 100 bytes"));
        assert!(line(0, Some(0)).contains("] 0") || line(0, Some(0)).contains("]   0 %"));
    }
}
