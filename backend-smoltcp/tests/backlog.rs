//! R7: a backlog that holds more connections than there are buffers.

mod support;

use core::net::Ipv4Addr;
use std::time::Duration;

use support::frames::segment;
use support::roomy;
use support::wire::Side;
use support::world::{PeerMemory, World, config, ip4};
use usocket_backend_smoltcp::smoltcp::phy::Medium;
use usocket_backend_smoltcp::smoltcp::wire::TcpControl;
use usocket_backend_smoltcp::{Net, OWN, Storage};
use usocket_conformance::{End, Harness, State, Step};
use usocket_core::prelude::*;
use usocket_core::spi::{Backend, Handle, Opt, SockType};
use usocket_core::{Family, POLLIN, SockAddr};

/// Two pairs of buffers.
type Small<'a> = Storage<'a, 6, 2, 2048, 2048, 1, 1472, 16, { 2 + 1 + OWN }>;

/// Runs in a world where our backend has two pairs of buffers.
fn small(seed: u64, run: impl FnOnce(&World<'_>)) {
    let (mut ours, mut theirs) = (Box::new(Small::new()), Box::new(PeerMemory::new()));
    let ours = &mut *ours;
    let world = World::with(
        seed,
        Medium::Ethernet,
        move |device, board| Net::new(device, board, &config(Medium::Ethernet, 1), ours).unwrap(),
        &mut theirs,
    );
    run(&world);
}

/// `small` where its memory fits.
fn in_small(seed: u64, run: impl FnOnce(&World<'_>) + Send) {
    roomy(|| small(seed, run));
}

const PORT: u16 = 80;

fn address() -> SockAddr {
    SockAddr::new(ip4(1), PORT)
}

#[test]
fn fifty_clients_share_two_pairs_of_buffers() {
    in_small(1, |world| {
        let listener = world.net.tcp().unwrap();
        listener.bind(("", PORT)).unwrap();
        listener.listen(4).unwrap();
        let script = [Step::Connect(address()), Step::Send(100), Step::Fin, Step::RecvToEnd];
        let clients: Vec<_> = (0..50).map(|_| world.peer().start(&script).unwrap()).collect();
        let mut peers = std::collections::HashSet::new();
        for _ in 0..50 {
            let (stream, peer) = listener.accept().unwrap();
            assert!(peers.insert(peer), "{peer} came twice");
            world.pass(Duration::from_millis(50));
            let mut buf = [0; 200];
            assert_eq!(stream.read(&mut buf), Ok(Some(100)));
            stream.sendall("served").unwrap();
            stream.close().unwrap();
        }
        for client in clients {
            let report = world.peer().settle(client);
            assert_eq!((report.state, report.end), (State::Done, End::Fin));
            assert_eq!(&report.head[..], b"served");
        }
        world.net.drain(20).unwrap();
    });
}

/// Spoofed senders, behind the router and on the link, where none answers for them.
fn flood(world: &World<'_>, count: u32) {
    for n in 0..count {
        let octet = u8::try_from(n % 200).unwrap();
        let from = match n % 2 {
            0 => Ipv4Addr::new(172, 16, 0, octet),
            _ => Ipv4Addr::new(10, 0, 0, 50 + octet % 200),
        };
        let port = 1000 + u16::try_from(n).unwrap();
        let to = (Ipv4Addr::new(10, 0, 0, 1), PORT);
        let frame = segment((from, port), to, TcpControl::Syn, 7, None);
        let now = world.now().as_micros();
        world.theirs.wire.borrow_mut().send(Side::Ours, now, frame);
    }
}

#[test]
fn a_client_gets_through_a_flood_of_half_open_connections() {
    roomy(|| {
        for seed in 1..20 {
            small(seed, |world| {
                let listener = world.net.tcp().unwrap();
                listener.bind(("", PORT)).unwrap();
                listener.listen(4).unwrap();
                flood(world, 100);
                world.pass(Duration::from_millis(100));
                let begun = world.now();
                let client =
                    world.peer().start(&[Step::Connect(address()), Step::Send(5)]).unwrap();
                listener.settimeout(5).unwrap();
                let (stream, _) = listener.accept().unwrap();
                assert_eq!(stream.readinto(&mut [0; 5]), Ok(Some(5)));
                let took = world.now().saturating_since(begun);
                assert!(took <= Duration::from_secs(5), "{took:?}");
                assert_eq!(world.peer().settle(client).state, State::Done);
            });
        }
    });
}

#[test]
fn half_open_connections_age_out() {
    in_small(3, |world| {
        let listener = world.net.tcp().unwrap();
        listener.bind(("", PORT)).unwrap();
        listener.listen(4).unwrap();
        flood(world, 2);
        world.pass(Duration::from_millis(100));
        // They hold both pairs.
        let other = world.net.tcp().unwrap();
        assert_eq!(other.connect((ip4(2), 9)), Err(Error::ENOBUFS));
        world.pass(Duration::from_secs(64));
        assert_eq!(other.connect((ip4(2), 9)), Err(Error::ECONNREFUSED));
    });
}

#[test]
fn who_resets_while_it_waits_disappears_or_says_so() {
    in_small(4, |world| {
        let listener = world.net.tcp().unwrap();
        listener.bind(("", PORT)).unwrap();
        listener.listen(4).unwrap();
        // More than there are pairs: they make room for those behind them.
        for _ in 0..6 {
            let gone = world.peer().start(&[Step::Connect(address()), Step::Wait(5), Step::Rst]);
            world.peer().settle(gone.unwrap());
            world.pass(Duration::from_millis(20));
        }
        let script = [Step::Connect(address()), Step::Text(b"alive"), Step::Hold];
        let client = world.peer().start(&script).unwrap();
        listener.settimeout(10).unwrap();
        let mut buf = [0; 16];
        for _ in 0..8 {
            let (stream, _) = listener.accept().unwrap();
            stream.settimeout(5).unwrap();
            match stream.recv(&mut buf) {
                Err(Error::ECONNRESET) => {}
                other => {
                    assert_eq!((other, &buf[..5]), (Ok(5), &b"alive"[..]));
                    assert_eq!(world.peer().settle(client).state, State::Running(2));
                    return;
                }
            }
        }
        panic!("the living client was not among them");
    });
}

#[test]
fn nobody_is_refused_but_where_nobody_listens() {
    in_small(5, |world| {
        let refused = world.peer().start(&[Step::Connect(address())]).unwrap();
        assert_eq!(world.peer().settle(refused).state, State::Failed(0, Error::ECONNREFUSED));
        let listener = world.net.tcp().unwrap();
        listener.bind(("", PORT)).unwrap();
        listener.listen(1).unwrap();
        let script = [Step::Connect(address()), Step::Hold];
        let clients: Vec<_> = (0..5).map(|_| world.peer().start(&script).unwrap()).collect();
        world.pass(Duration::from_secs(3));
        let connected = clients.iter().filter(|client| {
            let state = world.peer().report(**client).state;
            assert!(matches!(state, State::Running(_)), "{state:?}");
            state == State::Running(1)
        });
        assert_eq!(connected.count(), 1);
        assert_eq!(listener.readiness(), POLLIN);
        // What has not come in is refused when the listener goes, what has is reset.
        listener.close().unwrap();
        world.pass(Duration::from_secs(40));
        for client in clients {
            let state = world.peer().report(client).state;
            let known = [State::Running(1), State::Failed(0, Error::ECONNREFUSED)];
            assert!(known.contains(&state), "{state:?}");
        }
    });
}

/// A connect of the peer's from a port of its choice.
fn comes_from(world: &World<'_>, port: u16) -> Handle {
    let net = &world.theirs.net;
    let handle = net.open(Family::V4, SockType::Stream).unwrap();
    net.set_option(handle, &Opt::ReuseAddr(true)).unwrap();
    net.bind(handle, SockAddr::new(ip4(2), port)).unwrap();
    assert_eq!(net.try_connect(handle, address()), Err(Error::EINPROGRESS));
    handle
}

#[test]
fn who_was_reset_comes_back_from_the_same_port() {
    in_small(6, |world| {
        let listener = world.net.tcp().unwrap();
        listener.bind(("", PORT)).unwrap();
        listener.listen(2).unwrap();
        listener.settimeout(5).unwrap();
        let first = comes_from(world, 5000);
        let (stream, _) = listener.accept().unwrap();
        world.theirs.net.abort(first).unwrap();
        world.pass(Duration::from_millis(100));
        // The first one has not been closed here.
        let second = comes_from(world, 5000);
        let (other, _) = listener.accept().unwrap();
        assert_eq!(world.theirs.net.connect_result(second), Ok(()));
        assert_eq!(stream.recv(&mut [0; 8]), Err(Error::ECONNRESET));
        assert_eq!(world.theirs.net.try_send(second, b"again"), Ok(5));
        assert_eq!(other.readinto(&mut [0; 5]), Ok(Some(5)));
    });
}

#[test]
fn who_has_forgotten_its_connection_comes_back_from_the_same_port() {
    in_small(7, |world| {
        let listener = world.net.tcp().unwrap();
        listener.bind(("", PORT)).unwrap();
        listener.listen(2).unwrap();
        listener.settimeout(5).unwrap();
        for close in [false, true] {
            let first = comes_from(world, 5000);
            let (stream, _) = listener.accept().unwrap();
            let kept = (!close).then_some(stream);
            world.pass(Duration::from_millis(100));
            // The peer starts anew, and nobody hears of it.
            world.theirs.wire.borrow_mut().faults.cut = true;
            world.theirs.net.abort(first).unwrap();
            world.pass(Duration::from_millis(100));
            world.theirs.wire.borrow_mut().faults.cut = false;
            let second = comes_from(world, 5000);
            let (other, _) = listener.accept().unwrap();
            if let Some(stream) = kept {
                assert_eq!(stream.recv(&mut [0; 8]), Err(Error::ECONNRESET));
            }
            assert_eq!(world.theirs.net.try_send(second, b"again"), Ok(5));
            assert_eq!(other.readinto(&mut [0; 5]), Ok(Some(5)));
            other.abort().unwrap();
            world.theirs.net.abort(second).unwrap();
            world.pass(Duration::from_secs(2));
        }
    });
}

#[test]
fn who_comes_back_during_time_wait_is_served() {
    in_small(8, |world| {
        let listener = world.net.tcp().unwrap();
        listener.bind(("", PORT)).unwrap();
        listener.listen(2).unwrap();
        listener.settimeout(5).unwrap();
        for read in [false, true] {
            let first = comes_from(world, 5000);
            let (stream, _) = listener.accept().unwrap();
            if read {
                assert_eq!(world.theirs.net.try_send(first, b"before"), Ok(6));
                stream.shutdown(usocket_core::spi::Shutdown::Write).unwrap();
            }
            let kept = read.then_some(stream);
            world.pass(Duration::from_millis(100));
            world.theirs.net.close(first).unwrap();
            world.pass(Duration::from_millis(100));
            let begun = world.now();
            let second = comes_from(world, 5000);
            let (other, _) = listener.accept().unwrap();
            let took = world.now().saturating_since(begun);
            assert!(took < Duration::from_secs(1), "{took:?}");
            assert_eq!(world.theirs.net.try_send(second, b"again"), Ok(5));
            assert_eq!(other.readinto(&mut [0; 5]), Ok(Some(5)));
            if let Some(stream) = kept {
                assert_eq!(stream.read(&mut [0; 8]), Ok(Some(6)));
            }
            other.abort().unwrap();
            world.theirs.net.abort(second).unwrap();
            world.pass(Duration::from_secs(2));
        }
    });
}

#[test]
fn a_syn_to_everybody_is_answered_by_nobody() {
    in_small(9, |world| {
        // The peer is known.
        let refused = world.peer().start(&[Step::Connect(address())]).unwrap();
        world.peer().settle(refused);
        world.theirs.wire.borrow_mut().log = Some(Vec::new());
        let to = (Ipv4Addr::new(10, 0, 0, 255), PORT);
        let frame = segment((Ipv4Addr::new(10, 0, 0, 2), 5000), to, TcpControl::Syn, 7, None);
        let now = world.now().as_micros();
        world.theirs.wire.borrow_mut().send(Side::Ours, now, frame);
        world.pass(Duration::from_secs(1));
        let wire = world.theirs.wire.borrow();
        let ipv4 = |frame: &[u8]| frame[12..14] == [8, 0];
        let frames = wire.log.iter().flatten();
        let answers = frames.filter(|(_, to, frame)| *to == Side::Theirs && ipv4(frame));
        assert_eq!(answers.count(), 0);
    });
}

#[test]
fn who_waits_is_let_in_as_soon_as_a_pair_is_free() {
    in_small(10, |world| {
        for how in 0..3 {
            let listener = world.net.tcp().unwrap();
            listener.bind(("", PORT)).unwrap();
            listener.listen(2).unwrap();
            listener.settimeout(5).unwrap();
            let script = [Step::Connect(address()), Step::Send(100), Step::Hold];
            let clients: Vec<_> = (0..2).map(|_| world.peer().start(&script).unwrap()).collect();
            let (stream, _) = listener.accept().unwrap();
            let (other, _) = listener.accept().unwrap();
            let late = world.peer().start(&script).unwrap();
            world.pass(Duration::from_millis(100));
            let begun = world.now();
            match how {
                0 => stream.abort().unwrap(),
                // With unread bytes.
                1 => stream.close().unwrap(),
                _ => {
                    world.peer().stop(clients[0]);
                    stream.read(&mut [0; 200]).unwrap();
                    stream.close().unwrap();
                }
            }
            let (third, _) = listener.accept().unwrap();
            let took = world.now().saturating_since(begun);
            assert!(took < Duration::from_millis(100), "{how}: {took:?}");
            world.peer().stop(late);
            other.abort().unwrap();
            third.abort().unwrap();
            listener.close().unwrap();
            world.pass(Duration::from_secs(20));
        }
    });
}

#[test]
fn who_comes_in_has_nothing_of_who_had_the_buffers_before() {
    in_small(11, |world| {
        let script = [Step::Listen(Family::V4, 1), Step::Accept, Step::RecvToEnd, Step::Close];
        for _ in 0..2 {
            let peer = world.peer().start(&script).unwrap();
            let near = world.net.tcp().unwrap();
            near.setsockopt(usocket_core::IPPROTO_IP, usocket_core::IP_TTL, 1).unwrap();
            near.connect(world.peer().address(peer).unwrap()).unwrap();
            near.abort().unwrap();
            world.pass(Duration::from_millis(100));
        }
        let listener = world.net.tcp().unwrap();
        listener.bind(("", PORT)).unwrap();
        listener.listen(2).unwrap();
        world.theirs.wire.borrow_mut().log = Some(Vec::new());
        let client = world.peer().start(&[Step::Connect(address()), Step::Hold]).unwrap();
        world.peer().settle(client);
        let wire = world.theirs.wire.borrow();
        let segments = wire.log.iter().flatten().filter(|(_, to, frame)| {
            *to == Side::Theirs && frame[12..14] == [8, 0] && frame[23] == 6
        });
        let hops: Vec<_> = segments.map(|(.., frame)| frame[22]).collect();
        assert_eq!(hops, [64]);
    });
}

#[test]
fn nobody_is_lost_where_the_device_has_room_for_one_frame() {
    in_small(12, |world| {
        let listener = world.net.tcp().unwrap();
        listener.bind(("", PORT)).unwrap();
        listener.listen(2).unwrap();
        listener.settimeout(5).unwrap();
        // The peer is known.
        comes_from(world, 5000);
        drop(listener.accept().unwrap());
        world.pass(Duration::from_secs(30));
        {
            let mut wire = world.theirs.wire.borrow_mut();
            wire.faults.bandwidth = Some(100_000);
            wire.faults.tight = true;
        }
        // It is full while they come.
        world.net.udp().unwrap().sendto([0; 1400], (ip4(2), 4000)).unwrap();
        {
            let mut wire = world.theirs.wire.borrow_mut();
            let now = world.now().as_micros();
            for port in [5001, 5002] {
                let from = (Ipv4Addr::new(10, 0, 0, 2), port);
                let to = (Ipv4Addr::new(10, 0, 0, 1), PORT);
                wire.send(Side::Ours, now, segment(from, to, TcpControl::Syn, 7, None));
            }
            wire.log = Some(Vec::new());
        }
        world.pass(Duration::from_millis(50));
        let wire = world.theirs.wire.borrow();
        let answers = wire.log.iter().flatten().filter(|(_, to, frame)| {
            *to == Side::Theirs && frame[12..14] == [8, 0] && frame[47] == 0x12
        });
        assert_eq!(answers.count(), 2);
    });
}
