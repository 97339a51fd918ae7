//! One place for a socket: its state and its two queues.

use core::net::SocketAddr;

use heapless::{Deque, Vec};
use usocket_core::spi::{Group, RecvFlags, Shutdown, SockType};
use usocket_core::{
    Error, Events, Family, Instant, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, Result,
};

use crate::groups::{Change, GROUPS};

/// How far a socket is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Nothing has been asked of the stack.
    Idle,
    /// The stack shall connect, or is at it.
    Connecting(SocketAddr),
    /// Why it did not; told once.
    Failed(Error),
    /// That was told by a receive, a send or `take_error`: the end of a stream.
    Ended,
    /// The stack shall listen or bind datagrams, or is at it.
    Binding(SocketAddr),
    /// It listens.
    Listening,
    /// It has a connection, or had one.
    Connected,
    /// It carries datagrams.
    Bound,
}

/// A place. `BUF` bytes are kept in each direction.
#[derive(Debug)]
pub(crate) struct Socket<const BUF: usize> {
    pub(crate) generation: u32,
    /// The user has it.
    pub(crate) open: bool,
    /// A task of the runner has something to do for it.
    pub(crate) busy: bool,
    pub(crate) family: Family,
    pub(crate) kind: SockType,
    pub(crate) phase: Phase,
    pub(crate) bound: Option<SocketAddr>,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) backlog: usize,
    pub(crate) rx: Deque<u8, BUF>,
    pub(crate) tx: Deque<u8, BUF>,
    /// The end of what is received: by the peer, an error, or ourselves.
    pub(crate) ended: bool,
    /// What ended it, until somebody was told.
    pub(crate) error: Option<Error>,
    /// Nothing goes out or comes any more.
    pub(crate) dead: bool,
    /// Nothing goes out any more; what the stack has still comes.
    pub(crate) mute: bool,
    /// `shutdown` of the sending direction, or `close`.
    pub(crate) fin: bool,
    /// Received bytes are not wanted any more.
    pub(crate) deaf: bool,
    /// Close by a reset.
    pub(crate) reset: bool,
    /// When a closed socket is given up.
    pub(crate) until: Option<Instant>,
    /// What it has joined.
    pub(crate) groups: Vec<Group, GROUPS>,
    /// What the stack shall change of that, or is at it.
    pub(crate) change: Option<Change>,
    /// Who asked for it is still there, to be told why not.
    pub(crate) asking: bool,
    pub(crate) refused: Option<Error>,
}

impl<const BUF: usize> Socket<BUF> {
    pub(crate) const fn new() -> Self {
        Self {
            generation: 0,
            open: false,
            busy: false,
            family: Family::V4,
            kind: SockType::Stream,
            phase: Phase::Idle,
            bound: None,
            peer: None,
            backlog: 1,
            rx: Deque::new(),
            tx: Deque::new(),
            ended: false,
            error: None,
            dead: false,
            mute: false,
            fin: false,
            deaf: false,
            reset: false,
            until: None,
            groups: Vec::new(),
            change: None,
            asking: false,
            refused: None,
        }
    }

    pub(crate) fn is_free(&self) -> bool {
        !self.open && !self.busy
    }

    /// A fresh socket in a free place.
    pub(crate) fn begin(&mut self, family: Family, kind: SockType) {
        *self = Self { generation: self.generation, open: true, family, kind, ..Self::new() };
    }

    /// The handle is gone; what is to be sent goes on until `until`.
    pub(crate) fn release(&mut self, reset: bool, until: Instant) {
        self.open = false;
        self.generation = self.generation.wrapping_add(1);
        // Whoever closes with bytes unread has not got what the peer thinks (row 218).
        self.reset |= reset || self.kind == SockType::Stream && !self.rx.is_empty();
        if self.reset {
            self.tx.clear();
        }
        self.rx.clear();
        (self.fin, self.deaf, self.until) = (true, true, Some(until));
    }

