//! The modem's TCP/IP stack: a host of the kit's network.

mod look;
mod tcp;

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_sim::net::{Conn, Family as SimFamily, NetEvent, Network, Query, Wanted};
use usocket_conformance::net::Host;
use usocket_core::spi::{Backend, EventSource, Group, Handle, Link, Opt, SockType};
use usocket_core::{Error, Family, Instant, Result, SockAddr, earlier};

use self::tcp::Tcp;
use crate::{BYTES, CONNECTIONS, Clock, SOCKETS};

/// The host that the stack stands on.
pub(crate) type StackHost<'n> = Host<'n, Clock, NoopRawMutex, SOCKETS, CONNECTIONS, BYTES>;

/// What the modem's stack does beside what its host does.
///
/// Closing, resetting, windows, ports and datagrams are the host's (see the crate's
/// documentation). Nagle's rule is off, so that the time of a `SEND OK` is one round trip.
pub struct Stack<'n> {
    /// How long an open may go unanswered: the modem gives up sooner than the host.
    pub connect_limit: Duration,
    /// How long a ping may go unanswered.
    pub ping_limit: Duration,
    /// Who answers a ping, and after how long.
    pub pingable: BTreeMap<IpAddr, Duration>,
    host: StackHost<'n>,
    tcp: BTreeMap<Conn, Tcp>,
    udp: BTreeMap<Conn, Handle>,
    queries: BTreeMap<Query, (Handle, Wanted)>,
    /// The one listener, and the window of what it accepts.
    listener: Option<(Handle, u32)>,
    events: VecDeque<NetEvent>,
    /// Things to tell later, by time and then by number.
    later: BTreeMap<(Instant, u32), Later>,
    next: u32,
    /// When the network wants to be driven again.
    due: Option<Instant>,
    now: Instant,
}

/// A thing to tell later.
#[derive(Clone, Copy, Debug)]
enum Later {
    Acked(Conn, u64),
    Pong(Query, Option<Duration>),
}

impl<'n> Stack<'n> {
    /// A stack on this host, whose link is down until the modem has an address.
    #[must_use]
    pub fn new(host: StackHost<'n>) -> Self {
        host.set_link(Link::Down);
        Self {
            connect_limit: CONNECT_LIMIT,
            ping_limit: PING_LIMIT,
            pingable: BTreeMap::new(),
            host,
            tcp: BTreeMap::new(),
            udp: BTreeMap::new(),
            queries: BTreeMap::new(),
            listener: None,
            events: VecDeque::new(),
            later: BTreeMap::new(),
            next: 1,
            due: None,
            now: Instant::ZERO,
        }
    }

    /// Its host.
    #[must_use]
    pub const fn host(&self) -> &StackHost<'n> {
        &self.host
    }

    /// Tells the network the time: before anything is done to it from outside.
    pub fn set_now(&mut self, now: esp8285_sim::Instant) {
        self.now = self.now.max(Instant::from_micros(now.as_nanos() / 1000));
        self.host.network().platform().set(self.now);
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn tell_later(&mut self, at: Instant, what: Later) {
        let number = self.number();
        self.later.insert((at, number), what);
    }

    /// A stream with these windows.
    fn stream(&self, family: Family, window: u32) -> Result<Handle> {
        let handle = self.host.open(family, SockType::Stream)?;
        self.tune(handle, window)?;
        Ok(handle)
    }

    fn tune(&self, handle: Handle, window: u32) -> Result<()> {
        let options = [Opt::RecvBuffer(window), Opt::SendBuffer(SEND_BUFFER), Opt::NoDelay(true)];
        options.iter().try_for_each(|option| self.host.set_option(handle, option))
    }

    fn open_stream(&self, to: SocketAddr, window: u32) -> Result<Tcp> {
        let handle = self.stream(Family::of(to.ip()), window)?;
        let limit = self.now + self.connect_limit;
        match self.host.try_connect(handle, to.into()) {
            // An unreachable network sends no refusal: nobody answers.
            Ok(()) | Err(Error::EINPROGRESS | Error::ENETUNREACH) => {}
            Err(error) => {
                self.let_go(handle, false);
                return Err(error);
            }
        }
        let port = self.host.local_addr(handle).map_or(0, |address| address.port());
        Ok(Tcp::new(handle, port, Some(limit)))
    }

    fn open_port(&self, family: SimFamily, kind: SockType, port: u16) -> Result<Handle> {
        let family = own(family);
        let handle = self.host.open(family, kind)?;
        let option = match kind {
            SockType::Stream => Opt::ReuseAddr(true),
            SockType::Dgram => Opt::Broadcast(true),
        };
        let address = SockAddr::new(family.unspecified(), port);
        let opened = self
            .host
            .set_option(handle, &option)
            .and_then(|()| self.host.bind(handle, address))
            .and_then(|()| match kind {
                SockType::Stream => self.host.listen(handle, BACKLOG),
                SockType::Dgram => Ok(()),
            });
        if opened.is_err() {
            self.let_go(handle, false);
        }
        opened.map(|()| handle)
    }

    /// A handle that is stale already needs no closing.
    fn let_go(&self, handle: Handle, abort: bool) {
        let _ = if abort { self.host.abort(handle) } else { self.host.close(handle) };
    }
}

