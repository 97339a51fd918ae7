//! Streams: whole transfers, orders of close and reset, backlog, addresses.

use core::time::Duration;

use usocket_core::spi::{Backend, EventSource, Handle, Opt, RecvFlags, SockType};
use usocket_core::{Error, Family, POLLIN, POLLOUT, SockAddr, earlier};

use super::{MS, Net, Short, World, listener, network, pair};
use crate::harness::{End, Harness, State};
use crate::net::Faults;
use crate::{Digest, Step, pattern};

const MIB: u32 = 1 << 20;

/// Sends a MiB to an echoing peer, receives it back, and returns its digest.
pub(super) fn echo(network: &Net, family: Family, faults: Faults, len: u32) -> Digest {
    let world = World::new(network).unwrap();
    let peer = world.peer();
    network.set_faults(peer.ip(family).unwrap(), faults).unwrap();
    let script = [Step::Listen(family, 1), Step::Accept, Step::Echo];
    let actor = peer.start(&script).unwrap();
    let net = world.net();
    let handle = net.open(family, SockType::Stream).unwrap();
    net.connect_wait(handle, peer.address(actor).unwrap()).unwrap();

    let (mut sent, mut received, mut digest) = (0u64, 0u64, Digest::new());
    while received < len.into() {
        let piece: [u8; 700] = core::array::from_fn(|i| pattern(sent + i as u64));
        let left = usize::try_from(u64::from(len) - sent).unwrap().min(700);
        let mut moved = false;
        if left > 0
            && let Ok(taken) = net.try_send(handle, &piece[..left])
        {
            sent += taken as u64;
            moved = true;
        }
        if let Ok(bytes) = net.recv(handle) {
            if let Some(most) = faults.segment {
                assert!(bytes.len() <= most);
            }
            received += bytes.len() as u64;
            digest.add(&bytes);
            moved = true;
        }
        if !moved {
            let events = if left > 0 { POLLIN | POLLOUT } else { POLLIN };
            net.wait(handle, events, None).unwrap();
        }
    }
    net.close(handle).unwrap();
    let report = peer.settle(actor);
    assert_eq!((report.state, report.end), (State::Done, End::Fin));
    assert_eq!(report.digest, digest);
    digest
}

#[test]
fn a_mebibyte_survives_every_network() {
    let slow = Faults { latency: 40 * MS, ..Faults::NONE };
    let choppy = Faults { segment: Some(61), ..Faults::NONE };
    let narrow = Faults { bandwidth: Some(50_000), segment: Some(333), ..slow };
    for (family, len) in [(Family::V4, MIB), (Family::V6, MIB / 16)] {
        let wanted = Digest::of_pattern(len.into());
        for faults in [Faults::NONE, slow, choppy, narrow] {
            assert_eq!(echo(&network(), family, faults, len), wanted, "{faults:?}");
        }
    }
}

#[test]
fn bandwidth_and_latency_take_their_time() {
    let network = network();
    let narrow = Faults { bandwidth: Some(10_000), ..Faults::NONE };
    echo(&network, Family::V4, narrow, 20_000);
    let took = usocket_core::spi::Platform::now(network.platform()).as_micros();
    // 20,000 bytes at 10,000 a second, both ways at once.
    assert!((2_000_000..2_300_000).contains(&took), "{took}");
}

#[test]
fn equal_seeds_give_equal_traces() {
    let run = |seed| {
        let network = Net::new(super::Virtual::new(seed));
        echo(&network, Family::V4, Faults { latency: 3 * MS, ..Faults::NONE }, 50_000);
        network.trace()
    };
    assert_eq!(run(7), run(7));
}

/// A peer that connects to `address` and runs these steps.
fn client(world: &World<'_>, address: SockAddr, steps: &[Step]) -> crate::Actor {
    let mut script = heapless::Vec::<Step, 12>::new();
    script.push(Step::Connect(address)).unwrap();
    script.extend_from_slice(steps).unwrap();
    world.peer().start(&script).unwrap()
}

