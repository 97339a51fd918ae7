//! Deadlines that do not belong to the command in progress.

use crate::time::Instant;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Timer {
    /// The boot is over.
    Ready,
    /// `AT+RST` was answered.
    Restart,
    /// A spontaneous reboot.
    Fault,
    /// The access point accepted the station.
    Associated,
    /// DHCP is done, or the static address is in use.
    GotAddress,
    /// Another try to come back.
    Rejoin,
    /// An IPv6 address is in use: 0 link-local, 1 global.
    GotIpv6(usize),
    /// The join ended with this code.
    JoinFailed(u8),
    /// A late or stale line.
    Say(String),
}

/// A short list; those of the same time keep their order.
#[derive(Debug, Default)]
pub(super) struct Timers(Vec<(Instant, Timer)>);

impl Timers {
    pub(super) fn add(&mut self, at: Instant, timer: Timer) {
        let place = self.0.partition_point(|(other, _)| *other <= at);
        self.0.insert(place, (at, timer));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        self.0.first().map(|(at, _)| *at)
    }

    pub(super) fn pop(&mut self, now: Instant) -> Option<Timer> {
        self.next().filter(|at| *at <= now)?;
        Some(self.0.remove(0).1)
    }

    /// Forgets what a condition says.
    pub(super) fn retain(&mut self, keep: impl Fn(&Timer) -> bool) {
        self.0.retain(|(_, timer)| keep(timer));
    }
}
