//! The commands: which firmware has which, and what each does.

mod address;
mod basic;
mod close;
mod open;
mod receive;
mod send;
mod sendbuf;
mod server;
mod status;
mod wifi;

use std::net::Ipv4Addr;

use crate::modem::{Modem, Outcome};
use crate::net::Network;
use crate::profile::Version;
use crate::syntax::{Arg, Command, Operation};

/// A command with its name taken apart.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Call<'a> {
    /// The name as it was sent, which answers repeat.
    name: &'a str,
    /// Without `_CUR` or `_DEF`.
    base: &'a str,
    form: Form,
    operation: &'a Operation,
    args: &'a [Arg],
}

/// How the name ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Plain,
    Current,
    Default,
}

impl<N: Network> Modem<N> {
    /// Carries out a command whose latency has passed.
    pub(crate) fn execute(&mut self, command: Option<Command>) {
        let Some(command) = command else { return self.finish(Outcome::Error) };
        let call = Call::new(&command);
        if self.hangs(call.name) {
            return self.hang();
        }
        let outcome = if self.has(&call) { self.call(&call) } else { Outcome::Error };
        let bare = call.is_query() || call.base == "GMR";
        match outcome {
            Outcome::Ok if bare && self.profile.bare_ok.contains(&call.base) => {
                self.finish(Outcome::BareOk);
            }
            outcome => self.finish(outcome),
        }
    }

    fn call(&mut self, call: &Call<'_>) -> Outcome {
        match call.base {
            "" | "E0" | "E1" | "GMR" | "RST" | "SYSSTORE" | "SYSMSG" | "SYSLOG" | "SYSRAM"
            | "UART" => self.basic(call),
            "CWMODE" | "CWJAP" | "CWQAP" | "CWLAP" | "CWLAPOPT" | "CWAUTOCONN" | "CWHOSTNAME"
            | "CWSAP" | "CWSTATE" | "CWRECONNCFG" | "CWSTAPROTO" => self.wifi(call),
            "CWDHCP" | "CIPSTA" | "CIPAP" | "CIFSR" | "CIPDNS" | "CIPV6" => self.address(call),
            "CIPMUX" | "CIPMODE" | "CIPDINFO" | "CIPSTATUS" | "CIPSTATE" | "CIPDOMAIN" | "PING" => {
                self.status(call)
            }
            "CIPSTART" => self.cipstart(call),
            "CIPCLOSE" | "CIPCLOSEMODE" | "CIPTCPOPT" => self.closing(call),
            "CIPSEND" | "CIPSENDEX" => self.cipsend(call),
            "CIPSENDBUF" | "CIPBUFSTATUS" | "CIPCHECKSEQ" | "CIPBUFRESET" => self.buffered(call),
            "CIPSERVER" | "CIPSERVERMAXCONN" | "CIPSTO" => self.server(call),
            "CIPRECVMODE" | "CIPRECVDATA" | "CIPRECVLEN" => self.receive(call),
            _ => Outcome::Error,
        }
    }

    /// Whether this firmware has the command in this form.
    fn has(&self, call: &Call<'_>) -> bool {
        let version = self.profile.version;
        let since = match call.base {
            "CIPRECVMODE" | "CIPRECVDATA" | "CIPRECVLEN" | "SYSMSG" => Version::V1_7_0,
            "CIPCLOSEMODE" => Version::V1_7_0,
            "SYSSTORE" | "CIPTCPOPT" | "SYSLOG" | "SYSRAM" => Version::V2_1,
            "CIPSTATE" | "CWSTATE" | "CWRECONNCFG" | "CWSTAPROTO" | "CIPV6" => Version::V2_2,
            _ => Version::V1_5,
        };
        let only_nonos = matches!(
            call.base,
            "CIPSENDBUF" | "CIPBUFSTATUS" | "CIPCHECKSEQ" | "CIPBUFRESET" | "CIPCLOSEMODE"
        );
        version >= since && (version.is_nonos() || !only_nonos) && self.has_form(call)
    }

    fn has_form(&self, call: &Call<'_>) -> bool {
        let nonos = self.profile.version.is_nonos();
        match (call.base, call.form) {
            ("UART", _) => true,
            ("CIPDNS" | "SYSMSG", form) if nonos => form != Form::Plain,
            ("CWMODE" | "CWJAP" | "CWSAP" | "CWDHCP" | "CIPSTA" | "CIPAP", _) => {
                nonos || call.form == Form::Plain
            }
            (_, form) => form == Form::Plain,
        }
    }

    /// Whether this form of a set goes to flash (sheet section 1.5).
    fn stores(&self, call: &Call<'_>) -> bool {
        match call.form {
            Form::Current => false,
            Form::Default => true,
            Form::Plain if self.profile.version.is_nonos() => true,
            Form::Plain => self.set.sysstore,
        }
    }
}

impl<'a> Call<'a> {
    fn new(command: &'a Command) -> Self {
        let name = command.name.as_str();
        let (base, form) = match name {
            _ if name.ends_with("_CUR") => (&name[..name.len() - 4], Form::Current),
            _ if name.ends_with("_DEF") => (&name[..name.len() - 4], Form::Default),
            _ => (name, Form::Plain),
        };
        Self { name, base, form, operation: &command.operation, args: command.args() }
    }

    fn is_query(&self) -> bool {
        *self.operation == Operation::Query
    }

    fn is_execute(&self) -> bool {
        *self.operation == Operation::Execute
    }

    fn is_set(&self) -> bool {
        matches!(self.operation, Operation::Set(_))
    }

    /// The number at a place, if it is there and in the range.
    fn number(&self, at: usize, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        self.args.get(at)?.number(range)
    }

    /// The same for what may be left out: `Some(None)` if it is not there.
    #[expect(clippy::option_option, reason = "absent, good and bad are three things")]
    fn optional(&self, at: usize, range: std::ops::RangeInclusive<i64>) -> Option<Option<i64>> {
        match self.args.get(at) {
            None | Some(Arg::Empty) => Some(None),
            Some(arg) => arg.number(range).map(Some),
        }
    }

    /// A set of exactly one number.
    fn only_number(&self, range: std::ops::RangeInclusive<i64>) -> Option<i64> {
        self.number(0, range).filter(|_| self.args.len() == 1)
    }

    /// The quoted IPv4 address at a place.
    fn address(&self, at: usize) -> Option<Ipv4Addr> {
        self.args.get(at)?.utf8()?.parse().ok()
    }
}

/// A number that a range check has made small enough.
fn small<T: TryFrom<i64> + Default>(number: i64) -> T {
    T::try_from(number).unwrap_or_default()
}
