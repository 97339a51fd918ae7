//! Hosts, names and connections in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::flow::Timer;
use super::host::{Host, Path};
use super::peers::Peers;
use super::script::{Script, Step};
use super::tcp::Tcp;
use super::udp::{Mailbox, Udp};
use super::{Conn, Family, NetEvent, Network, Query, Wanted};
use crate::rng::Rng;
use crate::time::Instant;

/// A datagram that the modem has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The modem's port.
    pub from_port: u16,
    /// Where to.
    pub to: SocketAddr,
    /// What.
    pub data: Vec<u8>,
}

/// A network of scripted hosts; the same seed and the same calls give the same events.
#[derive(Debug)]
pub struct VirtualNet {
    /// How long an open to a host that does not answer takes to fail.
    pub connect_limit: Duration,
    /// How long a name takes to be found, or not.
    pub dns_time: Duration,
    /// How long a ping that is not answered takes to fail.
    pub ping_limit: Duration,
    /// How long a peer may leave bytes without an acknowledgement; `None` is for ever.
    pub give_up: Option<Duration>,
    pub(super) hosts: BTreeMap<IpAddr, Host>,
    pub(super) names: BTreeMap<String, Vec<IpAddr>>,
    pub(super) rng: Rng,
    pub(super) addresses: Vec<IpAddr>,
    pub(super) tcp: BTreeMap<Conn, Tcp>,
    pub(super) udp: BTreeMap<Conn, Udp>,
    pub(super) listening: Option<(Family, u16, usize)>,
    pub(super) datagrams: Vec<Datagram>,
    /// Where programs outside listen, with the clients that they have not accepted yet.
    pub(super) listeners: BTreeMap<SocketAddr, VecDeque<Conn>>,
    /// Where programs outside take datagrams.
    pub(super) mailboxes: BTreeMap<SocketAddr, Mailbox>,
    /// Clients that will dial in.
    pub(super) callers: Vec<(SocketAddr, u16, Script)>,
    pub(super) events: VecDeque<NetEvent>,
    timers: BinaryHeap<Reverse<(Instant, u64, Timer)>>,
    now: Instant,
    next: u32,
    next_port: u16,
    sequence: u64,
}

