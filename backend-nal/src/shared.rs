//! What the user's calls and the runner share: the sockets, the questions, the time.

use core::cell::RefCell;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use usocket_core::spi::{Handle, MAX_NAME, SockType};
use usocket_core::{DEFAULT_LINGER, Error, Family, Instant, Result, earlier};

use crate::socket::{Phase, Socket};

/// What the traits do not tell of a stack.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    /// Whether it can end one direction of a stream (`Close::Write`). Without, `shutdown` of
    /// the sending direction is `EOPNOTSUPP`.
    pub half_close: bool,
    /// How long a closed socket may go on in the background (R9).
    pub linger: Duration,
    /// The longest datagram it sends, in bytes; a longer one is `EMSGSIZE`, as is one that `BUF`
    /// has no room for.
    pub max_datagram: usize,
}

impl Default for Config {
    fn default() -> Self {
        // What one frame of Ethernet carries by IPv4: not every stack has fragments.
        Self { half_close: true, linger: DEFAULT_LINGER, max_datagram: 1472 }
    }
}

/// The memory of the sockets, and where the user's calls and the runner meet.
///
/// `SOCKETS` sockets with `BUF` bytes in each direction; up to `LISTENERS` of them listen,
/// each with up to `BACKLOG` connections, accepted or not.
#[derive(Debug)]
pub struct Shared<
    const SOCKETS: usize = 4,
    const BUF: usize = 2048,
    const LISTENERS: usize = 1,
    const BACKLOG: usize = 4,
> {
    state: RefCell<State<SOCKETS, BUF, LISTENERS, BACKLOG>>,
    pub(crate) config: Config,
}

impl<const S: usize, const BUF: usize, const L: usize, const C: usize> Shared<S, BUF, L, C> {
    /// Memory for a stack of this kind.
    #[must_use]
    pub const fn new(config: Config) -> Self {
        let state = State {
            sockets: [const { Socket::new() }; S],
            pending: [const { [const { Pending::None }; C] }; L],
            listeners: [None; L],
            queries: [const { Query::new() }; QUERIES],
            now: Instant::ZERO,
            work: false,
            changed: false,
            accepted: 0,
            retry: None,
            datagrams: false,
            next_port: 0,
        };
        Self { state: RefCell::new(state), config }
    }

    /// Short: nothing is called from in here that could come back.
    pub(crate) fn with<T>(&self, call: impl FnOnce(&mut State<S, BUF, L, C>) -> T) -> T {
        call(&mut self.state.borrow_mut())
    }
}

/// How long a task waits that the stack refused: chosen, not measured.
const PAUSE: Duration = Duration::from_millis(20);

/// Questions that can be out at once.
pub(crate) const QUERIES: usize = 2;

/// A question and its answer.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) generation: u32,
    pub(crate) open: bool,
    /// Its task is at it.
    pub(crate) taken: bool,
    pub(crate) name: heapless::String<MAX_NAME>,
    pub(crate) family: Option<Family>,
    pub(crate) answer: Option<Result<IpAddr>>,
}

impl Query {
    const fn new() -> Self {
        Self {
            generation: 0,
            open: false,
            taken: false,
            name: heapless::String::new(),
            family: None,
            answer: None,
        }
    }
}

/// A connection of a listener, while it is not a socket of the user's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pending {
    /// There is none.
    None,
    /// It waits to be accepted; the lower number came first.
    Waits(SocketAddr, u32),
    /// It was accepted: the place of its socket.
    Taken(usize),
}

#[derive(Debug)]
pub(crate) struct State<const S: usize, const BUF: usize, const L: usize, const C: usize> {
    pub(crate) sockets: [Socket<BUF>; S],
    /// The connections of each listener task.
    pub(crate) pending: [[Pending; C]; L],
    /// Whom each listener task works for: place and generation.
    pub(crate) listeners: [Option<(usize, u32)>; L],
    pub(crate) queries: [Query; QUERIES],
    pub(crate) now: Instant,
    /// The runner has something to do.
    pub(crate) work: bool,
    /// Some readiness may have changed.
    pub(crate) changed: bool,
    /// How many connections the stack has accepted, for their order.
    accepted: u32,
    /// When a task that the stack refused tries again.
    retry: Option<Instant>,
    /// Whether the stack has them.
    pub(crate) datagrams: bool,
    pub(crate) next_port: u16,
}

impl<const S: usize, const BUF: usize, const L: usize, const C: usize> State<S, BUF, L, C> {
    /// The socket of a live handle.
    pub(crate) fn socket(&mut self, handle: Handle) -> Result<&mut Socket<BUF>> {
        let socket = self.sockets.get_mut(handle.slot()).ok_or(Error::EBADF)?;
        if socket.open && socket.generation == handle.generation() {
            Ok(socket)
        } else {
            Err(Error::EBADF)
        }
    }

    /// Takes a free place for a new socket.
    pub(crate) fn open(&mut self, family: Family, kind: SockType) -> Result<usize> {
        let place = self.sockets.iter().position(Socket::is_free).ok_or(Error::ENOMEM)?;
        self.sockets[place].begin(family, kind);
        Ok(place)
    }

    /// The connection of a listener that waits longest: task and number.
    pub(crate) fn oldest(&self, listener: usize) -> Option<(usize, usize, SocketAddr)> {
        let task = self.task_of(listener)?;
        let waiting =
            self.pending[task].iter().enumerate().filter_map(|(number, pending)| match pending {
                Pending::Waits(peer, order) => Some((*order, number, *peer)),
                _ => None,
            });
        waiting.min_by_key(|(order, ..)| *order).map(|(_, number, peer)| (task, number, peer))
    }

    /// The task that works for the listener in this place.
    pub(crate) fn task_of(&self, place: usize) -> Option<usize> {
        let generation = self.sockets[place].generation;
        self.listeners.iter().position(|listener| *listener == Some((place, generation)))
    }

    /// The query of a live handle.
    pub(crate) fn query(&mut self, handle: Handle) -> Option<&mut Query> {
        let query = self.queries.get_mut(handle.slot().checked_sub(S)?)?;
        (query.open && query.generation == handle.generation()).then_some(query)
    }

    pub(crate) fn handle(&self, place: usize) -> Handle {
        // A table has far fewer places than that.
        let slot = u32::try_from(place).unwrap_or(u32::MAX - 1);
        Handle::new(slot, self.sockets[place].generation)
    }

    /// The number of the next connection.
    pub(crate) fn order(&mut self) -> u32 {
        self.accepted = self.accepted.wrapping_add(1);
        self.accepted
    }

    /// When a task that was refused may try again.
    pub(crate) fn pause(&mut self) -> Instant {
        let again = self.now + PAUSE;
        self.retry = Some(again);
        again
    }

    /// When the tasks want to be polled whatever happens: the first closed socket is given up,
    /// or a task tries again.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        if self.retry.is_some_and(|retry| retry <= self.now) {
            self.retry = None;
        }
        // What is given up may take its time in the stack.
        let now = self.now;
        let bounds = self.sockets.iter().filter(|socket| socket.busy).map(|socket| socket.until);
        let bounds = bounds.map(|until| until.filter(|until| *until > now));
        bounds.fold(self.retry, earlier)
    }

    pub(crate) fn lingering(&self) -> usize {
        self.sockets
            .iter()
            .filter(|socket| match socket.kind {
                SockType::Stream => socket.phase == Phase::Connected,
                SockType::Dgram => !socket.tx.is_empty(),
            })
            .filter(|socket| !socket.open && socket.busy)
            .count()
    }
}
