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
    let (_program, name) = Program::start(&["--tcp", "127.0.0.1:0", "--network", "virtual"]);
    let mut port = TcpStream::connect(name).expect("a port");
    port.set_read_timeout(Some(Duration::from_secs(20))).expect("a time limit");
    port.set_nodelay(true).expect("a socket");
    say(&mut port, "AT+RST");
    // The first `ready` may have gone before anybody was there to hear it.
    until(&mut port, "AT+RST\r\r\n\r\nOK\r\n");
    until(&mut port, "ready\r\n");
    session(&mut port);
}

#[cfg(unix)]
#[test]
fn a_session_over_a_pseudo_terminal() {
    let (_program, name) = Program::start(&["--network", "virtual"]);
    let mut port =
        std::fs::OpenOptions::new().read(true).write(true).open(name).expect("a terminal");
    until(&mut port, "\r\nready\r\n");
    session(&mut port);
}

/// The same words on both.
fn session(port: &mut (impl Read + Write)) {
    say(port, "ATE0");
    assert_eq!(until(port, "OK\r\n"), "ATE0\r\r\n\r\nOK\r\n");
    say(port, "AT+CIPMUX=1");
    assert_eq!(until(port, "OK\r\n"), "\r\nOK\r\n");
    say(port, "AT+CWJAP_CUR=\"net\",\"password\"");
    assert_eq!(until(port, "OK\r\n"), "WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n");
    say(port, "AT+CIPSTART=4,\"TCP\",\"demo.test\",80");
    assert_eq!(until(port, "OK\r\n"), "4,CONNECT\r\n\r\nOK\r\n");
    say(port, "AT+CIPSEND=4,18");
    assert_eq!(until(port, "> "), "\r\nOK\r\n> ");
    port.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("room");
    let said = until(port, "4,CLOSED\r\n");
    assert!(said.starts_with("\r\nRecv 18 bytes\r\n"), "{said:?}");
    assert!(said.contains("\r\nSEND OK\r\n"), "{said:?}");
    assert!(said.ends_with("\r\n\r\nhello\n4,CLOSED\r\n"), "{said:?}");
}

/// A file from a real server, through the pseudo-terminal.
#[cfg(unix)]
#[test]
fn a_download_through_a_pseudo_terminal() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let server = listener.local_addr().expect("bound").port();
    let picture: Vec<u8> = (0..30_000u32).map(|at| (at * at / 7).to_le_bytes()[0]).collect();
    let sent = picture.clone();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a client");
        let mut request = [0; 18];
        stream.read_exact(&mut request).expect("a request");
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").expect("room");
        stream.write_all(&sent).expect("room");
    });
    let (_program, name) = Program::start(&[
        "--firmware",
        "2.1",
        "--baud",
        "2000000",
        "--ssid",
        "net",
        "--password",
        "password",
        "--join-time",
        "10",
    ]);
    let mut port =
        std::fs::OpenOptions::new().read(true).write(true).open(name).expect("a terminal");
    until(&mut port, "\r\nready\r\n");
    let open = format!("AT+CIPSTART=4,\"TCP\",\"127.0.0.1\",{server}");
    let join = "AT+CWJAP=\"net\",\"password\"";
    for line in ["ATE0", join, "AT+CIPMUX=1", &open] {
        say(&mut port, line);
        until(&mut port, "\r\nOK\r\n");
    }
    say(&mut port, "AT+CIPSEND=4,18");
    until(&mut port, "\r\n>");
    port.write_all(b"GET / HTTP/1.0\r\n\r\n").expect("room");
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
    let body = page.strip_prefix(b"HTTP/1.0 200 OK\r\n\r\n").expect("a page");
    assert!(body == picture, "{} bytes of {}", body.len(), picture.len());
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
