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
    /// For each side, what flies to it and when it arrives.
    queues: [VecDeque<(u64, Vec<u8>)>; 2],
    unused: Vec<Vec<u8>>,
    weather: Weather,
    random: u64,
}

/// What becomes of frames under way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Weather {
    /// Microseconds from one end to the other.
    pub delay: u64,
    /// How many of a thousand are lost.
    pub loss: u64,
    /// Which ones.
    pub seed: u64,
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
    /// Two ends of a new link, on which frames arrive at once.
    #[must_use]
    pub fn pair() -> (End, End) {
        Self::pair_in(Weather::default())
    }

    /// The same in another weather.
    #[must_use]
    pub fn pair_in(weather: Weather) -> (End, End) {
        let random = weather.seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let cable = Rc::new(RefCell::new(Cable { weather, random, ..Cable::default() }));
        let one = End { cable, side: 0, now: Rc::new(Cell::new(1_000_000)) };
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
        let cable = self.cable.borrow();
        cable.queues[self.side].front().is_some_and(|&(at, _)| at <= self.now.get())
    }

    /// When the next frame arrives at either end.
    #[must_use]
    pub fn next_arrival(&self) -> Option<u64> {
        let cable = self.cable.borrow();
        cable.queues.iter().filter_map(|queue| queue.front().map(|&(at, _)| at)).min()
    }
}

impl Cable {
    /// Whether the next frame is lost (xorshift64*).
    fn loses(&mut self) -> bool {
        if self.weather.loss == 0 {
            return false;
        }
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        (self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) % 1000 < self.weather.loss
    }
}

impl Device for End {
    type RxToken<'a> = Token<'a>;
    type TxToken<'a> = Token<'a>;

    // Always inlined, as in a program where one stack uses the device: here there are two.
    #[inline(always)]
    fn receive(&mut self, _: Instant) -> Option<(Token<'_>, Token<'_>)> {
        let (_, frame) = self.cable.borrow_mut().queues[self.side]
            .pop_front_if(|(at, _)| *at <= self.now.get())?;
        Some((Token { end: self, frame: Some(frame) }, Token { end: self, frame: None }))
    }

    #[inline(always)]
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
    #[inline(always)]
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        let frame = self.frame.unwrap_or_default();
        let answer = f(&frame);
        self.end.cable.borrow_mut().unused.push(frame);
        answer
    }
}

impl TxToken for Token<'_> {
    #[inline(always)]
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = self.end.cable.borrow_mut().unused.pop().unwrap_or_default();
        frame.resize(len, 0);
        let answer = f(&mut frame);
        let mut cable = self.end.cable.borrow_mut();
        if cable.loses() {
            cable.unused.push(frame);
        } else {
            let arrival = self.end.now.get() + cable.weather.delay;
            cable.queues[1 - self.end.side].push_back((arrival, frame));
        }
        answer
    }
}
