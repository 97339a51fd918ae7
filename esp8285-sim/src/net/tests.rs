//! The virtual network alone, without a modem.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::VirtualNet;
use crate::net::{Conn, Family, Host, NetEvent, Network, Script, Step, UdpService, Wanted};
use crate::time::Instant;

const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

fn net(host: Host) -> VirtualNet {
    let mut net = VirtualNet::new(1);
    net.add_host(HOST, host);
    net.set_addresses(Instant::ZERO, &[[10, 0, 0, 2].into()]);
    net
}

/// Everything until nothing happens any more, with the time of each in milliseconds.
fn run(net: &mut VirtualNet) -> Vec<(u64, NetEvent)> {
    let mut events = Vec::new();
    while let Some(at) = net.poll_at() {
        while let Some(event) = net.poll(at) {
            events.push((at.as_nanos() / 1_000_000, event));
        }
    }
    events
}

fn connect(net: &mut VirtualNet, port: u16, window: usize) -> Conn {
    net.connect(Instant::ZERO, (HOST, port).into(), window)
}

#[test]
fn an_echo_takes_a_round_trip() {
    let mut net = net(Host::default().tcp(7, Script::echo()));
    let conn = connect(&mut net, 7, 5840);
    assert_eq!(run(&mut net), [(10, NetEvent::Connected(conn))]);
    net.send(Instant::from_millis(20), conn, b"hello");
    assert_eq!(run(&mut net), [(30, NetEvent::Acked(conn, 5)), (30, NetEvent::Readable(conn))]);
    assert_eq!(net.recv(Instant::from_millis(30), conn, 3), b"hel");
    assert_eq!(net.recv(Instant::from_millis(30), conn, 30), b"lo");
    assert_eq!(net.received(conn), b"hello");
}

#[test]
fn a_full_window_stops_the_peer_and_holds_its_fin_back() {
    let data = vec![7; 10_000];
    let mut net = net(Host::default().tcp(80, Script::send_and_close(&data)));
    let conn = connect(&mut net, 80, 4000);
    let events = run(&mut net);
    assert_eq!(net.readable(conn), 4000);
    assert!(!events.iter().any(|(_, event)| *event == NetEvent::Finished(conn)));
    let mut got = Vec::new();
    let mut now = Instant::from_millis(100);
    while got.len() < data.len() {
        got.extend(net.recv(now, conn, 700));
        assert!(net.readable(conn) <= 4000);
        now = now + Duration::from_millis(50);
        while net.poll(now).is_some() {}
    }
    assert_eq!(got, data);
}

#[test]
fn refused_and_silent() {
    let mut net = net(Host::default());
    let refused = connect(&mut net, 9, 1000);
    let silent = net.connect(Instant::ZERO, (Ipv4Addr::new(10, 9, 9, 9), 80).into(), 1000);
    assert_eq!(
        run(&mut net),
        [(10, NetEvent::Failed(refused)), (15_000, NetEvent::Failed(silent))]
    );
}

#[test]
fn a_script_waits_answers_and_resets() {
    let script = Script::new([
        Step::Until(b"\r\n\r\n".to_vec()),
        Step::Send(b"200".to_vec()),
        Step::Expect(2),
        Step::Wait(Duration::from_millis(40)),
        Step::Reset,
    ]);
    let mut net = net(Host::default().tcp(80, script));
    let conn = connect(&mut net, 80, 1000);
    run(&mut net);
    net.send(Instant::from_millis(20), conn, b"GET /\r\n\r\n");
    assert_eq!(run(&mut net).last(), Some(&(30, NetEvent::Readable(conn))));
    net.send(Instant::from_millis(40), conn, b"ok");
    assert_eq!(run(&mut net).last(), Some(&(90, NetEvent::Reset(conn))));
}

