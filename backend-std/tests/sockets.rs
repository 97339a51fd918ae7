//! The socket API on this backend, several threads on one socket.

mod support;

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use support::{Silent, net};
use usocket_backend_std::{SocketExt, StdNet};
use usocket_core::Family;
use usocket_core::prelude::*;
use usocket_core::spi::Shutdown;

/// Far below what a connect to nobody takes, far above a busy machine's hiccups.
const SOON: Duration = Duration::from_secs(10);

/// A connected socket, and its peer of the standard library.
fn connected(net: &StdNet) -> (Socket<'_, StdNet>, std::net::TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = net.tcp().unwrap();
    socket.connect(listener.local_addr().unwrap()).unwrap();
    (socket, listener.accept().unwrap().0)
}

#[test]
fn a_reset_during_a_blocking_send_is_told_with_what_was_queued() {
    let net = net();
    let (socket, peer) = connected(&net);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Merely makes it likely that the send waits for room.
            thread::sleep(Duration::from_millis(100));
            // With unread data: a reset.
            drop(peer);
        });
        let error = socket.send(vec![0; 50_000_000]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(error.transferred() > 0, "{error:?}");
    });
    // It was told: what comes now is the end.
    assert_eq!(socket.recv(&mut [0; 4]), Ok(0));
}

#[test]
fn two_readers_of_lines_never_see_a_would_block() {
    let net = net();
    let (socket, mut peer) = connected(&net);
    let lines = || {
        let mut buf = [0; 64];
        while socket.readline(&mut buf)? != Some(0) {}
        Ok::<_, Error>(())
    };
    thread::scope(|scope| {
        let readers = [(); 2].map(|()| scope.spawn(lines));
        for _ in 0..1000 {
            peer.write_all(b"x\n").unwrap();
            thread::sleep(Duration::from_micros(100));
        }
        drop(peer);
        assert_eq!(readers.map(|reader| reader.join().unwrap()), [Ok(()); 2]);
    });
}

#[test]
fn connects_of_several_threads_do_not_wait_for_each_other() {
    let net = net();
    let silent = Silent::new(Family::V4);
    for round in 0..200 {
        let socket = net.tcp().unwrap();
        socket.setblocking(false).unwrap();
        let began = Instant::now();
        thread::scope(|scope| {
            let calls = [(); 3].map(|()| scope.spawn(|| socket.connect(silent.address)));
            while !calls.iter().all(thread::ScopedJoinHandle::is_finished) {
                if began.elapsed() > SOON {
                    socket.close().unwrap();
                    panic!("round {round}: a call waits");
                }
                thread::yield_now();
            }
        });
    }
}

#[test]
fn a_close_is_not_missed_by_a_connect_that_just_begins() {
    let net = net();
    let silent = Silent::new(Family::V4);
    let missed = AtomicBool::new(false);
    for round in 0..1000 {
        let socket = net.tcp().unwrap();
        let clone = socket.owned_fd().unwrap();
        thread::scope(|scope| {
            let connect = scope.spawn(|| socket.connect(silent.address));
            for _ in 0..(round % 200) * 20 {
                std::hint::spin_loop();
            }
            socket.close().unwrap();
            let began = Instant::now();
            while !connect.is_finished() {
                if began.elapsed() > SOON {
                    missed.store(true, Ordering::Relaxed);
                    // Lets the test end.
                    let _ = rustix::net::shutdown(&clone, rustix::net::Shutdown::Both);
                }
                thread::yield_now();
            }
            assert_eq!(connect.join().unwrap(), Err(Error::EBADF));
        });
        assert!(!missed.load(Ordering::Relaxed), "round {round}: it waited on");
    }
}

