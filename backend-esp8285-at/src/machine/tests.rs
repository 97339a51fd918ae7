//! The machine without a modem: any bytes, any calls, in any order.

use core::time::Duration;
use std::format;
use std::vec;
use std::vec::Vec;

use proptest::prelude::*;
use usocket_core::spi::{Handle, Opt, Shutdown, SockType};
use usocket_core::{Error, Family, Instant, SockAddr};

use super::words::WORDS;
use super::*;
use crate::resources::Resources;
use crate::slot::Slots;

mod errors;
mod shut;
mod turns;

/// What may happen to a machine.
#[derive(Clone, Debug)]
enum Event {
    Bytes(Vec<u8>),
    Lost,
    Pass(u32),
    Call(Call),
}

#[derive(Clone, Copy, Debug)]
enum Call {
    Open(bool),
    Bind(u8, u16),
    Listen(u8),
    Accept(u8),
    Connect(u8, u8),
    Send(u8, u16),
    Recv(u8, u16),
    Close(u8, bool),
    Shutdown(u8, bool),
    Linger(u8),
    Join,
    Query,
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => (0..WORDS.len()).prop_map(|word| WORDS[word].to_vec()),
        1 => (0..WORDS.len(), 0..30_usize).prop_map(|(word, len)| {
            WORDS[word][..len.min(WORDS[word].len())].to_vec()
        }),
        1 => proptest::collection::vec(any::<u8>(), 0..200),
    ]
}

fn call() -> impl Strategy<Value = Call> {
    let slot = 0..4_u8;
    prop_oneof![
        3 => any::<bool>().prop_map(Call::Open),
        1 => (slot.clone(), 0..3_u16).prop_map(|(slot, port)| Call::Bind(slot, port)),
        1 => slot.clone().prop_map(Call::Listen),
        2 => slot.clone().prop_map(Call::Accept),
        3 => (slot.clone(), 1..4_u8).prop_map(|(slot, last)| Call::Connect(slot, last)),
        4 => (slot.clone(), 0..300_u16).prop_map(|(slot, len)| Call::Send(slot, len)),
        4 => (slot.clone(), 0..300_u16).prop_map(|(slot, len)| Call::Recv(slot, len)),
        1 => (slot.clone(), any::<bool>()).prop_map(|(slot, abort)| Call::Close(slot, abort)),
        1 => (slot.clone(), any::<bool>()).prop_map(|(slot, both)| Call::Shutdown(slot, both)),
        1 => slot.prop_map(Call::Linger),
        1 => Just(Call::Join),
        1 => Just(Call::Query),
    ]
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        10 => bytes().prop_map(Event::Bytes),
        1 => Just(Event::Lost),
        4 => (0..30_000_u32).prop_map(Event::Pass),
        4 => call().prop_map(Event::Call),
    ]
}

/// With four sockets, of which three can have data.
fn machine(config: Config, memory: &mut Resources<4, 3, 128, 128>) -> Machine<'_> {
    let Resources { slots, line, pairs, rx, tx } = memory;
    let pairs = Pairs::new(pairs, rx.as_flattened_mut(), tx.as_flattened_mut());
    Machine::new(config, config.baud, Slots(slots), pairs, line, 7, 1024)
}

fn apply(machine: &mut Machine<'_>, handles: &mut Vec<Handle>, call: Call) {
    let of = |slot: u8| handles.get(usize::from(slot)).copied().unwrap_or(Handle::new(9, 9));
    let data = [b'+'; 300];
    let mut buf = [0; 300];
    match call {
        Call::Open(stream) => {
            let kind = if stream { SockType::Stream } else { SockType::Dgram };
            match machine.open(Family::V4, kind) {
                Ok(handle) => handles.push(handle),
                Err(error) => {
                    assert!(matches!(error, Error::ENOMEM | Error::EOPNOTSUPP), "{error:?}");
                }
            }
        }
        Call::Bind(slot, port) => {
            let _ = machine.bind(of(slot), SockAddr::new(Family::V4.unspecified(), port));
        }
        Call::Listen(slot) => drop(machine.listen(of(slot), 3)),
        Call::Accept(slot) => {
            if let Ok((handle, _)) = machine.accept(of(slot)) {
                handles.push(handle);
            }
        }
        Call::Connect(slot, last) => {
            let _ = machine.connect(of(slot), SockAddr::new([10, 0, 0, last].into(), 80));
        }
        Call::Send(slot, len) => drop(machine.send(of(slot), &data[..usize::from(len)])),
        Call::Recv(slot, len) => {
            let buf = &mut buf[..usize::from(len)];
            match machine.is_datagram(of(slot)) {
                #[cfg(feature = "udp")]
                Ok(true) => drop(machine.recv_datagram(of(slot), buf, false)),
                _ => drop(machine.recv(of(slot), buf, false)),
            }
        }
        Call::Close(slot, abort) => drop(machine.close(of(slot), abort, machine.now)),
        Call::Shutdown(slot, both) => {
            let how = if both { Shutdown::Both } else { Shutdown::Read };
            let _ = machine.shutdown(of(slot), how);
        }
        Call::Linger(slot) => drop(machine.set_option(of(slot), &Opt::Linger(Some(0)))),
        Call::Join => {
            machine.set_network(b"net", b"key").unwrap();
            let _ = machine.request(Request::Join);
        }
        Call::Query =>
        {
            #[cfg(feature = "dns")]
            if let Ok(query) = machine.start_query("peer.test", None) {
                machine.end_query(query);
            }
        }
    }
}

