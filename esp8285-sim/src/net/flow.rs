//! What is on its way through the virtual network, and what happens when it arrives.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::tcp::Wish;
use super::virtual_net::VirtualNet;
use super::{Conn, NetEvent, Query};
use crate::time::Instant;

/// Something that arrives, or a wait that ends.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    Opened(Conn),
    Failed(Conn),
    Accepted(Conn),
    /// The client of this number sets out.
    Call(usize),
    AtPeer(Conn, Vec<u8>),
    FinAtPeer(Conn),
    ResetAtPeer(Conn),
    Acked(Conn, u64),
    Segment(Conn, Vec<u8>),
    Fin(Conn),
    Reset(Conn),
    Window(Conn, usize),
    Wake(Conn),
    /// A keep-alive is due if the peer was silent all the time.
    Ask(Conn),
    /// Bytes up to this count were sent long enough ago.
    GiveUp(Conn, u64),
    /// A datagram to this place, from the modem at that one.
    DatagramAt(SocketAddr, SocketAddr, Vec<u8>),
    /// A datagram to the modem: where to, where from.
    Datagram(SocketAddr, SocketAddr, Vec<u8>),
    Resolved(Query, Option<IpAddr>),
    Pong(Query, Option<Duration>),
}

impl VirtualNet {
    pub(super) fn fire(&mut self, now: Instant, timer: Timer) {
        match timer {
            Timer::Opened(conn) => self.opened(now, conn, NetEvent::Connected(conn)),
            Timer::Accepted(conn) => self.dialled(now, conn),
            Timer::Call(number) => {
                if let Some((from, port, script)) = self.callers.get(number).cloned() {
                    self.dial(now, from, port, script);
                }
            }
            Timer::Failed(conn) => self.tell_modem(conn, NetEvent::Failed(conn)),
            Timer::AtPeer(conn, data) => self.at_peer(now, conn, &data),
            Timer::FinAtPeer(conn) => {
                if let Some(tcp) = self.tcp.get_mut(&conn) {
                    tcp.finished = true;
                }
            }
            Timer::ResetAtPeer(conn) => {
                if let Some(tcp) = self.tcp.get_mut(&conn) {
                    tcp.was_reset = true;
                    tcp.reset_by_peer();
                }
            }
            Timer::Acked(conn, total) => {
                self.heard(now, conn);
                self.tell_modem(conn, NetEvent::Acked(conn, total));
            }
            Timer::Segment(conn, data) => self.segment(now, conn, &data),
            Timer::Fin(conn) => {
                self.heard(now, conn);
                self.tell_modem(conn, NetEvent::Finished(conn));
            }
            Timer::Reset(conn) => self.tell_modem(conn, NetEvent::Reset(conn)),
            Timer::Window(conn, freed) => {
                if let Some(tcp) = self.tcp.get_mut(&conn) {
                    tcp.credit += freed;
                }
                self.pump(now, conn);
            }
            Timer::Wake(conn) => self.pump(now, conn),
            Timer::Ask(conn) => self.ask(now, conn),
            Timer::GiveUp(conn, total) => {
                if self.tcp.get(&conn).is_some_and(|tcp| tcp.acknowledged() < total) {
                    self.tell_modem(conn, NetEvent::Reset(conn));
                }
            }
            Timer::DatagramAt(to, from, data) => self.serve(now, to, from, data),
            Timer::Datagram(to, from, data) => self.datagram_at_modem(to, from, &data),
            Timer::Resolved(query, found) => {
                self.events.push_back(NetEvent::Resolved(query, found));
            }
            Timer::Pong(query, time) => self.events.push_back(NetEvent::Pong(query, time)),
        }
    }

    /// Runs the peer's program and sends what the window allows.
    pub(super) fn pump(&mut self, now: Instant, conn: Conn) {
        let Some(tcp) = self.tcp.get(&conn).filter(|tcp| tcp.open) else { return };
        let path = self.path(tcp.peer.ip());
        let mut due = Vec::new();
        let Some(tcp) = self.tcp.get_mut(&conn) else { return };
        match tcp.run(now) {
            Wish::Nothing => {}
            Wish::WakeAt(time) => due.push((time, Timer::Wake(conn))),
            Wish::Reset => due.push((now + path.half(), Timer::Reset(conn))),
        }
        while let Some(segment) = tcp.next_segment() {
            tcp.down_free = tcp.down_free.max(now) + path.on_the_way(segment.len());
            let mut arrives = tcp.down_free + path.half();
            if self.rng.happens(path.loss) {
                arrives = arrives + path.retransmit;
            }
            tcp.down_last = tcp.down_last.max(arrives);
            due.push((tcp.down_last, Timer::Segment(conn, segment)));
        }
        if tcp.take_fin() {
            tcp.down_last = tcp.down_last.max(now + path.half());
            due.push((tcp.down_last, Timer::Fin(conn)));
        }
        for (time, timer) in due {
            self.at(time, timer);
        }
    }

