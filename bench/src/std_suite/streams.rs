//! Streams: bulk, ping-pong, connections.

use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::contender::Net;
use crate::clock::{timed, timed_alone};
use crate::machine::{Cores, pin};

/// What is sent and where it is received: the same memory for both sides, since
/// where memory lies decides how fast it is copied.
#[derive(Debug)]
pub struct Buffers {
    data: Vec<u8>,
    room: Vec<u8>,
}

impl Buffers {
    /// Two of so many bytes.
    #[must_use]
    pub fn new(chunk: usize) -> Self {
        Self { data: vec![0x55; chunk], room: vec![0; chunk] }
    }
}

/// Sends `bytes` in chunks through one connection, from one thread to another.
/// The clock runs from the first chunk to the last byte received.
pub fn bulk<N: Net>(net: N, cores: Cores, buffers: &mut Buffers, bytes: u64) -> Duration {
    let (from, to) = net.pair();
    let Buffers { data, room } = buffers;
    let barrier = Barrier::new(2);
    thread::scope(|scope| {
        let receiver = scope.spawn(|| {
            pin(cores.second);
            drain::<N>(&to, room, WARM_UP);
            barrier.wait();
            drain::<N>(&to, room, bytes);
            Instant::now()
        });
        fill::<N>(&from, data, WARM_UP);
        barrier.wait();
        let start = Instant::now();
        fill::<N>(&from, data, bytes);
        receiver.join().expect("the receiver") - start
    })
}

/// Sends and receives one chunk in turn, on one thread: no scheduler in it.
pub fn in_turn<N: Net>(net: N, buffers: &mut Buffers, bytes: u64) -> Duration {
    let (from, to) = net.pair();
    let Buffers { data, room } = buffers;
    let chunk = data.len() as u64;
    let mut run = |bytes: u64| {
        for _ in 0..bytes.div_ceil(chunk) {
            N::send(&from, data);
            drain::<N>(&to, room, chunk);
        }
    };
    run(WARM_UP);
    timed_alone(|| run(bytes))
}

/// One byte there and back, between two threads.
pub fn ping_pong<N: Net>(net: N, cores: Cores, rounds: u64) -> Duration {
    let (here, there) = net.pair();
    thread::scope(|scope| {
        scope.spawn(|| {
            pin(cores.second);
            let mut byte = [0];
            for _ in 0..rounds + WARM_ROUNDS {
                N::recv(&there, &mut byte);
                N::send(&there, &byte);
            }
        });
        let rounds_of = |count| {
            let mut byte = [7];
            for _ in 0..count {
                N::send(&here, &byte);
                N::recv(&here, &mut byte);
            }
        };
        rounds_of(WARM_ROUNDS);
        timed(|| rounds_of(rounds))
    })
}

/// Connects, accepts and closes, on one thread.
///
/// A new listener each time: ports that wait out their last connection are in
/// nobody's way then.
pub fn connections<N: Net>(net: N, count: u64) -> Duration {
    let (listener, address) = net.listen();
    timed_alone(|| {
        for _ in 0..count {
            let client = net.connect(address);
            let server = N::accept(&listener);
            drop(client);
            drop(server);
        }
    })
}

/// Accepts and closes what another thread connects and closes.
pub fn accepts<N: Net>(net: N, cores: Cores, count: u64) -> Duration {
    let (listener, address) = net.listen();
    thread::scope(|scope| {
        let net = &net;
        scope.spawn(move || {
            pin(cores.second);
            for _ in 0..count {
                drop(net.connect(address));
            }
        });
        timed(|| {
            for _ in 0..count {
                drop(N::accept(&listener));
            }
        })
    })
}

fn fill<N: Net>(stream: &N::Stream, data: &[u8], bytes: u64) {
    for _ in 0..bytes.div_ceil(data.len() as u64) {
        N::send(stream, data);
    }
}

/// Receives what `fill` sends for as many bytes.
fn drain<N: Net>(stream: &N::Stream, room: &mut [u8], bytes: u64) {
    let mut left = bytes.div_ceil(room.len() as u64) * room.len() as u64;
    while left > 0 {
        let wanted = room.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        left -= N::recv(stream, &mut room[..wanted]) as u64;
    }
}

/// Sent before the clock starts, so that the system's buffers have grown.
const WARM_UP: u64 = 4 << 20;
const WARM_ROUNDS: u64 = 50;
