//! What a table of bytes cannot show: time, order, windows, knobs.

mod common;

use std::net::SocketAddrV4;
use std::time::Duration;

use common::{HOST, World, text};
use esp8285_sim::net::{Script, Step};
use esp8285_sim::{Event, Instant, Knobs, NoticePolicy, Rng, SendOutcome, Version};

const OPEN: &str = "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",9";

fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Sends `data` through link 4 and gives everything said in the next `wait` milliseconds.
fn send(world: &mut World, data: &[u8], wait: u64) -> String {
    let prompt = world.ask_for(&format!("AT+CIPSEND=4,{}", data.len()), 10);
    assert!(prompt.contains('>'), "{prompt:?}");
    world.give(data);
    text(&world.run(wait))
}

fn received(world: &World) -> Vec<u8> {
    let (conn, _) = world.modem.net().connections().last().expect("a connection");
    world.modem.net().received(conn).to_vec()
}

#[test]
fn latencies_are_those_of_the_knobs() {
    let knobs = Knobs { command_latency: millis(7), prompt_latency: millis(9), ..Knobs::default() };
    let mut world = World::joined(Version::V1_7_6, knobs);
    world.ask(OPEN);
    assert_eq!(world.ask_for("AT", 6), "");
    assert_eq!(text(&world.run(1)), "\r\nOK\r\n");
    assert_eq!(world.ask_for("AT+CIPSEND=4,1", 7), "\r\nOK\r\n");
    assert_eq!(text(&world.run(1)), "");
    assert_eq!(text(&world.run(1)), "> ");
    world.give(b"x");
    assert_eq!(text(&world.run(1)), "\r\nRecv 1 bytes\r\n");
    assert_eq!(text(&world.run(9)), "", "1.x waits for the round trip of 10 ms");
    assert_eq!(text(&world.run(1)), "\r\nSEND OK\r\n");
}

/// The fineness with which time passes changes nothing.
#[test]
fn driving_coarsely_and_finely_is_the_same() {
    let script = [
        "AT+CWJAP=\"net\",\"password\"",
        "AT+CIPMUX=1",
        "AT+CIPSTART=3,\"TCP\",\"10.0.0.1\",90",
        "AT+CIPSTATUS",
        "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",80",
    ];
    let play = |version, slice: u64| {
        let mut world = World::new(version, Knobs::default());
        let mut said = world.run(1000);
        for line in script {
            world.give(format!("{line}\r\n").as_bytes());
            for _ in 0..20_000 / slice {
                said.extend(world.run(slice));
            }
        }
        said
    };
    for version in Version::ALL {
        let coarse = play(version, 20_000);
        assert_eq!(coarse, play(version, 10), "{version:?}");
        assert!(coarse.len() > 20_000);
    }
}

#[test]
fn no_input_panics_and_reset_always_helps() {
    for version in Version::ALL {
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let mut world = World::joined(version, Knobs { seed, ..Knobs::default() });
            world.ask(OPEN);
            let parts = [
                "AT",
                "+CIPSEND",
                "=4,9",
                "+CIPSTART",
                "\r\n",
                "\r\n",
                "\"",
                ",",
                "+CIPRECVDATA",
                "4",
                "?",
                "\\",
                "+CWJAP",
                "=1",
                "\n",
                "+++",
                "+CIPSERVER",
                "+CIPMODE",
                "-1",
            ];
            for _ in 0..300 {
                let pick = usize::try_from(rng.below(parts.len() as u64)).unwrap_or(0);
                world.give(parts[pick].as_bytes());
                let noise = rng.byte();
                if rng.happens(200_000) {
                    world.give(&[noise]);
                }
                world.run(rng.below(30));
            }
            // A payload may be open, and a line may be half done.
            world.run(20_000);
            world.give(&[b'.'; 2048]);
            world.give(b"\r\n");
            world.run(20_000);
            let said = world.ask("AT+RST");
            assert!(said.contains("\r\nready\r\n"), "{version:?} {seed}: {said:?}");
        }
    }
}

#[test]
fn a_reboot_forgets_what_is_not_in_flash() {
    let knobs = Knobs { reboot_at: vec![Instant::from_millis(90_000)], ..Knobs::default() };
    let mut world = World::joined(Version::V2_2, knobs);
    world.ask("AT+UART_CUR=921600,8,1,0,0");
    assert_eq!(world.modem.baud(), 921_600);
    let said = text(&world.run(60_000));
    assert!(said.starts_with("\r\nready\r\n"), "{said:?}");
    assert_eq!(world.modem.baud(), 115_200);
    assert_eq!(world.ask("AT+CIPMUX?"), "AT+CIPMUX?\r\n+CIPMUX:0\r\n\r\nOK\r\n");
    assert_eq!(world.modem.flash_writes(), 1, "CWJAP without SYSSTORE=0");
}

