//! A board behind a gateway, and sockets of this machine. Real sockets, real time, loopback.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddrV4, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc;
use std::thread;

use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
use usocket_core::prelude::*;
use usocket_core::{ErrorKind, NoopRawMutex, SockAddr};
use usocket_gateway::{BOARD, Board, Gateway, HOST, NAMES, Port};

type Memory<'a> = Storage<'a, 32, 12, 16_384, 16_384, 4, 7360, 16, { 12 + 4 + OWN }>;
type BoardNet<'a> = Net<'a, Port, Board, NoopRawMutex, 32>;

const LOOPBACK: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0);

/// Runs a test with a board that has its address from DHCP.
fn with_board(test: impl FnOnce(&Gateway, &BoardNet<'_>) + Send) {
    thread::scope(|scope| {
        // The memory is made on the stack.
        let thread = thread::Builder::new().stack_size(64 << 20);
        let run = || {
            let gateway = Gateway::new().unwrap();
            let (port, board) = gateway.plug().unwrap();
            assert!(gateway.plug().is_none());
            let mut memory = Box::new(Memory::new());
            let config = Config::ethernet([2, 0, 0, 0, 0, 1]).dhcp();
            let net = Net::new(port, board, &config, &mut memory).unwrap();
            net.wait_up(10).unwrap();
            assert_eq!(net.ip(usocket_core::Family::V4), Some(BOARD.into()));
            test(&gateway, &net);
        };
        if let Err(panic) = thread.spawn_scoped(scope, run).unwrap().join() {
            std::panic::resume_unwind(panic);
        }
    });
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

/// A port of this machine, as the board sees it.
fn host(port: u16) -> SockAddr {
    SocketAddrV4::new(HOST, port).into()
}

fn dial<'n, 'm>(net: &'n BoardNet<'m>, port: u16) -> Socket<'n, BoardNet<'m>> {
    let s = net.tcp().unwrap();
    s.settimeout(10).unwrap();
    s.connect(host(port)).unwrap();
    s
}

/// Lets the board go on until this machine's socket has a datagram.
fn hear(net: &BoardNet<'_>, socket: &UdpSocket, buf: &mut [u8]) -> (usize, std::net::SocketAddr) {
    socket.set_nonblocking(true).unwrap();
    let mut poll = usocket_core::Poll::<1>::new(net);
    for _ in 0..1000 {
        poll.poll(5).unwrap();
        if let Ok(heard) = socket.recv_from(buf) {
            return heard;
        }
    }
    panic!("no datagram has come");
}

/// A server of this machine for one client.
fn server<T: Send + 'static>(
    serve: impl FnOnce(TcpStream) -> T + Send + 'static,
) -> (u16, thread::JoinHandle<T>) {
    let listener = TcpListener::bind(LOOPBACK).unwrap();
    let port = listener.local_addr().unwrap().port();
    (port, thread::spawn(move || serve(listener.accept().unwrap().0)))
}

#[test]
fn streams_both_ways_with_half_close() {
    const LEN: usize = 3_000_000;
    with_board(|_, net| {
        for board_ends_first in [true, false] {
            let (port, server) = server(move |mut s| {
                let (mut got, data) = (Vec::new(), pattern(LEN));
                if board_ends_first {
                    s.read_to_end(&mut got).unwrap();
                    s.write_all(&data).unwrap();
                } else {
                    s.write_all(&data).unwrap();
                    s.shutdown(Shutdown::Write).unwrap();
                    s.read_to_end(&mut got).unwrap();
                }
                assert!(got == data);
            });
            let s = dial(net, port);
            s.settimeout(10).unwrap();
            let mut got = vec![0; LEN + 1];
            if board_ends_first {
                s.sendall(&pattern(LEN)[..]).unwrap();
                s.shutdown(usocket_core::spi::Shutdown::Write).unwrap();
                assert_eq!(s.read(&mut got), Ok(Some(LEN)));
            } else {
                assert_eq!(s.read(&mut got), Ok(Some(LEN)));
                s.sendall(&pattern(LEN)[..]).unwrap();
            }
            drop(s);
            net.drain(10).unwrap();
            server.join().unwrap();
            assert!(got[..LEN] == pattern(LEN));
        }
    });
}

#[test]
fn what_is_refused_there_is_refused_here() {
    with_board(|_, net| {
        // Held, so that nobody else gets the port, but nobody listens.
        let held = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None);
        let held = held.unwrap();
        held.bind(&LOOPBACK.into()).unwrap();
        let port = held.local_addr().unwrap().as_socket().unwrap().port();
        assert_eq!(net.tcp().unwrap().connect((HOST, port)), Err(Error::ECONNREFUSED));
        // Nobody else is in the network.
        let nobody = Ipv4Addr::new(10, 0, 2, 77);
        assert_eq!(net.tcp().unwrap().connect((nobody, port)), Err(Error::EHOSTUNREACH));
    });
}

