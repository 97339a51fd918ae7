//! Single operations, so many times and nothing else: what the counts of system
//! calls and instructions are taken of.

use std::net::UdpSocket;

use usocket_core::Usocket;

use super::contender::{ANY_PORT, NET, Net, Ours, Plain};
use super::peers::Epoll;
use super::polls::{MOST, OurPoll, PollingPoll, Waiter};

/// One operation on our side and on the peer's, `None` where there is no peer.
#[derive(Clone, Copy)]
pub struct Op {
    /// Its name.
    pub name: &'static str,
    /// Does it so many times.
    pub ours: fn(usize),
    /// The same on `std::net`, or on the system's epoll.
    pub peer: Option<fn(usize)>,
}

/// All operations.
pub const OPS: [Op; 16] = [
    Op { name: "send", ours: send::<Ours>, peer: Some(send::<Plain>) },
    Op { name: "recv", ours: recv::<Ours>, peer: Some(recv::<Plain>) },
    Op { name: "recv-timeout", ours: recv_timeout, peer: Some(recv_timeout_std) },
    Op { name: "recv-timeout-expires", ours: recv_expires, peer: None },
    Op { name: "recv-nonblocking", ours: recv_nonblocking, peer: Some(recv_nonblocking_std) },
    Op { name: "send-nonblocking", ours: send_nonblocking, peer: Some(send_nonblocking_std) },
    Op { name: "accept", ours: accept::<Ours>, peer: Some(accept::<Plain>) },
    Op { name: "connect", ours: connect::<Ours>, peer: Some(connect::<Plain>) },
    Op { name: "connect-timeout", ours: connect_timeout, peer: Some(connect_timeout_std) },
    Op { name: "sendto", ours: send_to::<Ours>, peer: Some(send_to::<Plain>) },
    Op { name: "recvfrom", ours: recv_from::<Ours>, peer: Some(recv_from::<Plain>) },
    Op { name: "poll-10", ours: poll::<OurPoll, 10>, peer: Some(epoll::<10>) },
    Op { name: "poll-1000", ours: poll::<OurPoll, MOST>, peer: Some(epoll::<MOST>) },
    Op { name: "poll-timeout", ours: poll_expires, peer: None },
    Op { name: "polling-10", ours: poll::<PollingPoll, 10>, peer: None },
    Op { name: "polling-1000", ours: poll::<PollingPoll, MOST>, peer: None },
];

fn send<N: Net + Default>(count: usize) {
    let (here, there) = N::default().pair();
    for _ in 0..count {
        N::send(&here, &[1]);
    }
    drop(there);
}

/// Two ends with so many bytes waiting at the second.
fn filled<N: Net + Default>(count: usize) -> (N::Stream, N::Stream) {
    let (here, there) = N::default().pair();
    N::send(&here, &vec![1; count]);
    (here, there)
}

fn recv<N: Net + Default>(count: usize) {
    let (_here, there) = filled::<N>(count);
    for _ in 0..count {
        assert_eq!(N::recv(&there, &mut [0]), 1);
    }
}

fn recv_timeout(count: usize) {
    let (_here, there) = filled::<Ours>(count);
    there.settimeout(5).expect("settimeout");
    for _ in 0..count {
        assert_eq!(Ours::recv(&there, &mut [0]), 1);
    }
}

fn recv_timeout_std(count: usize) {
    let (_here, there) = filled::<Plain>(count);
    there.set_read_timeout(Some(std::time::Duration::from_secs(5))).expect("timeout");
    for _ in 0..count {
        assert_eq!(Plain::recv(&there, &mut [0]), 1);
    }
}

fn recv_expires(count: usize) {
    let (_here, there) = Ours.pair();
    there.settimeout(0.001).expect("settimeout");
    for _ in 0..count {
        there.recv(&mut [0]).expect_err("timeout");
    }
}

fn recv_nonblocking(count: usize) {
    let (_here, there) = filled::<Ours>(count);
    there.setblocking(false).expect("setblocking");
    for _ in 0..count {
        assert_eq!(Ours::recv(&there, &mut [0]), 1);
    }
}

