//! The operations of a backend.

use core::net::IpAddr;

use super::{AsSource, EventSource, Handle, Opt, OptName, Platform};
use crate::wait::{self, Mode};
use crate::{Error, Events, Family, Instant, POLLIN, Result, SockAddr};

/// Most addresses one query yields.
pub const MAX_ADDRESSES: usize = 8;

/// Longest host name, in bytes (RFC 1035: 255 on the wire, 253 as text).
pub const MAX_NAME: usize = 253;

/// Byte stream or datagrams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SockType {
    /// `SOCK_STREAM`: TCP.
    Stream = 1,
    /// `SOCK_DGRAM`: UDP.
    Dgram = 2,
}

/// Flags of a receive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecvFlags {
    /// Do not consume what is received (`MSG_PEEK`, row 127).
    pub peek: bool,
}

/// What a receive has to tell beside the bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecvInfo {
    /// Bytes placed in the buffer.
    pub len: usize,
    /// Length of the whole datagram; larger than `len` when it was truncated.
    /// Equal to `len` on a stream.
    pub full_len: usize,
    /// Who sent it: on a stream, the peer (row 133).
    pub from: SockAddr,
    /// Which of our addresses it came to, where the backend knows (R18).
    pub local: Option<IpAddr>,
}

impl RecvInfo {
    /// Whether a part of the datagram was discarded.
    #[must_use]
    pub const fn truncated(&self) -> bool {
        self.full_len > self.len
    }
}

/// Which direction `shutdown` ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Receives report end of stream from now on.
    Read,
    /// The peer gets end of stream after what is queued; receives go on.
    Write,
    /// Both.
    Both,
}

/// State of a backend's link, for choosing among backends (R13).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Usable.
    Up,
    /// The link is there but has no address yet: `ENETUNREACH`.
    NoAddress,
    /// No link: `ENETDOWN`.
    Down,
}

/// The answer to a name query.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    /// The addresses, best first, of the families asked for.
    pub addresses: heapless::Vec<IpAddr, MAX_ADDRESSES>,
    /// The canonical name where known; empty is "the name that was asked".
    pub canonname: heapless::String<MAX_NAME>,
}

/// The operations of a backend. See the [module](super) for the clauses.
///
/// Every handle that is stale is `EBADF` (S9); this is not repeated below. The
/// trait can be used as `dyn Backend`.
pub trait Backend: EventSource + AsSource {
    /// The clock and the sleep of the board.
    fn platform(&self) -> &dyn Platform;

    /// Makes a socket: unbound, unconnected. `ENOMEM` (S10), `EAFNOSUPPORT`,
    /// `EMFILE`, `ENFILE`.
    fn open(&self, family: Family, kind: SockType) -> Result<Handle>;

    /// Whether the handle is live: `Ok` or `EBADF`.
    fn alive(&self, handle: Handle) -> Result<()>;

    /// Binds to a local address; port 0 picks one (rows 50 to 58). `EINVAL` when
    /// bound already, also implicitly; `EADDRINUSE`, `EADDRNOTAVAIL`, `EOPNOTSUPP`.
    fn bind(&self, handle: Handle, address: SockAddr) -> Result<()>;

    /// Starts to accept up to `backlog` connections ahead of time, at least one
    /// (rows 60 to 67). `EOPNOTSUPP` on datagrams; `EINVAL` when connected;
    /// `EADDRINUSE`; `ENOBUFS`. Binds to a port of the backend's choice if unbound.
    fn listen(&self, handle: Handle, backlog: u32) -> Result<()>;

    /// Whether what `bind`, `listen` or a group asked of the wire is in effect: true where
    /// they are at once, as they are on a host. Where it takes a command (a modem), it is
    /// false until that is answered, and true again when it cannot be now, for want of a
    /// link. A blocking call waits for it, so that a peer which is told the port does not
    /// come too early; what makes it true fires [`Handle::ANY`].
    fn in_effect(&self, handle: Handle) -> bool {
        let _ = handle;
        true
    }

    /// Takes the oldest pending connection: a new handle and its peer (S16,
    /// rows 69 to 78). `EAGAIN`, `EINVAL` when not listening, `EOPNOTSUPP` on
    /// datagrams, `ENOMEM`, `ENOBUFS`.
    fn try_accept(&self, handle: Handle) -> Result<(Handle, SockAddr)>;

    /// Starts a connect (S15). On datagrams sets the default peer and is done
    /// (row 91).
    fn try_connect(&self, handle: Handle, address: SockAddr) -> Result<()>;

    /// The outcome of a started connect: `Ok` once connected, `EAGAIN` while
    /// pending, the error once when it failed (S15).
    fn connect_result(&self, handle: Handle) -> Result<()>;

    /// Queues bytes of a stream, or one datagram to the default peer (S11, S14,
    /// S19, rows 94 to 104). `EDESTADDRREQ` on datagrams without a peer.
    fn try_send(&self, handle: Handle, data: &[u8]) -> Result<usize>;