#[test]
fn data_and_fin_before_accept_are_kept() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (server, address) = listener(&world, 4);
    client(&world, address, &[Step::Send(300), Step::Close]);
    client(&world, address, &[Step::Send(200), Step::Rst]);
    world.pass(100 * MS);
    let net = world.net();
    let (a, _) = net.try_accept(server).unwrap();
    assert_eq!(net.recv(a).unwrap().len(), 300);
    assert_eq!(net.recv(a), Ok(std::vec![]));
    let (b, _) = net.try_accept(server).unwrap();
    assert_eq!(net.recv(b).unwrap().len(), 200);
    assert_eq!(net.recv(b), Err(Error::ECONNRESET));
    assert_eq!(net.recv(b), Ok(std::vec![]));
    assert_eq!(net.try_accept(server), Err(Error::EAGAIN));
}

#[test]
fn connections_come_in_order_and_beyond_the_backlog_wait() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (server, address) = listener(&world, 2);
    let mut clients = heapless::Vec::<_, 4>::new();
    for _ in 0..4 {
        let actor = client(&world, address, &[Step::Hold]);
        clients.push(world.peer().address(actor).unwrap()).unwrap();
        world.pass(MS);
    }
    world.pass(100 * MS);
    let net = world.net();
    for wanted in clients {
        net.wait(server, POLLIN, Some(world.now() + Duration::from_secs(5))).unwrap();
        let (handle, from) = net.try_accept(server).unwrap();
        assert_eq!((from, net.peer_addr(handle)), (wanted, Ok(wanted)));
    }
}

#[test]
fn a_closed_listener_resets_those_who_wait() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (server, address) = listener(&world, 4);
    let actor = client(&world, address, &[Step::RecvToEnd]);
    world.pass(10 * MS);
    world.net().close(server).unwrap();
    let report = world.peer().settle(actor);
    assert_eq!((report.state, report.end), (State::Done, End::Reset));
}

#[test]
fn close_flushes_and_unread_data_resets() {
    let network = network();
    let world = World::new(&network).unwrap();
    for (read_first, end) in [(true, End::Fin), (false, End::Reset)] {
        let (server, address) = listener(&world, 1);
        let actor = client(&world, address, &[Step::Send(10), Step::RecvToEnd]);
        world.pass(10 * MS);
        let net = world.net();
        let (handle, _) = net.try_accept(server).unwrap();
        if read_first {
            net.recv(handle).unwrap();
        }
        assert_eq!(net.try_send(handle, &[1; 2000]), Ok(2000));
        net.close(handle).unwrap();
        net.close(server).unwrap();
        let report = world.peer().settle(actor);
        assert_eq!((report.received, report.end), (2000, end));
        assert_eq!(net.lingering(), 0);
    }
}

#[test]
fn linger_zero_and_abort_reset() {
    for linger in [true, false] {
        let network = network();
        let world = World::new(&network).unwrap();
        let (server, address) = listener(&world, 1);
        let actor = client(&world, address, &[Step::RecvToEnd]);
        world.pass(10 * MS);
        let net = world.net();
        let (handle, _) = net.try_accept(server).unwrap();
        if linger {
            net.set_option(handle, &Opt::Linger(Some(0))).unwrap();
            net.close(handle).unwrap();
        } else {
            net.abort(handle).unwrap();
        }
        assert_eq!(world.peer().settle(actor).end, End::Reset);
    }
}

#[test]
fn a_dead_peer_is_given_up_within_the_linger_bound() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (client, _) = pair(&world, world.net(), world.peer_host());
    let silent = Faults { silent: true, ..Faults::NONE };
    network.set_faults(world.peer().ip(Family::V4).unwrap(), silent).unwrap();
    let net = world.net();
    net.try_send(client, b"lost").unwrap();
    net.close(client).unwrap();
    assert_eq!(net.lingering(), 1);
    world.pass(Duration::from_millis(9_900));
    assert_eq!(net.lingering(), 1);
    world.pass(Duration::from_millis(200));
    assert_eq!(net.lingering(), 0);
}

