//! One direction of a connection: a ring of bytes, their flights, FIN and RST.

use core::time::Duration;

use usocket_core::{Instant, earlier};

/// Most bytes that travel as one flight; a longer send is cut.
const FLIGHT: usize = 536;

/// How a sender's bytes get on the line.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Line {
    /// One way.
    pub(super) latency: Duration,
    /// Bytes per second.
    pub(super) bandwidth: Option<u32>,
    /// `TCP_NODELAY`: what is small does not wait for an acknowledgment.
    pub(super) no_delay: bool,
}

/// Bytes from one end of a connection to the other.
///
/// The ring holds what the sender has queued, what is in flight and what has
/// arrived but was not read: it is send buffer, wire and receive window in one.
/// It belongs to the connection, so a connection that nobody has accepted costs
/// its listener nothing, and what was sent before accept is kept (S16, rows 63,
/// 76). A reader that does not read blocks the writer once the ring is full
/// (rows 100, 199).
///
/// Without `TCP_NODELAY` what does not fill a flight waits while anything is
/// unacknowledged (Nagle, RFC 896); FIN and RST send it off.
pub(super) struct Pipe<const B: usize> {
    ring: [u8; B],
    /// Offsets in the stream: `read <= arrived <= departed <= written <= read + B`.
    read: u64,
    arrived: u64,
    departed: u64,
    written: u64,
    /// Where each flight ends, and when it arrives.
    flights: heapless::Deque<(u64, Instant), 16>,
    /// When the last flight has left: what bandwidth limits.
    line_free: Instant,
    last_due: Instant,
    /// When the sender gets the acknowledgment of what has arrived last.
    acknowledged: Instant,
    /// Since when the sender waits for what it has sent to get on.
    waiting_since: Instant,
    capacity: usize,
    fin: Mark,
    rst: Mark,
}

/// A mark in the stream, behind the bytes written before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    None,
    Flying(Instant),
    Arrived,
}

/// What a delivery brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Delivered {
    pub(super) bytes: u64,
    pub(super) fin: bool,
    pub(super) rst: bool,
}

impl Delivered {
    pub(super) fn any(self) -> bool {
        self.bytes > 0 || self.fin || self.rst
    }
}

