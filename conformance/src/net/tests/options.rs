//! What the options do: none is stored and ignored.

use core::net::{IpAddr, Ipv4Addr};

use usocket_core::spi::{
    Backend, EventSource, Group, Handle, Opt, OptName, Platform, RecvFlags, SockType,
};
use usocket_core::{Error, Family, POLLOUT, Result, SockAddr};

use super::{MS, Net, Short, World, listener, network, pair};
use crate::harness::Harness;
use crate::net::{DEVICE, Faults, Host, MAX_DATAGRAM, MIN_BUFFER, Virtual};

const RING: u32 = 2048;

fn device(name: &str) -> Opt {
    Opt::Device(name.try_into().unwrap())
}

/// Sends until there is no more room; how much it took.
fn fill(net: &Host<'_, Virtual>, handle: Handle) -> usize {
    core::iter::from_fn(|| net.try_send(handle, &[9; 100]).ok()).sum()
}

#[test]
fn buffers_count_at_both_ends() {
    let least = u32::try_from(MIN_BUFFER).unwrap();
    for (asked, in_force) in [(0, least), (100, 100), (1000, 1000), (1 << 20, RING)] {
        for (sender, option) in [(true, Opt::SendBuffer(asked)), (false, Opt::RecvBuffer(asked))] {
            for client in [true, false] {
                let network = network();
                let world = World::new(&network).unwrap();
                let (net, peer) = (world.net(), world.peer_host());
                let (ours, theirs) = match client {
                    true => pair(&world, net, peer),
                    false => {
                        let (a, b) = pair(&world, peer, net);
                        (b, a)
                    }
                };
                let (host, handle) = if sender { (net, ours) } else { (peer, theirs) };
                host.set_option(handle, &option).unwrap();
                let wanted = match option {
                    Opt::SendBuffer(_) => Opt::SendBuffer(in_force),
                    _ => Opt::RecvBuffer(in_force),
                };
                assert_eq!(host.option(handle, option.name()), Ok(wanted));
                assert_eq!(fill(net, ours), in_force as usize, "{option:?}");
                world.pass(100 * MS);
                assert_eq!(peer.recv(theirs).unwrap().len(), in_force as usize);
                // The other direction has all of its ring.
                assert_eq!(fill(peer, theirs), RING as usize);
            }
        }
    }
}

#[test]
fn the_least_buffer_counts_and_growth_gives_room() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (net, peer) = (world.net(), world.peer_host());
    // Set before the connect, and on the accepted end.
    let (server, to) = {
        let server = peer.tcp();
        peer.listen(server, 1).unwrap();
        (server, SockAddr::new(peer.ip(Family::V4).unwrap(), peer.bound(server).port()))
    };
    peer.set_option(server, &Opt::RecvBuffer(70)).unwrap();
    let client = net.tcp();
    net.set_option(client, &Opt::SendBuffer(900)).unwrap();
    net.connect_wait(client, to).unwrap();
    world.pass(10 * MS);
    let (accepted, _) = peer.try_accept(server).unwrap();
    assert_eq!(fill(net, client), 900, "a listener's buffers are its own");
    peer.set_option(accepted, &Opt::RecvBuffer(700)).unwrap();
    world.pass(10 * MS);
    assert_eq!(net.bits(client, 4), 0);
    assert_eq!(peer.recv(accepted).unwrap().len(), 900);
    assert_eq!(fill(net, client), 700);
    world.pass(10 * MS);
    peer.set_option(accepted, &Opt::RecvBuffer(800)).unwrap();
    net.wait(client, POLLOUT, None).unwrap();
    assert_eq!(fill(net, client), 100);
}

