//! R17, R19: datagrams, and one bad peer among good ones.

mod support;

use core::net::Ipv4Addr;
use std::time::Duration;

use support::world::{NAME, World, in_world, ip4};
use usocket_conformance::{Harness, Step};
use usocket_core::prelude::*;
use usocket_core::spi::{Backend, EventSource};
use usocket_core::{Family, POLLIN, POLLOUT, SockAddr, Socket};

type Ours<'h, 'w> = Socket<'h, support::world::Ours<'w>>;

/// An address on the link that nobody has.
fn absent(last: u8) -> SockAddr {
    SockAddr::new(Ipv4Addr::new(10, 0, 0, last).into(), 4000)
}

/// A socket of ours, and one of the peer that a script receives from.
fn pair<'h, 'w>(world: &'h World<'w>) -> (Ours<'h, 'w>, usocket_conformance::Actor, SockAddr) {
    let mut script = vec![Step::Udp(Family::V4)];
    script.extend([Step::EchoFrom(100_000), Step::Hold]);
    let peer = world.peer().start(&script).unwrap();
    let address = world.peer().address(peer).unwrap();
    let socket = world.net.udp().unwrap();
    socket.settimeout(30).unwrap();
    (socket, peer, address)
}

#[test]
fn a_peer_who_is_not_there_does_not_stop_the_others() {
    in_world(1, |world| {
        let (socket, peer, address) = pair(world);
        let begun = world.now();
        for round in 0..1000 {
            socket.sendto("nobody", absent(99)).unwrap();
            socket.sendto("somebody", address).unwrap();
            if round % 2 == 1 {
                world.pass(Duration::from_millis(1));
            }
        }
        world.pass(Duration::from_millis(100));
        let report = world.peer().report(peer);
        assert!(report.datagrams >= 990, "{} of 1000 arrived", report.datagrams);
        let took = world.now().saturating_since(begun);
        assert!(took <= Duration::from_secs(2), "{took:?}");
        // From another socket, to several who are not there.
        let other = world.net.udp().unwrap();
        other.settimeout(30).unwrap();
        for last in 90..98 {
            other.sendto("nobody", absent(last)).unwrap();
        }
        let begun = world.now();
        assert_eq!(other.sendto("somebody", address), Ok(8));
        assert!(world.now().saturating_since(begun) <= Duration::from_secs(1));
    });
}

#[test]
fn who_has_one_peer_is_told_that_it_is_not_there() {
    in_world(2, |world| {
        let socket = world.net.udp().unwrap();
        socket.settimeout(10).unwrap();
        socket.connect(absent(99)).unwrap();
        socket.send("anybody?").unwrap();
        let mut buf = [0; 8];
        assert_eq!(socket.recv(&mut buf), Err(Error::EHOSTUNREACH));
        socket.settimeout(1).unwrap();
        assert_eq!(socket.recv(&mut buf), Err(Error::ETIMEDOUT));
        // It is remembered for a while, and believed anew when it answers.
        socket.send("anybody?").unwrap();
        socket.connect((ip4(2), 9)).unwrap();
        socket.send("closed").unwrap();
        assert_eq!(socket.recv(&mut buf), Err(Error::ECONNREFUSED));
    });
}

#[test]
fn names_are_found_while_a_neighbour_is_not() {
    in_world(3, |world| {
        let socket = world.net.udp().unwrap();
        socket.settimeout(10).unwrap();
        for last in 90..99 {
            socket.sendto("nobody", absent(last)).unwrap();
        }
        let begun = world.now();
        assert!(world.net.getaddrinfo(NAME, 80, ()).is_ok());
        assert!(world.now().saturating_since(begun) <= Duration::from_secs(3));
    });
}

#[test]
fn too_long_datagrams_are_refused_by_length_alone() {
    in_world(4, |world| {
        let (socket, _, address) = pair(world);
        for len in [1473, 9000, 65_535, 70_000] {
            assert_eq!(socket.sendto(vec![1; len], address), Err(Error::EMSGSIZE), "{len}");
        }
        assert_eq!(socket.sendto([1; 1472], address), Ok(1472));
        let mut buf = [0; 100];
        let info = socket.recv_info(&mut buf, 0).unwrap();
        assert_eq!((info.len, info.full_len, info.from), (100, 1472, address));
        if cfg!(not(feature = "ipv6")) {
            return;
        }
        let v6 = world.net.socket(usocket_core::AF_INET6, usocket_core::SOCK_DGRAM).unwrap();
        let to = SockAddr::new(support::world::ip6(2), 9);
        assert_eq!(v6.sendto([1; 1453], to), Err(Error::EMSGSIZE));
        assert_eq!(v6.sendto([1; 1452], to), Ok(1452));
    });
}

