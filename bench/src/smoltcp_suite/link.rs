//! A link in memory between two devices, and its clock.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use usocket_backend_smoltcp::smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use usocket_backend_smoltcp::smoltcp::time::Instant;

/// Frames that fly in one direction; more are lost, as in a full queue of an interface.
const FLYING: usize = 64;

/// What the two ends share. Frames are used again, so that no allocator is measured.
#[derive(Debug, Default)]
struct Cable {
    queues: [VecDeque<Vec<u8>>; 2],
    unused: Vec<Vec<u8>>,
}

/// One end.
#[derive(Clone, Debug)]
pub struct End {
    cable: Rc<RefCell<Cable>>,
    side: usize,
    /// The time on this link, in microseconds.
    pub now: Rc<Cell<u64>>,
}

impl End {
    /// Two ends of a new link.
    #[must_use]
    pub fn pair() -> (End, End) {
        let (cable, now) = (Rc::default(), Rc::new(Cell::new(1_000_000)));
        let one = End { cable, side: 0, now };
        let other = End { side: 1, ..one.clone() };
        (one, other)
    }

    /// The time for the stack.
    #[must_use]
    pub fn time(&self) -> Instant {
        Instant::from_micros(i64::try_from(self.now.get()).unwrap_or(i64::MAX))
    }

    /// Whether a frame waits here.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.cable.borrow().queues[self.side].is_empty()
    }
}

impl Device for End {
    type RxToken<'a> = Token<'a>;
    type TxToken<'a> = Token<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Token<'_>, Token<'_>)> {
        let frame = self.cable.borrow_mut().queues[self.side].pop_front()?;
        Some((Token { end: self, frame: Some(frame) }, Token { end: self, frame: None }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Token<'_>> {
        let full = self.cable.borrow().queues[1 - self.side].len() >= FLYING;
        (!full).then_some(Token { end: self, frame: None })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = Medium::Ip;
        capabilities.max_transmission_unit = 1500;
        capabilities
    }
}

/// A frame that was received, or room for one.
#[derive(Debug)]
pub struct Token<'a> {
    end: &'a End,
    frame: Option<Vec<u8>>,
}

impl RxToken for Token<'_> {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let frame = self.frame.unwrap_or_default();
        let answer = f(&frame);
        self.end.cable.borrow_mut().unused.push(frame);
        answer
    }
}

impl TxToken for Token<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = self.end.cable.borrow_mut().unused.pop().unwrap_or_default();
        frame.resize(len, 0);
        let answer = f(&mut frame);
        self.end.cable.borrow_mut().queues[1 - self.end.side].push_back(frame);
        answer
    }
}
