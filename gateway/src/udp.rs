//! Datagrams: a socket of this machine for each of the board's.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};
use std::time::{Duration, Instant};

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use smoltcp::wire::EthernetAddress;

use crate::frames::datagram;
use crate::place::{BOARD, inward, outward};
use crate::wire::Wire;

/// A socket of the board that has sent nothing for so long is taken for closed, if somebody
/// needs its place.
const IDLE: Duration = Duration::from_secs(120);

/// Sockets of the board at once.
const SOCKETS: usize = 512;

/// Datagrams that are taken from one socket before the others have their turn.
const BURST: usize = 64;

/// All of them.
#[derive(Debug, Default)]
pub(crate) struct Datagrams {
    sockets: HashMap<Token, Out>,
    by_port: HashMap<u16, Token>,
    groups: HashMap<SocketAddrV4, Group>,
    /// A group's address by the token of its socket.
    group_tokens: HashMap<Token, SocketAddrV4>,
    joined: Vec<Ipv4Addr>,
}

#[derive(Debug)]
struct Out {
    socket: UdpSocket,
    /// The board's port.
    port: u16,
    used: Instant,
    forwarded: bool,
    readable: bool,
}

/// A multicast group and port that is carried.
#[derive(Debug)]
struct Group {
    socket: UdpSocket,
    readable: bool,
    /// Sends what the board says; its address tells our own from others'.
    speaker: UdpSocket,
}

impl Datagrams {
    pub(crate) fn forward(&mut self, mut socket: UdpSocket, port: u16, on: &Registry, new: Token) {
        if on.register(&mut socket, new, Interest::READABLE).is_ok() {
            if let Some(old) = self.by_port.insert(port, new) {
                self.sockets.remove(&old);
            }
            let out = Out { socket, port, used: Instant::now(), forwarded: true, readable: true };
            self.sockets.insert(new, out);
        }
    }

    pub(crate) fn forward_group(
        &mut self,
        (mut socket, speaker): (UdpSocket, UdpSocket),
        group: SocketAddrV4,
        on: &Registry,
        new: Token,
    ) {
        if on.register(&mut socket, new, Interest::READABLE).is_ok() {
            self.group_tokens.insert(new, group);
            self.groups.insert(group, Group { socket, readable: true, speaker });
        }
    }

    /// The board joins or leaves a group.
    pub(crate) fn join(&mut self, group: Ipv4Addr, joined: bool) {
        self.joined.retain(|&other| other != group);
        if joined {
            self.joined.push(group);
        }
    }

    /// Sends what the board has sent. What this machine does not take is lost, as anywhere.
    pub(crate) fn send(
        &mut self,
        from: SocketAddrV4,
        to: SocketAddrV4,
        payload: &[u8],
        on: &Registry,
        new: Token,
    ) {
        if let Some(group) = self.groups.get(&to) {
            let _ = group.speaker.send_to(payload, to.into());
            return;
        }
        let Some(to) = outward(to).filter(|to| *from.ip() == BOARD && !to.ip().is_multicast())
        else {
            return;
        };
        if let Some(out) = self.socket_for(from.port(), on, new) {
            out.used = Instant::now();
            let _ = out.socket.send_to(payload, to.into());
        }
    }

    fn socket_for(&mut self, port: u16, on: &Registry, new: Token) -> Option<&mut Out> {
        if let Some(known) = self.by_port.get(&port) {
            return self.sockets.get_mut(known);
        }
        if self.sockets.len() >= SOCKETS {
            let idle = |out: &Out| !out.forwarded && out.used.elapsed() >= IDLE;
            self.sockets.retain(|_, out| !idle(out));
            self.by_port.retain(|_, token| self.sockets.contains_key(token));
        }
        if self.sockets.len() >= SOCKETS {
            return None;
        }
        let mut socket = UdpSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))).ok()?;
        on.register(&mut socket, new, Interest::READABLE).ok()?;
        self.by_port.insert(port, new);
        let out = Out { socket, port, used: Instant::now(), forwarded: false, readable: true };
        Some(self.sockets.entry(new).or_insert(out))
    }

    /// Notes that something has come for a socket.
    pub(crate) fn note(&mut self, token: Token) {
        if let Some(out) = self.sockets.get_mut(&token) {
            out.readable = true;
        } else if let Some(group) =
            self.group_tokens.get(&token).and_then(|group| self.groups.get_mut(group))
        {
            group.readable = true;
        }
    }

    /// Takes what has come to the board, as far as the wire has room. Whether there is more.
    pub(crate) fn pump(&mut self, wire: &Wire, board: EthernetAddress, buf: &mut [u8]) -> bool {
        let mut more = false;
        for out in self.sockets.values_mut() {
            let to = SocketAddrV4::new(BOARD, out.port);
            more |= pump(&out.socket, &mut out.readable, buf, wire, |from, payload| {
                datagram(board, inward(from), to, payload)
            });
        }
        for (&to, group) in &mut self.groups {
            let own = group.speaker.local_addr().map(|at| at.port()).unwrap_or(0);
            let joined = self.joined.contains(to.ip());
            more |= pump(&group.socket, &mut group.readable, buf, wire, |from, payload| {
                let wanted = joined && from.port() != own;
                wanted.then(|| datagram(board, inward(from), to, payload)).flatten()
            });
        }
        more
    }
}

fn pump(
    socket: &UdpSocket,
    readable: &mut bool,
    buf: &mut [u8],
    wire: &Wire,
    frame: impl Fn(SocketAddrV4, &[u8]) -> Option<Vec<u8>>,
) -> bool {
    for _ in 0..BURST {
        if !*readable || !wire.has_room() {
            return false;
        }
        match socket.recv_from(buf) {
            Ok((len, SocketAddr::V4(from))) => {
                if let Some(frame) = frame(from, &buf[..len]) {
                    wire.send_to_board(frame);
                }
            }
            Ok(_) => {}
            // Windows says here that an earlier datagram found nobody.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
            Err(_) => *readable = false,
        }
    }
    *readable
}

/// The two sockets of a group: one that hears it, and one that speaks to it.
pub(crate) fn join(group: SocketAddrV4, interface: Ipv4Addr) -> io::Result<(UdpSocket, UdpSocket)> {
    let new = || {
        let kind = socket2::Type::DGRAM;
        let socket = socket2::Socket::new(socket2::Domain::IPV4, kind, None)?;
        socket.set_nonblocking(true)?;
        Ok::<_, io::Error>(socket)
    };
    let hears = new()?;
    // Others on this machine hear it too.
    hears.set_reuse_address(true)?;
    // Only what is for the group, where a socket can be bound to one.
    let at = if cfg!(unix) { *group.ip() } else { Ipv4Addr::UNSPECIFIED };
    hears.bind(&SocketAddrV4::new(at, group.port()).into())?;
    hears.join_multicast_v4(group.ip(), &interface)?;
    let speaks = new()?;
    speaks.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into())?;
    speaks.set_multicast_if_v4(&interface)?;
    speaks.set_multicast_loop_v4(true)?;
    speaks.set_multicast_ttl_v4(1)?;
    Ok((UdpSocket::from_std(hears.into()), UdpSocket::from_std(speaks.into())))
}
