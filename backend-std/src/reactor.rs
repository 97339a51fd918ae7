//! One thread that waits for all waiters of a backend.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Waker;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use usocket_core::spi::{Handle, Platform, StdPlatform, Wait, WaitKey};
use usocket_core::{Error, Events, Instant, POLLIN, POLLNVAL, POLLOUT, Result};

use crate::entry::Entry;
use crate::sys::{self, Poller, Trigger};
use crate::table::Table;

/// Descriptors taken from the system in one turn. Merely chosen; the rest is
/// taken in the next one.
const TURN: usize = 256;

/// A reactor that is started by its first waiter.
#[derive(Debug)]
pub(crate) struct LazyReactor {
    table: Arc<Table>,
    cell: OnceLock<Reactor>,
}

impl LazyReactor {
    pub(crate) fn new(table: Arc<Table>) -> Self {
        Self { table, cell: OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Result<&Reactor> {
        if let Some(reactor) = self.cell.get() {
            return Ok(reactor);
        }
        let reactor = Reactor::start(Arc::clone(&self.table))?;
        // Where two started one, the second ends as it is dropped here.
        Ok(self.cell.get_or_init(|| reactor))
    }

    pub(crate) fn started(&self) -> Option<&Reactor> {
        self.cell.get()
    }
}

#[derive(Debug)]
pub(crate) struct Reactor {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    table: Arc<Table>,
    poller: Poller,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By handle: a slot's next socket is another key.
    watches: HashMap<Handle, Watch>,
    /// Where each registration is.
    keys: HashMap<u64, Handle>,
    deadlines: BTreeSet<(Instant, u64)>,
    /// The parts of each waiter for any socket.
    parts: HashMap<u64, Vec<u64>>,
    /// What the thread sleeps until; an earlier deadline has to wake it.
    sleeps_until: Option<Instant>,
    last_key: u64,
    stopped: bool,
}

#[derive(Debug, Default)]
struct Watch {
    waiters: Vec<Waiter>,
    /// Whether the system knows the descriptor.
    added: bool,
    /// What it will tell, once; `None` when it was told or never asked.
    armed: Option<Events>,
}

#[derive(Debug)]
struct Waiter {
    key: u64,
    events: Events,
    deadline: Option<Instant>,
    waker: Waker,
    /// The waiter for any socket of which this one is a part.
    whole: Option<u64>,
}

impl Reactor {
    pub(crate) fn start(table: Arc<Table>) -> Result<Self> {
        let poller = Poller::new().map_err(sys::error)?;
        let shared = Arc::new(Shared { table, poller, state: Mutex::default() });
        let run = Arc::clone(&shared);
        let thread = thread::Builder::new()
            .name("usocket-reactor".into())
            .spawn(move || run.run())
            .map_err(|_| Error::ENOBUFS)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// Keeps a waker until its entry is ready, its deadline has passed, or its
    /// handle is closed (S6). `entry` is none for the handles that are no socket.
    pub(crate) fn register(
        &self,
        key: Option<WaitKey>,
        wait: Wait<'_>,
        entry: Option<&Entry>,
    ) -> Result<WaitKey> {
        if let Some(entry) = entry {
            entry.mark_watched()?;
        }
        // Cloned before the lock is taken and dropped after it is released: a
        // waker is the user's code (S2).
        let waker = wait.waker.clone();
        let mut state = self.shared.lock();
        // Closed in between: forget() came before this lock, or comes after it.
        if entry.is_some_and(Entry::is_closed) {
            return Err(Error::EBADF);
        }
        let (key, renewed) = state.put(key, wait, waker, None);
        let earlier = wait
            .deadline
            .is_some_and(|deadline| state.sleeps_until.is_none_or(|until| deadline < until));
        let result = match entry {
            Some(entry) => self.shared.arm(&mut state, entry),
            None if wait.handle == Handle::ANY => {
                self.shared.watch_any(&mut state, key);
                Ok(())
            }
            None => Ok(()),
        };
        let refused = if result.is_err() { state.take(key) } else { None };
        drop(state);
        drop((renewed, refused));
        if earlier {
            self.shared.poller.notify();
        }
        match result {
            Ok(()) => {}
            // A regular file cannot be waited for: it is always ready.
            #[cfg(unix)]
            Err(rustix::io::Errno::PERM) => wait.waker.wake_by_ref(),
            Err(_) => return Err(Error::ENOBUFS),
        }
        Ok(WaitKey::new(key))
    }

    pub(crate) fn unregister(&self, key: WaitKey) {
        // The waker is dropped after the lock is released: it is the user's.
        let waiter = self.shared.lock().take(key.number());
        drop(waiter);
    }

    /// Wakes the waiters of an entry that is being closed (S7).
    pub(crate) fn forget(&self, entry: &Entry) {
        let mut due = Vec::new();
        let mut state = self.shared.lock();
        if let Some(watch) = state.watches.remove(&entry.handle) {
            if watch.added {
                self.shared.poller.delete(&entry.fd, number(entry.handle));
            }
            for waiter in watch.waiters {
                state.fire(waiter, &mut due);
            }
        }
        drop(state);
        due.into_iter().for_each(Waker::wake);
    }

    /// Wakes the waiters for any socket: there is one that they do not watch, or they
    /// watched one that is gone.
    pub(crate) fn changed(&self) {
        let mut due = Vec::new();
        let mut state = self.shared.lock();
        if let Some(watch) = state.watches.remove(&Handle::ANY) {
            for waiter in watch.waiters {
                state.fire(waiter, &mut due);
            }
        }
        drop(state);
        due.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        self.shared.lock().stopped = true;
        self.shared.poller.notify();
        if let Some(thread) = self.thread.take()
            // A waker may hold the last reference to the backend.
            && thread.thread().id() != thread::current().id()
        {
            // Its panic was reported already, and is not ours.
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self) {
        let platform = StdPlatform;
        let mut happened = Vec::new();
        let mut due = Vec::new();
        loop {
            let mut state = self.lock();
            if state.stopped {
                return;
            }
            let next = state.deadlines.first().map(|&(deadline, _)| deadline);
            state.sleeps_until = next;
            drop(state);
            let timeout = next.map(|next| next.saturating_since(platform.now()));
            let ended = self.poller.wait(timeout, TURN, |key, events| {
                happened.push((handle(key), events));
            });
            if ended.is_err() {
                // Cannot happen with a valid epoll; if it does, do not spin.
                thread::sleep(Duration::from_millis(10));
            }
            let mut state = self.lock();
            for (handle, events) in happened.drain(..) {
                self.happened(&mut state, handle, events, &mut due);
            }
            state.overdue(platform.now(), &mut due);
            drop(state);
            due.drain(..).for_each(Waker::wake);
        }
    }

    /// Takes out the waiters for which an event came and arms the rest again.
    fn happened(&self, state: &mut State, handle: Handle, events: Events, due: &mut Vec<Waker>) {
        let Some(watch) = state.watches.get_mut(&handle) else { return };
        watch.armed = None;
        let ready = |waiter: &mut Waiter| !events.masked(waiter.events).is_empty();
        let fired: Vec<Waiter> = watch.waiters.extract_if(.., ready).collect();
        for waiter in fired {
            state.fire(waiter, due);
        }
        if let Ok(entry) = self.table.get(handle)
            && self.arm(state, &entry).is_err()
        {
            // Cannot be watched any more: let everybody look for themselves.
            let watch = state.watches.remove(&handle).unwrap_or_default();
            for waiter in watch.waiters {
                state.fire(waiter, due);
            }
        }
    }

    /// Waits for what is not true yet of each socket (S8). One with an error or
    /// hang-up can become no readier by itself.
    fn watch_any(&self, state: &mut State, whole: u64) {
        let mut parts = Vec::new();
        for handle in self.table.handles() {
            let Ok(entry) = self.table.get(handle) else { continue };
            let now = entry.readiness();
            if now.intersects(Events::ALWAYS) || entry.mark_watched().is_err() {
                continue;
            }
            let events = Events::from_bits((POLLIN | POLLOUT).bits() & !now.bits());
            // A part wakes nobody: the whole does.
            let waker = Waker::noop();
            let wait = Wait { handle, events, deadline: None, waker };
            let (part, _) = state.put(None, wait, waker.clone(), Some(whole));
            if self.arm(state, &entry).is_ok() {
                parts.push(part);
            } else {
                state.take(part);
            }
        }
        state.parts.insert(whole, parts);
    }

    /// Has the system tell what the waiters of this entry wait for.
    fn arm(&self, state: &mut State, entry: &Entry) -> rustix::io::Result<()> {
        let Some(watch) = state.watches.get_mut(&entry.handle) else { return Ok(()) };
        if watch.waiters.is_empty() {
            return Ok(());
        }
        let wanted = watch.waiters.iter().fold(Events::NONE, |all, one| all | one.events);
        if watch.armed.is_some_and(|armed| armed.contains(wanted)) {
            return Ok(());
        }
        let key = number(entry.handle);
        if watch.added {
            self.poller.modify(&entry.fd, key, wanted, Trigger::Once)?;
        } else {
            self.poller.add(&entry.fd, key, wanted, Trigger::Once)?;
            watch.added = true;
        }
        watch.armed = Some(wanted);
        Ok(())
    }
}

impl State {
    /// Adds a waiter, or renews it if `key` is still there; its key, and what was
    /// there.
    fn put(
        &mut self,
        key: Option<WaitKey>,
        wait: Wait<'_>,
        waker: Waker,
        whole: Option<u64>,
    ) -> (u64, Option<Waiter>) {
        let renewed = key.and_then(|key| self.take(key.number()));
        let key = renewed.as_ref().map_or_else(
            || {
                self.last_key += 1;
                self.last_key
            },
            |renewed| renewed.key,
        );
        self.keys.insert(key, wait.handle);
        if let Some(deadline) = wait.deadline {
            self.deadlines.insert((deadline, key));
        }
        self.watches.entry(wait.handle).or_default().waiters.push(Waiter {
            key,
            // What is reported unasked cannot be asked for.
            events: Events::from_bits(wait.events.bits() & !POLLNVAL.bits()),
            deadline: wait.deadline,
            waker,
            whole,
        });
        (key, renewed)
    }

    /// Takes a waiter out; a stale key finds none.
    fn take(&mut self, key: u64) -> Option<Waiter> {
        let handle = self.keys.get(&key)?;
        let watch = self.watches.get_mut(handle)?;
        let place = watch.waiters.iter().position(|waiter| waiter.key == key)?;
        let waiter = watch.waiters.swap_remove(place);
        self.drop_key(&waiter);
        Some(waiter)
    }

    /// Has a waiter woken that was taken out; with a part goes the whole.
    fn fire(&mut self, waiter: Waiter, due: &mut Vec<Waker>) {
        self.drop_key(&waiter);
        match waiter.whole {
            None => due.push(waiter.waker),
            Some(whole) => due.extend(self.take(whole).map(|whole| whole.waker)),
        }
    }

    fn drop_key(&mut self, waiter: &Waiter) {
        self.keys.remove(&waiter.key);
        for part in self.parts.remove(&waiter.key).unwrap_or_default() {
            self.take(part);
        }
        if let Some(deadline) = waiter.deadline {
            self.deadlines.remove(&(deadline, waiter.key));
        }
    }

    fn overdue(&mut self, now: Instant, due: &mut Vec<Waker>) {
        while let Some(&(deadline, key)) = self.deadlines.first()
            && deadline <= now
        {
            match self.take(key) {
                Some(waiter) => due.push(waiter.waker),
                None => {
                    self.deadlines.pop_first();
                }
            }
        }
    }
}

fn number(handle: Handle) -> u64 {
    (handle.slot() as u64) << 32 | u64::from(handle.generation())
}

#[expect(clippy::cast_possible_truncation, reason = "the two halves of a number")]
fn handle(number: u64) -> Handle {
    Handle::new((number >> 32) as u32, number as u32)
}
