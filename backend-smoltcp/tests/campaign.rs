//! Random calls on a wire with random faults, many runs, each in a fresh world.
//!
//! `USOCKET_RUNS=10000 cargo test --release -p usocket-backend-smoltcp --all-features --test
//! campaign -- --nocapture`; a run that fails names its seed, and `USOCKET_SEED=n` repeats it.
//!
//! What must hold: each stream is a prefix of what was sent, datagrams are whole or absent,
//! every call ends by its deadline, nothing panics, and at the end everything works again and
//! is given back.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use support::roomy;
use support::wire::Faults;
use support::world::{World, ip4, world};
use usocket_conformance::cases::calls_in_any_order;
use usocket_conformance::{Actor, Digest, End, Harness, State, Step, pattern};
use usocket_core::prelude::*;
use usocket_core::spi::Shutdown;
use usocket_core::{Family, Instant, Socket};

type Ours<'h, 'w> = Socket<'h, support::world::Ours<'w>>;

/// Runs that failed once: a probe put a zero into a stream; two that repeated at once, one with a
/// closed window, took what the other acknowledged for old.
const ONCE: [u64; 2] = [861, 5834];

/// What many runs did.
#[derive(Default)]
struct Counts {
    runs: u32,
    clean: u32,
    lossy: u32,
    flaps: u32,
    links: u32,
    streams: u32,
    complete: u32,
    cut: u32,
    bytes: u64,
    datagrams: u64,
}

/// The seed's own numbers.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x ^ (x >> 31)) % sides
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.roll(100) < percent
    }
}

/// A stream of ours and what is known of it.
struct Stream<'h, 'w> {
    socket: Ours<'h, 'w>,
    peer: Actor,
    sent: u64,
    got: u64,
    /// What the peer sends in all.
    due: u64,
    ended: Option<Result<()>>,
    shut: bool,
}

struct Run<'h, 'w> {
    world: &'h World<'w>,
    dice: Dice,
    clean: bool,
    streams: Vec<Stream<'h, 'w>>,
    listener: Ours<'h, 'w>,
    datagrams: Ours<'h, 'w>,
    echo: usocket_core::SockAddr,
    down_until: Option<Instant>,
    cut_until: Option<Instant>,
}

impl<'h, 'w> Run<'h, 'w> {
    fn new(world: &'h World<'w>, seed: u64, counts: &mut Counts) -> Self {
        let mut dice = Dice(seed);
        let clean = dice.chance(10);
        counts.runs += 1;
        let listener = world.net.tcp().unwrap();
        listener.bind(("", 80)).unwrap();
        listener.listen(3).unwrap();
        let peer = world.peer().start(&[Step::Udp(Family::V4), Step::EchoFrom(u32::MAX)]).unwrap();
        let echo = world.peer().address(peer).unwrap();
        let datagrams = world.net.udp().unwrap();
        datagrams.setblocking(false).unwrap();
        if clean {
            counts.clean += 1;
        } else {
            counts.lossy += 1;
            world.theirs.wire.borrow_mut().faults = Faults {
                latency: Duration::from_micros(dice.roll(60_000)),
                bandwidth: dice.chance(30).then(|| 20_000 + dice.roll(1_000_000)),
                loss: if dice.chance(60) { dice.roll(200) } else { 0 },
                duplicate: if dice.chance(40) { dice.roll(200) } else { 0 },
                reorder: if dice.chance(40) { dice.roll(300) } else { 0 },
                cut: false,
                tight: dice.chance(30),
            };
        }
        let (down_until, cut_until) = (None, None);
        let streams = Vec::new();
        Self { world, dice, clean, streams, listener, datagrams, echo, down_until, cut_until }
    }

    /// One random act.
    fn act(&mut self, counts: &mut Counts) {
        match self.dice.roll(16) {
            0 | 1 => self.connect(counts),
            2 => self.be_called(),
            3 => self.accept(counts),
            4..=6 => self.send(),
            7..=9 => self.receive(),
            10 => self.send_datagram(),
            11 => self.receive_datagram(counts),
            12 => self.end_one(counts),
            13 if !self.clean && self.dice.chance(30) => self.flap(counts),
            14 => {
                // We do something else, and nobody drives.
                let until = self.world.now() + Duration::from_micros(self.dice.roll(20_000_000));
                self.world.net.platform().idle(Some(until), &mut || false);
            }
            _ => self.world.pass(Duration::from_micros(self.dice.roll(300_000))),
        }
        self.mend();
    }