#[test]
fn a_datagram_socket_that_was_shut_down_is_not_closed() {
    let net = net();
    let [socket, peer] = [(); 2].map(|()| net.udp().unwrap());
    peer.bind(("127.0.0.1", 0)).unwrap();
    socket.connect(peer.local_addr().unwrap()).unwrap();
    socket.shutdown(Shutdown::Read).unwrap();
    assert_eq!(socket.recvfrom(&mut [0; 4]), Err(Error::ENOTCONN));
    // It is ready for ever: a call that says it would wait would be repeated without end.
    assert!(socket.readiness().contains(POLLIN));
    socket.setblocking(false).unwrap();
    assert_eq!(socket.recvfrom(&mut [0; 4]), Err(Error::ENOTCONN));
    assert_eq!(socket.recv_info(&mut [0; 4], 0), Err(Error::ENOTCONN));
    assert_eq!(socket.recv(&mut [0; 4]), Ok(0));
    assert_eq!(socket.sendall("x"), Ok(()));
}

#[test]
fn the_end_that_the_user_made_stays_for_ever() {
    let net = net();
    let (socket, mut peer) = connected(&net);
    peer.write_all(b"before").unwrap();
    while !socket.readiness().contains(POLLIN) {}
    socket.shutdown(Shutdown::Read).unwrap();
    let mut buf = [0; 16];
    assert_eq!(socket.recv(&mut buf), Ok(6));
    assert_eq!(socket.recv(&mut buf), Ok(0));
    // The loopback delivers at once.
    peer.write_all(b"after").unwrap();
    assert_eq!(socket.recv(&mut buf), Ok(0));
    assert_eq!(socket.recvfrom(&mut buf).map(|(len, _)| len), Ok(0));
    socket.setblocking(false).unwrap();
    assert_eq!(socket.recv(&mut buf), Ok(0));
    assert!(socket.readiness().contains(POLLIN));
}

#[test]
fn a_shutdown_in_vain_leaves_the_socket_as_it_was() {
    let net = net();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let socket = net.tcp().unwrap();
    assert_eq!(socket.shutdown(Shutdown::Both), Err(Error::ENOTCONN));
    socket.connect(listener.local_addr().unwrap()).unwrap();
    assert_eq!(socket.send("hello"), Ok(5));
    socket.setblocking(false).unwrap();
    assert_eq!(socket.recv(&mut [0; 4]), Err(Error::EAGAIN));

    let socket = net.udp().unwrap();
    socket.bind(("127.0.0.1", 0)).unwrap();
    assert_eq!(socket.shutdown(Shutdown::Both), Err(Error::ENOTCONN));
    assert_eq!(socket.sendto("x", socket.local_addr().unwrap()), Ok(1));
    assert_eq!(socket.recv(&mut [0; 4]), Ok(1));

    let silent = Silent::new(Family::V4);
    let socket = net.tcp().unwrap();
    socket.setblocking(false).unwrap();
    assert_eq!(socket.connect(silent.address), Err(Error::EINPROGRESS));
    assert_eq!(socket.shutdown(Shutdown::Both), Err(Error::ENOTCONN));
    assert_eq!(socket.connect(silent.address), Err(Error::EALREADY));
}

/// The system copies `SO_LINGER` when a connection comes, not when it is accepted.
#[test]
fn close_does_not_wait_where_the_listener_lingered_once() {
    const LINGER: Duration = Duration::from_secs(20);
    let net = net();
    let listener = net.tcp().unwrap();
    listener.bind(("127.0.0.1", 0)).unwrap();
    listener.set_linger(Some(LINGER)).unwrap();
    listener.listen(None).unwrap();
    let _peer = std::net::TcpStream::connect(listener.local_addr().unwrap().to_std()).unwrap();
    // It is complete as soon as it is ready to be accepted.
    while !listener.readiness().contains(POLLIN) {}
    listener.set_linger(None).unwrap();
    let (socket, _) = listener.accept().unwrap();
    socket.setblocking(false).unwrap();
    while socket.send([0; 65_536]).is_ok() {}
    let begun = Instant::now();
    socket.close().unwrap();
    assert!(begun.elapsed() < LINGER / 2, "{:?}", begun.elapsed());
}
