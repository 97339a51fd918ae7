//! Connections: one of the gateway's stack and one of this machine each, joined.

use std::collections::{HashMap, HashSet};
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, SocketAddrV4};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Registry, Token};
use smoltcp::iface::{Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp;

use crate::place::{BOARD, inward, outward};
use crate::wire::End;

/// Bytes on the way in each direction of a connection.
const BUFFER: usize = 64 << 10;

/// Connections at once; more are not answered.
const CONNECTIONS: usize = 512;

/// Where connections to the board come from when two clients have the same port.
const SPARE_PORTS: std::ops::RangeInclusive<u16> = 49_152..=65_535;

/// The gateway's own stack.
pub(crate) struct Stack {
    pub(crate) iface: Interface,
    pub(crate) sockets: SocketSet<'static>,
    pub(crate) end: End,
}

impl Stack {
    /// Lets it do all that it can do now.
    pub(crate) fn poll(&mut self) {
        self.iface.poll(smoltcp::time::Instant::now(), &mut self.end, &mut self.sockets);
    }
}

/// The two addresses of a connection as the board sees them: its own, and the peer's.
pub(crate) type Ends = (SocketAddrV4, SocketAddrV4);

/// All connections.
#[derive(Default)]
pub(crate) struct Connections {
    flows: HashMap<Token, Flow>,
    by_ends: HashMap<Ends, Token>,
    listeners: HashMap<Token, (TcpListener, u16)>,
    /// Listeners at which clients may wait that could not be taken.
    crowded: HashSet<Token>,
}

struct Flow {
    ends: Ends,
    host: TcpStream,
    stage: Stage,
    /// Reading from this machine's socket is worth a try; so is writing.
    readable: bool,
    writable: bool,
    /// The direction to the board is open; the one from it.
    inward: bool,
    outward: bool,
    /// The board has ended its direction, in order; it may have more to be handed on.
    ended: bool,
    /// This machine's side was reset; what came before is still on its way to the board.
    reset: bool,
}

enum Stage {
    /// This machine connects; the SYN of the board waits for the outcome.
    Dialling(Vec<u8>),
    Open(SocketHandle),
}

impl Connections {
    pub(crate) fn listen(
        &mut self,
        mut listener: TcpListener,
        port: u16,
        on: &Registry,
        new: Token,
    ) {
        if on.register(&mut listener, new, Interest::READABLE).is_ok() {
            self.listeners.insert(new, (listener, port));
        }
    }

    /// A SYN of the board: `false` if the stack is to see it.
    pub(crate) fn begin(
        &mut self,
        ends: Ends,
        frame: &[u8],
        stack: &mut Stack,
        on: &Registry,
        new: Token,
    ) -> bool {
        if let Some(&token) = self.by_ends.get(&ends) {
            match &self.flows[&token].stage {
                // It is being worked on.
                Stage::Dialling(_) => return true,
                // A repetition, but for the successor of a connection that is over.
                Stage::Open(handle) => {
                    let socket = stack.sockets.get::<tcp::Socket<'_>>(*handle);
                    if !matches!(socket.state(), tcp::State::TimeWait | tcp::State::Closed) {
                        return false;
                    }
                    if socket.recv_queue() > 0 {
                        // Not yet: some of that one is still to be handed on.
                        return true;
                    }
                    self.remove(token, stack);
                }
            }
        }
        if self.flows.len() >= CONNECTIONS {
            return true;
        }
        // Whoever is not there does not answer.
        let Some(to) = outward(ends.1) else { return true };
        match TcpStream::connect(SocketAddr::V4(to)) {
            Ok(mut host) => {
                let both = Interest::READABLE | Interest::WRITABLE;
                if on.register(&mut host, new, both).is_ok() {
                    let stage = Stage::Dialling(frame.to_vec());
                    self.insert(new, Flow::new(ends, host, stage));
                }
                true
            }
            // Nobody listens for it: the stack refuses.
            Err(error) => error.kind() != ErrorKind::ConnectionRefused,
        }
    }

    /// The board has reset a connection that is not open yet.
    pub(crate) fn give_up(&mut self, ends: Ends, stack: &mut Stack) {
        if let Some(&token) = self.by_ends.get(&ends)
            && let Stage::Dialling(_) = self.flows[&token].stage
        {
            self.remove(token, stack);
        }
    }

    /// Notes what the system says about a socket.
    pub(crate) fn note(&mut self, event: &mio::event::Event) {
        if let Some(flow) = self.flows.get_mut(&event.token()) {
            let over = event.is_error() || event.is_read_closed() || event.is_write_closed();
            flow.readable |= event.is_readable() || over;
            flow.writable |= event.is_writable() || over;
        }
    }

    /// Takes the clients that wait at a listener.
    pub(crate) fn accept(
        &mut self,
        token: Token,
        stack: &mut Stack,
        on: &Registry,
        mut new: impl FnMut() -> Token,
    ) {
        while let Some((listener, port)) = self.listeners.get(&token) {
            if self.flows.len() >= CONNECTIONS {
                self.crowded.insert(token);
                return;
            }
            let (mut host, from) = match listener.accept() {
                Ok((host, SocketAddr::V4(from))) => (host, from),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                // Not one of IPv4, or the system is out of something.
                _ => {
                    self.crowded.insert(token);
                    return;
                }
            };
            let board = SocketAddrV4::new(BOARD, *port);
            let Some(peer) = self.free(board, inward(from)) else { continue };
            let mut socket = new_socket();
            let (to, from) = ((*board.ip(), board.port()), (*peer.ip(), peer.port()));
            let new = new();
            if socket.connect(stack.iface.context(), to, from).is_ok()
                && on.register(&mut host, new, Interest::READABLE | Interest::WRITABLE).is_ok()
            {
                let _ = host.set_nodelay(true);
                let stage = Stage::Open(stack.sockets.add(socket));
                self.insert(new, Flow::new((board, peer), host, stage));
            }
        }
    }

    /// The listeners to look at again, as there is room.
    pub(crate) fn have_room(&mut self) -> HashSet<Token> {
        let room = self.flows.len() < CONNECTIONS;
        if room { std::mem::take(&mut self.crowded) } else { HashSet::new() }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.flows.len()
    }

    /// The peer's address, or another port of it, that makes a pair of addresses of its own.
    fn free(&self, board: SocketAddrV4, peer: SocketAddrV4) -> Option<SocketAddrV4> {
        let spare = SPARE_PORTS.map(|port| SocketAddrV4::new(*peer.ip(), port));
        std::iter::once(peer).chain(spare).find(|&peer| !self.by_ends.contains_key(&(board, peer)))
    }

    /// Whether the board has sent something that this machine has not taken yet.
    pub(crate) fn unsent(&self, stack: &Stack) -> bool {
        self.flows.values().any(|flow| match flow.stage {
            Stage::Dialling(_) => false,
            Stage::Open(handle) => {
                let socket = stack.sockets.get::<tcp::Socket<'_>>(handle);
                flow.outward && socket.recv_queue() > 0
            }
        })
    }

    /// Moves every connection on; whether there was anything to move.
    pub(crate) fn pump(&mut self, stack: &mut Stack) -> bool {
        let mut moved = false;
        let mut over = Vec::new();
        for (&token, flow) in &mut self.flows {
            match flow.step(stack) {
                Step::Idle => {}
                Step::Moved => moved = true,
                Step::Over => over.push(token),
            }
        }
        for token in over {
            self.remove(token, stack);
            moved = true;
        }
        moved
    }

    fn insert(&mut self, token: Token, flow: Flow) {
        self.by_ends.insert(flow.ends, token);
        self.flows.insert(token, flow);
    }

    fn remove(&mut self, token: Token, stack: &mut Stack) {
        if let Some(flow) = self.flows.remove(&token) {
            self.by_ends.remove(&flow.ends);
            if let Stage::Open(handle) = flow.stage {
                stack.sockets.remove(handle);
            }
        }
    }
}

/// What became of a connection in one look.
enum Step {
    Idle,
    Moved,
    Over,
}

impl Flow {
    fn new(ends: Ends, host: TcpStream, stage: Stage) -> Self {
        Self {
            ends,
            host,
            stage,
            readable: true,
            writable: true,
            inward: true,
            outward: true,
            ended: false,
            reset: false,
        }
    }

    fn step(&mut self, stack: &mut Stack) -> Step {
        match &mut self.stage {
            Stage::Dialling(syn) => {
                let syn = std::mem::take(syn);
                self.dial(syn, stack)
            }
            &mut Stage::Open(handle) => self.carry(stack.sockets.get_mut(handle)),
        }
    }

    /// Looks whether this machine is connected.
    fn dial(&mut self, syn: Vec<u8>, stack: &mut Stack) -> Step {
        let error = match self.host.take_error() {
            Ok(None) => match self.host.peer_addr() {
                Ok(_) => None,
                Err(_) => {
                    self.stage = Stage::Dialling(syn);
                    return Step::Idle;
                }
            },
            Ok(Some(error)) | Err(error) => Some(error),
        };
        match error {
            None => {
                let mut socket = new_socket();
                let peer = self.ends.1;
                // Neither is open, nor is the port 0, so it listens.
                let _ = socket.listen((*peer.ip(), peer.port()));
                let _ = self.host.set_nodelay(true);
                self.stage = Stage::Open(stack.sockets.add(socket));
                stack.end.inbox.push_back(syn);
                // At once, so that nobody else's SYN finds this socket.
                stack.poll();
                Step::Moved
            }
            Some(error) => {
                if error.kind() == ErrorKind::ConnectionRefused {
                    // Nobody listens for it: the stack refuses.
                    stack.end.inbox.push_back(syn);
                }
                Step::Over
            }
        }
    }

    fn carry(&mut self, socket: &mut tcp::Socket<'_>) -> Step {
        // As the stack has left it: what is done to it below it has to tell the board first.
        let before = socket.state();
        let mut moved = self.carry_outward(socket);
        moved |= self.carry_inward(socket);
        match before {
            // What the board has sent outlives its end of the connection.
            tcp::State::Closed | tcp::State::TimeWait
                if self.outward && socket.recv_queue() > 0 && !moved =>
            {
                Step::Idle
            }
            _ if moved => Step::Moved,
            // The latter: a reset before all of the handshake.
            tcp::State::Closed | tcp::State::Listen => {
                if self.outward || self.inward {
                    // The board has reset it: so does this machine.
                    let _ = socket2::SockRef::from(&self.host).set_linger(Some(Duration::ZERO));
                }
                Step::Over
            }
            // No frame gets lost, so nothing can come back either.
            tcp::State::TimeWait => Step::Over,
            _ => Step::Idle,
        }
    }

    /// From the board to this machine.
    fn carry_outward(&mut self, socket: &mut tcp::Socket<'_>) -> bool {
        let mut moved = false;
        while self.outward && self.writable && socket.can_recv() {
            let written = socket.recv(|bytes| match self.host.write(bytes) {
                Ok(len) => (len, Ok(len)),
                Err(error) => (0, Err(error)),
            });
            match written {
                Ok(Ok(_)) => moved = true,
                Ok(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Ok(Err(error)) if error.kind() == ErrorKind::WouldBlock => self.writable = false,
                // Nobody takes it any more, but there may be something to read.
                Ok(Err(_)) | Err(_) => {
                    self.reset = true;
                    self.outward = false;
                }
            }
        }
        self.ended |= matches!(
            socket.state(),
            tcp::State::CloseWait
                | tcp::State::LastAck
                | tcp::State::Closing
                | tcp::State::TimeWait
        );
        if self.outward && self.ended && socket.recv_queue() == 0 {
            self.outward = false;
            let _ = self.host.shutdown(Shutdown::Write);
            moved = true;
        }
        moved
    }

    /// From this machine to the board.
    fn carry_inward(&mut self, socket: &mut tcp::Socket<'_>) -> bool {
        let mut moved = false;
        while self.inward && self.readable && socket.can_send() {
            let read = socket.send(|room| match self.host.read(room) {
                Ok(len) => (len, Ok(len)),
                Err(error) => (0, Err(error)),
            });
            match read {
                Ok(Ok(0)) => {
                    self.inward = false;
                    socket.close();
                    moved = true;
                }
                Ok(Ok(_)) => moved = true,
                Ok(Err(error)) if error.kind() == ErrorKind::Interrupted => {}
                Ok(Err(error)) if error.kind() == ErrorKind::WouldBlock => self.readable = false,
                Ok(Err(_)) | Err(_) => {
                    self.reset = true;
                    self.inward = false;
                }
            }
        }
        let read = !(self.inward && self.readable);
        if self.reset && read && socket.send_queue() == 0 && socket.is_open() {
            // What came before the reset has arrived (R1).
            socket.abort();
            (self.inward, self.outward) = (false, false);
            moved = true;
        }
        moved
    }
}

fn new_socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
    let mut socket = tcp::Socket::new(buffer(), buffer());
    socket.set_nagle_enabled(false);
    socket.set_ack_delay(None);
    socket
}