impl VirtualNet {
    /// A network without hosts.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            connect_limit: Duration::from_secs(15),
            dns_time: Duration::from_millis(50),
            ping_limit: Duration::from_secs(1),
            give_up: None,
            hosts: BTreeMap::new(),
            names: BTreeMap::new(),
            rng: Rng::new(seed),
            addresses: Vec::new(),
            tcp: BTreeMap::new(),
            udp: BTreeMap::new(),
            listening: None,
            datagrams: Vec::new(),
            listeners: BTreeMap::new(),
            mailboxes: BTreeMap::new(),
            callers: Vec::new(),
            events: VecDeque::new(),
            timers: BinaryHeap::new(),
            now: Instant::ZERO,
            next: 1,
            next_port: 49_152,
            sequence: 0,
        }
    }

    /// Adds a host, or replaces it for connections still to come.
    pub fn add_host(&mut self, address: impl Into<IpAddr>, host: Host) {
        self.hosts.insert(address.into(), host);
    }

    /// Gives a name to an address, beside those that it may have already.
    pub fn add_name(&mut self, name: &str, address: impl Into<IpAddr>) {
        self.names.entry(name.to_owned()).or_default().push(address.into());
    }

    /// Programs on the hosts that a test drives from outside, at this time. The modem must
    /// have been brought up to date by [`Modem::advance`](crate::Modem::advance).
    pub fn peers(&mut self, now: Instant) -> Peers<'_> {
        Peers::new(self, now)
    }

    /// A client at `from` connects to the modem's listening port. `None` if nobody
    /// listens there or the modem has no address.
    pub fn dial(
        &mut self,
        now: Instant,
        from: impl Into<SocketAddr>,
        port: u16,
        script: Script,
    ) -> Option<Conn> {
        let from = from.into();
        let (family, listening, window) = self.listening?;
        if listening != port || family != Family::of(from.ip()) || self.addresses.is_empty() {
            return None;
        }
        let conn = Conn(self.number());
        self.tcp.insert(conn, Tcp::new(from, port, window, script));
        let half = self.path(from.ip()).half();
        self.at(now + half, Timer::Accepted(conn));
        Some(conn)
    }

    /// The same at a later time, if somebody listens by then.
    pub fn dial_later(
        &mut self,
        at: Instant,
        from: impl Into<SocketAddr>,
        port: u16,
        script: Script,
    ) {
        self.callers.push((from.into(), port, script));
        self.at(at, Timer::Call(self.callers.len() - 1));
    }

    /// Adds a step to what the peer of a connection does.
    pub fn tell(&mut self, now: Instant, conn: Conn, step: Step) {
        if let Some(tcp) = self.tcp.get_mut(&conn) {
            tcp.script.push(step);
            self.at(now, Timer::Wake(conn));
        }
    }

    /// Sends a datagram to a port of the modem.
    pub fn datagram(&mut self, now: Instant, from: impl Into<SocketAddr>, port: u16, data: &[u8]) {
        let from = from.into();
        if let Some(to) = self.address(Family::of(from.ip())) {
            self.datagram_to(now, from, SocketAddr::new(to, port), data);
        }
    }

    /// Every TCP connection there ever was, oldest first, with its peer.
    pub fn connections(&self) -> impl Iterator<Item = (Conn, SocketAddr)> + '_ {
        self.tcp.iter().map(|(conn, tcp)| (*conn, tcp.peer))
    }

    /// What the peer of a TCP connection has received.
    #[must_use]
    pub fn received(&self, conn: Conn) -> &[u8] {
        self.tcp.get(&conn).map_or(&[], |tcp| &tcp.received)
    }

    /// Whether the peer has seen the modem close, by FIN or by RST.
    #[must_use]
    pub fn peer_saw_close(&self, conn: Conn) -> bool {
        self.tcp.get(&conn).is_some_and(|tcp| tcp.finished || tcp.was_reset)
    }

    /// Every datagram that the modem has sent, oldest first.
    #[must_use]
    pub fn datagrams(&self) -> &[Datagram] {
        &self.datagrams
    }

    pub(super) fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    pub(super) fn port(&mut self) -> u16 {
        self.next_port = self.next_port.checked_add(1).unwrap_or(49_152);
        self.next_port
    }

    pub(super) fn at(&mut self, time: Instant, timer: Timer) {
        self.sequence += 1;
        self.timers.push(Reverse((time, self.sequence, timer)));
    }

    pub(super) fn path(&self, address: IpAddr) -> Path {
        self.hosts.get(&address).map_or_else(|| Host::default().path(), Host::path)
    }

    /// The modem's address of a family.
    pub(super) fn address(&self, family: Family) -> Option<IpAddr> {
        self.addresses.iter().copied().find(|ip| Family::of(*ip) == family)
    }
}

impl Network for VirtualNet {
    fn set_addresses(&mut self, _now: Instant, addresses: &[IpAddr]) {
        self.addresses = addresses.to_vec();
        if addresses.is_empty() {
            self.tcp.values_mut().for_each(|tcp| tcp.forgotten = true);
        }
    }

    fn connect(&mut self, now: Instant, to: SocketAddr, window: usize) -> Conn {
        let conn = Conn(self.number());
        let port = self.port();
        let reachable = self.address(Family::of(to.ip())).is_some();
        let host = self.hosts.get(&to.ip()).filter(|host| host.alive && reachable);
        let script = host.and_then(|host| host.tcp.get(&to.port())).cloned();
        let served = script.is_some() || self.listeners.contains_key(&to);
        let (time, timer) = match host {
            Some(host) if served => (now + host.round_trip, Timer::Opened(conn)),
            Some(host) => (now + host.round_trip, Timer::Failed(conn)),
            None => (now + self.connect_limit, Timer::Failed(conn)),
        };
        self.at(time, timer);
        self.tcp.insert(conn, Tcp::new(to, port, window, script.unwrap_or_default()));
        conn
    }

    fn bind(&mut self, _now: Instant, family: Family, port: u16) -> Option<Conn> {
        let port = if port == 0 { self.port() } else { port };
        if self.udp.values().any(|udp| udp.port == port && udp.family == family) {
            return None;
        }
        let conn = Conn(self.number());
        self.udp.insert(conn, Udp::new(family, port));
        Some(conn)
    }

