//! Bare smoltcp: the other end of the link, and the hand-written loop to compare with.

use usocket_backend_smoltcp::smoltcp::iface::{
    Config, Interface, SocketHandle, SocketSet, SocketStorage,
};
use usocket_backend_smoltcp::smoltcp::socket::tcp;
use usocket_backend_smoltcp::smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use super::link::End;

/// Bytes of each buffer, on both sides and both contenders.
pub const BUFFER: usize = 16_384;

/// The port of the far end.
pub const PORT: u16 = 5001;

/// A stack with one connection, and sockets that idle beside it. Its memory is leaked: a
/// process measures one thing.
pub struct Bare {
    /// Its device.
    pub end: End,
    iface: Interface,
    set: SocketSet<'static>,
    handle: SocketHandle,
}

impl Bare {
    /// `10.0.0.last`, with so many idle sockets.
    #[must_use]
    pub fn new(mut end: End, last: u8, idle: usize) -> Self {
        let mut config = Config::new(HardwareAddress::Ip);
        config.random_seed = last.into();
        let now = end.time();
        let mut iface = Interface::new(config, &mut end, now);
        iface.update_ip_addrs(|own| {
            let _ = own.push(IpCidr::new(IpAddress::v4(10, 0, 0, last), 24));
        });
        let places: Vec<_> = (0..=idle).map(|_| SocketStorage::EMPTY).collect();
        let mut set = SocketSet::new(places.leak());
        for port in 0..idle {
            let mut socket = socket(64);
            let _ = socket.listen(u16::try_from(20_000 + port).unwrap_or(20_000));
            set.add(socket);
        }
        let handle = set.add(socket(BUFFER));
        Self { end, iface, set, handle }
    }

    /// The connection.
    pub fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.set.get_mut(self.handle)
    }

    /// Waits for a connection.
    pub fn listen(&mut self) {
        let _ = self.socket().listen(PORT);
    }

    /// Begins a connection.
    pub fn connect(&mut self, to: u8) {
        let socket = self.set.get_mut::<tcp::Socket<'_>>(self.handle);
        let to = (IpAddress::v4(10, 0, 0, to), PORT);
        let _ = socket.connect(self.iface.context(), to, 40_000);
    }

    /// Moves segments.
    pub fn poll(&mut self) {
        let now = self.end.time();
        self.iface.poll(now, &mut self.end, &mut self.set);
    }

    /// Takes what has come; how much.
    pub fn drain(&mut self) -> usize {
        let mut total = 0;
        while let Ok(taken @ 1..) = self.socket().recv(|bytes| (bytes.len(), bytes.len())) {
            total += taken;
        }
        total
    }

    /// Sends as much of `data` as there is room for.
    pub fn send(&mut self, data: &[u8]) -> usize {
        self.socket().send_slice(data).unwrap_or(0)
    }
}

fn socket(bytes: usize) -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; bytes].leak());
    tcp::Socket::new(buffer(), buffer())
}
