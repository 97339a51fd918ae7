//! What the network does to the modem, and back.

use std::net::{IpAddr, SocketAddr};

use super::output::{Outcome, fill};
use super::phase::{Phase, Send, SendKind, Waiting};
use super::{Event, Link, Modem, Open};
use crate::net::{Conn, Family, NetEvent, Network, Query};

impl<N: Network> Modem<N> {
    pub(super) fn net_event(&mut self, event: NetEvent) {
        match event {
            NetEvent::Connected(conn) => self.connected(conn),
            NetEvent::Failed(conn) => self.connect_failed(conn),
            NetEvent::Accepted(conn, peer) => self.accepted(conn, peer),
            NetEvent::Readable(conn) => self.readable(conn),
            NetEvent::Acked(conn, total) => self.acked(conn, total),
            NetEvent::Finished(conn) => self.ended(conn, false),
            NetEvent::Reset(conn) => self.ended(conn, true),
            NetEvent::Datagram(conn, from, data) => self.datagram(conn, from, &data),
            NetEvent::Resolved(query, found) => self.resolved(query, found),
            NetEvent::Pong(query, time) => {
                if self.phase_is(&Waiting::Ping(query)) {
                    let millis = time.map(|time| time.as_millis());
                    self.say(&match millis {
                        Some(ms) => fill(self.profile.ping[0], &[("ms", &ms)]),
                        None => self.profile.ping[1].to_owned(),
                    });
                    self.finish(if millis.is_some() { Outcome::Ok } else { Outcome::Error });
                }
            }
        }
    }

    fn ended(&mut self, conn: Conn, dead: bool) {
        let Some(id) = self.link_of(conn) else { return };
        if let Some(link) = &mut self.links[id] {
            link.dead = dead;
        }
        self.peer_closed(id);
    }

    fn phase_is(&self, waiting: &Waiting) -> bool {
        matches!(&self.phase, Phase::Waiting(now) if now == waiting)
    }

    fn connected(&mut self, conn: Conn) {
        let Phase::Waiting(Waiting::Open { conn: mine, remote, open }) = &self.phase else {
            return;
        };
        let (mine, id, remote, keep_alive) = (*mine, open.id, *remote, open.keep_alive);
        if mine == conn && self.links[id].is_some() {
            // A client was faster (knob `id_taken`).
            self.net.abort(self.now, conn);
            let outcome = self.hint("ALREADY CONNECTED");
            self.finish(outcome);
        } else if mine == conn {
            let link = Link::new(conn, false, remote, self.now);
            self.net.keep_alive(self.now, conn, keep_alive);
            self.link_up(id, link);
            self.finish(Outcome::Ok);
        }
    }

    /// Sheet section 4.2: the stale `CLOSED` comes after the `ERROR`.
    fn connect_failed(&mut self, conn: Conn) {
        let Phase::Waiting(Waiting::Open { conn: mine, open, .. }) = &self.phase else { return };
        if *mine != conn {
            return;
        }
        let id = open.id;
        if self.knobs.connect_fail && self.profile.stale_closed {
            self.say_of_link(id, "CONNECT FAIL\r\n");
            return self.finish(Outcome::Error);
        }
        self.finish(Outcome::Error);
        if self.profile.stale_closed {
            let mux = self.set.mux;
            let line = if mux { format!("{id},CLOSED\r\n") } else { "CLOSED\r\n".to_owned() };
            if self.knobs.stale_closed.is_zero() {
                self.say(&line);
            } else {
                self.later(self.knobs.stale_closed, &line);
            }
        }
    }

    /// How many clients the server has.
    pub(crate) fn clients(&self) -> usize {
        self.links.iter().flatten().filter(|link| link.server).count()
    }

    /// The id that an open in progress will have.
    fn opening(&self) -> Option<usize> {
        match &self.phase {
            Phase::Waiting(Waiting::Open { open, .. } | Waiting::OpenName { open, .. }) => {
                Some(open.id)
            }
            _ => None,
        }
    }

    /// An id that no link has and no open in progress wants, lowest first (section 4.2).
    fn free_id(&self) -> Option<usize> {
        let taken = self.opening().filter(|_| !self.knobs.id_clash && !self.knobs.id_taken);
        (0..self.links.len()).find(|id| self.link(*id).is_none() && taken != Some(*id))
    }

    fn accepted(&mut self, conn: Conn, peer: SocketAddr) {
        let clients = self.clients();
        let limit = self.set.max_conn.min(self.knobs.accept_limit.unwrap_or(usize::MAX));
        match self.free_id().filter(|_| clients < limit) {
            Some(id) => {
                let mut link = Link::new(conn, false, peer, self.now);
                link.server = true;
                self.link_up(id, link);
                if self.knobs.id_clash && self.opening() == Some(id) {
                    if let Phase::Waiting(Waiting::Open { conn, .. }) = &self.phase {
                        self.net.abort(self.now, *conn);
                    }
                    self.hang();
                }
            }
            // 1.7.6 accepts, then drops; that 2.x stops listening looks the same from here.
            None => self.net.abort(self.now, conn),
        }
    }