#[test]
fn a_reset_comes_behind_the_bytes() {
    with_board(|_, net| {
        let (port, server) = server(|mut s| {
            s.write_all(&pattern(5000)).unwrap();
            let mut byte = [0];
            s.read_exact(&mut byte).unwrap();
            socket2::SockRef::from(&s).set_linger(Some(std::time::Duration::ZERO)).unwrap();
        });
        let s = dial(net, port);
        s.settimeout(5).unwrap();
        let mut got = [0; 6000];
        assert_eq!(s.read(&mut got[..5000]), Ok(Some(5000)));
        s.sendall("x").unwrap();
        server.join().unwrap();
        let error = s.recv(&mut got).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert!(got[..5000] == pattern(5000));
    });
}

#[test]
fn a_reset_of_the_board_arrives() {
    with_board(|_, net| {
        let (port, server) = server(|mut s| {
            let mut got = [0; 10];
            s.read_exact(&mut got[..4]).unwrap();
            s.read(&mut got).unwrap_err().kind()
        });
        let s = dial(net, port);
        s.sendall("four").unwrap();
        // Not before the others have taken it.
        net.drain(5).unwrap();
        let linger = [1, 0, 0, 0, 0, 0, 0, 0];
        s.setsockopt(usocket_core::SOL_SOCKET, usocket_core::SO_LINGER, &linger).unwrap();
        drop(s);
        net.drain(5).unwrap();
        assert_eq!(server.join().unwrap(), std::io::ErrorKind::ConnectionReset);
    });
}

/// Nothing between the two grows without end, and nothing is lost.
#[test]
fn a_peer_that_does_not_read_holds_the_board_up() {
    const LEN: usize = 40_000_000;
    with_board(|_, net| {
        let (go, wait) = mpsc::channel();
        let (port, server) = server(move |mut s| {
            let mut got = Vec::new();
            wait.recv().unwrap();
            s.read_to_end(&mut got).unwrap();
            got
        });
        let s = dial(net, port);
        s.setblocking(false).unwrap();
        let mut poll = usocket_core::Poll::<1>::new(net);
        poll.register(&s, usocket_core::POLLOUT).unwrap();
        let data = pattern(LEN);
        let mut sent = 0;
        while !poll.poll(1000).unwrap().is_empty() {
            sent += s.send(&data[sent..]).unwrap();
            assert!(sent < LEN, "nobody has read a byte");
        }
        go.send(()).unwrap();
        s.settimeout(10).unwrap();
        s.sendall("the end").unwrap();
        drop(s);
        net.drain(10).unwrap();
        let got = server.join().unwrap();
        assert!(got[..sent] == data[..sent] && &got[sent..] == b"the end");
    });
}

/// A peer that has ended its own direction gets what the board has sent, however late it reads.
#[test]
fn who_has_said_all_still_hears_all() {
    const LEN: usize = 40_000_000;
    with_board(|_, net| {
        let data = pattern(LEN);
        // As much as goes on the way, then less, so that some of it stays in the gateway.
        let mut most = LEN;
        for less in [0, 60_000, 40_000, 20_000] {
            for board_ends_first in [false, true] {
                let (port, server) = server(|s| s);
                let s = dial(net, port);
                let mut peer = server.join().unwrap();
                if !board_ends_first {
                    peer.shutdown(Shutdown::Write).unwrap();
                    assert_eq!(s.recv(&mut [0; 1]), Ok(0));
                }
                s.setblocking(false).unwrap();
                let mut poll = usocket_core::Poll::<1>::new(net);
                poll.register(&s, usocket_core::POLLOUT).unwrap();
                let mut sent = 0;
                while sent < most - less && !poll.poll(300).unwrap().is_empty() {
                    sent += s.send(&data[sent..most - less]).unwrap();
                    assert!(sent < LEN, "nobody has read a byte");
                }
                most = most.min(sent + less);
                if board_ends_first {
                    s.shutdown(usocket_core::spi::Shutdown::Write).unwrap();
                    peer.shutdown(Shutdown::Write).unwrap();
                    s.settimeout(10).unwrap();
                    assert_eq!(s.recv(&mut [0; 1]), Ok(0));
                }
                drop(s);
                // The board is done where the gateway has all of it.
                let _ = net.drain(std::time::Duration::from_millis(200));
                let reader = thread::spawn(move || {
                    let mut got = Vec::new();
                    peer.read_to_end(&mut got).map(|_| got)
                });
                net.drain(10).unwrap();
                let got = reader.join().unwrap().unwrap();
                assert_eq!(got.len(), sent);
                assert!(got == data[..sent]);
            }
        }
    });
}

