//! The modem at the end of its wire, read as a driver would: by count, byte by byte.

mod common;

use std::collections::VecDeque;
use std::time::Duration;

use common::{HOST, World};
use esp8285_sim::net::{Host, Script, Step, VirtualNet};
use esp8285_sim::uart::{Receiver, RxFlags, Uart, UartConfig, byte_time};
use esp8285_sim::{AccessPoint, Air, Instant, Knobs, Modem, Version};

/// What each of the five links has to bring, and no two bytes in a row alike.
const EACH: usize = 20_000;

fn content(link: usize) -> Vec<u8> {
    let bytes = (0..EACH).map(|at| (at * 7 + at / 251 + link * 31) % 256);
    bytes.map(|byte| u8::try_from(byte).unwrap_or_default()).collect()
}

struct Driver {
    uart: Uart<VirtualNet>,
    now: Instant,
    fresh: VecDeque<u8>,
}

impl Driver {
    fn new(version: Version, baud: u32, irq_latency: Duration) -> Self {
        let mut net = VirtualNet::new(1);
        let services = (0..5u16).map(|link| {
            let data = content(link.into());
            // Time to switch to passive receive and to open the others.
            let wait = Step::Wait(Duration::from_millis(500));
            (80 + link, Script::new([wait, Step::Send(data), Step::Fin]))
        });
        let host = services.fold(Host::default(), |host, (port, script)| host.tcp(port, script));
        net.add_host(HOST, host);
        let knobs = Knobs { flash_baud: baud, ..Knobs::default() };
        let air = Air::with(AccessPoint::new(b"net", b"password"));
        let receiver = Receiver { irq_latency, ..Receiver::default() };
        let config = UartConfig { baud, receiver, tx_depth: 64, ..UartConfig::default() };
        let uart = Uart::new(Modem::new(version, knobs, air, net), config);
        Self { uart, now: Instant::ZERO, fresh: VecDeque::new() }
    }

    /// The next byte; nothing in ten seconds is the end.
    fn byte(&mut self) -> Option<u8> {
        let limit = self.now + Duration::from_secs(10);
        while self.fresh.is_empty() {
            self.now = self.uart.poll_at().filter(|at| *at <= limit)?.max(self.now);
            let mut buf = [0; 256];
            let len = self.uart.read(self.now, &mut buf);
            self.fresh.extend(&buf[..len]);
        }
        self.fresh.pop_front()
    }

    fn line(&mut self) -> Option<String> {
        let mut line = Vec::new();
        while !line.ends_with(b"\r\n") {
            line.push(self.byte()?);
        }
        line.truncate(line.len() - 2);
        Some(String::from_utf8_lossy(&line).into_owned())
    }

    fn say(&mut self, line: &str) {
        assert_eq!(self.uart.write(self.now, format!("{line}\r\n").as_bytes()), line.len() + 2);
    }

    fn ask(&mut self, line: &str) {
        self.say(line);
        while self.line().expect("an answer") != "OK" {}
    }

    fn start(&mut self, passive: bool) {
        while self.line().expect("a boot") != "ready" {}
        for line in ["ATE0", "AT+CIPMUX=1", "AT+CWJAP=\"net\",\"password\""] {
            self.ask(line);
        }
        if passive {
            self.ask("AT+CIPRECVMODE=1");
        }
        for link in 0..5 {
            self.ask(&format!("AT+CIPSTART={link},\"TCP\",\"{HOST}\",{}", 80 + link));
        }
    }

    fn counted(&mut self, len: usize) -> Option<Vec<u8>> {
        (0..len).map(|_| self.byte()).collect()
    }

    /// One `CIPRECVDATA` of 1.7; empty is `ERROR`.
    fn fetch(&mut self, link: usize) -> Option<Vec<u8>> {
        self.say(&format!("AT+CIPRECVDATA={link},2048"));
        let mut head = Vec::new();
        loop {
            head.push(self.byte()?);
            if head == b"+CIPRECVDATA," {
                let mut count = Vec::new();
                while !count.ends_with(b":") {
                    count.push(self.byte()?);
                }
                let count = String::from_utf8_lossy(&count[..count.len() - 1]).into_owned();
                let data = self.counted(count.parse().ok()?)?;
                while self.line()? != "OK" {}
                return Some(data);
            }
            if head.ends_with(b"\r\n") {
                if head == b"ERROR\r\n" {
                    return Some(Vec::new());
                }
                head.clear();
            }
        }
    }
}

