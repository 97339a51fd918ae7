//! What options do, seen on the wire.

mod support;

use std::time::Duration;

use support::wire::Side;
use support::world::{World, in_world, ip4, world};
use usocket_conformance::{Actor, Harness, Step};
use usocket_core::prelude::*;
use usocket_core::spi::{Backend, Group, Opt};
use usocket_core::{
    Family, IP_MULTICAST_TTL, IP_TTL, IPPROTO_IP, IPPROTO_TCP, POLLIN, SO_KEEPALIVE, SO_RCVBUF,
    SO_REUSEADDR, SO_SNDBUF, SOL_SOCKET, SockAddr, Socket, TCP_KEEPCNT, TCP_KEEPIDLE,
    TCP_KEEPINTVL, TCP_NODELAY,
};

type Ours<'h, 'w> = Socket<'h, support::world::Ours<'w>>;

/// A stream of ours to a peer that does `then`.
fn connected<'h, 'w>(world: &'h World<'w>, then: &[Step]) -> (Ours<'h, 'w>, Actor) {
    let mut script = vec![Step::Listen(Family::V4, 1), Step::Accept];
    script.extend(then);
    let peer = world.peer().start(&script).unwrap();
    let stream = world.net.tcp().unwrap();
    stream.settimeout(30).unwrap();
    stream.connect(world.peer().address(peer).unwrap()).unwrap();
    (stream, peer)
}

/// What goes by from now on.
fn listen_in(world: &World<'_>) {
    world.theirs.wire.borrow_mut().log = Some(Vec::new());
}

/// The packets of a protocol that we have sent since.
fn sent(world: &World<'_>, protocol: u8) -> Vec<Vec<u8>> {
    let wire = world.theirs.wire.borrow();
    let frames = wire.log.as_ref().unwrap().iter().filter(|(_, to, _)| *to == Side::Theirs);
    let packets = frames.map(|(_, _, frame)| frame[14..].to_vec());
    packets.filter(|packet| packet[0] == 0x45 && packet[9] == protocol).collect()
}

const IGMP: u8 = 2;
const TCP: u8 = 6;
const UDP: u8 = 17;

fn keep_alive(stream: &Ours<'_, '_>) {
    for (level, name, value) in [
        (IPPROTO_TCP, TCP_KEEPIDLE, 10),
        (IPPROTO_TCP, TCP_KEEPINTVL, 5),
        (IPPROTO_TCP, TCP_KEEPCNT, 3),
        (SOL_SOCKET, SO_KEEPALIVE, 1),
    ] {
        stream.setsockopt(level, name, value).unwrap();
    }
}

#[test]
fn keep_alive_tells_a_quiet_peer_from_one_that_is_gone() {
    in_world(1, |world| {
        let (stream, _) = connected(world, &[Step::Hold]);
        let (plain, _) = connected(world, &[Step::Hold]);
        keep_alive(&stream);
        listen_in(world);
        world.pass(Duration::from_secs(120));
        // It answers each time. The stack asks a second time, since it keeps the timer that it
        // has set when it hears the answer.
        let questions = sent(world, TCP).len();
        assert!((8..=16).contains(&questions), "{questions}");
        assert_eq!(stream.readiness(), usocket_core::POLLOUT);
        world.theirs.wire.borrow_mut().faults.cut = true;
        let begun = world.now();
        stream.settimeout(None).unwrap();
        assert_eq!(stream.recv(&mut [0; 8]), Err(Error::ETIMEDOUT));
        let took = world.now().saturating_since(begun);
        // Idle for at most ten, then three questions, five apart.
        assert!((14..=26).contains(&took.as_secs()), "{took:?}");
        assert_eq!(stream.recv(&mut [0; 8]), Ok(0));
        world.pass(Duration::from_secs(1000));
        assert_eq!(plain.readiness(), usocket_core::POLLOUT);
    });
}

#[test]
fn small_pieces_wait_for_an_acknowledgment_unless_told_not_to() {
    for (no_delay, segments) in [(0, 2), (1, 10)] {
        in_world(2, |world| {
            world.theirs.wire.borrow_mut().faults.latency = Duration::from_millis(100);
            let (stream, peer) = connected(world, &[Step::Recv(10)]);
            stream.setsockopt(IPPROTO_TCP, TCP_NODELAY, no_delay).unwrap();
            world.pass(Duration::from_secs(1));
            listen_in(world);
            for _ in 0..10 {
                assert_eq!(stream.send("x"), Ok(1));
            }
            world.peer().settle(peer);
            let with_bytes = sent(world, TCP).into_iter().filter(|packet| packet.len() > 40);
            assert_eq!(with_bytes.count(), segments);
        });
    }
}

