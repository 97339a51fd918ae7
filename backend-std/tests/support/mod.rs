//! What the tests of this backend share.
#![allow(dead_code, reason = "each test uses a part")]

pub(crate) mod harness;
mod script;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use socket2::{Domain, Socket, Type};
use usocket_backend_std::StdNet;
use usocket_core::spi::{Backend, Handle, SockType};
use usocket_core::{Family, SockAddr};

/// A new backend.
pub(crate) fn net() -> StdNet {
    StdNet::new()
}

/// The loopback address of a family.
pub(crate) fn loopback(family: Family) -> SockAddr {
    match family {
        Family::V4 => SockAddr::new(Ipv4Addr::LOCALHOST.into(), 0),
        Family::V6 => SockAddr::new(Ipv6Addr::LOCALHOST.into(), 0),
    }
}

/// Whether this machine has `::1`.
pub(crate) fn has_ipv6() -> bool {
    TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).is_ok()
}

/// A listener on the loopback.
pub(crate) fn listener(net: &StdNet, backlog: u32) -> (Handle, SockAddr) {
    let socket = net.open(Family::V4, SockType::Stream).unwrap();
    net.bind(socket, loopback(Family::V4)).unwrap();
    net.listen(socket, backlog).unwrap();
    (socket, net.local_addr(socket).unwrap())
}

/// Two connected streams.
pub(crate) fn connected(net: &StdNet) -> (Handle, Handle) {
    let (listening, address) = listener(net, 1);
    let client = net.open(Family::V4, SockType::Stream).unwrap();
    net.connect_wait(client, address).unwrap();
    let (server, _) = net.accept_wait(listening).unwrap();
    net.close(listening).unwrap();
    (client, server)
}

/// Two datagram sockets bound to the loopback.
pub(crate) fn datagrams(net: &StdNet, family: Family) -> [(Handle, SockAddr); 2] {
    [(); 2].map(|()| {
        let socket = net.open(family, SockType::Dgram).unwrap();
        net.bind(socket, loopback(family)).unwrap();
        (socket, net.local_addr(socket).unwrap())
    })
}

/// An address of the loopback on which nobody listens.
pub(crate) fn refusing(family: Family) -> SockAddr {
    // For as long as the process lives.
    let (socket, address) = refusing_at(loopback(family).ip());
    std::mem::forget(socket);
    address
}

/// A port that is bound and not listening for as long as the socket lives.
pub(crate) fn refusing_at(host: IpAddr) -> (Socket, SockAddr) {
    let socket = bound(host);
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address.into())
}

fn bound(host: IpAddr) -> Socket {
    let socket = Socket::new(Domain::for_address((host, 0).into()), Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(host, 0).into()).unwrap();
    socket
}

/// An address that never answers: a listener whose queue is full.
pub(crate) struct Silent {
    /// The address.
    pub(crate) address: SockAddr,
    _listener: Socket,
    _fillers: Vec<Socket>,
}

impl Silent {
    /// On the loopback.
    pub(crate) fn new(family: Family) -> Self {
        Self::at(loopback(family).ip())
    }

    /// Fills the queue of a new listener.
    pub(crate) fn at(host: IpAddr) -> Self {
        let listener = bound(host);
        listener.listen(0).unwrap();
        let address = listener.local_addr().unwrap();
        let mut fillers = Vec::new();
        // The first completes and fills the queue; the others stay pending.
        for _ in 0..3 {
            let filler = Socket::new(address.domain(), Type::STREAM, None).unwrap();
            let _ = filler.connect_timeout(&address, Duration::from_millis(50));
            fillers.push(filler);
        }
        let address = address.as_socket().unwrap().into();
        Self { address, _listener: listener, _fillers: fillers }
    }
}

/// Waits until a thread is likely to be inside its system call. Only makes a
/// test sharper: too early is no failure.
pub(crate) fn until_asleep<T>(_: &JoinHandle<T>) {
    thread::sleep(Duration::from_millis(50));
}

/// A client of the standard library.
pub(crate) fn client(address: SockAddr) -> TcpStream {
    TcpStream::connect(address.to_std()).unwrap()
}
