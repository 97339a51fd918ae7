//! A host's sockets: the conformance kit's in-memory backend, owned instead of borrowed.

use std::cell::Cell;
use std::fmt;
use std::net::IpAddr;
use std::rc::{Rc, Weak};
use std::time::Duration;

use usocket_conformance::net as memory;
use usocket_core::spi::{
    Answer, Backend, EventSource, Handle, Link, Opt, OptName, Platform, RecvFlags, RecvInfo,
    Shutdown, SockType, Wait, WaitKey,
};
use usocket_core::{
    Error, Events, Family, Instant, NoopRawMutex, POLLIN, Result, SockAddr, earlier,
};

use crate::clock::Clock;
use crate::tasks::{Sleep, Tasks};
use crate::{BYTES, CONNECTIONS, SOCKETS};

/// The network that everything happens on.
pub(crate) type Network = memory::Network<Clock, NoopRawMutex, SOCKETS, CONNECTIONS, BYTES>;
pub(crate) type Inner<'n> = memory::Host<'n, Clock, NoopRawMutex, SOCKETS, CONNECTIONS, BYTES>;

/// What a world's hosts share. It does not own the tasks: they own it.
pub(crate) struct Shared {
    pub(crate) network: Network,
    pub(crate) tasks: Weak<Tasks>,
    /// Sockets that the application may have open.
    pub(crate) most: Cell<usize>,
}

impl Shared {
    pub(crate) fn now(&self) -> Instant {
        self.network.platform().now()
    }

    fn hosts(&self) -> impl Iterator<Item = Inner<'_>> {
        (0..memory::HOSTS).map_while(|number| self.network.nth(number))
    }
}

/// A host's sockets: a backend as any other, for the application or a peer's own code.
///
/// Clones are the same host.
#[derive(Clone)]
pub struct Net {
    pub(crate) shared: Rc<Shared>,
    number: usize,
}

impl Net {
    /// Adds a host.
    ///
    /// # Panics
    /// The world is full: the application and three more.
    pub(crate) fn add(shared: &Rc<Shared>, addresses: &[IpAddr]) -> Self {
        let host = shared.network.host(addresses);
        let host = host.expect("a world has room for the application and three hosts");
        Self { shared: Rc::clone(shared), number: host.index() }
    }

    /// Whether it may have one socket more.
    fn has_room(&self) -> bool {
        self.number > 0 || self.open_sockets() < self.shared.most.get()
    }

    pub(crate) fn host(&self) -> Inner<'_> {
        // It was added, and hosts stay.
        self.shared.network.nth(self.number).expect("hosts are never taken away")
    }

    /// Sleeps in virtual time: for code that is awaited, of a peer or of the application.
    pub async fn sleep(&self, time: Duration) {
        let until = self.shared.now() + time;
        Sleep::new(&self.shared.tasks, until, || self.shared.now()).await;
    }

    /// How many sockets are open: 0 after a program that leaks none.
    #[must_use]
    pub fn open_sockets(&self) -> usize {
        self.host().sockets()
    }
}

impl fmt::Debug for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Net({})", self.number)
    }
}

/// Most turns of the tasks in one drive: work is bounded (S3).
const TURNS: usize = 16;

impl EventSource for Net {
    fn drive(&self, now: Instant) -> Option<Instant> {
        let tasks = self.shared.tasks.upgrade();
        for _ in 0..TURNS {
            self.host().drive(now);
            if !tasks.as_ref().is_some_and(|tasks| tasks.run(now)) {
                break;
            }
        }
        // Whoever waits lets time pass for all hosts.
        let next = self.shared.hosts().fold(None, |next, host| earlier(next, host.drive(now)));
        earlier(next, tasks.and_then(|tasks| tasks.next()))
    }

    fn pending(&self) -> bool {
        let now = self.shared.now();
        self.shared.hosts().any(|host| host.pending())
            || self.shared.tasks.upgrade().is_some_and(|tasks| tasks.pending(now))
    }

