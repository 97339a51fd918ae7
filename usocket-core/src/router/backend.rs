//! A router as a backend: find the place, then ask it.

use core::net::IpAddr;

use embassy_sync::blocking_mutex::raw::RawMutex;

use super::slot::{Loose, Place, Slot};
use super::{Router, choice};
use crate::spi::{
    Answer, Backend, Group, Handle, Link, Opt, OptName, Platform, RecvFlags, RecvInfo, Shutdown,
    SockType,
};
use crate::{Error, Family, Instant, POLLIN, Result, SockAddr};

/// What decides where a socket without a backend goes.
enum Aim {
    Local(IpAddr),
    Remote(IpAddr),
    Any,
}

impl<M: RawMutex, const NETS: usize, const SOCKETS: usize> Router<'_, M, NETS, SOCKETS> {
    /// The place of a handle, if it has one yet.
    fn find(&self, handle: Handle) -> Result<Option<Place>> {
        self.with(|state| state.slots.get(handle).map(Slot::place).ok_or(Error::EBADF))
    }

    /// The place of a handle; a socket without one gets it now.
    fn settle(&self, handle: Handle, aim: &Aim) -> Result<Place> {
        let loose = self.with(|state| match state.slots.get(handle) {
            None => Err(Error::EBADF),
            Some(Slot::Placed(place)) => Ok(Err(*place)),
            Some(Slot::Loose(loose)) => Ok(Ok(*loose)),
        })?;
        let loose = match loose {
            Ok(loose) => loose,
            Err(place) => return Ok(place),
        };
        let net = match (loose.net, aim) {
            (Some(net), _) => net,
            (None, Aim::Local(ip)) if !ip.is_unspecified() => {
                choice::by_address(self.candidates(), *ip)?
            }
            (None, Aim::Remote(ip)) => choice::by_route(self.candidates(), *ip)?,
            (None, _) => choice::by_order(self.candidates())?,
        };
        let place = Place { net, handle: self.open_on(net, handle, loose)? };
        self.move_in(handle, place)
    }

    /// Opens the socket at its backend, with the options set so far.
    fn open_on(&self, net: usize, outer: Handle, loose: Loose) -> Result<Handle> {
        let backend = self.backend(net);
        let handle = backend.open(loose.family, loose.kind)?;
        let mut index = 0;
        while let Some(option) = self.with(|state| state.options.nth(outer, index)) {
            if let Err(error) = backend.set_option(handle, &option) {
                let _ = backend.close(handle);
                return Err(error);
            }
            index += 1;
        }
        Ok(handle)
    }

    /// Notes the place, unless another task was faster or closed the socket; then
    /// the one opened here is given back.
    fn move_in(&self, handle: Handle, place: Place) -> Result<Place> {
        let (settled, woken) = self.with(|state| {
            let settled = match state.slots.get_mut(handle) {
                None => Err(Error::EBADF),
                Some(Slot::Placed(other)) => Ok(*other),
                Some(slot) => {
                    *slot = Slot::Placed(place);
                    state.options.forget(handle);
                    return (
                        Ok(place),
                        Some(state.waiters.take(Instant::ZERO, |h, _| h == handle)),
                    );
                }
            };
            (settled, None)
        });
        match woken {
            Some(woken) => woken.wake(),
            None => drop(self.backend(place.net).close(place.handle)),
        }
        settled
    }

    /// Asks the place of a handle, or answers `loose` for a socket without one.
    fn at<T>(
        &self,
        handle: Handle,
        loose: impl FnOnce(SockType) -> Result<T>,
        ask: impl FnOnce(&dyn Backend, Handle) -> Result<T>,
    ) -> Result<T> {
        match self.look(handle)? {
            Ok(place) => ask(self.backend(place.net), place.handle),
            Err(kind) => loose(kind),
        }
    }

    /// The place of a handle, or the type of a socket without one. One look, since
    /// another task may give the socket a backend between two.
    fn look(&self, handle: Handle) -> Result<core::result::Result<Place, SockType>> {
        self.with(|state| match state.slots.get(handle) {
            Some(Slot::Loose(loose)) => Ok(Err(loose.kind)),
            Some(Slot::Placed(place)) => Ok(Ok(*place)),
            None => Err(Error::EBADF),
        })
    }

    /// Takes a handle out; its waiters find `EBADF`.
    fn take(&self, handle: Handle) -> Result<Option<Place>> {
        let (slot, woken) = self.with(|state| {
            let slot = state.slots.remove(handle);
            state.options.forget(handle);
            (slot, state.waiters.take(Instant::ZERO, |h, _| h == handle || h == Handle::ANY))
        });
        woken.wake();
        slot.map(|slot| slot.place()).ok_or(Error::EBADF)
    }

    /// Gives a socket or query of a backend a handle of the router.
    fn adopt(&self, net: usize, handle: Handle) -> core::result::Result<Handle, Handle> {
        let place = Place { net, handle };
        self.with(|state| state.slots.insert(Slot::Placed(place))).map_err(|_| handle)
    }

    /// The same of a query, which is given back where there is no room.
    fn adopt_query(&self, net: usize, query: Handle) -> Result<Handle> {
        self.adopt(net, query).map_err(|query| {
            self.backend(net).end_query(query);
            Error::EAI_MEMORY
        })
    }

    /// The backend that a device name means: its own name goes before its interfaces'.
    fn device(&self, name: &str) -> Result<usize> {
        let own = self.nets.iter().position(|net| net.name == name);
        own.or_else(|| self.nets.iter().position(|net| net.backend.has_device(name)))
            .ok_or(Error::ENODEV)
    }

    /// `SO_BINDTODEVICE`. The name of an interface goes on to its backend.
    fn set_device(&self, handle: Handle, name: &str, option: &Opt) -> Result<()> {
        self.find(handle)?;
        let named = if name.is_empty() { None } else { Some(self.device(name)?) };
        let inner = named.is_none_or(|net| self.nets[net].name != name);
        let place = self.with(|state| match state.slots.get_mut(handle) {
            None => Err(Error::EBADF),
            Some(Slot::Placed(place)) => Ok(Some(*place)),
            Some(Slot::Loose(loose)) => {
                if inner && named.is_some() {
                    state.options.keep(handle, option)?;
                } else {
                    state.options.drop_one(handle, OptName::Device);
                }
                loose.net = named;
                Ok(None)
            }
        })?;
        match place {
            // The choice is final.
            Some(place) if named.is_some_and(|net| net != place.net) => Err(Error::EINVAL),
            Some(place) if inner => self.backend(place.net).set_option(place.handle, option),
            _ => Ok(()),
        }
    }

    /// A join or leave: at once, since only a backend knows whether it can be.
    fn set_group(&self, handle: Handle, group: &Group, option: &Opt) -> Result<()> {
        let aim = match group {
            Group::V4 { interface, .. } if self.has_address((*interface).into()) => {
                Aim::Local((*interface).into())
            }
            _ => Aim::Any,
        };
        let place = self.settle(handle, &aim)?;
        self.backend(place.net).set_option(place.handle, option)
    }
}

