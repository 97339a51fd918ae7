//! A fixed table of waiters: for backend authors.

use core::task::Waker;

use super::{Handle, Wait, WaitKey};
use crate::{Error, Events, Instant, Result, earlier};

/// Up to `N` waiters of a backend, any number of them on one socket (S6).
///
/// Keep it under the backend's lock, let [`take`](Self::take) pick who is due,
/// release the lock, then [`wake`](Woken::wake) them (S2).
#[derive(Debug)]
pub struct WakerTable<const N: usize> {
    entries: [Option<Entry>; N],
    /// How many there are: mostly none, which must be seen at a glance.
    taken: usize,
    serial: u64,
    /// What `next_deadline` said last.
    promised: Option<Instant>,
    sooner: bool,
}

#[derive(Debug)]
struct Entry {
    serial: u64,
    handle: Handle,
    events: Events,
    deadline: Option<Instant>,
    waker: Waker,
}

impl<const N: usize> Default for WakerTable<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> WakerTable<N> {
    /// An empty table.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: [const { None }; N], taken: 0, serial: 0, promised: None, sooner: false }
    }

    /// Adds a waiter, or renews the one that `key` names if it is still there.
    /// Then ask [`sooner`](Self::sooner). `wait.waker` is not used: `waker` is a clone of
    /// it, made before the lock was taken, since cloning may run the user's code (S2).
    ///
    /// The second answer is a waker that is no longer needed: the one replaced, or
    /// `waker` itself where there was no room. Drop it after the lock is released.
    ///
    /// # Errors
    /// `ENOBUFS` when the table is full.
    pub fn register(
        &mut self,
        key: Option<WaitKey>,
        wait: Wait<'_>,
        waker: Waker,
    ) -> (Result<WaitKey>, Option<Waker>) {
        let Wait { handle, events, deadline, .. } = wait;
        let sooner = deadline
            .is_some_and(|deadline| self.promised.is_none_or(|promised| deadline < promised));
        let known = key.and_then(|key| {
            self.entries.iter_mut().flatten().find(|entry| entry.serial == key.number())
        });
        if let Some(entry) = known {
            self.sooner |= sooner;
            let serial = entry.serial;
            let old = core::mem::replace(entry, Entry { serial, handle, events, deadline, waker });
            return (Ok(WaitKey::new(serial)), Some(old.waker));
        }
        let Some(free) = self.entries.iter_mut().find(|entry| entry.is_none()) else {
            return (Err(Error::ENOBUFS), Some(waker));
        };
        self.sooner |= sooner;
        self.serial += 1;
        self.taken += 1;
        *free = Some(Entry { serial: self.serial, handle, events, deadline, waker });
        (Ok(WaitKey::new(self.serial)), None)
    }

    /// Whether anybody waits on this socket for one of these events.
    #[must_use]
    pub fn waits_for(&self, handle: Handle, events: Events) -> bool {
        self.entries
            .iter()
            .flatten()
            .any(|entry| entry.handle == handle && entry.events.intersects(events))
    }

    /// Removes a waiter; a stale key does nothing. Drop the waker after the
    /// lock is released: that may run the user's code (S2).
    pub fn unregister(&mut self, key: WaitKey) -> Option<Waker> {
        let named = |entry: &mut Entry| entry.serial == key.number();
        let entry = self.entries.iter_mut().find_map(|entry| entry.take_if(named))?;
        self.taken -= 1;
        Some(entry.waker)
    }

    /// Takes out the waiters that are overdue at `now` or for which `due` says
    /// true of their handle and events.
    pub fn take(&mut self, now: Instant, mut due: impl FnMut(Handle, Events) -> bool) -> Woken<N> {
        let mut woken = heapless::Vec::new();
        if self.taken == 0 {
            return Woken(woken);
        }
        for slot in &mut self.entries {
            let is_due = slot.as_ref().is_some_and(|entry| {
                entry.deadline.is_some_and(|deadline| deadline <= now)
                    || due(entry.handle, entry.events)
            });
            if is_due && let Some(entry) = slot.take() {
                self.taken -= 1;
                // As many places as the table has: pushing cannot fail.
                let _ = woken.push(entry.waker);
            }
        }
        Woken(woken)
    }

    /// Takes out those who wait for work (S8): when `pending` becomes true.
    pub fn take_workers(&mut self) -> Woken<N> {
        self.take(Instant::ZERO, |handle, _| handle == Handle::WORK)
    }

    /// The earliest deadline of a waiter: a part of what `drive` returns.
    pub fn next_deadline(&mut self) -> Option<Instant> {
        self.sooner = false;
        self.promised = None;
        if self.taken > 0 {
            let deadlines = self.entries.iter().flatten().map(|entry| entry.deadline);
            self.promised = deadlines.fold(None, earlier);
        }
        self.promised
    }

    /// Whether a waiter has come with a deadline before that which
    /// [`next_deadline`](Self::next_deadline) returned last, so that `drive` must
    /// run sooner than it said. It is a part of `pending` (S4).
    #[must_use]
    pub fn sooner(&self) -> bool {
        self.sooner
    }

    /// Whether anybody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken == 0
    }
}

