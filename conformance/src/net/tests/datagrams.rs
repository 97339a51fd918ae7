//! Datagrams: queues, filters, groups, errors.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use usocket_core::spi::{Backend, Group, Handle, Opt, RecvFlags, SockType};
use usocket_core::{Error, Family, POLLIN, SockAddr};

use super::{MS, Short, World, network};
use crate::Step;
use crate::harness::Harness;
use crate::net::{Faults, MAX_DATAGRAM};

/// A bound datagram socket of ours, and where to reach it.
fn bound(world: &World<'_>, family: Family) -> (Handle, SockAddr) {
    let net = world.net();
    let handle = net.open(family, SockType::Dgram).unwrap();
    net.bind(handle, SockAddr::new(family.unspecified(), 0)).unwrap();
    (handle, SockAddr::new(world.ip(family).unwrap(), net.bound(handle).port()))
}

#[test]
fn datagrams_keep_order_length_and_sender() {
    for family in [Family::V4, Family::V6] {
        let network = network();
        let world = World::new(&network).unwrap();
        let (handle, to) = bound(&world, family);
        let script = [
            Step::Udp(family),
            Step::SendTo(to, b"one"),
            Step::SendTo(to, b""),
            Step::SendLenTo(to, 1000),
            Step::SendTo(to, b"four"),
            Step::Hold,
        ];
        let actor = world.peer().start(&script).unwrap();
        let from = world.peer().address(actor).unwrap();
        world.pass(10 * MS);
        let net = world.net();
        let mut buf = [0; 100];
        for (len, full_len) in [(3, 3), (0, 0), (100, 1000), (4, 4)] {
            assert_eq!(net.bits(handle, 5), 5);
            let peek = net.try_recv_info(handle, &mut buf, RecvFlags { peek: true }).unwrap();
            let info = net.try_recv_info(handle, &mut buf, RecvFlags::default()).unwrap();
            assert_eq!(peek, info);
            assert_eq!((info.len, info.full_len, info.from), (len, full_len, from));
            assert_eq!(info.local, world.ip(family));
        }
        assert_eq!((net.recv(handle), net.bits(handle, 5)), (Err(Error::EAGAIN), 4));
    }
}

#[test]
fn a_full_queue_drops_the_newest() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (handle, to) = bound(&world, Family::V4);
    let sender = world.peer_host().udp();
    for n in 0..12u8 {
        assert_eq!(world.peer_host().try_send_to(sender, &[n], to), Ok(1));
    }
    world.pass(10 * MS);
    for n in 0..8 {
        assert_eq!(world.net().recv(handle), Ok(std::vec![n]));
    }
    assert_eq!(world.net().recv(handle), Err(Error::EAGAIN));
}

#[test]
fn what_cannot_be_sent_is_refused() {
    let network = network();
    let world = World::new(&network).unwrap();
    let net = world.net();
    let handle = net.udp();
    let to = world.peer().refusing(Family::V4);
    assert_eq!(net.try_send(handle, b"x"), Err(Error::EDESTADDRREQ));
    assert_eq!(net.try_send_to(handle, &[0; MAX_DATAGRAM], to), Ok(MAX_DATAGRAM));
    assert_eq!(net.try_send_to(handle, &[0; MAX_DATAGRAM + 1], to), Err(Error::EMSGSIZE));
    for broadcast in [Ipv4Addr::BROADCAST, Ipv4Addr::new(10, 0, 0, 255)] {
        let to = SockAddr::new(broadcast.into(), 5);
        net.set_option(handle, &Opt::Broadcast(false)).unwrap();
        assert_eq!(net.try_send_to(handle, b"x", to), Err(Error::EACCES));
        net.set_option(handle, &Opt::Broadcast(true)).unwrap();
        assert_eq!(net.try_send_to(handle, b"x", to), Ok(1));
    }
    let far = SockAddr::new([192, 0, 2, 1].into(), 5);
    assert_eq!(net.try_send_to(handle, b"x", far), Err(Error::ENETUNREACH));
    assert_eq!(net.bind(handle, SockAddr::new(Family::V4.unspecified(), 0)), Err(Error::EINVAL));
    assert_eq!(
        (net.listen(handle, 1), net.try_accept(handle).err()),
        (Err(Error::EOPNOTSUPP), Some(Error::EOPNOTSUPP))
    );
}

