//! What to send next: derived from the state, never queued.
//!
//! Control and data take turns, so that neither starves the other, and links take turns
//! among themselves, each alternating between reading and sending.

use usocket_core::{Instant, earlier};

use super::flight::{Exchange, Reading, Sending, Stage, short};
use super::{Machine, Phase};
#[cfg(feature = "udp")]
use crate::cmd::Set;
use crate::cmd::{Close, Lengths, LinkOption, OpenTcp, Read, Send, SendBuffered};
use crate::firmware::{MAX_READ, SEND_WINDOW};
use crate::link::{LINK_RANGE, Owner, Phase as LinkPhase};

/// What a UART ring must hold beside the payload of a reply: its head and tail, and a few
/// URCs (section 7).
const UART_SLACK: usize = 64 + 5 * 20;

impl Machine<'_> {
    /// Begins the next command, if there is one and the modem may be spoken to.
    pub(super) fn schedule(&mut self) {
        if self.may_speak().is_some() {
            return;
        }
        match self.phase {
            Phase::Probe(hunt) => self.hunt(hunt),
            Phase::Setup(step) => self.set_up_next(step),
            Phase::Lost(lost) => self.find_track(lost),
            Phase::Booting(until) if self.now >= until => self.boot_overdue(),
            Phase::Off(until) if self.now >= until => {
                self.action = Some(super::Action::Enable(true));
            }
            Phase::Booting(_) | Phase::Off(_) => {}
            Phase::Ready if self.control_last => {
                self.control_last = false;
                if !self.data() && self.control() {
                    self.control_last = true;
                }
            }
            Phase::Ready => {
                if self.control() {
                    self.control_last = true;
                } else {
                    self.data();
                }
            }
        }
    }

    /// A command that moves no data; whether there was one.
    fn control(&mut self) -> bool {
        self.station_next()
            || self.close_next()
            || self.option_next()
            || self.server_next()
            || self.status_next()
            || self.open_next()
            || self.name_next()
            || self.lengths_next()
    }

    #[cfg(not(feature = "dns"))]
    fn name_next(&mut self) -> bool {
        false
    }

    /// Closes an orphan that has sent everything, or has had its time.
    fn close_next(&mut self) -> bool {
        for link in LINK_RANGE {
            if self.links[usize::from(link)].owner != Owner::Orphan {
                continue;
            }
            match self.links[usize::from(link)].phase {
                // Nobody has asked the modem for it yet, and there is nothing to send on it.
                LinkPhase::Wanted if self.is_flushed(link) => {
                    let at = self.links[usize::from(link)].send_at.unwrap_or(self.now);
                    self.hold_until(link, at);
                }
                LinkPhase::Open if self.links[usize::from(link)].gone => {
                    self.free_link(link);
                }
                LinkPhase::Open if self.is_flushed(link) => {
                    let state = &mut self.links[usize::from(link)];
                    if state.reset && state.tcp && self.firmware.close_mode {
                        state.reset = false;
                        return self.issue(Exchange::Option(link), &LinkOption::CloseMode(link));
                    }
                    return self.issue(Exchange::Close(link), &Close(link));
                }
                _ => {}
            }
        }
        false
    }

    /// Whether an orphan has nothing more to send, or no more time for it.
    fn is_flushed(&self, link: u8) -> bool {
        let state = &self.links[usize::from(link)];
        let empty = self.pairs.get(state.pair).is_none_or(|pair| pair.tx.is_empty());
        let over = state.linger_until.is_some_and(|until| self.now >= until);
        // `CIPTCPOPT` goes first.
        !state.option_due && (over || state.reset || (empty && state.segments.count() == 0))
    }

    /// Tells the modem what a link is to do.
    fn option_next(&mut self) -> bool {
        for link in LINK_RANGE {
            let state = &self.links[usize::from(link)];
            #[cfg(feature = "udp")]
            if state.is_open() && !state.tcp && !self.tells_sender {
                return self.issue(Exchange::Sender, &Set(b"+CIPDINFO=1"));
            }
            if state.is_open() && state.option_due {
                let option =
                    LinkOption::TcpOption { link, abort: state.reset, no_delay: state.no_delay };
                return self.issue(Exchange::Option(link), &option);
            }
        }
        false
    }

    /// An option has been taken, or cannot be had.
    pub(super) fn option_sent(&mut self, link: u8) {
        self.links[usize::from(link)].option_due = false;
    }

    /// Opens a link that somebody wants.
    fn open_next(&mut self) -> bool {
        for link in LINK_RANGE {
            let state = &self.links[usize::from(link)];
            if state.phase != LinkPhase::Wanted || state.rests(self.now) {
                continue;
            }
            if !state.tcp {
                if self.open_datagrams(link) {
                    return true;
                }
                continue;
            }
            let Owner::Slot(slot) = state.owner else { continue };
            if self.way().is_err() {
                continue;
            }
            let Some(socket) = self.slots.at(slot) else { continue };
            let Some(peer) = socket.peer else { continue };
            let options = &socket.options;
            let keep_alive = options.keep_alive.then_some(options.keep_idle);
            let open = OpenTcp { link, to: peer, keep_alive };
            if self.issue(Exchange::Open(link), &open) {
                self.links[usize::from(link)].phase = LinkPhase::Opening;
                return true;
            }
        }
        false
    }

    /// The next turn of a link that can move data; whether there was one.
    fn data(&mut self) -> bool {
        for step in LINK_RANGE {
            let link = (self.turn + step) % LINK_RANGE.end;
            let read_first = !self.links[usize::from(link)].read_last;
            if (read_first && self.read_next(link)) || self.send_next(link) || self.read_next(link)
            {
                self.turn = link + 1;
                return true;
            }
        }
        false
    }

    /// Reads what waits in the modem for a link, as much as there is room for (R21).
    fn read_next(&mut self, link: u8) -> bool {
        let asked = short(self.wanted(link));
        if asked == 0 {
            return false;
        }
        let state = &mut self.links[usize::from(link)];
        state.noticed = false;
        state.read_last = true;
        let reading = Reading { link, asked, got: None, framed: false };
        self.issue(Exchange::Read(reading), &Read { link, max: asked })
    }

    /// How much to read for a link now: 0 is nothing.
    fn wanted(&self, link: u8) -> usize {
        let state = &self.links[usize::from(link)];
        let Owner::Slot(_) = state.owner else { return 0 };
        if !self.is_passive() || !state.is_open() || !state.tcp || !state.readable {
            return 0;
        }
        let Some(pair) = self.pairs.get(self.pair_of(link)) else { return 0 };
        let most = MAX_READ.min(self.station.uart_capacity.saturating_sub(UART_SLACK).max(16));
        let free = pair.rx.free();
        // No reads of a few bytes while the user takes a few bytes.
        let worth = (pair.rx.capacity() / 2).min(most);
        if free >= worth || pair.rx.is_empty() { free.min(most) } else { 0 }
    }

    /// Sends what waits for a link, as much as the modem takes.
    fn send_next(&mut self, link: u8) -> bool {
        let state = &self.links[usize::from(link)];
        if !state.is_open() || state.gone || state.rests(self.now) {
            return false;
        }
        if state.reset && state.owner == Owner::Orphan {
            return false;
        }
        let pair = self.pair_of(link);
        let Some(queued) = self.pairs.get(pair).map(|pair| pair.tx.len()).filter(|n| *n > 0) else {
            return false;
        };
        if !state.tcp {
            return self.send_datagram(link, pair);
        }
        let buffered = self.firmware.buffered && self.config.transmit == crate::Transmit::Auto;
        let mut len = queued.min(self.firmware.piece.into());
        if buffered {
            // Alone, a link sends half a window at a time, so that the next piece can go
            // while the last one is on its way; with others, it has its turn so much later
            // that larger pieces cost less.
            if !self.others_send(link) {
                len = len.min(SEND_WINDOW / 2);
            }
            let state = &self.links[usize::from(link)];
            // A smaller piece now costs more than to wait for the window to open.
            if state.segments.is_full() || state.segments.bytes() + len > SEND_WINDOW {
                return false;
            }
        }
        // Three plus signs alone would cancel the send (4.3).
        let mut first = [0; 4];
        let there = self.pairs.tx(pair).map_or(0, |ring| ring.peek(0, &mut first));
        if len == 3 && there >= 3 && first.starts_with(b"+++") {
            len = 1;
        }
        self.links[usize::from(link)].read_last = false;
        let len = short(len);
        let sending = Sending { link, len, buffered, pair, stage: Stage::Command };
        if buffered {
            self.issue(Exchange::Send(sending), &SendBuffered { link, len })
        } else {
            self.issue(Exchange::Send(sending), &Send { link, len, to: None })
        }
    }

    /// Whether any other link has something to send.
    fn others_send(&self, link: u8) -> bool {
        let sends = |other: &u8| {
            *other != link
                && self.links[usize::from(*other)].is_open()
                && self.pairs.get(self.pair_of(*other)).is_some_and(|pair| !pair.tx.is_empty())
        };
        LINK_RANGE.into_iter().any(|other| sends(&other))
    }

    /// Asks how much waits on each link, where a notice may have been lost (5.2).
    fn lengths_next(&mut self) -> bool {
        if !self.is_passive() || self.lengths_at.is_none_or(|at| at > self.now) {
            return false;
        }
        self.lengths_at = self.doubtful_at();
        if self.lengths_at.is_none_or(|at| at > self.now) {
            return false;
        }
        self.lengths_at = None;
        self.issue(Exchange::Lengths, &Lengths)
    }

    /// When something will be due without new input.
    pub(super) fn next_idle(&self) -> Option<Instant> {
        let speak = self.may_speak();
        if self.phase != Phase::Ready {
            return speak.or(match self.phase {
                Phase::Probe(_) | Phase::Setup(_) => Some(self.now),
                _ => None,
            });
        }
        let sends = self.links.iter().filter_map(|link| link.send_at.filter(|at| *at > self.now));
        let due = sends.fold(None, |soonest, at| earlier(soonest, Some(at)));
        let polls = earlier(self.lengths_at.filter(|_| self.is_passive()), self.status_at);
        #[cfg(feature = "server")]
        let polls = earlier(polls, self.server_deadline());
        earlier(earlier(due, polls), self.station.next_deadline())
    }
}
