//! R1, R9, R10, R16, R24: bytes, buffers and slots outlive what happens to a connection,
//! and come back.

mod support;

use std::time::Duration;

use support::roomy;
use support::world::{World, config, in_world, ip4, world};
use usocket_backend_smoltcp::Config;
use usocket_backend_smoltcp::smoltcp::phy::Medium;
use usocket_conformance::{Digest, End, Harness, State, Step};
use usocket_core::prelude::*;
use usocket_core::spi::{Backend, Shutdown};
use usocket_core::{Family, POLLERR, POLLHUP, POLLIN, SockAddr, Socket};

type Ours<'h, 'w> = Socket<'h, support::world::Ours<'w>>;

/// A stream of ours to a peer that does `then`.
fn connected<'h, 'w>(
    world: &'h World<'w>,
    then: &[Step],
) -> (Ours<'h, 'w>, usocket_conformance::Actor) {
    let mut script = vec![Step::Listen(Family::V4, 1), Step::Accept];
    script.extend(then);
    let peer = world.peer().start(&script).unwrap();
    let stream = world.net.tcp().unwrap();
    stream.settimeout(30).unwrap();
    stream.connect(world.peer().address(peer).unwrap()).unwrap();
    (stream, peer)
}

/// Reads to the end, or to an error.
fn read_all(stream: &Ours<'_, '_>) -> (usize, Digest, Result<()>) {
    let (mut count, mut digest, mut buf) = (0, Digest::new(), [0; 700]);
    loop {
        match stream.recv(&mut buf) {
            Ok(0) => return (count, digest, Ok(())),
            Ok(n) => {
                count += n;
                digest.add(&buf[..n]);
            }
            Err(error) => return (count, digest, Err(error)),
        }
    }
}

fn pattern(len: u64) -> Digest {
    let mut digest = Digest::new();
    for offset in 0..len {
        digest.add(&[usocket_conformance::pattern(offset)]);
    }
    digest
}

#[test]
fn what_came_before_the_end_is_readable_long_after() {
    roomy(|| {
        for (last, outcome) in [(Step::Fin, Ok(())), (Step::Rst, Err(Error::ECONNRESET))] {
            world(1, |world| {
                let (stream, _) = connected(world, &[Step::Send(4096), Step::Wait(50), last]);
                world.pass(Duration::from_secs(300));
                assert_eq!(read_all(&stream), (4096, pattern(4096), outcome));
                assert_eq!(stream.recv(&mut [0; 8]), Ok(0));
            });
        }
    });
}

#[test]
fn the_end_of_time_wait_takes_nothing_away() {
    in_world(2, |world| {
        let (stream, peer) = connected(world, &[Step::Send(4096), Step::RecvToEnd, Step::Close]);
        // We end first, so TIME-WAIT is here.
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(world.peer().settle(peer).end, End::Fin);
        for seconds in [1, 8, 2, 1, 100] {
            world.pass(Duration::from_secs(seconds));
            assert_eq!(stream.readiness(), POLLIN | usocket_core::POLLOUT | POLLHUP);
        }
        assert_eq!(read_all(&stream), (4096, pattern(4096), Ok(())));
    });
}

#[test]
fn an_address_that_goes_ends_its_connections_and_takes_no_bytes() {
    in_world(3, |world| {
        let (stream, _) = connected(world, &[Step::Send(4096), Step::Hold]);
        let (writer, _) = connected(world, &[Step::Hold]);
        let listener = world.net.tcp().unwrap();
        listener.bind(("", 80)).unwrap();
        listener.listen(2).unwrap();
        world.pass(Duration::from_millis(500));
        let moved = Config::ethernet([2, 0, 0, 0, 0, 1])
            .address(ip4(77), 24)
            .unwrap()
            .gateway(ip4(2))
            .name_server(ip4(2))
            .unwrap();
        world.net.reconfigure(&moved);
        world.pass(Duration::from_secs(5));
        assert!(stream.readiness().contains(POLLIN | POLLERR | POLLHUP));
        let expected = (4096, pattern(4096), Err(Error::ENETUNREACH));
        assert_eq!(read_all(&stream), expected);
        assert_eq!(stream.recv(&mut [0; 8]), Ok(0));
        assert_eq!(stream.send("x"), Err(Error::EPIPE));
        assert_eq!(writer.send("x"), Err(Error::ENETUNREACH));
        // The new address works, for what listens as well.
        assert_eq!(world.net.ip(Family::V4), Some(ip4(77)));
        let (_stream, _) = connected(world, &[Step::Hold]);
        let to = SockAddr::new(ip4(77), 80);
        let client = world.peer().start(&[Step::Connect(to), Step::Hold]).unwrap();
        listener.settimeout(5).unwrap();
        listener.accept().unwrap();
        assert_eq!(world.peer().settle(client).state, State::Running(1));
        assert!(world.net.getaddrinfo(support::world::NAME, 80, ()).is_ok());
    });
}

