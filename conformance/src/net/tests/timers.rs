//! Streams that hear nothing: keep-alive and the bound of sending.

use core::time::Duration;

use usocket_core::spi::{Backend, EventSource, Handle, Link, Opt, Shutdown};
use usocket_core::{Error, Family, POLLIN, POLLOUT};

use super::{MS, Short, World, network, pair};
use crate::harness::Harness;
use crate::net::{Faults, Host, Virtual};

const SILENT: Faults = Faults { silent: true, ..Faults::NONE };

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Keep-alive after 10 s, 3 probes 5 s apart: 25 s in all.
fn keep_alive(net: &Host<'_, Virtual>, handle: Handle) {
    for option in [Opt::KeepAlive(true), Opt::KeepIdle(10), Opt::KeepInterval(5), Opt::KeepCount(3)]
    {
        net.set_option(handle, &option).unwrap();
    }
}

/// Nothing gets to the peer, or again everything.
fn cut(world: &World<'_>, silent: bool) {
    let ip = world.peer().ip(Family::V4).unwrap();
    let faults = if silent { SILENT } else { Faults::NONE };
    world.net().network().set_faults(ip, faults).unwrap();
}

/// Waits until the stream has failed, `after` from now, and looks at every answer.
fn fails(world: &World<'_>, handle: Handle, after: Duration) {
    let net = world.net();
    let start = world.now();
    world.pass(after - MS);
    assert_eq!(net.bits(handle, 1), 0);
    net.wait(handle, POLLIN, None).unwrap();
    assert_eq!(world.now().saturating_since(start), after);
    assert_eq!(net.bits(handle, 5), 29);
    assert_eq!(net.recv(handle), Err(Error::ETIMEDOUT));
    assert_eq!((net.recv(handle), net.bits(handle, 5)), (Ok(std::vec![]), 21));
    assert_eq!(net.try_send(handle, b"x"), Err(Error::EPIPE));
    assert_eq!(net.take_error(handle), Ok(None));
}

#[test]
fn keep_alive_gives_up_a_peer_that_is_gone() {
    type Away = fn(&World<'_>);
    let ways: [Away; 3] = [
        |world| cut(world, true),
        |world| world.peer_host().set_link(Link::Down),
        |world| {
            let ip = world.peer().ip(Family::V4).unwrap();
            world.net().network().stall(ip, secs(26)).unwrap();
        },
    ];
    for away in ways {
        for accepted in [false, true] {
            let network = network();
            let world = World::new(&network).unwrap();
            let (net, peer) = (world.net(), world.peer_host());
            let handle = match accepted {
                false => pair(&world, net, peer).0,
                true => pair(&world, peer, net).1,
            };
            keep_alive(net, handle);
            away(&world);
            fails(&world, handle, secs(25));
        }
    }
}

#[test]
fn the_defaults_of_keep_alive_are_those_of_linux() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (handle, _) = pair(&world, world.net(), world.peer_host());
    world.net().set_option(handle, &Opt::KeepAlive(true)).unwrap();
    cut(&world, true);
    fails(&world, handle, secs(7200 + 75 * 9));
}

#[test]
fn answered_probes_and_traffic_begin_anew() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (net, peer) = (world.net(), world.peer_host());
    let (handle, other) = pair(&world, net, peer);
    keep_alive(net, handle);
    // Probes at 10 s, 20 s and 30 s are answered; that of 40 s is not.
    world.pass(secs(33));
    cut(&world, true);
    world.pass(secs(21));
    assert_eq!(net.bits(handle, 5), 4);
    // So short that only a late probe can have got through.
    cut(&world, false);
    world.pass(MS);
    cut(&world, true);
    world.pass(secs(24));
    assert_eq!(net.bits(handle, 5), 4);
    cut(&world, false);
    net.network().stall(world.peer().ip(Family::V4).unwrap(), secs(24)).unwrap();
    world.pass(secs(24));
    assert_eq!(net.bits(handle, 5), 4);
    // 7 s of silence count: a probe is due 3 s after the cut.
    peer.try_send(other, b"hello").unwrap();
    world.pass(MS);
    assert_eq!(net.recv(handle).unwrap(), b"hello");
    world.pass(secs(7));
    cut(&world, true);
    fails(&world, handle, secs(18));
}

