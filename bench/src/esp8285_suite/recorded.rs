//! What receiving costs the host: the driver fed from a recording, without a simulator.
//!
//! The modem of the simulator is there until the connection stands; then the recording takes
//! its place, so that the difference between two runs is the driver's alone (with the core's
//! waiting and the user's copy, but hardly anything else).

use std::cell::Cell;
use std::rc::Rc;
use std::task::Waker;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_sim::net::VirtualNet;
use esp8285_sim::uart::UartConfig;
use esp8285_world::Board;
use usocket_backend_esp8285_at::{Config, Esp8285, Lost, Resources, Uart};
use usocket_core::Instant;
use usocket_core::prelude::*;
use usocket_core::spi::{EventSource, Platform};

use super::conditions::{Conditions, Firmware};
use super::rig::{self, Wire};

/// Payload bytes of one operation: a read of the largest size.
pub const BLOCK: usize = 2048;

/// How received bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// All that there is, at once.
    Bulk,
    /// One by one, with an interrupt for each that drives the driver.
    Bytes,
    /// The same, with a program that waits in `recv` meanwhile and is woken by each.
    Waiting,
    /// One by one, but nobody is there: what the recording itself costs.
    Nothing,
}

/// The operations, by name.
pub const OPS: [(&str, Feed); 4] = [
    ("modem-bulk", Feed::Bulk),
    ("modem-bytes", Feed::Bytes),
    ("modem-waiting", Feed::Waiting),
    ("modem-nothing", Feed::Nothing),
];

/// Receives so many blocks, with a call of `recv` for each.
///
/// # Panics
/// If bytes are missing or wrong.
pub fn receive(feed: Feed, blocks: usize) {
    let on = Conditions::new(Firmware::V1_7_6, 115_200);
    // It takes a command in one piece, so that none is on its way in part at the change.
    let uart = UartConfig { tx_depth: 64, ..UartConfig::default() };
    let world = rig::world_with(&on, 4 * BLOCK, uart);
    let tape = Rc::new(Tape::new(feed));
    let mut memory = Box::new(Resources::<1, 1, 4096, 4096>::new());
    let uart = Line { wire: Wire(world.port()), tape: Rc::clone(&tape) };
    let desk = Desk { board: world.board(), tape: Rc::clone(&tape) };
    let net: Esp8285<'_, Line, Desk, NoopRawMutex, 0> =
        Esp8285::with_config(uart, desk, &mut memory, Config::new());
    net.connect(rig::SSID, rig::PASSWORD).expect("joins");
    let socket = net.tcp().expect("a socket");
    socket.connect((rig::HOST, rig::SOURCE)).expect("connects");
    socket.send(b"!").expect("sends");
    let mut buf = [0; BLOCK];
    let mut live = 0;
    while live < 2 * BLOCK {
        live += socket.recv(&mut buf).expect("receives");
    }
    // There is more, so the next read is in flight.
    tape.begin(net.platform().now());
    let payload = rig::content(BLOCK);
    let mut other = Line { wire: Wire(world.port()), tape: Rc::clone(&tape) };
    for _ in 0..blocks {
        if feed == Feed::Nothing {
            while tape.interrupt() {
                let _ = std::hint::black_box(other.read(&mut buf[..1]));
            }
            tape.write(b"\n");
            continue;
        }
        if feed == Feed::Bytes {
            // Whatever there is to ask for is asked for first.
            net.drive(net.platform().now());
            while tape.interrupt() {
                net.drive(net.platform().now());
            }
        }
        let mut got = 0;
        while got < BLOCK {
            got += socket.recv(&mut buf[got..]).expect("receives");
        }
        assert_eq!(buf[..], payload[..]);
    }
}

/// The recording: a notice, as there is one for most reads on 1.7.6, and an answer to a read.
struct Tape {
    feed: Feed,
    /// Since when it plays. Time stands still meanwhile.
    since: Cell<Option<Instant>>,
    bytes: Vec<u8>,
    /// Up to where it was read, and up to where it has come.
    read: Cell<usize>,
    come: Cell<usize>,
    /// Up to where it has been asked for.
    asked: Cell<usize>,
}

impl Tape {
    fn new(feed: Feed) -> Self {
        let mut bytes = format!("+IPD,4,1460\r\n+CIPRECVDATA,{BLOCK}:").into_bytes();
        bytes.extend(rig::content(BLOCK));
        bytes.extend(b"\r\nOK\r\n");
        let [read, come, asked] = [0; 3].map(Cell::new);
        Self { feed, since: Cell::new(None), bytes, read, come, asked }
    }

    fn plays(&self) -> bool {
        self.since.get().is_some()
    }

    /// From now on there is nothing else. The first read has been asked for.
    fn begin(&self, now: Instant) {
        self.since.set(Some(now));
        self.asked.set(self.bytes.len());
    }

    /// An interrupt, unless everything that was asked for is there.
    fn interrupt(&self) -> bool {
        let (come, asked) = (self.come.get(), self.asked.get());
        if come == asked {
            return false;
        }
        self.come.set(match self.feed {
            Feed::Bulk => asked,
            Feed::Bytes | Feed::Waiting | Feed::Nothing => come + 1,
        });
        true
    }

    fn read(&self, buf: &mut [u8]) -> usize {
        let from = self.read.get();
        // As a register is read.
        if let (1, Some(place)) = (self.come.get() - from, buf.first_mut()) {
            *place = self.bytes[from];
            self.read.set(from + 1);
            return 1;
        }
        let len = buf.len().min(self.come.get() - from);
        buf[..len].copy_from_slice(&self.bytes[from..from + len]);
        self.read.set(from + len);
        len
    }

    /// A command is on its way when its line end is.
    fn write(&self, bytes: &[u8]) {
        if bytes.ends_with(b"\n") {
            assert_eq!(self.read.get(), self.bytes.len(), "one command at a time");
            self.read.set(0);
            self.come.set(0);
            self.asked.set(self.bytes.len());
        }
    }
}

/// The UART: the simulator's, then the recording.
struct Line {
    wire: Wire<VirtualNet>,
    tape: Rc<Tape>,
}

impl Uart for Line {
    // Not inlined, so that it costs the same whoever calls it.
    #[inline(never)]
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        if self.tape.plays() { Ok(self.tape.read(buf)) } else { self.wire.read(buf) }
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        if self.tape.plays() {
            self.tape.write(bytes);
            return bytes.len();
        }
        self.wire.write(bytes)
    }

    fn readable(&self) -> bool {
        if self.tape.plays() {
            self.tape.read.get() < self.tape.come.get()
        } else {
            self.wire.readable()
        }
    }

    fn writable(&self) -> bool {
        self.tape.plays() || self.wire.writable()
    }

    fn is_idle(&self) -> bool {
        self.tape.plays() || self.wire.is_idle()
    }

    fn capacity(&self) -> usize {
        self.wire.capacity()
    }
}

/// The platform.
struct Desk {
    board: Board<VirtualNet>,
    tape: Rc<Tape>,
}

impl Platform for Desk {
    fn now(&self) -> Instant {
        self.tape.since.get().unwrap_or_else(|| self.board.now())
    }

    fn seed(&self) -> u64 {
        self.board.seed()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        if self.tape.plays() {
            assert!(self.tape.interrupt(), "nothing will ever come");
        } else {
            self.board.idle(until, ready);
        }
    }

    fn waker(&self) -> Option<Waker> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::{OPS, receive};

    #[test]
    fn the_recording_is_received() {
        for (_, feed) in OPS {
            receive(feed, 3);
        }
    }
}