impl<const B: usize> Pipe<B> {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            ring: [0; B],
            read: 0,
            arrived: 0,
            departed: 0,
            written: 0,
            flights: heapless::Deque::new(),
            line_free: Instant::ZERO,
            last_due: Instant::ZERO,
            acknowledged: Instant::ZERO,
            waiting_since: Instant::ZERO,
            capacity: capacity.clamp(1, B),
            fin: Mark::None,
            rst: Mark::None,
        }
    }

    /// Sets how many of the ring's bytes may be used. What is in it stays.
    pub(super) fn resize(&mut self, capacity: usize) {
        self.capacity = capacity.clamp(1, B);
    }

    /// Bytes that a send can take.
    pub(super) fn room(&self) -> usize {
        self.capacity.saturating_sub(used(self.written - self.read))
    }

    /// Bytes that a receive can give.
    pub(super) fn readable(&self) -> usize {
        used(self.arrived - self.read)
    }

    /// Bytes that have arrived at the reader, and when the sender learns of the last.
    pub(super) fn progress(&self) -> (u64, Instant) {
        (self.arrived, self.acknowledged)
    }

    /// Whether FIN has been sent.
    pub(super) fn finished(&self) -> bool {
        self.fin != Mark::None
    }

    /// Whether FIN has arrived at the reader, and so every byte before it.
    pub(super) fn fin_arrived(&self) -> bool {
        self.fin == Mark::Arrived
    }

    /// Whether the sender waits for the other end: for what is on its way, or for room.
    pub(super) fn unfinished(&self) -> bool {
        self.on_its_way() || (self.room() == 0 && !self.finished())
    }

    /// Since when, if it does.
    pub(super) fn waiting_since(&self) -> Instant {
        self.waiting_since
    }

    fn on_its_way(&self) -> bool {
        self.arrived < self.written || matches!(self.fin, Mark::Flying(_))
    }

    /// Whether RST has been sent.
    pub(super) fn was_reset(&self) -> bool {
        self.rst != Mark::None
    }

    /// Takes bytes from the sender, as many as there is room for.
    pub(super) fn push(&mut self, data: &[u8], now: Instant, line: &Line) -> usize {
        let taken = data.len().min(self.room());
        self.note_waiting(now);
        for &byte in &data[..taken] {
            let at = index::<B>(self.written);
            self.ring[at] = byte;
            self.written += 1;
        }
        self.depart(now, line);
        taken
    }

    /// Sends off what may go now; whether anything went.
    pub(super) fn depart(&mut self, now: Instant, line: &Line) -> bool {
        let before = self.departed;
        // As in BSD half of a small window fills a flight, too.
        let full = FLIGHT.min(self.capacity / 2).max(1);
        let ending = self.finished() || self.was_reset();
        while self.departed < self.written {
            let piece = used(self.written - self.departed).min(FLIGHT);
            let unacknowledged = !self.flights.is_empty() || now < self.acknowledged;
            if piece < full && unacknowledged && !line.no_delay && !ending {
                break;
            }
            self.departed += piece as u64;
            self.line_free = self.line_free.max(now) + on_the_line(piece, line.bandwidth);
            self.last_due = self.last_due.max(self.line_free + line.latency);
            let flight = (self.departed, self.last_due);
            if self.flights.push_back(flight).is_err() {
                // All places taken: the last flight becomes longer and later.
                let _ = self.flights.pop_back();
                let _ = self.flights.push_back(flight);
            }
        }
        self.departed > before
    }

    /// Sends FIN behind what was written.
    pub(super) fn send_fin(&mut self, now: Instant, line: &Line) {
        if self.fin == Mark::None {
            self.note_waiting(now);
            self.fin = Mark::Flying(now);
            self.depart(now, line);
            self.last_due = self.last_due.max(now + line.latency);
            self.fin = Mark::Flying(self.last_due);
        }
    }

    /// Sends RST behind what was written (R1: what came first is readable first).
    pub(super) fn send_rst(&mut self, now: Instant, line: &Line) {
        if self.rst == Mark::None {
            self.rst = Mark::Flying(now);
            self.depart(now, line);
            self.last_due = self.last_due.max(now + line.latency);
            self.rst = Mark::Flying(self.last_due);
        }
    }

    fn note_waiting(&mut self, now: Instant) {
        if !self.on_its_way() {
            self.waiting_since = now;
        }
    }

    /// Forgets what has not arrived, FIN included.
    pub(super) fn cut(&mut self) {
        self.written = self.arrived;
        self.departed = self.arrived;
        self.flights.clear();
        if let Mark::Flying(_) = self.fin {
            self.fin = Mark::None;
        }
        self.last_due = Instant::ZERO;
    }

    /// Moves what is due by `now` to the reader, `limit` bytes at most; the
    /// sender knows it a `latency` later.
    pub(super) fn deliver(&mut self, now: Instant, limit: u64, latency: Duration) -> Delivered {
        let before = self.arrived;
        while let Some(&(end, due)) = self.flights.front() {
            if due > now || self.arrived - before >= limit {
                break;
            }
            self.arrived = end.min(before.saturating_add(limit));
            if self.arrived == end {
                let _ = self.flights.pop_front();
            }
        }
        let mut delivered = Delivered { bytes: self.arrived - before, ..Delivered::default() };
        if delivered.bytes > 0 {
            self.acknowledged = now + latency;
            self.waiting_since = now;
        }
        if self.arrived == self.written {
            delivered.fin = arrive(&mut self.fin, now);
            delivered.rst = arrive(&mut self.rst, now);
        }
        delivered
    }

    /// When something arrives next.
    pub(super) fn next_due(&self) -> Option<Instant> {
        let held = self.departed < self.written && self.flights.is_empty();
        let mut next = match self.flights.front() {
            None => held.then_some(self.acknowledged),
            Some(&(_, due)) => Some(due),
        };
        for mark in [self.fin, self.rst] {
            if let Mark::Flying(due) = mark {
                next = earlier(next, Some(due));
            }
        }
        next
    }

    /// Gives bytes that have arrived to the reader.
    pub(super) fn pull(&mut self, buf: &mut [u8], peek: bool) -> usize {
        let given = buf.len().min(self.readable());
        for (offset, byte) in (self.read..).zip(&mut buf[..given]) {
            *byte = self.ring[index::<B>(offset)];
        }
        if !peek {
            self.read += given as u64;
        }
        given
    }

    /// Throws away what has arrived: nobody will read it.
    pub(super) fn discard(&mut self) {
        self.read = self.arrived;
    }
}

fn arrive(mark: &mut Mark, now: Instant) -> bool {
    let due = matches!(*mark, Mark::Flying(due) if due <= now);
    if due {
        *mark = Mark::Arrived;
    }
    due
}