    fn readable(&mut self, conn: Conn) {
        let Some(id) = self.link_of(conn) else { return };
        let now = self.now;
        let Some(link) = &mut self.links[id] else { return };
        link.heard = now;
        let active = self.link(id).is_some_and(|link| self.passive(link).is_none());
        if active {
            self.pump_active();
        } else {
            self.notice(id);
        }
    }

    fn acked(&mut self, conn: Conn, total: u64) {
        let Some(id) = self.link_of(conn) else { return };
        let Some(link) = &mut self.links[id] else { return };
        link.acked = total;
        let mut done = Vec::new();
        while link.segments.flying.front().is_some_and(|(_, end)| *end <= total) {
            let (segment, _) = link.segments.flying.pop_front().unwrap_or_default();
            link.segments.last_acked = segment;
            done.push(segment);
        }
        for segment in done {
            self.say("\r\n");
            self.say_of_link(id, &format!("{segment},SEND OK\r\n"));
        }
        self.send_acked(id);
    }

    fn datagram(&mut self, conn: Conn, from: SocketAddr, data: &[u8]) {
        let Some(id) = self.link_of(conn) else { return };
        let window = self.profile.window;
        let passive = self.link(id).and_then(|link| self.passive(link)).is_some();
        let room = self.has_tx_room();
        let Some(link) = &mut self.links[id] else { return };
        if !link.takes_from(from) {
            return self.event(Event::DatagramIgnored(id, from));
        }
        if passive {
            if link.datagrams.len() + data.len() > window {
                return self.event(Event::DatagramLost(id));
            }
            link.follow(from);
            link.datagrams.extend(data);
            self.notice(id);
        } else if room {
            link.follow(from);
            self.say_ipd(id, from, data);
        } else {
            self.event(Event::DatagramLost(id));
        }
    }

    fn resolved(&mut self, query: Query, found: Option<IpAddr>) {
        let Phase::Waiting(waiting) = &self.phase else { return };
        match (waiting.clone(), found) {
            (Waiting::OpenName { query: mine, open }, found) if mine == query => {
                self.phase = Phase::Idle;
                let outcome = match found {
                    Some(ip) => self.open(open, ip),
                    None => self.hint("DNS Fail"),
                };
                self.finish(outcome);
            }
            (Waiting::Resolve(mine), Some(ip)) if mine == query => {
                self.say(&fill(self.profile.resolved, &[("ip", &ip)]));
                self.finish(Outcome::Ok);
            }
            (Waiting::PingName(mine), Some(ip)) if mine == query => {
                self.phase = Phase::Waiting(Waiting::Ping(self.net.ping(self.now, ip)));
            }
            (Waiting::Resolve(mine) | Waiting::PingName(mine), None) if mine == query => {
                let outcome = self.hint("DNS Fail");
                self.finish(outcome);
            }
            _ => {}
        }
    }

    /// The second half of `CIPSTART`.
    pub(crate) fn open(&mut self, open: Open, ip: IpAddr) -> Outcome {
        let remote = SocketAddr::new(ip, open.port);
        if !open.udp {
            let conn = self.net.connect(self.now, remote, self.profile.window);
            self.phase = Phase::Waiting(Waiting::Open { conn, remote, open });
            return Outcome::Later;
        }
        let Some(conn) = self.net.bind(self.now, Family::of(ip), open.local_port) else {
            return Outcome::Error;
        };
        // 1.x has no way to join a group (4.2).
        if ip.is_multicast()
            && !self.profile.version.is_nonos()
            && !self.net.join_group(self.now, conn, ip)
        {
            self.net.close(self.now, conn);
            return Outcome::Error;
        }
        self.log(&format!("local port:{}", self.net.local_port(conn)));
        self.log(&format!("change type:{}", open.udp_mode));
        let mut link = Link::new(conn, true, remote, self.now);
        link.udp_mode = open.udp_mode;
        self.link_up(open.id, link);
        Outcome::Ok
    }

    /// Hands payload to the network; the total that an acknowledgement of it will show.
    pub(super) fn put_on_network(&mut self, send: Send, data: &[u8]) -> u64 {
        let Some(link) = &mut self.links[send.id] else { return 0 };
        if let Some(to) = send.to {
            self.net.send_to(self.now, link.conn, to, data);
            return 0;
        }
        link.sent += data.len() as u64;
        if let SendKind::Buffered(segment) = send.kind {
            link.segments.flying.push_back((segment, link.sent));
        }
        let (conn, total) = (link.conn, link.sent);
        self.net.send(self.now, conn, data);
        total
    }
}
