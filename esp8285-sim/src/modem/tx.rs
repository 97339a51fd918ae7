//! What the modem has to say, in order.

use std::collections::VecDeque;

/// Bytes that wait for the wire.
#[derive(Debug, Default)]
pub(super) struct TxQueue {
    bytes: VecDeque<u8>,
    /// Bytes queued since power-up.
    total: u64,
    /// How many of the bytes that wait come first and are noise of a boot.
    noise: usize,
    /// Counted payloads with their headers that have not left completely: from, to.
    counted: VecDeque<(u64, u64)>,
    /// Lines to put in at offsets, earliest first.
    injected: VecDeque<(u64, Vec<u8>)>,
}

impl TxQueue {
    pub(super) fn new(mut injected: Vec<(u64, Vec<u8>)>) -> Self {
        injected.sort_by_key(|(offset, _)| *offset);
        Self { injected: injected.into(), ..Self::default() }
    }

    /// One more line to put in, once so many more bytes have been queued.
    pub(super) fn inject_after(&mut self, bytes: u64, line: &[u8]) {
        let offset = self.total + bytes;
        let place = self.injected.partition_point(|(other, _)| *other <= offset);
        self.injected.insert(place, (offset, line.to_vec()));
    }

    /// Queues text, which an injected line may interrupt.
    pub(super) fn text(&mut self, text: &[u8]) {
        if self.injected.is_empty() {
            return self.push(text);
        }
        for byte in text {
            self.inject();
            self.push(std::slice::from_ref(byte));
        }
    }

    /// Queues a counted payload with its header: one piece, nothing comes between.
    pub(super) fn counted(&mut self, header: &[u8], payload: &[u8]) {
        self.inject();
        let begin = self.total;
        self.push(header);
        self.push(payload);
        self.counted.push_back((begin, self.total));
    }

    /// Moves queued bytes to `buf`.
    pub(super) fn take(&mut self, buf: &mut [u8]) -> usize {
        let len = move_out(&mut self.bytes, buf);
        self.noise = self.noise.saturating_sub(len);
        let left = self.left();
        while self.counted.front().is_some_and(|(_, end)| *end <= left) {
            self.counted.pop_front();
        }
        len
    }

    /// How many bytes have left since power-up, or were lost in a reboot.
    fn left(&self) -> u64 {
        self.total - self.bytes.len() as u64
    }

    /// Whether the next byte belongs to a counted payload or its header.
    pub(super) fn in_counted(&self) -> bool {
        let left = self.left();
        self.counted.front().is_some_and(|(begin, _)| *begin <= left)
    }

    /// How many bytes go out at the rate of the next one.
    pub(super) fn alike(&self) -> usize {
        if self.noise > 0 { self.noise } else { self.bytes.len() }
    }

    /// Loses everything queued: a reboot in the middle of output.
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.counted.clear();
        self.noise = 0;
    }

    /// What waits now is noise of a boot, and goes out at its rate.
    pub(super) fn mark_noise(&mut self) {
        self.noise = self.bytes.len();
    }

    /// Whether the next byte is noise.
    pub(super) fn noise_left(&self) -> bool {
        self.noise > 0
    }

    pub(super) fn total(&self) -> u64 {
        self.total
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend(bytes);
        self.total += bytes.len() as u64;
    }

    fn inject(&mut self) {
        while self.injected.front().is_some_and(|(offset, _)| *offset <= self.total) {
            let Some((_, line)) = self.injected.pop_front() else { return };
            self.push(&line);
        }
    }
}

/// Moves bytes out of a queue; how many.
pub(crate) fn move_out(from: &mut VecDeque<u8>, buf: &mut [u8]) -> usize {
    let len = buf.len().min(from.len());
    let (first, second) = from.as_slices();
    let split = first.len().min(len);
    buf[..split].copy_from_slice(&first[..split]);
    buf[split..len].copy_from_slice(&second[..len - split]);
    from.drain(..len);
    len
}

#[cfg(test)]
mod tests {
    use super::TxQueue;

    fn all(queue: &mut TxQueue) -> String {
        let mut buf = [0; 64];
        let len = queue.take(&mut buf);
        String::from_utf8_lossy(&buf[..len]).into_owned()
    }

    #[test]
    fn lines_come_at_their_offset_but_never_inside_a_payload() {
        let mut queue = TxQueue::new(vec![(9, b"<9>".to_vec()), (2, b"<2>".to_vec())]);
        queue.text(b"abcd");
        queue.counted(b"len:", b"payload");
        queue.text(b"end");
        assert_eq!(all(&mut queue), "ab<2>cdlen:payload<9>end");
    }

    #[test]
    fn a_line_is_put_in_late() {
        let mut queue = TxQueue::new(vec![(9, b"<9>".to_vec())]);
        queue.text(b"abcd");
        queue.inject_after(2, b"<6>");
        queue.text(b"efgh");
        queue.text(b"ijkl");
        assert_eq!(all(&mut queue), "abcdef<6><9>ghijkl");
    }

    #[test]
    fn take_is_bounded_by_the_buffer() {
        let mut queue = TxQueue::new(Vec::new());
        queue.text(b"abc");
        assert_eq!(queue.take(&mut [0; 2]), 2);
        assert_eq!((queue.len(), all(&mut queue).as_str()), (1, "c"));
        queue.text(b"x");
        queue.clear();
        assert_eq!(all(&mut queue), "");
    }
}
