//! Persistent poll registration: an optional ability of a source.

use core::task::Waker;
use core::time::Duration;

use super::Handle;
use crate::{Events, Result};

/// Names a poll set of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SetId(pub u32);

/// Poll sets: the source remembers what a poll watches, so that one wait costs
/// what is ready and not what is registered (P1). On a host this is epoll.
pub trait PollSets {
    /// Makes an empty set. `ENOBUFS`, `EMFILE` or `ENFILE` if there is no room.
    fn open(&self) -> Result<SetId>;

    /// Watches `handle` under `token`, or changes what it is watched for.
    /// `mask` may be empty: ERR, HUP and NVAL are reported all the same. A stale
    /// handle is accepted and reported as NVAL.
    fn put(&self, set: SetId, handle: Handle, mask: Events, token: u32) -> Result<()>;

    /// Stops watching `handle`; not an error if it was not watched.
    fn remove(&self, set: SetId, handle: Handle);

    /// Reports entries that are ready, level-triggered, each at most once; if
    /// there is none waits for one, until `timeout` has passed (`None`: never),
    /// the set's waker was used, or `ready` said true before the sleep.
    ///
    /// `report` gets the token and the events that are true.
    fn wait(
        &self,
        set: SetId,
        timeout: Option<Duration>,
        ready: &mut dyn FnMut() -> bool,
        report: &mut dyn FnMut(u32, Events),
    ) -> Result<()>;

    /// A waker that ends a `wait` on this set, or makes its next one return at once.
    fn waker(&self, set: SetId) -> Waker;

    /// Uses `waker` once when the set has something to report: for a poll that
    /// sleeps on another source. It replaces the waker armed before.
    fn arm(&self, set: SetId, waker: &Waker) -> Result<()>;

    /// Frees the set.
    fn close(&self, set: SetId);
}
