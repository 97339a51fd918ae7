//! Frames that nobody sent so: those of real traffic, bent, with right checksums and without.
//!
//! `USOCKET_RUNS=10000 cargo test --release -p usocket-backend-smoltcp --all-features --test
//! hostile -- --nocapture`; `USOCKET_SEED=n` repeats a run that failed.
//!
//! Whatever comes, nothing panics or hangs, and behind it a new connection works and all
//! sockets and buffers are there.

mod support;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use support::roomy;
use support::wire::Side;
use support::world::{NAME, SOCKETS, World, ip4, world};
use usocket_backend_smoltcp::smoltcp::wire::{
    EthernetFrame, EthernetProtocol, Icmpv4Packet, IpProtocol, Ipv4Packet, TcpPacket, UdpPacket,
};
use usocket_conformance::{Harness, Step};
use usocket_core::prelude::*;
use usocket_core::{Family, POLLIN};

struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 8).unwrap() % sides
    }
}

/// Bends a frame a little.
fn bend(frame: &mut Vec<u8>, dice: &mut Dice) {
    const ODD: [u8; 8] = [0, 1, 0x7f, 0x80, 0xff, 0x45, 6, 17];
    for _ in 0..=dice.roll(4) {
        let len = frame.len();
        if len == 0 {
            return;
        }
        // Mostly in the headers: bytes of payload concern nobody.
        let at = if dice.roll(4) > 0 { dice.roll(len.min(74)) } else { dice.roll(len) };
        match dice.roll(6) {
            0 => frame[at] ^= 1 << dice.roll(8),
            1 => frame[at] = ODD[dice.roll(ODD.len())],
            2 => frame.truncate(at),
            3 => {
                let more = dice.roll(64);
                frame.extend((0..more).map(|n| u8::try_from(n).unwrap()));
            }
            4 => frame[at] = frame[at].wrapping_add(1),
            _ => {
                // A flag of TCP, where it is one.
                if let Some(flags) = frame.get_mut(47) {
                    *flags ^= 1 << dice.roll(6);
                }
            }
        }
    }
}

/// Makes the checksums right again, so that the frame gets further.
fn seal(frame: &mut [u8]) {
    let Ok(mut ethernet) = EthernetFrame::new_checked(frame) else { return };
    if ethernet.ethertype() != EthernetProtocol::Ipv4 {
        return;
    }
    let Ok(mut ip) = Ipv4Packet::new_checked(ethernet.payload_mut()) else { return };
    ip.fill_checksum();
    let (from, to) = (ip.src_addr().into(), ip.dst_addr().into());
    let protocol = ip.next_header();
    let payload = ip.payload_mut();
    match protocol {
        IpProtocol::Tcp => {
            if let Ok(mut tcp) = TcpPacket::new_checked(payload) {
                tcp.fill_checksum(&from, &to);
            }
        }
        IpProtocol::Udp => {
            if let Ok(mut udp) = UdpPacket::new_checked(payload) {
                udp.fill_checksum(&from, &to);
            }
        }
        IpProtocol::Icmp => {
            if let Ok(mut icmp) = Icmpv4Packet::new_checked(payload) {
                icmp.fill_checksum();
            }
        }
        _ => {}
    }
}

/// Ordinary traffic of all kinds.
fn talk(world: &World<'_>) {
    let script = [Step::Listen(Family::V4, 1), Step::Accept, Step::Send(3000), Step::Echo];
    let peer = world.peer().start(&script).unwrap();
    let caller = [
        Step::Connect(usocket_core::SockAddr::new(ip4(1), 80)),
        Step::Text(b"hello"),
        Step::Fin,
        Step::RecvToEnd,
    ];
    let caller = world.peer().start(&caller).unwrap();
    let stream = world.net.tcp().unwrap();
    stream.settimeout(1).unwrap();
    if let Ok(to) = world.peer().address(peer)
        && stream.connect(to).is_ok()
    {
        let _ = stream.send("bytes");
        let _ = stream.recv(&mut [0; 500]);
    }
    let udp = world.net.udp().unwrap();
    let _ = udp.sendto("nobody there", (ip4(2), 9));
    let _ = udp.sendto("no such neighbour", (ip4(99), 9));
    let hints = usocket_core::Hints { timeout: Duration::from_millis(200), ..().into() };
    let _ = world.net.getaddrinfo(NAME, 80, hints);
    world.pass(Duration::from_millis(50));
    world.peer().stop(peer);
    world.peer().stop(caller);
}

