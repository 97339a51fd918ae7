//! What instructions are counted of: bulk data both ways and connections, by us and by a
//! hand-written loop on bare smoltcp. The far end is a bare stack and is not counted.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::rc::Rc;

use usocket_backend_smoltcp::smoltcp::socket::tcp::State;
use usocket_backend_smoltcp::smoltcp::wire::HardwareAddress;
use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
use usocket_core::prelude::*;
use usocket_core::spi::Platform;
use usocket_core::{Instant, Socket};

use super::bare::{BUFFER, Bare, IDLE_PORT, PORT};
use super::link::End;
use crate::std_suite::ops::Op;

/// Bytes that one operation of bulk moves, in pieces of a size.
pub const BLOCK: usize = 16_384;

/// Where the far end is.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// What a full segment of the link carries.
pub const MSS: usize = 1460;

/// The name of the far end's part, which a count leaves out.
pub const FAR: &str = "*the_far_end_goes_on*";

/// The operations.
pub const OPS: &[Op] = &[
    bulk("smoltcp-send-16384", send_ours::<BLOCK, 1, { 1 + OWN }, 0>, send_bare::<BLOCK, 0, 0>),
    bulk("smoltcp-send-8192", send_ours::<8192, 1, { 1 + OWN }, 0>, send_bare::<8192, 0, 0>),
    bulk("smoltcp-send-1460", send_ours::<MSS, 1, { 1 + OWN }, 0>, send_bare::<MSS, 0, 0>),
    bulk("smoltcp-send-64", send_ours::<64, 1, { 1 + OWN }, 0>, send_bare::<64, 0, 0>),
    bulk("smoltcp-recv-16384", recv_ours::<BLOCK, 1, { 1 + OWN }, 0>, recv_bare::<BLOCK, 0, 0>),
    bulk("smoltcp-recv-8192", recv_ours::<8192, 1, { 1 + OWN }, 0>, recv_bare::<8192, 0, 0>),
    bulk("smoltcp-recv-1460", recv_ours::<MSS, 1, { 1 + OWN }, 0>, recv_bare::<MSS, 0, 0>),
    bulk("smoltcp-recv-64", recv_ours::<64, 1, { 1 + OWN }, 0>, recv_bare::<64, 0, 0>),
    bulk("smoltcp-send-closing", send_closing, send_bare::<BLOCK, 1, 0>),
    bulk("smoltcp-recv-closing", recv_closing, recv_bare::<BLOCK, 1, 0>),
    bulk("smoltcp-send-timeout", send_timeout, send_bare::<BLOCK, 0, 0>),
    bulk("smoltcp-recv-timeout", recv_timeout, recv_bare::<BLOCK, 0, 0>),
    bulk("smoltcp-send-idle-1", send_ours::<BLOCK, 2, { 2 + OWN }, 0>, send_bare::<BLOCK, 1, 0>),
    bulk("smoltcp-send-idle-8", send_ours::<BLOCK, 9, { 9 + OWN }, 0>, send_bare::<BLOCK, 8, 0>),
    bulk(
        "smoltcp-send-idle-64",
        send_ours::<BLOCK, 65, { 65 + OWN }, 0>,
        send_bare::<BLOCK, 64, 0>,
    ),
    bulk(
        "smoltcp-send-idle-256",
        send_ours::<BLOCK, 257, { 257 + OWN }, 0>,
        send_bare::<BLOCK, 256, 0>,
    ),
    bulk("smoltcp-recv-idle-1", recv_ours::<BLOCK, 2, { 2 + OWN }, 0>, recv_bare::<BLOCK, 1, 0>),
    bulk("smoltcp-recv-idle-8", recv_ours::<BLOCK, 9, { 9 + OWN }, 0>, recv_bare::<BLOCK, 8, 0>),
    bulk(
        "smoltcp-recv-idle-64",
        recv_ours::<BLOCK, 65, { 65 + OWN }, 0>,
        recv_bare::<BLOCK, 64, 0>,
    ),
    bulk(
        "smoltcp-recv-idle-256",
        recv_ours::<BLOCK, 257, { 257 + OWN }, 0>,
        recv_bare::<BLOCK, 256, 0>,
    ),
    bulk(
        "smoltcp-send-listeners-256",
        send_ours::<BLOCK, 1, { 1 + OWN }, 256>,
        send_bare::<BLOCK, 0, 256>,
    ),
    bulk(
        "smoltcp-recv-listeners-256",
        recv_ours::<BLOCK, 1, { 1 + OWN }, 256>,
        recv_bare::<BLOCK, 0, 256>,
    ),
    bulk("smoltcp-connect", connect_ours, connect_bare),
    bulk("smoltcp-accept", accept_ours, accept_bare),
];

