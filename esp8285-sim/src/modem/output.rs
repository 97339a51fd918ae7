//! Ways to say something.

use super::phase::Phase;
use super::{Event, Modem};
use crate::knobs::ResultFault;

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// `\r\nOK\r\n`
    Ok,
    /// `OK\r\n`, straight after a value (sheet section 2.3).
    BareOk,
    /// `\r\nERROR\r\n`
    Error,
    /// The handler has set a phase; the final result comes later.
    Later,
}

impl<N> Modem<N> {
    /// Says text.
    pub(crate) fn say(&mut self, text: &str) {
        self.tx.text(text.as_bytes());
    }

    /// Says bytes that may be no text, such as an SSID.
    pub(crate) fn say_raw(&mut self, bytes: &[u8]) {
        self.tx.text(bytes);
    }

    /// Says a line out of turn, once so many more bytes have been said: the knob
    /// [`urc_at`](crate::Knobs::urc_at), turned late.
    pub fn interject_after(&mut self, bytes: u64, line: &[u8]) {
        self.tx.inject_after(bytes, line);
    }

    /// Says a counted payload.
    pub(crate) fn say_counted(&mut self, header: &str, payload: &[u8]) {
        if self.pending.counted.is_empty() {
            return self.tx.counted(header.as_bytes(), payload);
        }
        let mut payload = payload.to_vec();
        let faults = std::mem::take(&mut self.pending.counted);
        faults.iter().for_each(|fault| fault.apply(&mut payload));
        self.tx.counted(header.as_bytes(), &payload);
    }

    /// Says why a command fails, where the firmware does (sheet section 2.2), and fails.
    pub(crate) fn hint(&mut self, hint: &str) -> Outcome {
        if self.profile.hints || self.knobs.chatty {
            self.say(hint);
            self.say("\r\n");
        }
        Outcome::Error
    }

    /// Says what some builds of 2.x log on the AT port (sheet section 2.2).
    pub(crate) fn log(&mut self, text: &str) {
        if self.knobs.chatty && !self.profile.version.is_nonos() {
            self.say(text);
            self.say("\r\n\r\n");
        }
    }

    /// Whether payload for an active `+IPD` may still be queued.
    pub(crate) fn has_tx_room(&self) -> bool {
        self.tx.len() < self.knobs.tx_ring
    }

    /// Ends the command in progress.
    pub(crate) fn finish(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Ok => self.conclude("\r\nOK\r\n"),
            Outcome::BareOk => self.conclude("OK\r\n"),
            Outcome::Error => {
                self.say_error_code(FAILED);
                self.conclude("\r\nERROR\r\n");
            }
            Outcome::Later => {}
        }
    }

    /// Says a final result, as the knobs have it, and is ready for the next command.
    pub(crate) fn conclude(&mut self, result: &str) {
        let mine = self.results;
        self.results += 1;
        let faults = &self.knobs.result_faults;
        let known = faults.iter().find(|(on, _)| *on == mine).map(|(_, fault)| *fault);
        match self.pending.result.take().or(known) {
            None => self.say(result),
            Some(ResultFault::Lost) => {}
            Some(ResultFault::Twice) => {
                self.say(result);
                self.say(result);
            }
            Some(ResultFault::Late(by)) => {
                self.phase = Phase::Late { due: self.now + by, result: result.to_owned() };
                return;
            }
        }
        self.release();
    }

    /// What 2.x says before `ERROR` and `busy` while `SYSLOG` is on (sheet section 2.1).
    pub(super) fn say_error_code(&mut self, code: u32) {
        if self.set.syslog {
            self.say(&format!("ERR CODE:0x{code:08x}\r\n"));
        }
    }

    /// Whether this is one of the commands that are never answered.
    pub(crate) fn hangs(&mut self, name: &str) -> bool {
        let seen = self.seen.entry(name.to_owned()).or_default();
        *seen += 1;
        let mine = *seen - 1;
        self.knobs.hang_on.iter().any(|(on, nth)| on == name && *nth == mine)
    }

    /// Is busy for ever.
    pub(crate) fn hang(&mut self) {
        self.phase = Phase::Cooling { due: None };
    }

    /// Is ready for the next command, after `busy_for`.
    pub(crate) fn release(&mut self) {
        if let Some(time) = self.pending.busy.take() {
            return self.cool(time);
        }
        let busy_for = self.knobs.busy_for;
        self.phase = match () {
            () if busy_for.is_zero() => Phase::Idle,
            () if busy_for == std::time::Duration::MAX => Phase::Cooling { due: None },
            () => Phase::Cooling { due: Some(self.now + busy_for) },
        };
    }

    /// Something went to flash.
    pub(crate) fn store(&mut self) {
        self.flash = self.set.stored.clone();
        self.flash_writes += 1;
        self.event(Event::Stored);
    }
}

/// The code of the sheet, for input while busy.
pub(super) const BUSY: u32 = 0x010b_0000;

/// Merely chosen: the sheet gives one code only.
const FAILED: u32 = 0x0109_0000;

/// Fills in what stands in braces.
pub(crate) fn fill(template: &str, values: &[(&str, &dyn std::fmt::Display)]) -> String {
    values.iter().fold(template.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), &value.to_string())
    })
}
