//! Knobs of lines, answers and results: each does what it says and nothing else.

mod common;

use std::time::Duration;

use common::{World, text};
use esp8285_sim::net::VirtualNet;
use esp8285_sim::uart::{Uart, UartConfig};
use esp8285_sim::{Air, Event, Instant, Knobs, Modem, ReplyFault, ResultFault, Version};

const OPEN: &str = "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",9";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Knob `rx_ring`: what comes while the task is late and does not fit is lost.
#[test]
fn a_receive_ring_that_is_too_small_loses_bytes() {
    let send = |rx_ring, rx_latency| {
        let knobs = Knobs { rx_ring, rx_latency, ..Knobs::default() };
        let mut world = World::joined(Version::V2_1, knobs);
        world.ask(OPEN);
        assert!(world.ask_for("AT+CIPSEND=4,300", 50).ends_with('>'));
        let mut said = Vec::new();
        for _ in 0..30 {
            world.give(&[7; 10]);
            said.extend(world.run(1));
        }
        said.extend(world.run(5_000));
        let said = text(&said);
        let events = std::iter::from_fn(|| world.modem.poll_event());
        let lost = events.map(|event| match event {
            Event::RxLost(count) => count,
            _ => 0,
        });
        (said, lost.sum::<usize>())
    };
    let sent = "\r\nRecv 300 bytes\r\n\r\nSEND OK\r\n".to_owned();
    assert_eq!(send(64, Duration::ZERO), (sent.clone(), 0));
    assert_eq!(send(64, millis(5)), (sent, 0));
    let (said, lost) = send(64, millis(20));
    assert_eq!(said, "", "the payload is incomplete");
    assert!(lost > 0 && lost < 300, "{lost}");
}

/// Sheet section 1.2: what `AT+RST` may say between `OK` and `ready`.
#[test]
fn a_reset_can_take_its_leave() {
    let knobs = Knobs { rst_lines: true, ..Knobs::default() };
    let mut world = World::joined(Version::V1_7_6, knobs);
    world.ask(OPEN);
    let said = world.ask_for("AT+RST", 1_000);
    assert_eq!(said, "\r\nOK\r\n4,CLOSED\r\nWIFI DISCONNECT\r\n\r\nready\r\n");
}

/// Sheet section 1.1: the ROM speaks at 74880.
#[test]
fn boot_noise_comes_at_a_rate_of_its_own() {
    let boot = |boot_baud, baud| {
        let boot_text = b"\r\n ets Jan  8 2013,rst cause:2, boot mode:(3,6)\r\n".to_vec();
        let knobs = Knobs { boot_text, boot_baud, ..Knobs::default() };
        let modem = Modem::new(Version::V1_7_6, knobs, Air::default(), VirtualNet::new(1));
        let mut uart = Uart::new(modem, UartConfig { baud, ..UartConfig::default() });
        let mut buf = [0; 256];
        let len = uart.read(Instant::from_millis(1000), &mut buf);
        (text(&buf[..len]), uart.take_flags().framing)
    };
    let (said, framing) = boot(None, 115_200);
    assert!(said.contains("rst cause:2") && said.ends_with("\r\nready\r\n") && !framing);
    let (said, framing) = boot(Some(74_880), 115_200);
    assert!(!said.contains("rst cause") && said.ends_with("\r\nready\r\n") && framing);
    let (said, framing) = boot(Some(74_880), 74_880);
    assert!(said.contains("rst cause:2") && !said.contains("ready") && framing);
}

/// Sheet section 2.4 and 11.4: the answer is not what its header says.
#[test]
fn counted_answers_can_be_corrupt() {
    let read = |fault: Option<ReplyFault>| {
        let reply_faults = fault.into_iter().map(|fault| (1, fault)).collect();
        let knobs = Knobs { reply_faults, ..Knobs::default() };
        let mut world = World::joined(Version::V2_2, knobs);
        world.ask("AT+CIPRECVMODE=1");
        world.ask("AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",81");
        world.ask("AT+CIPSTART=3,\"TCP\",\"10.0.0.1\",81");
        assert_eq!(world.ask("AT+CIPRECVDATA=3,9"), "+CIPRECVDATA:5,hello\r\nOK\r\n");
        world.ask("AT+CIPRECVDATA=4,9")
    };
    let answer = |data: &str| format!("+CIPRECVDATA:5,{data}\r\nOK\r\n");
    assert_eq!(read(None), answer("hello"));
    assert_eq!(read(Some(ReplyFault::Cut(2))), answer("hel"));
    assert_eq!(read(Some(ReplyFault::Repeat(2))), answer("hehello"));
    assert_eq!(read(Some(ReplyFault::Flip(6, 0x20))), answer("hEllo"));
    let insert = ReplyFault::Insert(2, b"SEND OK".to_vec());
    assert_eq!(read(Some(insert)), answer("heSEND OKllo"));
}

/// Final results that are lost, doubled or late; counted from power-up.
#[test]
fn final_results_can_be_lost_doubled_or_late() {
    let play = |fault| {
        let knobs = Knobs { result_faults: vec![(1, fault)], ..Knobs::default() };
        let mut world = World::ready(Version::V1_7_6, knobs);
        let first = world.ask_for("AT", 10);
        let busy = world.ask_for("AT", 10);
        (first, busy, text(&world.run(100)))
    };
    let expected = |first: &str, busy: &str, late: &str| (first.into(), busy.into(), late.into());
    let ok = "\r\nOK\r\n";
    assert_eq!(play(ResultFault::Lost), expected("", ok, ""));
    assert_eq!(play(ResultFault::Twice), expected("\r\nOK\r\n\r\nOK\r\n", ok, ""));
    let late = ResultFault::Late(millis(50));
    assert_eq!(play(late), expected("", "\r\nbusy p...\r\n", ok));
}

/// The result of a send and of a failed join are final results too.
#[test]
fn results_of_sends_and_joins_count() {
    let knobs = Knobs {
        result_faults: vec![(4, ResultFault::Lost), (6, ResultFault::Twice)],
        ..Knobs::default()
    };
    let mut world = World::joined(Version::V1_7_6, knobs);
    world.ask(OPEN);
    world.ask("AT+CIPSEND=4,1");
    world.give(b"x");
    assert_eq!(text(&world.run(1_000)), "\r\nRecv 1 bytes\r\n");
    assert_eq!(world.ask("AT"), "\r\nOK\r\n");
    let said = world.ask("AT+CWJAP_CUR=\"net\",\"wrongpass\"");
    assert!(said.ends_with("+CWJAP:2\r\n\r\nFAIL\r\n\r\nFAIL\r\n"), "{said:?}");
}
