//! `CIPSTART` (sheet section 4.2).

use std::net::IpAddr;
use std::time::Duration;

use super::{Call, small};
use crate::modem::{Modem, Open, Outcome, Phase, Waiting};
use crate::net::{Family, Network, Wanted};
use crate::profile::Version;
use crate::syntax::Arg;

/// What may follow the port.
#[derive(Default)]
struct Extra {
    local_port: u16,
    udp_mode: i64,
    keep_alive: Duration,
}

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
        let (udp, family) = match rest.first().and_then(Arg::text) {
            Some(b"TCP") => (false, Family::V4),
            Some(b"UDP") => (true, Family::V4),
            Some(b"TCPv6") if self.set.ipv6 => (false, Family::V6),
            Some(b"UDPv6") if self.set.ipv6 => (true, Family::V6),
            // Also an id that was given although there is only one link.
            _ => return self.hint("Link type ERROR"),
        };
        let [_, host, port, rest @ ..] = rest else { return self.hint("Miss param") };
        let Some(host) = host.utf8().filter(|host| (1..64).contains(&host.len())) else {
            return self.hint("IP ERROR");
        };
        let Some(port) = port.number(1..=0xffff) else { return self.hint("ENTRY ERROR") };
        let extra = if udp { self.udp_extra(rest) } else { self.tcp_extra(rest) };
        let Some(Extra { local_port, udp_mode, keep_alive }) = extra else {
            return Outcome::Error;
        };
        if self.link(id).is_some() {
            return self.hint("ALREADY CONNECTED");
        }
        if !self.has_address_of(family) {
            return self.hint("no ip");
        }
        let open = Open { id, udp, port: small(port), local_port, udp_mode, keep_alive };
        match host.parse::<IpAddr>() {
            Ok(ip) if Family::of(ip) == family => return self.open(open, ip),
            Ok(_) => return self.hint("IP ERROR"),
            Err(_) => {}
        }
        let query = self.net.resolve(self.now, host, Wanted::Only(family));
        self.phase = Phase::Waiting(Waiting::OpenName { query, open });
        Outcome::Later
    }

    /// Keep-alive, and on 2.x the local address, which is checked and changes nothing here.
    fn tcp_extra(&self, rest: &[Arg]) -> Option<Extra> {
        let keep = match rest {
            [] => 0,
            [keep] => keep.number(0..=7200)?,
            [keep, local] if !self.profile.version.is_nonos() && is_address(local) => match keep {
                Arg::Empty => 0,
                keep => keep.number(0..=7200)?,
            },
            _ => return None,
        };
        let keep_alive = Duration::from_secs(u64::try_from(keep).unwrap_or(0));
        Some(Extra { keep_alive, ..Extra::default() })
    }

    /// Local port and mode, and on 2.2 the local address; a mode needs a port.
    fn udp_extra(&self, rest: &[Arg]) -> Option<Extra> {
        let port = |port: &Arg| port.number(1..=0xffff).map(small);
        let (local_port, udp_mode) = match rest {
            [] => (0, 0),
            [local] => (port(local)?, 0),
            [local, mode] => (port(local)?, mode.number(0..=2)?),
            [local, mode, address]
                if self.profile.version >= Version::V2_2 && is_address(address) =>
            {
                (port(local)?, mode.number(0..=2)?)
            }
            _ => return None,
        };
        Some(Extra { local_port, udp_mode, ..Extra::default() })
    }
}

fn is_address(arg: &Arg) -> bool {
    arg.utf8().is_some_and(|ip| ip.parse::<IpAddr>().is_ok())
}
