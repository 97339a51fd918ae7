//! Sockets: the user's side of a link.

use usocket_core::spi::{Handle, SockType};
use usocket_core::{Error, Family};

use crate::address::{Address, Ip};
use crate::machine::PairId;

/// A place for a socket.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) generation: u32,
    pub(crate) socket: Option<Socket>,
}

impl Slot {
    pub(crate) const EMPTY: Slot = Slot { generation: 0, socket: None };
}

/// A socket.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) kind: SockType,
    pub(crate) family: Family,
    pub(crate) state: State,
    /// Its buffers, once it needs some.
    pub(crate) pair: Option<PairId>,
    /// Its link in the modem, while there is one.
    pub(crate) link: Option<u8>,
    /// What is to be told once (S13).
    pub(crate) error: Option<Error>,
    /// Bound, by the user or implicitly.
    pub(crate) bound: bool,
    /// The address it was bound to, where that was not the wildcard.
    pub(crate) local_ip: Option<Ip>,
    pub(crate) local_port: u16,
    pub(crate) peer: Option<Address>,
    pub(crate) options: Options,
    _used: Used,
}

/// What makes an unused place all zero, so that a static of them takes no room in flash: no
/// other field has as many values that it cannot have, so the place's "none" is one of these.
#[derive(Debug)]
#[repr(u8)]
enum Used {
    Yes = 1,
}

/// Where a socket is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    /// A stream that is not connected, or failed to and was told so.
    Fresh,
    /// A stream whose connect is under way.
    Connecting,
    /// A stream whose connect failed; `error` is its outcome.
    Failed,
    /// A stream that is or was connected.
    Connected(Ends),
    /// A stream that accepts.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "of servers"))]
    Listening { backlog: u8 },
    /// Datagrams.
    Dgram,
}

/// Which directions of a connected stream have ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ends {
    /// Nothing more will come: after what is in the ring it is the end of the stream.
    pub(crate) rx: bool,
    /// Nothing more can be sent.
    pub(crate) tx: bool,
}

/// The options of a socket.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent options")]
pub(crate) struct Options {
    pub(crate) reuse: bool,
    pub(crate) broadcast: bool,
    pub(crate) keep_alive: bool,
    pub(crate) no_delay: bool,
    pub(crate) keep_idle: u16,
    /// As in `struct linger`: whether, and how many seconds.
    pub(crate) lingers: bool,
    pub(crate) linger: u16,
    /// The group that a datagram socket has joined.
    #[cfg(feature = "udp")]
    pub(crate) group: Option<Ip>,
}

impl Options {
    const DEFAULT: Self = Self {
        reuse: false,
        broadcast: false,
        keep_alive: false,
        no_delay: false,
        keep_idle: 7200,
        lingers: false,
        linger: 0,
        #[cfg(feature = "udp")]
        group: None,
    };

    pub(crate) fn linger(&self) -> Option<u16> {
        self.lingers.then_some(self.linger)
    }
}

impl Socket {
    pub(crate) fn new(kind: SockType, family: Family) -> Self {
        Self {
            kind,
            family,
            state: if kind == SockType::Stream { State::Fresh } else { State::Dgram },
            pair: None,
            link: None,
            error: None,
            bound: false,
            local_ip: None,
            local_port: 0,
            peer: None,
            options: Options::DEFAULT,
            _used: Used::Yes,
        }
    }

    /// Ends both directions: what is received stays, `error` is told behind it.
    pub(crate) fn fail(&mut self, error: Error) {
        match &mut self.state {
            State::Connected(ends) => {
                // An end of stream that was there before stays what it was.
                if !ends.rx || !ends.tx {
                    self.error = Some(error);
                }
                *ends = Ends { rx: true, tx: true };
            }
            State::Connecting => {
                self.state = State::Failed;
                self.error = Some(error);
            }
            State::Dgram => self.error = Some(error),
            State::Fresh | State::Failed | State::Listening { .. } => {}
        }
        self.link = None;
    }
}

/// The sockets of a driver.
#[derive(Debug)]
pub(crate) struct Slots<'r>(pub(crate) &'r mut [Slot]);

#[expect(clippy::cast_possible_truncation, reason = "a board has a handful of sockets")]
impl Slots<'_> {
    /// Puts a socket into a free slot.
    pub(crate) fn insert(&mut self, socket: Socket) -> Option<Handle> {
        let free = self.0.iter_mut().enumerate().find(|(_, slot)| slot.socket.is_none());
        let (index, slot) = free?;
        slot.socket = Some(socket);
        Some(Handle::new(index as u32, slot.generation))
    }

    pub(crate) fn get(&self, handle: Handle) -> Result<&Socket, Error> {
        match self.0.get(handle.slot()) {
            Some(slot) if slot.generation == handle.generation() => {
                slot.socket.as_ref().ok_or(Error::EBADF)
            }
            _ => Err(Error::EBADF),
        }
    }

    pub(crate) fn get_mut(&mut self, handle: Handle) -> Result<&mut Socket, Error> {
        match self.0.get_mut(handle.slot()) {
            Some(slot) if slot.generation == handle.generation() => {
                slot.socket.as_mut().ok_or(Error::EBADF)
            }
            _ => Err(Error::EBADF),
        }
    }

    /// Frees the slot: its handle is stale from now on.
    pub(crate) fn remove(&mut self, handle: Handle) -> Result<Socket, Error> {
        self.get(handle)?;
        let slot = &mut self.0[handle.slot()];
        slot.generation = slot.generation.wrapping_add(1);
        slot.socket.take().ok_or(Error::EBADF)
    }

    /// The socket in a slot, by its number.
    pub(crate) fn at(&mut self, index: u8) -> Option<&mut Socket> {
        self.0.get_mut(usize::from(index))?.socket.as_mut()
    }

    /// The handle of the socket in a slot.
    pub(crate) fn handle(&self, index: usize) -> Handle {
        Handle::new(index as u32, self.0[index].generation)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Socket> {
        self.0.iter().filter_map(|slot| slot.socket.as_ref())
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (u8, &mut Socket)> {
        let numbered = self.0.iter_mut().enumerate();
        numbered.filter_map(|(index, slot)| Some((index as u8, slot.socket.as_mut()?)))
    }
}
