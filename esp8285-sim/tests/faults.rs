//! Knobs and faults that a driver has to live with, and what can be seen of the phases.

mod common;

use common::{World, text};
use esp8285_sim::net::VirtualNet;
use esp8285_sim::{AccessPoint, Activity, Air, Instant, Knobs, Modem, Version};

const OPEN: &str = "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",9";

/// Sends `data` through link 4 and gives everything said in the next `wait` milliseconds.
fn send(world: &mut World, data: &[u8], wait: u64) -> String {
    let prompt = world.ask_for(&format!("AT+CIPSEND=4,{}", data.len()), 10);
    assert!(prompt.contains('>'), "{prompt:?}");
    world.give(data);
    text(&world.run(wait))
}

/// Sheet section 4.5: back-pressure of `CIPSENDBUF`.
#[test]
fn segments_fill_the_buffer_and_the_queue() {
    let full = |len: usize, times: usize| {
        let mut world = World::joined(Version::V1_7_6, Knobs::default());
        world.ask("AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",83");
        for _ in 0..times {
            assert!(world.ask(&format!("AT+CIPSENDBUF=4,{len}")).ends_with("\r\nOK\r\n> "));
            world.give(&vec![0; len]);
            assert_eq!(text(&world.run(10)), format!("\r\nRecv {len} bytes\r\n"));
        }
        world.ask(&format!("AT+CIPSENDBUF=4,{len}"))
    };
    assert_eq!(full(1460, 2), "BUFFER FULL\r\n\r\nERROR\r\n");
    assert_eq!(full(1, 8), "QUEUE FULL\r\n\r\nERROR\r\n");
}

/// Scenario 37.
#[test]
fn a_chatty_build_logs_on_the_at_port() {
    let mut world = World::joined(Version::V2_1, Knobs { chatty: true, ..Knobs::default() });
    let open = world.ask("AT+CIPSTART=4,\"UDP\",\"10.0.0.1\",53,2390,2");
    let logs = "local port:2390\r\n\r\nchange type:2\r\n\r\n";
    assert_eq!(open, format!("{logs}4,CONNECT\r\n\r\nOK\r\n"));
    world.ask("AT+CIPRECVMODE=1");
    world.ask("AT+CIPSTART=3,\"TCP\",\"10.0.0.1\",81");
    let read = world.ask("AT+CIPRECVDATA=3,9");
    assert_eq!(read, "to read 5 bytes\r\n\r\n+CIPRECVDATA:5,hello\r\nOK\r\n");
}

/// Scenario 26.
#[test]
fn reads_can_be_short_or_fail() {
    let knobs = Knobs { read_max: Some(3), read_fails: vec![0], ..Knobs::default() };
    let mut world = World::joined(Version::V1_7_6, knobs);
    world.ask("AT+CIPRECVMODE=1");
    world.ask("AT+CIPSTART=3,\"TCP\",\"10.0.0.1\",81");
    assert_eq!(world.ask("AT+CIPRECVDATA=3,9"), "\r\nERROR\r\n");
    assert_eq!(world.ask("AT+CIPRECVDATA=3,9"), "\r\n+CIPRECVDATA,3:hel\r\nOK\r\n");
    assert_eq!(world.ask("AT+CIPRECVDATA=3,9"), "\r\n+CIPRECVDATA,2:lo\r\nOK\r\n");
}

/// Scenario 32.
#[test]
fn ready_can_be_missing_or_doubled() {
    for (ready_times, said) in [(0, ""), (2, "\r\nready\r\n\r\nready\r\n")] {
        let knobs = Knobs { ready_times, ..Knobs::default() };
        let mut world = World::new(Version::V1_5, knobs);
        assert_eq!(text(&world.run(1000)), said);
        assert_eq!(world.ask("AT"), "AT\r\r\n\r\nOK\r\n");
    }
}

#[test]
fn quotes_around_the_address_are_a_knob() {
    for version in [Version::V1_5, Version::V2_2] {
        for (quote, ip) in [(true, "\"10.0.0.1\""), (false, "10.0.0.1")] {
            let knobs = Knobs { quote_ip: Some(quote), ..Knobs::default() };
            let mut world = World::joined(version, knobs);
            world.ask("AT+CIPDINFO=1");
            let said = world.ask("AT+CIPSTART=3,\"TCP\",\"10.0.0.1\",81");
            assert!(said.contains(&format!("+IPD,3,5,{ip},81:hello")), "{said:?}");
        }
    }
}

/// The peer's FIN ends one direction only; its RST ends both.
#[test]
fn one_can_send_to_a_peer_that_has_only_finished() {
    for (port, result) in [(80, "SEND OK"), (82, "SEND FAIL")] {
        let mut world = World::joined(Version::V2_2, Knobs::default());
        world.ask("AT+CIPRECVMODE=1");
        world.ask(&format!("AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",{port}"));
        let said = send(&mut world, b"abc", 100);
        assert!(said.ends_with(&format!("\r\n{result}\r\n")), "{port}: {said:?}");
    }
}

/// An access point that goes while being joined without being asked is joined later.
#[test]
fn an_interrupted_joining_by_itself_is_taken_up_again() {
    let mut world = World::joined(Version::V1_7_6, Knobs::default());
    world.give(b"AT+RST\r\n");
    world.run(500);
    world.modem.set_access_point(world.now, b"net", false);
    world.run(10_000);
    world.modem.set_access_point(world.now, b"net", true);
    assert_eq!(text(&world.run(10_000)), "WIFI CONNECTED\r\nWIFI GOT IP\r\n");
}

/// Scenario 35.
#[test]
fn a_command_can_hang_until_the_reset() {
    let knobs = Knobs { hang_on: vec![("CIPCLOSE".into(), 1)], ..Knobs::default() };
    let mut world = World::joined(Version::V2_1, knobs);
    world.ask("AT+CIPCLOSE=4");
    assert_eq!(world.ask("AT+CIPCLOSE=4"), "");
    assert_eq!(world.ask("AT"), "\r\nbusy p...\r\n");
    let said = world.ask("AT+RST");
    assert!(said.starts_with("\r\nWill force to restart!!!\r\n\r\nready\r\n"), "{said:?}");
    assert_eq!(world.ask("ATE0"), "ATE0\r\n\r\nOK\r\n");
}

/// Sheet section 1.5.
#[test]
fn joining_unasked_can_make_it_busy() {
    let knobs = Knobs { busy_while_joining: true, ..Knobs::default() };
    let mut world = World::joined(Version::V1_7_6, knobs);
    world.give(b"AT+RST\r\n");
    world.run(500);
    assert_eq!(world.ask_for("ATE0", 100), "\r\nbusy p...\r\n");
    world.run(5_000);
    assert_eq!(world.ask_for("ATE0", 100), "ATE0\r\r\n\r\nOK\r\n");
}

/// Sheet section 1.5: `DHCP TIMEOUT`.
#[test]
fn an_access_point_without_addresses_times_out() {
    let mut ap = AccessPoint::new(b"mute", b"");
    ap.dhcp = false;
    let modem = Modem::new(Version::V1_7_6, Knobs::default(), Air::with(ap), VirtualNet::new(1));
    let mut world = World { modem, now: Instant::ZERO };
    world.run(1000);
    world.ask("ATE0");
    let said = world.ask("AT+CWJAP_CUR=\"mute\",\"\"");
    let lines = "WIFI CONNECTED\r\nDHCP TIMEOUT\r\nWIFI DISCONNECT\r\n";
    assert_eq!(said, format!("{lines}+CWJAP:1\r\n\r\nFAIL\r\n"));
    world.ask("AT+CIPSTA_CUR=\"10.1.1.9\"");
    let said = world.ask("AT+CWJAP_CUR=\"mute\",\"\"");
    assert_eq!(said, "WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n");
}

#[test]
fn the_activity_can_be_seen() {
    let mut world = World::new(Version::V1_7_6, Knobs::default());
    let mut seen = vec![world.modem.activity()];
    world.run(1000);
    for line in ["ATE0", "AT+CWJAP=\"net\",\"password\"", "AT+CIPMUX=1", OPEN] {
        world.ask(line);
    }
    seen.push(world.modem.activity());
    world.give(b"AT+CIPSEND=4,1\r\n");
    seen.push(world.modem.activity());
    world.run(2);
    seen.push(world.modem.activity());
    world.run(2);
    seen.push(world.modem.activity());
    world.give(b"x");
    seen.push(world.modem.activity());
    use Activity::{Booting, Command, Idle, Payload, Prompt, Result};
    assert_eq!(seen, [Booting, Idle, Command, Prompt, Payload, Result]);
}