    fn opened(&mut self, now: Instant, conn: Conn, event: NetEvent) {
        let Some(tcp) = self.tcp.get_mut(&conn) else { return };
        tcp.open = true;
        tcp.heard = now;
        let dialled = matches!(event, NetEvent::Accepted(..));
        if !dialled && let Some(waiting) = self.listeners.get_mut(&tcp.peer) {
            waiting.push_back(conn);
        }
        self.tell_modem(conn, event);
        self.pump(now, conn);
    }

    /// A client has come to where the modem listened when it set out.
    fn dialled(&mut self, now: Instant, conn: Conn) {
        let Some(peer) = self.tcp.get(&conn).map(|tcp| tcp.peer) else { return };
        if self.listening.is_some() && !self.addresses.is_empty() {
            self.opened(now, conn, NetEvent::Accepted(conn, peer));
        } else {
            let half = self.path(peer.ip()).half();
            self.at(now + half, Timer::ResetAtPeer(conn));
        }
    }

    pub(super) fn tell_modem(&mut self, conn: Conn, event: NetEvent) {
        if self.tcp.get(&conn).is_some_and(|tcp| !tcp.forgotten) {
            self.events.push_back(event);
        }
    }

    fn heard(&mut self, now: Instant, conn: Conn) {
        if let Some(tcp) = self.tcp.get_mut(&conn) {
            tcp.heard = now;
        }
    }

    /// A segment from the peer; one for a connection that the modem has given up is
    /// answered with a reset.
    fn segment(&mut self, now: Instant, conn: Conn, data: &[u8]) {
        self.heard(now, conn);
        let Some(tcp) = self.tcp.get_mut(&conn) else { return };
        if !tcp.forgotten {
            tcp.inbox.extend(data);
            return self.tell_modem(conn, NetEvent::Readable(conn));
        }
        let ip = tcp.peer.ip();
        if !self.addresses.is_empty() {
            let half = self.path(ip).half();
            self.at(now + half, Timer::ResetAtPeer(conn));
        }
    }

    fn at_peer(&mut self, now: Instant, conn: Conn, data: &[u8]) {
        let Some(tcp) = self.tcp.get_mut(&conn) else { return };
        let (ip, closed) = (tcp.peer.ip(), tcp.closed);
        let total = tcp.received.len() as u64 + data.len() as u64;
        if tcp.stalled {
            if let Some(limit) = self.give_up {
                self.at(now + limit, Timer::GiveUp(conn, total));
            }
            return;
        }
        let half = self.path(ip).half();
        if closed {
            return self.at(now + half, Timer::Reset(conn));
        }
        if let Some(tcp) = self.tcp.get_mut(&conn) {
            tcp.received.extend(data);
        }
        self.acknowledge(now, conn);
        self.pump(now, conn);
    }

    /// The peer says how much it has.
    pub(super) fn acknowledge(&mut self, now: Instant, conn: Conn) {
        let Some(tcp) = self.tcp.get(&conn).filter(|tcp| !tcp.stalled) else { return };
        let (total, ip) = (tcp.acknowledged(), tcp.peer.ip());
        let half = self.path(ip).half();
        self.at(now + half, Timer::Acked(conn, total));
    }

    /// Keep-alive (sheet section 4.2): questions after `idle`, three of them.
    fn ask(&mut self, now: Instant, conn: Conn) {
        let Some(tcp) = self.tcp.get_mut(&conn).filter(|tcp| !tcp.forgotten) else { return };
        let idle = tcp.keep_alive;
        if idle.is_zero() {
            return;
        }
        let silent = now.since(tcp.heard);
        let next = match () {
            () if silent < idle => tcp.heard + idle,
            () if !tcp.stalled => {
                tcp.heard = now;
                now + idle
            }
            () if silent >= idle + PROBES => {
                return self.tell_modem(conn, NetEvent::Reset(conn));
            }
            () => tcp.heard + idle + PROBES,
        };
        self.at(next, Timer::Ask(conn));
    }

    /// The modem has given a connection up; when the peer will know, if it can be told.
    pub(super) fn gone(&mut self, now: Instant, conn: Conn) -> Option<Instant> {
        self.udp.remove(&conn);
        let tcp = self.tcp.get_mut(&conn)?;
        tcp.forgotten = true;
        tcp.inbox.clear();
        let (ip, last, reached) = (tcp.peer.ip(), tcp.up_last, !tcp.stalled);
        let half = self.path(ip).half();
        (reached && !self.addresses.is_empty()).then(|| last.max(now + half))
    }
}

/// Three questions, one second apart (sheet section 4.2).
const PROBES: Duration = Duration::from_secs(3);
