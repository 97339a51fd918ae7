//! `download_picture`, the real program, against servers good and bad.

mod support;

use std::io::Write;
use std::net::TcpStream;
use std::thread;

use support::{Ran, SHA256, files, hold, nobody, picture, run, server, sha256};

const PROGRAM: &str = env!("CARGO_BIN_EXE_download_picture");

fn download(args: &[&str]) -> (Ran, Option<Vec<u8>>) {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(PROGRAM, folder.path(), args);
    let files = files(folder.path());
    assert!(files.len() <= 1, "{files:?}");
    (ran, files.first().map(|path| std::fs::read(path).unwrap()))
}

/// Downloads from a server that sends what `serve` sends.
fn from(args: &[&str], serve: impl FnOnce(TcpStream) + Send + 'static) -> (Ran, Option<Vec<u8>>) {
    let (address, thread) = server(serve);
    let url = format!("http://{address}/Alice.bmp");
    let outcome = download(&[&[&*url], args].concat());
    thread.join().unwrap();
    outcome
}

/// A picture came, whole.
#[track_caller]
fn assert_good((ran, file): (Ran, Option<Vec<u8>>)) {
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(file.as_deref().map(sha256).as_deref(), Some(SHA256));
    assert!(ran.stdout.contains(SHA256), "{}", ran.stdout);
}

/// It failed with one line that holds these words, and left nothing behind.
#[track_caller]
fn assert_fails((ran, file): (Ran, Option<Vec<u8>>), words: &[&str]) {
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert_eq!(file, None);
    let message = ran.stderr.lines().last().unwrap_or("");
    assert!(message.starts_with("download_picture: http://127.0.0.1"), "{}", ran.stderr);
    for word in words {
        assert!(message.contains(word), "{message:?} lacks {word:?}");
    }
}

/// An answer with this head and a part of the picture.
fn answer(mut client: &TcpStream, head: &str, len: usize) {
    client.write_all(format!("HTTP/1.1 200 OK\r\n{head}\r\n").as_bytes()).unwrap();
    client.write_all(&picture()[..len]).unwrap();
}

const LENGTH: &str = "Content-Length: 230454\r\nConnection: close\r\n";

#[test]
fn it_serves_itself() {
    let (ran, file) = download(&[]);
    assert!(ran.stdout.contains("equal to the picture that was served"), "{}", ran.stdout);
    assert!(ran.stderr.contains("] 100 %  230454 of 230454 bytes"), "{}", ran.stderr);
    // 80 columns, and no escape sequences: this is no terminal.
    let columns = ran.stdout.lines().map(str::len).filter(|&len| len == 80).count();
    assert!(columns > 20 && !ran.stdout.contains('\x1b'), "{}", ran.stdout);
    assert_good((ran, file));
}

#[test]
fn colours_where_they_are_wanted() {
    let (ran, file) = download(&["--color", "always", "--width", "40"]);
    let lines = ran.stdout.lines().filter(|line| line.contains('\u{2580}'));
    let columns: Vec<usize> = lines.map(|line| line.matches('\u{2580}').count()).collect();
    assert_eq!(columns, [40; 15]);
    assert_good((ran, file));
}

#[test]
fn the_file_goes_where_it_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new").join("my.bmp");
    assert_good({
        let ran = run(PROGRAM, folder.path(), &["--out", path.to_str().unwrap()]);
        (ran, std::fs::read(&path).ok())
    });
    assert_eq!(files(folder.path()), [path]);
}

