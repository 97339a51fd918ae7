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
use esp8285_world::Board;
use usocket_backend_esp8285_at::{Config, Esp8285, Lost, Resources, Uart};
use usocket_core::Instant;
use usocket_core::prelude::*;
use usocket_core::spi::Platform;

use super::conditions::{Conditions, Firmware};
use super::rig::{self, Wire};

/// Payload bytes of one operation: a read of the largest size.
pub const BLOCK: usize = 2048;

/// How received bytes come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Feed {
    /// All that there is, at once.
    Bulk,
    /// One by one, with an interrupt for each.
    Bytes,
}

/// The operations, by name.
pub const OPS: [(&str, Feed); 2] = [("modem-bulk", Feed::Bulk), ("modem-bytes", Feed::Bytes)];

/// Receives so many blocks, with a call of `recv` for each.
///
/// # Panics
/// If bytes are missing or wrong.
pub fn receive(feed: Feed, blocks: usize) {
    let on = Conditions::new(Firmware::V1_7_6, 115_200);
    let world = rig::world(&on, 2 * BLOCK);
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
    // Everything that the source has, so that nothing but a notice is wanted.
    let mut live = 0;
    while live < 2 * BLOCK {
        live += socket.recv(&mut buf).expect("receives");
    }
    tape.begin();
    let payload = rig::content(BLOCK);
    for _ in 0..blocks {
        let mut got = 0;
        while got < BLOCK {
            got += socket.recv(&mut buf[got..]).expect("receives");
        }
        assert_eq!(buf[..], payload[..]);
    }
}

/// The recording: an answer to a read, and the notice that follows it on 1.7.6.
struct Tape {
    feed: Feed,
    on: Cell<bool>,
    bytes: Vec<u8>,
    /// Up to where it was read, and up to where it has come.
    read: Cell<usize>,
    come: Cell<usize>,
    /// Up to where it has been asked for.
    asked: Cell<usize>,
}

impl Tape {
    fn new(feed: Feed) -> Self {
        let mut bytes = format!("\r\n+CIPRECVDATA,{BLOCK}:").into_bytes();
        bytes.extend(rig::content(BLOCK));
        bytes.extend(b"\r\nOK\r\n+IPD,4,1460\r\n");
        let [read, come, asked] = [0; 3].map(Cell::new);
        Self { feed, on: Cell::new(false), bytes, read, come, asked }
    }

    /// From now on there is nothing else. Its end is a notice.
    fn begin(&self) {
        self.on.set(true);
        let notice = self.bytes.len() - NOTICE.len();
        self.read.set(notice);
        self.come.set(notice);
        self.asked.set(self.bytes.len());
    }

    /// An interrupt.
    fn interrupt(&self) {
        let (come, asked) = (self.come.get(), self.asked.get());
        assert!(come < asked, "nothing will ever come");
        self.come.set(match self.feed {
            Feed::Bulk => asked,
            Feed::Bytes => come + 1,
        });
    }

    fn read(&self, buf: &mut [u8]) -> usize {
        let from = self.read.get();
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

const NOTICE: &[u8] = b"+IPD,4,1460\r\n";

/// The UART: the simulator's, then the recording.
struct Line {
    wire: Wire,
    tape: Rc<Tape>,
}

impl Uart for Line {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        if self.tape.on.get() { Ok(self.tape.read(buf)) } else { self.wire.read(buf) }
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        if self.tape.on.get() {
            self.tape.write(bytes);
            return bytes.len();
        }
        self.wire.write(bytes)
    }

    fn readable(&self) -> bool {
        if self.tape.on.get() {
            self.tape.read.get() < self.tape.come.get()
        } else {
            self.wire.readable()
        }
    }

    fn writable(&self) -> bool {
        self.tape.on.get() || self.wire.writable()
    }

    fn is_idle(&self) -> bool {
        self.tape.on.get() || self.wire.is_idle()
    }

    fn capacity(&self) -> usize {
        self.wire.capacity()
    }
}

/// The platform: time stands still while the recording plays.
struct Desk {
    board: Board<VirtualNet>,
    tape: Rc<Tape>,
}

impl Platform for Desk {
    fn now(&self) -> Instant {
        if self.tape.on.get() { END } else { self.board.now() }
    }

    fn seed(&self) -> u64 {
        self.board.seed()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        if self.tape.on.get() {
            self.tape.interrupt();
        } else {
            self.board.idle(until, ready);
        }
    }

    fn waker(&self) -> Option<Waker> {
        None
    }
}

/// A time after everything that was live.
const END: Instant = Instant::from_micros(60_000_000);

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
