//! A web server on the backend; a real browser's part is played by `tungstenite` and a
//! plain stream.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use tungstenite::Message;
use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_programs::server;

use usocket_example_apps::Kind as Protocol;
use usocket_examples::{Program, Site, Trouble};

use crate::backends::{Kind, on};
use crate::http::failed;

const PATIENCE: Duration = Duration::from_secs(20);

/// Serves until somebody asks for `/stop`.
struct Serve {
    port: u16,
    page: Vec<u8>,
}

impl Program for Serve {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let spot = site.server((Ipv4Addr::LOCALHOST, self.port), Protocol::Tcp)?;
        let stack = Stack::new(net);
        let served = server::serve(&stack, spot.bind.into(), &self.page);
        net.block_on(served).map_err(failed)
    }
}

/// Connects as soon as there is a server.
fn connect(port: u16) -> TcpStream {
    let end = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(PATIENCE)).unwrap();
                return stream;
            }
            Err(error) => assert!(Instant::now() < end, "no server: {error}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

/// One request; status line and body.
fn get(port: u16, path: &str) -> std::io::Result<(String, Vec<u8>)> {
    let mut stream = connect(port);
    write!(stream, "GET {path} HTTP/1.0\r\nHost: usocket\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n");
    let head = head.ok_or(std::io::ErrorKind::UnexpectedEof)?;
    let status = String::from_utf8_lossy(&answer[..head]).lines().next().unwrap_or("").to_owned();
    Ok((status, answer[head + 4..].to_vec()))
}

/// The same as soon as somebody answers: a forwarded port accepts before the board does.
pub(crate) fn get_soon(port: u16, path: &str) -> (String, Vec<u8>) {
    let end = Instant::now() + PATIENCE;
    loop {
        match get(port, path) {
            Ok(answer) => return answer,
            Err(error) => assert!(Instant::now() < end, "{path}: {error}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn visit(port: u16, page: &[u8]) {
    let (status, body) = get_soon(port, "/");
    assert!(status.contains("200"), "{status}");
    assert_eq!(body, page);
    assert!(get_soon(port, "/nothing").0.contains("404"));

    let (mut socket, _) =
        tungstenite::client(format!("ws://127.0.0.1:{port}/echo"), connect(port)).unwrap();
    for text in ["", "hello", &"long ".repeat(150)] {
        socket.send(Message::text(text)).unwrap();
        assert_eq!(socket.read().unwrap(), Message::text(text));
    }
    socket.send(Message::Ping(vec![1, 2, 3].into())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong(vec![1, 2, 3].into()));
    socket.close(None).unwrap();
    while socket.read().is_ok() {}

    assert!(get_soon(port, "/stop").0.contains("200"));
}

/// A port that is free now.
pub(crate) fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

pub(crate) fn run(kind: Kind) -> Result<(), String> {
    let page: Vec<u8> = (0..20_000_u32).flat_map(u32::to_le_bytes).collect();
    let port = free_port();
    let expected = page.clone();
    let visitor = thread::spawn(move || visit(port, &expected));
    let outcome = on(kind, Serve { port, page });
    if outcome.is_ok() {
        visitor.join().unwrap();
    }
    outcome
}
