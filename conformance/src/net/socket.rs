//! A socket's state, and what a poll says of it.

use usocket_core::spi::{DeviceName, Group, SockType};
use usocket_core::{Error, Events, Family, POLLERR, POLLHUP, POLLIN, POLLOUT, SockAddr};

use super::connection::{Connection, Side};

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

/// The options of a socket, with their defaults.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent options")]
pub(super) struct Options {
    pub(super) reuse: bool,
    pub(super) broadcast: bool,
    pub(super) keep_alive: bool,
    pub(super) linger: Option<u16>,
    pub(super) send_buffer: u32,
    pub(super) recv_buffer: u32,
    pub(super) device: DeviceName,
    pub(super) no_delay: bool,
    pub(super) keep_idle: u16,
    pub(super) keep_interval: u16,
    pub(super) keep_count: u8,
    pub(super) ttl: u8,
    pub(super) multicast_interface: core::net::Ipv4Addr,
    pub(super) multicast_ttl: u8,
    pub(super) multicast_loop: bool,
    pub(super) groups: heapless::Vec<Group, GROUPS>,
}

impl Options {
    /// The defaults of Linux, buffers of `buffer` bytes.
    pub(super) fn new(buffer: u32) -> Self {
        Self {
            reuse: false,
            broadcast: false,
            keep_alive: false,
            linger: None,
            send_buffer: buffer,
            recv_buffer: buffer,
            device: DeviceName::new(),
            no_delay: false,
            keep_idle: 7200,
            keep_interval: 75,
            keep_count: 9,
            ttl: 64,
            multicast_interface: core::net::Ipv4Addr::UNSPECIFIED,
            multicast_ttl: 1,
            multicast_loop: true,
            groups: heapless::Vec::new(),
        }
    }
}

impl Socket {
    pub(super) fn new(family: Family, kind: SockType, buffer: u32) -> Self {
        let role = match kind {
            SockType::Stream => Role::Idle,
            SockType::Dgram => Role::Dgram(Dgram::default()),
        };
        let options = Options::new(buffer);
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