fn on_the_line(bytes: usize, bandwidth: Option<u32>) -> Duration {
    match bandwidth {
        None => Duration::ZERO,
        Some(rate) => Duration::from_micros(bytes as u64 * 1_000_000 / u64::from(rate.max(1))),
    }
}

#[expect(clippy::cast_possible_truncation, reason = "below B, which is a usize")]
fn index<const B: usize>(offset: u64) -> usize {
    (offset % B as u64) as usize
}

fn used(span: u64) -> usize {
    usize::try_from(span).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const LINE: Line = Line { latency: MS, bandwidth: None, no_delay: true };

    fn at(ms: u64) -> Instant {
        Instant::from_micros(ms * 1000)
    }

    #[test]
    fn bytes_arrive_in_order_after_the_latency_and_wrap() {
        let mut pipe = Pipe::<8>::new(8);
        for round in 0..20u64 {
            let data = [1u8, 2, 3, 4, 5];
            assert_eq!(pipe.push(&data, at(round * 10), &LINE), 5);
            assert!(!pipe.deliver(at(round * 10), u64::MAX, MS).any());
            assert_eq!(pipe.deliver(at(round * 10 + 1), u64::MAX, MS).bytes, 5);
            let mut buf = [0; 8];
            assert_eq!(pipe.pull(&mut buf, true), 5);
            assert_eq!((pipe.pull(&mut buf, false), &buf[..5]), (5, &data[..]));
        }
    }

    #[test]
    fn a_full_ring_takes_no_more_until_it_is_read() {
        let mut pipe = Pipe::<8>::new(8);
        assert_eq!(pipe.push(&[7; 12], at(0), &LINE), 8);
        assert_eq!((pipe.room(), pipe.push(&[7], at(0), &LINE)), (0, 0));
        pipe.deliver(at(1), u64::MAX, MS);
        assert_eq!(pipe.room(), 0);
        assert_eq!(pipe.pull(&mut [0; 3], false), 3);
        assert_eq!(pipe.room(), 3);
    }

    #[test]
    fn marks_come_behind_the_bytes() {
        let mut pipe = Pipe::<2048>::new(2048);
        pipe.push(&[1; 1000], at(0), &Line { bandwidth: Some(1_000_000), ..LINE });
        pipe.send_fin(at(0), &LINE);
        assert_eq!(pipe.deliver(at(1), u64::MAX, MS), Delivered::default());
        let all = pipe.deliver(at(2), u64::MAX, MS);
        assert_eq!((all.bytes, all.fin, all.rst), (1000, true, false));
    }

    #[test]
    fn a_limit_cuts_a_flight_in_two() {
        let mut pipe = Pipe::<64>::new(64);
        pipe.push(&[1; 50], at(0), &LINE);
        assert_eq!(pipe.deliver(at(5), 20, MS).bytes, 20);
        assert_eq!(pipe.deliver(at(5), 100, MS).bytes, 30);
    }

    #[test]
    fn many_small_sends_share_flights() {
        let mut pipe = Pipe::<256>::new(256);
        for n in 0..100 {
            assert_eq!(pipe.push(&[1], at(n), &LINE), 1);
        }
        assert_eq!(pipe.deliver(at(200), u64::MAX, MS).bytes, 100);
    }

    #[test]
    fn what_is_small_waits_for_the_acknowledgment() {
        let nagle = Line { no_delay: false, ..LINE };
        let mut pipe = Pipe::<2048>::new(2048);
        assert_eq!((pipe.push(&[1], at(0), &nagle), pipe.push(&[2], at(0), &nagle)), (1, 1));
        assert_eq!(pipe.deliver(at(1), u64::MAX, MS).bytes, 1);
        assert_eq!((pipe.depart(at(1), &nagle), pipe.next_due()), (false, Some(at(2))));
        assert_eq!((pipe.depart(at(2), &nagle), pipe.next_due()), (true, Some(at(3))));
        // A full flight, an end and the option do not wait.
        pipe.push(&[3; 600], at(2), &nagle);
        assert_eq!(pipe.deliver(at(3), u64::MAX, MS).bytes, 537);
        pipe.send_fin(at(3), &nagle);
        assert_eq!(pipe.deliver(at(4), u64::MAX, MS).bytes, 64);
        let mut pipe = Pipe::<2048>::new(2048);
        pipe.push(&[1], at(0), &nagle);
        pipe.push(&[2], at(0), &LINE);
        assert_eq!(pipe.deliver(at(1), u64::MAX, MS).bytes, 2);
    }
}
