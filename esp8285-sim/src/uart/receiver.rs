//! The host's receiver: FIFO, late interrupt, ring.

use std::collections::VecDeque;
use std::time::Duration;

use crate::modem::move_out;
use crate::rng::Rng;
use crate::time::Instant;

/// The knobs of the host's receiver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    /// Bytes that the FIFO holds (sheet section 7: 16 on the K210, 8 inferred once).
    pub fifo_depth: usize,
    /// From the first byte in an empty FIFO to the handler that empties it.
    pub irq_latency: Duration,
    /// Seeded addition to each latency, up to this.
    pub irq_jitter: Duration,
    /// Bytes that the ring between handler and driver holds.
    pub ring: usize,
}

impl Default for Receiver {
    /// The K210: 16 bytes, a handler that comes at once, a ring of 4 KiB.
    fn default() -> Self {
        Self { fifo_depth: 16, irq_latency: Duration::ZERO, irq_jitter: Duration::ZERO, ring: 4096 }
    }
}

/// What the receiver has noticed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RxFlags {
    /// A byte found the FIFO full and is lost.
    pub overrun: bool,
    /// A byte came at a rate that is not ours.
    pub framing: bool,
    /// A byte found the ring full and is lost.
    pub ring_full: bool,
    /// How many bytes were lost in FIFO and ring.
    pub lost: u64,
}

impl RxFlags {
    /// Whether a byte was lost or is wrong.
    #[must_use]
    pub fn any(&self) -> bool {
        self.overrun || self.framing || self.ring_full
    }
}

/// FIFO and ring.
#[derive(Debug)]
pub(super) struct State {
    config: Receiver,
    rng: Rng,
    fifo: VecDeque<u8>,
    due: Option<Instant>,
    ring: VecDeque<u8>,
    flags: RxFlags,
    /// Bytes that the ring has taken, and that were read from it.
    taken: u64,
    given: u64,
    /// Before which byte something was lost, oldest first.
    losses: VecDeque<u64>,
    /// How many there have been.
    count: u64,
}

impl State {
    pub(super) fn new(config: Receiver, seed: u64) -> Self {
        Self {
            config,
            rng: Rng::new(seed),
            fifo: VecDeque::new(),
            due: None,
            ring: VecDeque::new(),
            flags: RxFlags::default(),
            taken: 0,
            given: 0,
            losses: VecDeque::new(),
            count: 0,
        }
    }

    pub(super) fn set_latency(&mut self, latency: Duration) {
        self.config.irq_latency = latency;
    }

    /// A byte is complete.
    pub(super) fn byte(&mut self, now: Instant, byte: u8, garbled: bool) {
        self.flags.framing |= garbled;
        let full = self.fifo.len() >= self.config.fifo_depth;
        if garbled || full {
            self.note_loss(self.taken + self.fifo.len() as u64);
        }
        if full {
            self.flags.overrun = true;
            self.flags.lost += 1;
            return;
        }
        self.fifo.push_back(byte);
        if self.due.is_none() {
            let jitter = u64::try_from(self.config.irq_jitter.as_nanos()).unwrap_or(u64::MAX);
            let jitter = Duration::from_nanos(self.rng.below(jitter.saturating_add(1)));
            self.due = Some(now + self.config.irq_latency + jitter);
        }
    }

    /// How many bytes can come at once: `Err` with the time of the handler if it is on its
    /// way, before which bytes only fill the FIFO.
    pub(super) fn run(&self) -> Result<usize, Instant> {
        match self.due {
            Some(due) => Err(due),
            None if self.config.irq_latency.is_zero()
                && self.config.irq_jitter.is_zero()
                && self.config.fifo_depth > 0 =>
            {
                Ok(usize::MAX)
            }
            // The first one calls the handler.
            None => Ok(0),
        }
    }

    /// Good bytes have come one after the other, as [`run`](Self::run) allows.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let direct = self.due.is_none();
        let (to, room) = match direct {
            true => (&mut self.ring, self.config.ring),
            false => (&mut self.fifo, self.config.fifo_depth),
        };
        let len = bytes.len().min(room.saturating_sub(to.len()));
        to.extend(&bytes[..len]);
        if direct {
            self.taken += len as u64;
        }
        let lost = bytes.len() - len;
        if lost > 0 {
            self.flags.lost += lost as u64;
            self.flags.overrun |= !direct;
            self.flags.ring_full |= direct;
            self.note_loss(self.taken + self.fifo.len() as u64);
        }
    }

    /// When the handler comes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// The handler empties the FIFO, if it is there.
    pub(super) fn interrupt(&mut self, now: Instant) {
        if self.due.is_none_or(|due| due > now) {
            return;
        }
        self.due = None;
        while let Some(byte) = self.fifo.pop_front() {
            if self.ring.len() < self.config.ring {
                self.ring.push_back(byte);
                self.taken += 1;
            } else {
                self.flags.ring_full = true;
                self.flags.lost += 1;
                // What stood behind this byte stands one place further in front now.
                let here = self.taken;
                self.losses.iter_mut().filter(|at| **at > here).for_each(|at| *at -= 1);
                self.note_loss(here);
            }
        }
    }

    /// Something is missing before the byte of this number, or that byte is wrong.
    fn note_loss(&mut self, at: u64) {
        let place = self.losses.partition_point(|other| *other < at);
        if self.losses.get(place) != Some(&at) {
            self.losses.insert(place, at);
            self.count += 1;
        }
    }

    /// Whether something was lost just before the next byte.
    pub(super) fn at_loss(&self) -> bool {
        self.losses.front().is_some_and(|at| *at <= self.given)
    }

    /// Whether there was a loss just before the next byte; it is forgotten.
    pub(super) fn take_loss(&mut self) -> bool {
        let found = self.at_loss();
        if found {
            self.losses.pop_front();
        }
        found
    }

    /// As `read`, but no further than to the next loss.
    pub(super) fn read_to_loss(&mut self, buf: &mut [u8]) -> usize {
        let limit = self.losses.front().map_or(u64::MAX, |at| at.saturating_sub(self.given));
        let len = buf.len().min(usize::try_from(limit).unwrap_or(usize::MAX));
        self.read(&mut buf[..len])
    }

    pub(super) fn read(&mut self, buf: &mut [u8]) -> usize {
        let len = move_out(&mut self.ring, buf);
        self.given += len as u64;
        // Read over: whoever reads so does not ask where losses are.
        while self.losses.front().is_some_and(|at| *at < self.given) {
            self.losses.pop_front();
        }
        len
    }

    pub(super) fn losses(&self) -> u64 {
        self.count
    }

    pub(super) fn len(&self) -> usize {
        self.ring.len()
    }

    pub(super) fn has_lost(&self) -> bool {
        self.flags.any()
    }

    pub(super) fn ring(&self) -> usize {
        self.config.ring
    }

    pub(super) fn take_flags(&mut self) -> RxFlags {
        std::mem::take(&mut self.flags)
    }
}
