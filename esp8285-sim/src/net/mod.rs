//! What the modem asks of a network, a network in virtual time, and the machine's own.

mod flow;
mod host;
mod peers;
mod real;
mod script;
mod tcp;
mod udp;
mod virtual_net;

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

pub use host::{Host, UdpService};
pub use peers::{PeerState, Peers};
pub use real::RealNet;
pub use script::{Script, Step};
pub use virtual_net::{Datagram, VirtualNet};

use crate::time::Instant;

/// A connection or a bound UDP port. Numbers are never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Conn(pub u32);

/// A question to the network that is still to be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Query(pub u32);

/// An address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// That of an address.
    #[must_use]
    pub const fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

/// Which address of a name is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Wanted {
    /// IPv4, or IPv6 if there is no other.
    PreferV4,
    /// Of this family only.
    Only(Family),
}

impl Wanted {
    /// The first address that will do.
    pub(crate) fn choose(self, found: &[IpAddr]) -> Option<IpAddr> {
        let of = |family| found.iter().copied().find(|ip| Family::of(*ip) == family);
        match self {
            Wanted::PreferV4 => of(Family::V4).or_else(|| of(Family::V6)),
            Wanted::Only(family) => of(family),
        }
    }
}

/// What happened on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetEvent {
    /// An own connection stands.
    Connected(Conn),
    /// An own connection was refused or nobody answered.
    Failed(Conn),
    /// A client came to the listening port.
    Accepted(Conn, SocketAddr),
    /// More bytes of a TCP connection can be read.
    Readable(Conn),
    /// The peer has acknowledged so many bytes in all.
    Acked(Conn, u64),
    /// The peer's FIN: what is readable now is all there will be.
    Finished(Conn),
    /// The peer's RST, or it stopped answering.
    Reset(Conn),
    /// A datagram for a bound UDP port.
    Datagram(Conn, SocketAddr, Vec<u8>),
    /// The address of a name, if it has one.
    Resolved(Query, Option<IpAddr>),
    /// The round-trip time of a ping, if it was answered.
    Pong(Query, Option<Duration>),
}

/// The network below the modem's TCP/IP stack.
///
/// No operation waits; what takes time ends in an event. Bytes of a TCP connection stay in
/// the network's receive buffer until the modem reads them, and that is what closes the
/// peer's window.
pub trait Network {
    /// The modem has these addresses now, the one for IPv4 first if there is one. Without
    /// any it is off the network; connections do not survive that.
    fn set_addresses(&mut self, now: Instant, addresses: &[IpAddr]);

    /// Opens a TCP connection with a receive window of so many bytes.
    fn connect(&mut self, now: Instant, to: SocketAddr, window: usize) -> Conn;

    /// Binds a UDP port, 0 for any; `None` if it is taken.
    fn bind(&mut self, now: Instant, family: Family, port: u16) -> Option<Conn>;

    /// A bound UDP port takes datagrams to a group from now on. False if it cannot.
    fn join_group(&mut self, now: Instant, conn: Conn, group: IpAddr) -> bool;

    /// Listens at a port for TCP clients, or at none. False if the port cannot be had.
    fn listen(&mut self, now: Instant, at: Option<(Family, u16)>, window: usize) -> bool;

    /// The local port of a connection.
    fn local_port(&self, conn: Conn) -> u16;

    /// Queues bytes on a TCP connection.
    fn send(&mut self, now: Instant, conn: Conn, data: &[u8]);

    /// Sends one datagram.
    fn send_to(&mut self, now: Instant, conn: Conn, to: SocketAddr, data: &[u8]);

    /// Bytes that can be read from a TCP connection.
    fn readable(&self, conn: Conn) -> usize;

    /// Takes up to `max` bytes from a TCP connection and opens the window by as many.
    fn recv(&mut self, now: Instant, conn: Conn, max: usize) -> Vec<u8>;

    /// Asks a silent peer after so long whether it is still there; zero is never. Three
    /// questions a second apart without an answer end in [`NetEvent::Reset`].
    fn keep_alive(&mut self, now: Instant, conn: Conn, idle: Duration);

    /// Whether small segments are sent at once.
    fn set_nodelay(&mut self, conn: Conn, on: bool);

    /// Closes with FIN; nothing is heard of this connection any more.
    fn close(&mut self, now: Instant, conn: Conn);

    /// Closes with RST; nothing is heard of this connection any more.
    fn abort(&mut self, now: Instant, conn: Conn);

    /// Asks for the address of a name.
    fn resolve(&mut self, now: Instant, name: &str, wanted: Wanted) -> Query;

    /// Pings a host.
    fn ping(&mut self, now: Instant, host: IpAddr) -> Query;

    /// What has happened until now, oldest first.
    fn poll(&mut self, now: Instant) -> Option<NetEvent>;

    /// When something will happen next, if the modem does nothing.
    fn poll_at(&self) -> Option<Instant>;
}
