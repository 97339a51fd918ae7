//! The link table: who has which id, and what the host is told (sheet sections 4.8, 5).

use std::net::SocketAddr;
use std::time::Duration;

use super::output::fill;
use super::phase::Phase;
use super::{Event, Link, Modem};
use crate::net::{Conn, Network};
use crate::profile::{ClosedPolicy, NoticePolicy, Passive};
use crate::time::Instant;

impl<N: Network> Modem<N> {
    pub(crate) fn link(&self, id: usize) -> Option<&Link> {
        self.links.get(id)?.as_ref()
    }

    pub(crate) fn link_of(&self, conn: Conn) -> Option<usize> {
        let mut ids = 0..self.links.len();
        ids.find(|id| self.link(*id).is_some_and(|link| link.conn == conn))
    }

    pub(crate) fn any_link(&self) -> bool {
        self.links.iter().any(Option::is_some)
    }

    /// Passive receive, if it is on and the link takes part.
    pub(crate) fn passive(&self, link: &Link) -> Option<Passive> {
        let passive = self.profile.passive.filter(|_| self.set.passive)?;
        (!link.udp || passive.udp).then_some(passive)
    }

    /// A link stands: takes the id and says so.
    pub(crate) fn link_up(&mut self, id: usize, link: Link) {
        self.leftover[id].clear();
        self.had_link = true;
        let (kind, server, remote) = (link.kind(), link.server, link.remote);
        let local_port = self.net.local_port(link.conn);
        self.links[id] = Some(link);
        self.event(Event::Opened { id, peer: remote, server });
        if self.set.sysmsg & 2 != 0 {
            self.say(&format!(
                "+LINK_CONN:0,{id},\"{kind}\",{},\"{}\",{},{local_port}\r\n",
                u8::from(server),
                remote.ip(),
                remote.port(),
            ));
        } else {
            self.say_of_link(id, "CONNECT\r\n");
        }
    }

    /// A line about a link, with its id if there may be several.
    pub(crate) fn say_of_link(&mut self, id: usize, text: &str) {
        if self.set.mux {
            self.say(&format!("{id},"));
        }
        self.say(text);
    }

    /// A link is gone: frees the id and says so.
    pub(crate) fn link_down(&mut self, id: usize) {
        let Some(link) = self.links[id].take() else { return };
        if link.abort {
            self.net.abort(self.now, link.conn);
        } else {
            self.net.close(self.now, link.conn);
        }
        self.say_of_link(id, "CLOSED\r\n");
        self.event(Event::Closed(id));
        self.fail_send_on(link.conn);
        for (segment, _) in link.segments.flying {
            self.segment_failed(id, segment);
        }
    }

    /// A segment of `CIPSENDBUF` will never be acknowledged (sheet section 4.5).
    pub(super) fn segment_failed(&mut self, id: usize, segment: u32) {
        self.say("\r\n");
        self.say_of_link(id, &format!("{segment},SEND FAIL\r\n"));
    }

    /// The send in progress will never be acknowledged (sheet section 2.4, item 6).
    fn fail_send_on(&mut self, conn: Conn) {
        if matches!(&self.phase, Phase::Sending(sending) if sending.conn == conn) {
            self.sent(self.profile.send_fail);
        }
    }

    /// The peer has closed; what follows depends on what is unread.
    pub(crate) fn peer_closed(&mut self, id: usize) {
        let Some(link) = self.links[id].as_mut() else { return };
        link.finished = true;
        let conn = link.conn;
        let Some(passive) = self.link(id).and_then(|link| self.passive(link)) else {
            if self.knobs.early_closed {
                self.close_early(id);
            }
            return self.pump_active();
        };
        let unread = self.net.readable(conn);
        match self.knobs.closed.unwrap_or(passive.closed) {
            ClosedPolicy::Withhold if unread > 0 => return,
            ClosedPolicy::Keep => {
                let rest = self.net.recv(self.now, conn, usize::MAX);
                self.link_down(id);
                self.leftover[id].extend(rest);
                return;
            }
            ClosedPolicy::Lose | ClosedPolicy::Withhold => {}
        }
        self.link_down(id);
    }

