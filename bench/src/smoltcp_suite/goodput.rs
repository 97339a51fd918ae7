//! Goodput and connection set-up over a long and bad link, in virtual time: checked where it is
//! the same in every run.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use usocket_backend_smoltcp::smoltcp::time::Instant as StackInstant;
use usocket_backend_smoltcp::smoltcp::wire::HardwareAddress;
use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
use usocket_core::prelude::*;
use usocket_core::spi::Platform;
use usocket_core::{Instant, SockAddr, Socket};

use super::bare::{BUFFER, Bare, PORT};
use super::link::{End, Weather};

/// There and back, in microseconds.
const ROUND_TRIP: u64 = 50_000;

/// Bytes of a transfer.
const TOTAL: usize = 1 << 20;

/// Transfers for each line, each with its own losses.
const SEEDS: u64 = 400;

/// Losses, of a thousand.
const LOSSES: [u64; 3] = [0, 10, 50];

/// Least goodput of ours over bare smoltcp where nothing is lost, and least speed of set-up.
const GOODPUT: f64 = 0.97;
const SET_UP: f64 = 0.95;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Send,
    Receive,
    /// No bytes: until connected.
    Connect,
    /// No bytes: until accepted.
    Accept,
}

/// Measures and says each; how many are under their bound.
pub fn run(say: &mut dyn FnMut(&str)) -> usize {
    let mut failures = 0;
    say("goodput in virtual time, round trip 50 ms, buffers of 16 KiB, 1 MiB, mean of 400 seeds:");
    say("      ours      bare  ratio");
    for way in [Way::Send, Way::Receive] {
        for loss in LOSSES {
            let rate = |measure: fn(Way, Weather) -> u64| {
                let time: u64 = (0..SEEDS).map(|seed| measure(way, weather(loss, seed))).sum();
                (TOTAL as u64 * SEEDS) as f64 / time as f64 * 1000.0
            };
            let (ours, bare) = (rate(ours), rate(by_hand));
            let bound = (loss == 0).then_some(GOODPUT);
            let what = format!("{:<8} {} % loss", name(way), loss / 10);
            failures += line(say, &what, "kB/s", (ours, bare), ours / bare, bound);
        }
    }
    for way in [Way::Connect, Way::Accept] {
        let trips = |measure: fn(Way, Weather) -> u64| {
            measure(way, weather(0, 0)) as f64 / ROUND_TRIP as f64
        };
        let (ours, bare) = (trips(ours), trips(by_hand));
        failures += line(say, name(way), "round trips", (ours, bare), bare / ours, Some(SET_UP));
    }
    failures
}

fn line(
    say: &mut dyn FnMut(&str),
    what: &str,
    unit: &str,
    (ours, bare): (f64, f64),
    ratio: f64,
    bound: Option<f64>,
) -> usize {
    let under = bound.is_some_and(|bound| ratio < bound);
    let bound = bound.map_or(String::new(), |bound| format!(" (>= {bound})"));
    let verdict = if under { "   UNDER" } else { "" };
    say(&format!("{ours:10.2}{bare:10.2}{ratio:7.3}  {unit}, {what}{bound}{verdict}"));
    usize::from(under)
}

fn name(way: Way) -> &'static str {
    match way {
        Way::Send => "send",
        Way::Receive => "receive",
        Way::Connect => "connect",
        Way::Accept => "accept",
    }
}

fn weather(loss: u64, seed: u64) -> Weather {
    Weather { delay: ROUND_TRIP / 2, loss, seed: seed + 1 }
}

/// The far end: a bare stack that takes or sends all it can.
struct Far {
    bare: Bare,
    due: usize,
    got: usize,
    /// When it had everything.
    done: Rc<Cell<u64>>,
    data: Vec<u8>,
}

impl Far {
    fn new(end: End, way: Way) -> Self {
        let now = end.time();
        let mut bare = Bare::new(end, HardwareAddress::Ip, (0, 2), 0, now);
        match way {
            Way::Accept => bare.connect(1),
            _ => bare.listen(),
        }
        let due = if way == Way::Receive { TOTAL } else { 0 };
        Self { bare, due, got: 0, done: Rc::default(), data: vec![1; BUFFER] }
    }