#[test]
fn a_link_that_goes_is_told_at_once_and_can_come_back() {
    in_world(4, |world| {
        let (stream, _) = connected(world, &[Step::Send(100), Step::Hold]);
        let waiting = world.net.tcp().unwrap();
        waiting.setblocking(false).unwrap();
        let silent = world.peer().silent(Family::V4);
        assert_eq!(waiting.connect(silent), Err(Error::EINPROGRESS));
        world.pass(Duration::from_millis(100));
        world.net.set_link(false);
        assert_eq!(world.net.link(), usocket_core::spi::Link::Down);
        assert_eq!(read_all(&stream), (100, pattern(100), Err(Error::ENETDOWN)));
        assert_eq!(waiting.recv(&mut [0; 8]), Err(Error::ENETDOWN));
        assert_eq!(world.net.tcp().unwrap().connect(silent), Err(Error::ENETDOWN));
        let udp = world.net.udp().unwrap();
        assert_eq!(udp.sendto("x", (ip4(2), 9)), Err(Error::ENETDOWN));
        let error = world.net.getaddrinfo("peer.test", 80, ()).unwrap_err();
        assert_eq!(error, Error::EAI_AGAIN);
        assert_eq!(world.net.wait_up(2), Err(Error::ETIMEDOUT));
        world.net.set_link(true);
        world.net.wait_up(0).unwrap();
        connected(world, &[Step::Hold]);
    });
}

#[test]
fn close_brings_out_what_was_sent() {
    in_world(5, |world| {
        let (stream, peer) = connected(world, &[Step::Wait(500), Step::RecvToEnd]);
        // More than one window, more than the peer takes at once.
        stream.sendall([7; 8192]).unwrap();
        drop(stream);
        world.net.drain(30).unwrap();
        let report = world.peer().settle(peer);
        assert_eq!((report.received, report.end), (8192, End::Fin));
    });
}

#[test]
fn a_dead_peer_keeps_a_closed_socket_for_its_bound_only() {
    in_world(6, |world| {
        for (linger, bound) in [(None, 10), (Some(2), 2)] {
            let (stream, _) = connected(world, &[Step::Hold]);
            world.theirs.wire.borrow_mut().faults.cut = true;
            stream.send("lost").unwrap();
            stream.set_linger(linger.map(Duration::from_secs)).unwrap();
            let begun = world.now();
            stream.close().unwrap();
            assert_eq!(world.net.lingering(), 1);
            world.net.drain(None).unwrap();
            let took = world.now().saturating_since(begun);
            assert!(took <= Duration::from_secs(bound + 1), "{took:?}");
            assert!(took >= Duration::from_secs(bound), "{took:?}");
            world.theirs.wire.borrow_mut().faults.cut = false;
        }
    });
}

#[test]
fn a_thousand_connections_leave_nothing_behind() {
    in_world(7, |world| {
        let server = [Step::Listen(Family::V4, 8), Step::Accept, Step::RecvToEnd, Step::Close];
        for round in 0..1000 {
            let peer = world.peer().start(&server).unwrap();
            let stream = world.net.tcp().unwrap();
            stream.connect(world.peer().address(peer).unwrap()).unwrap();
            stream.sendall("round").unwrap();
            match round % 3 {
                0 => drop(stream),
                1 => stream.close().unwrap(),
                _ => stream.abort().unwrap(),
            }
            let report = world.peer().settle(peer);
            assert_eq!(report.state, State::Done, "round {round}");
            world.peer().stop(peer);
        }
        world.net.drain(20).unwrap();
        // All pairs are there again.
        let streams: Vec<_> = (0..12).map(|_| connected(world, &[Step::Hold])).collect();
        let one_more = world.net.tcp().unwrap();
        assert_eq!(one_more.connect((ip4(2), 9)), Err(Error::ENOBUFS));
        drop(streams);
    });
}

