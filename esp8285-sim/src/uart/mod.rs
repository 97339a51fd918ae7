//! The wire between the modem and the host, and the host's receiver (sheet section 7).
//!
//! Two lines of 8N1 without flow control, each at the rate of its sender. The host side is
//! a receive FIFO that an interrupt handler empties into a ring, late: a byte that finds
//! the FIFO full is lost and raises the overrun flag, as in the UART of the K210.

mod fault;
mod receiver;
mod run;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Duration;

pub use fault::{Fault, Faults};
pub use receiver::{Receiver, RxFlags};

use self::fault::FaultSource;
use crate::modem::{Activity, Modem};
use crate::net::Network;
use crate::rng::Rng;
use crate::time::{Instant, earlier};

/// The knobs of the wire.
#[derive(Clone, Debug)]
pub struct UartConfig {
    /// The host's rate at the beginning.
    pub baud: u32,
    /// Every random choice of the wire comes from this.
    pub seed: u64,
    /// The host's receiver.
    pub receiver: Receiver,
    /// Bytes that the host's transmitter holds beside the one on the wire.
    pub tx_depth: usize,
    /// Faults on the way to the host.
    pub to_host: Faults,
    /// Faults on the way to the modem.
    pub to_modem: Faults,
}

impl Default for UartConfig {
    /// 115200 baud, the K210's FIFO, no fault.
    fn default() -> Self {
        Self {
            baud: 115_200,
            seed: 1,
            receiver: Receiver::default(),
            tx_depth: 16,
            to_host: Faults::default(),
            to_modem: Faults::default(),
        }
    }
}

/// Bytes from the modem were lost just here, or came at a rate that is not the host's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Loss;

/// A modem at the end of a wire, as the host sees it.
#[derive(Debug)]
pub struct Uart<N> {
    modem: Modem<N>,
    baud: u32,
    now: Instant,
    rng: Rng,
    rx: receiver::State,
    /// The byte on its way to the host: when it is complete, its rate, what it is.
    rx_wire: Option<(Instant, u32, u8)>,
    scratch: Vec<u8>,
    /// Whether bytes are moved at once where it makes no difference; off in tests of that.
    runs: bool,
    rx_faults: FaultSource,
    /// The next byte comes with a framing error.
    garble: bool,
    tx: VecDeque<u8>,
    tx_depth: usize,
    tx_wire: Option<(Instant, u32, u8)>,
    tx_faults: FaultSource,
}

impl<N: Network> Uart<N> {
    /// Puts a wire to a modem that was just made.
    #[must_use]
    pub fn new(modem: Modem<N>, config: UartConfig) -> Self {
        let mut rng = Rng::new(config.seed);
        Self {
            modem,
            baud: config.baud,
            now: Instant::ZERO,
            rx: receiver::State::new(config.receiver, rng.next_u64()),
            rx_wire: None,
            scratch: Vec::new(),
            runs: true,
            rx_faults: FaultSource::new(config.to_host, rng.next_u64()),
            garble: false,
            tx: VecDeque::new(),
            tx_depth: config.tx_depth.max(1),
            tx_wire: None,
            tx_faults: FaultSource::new(config.to_modem, rng.next_u64()),
            rng,
        }
    }

    /// Takes bytes that the interrupt handler has put into the ring.
    pub fn read(&mut self, now: Instant, buf: &mut [u8]) -> usize {
        self.advance(now);
        self.rx.read(buf)
    }

    /// Takes bytes as [`read`](Self::read) does, but none from behind a loss: whoever has
    /// read up to one is told of it, once.
    ///
    /// # Errors
    /// [`Loss`]: just here bytes are missing, or the next one came with a framing error.
    pub fn read_checked(&mut self, now: Instant, buf: &mut [u8]) -> Result<usize, Loss> {
        self.advance(now);
        if self.rx.take_loss() { Err(Loss) } else { Ok(self.rx.read_to_loss(buf)) }
    }

