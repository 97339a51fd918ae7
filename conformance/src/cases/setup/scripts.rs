//! The peer's part in a case.

use core::time::Duration;

use usocket_core::{Error, Family, Result, SockAddr};

use super::PATIENCE;
use crate::{Actor, Harness, MAX_STEPS, Peer, Report, State, Step};

/// A running script, stopped when dropped, so that a failed case leaves nothing.
pub(crate) struct Script<'h> {
    peer: &'h dyn Peer,
    actor: Actor,
}

/// Starts a script of the peer.
pub(crate) fn script<'h, H: Harness>(h: &'h H, steps: &[Step]) -> Result<Script<'h>> {
    let peer = h.peer();
    Ok(Script { peer, actor: peer.start(steps)? })
}

/// Starts a script that accepts one connection and goes on with `then`.
pub(crate) fn accepting<'h, H: Harness>(h: &'h H, then: &[Step]) -> Result<Script<'h>> {
    begins_with(h, &[Step::Listen(Family::V4, 1), Step::Accept], then)
}

/// Starts a script that does the steps of `begin`, then those of `then`.
pub(super) fn begins_with<'h, H: Harness>(
    h: &'h H,
    begin: &[Step],
    then: &[Step],
) -> Result<Script<'h>> {
    let mut steps = heapless::Vec::<Step, MAX_STEPS>::new();
    steps.extend_from_slice(begin).map_err(|_| Error::ENOBUFS)?;
    steps.extend_from_slice(then).map_err(|_| Error::ENOBUFS)?;
    script(h, &steps)
}

impl Script<'_> {
    /// Where it listens or is bound, or the local address of its connection.
    pub(crate) fn address(&self) -> Result<SockAddr> {
        self.peer.address(self.actor)
    }

    /// What it has seen so far.
    pub(crate) fn report(&self) -> Report {
        self.peer.report(self.actor)
    }

    /// What it has seen once it holds, is done or failed.
    pub(crate) fn settle(&self) -> Report {
        self.peer.settle(self.actor)
    }

    /// Waits until the script is at this step or beyond, or failed.
    pub(crate) fn reaches<H: Harness>(&self, h: &H, step: usize) -> bool {
        let until = h.now() + PATIENCE;
        loop {
            match self.report().state {
                State::Done => return true,
                State::Failed(..) => return false,
                State::Running(at) if at >= step => return true,
                State::Running(_) if h.now() >= until => return false,
                State::Running(_) => h.pass(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Script<'_> {
    fn drop(&mut self) {
        self.peer.stop(self.actor);
    }
}
