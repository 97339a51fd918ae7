//! After a loss: silence, a probe, and asking what is still there (R24, section 8).
//!
//! While track is lost nothing that comes is believed. In passive mode that costs nobody
//! anything: unread data are in the modem. What is pushed meanwhile is lost, so pushed
//! links fail with `EIO` rather than have a gap.

use core::time::Duration;

use usocket_core::{Error, Instant, earlier};

use super::flight::{Stage, short};
use super::{Exchange, Machine, Out, Phase};
use crate::cmd::At;
use crate::link::{LINK_RANGE, Owner};
use crate::trace::Trace;

/// A loss being repaired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lost {
    since: Instant,
    /// Probes so far.
    probes: u8,
    /// The link of a send that was cancelled, if the modem has understood that.
    cancelled: Option<u8>,
}

/// So long nothing must come before a probe. Replies come without a pause.
const SILENCE: Duration = Duration::from_millis(200);
/// A modem that pushes all the time is probed after this much.
const NOISE: Duration = Duration::from_secs(1);
/// Payload does not pause for so long; a boot takes longer, and what it says must not pass
/// for the rest.
const PAUSE: Duration = Duration::from_millis(100);
/// Where the driver itself is so late, whoever brings the bytes may be late, too: a computer
/// whose programs have all been halted, for instance.
const LATE: Duration = Duration::from_millis(20);
/// Longest piece of a send, for the time it takes.
const MAX_PIECE: u16 = 2048;
/// How long a send may take when its result may have been lost.
const SEND_PATIENCE: Duration = Duration::from_secs(2);
/// Probes without an answer before it is looked for at other rates: one that has booted
/// speaks the rate of its flash (1.1).
const PROBES: u8 = 4;

/// Cancels a send whose data have not begun (4.3).
pub(super) const CANCEL: &[u8] = b"+++";

impl Lost {
    /// When to act.
    pub(crate) fn until(self, heard: Instant) -> Instant {
        let silent = heard.max(self.since) + SILENCE;
        silent.min(self.since + NOISE)
    }
}

impl Machine<'_> {
    /// Whether input is thrown away just now.
    pub(super) fn is_deaf(&self) -> bool {
        match self.phase {
            _ if self.deaf => true,
            Phase::Lost(_) => self.exchange.is_idle(),
            Phase::Off(_) => true,
            _ => false,
        }
    }

    /// The output of the modem and what we make of it do not agree any more.
    pub(super) fn lose_track(&mut self) {
        if self.phase != Phase::Ready {
            return;
        }
        count!(self, resyncs);
        self.fail_pushed();
        if let Exchange::Send(sending) = self.exchange {
            // The modem takes whatever we send for the data, so the send must run to its end.
            // Its `OK`, its prompt or its result may be what was lost.
            let soon = self.after_wire(MAX_PIECE) + SEND_PATIENCE;
            self.flight.deadline = earlier(self.flight.deadline, Some(soon));
            if self.has_pushed() {
                // Pushed payload whose head was hurt would be read as lines.
                self.deaf = true;
                self.forget_input();
            } else if sending.stage <= Stage::Prompt {
                self.digest.expect_prompt(true);
            }
            self.suspect();
            return;
        }
        let exchange = self.exchange;
        self.finish();
        self.interrupted(exchange);
        self.forget_input();
        self.out = Out::Idle;
        self.phase = Phase::Lost(Lost { since: self.now, probes: 0, cancelled: None });
    }

    /// When a payload that does not go on is given up: it is sent without a pause.
    pub(super) fn payload_deadline(&self) -> Option<Instant> {
        (self.digest.payload_left() > 0).then(|| self.heard + PAUSE)
    }

    /// Gives it up: bytes were lost, or the modem has booted in the middle of it.
    pub(super) fn payload_overdue(&mut self) {
        let Some(deadline) = self.payload_deadline() else { return };
        if deadline > self.now {
            return;
        }
        if self.now > deadline + LATE && self.digest.excuse() {
            self.heard = self.now;
            return;
        }
        self.tracer.tell(Trace::Note("payload stopped"));
        count!(self, framing);
        self.forget_input();
        // A prompt may still be due.
        let prompt =
            matches!(self.exchange, Exchange::Send(sending) if sending.stage == Stage::Prompt);
        self.digest.expect_prompt(prompt);
        self.lose_track();
    }

    /// Something was odd that may have been a URC: ask what the state is.
    pub(super) fn suspect(&mut self) {
        if self.phase == Phase::Ready {
            self.status_due = true;
            self.doubt_all();
        }
    }

    /// TCP links to which data are pushed may have lost some.
    pub(super) fn fail_pushed(&mut self) {
        if self.is_passive() {
            return;
        }
        for link in LINK_RANGE {
            let state = &self.links[usize::from(link)];
            if state.is_open() && state.tcp && state.owner != Owner::Orphan && !state.gone {
                self.fail_link(link, Error::EIO);
            }
        }
    }

    /// A send went wrong and the modem may wait for its data: three plus signs and a silence
    /// cancel it, if nothing of them was sent (2.1). To a modem that does not wait they are
    /// the beginning of a line that means nothing.
    pub(super) fn cancel_send(&mut self, link: u8) {
        let Phase::Lost(lost) = self.phase else { return };
        self.phase = Phase::Lost(Lost { cancelled: Some(link), ..lost });
        self.command[..CANCEL.len()].copy_from_slice(CANCEL);
        self.out = Out::Line(0, short(CANCEL.len()));
    }

    /// A probe was not answered.
    pub(super) fn still_lost(&mut self, lost: Lost) {
        if let Some(link) = lost.cancelled {
            // It was taken for data: the stream is spoiled.
            self.phase = Phase::Lost(Lost { cancelled: None, ..lost });
            self.fail_link(link, Error::ECONNABORTED);
        }
    }

    /// Probes once it is silent.
    pub(super) fn find_track(&mut self, lost: Lost) {
        if self.now < lost.until(self.heard) {
            return;
        }
        if lost.probes >= PROBES {
            self.unreachable();
            return;
        }
        self.phase = Phase::Lost(Lost { probes: lost.probes + 1, since: self.now, ..lost });
        self.forget_input();
        self.issue(Exchange::Probe, &At);
    }

    /// The probe was answered.
    pub(super) fn found_track(&mut self) {
        self.phase = Phase::Ready;
        self.status_due = true;
        self.doubt_all();
        for link in &mut self.links {
            // What was noticed meanwhile nobody has heard.
            link.readable |= link.is_open();
        }
    }
}
