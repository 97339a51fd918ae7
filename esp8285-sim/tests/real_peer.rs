//! The modem on the machine's own network, with real peers on loopback.
//! Its virtual clock keeps step with the wall clock here.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::{Duration, Instant as Clock};

use esp8285_sim::net::RealNet;
use esp8285_sim::{AccessPoint, Air, Instant, Knobs, Modem, Version};

struct World {
    modem: Modem<RealNet>,
    began: Clock,
    /// How far virtual time was before the wall clock was followed.
    ahead: Duration,
}

impl World {
    fn joined(version: Version) -> Self {
        let air = Air::with(AccessPoint::new(b"net", b"password"));
        let modem = Modem::new(version, Knobs::default(), air, RealNet::new());
        let mut world = Self { modem, began: Clock::now(), ahead: Duration::ZERO };
        world.skip(Duration::from_secs(1));
        for line in ["ATE0", "AT+CWJAP=\"net\",\"password\"", "AT+CIPMUX=1"] {
            world.give(format!("{line}\r\n").as_bytes());
            world.skip(Duration::from_secs(5));
        }
        world
    }

    /// Lets virtual time pass at once, for what has nothing to do with real peers.
    fn skip(&mut self, time: Duration) {
        self.ahead += time;
        let now = self.now();
        while self.modem.poll_tx(now, &mut [0; 256]) > 0 {}
    }

    fn now(&self) -> Instant {
        Instant::ZERO + self.ahead + self.began.elapsed()
    }

    fn give(&mut self, bytes: &[u8]) {
        let now = self.now();
        self.modem.handle_rx(now, bytes);
    }

    /// What the modem says until it has said `end`.
    #[track_caller]
    fn until(&mut self, end: &[u8]) -> Vec<u8> {
        let mut said = Vec::new();
        let limit = Clock::now() + Duration::from_secs(10);
        while !said.windows(end.len()).any(|part| part == end) {
            let text = String::from_utf8_lossy(&said);
            assert!(Clock::now() < limit, "{text:?} lacks {:?}", String::from_utf8_lossy(end));
            let mut buf = [0; 512];
            let now = self.now();
            let len = self.modem.poll_tx(now, &mut buf);
            said.extend(&buf[..len]);
            if len == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
        said
    }

    #[track_caller]
    fn ask(&mut self, line: &str, end: &str) -> Vec<u8> {
        self.give(format!("{line}\r\n").as_bytes());
        self.until(end.as_bytes())
    }
}

/// The payloads of all `+IPD` of a link, taken by count.
fn payload(said: &[u8], id: usize) -> Vec<u8> {
    let head = format!("+IPD,{id},").into_bytes();
    let mut data = Vec::new();
    let mut rest = said;
    while let Some(at) = rest.windows(head.len()).position(|part| part == head) {
        rest = &rest[at + head.len()..];
        let colon = rest.iter().position(|byte| *byte == b':').expect("a count");
        let len: usize = String::from_utf8_lossy(&rest[..colon]).parse().expect("a number");
        data.extend(&rest[colon + 1..][..len]);
        rest = &rest[colon + 1 + len..];
    }
    data
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("bound").port()
}

#[test]
fn a_page_comes_from_a_real_server() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let body: Vec<u8> = (0..=255).cycle().take(50_000).collect();
    let sent = body.clone();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = [0; 9];
        stream.read_exact(&mut request).expect("a request");
        stream.write_all(&sent).expect("room");
        request
    });
    let mut world = World::joined(Version::V2_2);
    world.ask(&format!("AT+CIPSTART=4,\"TCP\",\"127.0.0.1\",{port}"), "4,CONNECT\r\n\r\nOK\r\n");
    world.ask("AT+CIPSEND=4,9", ">");
    world.give(b"GET /\r\n\r\n");
    let said = world.until(b"\r\n4,CLOSED\r\n");
    assert!(payload(&said, 4) == body);
    assert_eq!(server.join().ok(), Some(*b"GET /\r\n\r\n"));
}

#[test]
fn a_real_client_is_served() {
    let port = free_port();
    let mut world = World::joined(Version::V1_7_6);
    world.ask(&format!("AT+CIPSERVER=1,{port}"), "OK\r\n");
    let client = thread::spawn(move || {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("a server");
        stream.write_all(b"hello").expect("room");
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).expect("an end");
        answer
    });
    let said = world.until(b"hello");
    assert!(said.starts_with(b"0,CONNECT\r\n"));
    world.ask("AT+CIPSEND=0,3", "> ");
    world.give(b"bye");
    world.until(b"SEND OK\r\n");
    world.ask("AT+CIPCLOSE=0", "OK\r\n");
    assert_eq!(client.join().ok().as_deref(), Some(b"bye".as_slice()));
}

#[test]
fn refused_and_resolved() {
    let port = free_port();
    let mut world = World::joined(Version::V1_7_6);
    let line = format!("AT+CIPSTART=4,\"TCP\",\"127.0.0.1\",{port}");
    assert_eq!(world.ask(&line, "4,CLOSED\r\n"), b"\r\nERROR\r\n4,CLOSED\r\n");
    assert_eq!(
        world.ask("AT+CIPDOMAIN=\"localhost\"", "OK\r\n"),
        b"+CIPDOMAIN:127.0.0.1\r\n\r\nOK\r\n"
    );
}

#[test]
fn datagrams_go_both_ways() {
    let peer = UdpSocket::bind("127.0.0.1:0").expect("a port");
    let port = peer.local_addr().expect("bound").port();
    let echo = thread::spawn(move || {
        let mut buf = [0; 64];
        let (len, from) = peer.recv_from(&mut buf).expect("a datagram");
        peer.send_to(&buf[..len], from).expect("sent");
    });
    let mut world = World::joined(Version::V1_5);
    let line = format!("AT+CIPSTART=4,\"UDP\",\"127.0.0.1\",{port}");
    world.ask(&line, "4,CONNECT\r\n\r\nOK\r\n");
    world.ask("AT+CIPSEND=4,4", "> ");
    world.give(b"ping");
    let said = world.until(b":ping");
    assert_eq!(payload(&said, 4), b"ping");
    assert!(echo.join().is_ok());
}
