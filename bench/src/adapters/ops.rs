//! Operations whose instructions are counted: through an adapter ("ours") and by the native
//! call ("peer").

use usocket_core::Socket;
use usocket_core::nal::{NbStack, TcpStream};
use usocket_core::prelude::*;

use super::moves::{Way, pull, pull_nb, push, push_nb};
use crate::smoltcp_suite::bare::PORT;
use crate::smoltcp_suite::ops::{HOST, with_net};
use crate::std_suite::contender::{NET, Net, Ours};
use crate::std_suite::ops::Op;

/// All of them: a call of one byte on the host, where nothing else is counted, and 8 KiB on
/// smoltcp.
pub const OPS: [Op; 12] = [
    op("nal-std-async-recv", |n| recv(Way::Async, n), |n| recv(Way::View, n)),
    op("nal-std-async-send", |n| send(Way::Async, n), |n| send(Way::View, n)),
    op("nal-std-edge-recv", |n| recv(Way::Edge, n), |n| recv(Way::View, n)),
    op("nal-std-edge-send", |n| send(Way::Edge, n), |n| send(Way::View, n)),
    op("nal-std-nb-recv", |n| recv_nb(true, n), |n| recv_nb(false, n)),
    op("nal-std-nb-send", |n| send_nb(true, n), |n| send_nb(false, n)),
    op("nal-smoltcp-async-recv", |n| smol_recv(Way::Async, n), |n| smol_recv(Way::View, n)),
    op("nal-smoltcp-async-send", |n| smol_send(Way::Async, n), |n| smol_send(Way::View, n)),
    op("nal-smoltcp-edge-recv", |n| smol_recv(Way::Edge, n), |n| smol_recv(Way::View, n)),
    op("nal-smoltcp-edge-send", |n| smol_send(Way::Edge, n), |n| smol_send(Way::View, n)),
    op("nal-smoltcp-nb-recv", |n| smol_recv_nb(true, n), |n| smol_recv_nb(false, n)),
    op("nal-smoltcp-nb-send", |n| smol_send_nb(true, n), |n| smol_send_nb(false, n)),
];

const fn op(name: &'static str, ours: fn(usize), native: fn(usize)) -> Op {
    Op { name, ours, peer: Some(native) }
}

/// Two ends on the host.
fn pair()
-> (Socket<'static, usocket_backend_std::StdNet>, TcpStream<'static, usocket_backend_std::StdNet>) {
    let (here, there) = Ours.pair();
    (here, there.into())
}

fn recv(way: Way, count: usize) {
    let (here, mut there) = pair();
    Ours::send(&here, &vec![1; count]);
    NET.block_on(pull(way, &mut there, count, &mut [0]));
}

fn send(way: Way, count: usize) {
    let (_here, mut there) = pair();
    NET.block_on(push(way, &mut there, count, &[1]));
}

fn recv_nb(adapter: bool, count: usize) {
    let (here, address) = Ours.listen();
    let mut stack = NbStack::new(&*NET);
    let mut there = connected_nb(&mut stack, address);
    let here = Ours::accept(&here);
    Ours::send(&here, &vec![1; count]);
    pull_nb(adapter, &mut stack, &mut there, count, &mut [0], || {});
}

fn send_nb(adapter: bool, count: usize) {
    let (_here, address) = Ours.listen();
    let mut stack = NbStack::new(&*NET);
    let mut there = connected_nb(&mut stack, address);
    push_nb(adapter, &mut stack, &mut there, count, &[1], || {});
}

pub(super) fn connected_nb<'b, B: Backend>(
    stack: &mut NbStack<'b, B>,
    to: core::net::SocketAddr,
) -> usocket_core::nal::NbTcpSocket<'b, B> {
    use embedded_nal::TcpClientStack;
    let mut socket = TcpClientStack::socket(stack).expect("a socket");
    loop {
        match TcpClientStack::connect(stack, &mut socket, to) {
            Ok(()) => return socket,
            Err(embedded_nal::nb::Error::WouldBlock) => idle(stack.backend()),
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// Lets a world in memory go on; a host does by itself.
fn idle<B: Backend>(net: &B) {
    let next = net.drive(net.platform().now());
    if net.is_driven() {
        net.platform().idle(next, &mut || net.pending());
    }
}

fn smol_recv(way: Way, pieces: usize) {
    let mut buf = vec![0; PIECE];
    with_net(|net, far| {
        let socket = net.tcp().expect("a socket");
        socket.connect((HOST, PORT)).expect("a connection");
        far.borrow_mut().due = pieces * PIECE;
        net.block_on(pull(way, &mut socket.into(), pieces * PIECE, &mut buf));
    });
}

fn smol_send(way: Way, pieces: usize) {
    let data = vec![1; PIECE];
    with_net(|net, _| {
        let socket = net.tcp().expect("a socket");
        socket.connect((HOST, PORT)).expect("a connection");
        net.block_on(push(way, &mut socket.into(), pieces * PIECE, &data));
    });
}

fn smol_recv_nb(adapter: bool, pieces: usize) {
    let mut buf = vec![0; PIECE];
    with_net(|net, far| {
        let mut stack = NbStack::new(net);
        let mut socket = connected_nb(&mut stack, (HOST, PORT).into());
        far.borrow_mut().due = pieces * PIECE;
        let total = pieces * PIECE;
        pull_nb(adapter, &mut stack, &mut socket, total, &mut buf, || idle(net));
    });
}

fn smol_send_nb(adapter: bool, pieces: usize) {
    let data = vec![1; PIECE];
    with_net(|net, _| {
        let mut stack = NbStack::new(net);
        let mut socket = connected_nb(&mut stack, (HOST, PORT).into());
        let total = pieces * PIECE;
        push_nb(adapter, &mut stack, &mut socket, total, &data, || idle(net));
    });
}

/// What one operation moves on smoltcp.
const PIECE: usize = 8192;
