//! What options and knobs do to peers: resets, keep-alive, windows, limits.

mod common;

use std::net::SocketAddr;
use std::time::Duration;

use common::{HOST, World, text};
use esp8285_sim::net::{Conn, Host, PeerState, Script, VirtualNet};
use esp8285_sim::{AccessPoint, Air, Event, Instant, Knobs, Modem, Version};

const PORT: u16 = 8080;

/// A modem with link 4 to a program that the test plays.
struct Pair {
    world: World,
    peer: Conn,
}

impl Pair {
    fn new(version: Version, knobs: Knobs, extra: &str) -> Self {
        let mut world = World::joined(version, knobs);
        let now = world.now;
        let at = world.modem.net_mut().peers(now).listen((HOST, PORT).into());
        let said = world.ask(&format!("AT+CIPSTART=4,\"TCP\",\"{HOST}\",{PORT}{extra}"));
        assert_eq!(said, "4,CONNECT\r\n\r\nOK\r\n");
        let now = world.now;
        let peer = world.modem.net_mut().peers(now).accept(at).expect("a connection");
        Self { world, peer }
    }

    /// The link is 4, its id is in front.
    fn ask(&mut self, line: &str) -> String {
        self.world.ask(line)
    }

    fn state(&mut self) -> PeerState {
        let now = self.world.now;
        self.world.modem.net_mut().peers(now).state(self.peer)
    }

    fn send(&mut self, data: &[u8], wait: u64) -> String {
        let prompt = self.world.ask_for(&format!("AT+CIPSEND=4,{}", data.len()), 10);
        assert!(prompt.contains('>'), "{prompt:?}");
        self.world.give(data);
        text(&self.world.run(wait))
    }
}

/// Sheet section 4.6.
#[test]
fn closing_can_be_a_reset() {
    let closed = |version, line: &str| {
        let mut pair = Pair::new(version, Knobs::default(), "");
        if !line.is_empty() {
            assert_eq!(pair.ask(line), "\r\nOK\r\n");
        }
        assert_eq!(pair.ask("AT+CIPCLOSE=4"), "4,CLOSED\r\n\r\nOK\r\n");
        pair.state()
    };
    for version in [Version::V1_7_6, Version::V2_1] {
        assert_eq!(closed(version, ""), PeerState::Finished);
    }
    assert_eq!(closed(Version::V1_7_0, "AT+CIPCLOSEMODE=4,1"), PeerState::Reset);
    assert_eq!(closed(Version::V1_7_0, "AT+CIPCLOSEMODE=4,0"), PeerState::Finished);
    assert_eq!(closed(Version::V2_1, "AT+CIPTCPOPT=4,0"), PeerState::Reset);
    assert_eq!(closed(Version::V2_2, "AT+CIPTCPOPT=4,5,1"), PeerState::Finished);
}

/// Sheet section 4.2: idle time, then three probes one second apart.
#[test]
fn a_keep_alive_notices_a_dead_peer() {
    for version in [Version::V1_7_6, Version::V2_2] {
        let silent = |extra: &str, dies: bool, seconds: u64| {
            let mut pair = Pair::new(version, Knobs::default(), extra);
            let now = pair.world.now;
            if dies {
                pair.world.modem.net_mut().peers(now).vanish(pair.peer);
            }
            text(&pair.world.run(seconds * 1000))
        };
        assert_eq!(silent(",60", true, 42), "", "{version:?}: 20 s have passed before");
        assert_eq!(silent(",60", true, 44), "4,CLOSED\r\n", "{version:?}");
        assert_eq!(silent(",60", false, 4_000), "", "{version:?}: it answers");
        assert_eq!(silent(",0", true, 40_000), "", "{version:?}");
        assert_eq!(silent("", true, 40_000), "", "{version:?}");
    }
}

/// Sheet section 4.3: on 2.x the result means that the stack has taken it.
#[test]
fn the_send_buffer_of_2_x_fills_up() {
    let mut pair = Pair::new(Version::V2_2, Knobs::default(), "");
    let now = pair.world.now;
    pair.world.modem.net_mut().peers(now).set_window(pair.peer, 0);
    let taken = "\r\nRecv 2048 bytes\r\n\r\nSEND OK\r\n";
    for _ in 0..2 {
        assert_eq!(pair.send(&[7; 2048], 100), taken);
    }
    assert_eq!(pair.send(&[7; 2048], 60_000), "\r\nRecv 2048 bytes\r\n");
    assert_eq!(pair.ask("AT"), "\r\nbusy p...\r\n");
    let now = pair.world.now;
    pair.world.modem.net_mut().peers(now).set_window(pair.peer, 1000);
    assert_eq!(text(&pair.world.run(100)), "\r\nSEND OK\r\n");
}

