//! On the host, over loopback: needs no board, no network and no root.

extern crate std;

use std::string::ToString;
use std::thread;
use std::vec::Vec;

use usocket::std::StdNet;

use super::*;

fn listener(net: &StdNet) -> Socket<'_, StdNet> {
    let listener = net.tcp().unwrap();
    listener.bind(("127.0.0.1", 0)).unwrap();
    listener.listen(None).unwrap();
    listener
}

fn climate(temperature: i16, humidity: u8) -> Climate {
    Climate { temperature, humidity }
}

#[test]
fn the_window_follows_the_temperature() {
    let net = StdNet::new();
    let listener = listener(&net);
    let address = listener.local_addr().unwrap().to_string();
    let day = [climate(-5, 90), climate(251, 40), climate(250, 45)];
    let mut answers = Vec::new();
    thread::scope(|scope| {
        let other_end = scope.spawn(|| collector(&listener).unwrap());
        assert_eq!(station(&net, &address, day, |window| answers.push(window)), Ok(3));
        assert_eq!(other_end.join().unwrap().1, Some(climate(251, 40)));
    });
    assert_eq!(answers, [Window::Shut, Window::Open, Window::Shut]);
    net.drain(5).unwrap();
}

#[test]
fn a_collector_that_hangs_up_is_noticed() {
    let net = StdNet::new();
    let listener = listener(&net);
    let address = listener.local_addr().unwrap().to_string();
    thread::scope(|scope| {
        scope.spawn(|| drop(listener.accept().unwrap()));
        let outcome = station(&net, &address, [climate(0, 0)], |_| ());
        assert!(matches!(outcome, Err(Error::ECONNRESET | Error::EPIPE)), "{outcome:?}");
    });
}

#[test]
fn nobody_there() {
    let net = StdNet::new();
    let listener = listener(&net);
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    assert_eq!(station(&net, &address, [], |_| ()), Err(Error::ECONNREFUSED));
}

#[test]
fn lines() {
    assert_eq!(parse(b"-5 90\n"), Some(climate(-5, 90)));
    for bad in ["", "\n", "5\n", "5 90", "x 90\n", "5 300\n", "5 90 1\n"] {
        assert_eq!(parse(bad.as_bytes()), None, "{bad:?}");
    }
}
