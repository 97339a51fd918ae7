//! The sending half beside a queue of received bytes.

use super::ring::Ring;

/// The sending half of a UART, beside an [`RxQueue`](crate::RxQueue) that is the receiving
/// half.
///
/// Implement it on a peripheral's registers, or use [`TxQueue`].
pub trait Transmitter {
    /// Gives bytes to the transmitter and returns how many it had room for, without
    /// waiting. Where it takes less than all, an interrupt (or
    /// [`notify`](crate::Esp8285::notify)) must come when there is room again.
    fn write(&mut self, bytes: &[u8]) -> usize;

    /// Whether `write` would take a byte.
    fn writable(&self) -> bool;

    /// Whether everything written has left, the last stop bit included.
    fn is_idle(&self) -> bool;
}

/// Bytes to send, taken by the handler of a transmitter's interrupt.
///
/// The driver does without it where the FIFO can be written directly; a queue saves it a
/// turn for each filling of the FIFO. One producer (the driver) and one consumer (the
/// handler) at a time. `N` is a power of two.
///
/// ```
/// # use std::cell::Cell;
/// # use usocket_backend_esp8285_at::{Transmitter, TxQueue};
/// static TX: TxQueue<64> = TxQueue::new();
///
/// # let (interrupt, sent) = (Cell::new(false), Cell::new(0));
/// // For the driver: how to switch the interrupt on, and whether the line is idle.
/// let mut tx = TX.transmitter(|| interrupt.set(true), || true);
/// assert_eq!(tx.write(b"AT\r\n"), 4);
/// assert!(interrupt.get() && !tx.is_idle());
///
/// // In the interrupt handler, while the FIFO has room; without a byte, switch it off.
/// while let Some(byte) = TX.pop() {
///     sent.set(sent.get() + usize::from(byte != 0));
/// }
/// interrupt.set(false);
/// # assert_eq!(sent.get(), 4);
/// assert!(tx.is_idle());
/// ```
#[derive(Debug)]
pub struct TxQueue<const N: usize>(pub(super) Ring<N>);

impl<const N: usize> TxQueue<N> {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self(Ring::new())
    }

    /// Consumer: the next byte to send.
    #[inline]
    pub fn pop(&self) -> Option<u8> {
        self.0.pop()
    }

    /// Whether all bytes have been taken.
    pub fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// The driver's side. `start` is called after bytes have been added, with the driver's
    /// lock held: it switches on the interrupt of an empty transmitter. `idle` says whether
    /// the hardware has sent everything, the last stop bit included.
    pub const fn transmitter<S: FnMut(), I: Fn() -> bool>(
        &self,
        start: S,
        idle: I,
    ) -> QueueTransmitter<'_, S, I, N> {
        QueueTransmitter { queue: self, start, idle }
    }
}

impl<const N: usize> Default for TxQueue<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The driver's side of a [`TxQueue`].
#[derive(Debug)]
pub struct QueueTransmitter<'q, S, I, const N: usize> {
    queue: &'q TxQueue<N>,
    start: S,
    idle: I,
}

impl<S: FnMut(), I: Fn() -> bool, const N: usize> Transmitter for QueueTransmitter<'_, S, I, N> {
    fn write(&mut self, bytes: &[u8]) -> usize {
        let len = self.queue.0.write(bytes);
        // Also where there was no room: an interrupt must tell of the next room.
        (self.start)();
        len
    }

    fn writable(&self) -> bool {
        self.queue.0.len() < N
    }

    fn is_idle(&self) -> bool {
        self.queue.is_empty() && (self.idle)()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn the_handler_takes_what_was_written_in_order() {
        let (starts, idle) = (Cell::new(0), Cell::new(true));
        let queue = TxQueue::<4>::new();
        let mut tx = queue.transmitter(|| starts.set(starts.get() + 1), || idle.get());
        assert!(tx.is_idle() && tx.writable() && queue.is_empty());
        assert_eq!(tx.write(b"abcdef"), 4);
        assert_eq!((tx.write(b"ef"), starts.get()), (0, 2));
        assert!(!tx.writable() && !tx.is_idle());
        assert_eq!(queue.pop(), Some(b'a'));
        assert!(tx.writable());
        assert_eq!(tx.write(b"ef"), 1);
        let rest: std::vec::Vec<u8> = core::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(rest, b"bcde");
        idle.set(false);
        assert!(!tx.is_idle(), "the last byte is still on the line");
        idle.set(true);
        assert!(tx.is_idle());
    }
}