/// Waiters to be woken once the lock is released.
#[derive(Debug)]
#[must_use = "these waiters are lost unless they are woken"]
pub struct Woken<const N: usize>(heapless::Vec<Waker, N>);

impl<const N: usize> Woken<N> {
    /// Wakes them all.
    pub fn wake(self) {
        for waker in self.0 {
            waker.wake();
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::*;
    use crate::{POLLIN, POLLOUT};

    fn wait(slot: u32, events: Events, deadline: Option<Instant>) -> Wait<'static> {
        Wait { handle: Handle::new(slot, 0), events, deadline, waker: Waker::noop() }
    }

    fn add<const N: usize>(
        table: &mut WakerTable<N>,
        key: Option<WaitKey>,
        wait: Wait<'_>,
    ) -> Result<WaitKey> {
        table.register(key, wait, wait.waker.clone()).0
    }

    #[test]
    fn a_waker_that_is_replaced_or_finds_no_room_comes_back() {
        let mut table = WakerTable::<1>::new();
        let (key, unneeded) = table.register(None, wait(1, POLLIN, None), Waker::noop().clone());
        assert!(unneeded.is_none());
        let key = key.unwrap();
        assert!(table.waits_for(Handle::new(1, 0), POLLIN | POLLOUT));
        assert!(!table.waits_for(Handle::new(1, 0), POLLOUT));
        for (key, found) in [(Some(key), Ok(key)), (None, Err(Error::ENOBUFS))] {
            let (answer, unneeded) =
                table.register(key, wait(1, POLLIN, None), Waker::noop().clone());
            assert_eq!((answer, unneeded.is_some()), (found, true));
        }
    }

    #[test]
    fn waiters_are_taken_once_by_event_or_deadline() {
        let mut table = WakerTable::<3>::new();
        let soon = Instant::ZERO + Duration::from_secs(1);
        let key = add(&mut table, None, wait(1, POLLIN, None)).unwrap();
        add(&mut table, None, wait(1, POLLIN, Some(soon))).unwrap();
        add(&mut table, None, wait(2, POLLOUT, None)).unwrap();
        assert_eq!(add(&mut table, None, wait(3, POLLIN, None)), Err(Error::ENOBUFS));
        assert_eq!(add(&mut table, Some(key), wait(1, POLLIN, None)), Ok(key));
        assert_eq!(table.next_deadline(), Some(soon));

        assert!(table.take(Instant::ZERO, |_, _| false).is_empty());
        assert_eq!(table.take(soon, |_, _| false).0.len(), 1);
        assert_eq!(table.take(soon, |handle, _| handle.slot() == 1).0.len(), 1);
        assert!(table.unregister(key).is_none());
        assert_ne!(add(&mut table, Some(key), wait(1, POLLIN, None)), Ok(key));
        assert!(!table.is_empty());
    }

    #[test]
    fn an_earlier_deadline_makes_work() {
        let mut table = WakerTable::<4>::new();
        let [early, late] = [1, 2].map(Instant::from_micros);
        add(&mut table, None, wait(1, POLLIN, None)).unwrap();
        assert!(!table.sooner());
        let key = add(&mut table, None, wait(1, POLLIN, Some(late))).unwrap();
        assert!(table.sooner());
        assert_eq!((table.next_deadline(), table.sooner()), (Some(late), false));
        add(&mut table, None, wait(2, POLLIN, Some(late))).unwrap();
        assert!(!table.sooner());
        add(&mut table, Some(key), wait(1, POLLIN, Some(early))).unwrap();
        assert!(table.sooner());
        assert!(table.unregister(key).is_some());
        assert_eq!((table.next_deadline(), table.sooner()), (Some(late), false));
    }
}
