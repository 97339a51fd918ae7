//! The operations.

use std::net::IpAddr;
use std::sync::atomic::Ordering;

use usocket_core::spi::{
    Answer, Backend, Handle, Opt, OptName, Platform, RecvFlags, RecvInfo, Shutdown, SockType,
};
use usocket_core::{Error, Family, Result, SockAddr};
#[cfg(target_os = "linux")]
use usocket_core::{Events, Instant};

use crate::StdNet;
use crate::entry::{Entry, Kind, Phase};
use crate::resolver::Query;
use crate::route;
use crate::sys::{self, Descriptor};

impl StdNet {
    /// An entry for a question that is out.
    fn query(&self, query: Query, family: Option<Family>) -> Result<Handle> {
        let fd = query.ready.descriptor().try_clone().map_err(|_| Error::EAI_MEMORY)?;
        let family = family.unwrap_or(Family::V4);
        self.insert(|handle| Entry::new(handle, fd, Kind::Query(query), family))
            .map_err(|_| Error::EAI_MEMORY)
    }

    /// Takes a descriptor in.
    pub(crate) fn insert(&self, make: impl FnOnce(Handle) -> Entry) -> Result<Handle> {
        let handle = self.table.insert(make)?;
        self.changed();
        Ok(handle)
    }

    /// Tells those who wait for any socket (S8) what the system tells nobody: one is new,
    /// closed, or no longer in the state in which it always hangs up.
    pub(crate) fn changed(&self) {
        if let Some(reactor) = self.reactor.started() {
            reactor.changed();
        }
    }

    /// An accepted connection becomes a socket, with the options of the listener.
    fn adopt(
        &self,
        listener: &Entry,
        (fd, peer): (Descriptor, SockAddr),
    ) -> Result<(Handle, SockAddr)> {
        let handle = self.insert(|handle| {
            let mut entry = Entry::new(handle, fd, Kind::Stream, listener.family);
            *entry.lingers.get_mut() = listener.lingers.load(Ordering::Relaxed);
            entry.set_phase(Phase::Connected);
            *entry.peer() = Some(peer);
            entry
        })?;
        Ok((handle, peer))
    }
}

impl Backend for StdNet {
    fn platform(&self) -> &dyn Platform {
        &self.platform
    }

    fn open(&self, family: Family, kind: SockType) -> Result<Handle> {
        let fd = sys::open(family, kind).map_err(sys::error)?;
        let kind = match kind {
            SockType::Stream => Kind::Stream,
            SockType::Dgram => Kind::Dgram,
        };
        self.insert(|handle| Entry::new(handle, fd, kind, family))
    }

    fn alive(&self, handle: Handle) -> Result<()> {
        self.table.get(handle).map(|_| ())
    }

    fn bind(&self, handle: Handle, address: SockAddr) -> Result<()> {
        let entry = self.table.get(handle)?;
        entry.done_with(address, rustix::net::bind(&entry.fd, &address.to_std()))
    }

    fn listen(&self, handle: Handle, backlog: u32) -> Result<()> {
        let entry = self.table.get(handle)?;
        // The system clamps it to its own limit (row 64).
        let backlog = i32::try_from(backlog).unwrap_or(i32::MAX);
        entry.done(rustix::net::listen(&entry.fd, backlog))?;
        entry.set_phase(Phase::Listening);
        self.changed();
        Ok(())
    }

    /// The first call on a listener puts it into non-blocking mode for good.
    fn try_accept(&self, handle: Handle) -> Result<(Handle, SockAddr)> {
        let entry = self.table.get(handle)?;
        self.adopt(&entry, entry.accept_now()?)
    }

    fn try_connect(&self, handle: Handle, address: SockAddr) -> Result<()> {
        let outcome = self.table.get(handle)?.connect_start(address);
        self.changed();
        outcome
    }

    fn connect_result(&self, handle: Handle) -> Result<()> {
        self.table.get(handle)?.connect_result()
    }

    fn try_send(&self, handle: Handle, data: &[u8]) -> Result<usize> {
        self.table.get(handle)?.send_now(data)
    }

    fn try_send_to(&self, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        self.table.get(handle)?.send_to_now(data, to)
    }

    fn try_send_from(
        &self,
        handle: Handle,
        data: &[u8],
        from: IpAddr,
        to: SockAddr,
    ) -> Result<usize> {
        self.table.get(handle)?.send_from_now(data, from, to)
    }

    fn try_recv(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        self.table.get(handle)?.recv_now(buf, flags)
    }

