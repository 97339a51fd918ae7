//! A host: the network as a backend. Each method is one short lock.

use core::fmt;
use core::net::IpAddr;

use embassy_sync::blocking_mutex::raw::{NoopRawMutex, RawMutex};
use usocket_core::spi::{
    Answer, Backend, EventSource, Handle, Link, Opt, OptName, Platform, RecvFlags, RecvInfo,
    Shutdown, SockType, Wait, WaitKey,
};
use usocket_core::{Error, Events, Family, Instant, Result, SockAddr};

use super::DEVICE;
use super::network::Network;
use super::socket::Role;
use super::state::Id;

/// What a stream holds: what `SIOCINQ` and `SIOCOUTQ` tell on a system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Bytes that a receive would give.
    pub unread: usize,
    /// How many of the bytes sent have arrived at the peer.
    pub arrived: u64,
    /// When this end learns of the last of them: its acknowledgment.
    pub acknowledged: Instant,
    /// The peer's FIN has come: nothing follows what is unread.
    pub finished: bool,
    /// The connection was reset or given up.
    pub dead: bool,
}

/// One host of a [`Network`]: a backend.
///
/// It is `Copy`: copies are the same host.
pub struct Host<
    'n,
    P: Platform,
    M: RawMutex = NoopRawMutex,
    const SOCKETS: usize = 32,
    const CONNECTIONS: usize = 32,
    const BYTES: usize = 2048,
> {
    network: &'n Network<P, M, SOCKETS, CONNECTIONS, BYTES>,
    index: usize,
}

impl<P: Platform, M: RawMutex, const S: usize, const C: usize, const B: usize> Clone
    for Host<'_, P, M, S, C, B>
{
    fn clone(&self) -> Self {
        *self
    }
}

impl<P: Platform, M: RawMutex, const S: usize, const C: usize, const B: usize> Copy
    for Host<'_, P, M, S, C, B>
{
}

impl<P: Platform, M: RawMutex, const S: usize, const C: usize, const B: usize> fmt::Debug
    for Host<'_, P, M, S, C, B>
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Host({})", self.index)
    }
}

impl<'n, P: Platform, M: RawMutex, const S: usize, const C: usize, const B: usize>
    Host<'n, P, M, S, C, B>
{
    pub(super) const fn new(network: &'n Network<P, M, S, C, B>, index: usize) -> Self {
        Self { network, index }
    }

    /// The network it is on.
    pub const fn network(&self) -> &'n Network<P, M, S, C, B> {
        self.network
    }

    /// Its number on the network, for [`Network::nth`].
    pub const fn index(&self) -> usize {
        self.index
    }

    /// How many sockets it has open, scripts' included.
    pub fn sockets(&self) -> usize {
        self.network.with(|state| state.hosts[self.index].sockets.len())
    }

    /// Its first address of a family.
    pub fn ip(&self, family: Family) -> Option<IpAddr> {
        self.network.with(|state| {
            let mut own = state.hosts[self.index].addresses.iter().copied();
            own.find(|&ip| Family::of(ip) == family)
        })
    }

    /// What a connected stream of this host holds; `None` for any other handle. For a stack
    /// that stands on this host and has to know its windows, as that of a simulated modem.
    pub fn flow(&self, handle: Handle) -> Option<Flow> {
        self.network.with(|state| {
            let Role::Connected(index, side) = state.socket(self.id(handle)).ok()?.role else {
                return None;
            };
            let connection = state.connections[index].as_ref()?;
            let sent = &connection.pipes[side.index()];
            let came = &connection.pipes[side.other().index()];
            let (arrived, acknowledged) = sent.progress();
            Some(Flow {
                unread: came.readable(),
                arrived,
                acknowledged,
                finished: came.fin_arrived(),
                dead: connection.ends[side.index()].dead,
            })
        })
    }

    /// Takes its link up or down. Its streams learn of a loss at once, with
    /// `ENETDOWN` (`ENETUNREACH` for [`Link::NoAddress`]); their peers notice nothing (R24).
    pub fn set_link(&self, link: Link) {
        self.network.set_link(self.index, link);
    }

    const fn id(&self, handle: Handle) -> Id {
        Id { host: self.index, handle }
    }

    /// `close` and `abort`: the handle is stale from here on (S9, S17).
    fn let_go(&self, handle: Handle, abort: bool) -> Result<()> {
        let id = self.id(handle);
        self.network.with_wake(|state| {
            let socket = state.hosts[id.host].sockets.remove(handle).ok_or(Error::EBADF)?;
            state.release(id, &socket, abort);
            Ok(())
        })
    }
}

impl<P: Platform, M: RawMutex, const S: usize, const C: usize, const B: usize> EventSource
    for Host<'_, P, M, S, C, B>
{
    fn drive(&self, now: Instant) -> Option<Instant> {
        self.network.drive(self.index, now)
    }

    fn pending(&self) -> bool {
        self.network.pending(self.index)
    }

    fn readiness(&self, handle: Handle) -> Events {
        self.network.with(|state| state.readiness(self.id(handle)))
    }

    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        let id = self.id(wait.handle);
        // Cloned before the lock is taken, and what is not needed dropped after it (S2).
        let mut waker = Some(wait.waker.clone());
        let (key, _unneeded) = self.network.with(|state| {
            match wait.handle {
                Handle::ANY => state.watch_all(id.host),
                Handle::WORK => {}
                _ => {
                    let ready = state.readiness(id);
                    if ready.contains(usocket_core::POLLNVAL) {
                        return (Err(Error::EBADF), None);
                    }
                    if !ready.masked(wait.events).is_empty() {
                        // True already: the next drive shall fire it (S6).
                        state.touch();
                    }
                }
            }
            let Some(waker) = waker.take() else { return (Err(Error::ENOBUFS), None) };
            let (key, unneeded) = state.hosts[id.host].wakers.register(key, wait, waker);
            if state.hosts[id.host].wakers.sooner() {
                // Its deadline comes before the time that drive returned (S4).
                state.touch();
            }
            (key, unneeded)
        });
        key
    }

    fn unregister(&self, key: WaitKey) {
        drop(self.network.with(|state| state.hosts[self.index].wakers.unregister(key)));
    }
}

