//! The program, driven as a terminal would drive it.
#![cfg(feature = "program")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

struct Program(Child);

impl Program {
    /// Starts it; the name of its port.
    fn start(arguments: &[&str]) -> (Self, String) {
        let mut child = Command::new(env!("CARGO_BIN_EXE_esp8285-sim"))
            .args(arguments)
            .args(["--boot-time", "0", "--no-trace"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut line = String::new();
        let stdout = child.stdout.take().expect("piped");
        BufReader::new(stdout).read_line(&mut line).expect("its first line");
        let name = line.strip_prefix("port: ").expect("a port").trim().to_owned();
        (Self(child), name)
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // Already gone is as good.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads until `end`.
fn until(port: &mut impl Read, end: &str) -> String {
    let mut said = Vec::new();
    while !said.ends_with(end.as_bytes()) {
        let mut byte = [0];
        port.read_exact(&mut byte).expect("an answer");
        said.push(byte[0]);
    }
    String::from_utf8_lossy(&said).into_owned()
}

fn say(port: &mut impl Write, line: &str) {
    port.write_all(format!("{line}\r\n").as_bytes()).expect("room");
}

#[test]
fn a_session_over_tcp() {
    let (_program, name) =
        Program::start(&[&["--tcp", "127.0.0.1:0", "--network", "virtual"], NEAR].concat());
    let mut port = TcpStream::connect(name).expect("a port");
    port.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    port.set_nodelay(true).expect("a socket");
    say(&mut port, "AT+RST");
    // The first `ready` may have gone before anybody was there to hear it.
    until(&mut port, "AT+RST\r\r\n\r\nOK\r\n");
    until(&mut port, "ready\r\n");
    replay(&mut port, &TRANSCRIPT[1..]);
}

#[cfg(unix)]
#[test]
fn a_session_over_a_pseudo_terminal() {
    let (_program, name) = Program::start(&[&["--network", "virtual"], NEAR].concat());
    replay(&mut terminal(&name), TRANSCRIPT);
}

/// An access point that is joined quickly, since time is real here.
const NEAR: &[&str] = &["--ssid", "net", "--password", "password", "--join-time", "10"];

/// What one types, and exactly what appears.
const TRANSCRIPT: &[(&str, &str)] = &[
    ("", "\r\nready\r\n"),
    ("AT\r\n", "AT\r\r\n\r\nOK\r\n"),
    ("ATE0\r\n", "ATE0\r\r\n\r\nOK\r\n"),
    ("AT+CWMODE_CUR?\r\n", "+CWMODE_CUR:1\r\n\r\nOK\r\n"),
    ("AT+CWJAP_CUR=\"net\",\"wrong key\"\r\n", "+CWJAP:2\r\n\r\nFAIL\r\n"),
    ("AT+CWJAP_CUR=\"net\",\"password\"\r\n", "WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n"),
    ("AT+CIPMUX=1\r\n", "\r\nOK\r\n"),
    ("AT+CIPDOMAIN=\"demo.test\"\r\n", "+CIPDOMAIN:10.0.0.1\r\n\r\nOK\r\n"),
    ("AT+CIPSTART=4,\"TCP\",\"demo.test\",7\r\n", "4,CONNECT\r\n\r\nOK\r\n"),
    ("AT+CIPSTATUS\r\n", "STATUS:3\r\n+CIPSTATUS:4,\"TCP\",\"10.0.0.1\",7,49153,0\r\n\r\nOK\r\n"),
    ("AT+CIPSEND=4,7\r\n", "\r\nOK\r\n> "),
    ("hello\r\n", "\r\nRecv 7 bytes\r\n\r\nSEND OK\r\n\r\n+IPD,4,7:hello\r\n"),
    ("AT+CIPCLOSE=4\r\n", "4,CLOSED\r\n\r\nOK\r\n"),
    ("AT+CIPCLOSE=4\r\n", "UNLINK\r\n\r\nERROR\r\n"),
    ("at\r\n", "\r\nERROR\r\n"),
    ("AT+CIPSTART=0,\"TCP\",\"10.0.0.1\",80\r\n", "0,CONNECT\r\n\r\nOK\r\n"),
    ("AT+CIPSEND=0,18\r\n", "\r\nOK\r\n> "),
    (
        "GET / HTTP/1.0\r\n\r\n",
        "\r\nRecv 18 bytes\r\n\r\nSEND OK\r\n\r\n+IPD,0,44:HTTP/1.0 200 OK\r\nContent-Length: 6\r\n\r\nhello\n0,CLOSED\r\n",
    ),
];

fn replay(port: &mut (impl Read + Write), transcript: &[(&str, &str)]) {
    for (typed, appears) in transcript {
        port.write_all(typed.as_bytes()).expect("room");
        let mut said = vec![0; appears.len()];
        port.read_exact(&mut said).expect("an answer");
        assert_eq!(String::from_utf8_lossy(&said), *appears, "after {typed:?}");
    }
}

/// A client of the virtual network.
#[test]
fn a_client_dials_in() {
    // The second one is for a machine on which the first comes before the server.
    let clients = ["--client", "1000:8080", "--client", "10000:8080"];
    let options = [&["--tcp", "127.0.0.1:0", "--network", "virtual"], &clients[..]].concat();
    let (_program, name) = Program::start(&[&options, NEAR].concat());
    let mut port = TcpStream::connect(name).expect("a port");
    port.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    let join = "AT+CWJAP_CUR=\"net\",\"password\"";
    for line in ["ATE0", join, "AT+CIPMUX=1", "AT+CIPSERVER=1,8080"] {
        say(&mut port, line);
        until(&mut port, "OK\r\n");
    }
    assert_eq!(until(&mut port, "\r\n"), "0,CONNECT\r\n");
    say(&mut port, "AT+CIPSEND=0,2");
    until(&mut port, "> ");
    port.write_all(b"hi").expect("room");
    assert!(until(&mut port, ":hi").ends_with("SEND OK\r\n\r\n+IPD,0,2:hi"));
}

/// The trace: a time, a direction, and what passed in a form that can be read.
#[test]
fn the_trace_can_be_read() {
    let mut program = Command::new(env!("CARGO_BIN_EXE_esp8285-sim"))
        .args(["--boot-time", "0", "--network", "virtual", "--tcp", "127.0.0.1:0"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map(Program)
        .expect("the program");
    let mut line = String::new();
    let stdout = program.0.stdout.take().expect("piped");
    BufReader::new(stdout).read_line(&mut line).expect("its first line");
    let name = line.trim().strip_prefix("port: ").expect("a port");
    let mut port = TcpStream::connect(name).expect("a port");
    port.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    say(&mut port, "ATE0");
    until(&mut port, "OK\r\n");
    say(&mut port, "AT+GMR");
    until(&mut port, "\r\nOK\r\n");
    // All that has come to us was traced before.
    program.0.kill().expect("still there");
    let trace = BufReader::new(program.0.stderr.take().expect("piped")).lines();
    let mut times = Vec::new();
    let mut texts = Vec::new();
    for line in trace {
        let line = line.expect("text");
        let (time, text) = line.trim_start().split_once(' ').expect("a time");
        times.push(time.parse::<f64>().expect("seconds"));
        texts.push(text.to_owned());
    }
    assert!(times.is_sorted(), "{times:?}");
    for wanted in ["-> ATE0\\r\\n", "** command ATE0", "-> AT+GMR\\r\\n", "** command AT+GMR"] {
        assert!(texts.iter().any(|text| text == wanted), "no {wanted:?} in {texts:?}");
    }
    // The port may take a line in pieces; each is traced.
    let said: String = texts.iter().filter_map(|text| text.strip_prefix("<- ")).collect();
    assert!(said.contains("AT version:1.7.6.0("), "{texts:?}");
}

#[cfg(unix)]
fn terminal(name: &str) -> std::fs::File {
    std::fs::OpenOptions::new().read(true).write(true).open(name).expect("a terminal")
}

/// A picture from a real HTTP server on loopback, through the pseudo-terminal.
#[cfg(unix)]
#[test]
fn a_picture_comes_through_a_pseudo_terminal() {
    use sha2::{Digest, Sha256};

    let picture: Vec<u8> = (0..40_000u32).map(|at| (at * at / 7).to_le_bytes()[0]).collect();
    let expected = Sha256::digest(&picture);
    let server = tiny_http::Server::http("127.0.0.1:0").expect("a port");
    let port = server.server_addr().to_ip().expect("an address").port();
    let serving = std::thread::spawn(move || {
        let request = server.recv().expect("a request");
        assert_eq!(request.url(), "/picture.bmp");
        request.respond(tiny_http::Response::from_data(picture)).expect("a client");
    });
    let page = fetch("2.1", port, "GET /picture.bmp HTTP/1.0\r\n\r\n");
    let end = page.windows(4).position(|part| part == b"\r\n\r\n").expect("a head") + 4;
    let (head, body) = page.split_at(end);
    assert!(head.starts_with(b"HTTP/1."), "{:?}", String::from_utf8_lossy(head));
    assert_eq!(Sha256::digest(body), expected, "{} bytes", body.len());
    assert!(serving.join().is_ok());
}

/// Everything that a server says to a request before it closes.
#[cfg(unix)]
fn fetch(firmware: &str, server: u16, request: &str) -> Vec<u8> {
    let options = [&["--firmware", firmware, "--baud", "2000000"], NEAR].concat();
    let (_program, name) = Program::start(&options);
    let mut port = terminal(&name);
    until(&mut port, "\r\nready\r\n");
    let open = format!("AT+CIPSTART=4,\"TCP\",\"127.0.0.1\",{server}");
    let join = "AT+CWJAP=\"net\",\"password\"";
    for line in ["ATE0", join, "AT+CIPMUX=1", &open] {
        say(&mut port, line);
        until(&mut port, "\r\nOK\r\n");
    }
    say(&mut port, &format!("AT+CIPSEND=4,{}", request.len()));
    until(&mut port, "\r\n>");
    port.write_all(request.as_bytes()).expect("room");
    let mut page = Vec::new();
    let mut head = String::new();
    while head != "4,CLOSED\r\n" {
        if head.ends_with('\n') {
            head.clear();
        }
        let mut byte = [0];
        port.read_exact(&mut byte).expect("more");
        head.push(char::from(byte[0]));
        if let Some(len) = head.strip_prefix("+IPD,4,").and_then(|rest| rest.strip_suffix(':')) {
            let mut data = vec![0; len.parse().expect("a count")];
            port.read_exact(&mut data).expect("payload");
            page.extend(data);
            head.clear();
        }
    }
    page
}

#[test]
fn help_and_mistakes() {
    let run = |argument: &str| {
        let program = Command::new(env!("CARGO_BIN_EXE_esp8285-sim")).arg(argument).output();
        program.expect("the program")
    };
    let help = run("--help");
    assert!(help.status.success());
    assert!(String::from_utf8_lossy(&help.stdout).contains("--irq-latency MS"));
    let mistake = run("--nonsense");
    assert!(!mistake.status.success());
    assert!(String::from_utf8_lossy(&mistake.stderr).contains("see --help"));
}