#[test]
fn a_dead_peer_acknowledges_nothing() {
    let mut net = net(Host::default().tcp(80, Script::new([Step::Stall])));
    let conn = connect(&mut net, 80, 1000);
    run(&mut net);
    net.send(Instant::from_millis(20), conn, b"x");
    assert_eq!(run(&mut net), []);
}

#[test]
fn bandwidth_and_loss_only_delay_a_stream() {
    let data: Vec<u8> = (0..=255).cycle().take(30_000).collect();
    let mut host = Host::default().tcp(80, Script::send_and_close(&data));
    (host.bandwidth, host.loss) = (100_000, 100_000);
    let mut net = net(host);
    let conn = connect(&mut net, 80, 100_000);
    let events = run(&mut net);
    let (end, last) = events.last().expect("events");
    assert_eq!(*last, NetEvent::Finished(conn));
    assert!(*end >= 300, "30 kB at 100 kB/s took {end} ms");
    assert_eq!(net.recv(Instant::ZERO, conn, usize::MAX), data);
}

#[test]
fn clients_come_only_where_one_listens() {
    let mut net = net(Host::default());
    let from = SocketAddr::from((HOST, 5000));
    assert_eq!(net.dial(Instant::ZERO, from, 80, Script::sink()), None);
    assert!(net.listen(Instant::ZERO, Some((Family::V4, 80)), 1000));
    assert_eq!(net.dial(Instant::ZERO, from, 81, Script::sink()), None);
    let conn = net.dial(Instant::ZERO, from, 80, Script::sink()).expect("listening");
    assert_eq!(run(&mut net), [(5, NetEvent::Accepted(conn, from))]);
    net.close(Instant::from_millis(9), conn);
    assert!(run(&mut net).is_empty() && net.peer_saw_close(conn));
}

#[test]
fn a_client_comes_when_it_was_told_to() {
    let mut net = net(Host::default());
    let from = SocketAddr::from((HOST, 5000));
    for seconds in [1, 3] {
        net.dial_later(Instant::from_millis(seconds * 1000), from, 80, Script::sink());
    }
    assert_eq!(net.poll(Instant::from_millis(2000)), None, "nobody listens yet");
    net.listen(Instant::from_millis(2000), Some((Family::V4, 80)), 1000);
    let events = run(&mut net);
    assert!(matches!(events[..], [(3005, NetEvent::Accepted(_, peer))] if peer == from));
}

#[test]
fn datagrams_keep_their_bounds() {
    let answers = vec![b"a".to_vec(), b"bc".to_vec()];
    let mut net = net(Host::default().udp(53, UdpService::Answer(answers)));
    let conn = net.bind(Instant::ZERO, Family::V4, 4000).expect("free port");
    assert_eq!(net.bind(Instant::ZERO, Family::V4, 4000), None);
    let to = SocketAddr::from((HOST, 53));
    net.send_to(Instant::ZERO, conn, to, b"?");
    assert_eq!(
        run(&mut net),
        [
            (10, NetEvent::Datagram(conn, to, b"a".to_vec())),
            (10, NetEvent::Datagram(conn, to, b"bc".to_vec())),
        ]
    );
    assert_eq!(net.datagrams().len(), 1);
}

#[test]
fn names_and_pings() {
    let mut net = net(Host::default());
    net.add_name("host.test", HOST);
    let known = net.resolve(Instant::ZERO, "host.test", Wanted::PreferV4);
    let unknown = net.resolve(Instant::ZERO, "nobody.test", Wanted::PreferV4);
    let near = net.ping(Instant::ZERO, HOST.into());
    let lost = net.ping(Instant::ZERO, Ipv4Addr::new(10, 9, 9, 9).into());
    assert_eq!(
        run(&mut net),
        [
            (10, NetEvent::Pong(near, Some(Duration::from_millis(10)))),
            (50, NetEvent::Resolved(known, Some(HOST.into()))),
            (50, NetEvent::Resolved(unknown, None)),
            (1000, NetEvent::Pong(lost, None)),
        ]
    );
}