    fn peer_script(&mut self) -> (u64, Vec<Step>) {
        let len = self.dice.roll(30_000);
        let mut steps = vec![Step::Send(u32::try_from(len).unwrap())];
        match self.dice.roll(4) {
            0 => steps.extend([Step::Fin, Step::RecvToEnd]),
            1 => steps.extend([Step::RecvToEnd, Step::Close]),
            2 => steps.extend([Step::Wait(200), Step::Rst]),
            _ => steps.push(Step::Hold),
        }
        (len, steps)
    }

    fn connect(&mut self, counts: &mut Counts) {
        if self.streams.len() >= 6 || self.down_until.is_some() {
            return;
        }
        let (due, then) = self.peer_script();
        let mut script = vec![Step::Listen(Family::V4, 2), Step::Accept];
        script.extend(then);
        let peer = self.world.peer().start(&script).unwrap();
        let to = self.world.peer().address(peer).unwrap();
        let socket = self.world.net.tcp().unwrap();
        let limit = Duration::from_millis(1 + self.dice.roll(5000));
        socket.settimeout(limit).unwrap();
        let begun = self.world.now();
        let outcome = socket.connect(to);
        let took = self.world.now().saturating_since(begun);
        assert!(took <= limit + Duration::from_millis(1), "connect took {took:?} of {limit:?}");
        match outcome {
            Ok(()) => self.keep(socket, peer, due, counts),
            Err(error) => {
                let known =
                    [Error::ETIMEDOUT, Error::EHOSTUNREACH, Error::ENOBUFS, Error::ENETDOWN];
                assert!(known.contains(&error) && !self.clean, "connect: {error}");
                self.world.peer().stop(peer);
            }
        }
    }

    fn keep(&mut self, socket: Ours<'h, 'w>, peer: Actor, due: u64, counts: &mut Counts) {
        socket.setblocking(false).unwrap();
        counts.streams += 1;
        let stream = Stream { socket, peer, sent: 0, got: 0, due, ended: None, shut: false };
        self.streams.push(stream);
    }

    /// The peer calls us; whom it is, its address tells when it is accepted.
    fn be_called(&mut self) {
        let to = usocket_core::SockAddr::new(ip4(1), 80);
        let text: &[u8] = b"a caller";
        let _ = self.world.peer().start(&[Step::Connect(to), Step::Text(text), Step::RecvToEnd]);
    }

    fn accept(&mut self, _: &mut Counts) {
        self.listener.settimeout(Duration::from_millis(self.dice.roll(500))).unwrap();
        match self.listener.accept() {
            Ok((caller, _)) => {
                caller.settimeout(2).unwrap();
                let mut buf = [0; 16];
                let mut had = 0;
                while had < 8 {
                    match caller.recv(&mut buf[had..]) {
                        Ok(0) | Err(_) => break,
                        Ok(n) => had += n,
                    }
                }
                assert!(b"a caller".starts_with(&buf[..had]), "{:?}", &buf[..had]);
            }
            Err(Error::ETIMEDOUT | Error::EAGAIN) => {}
            Err(error) => panic!("accept: {error}"),
        }
    }

    fn pick(&mut self) -> Option<usize> {
        let count = self.streams.len() as u64;
        (count > 0).then(|| usize::try_from(self.dice.roll(count)).unwrap())
    }

    fn send(&mut self) {
        let Some(index) = self.pick() else { return };
        let len = self.dice.roll(6000);
        let stream = &mut self.streams[index];
        let data: Vec<u8> = (stream.sent..stream.sent + len).map(pattern).collect();
        match stream.socket.send(&data[..]) {
            Ok(n) => stream.sent += n as u64,
            Err(Error::EAGAIN) => {}
            Err(error) => stream.note_end(error),
        }
    }

    fn receive(&mut self) {
        let Some(index) = self.pick() else { return };
        let mut buf = vec![0; usize::try_from(1 + self.dice.roll(4000)).unwrap()];
        let stream = &mut self.streams[index];
        match stream.socket.recv(&mut buf) {
            Ok(0) => {
                if stream.ended.is_none() {
                    assert_eq!(stream.got, stream.due, "an end before all was received");
                    stream.ended = Some(Ok(()));
                }
            }
            Ok(n) => {
                for (offset, &byte) in (stream.got..).zip(&buf[..n]) {
                    assert_eq!(byte, pattern(offset), "wrong byte at {offset}");
                }
                stream.got += n as u64;
                assert!(stream.got <= stream.due, "more than was sent");
            }
            Err(Error::EAGAIN) => {}
            Err(error) => stream.note_end(error),
        }
    }