#[test]
fn a_connected_socket_filters_and_learns_of_closed_ports() {
    let network = network();
    let world = World::new(&network).unwrap();
    let net = world.net();
    let (handle, own) = bound(&world, Family::V4);
    let (friend, stranger) = (world.peer_host().udp(), world.peer_host().udp());
    for socket in [friend, stranger] {
        world.peer_host().try_send_to(socket, b"hello", own).unwrap();
    }
    world.pass(10 * MS);
    let mut buf = [0; 9];
    let from = net.try_recv_info(handle, &mut buf, RecvFlags::default()).unwrap().from;
    net.recv(handle).unwrap();
    net.try_connect(handle, from).unwrap();
    assert_eq!(net.peer_addr(handle), Ok(from));
    for (socket, text) in [(stranger, b"no"), (friend, b"go")] {
        world.peer_host().try_send_to(socket, text, own).unwrap();
    }
    world.pass(10 * MS);
    assert_eq!(net.recv(handle).unwrap(), b"go");
    assert_eq!(net.recv(handle), Err(Error::EAGAIN));

    net.try_connect(handle, world.peer().refusing(Family::V4)).unwrap();
    net.try_send(handle, b"x").unwrap();
    world.pass(10 * MS);
    assert_eq!(net.bits(handle, 5), 12);
    assert_eq!(net.recv(handle), Err(Error::ECONNREFUSED));
    assert_eq!((net.recv(handle), net.bits(handle, 5)), (Err(Error::EAGAIN), 4));
}

#[test]
fn groups_reach_their_members() {
    let groups: [IpAddr; 2] =
        [Ipv4Addr::new(239, 1, 2, 3).into(), Ipv6Addr::new(0xff05, 0, 0, 0, 0, 0, 0, 7).into()];
    for ip in groups {
        let network = network();
        let world = World::new(&network).unwrap();
        let (net, family) = (world.net(), Family::of(ip));
        let script = [Step::Udp(family), Step::Join(ip), Step::RecvFrom, Step::Reply(b"here")];
        let actor = world.peer().start(&script).unwrap();
        let port = world.peer().address(actor).unwrap().port();
        let handle = net.open(family, SockType::Dgram).unwrap();
        net.try_send_to(handle, b"who?", SockAddr::new(ip, port)).unwrap();
        net.wait(handle, POLLIN, None).unwrap();
        assert_eq!(net.recv(handle).unwrap(), b"here");
    }
}

#[test]
fn membership_is_counted_and_checked() {
    let network = network();
    let world = World::new(&network).unwrap();
    let net = world.net();
    let handle = net.udp();
    let group = |last, interface: [u8; 4]| Group::V4 {
        group: Ipv4Addr::new(239, 0, 0, last),
        interface: interface.into(),
    };
    for (option, wanted) in [
        (Opt::Leave(group(1, [0; 4])), Err(Error::EADDRNOTAVAIL)),
        (Opt::Join(group(1, [0; 4])), Ok(())),
        (Opt::Join(group(1, [10, 0, 0, 1])), Err(Error::EADDRINUSE)),
        (Opt::Join(group(2, [10, 0, 0, 9])), Err(Error::ENODEV)),
        (Opt::Leave(group(1, [10, 0, 0, 1])), Ok(())),
        (Opt::NoDelay(true), Err(Error::ENOPROTOOPT)),
    ] {
        assert_eq!(net.set_option(handle, &option), wanted, "{option:?}");
    }
    assert_eq!(net.set_option(net.tcp(), &Opt::Join(group(1, [0; 4]))), Err(Error::ENOPROTOOPT));
}

#[test]
fn loss_and_duplicates_follow_the_seed() {
    let run = |seed| {
        let network = super::Net::new(super::Virtual::new(seed));
        let world = World::new(&network).unwrap();
        let (handle, to) = bound(&world, Family::V4);
        let bad = Faults { loss: 300, duplicate: 100, ..Faults::NONE };
        network.set_faults(to.ip(), bad).unwrap();
        let sender = world.peer_host().udp();
        let mut got = std::vec::Vec::new();
        for n in 0..200u8 {
            world.peer_host().try_send_to(sender, &[n], to).unwrap();
            world.pass(2 * MS);
            while let Ok(datagram) = world.net().recv(handle) {
                got.extend(datagram);
            }
        }
        got
    };
    let got = run(5);
    assert_eq!(got, run(5));
    assert_ne!(got, run(6));
    assert!(got.is_sorted() && (120..190).contains(&got.len()), "{}", got.len());
    let mut once = got.clone();
    once.dedup();
    assert!(once.len() < got.len());
}