#[test]
fn ttl_is_that_of_each_packet() {
    in_world(3, |world| {
        let (stream, _) = connected(world, &[Step::Hold]);
        let udp = world.net.udp().unwrap();
        let group = SockAddr::new([239, 1, 2, 3].into(), 9);
        for hops in [64, 9] {
            if hops != 64 {
                stream.setsockopt(IPPROTO_IP, IP_TTL, hops).unwrap();
                udp.setsockopt(IPPROTO_IP, IP_TTL, hops).unwrap();
                udp.setsockopt(IPPROTO_IP, IP_MULTICAST_TTL, 5).unwrap();
            }
            listen_in(world);
            stream.send("x").unwrap();
            udp.sendto("x", (ip4(2), 9)).unwrap();
            udp.sendto("x", group).unwrap();
            world.pass(Duration::from_millis(100));
            let of = |protocol| sent(world, protocol).iter().map(|p| p[8]).collect::<Vec<_>>();
            let hops = u8::try_from(hops).unwrap();
            assert_eq!(of(TCP), [hops]);
            assert_eq!(of(UDP), [hops, if hops == 64 { 1 } else { 5 }]);
        }
    });
}

#[test]
fn the_send_buffer_bounds_what_is_queued() {
    in_world(4, |world| {
        let (stream, _) = connected(world, &[Step::Hold]);
        assert_eq!(stream.getsockopt(SOL_SOCKET, SO_SNDBUF), Ok(8192));
        assert_eq!(stream.getsockopt(SOL_SOCKET, SO_RCVBUF), Ok(8192));
        stream.setblocking(false).unwrap();
        for (asked, given) in [(1000, 1000), (1, 64), (1 << 20, 8192)] {
            stream.setsockopt(SOL_SOCKET, SO_SNDBUF, asked).unwrap();
            assert_eq!(stream.getsockopt(SOL_SOCKET, SO_SNDBUF), Ok(given));
        }
        stream.setsockopt(SOL_SOCKET, SO_SNDBUF, 1000).unwrap();
        world.theirs.wire.borrow_mut().faults.cut = true;
        assert_eq!(stream.send([1; 5000]), Ok(1000));
        assert_eq!(stream.send([1; 5000]), Err(Error::EAGAIN));
        assert_eq!(stream.readiness(), usocket_core::Events::NONE);
        stream.setsockopt(SOL_SOCKET, SO_SNDBUF, 1500).unwrap();
        assert_eq!(stream.send([1; 5000]), Ok(500));
    });
}

fn port(socket: &Ours<'_, '_>) -> u16 {
    socket.local_addr().unwrap().port()
}

#[test]
fn ports_are_random_and_nobody_elses() {
    let first = |seed| {
        let mut first = 0;
        support::roomy(|| {
            world(seed, |world| {
                let sockets: Vec<_> = (0..12).map(|_| world.net.udp().unwrap()).collect();
                let mut ports = std::collections::HashSet::new();
                for socket in &sockets {
                    socket.bind(("", 0)).unwrap();
                    assert!(port(socket) >= 49_152);
                    assert!(ports.insert(port(socket)), "{} twice", port(socket));
                }
                first = port(&sockets[0]);
            });
        });
        first
    };
    let firsts: std::collections::HashSet<_> = (1..20).map(first).collect();
    assert!(firsts.len() > 15, "{firsts:?}");
    // Where somebody has the port that would be picked it is another.
    let taken = first(1);
    in_world(1, |world| {
        let [one, other] = [world.net.udp().unwrap(), world.net.udp().unwrap()];
        one.bind(("", taken)).unwrap();
        other.bind(("", 0)).unwrap();
        assert_ne!(port(&other), taken);
    });
}

