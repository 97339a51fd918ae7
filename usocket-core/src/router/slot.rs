//! What a router keeps of a socket.

use crate::spi::{Handle, Opt, OptName, SockType, WaitKey};
use crate::{Error, Family, Result};

/// Where a socket is, once it has a backend.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) net: usize,
    pub(super) handle: Handle,
}

/// A socket or a query of a router.
#[derive(Clone, Copy)]
pub(super) enum Slot {
    /// Without a backend: what it will be.
    Loose(Loose),
    /// With a backend.
    Placed(Place),
}

/// A socket without a backend.
#[derive(Clone, Copy)]
pub(super) struct Loose {
    pub(super) family: Family,
    pub(super) kind: SockType,
    /// The backend that `SO_BINDTODEVICE` named.
    pub(super) net: Option<usize>,
}

/// Options set on sockets without a backend: up to `N` in all, since few
/// sockets are in that state at a time.
pub(super) struct Kept<const N: usize>(heapless::Vec<(Handle, Opt), N>);

impl<const N: usize> Kept<N> {
    pub(super) const fn new() -> Self {
        Self(heapless::Vec::new())
    }

    /// Keeps an option for the backend to come; the last value of each counts.
    pub(super) fn keep(&mut self, handle: Handle, option: &Opt) -> Result<()> {
        let same = |(h, old): &&mut (Handle, Opt)| *h == handle && old.name() == option.name();
        match self.0.iter_mut().find(same) {
            Some((_, old)) => old.clone_from(option),
            None => self.0.push((handle, option.clone())).map_err(|_| Error::ENOBUFS)?,
        }
        Ok(())
    }

    /// The option at `index` of those kept for a socket, in order.
    pub(super) fn nth(&self, handle: Handle, index: usize) -> Option<Opt> {
        self.0.iter().filter(|(h, _)| *h == handle).nth(index).map(|(_, option)| option.clone())
    }

    pub(super) fn drop_one(&mut self, handle: Handle, name: OptName) {
        self.0.retain(|(h, option)| *h != handle || option.name() != name);
    }

    pub(super) fn forget(&mut self, handle: Handle) {
        self.0.retain(|(h, _)| *h != handle);
    }
}

impl Slot {
    pub(super) fn place(&self) -> Option<Place> {
        match self {
            Slot::Loose(_) => None,
            Slot::Placed(place) => Some(*place),
        }
    }
}

/// One waiter registered with the router itself and with every backend.
pub(super) struct Wide<const NETS: usize> {
    pub(super) own: Option<WaitKey>,
    pub(super) keys: [Option<WaitKey>; NETS],
}
