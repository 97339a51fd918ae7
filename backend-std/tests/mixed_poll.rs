//! One poll over a std socket, a tutorial-backend socket, a pipe and a user wake.
#![cfg(target_os = "linux")]

use std::net::{Ipv4Addr, TcpListener};
use std::time::{Duration, Instant};

use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
use usocket_backend_std::StdNet;
use usocket_conformance::net::{Host, Network};
use usocket_core::prelude::*;
use usocket_core::spi::StdPlatform;

type World = Network<StdPlatform, CriticalSectionRawMutex, 8, 8, 256>;
type Mem<'n> = Host<'n, StdPlatform, CriticalSectionRawMutex, 8, 8, 256>;

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const B: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);

/// An event must end the sleep, not its time limit; far below it, far above a
/// busy machine's hiccups.
const SOON: Duration = Duration::from_secs(5);

struct Worlds {
    std: StdNet,
    mem: Box<World>,
    wake: UserWake<CriticalSectionRawMutex>,
}

/// Two connected sockets in memory.
fn pair<'n>(own: &'n Mem<'n>, peer: &'n Mem<'n>) -> (Socket<'n, Mem<'n>>, Socket<'n, Mem<'n>>) {
    let listener = peer.tcp().unwrap();
    listener.bind((B, 80)).unwrap();
    listener.listen(1).unwrap();
    let s = own.tcp().unwrap();
    s.connect((B, 80)).unwrap();
    let (conn, _) = listener.accept().unwrap();
    (s, conn)
}

#[test]
fn any_of_four_kinds_ends_one_poll() {
    let world = Worlds {
        std: StdNet::new(),
        mem: Box::new(World::new(StdPlatform)),
        wake: UserWake::new(),
    };
    let own = world.mem.host(&[A.into()]).unwrap();
    let peer = world.mem.host(&[B.into()]).unwrap();
    let (mem, mem_peer) = pair(&own, &peer);

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let tcp = world.std.tcp().unwrap();
    tcp.connect(listener.local_addr().unwrap()).unwrap();
    let (mut tcp_peer, _) = listener.accept().unwrap();

    let (reader, mut writer) = std::io::pipe().unwrap();
    let pipe = world.std.watch_fd(reader).unwrap();

    let mut poll = Poll::<4>::new(&world.std);
    poll.register(&tcp, POLLIN).unwrap();
    poll.register(&mem, POLLIN).unwrap();
    poll.register(&pipe, POLLIN).unwrap();
    poll.register(&world.wake, POLLIN).unwrap();
    assert!(poll.poll(20).unwrap().is_empty());

    // Each event comes from another thread, now before the poll sleeps, now after.
    let (source, step) = std::sync::mpsc::channel();
    std::thread::scope(|scope| {
        use std::io::Write;
        let (wake, mem_peer) = (&world.wake, &mem_peer);
        scope.spawn(move || {
            for event in step {
                std::thread::sleep(Duration::from_millis(event % 5));
                match event % 4 {
                    0 => tcp_peer.write_all(b"a").unwrap(),
                    1 => assert_eq!(mem_peer.send("b"), Ok(1)),
                    2 => writer.write_all(b"c").unwrap(),
                    _ => wake.wake(),
                }
            }
        });
        for event in 0..100_u64 {
            let began = Instant::now();
            source.send(event).unwrap();
            let ready = poll.poll(None).unwrap().iter().next().unwrap();
            assert_eq!(ready.events, POLLIN);
            match event % 4 {
                0 => assert!(ready.is(&tcp) && tcp.recv(&mut [0; 8]) == Ok(1)),
                1 => assert!(ready.is(&mem) && mem.recv(&mut [0; 8]) == Ok(1)),
                2 => assert!(ready.is(&pipe) && pipe.read(&mut [0; 8]) == Ok(1)),
                _ => assert!(ready.is(&world.wake) && world.wake.clear()),
            }
            assert!(began.elapsed() < SOON, "event {event} was noticed late");
        }
        assert!(poll.poll(0).unwrap().is_empty());
        drop(source);
    });
}
