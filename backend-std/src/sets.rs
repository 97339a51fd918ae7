//! Poll sets: one epoll instance each, one system call per wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, Weak};
use std::task::{Wake, Waker};
use std::time::{Duration, Instant};

use rustix::io::Errno;
use usocket_core::spi::{Handle, PollSets, SetId, Wait, WaitKey};
use usocket_core::{Error, Events, Family, POLLIN, POLLNVAL, Result};

use crate::entry::{Entry, Kind};
use crate::reactor::LazyReactor;
use crate::sys::{self, Ended, Poller, Trigger};
use crate::table::Table;

/// The sets of a backend.
#[derive(Debug)]
pub(crate) struct Sets {
    table: Arc<Table>,
    reactor: Arc<LazyReactor>,
    list: RwLock<Vec<Option<Arc<Set>>>>,
}

#[derive(Debug)]
pub(crate) struct Set {
    poller: Poller,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What epoll watches, under which token.
    tokens: HashMap<Handle, u32>,
    /// What is true at once: closed handles, and files, which epoll refuses.
    always: Vec<Always>,
    /// The set as an entry of the table, made by the first `arm`, and the
    /// registration of the waker armed last.
    armed: Option<(Handle, Option<WaitKey>)>,
}

#[derive(Clone, Copy, Debug)]
struct Always {
    handle: Handle,
    token: u32,
    events: Events,
}

impl Sets {
    pub(crate) fn new(table: Arc<Table>, reactor: Arc<LazyReactor>) -> Self {
        Self { table, reactor, list: RwLock::default() }
    }

    fn set(&self, id: SetId) -> Result<Arc<Set>> {
        let list = self.list.read().unwrap_or_else(PoisonError::into_inner);
        list.get(id.0 as usize).cloned().flatten().ok_or(Error::EBADF)
    }

    /// The set's entry in the table, by which the reactor waits for the set.
    fn armed(&self, set: &Set) -> Result<(Handle, Option<WaitKey>)> {
        let mut state = set.lock();
        if let Some(armed) = state.armed {
            return Ok(armed);
        }
        let fd = set.poller.descriptor().try_clone().map_err(|_| Error::EMFILE)?;
        let make = |handle| Entry::new(handle, fd, Kind::Set, Family::V4);
        let armed = (self.table.insert(make)?, None);
        state.armed = Some(armed);
        Ok(armed)
    }
}

impl PollSets for Sets {
    fn open(&self) -> Result<SetId> {
        let poller = Poller::new().map_err(sys::error)?;
        let set = Some(Arc::new(Set { poller, state: Mutex::default() }));
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let place = list.iter().position(Option::is_none).unwrap_or(list.len());
        if place == list.len() {
            list.push(set);
        } else {
            list[place] = set;
        }
        u32::try_from(place).map(SetId).map_err(|_| Error::ENOBUFS)
    }

    fn put(&self, set: SetId, handle: Handle, mask: Events, token: u32) -> Result<()> {
        let set = self.set(set)?;
        match self.table.get(handle) {
            Ok(entry) => set.put(&entry, mask, token),
            Err(_) => {
                set.put_always(Always { handle, token, events: POLLNVAL });
                Ok(())
            }
        }
    }

    fn remove(&self, set: SetId, handle: Handle) {
        let Ok(set) = self.set(set) else { return };
        let mut state = set.lock();
        state.always.retain(|entry| entry.handle != handle);
        if let Some(token) = state.tokens.remove(&handle)
            && let Ok(entry) = self.table.get(handle)
        {
            set.poller.delete(&entry.fd, token.into());
        }
    }

    fn wait(
        &self,
        set: SetId,
        timeout: Option<Duration>,
        ready: &mut dyn FnMut() -> bool,
        report: &mut dyn FnMut(u32, Events),
    ) -> Result<()> {
        let set = self.set(set)?;
        let (want, always) = set.begin();
        let at_once = !always.is_empty() || ready();
        report_all(&always, report);
        let mut timeout = if at_once { Some(Duration::ZERO) } else { timeout };
        // Read only for a wait that may sleep.
        let until = timeout.filter(|timeout| !timeout.is_zero()).map(|left| Instant::now() + left);
        let mut reported = false;
        loop {
            let ended = set.poller.wait(timeout, want, |token, events| {
                reported = true;
                // Tokens are put in as u32.
                report(u32::try_from(token).unwrap_or(u32::MAX), events);
            });
            match ended.map_err(sys::error)? {
                Ended::Events | Ended::Timeout => return Ok(()),
                // By the set's waker, or by the close of a watched handle.
                Ended::Woken => {
                    // Once each: what was ready and is closed by now is left to the next wait.
                    if always.is_empty() && !reported {
                        let closed = set.begin().1;
                        report_all(&closed, report);
                    }
                    return Ok(());
                }
                Ended::Signal => {
                    timeout = until.map_or(timeout, |until| {
                        Some(until.saturating_duration_since(Instant::now()))
                    });
                }
            }
        }
    }