    fn join_group(&mut self, _now: Instant, conn: Conn, group: IpAddr) -> bool {
        self.udp.get_mut(&conn).is_some_and(|udp| udp.join(group))
    }

    fn listen(&mut self, _now: Instant, at: Option<(Family, u16)>, window: usize) -> bool {
        self.listening = at.map(|(family, port)| (family, port, window));
        true
    }

    fn local_port(&self, conn: Conn) -> u16 {
        let udp = self.udp.get(&conn).map(|udp| udp.port);
        udp.or_else(|| self.tcp.get(&conn).map(|tcp| tcp.local_port)).unwrap_or(0)
    }

    fn send(&mut self, now: Instant, conn: Conn, data: &[u8]) {
        let Some(peer) = self.tcp.get(&conn).map(|tcp| tcp.peer) else { return };
        let path = self.path(peer.ip());
        let late = if self.rng.happens(path.loss) { path.retransmit } else { Duration::ZERO };
        let Some(tcp) = self.tcp.get_mut(&conn) else { return };
        tcp.up_free = tcp.up_free.max(now) + path.on_the_way(data.len());
        tcp.up_last = tcp.up_last.max(tcp.up_free + path.half() + late);
        let arrives = tcp.up_last;
        self.at(arrives, Timer::AtPeer(conn, data.to_vec()));
    }

    fn send_to(&mut self, now: Instant, conn: Conn, to: SocketAddr, data: &[u8]) {
        self.datagram_from_modem(now, conn, to, data);
    }

    fn readable(&self, conn: Conn) -> usize {
        self.tcp.get(&conn).map_or(0, |tcp| tcp.inbox.len())
    }

    fn recv(&mut self, now: Instant, conn: Conn, max: usize) -> Vec<u8> {
        let Some(tcp) = self.tcp.get_mut(&conn) else { return Vec::new() };
        let (data, window) = tcp.take(max);
        let ip = tcp.peer.ip();
        if window > 0 {
            let half = self.path(ip).half();
            self.at(now + half, Timer::Window(conn, window));
        }
        data
    }

    fn keep_alive(&mut self, now: Instant, conn: Conn, idle: Duration) {
        if let Some(tcp) = self.tcp.get_mut(&conn) {
            tcp.keep_alive = idle;
            tcp.heard = now;
            if !idle.is_zero() {
                self.at(now + idle, Timer::Ask(conn));
            }
        }
    }

    /// Nothing here waits to be filled up.
    fn set_nodelay(&mut self, _conn: Conn, _on: bool) {}

    fn close(&mut self, now: Instant, conn: Conn) {
        if let Some(arrives) = self.gone(now, conn) {
            self.at(arrives, Timer::FinAtPeer(conn));
        }
    }

    fn abort(&mut self, now: Instant, conn: Conn) {
        if let Some(arrives) = self.gone(now, conn) {
            self.at(arrives, Timer::ResetAtPeer(conn));
        }
    }

    fn resolve(&mut self, now: Instant, name: &str, wanted: Wanted) -> Query {
        let query = Query(self.number());
        let found = self.names.get(name).and_then(|found| wanted.choose(found));
        self.at(now + self.dns_time, Timer::Resolved(query, found));
        query
    }

    fn ping(&mut self, now: Instant, host: IpAddr) -> Query {
        let query = Query(self.number());
        let alive = self.hosts.get(&host).filter(|host| host.alive);
        let time = alive.map(|host| host.round_trip);
        self.at(now + time.unwrap_or(self.ping_limit), Timer::Pong(query, time));
        query
    }

    fn poll(&mut self, now: Instant) -> Option<NetEvent> {
        self.now = self.now.max(now);
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            match self.timers.peek() {
                Some(Reverse((time, ..))) if *time <= now => {}
                _ => return None,
            }
            let Reverse((time, _, timer)) = self.timers.pop()?;
            self.fire(time, timer);
        }
    }

    fn poll_at(&self) -> Option<Instant> {
        if !self.events.is_empty() {
            return Some(self.now);
        }
        self.timers.peek().map(|Reverse((time, ..))| *time)
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
