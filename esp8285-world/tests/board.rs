//! The board: clock, sleep, UART, and the panics that end a test which would never end.

mod terminal;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use esp8285_sim::net::VirtualNet;
use esp8285_sim::uart::{Receiver, Uart, UartConfig};
use esp8285_sim::{Air, Knobs, Modem, Version};
use esp8285_world::{Kit, Limits, Lost, PortConfig, Settings, World, network};
use terminal::Terminal;
use usocket_core::Instant;
use usocket_core::spi::Platform;

/// A world on the simulator's own network: any network will do.
fn world(knobs: Knobs, uart: UartConfig) -> World<VirtualNet> {
    let modem = Modem::new(Version::V2_2, knobs, Air::default(), VirtualNet::new(1));
    World::new(Uart::new(modem, uart), 5)
}

fn plain() -> World<VirtualNet> {
    world(Knobs::default(), UartConfig::default())
}

fn ms(millis: u64) -> Instant {
    Instant::from_micros(millis * 1000)
}

/// How a call ends that ought to panic.
fn panics(call: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(call)).expect_err("no panic");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap()
}

#[test]
fn idling_is_what_lets_time_pass() {
    let world = plain();
    let board = world.board();
    assert_eq!((board.now(), board.seed()), (Instant::ZERO, 5));
    board.idle(Some(ms(100)), &mut || false);
    assert_eq!(board.now(), ms(100));
    board.idle(Some(ms(200)), &mut || true);
    board.idle(Some(ms(50)), &mut || false);
    assert_eq!((board.now(), world.idles()), (ms(100), 3));
}

#[test]
fn an_idle_ends_at_a_byte_and_when_the_transmitter_has_room_or_is_idle() {
    let world = plain();
    let (mut port, board) = (world.port(), world.board());
    board.idle(None, &mut || false);
    assert_eq!(board.now(), Instant::from_micros(300_086));
    assert!(port.readable());
    assert_eq!(port.read(&mut [0; 8]), Ok(1));
    // Eight more bytes of `ready`; they come while nobody sleeps, too.
    world.pass(Duration::from_millis(2));
    assert_eq!(port.read(&mut [0; 80]), Ok(8));
    assert!(port.writable() && port.is_idle());
    // One leaves the FIFO for the wire at once.
    assert_eq!((port.write(&[b'A'; 20]), port.write(b"AA")), (16, 1));
    assert!(!port.writable() && !port.is_idle());
    let begun = world.time();
    board.idle(None, &mut || false);
    assert!(port.writable());
    assert_eq!(world.time().since(begun).as_nanos(), 86_805);
    // The modem echoes meanwhile: each byte of that ends a sleep, too.
    while !port.is_idle() {
        board.idle(None, &mut || false);
    }
    assert_eq!(world.time().since(begun).as_nanos(), 86_805 * 17);
}

#[test]
fn a_wake_ends_the_sleep_of_a_thread() {
    let world = plain();
    assert!(world.board().waker().is_none());
    let thread = world.thread();
    thread.waker().unwrap().wake();
    thread.idle(Some(ms(10)), &mut || false);
    assert_eq!(thread.now(), Instant::ZERO);
    thread.idle(Some(ms(10)), &mut || false);
    assert_eq!(thread.now(), ms(10));
    let mut looks = 0;
    thread.idle(Some(ms(20)), &mut || {
        looks += 1;
        thread.waker().unwrap().wake_by_ref();
        false
    });
    assert_eq!((looks, thread.now()), (1, ms(10)));
}

#[test]
fn what_can_never_end_panics() {
    let world = plain();
    let board = world.board();
    board.idle(None, &mut || false);
    board.idle(Some(ms(500)), &mut || false);
    let text = panics(|| (0..20).for_each(|_| board.idle(None, &mut || false)));
    assert!(text.starts_with("virtual time: nothing can ever happen"), "{text}");

    let text = panics(|| (0..200_000).for_each(|_| board.idle(None, &mut || true)));
    assert!(text.starts_with("virtual time: a busy loop"), "{text}");

    world.set_limits(Limits { looks: 1000, ..Limits::default() });
    let text = panics(|| while board.now() < ms(1_000_000) {});
    assert!(text.starts_with("virtual time: a program spins"), "{text}");
    world.set_creep(Duration::from_micros(3));
    while board.now() < ms(600) {}

    world.set_limits(Limits { time: Duration::from_secs(60), ..Limits::default() });
    let every = |step: u64| {
        move |board: &dyn Platform| {
            let until = board.now() + Duration::from_millis(step);
            board.idle(Some(until), &mut || false);
        }
    };
    let text = panics(|| (0..1000).for_each(|_| every(500)(&board)));
    assert!(text.starts_with("virtual time: what is waited for does not come"), "{text}");
    world.set_limits(Limits { idles: 1000, ..Limits::default() });
    let text = panics(|| (0..1000).for_each(|_| every(1)(&board)));
    assert!(text.starts_with("virtual time: what is waited for does not come"), "{text}");
}

/// What is read after `ready` was sent to a receiver with a FIFO of four and a slow handler.
fn lossy(config: PortConfig) -> Vec<Result<Vec<u8>, Lost>> {
    let irq_latency = Duration::from_micros(480);
    let receiver = Receiver { fifo_depth: 4, irq_latency, ..Receiver::default() };
    let world = world(Knobs::default(), UartConfig { receiver, ..UartConfig::default() });
    world.pass(Duration::from_millis(310));
    let mut port = world.port_with(config);
    let mut heard = Vec::new();
    while port.readable() {
        let mut buf = [0; 80];
        heard.push(port.read(&mut buf).map(|len| buf[..len].to_vec()));
    }
    assert_eq!(port.read(&mut [0; 80]), Ok(0));
    heard
}

#[test]
fn a_loss_is_told_at_its_place_or_early() {
    let (before, after) = (b"\r\nre".to_vec(), b"y\r\n".to_vec());
    let exact = lossy(PortConfig::default());
    assert_eq!(exact, [Ok(before.clone()), Err(Lost), Ok(after.clone())]);
    let early = lossy(PortConfig { exact_losses: false, ..PortConfig::default() });
    assert_eq!(early, [Err(Lost), Ok([before, after].concat())]);
}

#[test]
fn rates_must_agree_and_the_pin_switches_the_modem_off() {
    let network = network(1);
    let mut t = Terminal::new(Kit::new(&network, Settings::default()).unwrap());
    assert_eq!(t.port.capacity(), 4096);
    t.until("ready\r\n");
    t.ok("AT+UART_CUR=921600,8,1,0,0");
    assert!(t.port.set_baud(921_600));
    t.pass(10);
    let begun = t.board.now();
    t.ok("AT");
    let took = t.board.now().saturating_since(begun).as_micros();
    assert!((2_100..2_300).contains(&took), "{took}");

    assert!(t.port.set_enabled(false));
    t.say(b"AT\r\n");
    assert!(t.silent("OK", 1_000));
    assert!(t.port.set_enabled(true));
    // At the rate of its flash.
    t.pass(400);
    assert_eq!(t.port.read(&mut [0; 8]), Err(Lost));
    while t.port.read(&mut [0; 80]) != Ok(0) {}
    assert!(t.port.set_baud(115_200));
    t.ok("AT");

    let none = PortConfig { rates: false, enable_pin: false, ..PortConfig::default() };
    let mut fixed = t.kit.world().port_with(none);
    assert!(!fixed.set_baud(9_600) && !fixed.set_enabled(false));
    t.ok("AT");
}