    fn try_recv_from(
        &self,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<(usize, SockAddr)> {
        self.table.get(handle)?.recv_from_now(buf, flags, false)
    }

    fn try_recv_info(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<RecvInfo> {
        self.table.get(handle)?.recv_info_now(buf, flags, false)
    }

    fn shutdown(&self, handle: Handle, how: Shutdown) -> Result<()> {
        let entry = self.table.get(handle)?;
        // Linux says so too, but shuts down all the same: a listener stops, a connect that
        // is pending is given up, a new socket is of no use any more.
        entry.peer_addr()?;
        let direction = match how {
            Shutdown::Read => rustix::net::Shutdown::Read,
            Shutdown::Write => rustix::net::Shutdown::Write,
            Shutdown::Both => rustix::net::Shutdown::Both,
        };
        entry.done(rustix::net::shutdown(&entry.fd, direction))?;
        entry.read_shut.fetch_or(how != Shutdown::Write, Ordering::Relaxed);
        Ok(())
    }

    fn close(&self, handle: Handle) -> Result<()> {
        self.end(handle, false)
    }

    fn abort(&self, handle: Handle) -> Result<()> {
        self.end(handle, true)
    }

    fn set_option(&self, handle: Handle, option: &Opt) -> Result<()> {
        self.table.get(handle)?.set_option(option)
    }

    fn option(&self, handle: Handle, name: OptName) -> Result<Opt> {
        self.table.get(handle)?.option(name)
    }

    fn take_error(&self, handle: Handle) -> Result<Option<Error>> {
        let entry = self.table.get(handle)?;
        let error = entry.done(rustix::net::sockopt::socket_error(&entry.fd))?;
        Ok(error.err().map(sys::error))
    }

    fn local_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.table.get(handle)?.local_addr()
    }

    fn peer_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.table.get(handle)?.peer_addr()
    }

    fn start_query(&self, name: &str, family: Option<Family>, canonname: bool) -> Result<Handle> {
        let query = self.resolver().start(name, family, canonname)?;
        self.query(query, family)
    }

    fn start_reverse(&self, ip: IpAddr) -> Result<Handle> {
        self.query(self.resolver().start_reverse(ip)?, None)
    }

    fn try_answer(&self, query: Handle, answer: &mut Answer) -> Result<()> {
        match &self.table.get(query)?.kind {
            Kind::Query(query) => query.answer(answer),
            _ => Err(Error::EBADF),
        }
    }

    fn end_query(&self, query: Handle) {
        let is_query =
            self.table.get(query).is_ok_and(|entry| matches!(entry.kind, Kind::Query(_)));
        if is_query {
            let _ = self.end(query, false);
        }
    }

    fn has_address(&self, ip: IpAddr) -> bool {
        route::is_ours(ip)
    }

    fn route(&self, ip: IpAddr) -> Option<u8> {
        route::prefix(ip)
    }

    fn has_device(&self, name: &str) -> bool {
        route::has_device(name)
    }

    #[cfg(target_os = "linux")]
    fn wait(&self, handle: Handle, events: Events, until: Option<Instant>) -> Result<()> {
        match self.table.get(handle) {
            Ok(entry) => entry.wait(events, until),
            // Closed: the next attempt finds out.
            Err(_) => Ok(()),
        }
    }

    #[cfg(target_os = "linux")]
    #[inline]
    fn recv_wait(&self, handle: Handle, buf: &mut [u8]) -> Result<usize> {
        self.table.get(handle)?.recv_blocking(buf)
    }

    #[cfg(target_os = "linux")]
    fn recv_from_wait(&self, handle: Handle, buf: &mut [u8]) -> Result<(usize, SockAddr)> {
        self.table.get(handle)?.recv_from_now(buf, RecvFlags::default(), true)
    }

    #[cfg(target_os = "linux")]
    fn recv_info_wait(&self, handle: Handle, buf: &mut [u8]) -> Result<RecvInfo> {
        self.table.get(handle)?.recv_info_now(buf, RecvFlags::default(), true)
    }

    #[cfg(target_os = "linux")]
    #[inline]
    fn send_wait(&self, handle: Handle, data: &[u8]) -> Result<usize> {
        self.table.get(handle)?.send_blocking(data)
    }

    #[cfg(target_os = "linux")]
    fn accept_wait(&self, handle: Handle) -> Result<(Handle, SockAddr)> {
        let entry = self.table.get(handle)?;
        self.adopt(&entry, entry.accept_blocking()?)
    }

    #[cfg(target_os = "linux")]
    fn connect_wait(&self, handle: Handle, address: SockAddr) -> Result<()> {
        let outcome = self.table.get(handle)?.connect_blocking(address);
        self.changed();
        outcome
    }
}