/// Fetches all five in turn; the streams and how long it took. `None` if an answer is lost.
fn fetch_all(driver: &mut Driver) -> Option<(Vec<Vec<u8>>, Duration)> {
    let began = driver.now;
    let mut streams = vec![Vec::new(); 5];
    while streams.iter().any(|stream| stream.len() < EACH) {
        for (link, stream) in streams.iter_mut().enumerate() {
            stream.extend(driver.fetch(link)?);
        }
        if driver.now.since(began) > Duration::from_secs(100) {
            return None;
        }
    }
    Some((streams, driver.now.since(began)))
}

#[test]
fn five_links_come_through_whole_at_both_rates() {
    for baud in [115_200, 921_600] {
        // Twelve of the sixteen bytes of the FIFO.
        let mut driver = Driver::new(Version::V1_7_6, baud, byte_time(baud) * 12);
        driver.start(true);
        let (streams, took) = fetch_all(&mut driver).expect("all of it");
        for (link, stream) in streams.iter().enumerate() {
            assert!(*stream == content(link), "{baud}: link {link}");
        }
        assert_eq!(driver.uart.take_flags(), RxFlags::default());
        let least = byte_time(baud) * u32::try_from(5 * EACH).unwrap_or(u32::MAX);
        assert!(took > least, "{baud}: {took:?} is faster than the wire");
    }
}

#[test]
fn a_handler_that_comes_too_late_is_flagged() {
    let mut driver = Driver::new(Version::V1_7_6, 921_600, Duration::ZERO);
    driver.start(true);
    driver.uart.set_irq_latency(driver.now, Duration::from_millis(1));
    assert_eq!(fetch_all(&mut driver), None);
    let flags = driver.uart.take_flags();
    assert!(flags.overrun && flags.lost > 0);
}

/// Active receive, taken by count: `+IPD,<id>,<len>:` in any order, nothing lost.
#[test]
fn active_receive_keeps_links_apart() {
    let mut driver = Driver::new(Version::V1_5, 115_200, Duration::ZERO);
    driver.start(false);
    let mut streams = vec![Vec::new(); 5];
    let mut closed = 0;
    let mut head = Vec::new();
    while closed < 5 {
        head.push(driver.byte().expect("more"));
        if head.ends_with(b":") && head.starts_with(b"+IPD,") {
            let text = String::from_utf8_lossy(&head[5..head.len() - 1]).into_owned();
            let (link, len) = text.split_once(',').expect("id and count");
            let link: usize = link.parse().expect("an id");
            let data = driver.counted(len.parse().expect("a count")).expect("payload");
            streams[link].extend(data);
            head.clear();
        } else if head.ends_with(b"\r\n") {
            closed += usize::from(head.ends_with(b",CLOSED\r\n"));
            head.clear();
        }
    }
    for (link, stream) in streams.iter().enumerate() {
        assert!(*stream == content(link), "link {link}");
    }
    assert_eq!(driver.uart.take_flags(), RxFlags::default());
}

/// Looking often or seldom at the wire changes nothing.
#[test]
fn the_wire_does_not_depend_on_who_looks() {
    let play = |slice: u64| {
        let modem = World::new(Version::V2_2, Knobs::default()).modem;
        let receiver = Receiver {
            irq_latency: Duration::from_micros(700),
            irq_jitter: Duration::from_micros(900),
            ring: 100_000,
            ..Receiver::default()
        };
        let mut uart = Uart::new(modem, UartConfig { receiver, ..UartConfig::default() });
        let mut said: Vec<u8> = Vec::new();
        let mut now = Instant::ZERO;
        let lines = [
            "",
            "AT+CWJAP=\"net\",\"password\"",
            "AT+CIPMUX=1",
            "AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",90",
        ];
        for line in lines {
            for part in line.as_bytes().chunks(16) {
                uart.write(now, part);
                now = now + Duration::from_millis(10);
            }
            uart.write(now, b"\r\n");
            for _ in 0..10_000_000 / slice {
                now = now + Duration::from_micros(slice);
                let mut buf = [0; 8192];
                let len = uart.read(now, &mut buf);
                said.extend(&buf[..len]);
            }
        }
        (said, uart.take_flags())
    };
    let (said, flags) = play(500);
    assert!(said.len() > 15_000 && flags.overrun);
    assert_eq!((said, flags), play(50_000));
}
