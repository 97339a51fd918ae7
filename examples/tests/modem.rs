//! The programs on the modem: simulated in their own process, and behind the
//! pseudo-terminal of the simulator program. Real sockets, real time.

mod support;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::thread;

use support::{Running, SHA256, download, run, sha256, web_server};

const DOWNLOAD: &str = env!("CARGO_BIN_EXE_download_picture");
const ECHO: &str = env!("CARGO_BIN_EXE_echo_server");
const SCAN: &str = env!("CARGO_BIN_EXE_wifi_scan");

const MODEM: [&str; 2] = ["--backend", "esp8285-at"];

/// The picture's URL at a real web server for so many clients.
fn page(clients: usize) -> (String, thread::JoinHandle<()>) {
    let (port, server) = web_server(clients);
    (format!("http://127.0.0.1:{port}/lake.bmp"), server)
}

#[test]
fn it_serves_itself_with_two_modems() {
    for firmware in ["1.7.6", "2.2"] {
        let ran = download(&[&MODEM[..], &["--firmware", firmware]].concat());
        assert!(ran.stdout.contains("equal to the picture that was served"), "{}", ran.stdout);
    }
}

#[test]
fn from_a_real_server_with_every_firmware() {
    let firmwares = ["1.5", "1.7.0", "1.7.2", "1.7.6", "2.1", "2.2"];
    let (url, server) = page(firmwares.len());
    for firmware in firmwares {
        // Fast, as this is not about the wire.
        let options = ["--firmware", firmware, "--fast-baud", "2000000", &url];
        download(&[&MODEM[..], &options].concat());
    }
    server.join().unwrap();
}

#[test]
fn the_wire_can_be_watched() {
    let (url, server) = page(1);
    let ran = download(&[&MODEM[..], &["--trace", "--fast-baud", "2000000", &url]].concat());
    assert!(ran.stderr.contains("-> AT+CWJAP_CUR="), "{}", ran.stderr);
    assert!(ran.stderr.contains("<- WIFI GOT IP"), "{}", ran.stderr);
    server.join().unwrap();
}

#[test]
fn a_file_goes_from_modem_to_modem() {
    let folder = tempfile::tempdir().unwrap();
    let receiver = env!("CARGO_BIN_EXE_receive_picture");
    let args = [&MODEM[..], &["--out", "got.bmp", "127.0.0.1:0"]].concat();
    let mut receiver = Running::start(receiver, folder.path(), &args);
    let to = receiver.address().to_string();
    let sender = env!("CARGO_BIN_EXE_send_picture");
    let sent = run(sender, folder.path(), &[&MODEM[..], &[&to]].concat());
    assert_eq!(sent.code, Some(0), "{sent:?}");
    assert!(sent.stdout.contains("sent 230454 bytes"), "{}", sent.stdout);
    let (code, said) = receiver.end();
    assert!(code == Some(0) && said.contains(SHA256), "{said}");
    assert_eq!(sha256(&std::fs::read(folder.path().join("got.bmp")).unwrap()), SHA256);
}

/// Four clients and the socket for datagrams are the five links of a modem. The clients do
/// not half-close: to a modem the peer's FIN is the end of both directions.
#[test]
fn echo_on_all_links() {
    for firmware in [&["--firmware", "1.7.6"][..], &["--firmware", "2.2", "--active"]] {
        let folder = tempfile::tempdir().unwrap();
        let args = [&MODEM[..], firmware, &["--clients", "4", "127.0.0.1:0"]].concat();
        let mut server = Running::start(ECHO, folder.path(), &args);
        let address = server.address();
        let udp = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
        udp.send_to(b"datagram", address).unwrap();
        let mut buf = [0; 100];
        assert_eq!(udp.recv_from(&mut buf).unwrap(), (8, address));
        assert_eq!(&buf[..8], b"datagram");
        thread::scope(|scope| {
            for number in 0..4 {
                scope.spawn(move || echo(address, 1000 + number * 3000));
            }
        });
        let (code, said) = server.end();
        assert_eq!(code, Some(0));
        assert_eq!(said.matches("hello").count(), 4, "{said}");
    }
}

fn echo(address: SocketAddr, len: usize) {
    let mut client = TcpStream::connect(address).unwrap();
    let sent: Vec<u8> = (0..len).map(|at| at.to_le_bytes()[0] ^ at.to_le_bytes()[1]).collect();
    let mut writer = client.try_clone().unwrap();
    thread::scope(|scope| {
        scope.spawn(|| writer.write_all(&sent).unwrap());
        let mut got = vec![0; len];
        client.read_exact(&mut got).unwrap();
        assert!(got == sent);
    });
}

#[test]
fn a_poll_over_all_links() {
    let folder = tempfile::tempdir().unwrap();
    let ran = run(env!("CARGO_BIN_EXE_poll_many"), folder.path(), &MODEM);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("5 connections"), "{}", ran.stdout);
    // Passive receive of 2.x would merge datagrams, so there are none.
    let args = [&MODEM[..], &["--firmware", "2.2"]].concat();
    let ran = run(env!("CARGO_BIN_EXE_poll_many"), folder.path(), &args);
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("EOPNOTSUPP") && ran.stderr.contains("--active"), "{}", ran.stderr);
}

