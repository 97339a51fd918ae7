//! What the modem asks of a network, a network in virtual time, and the machine's own.

mod host;
mod real;
mod script;
mod tcp;
mod virtual_net;

use std::net::{Ipv4Addr, SocketAddrV4};
use std::time::Duration;

pub use host::{Host, UdpService};
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

/// What happened on the network.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NetEvent {
    /// An own connection stands.
    Connected(Conn),
    /// An own connection was refused or nobody answered.
    Failed(Conn),
    /// A client came to the listening port.
    Accepted(Conn, SocketAddrV4),
    /// More bytes of a TCP connection can be read.
    Readable(Conn),
    /// The peer has acknowledged so many bytes in all.
    Acked(Conn, u64),
    /// The peer's FIN: what is readable now is all there will be.
    Finished(Conn),
    /// The peer's RST, or it stopped answering.
    Reset(Conn),
    /// A datagram for a bound UDP port.
    Datagram(Conn, SocketAddrV4, Vec<u8>),
    /// The address of a name, if it has one.
    Resolved(Query, Option<Ipv4Addr>),
    /// The round-trip time of a ping, if it was answered.
    Pong(Query, Option<Duration>),
}

/// The network below the modem's TCP/IP stack.
///
/// No operation waits; what takes time ends in an event. Bytes of a TCP connection stay in
/// the network's receive buffer until the modem reads them, and that is what closes the
/// peer's window.
pub trait Network {
    /// The modem got an address, or lost it; connections do not survive that.
    fn set_address(&mut self, now: Instant, address: Option<Ipv4Addr>);

    /// Opens a TCP connection with a receive window of so many bytes.
    fn connect(&mut self, now: Instant, to: SocketAddrV4, window: usize) -> Conn;

    /// Binds a UDP port, 0 for any; `None` if it is taken.
    fn bind(&mut self, now: Instant, port: u16) -> Option<Conn>;

    /// Lets a bound UDP port hear what is sent to a group. Where everybody hears everything,
    /// the default, there is nothing to do.
    fn join(&mut self, now: Instant, conn: Conn, group: Ipv4Addr) {
        let _ = (now, conn, group);
    }

    /// Listens at a port for TCP clients, or at none. False if the port cannot be had.
    fn listen(&mut self, now: Instant, port: Option<u16>, window: usize) -> bool;

    /// The local port of a connection.
    fn local_port(&self, conn: Conn) -> u16;

    /// Queues bytes on a TCP connection.
    fn send(&mut self, now: Instant, conn: Conn, data: &[u8]);

    /// Sends one datagram.
    fn send_to(&mut self, now: Instant, conn: Conn, to: SocketAddrV4, data: &[u8]);

    /// Bytes that can be read from a TCP connection.
    fn readable(&self, conn: Conn) -> usize;

    /// Takes up to `max` bytes from a TCP connection and opens the window by as many.
    fn recv(&mut self, now: Instant, conn: Conn, max: usize) -> Vec<u8>;

    /// Closes with FIN; nothing is heard of this connection any more.
    fn close(&mut self, now: Instant, conn: Conn);

    /// Closes with RST; nothing is heard of this connection any more.
    fn abort(&mut self, now: Instant, conn: Conn);

    /// Asks for the address of a name.
    fn resolve(&mut self, now: Instant, name: &str) -> Query;

    /// Pings a host.
    fn ping(&mut self, now: Instant, host: Ipv4Addr) -> Query;

    /// What has happened until now, oldest first.
    fn poll(&mut self, now: Instant) -> Option<NetEvent>;

    /// When something will happen next, if the modem does nothing.
    fn poll_at(&self) -> Option<Instant>;
}
