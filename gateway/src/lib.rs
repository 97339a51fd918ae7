//! A network for a smoltcp stack that runs in a program of a PC: its other end is this
//! machine's sockets. Neither root nor a device is needed, nor anything installed.
//!
//! ```text
//!  your program                         the gateway's thread
//!  stack ── Port ══ frames in memory ══ a second smoltcp, "any IP" ── sockets of the PC
//! ```
//!
//! A [`Gateway`] has one [`Port`], a device for any stack on smoltcp 0.14, and a [`Board`]
//! that sleeps until a frame comes. What the board sees:
//!
//! | address | what |
//! |---|---|
//! | 10.0.2.15 ([`BOARD`]) | the board itself; DHCP gives it this one |
//! | 10.0.2.2 ([`HOST`]) | the router, and this machine's own 127.0.0.1 |
//! | 10.0.2.3 ([`NAMES`]) | a name server that asks this machine |
//! | any other | what this machine reaches at that address |
//!
//! A connection of the board is answered when the one behind it has been: what is refused there
//! is refused here. The other way, [`Gateway::forward_tcp`] and [`Gateway::forward_udp`]
//! bring a port of this machine to the board.
//!
//! ```no_run
//! use usocket_backend_smoltcp::{Config, Net, Storage};
//! use usocket_core::prelude::*;
//! use usocket_gateway::{Gateway, HOST};
//!
//! # fn main() -> core::result::Result<(), Box<dyn std::error::Error>> {
//! let gateway = Gateway::new()?;
//! let (port, board) = gateway.plug().expect("nobody else has plugged in");
//! let mut memory: Storage = Storage::new();
//! let config = Config::ethernet([2, 0, 0, 0, 0, 1]).dhcp();
//! let net: Net<'_, _, _> = Net::new(port, board, &config, &mut memory)?;
//! net.wait_up(5)?;
//! let s = net.tcp()?;
//! s.settimeout(5)?;
//! s.connect((HOST, 8000))?; // whatever listens at 127.0.0.1:8000
//! s.sendall("GET / HTTP/1.0\r\n\r\n")?;
//! # Ok(())
//! # }
//! ```
//!
//! # What it is not
//!
//! A tool for trying things out and for tests, and no way to keep a program in: whatever
//! this program may reach, the board may. It carries IPv4: TCP, UDP without fragments, names
//! (A records), DHCP. It answers each ping itself. Groups are carried as far as
//! [`Gateway::forward_group`] says.
#![forbid(unsafe_code)]

mod board;
mod dhcp;
mod engine;
mod frames;
mod names;
mod place;
mod tcp;
mod udp;
mod wire;

use std::io;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::Ordering;
use std::thread::{self, JoinHandle};

pub use self::board::Board;
use self::engine::{Engine, Errand};
pub use self::place::{BOARD, HOST, NAMES, from_board, from_host};
pub use self::wire::Port;
use self::wire::Wire;

/// A network with one board in it. It goes when it is dropped, after what the board has
/// sent has been handed on.
#[derive(Debug)]
pub struct Gateway {
    wire: Arc<Wire>,
    port: Mutex<Option<(Port, Board)>>,
    thread: Option<JoinHandle<()>>,
}

impl Gateway {
    /// Sets one up, with a thread of its own.
    ///
    /// # Errors
    /// The system has no thread or no means to wait for sockets.
    pub fn new() -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let wire = Arc::new(Wire::new(&poll)?);
        let engine = Engine::new(poll, Arc::clone(&wire));
        let thread = thread::Builder::new().name("gateway".into()).spawn(|| engine.run())?;
        let ends = (Port::new(Arc::clone(&wire)), Board::new(Arc::clone(&wire)));
        Ok(Self { wire, port: Mutex::new(Some(ends)), thread: Some(thread) })
    }

    /// The device for the board's stack, and a clock and a sleep for its backend. There is
    /// one of each: `None` the second time.
    #[must_use]
    pub fn plug(&self) -> Option<(Port, Board)> {
        self.port.lock().unwrap_or_else(std::sync::PoisonError::into_inner).take()
    }

    /// How many TCP connections it has just now, in both directions; 512 at most. Who finds no
    /// room waits in the system's queue until one of them has ended.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.wire.connections.load(Ordering::Relaxed)
    }

    /// Brings what connects to `at` of this machine to a port of the board; `None` is the
    /// port that is bound here. Tells the address, in case the port was 0. Clients on this
    /// machine's loopback have the address of [`HOST`] on the board.
    ///
    /// The system answers them: that nobody listens on the board shows as a reset.
    ///
    /// # Errors
    /// Those of binding and listening.
    pub fn forward_tcp(&self, at: SocketAddrV4, to: Option<u16>) -> io::Result<SocketAddrV4> {
        let listener = mio::net::TcpListener::bind(at.into())?;
        let at = v4(listener.local_addr()?)?;
        self.wire.ask(Errand::Tcp(listener, to.unwrap_or(at.port())));
        Ok(at)
    }

    /// Brings datagrams for `at` of this machine to a port of the board, and what the board
    /// sends from this port comes from `at`. As [`forward_tcp`](Self::forward_tcp) else.
    ///
    /// # Errors
    /// Those of binding.
    pub fn forward_udp(&self, at: SocketAddrV4, to: Option<u16>) -> io::Result<SocketAddrV4> {
        let socket = mio::net::UdpSocket::bind(at.into())?;
        let at = v4(socket.local_addr()?)?;
        self.wire.ask(Errand::Udp(socket, to.unwrap_or(at.port())));
        Ok(at)
    }

    /// Brings datagrams for a multicast group and port to the board, once it has joined the
    /// group itself, and what the board sends to this group goes out on this machine's
    /// `interface`, others on this machine included.
    ///
    /// # Errors
    /// Those of binding and joining.
    pub fn forward_group(&self, group: SocketAddrV4, interface: Ipv4Addr) -> io::Result<()> {
        let socket = udp::join(group, interface)?;
        self.wire.ask(Errand::Group(socket, group));
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.wire.ask(Errand::Stop);
        if let Some(thread) = self.thread.take() {
            // A panic over there has been reported over there.
            let _ = thread.join();
        }
    }
}

fn v4(address: SocketAddr) -> io::Result<SocketAddrV4> {
    match address {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => Err(io::ErrorKind::Unsupported.into()),
    }
}

/// The program in the readme compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
