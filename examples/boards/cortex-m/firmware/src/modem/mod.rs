//! A modem of a few answers and the world behind it, small enough for 16 KiB of memory.
//!
//! It answers as firmware 1.7.6 does in passive mode: the lines that a TCP client sees, and `OK`
//! to all others. The tests of the driver have a better one.

mod kit;
mod script;
mod talk;

use core::cell::{Cell, RefCell};

use usocket_backend_esp8285_at::{Esp8285, Lost, Uart};
use usocket_core::spi::Platform;
use usocket_core::{Instant, NoopRawMutex};

pub use kit::Kit;
pub(crate) use script::Script;
pub(crate) use talk::Modem;

/// The driver on this modem.
pub type Net<'w> = Esp8285<'w, Wire<'w>, Board<'w>, NoopRawMutex, 4>;

/// The modem's end of the UART, and the time.
#[derive(Debug)]
pub struct World {
    now: Cell<Instant>,
    modem: RefCell<Modem>,
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl World {
    /// A modem that nobody has spoken to.
    #[must_use]
    pub const fn new() -> Self {
        // Not at zero, as no board's clock is.
        Self { now: Cell::new(Instant::from_micros(1_000_000)), modem: RefCell::new(Modem::new()) }
    }

    /// The driver's end.
    pub fn wire(&self) -> Wire<'_> {
        Wire(self)
    }

    /// The clock.
    pub fn board(&self) -> Board<'_> {
        Board(self)
    }
}

/// The driver's end of the UART.
#[derive(Clone, Copy, Debug)]
pub struct Wire<'w>(&'w World);

impl Uart for Wire<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        Ok(self.0.modem.borrow_mut().take(buf))
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let mut modem = self.0.modem.borrow_mut();
        bytes.iter().for_each(|&byte| modem.hear(byte));
        modem.advance(self.0.now.get());
        bytes.len()
    }

    fn readable(&self) -> bool {
        self.0.modem.borrow().speaks()
    }

    fn writable(&self) -> bool {
        true
    }

    fn is_idle(&self) -> bool {
        true
    }

    fn capacity(&self) -> usize {
        talk::ROOM / 2
    }
}

/// A clock that jumps to whatever happens next.
#[derive(Clone, Copy, Debug)]
pub struct Board<'w>(&'w World);

impl Platform for Board<'_> {
    fn now(&self) -> Instant {
        self.0.now.get()
    }

    fn seed(&self) -> u64 {
        1
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        let now = self.0.now.get();
        self.0.modem.borrow_mut().advance(now);
        if ready() {
            return;
        }
        let due = self.0.modem.borrow().due();
        let next =
            usocket_core::earlier(due, until).expect("virtual time: nothing can ever happen");
        self.0.now.set(next.max(now));
        self.0.modem.borrow_mut().advance(next.max(now));
    }
}