#[test]
fn the_current_forms_never_write_to_flash() {
    let mut world = World::ready(Version::V1_7_6, Knobs::default());
    for line in [
        "AT+CWMODE_CUR=3",
        "AT+CWJAP_CUR=\"net\",\"password\"",
        "AT+CWSAP_CUR=\"own\",\"12345678\",5,3",
        "AT+CWDHCP_CUR=1,1",
        "AT+UART_CUR=115200,8,1,0,0",
    ] {
        assert!(world.ask(line).ends_with("OK\r\n"), "{line}");
    }
    assert_eq!(world.modem.flash_writes(), 0);
    world.ask("AT+CWMODE_DEF=1");
    assert_eq!(world.modem.flash_writes(), 1);
    let mut newer = World::ready(Version::V2_1, Knobs::default());
    newer.ask("AT+SYSSTORE=0");
    newer.ask("AT+CWMODE=3");
    assert_eq!(newer.modem.flash_writes(), 0);
    newer.ask("AT+CWAUTOCONN=1");
    assert_eq!(newer.modem.flash_writes(), 1, "always stored");
}

/// Sheet section 2.5 and scenario 22.
#[test]
fn every_outcome_of_a_send() {
    let outcome = |outcome, wait| {
        let knobs = Knobs { send_outcome: vec![(0, outcome)], ..Knobs::default() };
        let mut world = World::joined(Version::V1_7_6, knobs);
        world.ask(OPEN);
        let said = send(&mut world, b"abc", wait);
        let said = said.strip_prefix("\r\nRecv 3 bytes\r\n").expect("Recv").to_owned();
        (said, received(&world).len())
    };
    let expected = |text: &str, bytes| (text.to_owned(), bytes);
    assert_eq!(outcome(SendOutcome::Honest, 100), expected("\r\nSEND OK\r\n", 3));
    assert_eq!(outcome(SendOutcome::Fail, 100), expected("SEND FAIL\r\n", 0));
    assert_eq!(outcome(SendOutcome::FailThenOk, 100), expected("SEND FAIL\r\n\r\nSEND OK\r\n", 3));
    assert_eq!(outcome(SendOutcome::Lost, 60_000), expected("", 3));
    assert_eq!(outcome(SendOutcome::Late(millis(500)), 499), expected("", 3));
    assert_eq!(outcome(SendOutcome::Late(millis(500)), 600), expected("\r\nSEND OK\r\n", 3));
}

/// Sheet section 2.5, scenario 36.
#[test]
fn a_stalled_receiver_gives_no_recv_and_then_an_error() {
    let knobs = Knobs { rx_stall_after: Some(1024), ..Knobs::default() };
    let mut world = World::joined(Version::V2_1, knobs);
    world.ask(OPEN);
    assert_eq!(send(&mut world, &[b'\n'; 2048], 5_000), "");
    assert_eq!(world.ask("AT"), "\r\nERROR\r\n");
    assert_eq!(world.ask("AT"), "\r\nOK\r\n");
    assert_eq!(send(&mut world, &[7; 1024], 100), "\r\nRecv 1024 bytes\r\n\r\nSEND OK\r\n");
}

