//! Streams on the loopback, directly on the SPI.

mod support;

use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use support::{connected, listener, net};
use usocket_core::spi::{Backend, EventSource, Opt, OptName, RecvFlags, Shutdown, SockType};
use usocket_core::{Error, Family, POLLIN, POLLOUT, SockAddr};

const FLAGS: RecvFlags = RecvFlags { peek: false };

#[test]
fn bytes_go_both_ways_and_end() {
    let net = net();
    let (a, b) = connected(&net);
    assert_eq!(net.send_wait(a, b"hello"), Ok(5));
    let mut buf = [0; 16];
    assert_eq!(net.recv_wait(b, &mut buf), Ok(5));
    assert_eq!(&buf[..5], b"hello");
    assert_eq!(net.try_recv(b, &mut buf, FLAGS), Err(Error::EAGAIN));
    assert_eq!(net.try_send(b, b"x"), Ok(1));
    net.close(b).unwrap();
    assert_eq!(net.recv_wait(a, &mut buf), Ok(1));
    assert_eq!(net.recv_wait(a, &mut buf), Ok(0));
    assert_eq!(net.recv_wait(a, &mut buf), Ok(0));
    assert_eq!(net.try_recv(b, &mut buf, FLAGS), Err(Error::EBADF));
}

#[test]
fn states_of_a_stream_that_is_not_connected() {
    let net = net();
    let fresh = net.open(Family::V4, SockType::Stream).unwrap();
    let (listening, address) = listener(&net, 1);
    let mut buf = [0; 4];
    for socket in [fresh, listening] {
        assert_eq!(net.try_send(socket, b"x"), Err(Error::EPIPE));
        assert_eq!(net.try_send(socket, b""), Err(Error::EPIPE));
        assert_eq!(net.send_wait(socket, b"x"), Err(Error::EPIPE));
        assert_eq!(net.try_recv(socket, &mut buf, FLAGS), Err(Error::ENOTCONN));
        assert_eq!(net.recv_wait(socket, &mut buf), Err(Error::ENOTCONN));
        assert_eq!(net.recv_wait(socket, &mut []), Err(Error::ENOTCONN));
        assert_eq!(net.try_recv_info(socket, &mut buf, FLAGS), Err(Error::ENOTCONN));
        assert_eq!(net.shutdown(socket, Shutdown::Write), Err(Error::ENOTCONN));
        assert_eq!(net.peer_addr(socket), Err(Error::ENOTCONN));
    }
    assert_eq!(net.try_accept(fresh), Err(Error::EINVAL));
    assert_eq!(net.accept_wait(fresh), Err(Error::EINVAL));
    assert_eq!(net.try_connect(listening, address), Err(Error::EISCONN));
    assert_eq!(net.connect_wait(listening, address), Err(Error::EISCONN));
    assert_eq!(net.bind(listening, address), Err(Error::EINVAL));
    assert_eq!(net.listen(listening, 1_000_000), Ok(()));
    let (a, _b) = connected(&net);
    assert_eq!(net.listen(a, 1), Err(Error::EINVAL));
    assert_eq!(net.try_accept(a), Err(Error::EINVAL));
    assert_eq!(net.accept_wait(a), Err(Error::EINVAL));
    assert_eq!(net.try_connect(a, address), Err(Error::EISCONN));
    assert_eq!(net.connect_wait(a, address), Err(Error::EISCONN));
}

#[test]
fn receiving_nothing_consumes_nothing() {
    let net = net();
    let (a, b) = connected(&net);
    assert_eq!(net.recv_wait(a, &mut []), Ok(0));
    net.send_wait(b, b"x").unwrap();
    assert_eq!(net.recv_wait(a, &mut []), Ok(0));
    assert_eq!(net.recv_wait(a, &mut [0; 2]), Ok(1));
    assert_eq!(net.send_wait(a, b""), Ok(0));
}

#[test]
fn a_refused_connect_in_each_form() {
    let net = net();
    let refusing = support::refusing(Family::V4);
    let (listening, good) = listener(&net, 4);
    let mut buf = [0; 4];

    let blocking = net.open(Family::V4, SockType::Stream).unwrap();
    assert_eq!(net.connect_wait(blocking, refusing), Err(Error::ECONNREFUSED));

    let started = net.open(Family::V4, SockType::Stream).unwrap();
    assert_eq!(net.try_connect(started, refusing), Err(Error::EINPROGRESS));
    net.wait(started, POLLOUT, None).unwrap();
    assert_eq!(net.readiness(started).bits(), 29);
    assert_eq!(net.connect_result(started), Err(Error::ECONNREFUSED));
    assert_eq!(net.connect_result(started), Err(Error::ENOTCONN));

    for socket in [blocking, started] {
        assert_eq!(net.try_send(socket, b"x"), Err(Error::EPIPE));
        assert_eq!(net.recv_wait(socket, &mut buf), Err(Error::ENOTCONN));
        assert_eq!(net.connect_wait(socket, good), Ok(()));
        assert_eq!(net.accept_wait(listening).map(|(_, peer)| peer), net.local_addr(socket));
    }

    for fetched in ["receive", "take_error"] {
        let socket = net.open(Family::V4, SockType::Stream).unwrap();
        assert_eq!(net.try_connect(socket, refusing), Err(Error::EINPROGRESS));
        net.wait(socket, POLLOUT, None).unwrap();
        if fetched == "receive" {
            assert_eq!(net.try_recv(socket, &mut buf, FLAGS), Err(Error::ECONNREFUSED));
            assert_eq!(net.try_recv(socket, &mut buf, FLAGS), Ok(0));
        } else {
            assert_eq!(net.take_error(socket), Ok(Some(Error::ECONNREFUSED)));
            assert_eq!(net.take_error(socket), Ok(None));
        }
        assert_eq!(net.try_connect(socket, good), Err(Error::EINPROGRESS), "{fetched}");
        net.wait(socket, POLLOUT, None).unwrap();
        assert_eq!(net.connect_result(socket), Ok(()));
        assert_eq!(net.try_connect(socket, good), Err(Error::EISCONN));
    }
}

