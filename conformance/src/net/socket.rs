//! A socket's state, and what a poll says of it.

use core::ops::RangeInclusive;

use usocket_core::spi::{DeviceName, Group, SockType};
use usocket_core::{Error, Events, Family, POLLERR, POLLHUP, POLLIN, POLLOUT, SockAddr};

use super::connection::{Connection, Side};
use super::datagram::QUEUE;
use super::{MAX_DATAGRAM, MIN_BUFFER};

/// Groups that one socket can join.
pub(super) const GROUPS: usize = 4;

/// One slot of a host's table.
pub(super) struct Socket {
    pub(super) family: Family,
    pub(super) kind: SockType,
    /// The local address once bound, by `bind` or implicitly.
    pub(super) bound: Option<SockAddr>,
    /// Whether the network chose it: then a failed connect gives it back.
    pub(super) implicit: bool,
    pub(super) role: Role,
    pub(super) options: Options,
}

/// What the socket does now. Streams:
///
/// ```text
///            listen                    connect              established
/// Idle ----------------> Listening   Idle -----> Connecting ----------> Connected
///   ^                                              | refused, unreachable
///   | connect_result fetches it                    v
///   +------------------------------------------- Failed -----------> Ended
///                                                   receive fetches it
/// ```
#[derive(Clone, Copy, Debug)]
pub(super) enum Role {
    /// A stream that is new or bound, or may be connected again.
    Idle,
    /// Connections wait in the connection table until they are accepted.
    Listening { backlog: usize },
    /// The outcome is not known yet; the connection's index.
    Connecting(usize),
    /// The connection's index and our side of it.
    Connected(usize, Side),
    /// The connect failed and nobody has fetched the error.
    Failed(Error),
    /// The connect failed and a receive has told (row 88): end of stream.
    Ended,
    /// A datagram socket.
    Dgram(Dgram),
}

/// State of a datagram socket.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Dgram {
    /// The default peer; datagrams of others are filtered out (row 91).
    pub(super) peer: Option<SockAddr>,
    /// `ECONNREFUSED` after "port unreachable" (row 126).
    pub(super) error: Option<Error>,
    pub(super) read_shut: bool,
    pub(super) write_shut: bool,
}

/// The options that a connection has to know, of each of its ends. `TCP_NODELAY`
/// ends the waiting of small sends.
///
/// The usable bytes of a direction are the least of the ring, the sender's
/// `SO_SNDBUF` and the receiver's `SO_RCVBUF`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tuning {
    pub(super) send_buffer: u32,
    pub(super) recv_buffer: u32,
    pub(super) no_delay: bool,
    pub(super) ttl: u8,
    pub(super) keep_alive: bool,
    pub(super) keep_idle: u16,
    pub(super) keep_interval: u16,
    pub(super) keep_count: u8,
}

impl Tuning {
    pub(super) fn new(kind: SockType, ring: usize) -> Self {
        let (send, recv) = buffer_ranges(kind, ring);
        Self {
            send_buffer: *send.end(),
            recv_buffer: *recv.end(),
            no_delay: false,
            ttl: 64,
            keep_alive: false,
            keep_idle: 7200,
            keep_interval: 75,
            keep_count: 9,
        }
    }
}

/// The possible values of `SO_SNDBUF` and `SO_RCVBUF`; see [`MIN_BUFFER`].
#[expect(clippy::cast_possible_truncation, reason = "buffers in memory are far below 4 GiB")]
pub(super) fn buffer_ranges(
    kind: SockType,
    ring: usize,
) -> (RangeInclusive<u32>, RangeInclusive<u32>) {
    match kind {
        SockType::Stream => {
            let range = MIN_BUFFER.min(ring) as u32..=ring as u32;
            (range.clone(), range)
        }
        SockType::Dgram => {
            let whole = MAX_DATAGRAM as u32;
            (MIN_BUFFER as u32..=whole, 4 * whole..=QUEUE as u32 * whole)
        }
    }
}

/// The options of a socket, with their defaults.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) reuse: bool,
    /// Without effect on a stream, which has no broadcast address as its peer.
    pub(super) broadcast: bool,
    pub(super) linger: Option<u16>,
    pub(super) device: DeviceName,
    pub(super) tuning: Tuning,
    pub(super) multicast_interface: core::net::Ipv4Addr,
    pub(super) multicast_ttl: u8,
    pub(super) multicast_loop: bool,
    pub(super) groups: heapless::Vec<Group, GROUPS>,
}

impl Options {
    /// The defaults of Linux, buffers as large as can be.
    pub(super) fn new(kind: SockType, ring: usize) -> Self {
        Self {
            reuse: false,
            broadcast: false,
            linger: None,
            device: DeviceName::new(),
            tuning: Tuning::new(kind, ring),
            multicast_interface: core::net::Ipv4Addr::UNSPECIFIED,
            multicast_ttl: 1,
            multicast_loop: true,
            groups: heapless::Vec::new(),
        }
    }
}

impl Socket {
    pub(super) fn new(family: Family, kind: SockType, ring: usize) -> Self {
        let role = match kind {
            SockType::Stream => Role::Idle,
            SockType::Dgram => Role::Dgram(Dgram::default()),
        };
        let options = Options::new(kind, ring);
        Self { family, kind, bound: None, implicit: false, role, options }
    }

    /// The local address, `0.0.0.0:0` or `:::0` before bind.
    pub(super) fn local(&self) -> SockAddr {
        self.bound.unwrap_or(SockAddr::new(self.family.unspecified(), 0))
    }

    /// A connect has failed: the outcome waits to be fetched.
    pub(super) fn fail(&mut self, error: Error) {
        self.role = Role::Failed(error);
        if core::mem::take(&mut self.implicit) {
            self.bound = None;
        }
    }

    /// Readiness of a stream that has no connection (rows 194, 197, 203); the
    /// other roles depend on what waits for them.
    pub(super) fn unconnected_readiness(&self) -> Events {
        match self.role {
            Role::Idle => POLLOUT | POLLHUP,
            Role::Failed(_) => POLLIN | POLLOUT | POLLERR | POLLHUP,
            Role::Ended => POLLIN | POLLOUT | POLLHUP,
            _ => Events::NONE,
        }
    }
}

/// Readiness of a connected stream (rows 197 to 202).
pub(super) fn connected_readiness<const B: usize>(
    connection: &Connection<B>,
    side: Side,
) -> Events {
    let end = &connection.ends[side.index()];
    let incoming = &connection.pipes[side.other().index()];
    let outgoing = &connection.pipes[side.index()];
    if end.dead {
        // Nothing will wait any more: every call answers at once.
        let error = if end.error.is_some() { POLLERR } else { Events::NONE };
        return POLLIN | POLLOUT | POLLHUP | error;
    }
    let mut events = Events::NONE;
    let no_more_in = incoming.fin_arrived() || end.read_shut;
    if incoming.readable() > 0 || no_more_in {
        events |= POLLIN;
    }
    if outgoing.room() > 0 || outgoing.finished() {
        events |= POLLOUT;
    }
    if no_more_in && outgoing.finished() {
        events |= POLLHUP;
    }
    events
}