#[test]
fn exhaustion_is_an_error_and_passes() {
    in_world(8, |world| {
        let net = &world.net;
        let mut sockets: Vec<_> = (0..12).map(|_| net.udp().unwrap()).collect();
        assert_eq!(net.udp().map(|_| ()).unwrap_err(), Error::ENOMEM);
        sockets.pop();
        sockets.push(net.udp().unwrap());
        while let Ok(socket) = net.tcp() {
            sockets.push(socket);
        }
        assert_eq!(net.tcp().map(|_| ()).unwrap_err(), Error::ENOMEM);
        assert_eq!(sockets.len(), support::world::SOCKETS);
        // Names have room of their own.
        assert!(net.getaddrinfo("peer.test", 80, ()).is_ok());
        let queries: Vec<_> =
            (0..4).map(|_| net.start_query("peer.test", None, false).unwrap()).collect();
        assert_eq!(net.start_query("peer.test", None, false), Err(Error::EAI_MEMORY));
        for query in queries {
            net.end_query(query);
        }
        for _ in 0..100 {
            let query = net.start_query("peer.test", None, false).unwrap();
            net.end_query(query);
        }
        assert!(net.getaddrinfo("peer.test", 80, ()).is_ok());
    });
}

#[test]
fn a_config_that_does_not_fit_is_refused() {
    roomy(|| {
        let mut memory = Box::new(support::world::Memory::new());
        let wire = support::wire::Wire::new(Medium::Ethernet, 1);
        let device = support::wire::End {
            wire: std::rc::Rc::new(std::cell::RefCell::new(wire)),
            now: std::rc::Rc::default(),
            side: support::wire::Side::Ours,
        };
        let platform = usocket_core::spi::StdPlatform;
        let outcome: Result<usocket_backend_smoltcp::Net<'_, _, _>> =
            usocket_backend_smoltcp::Net::new(
                device,
                platform,
                &config(Medium::Ip, 1),
                &mut memory,
            );
        assert_eq!(outcome.map(|_| ()).unwrap_err(), Error::EINVAL);
        assert_eq!(Config::ip().address([224, 0, 0, 1].into(), 24).unwrap_err(), Error::EINVAL);
        assert_eq!(Config::ip().address([10, 0, 0, 1].into(), 33).unwrap_err(), Error::EINVAL);
    });
}

#[test]
fn what_has_ended_in_order_stays_so() {
    roomy(|| {
        for seconds in [1, 30] {
            for loss in ["link", "address"] {
                world(9, |world| {
                    let (stream, peer) =
                        connected(world, &[Step::Send(4096), Step::RecvToEnd, Step::Close]);
                    stream.shutdown(Shutdown::Write).unwrap();
                    assert_eq!(world.peer().settle(peer).end, End::Fin);
                    world.pass(Duration::from_secs(seconds));
                    match loss {
                        "link" => world.net.set_link(false),
                        _ => {
                            let moved = Config::ethernet([2, 0, 0, 0, 0, 1]);
                            world.net.reconfigure(&moved.address(ip4(77), 24).unwrap());
                        }
                    }
                    world.pass(Duration::from_secs(1));
                    assert_eq!(read_all(&stream), (4096, pattern(4096), Ok(())), "{loss}");
                });
            }
        }
    });
}

#[test]
fn a_reset_during_time_wait_is_no_error() {
    in_world(10, |world| {
        world.theirs.wire.borrow_mut().log = Some(Vec::new());
        let (stream, peer) = connected(world, &[Step::Send(4096), Step::RecvToEnd, Step::Close]);
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(world.peer().settle(peer).end, End::Fin);
        world.pass(Duration::from_secs(1));
        // Our last acknowledgment says where the peer's next byte would be.
        let last = {
            let wire = world.theirs.wire.borrow();
            let mut ours = wire.log.iter().flatten().rev();
            let tcp = |frame: &[u8]| frame[12..14] == [8, 0] && frame[23] == 6;
            ours.find(|(_, to, frame)| *to == support::wire::Side::Theirs && tcp(frame))
                .map(|(.., frame)| frame.clone())
                .unwrap()
        };
        let port = |at: usize| u16::from_be_bytes([last[at], last[at + 1]]);
        let seq = i32::from_be_bytes(last[42..46].try_into().unwrap());
        let at = |last| std::net::Ipv4Addr::new(10, 0, 0, last);
        let reset = support::frames::segment(
            (at(2), port(36)),
            (at(1), port(34)),
            usocket_backend_smoltcp::smoltcp::wire::TcpControl::Rst,
            seq,
            None,
        );
        let now = world.now().as_micros();
        world.theirs.wire.borrow_mut().send(support::wire::Side::Ours, now, reset);
        world.pass(Duration::from_millis(100));
        assert_eq!(read_all(&stream), (4096, pattern(4096), Ok(())));
    });
}

