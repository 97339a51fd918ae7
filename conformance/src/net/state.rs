//! Everything the network's lock protects, and the loop that moves it on.

use core::net::IpAddr;
use core::time::Duration;

use usocket_core::spi::{Handle, HandleTable, Link, SockType, WakerTable, Woken};
use usocket_core::{Error, Events, Family, Instant, POLLNVAL, Result, earlier};

use super::connection::Connection;
use super::datagram::Pool;
use super::faults::{Entry, Path};
use super::names::{Names, Query};
use super::ports::TimeWaits;
use super::script::Script;
use super::socket::{Role, Socket, connected_readiness};
use super::{HOSTS, QUERIES, SCRIPTS, WAKERS};
use crate::Digest;

/// Turns of one `drive` (S3): what is left then is `pending`.
const TURNS: usize = 64;

/// Addresses with faults.
const FAULTS: usize = 16;

/// A socket of a host: handles alone are unique within their host only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    pub(super) host: usize,
    pub(super) handle: Handle,
}

/// One host.
pub(super) struct HostState<const S: usize> {
    pub(super) addresses: heapless::Vec<IpAddr, 8>,
    pub(super) link: Link,
    pub(super) sockets: HandleTable<Socket, S>,
    pub(super) queries: HandleTable<Query, QUERIES>,
    pub(super) wakers: WakerTable<WAKERS>,
    pub(super) next_port: u16,
    /// Digest of all readiness when a waiter on `Handle::ANY` last looked (S8).
    seen: Digest,
}

/// The whole network.
pub(super) struct State<const S: usize, const C: usize, const B: usize> {
    pub(super) now: Instant,
    pub(super) latency: Duration,
    pub(super) linger: Duration,
    pub(super) hosts: heapless::Vec<HostState<S>, HOSTS>,
    pub(super) connections: [Option<Connection<B>>; C],
    pub(super) pool: Pool,
    pub(super) time_waits: TimeWaits,
    pub(super) faults: heapless::Vec<Entry, FAULTS>,
    pub(super) names: Names,
    pub(super) scripts: [Option<Script>; SCRIPTS],
    pub(super) random: u64,
    /// Counts events that must keep their order.
    pub(super) order: u64,
    pub(super) trace: Digest,
    /// When `drive` has something to do next (S3, S4).
    next_due: Option<Instant>,
    /// An operation made `next_due` earlier and nobody has driven since: whoever
    /// sleeps on what `drive` said last must drive again (S4).
    queued: bool,
    /// The same, until those who wait for work were woken (S8).
    unannounced: bool,
}

/// Wakers taken out under the lock, to be used after it (S2).
pub(super) type AllWoken = heapless::Vec<Woken<WAKERS>, HOSTS>;

impl<const S: usize, const C: usize, const B: usize> State<S, C, B> {
    pub(super) const fn new() -> Self {
        Self {
            now: Instant::ZERO,
            latency: Duration::from_millis(1),
            linger: Duration::from_secs(10),
            hosts: heapless::Vec::new(),
            connections: [const { None }; C],
            pool: Pool::new(),
            time_waits: TimeWaits::new(),
            faults: heapless::Vec::new(),
            names: Names::new(),
            scripts: [const { None }; SCRIPTS],
            random: 0,
            order: 0,
            trace: Digest::new(),
            next_due: None,
            queued: false,
            unannounced: false,
        }
    }

    /// Adds a host; its index.
    pub(super) fn add_host(&mut self, addresses: &[IpAddr], seed: u64) -> Result<usize> {
        if self.hosts.is_empty() {
            self.random = seed ^ 0x9e37_79b9_7f4a_7c15;
        }
        let addresses = heapless::Vec::from_slice(addresses).map_err(|_| Error::ENOBUFS)?;
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are random enough")]
        let next_port = self.random() as u16;
        let host = HostState {
            addresses,
            link: Link::Up,
            sockets: HandleTable::new(),
            queries: HandleTable::new(),
            wakers: WakerTable::new(),
            next_port,
            seen: Digest::new(),
        };
        self.hosts.push(host).map_err(|_| Error::ENOBUFS)?;
        Ok(self.hosts.len() - 1)
    }

