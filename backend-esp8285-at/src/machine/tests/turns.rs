//! Things that happen between two others.

use super::*;

/// A stream on link 4 of a 1.5, which says `CLOSED` before all data have come.
fn connected_early(machine: &mut Machine<'_>, now: &mut Instant) -> Handle {
    settle(machine, *now);
    start(machine, now, b"1.5.0");
    connect_early(machine, *now)
}

pub(super) fn connect_early(machine: &mut Machine<'_>, now: Instant) -> Handle {
    let stream = machine.open(Family::V4, SockType::Stream).unwrap();
    let _ = machine.connect(stream, SockAddr::new([10, 0, 0, 2].into(), 80));
    settle(machine, now);
    assert!(matches!(machine.exchange, Exchange::Open(4)), "{:?}", machine.exchange);
    stream
}

fn opened_early(machine: &mut Machine<'_>, now: Instant, stream: Handle) {
    feed(machine, now, b"4,CONNECT\r\n\r\nOK\r\n");
    settle(machine, now);
    feed(machine, now, b"STATUS:3\r\n+CIPSTATUS:4,\"TCP\",\"10.0.0.2\",80,50000,0\r\n\r\nOK\r\n");
    settle(machine, now);
    assert_eq!(machine.connect_result(stream), Ok(()));
}

#[test]
fn the_rest_of_a_payload_whose_socket_was_closed_is_not_the_next_sockets() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    let stream = connected_early(&mut machine, &mut now);
    opened_early(&mut machine, now, stream);
    feed(&mut machine, now, b"4,CLOSED\r\n\r\n+IPD,4,10,10.0.0.2,80:hello");
    settle(&mut machine, now);
    machine.close(stream, false, now).unwrap();
    settle(&mut machine, now);
    let next = connect_early(&mut machine, now);
    feed(&mut machine, now, b"world");
    settle(&mut machine, now);
    opened_early(&mut machine, now, next);
    assert_eq!(machine.recv(next, &mut [0; 16], false), Err(Error::EAGAIN));
}

#[test]
fn a_stream_does_not_end_in_the_middle_of_a_payload_behind_its_closed() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    let stream = connected_early(&mut machine, &mut now);
    opened_early(&mut machine, now, stream);
    feed(&mut machine, now, b"4,CLOSED\r\n\r\n+IPD,4,10,10.0.0.2,80:hello");
    settle(&mut machine, now);
    // Less than what a payload may pause.
    now = now.after_millis(60);
    settle(&mut machine, now);
    let mut buf = [0; 16];
    assert_eq!(machine.recv(stream, &mut buf, false), Err(Error::EAGAIN));
    assert!(machine.next_deadline().is_some_and(|next| next > now));
    feed(&mut machine, now, b"world");
    settle(&mut machine, now);
    assert_eq!(machine.recv(stream, &mut buf, false), Ok(10));
    now = now.after_millis(60);
    settle(&mut machine, now);
    assert_eq!(machine.recv(stream, &mut buf, false), Ok(0));
}

#[test]
fn the_answer_to_a_request_that_was_dropped_is_not_the_next_ones() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    settle(&mut machine, now);
    start(&mut machine, &mut now, b"2.1.0");
    let leave = machine.request(Request::Leave).unwrap();
    settle(&mut machine, now);
    assert!(matches!(machine.exchange, Exchange::Request), "{:?}", machine.exchange);
    machine.drop_request(leave);
    let reset = machine.request(Request::Reset).unwrap();
    feed(&mut machine, now, b"\r\nOK\r\n");
    settle(&mut machine, now);
    assert_eq!(machine.request_result(reset), None);
    assert!(matches!(machine.exchange, Exchange::Restart), "{:?}", machine.exchange);
}