impl<P: Platform, M: RawMutex, const S: usize, const C: usize, const B: usize> Backend
    for Host<'_, P, M, S, C, B>
{
    fn platform(&self) -> &dyn Platform {
        self.network.platform()
    }

    fn open(&self, family: Family, kind: SockType) -> Result<Handle> {
        self.network.with(|state| state.open(self.index, family, kind))
    }

    fn alive(&self, handle: Handle) -> Result<()> {
        self.network.with(|state| state.socket(self.id(handle)).map(|_| ()))
    }

    fn bind(&self, handle: Handle, address: SockAddr) -> Result<()> {
        self.network.with(|state| state.bind(self.id(handle), address))
    }

    fn listen(&self, handle: Handle, backlog: u32) -> Result<()> {
        self.network.with(|state| state.listen(self.id(handle), backlog))
    }

    fn try_accept(&self, handle: Handle) -> Result<(Handle, SockAddr)> {
        self.network.with(|state| state.accept(self.id(handle)))
    }

    fn try_connect(&self, handle: Handle, address: SockAddr) -> Result<()> {
        self.network.with(|state| state.connect(self.id(handle), address))
    }

    fn connect_result(&self, handle: Handle) -> Result<()> {
        self.network.with(|state| state.connect_result(self.id(handle)))
    }

    fn try_send(&self, handle: Handle, data: &[u8]) -> Result<usize> {
        let id = self.id(handle);
        self.network.with(|state| match state.socket(id)?.role {
            Role::Dgram(dgram) => state.send_datagram(id, dgram, data),
            _ => state.send_stream(id, data),
        })
    }

    fn try_send_to(&self, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        self.network.with(|state| state.send_to(self.id(handle), data, None, to))
    }

    fn try_send_from(
        &self,
        handle: Handle,
        data: &[u8],
        from: IpAddr,
        to: SockAddr,
    ) -> Result<usize> {
        self.network.with(|state| state.send_to(self.id(handle), data, Some(from), to))
    }

    fn try_recv(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        self.try_recv_info(handle, buf, flags).map(|info| info.len)
    }

    fn try_recv_info(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<RecvInfo> {
        let id = self.id(handle);
        self.network.with(|state| match state.socket(id)?.role {
            Role::Dgram(_) => state.recv_datagram(id, buf, flags),
            _ => {
                let (len, from) = state.recv_stream(id, buf, flags)?;
                let local = state.socket(id)?.bound.map(|bound| bound.ip());
                Ok(RecvInfo { len, full_len: len, from, local })
            }
        })
    }

    fn shutdown(&self, handle: Handle, how: Shutdown) -> Result<()> {
        let id = self.id(handle);
        self.network.with(|state| match state.socket(id)?.role {
            Role::Dgram(_) => state.shutdown_datagram(id, how),
            _ => state.shutdown_stream(id, how),
        })
    }

    fn close(&self, handle: Handle) -> Result<()> {
        self.let_go(handle, false)
    }

    fn abort(&self, handle: Handle) -> Result<()> {
        self.let_go(handle, true)
    }

    fn lingering(&self) -> usize {
        self.network.with(|state| state.lingering(self.index))
    }

    fn set_option(&self, handle: Handle, option: &Opt) -> Result<()> {
        self.network.with(|state| state.set_option(self.id(handle), option))
    }

    fn option(&self, handle: Handle, name: OptName) -> Result<Opt> {
        self.network.with(|state| state.option(self.id(handle), name))
    }

    fn take_error(&self, handle: Handle) -> Result<Option<Error>> {
        self.network.with(|state| state.take_error(self.id(handle)))
    }

    fn local_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.network.with(|state| state.socket(self.id(handle)).map(|socket| socket.local()))
    }

    fn peer_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.network.with(|state| state.peer_addr(self.id(handle)))
    }

    fn start_query(&self, name: &str, family: Option<Family>, canonname: bool) -> Result<Handle> {
        self.network.with(|state| state.start_query(self.index, name, family, canonname))
    }

    fn start_reverse(&self, ip: IpAddr) -> Result<Handle> {
        self.network.with(|state| state.start_reverse(self.index, ip))
    }

    fn try_answer(&self, query: Handle, answer: &mut Answer) -> Result<()> {
        self.network.with(|state| state.answer(self.index, query, answer))
    }

    fn end_query(&self, query: Handle) {
        self.network.with_wake(|state| state.end_query(self.index, query));
    }

    fn link(&self) -> Link {
        self.network.with(|state| state.hosts[self.index].link)
    }

    fn has_address(&self, ip: IpAddr) -> bool {
        self.network.with(|state| state.is_local(self.index, ip))
    }

    fn route(&self, ip: IpAddr) -> Option<u8> {
        self.network.with(|state| match ip {
            _ if state.is_local(self.index, ip) => Some(if ip.is_ipv4() { 32 } else { 128 }),
            _ if state.on_link(self.index, ip) => Some(if ip.is_ipv4() { 24 } else { 64 }),
            _ => state.source(self.index, None, ip).ok().map(|_| 0),
        })
    }

    fn has_device(&self, name: &str) -> bool {
        name == DEVICE
    }
}