    /// `CLOSED` first, then what came before it.
    fn close_early(&mut self, id: usize) {
        let Some((conn, remote)) = self.link(id).map(|link| (link.conn, link.remote)) else {
            return;
        };
        let rest = self.net.recv(self.now, conn, usize::MAX);
        self.link_down(id);
        for piece in rest.chunks(self.knobs.ipd_chunk_max.max(1)) {
            self.say_ipd(id, remote, piece);
        }
    }

    /// Active receive: what the network holds goes out while the transmit ring has room,
    /// one piece of each link in turn (sheet section 5.1).
    pub(crate) fn pump_active(&mut self) {
        let mut moved = true;
        while moved && self.has_tx_room() {
            moved = false;
            for id in 0..self.links.len() {
                moved |= self.pump_link(id);
            }
        }
    }

    fn pump_link(&mut self, id: usize) -> bool {
        let Some(link) = self.link(id).filter(|link| !link.udp && self.passive(link).is_none())
        else {
            return false;
        };
        let (conn, remote, finished) = (link.conn, link.remote, link.finished);
        if self.net.readable(conn) == 0 {
            if finished {
                self.link_down(id);
            }
            return false;
        }
        if !self.has_tx_room() {
            return false;
        }
        let data = self.net.recv(self.now, conn, self.knobs.ipd_chunk_max.max(1));
        self.say_ipd(id, remote, &data);
        true
    }

    /// One active `+IPD` (sheet section 5.1).
    pub(crate) fn say_ipd(&mut self, id: usize, from: SocketAddr, data: &[u8]) {
        let form = usize::from(self.set.mux) + 2 * usize::from(self.set.dinfo);
        let template = match self.knobs.quote_ip {
            Some(true) => self.profile.ipd[form].replace(",{ip},", ",\"{ip}\","),
            Some(false) => self.profile.ipd[form].replace('"', ""),
            None => self.profile.ipd[form].to_owned(),
        };
        let header = fill(
            &template,
            &[("id", &id), ("len", &data.len()), ("ip", &from.ip()), ("port", &from.port())],
        );
        self.say_counted(&header, data);
        let trailer = match self.knobs.ipd_trailer {
            Some(true) => "\r\n",
            Some(false) => "",
            None => self.profile.ipd_trailer,
        };
        self.say(trailer);
    }

    /// How much of a link waits for `CIPRECVDATA`.
    pub(crate) fn unread(&self, id: usize) -> usize {
        match self.link(id) {
            Some(link) if link.udp => link.datagrams.len(),
            Some(link) => self.net.readable(link.conn),
            None => self.leftover[id].len(),
        }
    }

    /// Passive receive: more has come (sheet section 5.2).
    pub(crate) fn notice(&mut self, id: usize) {
        let Some(link) = self.link(id) else { return };
        let Some(passive) = self.passive(link) else { return };
        let noticed = link.noticed;
        let unread = self.unread(id);
        let policy = self.knobs.notice.unwrap_or(passive.notice);
        if unread == 0 || (noticed && policy == NoticePolicy::Level) {
            return;
        }
        if let Some(link) = &mut self.links[id] {
            link.noticed = true;
        }
        self.notices += 1;
        let dropped = matches!(policy, NoticePolicy::DropNth(n)
            if n > 0 && self.notices.is_multiple_of(n));
        if self.pending.notices > 0 {
            self.pending.notices -= 1;
        } else if !dropped {
            let id = if self.set.mux { format!("{id},") } else { String::new() };
            self.say(&format!("\r\n+IPD,{id}{unread}\r\n"));
        }
    }

    /// When an accepted client has been silent for too long (sheet section 4.7).
    pub(super) fn idle_client(&self) -> Option<Instant> {
        if self.set.server_timeout == 0 {
            return None;
        }
        let clients = self.links.iter().flatten().filter(|link| link.server);
        let limit = Duration::from_secs(u64::from(self.set.server_timeout));
        clients.map(|link| link.heard).min().map(|heard| heard + limit)
    }

    pub(super) fn drop_idle_client(&mut self) {
        let limit = Duration::from_secs(u64::from(self.set.server_timeout));
        let silent = |link: &Link| link.server && link.heard + limit <= self.now;
        let id = self.links.iter().position(|link| link.as_ref().is_some_and(silent));
        if let Some(id) = id {
            self.link_down(id);
        }
    }
}