    /// Sends one datagram; binds the socket if it is not (rows 128 to 135). Only
    /// called on datagram sockets. `EACCES` to a broadcast address without
    /// `SO_BROADCAST`; `EMSGSIZE`, `ENETUNREACH`, `EHOSTUNREACH`, `ENOBUFS`.
    fn try_send_to(&self, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize>;

    /// As `try_send_to`, with the address it leaves from, of a socket that is bound to all:
    /// who answers does so from where it was asked (R18). `EADDRNOTAVAIL` where it is not
    /// ours, `EOPNOTSUPP` where the backend cannot choose.
    fn try_send_from(
        &self,
        handle: Handle,
        data: &[u8],
        from: IpAddr,
        to: SockAddr,
    ) -> Result<usize> {
        let _ = (data, from, to);
        self.alive(handle).and(Err(Error::EOPNOTSUPP))
    }

    /// Receives bytes of a stream or one datagram (S12, S13, S14, S18).
    fn try_recv(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize>;

    /// As `try_recv`, and tells what else is known.
    fn try_recv_info(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<RecvInfo>;

    /// As `try_recv`, and tells the sender: `try_recv_info` for those who ask for
    /// nothing else. Override it if that is cheaper.
    fn try_recv_from(
        &self,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<(usize, SockAddr)> {
        self.try_recv_info(handle, buf, flags).map(|info| (info.len, info.from))
    }

    /// Ends a direction (R10). `ENOTCONN`; `EOPNOTSUPP` where half-close cannot
    /// be had.
    fn shutdown(&self, handle: Handle, how: Shutdown) -> Result<()>;

    /// Releases the handle; the rest happens in the background (S7, S17).
    fn close(&self, handle: Handle) -> Result<()>;

    /// Releases the handle and resets the connection; nothing is flushed (R10).
    fn abort(&self, handle: Handle) -> Result<()>;

    /// How many closed sockets still have something to do: `drain` waits for 0.
    fn lingering(&self) -> usize {
        0
    }

    /// Sets an option. `ENOPROTOOPT` where this backend, or this type of socket,
    /// does not have it (row 143).
    fn set_option(&self, handle: Handle, option: &Opt) -> Result<()>;

    /// The value of an option; `ENOPROTOOPT` as above.
    fn option(&self, handle: Handle, name: OptName) -> Result<Opt>;

    /// The pending error, which is cleared by it (`SO_ERROR`): `Ok(None)` when
    /// there is none.
    fn take_error(&self, handle: Handle) -> Result<Option<Error>>;

    /// The local address. Before bind: the wildcard and port 0.
    fn local_addr(&self, handle: Handle) -> Result<SockAddr>;

    /// The peer's address; `ENOTCONN`.
    fn peer_addr(&self, handle: Handle) -> Result<SockAddr>;

    /// Starts to resolve a name into addresses of `family` (`None`: any). The
    /// core has answered literals and refused what is no name already. The query's
    /// handle can be waited on with `POLLIN`. `EAI_MEMORY` when no query slot is
    /// free, `EAI_AGAIN` without a link.
    fn start_query(&self, name: &str, family: Option<Family>, canonname: bool) -> Result<Handle>;

    /// Starts to look up the name of an address, for the same calls as a name: the answer has
    /// it as canonical name. `EOPNOTSUPP` where the backend cannot ask.
    fn start_reverse(&self, ip: IpAddr) -> Result<Handle> {
        let _ = ip;
        Err(Error::EOPNOTSUPP)
    }

    /// The answer: `EAGAIN` while it is out, else addresses (at least one) or a
    /// negative error.
    fn try_answer(&self, query: Handle, answer: &mut Answer) -> Result<()>;

    /// Frees a query, answered or not (S23).
    fn end_query(&self, query: Handle);

    /// The state of the link.
    fn link(&self) -> Link {
        Link::Up
    }

    /// Whether `ip` is an address of this backend.
    fn has_address(&self, ip: IpAddr) -> bool;

    /// How well this backend reaches `ip`: the length of the prefix of its best
    /// route, 0 for a default route, `None` for none (R13).
    fn route(&self, ip: IpAddr) -> Option<u8>;

    /// Whether `name` names an interface of this backend (`SO_BINDTODEVICE`).
    fn has_device(&self, name: &str) -> bool {
        let _ = name;
        false
    }

    /// Waits until one of `events`, or ERR, HUP, NVAL, may be true, or until
    /// `until`; may return early. The one place where a blocking call waits (P1);
    /// override it if the system below can wait better than `drive` and idle.
    fn wait(&self, handle: Handle, events: Events, until: Option<Instant>) -> Result<()> {
        wait::park(self, handle, events, until)
    }

    /// Blocking receive without a timeout: what `try_recv` answers once it does
    /// not answer `EAGAIN`. Override it if the system below has a faster way than
    /// to try and wait; the same holds for the four below.
    fn recv_wait(&self, handle: Handle, buf: &mut [u8]) -> Result<usize> {
        wait::recv(self, handle, buf, Mode::Never, RecvFlags::default())
    }

    /// Blocking `try_recv_info` without a timeout.
    fn recv_info_wait(&self, handle: Handle, buf: &mut [u8]) -> Result<RecvInfo> {
        wait::until(self, handle, POLLIN, None, || {
            self.try_recv_info(handle, buf, RecvFlags::default())
        })
    }

    /// Blocking `try_recv_from` without a timeout.
    fn recv_from_wait(&self, handle: Handle, buf: &mut [u8]) -> Result<(usize, SockAddr)> {
        self.recv_info_wait(handle, buf).map(|info| (info.len, info.from))
    }

    /// Blocking send without a timeout: at least one byte, or one datagram.
    fn send_wait(&self, handle: Handle, data: &[u8]) -> Result<usize> {
        wait::send(self, handle, data, Mode::Never)
    }

    /// Blocking accept without a timeout.
    fn accept_wait(&self, handle: Handle) -> Result<(Handle, SockAddr)> {
        wait::until(self, handle, POLLIN, None, || self.try_accept(handle))
    }

    /// Blocking connect without a timeout; `EALREADY` while one is pending.
    fn connect_wait(&self, handle: Handle, address: SockAddr) -> Result<()> {
        wait::connect(self, handle, address, Mode::Never)
    }
}
