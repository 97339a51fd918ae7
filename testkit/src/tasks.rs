//! The peers' code: futures that get on whenever the application lets time pass.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use usocket_core::{Instant, earlier};

use crate::clock::Flag;

/// All tasks of a world, and the timers they sleep on.
#[derive(Default)]
pub(crate) struct Tasks {
    running: RefCell<Vec<Task>>,
    /// Spawned since the tasks were last looked at: a task may spawn another.
    new: RefCell<Vec<Task>>,
    timers: RefCell<Vec<Timer>>,
    names: Cell<u64>,
}

struct Task {
    woken: Arc<Flag>,
    future: Pin<Box<dyn Future<Output = ()>>>,
}

struct Timer {
    name: u64,
    due: Instant,
    waker: Waker,
}

impl Tasks {
    /// Adds a task; it is first polled at the next drive.
    pub(crate) fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        let woken = Arc::new(Flag::default());
        woken.set();
        self.new.borrow_mut().push(Task { woken, future: Box::pin(future) });
    }

    /// Polls every task that was woken, once; whether there was any. Does nothing while a
    /// task runs.
    pub(crate) fn run(&self, now: Instant) -> bool {
        let Ok(mut running) = self.running.try_borrow_mut() else { return false };
        self.fire(now);
        running.append(&mut self.new.borrow_mut());
        let mut moved = false;
        running.retain_mut(|task| {
            if !task.woken.take() {
                return true;
            }
            moved = true;
            let waker = Waker::from(Arc::clone(&task.woken));
            task.future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending()
        });
        moved
    }

    /// Whether `run` would do anything now.
    pub(crate) fn pending(&self, now: Instant) -> bool {
        // While one runs, somebody else drives.
        let Ok(running) = self.running.try_borrow() else { return false };
        !self.new.borrow().is_empty()
            || running.iter().any(|task| task.woken.is_set())
            || self.next().is_some_and(|due| due <= now)
    }

    /// When the next timer is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        let timers = self.timers.borrow();
        timers.iter().fold(None, |next, timer| earlier(next, Some(timer.due)))
    }

    fn fire(&self, now: Instant) {
        let (due, later) = self.timers.take().into_iter().partition(|timer| timer.due <= now);
        self.timers.replace(later);
        for timer in due {
            timer.waker.wake();
        }
    }
}

impl fmt::Debug for Tasks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").finish_non_exhaustive()
    }
}

/// Sleeps until a time on the world's clock.
pub(crate) struct Sleep<N> {
    tasks: Weak<Tasks>,
    now: N,
    until: Instant,
    name: Option<u64>,
}

impl<N: Fn() -> Instant> Sleep<N> {
    pub(crate) fn new(tasks: &Weak<Tasks>, until: Instant, now: N) -> Self {
        Self { tasks: tasks.clone(), now, until, name: None }
    }
}

impl<N: Fn() -> Instant + Unpin> Future for Sleep<N> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Some(tasks) = self.tasks.upgrade() else { return Poll::Ready(()) };
        self.forget(&tasks);
        if (self.now)() >= self.until {
            return Poll::Ready(());
        }
        let name = tasks.names.get();
        tasks.names.set(name + 1);
        self.name = Some(name);
        let timer = Timer { name, due: self.until, waker: context.waker().clone() };
        tasks.timers.borrow_mut().push(timer);
        Poll::Pending
    }
}

impl<N> Sleep<N> {
    fn forget(&mut self, tasks: &Rc<Tasks>) {
        if let Some(name) = self.name.take() {
            tasks.timers.borrow_mut().retain(|timer| timer.name != name);
        }
    }
}

impl<N> Drop for Sleep<N> {
    fn drop(&mut self) {
        if let Some(tasks) = self.tasks.upgrade() {
            self.forget(&tasks);
        }
    }
}