#[test]
fn many_connections_at_once_are_not_mixed_up() {
    with_board(|_, net| {
        let listener = TcpListener::bind(LOOPBACK).unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = thread::spawn(move || {
            for _ in 0..30 {
                let mut s = listener.accept().unwrap().0;
                let mut got = [0; 2];
                s.read_exact(&mut got).unwrap();
                s.write_all(&got).unwrap();
            }
        });
        for round in 0..3u8 {
            let sockets: Vec<_> = (0..10u8)
                .map(|n| {
                    let s = net.tcp().unwrap();
                    s.setblocking(false).unwrap();
                    assert_eq!(s.connect((HOST, port)), Err(Error::EINPROGRESS));
                    (n, s)
                })
                .collect();
            for (n, s) in &sockets {
                s.settimeout(5).unwrap();
                let mut poll = usocket_core::Poll::<1>::new(net);
                poll.register(s, usocket_core::POLLOUT).unwrap();
                poll.poll(5000).unwrap();
                s.sendall(&[*n, round][..]).unwrap();
            }
            for (n, s) in &sockets {
                let mut got = [0; 2];
                assert_eq!(s.read(&mut got), Ok(Some(2)));
                assert_eq!(got, [*n, round]);
            }
            drop(sockets);
            net.drain(5).unwrap();
        }
        server.join().unwrap();
    });
}

#[test]
fn clients_of_this_machine_reach_a_server_of_the_board() {
    with_board(|gateway, net| {
        let listener = net.tcp().unwrap();
        listener.bind(("", 80)).unwrap();
        listener.listen(8).unwrap();
        let at = gateway.forward_tcp(LOOPBACK, Some(80)).unwrap();
        let clients: Vec<_> = (0..20u8)
            .map(|n| {
                thread::spawn(move || {
                    let mut s = TcpStream::connect(at).unwrap();
                    s.write_all(&[n; 100]).unwrap();
                    s.shutdown(Shutdown::Write).unwrap();
                    let mut got = Vec::new();
                    s.read_to_end(&mut got).unwrap();
                    assert_eq!(got, [n; 100]);
                })
            })
            .collect();
        for _ in 0..20 {
            let (s, peer) = listener.accept().unwrap();
            assert_eq!(peer.ip(), std::net::IpAddr::V4(HOST));
            s.settimeout(5).unwrap();
            let mut got = [0; 101];
            assert_eq!(s.read(&mut got), Ok(Some(100)));
            s.sendall(&got[..100]).unwrap();
        }
        net.drain(5).unwrap();
        clients.into_iter().for_each(|client| client.join().unwrap());
    });
}

/// More clients than the gateway has room for: who waits has its turn when others are gone.
#[test]
fn who_finds_no_room_has_its_turn_later() {
    const CROWD: usize = 520;
    with_board(|gateway, net| {
        // Nobody listens there, which the board says when it goes on.
        let refused = gateway.forward_tcp(LOOPBACK, Some(81)).unwrap();
        let at = gateway.forward_tcp(LOOPBACK, Some(80)).unwrap();
        let listener = net.tcp().unwrap();
        listener.bind(("", 80)).unwrap();
        listener.listen(1).unwrap();
        for _ in 0..CROWD {
            drop(TcpStream::connect(refused).unwrap());
        }
        let client = thread::spawn(move || {
            let mut s = TcpStream::connect(at).unwrap();
            s.read(&mut [0; 10]).unwrap()
        });
        while gateway.connections() < 512 {
            thread::yield_now();
        }
        listener.settimeout(5).unwrap();
        let (s, _) = listener.accept().unwrap();
        s.sendall("turn").unwrap();
        let mut poll = usocket_core::Poll::<1>::new(net);
        while !client.is_finished() {
            poll.poll(5).unwrap();
        }
        assert_eq!(client.join().unwrap(), 4);
    });
}

