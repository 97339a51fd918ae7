//! What a scenario needs of a driver, so that it runs on ours and on a bad one.

use std::cell::RefCell;
use std::net::IpAddr;
use std::time::Duration;

use usocket_backend_esp8285_at::{Config, Esp8285, Receive, Transmit};
use usocket_core::prelude::*;
use usocket_core::spi::EventSource;
use usocket_core::{Family, earlier};

use crate::profile::Profile;
use crate::stage::Plan;
use crate::support::{Memory, trace};
use crate::wire::{Board, Wire};

/// A socket of a driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sock(pub(crate) usize);

/// An access point that was found: name, dBm, channel.
pub(crate) type Found = (Vec<u8>, i8, u8);

/// How long a call may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A driver, every call of which blocks. What a driver does not have is `EOPNOTSUPP`.
pub(crate) trait Driver {
    /// Joins a network.
    fn join(&self, ssid: &[u8], key: &[u8]) -> Result<()>;

    /// A stream to a peer.
    fn connect(&self, to: SockAddr) -> Result<Sock>;

    /// A datagram socket with a port.
    fn udp(&self, port: u16) -> Result<Sock> {
        let _ = port;
        Err(Error::EOPNOTSUPP)
    }

    /// Sends all of it.
    fn send(&self, socket: Sock, data: &[u8]) -> Result<()>;

    /// Some bytes, 0 at the end; `EAGAIN` if none come within `within`.
    fn recv_within(&self, socket: Sock, buf: &mut [u8], within: Duration) -> Result<usize>;

    /// A datagram and who sent it.
    fn recv_from(&self, socket: Sock, buf: &mut [u8]) -> Result<(usize, SockAddr)> {
        let _ = (socket, buf);
        Err(Error::EOPNOTSUPP)
    }

    fn close(&self, socket: Sock);

    /// Listens at a port.
    fn listen(&self, port: u16) -> Result<Sock> {
        let _ = port;
        Err(Error::EOPNOTSUPP)
    }

    /// The next client.
    fn accept(&self, socket: Sock) -> Result<(Sock, SockAddr)> {
        let _ = socket;
        Err(Error::EOPNOTSUPP)
    }

    /// The address of a name.
    fn resolve(&self, name: &str) -> Result<IpAddr>;

    /// The access points around.
    fn scan(&self) -> Result<Vec<Found>>;

    /// Lets time pass while the driver is at work.
    fn pass(&self, time: Duration);

    /// Calls our own driver, for what only it has.
    fn with_net(&self, call: &mut dyn FnMut(&Net<'_>)) {
        let _ = call;
    }
}

/// Our driver in the world of a scenario.
pub(crate) type Net<'n> =
    Esp8285<'n, Wire<'n>, Board<'n>, embassy_sync::blocking_mutex::raw::NoopRawMutex, 24>;

/// Ours, behind the trait.
pub(crate) struct Ours<'a, 'n> {
    net: &'a Net<'n>,
    sockets: RefCell<Vec<Option<Socket<'a, Net<'n>>>>>,
}

/// Our driver, configured for a profile.
pub(crate) fn net<'n>(
    on: Profile,
    plan: &Plan,
    wire: Wire<'n>,
    board: Board<'n>,
    memory: &'n mut Memory,
) -> Net<'n> {
    let receive = if on.passive() { Receive::Auto } else { Receive::Active };
    let transmit = if plan.plain { Transmit::Plain } else { Transmit::Auto };
    let mut config = Config::new().receive(receive).transmit(transmit);
    if let Some(baud) = plan.fast_baud {
        config = config.fast_baud(baud);
    }
    let net = Net::with_config(wire, board, memory, config);
    net.set_trace(Some(trace));
    net
}

impl<'a, 'n> Ours<'a, 'n> {
    pub(crate) fn new(net: &'a Net<'n>) -> Self {
        Self { net, sockets: RefCell::new(Vec::new()) }
    }

    fn keep(&self, socket: Socket<'a, Net<'n>>) -> Sock {
        let mut sockets = self.sockets.borrow_mut();
        sockets.push(Some(socket));
        Sock(sockets.len() - 1)
    }

    fn with<T>(
        &self,
        socket: Sock,
        call: impl FnOnce(&Socket<'a, Net<'n>>) -> Result<T>,
    ) -> Result<T> {
        let sockets = self.sockets.borrow();
        let socket = sockets.get(socket.0).and_then(Option::as_ref).ok_or(Error::EBADF)?;
        call(socket)
    }
}

impl Driver for Ours<'_, '_> {
    fn join(&self, ssid: &[u8], key: &[u8]) -> Result<()> {
        self.net.connect(ssid, key)
    }

    fn connect(&self, to: SockAddr) -> Result<Sock> {
        let socket = self.net.tcp()?;
        socket.settimeout(PATIENCE)?;
        socket.connect(to)?;
        Ok(self.keep(socket))
    }

    fn udp(&self, port: u16) -> Result<Sock> {
        let socket = self.net.udp()?;
        socket.settimeout(PATIENCE)?;
        socket.bind((Family::V4.unspecified(), port))?;
        Ok(self.keep(socket))
    }

    fn send(&self, socket: Sock, data: &[u8]) -> Result<()> {
        self.with(socket, |socket| {
            socket.settimeout(PATIENCE)?;
            socket.sendall(data)
        })
    }

    fn recv_within(&self, socket: Sock, buf: &mut [u8], within: Duration) -> Result<usize> {
        self.with(socket, |socket| {
            socket.settimeout(within)?;
            socket.recv(buf)
        })
    }

    fn recv_from(&self, socket: Sock, buf: &mut [u8]) -> Result<(usize, SockAddr)> {
        self.with(socket, |socket| socket.recvfrom(buf))
    }

    fn close(&self, socket: Sock) {
        let socket = self.sockets.borrow_mut().get_mut(socket.0).and_then(Option::take);
        drop(socket);
    }

    fn listen(&self, port: u16) -> Result<Sock> {
        let socket = self.net.tcp()?;
        socket.settimeout(PATIENCE)?;
        socket.bind((Family::V4.unspecified(), port))?;
        socket.listen(5)?;
        Ok(self.keep(socket))
    }

    fn accept(&self, socket: Sock) -> Result<(Sock, SockAddr)> {
        let (accepted, peer) = self.with(socket, Socket::accept)?;
        Ok((self.keep(accepted), peer))
    }

    fn resolve(&self, name: &str) -> Result<IpAddr> {
        let found = self.net.getaddrinfo(name, 1, usocket_core::Hints::stream());
        let found = found.map_err(|_| Error::ENOENT)?;
        Ok(found.first().sockaddr.ip())
    }

    fn scan(&self) -> Result<Vec<Found>> {
        let found = self.net.scan()?;
        Ok(found.iter().map(|ap| (ap.ssid.to_vec(), ap.rssi, ap.channel)).collect())
    }

    fn pass(&self, time: Duration) {
        let until = self.net.platform().now() + time;
        loop {
            let now = self.net.platform().now();
            let next = self.net.drive(now);
            if now >= until {
                return;
            }
            let until = earlier(next, Some(until));
            self.net.platform().idle(until, &mut || self.net.pending());
        }
    }

    fn with_net(&self, call: &mut dyn FnMut(&Net<'_>)) {
        call(self.net);
    }
}
