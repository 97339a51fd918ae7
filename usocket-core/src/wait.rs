//! The one place where a call waits (P1): try, wait for readiness, try again.

use core::task::Waker;
use core::time::Duration;

use crate::spi::{Backend, Handle, Wait, WaitKey};
use crate::{Error, Events, Instant, POLLOUT, Result, earlier};

/// How often a sleeper looks that found no room to wait for work (S8).
pub(crate) const LOOK: Duration = Duration::from_millis(1);

/// Repeats `attempt` until it answers something else than `EAGAIN`, waiting
/// for `events` in between. At `deadline` the answer is `ETIMEDOUT`.
///
/// What a send queued is driven once: a program that sends and then does
/// something else for a second must not keep the bytes that long.
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
            answer => {
                if events.intersects(POLLOUT) && backend.pending() {
                    backend.drive(backend.platform().now());
                }
                return answer;
            }
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
    let mut sleeper = Sleeper::new(backend);
    loop {
        let now = backend.platform().now();
        let next = backend.drive(now);
        let ready = || !backend.readiness(handle).masked(events).is_empty();
        if ready() || until.is_some_and(|until| now >= until) {
            return Ok(());
        }
        match sleeper.listen(handle, events) {
            // What became true before the registration would not wake us.
            Ok(true) if ready() => return Ok(()),
            Ok(_) => sleeper.idle(earlier(next, until)),
            // Closed between the two calls: the next attempt finds out.
            Err(Error::EBADF) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// A context of execution that idles on a backend's platform, and what it has
/// registered with the backend to be woken; taken back when dropped.
///
/// Where the platform's waker does nothing, everything comes from interrupts,
/// which end `idle` by themselves: then nothing is registered. Elsewhere another
/// thread may make our socket ready, or queue work, or bring input, while we
/// sleep until a time that is now too late: hence also the wait for work (S8).
pub(crate) struct Sleeper<'b, B: Backend + ?Sized> {
    backend: &'b B,
    waker: Waker,
    socket: Option<WaitKey>,
    work: Option<WaitKey>,
}

impl<'b, B: Backend + ?Sized> Sleeper<'b, B> {
    pub(crate) fn new(backend: &'b B) -> Self {
        Self { backend, waker: backend.platform().waker(), socket: None, work: None }
    }

    pub(crate) fn waker(&self) -> &Waker {
        &self.waker
    }

    /// Registers for a socket; `false` where there is no need to.
    fn listen(&mut self, handle: Handle, events: Events) -> Result<bool> {
        if is_noop(&self.waker) {
            return Ok(false);
        }
        // No deadline: the sleep itself ends at it.
        let wait = Wait { handle, events, deadline: None, waker: &self.waker };
        self.socket = Some(self.backend.register(self.socket, wait)?);
        Ok(true)
    }

    /// Idles until `until`, work, or a wake.
    pub(crate) fn idle(&mut self, until: Option<Instant>) {
        let platform = self.backend.platform();
        let mut until = until;
        if !is_noop(&self.waker) {
            match self.backend.register(self.work, work(&self.waker)) {
                Ok(key) => self.work = Some(key),
                Err(_) => until = earlier(until, Some(platform.now() + LOOK)),
            }
        }
        platform.idle(until, &mut || self.backend.pending());
    }
}

impl<B: Backend + ?Sized> Drop for Sleeper<'_, B> {
    fn drop(&mut self) {
        for key in [self.socket, self.work].into_iter().flatten() {
            self.backend.unregister(key);
        }
    }
}

/// What waits for a backend's work.
pub(crate) fn work(waker: &Waker) -> Wait<'_> {
    Wait { handle: Handle::WORK, events: Events::NONE, deadline: None, waker }
}

/// Whether a waker does nothing: the default of [`Platform::waker`](crate::spi::Platform::waker).
pub(crate) fn is_noop(waker: &Waker) -> bool {
    waker.will_wake(Waker::noop())
}