    fn waker(&self, set: SetId) -> Waker {
        self.set(set).map_or_else(|_| Waker::noop().clone(), Waker::from)
    }

    fn arm(&self, set: SetId, waker: &Waker) -> Result<()> {
        let set = self.set(set)?;
        let (handle, key) = self.armed(&set)?;
        let wait = Wait { handle, events: POLLIN, deadline: None, waker };
        let key = self.reactor.get()?.register(key, wait, Some(&*self.table.get(handle)?))?;
        let mut state = set.lock();
        state.armed = Some((handle, Some(key)));
        if state.ready().next().is_some() {
            set.poller.notify();
        }
        Ok(())
    }

    fn close(&self, set: SetId) {
        let mut list = self.list.write().unwrap_or_else(PoisonError::into_inner);
        let set = list.get_mut(set.0 as usize).and_then(Option::take);
        drop(list);
        let armed = set.and_then(|set| set.lock().armed.take());
        if let Some(entry) = armed.and_then(|(handle, _)| self.table.remove(handle)) {
            entry.mark_closed();
            if let Some(reactor) = self.reactor.started() {
                reactor.forget(&entry);
            }
        }
    }
}

impl Wake for Set {
    fn wake(self: Arc<Self>) {
        self.poller.notify();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.poller.notify();
    }
}

impl Set {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many events there can be, and what needs no waiting.
    fn begin(&self) -> (usize, Vec<Always>) {
        let state = self.lock();
        // One more for the set's own waker.
        (state.tokens.len() + 1, state.ready().copied().collect())
    }

    fn put(self: &Arc<Self>, entry: &Entry, mask: Events, token: u32) -> Result<()> {
        let handle = entry.handle;
        let nval = Always { handle, token, events: POLLNVAL };
        let mut sets = entry.sets.lock().unwrap_or_else(PoisonError::into_inner);
        // Close marks first and takes this lock then: it finds us, or we see it.
        if entry.mark_watched().is_err() {
            self.put_always(nval);
            return Ok(());
        }
        let mut state = self.lock();
        state.always.retain(|entry| entry.handle != handle);
        let known = state.tokens.insert(handle, token).is_some();
        let added = if known {
            self.poller.modify(&entry.fd, token.into(), mask, Trigger::Level)
        } else {
            self.poller.add(&entry.fd, token.into(), mask, Trigger::Level)
        };
        match added {
            Ok(()) if known => {}
            Ok(()) => self.enter(&mut sets),
            Err(errno) => {
                state.tokens.remove(&handle);
                if errno != Errno::PERM {
                    return Err(sys::error(errno));
                }
                let events = mask & (usocket_core::POLLIN | usocket_core::POLLOUT);
                state.always.push(Always { events, ..nval });
                self.enter(&mut sets);
            }
        }
        Ok(())
    }

    /// Has an entry tell this set of its end, once however often it is put in.
    fn enter(self: &Arc<Self>, sets: &mut Vec<Weak<Set>>) {
        sets.retain(|set| set.strong_count() > 0 && set.as_ptr() != Arc::as_ptr(self));
        sets.push(Arc::downgrade(self));
    }

    fn put_always(&self, entry: Always) {
        self.lock().put_always(entry);
        self.poller.notify();
    }

    /// Turns an entry that is being closed into one that reports so, unless it is removed
    /// meanwhile: that takes the same lock.
    fn leave(&self, entry: &Entry) {
        // Also where it was just removed: by then the table does not know it any more.
        self.poller.delete(&entry.fd, 0);
        let mut state = self.lock();
        let place = state.always.iter().find(|other| other.handle == entry.handle);
        let file = place.map(|other| other.token);
        let Some(token) = state.tokens.get(&entry.handle).copied().or(file) else { return };
        state.put_always(Always { handle: entry.handle, token, events: POLLNVAL });
        drop(state);
        self.poller.notify();
    }
}

impl State {
    /// What is to be reported at once: not a file that nobody asks about.
    fn ready(&self) -> impl Iterator<Item = &Always> {
        self.always.iter().filter(|entry| !entry.events.is_empty())
    }

    fn put_always(&mut self, entry: Always) {
        self.tokens.remove(&entry.handle);
        self.always.retain(|other| other.handle != entry.handle);
        self.always.push(entry);
    }
}

impl Entry {
    pub(crate) fn leave_sets(&self) {
        let sets = std::mem::take(&mut *self.sets.lock().unwrap_or_else(PoisonError::into_inner));
        for set in sets.iter().filter_map(Weak::upgrade) {
            set.leave(self);
        }
    }
}

