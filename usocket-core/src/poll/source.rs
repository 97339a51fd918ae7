//! The backends and streams of a poll, each with its set or its registrations.

use core::fmt;
use core::ptr;
use core::task::Waker;
use core::time::Duration;

use crate::spi::{Backend, EventSource, Handle, Origin, PollSets, SetId, Wait, WaitKey};
use crate::{Error, Events, Instant, Result, Socket};

/// Something that a poll can watch: a socket, or a stream object of the user's
/// own ("not just on sockets, but on generic stream objects that support polling").
///
/// For a type `Uart` of your own that is an [`EventSource`], implement it for the
/// reference:
///
/// ```
/// # use usocket_core::spi::{EventSource, Handle, Wait, WaitKey};
/// # use usocket_core::{Events, Instant, PollRef, Pollable, Result};
/// # struct Uart;
/// # impl EventSource for Uart {
/// #     fn drive(&self, _: Instant) -> Option<Instant> { None }
/// #     fn readiness(&self, _: Handle) -> Events { Events::NONE }
/// #     fn register(&self, _: Option<WaitKey>, _: Wait<'_>) -> Result<WaitKey> { Ok(WaitKey::new(0)) }
/// #     fn unregister(&self, _: WaitKey) {}
/// # }
/// impl<'p> Pollable<'p> for &'p Uart {
///     fn poll_ref(&self) -> PollRef<'p> {
///         PollRef::new(*self, Handle::new(0, 0))
///     }
/// }
/// ```
pub trait Pollable<'p> {
    /// Where to ask about it.
    fn poll_ref(&self) -> PollRef<'p>;
}

/// A place in an event source: what a poll keeps of an object.
#[derive(Clone, Copy)]
pub struct PollRef<'p> {
    pub(super) source: &'p dyn EventSource,
    pub(super) handle: Handle,
}

impl<'p> PollRef<'p> {
    /// The object `handle` of `source`.
    #[must_use]
    pub fn new(source: &'p dyn EventSource, handle: Handle) -> Self {
        Self { source, handle }
    }

    /// Whether both name the same object.
    #[must_use]
    pub fn same(&self, other: &PollRef<'_>) -> bool {
        self.handle == other.handle && self.from(other.source)
    }

    /// Where to watch it, and whether that is final.
    pub(super) fn origin(&self) -> (PollRef<'p>, bool) {
        let mut at = *self;
        loop {
            match at.source.origin(at.handle) {
                Origin::Here => return (at, true),
                Origin::NotYet => return (at, false),
                Origin::At(source, handle) => at = PollRef { source, handle },
            }
        }
    }

    /// The events that are true now.
    #[must_use]
    pub fn readiness(&self) -> Events {
        self.source.readiness(self.handle)
    }

    /// By address; what has no size may share its own, so that there the type counts as well.
    /// Elsewhere it must not: one type may have several tables of methods.
    pub(super) fn from(&self, source: &dyn EventSource) -> bool {
        let size = size_of_val(self.source);
        ptr::addr_eq(self.source, source)
            && size == size_of_val(source)
            && (size > 0 || ptr::eq(self.source, source))
    }
}

impl fmt::Debug for PollRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}@{:p}", self.handle, self.source)
    }
}

impl<'p, T: Pollable<'p> + ?Sized> Pollable<'p> for &T {
    fn poll_ref(&self) -> PollRef<'p> {
        (**self).poll_ref()
    }
}

impl<'p> Pollable<'p> for PollRef<'p> {
    fn poll_ref(&self) -> PollRef<'p> {
        *self
    }
}

impl<'b, B: Backend + ?Sized> Pollable<'b> for Socket<'b, B> {
    fn poll_ref(&self) -> PollRef<'b> {
        PollRef::new(self.backend().as_source(), self.handle())
    }
}

/// One event source of a poll.
pub(super) struct Source<'p> {
    pub(super) source: &'p dyn EventSource,
    /// Made at the first use, where the source has sets.
    set: Option<SetId>,
    /// Registrations of the wait under way: any socket, and the source's work.
    keys: [Option<WaitKey>; 2],
}

impl<'p> Source<'p> {
    pub(super) fn new(source: &'p dyn EventSource) -> Self {
        Self { source, set: None, keys: [None; 2] }
    }

    pub(super) fn is(&self, object: &PollRef<'_>) -> bool {
        object.from(self.source)
    }