/// One connection to a listener of ours at `address`, actively closed by us.
fn time_wait(world: &World<'_>) -> SockAddr {
    let (server, address) = listener(world, 1);
    let actor = client(world, address, &[Step::RecvToEnd]);
    world.pass(10 * MS);
    let (handle, _) = world.net().try_accept(server).unwrap();
    world.net().close(handle).unwrap();
    world.net().close(server).unwrap();
    world.peer().settle(actor);
    world.pass(100 * MS);
    SockAddr::new(Family::V4.unspecified(), address.port())
}

#[test]
fn time_wait_holds_the_port_for_those_without_reuseaddr() {
    let network = network();
    let world = World::new(&network).unwrap();
    let address = time_wait(&world);
    let net = world.net();
    let socket = net.tcp();
    assert_eq!(net.bind(socket, address), Err(Error::EADDRINUSE));
    net.set_option(socket, &Opt::ReuseAddr(true)).unwrap();
    assert_eq!(net.bind(socket, address), Ok(()));
    net.close(socket).unwrap();
    world.pass(Duration::from_secs(10));
    let socket = net.tcp();
    assert_eq!(net.bind(socket, address), Ok(()));
}

#[test]
fn who_may_bind_what() {
    let network = network();
    let world = World::new(&network).unwrap();
    let net = world.net();
    let own = world.ip(Family::V4).unwrap();
    let first = net.tcp();
    net.bind(first, SockAddr::new(own, 700)).unwrap();
    assert_eq!(net.bind(first, SockAddr::new(own, 701)), Err(Error::EINVAL));
    let second = net.tcp();
    for (address, wanted) in [
        (SockAddr::new(own, 700), Err(Error::EADDRINUSE)),
        (SockAddr::new(Family::V4.unspecified(), 700), Err(Error::EADDRINUSE)),
        (world.peer().refusing(Family::V4), Err(Error::EADDRNOTAVAIL)),
        (SockAddr::new([127, 0, 0, 1].into(), 700), Ok(())),
    ] {
        assert_eq!(net.bind(second, address), wanted, "{address}");
    }
    let datagrams = net.udp();
    assert_eq!(net.bind(datagrams, SockAddr::new(own, 700)), Ok(()));
    // Two bound with SO_REUSEADDR, but only one listens (row 58).
    let twins = [net.tcp(), net.tcp()];
    for twin in twins {
        net.set_option(twin, &Opt::ReuseAddr(true)).unwrap();
        net.bind(twin, SockAddr::new(own, 800)).unwrap();
    }
    assert_eq!(net.listen(twins[0], 1), Ok(()));
    assert_eq!(net.listen(twins[1], 1), Err(Error::EADDRINUSE));
    assert_eq!(net.listen(twins[0], 1_000_000), Ok(()));
}

#[test]
fn link_local_addresses_name_their_interface() {
    let network = network();
    let world = World::new(&network).unwrap();
    let local = |last, scope| -> SockAddr {
        let ip = core::net::Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last);
        core::net::SocketAddrV6::new(ip, 900, 0, scope).into()
    };
    let peer = world.peer_host();
    let server = peer.open(Family::V6, SockType::Stream).unwrap();
    peer.bind(server, local(2, 1)).unwrap();
    peer.listen(server, 1).unwrap();
    let net = world.net();
    let client = net.open(Family::V6, SockType::Stream).unwrap();
    assert_eq!(net.try_connect(client, local(2, 9)), Err(Error::ENODEV));
    assert_eq!(net.try_connect(client, local(2, 0)), Err(Error::EINVAL));
    assert_eq!(net.connect_wait(client, local(2, 1)), Ok(()));
    assert_eq!(net.bound(client).scope_id(), 1);
    peer.wait(server, POLLIN, None).unwrap();
    let (accepted, from) = peer.try_accept(server).unwrap();
    assert_eq!((from, from.scope_id()), (net.bound(client), 1));
    assert_eq!(peer.bound(accepted), local(2, 1));
}