#[test]
fn each_socket_has_groups_of_its_own() {
    in_world(5, |world| {
        let group = core::net::Ipv4Addr::new(239, 77, 19, 4);
        let to = SockAddr::new(group.into(), 5000);
        let membership = Group::V4 { group, interface: core::net::Ipv4Addr::UNSPECIFIED };
        let sockets = [world.net.udp().unwrap(), world.net.udp().unwrap()];
        for socket in &sockets {
            socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1).unwrap();
            socket.setblocking(false).unwrap();
        }
        let join =
            |socket: &Ours<'_, '_>| world.net.set_option(socket.handle(), &Opt::Join(membership));
        let leave =
            |socket: &Ours<'_, '_>| world.net.set_option(socket.handle(), &Opt::Leave(membership));
        // One at a time, as the stack gives a datagram to one socket.
        let receives = |socket: &Ours<'_, '_>| {
            let script = [Step::Udp(Family::V4), Step::SendTo(to, b"to all")];
            let peer = world.peer().start(&script).unwrap();
            world.peer().settle(peer);
            world.pass(Duration::from_millis(50));
            world.peer().stop(peer);
            socket.recv(&mut [0; 16])
        };
        let [one, other] = &sockets;
        one.bind(("", 5000)).unwrap();
        assert_eq!(receives(one), Err(Error::EAGAIN));
        join(other).unwrap();
        assert_eq!(receives(one), Err(Error::EAGAIN), "another's membership");
        join(one).unwrap();
        assert_eq!(receives(one), Ok(6));
        leave(other).unwrap();
        assert_eq!(receives(one), Ok(6), "another's end of membership");
        leave(one).unwrap();
        assert_eq!(receives(one), Err(Error::EAGAIN));
        // The network is told, and a closed socket leaves by itself.
        listen_in(world);
        join(other).unwrap();
        world.pass(Duration::from_secs(2));
        let reports = sent(world, IGMP).len();
        assert!(reports > 0);
        other.close().unwrap();
        world.pass(Duration::from_secs(2));
        assert!(sent(world, IGMP).len() > reports);
    });
}

#[test]
fn four_of_the_largest_wait_at_a_datagram_socket() {
    in_world(6, |world| {
        let socket = world.net.udp().unwrap();
        socket.bind(("", 5000)).unwrap();
        let to = SockAddr::new(ip4(1), 5000);
        let mut script = vec![Step::Udp(Family::V4)];
        script.extend([Step::SendLenTo(to, 1472); 4]);
        let peer = world.peer().start(&script).unwrap();
        world.peer().settle(peer);
        world.pass(Duration::from_millis(100));
        socket.setblocking(false).unwrap();
        for _ in 0..4 {
            assert_eq!(socket.recv(&mut [0; 2000]), Ok(1472));
        }
        assert_eq!(socket.recv(&mut [0; 2000]), Err(Error::EAGAIN));
    });
}

#[test]
fn who_is_bound_to_an_address_is_there_and_nowhere_else() {
    in_world(7, |world| {
        let two = support::world::config(support::world::ETHERNET, 1);
        world.net.reconfigure(&two.address(ip4(3), 24).unwrap());
        let listener = world.net.tcp().unwrap();
        listener.bind((ip4(3), 80)).unwrap();
        listener.listen(2).unwrap();
        let udp = world.net.udp().unwrap();
        udp.bind((ip4(3), 5000)).unwrap();
        udp.setblocking(false).unwrap();
        for (ip, there) in [(ip4(1), false), (ip4(3), true)] {
            let (tcp_to, udp_to) = (SockAddr::new(ip, 80), SockAddr::new(ip, 5000));
            let script = [Step::Udp(Family::V4), Step::SendTo(udp_to, b"hello")];
            let sender = world.peer().start(&script).unwrap();
            let client = world.peer().start(&[Step::Connect(tcp_to), Step::Hold]).unwrap();
            world.peer().settle(sender);
            let state = world.peer().settle(client).state;
            world.pass(Duration::from_millis(100));
            let refused = usocket_conformance::State::Failed(0, Error::ECONNREFUSED);
            assert_eq!(state != refused, there, "{state:?}");
            assert_eq!(listener.readiness().contains(POLLIN), there);
            assert_eq!(udp.recv(&mut [0; 16]).is_ok(), there);
        }
        // Also for what goes out.
        let script = [Step::Listen(Family::V4, 1), Step::Accept, Step::Hold];
        let peer = world.peer().start(&script).unwrap();
        let stream = world.net.tcp().unwrap();
        stream.bind((ip4(3), 0)).unwrap();
        stream.connect(world.peer().address(peer).unwrap()).unwrap();
        assert_eq!(stream.local_addr().unwrap().ip(), ip4(3));
        world.peer().settle(peer);
        assert_eq!(world.peer().report(peer).from.map(|from| from.ip()), Some(ip4(3)));
    });
}
