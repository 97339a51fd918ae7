//! The interface of the backend: each method is one short lock.

use core::net::IpAddr;

use embassy_sync::blocking_mutex::raw::RawMutex;
use smoltcp::phy::Device;
use usocket_core::spi::{
    Answer, Backend, EventSource, Handle, Link, Opt, OptName, Platform, RecvFlags, RecvInfo,
    Shutdown, SockType, Wait, WaitKey, park, wait_until,
};
use usocket_core::{Error, Events, Family, Instant, POLLNVAL, Result, SockAddr};
#[cfg(feature = "bulk")]
use usocket_core::{POLLIN, POLLOUT};

use crate::address::{from_stack, is_local, route, sock_addr, to_stack};
use crate::net::Net;
use crate::slots::Role;

impl<D: Device, P: Platform, M: RawMutex, const WAKERS: usize> EventSource
    for Net<'_, D, P, M, WAKERS>
{
    fn drive(&self, now: Instant) -> Option<Instant> {
        self.take_input();
        let (waited, next) = self.with(|shared| {
            if WAKERS == 0 {
                // `wait` asks for what this drive changes.
                shared.state.take_changed();
            }
            shared.state.drive(&mut shared.device, now);
            (shared.is_waited(), shared.next())
        });
        if WAKERS > 0 && waited { self.wake_due(now) } else { next }
    }

    fn pending(&self) -> bool {
        self.has_input()
            || self.with(|shared| shared.state.pending() || (WAKERS > 0 && shared.wakers.sooner()))
    }

    fn readiness(&self, handle: Handle) -> Events {
        self.with(|shared| shared.state.readiness(handle))
    }

    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        // Cloned before the lock is taken, and what is not needed dropped after it (S2).
        let waker = wait.waker.clone();
        let (key, unneeded, woken) = self.with(|shared| {
            if wait.handle != Handle::ANY && wait.handle != Handle::WORK {
                let ready = shared.state.readiness(wait.handle);
                if ready.contains(POLLNVAL) {
                    return (Err(Error::EBADF), Some(waker), None);
                }
                if !ready.masked(wait.events).is_empty() {
                    // True already: the next drive shall fire it (S6).
                    shared.state.touch_streams();
                }
            }
            let (key, unneeded) = shared.wakers.register(key, wait, waker);
            // Its deadline may come before the time that drive returned (S4).
            let work = shared.state.take_unannounced() || shared.wakers.sooner();
            (key, unneeded, work.then(|| shared.wakers.take_workers()))
        });
        drop(unneeded);
        if let Some(woken) = woken {
            woken.wake();
        }
        key
    }

    fn unregister(&self, key: WaitKey) {
        drop(self.with(|shared| shared.wakers.unregister(key)));
    }
}