#[test]
fn full_tables_are_errors_and_give_back_what_was_taken() {
    let network = Net::new(super::Virtual::new(3));
    let world = World::new(&network).unwrap();
    let net = world.net();
    let mut handles = std::vec::Vec::new();
    while let Ok(handle) = net.open(Family::V4, SockType::Stream) {
        handles.push(handle);
    }
    assert_eq!(handles.len(), 32);
    assert_eq!(net.open(Family::V6, SockType::Dgram), Err(Error::ENOMEM));
    for &handle in &handles {
        let answer = net.try_connect(handle, world.peer().silent(Family::V4));
        assert_eq!(answer, Err(Error::EINPROGRESS));
    }
    let other = world.peer_host().tcp();
    let answer = world.peer_host().try_connect(other, world.peer().refusing(Family::V4));
    assert_eq!(answer, Err(Error::ENOBUFS));
    assert_eq!(world.peer_host().bits(other, 5), 20);
    for handle in handles {
        net.close(handle).unwrap();
        assert_eq!(net.close(handle), Err(Error::EBADF));
    }
    assert_eq!(network.held().connections, 0);
}

#[test]
fn an_unanswered_connect_fails_by_itself() {
    let network = network();
    let world = World::new(&network).unwrap();
    let net = world.net();
    for (to, wanted) in [
        (world.peer().silent(Family::V4), Error::ETIMEDOUT),
        (SockAddr::new([10, 0, 0, 77].into(), 80), Error::EHOSTUNREACH),
        (SockAddr::new([192, 0, 2, 1].into(), 80), Error::ENETUNREACH),
        (world.peer().refusing(Family::V6), Error::ECONNREFUSED),
    ] {
        let handle = net.open(to.family(), SockType::Stream).unwrap();
        assert_eq!(net.connect_wait(handle, to), Err(wanted));
        assert!(net.try_connect(handle, to).is_err());
        net.close(handle).unwrap();
    }
}

#[test]
fn peeking_and_empty_buffers_consume_nothing() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (client, server) = pair(&world, world.peer_host(), world.net());
    world.peer_host().try_send(client, b"abc").unwrap();
    world.pass(10 * MS);
    let net = world.net();
    let peek = RecvFlags { peek: true };
    let mut buf = [0; 2];
    assert_eq!(net.try_recv(server, &mut buf, peek), Ok(2));
    assert_eq!(net.try_recv(server, &mut [], RecvFlags::default()), Ok(0));
    assert_eq!(net.recv(server).unwrap(), b"abc");
    assert_eq!(net.try_recv(server, &mut [], RecvFlags::default()), Ok(0));
}

/// Waits for nothing in particular: every event in turn, without a deadline.
#[test]
fn an_idle_network_has_nothing_to_do() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (client, server): (Handle, Handle) = pair(&world, world.net(), world.peer_host());
    let net = world.net();
    let next = net.drive(world.now());
    assert_eq!((earlier(next, None), net.pending()), (None, false));
    net.close(client).unwrap();
    world.peer_host().close(server).unwrap();
}

#[test]
fn a_stream_tells_what_arrived_and_what_waits() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (net, peer) = (world.net(), world.peer_host());
    let (ours, theirs) = pair(&world, net, peer);
    let flow = |host: &crate::net::Host<'_, _>, handle| host.flow(handle).unwrap();
    net.try_send(ours, &[1; 100]).unwrap();
    assert_eq!((flow(net, ours).arrived, flow(peer, theirs).unread), (0, 0));
    world.pass(MS);
    let now = world.now();
    assert_eq!((flow(net, ours).arrived, flow(peer, theirs).unread), (100, 100));
    assert_eq!(flow(net, ours).acknowledged, now + MS);
    peer.recv(theirs).unwrap();
    peer.close(theirs).unwrap();
    assert!(!flow(net, ours).finished);
    world.pass(MS);
    let end = flow(net, ours);
    assert_eq!((end.unread, end.finished, end.dead), (0, true, false));
    net.try_send(ours, b"x").unwrap();
    world.pass(5 * MS);
    assert_eq!((flow(net, ours).dead, peer.flow(theirs)), (true, None));
    assert_eq!(net.flow(net.udp()), None);
}
