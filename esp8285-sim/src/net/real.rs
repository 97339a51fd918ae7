//! The sockets of the machine as the modem's network.

use std::collections::{BTreeMap, VecDeque};
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::Duration;

use super::{Conn, Family, NetEvent, Network, Query, Wanted};
use crate::time::Instant;

/// Real TCP and UDP without waiting: opens and names are asked for in threads.
///
/// It has no clock. It looks at its sockets once per millisecond of the time it is given,
/// so it is for worlds in which that time keeps step with the wall clock. Some things are
/// beyond the reach of a program: acknowledgements (bytes count as acknowledged when the
/// operating system has taken them), pings (never answered), keep-alives (never asked)
/// and resets (an abort drops what was not sent, then closes).
#[derive(Debug)]
pub struct RealNet {
    /// Where servers of the modem listen. The default is the loopback address.
    pub listen_on: IpAddr,
    next: u32,
    up: bool,
    opening: BTreeMap<Conn, usize>,
    tcp: BTreeMap<Conn, Tcp>,
    udp: BTreeMap<Conn, UdpSocket>,
    /// Closed by the modem, but the operating system has not taken everything yet.
    lingering: Vec<Tcp>,
    listener: Option<(TcpListener, usize)>,
    asked: usize,
    answers: Receiver<Answer>,
    answering: Sender<Answer>,
    events: VecDeque<NetEvent>,
    look_at: Instant,
}

#[derive(Debug)]
struct Tcp {
    stream: TcpStream,
    window: usize,
    inbox: VecDeque<u8>,
    unsent: VecDeque<u8>,
    sent: u64,
    /// The peer's end was told.
    ended: bool,
}

/// What a thread has found out.
#[derive(Debug)]
enum Answer {
    Opened(Conn, Option<TcpStream>),
    Resolved(Query, Option<IpAddr>),
}

impl Default for RealNet {
    fn default() -> Self {
        Self::new()
    }
}

impl RealNet {
    /// No socket yet.
    #[must_use]
    pub fn new() -> Self {
        let (answering, answers) = channel();
        Self {
            listen_on: Ipv4Addr::LOCALHOST.into(),
            next: 1,
            up: false,
            opening: BTreeMap::new(),
            tcp: BTreeMap::new(),
            udp: BTreeMap::new(),
            lingering: Vec::new(),
            listener: None,
            asked: 0,
            answers,
            answering,
            events: VecDeque::new(),
            look_at: Instant::ZERO,
        }
    }

    /// The port at which the modem's server really listens.
    #[must_use]
    pub fn listening_port(&self) -> Option<u16> {
        self.listener.as_ref()?.0.local_addr().ok().map(|address| address.port())
    }

    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next - 1
    }

    /// Runs a question in a thread of its own.
    fn ask(&mut self, question: impl FnOnce() -> Answer + Send + 'static) {
        self.asked += 1;
        let answering = self.answering.clone();
        thread::spawn(move || {
            // Nobody listens any more if the network was dropped.
            let _ = answering.send(question());
        });
    }

    fn look(&mut self) {
        while let Ok(answer) = self.answers.try_recv() {
            self.asked -= 1;
            self.answered(answer);
        }
        self.look_at_listener();
        for (conn, tcp) in &mut self.tcp {
            tcp.look(*conn, &mut self.events);
        }
        let mut buf = [0; 2048];
        for (conn, socket) in &self.udp {
            while let Ok((len, from)) = socket.recv_from(&mut buf) {
                self.events.push_back(NetEvent::Datagram(*conn, from, buf[..len].to_vec()));
            }
        }
        self.lingering.retain_mut(|tcp| {
            // Nobody is told of a connection that was closed.
            let taken = tcp.flush(Conn(0), &mut VecDeque::new());
            taken && !tcp.unsent.is_empty()
        });
    }

    fn answered(&mut self, answer: Answer) {
        match answer {
            Answer::Resolved(query, found) => {
                self.events.push_back(NetEvent::Resolved(query, found));
            }
            Answer::Opened(conn, stream) => {
                // Not there: closed while it was being opened.
                let Some(window) = self.opening.remove(&conn) else { return };
                let tcp = stream.and_then(|stream| Tcp::new(stream, window));
                self.events.push_back(match tcp {
                    Some(tcp) => {
                        self.tcp.insert(conn, tcp);
                        NetEvent::Connected(conn)
                    }
                    None => NetEvent::Failed(conn),
                });
            }
        }
    }

    fn look_at_listener(&mut self) {
        let Some((listener, window)) = &self.listener else { return };
        let (Ok((stream, peer)), window) = (listener.accept(), *window) else { return };
        if let Some(tcp) = Tcp::new(stream, window) {
            let conn = Conn(self.number());
            self.tcp.insert(conn, tcp);
            self.events.push_back(NetEvent::Accepted(conn, peer));
        }
    }
}

