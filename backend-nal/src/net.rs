//! The backend: polls the runner, and tells who waits.

use core::cell::RefCell;
use core::convert::Infallible;
use core::fmt;
use core::pin::Pin;
use core::task::{Context, Waker};
use core::time::Duration;

use usocket_core::spi::{EventSource, Handle, Platform, Wait, WaitKey, WakerTable};
use usocket_core::{Error, Events, Instant, POLLIN, POLLNVAL, Result, earlier};

use crate::shared::Shared;

/// The usocket API on a stack that implements `edge_nal`. See the crate's front page.
///
/// `WAITERS` calls or tasks can wait at once.
pub struct NalNet<
    'r,
    P: Platform,
    const SOCKETS: usize = 4,
    const BUF: usize = 2048,
    const LISTENERS: usize = 1,
    const BACKLOG: usize = 4,
    const WAITERS: usize = 16,
> {
    pub(crate) shared: &'r Shared<SOCKETS, BUF, LISTENERS, BACKLOG>,
    pub(crate) platform: P,
    runner: RefCell<Pin<&'r mut dyn Future<Output = Infallible>>>,
    waiters: RefCell<Waiters<WAITERS>>,
}

struct Waiters<const W: usize> {
    table: WakerTable<W>,
    /// Who waits for work, whom the stack is to wake, and whether it was told.
    worker: Option<(WaitKey, Waker)>,
}

/// How often the runner is polled where nobody can be woken: chosen, not measured.
const LOOK: Duration = Duration::from_millis(1);

impl<
    'r,
    P: Platform,
    const S: usize,
    const BUF: usize,
    const L: usize,
    const C: usize,
    const W: usize,
> NalNet<'r, P, S, BUF, L, C, W>
{
    /// The backend over `shared`, whose [`run`](Shared::run) is `runner`, alone or joined to
    /// what else must be polled for the stack to go on.
    pub fn new(
        shared: &'r Shared<S, BUF, L, C>,
        runner: Pin<&'r mut dyn Future<Output = Infallible>>,
        platform: P,
    ) -> Self {
        // Ports must not repeat after a reset.
        let seed = platform.seed();
        shared.with(|state| {
            state.next_port = u16::try_from(seed % u64::from(PORTS)).unwrap_or_default();
        });
        let waiters = Waiters { table: WakerTable::new(), worker: None };
        Self { shared, platform, runner: RefCell::new(runner), waiters: RefCell::new(waiters) }
    }

    /// Tells whoever drives that an operation left something to do (S8).
    pub(crate) fn work(&self) {
        self.shared.with(|state| (state.work, state.changed) = (true, true));
        let mut waiters = self.waiters.borrow_mut();
        let woken = waiters.table.take_workers();
        let worker = waiters.worker.take();
        drop(waiters);
        woken.wake();
        drop(worker);
    }

    /// Whom the stack shall wake.
    fn waker(&self) -> Option<Waker> {
        let worker = self.waiters.borrow().worker.as_ref().map(|(_, waker)| waker.clone());
        worker.or_else(|| self.platform.waker())
    }
}

/// Ports that the system picks from begin here (RFC 6335).
pub(crate) const FIRST_PORT: u16 = 49_152;
/// How many there are.
pub(crate) const PORTS: u16 = 16_384;

impl<P: Platform, const S: usize, const BUF: usize, const L: usize, const C: usize, const W: usize>
    EventSource for NalNet<'_, P, S, BUF, L, C, W>
{
    fn drive(&self, now: Instant) -> Option<Instant> {
        self.shared.with(|state| (state.now, state.work) = (now, false));
        let waker = self.waker();
        // Polled from within itself it would have nothing to add.
        if let Ok(mut runner) = self.runner.try_borrow_mut() {
            let mut context = Context::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
            let _ = runner.as_mut().poll(&mut context);
        }
        let (changed, next) =
            self.shared.with(|state| (core::mem::take(&mut state.changed), state.next()));
        let mut waiters = self.waiters.borrow_mut();
        let woken = waiters.table.take(now, |handle, events| match handle {
            Handle::ANY => changed,
            Handle::WORK => false,
            handle => !self.readiness(handle).masked(events).is_empty(),
        });
        let next = earlier(next, waiters.table.next_deadline());
        drop(waiters);
        woken.wake();
        let look = waker.is_none().then_some(now + LOOK);
        earlier(next, look)
    }

    fn pending(&self) -> bool {
        self.shared.with(|state| state.work) || self.waiters.borrow().table.sooner()
    }

    fn readiness(&self, handle: Handle) -> Events {
        self.shared.with(|state| {
            if handle.slot() >= S {
                return match state.query(handle) {
                    Some(query) if query.answer.is_some() => POLLIN,
                    Some(_) => Events::NONE,
                    None => POLLNVAL,
                };
            }
            let acceptable = state.oldest(handle.slot()).is_some();
            state.sockets[handle.slot()].readiness(handle.generation(), acceptable)
        })
    }

    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        let handle = wait.handle;
        let special = handle == Handle::ANY || handle == Handle::WORK;
        if !special {
            let ready = self.readiness(handle);
            if ready.contains(POLLNVAL) {
                return Err(Error::EBADF);
            }
            if !ready.masked(wait.events).is_empty() {
                // True already: the next drive shall fire it (S6).
                self.shared.with(|state| state.work = true);
            }
        }
        let (waker, own) = (wait.waker.clone(), wait.waker.clone());
        let mut waiters = self.waiters.borrow_mut();
        let (answer, unneeded) = waiters.table.register(key, wait, waker);
        let mut old = None;
        if let (Handle::WORK, Ok(key)) = (handle, answer) {
            let known = waiters.worker.as_ref().is_some_and(|(_, waker)| waker.will_wake(&own));
            old = waiters.worker.replace((key, own));
            if !known {
                // The stack must be given this one.
                self.shared.with(|state| state.work = true);
            }
        }
        drop(waiters);
        drop((unneeded, old));
        answer
    }

    fn unregister(&self, key: WaitKey) {
        let mut waiters = self.waiters.borrow_mut();
        let unneeded = waiters.table.unregister(key);
        let worker = waiters.worker.take_if(|(own, _)| *own == key);
        // The stack would wake somebody who is gone: another must drive.
        let others = worker.is_some().then(|| waiters.table.take_workers());
        drop(waiters);
        if let Some(others) = others {
            self.shared.with(|state| state.work = true);
            others.wake();
        }
        drop((unneeded, worker));
    }
}

impl<P: Platform, const S: usize, const BUF: usize, const L: usize, const C: usize, const W: usize>
    fmt::Debug for NalNet<'_, P, S, BUF, L, C, W>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NalNet").field("shared", self.shared).finish_non_exhaustive()
    }
}
