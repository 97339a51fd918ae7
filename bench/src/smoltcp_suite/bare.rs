//! Bare smoltcp: the other end of the link, and the hand-written loop to compare with.

use usocket_backend_smoltcp::smoltcp::iface::{
    Config, Interface, SocketHandle, SocketSet, SocketStorage,
};
use usocket_backend_smoltcp::smoltcp::phy::Device;
use usocket_backend_smoltcp::smoltcp::socket::{AnySocket, tcp};
use usocket_backend_smoltcp::smoltcp::time::Instant;
use usocket_backend_smoltcp::smoltcp::wire::{HardwareAddress, IpAddress, IpCidr};

use super::link::End;

/// Bytes of each buffer, on both sides and both contenders.
pub const BUFFER: usize = 16_384;

/// The port of the far end.
pub const PORT: u16 = 5001;

/// The first port of the far end's other listeners, one for each idle connection.
pub const IDLE_PORT: u16 = 20_000;

/// A stack with one connection, and sockets that idle beside it. Its memory is leaked: a
/// process measures one thing.
pub struct Bare<D = End> {
    /// Its device.
    pub device: D,
    iface: Interface,
    set: SocketSet<'static>,
    others: Vec<SocketHandle>,
    handle: SocketHandle,
    net: u8,
    /// The port that `connect` connects to.
    pub to_port: u16,
    port: u16,
}

impl<D: Device> Bare<D> {
    /// `10.0.net.last`, with so many other sockets beside the one that works; they come first.
    #[must_use]
    pub fn new(
        mut device: D,
        hardware: HardwareAddress,
        (net, last): (u8, u8),
        others: usize,
        now: Instant,
    ) -> Self {
        let mut config = Config::new(hardware);
        config.random_seed = last.into();
        let mut iface = Interface::new(config, &mut device, now);
        iface.update_ip_addrs(|own| {
            let _ = own.push(IpCidr::new(IpAddress::v4(10, 0, net, last), 24));
        });
        let places: Vec<_> = (0..=others).map(|_| SocketStorage::EMPTY).collect();
        let mut set = SocketSet::new(places.leak());
        let others = (0..others).map(|_| set.add(socket(64))).collect();
        let handle = set.add(socket(BUFFER));
        Self { device, iface, set, others, handle, net, to_port: PORT, port: 40_000 }
    }

    /// The connection.
    pub fn socket(&mut self) -> &mut tcp::Socket<'static> {
        self.set.get_mut(self.handle)
    }

    /// Waits for a connection.
    pub fn listen(&mut self) {
        let _ = self.socket().listen(PORT);
    }

    /// Lets all other sockets listen, each on its port.
    pub fn listen_others(&mut self) {
        for (&handle, port) in self.others.iter().zip(IDLE_PORT..) {
            let _ = self.set.get_mut::<tcp::Socket<'_>>(handle).listen(port);
        }
    }

    /// Connects all other sockets, each to its port.
    pub fn connect_others(&mut self, to: u8) {
        for (&handle, port) in self.others.iter().zip(IDLE_PORT..) {
            let socket = self.set.get_mut::<tcp::Socket<'_>>(handle);
            let _ = socket.connect(
                self.iface.context(),
                (IpAddress::v4(10, 0, self.net, to), port),
                port,
            );
        }
    }

    /// Whether all other sockets are connected.
    pub fn others_connected(&mut self) -> bool {
        let set = &mut self.set;
        self.others.iter().all(|&handle| set.get_mut::<tcp::Socket<'_>>(handle).may_send())
    }

    /// All its sockets.
    pub fn sockets(&mut self) -> impl Iterator<Item = &mut tcp::Socket<'static>> {
        self.set.iter_mut().filter_map(|(_, socket)| tcp::Socket::downcast_mut(socket))
    }

    /// Begins a connection, from another port than the last one.
    pub fn connect(&mut self, to: u8) {
        let socket = self.set.get_mut::<tcp::Socket<'_>>(self.handle);
        self.port = if self.port == u16::MAX { 40_000 } else { self.port + 1 };
        let to = (IpAddress::v4(10, 0, self.net, to), self.to_port);
        let _ = socket.connect(self.iface.context(), to, self.port);
    }

    /// Moves segments.
    pub fn poll(&mut self, now: Instant) {
        self.iface.poll(now, &mut self.device, &mut self.set);
    }

    /// When to poll again, if nothing comes.
    pub fn poll_at(&mut self, now: Instant) -> Option<Instant> {
        self.iface.poll_at(now, &self.set)
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