/// What the machine has in flight is answered; the line that it sends then.
#[cfg(any(feature = "server", feature = "udp"))]
pub(super) fn answered(
    machine: &mut Machine<'_>,
    now: Instant,
    answer: &[u8],
) -> std::string::String {
    feed(machine, now, answer);
    settle(machine, now);
    let line = &machine.command[..usize::from(machine.flight.len)];
    let idle = machine.exchange.is_idle();
    if idle { "".into() } else { std::string::String::from_utf8_lossy(line).trim().into() }
}

#[cfg(feature = "server")]
#[test]
fn a_server_whose_port_has_changed_while_it_was_started_is_started_anew() {
    for again in [false, true] {
        let mut memory = Resources::new();
        let mut machine = machine(Config::new(), &mut memory);
        let mut now = Instant::ZERO;
        settle(&mut machine, now);
        start(&mut machine, &mut now, b"2.2.0");
        let listen = |machine: &mut Machine<'_>, port| {
            let listener = machine.open(Family::V4, SockType::Stream).unwrap();
            machine.bind(listener, SockAddr::new(Family::V4.unspecified(), port)).unwrap();
            machine.listen(listener, 3).unwrap();
            listener
        };
        let first = listen(&mut machine, 80);
        let ok = b"\r\nOK\r\n";
        let mut line = answered(&mut machine, now, b"");
        while !line.starts_with("AT+CIPSERVER=1,80") {
            assert!(!line.is_empty());
            line = answered(&mut machine, now, ok);
        }
        machine.close(first, false, now).unwrap();
        let second = again.then(|| listen(&mut machine, 81));
        let mut sent = vec![];
        loop {
            let line = answered(&mut machine, now, ok);
            if line.is_empty() {
                break;
            }
            sent.push(line);
        }
        assert_eq!(sent[0], "AT+CIPSERVER=0", "{sent:?}");
        let started = sent.iter().any(|line| line.starts_with("AT+CIPSERVER=1,81"));
        assert_eq!(started, again, "{sent:?}");
        assert!(second.is_none_or(|second| machine.in_effect(second)));
    }
}

#[cfg(feature = "udp")]
#[test]
fn what_is_left_of_a_datagram_whose_send_was_given_up_is_not_sent() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new().receive(crate::Receive::Active), &mut memory);
    let mut now = Instant::ZERO;
    settle(&mut machine, now);
    start(&mut machine, &mut now, b"2.1.0");
    let datagrams = machine.open(Family::V4, SockType::Dgram).unwrap();
    let to = Some(SockAddr::new([10, 0, 0, 2].into(), 7));
    machine.send_to(datagrams, &[b'x'; 40], to).unwrap();
    let ok = b"\r\nOK\r\n";
    let mut line = answered(&mut machine, now, b"");
    while !line.starts_with("AT+CIPSEND") {
        assert!(!line.is_empty());
        line = answered(&mut machine, now, ok);
    }
    feed(&mut machine, now, b"\r\nOK\r\n\r\n>");
    // The UART takes some of it and no more.
    machine.poll(now);
    machine.tx_done(10);
    while matches!(machine.out, Out::Data { .. }) {
        now = machine.next_deadline().unwrap();
        machine.poll(now);
    }
    for _ in 0..20 {
        settle(&mut machine, now);
        feed(&mut machine, now, b"\r\nOK\r\n");
        now = now.after_millis(300);
    }
    machine.take_error(datagrams).unwrap();
    machine.send_to(datagrams, b"hello", to).unwrap();
    let mut line = answered(&mut machine, now, b"");
    while !line.starts_with("AT+CIPSEND") {
        assert!(!line.is_empty());
        now = now.after_millis(300);
        line = answered(&mut machine, now, ok);
    }
    assert!(line.ends_with(",5,\"10.0.0.2\",7"), "{line}");
}

