//! `CIPSTART` (sheet section 4.2).

use std::net::Ipv4Addr;

use super::{Call, small};
use crate::modem::{Modem, Open, Outcome, Phase, Waiting};
use crate::net::{Family, Network, Wanted};
use crate::syntax::Arg;

impl<N: Network> Modem<N> {
    pub(super) fn cipstart(&mut self, call: &Call<'_>) -> Outcome {
        if !call.is_set() {
            return Outcome::Error;
        }
        let (id, rest) = match (self.set.mux, call.args) {
            (true, [id, rest @ ..]) => match id.number(0..=4) {
                Some(id) => (small(id), rest),
                None => return self.hint("ID ERROR"),
            },
            (_, rest) => (0, rest),
        };
        let udp = match rest.first().and_then(Arg::text) {
            Some(b"TCP") => false,
            Some(b"UDP") => true,
            // Also an id that was given although there is only one link.
            _ => return self.hint("Link type ERROR"),
        };
        let [_, host, port, rest @ ..] = rest else { return self.hint("Miss param") };
        let Some(host) = host.utf8().filter(|host| (1..64).contains(&host.len())) else {
            return self.hint("IP ERROR");
        };
        let Some(port) = port.number(1..=0xffff) else { return self.hint("ENTRY ERROR") };
        let extra = if udp { udp_extra(rest) } else { self.tcp_extra(rest) };
        let Some((local_port, udp_mode)) = extra else { return Outcome::Error };
        if self.link(id).is_some() {
            return self.hint("ALREADY CONNECTED");
        }
        if !self.has_address() {
            return self.hint("no ip");
        }
        let open = Open { id, udp, port: small(port), local_port, udp_mode };
        if let Ok(ip) = host.parse::<Ipv4Addr>() {
            return self.open(open, ip.into());
        }
        let query = self.net.resolve(self.now, host, Wanted::Only(Family::V4));
        self.phase = Phase::Waiting(Waiting::OpenName { query, open });
        Outcome::Later
    }

    /// Keep-alive, and on 2.x the local address; both are checked and change nothing here.
    fn tcp_extra(&self, rest: &[Arg]) -> Option<(u16, i64)> {
        let good = match rest {
            [] => true,
            [keep] => keep.number(0..=7200).is_some(),
            [keep, local] if !self.profile.version.is_nonos() => {
                let keep = *keep == Arg::Empty || keep.number(0..=7200).is_some();
                keep && local.utf8().is_some_and(|ip| ip.parse::<Ipv4Addr>().is_ok())
            }
            _ => false,
        };
        good.then_some((0, 0))
    }
}

/// Local port and mode; a mode needs a port.
fn udp_extra(rest: &[Arg]) -> Option<(u16, i64)> {
    match rest {
        [] => Some((0, 0)),
        [port] => Some((small(port.number(1..=0xffff)?), 0)),
        [port, mode] => Some((small(port.number(1..=0xffff)?), mode.number(0..=2)?)),
        _ => None,
    }
}
