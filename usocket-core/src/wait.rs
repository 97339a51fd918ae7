//! The one place where a call waits (P1): try, wait for readiness, try again.

use core::task::Waker;
use core::time::Duration;

use crate::spi::{Backend, Handle, RecvFlags, Wait, WaitKey};
use crate::{Error, Events, Instant, POLLIN, POLLOUT, Result, SockAddr, earlier};

/// How often a sleeper looks that found no room to wait for work (S8).
pub(crate) const LOOK: Duration = Duration::from_millis(1);

/// How long one call waits; computed once, when the call starts (row 156).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Never,
    Now,
    By(Instant),
}

/// One operation under a mode: repeated until it answers something else than `EAGAIN`, waiting
/// for `events` in between. When the time of the mode is over the answer is `ETIMEDOUT`.
///
/// What a send queued is driven once: a program that sends and then does something else for a
/// second must not keep the bytes that long. An operation that does not wait is driven before,
/// so that a program which only spins on such calls moves its backend, and after.
pub(crate) fn attempt<B: Backend + ?Sized, T>(
    backend: &B,
    handle: Handle,
    events: Events,
    mode: Mode,
    mut operation: impl FnMut() -> Result<T>,
) -> Result<T> {
    let at_once = mode == Mode::Now;
    let drives = if at_once { before(backend, mode) } else { events.intersects(POLLOUT) };
    loop {
        match operation() {
            Err(error) if error.is_would_block() && !at_once => {
                pause(backend, handle, events, mode)?;
            }
            answer => {
                if drives {
                    flush(backend);
                }
                return answer;
            }
        }
    }
}

/// A receive; here, as the two below, so that an image has it once, whoever calls it.
#[inline(never)]
pub(crate) fn recv<B: Backend + ?Sized>(
    backend: &B,
    handle: Handle,
    buf: &mut [u8],
    mode: Mode,
    flags: RecvFlags,
) -> Result<usize> {
    attempt(backend, handle, POLLIN, mode, || backend.try_recv(handle, buf, flags))
}

/// A send.
#[inline(never)]
pub(crate) fn send<B: Backend + ?Sized>(
    backend: &B,
    handle: Handle,
    data: &[u8],
    mode: Mode,
) -> Result<usize> {
    attempt(backend, handle, POLLOUT, mode, || backend.try_send(handle, data))
}

/// A connect. One that does not wait is merely started.
#[inline(never)]
pub(crate) fn connect<B: Backend + ?Sized>(
    backend: &B,
    handle: Handle,
    address: SockAddr,
    mode: Mode,
) -> Result<()> {
    let at_once = before(backend, mode);
    let started = backend.try_connect(handle, address);
    if at_once {
        flush(backend);
    }
    if mode == Mode::Now || started != Err(Error::EINPROGRESS) {
        return started;
    }
    attempt(backend, handle, POLLOUT, mode, || backend.connect_result(handle))
}

/// Before a call that does not wait: drives a backend that has to be; whether it has.
fn before<B: Backend + ?Sized>(backend: &B, mode: Mode) -> bool {
    let drives = mode == Mode::Now && backend.is_driven();
    if drives {
        backend.drive(backend.platform().now());
    }
    drives
}

/// The same with a deadline, `None` is never.
pub(crate) fn until<B: Backend + ?Sized, T>(
    backend: &B,
    handle: Handle,
    events: Events,
    deadline: Option<Instant>,
    operation: impl FnMut() -> Result<T>,
) -> Result<T> {
    attempt(backend, handle, events, deadline.map_or(Mode::Never, Mode::By), operation)
}

/// Between two attempts. Apart, so that an image has it once and not once for each operation.
fn pause<B: Backend + ?Sized>(
    backend: &B,
    handle: Handle,
    events: Events,
    mode: Mode,
) -> Result<()> {
    let deadline = match mode {
        Mode::By(deadline) => Some(deadline),
        _ => None,
    };
    if deadline.is_some_and(|deadline| backend.platform().now() >= deadline) {
        return Err(Error::ETIMEDOUT);
    }
    backend.wait(handle, events, deadline)
}

/// Drives if there is work.
fn flush<B: Backend + ?Sized>(backend: &B) {
    if backend.pending() {
        backend.drive(backend.platform().now());
    }
}

#[cfg(feature = "embedded-nal")]
/// One operation that does not wait. It drives before, so that a program which
/// only spins on such calls moves its backend, and after, if that left work:
/// what was sent must not stay until the next call.
pub(crate) fn once<B: Backend + ?Sized, T>(
    backend: &B,
    operation: impl FnOnce() -> Result<T>,
) -> Result<T> {
    if !backend.is_driven() {
        return operation();
    }
    backend.drive(backend.platform().now());
    let answer = operation();
    flush(backend);
    answer
}

