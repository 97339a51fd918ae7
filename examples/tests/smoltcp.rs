//! The programs on smoltcp, behind the gateway in their own process. Real sockets, real time,
//! no root.

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, UdpSocket};
use std::thread;

use support::{
    Running, SHA256, download, files, hold, nobody, picture, run, server, sha256, web_server,
};

const DOWNLOAD: &str = env!("CARGO_BIN_EXE_download_picture");
const ECHO: &str = env!("CARGO_BIN_EXE_echo_server");
const CHAT: &str = env!("CARGO_BIN_EXE_chat");

const SMOLTCP: [&str; 2] = ["--backend", "smoltcp"];

#[test]
fn it_serves_itself_with_two_stacks() {
    let ran = download(&SMOLTCP);
    assert!(ran.stdout.contains("equal to the picture that was served"), "{}", ran.stdout);
}

/// The web server is another process: this one.
#[test]
fn from_a_real_server_on_loopback() {
    let clients = ["127.0.0.1", "localhost", "10.0.2.2"];
    let (port, server) = web_server(clients.len());
    for host in clients {
        download(&[&SMOLTCP[..], &[&format!("http://{host}:{port}/lake.bmp")]].concat());
    }
    server.join().unwrap();
}

#[test]
fn what_goes_wrong_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let failed = |url: &str| {
        let args = [&SMOLTCP[..], &["--timeout", "1", url]].concat();
        let ran = run(DOWNLOAD, folder.path(), &args);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        ran.stderr.lines().last().unwrap_or_default().to_owned()
    };
    let (address, _socket) = nobody();
    let said = failed(&format!("http://{address}/x.bmp"));
    assert!(said.contains("no connection: Connection refused"), "{said}");

    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", picture().len());
    let begin = move |client: &mut TcpStream| {
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&picture()[..1000]).unwrap();
    };
    let to_begin = begin.clone();
    let (address, thread) = server(move |mut client| to_begin(&mut client));
    let said = failed(&format!("http://{address}/x.bmp"));
    assert!(said.contains("truncated") && said.contains("(1000 of 230454"), "{said}");
    thread.join().unwrap();

    let (address, thread) = server(move |mut client| {
        begin(&mut client);
        hold(client);
    });
    let said = failed(&format!("http://{address}/x.bmp"));
    assert!(said.contains("stalled") && said.contains("(1000 of 230454"), "{said}");
    thread.join().unwrap();
    assert_eq!(files(folder.path()), Vec::<std::path::PathBuf>::new());
}

/// From stack to stack, and from each to the operating system's.
#[test]
fn a_file_goes_from_board_to_board() {
    let none: &[&str] = &[];
    for (sends, receives) in [(&SMOLTCP[..], &SMOLTCP[..]), (&SMOLTCP, none), (none, &SMOLTCP)] {
        let folder = tempfile::tempdir().unwrap();
        let receiver = env!("CARGO_BIN_EXE_receive_picture");
        let args = [receives, &["--out", "got.bmp", "127.0.0.1:0"]].concat();
        let mut receiver = Running::start(receiver, folder.path(), &args);
        let to = receiver.address().to_string();
        assert!(to.starts_with("127.0.0.1:"), "{to}");
        let sender = env!("CARGO_BIN_EXE_send_picture");
        let sent = run(sender, folder.path(), &[sends, &[&to]].concat());
        assert_eq!(sent.code, Some(0), "{sent:?}");
        assert!(sent.stdout.contains("sent 230454 bytes"), "{}", sent.stdout);
        let (code, said) = receiver.end();
        assert!(code == Some(0) && said.contains(SHA256), "{said}");
        assert_eq!(sha256(&std::fs::read(folder.path().join("got.bmp")).unwrap()), SHA256);
    }
}

#[test]
fn echo_for_more_clients_than_it_has_places() {
    const CLIENTS: usize = 70;
    let folder = tempfile::tempdir().unwrap();
    let args = [&SMOLTCP[..], &["--clients", "70", "127.0.0.1:0"]].concat();
    let mut server = Running::start(ECHO, folder.path(), &args);
    let address = server.address();

    let udp = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    udp.send_to(b"datagram", address).unwrap();
    let mut buf = [0; 100];
    assert_eq!(udp.recv_from(&mut buf).unwrap(), (8, address));
    assert_eq!(&buf[..8], b"datagram");

    thread::scope(|scope| {
        for number in 0..CLIENTS {
            scope.spawn(move || echo(address, 1000 + number * 3000));
        }
    });
    let (code, text) = server.end();
    assert_eq!(code, Some(0));
    assert_eq!(text.matches("hello").count(), CLIENTS);
    assert_eq!(text.matches("bytes, bye").count(), CLIENTS);
}