#[test]
fn what_is_accepted_has_default_options() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (server, address) = listener(&world, 1);
    let net = world.net();
    let set = [
        Opt::KeepAlive(true),
        Opt::KeepIdle(1),
        Opt::KeepInterval(1),
        Opt::KeepCount(1),
        Opt::NoDelay(true),
        Opt::Linger(Some(0)),
        Opt::SendBuffer(100),
        Opt::RecvBuffer(100),
        Opt::ReuseAddr(true),
        Opt::Ttl(1),
        device(DEVICE),
    ];
    for option in &set {
        net.set_option(server, option).unwrap();
    }
    let client = world.peer_host().tcp();
    assert_eq!(world.peer_host().try_connect(client, address), Err(Error::EINPROGRESS));
    world.pass(10 * MS);
    let (accepted, _) = net.try_accept(server).unwrap();
    let fresh = net.tcp();
    for option in &set {
        let name = option.name();
        assert_eq!(net.option(server, name).as_ref(), Ok(option));
        assert_eq!(net.option(accepted, name), net.option(fresh, name));
        assert_ne!(net.option(accepted, name).as_ref(), Ok(option));
    }
}

#[test]
fn small_sends_wait_for_acknowledgments_unless_told() {
    for (no_delay, at_once) in [(false, 1), (true, 2)] {
        let network = network();
        let world = World::new(&network).unwrap();
        let (net, peer) = (world.net(), world.peer_host());
        let (handle, other) = pair(&world, net, peer);
        net.set_option(handle, &Opt::NoDelay(no_delay)).unwrap();
        assert_eq!((net.try_send(handle, b"a"), net.try_send(handle, b"b")), (Ok(1), Ok(1)));
        world.pass(MS);
        assert_eq!(peer.recv(other).unwrap().len(), at_once);
        // Setting it sends off what waits.
        net.set_option(handle, &Opt::NoDelay(true)).unwrap();
        world.pass(MS);
        assert_eq!(peer.recv(other).map_or(0, |rest| rest.len()), 2 - at_once);
    }
}

#[test]
fn a_ttl_that_does_not_suffice_loses_everything() {
    let network = network();
    let world = World::new(&network).unwrap();
    let far = network.host(&[Ipv4Addr::new(172, 16, 0, 9).into()]).unwrap();
    let (net, near) = (world.net(), world.peer_host());
    for (host, least) in [(net, 0), (near, 1), (&far, 2)] {
        let receiver = host.udp();
        host.bind(receiver, SockAddr::new(Family::V4.unspecified(), 0)).unwrap();
        let to = SockAddr::new(host.ip(Family::V4).unwrap(), host.bound(receiver).port());
        let server = host.tcp();
        host.listen(server, 9).unwrap();
        let listening = to.with_port(host.bound(server).port());
        for ttl in 0..4 {
            let (sender, stream) = (net.udp(), net.tcp());
            for handle in [sender, stream] {
                net.set_option(handle, &Opt::Ttl(ttl)).unwrap();
                assert_eq!(net.option(handle, OptName::Ttl), Ok(Opt::Ttl(ttl)));
            }
            net.try_send_to(sender, &[ttl], to).unwrap();
            world.pass(10 * MS);
            assert_eq!(host.recv(receiver).is_ok(), ttl >= least);
            let wanted = if ttl >= least { Ok(()) } else { Err(Error::ETIMEDOUT) };
            assert_eq!(net.connect_wait(stream, listening), wanted);
        }
    }
}

const GROUP: Ipv4Addr = Ipv4Addr::new(239, 1, 1, 1);
const PORT: u16 = 4000;

/// A member of the group on a host, by an interface.
fn member(host: &Host<'_, Virtual>, interface: Ipv4Addr) -> Handle {
    let handle = host.udp();
    host.set_option(handle, &Opt::ReuseAddr(true)).unwrap();
    host.bind(handle, SockAddr::new(Family::V4.unspecified(), PORT)).unwrap();
    host.set_option(handle, &Opt::Join(Group::V4 { group: GROUP, interface })).unwrap();
    handle
}

