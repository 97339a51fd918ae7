//! The one place where a call waits (P1): try, wait for readiness, try again.

use crate::spi::{Backend, Handle, Wait};
use crate::{Error, Events, Instant, Result, earlier};

/// Repeats `attempt` until it answers something else than `EAGAIN`, waiting
/// for `events` in between. At `deadline` the answer is `ETIMEDOUT`.
pub(crate) fn until<B: Backend + ?Sized, T>(
    backend: &B,
    handle: Handle,
    events: Events,
    deadline: Option<Instant>,
    mut attempt: impl FnMut() -> Result<T>,
) -> Result<T> {
    loop {
        match attempt() {
            Err(Error::EAGAIN) => {}
            answer => return answer,
        }
        if deadline.is_some_and(|deadline| backend.platform().now() >= deadline) {
            return Err(Error::ETIMEDOUT);
        }
        backend.wait(handle, events, deadline)?;
    }
}

/// Waits by driving the backend and idling on its platform: what
/// [`Backend::wait`] does unless it is overridden.
pub(crate) fn park<B: Backend + ?Sized>(
    backend: &B,
    handle: Handle,
    events: Events,
    until: Option<Instant>,
) -> Result<()> {
    let platform = backend.platform();
    let waker = platform.waker();
    let wait = Wait { handle, events, deadline: until, waker: &waker };
    let mut key = None;
    let outcome = loop {
        let now = platform.now();
        let next = backend.drive(now);
        if backend.readiness(handle).masked(events).is_empty()
            && until.is_none_or(|until| now < until)
        {
            match backend.register(key, wait) {
                Ok(registered) => key = Some(registered),
                // Closed between the two calls: the next attempt finds out.
                Err(Error::EBADF) => break Ok(()),
                Err(error) => break Err(error),
            }
            // What became true before the registration would not wake it.
            if backend.readiness(handle).masked(events).is_empty() {
                platform.idle(earlier(next, until), &mut || backend.pending());
                continue;
            }
        }
        break Ok(());
    };
    if let Some(key) = key {
        backend.unregister(key);
    }
    outcome
}
