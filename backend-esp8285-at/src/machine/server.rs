//! The one server of the modem and the clients that nobody has accepted yet (4.7).

use usocket_core::spi::Handle;
use usocket_core::{Error, Family, Result, SockAddr};

use super::{Exchange, Machine};
use crate::address::{self, Address};
use crate::cmd::Server;
use crate::link::{LINK_RANGE, Owner, Phase as LinkPhase};
use crate::reply::Hint;
use crate::slot::{Ends, Socket, State};
use usocket_core::spi::SockType;

/// What is wanted of the server and what the modem has been told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Listener {
    /// Where the listening socket listens.
    wanted: Option<(Family, u16)>,
    /// Where the modem does, or has been told to.
    pub(super) running: Option<(Family, u16)>,
    /// Where it may still listen, as it has not said that it has stopped.
    doubted: Option<(Family, u16)>,
    /// What comes next of a start.
    step: Option<ServerStep>,
    /// When to try again after a start that failed.
    again: Option<usocket_core::Instant>,
}

/// After a start that failed.
const AGAIN: core::time::Duration = core::time::Duration::from_secs(1);

/// A step towards what is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ServerStep {
    Stop,
    MaxClients,
    Start,
    NoTimeout,
}

impl Machine<'_> {
    pub(crate) fn listen(&mut self, handle: Handle, backlog: u32) -> Result<()> {
        let socket = self.slots.get(handle)?;
        let backlog = u8::try_from(backlog.clamp(1, 5)).unwrap_or(5);
        match socket.state {
            State::Fresh => {}
            State::Listening { .. } => {
                self.slots.get_mut(handle)?.state = State::Listening { backlog };
                return Ok(());
            }
            State::Dgram => return Err(Error::EOPNOTSUPP),
            _ => return Err(Error::EINVAL),
        }
        // The former port cannot be given up while clients of it are there (4.7).
        if let Some(running) = self.listener.running
            && (socket.family, socket.local_port) != running
            && self.has_accepted()
            && !self.firmware.server_stops_alone
        {
            return Err(Error::EOPNOTSUPP);
        }
        // One port in all (section 9).
        if let Some((_, port)) = self.listener.wanted {
            let same = self.slots.get(handle)?.local_port == port;
            return Err(if same { Error::EADDRINUSE } else { Error::EOPNOTSUPP });
        }
        let socket = self.slots.get(handle)?;
        let port = if socket.bound { socket.local_port } else { self.free_port(SockType::Stream) };
        let socket = self.slots.get_mut(handle)?;
        socket.bound = true;
        socket.local_port = port;
        socket.state = State::Listening { backlog };
        self.listener.wanted = Some((socket.family, port));
        self.work = true;
        Ok(())
    }

    /// Whether the port is open, or cannot be just now.
    pub(super) fn is_listening(&self, at: (Family, u16)) -> bool {
        self.listener.running == Some(at) && self.listener.step.is_none()
            || self.listener.again.is_some()
    }

    /// The listening socket was closed: nobody will accept those who wait.
    pub(super) fn unlisten(&mut self) {
        self.listener.wanted = None;
        self.pending_lost();
        self.work = true;
    }

    /// Whether a socket has a client of the server.
    fn has_accepted(&self) -> bool {
        let mut links = self.links.iter();
        links.any(|link| link.accepted && matches!(link.owner, Owner::Slot(_)))
    }

    /// Whether a socket had one, for which there may still be something to send.
    fn has_leaving(&self) -> bool {
        self.links.iter().any(|link| link.accepted && link.owner == Owner::Orphan)
    }

    /// Clients that wait are dropped.
    pub(super) fn pending_lost(&mut self) {
        for link in &mut self.links {
            if link.owner == Owner::Pending {
                link.owner = Owner::Orphan;
                link.linger_until = Some(self.now);
                link.reset(&self.firmware);
            }
        }
        self.work = true;
    }

    /// The modem has booted: it listens no more.
    pub(super) fn server_forgotten(&mut self) {
        self.listener.running = None;
        self.listener.doubted = None;
    }

    /// The network is gone: whether it listens on is not known.
    pub(super) fn server_doubted(&mut self) {
        let Listener { running, doubted, .. } = self.listener;
        self.listener.doubted = running.or(doubted);
        self.listener.running = None;
    }

    /// A client has come; a link that another socket had is that socket's no more.
    pub(super) fn client_came(&mut self, link: u8, peer: Option<Address>) {
        let index = usize::from(link);
        match self.links[index].phase {
            LinkPhase::Open => {
                self.replaced(link);
                if self.exchange == Exchange::Close(link) {
                    // Its result is not about the client.
                    self.exchange = Exchange::Ignored;
                }
            }
            // Whoever wants to open it gets another one.
            LinkPhase::Wanted => self.open_lost_race(link),
            _ => {}
        }
        let pair = self.links[index].pair.take();
        self.pairs.release(pair);
        // Nor is there one for a client of a port that is being given up.
        let Listener { wanted, running, .. } = self.listener;
        let wanted = wanted.is_some() && running.is_none_or(|running| Some(running) == wanted);
        // The modem may send it what was for another: there is no use for it then.
        let spoiled = matches!(self.exchange, Exchange::Send(sending) if sending.link == link);
        let wanted = wanted && !spoiled;
        let owner = if wanted { Owner::Pending } else { Owner::Orphan };
        self.links[index].renew(LinkPhase::Open, owner);
        if spoiled {
            self.links[index].linger_until = Some(self.now);
            self.links[index].reset(&self.firmware);
        }
        self.accepted = self.accepted.wrapping_add(1);
        let link = &mut self.links[index];
        link.peer = peer;
        link.order = self.accepted;
        link.accepted = true;
        link.readable = true;
        if wanted && !self.is_passive() {
            // Its data come unasked, so it needs a place for them now.
            match self.pairs.lease() {
                Some(pair) => self.links[index].pair = Some(pair),
                None => self.links[index].owner = Owner::Orphan,
            }
        }
        if wanted && self.is_passive() {
            self.lengths_at.get_or_insert(self.now + core::time::Duration::from_millis(500));
        }
        self.touched = true;
        self.work = true;
    }

    /// The id of a link that a socket still reads from was given to a client: what was
    /// unread is gone from the modem (NONOS#81).
    fn replaced(&mut self, link: u8) {
        let state = &self.links[usize::from(link)];
        let Owner::Slot(slot) = state.owner else { return };
        let reading = matches!(self.exchange, Exchange::Read(reading) if reading.link == link);
        let lost = !state.gone || state.noticed || reading;
        if let Some(socket) = self.slots.at(slot) {
            if lost {
                socket.fail(Error::EIO);
            } else if let State::Connected(ends) = &mut socket.state {
                *ends = Ends { rx: true, tx: true };
            }
            socket.link = None;
        }
    }

    /// Whether a client can be accepted. One whose address is still to be asked for is
    /// not, unless it is gone already.
    pub(super) fn has_pending(&self) -> bool {
        self.oldest_pending().is_some()
    }

    fn oldest_pending(&self) -> Option<u8> {
        let pending = LINK_RANGE.filter(|link| {
            let state = &self.links[usize::from(*link)];
            state.owner == Owner::Pending && state.peer.is_some()
        });
        let now = self.accepted;
        pending.max_by_key(|link| now.wrapping_sub(self.links[usize::from(*link)].order))
    }

    /// The status is known: clients that are gone have no address any more, and those that
    /// came meanwhile are asked for once more.
    pub(super) fn pending_complete(&mut self) {
        let family = self.listener.wanted.map_or(Family::V4, |(family, _)| family);
        for link in &mut self.links {
            if link.owner == Owner::Pending && link.peer.is_none() {
                if link.gone {
                    link.peer = Some(address::nobody(family));
                } else {
                    self.status_due = true;
                }
            }
        }
        self.touched = true;
    }

    pub(crate) fn accept(&mut self, handle: Handle) -> Result<(Handle, SockAddr)> {
        let socket = self.slots.get(handle)?;
        match socket.state {
            State::Listening { .. } => {}
            State::Dgram => return Err(Error::EOPNOTSUPP),
            _ => return Err(Error::EINVAL),
        }
        let (family, local_port, local_ip) = (socket.family, socket.local_port, socket.local_ip);
        let link = self.oldest_pending().ok_or(Error::EAGAIN)?;
        let index = usize::from(link);
        let mut accepted = Socket::new(SockType::Stream, family);
        let peer = self.links[index].peer.unwrap_or(address::nobody(family));
        accepted.state = State::Connected(Ends::default());
        accepted.local_port = local_port;
        accepted.local_ip = local_ip.or(self.station.address(family));
        accepted.peer = Some(peer);
        accepted.link = Some(link);
        let own = self.links[index].pair.take();
        let leased = own.is_some();
        accepted.pair = own.or_else(|| self.pairs.lease());
        if accepted.pair.is_none() {
            return Err(Error::ENOBUFS);
        }
        let pair = accepted.pair;
        let Some(new) = self.slots.insert(accepted) else {
            if leased {
                self.links[index].pair = pair;
            } else {
                self.pairs.release(pair);
            }
            return Err(Error::ENOMEM);
        };
        self.links[index].owner = Owner::Slot(u8::try_from(new.slot()).unwrap_or(u8::MAX));
        if self.links[index].gone {
            self.peer_closed(link);
        }
        self.work = true;
        Ok((new, peer.into()))
    }

    /// Brings the modem to where the listening socket wants it.
    pub(super) fn server_next(&mut self) -> bool {
        let wanted = self.listener.wanted;
        let waits = self.listener.again.is_some_and(|at| at > self.now);
        if self.listener.running != wanted && self.listener.running.is_some() {
            if waits {
                return false;
            }
            // Those who have been accepted would be dropped with it: it goes on until they
            // are done, and whoever comes meanwhile is closed at once.
            let has_clients = self.has_accepted() || self.has_leaving();
            if has_clients && !self.firmware.server_stops_alone {
                return false;
            }
            return self.issue(Exchange::Server(ServerStep::Stop), &Server::Stop);
        }
        let Some((family, port)) = wanted else {
            self.listener.step = None;
            return false;
        };
        let step = match self.listener.step {
            Some(step) => step,
            None if self.listener.running.is_some() || waits || self.way().is_err() => {
                return false;
            }
            None => ServerStep::MaxClients,
        };
        let exchange = Exchange::Server(step);
        match step {
            ServerStep::Stop => self.issue(exchange, &Server::Stop),
            // Those who have been accepted count as well, so the most that it can.
            ServerStep::MaxClients => self.issue(exchange, &Server::MaxClients(5)),
            ServerStep::Start => {
                // Now, as another port may be wanted when it is answered.
                self.listener.running = wanted;
                self.issue(exchange, &Server::Start(family, port))
            }
            ServerStep::NoTimeout => self.issue(exchange, &Server::NoTimeout),
        }
    }

    /// A step was answered.
    pub(super) fn server_stepped(&mut self, step: ServerStep, ok: bool) {
        let Listener { running, doubted, .. } = self.listener;
        // Of the port that it was to give up, then, unless that is wanted again.
        let unchanged = self.flight.hint == Some(Hint::NoChange) && doubted.is_some();
        let ok = ok && !(step == ServerStep::Start && unchanged && doubted != running);
        self.listener.step = match step {
            // The line was hurt, perhaps: once more.
            ServerStep::Stop if !ok && doubted != running => {
                self.listener.doubted = running;
                self.listener.again = Some(self.now + AGAIN);
                None
            }
            ServerStep::Stop => {
                self.listener.running = None;
                self.listener.again = None;
                if ok {
                    self.listener.doubted = None;
                }
                None
            }
            // An error only says that it runs already or that the version cannot.
            ServerStep::MaxClients => Some(ServerStep::Start),
            ServerStep::Start if ok => {
                self.listener.doubted = None;
                Some(ServerStep::NoTimeout)
            }
            ServerStep::Start => {
                self.listener.running = doubted.filter(|_| doubted != running);
                // A server of before that is still there on some 1.x (4.7).
                self.listener.again = Some(self.now + AGAIN);
                self.touched = true;
                None
            }
            ServerStep::NoTimeout => {
                self.listener.again = None;
                None
            }
        };
        self.touched = true;
        self.work = true;
    }

    /// When a start is tried again.
    pub(super) fn server_deadline(&self) -> Option<usocket_core::Instant> {
        self.listener.again.filter(|at| *at > self.now)
    }
}
