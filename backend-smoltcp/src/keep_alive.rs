//! Whether a peer is still there of which nothing was heard for long (`SO_KEEPALIVE`).

use usocket_core::Instant;

use crate::pairs::Pair;
use crate::slots::Options;
use crate::time::{NEVER, Span};

impl Pair<'_> {
    /// Begins and ends the questions; whether the peer has not answered any of them.
    pub(crate) fn keep_alive(&mut self, options: &Options, heard: bool, now: Instant) -> bool {
        match self.probing {
            Some(_) if heard || !options.keep_alive => self.probing = None,
            Some(since) => return now >= since + patience(options),
            None if options.keep_alive && now >= self.heard_at + idle(options) => {
                self.probing = Some(now);
            }
            None => {}
        }
        false
    }

    /// When the next of these happens.
    pub(crate) fn keep_alive_due(&self, options: &Options) -> Instant {
        match self.probing {
            _ if !options.keep_alive => NEVER,
            Some(since) => since + patience(options),
            None => self.heard_at + idle(options),
        }
    }
}

/// Between two questions.
pub(crate) fn interval(options: &Options) -> Span {
    Span::from_secs(options.keep_interval.max(1).into())
}

fn idle(options: &Options) -> Span {
    Span::from_secs(options.keep_idle.into())
}

fn patience(options: &Options) -> Span {
    interval(options) * u32::from(options.keep_count.max(1))
}