#[test]
fn a_chat_says_that_there_is_no_multicast() {
    let folder = tempfile::tempdir().unwrap();
    for firmware in [&["--firmware", "1.7.6"][..], &["--firmware", "2.2", "--active"]] {
        let chat = env!("CARGO_BIN_EXE_chat");
        let ran = run(chat, folder.path(), &[&MODEM[..], firmware].concat());
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("this network has no multicast"), "{}", ran.stderr);
    }
}

#[test]
fn a_scan_needs_a_radio() {
    let folder = tempfile::tempdir().unwrap();
    for firmware in ["1.5", "1.7.6", "2.2"] {
        let ran = run(SCAN, folder.path(), &["--firmware", firmware]);
        let lines: Vec<&str> = ran.stdout.lines().collect();
        assert_eq!(lines[1], "  -55        6  WPA2      02:00:00:00:00:10  usocket");
        assert_eq!(lines[2], "  -71       11  WPA2      02:00:00:00:00:11  Neighbours");
        assert_eq!((lines[3], ran.code), ("2 access points", Some(0)));
    }
    let ran = run(SCAN, folder.path(), &["--backend", "std"]);
    assert_eq!((ran.code, ran.stderr.contains("can scan")), (Some(2), true));
}

#[test]
fn command_lines() {
    let folder = tempfile::tempdir().unwrap();
    for (args, words) in [
        (&["--ssid", "a"][..], "--ssid goes with --backend esp8285-at"),
        (&["--backend", "esp8285-at", "--port", "/dev/null"], "--port needs --ssid"),
        (&["--backend", "esp8285-at", "--firmware", "3"], "no simulated firmware \"3\""),
        (&["--backend", "esp8285-at", "--baud", "5"], "5 baud: 300 to 4500000"),
        (
            &["--backend", "esp8285-at", "--port", "x", "--ssid", "a", "--firmware", "1.5"],
            "--firmware is for a simulated modem",
        ),
    ] {
        let ran = run(DOWNLOAD, folder.path(), &[args, &["http://127.0.0.1:9/x.bmp"]].concat());
        assert_eq!((ran.code, ran.stderr.contains(words)), (Some(2), true), "{}", ran.stderr);
    }
    let help = run(DOWNLOAD, folder.path(), &["--help"]).stdout;
    assert!(help.contains("--fast-baud N") && !help.contains("{network}"), "{help}");
}

#[cfg(unix)]
mod at_a_port {
    use super::*;
    use support::simulator;

    const AIR: [&str; 6] = ["--ssid", "home", "--password", "secret12", "--join-time", "50"];
    const KEY: [&str; 4] = ["--ssid", "home", "--password", "secret12"];

    fn start(options: &[&str]) -> (Running, String) {
        let folder = tempfile::tempdir().unwrap();
        let args = [options, &AIR, &["--no-trace"]].concat();
        let mut program = Running::start(simulator(), folder.path(), &args);
        let line = program.line();
        let port = line.strip_prefix("port: ").unwrap_or_else(|| panic!("{line:?}"));
        (program, port.to_owned())
    }

    #[test]
    fn through_the_pseudo_terminal_of_the_simulator_program() {
        let (url, server) = page(3);
        for firmware in ["1.5", "1.7.6", "2.2"] {
            let (_program, port) = start(&["--firmware", firmware, "--baud", "921600"]);
            let options = ["--port", &port, "--baud", "921600", &url];
            download(&[&MODEM[..], &options, &KEY].concat());
        }
        server.join().unwrap();
    }

    #[test]
    fn through_its_tcp_port() {
        let (url, server) = page(1);
        let (_program, port) = start(&["--tcp", "127.0.0.1:0", "--baud", "921600"]);
        download(&[&MODEM[..], &["--port", &port, &url], &KEY].concat());
        server.join().unwrap();
    }

    #[test]
    fn what_goes_wrong_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let (_program, port) = start(&[]);
        let at = ["--port", &port, "--ssid", "home", "--password"];
        let url = "http://127.0.0.1:9/x.bmp";
        let ran = run(DOWNLOAD, folder.path(), &[&MODEM[..], &at, &["wrong", url]].concat());
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains("cannot join \"home\": "), "{}", ran.stderr);
        assert!(ran.stderr.contains("EACCES"), "{}", ran.stderr);
        let ran = run(SCAN, folder.path(), &["--port", &port]);
        assert!(ran.stdout.contains("  home\n1 access points"), "{}", ran.stdout);
        let ran = run(SCAN, folder.path(), &["--port", "/nowhere"]);
        assert_eq!((ran.code, ran.stderr.contains("/nowhere: No such file")), (Some(1), true));
    }
}
