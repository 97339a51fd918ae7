//! What is at the other end of a connection: a script, as a peer of the kit has it.

use core::time::Duration;

use heapless::Vec;
use usocket_conformance::{Digest, End, Report, State, Step, pattern};
use usocket_core::{Error, Instant};

/// Most steps of a script: enough for the sections that run here.
const STEPS: usize = 10;

/// A script and its connection.
#[derive(Debug)]
pub(crate) struct Script {
    steps: Vec<Step, STEPS>,
    at: usize,
    begun: Option<Instant>,
    /// Its connection is open, as far as it knows.
    pub(crate) open: bool,
    /// It has closed; the modem says so when everything has been read.
    pub(crate) closing: bool,
    /// What was sent and not read, oldest first.
    sent: Vec<Piece, 4>,
    /// Bytes of the pattern that were sent.
    offset: u64,
    /// Bytes that steps wanted so far.
    wanted: u64,
    pub(crate) report: Report,
}

/// Bytes on their way to the driver.
#[derive(Clone, Copy, Debug)]
enum Piece {
    /// Of the pattern: from, to.
    Pattern(u64, u64),
    Text(&'static [u8]),
}

impl Script {
    /// `None` if it is too long.
    pub(crate) fn new(steps: &[Step]) -> Option<Self> {
        Some(Self {
            steps: Vec::from_slice(steps).ok()?,
            at: 0,
            begun: None,
            open: false,
            closing: false,
            sent: Vec::new(),
            offset: 0,
            wanted: 0,
            report: Report {
                state: State::Running(0),
                received: 0,
                digest: Digest::new(),
                head: Vec::new(),
                sent: 0,
                datagrams: 0,
                end: End::Open,
                from: None,
            },
        })
    }

    /// Does all that it can do now.
    pub(crate) fn advance(&mut self, now: Instant) {
        while let State::Running(at) = self.report.state {
            let Some(&step) = self.steps.get(at) else {
                self.report.state = State::Done;
                // What a script holds is closed in order.
                self.closing |= self.open;
                return;
            };
            let begun = *self.begun.get_or_insert_with(|| {
                if let Step::Recv(len) = step {
                    self.wanted += u64::from(len);
                }
                now
            });
            match self.done(step, now.saturating_since(begun)) {
                Ok(false) => return,
                Ok(true) => {
                    self.begun = None;
                    self.at = at + 1;
                    self.report.state = State::Running(at + 1);
                }
                Err(error) => self.report.state = State::Failed(at, error),
            }
        }
    }

    /// Does a step, or as much as can be; whether it is done.
    fn done(&mut self, step: Step, past: Duration) -> Result<bool, Error> {
        let ended = self.report.end != End::Open;
        Ok(match step {
            Step::Listen(..) => true,
            Step::Accept => self.open,
            Step::Send(len) => {
                let end = self.offset + u64::from(len);
                self.sent.push(Piece::Pattern(self.offset, end)).map_err(|_| Error::ENOBUFS)?;
                self.offset = end;
                self.report.sent += u64::from(len);
                true
            }
            Step::Text(text) => {
                self.sent.push(Piece::Text(text)).map_err(|_| Error::ENOBUFS)?;
                self.report.sent += text.len() as u64;
                true
            }
            Step::Recv(_) => ended || self.report.received >= self.wanted,
            Step::RecvToEnd => ended,
            Step::Wait(ms) => past >= Duration::from_millis(ms.into()),
            Step::Fin | Step::Close | Step::Rst => {
                self.closing = true;
                true
            }
            Step::Hold => false,
            _ => return Err(Error::EOPNOTSUPP),
        })
    }

    /// When a script that does nothing goes on.
    pub(crate) fn due(&self) -> Option<Instant> {
        match (self.report.state, self.steps.get(self.at), self.begun) {
            (State::Running(_), Some(&Step::Wait(ms)), Some(begun)) => {
                Some(begun + Duration::from_millis(ms.into()))
            }
            _ => None,
        }
    }

    /// Whether there is nothing to wait for.
    pub(crate) fn is_settled(&self) -> bool {
        let running = matches!(self.report.state, State::Running(_));
        !running || self.steps.get(self.at) == Some(&Step::Hold)
    }

    /// Bytes that can be read.
    pub(crate) fn waiting(&self) -> usize {
        let len = |piece: &Piece| match *piece {
            Piece::Pattern(from, to) => usize::try_from(to - from).unwrap_or(usize::MAX),
            Piece::Text(text) => text.len(),
        };
        self.sent.iter().map(len).sum()
    }

    /// The next byte for the driver.
    pub(crate) fn next(&mut self) -> Option<u8> {
        loop {
            match self.sent.first_mut()? {
                Piece::Pattern(from, to) if *from < *to => {
                    *from += 1;
                    return Some(pattern(*from - 1));
                }
                Piece::Text(text) if !text.is_empty() => {
                    let byte = text[0];
                    *text = &text[1..];
                    return Some(byte);
                }
                _ => drop(self.sent.remove(0)),
            }
        }
    }

    /// A byte from the driver.
    pub(crate) fn hear(&mut self, byte: u8) {
        self.report.received += 1;
        self.report.digest.add(&[byte]);
        // The first ones only.
        let _ = self.report.head.push(byte);
    }
}
