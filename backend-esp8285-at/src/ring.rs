//! A byte ring with a part at its end that is not yet valid.

use core::ops::Range;

/// A ring of bytes: committed ones, which can be read, then staged ones, which become
/// readable by [`commit`](Self::commit) or vanish by [`discard`](Self::discard).
///
/// Payload of a counted reply is staged until its framing has closed (R20).
///
/// The bytes lie elsewhere, those of all rings together: see [`Ring`]. 32 bits are enough
/// for what comes through a UART, and make it half as long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Marks {
    capacity: u32,
    /// Where the oldest byte is.
    head: u32,
    /// Committed bytes.
    len: u32,
    /// Staged bytes behind them.
    staged: u32,
}

#[expect(clippy::cast_possible_truncation, reason = "no more than the capacity")]
impl Marks {
    pub(crate) const fn new(capacity: usize) -> Self {
        assert!(capacity <= u32::MAX as usize, "too large");
        Self { capacity: capacity as u32, head: 0, len: 0, staged: 0 }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        (self.head, self.len, self.staged) = (0, 0, 0);
    }

    pub(crate) fn capacity(&self) -> usize {
        self.capacity as usize
    }

    /// Committed bytes.
    pub(crate) fn len(&self) -> usize {
        self.len as usize
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Room for more.
    pub(crate) fn free(&self) -> usize {
        (self.capacity - self.len - self.staged) as usize
    }

    /// Where the next free bytes are that lie together, until anything else is done to the
    /// ring; empty only when there is no room.
    pub(crate) fn vacant(&mut self) -> Range<usize> {
        if self.len + self.staged == 0 {
            self.head = 0;
        }
        let from = self.wrap(self.head + self.len + self.staged) as usize;
        from..(from + self.free()).min(self.capacity())
    }

    /// Where the oldest bytes are that lie together.
    pub(crate) fn front(&self) -> Range<usize> {
        self.head as usize..(self.head + self.len).min(self.capacity) as usize
    }

    /// The first `len` of the vacant bytes have been written.
    pub(crate) fn stage(&mut self, len: usize) {
        debug_assert!(len <= self.free(), "more bytes than there was room for");
        self.staged += len as u32;
    }

    /// Makes what is staged readable.
    pub(crate) fn commit(&mut self) {
        self.len += self.staged;
        self.staged = 0;
    }

    /// Drops what is staged.
    pub(crate) fn discard(&mut self) {
        self.staged = 0;
    }

    /// Drops the oldest `len` bytes.
    pub(crate) fn consume(&mut self, len: usize) {
        let len = (len as u32).min(self.len);
        self.head = self.wrap(self.head + len);
        self.len -= len;
    }

    fn wrap(&self, at: u32) -> u32 {
        if at >= self.capacity { at - self.capacity } else { at }
    }
}

/// A ring and its bytes.
#[derive(Debug)]
pub(crate) struct Ring<'m> {
    pub(crate) marks: &'m mut Marks,
    /// As many as its capacity.
    pub(crate) bytes: &'m mut [u8],
}

impl<'m> Ring<'m> {
    /// The next free bytes that lie together; empty only when there is no room.
    pub(crate) fn vacant(self) -> &'m mut [u8] {
        &mut self.bytes[self.marks.vacant()]
    }

    /// Stages as many of `data` as fit and says how many.
    pub(crate) fn stage_from(&mut self, mut data: &[u8]) -> usize {
        let mut taken = 0;
        while !data.is_empty() {
            let vacant = &mut self.bytes[self.marks.vacant()];
            let len = vacant.len().min(data.len());
            if len == 0 {
                break;
            }
            vacant[..len].copy_from_slice(&data[..len]);
            self.marks.stage(len);
            data = &data[len..];
            taken += len;
        }
        taken
    }

    /// Queues as many of `data` as fit and says how many.
    pub(crate) fn push(&mut self, data: &[u8]) -> usize {
        let taken = self.stage_from(data);
        self.marks.commit();
        taken
    }

    /// Copies committed bytes from `skip` on; how many were there.
    pub(crate) fn peek(&self, skip: usize, buf: &mut [u8]) -> usize {
        let wanted = buf.len().min(self.marks.len().saturating_sub(skip));
        let mut from = self.marks.front().start + skip.min(self.marks.len());
        if from >= self.bytes.len() {
            from -= self.bytes.len();
        }
        let first = wanted.min(self.bytes.len() - from);
        buf[..first].copy_from_slice(&self.bytes[from..from + first]);
        buf[first..wanted].copy_from_slice(&self.bytes[..wanted - first]);
        wanted
    }

    /// Moves bytes out; how many were there.
    pub(crate) fn pop(&mut self, buf: &mut [u8]) -> usize {
        let len = self.peek(0, buf);
        self.marks.consume(len);
        len
    }
}

#[cfg(test)]
mod tests {
    use super::{Marks, Ring};

    #[test]
    fn bytes_wrap_and_keep_their_order() {
        let mut memory = [0; 5];
        let mut marks = Marks::new(memory.len());
        let mut ring = Ring { marks: &mut marks, bytes: &mut memory };
        let mut buf = [0; 8];
        let (mut next_in, mut next_out) = (0_u8, 0_u8);
        for round in 0..40 {
            let len = round % 6;
            let data = [0, 1, 2, 3, 4, 5].map(|n| next_in + n);
            let taken = ring.push(&data[..len]);
            assert_eq!(taken, len.min(5 - (ring.marks.len() - taken)));
            next_in += u8::try_from(taken).unwrap();
            let len = ring.pop(&mut buf[..(round * 7) % 4]);
            for byte in &buf[..len] {
                assert_eq!(*byte, next_out);
                next_out += 1;
            }
            assert_eq!(ring.marks.len() + ring.marks.free(), 5);
        }
        assert!(next_out > 20);
    }

    #[test]
    fn what_is_staged_is_not_readable_and_can_vanish() {
        let mut memory = [0; 4];
        let mut marks = Marks::new(memory.len());
        let mut ring = Ring { marks: &mut marks, bytes: &mut memory };
        ring.push(b"a");
        assert_eq!(ring.stage_from(b"bcde"), 3);
        assert_eq!(
            (ring.marks.len(), ring.marks.free(), &ring.bytes[ring.marks.front()]),
            (1, 0, &b"a"[..])
        );
        ring.marks.discard();
        assert_eq!(ring.marks.free(), 3);
        ring.stage_from(b"xy");
        ring.marks.commit();
        let mut buf = [0; 4];
        assert_eq!(ring.peek(1, &mut buf), 2);
        assert_eq!(&buf[..2], b"xy");
        assert_eq!(ring.pop(&mut buf), 3);
        assert!(ring.marks.is_empty());
    }
}
