//! `uselect`: waiting for several things at once (rows 188 to 213).

mod select;
mod source;
mod user_wake;

use core::fmt;
use core::time::Duration;

pub use select::{Place, SelectTimeout, Selected, select};
pub use source::{PollRef, Pollable};
pub use user_wake::UserWake;

use self::source::Source;
use crate::spi::{Backend, Platform};
use crate::{Error, Events, Instant, POLLIN, POLLOUT, Result, earlier};

/// A poll object of up to `N` entries from up to `S` backends or user streams.
///
/// Entries hold a place in a backend, not a borrow of the socket: sockets may be
/// dropped while they are registered and then read as `POLLNVAL` (row 204).
/// Entries are listed in the order of registration (row 206). Level-triggered:
/// what is ready is reported until it is dealt with. One socket may be in
/// several polls, and several tasks may poll it.
///
/// ```no_run
/// use usocket_core::prelude::*;
///
/// fn serve<B: Backend>(net: &B) -> Result<()> {
///     let listener = net.tcp()?;
///     listener.bind(("", 8080))?;
///     listener.listen(None)?;
///     let mut poll = Poll::<8>::new(net);
///     poll.register(&listener, POLLIN)?;
///     let mut clients = [const { None }; 7];
///     loop {
///         poll.poll(None)?;
///         while let Some(ready) = poll.next_ready() {
///             if ready.is(&listener) {
///                 let (client, _) = listener.accept()?;
///                 if let Some(free) = clients.iter_mut().find(|client| client.is_none()) {
///                     poll.register(&client, POLLIN)?;
///                     *free = Some(client);
///                 }
///             } else if let Some(slot) = clients
///                 .iter_mut()
///                 .find(|slot| slot.as_ref().is_some_and(|client| ready.is(client)))
///             {
///                 let mut buf = [0; 64];
///                 match slot.as_ref().map_or(Ok(0), |client| client.recv(&mut buf)) {
///                     Ok(n) if n > 0 => slot.as_ref().map_or(Ok(()), |c| c.sendall(&buf[..n]))?,
///                     _ => {
///                         slot.take().inspect(|client| poll.unregister(client));
///                     }
///                 }
///             }
///         }
///     }
/// }
/// ```
pub struct Poll<'p, const N: usize, const S: usize = 4> {
    platform: &'p dyn Platform,
    sources: heapless::Vec<Source<'p>, S>,
    entries: heapless::Vec<Entry<'p>, N>,
    /// Serials of the entries found ready by the last wait.
    ready: heapless::Vec<u32, N>,
    /// How many of them `next_ready` has shown.
    next: usize,
    serial: u32,
    /// How many entries may still move to another source.
    unsettled: usize,
}

struct Entry<'p> {
    /// Names the entry in the sets of its source; grows, so that order is age.
    serial: u32,
    object: PollRef<'p>,
    /// Where it is watched: elsewhere, if the object's source only passes on.
    at: PollRef<'p>,
    settled: bool,
    mask: Events,
    found: Events,
}

/// One ready object (row 192).
#[derive(Clone, Copy, Debug)]
pub struct Ready<'p> {
    object: PollRef<'p>,
    /// What is true of it: a part of the mask, and ERR, HUP, NVAL unasked.
    pub events: Events,
}

impl<'p> Ready<'p> {
    /// Whether this is `object`.
    #[must_use]
    pub fn is<'o>(&self, object: impl Pollable<'o>) -> bool {
        self.object.same(&object.poll_ref())
    }

    /// The object.
    #[must_use]
    pub fn object(&self) -> PollRef<'p> {
        self.object
    }
}

/// `ipoll` flag: set the mask of each yielded object to 0 (row 208).
pub const ONE_SHOT: u32 = 1;

impl<'p, const N: usize> Poll<'p, N, 4> {
    /// An empty poll that waits on the platform of `net`.
    #[must_use]
    pub fn new<B: Backend + ?Sized>(net: &'p B) -> Self {
        Self::with_sources(net)
    }
}

impl<'p, const N: usize, const S: usize> Poll<'p, N, S> {
    /// An empty poll for entries of up to `S` sources, `net` included.
    #[must_use]
    pub fn with_sources<B: Backend + ?Sized>(net: &'p B) -> Self {
        const { assert!(S > 0, "a poll needs room for one source") };
        let mut sources = heapless::Vec::new();
        let _ = sources.push(Source::new(net.as_source()));
        let (entries, ready) = (heapless::Vec::new(), heapless::Vec::new());
        Self { platform: net.platform(), sources, entries, ready, next: 0, serial: 0, unsettled: 0 }
    }

