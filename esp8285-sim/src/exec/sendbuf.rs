//! `CIPSENDBUF` and its company, 1.x only (sheet section 4.5).

use super::send::MOST;
use super::{Call, small};
use crate::modem::{Link, Modem, Outcome, Send, SendKind};
use crate::net::Network;
use crate::syntax::Arg;

impl<N: Network> Modem<N> {
    pub(super) fn buffered(&mut self, call: &Call<'_>) -> Outcome {
        let Some((id, rest)) = self.link_arg(call) else { return Outcome::Error };
        let Some(link) = self.link(id) else { return self.hint("link is not valid") };
        if link.udp {
            return Outcome::Error;
        }
        match (call.base, rest) {
            ("CIPSENDBUF", [len]) if call.is_set() => self.cipsendbuf(id, len),
            ("CIPBUFSTATUS", []) => self.cipbufstatus(id),
            ("CIPCHECKSEQ", [segment]) => self.cipcheckseq(id, segment),
            ("CIPBUFRESET", []) => self.cipbufreset(id),
            _ => Outcome::Error,
        }
    }

    fn cipsendbuf(&mut self, id: usize, len: &Arg) -> Outcome {
        let len: usize = match len {
            Arg::Number(len) if *len > MOST => return self.hint("too long"),
            Arg::Number(len) if *len > 0 => small(*len),
            _ => return Outcome::Error,
        };
        let Some(link) = self.links[id].as_mut() else { return Outcome::Error };
        if link.segments.flying.len() >= QUEUE {
            return self.hint("QUEUE FULL");
        }
        if free(link) < len {
            return self.hint("BUFFER FULL");
        }
        let (segment, acked) = (link.segments.next, link.segments.last_acked);
        link.segments.next += 1;
        let conn = link.conn;
        self.say(&format!("{segment},{acked}\r\n"));
        self.prompt(Send { id, conn, len, to: None, kind: SendKind::Buffered(segment) })
    }

    fn cipbufstatus(&mut self, id: usize) -> Outcome {
        let Some(link) = self.link(id) else { return Outcome::Error };
        let segments = &link.segments;
        let line = format!(
            "{},{},{},{},{}\r\n",
            segments.next,
            segments.next - 1,
            segments.last_acked,
            free(link),
            QUEUE - segments.flying.len(),
        );
        self.say(&line);
        Outcome::Ok
    }

    /// Remembers the last 32 segments.
    fn cipcheckseq(&mut self, id: usize, segment: &Arg) -> Outcome {
        let Some(link) = self.link(id) else { return Outcome::Error };
        let last = i64::from(link.segments.next) - 1;
        let oldest = (last - 31).max(1);
        let Some(segment) = segment.number(oldest..=last) else { return Outcome::Error };
        let done = segment <= i64::from(link.segments.last_acked);
        let word = if done { "TRUE" } else { "FALSE" };
        self.say_of_link(id, &format!("{segment},{word}\r\n"));
        Outcome::Ok
    }

    fn cipbufreset(&mut self, id: usize) -> Outcome {
        let Some(link) = self.links[id].as_mut() else { return Outcome::Error };
        if !link.segments.flying.is_empty() {
            return Outcome::Error;
        }
        (link.segments.next, link.segments.last_acked) = (1, 0);
        Outcome::Ok
    }
}

/// Room in the send buffer of the stack.
fn free(link: &Link) -> usize {
    let flying = usize::try_from(link.sent - link.acked).unwrap_or(usize::MAX);
    SEND_BUFFER.saturating_sub(flying)
}

/// Sheet section 4.5: 2 x 1460.
const SEND_BUFFER: usize = 2920;

/// Merely chosen: the sheet does not give the length of the queue.
const QUEUE: usize = 8;
