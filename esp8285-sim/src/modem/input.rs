//! Bytes from the host: lines, rejected lines, payload (sheet sections 2, 4.3, 9).

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use super::output::BUSY;
use super::phase::{Data, Phase, SendKind, Sending};
use super::{Event, Modem, Send};
use crate::knobs::SendOutcome;
use crate::modem::timers::Timer;
use crate::net::Network;
use crate::syntax::Command;

/// A line on its way in.
#[derive(Debug, Default)]
pub(super) struct Input {
    line: Vec<u8>,
    /// The line began while the modem was busy: what to answer at its end.
    rejected: Option<&'static str>,
}

impl<N: Network> Modem<N> {
    /// One byte from the host.
    pub(super) fn byte(&mut self, byte: u8) {
        match &self.phase {
            Phase::Booting => {}
            Phase::Data(_) => self.payload(byte),
            _ => self.line_byte(byte),
        }
    }

    fn line_byte(&mut self, byte: u8) {
        if self.input.line.is_empty() && self.input.rejected.is_none() {
            self.input.rejected = self.busy();
        }
        if self.set.echo && self.input.rejected.is_none() {
            self.echo(byte);
        }
        // One more than a line may have, so that too long a line is seen as such.
        if self.input.line.len() <= LINE_LIMIT {
            self.input.line.push(byte);
        }
        if byte == b'\n' {
            let input = std::mem::take(&mut self.input);
            match input.rejected {
                Some(answer) => self.reject(&input.line, answer),
                None => self.accept(&input.line),
            }
        }
    }

