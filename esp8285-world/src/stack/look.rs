//! What has happened on the network since the last look.

use esp8285_sim::net::{Conn, NetEvent, Wanted};
use usocket_conformance::net::MAX_DATAGRAM;
use usocket_core::Error;
use usocket_core::spi::{Answer, Backend, EventSource, RecvFlags};

use super::tcp::Tcp;
use super::{Later, Stack};

impl Stack<'_> {
    /// Moves the network to its time and collects events.
    pub(super) fn look(&mut self) {
        self.due = self.host.drive(self.now);
        self.tell_what_is_due();
        self.look_at_listener();
        self.look_at_streams();
        self.look_at_datagrams();
        self.look_at_queries();
    }

    fn tell_what_is_due(&mut self) {
        while let Some(entry) = self.later.first_entry() {
            if entry.key().0 > self.now {
                return;
            }
            let event = match entry.remove() {
                Later::Acked(conn, total) if self.tcp.contains_key(&conn) => {
                    NetEvent::Acked(conn, total)
                }
                Later::Acked(..) => continue,
                Later::Pong(query, time) => NetEvent::Pong(query, time),
            };
            self.events.push_back(event);
        }
    }

    fn look_at_listener(&mut self) {
        let Some((listener, window)) = self.listener else { return };
        while let Ok((handle, peer)) = self.host.try_accept(listener) {
            if self.tune(handle, window).is_err() {
                self.let_go(handle, true);
                continue;
            }
            let port = self.host.local_addr(handle).map_or(0, |address| address.port());
            let conn = Conn(self.number());
            self.tcp.insert(conn, Tcp::new(handle, port, None));
            self.events.push_back(NetEvent::Accepted(conn, peer.to_std()));
        }
    }

    fn look_at_streams(&mut self) {
        let conns: Vec<Conn> = self.tcp.keys().copied().collect();
        for conn in conns {
            if self.look_at_opening(conn) {
                self.look_at_stream(conn);
            }
        }
    }

    /// Whether the connection stands.
    fn look_at_opening(&mut self, conn: Conn) -> bool {
        let Some(tcp) = self.tcp.get_mut(&conn) else { return false };
        let Some(limit) = tcp.opening else { return true };
        let handle = tcp.handle;
        match self.host.connect_result(handle) {
            Ok(()) => {
                tcp.opening = None;
                self.events.push_back(NetEvent::Connected(conn));
                true
            }
            // A connect that could not even be started goes unanswered, too.
            Err(Error::EAGAIN | Error::ENOTCONN) if limit > self.now => false,
            Err(_) => {
                self.tcp.remove(&conn);
                self.let_go(handle, true);
                self.events.push_back(NetEvent::Failed(conn));
                false
            }
        }
    }

    fn look_at_stream(&mut self, conn: Conn) {
        let Some(tcp) = self.tcp.get_mut(&conn) else { return };
        tcp.push(&self.host);
        if let Some(until) = tcp.closing {
            let late = until <= self.now;
            if late || tcp.unsent.is_empty() {
                let handle = tcp.handle;
                self.tcp.remove(&conn);
                self.let_go(handle, late);
            }
        } else if let Some(flow) = self.host.flow(tcp.handle)
            && let Some((at, total)) = tcp.look(conn, flow, &mut self.events)
        {
            self.tell_later(at, Later::Acked(conn, total));
        }
    }

    fn look_at_datagrams(&mut self) {
        let mut buf = [0; MAX_DATAGRAM];
        for (&conn, &handle) in &self.udp {
            while let Ok(info) = self.host.try_recv_info(handle, &mut buf, RecvFlags::default()) {
                let data = buf[..info.len].to_vec();
                self.events.push_back(NetEvent::Datagram(conn, info.from.to_std(), data));
            }
        }
    }

    fn look_at_queries(&mut self) {
        let mut answer = Answer::default();
        self.queries.retain(|&query, &mut (handle, wanted)| {
            let found = match self.host.try_answer(handle, &mut answer) {
                Err(Error::EAGAIN) => return true,
                Ok(()) => {
                    let mut found = answer.addresses.iter().copied();
                    let first = answer.addresses.first().copied();
                    let v4 = found.find(std::net::IpAddr::is_ipv4);
                    if wanted == Wanted::PreferV4 { v4.or(first) } else { first }
                }
                Err(_) => None,
            };
            self.events.push_back(NetEvent::Resolved(query, found));
            self.host.end_query(handle);
            false
        });
    }

    /// The address is gone: no connection survives that, and no open comes to an end.
    pub(super) fn drop_connections(&mut self) {
        for (conn, tcp) in std::mem::take(&mut self.tcp) {
            if tcp.opening.is_some() {
                self.events.push_back(NetEvent::Failed(conn));
            }
            self.let_go(tcp.handle, true);
        }
    }
}