/// Sheet section 4.2, scenario 20.
#[test]
fn a_stale_closed_can_hit_the_next_link() {
    let knobs = Knobs { stale_closed: millis(80), ..Knobs::default() };
    let mut world = World::joined(Version::V1_7_6, knobs);
    assert_eq!(world.ask_for("AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",4444", 50), "\r\nERROR\r\n");
    assert_eq!(world.ask_for(OPEN, 20), "4,CONNECT\r\n\r\nOK\r\n");
    assert_eq!(text(&world.run(200)), "4,CLOSED\r\n");
    let status = world.ask("AT+CIPSTATUS");
    assert!(status.contains("+CIPSTATUS:4,"), "the new link lives: {status:?}");
}

#[test]
fn busy_after_ok_and_endless_busy() {
    let knobs = Knobs { busy_for: millis(30), ..Knobs::default() };
    let mut world = World::new(Version::V2_2, knobs);
    world.run(1000);
    assert_eq!(world.ask_for("ATE0", 10), "ATE0\r\n\r\nOK\r\n");
    assert_eq!(world.ask_for("AT", 10), "\r\nbusy p...\r\n");
    world.run(30);
    assert_eq!(world.ask_for("AT", 10), "\r\nOK\r\n");

    let mut world =
        World::new(Version::V1_5, Knobs { busy_for: Duration::MAX, ..Knobs::default() });
    world.run(1000);
    world.ask("ATE0");
    assert_eq!(world.ask("AT"), "\r\nbusy p...\r\n");
    let said = world.ask("AT+RST");
    assert_eq!(said, "\r\nWill force to restart!!!\r\n\r\nready\r\n");
}

/// Sheet section 2.4: the position is exact, but never inside a counted payload.
#[test]
fn lines_can_be_put_anywhere() {
    let plain = |urc_at| {
        let mut world = World::new(Version::V1_7_6, Knobs { urc_at, ..Knobs::default() });
        text(&world.run(1000)) + &world.ask("AT")
    };
    let whole = plain(Vec::new());
    for at in 0..whole.len() {
        let with = plain(vec![(at as u64, b"9,CONNECT\r\n".to_vec())]);
        assert_eq!(with, format!("{}9,CONNECT\r\n{}", &whole[..at], &whole[at..]));
    }
}

/// Sheet section 5.3: a full window stops the peer, whatever the host does.
#[test]
fn a_window_that_nobody_empties_stays_full() {
    for (version, window) in [(Version::V1_7_6, 5840), (Version::V2_2, 5760)] {
        let mut world = World::joined(version, Knobs::default());
        world.ask("AT+CIPRECVMODE=1");
        world.ask("AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",90");
        world.run(600_000);
        let lens = world.ask("AT+CIPRECVLEN?");
        assert!(lens.contains(&format!(",{window}\r\n")), "{version:?} {lens:?}");
        let (mut got, mut asked) = (0, 0);
        while got < 20_000 && asked < 100 {
            let said = world.ask("AT+CIPRECVDATA=4,2048");
            got += said.matches('x').count();
            asked += 1;
        }
        assert_eq!(got, 20_000, "{version:?}");
    }
}

#[test]
fn a_peer_that_acknowledges_nothing_stops_sends() {
    // The stack of 2.x keeps four segments; 1.x waits for the acknowledgement of each send.
    for (version, ends) in [(Version::V2_2, 5), (Version::V1_7_6, 0)] {
        let mut world = World::joined(version, Knobs::default());
        world.ask("AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",83");
        let mut ok = 0;
        while send(&mut world, &[b'x'; 1024], 60_000).contains("SEND OK") {
            ok += 1;
        }
        assert_eq!(ok, ends, "{version:?}");
        assert!(world.ask("AT").contains("busy"));
    }
}

/// Active receive: what the wire has not taken stays in the network.
#[test]
fn active_receive_goes_no_faster_than_the_wire() {
    let mut world = World::joined(Version::V1_5, Knobs::default());
    world.give(b"AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",90\r\n");
    let mut said = Vec::new();
    for _ in 0..30_000 {
        world.now = world.now + millis(1);
        let mut buf = [0; 11];
        let len = world.modem.poll_tx(world.now, &mut buf);
        said.extend(&buf[..len]);
        let held = world.modem.tx_len();
        assert!(held <= 2048 + 1500, "{held} bytes wait for the wire");
    }
    assert_eq!(text(&said).matches('x').count(), 20_000);
    assert!(text(&said).ends_with("4,CLOSED\r\n"));
}

/// Sheet section 4.7, scenarios 27 and 28.
#[test]
fn clients_are_limited_in_number_and_silence() {
    let mut world = World::joined(Version::V1_7_6, Knobs::default());
    world.ask("AT+CIPSERVERMAXCONN=2");
    world.ask("AT+CIPSERVER=1,80");
    for _ in 0..3 {
        world.dial(80, Script::sink());
    }
    assert_eq!(text(&world.run(1000)), "0,CONNECT\r\n1,CONNECT\r\n");
    assert_eq!(text(&world.run(178_000)), "");
    assert_eq!(text(&world.run(2_000)), "0,CLOSED\r\n1,CLOSED\r\n");
    world.ask("AT+CIPSTO=0");
    world.dial(80, Script::sink());
    assert_eq!(text(&world.run(1_000_000)), "0,CONNECT\r\n");
}

#[test]
fn a_client_that_speaks_is_not_cut() {
    let mut world = World::joined(Version::V2_1, Knobs::default());
    world.ask("AT+CIPSERVER=1,80");
    let steps = [Step::Wait(Duration::from_secs(170)), Step::Send(b"x".to_vec())];
    world.dial(80, Script::new(steps));
    assert_eq!(text(&world.run(300_000)), "0,CONNECT\r\n\r\n+IPD,0,1:x\r\n");
    assert_eq!(text(&world.run(100_000)), "0,CLOSED\r\n");
}

/// Sheet section 4.2, scenario 19: a client may come while an own open is under way.
#[test]
fn an_accept_during_an_open_takes_another_id() {
    let mut world = World::joined(Version::V1_7_6, Knobs::default());
    world.ask("AT+CIPSERVER=1,80");
    world.dial(80, Script::sink());
    let said = world.ask("AT+CIPSTART=0,\"TCP\",\"10.0.0.1\",9");
    assert_eq!(said, "1,CONNECT\r\n0,CONNECT\r\n\r\nOK\r\n");
}

/// Sheet section 2.5: 2.x says nothing of UDP links when Wi-Fi goes.
#[test]
fn wifi_loss_closes_links() {
    for (version, udp) in [(Version::V1_7_6, true), (Version::V2_2, false)] {
        let mut world = World::joined(version, Knobs::default());
        for id in 1..4 {
            world.ask(&format!("AT+CIPSTART={id},\"TCP\",\"10.0.0.1\",9"));
        }
        world.ask("AT+CIPSTART=4,\"UDP\",\"10.0.0.1\",53,4000,2");
        world.modem.set_access_point(world.now, b"net", false);
        let said = text(&world.run(1000));
        assert!(said.starts_with("WIFI DISCONNECT\r\n"));
        for id in 1..4 {
            assert!(said.contains(&format!("{id},CLOSED\r\n")), "{said:?}");
        }
        assert_eq!(said.contains("4,CLOSED"), udp, "{version:?}");
    }
}

#[test]
fn notices_follow_their_policy() {
    let notices = |policy| {
        let knobs = Knobs { notice: Some(policy), ..Knobs::default() };
        let mut world = World::joined(Version::V1_7_6, knobs);
        world.ask("AT+CIPRECVMODE=1");
        let steps = (0..4).flat_map(|_| [Step::Wait(millis(100)), Step::Send(b"ab".to_vec())]);
        world.ask("AT+CIPSERVER=1,80");
        world.dial(80, Script::new(steps));
        text(&world.run(2_000)).replace("0,CONNECT\r\n", "").replace("\r\n", " ")
    };
    assert_eq!(notices(NoticePolicy::Level), " +IPD,0,2 ");
    let each = " +IPD,0,2  +IPD,0,4  +IPD,0,6  +IPD,0,8 ";
    assert_eq!(notices(NoticePolicy::PerSegment), each);
    assert_eq!(notices(NoticePolicy::DropNth(2)), " +IPD,0,2  +IPD,0,6 ");
}

/// Sheet section 4.2: who is the peer of a UDP link.
#[test]
fn udp_modes_follow_the_sender() {
    let other = SocketAddrV4::new([10, 0, 0, 77].into(), 7777);
    for (mode, peer) in [(0, "9"), (1, "7777"), (2, "7777")] {
        let mut world = World::joined(Version::V1_7_6, Knobs::default());
        world.ask(&format!("AT+CIPSTART=4,\"UDP\",\"{HOST}\",9,4000,{mode}"));
        world.modem.net_mut().datagram(world.now, other, 4000, b"x");
        world.run(100);
        let status = world.ask("AT+CIPSTATUS");
        assert!(status.contains(&format!(",{peer},4000,0\r\n")), "{mode}: {status:?}");
    }
}

/// The payload is taken by count, whatever it looks like.
#[test]
fn payload_is_binary_both_ways() {
    let mut data: Vec<u8> = (0..=255).collect();
    data.extend(b"\r\nOK\r\n+IPD,0,5:0,CLOSED\r\n> ERROR\r\nAT+RST\r\n\\0+++");
    for version in Version::ALL {
        let mut world = World::joined(version, Knobs::default());
        world.ask("AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",7");
        let prompt = world.ask_for(&format!("AT+CIPSEND=4,{}", data.len()), 10);
        assert!(prompt.contains('>'));
        world.give(&data);
        let said = world.run(1000);
        let header = format!("\r\n+IPD,4,{}:", data.len()).into_bytes();
        let at = said.windows(header.len()).position(|part| part == header).expect("+IPD");
        let payload = &said[at + header.len()..][..data.len()];
        assert_eq!(payload, data, "{version:?}");
        assert_eq!(received(&world), data);
    }
}

#[test]
fn too_long_a_line_is_refused_and_the_longest_is_not() {
    let mut world = World::ready(Version::V2_2, Knobs::default());
    let head = "AT+CWJAP=\"net\",\"password\",\"";
    let line = |len: usize| format!("{head}{}\"", "0".repeat(len - head.len() - 1));
    assert_eq!(world.ask(&line(255)), "\r\nERROR\r\n", "257 bytes with CR LF");
    assert_eq!(world.ask(&line(4000)), "\r\nERROR\r\n");
    let joined = "WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n";
    assert_eq!(world.ask(&line(254)), joined, "256 bytes with CR LF");
    let commands = std::iter::from_fn(|| world.modem.poll_event());
    assert!(commands.into_iter().any(|event| event == Event::Command("ATE0".into())));
}
