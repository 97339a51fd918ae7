//! What a case needs of the world: the backend, its abilities, a peer, and time.

use core::net::IpAddr;
use core::time::Duration;

use crate::{Api, Honest};
use usocket_core::spi::{Backend, Handle};
use usocket_core::{Error, Family, Instant, Result, SockAddr};

/// A backend under test in its world.
pub trait Harness {
    /// The backend.
    type Net: Backend;

    /// The backend under test. The same one in every call.
    fn net(&self) -> &Self::Net;

    /// What it can do.
    fn caps(&self) -> Caps;

    /// The other end.
    fn peer(&self) -> &dyn Peer;

    /// Our own address as the peer reaches it; `None` without that family.
    fn ip(&self, family: Family) -> Option<IpAddr>;

    /// The time on the backend's clock.
    fn now(&self) -> Instant {
        self.net().platform().now()
    }

    /// The calls that the core alone decides; a liar's harness breaks one.
    fn api(&self) -> &dyn Api<Self::Net> {
        &Honest
    }

    /// The number of the socket's descriptor, -1 once it is closed (row 220);
    /// `EOPNOTSUPP` where there is no such number.
    fn fileno(&self, handle: Handle) -> Result<i32> {
        let _ = handle;
        Err(Error::EOPNOTSUPP)
    }

    /// How long a burst of 20 KiB takes to arrive: more than this where the wire is slow.
    fn burst(&self) -> Duration {
        Duration::from_millis(50)
    }

    /// Lets this much time pass while the world and the backend go on.
    fn pass(&self, time: Duration);
}

/// What a backend can do. A case for an ability that is absent asserts the
/// documented error instead; it is never skipped.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "a list of independent abilities")]
pub struct Caps {
    /// `AF_INET6`.
    pub ipv6: bool,
    /// `bind`, `listen` and `accept` on streams.
    pub server: bool,
    /// `SOCK_DGRAM`.
    pub udp: bool,
    /// Group membership.
    pub multicast: bool,
    /// Datagrams to the broadcast address.
    pub broadcast: bool,
    /// `shutdown` of one direction.
    pub half_close: bool,
    /// A reset by the peer is told apart from an end of stream, and linger 0 resets.
    pub reset: bool,
    /// TIME-WAIT holds a port (row 57).
    pub time_wait: bool,
    /// `SO_REUSEADDR` is taken.
    pub reuse_addr: bool,
    /// `SO_LINGER`, and with 0 a close resets (row 148).
    pub linger: bool,
    /// A stream that was bound keeps its port when it connects (row 80); without,
    /// `EADDRNOTAVAIL`.
    pub client_port: bool,
    /// Datagrams of 0 bytes can be sent; without, `EOPNOTSUPP`.
    pub empty_datagrams: bool,
    /// `SO_KEEPALIVE` on any stream (row 140).
    pub keep_alive: bool,
    /// `TCP_NODELAY`.
    pub no_delay: bool,
    /// A connected datagram socket learns of a closed port (row 126).
    pub port_unreachable: bool,
    /// `fileno` (row 220).
    pub fileno: bool,
    /// The local address of a received datagram is known.
    pub local_address: bool,
    /// Largest datagram that can be sent, bytes.
    pub max_datagram: usize,
    /// How many sockets can be open at once; `None` is the host's limit.
    pub max_sockets: Option<usize>,
}

/// One thing that a peer does. Each step waits until it is done; a script ends
/// at its last step or at the first one that fails.
///
/// Bytes of `Send` come from the [`pattern`](fn@crate::pattern), counted from the
/// start of the script's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Listens on a port of its own with this backlog.
    Listen(Family, u32),
    /// Accepts one connection; further steps use it. The listener stays open.
    Accept,
    /// Connects; further steps use the connection. Port 0 of `from` is any.
    Connect(SockAddr),
    /// Sends this many bytes of the pattern.
    Send(u32),
    /// Sends these bytes.
    Text(&'static [u8]),
    /// Receives exactly this many bytes, or up to the end of the stream.
    Recv(u32),
    /// Receives until the stream ends, by FIN or reset.
    RecvToEnd,
    /// Sends back what it receives until the stream ends.
    Echo,
    /// Ends its sending direction: FIN.
    Fin,
    /// Resets the connection: RST.
    Rst,
    /// Closes the connection in order.
    Close,
    /// Closes the listener.
    CloseListener,
    /// Does nothing for this many milliseconds.
    Wait(u32),
    /// Keeps everything open until the script is finished from outside.
    Hold,
    /// Opens a datagram socket on a port of its own.
    Udp(Family),
    /// Joins a group with the datagram socket.
    Join(IpAddr),
    /// Sends one datagram.
    SendTo(SockAddr, &'static [u8]),
    /// Sends one datagram of this many bytes of the pattern (from offset 0).
    SendLenTo(SockAddr, u32),
    /// Receives one datagram.
    RecvFrom,
    /// Sends one datagram back to the sender of the last one.
    Reply(&'static [u8]),
    /// Sends the last datagram back to its sender, and so on for this many.
    EchoFrom(u32),
}

/// Most steps of a script.
pub const MAX_STEPS: usize = 24;

/// A running script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Actor(pub usize);

/// How far a script is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// At the step of this number, from 0.
    Running(usize),
    /// All steps are done.
    Done,
    /// The step of this number failed.
    Failed(usize, Error),
}

/// How a received stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It has not ended.
    Open,
    /// In order.
    Fin,
    /// By a reset.
    Reset,
}

/// What a script has seen so far.
#[derive(Clone, Debug)]
pub struct Report {
    /// How far it is.
    pub state: State,
    /// Bytes received, of streams and datagrams together.
    pub received: u64,
    /// Digest of these bytes.
    pub digest: crate::Digest,
    /// The first of these bytes.
    pub head: heapless::Vec<u8, 64>,
    /// Bytes sent.
    pub sent: u64,
    /// Datagrams received.
    pub datagrams: u32,
    /// How the stream ended.
    pub end: End,
    /// The other end of the connection, or the sender of the last datagram, as
    /// the peer sees it.
    pub from: Option<SockAddr>,
}

/// The other end of the tests: a host of its own where the world has one.
///
/// Its streams keep at most 32 KiB that no step has received, so that cases can
/// fill them. At least eight scripts run at once. Methods that wait let the world, and
/// the backend under test, go on meanwhile, and give up after 30 seconds.
pub trait Peer {
    /// The peer's address; `None` without that family.
    fn ip(&self, family: Family) -> Option<IpAddr>;

    /// Starts a script in the background. It proceeds whenever time passes.
    fn start(&self, script: &[Step]) -> Result<Actor>;

    /// The local address of the script's listener, datagram socket or
    /// connection; waits until it has one.
    fn address(&self, actor: Actor) -> Result<SockAddr>;

    /// What the script has seen so far. Does not wait.
    fn report(&self, actor: Actor) -> Report;

    /// Waits until the script is done, failed, or at [`Step::Hold`].
    fn settle(&self, actor: Actor) -> Report;

    /// Ends the script, closing in order what it holds, and frees its place.
    fn stop(&self, actor: Actor) -> Report;

    /// An address of the peer on which nobody listens.
    fn refusing(&self, family: Family) -> SockAddr;

    /// An address that never answers a connect.
    fn silent(&self, family: Family) -> SockAddr;

    /// A name that resolves to the peer, or to an address of the loopback.
    fn name(&self) -> &'static str;
}