/// A listener, and a client that was accepted on link 0 of a 1.7.6.
#[cfg(feature = "server")]
pub(super) fn served(machine: &mut Machine<'_>, now: &mut Instant) -> (Handle, Handle) {
    settle(machine, *now);
    start(machine, now, b"1.7.6");
    let listener = machine.open(Family::V4, SockType::Stream).unwrap();
    machine.bind(listener, SockAddr::new(Family::V4.unspecified(), 80)).unwrap();
    machine.listen(listener, 3).unwrap();
    while !answered(machine, *now, b"\r\nOK\r\n").is_empty() {}
    assert!(machine.in_effect(listener));
    feed(machine, *now, CLIENT);
    settle(machine, *now);
    (listener, machine.accept(listener).unwrap().0)
}

#[cfg(feature = "server")]
const CLIENT: &[u8] = b"+LINK_CONN:0,0,\"TCP\",1,\"10.0.0.3\",50001,80\r\n";

#[cfg(feature = "server")]
#[test]
fn a_client_that_comes_in_the_middle_of_a_close_of_its_id_is_accepted() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    let (listener, first) = served(&mut machine, &mut now);
    machine.close(first, false, now).unwrap();
    settle(&mut machine, now);
    assert!(matches!(machine.exchange, Exchange::Close(0)), "{:?}", machine.exchange);
    feed(&mut machine, now, &[b"0,CLOSED\r\n", CLIENT, b"\r\nOK\r\n"].concat());
    settle(&mut machine, now);
    let (second, _) = machine.accept(listener).unwrap();
    assert_eq!(machine.recv(second, &mut [0; 8], false), Err(Error::EAGAIN));
}

#[cfg(feature = "server")]
#[test]
fn unread_data_of_an_id_that_a_client_has_taken_are_a_loss() {
    // Whether it is being read, or the last read may have left some.
    for in_flight in [true, false] {
        let mut memory = Resources::new();
        let mut machine = machine(Config::new(), &mut memory);
        let mut now = Instant::ZERO;
        let (_, first) = served(&mut machine, &mut now);
        feed(&mut machine, now, b"\r\n+IPD,0,200\r\n");
        settle(&mut machine, now);
        assert!(matches!(machine.exchange, Exchange::Read(_)), "{:?}", machine.exchange);
        let mut read = Ok(0);
        if !in_flight {
            let reply = [&b"\r\n+CIPRECVDATA,128:"[..], &[b'x'; 128], b"\r\nOK\r\n"].concat();
            feed(&mut machine, now, &reply);
            settle(&mut machine, now);
            read = Ok(128);
        }
        feed(&mut machine, now, &[b"0,CLOSED\r\n", CLIENT].concat());
        settle(&mut machine, now);
        let mut buf = [0; 128];
        if read == Ok(128) {
            assert_eq!(machine.recv(first, &mut buf, false), read);
        }
        assert_eq!(machine.recv(first, &mut buf, false), Err(Error::EIO), "{in_flight}");
    }
}

#[cfg(feature = "server")]
#[test]
fn a_server_is_started_again_after_a_leave_however_it_was_told() {
    let (ok, lost) = (&b"\r\nOK\r\n"[..], &b"WIFI DISCONNECT\r\n"[..]);
    for told in [[ok, lost], [lost, ok]] {
        let mut memory = Resources::new();
        let mut machine = machine(Config::new(), &mut memory);
        let mut now = Instant::ZERO;
        served(&mut machine, &mut now);
        machine.request(Request::Leave).unwrap();
        settle(&mut machine, now);
        assert!(matches!(machine.exchange, Exchange::Request), "{:?}", machine.exchange);
        feed(&mut machine, now, &told.concat());
        settle(&mut machine, now);
        let mut line = answered(&mut machine, now, b"WIFI CONNECTED\r\nWIFI GOT IP\r\n");
        while !line.starts_with("AT+CIPSERVER=1,80") {
            assert!(!line.is_empty(), "{told:?}");
            let address = b"+CIPSTA_CUR:ip:\"10.0.0.1\"\r\n\r\nOK\r\n";
            let asked = line.starts_with("AT+CIPSTA_CUR?");
            line = answered(&mut machine, now, if asked { address } else { ok });
        }
    }
}