impl Tcp {
    fn new(stream: TcpStream, window: usize) -> Option<Self> {
        stream.set_nonblocking(true).ok()?;
        let (inbox, unsent) = (VecDeque::new(), VecDeque::new());
        Some(Self { stream, window, inbox, unsent, sent: 0, ended: false })
    }

    fn look(&mut self, conn: Conn, events: &mut VecDeque<NetEvent>) {
        if self.ended {
            return;
        }
        self.flush(conn, events);
        let mut buf = [0; 2048];
        loop {
            let room = self.window.saturating_sub(self.inbox.len()).min(buf.len());
            if room == 0 {
                return;
            }
            match self.stream.read(&mut buf[..room]) {
                Ok(0) => {
                    self.ended = true;
                    return events.push_back(NetEvent::Finished(conn));
                }
                Ok(len) => {
                    self.inbox.extend(&buf[..len]);
                    events.push_back(NetEvent::Readable(conn));
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => {
                    self.ended = true;
                    return events.push_back(NetEvent::Reset(conn));
                }
            }
        }
    }

    /// Gives the operating system what it takes. False if it will never take more.
    fn flush(&mut self, conn: Conn, events: &mut VecDeque<NetEvent>) -> bool {
        while !self.unsent.is_empty() {
            match self.stream.write(self.unsent.make_contiguous()) {
                Ok(len) => {
                    self.unsent.drain(..len);
                    self.sent += len as u64;
                    events.push_back(NetEvent::Acked(conn, self.sent));
                }
                Err(error) => {
                    let again = [ErrorKind::WouldBlock, ErrorKind::Interrupted];
                    return again.contains(&error.kind());
                }
            }
        }
        true
    }
}

impl Network for RealNet {
    fn set_addresses(&mut self, _now: Instant, addresses: &[IpAddr]) {
        self.up = !addresses.is_empty();
        if !self.up {
            self.opening.clear();
            self.tcp.clear();
        }
    }

    fn connect(&mut self, _now: Instant, to: SocketAddr, window: usize) -> Conn {
        let conn = Conn(self.number());
        self.opening.insert(conn, window);
        self.ask(move || Answer::Opened(conn, TcpStream::connect_timeout(&to, OPEN_LIMIT).ok()));
        conn
    }

    fn bind(&mut self, _now: Instant, family: Family, port: u16) -> Option<Conn> {
        let any = any(family);
        let socket = UdpSocket::bind((any, port)).ok()?;
        socket.set_nonblocking(true).ok()?;
        if any.is_ipv4() {
            socket.set_broadcast(true).ok()?;
        }
        let conn = Conn(self.number());
        self.udp.insert(conn, socket);
        Some(conn)
    }

    fn join_group(&mut self, _now: Instant, conn: Conn, group: IpAddr) -> bool {
        let Some(socket) = self.udp.get(&conn) else { return false };
        match group {
            IpAddr::V4(group) => socket.join_multicast_v4(&group, &Ipv4Addr::UNSPECIFIED).is_ok(),
            IpAddr::V6(group) => socket.join_multicast_v6(&group, 0).is_ok(),
        }
    }