    pub(super) fn open(&mut self, host: usize, family: Family, kind: SockType) -> Result<Handle> {
        if !self.hosts[host].addresses.iter().any(|&ip| Family::of(ip) == family) {
            return Err(Error::EAFNOSUPPORT);
        }
        let socket = Socket::new(family, kind, B);
        self.hosts[host].sockets.insert(socket).map_err(|_| Error::ENOMEM)
    }

    pub(super) fn socket(&self, id: Id) -> Result<&Socket> {
        self.hosts[id.host].sockets.get(id.handle).ok_or(Error::EBADF)
    }

    pub(super) fn socket_mut(&mut self, id: Id) -> Result<&mut Socket> {
        self.hosts[id.host].sockets.get_mut(id.handle).ok_or(Error::EBADF)
    }

    /// The connection at an index that a socket holds.
    pub(super) fn connection(&mut self, index: usize) -> &mut Connection<B> {
        // A connection is freed only when no socket holds it.
        self.connections[index].as_mut().expect("a socket holds this connection")
    }

    /// The readiness of a socket or query of `host` (S5, S9).
    pub(super) fn readiness(&self, id: Id) -> Events {
        if let Some(query) = query_handle::<S>(id.handle) {
            return self.query_readiness(id.host, query);
        }
        let Ok(socket) = self.socket(id) else { return POLLNVAL };
        match socket.role {
            Role::Listening { .. } => self.listener_readiness(id),
            Role::Connected(index, side) => self.connections[index]
                .as_ref()
                .map_or(Events::NONE, |connection| connected_readiness(connection, side)),
            Role::Dgram(dgram) => self.pool.readiness(id, &dgram),
            _ => socket.unconnected_readiness(),
        }
    }

    /// The path between two addresses. A host's traffic with itself is healthy
    /// and has no latency.
    pub(super) fn path(&self, from: (Option<usize>, IpAddr), to: (Option<usize>, IpAddr)) -> Path {
        if from.0.is_some() && from.0 == to.0 {
            return Path::new(Duration::ZERO);
        }
        let mut path = Path::new(self.latency);
        for entry in &self.faults {
            if entry.ip == from.1 || entry.ip == to.1 {
                path.add(entry);
            }
        }
        for host in [from.0, to.0].into_iter().flatten() {
            path.faults.silent |= self.hosts[host].link != Link::Up;
        }
        path
    }

    /// The path of a connection. It is silent, too, if an end's `IP_TTL` does not
    /// suffice: then bytes, or their acknowledgments, get lost.
    pub(super) fn path_of(&self, connection: &Connection<B>) -> Path {
        let [a, b] = &connection.ends;
        let mut path = self.path((a.host, a.address.ip()), (b.host, b.address.ip()));
        for (own, other) in [(a, b), (b, a)] {
            if let Some(host) = own.host {
                path.faults.silent |= own.tuning.ttl < self.hops(host, other.address.ip());
            }
        }
        path
    }

    /// Says that `drive` has work at `due`.
    pub(super) fn schedule(&mut self, due: Instant) {
        if self.next_due.is_none_or(|next| due < next) {
            self.next_due = Some(due);
            self.announce();
        }
    }

    /// Says that `drive` must run sooner than it said.
    pub(super) fn announce(&mut self) {
        self.queued = true;
        self.unannounced = true;
    }

    /// Says that readiness may have changed now.
    pub(super) fn touch(&mut self) {
        self.schedule(self.now);
    }

    /// Whether `drive` would make progress, or knows better than it said (S4).
    pub(super) fn pending(&self, now: Instant) -> bool {
        self.queued || self.next_due.is_some_and(|due| due <= now)
    }

    /// Whether work was queued since this was last asked.
    pub(super) fn take_unannounced(&mut self) -> bool {
        core::mem::take(&mut self.unannounced)
    }

