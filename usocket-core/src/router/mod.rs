//! Several backends in one program, and how a socket finds its own (R13).

mod backend;
mod choice;
mod slot;
mod source;

use core::cell::RefCell;
use core::fmt;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;

use self::choice::Candidate;
use self::slot::{Kept, Slot, Wide};
use crate::spi::{Backend, HandleTable, WakerTable};
use crate::{Error, Result};

/// A backend made of other backends: up to `NETS` of them, and `SOCKETS`
/// sockets or queries at once.
///
/// A socket belongs to no backend until it has to. Then, in this order:
/// 1. the one that `SO_BINDTODEVICE` named;
/// 2. the one that has the local address it is bound to;
/// 3. the one that is up and has the best route to the address it connects or
///    sends to: the longest prefix;
/// 4. the first in the order of [`add`](Self::add), or of [`prefer`](Self::prefer),
///    that is up.
///
/// The choice is final: if the link goes down, its sockets get `ENETDOWN` and new
/// ones go elsewhere. Sockets that a listener accepts stay with it. Names are asked
/// of the backend that rule 4 picks. `getsockopt` on a socket that has no backend
/// yet applies rule 4, and so do joining and leaving a group, unless they name the
/// address of an interface (rule 2). Other options set before that are kept,
/// `SOCKETS` in all.
///
/// All backends must share one clock and one way to idle: the platform of the
/// first one is used.
///
/// ```no_run
/// use embassy_sync::blocking_mutex::raw::NoopRawMutex;
/// use usocket_core::prelude::*;
/// use usocket_core::router::Router;
///
/// fn both<E: Backend, W: Backend>(ethernet: &E, wifi: &W) -> Result<()> {
///     let mut net = Router::<NoopRawMutex, 2, 8>::new();
///     net.add("eth0", ethernet)?;
///     net.add("wlan0", wifi)?;
///     let s = net.dial("example.org:80", 5)?;
///     s.send("hello")?;
///     Ok(())
/// }
/// ```
pub struct Router<'n, M: RawMutex, const NETS: usize, const SOCKETS: usize> {
    nets: heapless::Vec<Net<'n>, NETS>,
    state: Mutex<M, RefCell<State<NETS, SOCKETS>>>,
}

/// One backend of a router.
struct Net<'n> {
    name: &'n str,
    backend: &'n dyn Backend,
}

struct State<const NETS: usize, const SOCKETS: usize> {
    slots: HandleTable<Slot, SOCKETS>,
    options: Kept<SOCKETS>,
    /// Positions in `nets`, most wanted first.
    order: heapless::Vec<usize, NETS>,
    /// Waiters on sockets that have no backend yet.
    waiters: WakerTable<SOCKETS>,
    /// Waiters on all backends at once.
    wide: HandleTable<Wide<NETS>, SOCKETS>,
}

impl<'n, M: RawMutex, const NETS: usize, const SOCKETS: usize> Router<'n, M, NETS, SOCKETS> {
    /// A router without backends.
    #[must_use]
    pub const fn new() -> Self {
        let state = State {
            slots: HandleTable::new(),
            options: Kept::new(),
            order: heapless::Vec::new(),
            waiters: WakerTable::new(),
            wide: HandleTable::new(),
        };
        Self { nets: heapless::Vec::new(), state: Mutex::new(RefCell::new(state)) }
    }

    /// Adds a backend under a name for `SO_BINDTODEVICE`, at most 15 bytes. Names
    /// of a backend's own interfaces work as well.
    ///
    /// # Errors
    /// `ENOBUFS`: more than `NETS`. `EEXIST`: the name is taken. `EINVAL`: too long.
    pub fn add<B: Backend>(&mut self, name: &'n str, backend: &'n B) -> Result<()> {
        if name.is_empty() || name.len() > 15 {
            return Err(Error::EINVAL);
        }
        if self.nets.iter().any(|net| net.name == name) {
            return Err(Error::EEXIST);
        }
        let index = self.nets.len();
        self.nets.push(Net { name, backend }).map_err(|_| Error::ENOBUFS)?;
        self.with(|state| state.order.push(index)).map_err(|_| Error::ENOBUFS)
    }

    /// Puts a backend first in the order of rule 4, from now on: the hook for a
    /// program's own policy of failover.
    ///
    /// # Errors
    /// `ENODEV`: no backend of that name.
    pub fn prefer(&self, name: &str) -> Result<()> {
        let index = self.nets.iter().position(|net| net.name == name).ok_or(Error::ENODEV)?;
        self.with(|state| {
            state.order.retain(|&other| other != index);
            // It was just taken out, so there is room.
            let _ = state.order.insert(0, index);
        });
        Ok(())
    }

    /// The name of the backend that a socket belongs to; `None` as long as it has none.
    pub fn net_of<B: Backend>(&self, socket: &crate::Socket<'_, B>) -> Result<Option<&'n str>> {
        let place = self.with(|state| match state.slots.get(socket.handle()) {
            Some(slot) => Ok(slot.place()),
            None => Err(Error::EBADF),
        })?;
        Ok(place.map(|place| self.nets[place.net].name))
    }

    fn with<T>(&self, work: impl FnOnce(&mut State<NETS, SOCKETS>) -> T) -> T {
        self.state.lock(|state| work(&mut state.borrow_mut()))
    }

    fn backend(&self, net: usize) -> &'n dyn Backend {
        self.nets[net].backend
    }

    /// The backends in order of preference, with what a choice needs to know.
    fn candidates(&self) -> impl Iterator<Item = Candidate<'n>> {
        let order = self.with(|state| state.order.clone());
        let nets = &self.nets;
        order.into_iter().map(|net| Candidate { net, backend: nets[net].backend })
    }
}

impl<M: RawMutex, const NETS: usize, const SOCKETS: usize> Default
    for Router<'_, M, NETS, SOCKETS>
{
    fn default() -> Self {
        Self::new()
    }
}

impl<M: RawMutex, const NETS: usize, const SOCKETS: usize> fmt::Debug
    for Router<'_, M, NETS, SOCKETS>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.nets.iter().map(|net| net.name)).finish()
    }
}