    /// What to answer to input now; `None` if it is welcome.
    fn busy(&self) -> Option<&'static str> {
        match &self.phase {
            Phase::Idle if self.knobs.busy_while_joining && self.is_joining() => {
                Some("\r\nbusy p...\r\n")
            }
            Phase::Idle => None,
            Phase::Recv { .. } | Phase::Sending(_) => Some(self.profile.busy_sending),
            _ => Some("\r\nbusy p...\r\n"),
        }
    }

    fn echo(&mut self, byte: u8) {
        match byte {
            // The family's way to show the line end is printed at the LF.
            b'\r' => {}
            b'\n' => self.say(self.profile.echo_end),
            byte => self.say_raw(&[byte]),
        }
    }

    fn reject(&mut self, line: &[u8], answer: &'static str) {
        if line == b"AT+RST\r\n" {
            self.say("\r\nWill force to restart!!!\r\n");
            return self.reboot("AT+RST while busy");
        }
        self.event(Event::Rejected(readable(line)));
        self.say_error_code(BUSY);
        self.say(answer);
    }

    fn accept(&mut self, line: &[u8]) {
        self.event(Event::Command(readable(line)));
        let whole = line.strip_suffix(b"\r\n").filter(|_| line.len() <= LINE_LIMIT);
        let command = whole.and_then(Command::parse);
        self.phase = Phase::Command { due: self.now + self.knobs.command_latency, command };
    }

    /// One byte of payload (sheet sections 4.3, 4.4, scenario 36).
    fn payload(&mut self, byte: u8) {
        let stall = self.knobs.rx_stall_after;
        let now = self.now;
        let Phase::Data(data) = &mut self.phase else { return };
        data.last = now;
        if data.stalled {
            return;
        }
        let mut complete = false;
        match (data.send.kind, byte) {
            (SendKind::Ex, b'0') if data.escaped => complete = true,
            (SendKind::Ex, b'\\') if !data.escaped => {
                data.escaped = true;
                return;
            }
            _ => data.got.push(byte),
        }
        data.escaped = false;
        complete |= data.got.len() >= data.send.len;
        if complete {
            self.payload_complete();
        } else if stall.is_some_and(|limit| data.got.len() >= limit) {
            data.stalled = true;
        }
    }

    fn payload_complete(&mut self) {
        let Phase::Data(data) = std::mem::replace(&mut self.phase, Phase::Idle) else { return };
        if data.got == b"+++" {
            return self.cancel_send();
        }
        let due = self.now + self.knobs.recv_latency;
        self.phase = Phase::Recv { due, send: data.send, data: data.got };
    }

    /// `+++` alone (sheet section 4.3).
    fn cancel_send(&mut self) {
        self.say("\r\nSEND Canceled\r\n");
        self.release();
    }

    /// The command in progress has reached its deadline.
    pub(super) fn phase_due(&mut self) {
        match std::mem::replace(&mut self.phase, Phase::Idle) {
            Phase::Command { command, .. } => self.execute(command),
            Phase::Prompt { send, .. } => {
                self.say(self.profile.prompt);
                self.input = Input::default();
                let (got, last) = (Vec::new(), self.now);
                self.phase = Phase::Data(Data { send, got, last, escaped: false, stalled: false });
            }
            Phase::Data(data) if data.stalled => self.stalled(),
            Phase::Data(_) => self.cancel_send(),
            Phase::Recv { send, data, .. } => {
                if !self.knobs.silent_recv {
                    self.say(&format!("\r\nRecv {} bytes\r\n", data.len()));
                }
                self.transmit(send, &data);
            }
            Phase::Sending(sending) => self.send_due(sending),
            Phase::Late { result, .. } => {
                self.say(&result);
                self.release();
            }
            Phase::Waiting(waiting) => self.waited(waiting),
            Phase::Booting | Phase::Idle | Phase::Cooling { .. } => {}
        }
    }

    /// The stalled receiver is quiet: whatever comes next is answered with `ERROR`.
    fn stalled(&mut self) {
        self.phase = Phase::Idle;
        // A line that cannot be completed to a command.
        self.input.line = b"?".to_vec();
    }

    fn transmit(&mut self, send: Send, data: &[u8]) {
        let known = self.knobs.outcome_of(self.sends);
        let outcome = self.pending.send.take().unwrap_or(known);
        self.sends += 1;
        let alive = self.link(send.id).is_some_and(|link| link.conn == send.conn && !link.dead);
        let nowhere = send.to.is_some_and(|to| !self.reaches(to.ip()));
        let fails = !alive || nowhere || outcome == SendOutcome::Fail;
        if let SendKind::Buffered(segment) = send.kind {
            if fails {
                self.segment_failed(send.id, segment);
            } else {
                self.put_on_network(send, data);
            }
            return self.release();
        }
        if fails {
            return self.sent(self.profile.send_fail);
        }
        let total = self.put_on_network(send, data);
        match outcome {
            SendOutcome::Honest | SendOutcome::Fail => {
                self.phase = Phase::Sending(self.sending(send, total));
                if self.profile.send_ok_is_ack {
                    self.send_acked(send.id);
                }
            }
            SendOutcome::FailThenOk => {
                self.later(FAIL_TO_OK, "\r\nSEND OK\r\n");
                self.sent(self.profile.send_fail);
            }
            SendOutcome::Lost => self.release(),
            SendOutcome::Late(by) => {
                self.later(by, "\r\nSEND OK\r\n");
                self.release();
            }
        }
    }

    /// When a send will have its result: on 1.x the peer has everything then, on 2.x the
    /// rest has found room in the send buffer (sheet section 4.3).
    fn sending(&self, send: Send, total: u64) -> Sending {
        let waits = self.profile.send_ok_is_ack && send.to.is_none();
        let room = if waits { 0 } else { SEND_BUFFER };
        let due = (!waits).then(|| self.now + self.knobs.ack_latency);
        let limit = self.link(send.id).map_or(0, |link| link.options[2]);
        let limit = Duration::from_millis(u64::try_from(limit).unwrap_or(0));
        let limit = (!limit.is_zero()).then(|| self.now + limit);
        Sending { conn: send.conn, acked: total.saturating_sub(room), due, limit }
    }

    fn send_due(&mut self, sending: Sending) {
        let acked = self.link_of(sending.conn).and_then(|id| self.link(id)).map(|link| link.acked);
        match acked {
            Some(acked) if acked >= sending.acked => self.sent("\r\nSEND OK\r\n"),
            _ if sending.due.is_none() => self.sent(self.profile.send_fail),
            _ => self.phase = Phase::Sending(Sending { due: None, ..sending }),
        }
    }

    /// The peer has acknowledged more: is the send in progress done?
    pub(super) fn send_acked(&mut self, id: usize) {
        let Some(link) = self.link(id) else { return };
        let (conn, acked) = (link.conn, link.acked);
        let done = matches!(&self.phase, Phase::Sending(sending) if sending.conn == conn
            && sending.due.is_none() && sending.acked <= acked);
        if done {
            self.sent("\r\nSEND OK\r\n");
        }
    }

    /// Whether a datagram can be sent there at all. That 1.x cannot send to everybody is
    /// unconfirmed in the sheet (section 10).
    fn reaches(&self, to: IpAddr) -> bool {
        let everybody = to == IpAddr::V4(Ipv4Addr::BROADCAST);
        let unheard = everybody && self.profile.version.is_nonos();
        !(unheard || to.is_unspecified())
    }

    /// A send has its result.
    pub(super) fn sent(&mut self, result: &str) {
        self.conclude(result);
    }

    /// Says something after a while, whatever happens meanwhile.
    pub(crate) fn later(&mut self, after: Duration, text: &str) {
        self.timers.add(self.now + after, Timer::Say(text.to_owned()));
    }
}

fn readable(line: &[u8]) -> String {
    String::from_utf8_lossy(line).trim_end().to_owned()
}

/// Merely chosen: what 2.x takes before the peer has acknowledged it; its window is as large.
const SEND_BUFFER: u64 = 5760;

/// CR LF counted in (sheet section 9).
const LINE_LIMIT: usize = 256;

/// Merely chosen: the sheet gives no time between `SEND FAIL` and the late `SEND OK`.
const FAIL_TO_OK: Duration = Duration::from_millis(50);
