//! Bulk data both ways, by us and by the bare loop. The far end is a bare stack.

use std::cell::RefCell;
use std::rc::Rc;

use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
use usocket_core::prelude::*;
use usocket_core::spi::Platform;
use usocket_core::{Instant, Socket};

use super::bare::{BUFFER, Bare, PORT};
use super::link::End;
use crate::std_suite::ops::Op;

/// The operations: pieces of bulk data, alone and beside idle sockets.
pub const OPS: [Op; 4] = [
    Op { name: "smoltcp-send", ours: |n| send_ours(n, 0), peer: Some(|n| send_bare(n, 0)) },
    Op { name: "smoltcp-recv", ours: |n| recv_ours(n, 0), peer: Some(|n| recv_bare(n, 0)) },
    Op { name: "smoltcp-send-256", ours: |n| send_ours(n, 256), peer: Some(|n| send_bare(n, 256)) },
    Op { name: "smoltcp-recv-256", ours: |n| recv_ours(n, 256), peer: Some(|n| recv_bare(n, 256)) },
];

/// What one operation moves.
pub const PIECE: usize = 8192;

type Memory<'a> = Storage<'a, 300, 1, BUFFER, BUFFER, 0, 0, 1, { 1 + OWN }>;
type Ours<'a> = Net<'a, End, Board>;

/// Sleeping lets the far end go on.
struct Board {
    end: End,
    far: Rc<RefCell<Far>>,
}

/// The far end and what it does.
struct Far {
    bare: Bare,
    /// Bytes that it has to send.
    due: usize,
    data: Vec<u8>,
}

impl Far {
    fn step(&mut self) {
        self.bare.poll();
        self.bare.drain();
        let most = self.due.min(self.data.len());
        self.due -= self.bare.send(&self.data[..most]);
        self.bare.poll();
    }
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
            self.far.borrow_mut().step();
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

fn far(end: End) -> Far {
    let mut bare = Bare::new(end, 2, 0);
    bare.listen();
    Far { bare, due: 0, data: vec![1; BUFFER] }
}

fn with_ours(idle: usize, work: impl FnOnce(&Socket<'_, Ours<'_>>, &RefCell<Far>)) {
    let (ours, theirs) = End::pair();
    let far = Rc::new(RefCell::new(far(theirs)));
    let board = Board { end: ours.clone(), far: Rc::clone(&far) };
    let config = Config::ip().address([10, 0, 0, 1].into(), 24).expect("an address");
    let mut memory = Box::new(Memory::new());
    let net: Ours<'_> = Net::new(ours, board, &config, &mut memory).expect("a backend");
    let idle: Vec<_> = (0..idle)
        .map(|_| {
            let socket = net.tcp().expect("a socket");
            socket.bind(("", 0)).and_then(|()| socket.listen(1)).expect("a listener");
            socket
        })
        .collect();
    let socket = net.tcp().expect("a socket");
    socket.connect((core::net::Ipv4Addr::new(10, 0, 0, 2), PORT)).expect("a connection");
    work(&socket, &far);
    drop(idle);
}

/// Sends so many pieces.
pub fn send_ours(pieces: usize, idle: usize) {
    let data = vec![1; PIECE];
    with_ours(idle, |socket, _| {
        for _ in 0..pieces {
            socket.sendall(&data[..]).expect("sent");
        }
    });
}

/// Receives so many pieces.
pub fn recv_ours(pieces: usize, idle: usize) {
    let mut buf = vec![0; PIECE];
    with_ours(idle, |socket, far| {
        far.borrow_mut().due = pieces * PIECE;
        let mut left = pieces * PIECE;
        while left > 0 {
            left -= socket.recv(&mut buf).expect("received");
        }
    });
}

fn with_bare(idle: usize, mut work: impl FnMut(&mut Bare, &mut Far)) {
    let (ours, theirs) = End::pair();
    let mut far = far(theirs);
    let mut near = Bare::new(ours, 1, idle);
    near.connect(2);
    while !near.socket().may_send() {
        near.poll();
        far.step();
        pass(&near.end, None);
    }
    work(&mut near, &mut far);
}

/// The same by hand.
pub fn send_bare(pieces: usize, idle: usize) {
    let data = vec![1; PIECE];
    with_bare(idle, |near, far| {
        for _ in 0..pieces {
            let mut sent = 0;
            loop {
                sent += near.send(&data[sent..]);
                near.poll();
                if sent == PIECE {
                    break;
                }
                if !near.socket().can_send() {
                    far.step();
                    pass(&near.end, None);
                }
            }
        }
    });
}

/// The same by hand.
pub fn recv_bare(pieces: usize, idle: usize) {
    let mut buf = vec![0; PIECE];
    with_bare(idle, |near, far| {
        far.due = pieces * PIECE;
        let mut left = pieces * PIECE;
        while left > 0 {
            match near.socket().recv_slice(&mut buf) {
                Ok(taken @ 1..) => left -= taken,
                _ => {
                    near.poll();
                    if !near.socket().can_recv() {
                        far.step();
                        pass(&near.end, None);
                    }
                }
            }
        }
    });
}
