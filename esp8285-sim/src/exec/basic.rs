//! Version, echo, reset, system messages, UART (sheet sections 1, 4.8, 7).

use std::time::Duration;

use super::{Call, Form, small};
use crate::modem::{Modem, Outcome};
use crate::net::Network;

impl<N: Network> Modem<N> {
    pub(super) fn basic(&mut self, call: &Call<'_>) -> Outcome {
        match call.base {
            "E0" | "E1" => self.set.echo = call.base == "E1",
            "GMR" if call.is_execute() => self.say(self.profile.gmr),
            "RST" if call.is_execute() => self.restart(),
            "SYSSTORE" => return self.sysstore(call),
            "SYSMSG" => return self.sysmsg(call),
            "SYSLOG" => return self.syslog(call),
            "SYSRAM" if call.is_query() => self.say(FREE),
            "UART" => return self.uart(call),
            "" => {}
            _ => return Outcome::Error,
        }
        Outcome::Ok
    }

    fn sysstore(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            self.say(&format!("+SYSSTORE:{}\r\n", u8::from(self.set.sysstore)));
            return Outcome::Ok;
        }
        let Some(on) = call.only_number(0..=1) else { return Outcome::Error };
        self.set.sysstore = on == 1;
        Outcome::Ok
    }

    fn syslog(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            self.say(&format!("+SYSLOG:{}\r\n", u8::from(self.set.syslog)));
            return Outcome::Ok;
        }
        let Some(on) = call.only_number(0..=1) else { return Outcome::Error };
        self.set.syslog = on == 1;
        Outcome::Ok
    }

    /// Bit 1 turns `CONNECT` into `+LINK_CONN` (sheet section 4.8).
    fn sysmsg(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            self.say(&format!("+{}:{}\r\n", call.name, self.set.sysmsg));
            return Outcome::Ok;
        }
        let most = if self.profile.version.is_nonos() { 3 } else { 7 };
        let Some(bits) = call.only_number(0..=most) else { return Outcome::Error };
        self.set.sysmsg = bits;
        Outcome::Ok
    }

    /// `OK` at the old rate, then the switch (sheet section 7).
    fn uart(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            let actual = CLOCK / (CLOCK / self.set.baud.max(1)).max(1);
            self.say(&format!("+{}:{actual},8,1,0,0\r\n", call.name));
            return Outcome::Ok;
        }
        let range = if self.profile.version.is_nonos() { 110..=4_608_000 } else { 80..=4_500_000 };
        let others = [(1, 5..=8), (2, 1..=3), (3, 0..=2), (4, 0..=3)];
        let good = others.into_iter().all(|(at, range)| call.number(at, range).is_some());
        let Some(baud) = call.number(0, range).filter(|_| good && call.args.len() == 5) else {
            return Outcome::Error;
        };
        let baud = small(baud);
        self.switch_baud(baud);
        if call.form != Form::Current {
            self.set.stored.baud = baud;
            self.store();
        }
        Outcome::Ok
    }

    fn restart(&mut self) {
        self.restart_after(RESTART);
    }
}

/// Merely chosen: memory that is free, and least so far.
const FREE: &str = "+SYSRAM:40000,36000\r\n";

/// Clock of the UART's divider.
const CLOCK: u32 = 80_000_000;

/// Merely chosen: from the `OK` of `AT+RST` to the reset; the answer has time to leave.
const RESTART: Duration = Duration::from_millis(20);