/// The machine does what it can now; it must come to rest.
fn settle(machine: &mut Machine<'_>, now: Instant) {
    for round in 0..200 {
        if let Some(action) = machine.action() {
            machine.action_done(action, round % 3 != 1);
        }
        machine.poll(now);
        let len = machine.tx().len();
        if len > 0 {
            machine.tx_done(len);
            machine.line_left();
        } else if !machine.work && machine.action().is_none() {
            return;
        }
    }
    panic!("it does not come to rest");
}

fn feed(machine: &mut Machine<'_>, now: Instant, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        let room = machine.rx_room();
        assert!(!room.is_empty());
        let len = room.len().min(bytes.len());
        room[..len].copy_from_slice(&bytes[..len]);
        machine.rx_done(now, len);
        bytes = &bytes[len..];
    }
}

/// A modem of this version answers the set-up and has an address.
fn start(machine: &mut Machine<'_>, now: &mut Instant, version: &[u8]) {
    for _ in 0..40 {
        settle(machine, *now);
        if machine.is_ready() {
            break;
        }
        *now = *now + Duration::from_millis(11);
        let version = [b"AT version:", version, b".0(x)\r\n"].concat();
        feed(machine, *now, &version);
        feed(machine, *now, b"+CWMODE:1\r\nSTATUS:5\r\n\r\nOK\r\n");
    }
    assert!(machine.is_ready());
    feed(machine, *now, b"WIFI CONNECTED\r\nWIFI GOT IP\r\n");
    settle(machine, *now);
    feed(machine, *now, b"+CIPSTA:ip:\"10.0.0.1\"\r\n+CIPSTA:netmask:\"255.255.255.0\"\r\n");
    feed(machine, *now, b"\r\nOK\r\n");
    settle(machine, *now);
    assert!(machine.station.is_up());
}

/// A stream on link 4 of a 2.1 that pushes.
fn connected(machine: &mut Machine<'_>, now: &mut Instant) -> Handle {
    settle(machine, *now);
    start(machine, now, b"2.1.0");
    let stream = machine.open(Family::V4, SockType::Stream).unwrap();
    let _ = machine.connect(stream, SockAddr::new([10, 0, 0, 2].into(), 80));
    settle(machine, *now);
    feed(machine, *now, b"+LINK_CONN:0,4,\"TCP\",0,\"10.0.0.2\",80,50000\r\n\r\nOK\r\n");
    settle(machine, *now);
    assert_eq!(machine.connect_result(stream), Ok(()));
    stream
}

/// Found by the campaign (seed 54062): a chatty 2.1 logs right behind a pushed payload that has
/// no line end, while another link is being opened.
#[cfg(feature = "udp")]
#[test]
fn a_log_line_right_behind_a_payload_ends_it_well() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new().receive(crate::Receive::Active), &mut memory);
    let mut now = Instant::ZERO;
    let stream = connected(&mut machine, &mut now);
    let datagrams = machine.open(Family::V4, SockType::Dgram).unwrap();
    machine.bind(datagrams, SockAddr::new(Family::V4.unspecified(), 5000)).unwrap();
    settle(&mut machine, now);
    // Whether senders are told, and then the open itself.
    feed(&mut machine, now, b"\r\nOK\r\n");
    settle(&mut machine, now);
    assert!(matches!(machine.exchange, Exchange::Open(3)), "{:?}", machine.exchange);
    feed(&mut machine, now, b"\r\n+IPD,4,5:hellolocal port:5000\r\n\r\nOK\r\n");
    settle(&mut machine, now);
    let mut buf = [0; 8];
    assert_eq!(machine.recv(stream, &mut buf, false), Ok(5));
    assert_eq!(&buf[..5], b"hello");
    assert_eq!(machine.recv(stream, &mut buf, false), Err(Error::EAGAIN));
}