#[test]
fn many_who_wait_for_one_neighbour_keep_nobody_from_another() {
    in_world(11, |world| {
        let waiting: Vec<_> = (0..9)
            .map(|_| {
                let stream = world.net.tcp().unwrap();
                stream.setblocking(false).unwrap();
                assert_eq!(stream.connect((ip4(99), 80)), Err(Error::EINPROGRESS));
                stream
            })
            .collect();
        let script = [Step::Listen(Family::V4, 1), Step::Accept, Step::Hold];
        let peer = world.peer().start(&script).unwrap();
        let to = world.peer().address(peer).unwrap();
        let stream = world.net.tcp().unwrap();
        stream.settimeout(30).unwrap();
        let begun = world.now();
        stream.connect(to).unwrap();
        let took = world.now().saturating_since(begun);
        assert!(took < Duration::from_millis(1500), "{took:?}");
        drop(waiting);
    });
}

/// Time goes by while we do something else: nobody drives.
fn away(world: &World<'_>, time: Duration) {
    world.pass(Duration::from_secs(1));
    let until = world.now() + time;
    while world.now() < until {
        world.net.platform().idle(Some(until), &mut || false);
    }
}

#[test]
fn a_connect_has_its_time_however_long_nobody_drove() {
    in_world(12, |world| {
        let script = [Step::Listen(Family::V4, 1), Step::Accept, Step::Hold];
        let peer = world.peer().start(&script).unwrap();
        let to = world.peer().address(peer).unwrap();
        away(world, Duration::from_secs(100));
        let stream = world.net.tcp().unwrap();
        assert_eq!(stream.connect(to), Ok(()));
    });
}

#[test]
fn a_close_has_its_time_however_long_nobody_drove() {
    in_world(13, |world| {
        let (stream, peer) = connected(world, &[Step::RecvToEnd]);
        stream.send("hello").unwrap();
        away(world, Duration::from_secs(100));
        stream.close().unwrap();
        assert_eq!(world.peer().settle(peer).end, End::Fin);
    });
}

#[test]
fn bytes_have_their_time_however_long_nobody_drove() {
    for blocking in [false, true] {
        in_world(14, |world| {
            let (stream, peer) = connected(world, &[Step::Recv(5), Step::Hold]);
            stream.settimeout((!blocking).then_some(Duration::from_secs(10))).unwrap();
            away(world, Duration::from_secs(200));
            // Something else to do than bytes of streams.
            world.net.udp().unwrap().close().unwrap();
            stream.send("hello").unwrap();
            world.pass(Duration::from_secs(1));
            assert_eq!(world.peer().settle(peer).state, State::Running(3));
            assert_eq!(stream.take_error(), Ok(None));
        });
    }
}

#[test]
fn a_datagram_has_its_time_however_long_nobody_drove() {
    in_world(15, |world| {
        let peer = world.peer().start(&[Step::Udp(Family::V4), Step::EchoFrom(1), Step::Hold]);
        let to = world.peer().address(peer.unwrap()).unwrap();
        let socket = world.net.udp().unwrap();
        away(world, Duration::from_secs(100));
        socket.sendto("hello", to).unwrap();
        socket.settimeout(1).unwrap();
        assert_eq!(socket.recv(&mut [0; 8]), Ok(5));
    });
}

/// The stack forgets to repeat what it could not send at once, and is helped by probes.
#[test]
fn a_full_device_and_losses_change_no_byte() {
    roomy(|| {
        for seed in 540..820 {
            world(seed, |world| {
                let (stream, peer) = connected(world, &[Step::RecvToEnd]);
                world.theirs.wire.borrow_mut().faults = support::wire::Faults {
                    latency: Duration::from_millis(5 * (seed % 10)),
                    bandwidth: Some(20_000 + 100_000 * (seed % 7)),
                    loss: 100 + 20 * (seed % 11),
                    reorder: 40 * (seed % 3),
                    tight: true,
                    ..support::wire::Faults::NONE
                };
                stream.settimeout(100).unwrap();
                let data: Vec<u8> = (0..30_000).map(usocket_conformance::pattern).collect();
                let _ = stream.sendall(&data[..]);
                let _ = stream.shutdown(Shutdown::Write);
                world.pass(Duration::from_secs(100));
                let report = world.peer().report(peer);
                assert_eq!(report.digest, pattern(report.received), "seed {seed}");
            });
        }
    });
}
