//! What is at the other end of the modem's wire: a modem, or a source of numbered bytes.

use std::cell::RefCell;
use std::rc::Rc;

use esp8285_sim::net::Network;
use esp8285_sim::{Instant, Modem};

/// The other end of a serial line. Time is the simulator's.
pub trait Partner {
    /// The rate at which it sends and listens now.
    fn baud(&self) -> u32;
    /// The next byte it sends, if it has one.
    fn say(&mut self, now: Instant) -> Option<u8>;
    /// Whether it has one.
    fn has_byte(&self) -> bool;
    /// A byte for it.
    fn hear(&mut self, now: Instant, byte: u8);
    /// Its enable pin.
    fn enable(&mut self, now: Instant, on: bool);
    /// Does what is due.
    fn advance(&mut self, now: Instant);
    /// When something is due.
    fn due(&self) -> Option<Instant>;
}

impl<N: Network> Partner for Modem<N> {
    fn baud(&self) -> u32 {
        Modem::baud(self)
    }

    fn say(&mut self, now: Instant) -> Option<u8> {
        let mut byte = [0];
        (self.poll_tx(now, &mut byte) == 1).then_some(byte[0])
    }

    fn has_byte(&self) -> bool {
        self.tx_len() > 0
    }

    fn hear(&mut self, now: Instant, byte: u8) {
        self.handle_rx(now, &[byte]);
    }

    fn enable(&mut self, now: Instant, on: bool) {
        self.set_enabled(now, on);
    }

    fn advance(&mut self, now: Instant) {
        Modem::advance(self, now);
        // Nobody reads what happens inside.
        while self.poll_event().is_some() {}
    }

    fn due(&self) -> Option<Instant> {
        self.poll_at()
    }
}

/// Somebody else keeps the other end, too, and looks at it between two runs.
impl<P: Partner> Partner for Rc<RefCell<P>> {
    fn baud(&self) -> u32 {
        self.borrow().baud()
    }

    fn say(&mut self, now: Instant) -> Option<u8> {
        self.borrow_mut().say(now)
    }

    fn has_byte(&self) -> bool {
        self.borrow().has_byte()
    }

    fn hear(&mut self, now: Instant, byte: u8) {
        self.borrow_mut().hear(now, byte);
    }

    fn enable(&mut self, now: Instant, on: bool) {
        self.borrow_mut().enable(now, on);
    }

    fn advance(&mut self, now: Instant) {
        self.borrow_mut().advance(now);
    }

    fn due(&self) -> Option<Instant> {
        self.borrow().due()
    }
}

/// Sends `len` bytes without a pause once it has heard a byte at its rate, which it has told
/// before at 115200 baud: the other side of the image `uart_rate`.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    rate: u32,
    announced: usize,
    left: u32,
    next: u32,
    enabled: bool,
    going: bool,
    hasty: bool,
}

impl Source {
    /// One of this rate.
    #[must_use]
    pub const fn new(rate: u32, len: u32) -> Self {
        Self { rate, announced: 0, left: len, next: 0, enabled: false, going: false, hasty: false }
    }

    /// Another one, which says a byte more before it switches its rate.
    #[must_use]
    pub const fn hasty(rate: u32, len: u32) -> Self {
        Self { hasty: true, ..Self::new(rate, len) }
    }

    fn announcement(&self) -> Vec<u8> {
        let more = if self.hasty { "!" } else { "" };
        format!("{} {}\n{more}", self.rate, self.left).into_bytes()
    }
}

/// What `Source` sends as its byte of this number.
#[must_use]
pub const fn numbered(at: u32) -> u8 {
    at.wrapping_mul(0x9e37_79b1).to_be_bytes()[0]
}

impl Partner for Source {
    fn baud(&self) -> u32 {
        if self.going || self.announced >= self.announcement().len() { self.rate } else { 115_200 }
    }

    fn say(&mut self, _: Instant) -> Option<u8> {
        if !self.has_byte() {
            return None;
        }
        if !self.going {
            self.announced += 1;
            return Some(self.announcement()[self.announced - 1]);
        }
        let byte = numbered(self.next);
        (self.next, self.left) = (self.next + 1, self.left - 1);
        Some(byte)
    }

    fn has_byte(&self) -> bool {
        self.enabled
            && if self.going { self.left > 0 } else { self.announced < self.announcement().len() }
    }

    fn hear(&mut self, _: Instant, _: u8) {
        self.going = true;
    }

    fn enable(&mut self, _: Instant, on: bool) {
        self.enabled = on;
    }

    fn advance(&mut self, _: Instant) {}

    fn due(&self) -> Option<Instant> {
        None
    }
}
