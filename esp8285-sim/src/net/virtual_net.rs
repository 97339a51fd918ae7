//! Hosts, names and connections in virtual time.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

use super::host::{Host, UdpService};
use super::script::{Script, Step};
use super::tcp::{Tcp, Wish};
use super::{Conn, NetEvent, Network, Query};
use crate::rng::Rng;
use crate::time::Instant;

/// A datagram that the modem has sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The modem's port.
    pub from_port: u16,
    /// Where to.
    pub to: SocketAddrV4,
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
    hosts: BTreeMap<Ipv4Addr, Host>,
    names: BTreeMap<String, Ipv4Addr>,
    rng: Rng,
    address: Option<Ipv4Addr>,
    tcp: BTreeMap<Conn, Tcp>,
    udp: BTreeMap<Conn, u16>,
    listening: Option<(u16, usize)>,
    datagrams: Vec<Datagram>,
    events: VecDeque<NetEvent>,
    timers: BinaryHeap<Reverse<(Instant, u64, Timer)>>,
    now: Instant,
    next: u32,
    next_port: u16,
    sequence: u64,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Opened(Conn),
    Failed(Conn),
    Accepted(Conn),
    AtPeer(Conn, Vec<u8>),
    FinAtPeer(Conn),
    Acked(Conn, u64),
    Segment(Conn, Vec<u8>),
    Fin(Conn),
    Reset(Conn),
    Window(Conn, usize),
    Wake(Conn),
    DatagramAt(SocketAddrV4, u16, Vec<u8>),
    Datagram(u16, SocketAddrV4, Vec<u8>),
    Resolved(Query, Option<Ipv4Addr>),
    Pong(Query, Option<Duration>),
}