/// Sheet section 4.6: the third option is a time limit for sends.
#[test]
fn a_send_can_have_a_time_limit() {
    let mut pair = Pair::new(Version::V2_1, Knobs::default(), "");
    assert_eq!(pair.ask("AT+CIPTCPOPT=4,,,3000"), "\r\nOK\r\n");
    let now = pair.world.now;
    pair.world.modem.net_mut().peers(now).set_window(pair.peer, 0);
    pair.send(&[7; 2048], 100);
    pair.send(&[7; 2048], 100);
    assert_eq!(pair.send(&[7; 2048], 2_900), "\r\nRecv 2048 bytes\r\n");
    assert_eq!(text(&pair.world.run(200)), "\r\nSEND FAIL\r\n");
    assert_eq!(pair.ask("AT"), "\r\nOK\r\n");
}

/// 1.x waits until the peer has read.
#[test]
fn a_peer_that_stalls_stalls_the_send_of_1_x() {
    let mut pair = Pair::new(Version::V1_7_6, Knobs::default(), "");
    let now = pair.world.now;
    pair.world.modem.net_mut().peers(now).set_window(pair.peer, 3);
    assert_eq!(pair.send(b"hello", 60_000), "\r\nRecv 5 bytes\r\n");
    let now = pair.world.now;
    assert_eq!(pair.world.modem.net_mut().peers(now).recv(pair.peer, 9), b"hello");
    assert_eq!(text(&pair.world.run(100)), "\r\nSEND OK\r\n");
}

/// A peer that has closed its socket answers with a reset.
#[test]
fn sending_to_a_closed_peer_ends_in_closed() {
    let mut pair = Pair::new(Version::V1_7_6, Knobs::default(), "");
    pair.ask("AT+CIPRECVMODE=1");
    let now = pair.world.now;
    pair.world.modem.net_mut().peers(now).send(pair.peer, b"unread");
    pair.world.modem.net_mut().peers(now).close(pair.peer);
    assert_eq!(text(&pair.world.run(100)), "\r\n+IPD,4,6\r\n4,CLOSED\r\n");

    let mut pair = Pair::new(Version::V2_2, Knobs::default(), "");
    pair.ask("AT+CIPRECVMODE=1");
    let now = pair.world.now;
    pair.world.modem.net_mut().peers(now).send(pair.peer, b"unread");
    pair.world.modem.net_mut().peers(now).close(pair.peer);
    assert_eq!(text(&pair.world.run(100)), "\r\n+IPD,4,6\r\n");
    let said = pair.send(b"hello", 1_000);
    assert_eq!(said, "\r\nRecv 5 bytes\r\n\r\nSEND OK\r\n", "only the next one knows");
    assert_eq!(pair.send(b"hello", 1_000), "\r\nRecv 5 bytes\r\n\r\nSEND FAIL\r\n");
}

/// Wi-Fi loss and reboots: the peer is told nothing, or a reset.
#[test]
fn peers_are_told_what_can_be_told() {
    let mut pair = Pair::new(Version::V1_7_6, Knobs::default(), "");
    pair.world.modem.set_access_point(pair.world.now, b"net", false);
    pair.world.run(60_000);
    assert_eq!(pair.state(), PeerState::Open, "nothing can reach it");
    let mut pair = Pair::new(Version::V1_7_6, Knobs::default(), "");
    pair.world.modem.reset(pair.world.now);
    pair.world.run(1_000);
    assert_eq!(pair.state(), PeerState::Reset);
}

/// Sheet section 4.7 and the knobs `accept_limit` and `sto`.
#[test]
fn clients_are_limited_by_knobs() {
    let knobs = Knobs { accept_limit: Some(1), sto: Some(7), ..Knobs::default() };
    let mut world = World::joined(Version::V2_2, knobs);
    assert_eq!(world.ask("AT+CIPSTO?"), "+CIPSTO:7\r\n\r\nOK\r\n");
    world.ask("AT+CIPSERVER=1,80");
    let first = world.dial(80, Script::sink()).expect("a server");
    let second = world.dial(80, Script::sink()).expect("a server");
    assert_eq!(text(&world.run(1_000)), "0,CONNECT\r\n");
    let now = world.now;
    let states = [first, second].map(|conn| world.modem.net_mut().peers(now).state(conn));
    assert_eq!(states, [PeerState::Open, PeerState::Reset]);
    assert_eq!(text(&world.run(7_000)), "0,CLOSED\r\n");
}

