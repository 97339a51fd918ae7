//! Readiness and registration.

use std::time::Duration;

use usocket_core::spi::{EventSource, Handle, Wait, WaitKey};
#[cfg(target_os = "linux")]
use usocket_core::spi::{Platform, PollSets, StdPlatform};
use usocket_core::{Events, Instant, POLLIN, POLLNVAL, POLLOUT, Result};

use crate::StdNet;
use crate::entry::{Entry, Kind};
use crate::sys;

impl EventSource for StdNet {
    /// Nothing: the system and the reactor drive themselves.
    fn drive(&self, _: Instant) -> Option<Instant> {
        None
    }

    fn is_driven(&self) -> bool {
        false
    }

    fn readiness(&self, handle: Handle) -> Events {
        self.table.get(handle).map_or(POLLNVAL, |entry| entry.readiness())
    }

    /// Starts the reactor's thread when called for the first time.
    ///
    /// [`Handle::WORK`] fires at its deadline only: there is never work.
    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        if matches!(wait.handle, Handle::ANY | Handle::WORK) {
            return self.reactor.get()?.register(key, wait, None);
        }
        let entry = self.table.get(wait.handle)?;
        self.reactor.get()?.register(key, wait, Some(&entry))
    }

    fn unregister(&self, key: WaitKey) {
        if let Some(reactor) = self.reactor.started() {
            reactor.unregister(key);
        }
    }

    #[cfg(target_os = "linux")]
    fn sets(&self) -> Option<&dyn PollSets> {
        Some(&self.sets)
    }
}

impl Entry {
    pub(crate) fn readiness(&self) -> Events {
        let asked = match self.kind {
            Kind::Query(_) => POLLIN,
            _ => POLLIN | POLLOUT,
        };
        let events = sys::poll(&self.fd, asked, Some(Duration::ZERO));
        if self.is_closed() { POLLNVAL } else { events.unwrap_or(POLLNVAL) }
    }

    /// Waits until one of `events` may be true, the time has come, or the handle
    /// is closed.
    #[cfg(target_os = "linux")]
    pub(crate) fn wait(&self, events: Events, until: Option<Instant>) -> Result<()> {
        let left = until.map(|until| until.saturating_since(StdPlatform.now()));
        let ready = match &self.kind {
            // Shutdown does not wake a wait on a pipe; its notifier does.
            Kind::Watch(wake) => sys::poll_pair(&self.fd, events, wake.descriptor(), left),
            _ => sys::poll(&self.fd, events, left),
        };
        self.done(ready).map(|_| ())
    }
}
