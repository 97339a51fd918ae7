//! How fast the simulator is: host time per byte on the wire, in three kinds of transfer.
//!
//! ```text
//! cargo run --release -p esp8285-sim --no-default-features --example speed
//! ```
#![allow(clippy::print_stdout, reason = "that is what it is for")]

use std::time::{Duration, Instant as Clock};

use esp8285_sim::net::{Host, Script, Step, VirtualNet};
use esp8285_sim::uart::{Uart, UartConfig};
use esp8285_sim::{AccessPoint, Air, Instant, Knobs, Modem, Version};

const BYTES: usize = 4_000_000;
const BAUD: u32 = 921_600;

/// How the host waits.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// Until the next thing that happens, whatever it is.
    Event,
    /// Until the line falls silent.
    Pause,
    /// A millisecond.
    Milli,
}

struct Driver {
    uart: Uart<VirtualNet>,
    now: Instant,
    got: usize,
    tail: Vec<u8>,
    buf: Vec<u8>,
}

impl Driver {
    fn new(version: Version, bytes: usize) -> Self {
        let mut net = VirtualNet::new(1);
        let steps = [Step::Wait(Duration::from_millis(100)), Step::Send(vec![b'x'; bytes])];
        let host = Host::default().tcp(80, Script::new(steps)).tcp(9, Script::sink());
        net.add_host([10, 0, 0, 1], host);
        let knobs = Knobs { flash_baud: BAUD, ..Knobs::default() };
        let air = Air::with(AccessPoint::new(b"net", b"password"));
        let config = UartConfig { baud: BAUD, tx_depth: 2048, ..UartConfig::default() };
        let uart = Uart::new(Modem::new(version, knobs, air, net), config);
        let mut host =
            Self { uart, now: Instant::ZERO, got: 0, tail: Vec::new(), buf: vec![0; 4096] };
        host.until(b"ready\r\n", Wait::Event);
        for line in ["ATE0", "AT+CWJAP=\"net\",\"password\"", "AT+CIPMUX=1"] {
            host.say(format!("{line}\r\n").as_bytes());
            host.until(b"OK\r\n", Wait::Event);
        }
        host
    }

    fn say(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let len = self.uart.write(self.now, bytes);
            bytes = &bytes[len..];
            if len == 0 {
                self.pass(Wait::Event);
            }
        }
    }

    fn pass(&mut self, wait: Wait) {
        let milli = self.now + Duration::from_millis(1);
        self.now = match wait {
            Wait::Event => self.uart.poll_at().unwrap_or(milli).max(self.now),
            Wait::Pause => self.uart.advance_to_pause(milli),
            Wait::Milli => milli,
        };
        let len = self.uart.read(self.now, &mut self.buf);
        self.got += len;
        self.tail.extend(&self.buf[..len]);
        let keep = self.tail.len().saturating_sub(16);
        if keep > 0 {
            self.tail.drain(..keep);
        }
    }

    fn until(&mut self, end: &[u8], wait: Wait) {
        self.tail.clear();
        while !self.tail.windows(end.len()).any(|part| part == end) {
            self.pass(wait);
        }
    }
}

fn measure(what: &str, work: impl FnOnce() -> usize) {
    let began = Clock::now();
    let bytes = work();
    let nanos = began.elapsed().as_nanos() / bytes.max(1) as u128;
    println!("{what:<32} {nanos:5} ns per byte");
}

/// Boots, joins and opens a link, over and over.
fn sessions() {
    const RUNS: u32 = 1000;
    let began = Clock::now();
    for _ in 0..RUNS {
        let mut host = Driver::new(Version::V1_7_6, 0);
        host.say(b"AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",9\r\n");
        host.until(b"OK\r\n", Wait::Pause);
    }
    println!("{:<32} {:5} us", "boot, join and open", (began.elapsed() / RUNS).as_micros());
}

fn active(wait: Wait) -> usize {
    let mut host = Driver::new(Version::V1_5, BYTES);
    host.say(b"AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",80\r\n");
    while host.got < BYTES {
        host.pass(wait);
    }
    host.got
}

fn passive(wait: Wait) -> usize {
    let mut host = Driver::new(Version::V2_2, BYTES);
    host.say(b"AT+CIPRECVMODE=1\r\n");
    host.until(b"OK\r\n", wait);
    host.say(b"AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",80\r\n");
    host.until(b"+IPD,4", wait);
    while host.got < BYTES {
        host.say(b"AT+CIPRECVDATA=4,2048\r\n");
        host.until(b"\r\n", wait);
    }
    host.got
}

fn send(wait: Wait) -> usize {
    let mut host = Driver::new(Version::V1_7_6, 0);
    host.say(b"AT+CIPSTART=4,\"TCP\",\"10.0.0.1\",9\r\n");
    host.until(b"OK\r\n", wait);
    for _ in 0..BYTES / 2048 {
        host.say(b"AT+CIPSEND=4,2048\r\n");
        host.until(b"> ", wait);
        host.say(&[b'y'; 2048]);
        host.until(b"SEND OK\r\n", wait);
    }
    BYTES
}

fn main() {
    sessions();
    for wait in [Wait::Event, Wait::Pause, Wait::Milli] {
        measure(&format!("active receive, {wait:?}"), || active(wait));
        measure(&format!("passive receive, {wait:?}"), || passive(wait));
        measure(&format!("send, {wait:?}"), || send(wait));
    }
}