/// Sheet section 4.2: the other way in which 1.x says that an open has failed.
#[test]
fn connect_fail_is_a_knob() {
    for (version, said) in [
        (Version::V1_5, "4,CONNECT FAIL\r\n\r\nERROR\r\n"),
        (Version::V1_7_6, "4,CONNECT FAIL\r\n\r\nERROR\r\n"),
        (Version::V2_1, "\r\nERROR\r\n"),
    ] {
        let knobs = Knobs { connect_fail: true, ..Knobs::default() };
        let mut world = World::joined(version, knobs);
        assert_eq!(world.ask("AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",4444"), said);
        world.ask("AT+CIPMUX=0");
        let single = said.replace("4,", "");
        assert_eq!(world.ask("AT+CIPSTART=\"TCP\",\"10.0.0.1\",4444"), single);
    }
}

/// UDP mode 0: what was dropped can be seen in the events.
#[test]
fn a_foreign_datagram_is_an_event() {
    let mut world = World::joined(Version::V2_2, Knobs::default());
    world.ask("AT+CIPSTART=4,\"UDP\",\"10.0.0.1\",53,4000,0");
    let foreign = SocketAddr::from((HOST, 54));
    world.modem.net_mut().datagram(world.now, foreign, 4000, b"x");
    assert_eq!(text(&world.run(100)), "");
    let mut events = std::iter::from_fn(|| world.modem.poll_event());
    assert!(events.any(|event| event == Event::DatagramIgnored(4, foreign)));
}

/// Sheet section 1.5: another try after `DHCP TIMEOUT`.
#[test]
fn a_join_by_itself_is_tried_again_after_a_dhcp_timeout() {
    let mut net = VirtualNet::new(1);
    net.add_host(HOST, Host::default());
    let air = Air::with(AccessPoint::new(b"net", b"password"));
    let modem = Modem::new(Version::V1_7_6, Knobs::default(), air, net);
    let mut world = World { modem, now: Instant::ZERO };
    world.run(1_000);
    world.ask("AT+CWJAP_DEF=\"net\",\"password\"");
    world.modem.set_dhcp(world.now, b"net", false);
    world.give(b"AT+RST\r\n");
    let round = "WIFI CONNECTED\r\nDHCP TIMEOUT\r\nWIFI DISCONNECT\r\n";
    let said = text(&world.run(17_000));
    assert!(said.ends_with(round), "{said:?}");
    assert_eq!(text(&world.run(15_000)), round);
    world.modem.set_dhcp(world.now, b"net", true);
    let said = text(&world.run(20_000));
    assert!(said.ends_with("WIFI CONNECTED\r\nWIFI GOT IP\r\n"), "{said:?}");
}

/// A network whose router announces nothing gives the link-local address only.
#[test]
fn without_a_router_there_is_only_the_link_local_address() {
    let mut ap = AccessPoint::new(b"net", b"password");
    (ap.global, ap.ipv6_time) = (None, Duration::from_millis(10));
    let modem = Modem::new(Version::V2_2, Knobs::default(), Air::with(ap), VirtualNet::new(1));
    let mut world = World { modem, now: Instant::ZERO };
    world.run(1_000);
    world.ask("AT+CIPV6=1");
    let said = world.ask("AT+CWJAP=\"net\",\"password\"");
    assert!(said.ends_with("WIFI CONNECTED\r\nWIFI GOT IPv6 LL\r\nWIFI GOT IP\r\n\r\nOK\r\n"));
    assert!(!world.ask("AT+CIPSTA?").contains("ip6gl"));
}

/// Sheet section 2.5, scenario 19: before 1.6.0 a client could take the id of an open.
#[test]
fn an_id_can_clash() {
    let knobs = Knobs { id_clash: true, ..Knobs::default() };
    let mut world = World::joined(Version::V1_5, knobs);
    world.ask("AT+CIPSERVER=1,80");
    world.dial(80, Script::sink());
    assert_eq!(world.ask("AT+CIPSTART=0,\"TCP\",\"10.0.0.1\",9"), "0,CONNECT\r\n");
    assert_eq!(world.ask("AT"), "\r\nbusy p...\r\n");
    let said = world.ask("AT+RST");
    assert!(said.starts_with("\r\nWill force to restart!!!\r\n\r\nready\r\n"), "{said:?}");
    // An id from the other end does not clash.
    let knobs = Knobs { id_clash: true, ..Knobs::default() };
    let mut world = World::joined(Version::V1_5, knobs);
    world.ask("AT+CIPSERVER=1,80");
    world.dial(80, Script::sink());
    let said = world.ask("AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",9");
    assert_eq!(said, "0,CONNECT\r\n4,CONNECT\r\n\r\nOK\r\n");
}

/// Sheet section 2.5 (NONOS#124): no byte is lost by it.
#[test]
fn closed_can_come_before_the_data() {
    let knobs = Knobs { early_closed: true, ..Knobs::default() };
    let mut world = World::joined(Version::V1_5, knobs);
    world.give(b"AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",90\r\n");
    let mut said = Vec::new();
    for _ in 0..30_000 {
        world.now = world.now + Duration::from_millis(1);
        let mut buf = [0; 11];
        let len = world.modem.poll_tx(world.now, &mut buf);
        said.extend(&buf[..len]);
    }
    let said = text(&said);
    assert_eq!(said.matches('x').count(), 20_000);
    let (before, after) = said.split_once("4,CLOSED\r\n").expect("an end");
    assert!(before.contains("+IPD,4,") && after.contains("+IPD,4,"), "{}", after.len());
}

/// Scenario 29.
#[test]
fn the_server_may_not_survive_a_loss_of_wifi() {
    for server_lost in [false, true] {
        let mut world = World::joined(Version::V1_7_6, Knobs { server_lost, ..Knobs::default() });
        world.ask("AT+CIPSERVER=1,80");
        world.modem.set_access_point(world.now, b"net", false);
        world.run(1_000);
        world.modem.set_access_point(world.now, b"net", true);
        world.run(10_000);
        assert_eq!(world.dial(80, Script::sink()).is_none(), server_lost);
    }
}
