//! The other images: the server of many, the sender, the scan.

use std::net::SocketAddr;
use std::time::Duration;

use crate::support::{board, no_loss, pass};
use k210_emulator::{Ending, picture};

#[test]
fn wifi_scan_lists_what_is_on_the_air() {
    let (mut machine, _modem) = board("wifi_scan");
    pass(&mut machine);
    no_loss(&machine);
    let said = machine.console();
    assert!(said.contains(" -55 dBm  channel  6  usocket\n"), "{said}");
    assert!(said.contains(" -71 dBm  channel 11  Neighbours\n"), "{said}");
}

#[test]
fn send_picture_sends_every_byte() {
    let (mut machine, modem) = board("send_picture");
    let at: SocketAddr = "10.0.0.1:3456".parse().unwrap();
    let (mut conn, mut received, mut ms) = (None, Vec::new(), 0);
    loop {
        ms += 10;
        let ending = machine.run(Duration::from_millis(ms), |_| false);
        let now = machine.now().instant();
        let mut modem = modem.borrow_mut();
        modem.advance(now);
        let mut peers = modem.net_mut().peers(now);
        if ms == 10 {
            peers.listen(at);
        }
        conn = conn.or_else(|| peers.accept(at));
        received.extend(conn.map(|conn| peers.recv(conn, usize::MAX)).unwrap_or_default());
        if ending == Ending::Halted {
            break;
        }
        assert!(ms < 60_000, "{}", machine.console());
    }
    assert!(machine.console().ends_with("sent 230454 bytes\npassed\n"), "{}", machine.console());
    assert!(received == picture(), "{} bytes came, or other ones", received.len());
    no_loss(&machine);
}

#[test]
fn echo_server_serves_clients_side_by_side() {
    let (mut machine, modem) = board("echo_server");
    let ready = |said: &[u8]| said.ends_with(b"TCP and UDP\r\n");
    assert_eq!(machine.run(Duration::from_secs(20), ready), Ending::Seen);
    let mut clients = Vec::new();
    let mut ms = u64::try_from(machine.now().since_start().as_millis()).unwrap();
    let text = |which: usize| format!("client {which}, {}", "x".repeat(700 + which)).into_bytes();
    let end = ms + 20_000;
    while ms < end {
        ms += 20;
        let _ = machine.run(Duration::from_millis(ms), |_| false);
        let now = machine.now().instant();
        let mut modem = modem.borrow_mut();
        modem.advance(now);
        let mut peers = modem.net_mut().peers(now);
        if clients.len() < 3 {
            let from =
                SocketAddr::from(([10, 0, 0, 20 + u8::try_from(clients.len()).unwrap()], 5000));
            if let Some(conn) = peers.connect(from, 7007) {
                peers.send(conn, &text(clients.len()));
                clients.push((conn, Vec::new()));
            }
        }
        for (conn, got) in &mut clients {
            got.extend(peers.recv(*conn, usize::MAX));
        }
        if clients.len() == 3
            && clients.iter().enumerate().all(|(at, (_, got))| got.len() >= text(at).len())
        {
            break;
        }
    }
    for (at, (_, got)) in clients.iter().enumerate() {
        assert!(*got == text(at), "client {at}: {} bytes\n{}", got.len(), machine.console());
    }
    assert_eq!(clients.len(), 3);
    no_loss(&machine);
}
