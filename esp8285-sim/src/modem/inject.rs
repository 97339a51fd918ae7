//! Faults at a moment that a test picks while the modem runs, for what a number or a time
//! fixed beforehand in the [`Knobs`](crate::Knobs) cannot hit.

use std::time::Duration;

use super::phase::Phase;
use super::{Event, Modem};
use crate::knobs::{ReplyFault, ResultFault, SendOutcome};
use crate::net::Network;
use crate::time::Instant;

/// What is to go wrong next, each once.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    pub(super) counted: Vec<ReplyFault>,
    pub(super) result: Option<ResultFault>,
    pub(super) send: Option<SendOutcome>,
    pub(super) busy: Option<Option<Duration>>,
    pub(super) notices: u32,
}

/// What was asked for and has not come to pass yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Awaited {
    /// [`Modem::fault_next_counted`]
    pub counted: bool,
    /// [`Modem::fault_next_result`]
    pub result: bool,
    /// [`Modem::fault_next_send`]
    pub send: bool,
    /// [`Modem::make_busy`]
    pub busy: bool,
    /// [`Modem::suppress_notices`]: how many of them.
    pub notices: u32,
}

impl<N: Network> Modem<N> {
    /// Which faults are still to come.
    #[must_use]
    pub fn awaited(&self) -> Awaited {
        let Pending { counted, result, send, busy, notices } = &self.pending;
        Awaited {
            counted: !counted.is_empty(),
            result: result.is_some(),
            send: send.is_some(),
            busy: busy.is_some(),
            notices: *notices,
        }
    }

    /// The next counted payload, asked for or pushed, has this fault too. Its header is as
    /// without it.
    pub fn fault_next_counted(&mut self, fault: ReplyFault) {
        self.pending.counted.push(fault);
    }

    /// The next final result has this fault.
    pub fn fault_next_result(&mut self, fault: ResultFault) {
        self.pending.result = Some(fault);
    }

    /// The next send ends like this.
    pub fn fault_next_send(&mut self, outcome: SendOutcome) {
        self.pending.send = Some(outcome);
    }

    /// The next so many passive notices are not said.
    pub fn suppress_notices(&mut self, count: u32) {
        self.pending.notices = count;
    }

    /// The modem is busy for so long, or for ever: from now on, or from the end of the
    /// command in progress on.
    pub fn make_busy(&mut self, now: Instant, time: Option<Duration>) {
        self.advance(now);
        if matches!(self.phase, Phase::Idle) {
            self.cool(time);
        } else {
            self.pending.busy = Some(time);
        }
    }

    /// Says `CLOSED` of a link that is not there, as after a failed open (sheet section 4.2).
    /// False if all are there.
    pub fn say_stale_closed(&mut self, now: Instant) -> bool {
        self.advance(now);
        let free = (0..self.links.len()).rev().find(|id| self.links[*id].is_none());
        if let Some(id) = free
            && self.set.mux
        {
            self.say(&format!("{id},CLOSED\r\n"));
            self.event(Event::Closed(id));
        }
        free.is_some() && self.set.mux
    }

    /// Nothing more goes wrong that was asked for in here.
    pub fn forget_faults(&mut self) {
        self.pending = Pending::default();
        if matches!(self.phase, Phase::Cooling { due: None }) {
            self.phase = Phase::Idle;
        }
    }
}

impl<N> Modem<N> {
    pub(super) fn cool(&mut self, time: Option<Duration>) {
        self.phase = Phase::Cooling { due: time.map(|time| self.now + time) };
    }
}