#[test]
fn a_complete_answer_in_any_framing() {
    assert_good(from(&[], |client| answer(&client, LENGTH, 230_454)));
    assert_good(from(&[], |client| answer(&client, "", 230_454)));
    assert_good(from(&[], |mut client| {
        client.write_all(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n").unwrap();
        client.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
        for piece in picture().chunks(10_007) {
            client.write_all(format!("{:X}\r\n", piece.len()).as_bytes()).unwrap();
            client.write_all(piece).unwrap();
            client.write_all(b"\r\n").unwrap();
        }
        client.write_all(b"0\r\n\r\n").unwrap();
    }));
}

#[test]
fn a_server_that_keeps_the_connection_is_not_waited_for() {
    let head = "Content-Length: 230454\r\n";
    assert_good(from(&["--timeout", "3600"], move |client| {
        answer(&client, head, 230_454);
        hold(client);
    }));
}

#[test]
fn a_server_that_says_it_closes_and_does_not() {
    assert_good(from(&["--timeout", "0.2"], |client| {
        answer(&client, LENGTH, 230_454);
        hold(client);
    }));
}

#[test]
fn a_truncated_answer() {
    for len in [0, 1, 100_000, 230_453] {
        let outcome = from(&[], move |client| answer(&client, LENGTH, len));
        assert_fails(outcome, &["truncated", &format!("{len} of 230454 bytes came")]);
    }
}

#[test]
fn a_stalled_answer() {
    let outcome = from(&["--timeout", "0.2"], |client| {
        answer(&client, LENGTH, 1000);
        hold(client);
    });
    assert_fails(outcome, &["stalled: no byte for 200ms", "1000 of 230454 bytes came"]);
    let outcome = from(&["--timeout", "0.2"], hold);
    assert_fails(outcome, &["stalled: no byte for 200ms", "0 bytes of the head came"]);
}

#[test]
fn a_reset_answer() {
    let outcome = from(&[], |client| {
        answer(&client, LENGTH, 1000);
        reset(client);
    });
    assert_fails(outcome, &["the connection was reset", "of 230454 bytes came"]);
}

fn reset(client: TcpStream) {
    let socket = socket2::Socket::from(client);
    socket.set_linger(Some(std::time::Duration::ZERO)).unwrap();
}

#[test]
fn nobody_there() {
    let (address, _socket) = nobody();
    let url = format!("http://{address}/x.bmp");
    assert_fails(download(&[&url]), &["no connection: Connection refused", "0 bytes came"]);
}

#[test]
fn a_wrong_length() {
    let outcome = from(&[], |client| {
        answer(&client, "Content-Length: 230000\r\nConnection: close\r\n", 230_454);
    });
    assert_fails(outcome, &["wrong length: the server sent more than it announced"]);
    let outcome = from(&[], |client| {
        answer(&client, "Content-Length: 230000\r\n", 230_000);
        hold(client);
    });
    assert_fails(outcome, &["the BMP breaks off: it has 230000 bytes, its head says 230454"]);
    let outcome = from(&[], |client| answer(&client, "", 230_000));
    assert_fails(outcome, &["the BMP breaks off", "(230000 bytes came)"]);
    let outcome = from(&[], |client| answer(&client, "Content-Length: many\r\n", 9));
    assert_fails(outcome, &["a length that is none"]);
}

#[test]
fn another_status() {
    for status in ["404 Not Found", "301 Moved Permanently", "500 \x1b[31mOops", "204 No Content"] {
        let outcome = from(&[], move |mut client| {
            client.write_all(format!("HTTP/1.1 {status}\r\n\r\n").as_bytes()).unwrap();
        });
        assert!(!outcome.0.stderr.contains('\x1b'));
        let words = if status.contains('\x1b') { "not speak HTTP" } else { status };
        assert_fails(outcome, &[words, "0 bytes came"]);
    }
}

#[test]
fn something_else_than_a_picture() {
    let outcome = from(&[], |mut client| {
        client.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>").unwrap();
    });
    assert_fails(outcome, &["not a BMP picture", "(6 bytes came)"]);
    let outcome = from(&[], |mut client| client.write_all(b"220 smtp ready\r\n").unwrap());
    assert_fails(outcome, &["the server does not speak HTTP"]);
    let outcome = from(&[], drop);
    assert_fails(outcome, &["closed the connection without an answer"]);
    let outcome = from(&[], |mut client| client.write_all(b"HTTP/1.1 200 ").unwrap());
    assert_fails(outcome, &["within the head, after 13 bytes"]);
    let outcome = from(&[], |client| answer(&client, "Content-Encoding: gzip\r\n", 9));
    assert_fails(outcome, &["packed the file"]);
    let outcome = from(&[], |mut client| {
        client
            .write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nBMxy")
            .unwrap();
    });
    assert_fails(outcome, &["the chunks are garbled", "3 bytes came"]);
}

#[test]
fn too_much() {
    let outcome = from(&["--limit", "1000"], |client| {
        answer(&client, LENGTH, 0);
        hold(client);
    });
    assert_fails(outcome, &["too large: 230454 bytes announced, the limit is 1000"]);
    let outcome = from(&["--limit", "1000"], |mut client| {
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        // Without end, until the other side has had enough.
        while client.write_all(&[b'B'; 4096]).is_ok() {}
    });
    assert_fails(outcome, &["too large: more than the limit of 1000 bytes came"]);
    let outcome = from(&[], |mut client| {
        // An answer that is all head.
        let _ = client.write_all(b"HTTP/1.1 200 OK\r\n");
        while client.write_all(b"X-Header: yes\r\n").is_ok() {}
    });
    assert_fails(outcome, &["the head of the answer is too long"]);
}

#[test]
fn a_picture_of_absurd_size() {
    let outcome = from(&[], |mut client| {
        let mut file = picture().to_vec();
        file[22..26].copy_from_slice(&i32::MAX.to_le_bytes());
        client.write_all(b"HTTP/1.1 200 OK\r\n\r\n").unwrap();
        client.write_all(&file).unwrap();
    });
    assert_fails(outcome, &["no screen for 320x2147483647 pixels"]);
}

#[test]
fn a_real_server() {
    let server = tiny_http::Server::http("127.0.0.1:0").unwrap();
    let base = format!("http://{}", server.server_addr());
    let thread = thread::spawn(move || {
        for _ in 0..3 {
            let request = server.recv().unwrap();
            let response = tiny_http::Response::from_data(picture());
            match request.url() {
                "/length.bmp" => request.respond(response),
                "/chunked.bmp" => request.respond(response.with_chunked_threshold(0)),
                _ => request.respond(response.with_status_code(404)),
            }
            .unwrap();
        }
    });
    assert_good(download(&[&format!("{base}/length.bmp")]));
    assert_good(download(&[&format!("{base}/chunked.bmp")]));
    assert_fails(download(&[&format!("{base}/none.bmp")]), &["404 Not Found"]);
    thread.join().unwrap();
}

#[test]
fn command_lines() {
    let (ran, _) = download(&["--help"]);
    assert_eq!((ran.code, ran.stdout.contains("usage: download_picture")), (Some(0), true));
    for (args, words) in [
        (&["--backend", "pigeon"][..], "backend \"pigeon\" is not built in; this build has: std"),
        (&["--backend"][..], "missing"),
        (&["--timeout", "0"][..], "not a positive number"),
        (&["--timeout", "-1"][..], "not a positive number"),
        (&["--color", "sometimes"][..], "auto, always, never"),
        (&["--nonsense"][..], "invalid option"),
        (&["http://a.test/", "http://b.test/"][..], "unexpected argument"),
    ] {
        let (ran, file) = download(args);
        assert_eq!((ran.code, file), (Some(2), None), "{args:?}");
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
    let (ran, _) = download(&["https://example.org/x.bmp"]);
    assert_eq!((ran.code, ran.stderr.contains("only http://")), (Some(1), true));
}
