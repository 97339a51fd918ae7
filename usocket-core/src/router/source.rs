//! A router as a source of events: all backends at once.

use embassy_sync::blocking_mutex::raw::RawMutex;

use super::Router;
use super::slot::{Place, Slot, Wide};
use crate::spi::{EventSource, Handle, Origin, SockType, Wait, WaitKey};
use crate::{Error, Events, Instant, POLLHUP, POLLNVAL, POLLOUT, Result, earlier};

/// Whose key a [`WaitKey`] of a router wraps.
enum Owner {
    /// The router's own waiters, on sockets without a backend.
    Own(WaitKey),
    /// A waiter on everything.
    Wide(Handle),
    /// A waiter of one backend.
    Net(usize, WaitKey),
}

impl Owner {
    /// Keys are counted by owners: the first two are the router itself.
    fn key<const NETS: usize>(self) -> WaitKey {
        let owners = NETS as u64 + 2;
        let (owner, number) = match self {
            Owner::Own(key) => (0, key.number()),
            Owner::Wide(handle) => {
                (1, (handle.slot() as u64) << 32 | u64::from(handle.generation()))
            }
            Owner::Net(net, key) => (net as u64 + 2, key.number()),
        };
        WaitKey::new(number.wrapping_mul(owners).wrapping_add(owner))
    }

    #[expect(clippy::cast_possible_truncation, reason = "the halves that `key` put together")]
    fn of<const NETS: usize>(key: WaitKey) -> Self {
        let owners = NETS as u64 + 2;
        let number = key.number() / owners;
        match key.number() % owners {
            0 => Owner::Own(WaitKey::new(number)),
            1 => Owner::Wide(Handle::new((number >> 32) as u32, number as u32)),
            net => Owner::Net((net - 2) as usize, WaitKey::new(number)),
        }
    }
}

impl<M: RawMutex, const NETS: usize, const SOCKETS: usize> EventSource
    for Router<'_, M, NETS, SOCKETS>
{
    fn drive(&self, now: Instant) -> Option<Instant> {
        let next = self.nets.iter().fold(None, |next, net| earlier(next, net.backend.drive(now)));
        let (woken, own) = self
            .with(|state| (state.waiters.take(now, |_, _| false), state.waiters.next_deadline()));
        woken.wake();
        earlier(next, own)
    }

    fn pending(&self) -> bool {
        self.nets.iter().any(|net| net.backend.pending()) || self.with(|s| s.waiters.sooner())
    }

    fn readiness(&self, handle: Handle) -> Events {
        let found = self.with(|state| match state.slots.get(handle) {
            None => Err(POLLNVAL),
            Some(Slot::Loose(loose)) if loose.kind == SockType::Stream => Err(POLLOUT | POLLHUP),
            Some(Slot::Loose(_)) => Err(POLLOUT),
            Some(Slot::Placed(place)) => Ok(*place),
        });
        match found {
            Ok(Place { net, handle }) => self.backend(net).readiness(handle),
            Err(events) => events,
        }
    }

    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        let owner = key.map(Owner::of::<NETS>);
        if matches!(wait.handle, Handle::ANY | Handle::WORK) {
            return self.register_wide(owner, wait);
        }
        let place = self.with(|state| match state.slots.get(wait.handle) {
            None => Err(Error::EBADF),
            Some(slot) => Ok(slot.place()),
        })?;
        let Some(place) = place else {
            let own = match owner {
                Some(Owner::Own(key)) => Some(key),
                _ => None,
            };
            let waker = wait.waker.clone();
            let (key, _unneeded, woken) = self.with(|state| {
                let (key, unneeded) = state.waiters.register(own, wait, waker);
                let woken = state.waiters.sooner().then(|| state.waiters.take_workers());
                (key, unneeded, woken)
            });
            if let Some(woken) = woken {
                woken.wake();
            }
            return Ok(Owner::Own(key?).key::<NETS>());
        };
        let inner = match owner {
            Some(Owner::Net(net, key)) if net == place.net => Some(key),
            // It waited while the socket had no backend.
            _ => {
                key.inspect(|&key| self.unregister(key));
                None
            }
        };
        let wait = Wait { handle: place.handle, ..wait };
        let key = self.backend(place.net).register(inner, wait)?;
        Ok(Owner::Net(place.net, key).key::<NETS>())
    }

    fn origin(&self, handle: Handle) -> Origin<'_> {
        match self.with(|state| state.slots.get(handle).map(super::slot::Slot::place)) {
            Some(Some(place)) => Origin::At(self.backend(place.net), place.handle),
            Some(None) => Origin::NotYet,
            None => Origin::Here,
        }
    }

    fn unregister(&self, key: WaitKey) {
        match Owner::of::<NETS>(key) {
            Owner::Own(key) => drop(self.with(|state| state.waiters.unregister(key))),
            Owner::Wide(handle) => {
                if let Some(wide) = self.with(|state| state.wide.remove(handle)) {
                    self.unregister_wide(&wide);
                }
            }
            Owner::Net(net, key) if net < self.nets.len() => self.backend(net).unregister(key),
            Owner::Net(..) => {}
        }
    }
}

impl<M: RawMutex, const NETS: usize, const SOCKETS: usize> Router<'_, M, NETS, SOCKETS> {
    /// Registers one waiter with every backend.
    fn register_wide(&self, owner: Option<Owner>, wait: Wait<'_>) -> Result<WaitKey> {
        let known = match owner {
            Some(Owner::Wide(handle)) => self.with(|state| state.wide.remove(handle)),
            _ => None,
        };
        let mut wide = known.unwrap_or(Wide { own: None, keys: [None; NETS] });
        // A socket that finds its backend is a change, too.
        let waker = wait.waker.clone();
        let (own, _unneeded) = self.with(|state| state.waiters.register(wide.own, wait, waker));
        wide.own = own.ok();
        let mut outcome = own.map(|_| ());
        for (net, key) in self.nets.iter().zip(&mut wide.keys) {
            match net.backend.register(*key, wait) {
                Ok(renewed) => *key = Some(renewed),
                Err(error) => outcome = Err(error),
            }
        }
        let kept = match outcome {
            Ok(()) => {
                self.with(|state| state.wide.insert(wide)).map_err(|wide| (wide, Error::ENOBUFS))
            }
            Err(error) => Err((wide, error)),
        };
        match kept {
            Ok(handle) => Ok(Owner::Wide(handle).key::<NETS>()),
            Err((wide, error)) => {
                self.unregister_wide(&wide);
                Err(error)
            }
        }
    }

    fn unregister_wide(&self, wide: &Wide<NETS>) {
        wide.own.inspect(|&key| drop(self.with(|state| state.waiters.unregister(key))));
        for (net, key) in self.nets.iter().zip(wide.keys) {
            key.inspect(|&key| net.backend.unregister(key));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_say_whose_they_are() {
        let handle = Handle::new(3, 70_000);
        assert!(matches!(
            Owner::of::<2>(Owner::Wide(handle).key::<2>()), Owner::Wide(found) if found == handle
        ));
        let key = WaitKey::new(12);
        assert!(matches!(
            Owner::of::<2>(Owner::Net(1, key).key::<2>()), Owner::Net(1, found) if found == key
        ));
        assert!(
            matches!(Owner::of::<2>(Owner::Own(key).key::<2>()), Owner::Own(found) if found == key)
        );
    }
}
