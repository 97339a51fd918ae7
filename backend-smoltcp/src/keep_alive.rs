//! Whether a peer is still there of which nothing was heard for long (`SO_KEEPALIVE`).

use core::time::Duration;

use usocket_core::Instant;

use crate::pairs::Pair;
use crate::slots::Options;

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
    pub(crate) fn keep_alive_due(&self, options: &Options) -> Option<Instant> {
        options.keep_alive.then(|| match self.probing {
            Some(since) => since + patience(options),
            None => self.heard_at + idle(options),
        })
    }
}

/// Between two questions.
pub(crate) fn interval(options: &Options) -> Duration {
    Duration::from_secs(options.keep_interval.max(1).into())
}

fn idle(options: &Options) -> Duration {
    Duration::from_secs(options.keep_idle.into())
}

fn patience(options: &Options) -> Duration {
    interval(options) * u32::from(options.keep_count.max(1))
}
