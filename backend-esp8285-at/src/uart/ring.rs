//! Bytes between two contexts of execution, without a lock.

use core::sync::atomic::{AtomicU8, AtomicUsize, Ordering};

/// A ring for one producer and one consumer.
///
/// Plain loads and stores only: each index has one writer. The indices run on for ever and
/// wrap with the word, so a full ring is not an empty one; the size is a power of two so
/// that they keep their place when they wrap.
#[derive(Debug)]
pub(super) struct Ring<const N: usize> {
    bytes: [AtomicU8; N],
    /// Where the next byte goes: written by the producer.
    head: AtomicUsize,
    /// Where the oldest byte is: written by the consumer.
    tail: AtomicUsize,
}

impl<const N: usize> Ring<N> {
    pub(super) const fn new() -> Self {
        const { assert!(N.is_power_of_two(), "the size of a queue is a power of two") };
        Self {
            bytes: [const { AtomicU8::new(0) }; N],
            head: AtomicUsize::new(0),
            tail: AtomicUsize::new(0),
        }
    }

    /// The producer's index. To the consumer: all bytes before it are there, and so is
    /// whatever else the producer stored before them.
    pub(super) fn head(&self) -> usize {
        self.head.load(Ordering::Acquire)
    }

    /// The consumer's index.
    pub(super) fn tail(&self) -> usize {
        self.tail.load(Ordering::Acquire)
    }

    /// How many bytes are there. Exact for one side; the other may be changing it.
    pub(super) fn len(&self) -> usize {
        let tail = self.tail();
        self.head().wrapping_sub(tail).min(N)
    }

    /// Producer: adds a byte, if there is room.
    #[inline]
    pub(super) fn push(&self, byte: u8) -> bool {
        let head = self.head.load(Ordering::Relaxed);
        if head.wrapping_sub(self.tail()) >= N {
            return false;
        }
        self.bytes[head % N].store(byte, Ordering::Relaxed);
        self.head.store(head.wrapping_add(1), Ordering::Release);
        true
    }

    /// Producer: adds as many as there is room for.
    pub(super) fn write(&self, data: &[u8]) -> usize {
        let head = self.head.load(Ordering::Relaxed);
        let len = data.len().min(N - head.wrapping_sub(self.tail()).min(N));
        let from = head % N;
        let first = len.min(N - from);
        store(&self.bytes[from..from + first], &data[..first]);
        store(&self.bytes[..len - first], &data[first..len]);
        self.head.store(head.wrapping_add(len), Ordering::Release);
        len
    }

    /// Consumer: takes the oldest bytes, at most `most`.
    pub(super) fn read(&self, buf: &mut [u8], most: usize) -> usize {
        let len = self.peek(buf, most);
        self.skip(len);
        len
    }

    /// Consumer: copies the oldest bytes, at most `most`.
    pub(super) fn peek(&self, buf: &mut [u8], most: usize) -> usize {
        let tail = self.tail.load(Ordering::Relaxed);
        let len = self.head().wrapping_sub(tail).min(most).min(buf.len()).min(N);
        let from = tail % N;
        let first = len.min(N - from);
        load(&mut buf[..first], &self.bytes[from..from + first]);
        load(&mut buf[first..len], &self.bytes[..len - first]);
        len
    }

    /// Consumer: drops so many bytes, which are there.
    pub(super) fn skip(&self, len: usize) {
        let tail = self.tail.load(Ordering::Relaxed);
        self.tail.store(tail.wrapping_add(len), Ordering::Release);
    }

    /// Consumer: takes the oldest byte.
    #[inline]
    pub(super) fn pop(&self) -> Option<u8> {
        let tail = self.tail.load(Ordering::Relaxed);
        if tail == self.head() {
            return None;
        }
        let byte = self.bytes[tail % N].load(Ordering::Relaxed);
        self.tail.store(tail.wrapping_add(1), Ordering::Release);
        Some(byte)
    }

    /// An empty ring whose indices are about to wrap.
    #[cfg(test)]
    pub(super) fn about_to_wrap() -> Self {
        let ring = Self::new();
        ring.head.store(usize::MAX - 2, Ordering::Relaxed);
        ring.tail.store(usize::MAX - 2, Ordering::Relaxed);
        ring
    }
}

fn store(to: &[AtomicU8], from: &[u8]) {
    for (to, from) in to.iter().zip(from) {
        to.store(*from, Ordering::Relaxed);
    }
}

fn load(to: &mut [u8], from: &[AtomicU8]) {
    for (to, from) in to.iter_mut().zip(from) {
        *to = from.load(Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_around_both_ends() {
        for ring in [Ring::<8>::new(), Ring::<8>::about_to_wrap()] {
            let (mut next, mut expected) = (0_u8, 0_u8);
            for round in 0..64 {
                let data = [0, 1, 2, 3, 4, 5, 6, 7].map(|i| next.wrapping_add(i));
                let wanted = round % 9;
                let room = 8 - ring.len();
                let len = ring.write(&data[..wanted]);
                assert_eq!(len, wanted.min(room));
                next = next.wrapping_add(u8::try_from(len).unwrap());
                let mut buf = [0; 5];
                assert_eq!(ring.read(&mut buf, 0), 0);
                let len = ring.read(&mut buf, usize::MAX);
                for byte in &buf[..len] {
                    assert_eq!(*byte, expected);
                    expected = expected.wrapping_add(1);
                }
            }
            while let Some(byte) = ring.pop() {
                assert_eq!(byte, expected);
                expected = expected.wrapping_add(1);
            }
            assert_eq!(expected, next);
            assert!(next > 100, "{next}");
        }
    }

    #[test]
    fn a_full_ring_takes_nothing_and_loses_nothing() {
        let ring = Ring::<4>::about_to_wrap();
        assert!((0..4).all(|byte| ring.push(byte)));
        assert!(!ring.push(4));
        assert_eq!(ring.write(&[5]), 0);
        assert_eq!(ring.len(), 4);
        let mut buf = [9; 6];
        assert_eq!(ring.read(&mut buf, 6), 4);
        assert_eq!(buf, [0, 1, 2, 3, 9, 9]);
        assert_eq!((ring.len(), ring.pop()), (0, None));
    }
}
