//! Pairs of buffers of several sizes, and who gets which.

mod support;

use std::time::Duration;

use support::roomy;
use support::world::{PeerMemory, World, config, ip4};
use usocket_backend_smoltcp::smoltcp::phy::Medium;
use usocket_backend_smoltcp::{Net, OWN, Storage};
use usocket_conformance::{Harness, State, Step};
use usocket_core::prelude::*;
use usocket_core::{Error, Family, SO_RCVBUF, SO_SNDBUF, SOL_SOCKET, SockAddr, Socket};

/// Three pairs of 1 KiB.
type Memory<'a> = Storage<'a, 8, 3, 1024, 1024, 0, 0, 4, { 3 + OWN }>;

/// Runs in a world where the second of our three pairs has 16 KiB to receive and 4 KiB to send.
fn in_classes(run: impl FnOnce(&World<'_>) + Send) {
    roomy(|| {
        let (mut rx, mut tx) = (vec![0; 16_384], vec![0; 4096]);
        let (mut ours, mut theirs) = (Box::new(Memory::new()), Box::new(PeerMemory::new()));
        ours.lend(1, &mut rx, &mut tx).unwrap();
        let ours = &mut *ours;
        let world = World::with(
            1,
            Medium::Ethernet,
            move |device, board| {
                Net::new(device, board, &config(Medium::Ethernet, 1), ours).unwrap()
            },
            &mut theirs,
        );
        run(&world);
    });
}

type Ours<'h, 'w> = Socket<'h, support::world::Ours<'w>>;

/// What a socket can receive and send.
fn sizes(stream: &Ours<'_, '_>) -> (i32, i32) {
    let size = |name| stream.getsockopt(SOL_SOCKET, name).unwrap();
    (size(SO_RCVBUF), size(SO_SNDBUF))
}

/// A stream that asks for a receive buffer and connects to a peer that does `then`.
fn connected<'h, 'w>(world: &'h World<'w>, wish: i32, then: &[Step]) -> Ours<'h, 'w> {
    let mut script = vec![Step::Listen(Family::V4, 1), Step::Accept];
    script.extend(then);
    let peer = world.peer().start(&script).unwrap();
    let stream = world.net.tcp().unwrap();
    stream.settimeout(30).unwrap();
    if wish > 0 {
        stream.setsockopt(SOL_SOCKET, SO_RCVBUF, wish).unwrap();
    }
    stream.connect(world.peer().address(peer).unwrap()).unwrap();
    stream
}

#[test]
fn a_connection_gets_the_class_it_asked_for() {
    in_classes(|world| {
        let fresh = world.net.tcp().unwrap();
        assert_eq!(sizes(&fresh), (16_384, 4096), "what it may get");
        // Who asks for nothing leaves the large one alone.
        let first = connected(world, 0, &[Step::Hold]);
        assert_eq!(sizes(&first), (1024, 1024));
        let large = connected(world, 10_000, &[Step::Send(16_000), Step::Hold]);
        assert_eq!(sizes(&large), (16_384, 4096));
        // It is there: nobody reads, and all of it comes.
        world.pass(Duration::from_secs(1));
        assert_eq!(large.recv(&mut [0; 20_000]), Ok(16_000));
        // A wish that cannot be met now does not wait.
        let third = connected(world, 10_000, &[Step::Hold]);
        assert_eq!(sizes(&third), (1024, 1024));
        assert_eq!(third.getsockopt(SOL_SOCKET, SO_SNDBUF), Ok(1024));
        let none = world.net.tcp().unwrap();
        assert_eq!(none.connect(SockAddr::new(ip4(2), 1)), Err(Error::ENOBUFS));
        // Its class comes back with it.
        large.abort().unwrap();
        world.pass(Duration::from_secs(1));
        assert_eq!(sizes(&connected(world, 2000, &[Step::Hold])), (16_384, 4096));
    });
}

#[test]
fn a_listening_socket_asks_for_those_who_come() {
    in_classes(|world| {
        let listener = world.net.tcp().unwrap();
        listener.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096).unwrap();
        listener.bind(("", 80)).unwrap();
        listener.listen(2).unwrap();
        let client = [Step::Connect(SockAddr::new(ip4(1), 80)), Step::Hold];
        let clients = [1, 2].map(|_| world.peer().start(&client).unwrap());
        let (first, _) = listener.accept().unwrap();
        let (second, _) = listener.accept().unwrap();
        assert_eq!((sizes(&first), sizes(&second)), ((16_384, 4096), (1024, 1024)));
        for client in clients {
            assert!(matches!(world.peer().report(client).state, State::Running(_)));
        }
    });
}

#[test]
fn a_buffer_that_cannot_be_is_refused() {
    let (mut rx, mut tx) = ([0; 8], [0; 8]);
    let mut none = [0; 0];
    let mut memory = Box::new(Memory::new());
    assert_eq!(memory.lend(3, &mut rx, &mut tx), Err(Error::EINVAL));
    let (mut rx, mut tx) = ([0; 8], [0; 8]);
    assert_eq!(memory.lend(0, &mut none, &mut tx), Err(Error::EINVAL));
    let mut none = [0; 0];
    assert_eq!(memory.lend(0, &mut rx, &mut none), Err(Error::EINVAL));
}
