//! Asking the modem what links it has, after anything that may have hidden a URC.

use core::time::Duration;

use atat::AtatCmd;
use usocket_core::{Family, Instant, earlier};

use super::setup::Step;
use super::{Exchange, Machine, Phase};
use crate::address::{self, Address};
use crate::cmd::{LinkStatus, Status, StatusLine, Waiting};
use crate::link::{LINK_RANGE, Owner, Phase as LinkPhase};

/// How long a socket whose data nobody has announced waits until the modem is asked
/// (section 5.2), and how often where only a status shows that a link is closed.
const ASK_LENGTHS: Duration = Duration::from_millis(500);
const ASK_STATUS: Duration = Duration::from_secs(5);

impl Machine<'_> {
    /// Asks for the links if something has happened.
    pub(super) fn status_next(&mut self) -> bool {
        if self.status_at.is_some_and(|at| at <= self.now) {
            self.status_at = None;
            self.status_due = true;
        }
        if !self.status_due {
            return false;
        }
        self.status_due = false;
        self.ask_status();
        true
    }

    pub(super) fn ask_status(&mut self) {
        for link in &mut self.links {
            link.touched = false;
        }
        let exchange = match self.phase {
            Phase::Setup(step) => Exchange::Setup(step),
            _ => Exchange::Status,
        };
        self.issue(exchange, &Status);
    }

    /// Something was refused that is not refused as a rule: the line was hurt, perhaps.
    pub(super) fn ask_status_soon(&mut self) {
        self.status_at = earlier(self.status_at, Some(self.now + ASK_LENGTHS));
    }

    /// A line of the status, or of whatever else gives information.
    #[inline(never)]
    pub(super) fn information(&mut self, line: &[u8]) {
        match self.exchange {
            Exchange::Setup(Step::Status) | Exchange::Status => {
                if let Ok(line) = Status.parse(Ok(line)) {
                    self.status_line(line);
                }
            }
            Exchange::Setup(step) => self.set_up_line(step, line),
            Exchange::Lengths => {
                if let Ok(waiting) = crate::cmd::Lengths.parse(Ok(line)) {
                    self.lengths_line(waiting);
                }
            }
            Exchange::Send(sending) => self.segment_named(sending, line),
            #[cfg(feature = "dns")]
            Exchange::Resolve(query) => self.resolved_line(query, line),
            Exchange::Address => self.address_line(line),
            Exchange::Request => self.request_line(line),
            Exchange::Idle => self.unknown(line),
            _ => {}
        }
    }

    /// Whether a line is information that the command in flight may be answered with.
    #[inline(never)]
    pub(super) fn expects(&self, line: &[u8]) -> bool {
        use crate::cmd;
        if crate::reply::is_chatter(line) {
            return true;
        }
        match self.exchange {
            Exchange::Setup(_) => true,
            Exchange::Status => Status.parse(Ok(line)).is_ok(),
            Exchange::Lengths => cmd::Lengths.parse(Ok(line)).is_ok(),
            Exchange::Send(sending) if sending.buffered => {
                let command = cmd::SendBuffered { link: sending.link, len: sending.len };
                command.parse(Ok(line)).is_ok()
            }
            #[cfg(feature = "dns")]
            Exchange::Resolve(_) => {
                (cmd::Resolve { name: &[], family: None }).parse(Ok(line)).is_ok()
            }
            Exchange::Address => {
                cmd::Addresses::Station(self.firmware.dialect).parse(Ok(line)).is_ok()
            }
            Exchange::Request => line.starts_with(b"+") || line == b"No AP",
            _ => false,
        }
    }

    fn status_line(&mut self, line: StatusLine) {
        match line {
            StatusLine::Station(code) => self.station.status(code),
            StatusLine::Link(status) if matches!(self.phase, Phase::Setup(_)) => {
                let _ = status;
            }
            StatusLine::Link(status) => self.link_listed(status),
        }
    }

    /// The modem has this link.
    fn link_listed(&mut self, status: LinkStatus) {
        let index = usize::from(status.link);
        if self.links[index].touched {
            return;
        }
        let peer = status.ip.map(|ip| Address::new(ip, status.port));
        match self.links[index].phase {
            LinkPhase::Open if !self.links[index].gone => {
                let link = &mut self.links[index];
                link.touched = true;
                link.local_port = status.local_port;
                if link.tcp && link.peer.is_none() {
                    link.peer = peer.or(Some(address::nobody(Family::V4)));
                }
                self.address_of_socket(status.link);
            }
            // Its `CONNECT` was lost.
            LinkPhase::Free | LinkPhase::Held | LinkPhase::Open if status.tcp && status.server => {
                self.client_came(status.link, peer);
                let passive = self.is_passive();
                let link = &mut self.links[index];
                link.local_port = status.local_port;
                if !passive {
                    // What it has pushed is lost: no stream with a gap.
                    link.owner = Owner::Orphan;
                    link.linger_until = Some(self.now);
                    link.reset = true;
                }
            }
            LinkPhase::Free | LinkPhase::Held => {
                // A link that nobody knows: an open whose answer was lost.
                self.links[index].renew(LinkPhase::Open, Owner::Orphan);
                self.work = true;
            }
            _ => {}
        }
    }

    /// What the status tells of a link, its socket should know.
    pub(super) fn address_of_socket(&mut self, link: u8) {
        let state = &self.links[usize::from(link)];
        if let Owner::Slot(slot) = state.owner
            && state.tcp
            && let Some(socket) = self.slots.at(slot)
        {
            socket.local_port = state.local_port;
            if socket.peer.is_none() {
                socket.peer = state.peer;
            }
        }
    }

    /// The status is complete: what it did not list is gone.
    pub(super) fn status_ended(&mut self, ok: bool) {
        if !ok {
            self.ask_status_soon();
            return;
        }
        for link in LINK_RANGE {
            let state = &mut self.links[usize::from(link)];
            let listed = core::mem::take(&mut state.touched);
            if state.is_open() && !listed && !state.gone {
                self.peer_closed(link);
            }
            self.connect_completed(link);
        }
        self.pending_complete();
    }

    fn lengths_line(&mut self, waiting: Waiting) {
        for (link, len) in LINK_RANGE.zip(waiting.0) {
            let state = &mut self.links[usize::from(link)];
            if !state.is_open() {
                continue;
            }
            match len {
                Some(len) if len > 0 => {
                    // Either the modem gives less than it has, or its notice was lost.
                    self.short_replies |= !state.readable && !state.noticed && state.read_last;
                    state.readable = true;
                    state.noticed = true;
                }
                // A link of which nobody has heard that it is closed.
                None if state.tcp && !state.gone && self.firmware.tells_closed => {
                    self.peer_closed(link);
                }
                _ => {}
            }
        }
    }

    pub(super) fn lengths_ended(&mut self) {
        self.ask_again = true;
        // 1.7 shows nothing of a link that is closed.
        if !self.firmware.tells_closed && self.status_at.is_none() {
            self.status_at = Some(self.now + ASK_STATUS);
        }
    }

    /// Somebody waits for data on a link: a notice may have been lost.
    pub(crate) fn interested(&mut self, slot: u8) {
        let Some(socket) = self.slots.at(slot) else { return };
        if socket.link.is_none() {
            return;
        }
        if self.is_passive() {
            self.lengths_at.get_or_insert(self.now + ASK_LENGTHS);
        }
    }

    /// A notice may have been lost on any link, whatever came before: ask at once.
    pub(super) fn doubt_all(&mut self) {
        for link in &mut self.links {
            link.fed = None;
        }
        self.lengths_at = Some(self.now);
    }

    /// When the first link has been silent for so long that its notice may have been lost.
    /// One that is known to have data is read, which shows whether it has more, and one in
    /// transfer needs no questions that hold up the others.
    pub(super) fn doubtful_at(&self) -> Option<Instant> {
        self.links.iter().fold(None, |soonest, link| {
            if !link.is_open() || link.readable {
                return soonest;
            }
            earlier(soonest, Some(link.fed.map_or(self.now, |fed| fed + ASK_LENGTHS)))
        })
    }

    /// Whether the modem has been asked, so that those who still wait must say so again.
    pub(crate) fn take_ask_again(&mut self) -> bool {
        core::mem::take(&mut self.ask_again)
    }
}
