//! Nothing leaks (R16, row 219).

use usocket_core::spi::{Backend, Opt};
use usocket_core::{Error, POLLIN, SockAddr};

use super::{MS, Short, World, listener, network};
use crate::harness::Harness;
use crate::net::Held;

#[test]
fn ten_thousand_cycles_leave_nothing_behind() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (server, address) = listener(&world, 4);
    let (net, peer) = (world.net(), world.peer_host());
    for n in 0..10_000u32 {
        let client = peer.tcp();
        assert_eq!(peer.try_connect(client, address), Err(Error::EINPROGRESS), "{n}");
        net.wait(server, POLLIN, None).unwrap();
        let (accepted, _) = net.try_accept(server).unwrap();
        world.pass(MS);
        peer.try_send(client, &n.to_le_bytes()).unwrap();
        world.pass(2 * MS);
        if n % 5 != 0 {
            assert_eq!(net.recv(accepted).unwrap(), n.to_le_bytes());
        }
        // All orders of close, and resets: by linger, abort and unread data.
        match n % 4 {
            0 => {
                net.close(accepted).unwrap();
                peer.close(client).unwrap();
            }
            1 => {
                peer.close(client).unwrap();
                world.pass(2 * MS);
                net.close(accepted).unwrap();
            }
            2 => {
                net.set_option(accepted, &Opt::Linger(Some(0))).unwrap();
                net.close(accepted).unwrap();
                world.pass(2 * MS);
                peer.close(client).unwrap();
            }
            _ => {
                peer.abort(client).unwrap();
                net.close(accepted).unwrap();
            }
        }
    }
    world.pass(core::time::Duration::from_secs(20));
    net.close(server).unwrap();
    world.pass(MS);
    let nothing =
        Held { sockets: 0, connections: 0, datagrams: 0, time_waits: 0, queries: 0, scripts: 0 };
    assert_eq!(network.held(), nothing);
}

#[test]
fn connects_that_are_given_up_and_scripts_leave_nothing() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (server, address) = listener(&world, 2);
    for n in 0..1000 {
        let client = world.peer_host().tcp();
        let _ = world.peer_host().try_connect(client, address);
        world.pass(n % 5 * MS);
        world.peer_host().close(client).unwrap();
        let script = [crate::Step::Connect(address), crate::Step::Send(9), crate::Step::Hold];
        let actor = world.peer().start(&script).unwrap();
        world.pass(n % 7 * MS);
        world.peer().stop(actor);
        world.pass(20 * MS);
        while let Ok((handle, _)) = world.net().try_accept(server) {
            world.net().close(handle).unwrap();
        }
        let udp = world.net().udp();
        let to = SockAddr::new(address.ip(), 9);
        world.net().try_send_to(udp, b"x", to).unwrap();
        world.net().close(udp).unwrap();
    }
    world.net().close(server).unwrap();
    world.pass(core::time::Duration::from_secs(30));
    let held = network.held();
    assert_eq!((held.sockets, held.connections, held.datagrams, held.scripts), (0, 0, 0, 0));
}