    /// Watches `object` for `mask`, or `POLLIN | POLLOUT` if it is `None`;
    /// registering again replaces the mask (row 189).
    ///
    /// ERR, HUP and NVAL are reported whatever the mask, and ignored in it
    /// (row 205). A closed object is accepted and reads as NVAL.
    ///
    /// # Errors
    /// `ENOBUFS`: more than `N` entries or `S` sources.
    pub fn register(
        &mut self,
        object: impl Pollable<'p>,
        mask: impl Into<Option<Events>>,
    ) -> Result<()> {
        let object = object.poll_ref();
        let mask = mask.into().unwrap_or(POLLIN | POLLOUT);
        if self.modify_ref(&object, mask)? {
            return Ok(());
        }
        if self.entries.is_full() {
            return Err(Error::ENOBUFS);
        }
        if self.serial == u32::MAX {
            self.renumber()?;
        }
        let serial = self.serial;
        let (at, settled) = object.origin();
        self.source_of(&at)?.put(at.handle, mask, serial)?;
        let entry = Entry { serial, object, at, settled, mask, found: Events::NONE };
        self.serial = serial + 1;
        self.unsettled += usize::from(!settled);
        self.entries.push(entry).map_err(|_| Error::ENOBUFS)
    }

    /// Changes what a registered object is watched for.
    ///
    /// # Errors
    /// `ENOENT`: not registered (row 190).
    pub fn modify(&mut self, object: impl Pollable<'p>, mask: Events) -> Result<()> {
        if self.modify_ref(&object.poll_ref(), mask)? { Ok(()) } else { Err(Error::ENOENT) }
    }

    /// Stops watching `object`; not an error if it was not watched (row 191).
    pub fn unregister(&mut self, object: impl Pollable<'p>) {
        let object = object.poll_ref();
        if let Some(index) = self.entries.iter().position(|entry| entry.object.same(&object)) {
            let entry = self.entries.remove(index);
            self.unsettled -= usize::from(!entry.settled);
            if let Some(source) = self.sources.iter().find(|source| source.is(&entry.at)) {
                source.remove(entry.at.handle);
            }
            self.leave_sources();
        }
    }

    /// Gives up the sources that no entry is of any more; the first stays, whose platform
    /// this poll waits on.
    fn leave_sources(&mut self) {
        for index in (1..self.sources.len()).rev() {
            let source = &self.sources[index];
            if !self.entries.iter().any(|entry| source.is(&entry.at)) {
                drop(self.sources.remove(index));
            }
        }
    }

    /// How many objects are registered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether nothing is registered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Waits until an object is ready, at most `ms` milliseconds, and lists those
    /// that are (rows 192, 193). 0 only looks; `None` or negative waits for ever.
    /// An empty list is a timeout. The list borrows the poll; a loop that
    /// registers and unregisters takes them by [`next_ready`](Self::next_ready).
    ///
    /// # Errors
    /// `ENOBUFS`: a backend's table of waiters is full.
    pub fn poll(&mut self, ms: impl Into<Option<i32>>) -> Result<ReadyList<'_, 'p, N, S>> {
        self.wait(ms.into())?;
        Ok(ReadyList { poll: self })
    }

