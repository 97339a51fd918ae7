//! What comes for a socket that has shut its reading side.

#[cfg(feature = "server")]
use super::turns::{answered, served};
use super::*;

#[test]
fn pushed_data_behind_a_shut_of_reading_are_dropped() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new().receive(crate::Receive::Active), &mut memory);
    let mut now = Instant::ZERO;
    let stream = connected(&mut machine, &mut now);
    let mut buf = [0; 128];
    feed(&mut machine, now, b"\r\n+IPD,4,5:he");
    machine.shutdown(stream, Shutdown::Read).unwrap();
    feed(&mut machine, now, b"llo");
    let more = [&b"\r\n+IPD,4,100:"[..], &[b'x'; 100]].concat();
    for _ in 0..3 {
        settle(&mut machine, now);
        assert_eq!(machine.recv(stream, &mut buf, false), Ok(0));
        feed(&mut machine, now, &more);
    }
    settle(&mut machine, now);
    assert_eq!(machine.take_error(stream), Ok(None));
    assert_eq!(machine.send(stream, b"hello"), Ok(5));
    settle(&mut machine, now);
    assert!(matches!(machine.exchange, Exchange::Send(_)), "{:?}", machine.exchange);
}

#[cfg(feature = "server")]
#[test]
fn data_behind_a_shut_of_reading_are_taken_from_the_modem_and_dropped() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new(), &mut memory);
    let mut now = Instant::ZERO;
    let (_, stream) = served(&mut machine, &mut now);
    feed(&mut machine, now, b"\r\n+IPD,0,300\r\n");
    settle(&mut machine, now);
    assert!(matches!(machine.exchange, Exchange::Read(_)), "{:?}", machine.exchange);
    feed(&mut machine, now, &[&b"\r\n+CIPRECVDATA,128:"[..], &[b'x'; 60]].concat());
    machine.shutdown(stream, Shutdown::Read).unwrap();
    let mut buf = [0; 128];
    let line = answered(&mut machine, now, &[&[b'x'; 68][..], b"\r\nOK\r\n"].concat());
    assert_eq!(machine.recv(stream, &mut buf, false), Ok(0));
    assert_eq!(line, "AT+CIPRECVDATA=0,128");
    let full = [&b"\r\n+CIPRECVDATA,128:"[..], &[b'x'; 128], b"\r\nOK\r\n"].concat();
    let line = answered(&mut machine, now, &full);
    assert_eq!(machine.recv(stream, &mut buf, false), Ok(0));
    assert_eq!(line, "AT+CIPRECVDATA=0,128");
    assert_eq!(machine.take_error(stream), Ok(None));
    assert_eq!(machine.send(stream, b"hello"), Ok(5));
}
