//! The gateway's thread.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use mio::net::{TcpListener, UdpSocket};
use mio::{Events, Poll, Token};
use smoltcp::iface::{Config, Interface, SocketSet};
use smoltcp::time::Instant as StackInstant;
use smoltcp::wire::{EthernetAddress, HardwareAddress, IpCidr};

use crate::dhcp;
use crate::frames::{About, datagram, look};
use crate::names::{self, Names};
use crate::place::{HARDWARE, HOST, NAMES, PREFIX};
use crate::tcp::{Connections, Stack};
use crate::udp::Datagrams;
use crate::wire::{End, Wire};

/// The wire's token; sockets have those after it.
pub(crate) const WIRE: Token = Token(0);

/// Something that the gateway is asked to do.
pub(crate) enum Errand {
    /// Clients of a listener are for this port of the board.
    Tcp(TcpListener, u16),
    /// Datagrams of a socket are.
    Udp(UdpSocket, u16),
    /// Carries a group.
    Group((UdpSocket, UdpSocket), SocketAddrV4),
    /// An answer of the name server.
    Answer(SocketAddrV4, Vec<u8>),
    /// Ends, after what the board has sent is handed on.
    Stop,
}

/// How long it may take to hand that on.
const PATIENCE: Duration = Duration::from_secs(10);

/// How often the wire is looked at while it hands on, or has no room.
const PAUSE: Duration = Duration::from_millis(5);

/// Longest datagram of IPv4.
const DATAGRAM: usize = 65_535;

pub(crate) struct Engine {
    poll: Poll,
    wire: Arc<Wire>,
    stack: Stack,
    connections: Connections,
    datagrams: Datagrams,
    names: Names,
    /// The board's address on the wire, from its frames.
    board: EthernetAddress,
    last_token: usize,
    stop: Option<Instant>,
    buf: Vec<u8>,
}

impl Engine {
    pub(crate) fn new(poll: Poll, wire: Arc<Wire>) -> Self {
        let mut end = End { wire: Arc::clone(&wire), inbox: VecDeque::new() };
        let mut config = Config::new(HardwareAddress::Ethernet(HARDWARE));
        config.random_seed = usocket_core::spi::Platform::seed(&usocket_core::spi::StdPlatform);
        let mut iface = Interface::new(config, &mut end, StackInstant::now());
        iface.update_ip_addrs(|own| {
            for ip in [HOST, NAMES] {
                // It has room for two.
                let _ = own.push(IpCidr::new(ip.into(), PREFIX));
            }
        });
        iface.set_any_ip(true);
        Self {
            poll,
            wire,
            stack: Stack { iface, sockets: SocketSet::new(Vec::new()), end },
            connections: Connections::default(),
            datagrams: Datagrams::default(),
            names: Names::default(),
            board: EthernetAddress::BROADCAST,
            last_token: WIRE.0,
            stop: None,
            buf: vec![0; DATAGRAM],
        }
    }

    pub(crate) fn run(mut self) {
        let mut events = Events::with_capacity(256);
        let mut busy = true;
        while !self.is_over() {
            let timeout = if busy { Some(Duration::ZERO) } else { self.timeout() };
            match self.poll.poll(&mut events, timeout) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                // Without it nothing can be waited for.
                Err(_) => return,
            }
            for event in &events {
                self.connections.note(event);
                self.datagrams.note(event.token());
                self.accept(event.token());
            }
            for errand in self.wire.errands() {
                self.run_errand(errand);
            }
            for frame in self.wire.take_all() {
                self.take(frame);
            }
            busy = self.datagrams.pump(&self.wire, self.board, &mut self.buf);
            self.stack.poll();
            // What the connections have given to the stack, and what that has made room for.
            while self.connections.pump(&mut self.stack) {
                self.stack.poll();
            }
            let before = self.connections.len();
            for token in self.connections.have_room() {
                self.accept(token);
            }
            self.wire.connections.store(self.connections.len(), Ordering::Relaxed);
            // Those have SYNs to send.
            busy |= self.connections.len() > before;
        }
    }

    fn is_over(&self) -> bool {
        self.stop.is_some_and(|by| Instant::now() >= by || !self.connections.unsent(&self.stack))
    }

    fn timeout(&mut self) -> Option<Duration> {
        let now = StackInstant::now();
        let stack = self.stack.iface.poll_delay(now, &self.stack.sockets);
        // What is due at once and was not done finds no room; the wire rings when there is some.
        let stack = stack.map(|delay| Duration::from(delay).max(PAUSE));
        let stop = self.stop.map(|_| PAUSE);
        [stack, stop].into_iter().flatten().min()
    }

    fn new_token(&mut self) -> Token {
        self.last_token += 1;
        Token(self.last_token)
    }

    fn accept(&mut self, token: Token) {
        let Self { connections, stack, poll, last_token, .. } = self;
        connections.accept(token, stack, poll.registry(), || {
            *last_token += 1;
            Token(*last_token)
        });
    }

    fn run_errand(&mut self, errand: Errand) {
        let new = self.new_token();
        let on = self.poll.registry();
        match errand {
            Errand::Tcp(listener, port) => {
                self.connections.listen(listener, port, on, new);
                self.accept(new);
            }
            Errand::Udp(socket, port) => self.datagrams.forward(socket, port, on, new),
            Errand::Group(sockets, group) => {
                self.datagrams.forward_group(sockets, group, on, new);
            }
            Errand::Answer(to, bytes) => {
                self.say(SocketAddrV4::new(NAMES, names::PORT), to, &bytes);
            }
            Errand::Stop => self.stop = Some(Instant::now() + PATIENCE),
        }
    }

    /// Takes a frame of the board.
    fn take(&mut self, frame: Vec<u8>) {
        let new = self.new_token();
        let (board, about) = look(&frame);
        if !matches!(about, About::Nothing) {
            self.board = board;
        }
        let on = self.poll.registry();
        match about {
            About::Nothing => {}
            About::Stack => self.stack.end.inbox.push_back(frame),
            About::Segment { from, to, begins, resets } => {
                if resets {
                    self.connections.give_up((from, to), &mut self.stack);
                }
                let taken =
                    begins && self.connections.begin((from, to), &frame, &mut self.stack, on, new);
                if !taken {
                    self.stack.end.inbox.push_back(frame);
                }
            }
            About::Datagram { to, payload, .. } if to.port() == dhcp::SERVER => {
                if let Some((to, answer)) = dhcp::answer(payload) {
                    self.say(SocketAddrV4::new(HOST, dhcp::SERVER), to, &answer);
                }
            }
            About::Datagram { from, to, payload }
                if *to.ip() == NAMES && to.port() == names::PORT =>
            {
                self.names.ask(&self.wire, from, payload);
            }
            About::Datagram { from, to, payload } => {
                self.datagrams.send(from, to, payload, on, new);
            }
            About::Group(group, joined) => self.datagrams.join(group, joined),
        }
    }

    /// Sends a datagram of the gateway's own.
    fn say(&self, from: SocketAddrV4, to: SocketAddrV4, payload: &[u8]) {
        // Without room it is lost; whoever asked asks again.
        if self.wire.has_room()
            && let Some(frame) = datagram(self.board, from, to, payload)
        {
            self.wire.send_to_board(frame);
        }
    }
}
