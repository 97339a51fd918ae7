//! Nothing is leaked. Alone in its process, as it counts descriptors.

mod support;

use support::{listener, net};
use usocket_core::spi::{Backend, EventSource, SockType};
use usocket_core::{Error, Family, POLLIN};

#[cfg(target_os = "linux")]
fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// Threads of this process by the first letters of their name.
#[cfg(target_os = "linux")]
fn threads(name: &str) -> usize {
    let names = std::fs::read_dir("/proc/self/task")
        .unwrap()
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|comm| comm.starts_with(name)).count()
}

#[cfg(target_os = "linux")]
#[test]
fn ten_thousand_rounds_leak_no_descriptor_and_no_slot() {
    let net = net();
    let (listening, address) = listener(&net, 8);
    let before = descriptors();
    let mut slots = 0;
    for round in 0..10_000 {
        let client = net.open(Family::V4, SockType::Stream).unwrap();
        net.connect_wait(client, address).unwrap();
        let (server, _) = net.accept_wait(listening).unwrap();
        assert_eq!(net.send_wait(client, b"x"), Ok(1));
        assert_eq!(net.recv_wait(server, &mut [0; 4]), Ok(1));
        // By turns orderly and not: 10,000 ports in TIME-WAIT are many.
        net.abort(server).unwrap();
        if round % 2 == 0 {
            net.close(client).unwrap();
        } else {
            net.abort(client).unwrap();
        }
        slots = slots.max(client.slot()).max(server.slot());
    }
    assert_eq!(descriptors(), before);
    assert!(slots < 4, "slot {slots}");

    let set = net.sets().unwrap();
    for _ in 0..100 {
        let id = set.open().unwrap();
        set.put(id, listening, POLLIN, 0).unwrap();
        set.arm(id, std::task::Waker::noop()).unwrap();
        set.close(id);
        let query = net.start_query("localhost", None, false).unwrap();
        net.end_query(query);
    }
    // The reactor, started by arm, has two of its own.
    assert_eq!(descriptors(), before + 2);
    // It names itself a moment after it was started.
    while threads("usocket-reac") == 0 {
        std::thread::yield_now();
    }
    assert_eq!(threads("usocket-reac"), 1);
    assert_eq!(threads("usocket-reso"), 0, "localhost needs none");
    drop(net);
    assert_eq!(threads("usocket-reac"), 0);

    // The limit of the process is passed through, and every failed call gives
    // back what it took.
    let net = support::net();
    let mut sockets = Vec::new();
    let error = loop {
        match net.open(Family::V4, SockType::Dgram) {
            Ok(socket) if sockets.len() < 100_000 => sockets.push(socket),
            Ok(_) => break Error::EMFILE,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::EMFILE | Error::ENFILE), "{error:?}");
    assert_eq!(net.readiness(sockets[0]).bits(), 4);
    for socket in sockets {
        net.close(socket).unwrap();
    }
    net.close(net.open(Family::V4, SockType::Dgram).unwrap()).unwrap();
}
