//! `CIPCLOSE` and how a close is done (sheet section 4.6).

use super::{Call, small};
use crate::modem::{Modem, Outcome};
use crate::net::Network;
use crate::syntax::Arg;

impl<N: Network> Modem<N> {
    pub(super) fn closing(&mut self, call: &Call<'_>) -> Outcome {
        match call.base {
            "CIPCLOSE" => self.cipclose(call),
            "CIPCLOSEMODE" if call.is_set() => self.cipclosemode(call),
            "CIPTCPOPT" if call.is_query() => self.tcp_options_query(),
            "CIPTCPOPT" if call.is_set() => self.ciptcpopt(call),
            _ => Outcome::Error,
        }
    }

    fn cipclose(&mut self, call: &Call<'_>) -> Outcome {
        if !self.set.mux {
            return match call.is_execute() {
                true => self.close_one(0),
                false => self.hint("MUX=0"),
            };
        }
        match call.only_number(0..=5) {
            Some(5) => {
                (0..self.links.len()).for_each(|id| self.link_down(id));
                Outcome::Ok
            }
            Some(id) => self.close_one(small(id)),
            None if call.is_execute() => self.hint("MUX=1"),
            None => Outcome::Error,
        }
    }

    fn close_one(&mut self, id: usize) -> Outcome {
        if self.link(id).is_none() {
            return self.hint("UNLINK");
        }
        self.link_down(id);
        Outcome::Ok
    }

    /// Graceful or abort. Whether it may be set before the link exists is unconfirmed in
    /// the sheet: here it may not, and it is forgotten with the link.
    fn cipclosemode(&mut self, call: &Call<'_>) -> Outcome {
        let (Some(id), Some(abort), 2) =
            (call.number(0, 0..=4), call.number(1, 0..=1), call.args.len())
        else {
            return Outcome::Error;
        };
        match &mut self.links[small::<usize>(id)] {
            Some(link) if !link.udp => {
                link.abort = abort == 1;
                Outcome::Ok
            }
            _ => Outcome::Error,
        }
    }

    fn tcp_options_query(&mut self) -> Outcome {
        for id in 0..self.links.len() {
            if let Some([linger, nodelay, timeout]) = self.link(id).map(|link| link.options) {
                self.say(&format!("+CIPTCPOPT:{id},{linger},{nodelay},{timeout}\r\n"));
            }
        }
        Outcome::Ok
    }

    /// Each may be left out and keeps its value then; id 5 is all that are open.
    fn ciptcpopt(&mut self, call: &Call<'_>) -> Outcome {
        let Some(id) = call.number(0, 0..=5).filter(|_| call.args.len() <= 4) else {
            return Outcome::Error;
        };
        let ranges = [-1..=7200, 0..=1, 0..=3_600_000];
        let mut wanted = [None; 3];
        for (at, range) in ranges.into_iter().enumerate() {
            wanted[at] = match call.args.get(at + 1) {
                None | Some(Arg::Empty) => None,
                Some(arg) => match arg.number(range) {
                    Some(value) => Some(value),
                    None => return Outcome::Error,
                },
            };
        }
        let ids = if id == 5 { 0..5 } else { small(id)..small::<usize>(id) + 1 };
        let mut open = false;
        for link in self.links[ids].iter_mut().flatten().filter(|link| !link.udp) {
            open = true;
            for (value, wanted) in link.options.iter_mut().zip(wanted) {
                *value = wanted.unwrap_or(*value);
            }
            link.abort = link.options[0] == 0;
            self.net.set_nodelay(link.conn, link.options[1] == 1);
        }
        if open { Outcome::Ok } else { Outcome::Error }
    }
}