    pub(crate) fn recv(&mut self, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match self.phase {
            Phase::Connected => {}
            Phase::Connecting(_) => return Err(Error::EAGAIN),
            Phase::Failed(_) if buf.is_empty() => return Ok(0),
            Phase::Failed(error) => {
                self.phase = Phase::Ended;
                return Err(error);
            }
            Phase::Ended => return Ok(0),
            _ => return Err(Error::ENOTCONN),
        }
        if buf.is_empty() {
            return Ok(0);
        }
        if !self.rx.is_empty() {
            let len = buf.len().min(self.rx.len());
            if flags.peek {
                for (place, byte) in buf.iter_mut().zip(&self.rx) {
                    *place = *byte;
                }
            } else {
                for place in &mut buf[..len] {
                    *place = self.rx.pop_front().unwrap_or_default();
                }
            }
            return Ok(len);
        }
        if !self.ended {
            return Err(Error::EAGAIN);
        }
        // Told once, to a peek too: `readline` looks before it takes. An end in order stays one.
        self.error.take_if(|_| self.dead).map_or(Ok(0), Err)
    }

    pub(crate) fn send(&mut self, data: &[u8]) -> Result<usize> {
        match self.phase {
            Phase::Connected => {}
            Phase::Connecting(_) => return Err(Error::EAGAIN),
            Phase::Failed(error) => {
                self.phase = Phase::Ended;
                return Err(error);
            }
            _ => return Err(Error::EPIPE),
        }
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if self.dead || self.mute || self.fin {
            return Err(Error::EPIPE);
        }
        let len = data.len().min(BUF - self.tx.len());
        if len == 0 && !data.is_empty() {
            return Err(Error::EAGAIN);
        }
        for &byte in &data[..len] {
            // There is room: see above.
            let _ = self.tx.push_back(byte);
        }
        Ok(len)
    }

    pub(crate) fn shutdown(&mut self, how: Shutdown, half_close: bool) -> Result<()> {
        if self.phase != Phase::Connected {
            return Err(Error::ENOTCONN);
        }
        if how == Shutdown::Write && !half_close {
            return Err(Error::EOPNOTSUPP);
        }
        if how != Shutdown::Read {
            self.fin = true;
        }
        if how != Shutdown::Write {
            self.rx.clear();
            (self.ended, self.deaf) = (true, true);
        }
        Ok(())
    }

    /// Readiness, but for what a listener has.
    pub(crate) fn readiness(&self, generation: u32, acceptable: bool) -> Events {
        if !self.open || self.generation != generation {
            return POLLNVAL;
        }
        if self.kind == SockType::Dgram {
            return self.datagram_readiness();
        }
        match self.phase {
            Phase::Idle => POLLOUT | POLLHUP,
            Phase::Connecting(_) | Phase::Binding(_) => Events::NONE,
            Phase::Failed(_) => POLLIN | POLLOUT | POLLERR | POLLHUP,
            Phase::Ended => POLLIN | POLLOUT | POLLHUP,
            Phase::Listening if acceptable => POLLIN,
            Phase::Listening | Phase::Bound => Events::NONE,
            Phase::Connected => self.connected(),
        }
    }

    fn connected(&self) -> Events {
        if self.dead {
            let error = if self.error.is_some() { POLLERR } else { Events::NONE };
            return POLLIN | POLLOUT | POLLHUP | error;
        }
        let mut events = Events::NONE;
        if !self.rx.is_empty() || self.ended {
            events |= POLLIN;
        }
        if self.fin || self.tx.len() < BUF {
            events |= POLLOUT;
        }
        if self.ended && self.error.is_some() {
            events |= POLLERR;
        }
        if self.ended && (self.fin || self.mute) {
            events |= POLLHUP;
        }
        events
    }

    /// Something ended the connection; told once, whichever direction finds it first.
    pub(crate) fn fail(&mut self, error: Error) {
        self.cannot_send(error);
        (self.dead, self.ended) = (true, true);
    }

    /// The stack takes nothing any more.
    pub(crate) fn cannot_send(&mut self, error: Error) {
        self.tx.clear();
        if !self.mute {
            (self.mute, self.error) = (true, Some(error));
        }
    }

    /// After an error: the stack has nothing more.
    pub(crate) fn all_came(&mut self) {
        if self.mute && !self.ended {
            (self.dead, self.ended) = (true, true);
        }
    }

    /// Whether nothing moves any more in either direction, by an error.
    pub(crate) fn is_over(&self) -> bool {
        self.dead || self.mute
    }
}