    fn send_datagram(&mut self) {
        let len = self.dice.roll(1473);
        let data: Vec<u8> = (0..len).map(pattern).collect();
        match self.datagrams.sendto(&data[..], self.echo) {
            Ok(n) => assert_eq!(n as u64, len),
            Err(Error::EAGAIN | Error::ENETDOWN) => {}
            Err(error) => panic!("sendto: {error}"),
        }
    }

    fn receive_datagram(&mut self, counts: &mut Counts) {
        let mut buf = [0; 1500];
        match self.datagrams.recvfrom(&mut buf) {
            Ok((n, from)) => {
                assert_eq!(from, self.echo);
                let whole = (0u64..).zip(&buf[..n]).all(|(at, &byte)| byte == pattern(at));
                assert!(whole, "a datagram of {n} bytes is not one that was sent");
                counts.datagrams += 1;
            }
            Err(Error::EAGAIN) => {}
            Err(error) => panic!("recvfrom: {error}"),
        }
    }

    /// Ends one stream in one of the ways there are.
    fn end_one(&mut self, counts: &mut Counts) {
        let Some(index) = self.pick() else { return };
        if self.dice.chance(40) {
            let stream = &mut self.streams[index];
            match stream.socket.shutdown(Shutdown::Write) {
                Ok(()) => stream.shut = true,
                Err(Error::ENOTCONN) => {}
                Err(error) => panic!("shutdown: {error}"),
            }
            return;
        }
        let stream = self.streams.swap_remove(index);
        if self.dice.chance(20) {
            stream.socket.abort().unwrap();
        } else {
            stream.socket.close().unwrap();
        }
        self.judge(&stream, counts);
    }

    /// What the peer has seen of it must be a prefix of what we sent.
    fn judge(&self, stream: &Stream<'_, '_>, counts: &mut Counts) {
        let report = self.world.peer().report(stream.peer);
        assert!(report.received <= stream.sent);
        let mut digest = Digest::new();
        for offset in 0..report.received {
            digest.add(&[pattern(offset)]);
        }
        assert_eq!(report.digest, digest, "the peer got other bytes");
        counts.bytes += stream.got + report.received;
        match stream.ended {
            Some(Ok(())) => counts.complete += 1,
            Some(Err(_)) => counts.cut += 1,
            None => {}
        }
        self.world.peer().stop(stream.peer);
    }

    /// The wire is cut, or our link goes, for a while.
    fn flap(&mut self, counts: &mut Counts) {
        let until = self.world.now() + Duration::from_millis(self.dice.roll(20_000));
        if self.dice.chance(50) {
            counts.flaps += 1;
            self.world.theirs.wire.borrow_mut().faults.cut = true;
            self.cut_until = Some(until);
        } else {
            counts.links += 1;
            self.world.net.set_link(false);
            self.down_until = Some(until);
        }
    }

    fn mend(&mut self) {
        let now = self.world.now();
        if self.cut_until.is_some_and(|until| now >= until) {
            self.world.theirs.wire.borrow_mut().faults.cut = false;
            self.cut_until = None;
        }
        if self.down_until.is_some_and(|until| now >= until) {
            self.world.net.set_link(true);
            self.down_until = None;
        }
    }