impl VirtualNet {
    /// A network without hosts.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            connect_limit: Duration::from_secs(15),
            dns_time: Duration::from_millis(50),
            ping_limit: Duration::from_secs(1),
            hosts: BTreeMap::new(),
            names: BTreeMap::new(),
            rng: Rng::new(seed),
            address: None,
            tcp: BTreeMap::new(),
            udp: BTreeMap::new(),
            listening: None,
            datagrams: Vec::new(),
            events: VecDeque::new(),
            timers: BinaryHeap::new(),
            now: Instant::ZERO,
            next: 1,
            next_port: 49_152,
            sequence: 0,
        }
    }

    /// Adds a host, or replaces it for connections still to come.
    pub fn add_host(&mut self, address: Ipv4Addr, host: Host) {
        self.hosts.insert(address, host);
    }

    /// Gives a name to an address.
    pub fn add_name(&mut self, name: &str, address: Ipv4Addr) {
        self.names.insert(name.to_owned(), address);
    }

    /// A client at `from` connects to the modem's listening port. `None` if nobody
    /// listens there or the modem has no address.
    pub fn dial(
        &mut self,
        now: Instant,
        from: SocketAddrV4,
        port: u16,
        script: Script,
    ) -> Option<Conn> {
        let (listening, window) = self.listening?;
        if listening != port || self.address.is_none() {
            return None;
        }
        let conn = Conn(self.number());
        self.tcp.insert(conn, Tcp::new(from, port, window, script));
        let half = self.host(*from.ip()).round_trip / 2;
        self.at(now + half, Timer::Accepted(conn));
        Some(conn)
    }

    /// Adds a step to what the peer of a connection does.
    pub fn tell(&mut self, now: Instant, conn: Conn, step: Step) {
        if let Some(tcp) = self.tcp.get_mut(&conn) {
            tcp.script.push(step);
            self.at(now, Timer::Wake(conn));
        }
    }

    /// Sends a datagram to a port of the modem.
    pub fn datagram(&mut self, now: Instant, from: SocketAddrV4, port: u16, data: &[u8]) {
        let half = self.host(*from.ip()).round_trip / 2;
        self.at(now + half, Timer::Datagram(port, from, data.to_vec()));
    }

    /// Every TCP connection there ever was, oldest first, with its peer.
    pub fn connections(&self) -> impl Iterator<Item = (Conn, SocketAddrV4)> + '_ {
        self.tcp.iter().map(|(conn, tcp)| (*conn, tcp.peer))
    }

    /// What the peer of a TCP connection has received.
    #[must_use]
    pub fn received(&self, conn: Conn) -> &[u8] {
        self.tcp.get(&conn).map_or(&[], |tcp| &tcp.received)
    }

    /// Whether the peer has seen the modem close.
    #[must_use]
    pub fn peer_saw_close(&self, conn: Conn) -> bool {
        self.tcp.get(&conn).is_some_and(|tcp| tcp.finished)
    }

    /// Every datagram that the modem has sent, oldest first.
    #[must_use]
    pub fn datagrams(&self) -> &[Datagram] {
        &self.datagrams
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    fn port(&mut self) -> u16 {
        self.next_port = self.next_port.checked_add(1).unwrap_or(49_152);
        self.next_port
    }

    fn at(&mut self, time: Instant, timer: Timer) {
        self.sequence += 1;
        self.timers.push(Reverse((time, self.sequence, timer)));
    }

    fn host(&self, address: Ipv4Addr) -> Host {
        self.hosts.get(&address).cloned().unwrap_or_default()
    }

    /// Runs the peer's program and sends what the window allows.
    fn pump(&mut self, now: Instant, conn: Conn) {
        let Some(tcp) = self.tcp.get(&conn).filter(|tcp| tcp.open) else { return };
        let host = self.host(*tcp.peer.ip());
        let half = host.round_trip / 2;
        let mut due = Vec::new();
        let Some(tcp) = self.tcp.get_mut(&conn) else { return };
        match tcp.run(now) {
            Wish::Nothing => {}
            Wish::WakeAt(time) => due.push((time, Timer::Wake(conn))),
            Wish::Reset => due.push((now + half, Timer::Reset(conn))),
        }
        while let Some(segment) = tcp.next_segment() {
            tcp.down_free = tcp.down_free.max(now) + host.on_the_way(segment.len());
            let mut arrives = tcp.down_free + half;
            if self.rng.happens(host.loss) {
                arrives = arrives + host.retransmit;
            }
            tcp.down_last = tcp.down_last.max(arrives);
            due.push((tcp.down_last, Timer::Segment(conn, segment)));
        }
        if tcp.take_fin() {
            tcp.down_last = tcp.down_last.max(now + half);
            due.push((tcp.down_last, Timer::Fin(conn)));
        }
        for (time, timer) in due {
            self.at(time, timer);
        }
    }

    fn fire(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Opened(conn) => self.opened(now, conn, NetEvent::Connected(conn)),
            Timer::Accepted(conn) => {
                let Some(peer) = self.tcp.get(&conn).map(|tcp| tcp.peer) else { return };
                if self.listening.is_some() && self.address.is_some() {
                    self.opened(now, conn, NetEvent::Accepted(conn, peer));
                }
            }
            Timer::Failed(conn) => self.tell_modem(conn, NetEvent::Failed(conn)),
            Timer::AtPeer(conn, data) => self.at_peer(now, conn, &data),
            Timer::FinAtPeer(conn) => {
                if let Some(tcp) = self.tcp.get_mut(&conn) {
                    tcp.finished = true;
                }
            }
            Timer::Acked(conn, total) => self.tell_modem(conn, NetEvent::Acked(conn, total)),
            Timer::Segment(conn, data) => {
                if let Some(tcp) = self.tcp.get_mut(&conn) {
                    tcp.inbox.extend(data);
                    self.tell_modem(conn, NetEvent::Readable(conn));
                }
            }
            Timer::Fin(conn) => {
                if let Some(tcp) = self.tcp.get_mut(&conn) {
                    tcp.fin_came = true;
                    self.tell_modem(conn, NetEvent::Finished(conn));
                }
            }
            Timer::Reset(conn) => self.tell_modem(conn, NetEvent::Reset(conn)),
            Timer::Window(conn, freed) => {
                if let Some(tcp) = self.tcp.get_mut(&conn) {
                    tcp.credit += freed;
                }
                self.pump(now, conn);
            }
            Timer::Wake(conn) => self.pump(now, conn),
            Timer::DatagramAt(to, from_port, data) => self.serve(now, to, from_port, &data),
            Timer::Datagram(port, from, data) => {
                let bound = self.udp.iter().find(|(_, bound)| **bound == port);
                if let (Some((conn, _)), true) = (bound, self.address.is_some()) {
                    self.events.push_back(NetEvent::Datagram(*conn, from, data));
                }
            }
            Timer::Resolved(query, found) => {
                self.events.push_back(NetEvent::Resolved(query, found));
            }
            Timer::Pong(query, time) => self.events.push_back(NetEvent::Pong(query, time)),
        }
    }

    fn opened(&mut self, now: Instant, conn: Conn, event: NetEvent) {
        if let Some(tcp) = self.tcp.get_mut(&conn) {
            tcp.open = true;
            self.tell_modem(conn, event);
            self.pump(now, conn);
        }
    }

    fn tell_modem(&mut self, conn: Conn, event: NetEvent) {
        if self.tcp.get(&conn).is_some_and(|tcp| !tcp.forgotten) {
            self.events.push_back(event);
        }
    }

    fn at_peer(&mut self, now: Instant, conn: Conn, data: &[u8]) {
        let Some(tcp) = self.tcp.get_mut(&conn).filter(|tcp| !tcp.stalled) else { return };
        tcp.received.extend(data);
        let total = tcp.received.len() as u64;
        let ip = *tcp.peer.ip();
        let half = self.host(ip).round_trip / 2;
        self.at(now + half, Timer::Acked(conn, total));
        self.pump(now, conn);
    }

    /// A datagram has come to a host.
    fn serve(&mut self, now: Instant, to: SocketAddrV4, port: u16, data: &[u8]) {
        let Some(host) = self.hosts.get(to.ip()) else { return };
        let answers = match host.udp.get(&to.port()) {
            Some(UdpService::Echo) => vec![data.to_vec()],
            Some(UdpService::Answer(answers)) => answers.clone(),
            Some(UdpService::Sink) | None => return,
        };
        let (half, loss) = (host.round_trip / 2, host.loss);
        for answer in answers {
            if !self.rng.happens(loss) {
                self.at(now + half, Timer::Datagram(port, to, answer));
            }
        }
    }

    fn gone(&mut self, conn: Conn) -> Option<(SocketAddrV4, Instant)> {
        self.udp.remove(&conn);
        let tcp = self.tcp.get_mut(&conn)?;
        tcp.forgotten = true;
        tcp.inbox.clear();
        Some((tcp.peer, tcp.up_last))
    }
}