    fn listen(&mut self, _now: Instant, at: Option<(Family, u16)>, window: usize) -> bool {
        self.listener = None;
        let Some((family, port)) = at else { return true };
        let on = match (family, self.listen_on) {
            (Family::V6, IpAddr::V4(Ipv4Addr::LOCALHOST)) => Ipv6Addr::LOCALHOST.into(),
            (family, on) if Family::of(on) == family => on,
            (family, _) => any(family),
        };
        let Ok(listener) = TcpListener::bind((on, port)) else { return false };
        if listener.set_nonblocking(true).is_err() {
            return false;
        }
        self.listener = Some((listener, window));
        true
    }

    fn local_port(&self, conn: Conn) -> u16 {
        let udp = self.udp.get(&conn).map(UdpSocket::local_addr);
        let address = udp.or_else(|| self.tcp.get(&conn).map(|tcp| tcp.stream.local_addr()));
        address.and_then(Result::ok).map_or(0, |address| address.port())
    }

    fn send(&mut self, _now: Instant, conn: Conn, data: &[u8]) {
        if let Some(tcp) = self.tcp.get_mut(&conn) {
            tcp.unsent.extend(data);
        }
    }

    fn send_to(&mut self, _now: Instant, conn: Conn, to: SocketAddr, data: &[u8]) {
        if let Some(socket) = self.udp.get(&conn).filter(|_| self.up) {
            // A datagram may get lost.
            let _ = socket.send_to(data, to);
        }
    }

    fn readable(&self, conn: Conn) -> usize {
        self.tcp.get(&conn).map_or(0, |tcp| tcp.inbox.len())
    }

    fn recv(&mut self, _now: Instant, conn: Conn, max: usize) -> Vec<u8> {
        let Some(tcp) = self.tcp.get_mut(&conn) else { return Vec::new() };
        let len = tcp.inbox.len().min(max);
        tcp.inbox.drain(..len).collect()
    }

    fn keep_alive(&mut self, _now: Instant, _conn: Conn, _idle: Duration) {}

    fn set_nodelay(&mut self, conn: Conn, on: bool) {
        if let Some(tcp) = self.tcp.get(&conn) {
            // A socket that has failed meanwhile has no use for it.
            let _ = tcp.stream.set_nodelay(on);
        }
    }

    fn close(&mut self, _now: Instant, conn: Conn) {
        self.opening.remove(&conn);
        self.udp.remove(&conn);
        if let Some(mut tcp) = self.tcp.remove(&conn)
            && tcp.flush(conn, &mut VecDeque::new())
            && !tcp.unsent.is_empty()
        {
            self.lingering.push(tcp);
        }
    }

    fn abort(&mut self, _now: Instant, conn: Conn) {
        self.opening.remove(&conn);
        self.udp.remove(&conn);
        self.tcp.remove(&conn);
    }

    fn resolve(&mut self, _now: Instant, name: &str, wanted: Wanted) -> Query {
        let query = Query(self.number());
        let name = name.to_owned();
        self.ask(move || {
            let found = (name.as_str(), 0).to_socket_addrs().ok();
            let found: Vec<_> = found.into_iter().flatten().map(|found| found.ip()).collect();
            Answer::Resolved(query, wanted.choose(&found))
        });
        query
    }

    fn ping(&mut self, _now: Instant, _host: IpAddr) -> Query {
        let query = Query(self.number());
        self.events.push_back(NetEvent::Pong(query, None));
        query
    }

    fn poll(&mut self, now: Instant) -> Option<NetEvent> {
        if self.events.is_empty() && now >= self.look_at {
            self.look();
            self.look_at = now + LOOK_EVERY;
        }
        self.events.pop_front()
    }

    fn poll_at(&self) -> Option<Instant> {
        let idle = self.asked == 0
            && self.events.is_empty()
            && self.tcp.is_empty()
            && self.udp.is_empty()
            && self.lingering.is_empty()
            && self.listener.is_none();
        (!idle).then_some(if self.events.is_empty() { self.look_at } else { Instant::ZERO })
    }
}

/// The address that stands for all of ours.
fn any(family: Family) -> IpAddr {
    match family {
        Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
        Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// How often sockets are looked at.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Merely chosen: the sheet calls the modem's own limit unconfirmed.
const OPEN_LIMIT: Duration = Duration::from_secs(15);
