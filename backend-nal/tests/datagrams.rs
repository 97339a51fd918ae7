//! What of datagrams is this backend's own: its queues and their bounds, and errors of the stack
//! that come late or have no name. The kit has the rest.

mod support;

use std::net::Ipv4Addr;
use std::time::Duration;

use support::{World, world};
use usocket_backend_nal::Config;
use usocket_conformance::{Digest, Harness, State, Step};
use usocket_core::prelude::*;
use usocket_core::{
    AF_INET6, Error, Family, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IPPROTO_IP, POLLERR, POLLIN,
    POLLOUT, SOCK_DGRAM, SockAddr,
};

/// Longer than anything here takes.
const PATIENCE: Duration = Duration::from_secs(10);

fn with_world(config: Config, run: impl FnOnce(&World<'_, '_>)) {
    world(1, config, run);
}

#[test]
fn the_configured_length_is_the_longest() {
    with_world(Config { max_datagram: 100, ..Config::default() }, |world| {
        let peer = world.peer();
        let actor = peer.start(&[Step::Udp(Family::V4), Step::RecvFrom, Step::Hold]).unwrap();
        let to = peer.address(actor).unwrap();
        let socket = world.net().udp().unwrap();
        assert_eq!(socket.sendto([1; 101], to), Err(Error::EMSGSIZE));
        // What is refused binds nothing.
        assert_eq!(socket.local_addr().unwrap().port(), 0);
        assert_eq!(socket.sendto([1; 100], to), Ok(100));
        assert_eq!(peer.settle(actor).received, 100);
    });
}

/// A queue of ours holds one of these and a task another one; the third waits in the stack.
#[test]
fn what_has_no_room_waits_whole() {
    with_world(Config::default(), |world| {
        let socket = world.net().udp().unwrap();
        let own = world.ip(Family::V4).unwrap();
        socket.bind((own, 0)).unwrap();
        let to = SockAddr::new(own, socket.local_addr().unwrap().port());
        let steps = [
            Step::Udp(Family::V4),
            Step::SendLenTo(to, 1400),
            Step::SendLenTo(to, 1401),
            Step::SendLenTo(to, 1402),
            Step::Hold,
        ];
        let peer = world.peer();
        let actor = peer.start(&steps).unwrap();
        let from = peer.address(actor).unwrap();
        assert_eq!(peer.settle(actor).state, State::Running(4));
        world.pass(Duration::from_millis(100));
        socket.setblocking(false).unwrap();
        let mut buf = [0; 1500];
        for len in 1400..1403 {
            assert_eq!(socket.recvfrom(&mut buf), Ok((len, from)));
            let mut digest = Digest::new();
            digest.add(&buf[..len]);
            assert_eq!(digest, Digest::of_pattern(len as u64));
        }
        assert_eq!(socket.recvfrom(&mut buf).map(|_| ()), Err(Error::EAGAIN));
    });
}

#[test]
fn an_address_that_is_not_ours_is_told_by_bind() {
    with_world(Config::default(), |world| {
        let socket = world.net().udp().unwrap();
        assert_eq!(socket.bind(("192.0.2.1", 4000)), Err(Error::EADDRNOTAVAIL));
        assert_eq!(socket.take_error(), Ok(None));
        assert_eq!(socket.local_addr().unwrap().port(), 0);
        assert_eq!(socket.bind((world.ip(Family::V4).unwrap(), 4000)), Ok(()));
        let other = world.net().udp().unwrap();
        assert_eq!(other.bind(("", 4000)), Err(Error::EADDRINUSE));
        socket.close().unwrap();
        // The port is free at once.
        assert_eq!(other.bind(("", 4000)), Ok(()));
    });
}

#[test]
fn what_the_stack_refuses_is_told_once() {
    with_world(Config::default(), |world| {
        let socket = world.net().socket(AF_INET6, SOCK_DGRAM).unwrap();
        socket.setblocking(false).unwrap();
        // An interface that is not there: the traits have no name for that.
        let nowhere = ("fe80::1", 9, 0, 0x7fff_0000);
        assert_eq!(socket.sendto("x", nowhere), Err(Error::EIO));
        assert_eq!(socket.recv(&mut [0; 1]), Err(Error::EAGAIN));
        let ready = socket.readiness();
        assert!(ready.contains(POLLOUT) && ready.masked(POLLERR | POLLIN).is_empty(), "{ready:?}");
    });
}