#[test]
fn a_drive_does_a_bounded_amount_of_work() {
    in_world(5, |world| {
        let (socket, peer, address) = pair(world);
        socket.sendto("hello", address).unwrap();
        world.pass(Duration::from_millis(10));
        world.peer().stop(peer);
        // Frames of all kinds that nobody waits for.
        let now = world.now();
        for n in 0..10_000u32 {
            let frame = n.to_le_bytes().repeat(20);
            world.theirs.wire.borrow_mut().send(
                support::wire::Side::Ours,
                now.as_micros() - 2000,
                frame,
            );
        }
        let waiting =
            |world: &World<'_>| world.theirs.wire.borrow().waiting(support::wire::Side::Ours);
        let before = waiting(world);
        world.net.drive(now);
        let took = before - waiting(world);
        assert!((1..=64).contains(&took), "{took} frames in one drive");
        assert!(world.net.pending());
        let mut drives = 0;
        while world.net.pending() {
            world.net.drive(now);
            drives += 1;
        }
        assert_eq!(waiting(world), 0);
        assert!(drives < 10_000);
        assert_eq!(socket.readiness(), POLLIN | POLLOUT);
    });
}

#[test]
fn who_has_nothing_to_do_sleeps() {
    in_world(6, |world| {
        let (socket, _, address) = pair(world);
        let listener = world.net.tcp().unwrap();
        listener.bind(("", 80)).unwrap();
        listener.listen(4).unwrap();
        let script = [Step::Listen(Family::V4, 1), Step::Accept, Step::Hold];
        let peer = world.peer().start(&script).unwrap();
        let stream = world.net.tcp().unwrap();
        stream.connect(world.peer().address(peer).unwrap()).unwrap();
        socket.sendto("hello", address).unwrap();
        world.pass(Duration::from_secs(2));
        let mut drives = 0;
        let until = world.now() + Duration::from_secs(10);
        let mut next = None;
        while world.now() < until {
            next = world.net.drive(world.now());
            assert!(!world.net.pending());
            drives += 1;
            let to = usocket_core::earlier(next, Some(until));
            world.net.platform().idle(to, &mut || false);
        }
        assert_eq!(drives, 1, "next {next:?}");
    });
}

/// The stack gives a datagram to the first socket on its port, whatever the family.
#[cfg(feature = "ipv6")]
#[test]
fn sockets_of_two_families_do_not_share_a_port() {
    use support::world::ip6;
    use usocket_core::{AF_INET6, SO_REUSEADDR, SOCK_DGRAM, SOL_SOCKET};

    let any = SockAddr::new(core::net::Ipv6Addr::UNSPECIFIED.into(), 5683);
    in_world(7, |world| {
        let v4 = world.net.udp().unwrap();
        v4.bind(("", 5683)).unwrap();
        for to in [any, SockAddr::new(ip6(1), 5683)] {
            let v6 = world.net.socket(AF_INET6, SOCK_DGRAM).unwrap();
            assert_eq!(v6.bind(to), Err(Error::EADDRINUSE), "{to}");
        }
        v4.close().unwrap();
        let v4 = world.net.udp().unwrap();
        v4.bind((ip4(1), 5683)).unwrap();
        let v6 = world.net.socket(AF_INET6, SOCK_DGRAM).unwrap();
        assert_eq!(v6.bind(any), Err(Error::EADDRINUSE));
        // Each with an address of its own.
        v6.bind(SockAddr::new(ip6(1), 5683)).unwrap();
        for (family, to, socket) in [(Family::V4, ip4(1), &v4), (Family::V6, ip6(1), &v6)] {
            let sender = world.theirs.net.open(family, usocket_core::spi::SockType::Dgram).unwrap();
            world.theirs.net.try_send_to(sender, b"hello", SockAddr::new(to, 5683)).unwrap();
            socket.settimeout(1).unwrap();
            assert_eq!(socket.recv(&mut [0; 8]), Ok(5), "{family:?}");
        }
        // As on one family, two may send.
        v6.close().unwrap();
        let v6 = world.net.socket(AF_INET6, SOCK_DGRAM).unwrap();
        v6.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1).unwrap();
        v4.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1).unwrap();
        v6.bind(any).unwrap();
        // Streams of two families may share one.
        let [a, b] = [usocket_core::AF_INET, AF_INET6]
            .map(|family| world.net.socket(family, usocket_core::SOCK_STREAM).unwrap());
        a.bind(("", 80)).unwrap();
        b.bind(SockAddr::new(core::net::Ipv6Addr::UNSPECIFIED.into(), 80)).unwrap();
    });
}

#[test]
fn of_two_on_one_port_the_one_that_sent_is_told() {
    use usocket_core::{SO_REUSEADDR, SOL_SOCKET};

    in_world(8, |world| {
        let [quiet, asking] = [0, 1].map(|_| {
            let socket = world.net.udp().unwrap();
            socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1).unwrap();
            socket.bind(("", 4000)).unwrap();
            socket.settimeout(1).unwrap();
            socket
        });
        asking.connect((ip4(2), 9)).unwrap();
        asking.send("closed").unwrap();
        world.pass(Duration::from_millis(100));
        assert_eq!(asking.recv(&mut [0; 8]), Err(Error::ECONNREFUSED));
        assert_eq!(quiet.recv(&mut [0; 8]), Err(Error::ETIMEDOUT));
    });
}
