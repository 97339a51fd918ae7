//! Bad networks.

use core::time::Duration;

use usocket_core::spi::{Backend, Link};
use usocket_core::{Error, Family, POLLIN, SockAddr};

use super::{MS, Short, World, network, pair};
use crate::harness::Harness;
use crate::net::Faults;

#[test]
fn a_refusing_address_refuses_though_somebody_listens() {
    let network = network();
    let world = World::new(&network).unwrap();
    let server = world.peer_host().tcp();
    world.peer_host().listen(server, 1).unwrap();
    let ip = world.peer().ip(Family::V4).unwrap();
    let to = SockAddr::new(ip, world.peer_host().bound(server).port());
    network.set_faults(ip, Faults { refuse: true, ..Faults::NONE }).unwrap();
    let client = world.net().tcp();
    assert_eq!(world.net().connect_wait(client, to), Err(Error::ECONNREFUSED));
    network.set_faults(ip, Faults::NONE).unwrap();
    assert_eq!(world.net().connect_wait(client, to), Ok(()));
}

#[test]
fn what_a_stall_or_a_black_hole_held_back_arrives_later() {
    let network = network();
    let world = World::new(&network).unwrap();
    let ip = world.peer().ip(Family::V4).unwrap();
    let (client, server) = pair(&world, world.peer_host(), world.net());
    let net = world.net();

    let start = world.now();
    network.stall(ip, 500 * MS).unwrap();
    world.peer_host().try_send(client, b"late").unwrap();
    net.wait(server, POLLIN, None).unwrap();
    assert_eq!(world.now().saturating_since(start), 500 * MS);
    assert_eq!(net.recv(server).unwrap(), b"late");

    network.set_faults(ip, Faults { silent: true, ..Faults::NONE }).unwrap();
    world.peer_host().try_send(client, b"later").unwrap();
    world.pass(Duration::from_secs(5));
    assert_eq!(net.recv(server), Err(Error::EAGAIN));
    network.set_faults(ip, Faults::NONE).unwrap();
    world.pass(2 * MS);
    assert_eq!(net.recv(server).unwrap(), b"later");
}

#[test]
fn a_reset_comes_after_so_many_bytes() {
    let network = network();
    let world = World::new(&network).unwrap();
    let ip = world.peer().ip(Family::V4).unwrap();
    network.set_faults(ip, Faults { reset_after: Some(1000), ..Faults::NONE }).unwrap();
    let (client, server) = pair(&world, world.peer_host(), world.net());
    world.peer_host().try_send(client, &[1; 1500]).unwrap();
    world.pass(10 * MS);
    let net = world.net();
    assert_eq!((net.bits(server, 5), world.peer_host().bits(client, 5)), (29, 29));
    assert_eq!(net.recv(server).unwrap().len(), 1000);
    assert_eq!(net.recv(server), Err(Error::ECONNRESET));
    assert_eq!(net.recv(server), Ok(std::vec![]));
    assert_eq!(world.peer_host().try_send(client, b"x"), Err(Error::ECONNRESET));
}

#[test]
fn a_lost_link_is_learnt_at_once_and_comes_back() {
    let network = network();
    let world = World::new(&network).unwrap();
    let net = world.net();
    let (client, server) = pair(&world, net, world.peer_host());
    let pending = net.tcp();
    let silent = world.peer().silent(Family::V4);
    assert_eq!(net.try_connect(pending, silent), Err(Error::EINPROGRESS));
    net.set_link(Link::Down);
    assert_eq!(net.link(), Link::Down);
    assert_eq!((net.bits(client, 5), net.bits(pending, 5)), (29, 29));
    assert_eq!(net.recv(client), Err(Error::ENETDOWN));
    assert_eq!(net.recv(client), Ok(std::vec![]));
    assert_eq!(net.try_send(client, b"x"), Err(Error::EPIPE));
    assert_eq!(net.connect_result(pending), Err(Error::ENETDOWN));
    assert_eq!(net.try_connect(pending, silent), Err(Error::ENETDOWN));
    assert_eq!(net.try_send_to(net.udp(), b"x", silent), Err(Error::ENETDOWN));
    assert_eq!(net.start_query("peer.test", None, false), Err(Error::EAI_AGAIN));
    assert_eq!(net.open(Family::V4, usocket_core::spi::SockType::Stream).map(|_| ()), Ok(()));

    // The peer notices nothing until it sends and we are back.
    assert_eq!(world.peer_host().bits(server, 5), 4);
    net.close(client).unwrap();
    net.set_link(Link::Up);
    world.peer_host().try_send(server, b"hello?").unwrap();
    world.pass(10 * MS);
    assert_eq!(world.peer_host().bits(server, 5), 29);
    let (again, _) = pair(&world, net, world.peer_host());
    assert_eq!(net.bits(again, 5), 4);
}

#[test]
fn without_an_address_the_network_is_unreachable() {
    let network = network();
    let world = World::new(&network).unwrap();
    let net = world.net();
    net.set_link(Link::NoAddress);
    let handle = net.tcp();
    let to = world.peer().refusing(Family::V4);
    assert_eq!(net.try_connect(handle, to), Err(Error::ENETUNREACH));
    // The loopback needs no link.
    let (a, b) = pair(&world, net, net);
    net.try_send(a, b"me").unwrap();
    world.pass(MS);
    assert_eq!(net.recv(b).unwrap(), b"me");
}