fn not_connected<T>(kind: SockType) -> Result<T> {
    Err(match kind {
        SockType::Stream => Error::ENOTCONN,
        SockType::Dgram => Error::EAGAIN,
    })
}

impl<M: RawMutex, const NETS: usize, const SOCKETS: usize> Backend
    for Router<'_, M, NETS, SOCKETS>
{
    /// That of the first backend. A router without any must not be used.
    fn platform(&self) -> &dyn Platform {
        self.nets.first().expect("a router needs a backend before it is used").backend.platform()
    }

    fn open(&self, family: Family, kind: SockType) -> Result<Handle> {
        let loose = Loose { family, kind, net: None };
        self.with(|state| state.slots.insert(Slot::Loose(loose))).map_err(|_| Error::ENOMEM)
    }

    fn alive(&self, handle: Handle) -> Result<()> {
        self.at(handle, |_| Ok(()), |net, handle| net.alive(handle))
    }

    fn bind(&self, handle: Handle, address: SockAddr) -> Result<()> {
        let place = self.settle(handle, &Aim::Local(address.ip()))?;
        self.backend(place.net).bind(place.handle, address)
    }

    fn listen(&self, handle: Handle, backlog: u32) -> Result<()> {
        let place = self.settle(handle, &Aim::Any)?;
        self.backend(place.net).listen(place.handle, backlog)
    }

    fn in_effect(&self, handle: Handle) -> bool {
        match self.look(handle) {
            Ok(Ok(place)) => self.backend(place.net).in_effect(place.handle),
            _ => true,
        }
    }

    fn try_accept(&self, handle: Handle) -> Result<(Handle, SockAddr)> {
        let place = self.look(handle)?.map_err(|kind| match kind {
            SockType::Stream => Error::EINVAL,
            SockType::Dgram => Error::EOPNOTSUPP,
        })?;
        let backend = self.backend(place.net);
        // A place first: without one the connection stays pending (S16).
        if self.with(|state| state.slots.len() == SOCKETS)
            && backend.option(place.handle, OptName::Listening) == Ok(Opt::Listening(true))
        {
            let waits = backend.readiness(place.handle).contains(POLLIN);
            return Err(if waits { Error::ENOMEM } else { Error::EAGAIN });
        }
        let (inner, peer) = backend.try_accept(place.handle)?;
        match self.adopt(place.net, inner) {
            Ok(handle) => Ok((handle, peer)),
            Err(inner) => {
                let _ = backend.abort(inner);
                Err(Error::ENOMEM)
            }
        }
    }

    fn try_connect(&self, handle: Handle, address: SockAddr) -> Result<()> {
        let place = self.settle(handle, &Aim::Remote(address.ip()))?;
        self.backend(place.net).try_connect(place.handle, address)
    }

    fn connect_result(&self, handle: Handle) -> Result<()> {
        self.at(handle, |_| Err(Error::ENOTCONN), |net, handle| net.connect_result(handle))
    }

    fn try_send(&self, handle: Handle, data: &[u8]) -> Result<usize> {
        let loose = |kind| {
            Err(match kind {
                SockType::Stream => Error::EPIPE,
                SockType::Dgram => Error::EDESTADDRREQ,
            })
        };
        self.at(handle, loose, |net, handle| net.try_send(handle, data))
    }

    fn try_send_to(&self, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        let place = self.settle(handle, &Aim::Remote(to.ip()))?;
        self.backend(place.net).try_send_to(place.handle, data, to)
    }

    fn try_send_from(
        &self,
        handle: Handle,
        data: &[u8],
        from: IpAddr,
        to: SockAddr,
    ) -> Result<usize> {
        let place = self.settle(handle, &Aim::Remote(to.ip()))?;
        self.backend(place.net).try_send_from(place.handle, data, from, to)
    }

    fn try_recv(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        self.at(handle, not_connected, |net, handle| net.try_recv(handle, buf, flags))
    }

    fn try_recv_info(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<RecvInfo> {
        self.at(handle, not_connected, |net, handle| net.try_recv_info(handle, buf, flags))
    }

    fn try_recv_from(
        &self,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<(usize, SockAddr)> {
        self.at(handle, not_connected, |net, handle| net.try_recv_from(handle, buf, flags))
    }

    fn shutdown(&self, handle: Handle, how: Shutdown) -> Result<()> {
        self.at(handle, |_| Err(Error::ENOTCONN), |net, handle| net.shutdown(handle, how))
    }

    fn close(&self, handle: Handle) -> Result<()> {
        match self.take(handle)? {
            Some(place) => self.backend(place.net).close(place.handle),
            None => Ok(()),
        }
    }

    fn abort(&self, handle: Handle) -> Result<()> {
        match self.take(handle)? {
            Some(place) => self.backend(place.net).abort(place.handle),
            None => Ok(()),
        }
    }

    fn lingering(&self) -> usize {
        self.nets.iter().map(|net| net.backend.lingering()).sum()
    }

    fn set_option(&self, handle: Handle, option: &Opt) -> Result<()> {
        match option {
            Opt::Device(name) => return self.set_device(handle, name, option),
            Opt::Join(group) | Opt::Leave(group) => return self.set_group(handle, group, option),
            _ => {}
        }
        let place = self.with(|state| match state.slots.get(handle) {
            None => Err(Error::EBADF),
            Some(Slot::Placed(place)) => Ok(Some(*place)),
            Some(Slot::Loose(_)) => state.options.keep(handle, option).map(|()| None),
        })?;
        match place {
            Some(place) => self.backend(place.net).set_option(place.handle, option),
            None => Ok(()),
        }
    }

    fn option(&self, handle: Handle, name: OptName) -> Result<Opt> {
        let place = self.settle(handle, &Aim::Any)?;
        self.backend(place.net).option(place.handle, name)
    }

    fn take_error(&self, handle: Handle) -> Result<Option<Error>> {
        self.at(handle, |_| Ok(None), |net, handle| net.take_error(handle))
    }

    fn local_addr(&self, handle: Handle) -> Result<SockAddr> {
        let family = self.with(|state| match state.slots.get(handle) {
            Some(Slot::Loose(loose)) => Some(loose.family),
            _ => None,
        });
        match family {
            Some(family) => Ok(SockAddr::new(family.unspecified(), 0)),
            None => self.at(handle, |_| Err(Error::EBADF), |net, handle| net.local_addr(handle)),
        }
    }

    fn peer_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.at(handle, |_| Err(Error::ENOTCONN), |net, handle| net.peer_addr(handle))
    }

    fn start_query(&self, name: &str, family: Option<Family>, canonname: bool) -> Result<Handle> {
        let net = choice::by_order(self.candidates()).map_err(|_| Error::EAI_AGAIN)?;
        self.adopt_query(net, self.backend(net).start_query(name, family, canonname)?)
    }

    fn start_reverse(&self, ip: IpAddr) -> Result<Handle> {
        let net = choice::by_order(self.candidates()).map_err(|_| Error::EAI_AGAIN)?;
        self.adopt_query(net, self.backend(net).start_reverse(ip)?)
    }

    fn try_answer(&self, query: Handle, answer: &mut Answer) -> Result<()> {
        self.at(query, |_| Err(Error::EBADF), |net, query| net.try_answer(query, answer))
    }

    fn end_query(&self, query: Handle) {
        if let Ok(Some(place)) = self.take(query) {
            self.backend(place.net).end_query(place.handle);
        }
    }

    /// Up if any backend is.
    fn link(&self) -> Link {
        let mut best = Link::Down;
        for net in &self.nets {
            match net.backend.link() {
                Link::Up => return Link::Up,
                Link::NoAddress => best = Link::NoAddress,
                Link::Down => {}
            }
        }
        best
    }

    fn has_address(&self, ip: IpAddr) -> bool {
        self.nets.iter().any(|net| net.backend.has_address(ip))
    }

    fn route(&self, ip: IpAddr) -> Option<u8> {
        self.nets.iter().filter_map(|net| net.backend.route(ip)).max()
    }

    fn has_device(&self, name: &str) -> bool {
        self.device(name).is_ok()
    }
}