    /// Everything mends; everything works again and is given back.
    fn finish(mut self, counts: &mut Counts) {
        self.world.theirs.wire.borrow_mut().faults = Faults::NONE;
        self.world.net.set_link(true);
        (self.cut_until, self.down_until) = (None, None);
        // The stack doubles its patience up to a minute while nothing comes through.
        for _ in 0..6000 {
            if self.streams.iter().all(|stream| stream.ended.is_some() || stream.got == stream.due)
            {
                break;
            }
            self.world.pass(Duration::from_millis(50));
            for index in 0..self.streams.len() {
                if self.streams[index].ended.is_none()
                    && self.streams[index].got < self.streams[index].due
                {
                    self.read_on(index);
                }
            }
        }
        for stream in &self.streams {
            // A peer that is gone without our knowing, its RST lost on the wire, sends no more,
            // nor one that has heard our acknowledgment of its SYN too late to accept us.
            let state = self.world.peer().report(stream.peer).state;
            let gone = !self.clean && !matches!(state, State::Running(2..));
            let lost = gone || stream.ended.is_some_and(|end| end.is_err());
            assert!(lost || stream.got == stream.due, "{} of {} came", stream.got, stream.due);
        }
        while let Some(stream) = self.streams.pop() {
            stream.socket.close().unwrap();
            self.judge(&stream, counts);
        }
        let Self { world, listener, datagrams, .. } = self;
        listener.close().unwrap();
        datagrams.close().unwrap();
        world.net.drain(30).expect("nothing lingers");
        world.pass(Duration::from_secs(1));
        let all: Vec<_> = (0..support::world::SOCKETS)
            .map(|_| world.net.tcp().expect("all slots are back"))
            .collect();
        drop(all);
        for _ in 0..12 {
            let script = [Step::Listen(Family::V4, 1), Step::Accept, Step::Echo];
            let peer = world.peer().start(&script).unwrap();
            let stream = world.net.tcp().unwrap();
            stream.settimeout(5).unwrap();
            stream.connect(world.peer().address(peer).unwrap()).expect("all pairs are back");
            stream.sendall("still there?").unwrap();
            let mut buf = [0; 12];
            assert_eq!(stream.read(&mut buf), Ok(Some(12)));
            stream.close().unwrap();
            assert_eq!(world.peer().settle(peer).end, End::Fin);
        }
    }

    fn read_on(&mut self, index: usize) {
        let mut buf = [0; 4000];
        let stream = &mut self.streams[index];
        match stream.socket.recv(&mut buf) {
            Ok(0) => stream.ended = Some(Ok(())),
            Ok(n) => {
                for (offset, &byte) in (stream.got..).zip(&buf[..n]) {
                    assert_eq!(byte, pattern(offset), "wrong byte at {offset}");
                }
                stream.got += n as u64;
            }
            Err(Error::EAGAIN) => {}
            Err(error) => stream.note_end(error),
        }
    }
}

impl Stream<'_, '_> {
    fn note_end(&mut self, error: Error) {
        let known = [Error::ECONNRESET, Error::EPIPE, Error::ETIMEDOUT, Error::ENETDOWN];
        assert!(known.contains(&error), "a stream ended with {error}");
        // A send after our own end, or after one that was told, says no more.
        if error != Error::EPIPE {
            self.ended.get_or_insert(Err(error));
        }
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "a campaign says how much it did")]
fn random_calls_on_a_bad_wire() {
    let number = |name, default| {
        std::env::var(name).map_or(default, |text| text.parse::<u64>().expect("a number"))
    };
    let (runs, first) = (number("USOCKET_RUNS", 100), number("USOCKET_SEED", 1));
    let runs = if std::env::var_os("USOCKET_SEED").is_some() { 1 } else { runs };
    roomy(move || {
        let mut counts = Counts::default();
        let once = ONCE.into_iter().filter(|_| runs > 1);
        for seed in once.chain(first..first + runs) {
            let run = AssertUnwindSafe(|| {
                world(seed, |world| {
                    let mut run = Run::new(world, seed, &mut counts);
                    for _ in 0..120 {
                        run.act(&mut counts);
                    }
                    run.finish(&mut counts);
                });
            });
            if let Err(panic) = catch_unwind(run) {
                println!("seed {seed}: USOCKET_SEED={seed} repeats it");
                std::panic::resume_unwind(panic);
            }
        }
        println!(
            "{} runs, {} without faults; {} cuts of the wire, {} of the link; {} streams, {} seen \
             to their end, {} cut off; {} bytes, {} datagrams",
            counts.runs,
            counts.clean,
            counts.flaps,
            counts.links,
            counts.streams,
            counts.complete,
            counts.cut,
            counts.bytes,
            counts.datagrams,
        );
        if runs >= 100 {
            assert!(u64::from(counts.clean) * 20 >= runs, "too few runs without faults");
            assert!(counts.bytes > runs * 10_000, "too little was carried");
            assert!(counts.datagrams > runs && counts.complete > 0 && counts.cut > 0);
            assert!(counts.flaps > 0 && counts.links > 0);
        }
    });
}

#[test]
fn calls_in_any_order_leave_nothing_behind() {
    roomy(|| {
        for seed in 1..=60 {
            world(seed, |world| {
                let seed = u32::try_from(seed).unwrap();
                if let Err(failure) = calls_in_any_order(world, seed..seed + 1) {
                    panic!("seed {seed}: {failure}");
                }
            });
        }
    });
}