const fn bulk(name: &'static str, ours: fn(usize), peer: fn(usize)) -> Op {
    Op { name, ours, peer: Some(peer) }
}

/// Sockets beside idle ones and listeners.
const MANY: usize = 520;

type Memory<'a, const SOCKETS: usize, const STREAMS: usize, const SET: usize> =
    Storage<'a, SOCKETS, STREAMS, BUFFER, BUFFER, 0, 0, 4, SET>;
pub(crate) type Ours<'a> = Net<'a, End, Board>;

/// The far end and what it does.
pub(crate) struct Far {
    bare: Bare,
    task: Task,
    /// Bytes that it has to send.
    pub(crate) due: usize,
    data: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Task {
    /// Takes what comes, and sends what is due.
    Bulk,
    /// Accepts connections and ends each at once.
    Accept,
    /// Makes connections and ends each at once.
    Connect,
}

impl Far {
    fn new(end: End, others: usize, task: Task) -> Self {
        let now = end.time();
        let mut bare = Bare::new(end, HardwareAddress::Ip, (0, 2), others, now);
        if task == Task::Bulk {
            bare.listen_others();
            bare.listen();
        }
        let mut far = Self { bare, task, due: 0, data: vec![1; BUFFER] };
        if task == Task::Accept {
            far.turn_over();
        }
        far
    }

    fn step(&mut self) {
        let now = self.bare.device.time();
        self.bare.poll(now);
        match self.task {
            Task::Bulk => {
                self.bare.drain();
                let most = self.due.min(self.data.len());
                self.due -= self.bare.send(&self.data[..most]);
            }
            // What an abort leaves goes out first.
            Task::Accept | Task::Connect => {
                self.turn_over();
                self.bare.poll(now);
                self.turn_over();
            }
        }
        self.bare.poll(now);
    }

    fn turn_over(&mut self) {
        let accepts = self.task == Task::Accept;
        let mut idle = true;
        for socket in self.bare.sockets() {
            match socket.state() {
                State::Established => socket.close(),
                State::TimeWait => socket.abort(),
                State::Closed if accepts => drop(socket.listen(PORT)),
                _ => {}
            }
            idle &= socket.state() == State::Closed;
        }
        if !accepts && idle {
            self.bare.connect(1);
        }
    }
}

/// The far end goes on: what this costs is not counted.
#[inline(never)]
fn the_far_end_goes_on(far: &RefCell<Far>) {
    far.borrow_mut().step();
}

/// Sleeping lets the far end go on.
pub(crate) struct Board {
    end: End,
    far: Rc<RefCell<Far>>,
}

impl Platform for Board {
    fn now(&self) -> Instant {
        Instant::from_micros(self.end.now.get())
    }

    fn seed(&self) -> u64 {
        7
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        if !ready() {
            the_far_end_goes_on(&self.far);
            pass(&self.end, until.map(Instant::as_micros));
        }
    }
}

/// Time passes only while no frame waits.
fn pass(end: &End, until: Option<u64>) {
    if !end.waits() {
        let step = end.now.get() + 1000;
        end.now.set(until.map_or(step, |until| until.clamp(end.now.get(), step)));
    }
}

/// On a stack that has room for the memory of 257 connections.
fn with_room(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(64 << 20);
        let done = thread.spawn_scoped(scope, work).map(|thread| thread.join());
        assert!(matches!(done, Ok(Ok(()))), "the operation failed");
    });
}

