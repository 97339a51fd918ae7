//! `echo_server`, `chat` and `poll_many`, the real programs.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::thread;

use support::{Running, SHA256, run};

const ECHO: &str = env!("CARGO_BIN_EXE_echo_server");
const CHAT: &str = env!("CARGO_BIN_EXE_chat");
const SERVE: &str = env!("CARGO_BIN_EXE_serve_picture");
const POLL: &str = env!("CARGO_BIN_EXE_poll_many");

#[test]
fn echo_for_more_clients_than_it_has_places() {
    const CLIENTS: usize = 70;
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(ECHO, folder.path(), &["--clients", "70", "127.0.0.1:0"]);
    let address = server.address();

    let udp = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    udp.send_to(b"datagram", address).unwrap();
    let mut buf = [0; 100];
    assert_eq!(udp.recv_from(&mut buf).unwrap(), (8, address));
    assert_eq!(&buf[..8], b"datagram");

    thread::scope(|scope| {
        for number in 0..CLIENTS {
            scope.spawn(move || {
                echo(TcpStream::connect(address).unwrap(), 1000 + number * 3000);
            });
        }
    });
    let (code, text) = server.end();
    assert_eq!(code, Some(0));
    assert_eq!(text.matches("hello").count(), CLIENTS);
    assert_eq!(text.matches("bytes, bye").count(), CLIENTS);
}

/// Sends bytes from one thread and expects them back in another.
fn echo(mut client: TcpStream, len: usize) {
    let sent: Vec<u8> = (0..len).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
    let mut writer = client.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            writer.write_all(&sent).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        let mut got = Vec::new();
        client.read_to_end(&mut got).unwrap();
        assert!(got == sent);
    });
}

#[test]
fn a_picture_for_two_programs() {
    for backend in [&[][..], &["--backend", "smoltcp"]] {
        let folder = tempfile::tempdir().unwrap();
        let args = [backend, &["--clients", "2", "127.0.0.1:0"]].concat();
        let mut server = Running::start(SERVE, folder.path(), &args);
        let url = format!("http://{}/lake.bmp", server.address());
        for _ in 0..2 {
            let ran = run(env!("CARGO_BIN_EXE_download_picture"), folder.path(), &[&url]);
            assert!(ran.code == Some(0) && ran.stdout.contains(SHA256), "{ran:?}");
        }
        let (code, said) = server.end();
        assert_eq!((code, said.matches(": 230454 bytes").count()), (Some(0), 2), "{said}");
    }
}

/// One that never reads must not hold up the others.
#[test]
fn a_client_that_does_not_read_stands_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Running::start(ECHO, folder.path(), &["--clients", "2", "127.0.0.1:0"]);
    let address = server.address();
    let mut deaf = TcpStream::connect(address).unwrap();
    deaf.set_nonblocking(true).unwrap();
    // Until nothing fits any more, at neither end.
    while deaf.write(&[1; 65_536]).is_ok() {}
    echo(TcpStream::connect(address).unwrap(), 100_000);
    drop(deaf);
    assert_eq!(server.end().0, Some(0));
}

#[test]
fn chat_between_two_processes() {
    let folder = tempfile::tempdir().unwrap();
    // A port that is free now; the group is this machine's own.
    let free = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    let group = format!("239.255.77.78:{}", free.local_addr().unwrap().port());
    drop(free);
    let start = |name| {
        let mut chat = Running::start(CHAT, folder.path(), &["--group", &group, "--name", name]);
        assert_eq!(chat.line(), format!("{group} on 127.0.0.1, you are {name}"));
        chat
    };
    let mut anna = start("Anna");
    let mut bert = start("Bert");
    assert_eq!(anna.line(), "Bert: (is here)");
    bert.type_line("guten Tag, \u{3b1}\u{3b2}\u{3b3}");
    assert_eq!(anna.line(), "Bert: guten Tag, \u{3b1}\u{3b2}\u{3b3}");
    anna.type_line("\x1b[31mred\x07");
    assert_eq!(bert.line(), "Anna: .[31mred.");
    bert.type_line(&"x".repeat(500));
    assert_eq!(anna.line(), format!("Bert: {}", "x".repeat(400)));
    assert_eq!(anna.line(), format!("Bert: {}", "x".repeat(100)));
    bert.end_of_input();
    assert_eq!(anna.line(), "Bert: (is gone)");
    assert_eq!(bert.end(), (Some(0), String::new()));
    anna.end_of_input();
    assert_eq!(anna.end(), (Some(0), String::new()));
}

#[test]
fn chat_says_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(CHAT, folder.path(), &["--group", "10.1.2.3:5777"]);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.starts_with("chat: 10.1.2.3:5777: Invalid argument"), "{}", ran.stderr);
}

#[test]
fn poll_sees_everything() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(POLL, folder.path(), &["--ticks", "3", "--tick", "0.05"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let last = ran.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("9 datagrams, 3 connections, ") && last.ends_with(" 3 ticks"),
        "{last}"
    );
    assert!(ran.stdout.contains("IN  wake") && ran.stdout.contains("IN  socket 12: \"hello\""));
}

#[test]
fn command_lines() {
    let folder = tempfile::tempdir().unwrap();
    for program in [ECHO, CHAT, POLL, SERVE] {
        let ran = run(program, folder.path(), &["--help"]);
        assert_eq!((ran.code, ran.stdout.contains("usage: ")), (Some(0), true));
        for args in [&["--backend", "none"][..], &["--what"]] {
            assert_eq!(run(program, folder.path(), args).code, Some(2), "{args:?}");
        }
    }
}

/// Its bad networks are in the package of its body; here it runs on each backend.
#[test]
fn readings_reach_their_collector() {
    let upload = env!("CARGO_BIN_EXE_upload_telemetry");
    let backends: [&[&str]; 3] =
        [&[], &["--backend", "smoltcp"], &["--backend", "esp8285-at", "--fast-baud", "2000000"]];
    for backend in backends {
        let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
        let url = format!("http://{}/readings", server.server_addr());
        let folder = tempfile::tempdir().unwrap();
        let mut program = Running::start(upload, folder.path(), &[backend, &[&url]].concat());
        for reading in -1..300 {
            program.type_line(&reading.to_string());
        }
        program.end_of_input();
        let (mut came, mut busy) = (String::new(), true);
        while came.lines().count() < 301 {
            let mut request = server.recv_timeout(PATIENCE).unwrap().expect("a request");
            // It is asked again.
            let status = if busy { 503 } else { 204 };
            if !busy {
                request.as_reader().read_to_string(&mut came).unwrap();
            }
            busy = false;
            request.respond(tiny_http::Response::empty(status)).unwrap();
        }
        let expected: String =
            (0..301).map(|number| format!("{number} {}\n", number - 1)).collect();
        assert_eq!(came, expected);
        let (code, text) = program.end();
        assert_eq!((code, text.trim()), (Some(0), "sent 301, dropped 0"));
    }
}

const PATIENCE: std::time::Duration = std::time::Duration::from_secs(20);
