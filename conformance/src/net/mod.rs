//! The tutorial backend: an in-memory network with virtual time.
//!
//! It is three things at once.
//!
//! - **The worked example of a backend.** Read it beside the clauses of
//!   [`usocket_core::spi`], in this order: `host` (the two traits, one short lock
//!   per method), `socket` (states and readiness), `stream` and `wire` (what
//!   the caller does to a connection, what arrives for it), `pipe`, `timers`,
//!   `datagram`, `ports`, `options`, `names`, and `state` with the one loop that moves it all.
//! - **The backend that shows that the conformance kit can be passed.**
//! - **The network of the application test kit.** A [`Network`] has several
//!   [`Host`]s. One is the application's backend; the others run the peers, as
//!   [scripts](crate::Step) or as code of your own. [`Faults`] spoil the network:
//!   refusals, black holes, latency, bandwidth, short reads, stalls, resets, loss,
//!   reordering, a link that goes down, a name server that fails. With [`Virtual`] time a
//!   test of a 75-second timeout takes microseconds, and equal seeds give
//!   equal runs.
//!
//! ```text
//!   application          peer's script
//!        |                    |
//!      Host 0               Host 1        sockets, queries, wakers, ports
//!        |                    |
//!        +------ State -------+           connections (2 pipes each), datagrams in
//!                  |                      flight, faults, names: one lock
//!               Platform                  now, seed, idle
//! ```
//!
//! # How time and the network go together
//!
//! An operation (`try_send`, `try_connect`) never delivers anything: it puts it in
//! flight with the time of its arrival. [`drive`](usocket_core::spi::EventSource::drive)
//! delivers what is due, for all hosts, runs the scripts, wakes the waiters, and
//! returns the time of the next event. Whoever waits drives, then idles until that
//! time. Nothing else moves the network, so a run is a function of its seed
//! and of the calls made.
//!
//! # Decisions that the rows leave open
//!
//! - A connection's buffers belong to the connection and are taken by the
//!   connecting host: where no connection is free, `try_connect` is `ENOBUFS`.
//! - A SYN that finds the backlog full stays pending and is tried again each
//!   second (row 63).
//! - A connection reset before accept is still accepted: its bytes come first,
//!   then `ECONNRESET` (row 77).
//! - A pending error goes to the first call that can report it: receive, send,
//!   `connect_result`, `connect`, `take_error`.
//! - A neighbour that does not exist is `EHOSTUNREACH` after 3 s; whatever is no
//!   neighbour and no known host is `ENETUNREACH` at once (row 92).
//! - Without a link, streams get `ENETDOWN` at once, what they had in flight is
//!   lost, and what is sent to them is answered with RST once the link is back.
//! - A stream that has something to send (bytes or FIN on their way, or no room) and
//!   gets nothing through for 120 s since the last progress fails with `ETIMEDOUT`,
//!   told once as a reset is; then come end of stream and `EPIPE`.
//! - So does an idle one with `SO_KEEPALIVE`, `TCP_KEEPIDLE` after its last sign of the
//!   peer, and after `TCP_KEEPCNT` probes at `TCP_KEEPINTVL` (7200 s, 9, 75 s). Setting
//!   one of the four begins anew. A peer that is there again but has lost the
//!   connection answers a probe with RST.
//! - An accepted socket begins with the default options and buffers (R8, row 75),
//!   whatever its listener's are; Linux copies some of them.
//!
//! # What the options do
//!
//! An option has the effect below, or is `ENOPROTOOPT`: what is for streams on
//! datagrams and the other way round, and `IP_MULTICAST_IF` on an IPv6 socket. Only
//! `SO_BROADCAST` does nothing on a stream: row 138 wants it there.
//!
//! | option | effect |
//! |---|---|
//! | `SO_SNDBUF`, `SO_RCVBUF` on streams | at each end; usable bytes of a direction: the least of the ring, the sender's `SO_SNDBUF` and the receiver's `SO_RCVBUF`; [`MIN_BUFFER`] to the ring's size, the default |
//! | `SO_SNDBUF` on datagrams | longer ones are `EMSGSIZE`; [`MIN_BUFFER`] to [`MAX_DATAGRAM`], the default |
//! | `SO_RCVBUF` on datagrams | bytes that wait, beside at most 8 datagrams; room for 4 (S19) to 8 of [`MAX_DATAGRAM`], the default |
//! | `SO_BINDTODEVICE` | [`DEVICE`] or nothing, else `ENODEV`: the host itself is not reached (`ENETUNREACH`) and does not reach it; final once a stream connects (`EINVAL`) |
//! | `SO_LINGER` | the bound of a close in the background; 0 resets |
//! | `TCP_NODELAY` | small sends do not wait for acknowledgments (Nagle's rule) |
//! | `IP_TTL` | 0 stays in the host, 1 reaches neighbours, more every host; what does not suffice gets lost |
//! | `IP_MULTICAST_TTL` | 0 stays in the host, more reaches every host: they share one link |
//! | `IP_MULTICAST_LOOP` | whether members on the host itself get a copy |
//! | `IP_MULTICAST_IF` | an address of ours, else `EADDRNOTAVAIL`: the sender's address; a loopback one stays in the host, for those who joined on it |
//!
//! A size out of range becomes the nearest in it: `getsockopt` tells.

mod clock;
mod connection;
mod datagram;
mod faults;
mod host;
mod names;
mod network;
mod options;
mod pipe;
mod ports;
mod script;
mod socket;
mod state;
mod stream;
#[cfg(test)]
mod tests;
mod timers;
mod wire;
mod world;

pub use clock::Virtual;
pub use faults::Faults;
pub use host::{Flow, Host};
pub use names::Record;
pub use network::{Held, Network};
pub use world::{MemHarness, MemPeer};

/// Hosts of a network.
pub const HOSTS: usize = 4;

/// Largest datagram: what fits into an Ethernet frame, as there is no fragmentation.
pub const MAX_DATAGRAM: usize = 1472;

/// Least size of a buffer that `SO_SNDBUF` and `SO_RCVBUF` can ask for.
pub const MIN_BUFFER: usize = 64;

/// Datagrams in flight and waiting, of all hosts together.
pub const DATAGRAMS: usize = 48;

/// Waiters of one host.
pub const WAKERS: usize = 64;

/// Name queries of one host at a time.
pub const QUERIES: usize = 4;

/// Scripts that run at once.
pub const SCRIPTS: usize = 16;

/// The name of each host's one interface.
pub const DEVICE: &str = "mem0";