#[test]
fn a_request_that_is_not_answered_has_not_been_done() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    settle(&mut machine, now);
    start(&mut machine, &mut now, b"2.1.0");
    let leave = machine.request(Request::Leave).unwrap();
    settle(&mut machine, now);
    while machine.exchange == Exchange::Request {
        now = machine.next_deadline().unwrap();
        machine.poll(now);
    }
    assert_eq!(machine.request_result(leave), Some(Err(Error::ETIMEDOUT)));
}

#[cfg(feature = "server")]
#[test]
fn what_was_for_another_is_not_sent_to_a_client_that_took_its_id() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    let (listener, first) = served(&mut machine, &mut now);
    assert_eq!(machine.send(first, &[b'x'; 100]), Ok(100));
    // There is nothing to read yet.
    settle(&mut machine, now);
    let line = answered(&mut machine, now, b"\r\nERROR\r\n");
    assert_eq!(line, "AT+CIPSENDBUF=0,100");
    feed(&mut machine, now, b"1,0\r\n\r\nOK\r\n> ");
    machine.poll(now);
    machine.tx_done(50);
    assert_eq!(machine.send(first, &[b'y'; 60]), Ok(60));
    feed(&mut machine, now, &[b"0,CLOSED\r\n", CLIENT].concat());
    machine.close(first, false, now).unwrap();
    settle(&mut machine, now);
    let _ = machine.accept(listener);
    let mut line = answered(&mut machine, now, b"\r\nRecv 100 bytes\r\n");
    while !line.is_empty() {
        assert!(!line.starts_with("AT+CIPSEND"), "{line}");
        line = answered(&mut machine, now, b"\r\nERROR\r\n");
    }
}

#[cfg(feature = "server")]
#[test]
fn a_client_of_the_port_before_is_not_the_next_listeners() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    let (first, client) = served(&mut machine, &mut now);
    machine.close(client, false, now).unwrap();
    machine.close(first, false, now).unwrap();
    let second = machine.open(Family::V4, SockType::Stream).unwrap();
    machine.bind(second, SockAddr::new(Family::V4.unspecified(), 81)).unwrap();
    machine.listen(second, 3).unwrap();
    let late = b"+LINK_CONN:0,1,\"TCP\",1,\"10.0.0.3\",50002,80\r\n";
    feed(&mut machine, now, late);
    settle(&mut machine, now);
    assert_eq!(machine.accept(second).unwrap_err(), Error::EAGAIN);
}

#[cfg(feature = "server")]
#[test]
fn a_server_that_outlives_its_network_is_stopped_for_another_port() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    let (first, client) = served(&mut machine, &mut now);
    feed(&mut machine, now, b"0,CLOSED\r\nWIFI DISCONNECT\r\n");
    machine.close(client, false, now).unwrap();
    machine.close(first, false, now).unwrap();
    let second = machine.open(Family::V4, SockType::Stream).unwrap();
    machine.bind(second, SockAddr::new(Family::V4.unspecified(), 81)).unwrap();
    machine.listen(second, 3).unwrap();
    let mut line = answered(&mut machine, now, b"\r\nERROR\r\nWIFI CONNECTED\r\nWIFI GOT IP\r\n");
    while line != "AT+CIPSERVER=0" {
        if line.is_empty() {
            now = machine.next_deadline().expect("it is not given up");
        }
        assert!(now < Instant::ZERO + Duration::from_secs(10));
        line = answered(
            &mut machine,
            now,
            match &line[..] {
                "AT+CIPSTA_CUR?" => b"+CIPSTA_CUR:ip:\"10.0.0.1\"\r\n\r\nOK\r\n",
                "AT+CIPSERVER=1,81" => b"no change\r\n\r\nOK\r\n",
                _ => b"\r\nOK\r\n",
            },
        );
    }
}
