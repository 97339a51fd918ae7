//! An `ERROR` that only says that the line was hurt, or that the modem had no memory.

use super::turns::connect_early;
#[cfg(feature = "server")]
use super::turns::{answered, served};
use super::*;

const ERROR: &[u8] = b"\r\nERROR\r\n";

/// The next command that waits for its time.
fn next(machine: &mut Machine<'_>, now: &mut Instant) -> Exchange {
    for _ in 0..10 {
        settle(machine, *now);
        if !machine.exchange.is_idle() {
            break;
        }
        *now = machine.next_deadline().expect("it is tried again");
    }
    machine.exchange
}

#[test]
fn a_connect_whose_status_failed_is_completed_by_another() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    settle(&mut machine, now);
    start(&mut machine, &mut now, b"1.5.0");
    let stream = connect_early(&mut machine, now);
    feed(&mut machine, now, b"4,CONNECT\r\n\r\nOK\r\n");
    assert_eq!(next(&mut machine, &mut now), Exchange::Status);
    feed(&mut machine, now, ERROR);
    settle(&mut machine, now);
    assert_eq!(machine.connect_result(stream), Err(Error::EAGAIN));
    assert_eq!(next(&mut machine, &mut now), Exchange::Status);
    feed(
        &mut machine,
        now,
        b"STATUS:3\r\n+CIPSTATUS:4,\"TCP\",\"10.0.0.2\",80,50000,0\r\n\r\nOK\r\n",
    );
    settle(&mut machine, now);
    assert_eq!(machine.connect_result(stream), Ok(()));
}

#[test]
fn an_address_that_was_not_told_is_asked_for_again() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    settle(&mut machine, now);
    start(&mut machine, &mut now, b"2.1.0");
    feed(&mut machine, now, b"WIFI DISCONNECT\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n");
    assert_eq!(next(&mut machine, &mut now), Exchange::Address);
    feed(&mut machine, now, ERROR);
    settle(&mut machine, now);
    assert!(!machine.station.is_up(), "that of before may be another");
    assert_eq!(next(&mut machine, &mut now), Exchange::Status);
    feed(&mut machine, now, b"STATUS:2\r\n\r\nOK\r\n");
    assert_eq!(next(&mut machine, &mut now), Exchange::Address);
    feed(&mut machine, now, b"+CIPSTA:ip:\"10.0.0.7\"\r\n\r\nOK\r\n");
    settle(&mut machine, now);
    assert!(machine.station.has_address([10, 0, 0, 7].into()));
}

#[test]
fn a_close_that_failed_is_looked_after() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new().receive(crate::Receive::Active), &mut memory);
    let mut now = Instant::ZERO;
    let stream = connected(&mut machine, &mut now);
    machine.close(stream, false, now).unwrap();
    assert_eq!(next(&mut machine, &mut now), Exchange::Close(4));
    feed(&mut machine, now, ERROR);
    assert_eq!(next(&mut machine, &mut now), Exchange::Status);
    feed(
        &mut machine,
        now,
        b"STATUS:3\r\n+CIPSTATUS:4,\"TCP\",\"10.0.0.2\",80,50000,0\r\n\r\nOK\r\n",
    );
    assert_eq!(next(&mut machine, &mut now), Exchange::Close(4));
}

#[cfg(feature = "server")]
#[test]
fn a_read_that_failed_behind_a_full_one_is_not_the_end() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    let (_, stream) = served(&mut machine, &mut now);
    let mut buf = [0; 128];
    feed(&mut machine, now, b"\r\n+IPD,0,133\r\n");
    settle(&mut machine, now);
    let full = [&b"\r\n+CIPRECVDATA,128:"[..], &[b'x'; 128], b"\r\nOK\r\n0,CLOSED\r\n"].concat();
    feed(&mut machine, now, &full);
    settle(&mut machine, now);
    assert_eq!(machine.recv(stream, &mut buf, false), Ok(128));
    assert!(matches!(next(&mut machine, &mut now), Exchange::Read(_)));
    feed(&mut machine, now, ERROR);
    settle(&mut machine, now);
    assert_eq!(machine.recv(stream, &mut buf, false), Err(Error::EAGAIN));
    assert!(matches!(next(&mut machine, &mut now), Exchange::Read(_)));
    feed(&mut machine, now, b"\r\n+CIPRECVDATA,5:hello\r\nOK\r\n");
    settle(&mut machine, now);
    assert_eq!(machine.recv(stream, &mut buf, false), Ok(5));
    while machine.recv(stream, &mut buf, false) == Err(Error::EAGAIN) {
        assert!(matches!(next(&mut machine, &mut now), Exchange::Read(_)));
        feed(&mut machine, now, ERROR);
        settle(&mut machine, now);
    }
    assert_eq!(machine.recv(stream, &mut buf, false), Ok(0));
}

#[cfg(feature = "server")]
#[test]
fn a_server_that_did_not_stop_is_stopped_before_another_port_is_opened() {
    // The line to stop it is refused so often, and then heard.
    for refused in 1..4 {
        let mut memory = Resources::new();
        let mut machine = machine(Config::new(), &mut memory);
        let mut now = Instant::ZERO;
        let (first, stream) = served(&mut machine, &mut now);
        feed(&mut machine, now, b"0,CLOSED\r\n");
        settle(&mut machine, now);
        while !machine.exchange.is_idle() {
            answered(&mut machine, now, ERROR);
        }
        machine.close(stream, false, now).unwrap();
        machine.close(first, false, now).unwrap();
        let second = machine.open(Family::V4, SockType::Stream).unwrap();
        machine.bind(second, SockAddr::new(Family::V4.unspecified(), 81)).unwrap();
        machine.listen(second, 3).unwrap();
        // What the modem has.
        let (mut port, mut stops, mut lines) = (80, 0, vec![]);
        for _ in 0..40 {
            if next_of_server(&mut machine, &mut now).is_none() {
                break;
            }
            let line = answered(&mut machine, now, b"");
            let answer = if line == "AT+CIPSERVER=0" {
                stops += 1;
                if stops > refused {
                    port = 0;
                }
                if stops > refused { OK } else { ERROR }
            } else if let Some(wanted) = line.strip_prefix("AT+CIPSERVER=1,") {
                let taken = port != 0;
                port = if taken { port } else { wanted.parse().unwrap() };
                if taken { &b"no change\r\n\r\nOK\r\n"[..] } else { OK }
            } else {
                OK
            };
            lines.push(line);
            feed(&mut machine, now, answer);
        }
        assert_eq!(port, 81, "{lines:?}");
        assert!(machine.in_effect(second) && machine.listener.running.is_some());
    }
}

#[cfg(feature = "server")]
const OK: &[u8] = b"\r\nOK\r\n";

/// The next command of the server; everything else is answered.
#[cfg(feature = "server")]
fn next_of_server(machine: &mut Machine<'_>, now: &mut Instant) -> Option<()> {
    for _ in 0..20 {
        settle(machine, *now);
        match machine.exchange {
            Exchange::Server(_) => return Some(()),
            Exchange::Idle => *now = machine.next_deadline()?,
            _ => feed(machine, *now, OK),
        }
    }
    None
}