    /// Whether [`read_checked`](Self::read_checked) would give something, a loss included.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.rx.len() > 0 || self.rx.at_loss()
    }

    /// How many bytes a read would give now.
    #[must_use]
    pub fn readable(&self) -> usize {
        self.rx.len()
    }

    /// Gives bytes to the transmitter; how many it had room for.
    pub fn write(&mut self, now: Instant, bytes: &[u8]) -> usize {
        self.advance(now);
        let len = bytes.len().min(self.tx_room());
        self.tx.extend(&bytes[..len]);
        self.start_bytes();
        len
    }

    /// How many bytes the transmitter would take now.
    #[must_use]
    pub fn tx_room(&self) -> usize {
        self.tx_depth - self.tx.len()
    }

    /// Whether everything written has left.
    #[must_use]
    pub fn is_tx_idle(&self) -> bool {
        self.tx.is_empty() && self.tx_wire.is_none()
    }

    /// Whether the receiver has flagged a loss since the last
    /// [`take_flags`](Self::take_flags).
    #[must_use]
    pub fn has_lost(&self) -> bool {
        self.rx.has_lost()
    }

    /// How many bytes the ring holds.
    #[must_use]
    pub fn ring(&self) -> usize {
        self.rx.ring()
    }

    /// What the receiver has flagged since the last call.
    pub fn take_flags(&mut self) -> RxFlags {
        self.rx.take_flags()
    }

    /// Switches the host's rate, for bytes that begin from now on.
    pub fn set_baud(&mut self, now: Instant, baud: u32) {
        self.advance(now);
        self.baud = baud;
    }

    /// Sets how late the interrupt handler comes from now on.
    pub fn set_irq_latency(&mut self, now: Instant, latency: Duration) {
        self.advance(now);
        self.rx.set_latency(latency);
    }

    /// What the modem is doing as seen on the wire: [`Activity::Reply`] while a counted
    /// payload is on it, otherwise what [`Modem::activity`] says.
    #[must_use]
    pub fn activity(&self) -> Activity {
        if self.modem.is_replying() { Activity::Reply } else { self.modem.activity() }
    }

    /// Something happens to the byte that is on its way to the host, or else to the next.
    pub fn fault_to_host(&mut self, now: Instant, fault: Fault) {
        self.advance(now);
        self.rx_faults.now(fault);
    }

    /// Something happens to the byte that is on its way to the modem, or else to the next.
    pub fn fault_to_modem(&mut self, now: Instant, fault: Fault) {
        self.advance(now);
        self.tx_faults.now(fault);
    }

    /// How many losses the receiver has flagged so far, those of many bytes in a row
    /// once.
    #[must_use]
    pub fn losses(&self) -> u64 {
        self.rx.losses()
    }

    /// The next byte to the host comes with a framing error, and is another one.
    pub fn garble_next(&mut self, now: Instant) {
        self.advance(now);
        self.garble = true;
    }

    /// When something will happen next, if the host does nothing.
    #[must_use]
    pub fn poll_at(&self) -> Option<Instant> {
        self.due(self.modem.poll_at())
    }

    /// The same, if this is when the modem does something.
    fn due(&self, modem: Option<Instant>) -> Option<Instant> {
        let [rx, tx] = [&self.rx_wire, &self.tx_wire].map(|wire| wire.map(|(end, ..)| end));
        // What was said because of a call of the modem's own, from outside.
        let said = (self.rx_wire.is_none() && self.modem.tx_len() > 0).then_some(self.now);
        earlier(earlier(earlier(rx, tx), said), earlier(self.rx.due(), modem))
    }

    /// Does what is due until `limit`, or until bytes can be read and no more are on their
    /// way; when that is. For hosts that need not look at every byte.
    pub fn advance_to_pause(&mut self, limit: Instant) -> Instant {
        loop {
            let coming = self.rx_wire.is_some() || self.rx.due().is_some();
            if !coming && self.rx.len() > 0 && self.modem.tx_len() == 0 {
                return self.now;
            }
            // The end of what the modem has to say, or the next thing that happens.
            let left = u32::try_from(self.modem.tx_len()).unwrap_or(u32::MAX);
            let end = self.rx_wire.map(|(end, baud, _)| end + byte_time(baud) * left);
            let Some(next) = end.or_else(|| self.poll_at()) else { break };
            if next > limit {
                break;
            }
            self.advance(next);
        }
        self.advance(limit);
        self.now
    }

    /// Does everything that is due until `now`.
    pub fn advance(&mut self, now: Instant) {
        loop {
            let modem = self.modem.poll_at();
            let Some(due) = self.due(modem).filter(|due| *due <= now) else { break };
            if self.runs && self.run(now, modem) {
                continue;
            }
            self.now = self.now.max(due);
            if modem.is_some_and(|at| at <= self.now) {
                self.modem.advance(self.now);
            }
            self.finish_bytes();
            self.rx.interrupt(self.now);
            self.start_bytes();
        }
        self.now = self.now.max(now);
    }

    /// The modem, with the time brought up to date.
    pub fn modem(&mut self, now: Instant) -> &mut Modem<N> {
        self.advance(now);
        self.modem.advance(now);
        &mut self.modem
    }

    /// Bytes whose stop bit has passed.
    fn finish_bytes(&mut self) {
        if let Some((_, baud, byte)) = self.rx_wire.take_if(|(end, ..)| *end <= self.now) {
            let garbled = !agree(baud, self.baud) || std::mem::take(&mut self.garble);
            let byte = if garbled { self.rng.byte() } else { byte };
            for byte in self.rx_faults.pass(byte) {
                self.rx.byte(self.now, byte, garbled);
            }
        }
        if let Some((_, baud, byte)) = self.tx_wire.take_if(|(end, ..)| *end <= self.now) {
            let garbled = !agree(baud, self.modem.baud());
            let byte = if garbled { self.rng.byte() } else { byte };
            let bytes = self.tx_faults.pass(byte);
            self.modem.handle_rx(self.now, &bytes);
        }
    }

    /// Puts the next byte on each line that is free.
    fn start_bytes(&mut self) {
        if self.rx_wire.is_none() && self.modem.tx_len() > 0 {
            // The rate of before: the last byte of an answer may switch it.
            let baud = self.modem.baud();
            let mut byte = [0];
            if self.modem.poll_tx(self.now, &mut byte) == 1 {
                self.rx_wire = Some((self.now + byte_time(baud), baud, byte[0]));
            }
        }
        if self.tx_wire.is_none()
            && let Some(byte) = self.tx.pop_front()
        {
            self.tx_wire = Some((self.now + byte_time(self.baud), self.baud, byte));
        }
    }
}

/// How long a byte of 8N1 is: ten bits.
#[must_use]
pub fn byte_time(baud: u32) -> Duration {
    Duration::from_nanos(10_000_000_000 / u64::from(baud.max(1)))
}

/// Whether a receiver at one rate understands a sender at another: within three per cent.
fn agree(sender: u32, receiver: u32) -> bool {
    u64::from(sender.abs_diff(receiver)) * 100 <= u64::from(receiver) * 3
}