    /// Moves everything that is due (S3).
    pub(super) fn drive(&mut self) {
        let mut moving = true;
        for _ in 0..TURNS {
            moving = self.step_connections();
            moving |= self.step_datagrams();
            moving |= self.step_queries();
            moving |= self.step_scripts();
            if !moving {
                break;
            }
        }
        self.time_waits.expire(self.now);
        self.queued = false;
        self.unannounced = false;
        self.next_due = if moving { Some(self.now) } else { self.find_next_due() };
    }

    fn find_next_due(&self) -> Option<Instant> {
        let mut next = None;
        for connection in self.connections.iter().flatten() {
            next = earlier(next, connection.next_due(&self.path_of(connection)));
        }
        next = earlier(next, self.datagrams_due());
        next = earlier(next, self.queries_due());
        earlier(next, self.scripts_due())
    }

    /// When `host` must be driven again: the next event or the next overdue waiter.
    pub(super) fn next_call(&mut self, host: usize) -> Option<Instant> {
        earlier(self.next_due, self.hosts[host].wakers.next_deadline())
    }

    /// Takes out every waiter that is due (S6, S8).
    pub(super) fn take_woken(&mut self) -> AllWoken {
        let mut all = AllWoken::new();
        for host in 0..self.hosts.len() {
            if self.hosts[host].wakers.is_empty() {
                continue;
            }
            let mut wakers = core::mem::take(&mut self.hosts[host].wakers);
            let digest = self.readiness_digest(host);
            let changed = core::mem::replace(&mut self.hosts[host].seen, digest) != digest;
            let working = self.pending(self.now);
            let woken = wakers.take(self.now, |handle, events| match handle {
                Handle::ANY => changed,
                Handle::WORK => working,
                _ => !self.readiness(Id { host, handle }).masked(events).is_empty(),
            });
            self.hosts[host].wakers = wakers;
            if !woken.is_empty() {
                // One place for each host: pushing cannot fail.
                let _ = all.push(woken);
            }
        }
        all
    }

    /// Takes out those who wait for work: now there is some (S8).
    pub(super) fn take_workers(&mut self) -> AllWoken {
        let mut all = AllWoken::new();
        for host in &mut self.hosts {
            if !host.wakers.is_empty() {
                let _ = all.push(host.wakers.take_workers());
            }
        }
        all
    }

    /// A waiter on `Handle::ANY` is about to come. While anybody waits every
    /// drive keeps `seen` up to date; else it is brought up to date here. A
    /// change between two drives wakes the newcomer too: allowed, and harmless.
    pub(super) fn watch_all(&mut self, host: usize) {
        if self.hosts[host].wakers.is_empty() {
            self.hosts[host].seen = self.readiness_digest(host);
        }
    }

    fn readiness_digest(&self, host: usize) -> Digest {
        let mut digest = Digest::new();
        for (handle, _) in self.hosts[host].sockets.iter() {
            let events = self.readiness(Id { host, handle }).bits();
            digest.add(&handle.generation().to_le_bytes());
            digest.add(&[events]);
        }
        digest
    }

    /// The next number of the network's own generator (xorshift64*).
    pub(super) fn random(&mut self) -> u64 {
        let mut x = self.random.max(1);
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random = x;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    /// True for about `permille` of 1000 calls.
    pub(super) fn chance(&mut self, permille: u16) -> bool {
        permille > 0 && self.random() % 1000 < u64::from(permille)
    }

    pub(super) fn next_order(&mut self) -> u64 {
        self.order += 1;
        self.order
    }

    /// Adds an event to the trace, by which two runs are compared.
    pub(super) fn note(&mut self, what: u8, detail: u64) {
        self.trace.add(&self.now.as_micros().to_le_bytes());
        self.trace.add(&[what]);
        self.trace.add(&detail.to_le_bytes());
    }
}

/// Query handles come after the socket handles: the handle in the query table.
pub(super) fn query_handle<const S: usize>(handle: Handle) -> Option<Handle> {
    let slot = handle.slot().checked_sub(S).filter(|&slot| slot < QUERIES)?;
    Some(Handle::new(u32::try_from(slot).ok()?, handle.generation()))
}