impl<D: Device, P: Platform, M: RawMutex, const WAKERS: usize> Backend
    for Net<'_, D, P, M, WAKERS>
{
    fn platform(&self) -> &dyn Platform {
        self.board()
    }

    fn open(&self, family: Family, kind: SockType) -> Result<Handle> {
        self.with_wake(|state| state.open(family, kind))
    }

    fn alive(&self, handle: Handle) -> Result<()> {
        self.with(|shared| shared.state.slots.get(handle).map(|_| ()))
    }

    fn bind(&self, handle: Handle, address: SockAddr) -> Result<()> {
        self.with_wake(|state| state.bind(handle, address))
    }

    fn listen(&self, handle: Handle, backlog: u32) -> Result<()> {
        self.with_wake(|state| state.listen(handle, backlog))
    }

    fn try_accept(&self, handle: Handle) -> Result<(Handle, SockAddr)> {
        self.with_bound(|state| state.accept(handle))
    }

    fn try_connect(&self, handle: Handle, address: SockAddr) -> Result<()> {
        self.with_bound(|state| state.connect(handle, address))
    }

    fn connect_result(&self, handle: Handle) -> Result<()> {
        self.with_wake(|state| state.connect_result(handle))
    }

    fn try_send(&self, handle: Handle, data: &[u8]) -> Result<usize> {
        self.with_bound(|state| state.send(handle, data))
    }

    fn try_send_to(&self, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        self.with_bound(|state| state.send_to(handle, data, None, to))
    }

    fn try_send_from(
        &self,
        handle: Handle,
        data: &[u8],
        from: IpAddr,
        to: SockAddr,
    ) -> Result<usize> {
        self.with_bound(|state| state.send_to(handle, data, Some(from), to))
    }

    fn try_recv(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        self.with_wake(|state| state.recv(handle, buf, flags))
    }

    fn try_recv_info(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<RecvInfo> {
        self.with_wake(|state| match state.slots.get(handle)?.role {
            Role::Dgram(_) => state.recv_datagram(handle, buf, flags),
            _ => {
                let len = state.recv(handle, buf, flags)?;
                let from = sock_addr(state.sender(handle)?);
                let local = state.slots.get(handle)?.bound.map(|bound| from_stack(bound.addr));
                Ok(RecvInfo { len, full_len: len, from, local })
            }
        })
    }

    fn shutdown(&self, handle: Handle, how: Shutdown) -> Result<()> {
        self.with_bound(|state| match state.slots.get(handle)?.role {
            Role::Dgram(_) => state.shutdown_datagram(handle, how),
            _ => state.shutdown_stream(handle, how),
        })
    }

    fn close(&self, handle: Handle) -> Result<()> {
        self.let_go(handle, false)
    }

    fn abort(&self, handle: Handle) -> Result<()> {
        self.let_go(handle, true)
    }

    fn lingering(&self) -> usize {
        self.with(|shared| shared.state.lingering())
    }

    fn set_option(&self, handle: Handle, option: &Opt) -> Result<()> {
        self.with_bound(|state| state.set_option(handle, option))
    }

    fn option(&self, handle: Handle, name: OptName) -> Result<Opt> {
        self.with(|shared| shared.state.option(handle, name))
    }

    fn take_error(&self, handle: Handle) -> Result<Option<Error>> {
        self.with_wake(|state| state.take_error(handle))
    }

    fn local_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.with(|shared| shared.state.slots.get(handle).map(|slot| sock_addr(slot.local())))
    }

    fn peer_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.with(|shared| shared.state.peer_addr(handle))
    }

    fn start_query(&self, name: &str, family: Option<Family>, _: bool) -> Result<Handle> {
        self.with_wake(|state| state.start_query(name, family))
    }

    fn try_answer(&self, query: Handle, answer: &mut Answer) -> Result<()> {
        self.with(|shared| shared.state.answer(query, answer))
    }

    fn end_query(&self, query: Handle) {
        self.with_wake(|state| state.end_query(query));
    }

    #[cfg(feature = "bulk")]
    fn recv_wait(&self, handle: Handle, buf: &mut [u8]) -> Result<usize> {
        let flags = RecvFlags::default();
        self.wait_driving(handle, POLLIN, |state| state.recv(handle, buf, flags))
    }

    #[cfg(feature = "bulk")]
    fn send_wait(&self, handle: Handle, data: &[u8]) -> Result<usize> {
        self.wait_driving(handle, POLLOUT, |state| state.send(handle, data))
    }

    fn wait(&self, handle: Handle, events: Events, until: Option<Instant>) -> Result<()> {
        if WAKERS > 0 {
            return park(self, handle, events, until);
        }
        // Nobody else can wait: whatever has changed is reason enough to try again.
        match wait_until(self, until, || self.with(|shared| shared.state.has_changed())) {
            Err(Error::ETIMEDOUT) => Ok(()),
            answer => answer,
        }
    }

    fn link(&self) -> Link {
        self.with(|shared| shared.state.link())
    }

    fn has_address(&self, ip: IpAddr) -> bool {
        to_stack(ip).is_some_and(|ip| self.with(|shared| is_local(&shared.state.iface, ip)))
    }

    fn route(&self, ip: IpAddr) -> Option<u8> {
        self.with(|shared| route(&shared.state.iface, to_stack(ip)?))
    }

    #[cfg(feature = "options")]
    fn has_device(&self, name: &str) -> bool {
        self.with(|shared| shared.state.name == name)
    }
}

impl<D: Device, P: Platform, M: RawMutex, const WAKERS: usize> Net<'_, D, P, M, WAKERS> {
    /// Behind a drive: wakes those who are due; when to drive again.
    pub(crate) fn wake_due(&self, now: Instant) -> Option<Instant> {
        let (woken, next) = self.with(|shared| {
            let changed = shared.state.take_changed();
            let state = &shared.state;
            let working = state.pending();
            let woken = shared.wakers.take(now, |handle, events| match handle {
                Handle::ANY => changed,
                Handle::WORK => working,
                _ => !state.readiness(handle).masked(events).is_empty(),
            });
            (woken, shared.next())
        });
        woken.wake();
        next
    }

    /// `close` and `abort`: the handle is stale from here on (S9, S17).
    fn let_go(&self, handle: Handle, abort: bool) -> Result<()> {
        self.with_now(|state| {
            let slot = state.slots.remove(handle)?;
            state.release(handle, &slot, abort);
            Ok(())
        })
    }
}