    /// The next object that the last [`poll`](Self::poll) found ready, and `None`
    /// after the last. Between two calls the poll may be changed: what was
    /// unregistered is left out, what was registered is looked at by the next `poll`.
    pub fn next_ready(&mut self) -> Option<Ready<'p>> {
        while self.next < self.ready.len() {
            self.next += 1;
            if let Some((_, ready)) = self.nth_ready(self.next - 1) {
                return Some(ready);
            }
        }
        None
    }

    /// As [`poll`](Self::poll), as an iterator (row 207). With [`ONE_SHOT`] in
    /// `flags` the mask of each object that is yielded becomes 0 until `modify`;
    /// HUP, ERR and NVAL are still reported (rows 208, 209).
    pub fn ipoll(&mut self, ms: impl Into<Option<i32>>, flags: u32) -> Result<IPoll<'_, 'p, N, S>> {
        self.wait(ms.into())?;
        Ok(IPoll { poll: self, next: 0, one_shot: flags & ONE_SHOT != 0 })
    }

    fn modify_ref(&mut self, object: &PollRef<'p>, mask: Events) -> Result<bool> {
        let Some(entry) = self.entries.iter_mut().find(|entry| entry.object.same(object)) else {
            return Ok(false);
        };
        if let Some(source) = self.sources.iter_mut().find(|source| source.is(&entry.at)) {
            source.put(entry.at.handle, mask, entry.serial)?;
        }
        entry.mask = mask;
        Ok(true)
    }

    /// Begins to count again from the entries that there are. What `next_ready` has not
    /// shown yet is found again by the next `poll`.
    fn renumber(&mut self) -> Result<()> {
        self.ready.clear();
        self.serial = 0;
        let mut outcome = Ok(());
        for (entry, serial) in self.entries.iter_mut().zip(0..) {
            (entry.serial, self.serial) = (serial, serial + 1);
            if let Some(source) = self.sources.iter_mut().find(|source| source.is(&entry.at)) {
                outcome = outcome.and(source.put(entry.at.handle, entry.mask, serial));
            }
        }
        outcome
    }

    /// The source that `at` names; added if it is new.
    fn source_of(&mut self, at: &PollRef<'p>) -> Result<&mut Source<'p>> {
        let index = match self.sources.iter().position(|source| source.is(at)) {
            Some(index) => index,
            None => {
                self.sources.push(Source::new(at.source)).map_err(|_| Error::ENOBUFS)?;
                self.sources.len() - 1
            }
        };
        Ok(&mut self.sources[index])
    }

    /// Moves the entries whose object has found its backend since the last wait.
    fn settle(&mut self) -> Result<()> {
        for index in 0..self.entries.len() {
            let entry = &self.entries[index];
            if entry.settled {
                continue;
            }
            let (serial, mask) = (entry.serial, entry.mask);
            let (at, settled) = entry.object.origin();
            if settled {
                self.source_of(&at)?.put(at.handle, mask, serial)?;
                let entry = &mut self.entries[index];
                (entry.at, entry.settled) = (at, settled);
                self.unsettled -= 1;
            }
        }
        Ok(())
    }

    /// Fills `ready`.
    fn wait(&mut self, ms: Option<i32>) -> Result<()> {
        self.next = 0;
        let limit = ms.and_then(|ms| u64::try_from(ms).ok()).map(Duration::from_millis);
        let deadline = limit.map(|limit| self.platform.now() + limit);
        let outcome = self.wait_until(deadline);
        for source in &mut self.sources {
            source.forget();
        }
        self.ready.sort_unstable();
        outcome
    }

    /// The one waiting loop of a poll. It sleeps in one place: on the set of the
    /// first source that has sets, else on the platform; every other source gets
    /// a waker that ends that sleep.
    fn wait_until(&mut self, deadline: Option<Instant>) -> Result<()> {
        loop {
            self.ready.clear();
            if self.unsettled > 0 {
                self.settle()?;
            }
            let idler = self.sources.iter().position(|source| source.has_sets());
            let mut now = self.platform.now();
            let mut next = self.drive(now);
            self.look(idler)?;
            if deadline.is_some_and(|deadline| now >= deadline) || !self.ready.is_empty() {
                return match idler {
                    Some(idler) => self.wait_on_set(idler, Some(Duration::ZERO)),
                    None => Ok(()),
                };
            }
            if self.listen(idler)? {
                // Driven and asked once more behind the registration: what another thread
                // did before it, new timers included, has woken nobody.
                now = self.platform.now();
                next = self.drive(now);
                self.look(idler)?;
                if !self.ready.is_empty() || self.sources.iter().any(|source| source.pending()) {
                    continue;
                }
            }
            let until = earlier(deadline, next);
            let Some(idler) = idler else {
                let sources = &self.sources;
                self.platform.idle(until, &mut || sources.iter().any(|source| source.pending()));
                continue;
            };
            let alone = self.sources.len() == 1;
            self.wait_on_set(idler, until.map(|until| until.saturating_since(now)))?;
            if !self.ready.is_empty() {
                return self.look(Some(idler));
            }
            if alone && self.unsettled == 0 && self.is_over(deadline) {
                // The set was asked last, and there is nobody else to ask.
                return Ok(());
            }
        }
    }

    fn is_over(&self, deadline: Option<Instant>) -> bool {
        deadline.is_some_and(|deadline| self.platform.now() >= deadline)
    }

    fn drive(&self, now: Instant) -> Option<Instant> {
        self.sources.iter().fold(None, |next, source| earlier(next, source.drive(now)))
    }

    /// Asks every source but the idler what is ready: a set as a whole, the
    /// others entry by entry.
    fn look(&mut self, idler: Option<usize>) -> Result<()> {
        for index in 0..self.sources.len() {
            if Some(index) == idler {
                continue;
            }
            if self.sources[index].has_sets() {
                self.wait_on_set(index, Some(Duration::ZERO))?;
                continue;
            }
            for entry in &mut self.entries {
                if self.sources[index].is(&entry.at) {
                    entry.found = entry.at.readiness().masked(entry.mask);
                    if !entry.found.is_empty() {
                        let _ = self.ready.push(entry.serial);
                    }
                }
            }
        }
        Ok(())
    }

    /// Registers the sleeper's waker with every other source; `false` if there
    /// is nobody else, or no waker: there, interrupts end the sleep.
    fn listen(&mut self, idler: Option<usize>) -> Result<bool> {
        let waker = match idler {
            Some(_) if self.sources.len() == 1 => return Ok(false),
            Some(index) => self.sources[index].waker()?,
            None => match self.platform.waker() {
                Some(waker) => waker,
                None => return Ok(false),
            },
        };
        for (index, source) in self.sources.iter_mut().enumerate() {
            if Some(index) != idler {
                source.listen(&waker)?;
            }
        }
        Ok(true)
    }

    /// One wait on the set of a source; marks what it reports.
    fn wait_on_set(&mut self, index: usize, limit: Option<Duration>) -> Result<()> {
        self.sources[index].open()?;
        let (entries, ready, sources) = (&mut self.entries, &mut self.ready, &self.sources);
        let mut others =
            || sources.iter().enumerate().any(|(other, source)| other != index && source.pending());
        sources[index].wait(limit, &mut others, &mut |serial, events| {
            let Ok(at) = entries.binary_search_by_key(&serial, |entry| entry.serial) else {
                return;
            };
            entries[at].found = events.masked(entries[at].mask);
            if !entries[at].found.is_empty() {
                let _ = ready.push(serial);
            }
        })
    }

    fn nth_ready(&self, index: usize) -> Option<(usize, Ready<'p>)> {
        let serial = self.ready.get(index)?;
        let at = self.entries.binary_search_by_key(serial, |entry| entry.serial).ok()?;
        let entry = &self.entries[at];
        Some((at, Ready { object: entry.object, events: entry.found }))
    }
}

