//! Passive receive (sheet section 5.2).

use super::{Call, small};
use crate::modem::{Modem, Outcome, fill};
use crate::net::Network;

impl<N: Network> Modem<N> {
    pub(super) fn receive(&mut self, call: &Call<'_>) -> Outcome {
        match call.base {
            "CIPRECVMODE" => self.ciprecvmode(call),
            "CIPRECVDATA" if call.is_set() => self.ciprecvdata(call),
            "CIPRECVLEN" if call.is_query() => self.ciprecvlen(),
            _ => Outcome::Error,
        }
    }

    fn ciprecvmode(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            self.say(&format!("+CIPRECVMODE:{}\r\n", u8::from(self.set.passive)));
            return Outcome::Ok;
        }
        let Some(passive) = call.only_number(0..=1) else { return Outcome::Error };
        self.set.passive = passive == 1;
        self.finish(Outcome::Ok);
        self.pump_active();
        Outcome::Later
    }

    fn ciprecvdata(&mut self, call: &Call<'_>) -> Outcome {
        let Some(passive) = self.profile.passive.filter(|_| self.set.passive) else {
            return Outcome::Error;
        };
        let Some((id, [max])) = self.link_arg(call) else { return Outcome::Error };
        let most = i64::try_from(passive.max_read).unwrap_or(i64::MAX);
        let Some(max) = max.number(1..=most).map(small::<usize>) else { return Outcome::Error };
        let fails = self.knobs.read_fails.contains(&self.reads);
        self.reads += 1;
        let max = max.min(self.knobs.read_max.unwrap_or(usize::MAX)).max(1);
        let data = if fails { Vec::new() } else { self.take_unread(id, max) };
        if data.is_empty() {
            return Outcome::Error;
        }
        self.log(&format!("to read {} bytes", data.len()));
        let peer = self.link(id).map(|link| link.remote);
        let form = match peer {
            Some(_) if self.set.dinfo => passive.answer_with_peer,
            _ => passive.answer,
        };
        let ip = peer.map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |peer| peer.ip());
        let port = peer.map_or(0, |peer| peer.port());
        let header = fill(form, &[("len", &data.len()), ("ip", &ip), ("port", &port)]);
        let mine = self.replies;
        self.replies += 1;
        let mut data = data;
        let faults = self.knobs.reply_faults.iter().filter(|(on, _)| *on == mine);
        faults.for_each(|(_, fault)| fault.apply(&mut data));
        self.say_counted(&header, &data);
        self.finish(Outcome::Ok);
        self.after_read(id);
        Outcome::Later
    }

    fn take_unread(&mut self, id: usize, max: usize) -> Vec<u8> {
        match self.links[id].as_mut() {
            Some(link) if link.udp => {
                let len = link.datagrams.len().min(max);
                link.datagrams.drain(..len).collect()
            }
            Some(link) => self.net.recv(self.now, link.conn, max),
            None => {
                let len = self.leftover[id].len().min(max);
                self.leftover[id].drain(..len).collect()
            }
        }
    }

    /// 2.x: a notice of what is left, or the `CLOSED` that was held back (5.3).
    fn after_read(&mut self, id: usize) {
        let unread = self.unread(id);
        let Some(link) = self.links[id].as_mut() else { return };
        link.noticed = false;
        if unread == 0 && link.finished {
            self.link_down(id);
        } else if !self.profile.version.is_nonos() {
            self.notice(id);
        }
    }

    /// A closed link shows as such even while its data can be read.
    fn ciprecvlen(&mut self) -> Outcome {
        let closed = self.profile.passive.map_or(0, |passive| passive.closed_len);
        let lens: Vec<String> = (0..self.links.len())
            .map(|id| match self.link(id) {
                Some(_) => self.unread(id).to_string(),
                None => closed.to_string(),
            })
            .collect();
        self.say(&format!("+CIPRECVLEN:{}\r\n", lens.join(",")));
        Outcome::Ok
    }
}