fn report_all(entries: &[Always], report: &mut dyn FnMut(u32, Events)) {
    for entry in entries {
        report(entry.token, entry.events);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::thread;

    use usocket_core::{POLLOUT, Poll, Socket, Usocket};

    use super::*;
    use crate::StdNet;

    /// A set that watches a socket.
    fn watching(net: &StdNet, socket: &Socket<'_, StdNet>) -> (SetId, Arc<Set>) {
        let id = net.sets.open().unwrap();
        net.sets.put(id, socket.handle(), POLLOUT, 7).unwrap();
        (id, net.sets.set(id).unwrap())
    }

    #[test]
    fn an_entry_knows_a_set_once() {
        let net = StdNet::new();
        let socket = net.udp().unwrap();
        let mut poll = Poll::<1>::new(&net);
        for _ in 0..100 {
            poll.register(&socket, None).unwrap();
            poll.unregister(&socket);
        }
        let entry = net.table.get(socket.handle()).unwrap();
        assert_eq!(entry.sets.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_file_that_is_not_asked_about_keeps_nobody_awake() {
        const TIME: Duration = Duration::from_millis(30);
        let net = StdNet::new();
        let file = net.watch_fd(std::fs::File::open("Cargo.toml").unwrap()).unwrap();
        let id = net.sets.open().unwrap();
        net.sets.put(id, file.handle(), Events::NONE, 7).unwrap();
        let mut tokens = Vec::new();
        let mut report = |token, _| tokens.push(token);
        let begun = Instant::now();
        net.sets.wait(id, Some(TIME), &mut || false, &mut report).unwrap();
        assert!(begun.elapsed() >= TIME);
        net.sets.put(id, file.handle(), POLLIN, 7).unwrap();
        net.sets.wait(id, None, &mut || false, &mut report).unwrap();
        assert_eq!(tokens, [7]);
    }

    /// As a poll does that counts its entries anew.
    #[test]
    fn an_entry_is_reported_under_its_last_token() {
        let net = StdNet::new();
        let socket = net.udp().unwrap();
        let (id, _) = watching(&net, &socket);
        net.sets.put(id, socket.handle(), POLLOUT, 8).unwrap();
        let mut tokens = Vec::new();
        let mut report = |token, _| tokens.push(token);
        net.sets.wait(id, Some(Duration::ZERO), &mut || false, &mut report).unwrap();
        socket.close().unwrap();
        net.sets.put(id, socket.handle(), POLLOUT, 9).unwrap();
        net.sets
            .wait(id, Some(Duration::ZERO), &mut || false, &mut |token, _| tokens.push(token))
            .unwrap();
        assert_eq!(tokens, [8, 9]);
    }

    /// Two threads meet by chance, hence the rounds. What is left would have every wait
    /// of the set return at once, for ever.
    #[test]
    fn a_close_during_the_removal_leaves_nothing_in_the_set() {
        let net = StdNet::new();
        for round in 0..3000 {
            let socket = net.udp().unwrap();
            let (id, set) = watching(&net, &socket);
            let handle = socket.handle();
            let begin = Barrier::new(2);
            thread::scope(|scope| {
                scope.spawn(|| {
                    begin.wait();
                    socket.close().unwrap();
                });
                begin.wait();
                for _ in 0..round % 1000 {
                    std::hint::spin_loop();
                }
                net.sets.remove(id, handle);
            });
            assert!(set.lock().always.is_empty());
            net.sets.close(id);
        }
    }

    /// As it happens where the removal finds the handle closed and the close, which goes
    /// on, finds it removed.
    #[test]
    fn a_descriptor_that_lives_on_is_not_watched_for_a_closed_handle() {
        let net = StdNet::new();
        let socket = net.udp().unwrap();
        let (id, set) = watching(&net, &socket);
        let _lives_on = net.owned_fd(socket.handle()).unwrap();
        let entry = net.table.remove(socket.handle()).unwrap();
        entry.mark_closed();
        net.sets.remove(id, socket.handle());
        entry.leave_sets();
        drop(entry);
        let mut seen = 0;
        set.poller.wait(Some(Duration::ZERO), 4, |_, _| seen += 1).unwrap();
        assert_eq!(seen, 0);
    }

    #[test]
    fn what_is_closed_while_it_is_reported_is_reported_once() {
        let net = StdNet::new();
        let socket = net.udp().unwrap();
        let (id, set) = watching(&net, &socket);
        set.poller.notify();
        let mut reports = Vec::new();
        let mut report = |token, events| {
            reports.push((token, events));
            socket.close().unwrap();
        };
        for _ in 0..2 {
            net.sets.wait(id, Some(Duration::ZERO), &mut || false, &mut report).unwrap();
        }
        assert_eq!(reports, [(7, POLLOUT), (7, POLLNVAL)]);
    }
}