fn echo(address: SocketAddr, len: usize) {
    let mut client = TcpStream::connect(address).unwrap();
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
fn poll_sees_everything() {
    let folder = tempfile::tempdir().unwrap();
    let args = [&SMOLTCP[..], &["--ticks", "3", "--tick", "0.2"]].concat();
    let ran = run(env!("CARGO_BIN_EXE_poll_many"), folder.path(), &args);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let last = ran.stdout.lines().last().unwrap();
    assert!(
        last.starts_with("9 datagrams, 3 connections, ") && last.ends_with(" 3 ticks"),
        "{last}"
    );
    assert!(ran.stdout.contains("IN  wake") && ran.stdout.contains("IN  socket 12: \"hello\""));
}

/// Two stacks and the operating system's sockets in one group.
#[test]
fn a_chat_of_boards_and_a_pc() {
    let folder = tempfile::tempdir().unwrap();
    let free = UdpSocket::bind(("0.0.0.0", 0)).unwrap();
    let group = format!("239.255.77.80:{}", free.local_addr().unwrap().port());
    drop(free);
    let start = |backend: &[&str], name| {
        let args = [backend, &["--group", &group, "--name", name]].concat();
        let mut chat = Running::start(CHAT, folder.path(), &args);
        let line = chat.line();
        assert!(line.starts_with(&group) && line.ends_with(name), "{line}");
        chat
    };
    let mut anna = start(&SMOLTCP, "Anna");
    let mut bert = start(&[], "Bert");
    assert_eq!(anna.line(), "Bert: (is here)");
    let mut carl = start(&SMOLTCP, "Carl");
    assert_eq!(anna.line(), "Carl: (is here)");
    assert_eq!(bert.line(), "Carl: (is here)");
    anna.type_line("hello");
    assert_eq!(bert.line(), "Anna: hello");
    assert_eq!(carl.line(), "Anna: hello");
    bert.end_of_input();
    assert_eq!(anna.line(), "Bert: (is gone)");
    assert_eq!(bert.end(), (Some(0), String::new()));
    anna.end_of_input();
    assert_eq!(anna.end(), (Some(0), String::new()));
    carl.end_of_input();
    assert_eq!(carl.end().0, Some(0));
}

#[test]
fn frames_can_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(DOWNLOAD, folder.path(), &[&SMOLTCP[..], &["--pcap", "all.pcap"]].concat());
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let frames = std::fs::read(folder.path().join("all.pcap")).unwrap();
    // The picture and its request.
    assert_eq!(frames[..4], [0xd4, 0xc3, 0xb2, 0xa1]);
    assert!(frames.len() > picture().len());
    assert!(frames.windows(14).any(|bytes| bytes == b"GET /lake.bmp "));
}

#[test]
fn command_lines() {
    let folder = tempfile::tempdir().unwrap();
    for (args, words) in [
        (&["--tap", "tap0"][..], "--tap goes with --backend smoltcp"),
        (&["--backend", "esp8285-at", "--pcap", "x"], "--pcap goes with --backend smoltcp"),
        (&["--backend", "smoltcp", "--ssid", "a"], "--ssid goes with --backend esp8285-at"),
        (&["--backend", "smoltcp", "--address", "10.0.0.2/24"], "go with --tap or --packet"),
        (&["--backend", "smoltcp", "--address", "10.0.0.2"], "is not an address like"),
    ] {
        let ran = run(DOWNLOAD, folder.path(), &[args, &["http://127.0.0.1:9/x.bmp"]].concat());
        assert_eq!((ran.code, ran.stderr.contains(words)), (Some(2), true), "{}", ran.stderr);
    }
    let ran = run(DOWNLOAD, folder.path(), &["--backend", "smoltcp", "--pcap", "no/where.pcap"]);
    assert_eq!((ran.code, ran.stderr.contains("no/where.pcap: ")), (Some(1), true), "{ran:?}");
    let scan = env!("CARGO_BIN_EXE_wifi_scan");
    let ran = run(scan, folder.path(), &SMOLTCP);
    assert_eq!((ran.code, ran.stderr.contains("can scan")), (Some(2), true), "{ran:?}");
}

#[cfg(target_os = "linux")]
#[test]
fn devices_that_are_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let url = "http://10.0.0.1/x.bmp";
    for device in ["--tap", "--packet"] {
        let args = [&SMOLTCP[..], &[device, "no/such", "--address", "10.0.0.2/24", url]].concat();
        let ran = run(DOWNLOAD, folder.path(), &args);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("no/such: "), "{ran:?}");
    }
    let args = [&SMOLTCP[..], &["--tap", "a", "--packet", "b", url]].concat();
    let ran = run(DOWNLOAD, folder.path(), &args);
    assert_eq!((ran.code, ran.stderr.contains("not both")), (Some(2), true), "{ran:?}");
}
