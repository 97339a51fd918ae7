//! The one server (sheet section 4.7).

use super::{Call, small};
use crate::modem::{Modem, Outcome};
use crate::net::{Family, Network};
use crate::profile::Version;
use crate::syntax::Arg;

impl<N: Network> Modem<N> {
    pub(super) fn server(&mut self, call: &Call<'_>) -> Outcome {
        match call.base {
            "CIPSERVER" if call.is_query() => self.server_query(),
            "CIPSERVER" if call.is_set() => match call.number(0, 0..=1) {
                Some(1) => self.start_server(call),
                Some(_) => self.stop_server(call),
                None => Outcome::Error,
            },
            "CIPSERVERMAXCONN" => self.max_conn(call),
            "CIPSTO" => self.cipsto(call),
            _ => Outcome::Error,
        }
    }

    fn server_query(&mut self) -> Outcome {
        if self.profile.version.is_nonos() {
            return Outcome::Error;
        }
        match self.set.server {
            Some((family, port)) => {
                let kind = if family == Family::V4 { "TCP" } else { "TCPv6" };
                self.say(&format!("+CIPSERVER:1,{port},\"{kind}\"\r\n"));
            }
            None => self.say("+CIPSERVER:0\r\n"),
        }
        Outcome::Ok
    }

    fn start_server(&mut self, call: &Call<'_>) -> Outcome {
        let port = call.optional(1, 1..=0xffff).filter(|_| call.args.len() <= 3);
        let Some(port) = port.filter(|_| self.set.mux) else { return Outcome::Error };
        let port: u16 = small(port.unwrap_or(333));
        // The type is from 2.2 on, as IPv6 is.
        let family = match call.args.get(2).map(Arg::text) {
            None => Family::V4,
            Some(Some(b"TCP")) if self.profile.version >= Version::V2_2 => Family::V4,
            Some(Some(b"TCPv6")) if self.set.ipv6 => Family::V6,
            Some(_) => return Outcome::Error,
        };
        if let Some(running) = self.set.server {
            if self.profile.version.is_nonos() {
                // Whatever the port.
                self.say("no change\r\n");
                return Outcome::Ok;
            }
            return if running == (family, port) { Outcome::Ok } else { Outcome::Error };
        }
        if !self.net.listen(self.now, Some((family, port)), self.profile.window) {
            return self.hint("TcpServer Failure");
        }
        self.set.server = Some((family, port));
        Outcome::Ok
    }

    /// 1.x drops the clients (unconfirmed in the sheet), 2.2 does so if asked to.
    fn stop_server(&mut self, call: &Call<'_>) -> Outcome {
        let version = self.profile.version;
        let close = match (version, call.optional(1, 0..=1), call.args.len()) {
            (_, Some(_), 1) => version.is_nonos(),
            (Version::V2_2, Some(close), 2) => close == Some(1),
            _ => return Outcome::Error,
        };
        if self.set.server.take().is_none() && version.is_nonos() {
            self.say("no change\r\n");
            return Outcome::Ok;
        }
        self.net.listen(self.now, None, 0);
        for id in 0..self.links.len() {
            if close && self.link(id).is_some_and(|link| link.server) {
                self.link_down(id);
            }
        }
        Outcome::Ok
    }

    /// Before the start only.
    fn max_conn(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            self.say(&format!("+CIPSERVERMAXCONN:{}\r\n", self.set.max_conn));
            return Outcome::Ok;
        }
        let Some(most) = call.only_number(1..=5) else { return Outcome::Error };
        if self.set.server.is_some() {
            return Outcome::Error;
        }
        let clients = self.clients();
        if clients > 0 && !self.profile.version.is_nonos() {
            // One of the few things that 2.x says on the AT port (2.2).
            self.say(&format!("Have {clients} Connections\r\n"));
            return Outcome::Error;
        }
        self.set.max_conn = small(most);
        Outcome::Ok
    }

    fn cipsto(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            self.say(&format!("+CIPSTO:{}\r\n", self.set.server_timeout));
            return Outcome::Ok;
        }
        let Some(seconds) = call.only_number(0..=7200) else { return Outcome::Error };
        if self.set.server.is_none() && self.profile.version.is_nonos() {
            return Outcome::Error;
        }
        self.set.server_timeout = small(seconds);
        Outcome::Ok
    }
}
