//! The byte queue between an interrupt handler and the driver.

use core::sync::atomic::{AtomicUsize, Ordering};

use super::ring::Ring;
use super::{Lost, Transmitter, Uart};

/// Losses that a queue remembers at once.
const MARKS: usize = 4;

/// Received bytes, put there by an interrupt handler (or a DMA handler, or a thread) and
/// read by the driver.
///
/// One producer and one consumer at a time; more than one of either mixes the bytes up, but
/// does no worse. It is made for a `static`, and uses plain atomic loads and stores: it
/// runs on cores without compare-and-swap.
///
/// `N` is a power of two. It must hold what one reply can be, as the modem cannot be
/// stopped: 256 to 512 for passive receive; with `Receive::Active` twice that, since the
/// peer decides how much comes at once, and the time between two drives what is lost.
/// The driver asks for no more at a time than fits (sheet section 7).
///
/// A byte that finds no room is lost, and so is what the hardware reports as lost. The
/// queue remembers where: [`read`](Self::read) answers [`Lost`] between the bytes before
/// and those after. It remembers four places; a loss beyond them begins at the last of
/// them, and goes on until one has been read.
///
/// ```
/// # use usocket_backend_esp8285_at::{Lost, RxQueue};
/// static RX: RxQueue<512> = RxQueue::new();
///
/// # struct Status { data: Option<u8>, overrun: bool }
/// # fn uart1() -> impl Iterator<Item = Status> {
/// #     [Status { data: Some(b'O'), overrun: false }, Status { data: None, overrun: true },
/// #      Status { data: Some(b'K'), overrun: false }].into_iter()
/// # }
/// // In the interrupt handler:
/// for status in uart1() {
///     if status.overrun {
///         RX.push_lost();
///     }
///     if let Some(byte) = status.data {
///         RX.push(byte);
///     }
/// }
///
/// let mut buf = [0; 8];
/// assert_eq!(RX.read(&mut buf), Ok(1));
/// assert_eq!(RX.read(&mut buf), Err(Lost));
/// assert_eq!(RX.read(&mut buf), Ok(1));
/// ```
#[derive(Debug)]
pub struct RxQueue<const N: usize> {
    ring: Ring<N>,
    marks: Marks,
}

impl<const N: usize> RxQueue<N> {
    /// An empty queue.
    #[must_use]
    pub const fn new() -> Self {
        Self { ring: Ring::new(), marks: Marks::new() }
    }

    /// Producer: a byte has come. `false` if it was lost for want of room, which the
    /// consumer will be told.
    #[inline]
    pub fn push(&self, byte: u8) -> bool {
        let taken = !self.marks.full() && self.ring.push(byte);
        if !taken {
            self.push_lost();
        }
        taken
    }

    /// Producer: bytes have come. Returns how many there was room for; the rest is lost,
    /// which the consumer will be told.
    pub fn push_all(&self, bytes: &[u8]) -> usize {
        let len = if self.marks.full() { 0 } else { self.ring.write(bytes) };
        if len < bytes.len() {
            self.push_lost();
        }
        len
    }

    /// Producer: something has been lost here: the hardware reports an overrun, or a byte
    /// with a framing error, which is not to be pushed.
    #[inline]
    pub fn push_lost(&self) {
        self.marks.add(self.ring.head());
    }

    /// Producer: how many bytes there is room for.
    pub fn room(&self) -> usize {
        if self.marks.full() { 0 } else { N - self.ring.len() }
    }

    /// Consumer: takes the oldest bytes and returns how many; 0 when there are none.
    ///
    /// # Errors
    /// [`Lost`] between the bytes that came before a loss and those that came after, once.
    pub fn read(&self, buf: &mut [u8]) -> Result<usize, Lost> {
        // Before the marks: those that stand before these bytes are then seen.
        let head = self.ring.head();
        let tail = self.ring.tail();
        let mut most = head.wrapping_sub(tail);
        if let Some(place) = self.marks.first() {
            if place == tail {
                self.marks.remove();
                return Err(Lost);
            }
            most = most.min(place.wrapping_sub(tail));
        }
        Ok(self.ring.read(buf, most))
    }

    /// Consumer: whether `read` would give something, a loss included.
    pub fn is_readable(&self) -> bool {
        self.ring.len() > 0 || self.marks.first().is_some()
    }

    /// How many bytes it holds.
    pub const fn capacity(&self) -> usize {
        N
    }
}

impl<const N: usize> Default for RxQueue<N> {
    fn default() -> Self {
        Self::new()
    }
}

/// The places of losses: a ring of its own, whose last entry closes the queue.
#[derive(Debug)]
struct Marks {
    places: [AtomicUsize; MARKS],
    head: AtomicUsize,
    tail: AtomicUsize,
}

impl Marks {
    const fn new() -> Self {
        Self {
            places: [const { AtomicUsize::new(0) }; MARKS],
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
        }
    }

    /// No byte may follow: a loss behind it could not be told.
    fn full(&self) -> bool {
        let tail = self.tail.load(Ordering::Acquire);
        self.head.load(Ordering::Relaxed).wrapping_sub(tail) >= MARKS
    }

    fn add(&self, place: usize) {
        let (head, tail) = (self.head.load(Ordering::Relaxed), self.tail.load(Ordering::Acquire));
        let last = self.places[head.wrapping_sub(1) % MARKS].load(Ordering::Relaxed);
        // When it is full no byte has followed the last one, so the place is the same.
        if head != tail && last == place {
            return;
        }
        self.places[head % MARKS].store(place, Ordering::Relaxed);
        self.head.store(head.wrapping_add(1), Ordering::Release);
    }

    fn first(&self) -> Option<usize> {
        let tail = self.tail.load(Ordering::Relaxed);
        let some = self.head.load(Ordering::Acquire) != tail;
        some.then(|| self.places[tail % MARKS].load(Ordering::Relaxed))
    }

    fn remove(&self) {
        let tail = self.tail.load(Ordering::Relaxed);
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
    }
}

/// A [`Uart`] that receives from an [`RxQueue`] and sends by a [`Transmitter`], for
/// instance that of a [`TxQueue`](crate::TxQueue).
///
/// It has a fixed rate and no enable pin: see [`Uart::with_baud`] and
/// [`Uart::with_enable`].
#[derive(Debug)]
pub struct QueueUart<'q, T, const N: usize> {
    rx: &'q RxQueue<N>,
    tx: T,
}

impl<'q, T: Transmitter, const N: usize> QueueUart<'q, T, N> {
    /// A UART of these halves. Nobody else may read from the queue.
    pub const fn new(rx: &'q RxQueue<N>, tx: T) -> Self {
        Self { rx, tx }
    }

    /// The sending half.
    pub const fn tx_mut(&mut self) -> &mut T {
        &mut self.tx
    }
}

impl<T: Transmitter, const N: usize> Uart for QueueUart<'_, T, N> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        self.rx.read(buf)
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        self.tx.write(bytes)
    }

    fn readable(&self) -> bool {
        self.rx.is_readable()
    }

    fn writable(&self) -> bool {
        self.tx.writable()
    }

    fn is_idle(&self) -> bool {
        self.tx.is_idle()
    }

    fn capacity(&self) -> usize {
        self.rx.capacity()
    }
}

#[cfg(test)]
#[path = "queue/tests.rs"]
mod tests;