    pub(super) fn has_sets(&self) -> bool {
        self.source.sets().is_some()
    }

    pub(super) fn drive(&self, now: Instant) -> Option<Instant> {
        self.source.drive(now)
    }

    pub(super) fn pending(&self) -> bool {
        self.source.pending()
    }

    /// Registers an entry for good, where the source can.
    pub(super) fn put(&mut self, handle: Handle, mask: Events, serial: u32) -> Result<()> {
        match self.open()? {
            Some((sets, set)) => sets.put(set, handle, mask, serial),
            None => Ok(()),
        }
    }

    pub(super) fn remove(&self, handle: Handle) {
        if let (Some(sets), Some(set)) = (self.source.sets(), self.set) {
            sets.remove(set, handle);
        }
    }

    pub(super) fn wait(
        &self,
        limit: Option<Duration>,
        ready: &mut dyn FnMut() -> bool,
        report: &mut dyn FnMut(u32, Events),
    ) -> Result<()> {
        match (self.source.sets(), self.set) {
            (Some(sets), Some(set)) => sets.wait(set, limit, ready, report),
            _ => Ok(()),
        }
    }

    /// A waker that ends a wait on this source's set.
    pub(super) fn waker(&mut self) -> Result<Waker> {
        let (sets, set) = self.open()?.ok_or(Error::ENOBUFS)?;
        Ok(sets.waker(set))
    }

    /// Asks this source to use `waker` when anything changes that a poll which
    /// sleeps elsewhere must see.
    pub(super) fn listen(&mut self, waker: &Waker) -> Result<()> {
        if let Some((sets, set)) = self.open()? {
            return sets.arm(set, waker);
        }
        for (key, handle) in self.keys.iter_mut().zip([Handle::ANY, Handle::WORK]) {
            let wait = Wait { handle, events: Events::NONE, deadline: None, waker };
            *key = Some(self.source.register(*key, wait)?);
        }
        Ok(())
    }

    /// Takes the registrations of a wait back.
    pub(super) fn forget(&mut self) {
        for key in &mut self.keys {
            if let Some(key) = key.take() {
                self.source.unregister(key);
            }
        }
    }

    pub(super) fn open(&mut self) -> Result<Option<(&'p dyn PollSets, SetId)>> {
        let Some(sets) = self.source.sets() else { return Ok(None) };
        let set = match self.set {
            Some(set) => set,
            None => *self.set.insert(sets.open()?),
        };
        Ok(Some((sets, set)))
    }
}

impl Drop for Source<'_> {
    fn drop(&mut self) {
        self.forget();
        if let (Some(sets), Some(set)) = (self.source.sets(), self.set) {
            sets.close(set);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::boxed::Box;

    use super::*;
    use crate::wait::fake::Fake;
    use crate::{POLLIN, POLLOUT, Poll};

    /// Of no size, as drivers of single peripherals are.
    struct Ready<const EVENTS: u8>;

    impl<const EVENTS: u8> EventSource for Ready<EVENTS> {
        fn drive(&self, _: Instant) -> Option<Instant> {
            None
        }

        fn readiness(&self, _: Handle) -> Events {
            Events::from_bits(EVENTS)
        }

        fn register(&self, _: Option<WaitKey>, _: Wait<'_>) -> Result<WaitKey> {
            Ok(WaitKey::new(0))
        }

        fn unregister(&self, _: WaitKey) {}
    }

    impl<'p, const EVENTS: u8> Pollable<'p> for &'p Ready<EVENTS> {
        fn poll_ref(&self) -> PollRef<'p> {
            PollRef::new(*self, Handle::new(0, 0))
        }
    }

    #[test]
    fn sources_of_no_size_at_one_address_are_told_apart() {
        let net = Fake::<4>::new(false);
        // Boxes of nothing are all at one address.
        let (input, output) = (Box::new(Ready::<1>), Box::new(Ready::<4>));
        assert!(ptr::addr_eq(&raw const *input, &raw const *output));
        let mut poll = Poll::<2>::new(&net);
        poll.register(&*input, POLLIN | POLLOUT).unwrap();
        poll.register(&*output, POLLIN | POLLOUT).unwrap();
        let ready = poll.poll(0).unwrap();
        assert_eq!((ready.events_of(&*input), ready.events_of(&*output)), (POLLIN, POLLOUT));
        poll.register(&*input, POLLOUT).unwrap();
        assert_eq!(poll.len(), 2);
    }
}