#[test]
fn nobody_listens_on_the_board() {
    with_board(|gateway, net| {
        let at = gateway.forward_tcp(LOOPBACK, Some(81)).unwrap();
        let client = thread::spawn(move || {
            let mut s = TcpStream::connect(at).unwrap();
            s.read(&mut [0; 10]).unwrap_err().kind()
        });
        let mut poll = usocket_core::Poll::<1>::new(net);
        while !client.is_finished() {
            poll.poll(5).unwrap();
        }
        assert_eq!(client.join().unwrap(), std::io::ErrorKind::ConnectionReset);
    });
}

#[test]
fn datagrams_out_and_in() {
    with_board(|gateway, net| {
        let mut buf = [0; 2000];
        let peer = UdpSocket::bind(LOOPBACK).unwrap();
        let port = peer.local_addr().unwrap().port();
        let s = net.udp().unwrap();
        s.settimeout(5).unwrap();
        s.sendto(&pattern(1472)[..], (HOST, port)).unwrap();
        let (len, from) = hear(net, &peer, &mut buf);
        assert!(buf[..len] == pattern(1472));
        peer.send_to(b"back", from).unwrap();
        assert_eq!(s.recvfrom(&mut buf), Ok((4, host(port))));
        // A port of this machine is a port of the board, and what it answers comes from there.
        let server = net.udp().unwrap();
        server.settimeout(5).unwrap();
        server.bind(("", 7000)).unwrap();
        let at = gateway.forward_udp(LOOPBACK, Some(7000)).unwrap();
        peer.send_to(b"question", at).unwrap();
        let (len, from) = server.recvfrom(&mut buf).unwrap();
        assert_eq!((&buf[..len], from), (&b"question"[..], host(port)));
        server.sendto("answer", from).unwrap();
        assert_eq!(hear(net, &peer, &mut buf), (6, at.into()));
        // The board can reach itself that way.
        s.sendto("round", (HOST, at.port())).unwrap();
        assert_eq!(server.recvfrom(&mut buf).unwrap().0, 5);
    });
}

#[test]
fn a_group_is_heard_and_spoken_to() {
    with_board(|gateway, net| {
        let group = Ipv4Addr::new(239, 255, 77, 79);
        let other = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None);
        let other = other.unwrap();
        other.set_reuse_address(true).unwrap();
        other.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        other.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST).unwrap();
        other.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
        let other = UdpSocket::from(other);
        let port = other.local_addr().unwrap().port();
        gateway.forward_group(SocketAddrV4::new(group, port), Ipv4Addr::LOCALHOST).unwrap();

        let s = net.udp().unwrap();
        s.settimeout(5).unwrap();
        s.bind(("", port)).unwrap();
        let membership = [group.octets(), [0; 4]].concat();
        let (level, option) = (usocket_core::IPPROTO_IP, usocket_core::IP_ADD_MEMBERSHIP);
        s.setsockopt(level, option, &membership[..]).unwrap();
        s.sendto("hello", (group, port)).unwrap();
        let mut buf = [0; 100];
        assert_eq!(hear(net, &other, &mut buf).0, 5);
        other.send_to(b"you too", (group, port)).unwrap();
        // Not what it has said itself.
        let (len, _) = s.recvfrom(&mut buf).unwrap();
        assert_eq!(&buf[..len], b"you too");
    });
}

#[test]
fn the_name_server_answers() {
    with_board(|_, net| {
        let s = net.udp().unwrap();
        s.settimeout(10).unwrap();
        let query = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x09localhost\0\0\x01\0\x01";
        s.sendto(&query[..], (NAMES, 53)).unwrap();
        let mut buf = [0; 200];
        let (len, from) = s.recvfrom(&mut buf).unwrap();
        assert_eq!(from, SocketAddrV4::new(NAMES, 53).into());
        assert_eq!((&buf[..4], &buf[len - 4..len]), (&b"\x12\x34\x81\x80"[..], &HOST.octets()[..]));
    });
}

/// The board is done when the gateway has everything; that must not be lost with the gateway.
#[test]
fn what_was_sent_is_handed_on_before_the_end() {
    const LEN: usize = 60_000;
    let (port, server) = server(|mut s| {
        let mut got = Vec::new();
        s.read_to_end(&mut got).unwrap();
        got
    });
    with_board(move |_, net| {
        let s = dial(net, port);
        s.sendall(&pattern(LEN)[..]).unwrap();
        drop(s);
        net.drain(5).unwrap();
    });
    assert!(server.join().unwrap() == pattern(LEN));
}
