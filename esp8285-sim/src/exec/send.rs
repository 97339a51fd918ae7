//! `CIPSEND` and `CIPSENDEX` (sheet sections 4.3, 4.4).

use std::net::{IpAddr, SocketAddr};

use super::{Call, small};
use crate::modem::{Modem, Outcome, Phase, Send, SendKind};
use crate::net::Network;
use crate::syntax::Arg;

impl<N: Network> Modem<N> {
    /// Without parameters it would begin transparent transmission, which is not modelled.
    pub(super) fn cipsend(&mut self, call: &Call<'_>) -> Outcome {
        let kind = if call.base == "CIPSENDEX" { SendKind::Ex } else { SendKind::Plain };
        let Some((id, rest)) = self.link_arg(call) else { return Outcome::Error };
        let Some(link) = self.link(id) else { return self.hint("link is not valid") };
        let (conn, udp, peer) = (link.conn, link.udp, link.remote);
        let len = match rest.first() {
            Some(Arg::Number(len)) if *len > MOST => return self.hint("too long"),
            Some(Arg::Number(len)) if *len > 0 => small(*len),
            _ => return Outcome::Error,
        };
        let to = match (udp, &rest[1..]) {
            (false, []) => None,
            (false, _) => return Outcome::Error,
            (true, []) => Some(peer),
            (true, [_]) => return self.hint("no port"),
            (true, [ip, port]) => {
                let ip = ip.utf8().and_then(|ip| ip.parse::<IpAddr>().ok());
                let Some(ip) = ip.filter(|ip| ip.is_ipv6() == peer.is_ipv6()) else {
                    return self.hint("ip error");
                };
                let Some(port) = port.number(1..=0xffff) else {
                    let number = matches!(port, Arg::Number(_));
                    return self.hint(if number { "port range error" } else { "port error" });
                };
                Some(SocketAddr::new(ip, small(port)))
            }
            (true, _) => return Outcome::Error,
        };
        self.prompt(Send { id, conn, len, to, kind })
    }

    /// The link that a command with or without id means, and the other parameters.
    pub(super) fn link_arg<'a>(&self, call: &Call<'a>) -> Option<(usize, &'a [Arg])> {
        match (self.set.mux, call.args) {
            (true, [id, rest @ ..]) => Some((small(id.number(0..=4)?), rest)),
            (false, rest) => Some((0, rest)),
            (true, []) => None,
        }
    }

    /// `OK` now, the prompt a little later.
    pub(super) fn prompt(&mut self, send: Send) -> Outcome {
        self.say("\r\nOK\r\n");
        let wait = self.knobs.prompt_latency.saturating_sub(self.knobs.command_latency);
        self.phase = Phase::Prompt { due: self.now + wait, send };
        Outcome::Later
    }
}

/// Most bytes of one send (sheet section 9).
pub(super) const MOST: i64 = 2048;