    /// Goes on; when it wants to again.
    fn step(&mut self) -> Option<u64> {
        let now = self.bare.device.time();
        self.bare.poll(now);
        self.got += self.bare.drain();
        if self.got == TOTAL && self.done.get() == 0 {
            self.done.set(self.bare.device.now.get());
        }
        let most = self.due.min(self.data.len());
        self.due -= self.bare.send(&self.data[..most]);
        self.bare.poll(now);
        micros(self.bare.poll_at(now))
    }
}

fn micros(time: Option<StackInstant>) -> Option<u64> {
    time.and_then(|time| u64::try_from(time.total_micros()).ok())
}

/// The far end goes on, and time passes until something happens.
fn pass(end: &End, far: &mut Far, until: Option<u64>) {
    let far_due = far.step();
    let next = [until, far_due, end.next_arrival()].into_iter().flatten().min();
    let next = next.expect("virtual time: nothing can ever happen");
    end.now.set(next.max(end.now.get()));
}

/// Sleeping lets the far end go on.
struct Board {
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
            pass(&self.end, &mut self.far.borrow_mut(), until.map(Instant::as_micros));
        }
    }
}

type Ours<'a> = Net<'a, End, Board>;

/// The virtual time that we take, in microseconds.
fn ours(way: Way, weather: Weather) -> u64 {
    let (here, there) = End::pair_in(weather);
    let far = Rc::new(RefCell::new(Far::new(there, way)));
    let done = Rc::clone(&far.borrow().done);
    let board = Board { end: here.clone(), far };
    let config = Config::ip().address([10, 0, 0, 1].into(), 24).expect("an address");
    let mut memory = Box::new(Storage::<'_, 4, 1, BUFFER, BUFFER, 0, 0, 1, { 1 + OWN }>::new());
    let net: Ours<'_> = Net::new(here.clone(), board, &config, &mut memory).expect("a backend");
    let begin = here.now.get();
    let socket = net.tcp().expect("a socket");
    if way == Way::Accept {
        socket.bind(("", PORT)).and_then(|()| socket.listen(1)).expect("a listener");
        let _accepted: (Socket<'_, Ours<'_>>, SockAddr) = socket.accept().expect("a connection");
        return here.now.get() - begin;
    }
    socket.connect((core::net::Ipv4Addr::new(10, 0, 0, 2), PORT)).expect("a connection");
    let connected = here.now.get();
    match way {
        Way::Send => {
            socket.sendall(vec![1; TOTAL]).expect("sent");
            drop(socket);
            // The peer does not end its own direction.
            net.drain(600).expect("everything is acknowledged");
            return done.get() - connected;
        }
        Way::Receive => assert_eq!(socket.read(&mut vec![0; TOTAL]), Ok(Some(TOTAL))),
        Way::Connect | Way::Accept => return connected - begin,
    }
    here.now.get() - connected
}

/// The virtual time that a hand-written loop takes.
fn by_hand(way: Way, weather: Weather) -> u64 {
    let (here, there) = End::pair_in(weather);
    let mut far = Far::new(there, way);
    let done = Rc::clone(&far.done);
    let mut near = Bare::new(here.clone(), HardwareAddress::Ip, (0, 1), 0, here.time());
    let mut sleep = |near: &mut Bare| {
        near.poll(here.time());
        let until = micros(near.poll_at(here.time()));
        pass(&here, &mut far, until);
        near.poll(here.time());
    };
    let begin = here.now.get();
    match way {
        Way::Accept => near.listen(),
        _ => near.connect(2),
    }
    while !near.socket().may_send() {
        sleep(&mut near);
    }
    let connected = here.now.get();
    let mut left = TOTAL;
    let mut buf = vec![1; BUFFER];
    match way {
        Way::Connect | Way::Accept => return connected - begin,
        Way::Send => {
            while left > 0 {
                let most = left.min(buf.len());
                match near.send(&buf[..most]) {
                    0 => sleep(&mut near),
                    sent => left -= sent,
                }
            }
            while done.get() == 0 {
                sleep(&mut near);
            }
            return done.get() - connected;
        }
        Way::Receive => {
            while left > 0 {
                match near.socket().recv_slice(&mut buf) {
                    Ok(taken @ 1..) => left -= taken,
                    _ => sleep(&mut near),
                }
            }
        }
    }
    here.now.get() - connected
}