fn with_ours<const SOCKETS: usize, const STREAMS: usize, const SET: usize>(
    task: Task,
    work: impl FnOnce(&Ours<'_>, &RefCell<Far>) + Send,
) {
    with_room(|| {
        let (ours, theirs) = End::pair();
        let far = Rc::new(RefCell::new(Far::new(theirs, STREAMS - 1, task)));
        let board = Board { end: ours.clone(), far: Rc::clone(&far) };
        let config = Config::ip().address([10, 0, 0, 1].into(), 24).expect("an address");
        let mut memory = Box::new(Memory::<SOCKETS, STREAMS, SET>::new());
        let net: Ours<'_> = Net::new(ours, board, &config, &mut memory).expect("a backend");
        work(&net, &far);
    });
}

/// Calls `work` with a backend that has room for one connection, and with the far end, which
/// listens at [`HOST`] and [`PORT`].
pub(crate) fn with_net(work: impl FnOnce(&Ours<'_>, &RefCell<Far>) + Send) {
    with_ours::<4, 1, { 1 + OWN }>(Task::Bulk, work);
}

/// One connection beside idle ones, as many as there is room for, and listeners.
fn with_stream<const STREAMS: usize, const SET: usize, const LISTENERS: usize>(
    work: impl FnOnce(&Socket<'_, Ours<'_>>, &RefCell<Far>) + Send,
) {
    with_ours::<MANY, STREAMS, SET>(Task::Bulk, |net, far| {
        let connect = |port| {
            let socket = net.tcp().expect("a socket");
            socket.connect((HOST, port)).expect("a connection");
            socket
        };
        let idle: Vec<_> = (IDLE_PORT..).take(STREAMS - 1).map(connect).collect();
        let listeners: Vec<_> = (0..LISTENERS)
            .map(|_| {
                let socket = net.tcp().expect("a socket");
                socket.bind(("", 0)).and_then(|()| socket.listen(1)).expect("a listener");
                socket
            })
            .collect();
        work(&connect(PORT), far);
        drop((idle, listeners));
    });
}

/// Sends so many blocks.
fn send_ours<const PIECE: usize, const STREAMS: usize, const SET: usize, const LISTENERS: usize>(
    blocks: usize,
) {
    let data = vec![1; BLOCK];
    with_stream::<STREAMS, SET, LISTENERS>(|socket, _| {
        for _ in 0..blocks {
            for piece in data.chunks(PIECE) {
                socket.sendall(piece).expect("sent");
            }
        }
    });
}

/// The same with a timeout.
fn send_timeout(blocks: usize) {
    let data = vec![1; BLOCK];
    with_stream::<1, { 1 + OWN }, 0>(|socket, _| {
        socket.settimeout(5).expect("a timeout");
        for _ in 0..blocks {
            socket.sendall(&data).expect("sent");
        }
    });
}

fn receive(socket: &Socket<'_, Ours<'_>>, far: &RefCell<Far>, blocks: usize, piece: usize) {
    let mut buf = vec![0; piece];
    far.borrow_mut().due = blocks * BLOCK;
    let mut left = blocks * BLOCK;
    while left > 0 {
        left -= socket.recv(&mut buf).expect("received");
    }
}

/// Receives so many blocks.
fn recv_ours<const PIECE: usize, const STREAMS: usize, const SET: usize, const LISTENERS: usize>(
    blocks: usize,
) {
    with_stream::<STREAMS, SET, LISTENERS>(|socket, far| receive(socket, far, blocks, PIECE));
}

/// The same with a timeout.
fn recv_timeout(blocks: usize) {
    with_stream::<1, { 1 + OWN }, 0>(|socket, far| {
        socket.settimeout(5).expect("a timeout");
        receive(socket, far, blocks, BLOCK);
    });
}

/// One connection beside one that is closed on our side only, which began before it.
fn beside_a_closing_one(work: impl FnOnce(&Socket<'_, Ours<'_>>, &RefCell<Far>) + Send) {
    with_ours::<4, 2, { 2 + OWN }>(Task::Bulk, |net, far| {
        let connect = |port| {
            let socket = net.tcp().expect("a socket");
            socket.connect((HOST, port)).expect("a connection");
            socket
        };
        drop(connect(IDLE_PORT));
        work(&connect(PORT), far);
    });
}

/// Sends so many blocks there.
fn send_closing(blocks: usize) {
    let data = vec![1; BLOCK];
    beside_a_closing_one(|socket, _| {
        for _ in 0..blocks {
            socket.sendall(&data).expect("sent");
        }
    });
}

/// Receives so many blocks there.
fn recv_closing(blocks: usize) {
    beside_a_closing_one(|socket, far| receive(socket, far, blocks, BLOCK));
}

/// Connects, sees the peer's end, closes: so many times.
fn connect_ours(count: usize) {
    with_ours::<4, 2, { 2 + OWN }>(Task::Accept, |net, _| {
        for _ in 0..count {
            let socket = net.tcp().expect("a socket");
            socket.connect((HOST, PORT)).expect("a connection");
            assert_eq!(socket.recv(&mut [0; 8]), Ok(0));
        }
    });
}

/// Accepts, sees the peer's end, closes: so many times.
fn accept_ours(count: usize) {
    with_ours::<4, 2, { 2 + OWN }>(Task::Connect, |net, _| {
        let listener = net.tcp().expect("a socket");
        listener.bind(("", PORT)).and_then(|()| listener.listen(1)).expect("a listener");
        for _ in 0..count {
            let (socket, _) = listener.accept().expect("a connection");
            assert_eq!(socket.recv(&mut [0; 8]), Ok(0));
        }
    });
}

/// The loop by hand: it polls when it has given the stack something to send, and when it needs
/// something; where that does not help it asks when to poll again and sleeps.
struct Loop {
    near: Bare,
    far: RefCell<Far>,
}

impl Loop {
    fn new(task: Task, connections: usize, listeners: usize) -> Self {
        let (ours, theirs) = End::pair();
        let spare = usize::from(task == Task::Accept);
        let far = RefCell::new(Far::new(theirs, connections + spare, task));
        let now = ours.time();
        let near = Bare::new(ours, HardwareAddress::Ip, (0, 1), connections.max(listeners), now);
        let mut this = Self { near, far };
        if listeners > 0 {
            this.near.listen_others();
        } else {
            this.near.connect_others(2);
            this.until(|near| near.others_connected());
        }
        this
    }

    fn connected(connections: usize, listeners: usize) -> Self {
        let mut this = Self::new(Task::Bulk, connections, listeners);
        this.near.connect(2);
        this.until(|near| near.socket().may_send());
        this
    }

    fn poll(&mut self) {
        self.near.poll(self.near.device.time());
    }

    fn sleep(&mut self) {
        let at = self.near.poll_at(self.near.device.time());
        the_far_end_goes_on(&self.far);
        pass(&self.near.device, at.and_then(|at| u64::try_from(at.total_micros()).ok()));
    }

    fn until(&mut self, mut done: impl FnMut(&mut Bare) -> bool) {
        loop {
            self.poll();
            if done(&mut self.near) {
                return;
            }
            self.sleep();
        }
    }
}

fn send_bare<const PIECE: usize, const CONNECTIONS: usize, const LISTENERS: usize>(blocks: usize) {
    let data = vec![1; BLOCK];
    with_room(|| {
        let mut by_hand = Loop::connected(CONNECTIONS, LISTENERS);
        for _ in 0..blocks {
            for piece in data.chunks(PIECE) {
                let mut sent = 0;
                loop {
                    sent += by_hand.near.send(&piece[sent..]);
                    by_hand.poll();
                    if sent == piece.len() {
                        break;
                    }
                    if !by_hand.near.socket().can_send() {
                        by_hand.sleep();
                    }
                }
            }
        }
    });
}

fn recv_bare<const PIECE: usize, const CONNECTIONS: usize, const LISTENERS: usize>(blocks: usize) {
    let mut buf = vec![0; PIECE];
    with_room(|| {
        let mut by_hand = Loop::connected(CONNECTIONS, LISTENERS);
        by_hand.far.borrow_mut().due = blocks * BLOCK;
        let mut left = blocks * BLOCK;
        while left > 0 {
            match by_hand.near.socket().recv_slice(&mut buf) {
                Ok(taken @ 1..) => left -= taken,
                _ => {
                    by_hand.poll();
                    if !by_hand.near.socket().can_recv() {
                        by_hand.sleep();
                    }
                }
            }
        }
    });
}

fn connect_bare(count: usize) {
    with_room(|| {
        let mut by_hand = Loop::new(Task::Accept, 0, 0);
        for _ in 0..count {
            by_hand.near.connect(2);
            by_hand.until(|near| near.socket().may_send());
            finish(&mut by_hand);
        }
    });
}

fn accept_bare(count: usize) {
    with_room(|| {
        let mut by_hand = Loop::new(Task::Connect, 0, 0);
        for _ in 0..count {
            by_hand.near.listen();
            by_hand.until(|near| near.socket().may_send());
            finish(&mut by_hand);
        }
    });
}

/// Sees the peer's end and closes.
fn finish(by_hand: &mut Loop) {
    by_hand.until(|near| !near.socket().may_recv());
    by_hand.near.socket().close();
    by_hand.until(|near| near.socket().state() == State::Closed);
}
