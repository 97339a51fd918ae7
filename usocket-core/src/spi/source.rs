//! Things that become ready: what a poll needs of a backend or a user's stream.

use core::task::Waker;

use super::{Handle, PollSets};
use crate::{Events, Instant, Result};

/// What a waiter asks for.
#[derive(Clone, Copy, Debug)]
pub struct Wait<'a> {
    /// The socket, [`Handle::ANY`] or [`Handle::WORK`].
    pub handle: Handle,
    /// The events waited for; ERR, HUP and NVAL are implied.
    pub events: Events,
    /// When to wake at the latest; `None` is never.
    pub deadline: Option<Instant>,
    /// Whom to wake.
    pub waker: &'a Waker,
}

/// Names a registration, so that it can be renewed and taken back.
///
/// A key of a registration that has fired is stale: using it is harmless.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WaitKey(u64);

impl WaitKey {
    /// A key with a number of the backend's choice, never used twice soon.
    #[must_use]
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// Where the events of a handle arise.
#[derive(Clone, Copy)]
pub enum Origin<'s> {
    /// In this source.
    Here,
    /// In this source for now; ask again before each wait.
    NotYet,
    /// In another one, under another handle, for good.
    At(&'s dyn EventSource, Handle),
}

/// Every source as a trait object, also one that is known as `dyn Backend` only.
/// Implemented for all of them.
pub trait AsSource {
    /// This source.
    fn as_source(&self) -> &dyn EventSource;
}

impl<T: EventSource> AsSource for T {
    fn as_source(&self) -> &dyn EventSource {
        self
    }
}

/// A source of events: every backend, and any stream of the user's own that a
/// poll shall span (`uselect`: "generic stream objects that support polling").
///
/// All sources of one poll share one clock. Clauses S1 to S8 of the
/// [module](super) apply. A simple source has one
/// handle, `Handle::new(0, 0)`, and may return `now + interval` from `drive` if
/// nothing can wake it: then it is polled at that interval, and its `register`
/// may answer any key. A source that an interrupt handler makes ready must be
/// `pending` until the next `drive`, or that wake-up is lost on a board whose
/// platform has no waker.
pub trait EventSource {
    /// Does bounded work and returns when to be called again (S3).
    fn drive(&self, now: Instant) -> Option<Instant>;

    /// Whether `drive` has anything to do, ever. A source that says no, for one
    /// that the system below drives, spares calls that do not wait the clock.
    fn is_driven(&self) -> bool {
        true
    }

    /// Whether `drive` would make progress now (S4).
    fn pending(&self) -> bool {
        false
    }

    /// The events that are true now, unmasked; `POLLNVAL` for a stale handle (S5, S9).
    fn readiness(&self, handle: Handle) -> Events;

    /// Keeps a waker until it is due (S6). `key` renews an earlier registration
    /// in place; a stale one is as good as none.
    ///
    /// # Errors
    /// `ENOBUFS`: the table is full. `EBADF`: the handle is stale.
    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey>;

    /// Forgets a registration; a stale key does nothing.
    fn unregister(&self, key: WaitKey);

    /// Where a poll should watch `handle` instead, if this source only passes on
    /// what others do (a router).
    fn origin(&self, handle: Handle) -> Origin<'_> {
        let _ = handle;
        Origin::Here
    }

    /// Persistent registration, where the source can do better than being
    /// asked for the readiness of each entry.
    fn sets(&self) -> Option<&dyn PollSets> {
        None
    }
}