impl fmt::Debug for Stack<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { tcp, udp, listener, events, now, .. } = self;
        f.debug_struct("Stack")
            .field("tcp", tcp)
            .field("udp", udp)
            .field("listener", listener)
            .field("events", events)
            .field("now", now)
            .finish_non_exhaustive()
    }
}

impl Network for Stack<'_> {
    /// Only the addresses that the host has make it reachable.
    fn set_addresses(&mut self, now: esp8285_sim::Instant, addresses: &[IpAddr]) {
        self.set_now(now);
        let link = match addresses {
            [] => Link::Down,
            [first, ..] if self.host.has_address(*first) => Link::Up,
            _ => Link::NoAddress,
        };
        if self.host.link() != link {
            self.host.set_link(link);
            self.drop_connections();
        }
    }

    fn connect(&mut self, now: esp8285_sim::Instant, to: SocketAddr, window: usize) -> Conn {
        self.set_now(now);
        let conn = Conn(self.number());
        match self.open_stream(to, bytes(window)) {
            Ok(tcp) => drop(self.tcp.insert(conn, tcp)),
            Err(_) => self.events.push_back(NetEvent::Failed(conn)),
        }
        conn
    }

    fn bind(&mut self, now: esp8285_sim::Instant, family: SimFamily, port: u16) -> Option<Conn> {
        self.set_now(now);
        let handle = self.open_port(family, SockType::Dgram, port).ok()?;
        let conn = Conn(self.number());
        self.udp.insert(conn, handle);
        Some(conn)
    }

    fn join_group(&mut self, now: esp8285_sim::Instant, conn: Conn, group: IpAddr) -> bool {
        self.set_now(now);
        let Some(&handle) = self.udp.get(&conn) else { return false };
        let group = match group {
            IpAddr::V4(group) => Group::V4 { group, interface: Ipv4Addr::UNSPECIFIED },
            IpAddr::V6(group) => Group::V6 { group, interface: 0 },
        };
        self.host.set_option(handle, &Opt::Join(group)).is_ok()
    }

    fn listen(
        &mut self,
        now: esp8285_sim::Instant,
        at: Option<(SimFamily, u16)>,
        window: usize,
    ) -> bool {
        self.set_now(now);
        if let Some((handle, _)) = self.listener.take() {
            self.let_go(handle, false);
        }
        let Some((family, port)) = at else { return true };
        let opened = self.open_port(family, SockType::Stream, port);
        self.listener = opened.ok().map(|handle| (handle, bytes(window)));
        self.listener.is_some()
    }

    fn local_port(&self, conn: Conn) -> u16 {
        if let Some(tcp) = self.tcp.get(&conn) {
            return tcp.local_port;
        }
        let address = self.udp.get(&conn).and_then(|handle| self.host.local_addr(*handle).ok());
        address.map_or(0, |address| address.port())
    }

    fn send(&mut self, now: esp8285_sim::Instant, conn: Conn, data: &[u8]) {
        self.set_now(now);
        if let Some(tcp) = self.tcp.get_mut(&conn) {
            tcp.unsent.extend(data);
            tcp.push(&self.host);
        }
    }

    /// What cannot be sent is lost, as any datagram may be.
    fn send_to(&mut self, now: esp8285_sim::Instant, conn: Conn, to: SocketAddr, data: &[u8]) {
        self.set_now(now);
        if let Some(&handle) = self.udp.get(&conn) {
            let _ = self.host.try_send_to(handle, data, to.into());
        }
    }

    fn readable(&self, conn: Conn) -> usize {
        self.tcp.get(&conn).map_or(0, |tcp| tcp.readable)
    }

    fn recv(&mut self, now: esp8285_sim::Instant, conn: Conn, max: usize) -> Vec<u8> {
        self.set_now(now);
        self.tcp.get_mut(&conn).map_or_else(Vec::new, |tcp| tcp.recv(&self.host, max))
    }

    fn keep_alive(&mut self, now: esp8285_sim::Instant, conn: Conn, idle: Duration) {
        self.set_now(now);
        let Some(tcp) = self.tcp.get(&conn) else { return };
        let idle = u16::try_from(idle.as_secs()).unwrap_or(u16::MAX);
        let probes = [Opt::KeepIdle(idle.max(1)), Opt::KeepInterval(1), Opt::KeepCount(3)];
        for option in probes.into_iter().chain([Opt::KeepAlive(idle > 0)]) {
            // All within the range of the host.
            let _ = self.host.set_option(tcp.handle, &option);
        }
    }

    /// Nagle's rule is off for all.
    fn set_nodelay(&mut self, _: Conn, _: bool) {}

    fn close(&mut self, now: esp8285_sim::Instant, conn: Conn) {
        self.set_now(now);
        if let Some(handle) = self.udp.remove(&conn) {
            self.let_go(handle, false);
        } else if let Some(tcp) = self.tcp.get_mut(&conn)
            && !tcp.unsent.is_empty()
        {
            tcp.closing = Some(self.now + LINGER);
        } else if let Some(tcp) = self.tcp.remove(&conn) {
            self.let_go(tcp.handle, false);
        }
    }

    fn abort(&mut self, now: esp8285_sim::Instant, conn: Conn) {
        self.set_now(now);
        let tcp = self.tcp.remove(&conn).map(|tcp| tcp.handle);
        if let Some(handle) = tcp.or_else(|| self.udp.remove(&conn)) {
            self.let_go(handle, true);
        }
    }

    fn resolve(&mut self, now: esp8285_sim::Instant, name: &str, wanted: Wanted) -> Query {
        self.set_now(now);
        let query = Query(self.number());
        let family = match wanted {
            Wanted::PreferV4 => None,
            Wanted::Only(family) => Some(own(family)),
        };
        match self.host.start_query(name, family, false) {
            Ok(handle) => drop(self.queries.insert(query, (handle, wanted))),
            Err(_) => self.events.push_back(NetEvent::Resolved(query, None)),
        }
        query
    }

    fn ping(&mut self, now: esp8285_sim::Instant, host: IpAddr) -> Query {
        self.set_now(now);
        let query = Query(self.number());
        let time = self.pingable.get(&host).copied();
        let at = self.now + time.unwrap_or(self.ping_limit);
        self.tell_later(at, Later::Pong(query, time));
        query
    }

    fn poll(&mut self, now: esp8285_sim::Instant) -> Option<NetEvent> {
        if self.events.is_empty() {
            self.set_now(now);
            self.look();
        }
        self.events.pop_front()
    }

    fn poll_at(&self) -> Option<esp8285_sim::Instant> {
        let now = !self.events.is_empty() || self.host.pending();
        let later = self.later.first_key_value().map(|((at, _), _)| *at);
        let limits = self.tcp.values().flat_map(|tcp| [tcp.opening, tcp.closing]).flatten().min();
        let next = if now { Some(self.now) } else { earlier(earlier(self.due, later), limits) };
        next.map(|at| esp8285_sim::Instant::from_nanos(at.as_micros().saturating_mul(1000)))
    }
}

fn bytes(window: usize) -> u32 {
    u32::try_from(window).unwrap_or(u32::MAX)
}

/// The core's word for a family of the simulator.
const fn own(family: SimFamily) -> Family {
    match family {
        SimFamily::V4 => Family::V4,
        SimFamily::V6 => Family::V6,
    }
}

/// As the simulator's own network: the sheet says some 15 to 20 s.
const CONNECT_LIMIT: Duration = Duration::from_secs(15);

/// As the simulator's own network.
const PING_LIMIT: Duration = Duration::from_secs(1);

/// How long a closed connection may take to bring out what it holds; merely chosen.
const LINGER: Duration = Duration::from_secs(10);

/// Two segments of 1460 (sheet section 4.5).
const SEND_BUFFER: u32 = 2920;

/// The modem takes every client and drops those that it has no link for.
const BACKLOG: u32 = 20;