impl<const N: usize, const S: usize> fmt::Debug for Poll<'_, N, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entries = self.entries.iter().map(|entry| (entry.object, entry.mask));
        f.debug_map().entries(entries).finish()
    }
}

/// What [`Poll::poll`] found, in the order of registration.
#[derive(Debug)]
pub struct ReadyList<'a, 'p, const N: usize, const S: usize> {
    poll: &'a Poll<'p, N, S>,
}

impl<'a, 'p, const N: usize, const S: usize> ReadyList<'a, 'p, N, S> {
    /// How many objects are ready.
    #[must_use]
    pub fn len(&self) -> usize {
        self.poll.ready.len()
    }

    /// Whether the time ran out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.poll.ready.is_empty()
    }

    /// The ready objects.
    pub fn iter(&self) -> impl Iterator<Item = Ready<'p>> + use<'a, 'p, N, S> {
        let poll = self.poll;
        (0..poll.ready.len()).filter_map(move |index| poll.nth_ready(index).map(|(_, ready)| ready))
    }

    /// The events of one object; none if it is not ready.
    #[must_use]
    pub fn events_of<'o>(&self, object: impl Pollable<'o>) -> Events {
        self.iter().find(|ready| ready.is(&object)).map_or(Events::NONE, |ready| ready.events)
    }
}

impl<'a, 'p, const N: usize, const S: usize> IntoIterator for ReadyList<'a, 'p, N, S> {
    type Item = Ready<'p>;
    type IntoIter = ReadyIter<'a, 'p, N, S>;

    fn into_iter(self) -> Self::IntoIter {
        ReadyIter { poll: self.poll, next: 0 }
    }
}

/// Iterator over a [`ReadyList`].
#[derive(Debug)]
pub struct ReadyIter<'a, 'p, const N: usize, const S: usize> {
    poll: &'a Poll<'p, N, S>,
    next: usize,
}

impl<'p, const N: usize, const S: usize> Iterator for ReadyIter<'_, 'p, N, S> {
    type Item = Ready<'p>;

    fn next(&mut self) -> Option<Ready<'p>> {
        let (_, ready) = self.poll.nth_ready(self.next)?;
        self.next += 1;
        Some(ready)
    }
}

/// What [`Poll::ipoll`] returns.
#[derive(Debug)]
pub struct IPoll<'a, 'p, const N: usize, const S: usize> {
    poll: &'a mut Poll<'p, N, S>,
    next: usize,
    one_shot: bool,
}

impl<'p, const N: usize, const S: usize> Iterator for IPoll<'_, 'p, N, S> {
    type Item = Ready<'p>;

    fn next(&mut self) -> Option<Ready<'p>> {
        let (_, ready) = self.poll.nth_ready(self.next)?;
        self.next += 1;
        if self.one_shot {
            // A set that cannot forget a mask reports it again; harmless.
            let _ = self.poll.modify_ref(&ready.object, Events::NONE);
        }
        Some(ready)
    }
}
