//! What the program at the other end of a connection does.

use std::collections::VecDeque;
use std::time::Duration;

/// One thing that a scripted peer does; each waits for the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Step {
    /// Queues bytes.
    Send(Vec<u8>),
    /// Waits until so many more bytes have come.
    Expect(usize),
    /// Waits until what has come since the last wait contains these bytes.
    Until(Vec<u8>),
    /// Waits.
    Wait(Duration),
    /// Sends back everything, for ever.
    Echo,
    /// Closes after everything queued has been sent.
    Fin,
    /// Closes after everything queued has been sent, and answers what comes after that
    /// with a reset, as a program that has closed its socket.
    Close,
    /// Resets at once; what is queued is lost.
    Reset,
    /// Stops acknowledging: a dead peer.
    Stall,
}

/// A list of steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script(VecDeque<Step>);

impl Script {
    /// Does these things in order, then reads and says nothing more.
    #[must_use]
    pub fn new(steps: impl IntoIterator<Item = Step>) -> Self {
        Self(steps.into_iter().collect())
    }

    /// Sends everything back.
    #[must_use]
    pub fn echo() -> Self {
        Self::new([Step::Echo])
    }

    /// Reads and says nothing.
    #[must_use]
    pub fn sink() -> Self {
        Self::default()
    }

    /// Sends `data` and closes.
    #[must_use]
    pub fn send_and_close(data: &[u8]) -> Self {
        Self::new([Step::Send(data.to_vec()), Step::Fin])
    }

    pub(super) fn front(&self) -> Option<&Step> {
        self.0.front()
    }

    pub(super) fn done(&mut self) {
        self.0.pop_front();
    }

    pub(super) fn push(&mut self, step: Step) {
        self.0.push_back(step);
    }
}
