//! A wake of the user's own for a blocked poll.

use core::cell::RefCell;
use core::fmt;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;

use super::{PollRef, Pollable};
use crate::spi::{EventSource, Handle, Wait, WaitKey, WakerTable};
use crate::{Events, Instant, POLLIN, Result};

/// Something to register in a [`Poll`](super::Poll) that another thread, task or
/// interrupt handler makes ready: [`wake`](Self::wake) sets `POLLIN`, until
/// [`clear`](Self::clear).
///
/// The mutex `M` decides from where it may be used: `CriticalSectionRawMutex`
/// from anywhere, `NoopRawMutex` from one thread. Two polls at once may wait for one
/// wake; a third is `ENOBUFS`.
///
/// ```
/// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
/// use usocket_core::UserWake;
/// let wake = UserWake::<NoopRawMutex>::new();
/// wake.wake();
/// assert!(wake.clear());
/// assert!(!wake.clear());
/// ```
pub struct UserWake<M: RawMutex> {
    state: Mutex<M, RefCell<State>>,
}

struct State {
    set: bool,
    /// Set since the last drive: ends an idle that it came just before (S4).
    fresh: bool,
    /// One poll may register twice, for sockets and for work.
    waiters: WakerTable<4>,
}

impl<M: RawMutex> UserWake<M> {
    /// A wake that is not set.
    #[must_use]
    pub const fn new() -> Self {
        let state = State { set: false, fresh: false, waiters: WakerTable::new() };
        Self { state: Mutex::new(RefCell::new(state)) }
    }

    /// Makes it ready and ends the polls that wait for it.
    pub fn wake(&self) {
        let woken = self.state.lock(|state| {
            let mut state = state.borrow_mut();
            (state.set, state.fresh) = (true, true);
            state.waiters.take(Instant::ZERO, |_, _| true)
        });
        woken.wake();
    }

    /// Makes it not ready again; returns whether it was.
    pub fn clear(&self) -> bool {
        self.state.lock(|state| core::mem::take(&mut state.borrow_mut().set))
    }
}

impl<M: RawMutex> Default for UserWake<M> {
    fn default() -> Self {
        Self::new()
    }
}

impl<M: RawMutex> fmt::Debug for UserWake<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserWake").field("events", &self.readiness(HANDLE)).finish()
    }
}

impl<M: RawMutex> EventSource for UserWake<M> {
    fn drive(&self, _: Instant) -> Option<Instant> {
        self.state.lock(|state| state.borrow_mut().fresh = false);
        None
    }

    fn pending(&self) -> bool {
        self.state.lock(|state| state.borrow().fresh)
    }

    fn readiness(&self, _: Handle) -> Events {
        if self.state.lock(|state| state.borrow().set) { POLLIN } else { Events::NONE }
    }

    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        let waker = wait.waker.clone();
        // The waker that is no longer needed is dropped here, after the lock (S2).
        let (key, _unneeded) =
            self.state.lock(|state| state.borrow_mut().waiters.register(key, wait, waker));
        key
    }

    fn unregister(&self, key: WaitKey) {
        drop(self.state.lock(|state| state.borrow_mut().waiters.unregister(key)));
    }
}

impl<'p, M: RawMutex> Pollable<'p> for &'p UserWake<M> {
    fn poll_ref(&self) -> PollRef<'p> {
        PollRef::new(*self, HANDLE)
    }
}

const HANDLE: Handle = Handle::new(0, 0);

#[cfg(test)]
mod tests {
    use embassy_sync::blocking_mutex::raw::NoopRawMutex;

    use super::*;
    use crate::Poll;
    use crate::wait::fake::Fake;

    /// A server's poll keeps its listener, and sees a new connection each time.
    #[test]
    fn a_poll_outlives_the_numbers_of_its_entries() {
        let net = Fake::<4>::new(false);
        let [oldest, old, new] = [(); 3].map(|()| UserWake::<NoopRawMutex>::new());
        let mut poll = Poll::<3>::new(&net);
        poll.register(&oldest, POLLIN).unwrap();
        poll.serial = u32::MAX - 1;
        for _ in 0..4 {
            poll.register(&old, POLLIN).unwrap();
            poll.register(&new, POLLIN).unwrap();
            [&oldest, &new, &old].iter().for_each(|wake| wake.wake());
            let ready = poll.poll(0).unwrap();
            assert!(ready.iter().map(|ready| ready.is(&old)).eq([false, true, false]));
            assert!(ready.iter().last().is_some_and(|ready| ready.is(&new)));
            poll.unregister(&old);
            poll.unregister(&new);
        }
        poll.unregister(&oldest);
        poll.serial = u32::MAX;
        poll.register(&old, POLLIN).unwrap();
        assert_eq!((poll.serial, poll.poll(0).unwrap().len()), (1, 1));
    }
}