#[test]
fn while_a_connect_is_pending() {
    let net = net();
    let silent = support::Silent::new(Family::V4);
    let socket = net.open(Family::V4, SockType::Stream).unwrap();
    assert_eq!(net.try_connect(socket, silent.address), Err(Error::EINPROGRESS));
    assert_eq!(net.try_connect(socket, silent.address), Err(Error::EALREADY));
    assert_eq!(net.connect_result(socket), Err(Error::EAGAIN));
    assert_eq!(net.try_send(socket, b"x"), Err(Error::EAGAIN));
    assert_eq!(net.try_recv(socket, &mut [0; 4], FLAGS), Err(Error::EAGAIN));
    assert_eq!(net.try_recv(socket, &mut [], FLAGS), Err(Error::EAGAIN));
    assert_eq!(net.connect_wait(socket, silent.address), Err(Error::EALREADY));
    assert_eq!(net.readiness(socket).bits(), 0);
    assert_eq!(net.listen(socket, 1), Err(Error::EINVAL));
    assert_eq!(net.close(socket), Ok(()));
}

#[test]
fn a_reset_is_told_once() {
    let net = net();
    for info in [false, true] {
        let (a, b) = connected(&net);
        let peer = net.peer_addr(a).unwrap();
        net.send_wait(b, b"last").unwrap();
        let mut buf = [0; 16];
        // Read before the reset, which discards what was not.
        assert_eq!(net.recv_wait(a, &mut buf), Ok(4));
        net.abort(b).unwrap();
        net.wait(a, POLLIN, None).unwrap();
        assert_eq!(net.readiness(a).bits(), 29);
        assert_eq!(net.recv_wait(a, &mut buf), Err(Error::ECONNRESET));
        assert_eq!(net.readiness(a).bits() & !4, 17);
        if info {
            let info = net.recv_info_wait(a, &mut buf).unwrap();
            assert_eq!((info.len, info.from), (0, peer));
        } else {
            assert_eq!(net.recv_wait(a, &mut buf), Ok(0));
        }
        assert_eq!(net.recv_wait(a, &mut []), Ok(0));
        assert_eq!(net.try_send(a, b"x"), Err(Error::EPIPE));
    }
}

#[test]
fn linger_zero_unread_data_and_abort_reset() {
    let net = net();
    for how in 0..3 {
        let (a, b) = connected(&net);
        let mut result = Ok(());
        match how {
            0 => result = net.set_option(b, &Opt::Linger(Some(0))).and_then(|()| net.close(b)),
            1 => {
                net.send_wait(a, b"unread").unwrap();
                net.wait(b, POLLIN, None).unwrap();
                result = result.and_then(|()| net.close(b));
            }
            _ => result = result.and_then(|()| net.abort(b)),
        }
        assert_eq!(result, Ok(()));
        assert_eq!(net.recv_wait(a, &mut [0; 4]), Err(Error::ECONNRESET), "{how}");
        assert_eq!(net.recv_wait(a, &mut [0; 4]), Ok(0));
    }
}

#[test]
fn close_does_not_wait_as_long_as_linger_says() {
    let net = net();
    // Set on the stream itself, and on the listener that it came from.
    for inherited in [false, true] {
        let (listening, address) = listener(&net, 1);
        if inherited {
            net.set_option(listening, &Opt::Linger(Some(30))).unwrap();
        }
        let client = net.open(Family::V4, SockType::Stream).unwrap();
        net.connect_wait(client, address).unwrap();
        let (server, _) = net.accept_wait(listening).unwrap();
        if !inherited {
            net.set_option(server, &Opt::Linger(Some(30))).unwrap();
        }
        assert_eq!(net.option(server, OptName::Linger), Ok(Opt::Linger(Some(30))));
        let mut sent = 0;
        while let Ok(count) = net.try_send(server, &[0; 65_536]) {
            sent += count;
        }
        let began = Instant::now();
        net.close(server).unwrap();
        assert!(began.elapsed() < Duration::from_secs(5), "{inherited}");
        // The rest goes out in the background.
        let (mut received, mut buf) = (0, vec![0; 65_536]);
        loop {
            match net.recv_wait(client, &mut buf).unwrap() {
                0 => break,
                count => received += count,
            }
        }
        assert_eq!(received, sent);
    }
}

