//! What the modem says by itself.

use core::time::Duration;

use usocket_core::{Error, Instant, earlier};

use super::{Exchange, Machine, Out, Phase};
use crate::address::Address;
use crate::link::{LINK_RANGE, Owner, Phase as LinkPhase, Segments};
use crate::slot::State;
use crate::urc::{LinkConn, Urc};

/// How long an id is kept after its link failed or was closed, for a `CLOSED` that may
/// still come (4.2).
const HOLD: Duration = Duration::from_millis(200);
/// How long data may come after a `CLOSED` that came too early: they follow it closely.
pub(super) const EARLY: Duration = Duration::from_millis(20);

impl Machine<'_> {
    pub(super) fn unsolicited(&mut self, urc: Urc) {
        self.hurt = false;
        match urc {
            Urc::Ready => return self.rebooted(),
            Urc::WifiConnected => return self.station.associated(),
            Urc::WifiGotIp => return self.station.got_address(),
            Urc::WifiDisconnect => return self.wifi_lost(),
            #[cfg(feature = "ipv6")]
            Urc::WifiGotIpV6 => return self.station.got_address(),
            #[cfg(feature = "access-point")]
            Urc::Station(event) => return self.station.client(event),
            _ => {}
        }
        // While it is being set up there are no links of ours.
        if !self.is_ready() {
            return;
        }
        match urc {
            Urc::Connect(link) => self.connect_seen(link),
            Urc::Closed(link) => self.closed_seen(link),
            Urc::ConnectFail(link) => {
                if self.exchange.opens(link) {
                    self.flight.hint = None;
                } else {
                    self.closed_seen(link);
                }
            }
            Urc::LinkConn(conn) => self.link_conn(conn),
            Urc::Segment { link, segment, ok } => self.segment_done(link, segment, ok),
            _ => {}
        }
    }

    /// `<id>,CONNECT`: the success of our own open, or a client.
    fn connect_seen(&mut self, link: u8) {
        if self.exchange.opens(link) {
            self.flight.connected = true;
            return;
        }
        let state = &self.links[usize::from(link)];
        // Said again for a link that is known (4.8).
        if state.is_open() && !state.gone {
            return;
        }
        self.client_came(link, None);
        // Who it is tells the status.
        self.status_due = true;
    }

    fn link_conn(&mut self, conn: LinkConn) {
        let link = usize::from(conn.link);
        let peer = conn.ip.map(|ip| Address::new(ip, conn.port));
        if !conn.ok {
            return;
        }
        if conn.server {
            if self.exchange.opens(conn.link) {
                self.client_was_faster(conn.link);
            } else if self.links[link].is_open() && !self.links[link].gone {
                return;
            }
            self.client_came(conn.link, peer);
            self.links[link].local_port = conn.local_port;
        } else if self.exchange.opens(conn.link) {
            self.links[link].peer = peer;
            self.links[link].local_port = conn.local_port;
        }
    }

    /// `<id>,CLOSED`.
    fn closed_seen(&mut self, link: u8) {
        let index = usize::from(link);
        self.links[index].touched = true;
        match self.links[index].phase {
            // Part of the failure of our own open, or stale.
            LinkPhase::Free | LinkPhase::Wanted => {}
            LinkPhase::Opening => self.links[index].doubtful = true,
            LinkPhase::Held => self.links[index].let_go(),
            LinkPhase::Open => self.peer_closed(link),
        }
        self.work = true;
    }

    /// A link that stood is gone.
    pub(super) fn peer_closed(&mut self, link: u8) {
        let index = usize::from(link);
        self.links[index].gone = true;
        self.links[index].segments = Segments::NONE;
        match self.links[index].owner {
            Owner::None => self.free_link(link),
            Owner::Orphan => {
                // Unless its data are on their way to the modem just now.
                if self.exchange_link() != Some(link) {
                    self.free_link(link);
                }
            }
            Owner::Pending => {}
            Owner::Slot(slot) => {
                let passive = self.is_passive() && self.links[index].tcp;
                let Some(socket) = self.slots.at(slot) else { return };
                if let State::Connected(ends) = &mut socket.state {
                    ends.tx = true;
                    if passive {
                        // What is unread is read first; then it is the end (5.3).
                        self.links[index].readable = true;
                    } else if self.firmware.closes_early && !ends.rx {
                        self.links[index].linger_until = Some(self.now + EARLY);
                    } else {
                        ends.rx = true;
                        socket.link = None;
                        self.links[index].owner = Owner::Orphan;
                        self.links[index].linger_until = Some(self.now);
                        if self.exchange_link() != Some(link) {
                            self.free_link(link);
                        }
                    }
                } else if !self.links[index].tcp {
                    // Datagrams: the link is opened again when it is needed.
                    self.datagrams_closed(link, slot);
                }
                self.touched = true;
            }
        }
    }

    /// The result of a `CIPCLOSE`. An error says that it was closed already (4.6).
    pub(super) fn closed(&mut self, link: u8, ok: bool) {
        if self.links[usize::from(link)].gone {
            self.free_link(link);
        } else {
            self.hold_link(link);
            if !ok {
                self.ask_status_soon();
            }
        }
    }

    /// Frees a link and its buffers.
    pub(super) fn free_link(&mut self, link: u8) {
        let state = &mut self.links[usize::from(link)];
        let pair = state.pair.take();
        state.renew(LinkPhase::Free, Owner::None);
        self.release(pair);
        self.touched = true;
        self.work = true;
    }

    /// An id that must not be used again at once.
    pub(super) fn hold_link(&mut self, link: u8) {
        self.hold_until(link, self.now + HOLD);
    }

    /// Frees a link whose id must not be used again before this.
    pub(super) fn hold_until(&mut self, link: u8, until: Instant) {
        self.free_link(link);
        let state = &mut self.links[usize::from(link)];
        state.phase = LinkPhase::Held;
        state.send_at = Some(until);
    }

    /// Ids that have been held long enough.
    pub(super) fn expire(&mut self) {
        for link in LINK_RANGE {
            let state = &mut self.links[usize::from(link)];
            if state.phase == LinkPhase::Held && !state.rests(self.now) {
                state.let_go();
            }
            let over = state.linger_until.is_some_and(|until| until <= self.now);
            let moving = self.exchange_link() == Some(link);
            let state = &self.links[usize::from(link)];
            if over && !moving && state.gone && matches!(state.owner, Owner::Slot(_)) {
                if self.is_coming(link) {
                    self.links[usize::from(link)].linger_until = Some(self.now + EARLY);
                } else {
                    self.end_of_stream(link);
                }
            }
        }
    }

    pub(super) fn next_expiry(&self) -> Option<Instant> {
        // One fold over the links: each adapter of a chain is a loop of its own in the code.
        self.links.iter().fold(None, |soonest, link| {
            let held = link.send_at.filter(|_| link.phase == LinkPhase::Held);
            let waiting = |until: &Instant| *until > self.now;
            let linger = link.linger_until.filter(waiting);
            earlier(soonest, earlier(linger, held.filter(waiting)))
        })
    }

    /// The link whose data move just now.
    pub(super) fn exchange_link(&self) -> Option<u8> {
        match self.exchange {
            Exchange::Send(sending) => Some(sending.link),
            Exchange::Read(reading) => Some(reading.link),
            Exchange::Open(link) | Exchange::Close(link) | Exchange::Option(link) => Some(link),
            _ => None,
        }
    }

    /// A notice: a level, not a count (R21).
    pub(super) fn noticed(&mut self, link: u8) {
        let state = &mut self.links[usize::from(link)];
        if state.is_open() {
            state.readable = true;
            state.noticed = true;
            state.owed = true;
        } else if state.phase != LinkPhase::Opening {
            self.status_due = self.phase == Phase::Ready;
        }
    }

    /// The station has lost its access point: so have all connections (R24).
    pub(super) fn wifi_lost(&mut self) {
        let was_up = self.station.disconnected(self.now);
        if was_up {
            self.all_links_lost(Error::ENETDOWN);
            self.pending_lost();
            if self.firmware.dialect == crate::cmd::Dialect::NonOs {
                // A second start does no harm (4.7).
                self.server_doubted();
            }
            #[cfg(feature = "dns")]
            self.names_lost();
        }
    }

    /// Ends every link, and tells every socket why. What was received stays.
    pub(super) fn all_links_lost(&mut self, error: Error) {
        for link in LINK_RANGE {
            self.fail_link(link, error);
        }
        for (_, socket) in self.slots.iter_mut() {
            if socket.state == State::Connecting {
                socket.fail(error);
            }
        }
        self.touched = true;
    }

    /// The same where the modem has no links any more.
    pub(super) fn forget_links(&mut self, error: Error) {
        self.out = Out::Idle;
        self.all_links_lost(error);
        self.free_all_links();
    }

    /// The same where it was us who restarted the modem, since it was stuck with somebody
    /// else's command: connects that had not begun begin when it has joined again.
    pub(super) fn restart_links(&mut self) {
        self.out = Out::Idle;
        let waits = self.station.comes_back() && self.config.rejoin;
        for link in LINK_RANGE {
            let state = &self.links[usize::from(link)];
            let wanted = state.phase == LinkPhase::Wanted && matches!(state.owner, Owner::Slot(_));
            if !(waits && wanted) {
                self.fail_link(link, Error::ECONNRESET);
                self.free_link(link);
            }
        }
        #[cfg(feature = "dns")]
        self.names_lost();
    }

    /// Connects that wait for a network that does not come back.
    pub(super) fn fail_wanted(&mut self, error: Error) {
        for link in LINK_RANGE {
            let state = &self.links[usize::from(link)];
            if state.phase == LinkPhase::Wanted && state.tcp {
                self.fail_link(link, error);
                self.free_link(link);
            }
        }
    }

    fn free_all_links(&mut self) {
        #[cfg(feature = "dns")]
        self.names_lost();
        for link in LINK_RANGE {
            self.free_link(link);
        }
    }

    /// Ends one link with an error. The modem is told to close it.
    pub(super) fn fail_link(&mut self, link: u8, error: Error) {
        let index = usize::from(link);
        if !self.links[index].is_taken() {
            return;
        }
        if let Owner::Pending | Owner::Orphan = self.links[index].owner {
            // Nobody has accepted it: it is as if it had never come. Nor can anybody be told
            // who has closed it, but nothing more is sent.
            self.links[index].owner = Owner::Orphan;
            self.links[index].linger_until = Some(self.now);
            self.links[index].reset = true;
            self.work = true;
        }
        if let Owner::Slot(slot) = self.links[index].owner {
            if let Some(socket) = self.slots.at(slot) {
                socket.fail(error);
                let pair = socket.pair;
                let moving = self.exchange_link() == Some(link);
                if let Some(pair) = self.pairs.get_mut(pair)
                    && !moving
                {
                    pair.tx.clear();
                }
            }
            self.links[index].owner = Owner::Orphan;
            self.links[index].linger_until = Some(self.now);
            self.links[index].reset(&self.firmware);
            self.touched = true;
            self.work = true;
        }
    }
}