#[test]
fn groups_are_reached_as_the_options_say() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (net, peer) = (world.net(), world.peer_host());
    let [any, inside] = [Ipv4Addr::UNSPECIFIED, Ipv4Addr::LOCALHOST];
    let members = [(net, member(net, any)), (net, member(net, inside)), (peer, member(peer, any))];
    let heard = |ttl, looped, interface| {
        let sender = net.udp();
        net.set_option(sender, &Opt::MulticastTtl(ttl)).unwrap();
        net.set_option(sender, &Opt::MulticastLoop(looped)).unwrap();
        net.set_option(sender, &Opt::MulticastInterface(interface)).unwrap();
        net.try_send_to(sender, b"x", SockAddr::new(GROUP.into(), PORT)).unwrap();
        world.pass(10 * MS);
        members.map(|(host, handle)| host.recv(handle).is_ok())
    };
    assert_eq!(heard(1, true, any), [true, false, true]);
    assert_eq!(heard(0, true, any), [true, false, false]);
    assert_eq!(heard(1, false, any), [false, false, true]);
    assert_eq!(heard(0, false, any), [false; 3]);
    assert_eq!(heard(9, true, inside), [false, true, false]);
    assert_eq!(heard(1, true, Ipv4Addr::new(10, 0, 0, 1)), [true, false, true]);
}

#[test]
fn a_group_is_sent_to_from_the_interface_named() {
    let network = network();
    let second = Ipv4Addr::new(10, 0, 9, 1);
    let own: [IpAddr; 2] = [Ipv4Addr::new(10, 0, 0, 1).into(), second.into()];
    let net = network.host(&own).unwrap();
    let receiver = member(&net, Ipv4Addr::UNSPECIFIED);
    let sender = net.udp();
    let foreign = Ipv4Addr::new(10, 0, 9, 2);
    let set = |ip| net.set_option(sender, &Opt::MulticastInterface(ip));
    assert_eq!(set(foreign), Err(Error::EADDRNOTAVAIL));
    let from = || -> Result<IpAddr> {
        net.try_send_to(sender, b"x", SockAddr::new(GROUP.into(), PORT))?;
        net.drive(network.platform().now());
        let mut buf = [0; 4];
        let info = net.try_recv_info(receiver, &mut buf, RecvFlags::default())?;
        Ok(info.from.ip())
    };
    for ip in [second, Ipv4Addr::new(10, 0, 0, 1), second] {
        set(ip).unwrap();
        assert_eq!(from(), Ok(ip.into()));
    }
    // It names an IPv4 address: nothing for an IPv6 socket.
    let network = super::network();
    let world = World::new(&network).unwrap();
    let six = world.net().open(Family::V6, SockType::Dgram).unwrap();
    let option = Opt::MulticastInterface(Ipv4Addr::UNSPECIFIED);
    assert_eq!(world.net().set_option(six, &option), Err(Error::ENOPROTOOPT));
}

#[test]
fn a_device_keeps_a_socket_from_its_own_host() {
    let network = network();
    let world = World::new(&network).unwrap();
    let net = world.net();
    let own = SockAddr::new(world.ip(Family::V4).unwrap(), PORT);
    for kind in [SockType::Stream, SockType::Dgram] {
        let handle = net.open(Family::V4, kind).unwrap();
        assert_eq!(net.set_option(handle, &device("eth7")), Err(Error::ENODEV));
        net.set_option(handle, &device(DEVICE)).unwrap();
        assert_eq!(net.option(handle, OptName::Device), Ok(device(DEVICE)));
        assert_eq!(net.try_connect(handle, own), Err(Error::ENETUNREACH));
        net.set_option(handle, &device("")).unwrap();
        assert_ne!(net.try_connect(handle, own), Err(Error::ENETUNREACH));
    }
    let receiver = net.udp();
    net.set_option(receiver, &device(DEVICE)).unwrap();
    net.bind(receiver, own).unwrap();
    for (host, arrives) in [(net, false), (world.peer_host(), true)] {
        host.try_send_to(host.udp(), b"x", own).unwrap();
        world.pass(10 * MS);
        assert_eq!(net.recv(receiver).is_ok(), arrives);
    }
    let (server, address) = listener(&world, 4);
    net.set_option(server, &device(DEVICE)).unwrap();
    let client = net.tcp();
    assert_eq!(net.connect_wait(client, address), Err(Error::ECONNREFUSED));
    let client = world.peer_host().tcp();
    assert_eq!(world.peer_host().connect_wait(client, address), Ok(()));
    assert_eq!(world.peer_host().set_option(client, &device(DEVICE)), Err(Error::EINVAL));
}