fn recv_nonblocking_std(count: usize) {
    let (_here, there) = filled::<Plain>(count);
    there.set_nonblocking(true).expect("non-blocking");
    for _ in 0..count {
        assert_eq!(Plain::recv(&there, &mut [0]), 1);
    }
}

fn send_nonblocking(count: usize) {
    let (here, _there) = Ours.pair();
    here.setblocking(false).expect("setblocking");
    for _ in 0..count {
        Ours::send(&here, &[1]);
    }
}

fn send_nonblocking_std(count: usize) {
    let (here, _there) = Plain.pair();
    here.set_nonblocking(true).expect("non-blocking");
    for _ in 0..count {
        Plain::send(&here, &[1]);
    }
}

fn accept<N: Net + Default>(count: usize) {
    let (listener, address) = N::default().listen();
    let clients: Vec<_> = (0..MOST_PENDING).map(|_| Plain.connect(address)).collect();
    let accepted: Vec<_> = (0..count).map(|_| N::accept(&listener)).collect();
    drop((clients, accepted));
}

fn connect<N: Net + Default>(count: usize) {
    let (_listener, address) = Plain.listen();
    let clients: Vec<_> = (0..count).map(|_| N::default().connect(address)).collect();
    drop(clients);
}

fn connect_timeout(count: usize) {
    let (_listener, address) = Plain.listen();
    let connect = |_| {
        let socket = NET.tcp().expect("socket");
        socket.settimeout(5).expect("settimeout");
        socket.connect(address).expect("connect");
        socket
    };
    let clients: Vec<_> = (0..count).map(connect).collect();
    drop(clients);
}

fn connect_timeout_std(count: usize) {
    let (_listener, address) = Plain.listen();
    let limit = std::time::Duration::from_secs(5);
    let connect = |_| std::net::TcpStream::connect_timeout(&address, limit).expect("connect");
    let clients: Vec<_> = (0..count).map(connect).collect();
    drop(clients);
}

fn send_to<N: Net + Default>(count: usize) {
    let (from, _) = N::default().datagram();
    let (_to, address) = Plain.datagram();
    for _ in 0..count {
        N::send_to(&from, &[1], address);
    }
}

fn recv_from<N: Net + Default>(count: usize) {
    let (to, address) = N::default().datagram();
    let from = UdpSocket::bind(ANY_PORT).expect("bind");
    for _ in 0..MOST_QUEUED {
        from.send_to(&[1], address).expect("send");
    }
    for _ in 0..count {
        assert_eq!(N::recv_from(&to, &mut [0; 2]), 1);
    }
}

fn poll<W: Waiter, const SOCKETS: usize>(count: usize) {
    let (mut waiter, addresses) = W::new(SOCKETS);
    let sender = UdpSocket::bind(ANY_PORT).expect("bind");
    sender.send_to(&[1], addresses[SOCKETS / 2]).expect("send");
    for _ in 0..count {
        assert_eq!(waiter.wait(), 1);
    }
}

fn epoll<const SOCKETS: usize>(count: usize) {
    let bind = |_| UdpSocket::bind(ANY_PORT).expect("bind");
    let sockets: Vec<UdpSocket> = (0..SOCKETS).map(bind).collect();
    let ready = sockets[SOCKETS / 2].local_addr().expect("local address");
    sockets[0].send_to(&[1], ready).expect("send");
    let mut epoll = Epoll::new(&sockets);
    for _ in 0..count {
        assert_eq!(epoll.wait(), 1);
    }
}

/// A poll that nobody ends.
fn poll_expires(count: usize) {
    let (socket, _) = Ours.datagram();
    let mut poll = usocket_core::Poll::<1>::new(&*NET);
    poll.register(&socket, usocket_core::POLLIN).expect("register");
    for _ in 0..count {
        assert!(poll.poll(1).expect("poll").is_empty());
    }
}

/// Connections made ahead, whatever the count, so that they cancel out.
const MOST_PENDING: usize = 120;
/// Datagrams queued ahead.
const MOST_QUEUED: usize = 120;