    fn readiness(&self, handle: Handle) -> Events {
        self.host().readiness(handle)
    }

    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        self.host().register(key, wait)
    }

    fn unregister(&self, key: WaitKey) {
        self.host().unregister(key);
    }
}

impl Backend for Net {
    fn platform(&self) -> &dyn Platform {
        self.shared.network.platform()
    }

    fn open(&self, family: Family, kind: SockType) -> Result<Handle> {
        if self.has_room() { self.host().open(family, kind) } else { Err(Error::ENOMEM) }
    }

    fn alive(&self, handle: Handle) -> Result<()> {
        self.host().alive(handle)
    }

    fn bind(&self, handle: Handle, address: SockAddr) -> Result<()> {
        self.host().bind(handle, address)
    }

    fn listen(&self, handle: Handle, backlog: u32) -> Result<()> {
        self.host().listen(handle, backlog)
    }

    fn try_accept(&self, handle: Handle) -> Result<(Handle, SockAddr)> {
        let listens = self.host().option(handle, OptName::Listening) == Ok(Opt::Listening(true));
        // Where nobody waits, EAGAIN comes first.
        if self.has_room() || !listens || !self.host().readiness(handle).contains(POLLIN) {
            self.host().try_accept(handle)
        } else {
            Err(Error::ENOMEM)
        }
    }

    fn try_connect(&self, handle: Handle, address: SockAddr) -> Result<()> {
        self.host().try_connect(handle, address)
    }

    fn connect_result(&self, handle: Handle) -> Result<()> {
        self.host().connect_result(handle)
    }

    fn try_send(&self, handle: Handle, data: &[u8]) -> Result<usize> {
        self.host().try_send(handle, data)
    }

    fn try_send_to(&self, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        self.host().try_send_to(handle, data, to)
    }

    fn try_send_from(
        &self,
        handle: Handle,
        data: &[u8],
        from: IpAddr,
        to: SockAddr,
    ) -> Result<usize> {
        self.host().try_send_from(handle, data, from, to)
    }

    fn try_recv(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        self.host().try_recv(handle, buf, flags)
    }

    fn try_recv_info(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<RecvInfo> {
        self.host().try_recv_info(handle, buf, flags)
    }

    fn shutdown(&self, handle: Handle, how: Shutdown) -> Result<()> {
        self.host().shutdown(handle, how)
    }

    fn close(&self, handle: Handle) -> Result<()> {
        self.host().close(handle)
    }

    fn abort(&self, handle: Handle) -> Result<()> {
        self.host().abort(handle)
    }

    fn lingering(&self) -> usize {
        self.host().lingering()
    }

    fn set_option(&self, handle: Handle, option: &Opt) -> Result<()> {
        self.host().set_option(handle, option)
    }

    fn option(&self, handle: Handle, name: OptName) -> Result<Opt> {
        self.host().option(handle, name)
    }

    fn take_error(&self, handle: Handle) -> Result<Option<Error>> {
        self.host().take_error(handle)
    }

    fn local_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.host().local_addr(handle)
    }

    fn peer_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.host().peer_addr(handle)
    }

    fn start_query(&self, name: &str, family: Option<Family>, canonname: bool) -> Result<Handle> {
        self.host().start_query(name, family, canonname)
    }

    fn start_reverse(&self, ip: IpAddr) -> Result<Handle> {
        self.host().start_reverse(ip)
    }

    fn try_answer(&self, query: Handle, answer: &mut Answer) -> Result<()> {
        self.host().try_answer(query, answer)
    }

    fn end_query(&self, query: Handle) {
        self.host().end_query(query);
    }

    fn link(&self) -> Link {
        self.host().link()
    }

    fn has_address(&self, ip: IpAddr) -> bool {
        self.host().has_address(ip)
    }

    fn route(&self, ip: IpAddr) -> Option<u8> {
        self.host().route(ip)
    }

    fn has_device(&self, name: &str) -> bool {
        self.host().has_device(name)
    }
}