#[test]
fn what_is_not_done_within_the_linger_bound_is_aborted() {
    let net = net();
    let (a, b) = connected(&net);
    net.set_option(b, &Opt::Linger(Some(1))).unwrap();
    while net.try_send(b, &[0; 65_536]).is_ok() {}
    net.close(b).unwrap();
    thread::sleep(Duration::from_secs(3));
    let mut buf = vec![0; 65_536];
    let end = loop {
        match net.recv_wait(a, &mut buf) {
            Ok(count) if count > 0 => {}
            end => break end,
        }
    };
    assert_eq!(end, Err(Error::ECONNRESET));
}

#[test]
fn an_accepted_stream_blocks_whatever_its_listener_does() {
    let net = Arc::new(net());
    let (listening, address) = listener(&net, 4);
    assert_eq!(net.try_accept(listening), Err(Error::EAGAIN));
    let client = net.open(Family::V4, SockType::Stream).unwrap();
    net.connect_wait(client, address).unwrap();
    // In non-blocking mode by now, which the blocking form hides.
    let (server, peer) = net.accept_wait(listening).unwrap();
    assert_eq!(Ok(peer), net.local_addr(client));
    let waiting = {
        let net = Arc::clone(&net);
        thread::spawn(move || net.recv_wait(server, &mut [0; 4]))
    };
    support::until_asleep(&waiting);
    net.send_wait(client, b"hi").unwrap();
    assert_eq!(waiting.join().unwrap(), Ok(2));
    assert_eq!(net.option(listening, OptName::Listening), Ok(Opt::Listening(true)));
    assert_eq!(net.option(server, OptName::Listening), Ok(Opt::Listening(false)));
}

#[test]
fn bind_rules() {
    let net = net();
    let (_listening, address) = listener(&net, 1);
    let any = SockAddr::new(address.ip(), 0);
    let other = net.open(Family::V4, SockType::Stream).unwrap();
    assert_eq!(net.bind(other, address), Err(Error::EADDRINUSE));
    assert_eq!(
        net.bind(other, SockAddr::new("192.0.2.1".parse().unwrap(), 0)),
        Err(Error::EADDRNOTAVAIL)
    );
    assert_eq!(net.bind(other, any), Ok(()));
    assert_eq!(net.bind(other, any), Err(Error::EINVAL));
    let udp = net.open(Family::V4, SockType::Dgram).unwrap();
    assert_eq!(net.bind(udp, address), Ok(()), "the port spaces are separate");
    assert_eq!(net.bind(udp, any), Err(Error::EINVAL));
    let (a, _) = connected(&net);
    assert_eq!(net.bind(a, any), Err(Error::EINVAL));
    let unbound = net.open(Family::V4, SockType::Stream).unwrap();
    net.listen(unbound, 0).unwrap();
    assert_ne!(net.local_addr(unbound).unwrap().port(), 0);
}

#[test]
fn reuse_address_is_off_until_asked_for() {
    let net = net();
    let socket = net.open(Family::V4, SockType::Stream).unwrap();
    assert_eq!(net.option(socket, OptName::ReuseAddr), Ok(Opt::ReuseAddr(false)));
    let listening = net.open(Family::V4, SockType::Stream).unwrap();
    // Linux asks both for it: those who had the port and those who want it.
    net.set_option(listening, &Opt::ReuseAddr(true)).unwrap();
    net.bind(listening, support::loopback(Family::V4)).unwrap();
    net.listen(listening, 1).unwrap();
    let address = net.local_addr(listening).unwrap();
    let client = net.open(Family::V4, SockType::Stream).unwrap();
    net.connect_wait(client, address).unwrap();
    let (server, _) = net.accept_wait(listening).unwrap();
    // The server's end closes first and keeps the port in TIME-WAIT (row 57).
    net.close(listening).unwrap();
    net.close(server).unwrap();
    assert_eq!(net.recv_wait(client, &mut [0; 1]), Ok(0));
    net.close(client).unwrap();
    assert_eq!(net.bind(socket, address), Err(Error::EADDRINUSE));
    net.set_option(socket, &Opt::ReuseAddr(true)).unwrap();
    assert_eq!(net.bind(socket, address), Ok(()));
    net.listen(socket, 1).unwrap();
    let second = net.open(Family::V4, SockType::Stream).unwrap();
    net.set_option(second, &Opt::ReuseAddr(true)).unwrap();
    let taken = net.bind(second, address).and_then(|()| net.listen(second, 1));
    assert_eq!(taken, Err(Error::EADDRINUSE), "never two listeners (row 58)");
}

#[test]
fn a_refused_connect_leaves_a_listener_as_it_was() {
    let net = net();
    let (listening, address) = listener(&net, 4);
    assert_eq!(net.try_accept(listening), Err(Error::EAGAIN));
    assert_eq!(net.try_connect(listening, address), Err(Error::EISCONN));
    // It would wait for ever here if it had been put into blocking mode.
    assert_eq!(net.try_accept(listening), Err(Error::EAGAIN));
}