/// Waits by driving the backend and idling on its platform: what
/// [`Backend::wait`] does unless it is overridden.
///
/// # Errors
/// `ENOBUFS`: there is no room to be woken.
pub fn park<B: Backend + ?Sized>(
    backend: &B,
    handle: Handle,
    events: Events,
    until: Option<Instant>,
) -> Result<()> {
    let Some(waker) = backend.platform().waker() else {
        let ready = &mut || !backend.readiness(handle).masked(events).is_empty();
        alone(backend, until, ready);
        return Ok(());
    };
    let mut sleeper = Sleeper::new(backend, Some(waker));
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
            Ok(_) => sleeper.idle(next, until, ready),
            // Closed between the two calls: the next attempt finds out.
            Err(Error::EBADF) => return Ok(()),
            Err(error) => return Err(error),
        }
    }
}

/// Sleeps once, until one of `events` may be true, `next`, what the last drive returned, or
/// `until`: a [`Backend::wait`] for backends whose operations drive by themselves. Drive and
/// look at the readiness before.
///
/// # Errors
/// `ENOBUFS`: there is no room to be woken.
pub fn nap<B: Backend + ?Sized>(
    backend: &B,
    handle: Handle,
    events: Events,
    next: Option<Instant>,
    until: Option<Instant>,
) -> Result<()> {
    let ready = || !backend.readiness(handle).masked(events).is_empty();
    let Some(waker) = backend.platform().waker() else {
        backend.platform().idle(earlier(next, until), &mut || backend.pending() || ready());
        return Ok(());
    };
    let mut sleeper = Sleeper::new(backend, Some(waker));
    match sleeper.listen(handle, events) {
        // What became true before the registration would not wake us.
        Ok(true) if ready() => {}
        Ok(_) => sleeper.idle(next, until, ready),
        // Closed between the two calls: the next attempt finds out.
        Err(Error::EBADF) => {}
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Waits until `done` says true, driving the backend meanwhile: for calls of a backend's
/// own that belong to no socket, such as joining a network.
///
/// `done` is asked after each drive and with wake-ups masked; whatever makes it true must
/// fire [`Handle::ANY`].
///
/// # Errors
/// `ETIMEDOUT` at `deadline`.
pub fn wait_until<B: Backend + ?Sized>(
    backend: &B,
    deadline: Option<Instant>,
    mut done: impl FnMut() -> bool,
) -> Result<()> {
    let Some(waker) = backend.platform().waker() else {
        return if alone(backend, deadline, &mut done) { Ok(()) } else { Err(Error::ETIMEDOUT) };
    };
    let mut sleeper = Sleeper::new(backend, Some(waker));
    loop {
        let now = backend.platform().now();
        let mut next = backend.drive(now);
        if done() {
            return Ok(());
        }
        if deadline.is_some_and(|deadline| now >= deadline) {
            return Err(Error::ETIMEDOUT);
        }
        if sleeper.listen(Handle::ANY, Events::NONE).is_err() {
            next = earlier(next, Some(now + LOOK));
        }
        sleeper.idle(next, deadline, &mut done);
    }
}

/// Waits where everything comes from interrupts, which end `idle` by themselves, and nobody
/// has to be registered: until `done` says true, or else `deadline`. Which it was.
///
/// The loops above are the same with a waker. Apart, so that a board without one does not link
/// them.
pub(crate) fn alone<B: Backend + ?Sized>(
    backend: &B,
    deadline: Option<Instant>,
    done: &mut dyn FnMut() -> bool,
) -> bool {
    let platform = backend.platform();
    loop {
        let now = platform.now();
        let next = backend.drive(now);
        if done() {
            return true;
        }
        if deadline.is_some_and(|deadline| now >= deadline) {
            return false;
        }
        platform.idle(earlier(next, deadline), &mut || backend.pending() || done());
    }
}

/// A context of execution that idles on a backend's platform, and what it has
/// registered with the backend to be woken; taken back when dropped.
///
/// Where the platform has no waker everything comes from interrupts, which end
/// `idle` by themselves: then nothing is registered. Elsewhere another
/// thread may make our socket ready, or queue work, or bring input, while we
/// sleep until a time that is now too late: hence also the wait for work (S8).
pub(crate) struct Sleeper<'b, B: Backend + ?Sized> {
    backend: &'b B,
    waker: Option<Waker>,
    socket: Option<WaitKey>,
    work: Option<WaitKey>,
}

impl<'b, B: Backend + ?Sized> Sleeper<'b, B> {
    pub(crate) fn new(backend: &'b B, waker: Option<Waker>) -> Self {
        Self { backend, waker, socket: None, work: None }
    }

    pub(crate) fn waker(&self) -> Waker {
        self.waker.clone().unwrap_or_else(|| Waker::noop().clone())
    }

    /// Registers for a socket; `false` where there is no need to.
    fn listen(&mut self, handle: Handle, events: Events) -> Result<bool> {
        let Some(waker) = &self.waker else { return Ok(false) };
        // No deadline: the sleep itself ends at it.
        let wait = Wait { handle, events, deadline: None, waker };
        self.socket = Some(self.backend.register(self.socket, wait)?);
        Ok(true)
    }

    /// Idles until `next`, what the last drive returned, or `deadline`, or work, or
    /// a wake; not at all once `done` says true.
    pub(crate) fn idle(
        &mut self,
        mut next: Option<Instant>,
        deadline: Option<Instant>,
        mut done: impl FnMut() -> bool,
    ) {
        let platform = self.backend.platform();
        if let Some(waker) = &self.waker {
            match self.backend.register(self.work, work(waker)) {
                Ok(key) => {
                    self.work = Some(key);
                    // Driven once more behind the registration: another thread may have
                    // queued work and driven it before, which woke nobody and may have
                    // brought the next time nearer.
                    next = self.backend.drive(platform.now());
                }
                Err(_) => next = earlier(next, Some(platform.now() + LOOK)),
            }
        }
        platform.idle(earlier(next, deadline), &mut || self.backend.pending() || done());
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

#[cfg(test)]
pub(crate) mod fake;

#[cfg(test)]
mod tests {
    use core::cell::Cell;
    use core::future::{Future, poll_fn, ready};
    use core::pin::pin;
    use core::task::{Context, Poll as TaskPoll};

    use embassy_sync::blocking_mutex::raw::NoopRawMutex;

    use super::fake::{Fake, ms};
    use super::*;
    use crate::{Hints, POLLIN, Poll, UserWake, Usocket};

    #[test]
    fn a_timer_that_another_thread_set_and_drove_before_we_listened_is_not_slept_through() {
        let mut buf = [0; 8];
        let net = Fake::<2>::new(true);
        let socket = net.tcp().unwrap();
        net.intruder.set(Some(ms(5)));
        assert_eq!(socket.recv(&mut buf), Ok(1));
        assert_eq!(net.platform().now(), ms(5));

        let net = Fake::<4>::new(true);
        let socket = net.tcp().unwrap();
        let mut poll = Poll::<2>::new(&net);
        poll.register(&socket, POLLIN).unwrap();
        net.intruder.set(Some(ms(5)));
        assert_eq!(poll.poll(None).unwrap().len(), 1);

        let net = Fake::<2>::new(true);
        let socket = net.tcp().unwrap();
        net.intruder.set(Some(ms(5)));
        assert_eq!(net.block_on(socket.asynch().recv(&mut buf)), Ok(1));
    }

    #[test]
    fn a_program_that_only_spins_moves_its_backend() {
        let net = Fake::<2>::new(false);
        let socket = net.tcp().unwrap();
        socket.setblocking(false).unwrap();
        assert_eq!(socket.send("hello"), Ok(5));
        assert_eq!((net.queued.get(), net.sent.get()), (0, 5));
        let mut buf = [0; 8];
        assert_eq!(socket.recv(&mut buf), Err(Error::EAGAIN));
        net.input.set(Some((ms(0), 3)));
        net.pass(None);
        assert_eq!(socket.readiness(), POLLIN | POLLOUT);
        assert_eq!(socket.recv(&mut buf), Ok(3));
    }

    #[test]
    fn a_sleeping_thread_is_woken_by_input_that_nobody_has_driven() {
        let net = Fake::<2>::new(true);
        let socket = net.tcp().unwrap();
        let mut buf = [0; 8];
        net.input.set(Some((ms(5), 3)));
        assert_eq!(socket.recv(&mut buf), Ok(3));
        socket.settimeout(1).unwrap();
        assert_eq!(socket.recv(&mut buf), Err(Error::ETIMEDOUT));
        net.input.set(Some((ms(2000), 3)));
        assert_eq!(net.block_on(async { socket.asynch().recv(&mut buf).await }), Ok(3));
        assert!(net.wakers.borrow().is_empty());
        assert!(net.idles.get() < 12, "{}", net.idles.get());
    }

    #[test]
    fn one_context_of_execution_waits_without_a_table() {
        let net = Fake::<0>::new(false);
        let socket = net.tcp().unwrap();
        net.input.set(Some((ms(5), 3)));
        assert_eq!(socket.recv(&mut [0; 8]), Ok(3));
        let mut poll = Poll::<1>::new(&net);
        poll.register(&socket, POLLIN).unwrap();
        assert!(poll.poll(10).unwrap().is_empty());
        let threads = Fake::<1>::new(true);
        threads.input.set(Some((ms(5), 3)));
        // Room for the socket only: it looks for work each millisecond.
        assert_eq!(threads.tcp().unwrap().recv(&mut [0; 8]), Ok(3));
    }

    #[test]
    fn a_query_without_room_for_its_waiter_fails_with_a_negative_number() {
        let net = Fake::<0>::new(true);
        let error = net.getaddrinfo("example.org", 80, ()).unwrap_err();
        assert_eq!(error, Error::EAI_MEMORY);
        let query = crate::asynch::getaddrinfo(&net, "example.org", 80, ());
        assert_eq!(net.block_on(query).unwrap_err(), Error::EAI_MEMORY);
        let late = Hints { timeout: Duration::from_millis(5), ..Hints::any() };
        let net = Fake::<2>::new(true);
        assert_eq!(net.getaddrinfo("example.org", 80, late).unwrap_err(), Error::EAI_AGAIN);
    }

    #[test]
    fn a_poll_has_room_for_a_source_where_another_has_left() {
        let net = Fake::<2>::new(false);
        let wakes = [(); 5].map(|()| UserWake::<NoopRawMutex>::new());
        let mut poll = Poll::<3, 2>::with_sources(&net);
        for wake in &wakes {
            poll.register(wake, POLLIN).unwrap();
            wake.wake();
            assert_eq!(poll.poll(0).unwrap().len(), 1);
            poll.unregister(wake);
        }
        poll.register(&wakes[0], POLLIN).unwrap();
        assert_eq!(poll.register(&wakes[1], POLLIN), Err(Error::ENOBUFS));
    }

    #[test]
    fn what_a_blocking_send_queued_goes_out_at_once() {
        let net = Fake::<2>::new(false);
        net.tcp().unwrap().send("hello").unwrap();
        assert_eq!((net.sent.get(), net.queued.get()), (5, 0));
    }

    #[test]
    fn a_runner_yields_and_survives_a_full_table() {
        let net = Fake::<0>::new(false);
        net.flood.set(true);
        let naps = Cell::new(0);
        let mut runner = pin!(net.run(|until| {
            assert!(until.is_some_and(|until| until <= ms(1)), "it cannot be woken");
            naps.set(naps.get() + 1);
            poll_fn(|_| TaskPoll::Pending)
        }));
        let mut context = Context::from_waker(Waker::noop());
        for _ in 0..10 {
            // One drive each: other tasks have their turn in between.
            let before = net.drives.get();
            assert!(runner.as_mut().poll(&mut context).is_pending());
            assert_eq!(net.drives.get(), before + 1);
        }
        assert_eq!(naps.get(), 10);
        net.flood.set(false);
        let mut always = pin!(net.run(|_| ready(())));
        assert!(always.as_mut().poll(&mut context).is_pending());
    }

    #[test]
    fn a_deadline_that_comes_later_wakes_the_runner() {
        let net = Fake::<4>::new(true);
        let until = Cell::new(Some(ms(0)));
        let mut runner = pin!(net.run(|next| {
            until.set(next);
            poll_fn(|_| TaskPoll::Pending)
        }));
        let socket = net.tcp().unwrap();
        socket.settimeout(0.25).unwrap();
        let mut buf = [0; 8];
        let asynch = socket.asynch();
        let mut recv = pin!(asynch.recv(&mut buf));
        let mut context = Context::from_waker(Waker::noop());
        assert!(runner.as_mut().poll(&mut context).is_pending());
        assert_eq!(until.get(), None);
        assert!(recv.as_mut().poll(&mut context).is_pending());
        assert!(runner.as_mut().poll(&mut context).is_pending());
        assert_eq!(until.get(), Some(ms(250)));
    }

    #[test]
    fn a_wake_that_nobody_asks_for_does_not_keep_a_poll_busy() {
        for thread in [false, true] {
            let net = Fake::<2>::new(thread);
            let wake = UserWake::<NoopRawMutex>::new();
            let mut poll = Poll::<1>::new(&net);
            poll.register(&wake, Events::NONE).unwrap();
            wake.wake();
            assert!(poll.poll(100).unwrap().is_empty());
            assert!(net.idles.get() < 5);
            poll.modify(&wake, POLLIN).unwrap();
            assert_eq!(poll.poll(100).unwrap().len(), 1);
        }
    }
}
