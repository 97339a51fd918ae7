//! `send_picture` and `receive_picture`, the real programs.

mod support;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use support::{Running, SHA256, files, nobody, picture, run, sha256};

const SEND: &str = env!("CARGO_BIN_EXE_send_picture");
const RECEIVE: &str = env!("CARGO_BIN_EXE_receive_picture");

#[test]
fn what_is_sent_is_received() {
    let folder = tempfile::tempdir().unwrap();
    let mut receiver = Running::start(RECEIVE, folder.path(), &["127.0.0.1:0"]);
    let address = receiver.address().to_string();
    let sent = run(SEND, folder.path(), &[&address]);
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert!(sent.stdout.contains("sent 230454 bytes"), "{sent:?}");

    let (code, text) = receiver.end();
    assert_eq!(code, Some(0));
    assert!(text.contains("230454 bytes from 127.0.0.1:") && text.contains(SHA256), "{text}");
    let saved = std::fs::read(folder.path().join("out").join("received.bmp")).unwrap();
    assert_eq!(sha256(&saved), SHA256);
}

/// The reference's routine ignores what `send` returns; nothing may get lost by it.
#[test]
fn a_slow_receiver_gets_every_byte() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    socket2::SockRef::from(&listener).set_recv_buffer_size(4096).unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let folder = tempfile::tempdir().unwrap();
    let file: Vec<u8> = (0..8 << 20).map(|at: u32| at.to_le_bytes()[1]).collect();
    std::fs::write(folder.path().join("file"), &file).unwrap();

    let mut sender = Running::start(SEND, folder.path(), &["--file", "file", &address]);
    let (mut client, _) = listener.accept().unwrap();
    let mut got = Vec::new();
    let mut piece = vec![0; 50_000];
    loop {
        match client.read(&mut piece).unwrap() {
            0 => break,
            len => got.extend_from_slice(&piece[..len]),
        }
        // Its buffers fill up meanwhile, ever again.
        if got.len() < 1_000_000 {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    assert_eq!((got.len(), sha256(&got)), (file.len(), sha256(&file)));
    assert!(sender.line().starts_with("sent 8388608 bytes"));
    assert_eq!(sender.end().0, Some(0));
}

#[test]
fn a_receiver_that_is_gone() {
    let (address, _socket) = nobody();
    let folder = tempfile::tempdir().unwrap();
    let sent = run(SEND, folder.path(), &[&address]);
    assert_eq!(sent.code, Some(1));
    assert!(
        sent.stderr.contains("Connection refused") && sent.stderr.contains("0 bytes"),
        "{sent:?}"
    );
}

#[test]
fn a_sender_that_breaks_off() {
    let folder = tempfile::tempdir().unwrap();
    for (timeout, reset) in [("30", true), ("0.2", false)] {
        let args = ["--timeout", timeout, "127.0.0.1:0"];
        let mut receiver = Running::start(RECEIVE, folder.path(), &args);
        let mut sender = TcpStream::connect(receiver.address()).unwrap();
        sender.write_all(&picture()[..1000]).unwrap();
        if reset {
            socket2::SockRef::from(&sender).set_linger(Some(Duration::ZERO)).unwrap();
            drop(sender);
            assert_eq!(receiver.end().0, Some(1));
        } else {
            assert_eq!(receiver.end().0, Some(1));
            drop(sender);
        }
        assert_eq!(files(folder.path()), [] as [std::path::PathBuf; 0]);
    }
}

#[test]
fn command_lines() {
    let folder = tempfile::tempdir().unwrap();
    for program in [SEND, RECEIVE] {
        let ran = run(program, folder.path(), &["--help"]);
        assert_eq!((ran.code, ran.stdout.contains("usage: ")), (Some(0), true));
        for args in [&["--backend", "none"][..], &["nowhere"], &["1.2.3.4:99999"], &["--what"]] {
            assert_eq!(run(program, folder.path(), args).code, Some(2), "{args:?}");
        }
    }
    let ran = run(SEND, folder.path(), &["--file", "none"]);
    assert_eq!((ran.code, ran.stderr.contains("none: ")), (Some(1), true));
}