fn attack(world: &World<'_>, seed: u64) -> u64 {
    let mut dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
    world.theirs.wire.borrow_mut().log = Some(Vec::new());
    let listener = world.net.tcp().unwrap();
    listener.bind(("", 80)).unwrap();
    listener.listen(2).unwrap();
    let mut sent = 0;
    for _ in 0..3 {
        talk(world);
        for _ in 0..60 {
            let frame = {
                let mut wire = world.theirs.wire.borrow_mut();
                let log = wire.log.as_mut().unwrap();
                let mut frame = log[dice.roll(log.len())].2.clone();
                // What we sent is turned round half the time: our own addresses as a source.
                bend(&mut frame, &mut dice);
                if dice.roll(3) > 0 {
                    seal(&mut frame);
                }
                frame
            };
            let now = world.now().as_micros();
            world.theirs.wire.borrow_mut().send(Side::Ours, now, frame);
            sent += 1;
            if dice.roll(8) == 0 {
                world.pass(Duration::from_millis(1 + dice.roll(300) as u64));
            }
            if listener.readiness().contains(POLLIN) {
                listener.settimeout(1).unwrap();
                if let Ok((stream, _)) = listener.accept() {
                    stream.setblocking(false).unwrap();
                    let _ = stream.recv(&mut [0; 64]);
                    let _ = stream.send("answer");
                }
            }
        }
    }
    listener.close().unwrap();
    sent
}

/// Everything works as if nothing had been.
fn recover(world: &World<'_>) {
    world.pass(Duration::from_secs(130));
    world.net.drain(60).expect("nothing lingers");
    let all: Vec<_> = (0..SOCKETS).map(|_| world.net.tcp().expect("all slots are back")).collect();
    drop(all);
    for _ in 0..12 {
        let script = [Step::Listen(Family::V4, 1), Step::Accept, Step::Echo];
        let peer = world.peer().start(&script).unwrap();
        let stream = world.net.tcp().unwrap();
        stream.settimeout(30).unwrap();
        stream.connect(world.peer().address(peer).unwrap()).expect("all pairs are back");
        stream.sendall("still there?").unwrap();
        let mut buf = [0; 12];
        assert_eq!(stream.read(&mut buf), Ok(Some(12)));
        world.peer().stop(peer);
    }
    assert!(world.net.getaddrinfo(NAME, 80, ()).is_ok());
}

#[test]
#[expect(clippy::print_stdout, reason = "a campaign says how much it did")]
fn bent_frames_break_nothing() {
    let number = |name, default| {
        std::env::var(name).map_or(default, |text| text.parse::<u64>().expect("a number"))
    };
    let (runs, first) = (number("USOCKET_RUNS", 60), number("USOCKET_SEED", 1));
    let runs = if std::env::var_os("USOCKET_SEED").is_some() { 1 } else { runs };
    roomy(move || {
        let mut frames = 0;
        for seed in first..first + runs {
            let run = AssertUnwindSafe(|| {
                world(seed, |world| {
                    frames += attack(world, seed);
                    recover(world);
                });
            });
            if let Err(panic) = catch_unwind(run) {
                println!("seed {seed}: USOCKET_SEED={seed} repeats it");
                std::panic::resume_unwind(panic);
            }
        }
        println!("{runs} runs, {frames} bent frames");
    });
}