/// A datagram that was accepted is sent though the socket is closed.
#[test]
fn close_sends_and_abort_frees() {
    with_world(Config::default(), |world| {
        let peer = world.peer();
        let steps = [Step::Udp(Family::V4), Step::RecvFrom, Step::RecvFrom, Step::Hold];
        let actor = peer.start(&steps).unwrap();
        let to = peer.address(actor).unwrap();
        let socket = world.net().udp().unwrap();
        socket.settimeout(PATIENCE).unwrap();
        for text in ["one", "two"] {
            assert_eq!(socket.sendto(text, to), Ok(3));
        }
        socket.close().unwrap();
        world.net().drain(10).unwrap();
        assert_eq!(world.net().lingering(), 0);
        assert_eq!(&peer.settle(actor).head[..], b"onetwo");
        // Every place is free again, whatever it had received.
        for _ in 0..3 {
            let sockets: Vec<_> = (0..support::SOCKETS)
                .map(|_| {
                    let socket = world.net().udp().unwrap();
                    socket.bind(("", 0)).unwrap();
                    socket
                })
                .collect();
            assert_eq!(world.net().udp().map(|_| ()), Err(Error::ENOMEM));
            for socket in &sockets {
                socket.abort().unwrap();
            }
            world.pass(Duration::from_millis(1));
        }
    });
}

/// The value of the option: a group, and an interface by its address.
fn membership(interface: [u8; 4]) -> [u8; 8] {
    let mut value = [239, 1, 2, 3, 0, 0, 0, 0];
    value[4..].copy_from_slice(&interface);
    value
}

#[test]
fn a_group_joined_before_bind_is_heard() {
    with_world(Config::default(), |world| {
        let socket = world.net().udp().unwrap();
        socket.settimeout(PATIENCE).unwrap();
        let value = membership([0; 4]);
        socket.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, &value).unwrap();
        socket.bind(("", 5353)).unwrap();
        let to = SockAddr::new(Ipv4Addr::new(239, 1, 2, 3).into(), 5353);
        let peer = world.peer();
        peer.start(&[Step::Udp(Family::V4), Step::SendTo(to, b"hi"), Step::Hold]).unwrap();
        assert_eq!(socket.recv(&mut [0; 8]), Ok(2));
        // The stack knows of it: it is not joined twice there either.
        assert_eq!(socket.setsockopt(IPPROTO_IP, IP_DROP_MEMBERSHIP, &value), Ok(()));
        assert_eq!(
            socket.setsockopt(IPPROTO_IP, IP_DROP_MEMBERSHIP, &value),
            Err(Error::EADDRNOTAVAIL)
        );
    });
}

#[test]
fn an_interface_that_is_not_there_is_told() {
    with_world(Config::default(), |world| {
        let value = membership([192, 0, 2, 77]);
        let socket = world.net().udp().unwrap();
        socket.bind(("", 0)).unwrap();
        for _ in 0..2 {
            let answer = socket.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, &value);
            assert_eq!(answer, Err(Error::ENODEV));
        }
        assert_eq!(socket.take_error(), Ok(None));
        // Before bind there is nobody to ask: bind is told, until it is left.
        let early = world.net().udp().unwrap();
        assert_eq!(early.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, &value), Ok(()));
        assert_eq!(early.bind(("", 0)), Err(Error::ENODEV));
        assert_eq!(early.setsockopt(IPPROTO_IP, IP_DROP_MEMBERSHIP, &value), Ok(()));
        assert_eq!(early.bind(("", 0)), Ok(()));
        let stream = world.net().tcp().unwrap();
        let answer = stream.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, &value);
        assert_eq!(answer, Err(Error::ENOPROTOOPT));
    });
}

#[test]
fn a_socket_has_four_groups() {
    with_world(Config::default(), |world| {
        let socket = world.net().udp().unwrap();
        socket.bind(("", 0)).unwrap();
        for number in 0..5 {
            let value = [239, 0, 0, number, 0, 0, 0, 0];
            let expected = if number < 4 { Ok(()) } else { Err(Error::ENOBUFS) };
            assert_eq!(socket.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, &value), expected);
        }
    });
}