#[test]
fn buffers_of_datagrams_count() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (net, peer) = (world.net(), world.peer_host());
    let receiver = net.udp();
    net.bind(receiver, SockAddr::new(Family::V4.unspecified(), 0)).unwrap();
    let to = SockAddr::new(world.ip(Family::V4).unwrap(), net.bound(receiver).port());
    for (asked, queued) in [(0, 4), (1 << 30, 8), (6 * 1472, 6)] {
        net.set_option(receiver, &Opt::RecvBuffer(asked)).unwrap();
        let in_force = Opt::RecvBuffer(queued * 1472);
        assert_eq!(net.option(receiver, OptName::RecvBuffer), Ok(in_force));
        let sender = peer.udp();
        for _ in 0..10 {
            peer.try_send_to(sender, &[0; MAX_DATAGRAM], to).unwrap();
        }
        world.pass(10 * MS);
        let got = core::iter::from_fn(|| net.recv(receiver).ok()).count();
        assert_eq!(got, queued as usize);
    }
    let sender = net.udp();
    net.set_option(sender, &Opt::SendBuffer(500)).unwrap();
    assert_eq!(net.try_send_to(sender, &[0; 500], to), Ok(500));
    assert_eq!(net.try_send_to(sender, &[0; 501], to), Err(Error::EMSGSIZE));
}

#[test]
fn what_a_type_of_socket_lacks_is_refused() {
    let network = network();
    let world = World::new(&network).unwrap();
    let net = world.net();
    let (tcp, udp) = (net.tcp(), net.udp());
    let streams = [
        Opt::KeepAlive(true),
        Opt::KeepIdle(1),
        Opt::KeepInterval(1),
        Opt::KeepCount(1),
        Opt::NoDelay(true),
        Opt::Linger(Some(1)),
    ];
    let datagrams = [
        Opt::MulticastInterface(Ipv4Addr::UNSPECIFIED),
        Opt::MulticastTtl(1),
        Opt::MulticastLoop(true),
    ];
    for (has, lacks, options) in [(tcp, udp, &streams[..]), (udp, tcp, &datagrams[..])] {
        for option in options {
            assert_eq!(net.set_option(has, option), Ok(()));
            assert_eq!(net.option(has, option.name()).as_ref(), Ok(option));
            assert_eq!(net.set_option(lacks, option), Err(Error::ENOPROTOOPT), "{option:?}");
            assert_eq!(net.option(lacks, option.name()), Err(Error::ENOPROTOOPT));
        }
    }
}

#[test]
fn reordering_follows_the_seed() {
    let run = |seed, reorder| {
        let network = Net::new(Virtual::new(seed));
        let world = World::new(&network).unwrap();
        let (net, peer) = (world.net(), world.peer_host());
        let receiver = net.udp();
        net.bind(receiver, SockAddr::new(Family::V4.unspecified(), 0)).unwrap();
        let to = SockAddr::new(world.ip(Family::V4).unwrap(), net.bound(receiver).port());
        network.set_faults(to.ip(), Faults { reorder, ..Faults::NONE }).unwrap();
        let sender = peer.udp();
        let mut got = std::vec::Vec::new();
        for n in 0..100u8 {
            peer.try_send_to(sender, &[n], to).unwrap();
            world.pass(MS);
            got.extend(core::iter::from_fn(|| net.recv(receiver).ok()).flatten());
        }
        world.pass(10 * MS);
        got.extend(core::iter::from_fn(|| net.recv(receiver).ok()).flatten());
        got
    };
    let got = run(5, 300);
    assert_eq!(got, run(5, 300));
    assert_ne!(got, run(6, 300));
    assert!(run(5, 0).is_sorted() && !got.is_sorted());
    let mut all = got;
    all.sort_unstable();
    assert!(all.into_iter().eq(0..100), "nothing is lost or doubled");
}
