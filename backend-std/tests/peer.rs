//! The peer of the conformance kit does what its scripts say.

mod support;

use std::io::{Read, Write};

use support::client;
use support::harness::StdHarness;
use usocket_conformance::{Digest, End, Harness, State, Step};
use usocket_core::{Error, Family};

#[test]
fn streams_in_both_directions() {
    let harness = StdHarness::new();
    let peer = harness.peer();
    let script = [
        Step::Listen(Family::V4, 1),
        Step::Accept,
        Step::Send(100_000),
        Step::Fin,
        Step::RecvToEnd,
        Step::Hold,
    ];
    let actor = peer.start(&script).unwrap();
    let mut stream = client(peer.address(actor).unwrap());
    let mut all = Vec::new();
    stream.read_to_end(&mut all).unwrap();
    let mut digest = Digest::new();
    digest.add(&all);
    assert_eq!((all.len(), digest), (100_000, Digest::of_pattern(100_000)));
    stream.write_all(b"thanks").unwrap();
    let from = stream.local_addr().unwrap().into();
    drop(stream);
    let report = peer.settle(actor);
    assert_eq!(report.state, State::Running(5));
    assert_eq!((report.received, &report.head[..]), (6, &b"thanks"[..]));
    assert_eq!((report.end, report.sent, report.from), (End::Fin, 100_000, Some(from)));
    assert_eq!(peer.stop(actor).state, State::Done);
}

#[test]
fn a_script_is_stopped_anywhere() {
    let harness = StdHarness::new();
    let peer = harness.peer();
    let actor = peer.start(&[Step::Listen(Family::V4, 1), Step::Accept]).unwrap();
    peer.address(actor).unwrap();
    assert_eq!(peer.stop(actor).state, State::Failed(1, Error::EINTR));
    let actor = peer.start(&[Step::Connect(peer.refusing(Family::V4))]).unwrap();
    assert_eq!(peer.settle(actor).state, State::Failed(0, Error::ECONNREFUSED));
    assert_eq!(peer.address(actor), Err(Error::ECONNREFUSED));
    peer.stop(actor);
}

#[test]
fn datagrams_are_echoed() {
    let harness = StdHarness::new();
    let peer = harness.peer();
    let actor = peer.start(&[Step::Udp(Family::V4), Step::EchoFrom(3)]).unwrap();
    let to = peer.address(actor).unwrap().to_std();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let mut buf = [0; 16];
    for text in ["a", "", "ccc"] {
        socket.send_to(text.as_bytes(), to).unwrap();
        assert_eq!(socket.recv_from(&mut buf).unwrap(), (text.len(), to));
    }
    let report = peer.stop(actor);
    assert_eq!((report.state, report.datagrams, report.received), (State::Done, 3, 4));
}