impl Network for VirtualNet {
    fn set_address(&mut self, _now: Instant, address: Option<Ipv4Addr>) {
        self.address = address;
        if address.is_none() {
            self.tcp.values_mut().for_each(|tcp| tcp.forgotten = true);
        }
    }

    fn connect(&mut self, now: Instant, to: SocketAddrV4, window: usize) -> Conn {
        let conn = Conn(self.number());
        let port = self.port();
        let host = self.hosts.get(to.ip()).filter(|host| host.alive);
        let script = host.and_then(|host| host.tcp.get(&to.port())).cloned();
        let timer = match (&host, &script) {
            (Some(host), Some(_)) => (now + host.round_trip, Timer::Opened(conn)),
            (Some(host), None) => (now + host.round_trip, Timer::Failed(conn)),
            (None, _) => (now + self.connect_limit, Timer::Failed(conn)),
        };
        self.at(timer.0, timer.1);
        self.tcp.insert(conn, Tcp::new(to, port, window, script.unwrap_or_default()));
        conn
    }

    fn bind(&mut self, _now: Instant, port: u16) -> Option<Conn> {
        let port = if port == 0 { self.port() } else { port };
        if self.udp.values().any(|taken| *taken == port) {
            return None;
        }
        let conn = Conn(self.number());
        self.udp.insert(conn, port);
        Some(conn)
    }

    fn listen(&mut self, _now: Instant, port: Option<u16>, window: usize) -> bool {
        self.listening = port.map(|port| (port, window));
        true
    }

    fn local_port(&self, conn: Conn) -> u16 {
        let udp = self.udp.get(&conn).copied();
        udp.or_else(|| self.tcp.get(&conn).map(|tcp| tcp.local_port)).unwrap_or(0)
    }

    fn send(&mut self, now: Instant, conn: Conn, data: &[u8]) {
        let Some(peer) = self.tcp.get(&conn).map(|tcp| tcp.peer) else { return };
        let host = self.host(*peer.ip());
        let late = if self.rng.happens(host.loss) { host.retransmit } else { Duration::ZERO };
        let Some(tcp) = self.tcp.get_mut(&conn) else { return };
        tcp.sent += data.len() as u64;
        tcp.up_free = tcp.up_free.max(now) + host.on_the_way(data.len());
        tcp.up_last = tcp.up_last.max(tcp.up_free + host.round_trip / 2 + late);
        let arrives = tcp.up_last;
        self.at(arrives, Timer::AtPeer(conn, data.to_vec()));
    }

    fn send_to(&mut self, now: Instant, conn: Conn, to: SocketAddrV4, data: &[u8]) {
        let bound = self.udp.get(&conn).copied();
        let Some(from_port) = bound.filter(|_| self.address.is_some()) else { return };
        self.datagrams.push(Datagram { from_port, to, data: data.to_vec() });
        let many = to.ip().is_multicast() || to.ip().is_broadcast();
        let hosts = self.hosts.iter().filter(|(ip, _)| many || *ip == to.ip());
        let targets: Vec<_> = hosts.map(|(ip, host)| (*ip, host.round_trip, host.loss)).collect();
        for (ip, round_trip, loss) in targets {
            if !self.rng.happens(loss) {
                let to = SocketAddrV4::new(ip, to.port());
                self.at(now + round_trip / 2, Timer::DatagramAt(to, from_port, data.to_vec()));
            }
        }
    }

    fn readable(&self, conn: Conn) -> usize {
        self.tcp.get(&conn).map_or(0, |tcp| tcp.inbox.len())
    }

    fn recv(&mut self, now: Instant, conn: Conn, max: usize) -> Vec<u8> {
        let Some(tcp) = self.tcp.get_mut(&conn) else { return Vec::new() };
        let (data, window) = tcp.take(max);
        let ip = *tcp.peer.ip();
        if window > 0 {
            let half = self.host(ip).round_trip / 2;
            self.at(now + half, Timer::Window(conn, window));
        }
        data
    }

    fn close(&mut self, now: Instant, conn: Conn) {
        if let Some((peer, last)) = self.gone(conn) {
            let half = self.host(*peer.ip()).round_trip / 2;
            self.at(last.max(now + half), Timer::FinAtPeer(conn));
        }
    }

    fn abort(&mut self, now: Instant, conn: Conn) {
        self.close(now, conn);
    }

    fn resolve(&mut self, now: Instant, name: &str) -> Query {
        let query = Query(self.number());
        let found = self.names.get(name).copied();
        self.at(now + self.dns_time, Timer::Resolved(query, found));
        query
    }

    fn ping(&mut self, now: Instant, host: Ipv4Addr) -> Query {
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
