//! The two sides: the same work on `std::net` and on the usocket API.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::LazyLock;

use usocket_backend_std::StdNet;
use usocket_core::{IPPROTO_TCP, Socket, TCP_NODELAY, Usocket};

/// What a side offers; each method is what a program would write.
///
/// They panic where the system refuses: there is nothing to measure then.
pub trait Net: Sync {
    /// A connected stream.
    type Stream: Send + Sync;
    /// A listener.
    type Listener: Send + Sync;
    /// A datagram socket.
    type Datagram: Send + Sync;

    /// A listener on the loopback and its address.
    fn listen(&self) -> (Self::Listener, SocketAddr);
    /// The next connection.
    fn accept(listener: &Self::Listener) -> Self::Stream;
    /// A connection.
    fn connect(&self, to: SocketAddr) -> Self::Stream;
    /// Has small sends leave at once.
    fn nodelay(stream: &Self::Stream);
    /// Sends everything.
    fn send(stream: &Self::Stream, data: &[u8]);
    /// Receives something.
    fn recv(stream: &Self::Stream, buf: &mut [u8]) -> usize;
    /// A datagram socket on the loopback and its address.
    fn datagram(&self) -> (Self::Datagram, SocketAddr);
    /// Sends one datagram.
    fn send_to(socket: &Self::Datagram, data: &[u8], to: SocketAddr);
    /// Receives one datagram.
    fn recv_from(socket: &Self::Datagram, buf: &mut [u8]) -> usize;

    /// Two ends of a connection, both without delay.
    fn pair(&self) -> (Self::Stream, Self::Stream) {
        let (listener, address) = self.listen();
        let client = self.connect(address);
        let server = Self::accept(&listener);
        Self::nodelay(&client);
        Self::nodelay(&server);
        (client, server)
    }
}

/// `std::net`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Plain;

/// The usocket API on the std backend.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ours;

/// The backend of all our sockets.
pub static NET: LazyLock<StdNet> = LazyLock::new(StdNet::new);

impl Net for Plain {
    type Stream = TcpStream;
    type Listener = TcpListener;
    type Datagram = UdpSocket;

    fn listen(&self) -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind(ANY_PORT).expect("bind");
        let address = listener.local_addr().expect("local address");
        (listener, address)
    }

    fn accept(listener: &TcpListener) -> TcpStream {
        listener.accept().expect("accept").0
    }

    fn connect(&self, to: SocketAddr) -> TcpStream {
        TcpStream::connect(to).expect("connect")
    }

    fn nodelay(stream: &TcpStream) {
        stream.set_nodelay(true).expect("nodelay");
    }

    #[inline]
    fn send(mut stream: &TcpStream, data: &[u8]) {
        stream.write_all(data).expect("write");
    }

    #[inline]
    fn recv(mut stream: &TcpStream, buf: &mut [u8]) -> usize {
        stream.read(buf).expect("read")
    }

    fn datagram(&self) -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind(ANY_PORT).expect("bind");
        let address = socket.local_addr().expect("local address");
        (socket, address)
    }

    #[inline]
    fn send_to(socket: &UdpSocket, data: &[u8], to: SocketAddr) {
        socket.send_to(data, to).expect("send_to");
    }

    #[inline]
    fn recv_from(socket: &UdpSocket, buf: &mut [u8]) -> usize {
        socket.recv_from(buf).expect("recv_from").0
    }
}

impl Net for Ours {
    type Stream = Socket<'static, StdNet>;
    type Listener = Socket<'static, StdNet>;
    type Datagram = Socket<'static, StdNet>;

    fn listen(&self) -> (Self::Listener, SocketAddr) {
        let listener = NET.tcp().expect("socket");
        listener.bind(ANY_PORT).expect("bind");
        // As std::net has it.
        listener.listen(128).expect("listen");
        let address = listener.local_addr().expect("local address");
        (listener, address.to_std())
    }

    fn accept(listener: &Self::Listener) -> Self::Stream {
        listener.accept().expect("accept").0
    }

    fn connect(&self, to: SocketAddr) -> Self::Stream {
        let socket = NET.tcp().expect("socket");
        socket.connect(to).expect("connect");
        socket
    }

    fn nodelay(stream: &Self::Stream) {
        stream.setsockopt(IPPROTO_TCP, TCP_NODELAY, true).expect("nodelay");
    }

    #[inline]
    fn send(stream: &Self::Stream, data: &[u8]) {
        stream.sendall(data).expect("sendall");
    }

    #[inline]
    fn recv(stream: &Self::Stream, buf: &mut [u8]) -> usize {
        stream.recv(buf).expect("recv")
    }

    fn datagram(&self) -> (Self::Datagram, SocketAddr) {
        let socket = NET.udp().expect("socket");
        socket.bind(ANY_PORT).expect("bind");
        let address = socket.local_addr().expect("local address");
        (socket, address.to_std())
    }

    #[inline]
    fn send_to(socket: &Self::Datagram, data: &[u8], to: SocketAddr) {
        socket.sendto(data, to).expect("sendto");
    }

    #[inline]
    fn recv_from(socket: &Self::Datagram, buf: &mut [u8]) -> usize {
        socket.recvfrom(buf).expect("recvfrom").0
    }
}

/// Any port of the loopback.
pub const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
