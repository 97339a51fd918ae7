//! Readiness: many idle sockets and one that is ready.

use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use usocket_backend_std::StdNet;
use usocket_core::{POLLIN, Poll, Socket};

use super::contender::{ANY_PORT, NET, Net, Ours};
use super::peers::OneShot;
use crate::clock::timed_alone;

/// Most sockets of a poll.
pub const MOST: usize = 1000;

/// A set of sockets that can be waited for. One of them was sent a datagram.
pub trait Waiter {
    /// A set of so many datagram sockets, and their addresses.
    fn new(sockets: usize) -> (Self, Vec<SocketAddr>)
    where
        Self: Sized;

    /// Waits once and says how many are ready.
    fn wait(&mut self) -> usize;

    /// Receives from the socket that the last wait found, which is this one.
    fn recv(&mut self, socket: usize, buf: &mut [u8]) -> usize;
}

/// A socket in the middle stays ready: the pure cost of asking.
#[derive(Debug)]
pub struct Standing<W> {
    waiter: W,
}

impl<W: Waiter> Standing<W> {
    /// With so many sockets in all.
    #[must_use]
    pub fn new(sockets: usize) -> Self {
        let (waiter, addresses) = W::new(sockets);
        sender().send_to(&[1], addresses[sockets / 2]).expect("send");
        Self { waiter }
    }

    /// Waits so many times.
    pub fn run(&mut self, count: u64) -> Duration {
        timed_alone(|| {
            for _ in 0..count {
                assert_eq!(self.waiter.wait(), 1);
            }
        })
    }
}

/// A datagram to one socket after the other, waited for and received.
#[derive(Debug)]
pub struct Traffic<W> {
    waiter: W,
    addresses: Vec<SocketAddr>,
    sender: UdpSocket,
}

impl<W: Waiter> Traffic<W> {
    /// With so many sockets in all.
    #[must_use]
    pub fn new(sockets: usize) -> Self {
        let (waiter, addresses) = W::new(sockets);
        Self { waiter, addresses, sender: sender() }
    }

    /// Sends, waits and receives so many times.
    pub fn run(&mut self, count: u64) -> Duration {
        let mut target = 0;
        let mut room = [0; 16];
        timed_alone(|| {
            for _ in 0..count {
                self.sender.send_to(&[1], self.addresses[target]).expect("send");
                assert_eq!(self.waiter.wait(), 1);
                assert_eq!(self.waiter.recv(target, &mut room), 1);
                target = (target + STRIDE) % self.addresses.len();
            }
        })
    }
}

/// Our poll object.
#[derive(Debug)]
pub struct OurPoll {
    poll: Box<Poll<'static, MOST>>,
    sockets: Vec<Socket<'static, StdNet>>,
}

impl Waiter for OurPoll {
    fn new(sockets: usize) -> (Self, Vec<SocketAddr>) {
        let mut poll = Box::new(Poll::new(&*NET));
        let (sockets, addresses): (Vec<_>, Vec<_>) = (0..sockets).map(|_| Ours.datagram()).unzip();
        for socket in &sockets {
            poll.register(socket, POLLIN).expect("register");
        }
        (Self { poll, sockets }, addresses)
    }

    #[inline]
    fn wait(&mut self) -> usize {
        self.poll
            .poll(None)
            .expect("poll")
            .into_iter()
            .filter(|ready| ready.events == POLLIN)
            .count()
    }

    #[inline]
    fn recv(&mut self, socket: usize, buf: &mut [u8]) -> usize {
        self.sockets[socket].recv(buf).expect("recv")
    }
}

/// `polling` in its standard mode: what was delivered is armed again.
#[derive(Debug)]
pub struct PollingPoll(OneShot);

impl Waiter for PollingPoll {
    fn new(sockets: usize) -> (Self, Vec<SocketAddr>) {
        let (sockets, addresses) = bound(sockets);
        (Self(OneShot::new(sockets)), addresses)
    }

    #[inline]
    fn wait(&mut self) -> usize {
        self.0.wait()
    }

    #[inline]
    fn recv(&mut self, socket: usize, buf: &mut [u8]) -> usize {
        self.0.sockets()[socket].recv(buf).expect("recv")
    }
}

/// `mio`: edge-triggered, so that nothing is armed again.
#[derive(Debug)]
pub struct MioPoll {
    poll: mio::Poll,
    events: mio::Events,
    sockets: Vec<mio::net::UdpSocket>,
}

impl Waiter for MioPoll {
    fn new(sockets: usize) -> (Self, Vec<SocketAddr>) {
        let (sockets, addresses) = bound(sockets);
        let poll = mio::Poll::new().expect("epoll");
        let register = |(key, socket): (usize, UdpSocket)| {
            socket.set_nonblocking(true).expect("non-blocking");
            let mut socket = mio::net::UdpSocket::from_std(socket);
            poll.registry()
                .register(&mut socket, mio::Token(key), mio::Interest::READABLE)
                .expect("register");
            socket
        };
        let sockets = sockets.into_iter().enumerate().map(register).collect();
        (Self { poll, events: mio::Events::with_capacity(MOST), sockets }, addresses)
    }

    #[inline]
    fn wait(&mut self) -> usize {
        self.poll.poll(&mut self.events, None).expect("poll");
        self.events.iter().filter(|event| event.is_readable()).count()
    }

    #[inline]
    fn recv(&mut self, socket: usize, buf: &mut [u8]) -> usize {
        self.sockets[socket].recv(buf).expect("recv")
    }
}

fn bound(sockets: usize) -> (Vec<UdpSocket>, Vec<SocketAddr>) {
    let bind = |_| {
        let socket = UdpSocket::bind(ANY_PORT).expect("bind");
        let address = socket.local_addr().expect("local address");
        (socket, address)
    };
    (0..sockets).map(bind).unzip()
}

fn sender() -> UdpSocket {
    UdpSocket::bind(ANY_PORT).expect("bind")
}

/// From one ready socket to the next; has no factor in common with 10, 100, 1000.
const STRIDE: usize = 37;