/// Pieces of a pushed payload, and pauses between them (milliseconds), at the end of each of
/// which the machine is polled.
fn paused(pauses: &[u32]) -> usocket_core::Result<usize> {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new().receive(crate::Receive::Active), &mut memory);
    let mut now = Instant::ZERO;
    let stream = connected(&mut machine, &mut now);
    feed(&mut machine, now, b"\r\n+IPD,4,5:he");
    for &pause in pauses {
        now = now.after_millis(pause);
        settle(&mut machine, now);
    }
    feed(&mut machine, now, b"llo");
    settle(&mut machine, now);
    machine.recv(stream, &mut [0; 8], false)
}

#[test]
fn a_driver_that_is_late_gives_a_payload_a_second_chance() {
    assert_eq!(paused(&[99]), Ok(5));
    // In time, or as good as that: the modem has stopped.
    assert_eq!(paused(&[100]), Err(Error::EIO));
    assert_eq!(paused(&[120]), Err(Error::EIO));
    // Late: nobody can tell.
    assert_eq!(paused(&[121]), Ok(5));
    assert_eq!(paused(&[5000, 99]), Ok(5));
    // Once.
    assert_eq!(paused(&[121, 100]), Err(Error::EIO));
    assert_eq!(paused(&[5000, 5000]), Err(Error::EIO));
}

#[test]
fn a_datagram_without_its_sender_is_dropped_and_the_modem_told_again() {
    let mut memory = Resources::new();
    let mut machine = machine(Config::new().receive(crate::Receive::Active), &mut memory);
    let mut now = Instant::ZERO;
    settle(&mut machine, now);
    start(&mut machine, &mut now, b"2.1.0");
    let datagrams = machine.open(Family::V4, SockType::Dgram).unwrap();
    machine.bind(datagrams, SockAddr::new(Family::V4.unspecified(), 5000)).unwrap();
    settle(&mut machine, now);
    // The `OK` is another command's, and the modem has not heard this one.
    feed(&mut machine, now, b"\r\nOK\r\n");
    settle(&mut machine, now);
    let Exchange::Open(link) = machine.exchange else { panic!("{:?}", machine.exchange) };
    let opened = format!("+LINK_CONN:0,{link},\"UDP\",0,\"0.0.0.0\",5000,5000\r\n\r\nOK\r\n");
    feed(&mut machine, now, opened.as_bytes());
    settle(&mut machine, now);
    feed(&mut machine, now, format!("\r\n+IPD,{link},5:hello\r\n").as_bytes());
    settle(&mut machine, now);
    let mut buf = [0; 8];
    let nothing = machine.recv_datagram(datagrams, &mut buf, false).map(|info| info.len);
    assert_eq!(nothing, Err(Error::EAGAIN));
    assert!(matches!(machine.exchange, Exchange::Sender), "{:?}", machine.exchange);
    feed(&mut machine, now, b"\r\nOK\r\n");
    feed(&mut machine, now, format!("\r\n+IPD,{link},5,\"10.0.0.2\",7:hello\r\n").as_bytes());
    settle(&mut machine, now);
    let info = machine.recv_datagram(datagrams, &mut buf, false).unwrap();
    assert_eq!((info.len, info.from), (5, SockAddr::new([10, 0, 0, 2].into(), 7)));
}

/// How many runs; `USOCKET_RUNS` says how many.
fn cases() -> u32 {
    std::env::var("USOCKET_RUNS").ok().and_then(|runs| runs.parse().ok()).unwrap_or(1000)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_and_no_calls_make_it_panic_or_spin(
        events in proptest::collection::vec(event(), 1..120),
        version in proptest::option::of(0..4_usize),
    ) {
        let mut memory = Resources::new();
        let mut machine = machine(Config::new(), &mut memory);
        let mut handles = Vec::new();
        let mut now = Instant::ZERO;
        settle(&mut machine, now);
        if let Some(version) = version {
            let versions: [&[u8]; 4] = [b"1.5.0", b"1.7.6", b"2.1.0", b"2.2.0"];
            start(&mut machine, &mut now, versions[version]);
        }
        for event in events {
            match event {
                Event::Bytes(bytes) => feed(&mut machine, now, &bytes),
                Event::Lost => machine.rx_lost(now),
                Event::Pass(micros) => now = now + Duration::from_micros(u64::from(micros) * 17),
                Event::Call(call) => apply(&mut machine, &mut handles, call),
            }
            settle(&mut machine, now);
            // A deadline that has passed would be a busy loop.
            prop_assert!(machine.next_deadline().is_none_or(|next| next > now));
            for &handle in &handles {
                let _ = machine.readiness(handle);
            }
        }
    }
}
