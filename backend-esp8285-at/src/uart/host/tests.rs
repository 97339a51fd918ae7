use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::vec::Vec;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::*;

/// All that comes until it is as long as expected.
fn receive(uart: &mut HostUart, notices: &Receiver<()>, len: usize) -> Vec<u8> {
    let mut found = Vec::new();
    let mut buf = [0; 300];
    while found.len() < len {
        match uart.read(&mut buf).unwrap() {
            0 => notices.recv().unwrap(),
            len => found.extend_from_slice(&buf[..len]),
        }
    }
    found
}

/// Sends all, waiting for notices.
fn send(uart: &mut HostUart, notices: &Receiver<()>, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match uart.write(bytes) {
            0 => notices.recv().unwrap(),
            len => bytes = &bytes[len..],
        }
    }
}

fn all_values(times: usize) -> Vec<u8> {
    (0..=255).cycle().take(256 * times).collect()
}

#[test]
fn marks_are_taken_out() {
    let table: [(&[u8], &[Option<u8>]); 5] = [
        (b"ab", &[Some(b'a'), Some(b'b')]),
        (&[0xFF, 0xFF, 0], &[Some(0xFF), Some(0)]),
        (&[1, 0xFF, 0, 7, 2], &[Some(1), None, Some(2)]),
        // A break, and a hurt FF.
        (&[0xFF, 0, 0, 0xFF, 0, 0xFF], &[None, None]),
        (&[0xFF, 0xFF, 0xFF, 0, 9, 0xFF, 0xFF], &[Some(0xFF), None, Some(0xFF)]),
    ];
    for (raw, expected) in table {
        let mut marks = Marks::default();
        let found: Vec<_> = raw.iter().filter_map(|byte| marks.next(*byte)).collect();
        let found: Vec<_> = found.into_iter().map(Result::ok).collect();
        assert_eq!(found, expected, "{raw:?}");
    }
}

#[test]
fn a_pseudo_terminal_carries_all_values_both_ways() {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let path = ptsname(&master, Vec::new()).unwrap();
    let (mut uart, reader) = HostUart::open(path.to_str().unwrap(), 115_200).unwrap();
    assert!(uart.set_baud(921_600));
    assert!(uart.is_idle() && uart.writable() && !uart.readable());
    let (notify, notices) = channel();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || reader.run(|| _ = notify.send(())));
        let data = all_values(1);
        assert_eq!(write(&master, &data), Ok(256));
        assert_eq!(receive(&mut uart, &notices, 256), data);
        // More than it holds, so that it must wait for room.
        let echo = scope.spawn(|| {
            let mut found = Vec::new();
            let mut buf = [0; 1000];
            while found.len() < 256 * 256 {
                let len = read(&master, &mut buf[..]).unwrap();
                found.extend_from_slice(&buf[..len]);
            }
            found
        });
        let data = all_values(256);
        send(&mut uart, &notices, &data);
        assert!(echo.join().unwrap() == data);
        drop(uart);
        reader.join().unwrap().unwrap();
    });
}

#[test]
fn a_reader_that_must_wait_for_room_goes_on() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (mut uart, reader) = HostUart::connect(listener.local_addr().unwrap()).unwrap();
    assert!(!uart.set_baud(9600), "of fixed rate");
    let (mut modem, _) = listener.accept().unwrap();
    let (notify, notices) = channel();
    std::thread::scope(|scope| {
        let reader = scope.spawn(move || reader.run(|| _ = notify.send(())));
        let data = all_values(1000);
        let sent = data.clone();
        let sender = scope.spawn(move || {
            modem.write_all(&sent).unwrap();
            modem
        });
        // It has filled the queue as far as it does, and waits.
        while uart.0.queue.room() >= 1024 {
            notices.recv().unwrap();
        }
        assert!(receive(&mut uart, &notices, data.len()) == data);
        // The other end goes.
        drop(sender.join().unwrap());
        let error = reader.join().unwrap().unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    });
}

#[test]
fn a_stop_ends_the_reader() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (uart, reader) = HostUart::connect(listener.local_addr().unwrap()).unwrap();
    std::thread::scope(|scope| {
        let stop = uart.stop();
        let reader = scope.spawn(move || reader.run(|| panic!("nothing comes")));
        drop(stop);
        reader.join().unwrap().unwrap();
    });
    drop(uart);
}
