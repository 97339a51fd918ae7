//! Multiplexing, status, names, ping (sheet sections 4.1, 4.8, 6, 9).

use std::net::IpAddr;

use super::Call;
use crate::modem::{Modem, Outcome, Phase, Waiting, fill};
use crate::net::{Family, Network, Wanted};
use crate::profile::Version;

impl<N: Network> Modem<N> {
    pub(super) fn status(&mut self, call: &Call<'_>) -> Outcome {
        match call.base {
            "CIPMUX" => self.cipmux(call),
            "CIPMODE" => self.cipmode(call),
            "CIPDINFO" => self.cipdinfo(call),
            "CIPSTATUS" if call.is_execute() => self.cipstatus(),
            "CIPSTATE" if call.is_query() => {
                self.say_links("CIPSTATE");
                Outcome::Ok
            }
            "CIPDOMAIN" if call.is_set() => self.cipdomain(call),
            "PING" if call.is_set() => self.cmd_ping(call),
            _ => Outcome::Error,
        }
    }

    fn cipmux(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            self.say(&format!("+CIPMUX:{}\r\n", u8::from(self.set.mux)));
            return Outcome::Ok;
        }
        let Some(on) = call.only_number(0..=1).map(|on| on == 1) else { return Outcome::Error };
        if on != self.set.mux {
            if self.any_link() {
                return self.hint("link is builded");
            }
            if self.set.server.is_some() {
                return self.hint("CIPSERVER must be 0");
            }
            self.leftover.iter_mut().for_each(std::collections::VecDeque::clear);
        }
        self.set.mux = on;
        Outcome::Ok
    }

    /// Transparent mode is not modelled: it can only be left off.
    fn cipmode(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            self.say("+CIPMODE:0\r\n");
            return Outcome::Ok;
        }
        match call.only_number(0..=1) {
            Some(0) => Outcome::Ok,
            Some(_) if self.set.mux => self.hint("CIPMUX and CIPSERVER must be 0"),
            _ => Outcome::Error,
        }
    }

    fn cipdinfo(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            let word = match (self.profile.version.is_nonos(), self.set.dinfo) {
                (true, true) => "TRUE",
                (true, false) => "FALSE",
                (false, true) => "true",
                (false, false) => "false",
            };
            self.say(&format!("+CIPDINFO:{word}\r\n"));
            return Outcome::Ok;
        }
        let Some(on) = call.only_number(0..=1) else { return Outcome::Error };
        self.set.dinfo = on == 1;
        Outcome::Ok
    }

    /// 2 has an address, 3 has a link, 4 link gone, 5 no access point.
    fn cipstatus(&mut self) -> Outcome {
        let status = match () {
            () if self.any_link() => 3,
            () if self.station_address().is_none() => 5,
            () if self.had_link => 4,
            () => 2,
        };
        self.say(&format!("STATUS:{status}\r\n"));
        self.say_links("CIPSTATUS");
        Outcome::Ok
    }

    fn say_links(&mut self, name: &str) {
        for id in 0..self.links.len() {
            let Some(link) = self.link(id) else { continue };
            let line = format!(
                "+{name}:{id},\"{}\",\"{}\",{},{},{}\r\n",
                link.kind(),
                link.remote.ip(),
                link.remote.port(),
                self.net.local_port(link.conn),
                u8::from(link.server),
            );
            self.say(&line);
        }
    }

    /// Sheet section 6: literals are given back, long names refused.
    fn cipdomain(&mut self, call: &Call<'_>) -> Outcome {
        let most = if self.profile.version < Version::V2_2 { 1 } else { 2 };
        let Some(name) = call.args.first().and_then(|arg| arg.utf8()) else {
            return Outcome::Error;
        };
        let wanted = match call.optional(1, 1..=3) {
            Some(None | Some(1)) if self.set.ipv6 => Wanted::PreferV4,
            Some(None | Some(1 | 2)) => Wanted::Only(Family::V4),
            Some(_) if self.set.ipv6 => Wanted::Only(Family::V6),
            _ => return Outcome::Error,
        };
        if call.args.len() > most || !(1..64).contains(&name.len()) {
            return Outcome::Error;
        }
        if !self.has_address() {
            return self.hint("no ip");
        }
        if let Ok(ip) = name.parse::<IpAddr>() {
            let Some(ip) = wanted.choose(&[ip]) else { return Outcome::Error };
            self.say(&fill(self.profile.resolved, &[("ip", &ip)]));
            return Outcome::Ok;
        }
        self.phase = Phase::Waiting(Waiting::Resolve(self.net.resolve(self.now, name, wanted)));
        Outcome::Later
    }

    fn cmd_ping(&mut self, call: &Call<'_>) -> Outcome {
        let Some(name) = call.args.first().and_then(|arg| arg.utf8()) else {
            return Outcome::Error;
        };
        if call.args.len() > 1 || !self.has_address() {
            return Outcome::Error;
        }
        let wanted = match self.set.ipv6 {
            true => Wanted::PreferV4,
            false => Wanted::Only(Family::V4),
        };
        self.phase = Phase::Waiting(match name.parse::<IpAddr>() {
            Ok(ip) => match wanted.choose(&[ip]) {
                Some(ip) => Waiting::Ping(self.net.ping(self.now, ip)),
                None => return Outcome::Error,
            },
            Err(_) => Waiting::PingName(self.net.resolve(self.now, name, wanted)),
        });
        Outcome::Later
    }
}