#[test]
fn without_the_option_an_idle_stream_lasts_for_ever() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (net, peer) = (world.net(), world.peer_host());
    let (handle, other) = pair(&world, net, peer);
    keep_alive(net, handle);
    net.set_option(handle, &Opt::KeepAlive(false)).unwrap();
    cut(&world, true);
    world.pass(secs(100_000));
    cut(&world, false);
    keep_alive(net, handle);
    // Nor does keep-alive hurt where all is well, or wake anybody.
    world.pass(secs(100_000));
    assert_eq!((net.bits(handle, 5), net.drive(world.now())), (4, None));
    peer.try_send(other, b"still").unwrap();
    world.pass(MS);
    assert_eq!(net.recv(handle).unwrap(), b"still");
}

#[test]
fn a_peer_that_has_forgotten_answers_a_probe_with_a_reset() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (net, peer) = (world.net(), world.peer_host());
    let (handle, _) = pair(&world, net, peer);
    let (deaf, _) = pair(&world, net, peer);
    keep_alive(net, handle);
    peer.set_link(Link::Down);
    world.pass(secs(5));
    peer.set_link(Link::Up);
    let start = world.now();
    net.wait(handle, POLLIN, None).unwrap();
    assert_eq!(world.now().saturating_since(start), secs(10) + MS);
    assert_eq!(net.recv(handle), Err(Error::ECONNRESET));
    assert_eq!(net.bits(deaf, 5), 4);
}

#[test]
fn sending_into_a_black_hole_ends() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (net, peer) = (world.net(), world.peer_host());
    let (handle, other) = pair(&world, net, peer);
    peer.try_send(other, b"before").unwrap();
    world.pass(MS);
    cut(&world, true);
    world.pass(secs(50));
    net.try_send(handle, b"into the dark").unwrap();
    world.pass(secs(119));
    assert_eq!(net.bits(handle, 8), 0);
    world.pass(secs(1));
    assert_eq!(net.bits(handle, 5), 29);
    // What came first is readable first (R1).
    assert_eq!(net.recv(handle).unwrap(), b"before");
    assert_eq!(net.recv(handle), Err(Error::ETIMEDOUT));
    assert_eq!(net.recv(handle), Ok(std::vec![]));

    // The peer learns it when it sends; then nothing more arrives here.
    cut(&world, false);
    world.pass(secs(1));
    assert_eq!((peer.recv(other), peer.bits(other, 5)), (Err(Error::EAGAIN), 4));
    peer.try_send(other, b"late").unwrap();
    world.pass(10 * MS);
    assert_eq!(net.recv(handle), Ok(std::vec![]));
    assert_eq!(peer.recv(other), Err(Error::ECONNRESET));
    net.close(handle).unwrap();
    peer.close(other).unwrap();
    world.pass(secs(20));
    assert_eq!(network.held().connections, 0);
}

#[test]
fn an_end_and_a_full_buffer_wait_no_longer() {
    for full in [false, true] {
        let network = network();
        let world = World::new(&network).unwrap();
        let net = world.net();
        let (handle, _) = pair(&world, net, world.peer_host());
        if full {
            while net.try_send(handle, &[1; 500]).is_ok() {}
            world.pass(10 * MS);
        }
        cut(&world, true);
        if !full {
            net.shutdown(handle, Shutdown::Write).unwrap();
        }
        let start = world.now();
        net.wait(handle, if full { POLLOUT } else { POLLIN }, None).unwrap();
        assert_eq!(world.now().saturating_since(start), secs(120));
        let answer =
            if full { net.try_send(handle, b"x").map(|_| ()) } else { Err(Error::ETIMEDOUT) };
        assert_eq!(answer, Err(Error::ETIMEDOUT));
        assert_eq!(net.recv(handle), if full { Ok(std::vec![]) } else { Err(Error::ETIMEDOUT) });
    }
}

#[test]
fn progress_begins_the_bound_anew() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (net, peer) = (world.net(), world.peer_host());
    let (handle, other) = pair(&world, net, peer);
    for _ in 0..5 {
        cut(&world, true);
        net.try_send(handle, b"go").unwrap();
        world.pass(secs(119));
        cut(&world, false);
        world.pass(secs(1));
        assert_eq!(peer.recv(other).unwrap(), b"go");
    }
    // A line that is slow is not cut.
    let ip = world.peer().ip(Family::V4).unwrap();
    network.set_faults(ip, Faults { bandwidth: Some(1), ..Faults::NONE }).unwrap();
    net.try_send(handle, &[1; 500]).unwrap();
    world.pass(secs(499));
    assert_eq!(net.bits(handle, 5), 4);
    world.pass(secs(2));
    assert_eq!(peer.recv(other).unwrap().len(), 500);
}
