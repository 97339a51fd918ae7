//! A byte ring on the caller's memory, with a part at its end that is not yet valid.

use core::ops::Range;

/// A ring of bytes: committed ones, which can be read, then staged ones, which become
/// readable by [`commit`](Self::commit) or vanish by [`discard`](Self::discard).
///
/// Payload of a counted reply is staged until its framing has closed (R20).
#[derive(Debug)]
pub(crate) struct Ring<'r> {
    bytes: &'r mut [u8],
    /// Where the oldest byte is.
    head: usize,
    /// Committed bytes.
    len: usize,
    /// Staged bytes behind them.
    staged: usize,
}

impl<'r> Ring<'r> {
    pub(crate) fn new(bytes: &'r mut [u8]) -> Self {
        Self { bytes, head: 0, len: 0, staged: 0 }
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        (self.head, self.len, self.staged) = (0, 0, 0);
    }

    pub(crate) fn capacity(&self) -> usize {
        self.bytes.len()
    }

    /// Committed bytes.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Room for more.
    pub(crate) fn free(&self) -> usize {
        self.bytes.len() - self.len - self.staged
    }

    /// The next free bytes that lie together; empty only when there is no room.
    pub(crate) fn vacant(&mut self) -> &mut [u8] {
        let vacant = self.vacant_range();
        &mut self.bytes[vacant]
    }

    /// Where those are, until anything else is done to the ring.
    pub(crate) fn vacant_range(&mut self) -> Range<usize> {
        if self.len + self.staged == 0 {
            self.head = 0;
        }
        let from = self.wrap(self.head + self.len + self.staged);
        from..(from + self.free()).min(self.bytes.len())
    }

    /// A part of the memory, for whoever knows from [`vacant_range`](Self::vacant_range)
    /// that it is free.
    #[inline]
    pub(crate) fn part(&mut self, range: Range<usize>) -> Option<&mut [u8]> {
        self.bytes.get_mut(range)
    }

    /// The first `len` of the vacant bytes have been written.
    pub(crate) fn stage(&mut self, len: usize) {
        debug_assert!(len <= self.free(), "more bytes than there was room for");
        self.staged += len;
    }

    /// Stages as many of `data` as fit and says how many.
    pub(crate) fn stage_from(&mut self, mut data: &[u8]) -> usize {
        let mut taken = 0;
        while !data.is_empty() {
            let vacant = self.vacant();
            let len = vacant.len().min(data.len());
            if len == 0 {
                break;
            }
            vacant[..len].copy_from_slice(&data[..len]);
            self.stage(len);
            data = &data[len..];
            taken += len;
        }
        taken
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

    /// Queues as many of `data` as fit and says how many.
    pub(crate) fn push(&mut self, data: &[u8]) -> usize {
        let taken = self.stage_from(data);
        self.commit();
        taken
    }

    /// The oldest bytes that lie together.
    pub(crate) fn front(&self) -> &[u8] {
        let until = (self.head + self.len).min(self.bytes.len());
        &self.bytes[self.head..until]
    }

    /// Copies committed bytes from `skip` on; how many were there.
    pub(crate) fn peek(&self, skip: usize, buf: &mut [u8]) -> usize {
        let wanted = buf.len().min(self.len.saturating_sub(skip));
        let from = self.wrap(self.head + skip.min(self.len));
        let first = wanted.min(self.bytes.len() - from);
        buf[..first].copy_from_slice(&self.bytes[from..from + first]);
        buf[first..wanted].copy_from_slice(&self.bytes[..wanted - first]);
        wanted
    }

    /// Drops the oldest `len` bytes.
    pub(crate) fn consume(&mut self, len: usize) {
        let len = len.min(self.len);
        self.head = self.wrap(self.head + len);
        self.len -= len;
    }

    /// Moves bytes out; how many were there.
    pub(crate) fn pop(&mut self, buf: &mut [u8]) -> usize {
        let len = self.peek(0, buf);
        self.consume(len);
        len
    }

    fn wrap(&self, at: usize) -> usize {
        if at >= self.bytes.len() { at - self.bytes.len() } else { at }
    }
}

#[cfg(test)]
mod tests {
    use super::Ring;

    #[test]
    fn bytes_wrap_and_keep_their_order() {
        let mut memory = [0; 5];
        let mut ring = Ring::new(&mut memory);
        let mut buf = [0; 8];
        let (mut next_in, mut next_out) = (0_u8, 0_u8);
        for round in 0..40 {
            let len = round % 6;
            let data = [0, 1, 2, 3, 4, 5].map(|n| next_in + n);
            let taken = ring.push(&data[..len]);
            assert_eq!(taken, len.min(5 - (ring.len() - taken)));
            next_in += u8::try_from(taken).unwrap();
            let len = ring.pop(&mut buf[..(round * 7) % 4]);
            for byte in &buf[..len] {
                assert_eq!(*byte, next_out);
                next_out += 1;
            }
            assert_eq!(ring.len() + ring.free(), 5);
        }
        assert!(next_out > 20);
    }

    #[test]
    fn what_is_staged_is_not_readable_and_can_vanish() {
        let mut memory = [0; 4];
        let mut ring = Ring::new(&mut memory);
        ring.push(b"a");
        assert_eq!(ring.stage_from(b"bcde"), 3);
        assert_eq!((ring.len(), ring.free(), ring.front()), (1, 0, &b"a"[..]));
        ring.discard();
        assert_eq!(ring.free(), 3);
        ring.stage_from(b"xy");
        ring.commit();
        let mut buf = [0; 4];
        assert_eq!(ring.peek(1, &mut buf), 2);
        assert_eq!(&buf[..2], b"xy");
        assert_eq!(ring.pop(&mut buf), 3);
        assert!(ring.is_empty());
    }
}
