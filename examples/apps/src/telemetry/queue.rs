//! Readings that wait for their collector.

use core::fmt::Write;

use heapless::Deque;

use super::Text;

/// One reading of a sensor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Counted by the queue, from 0: what came twice has the same number.
    pub number: u32,
    /// What was measured.
    pub value: i32,
}

/// Up to `N` readings. When it is full the oldest is dropped, and counted.
#[derive(Debug)]
pub struct Queue<const N: usize> {
    readings: Deque<Reading, N>,
    next: u32,
    dropped: u32,
}

impl<const N: usize> Queue<N> {
    /// None yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { readings: Deque::new(), next: 0, dropped: 0 }
    }

    /// Adds a value that was measured.
    pub fn push(&mut self, value: i32) {
        if self.readings.is_full() {
            self.readings.pop_front();
            self.dropped += 1;
        }
        // There is room now, unless there never is.
        let _ = self.readings.push_back(Reading { number: self.next, value });
        self.next += 1;
    }

    /// Readings that wait.
    #[must_use]
    pub fn len(&self) -> usize {
        self.readings.len()
    }

    /// Whether none waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// Readings that were dropped.
    #[must_use]
    pub const fn dropped(&self) -> u32 {
        self.dropped
    }

    /// Writes as many of the oldest as fit, a line each: how many, and how many bytes.
    pub(super) fn write_to(&self, room: &mut [u8]) -> (u32, usize) {
        let mut text = Text { room, len: 0 };
        let mut count = 0;
        for Reading { number, value } in &self.readings {
            let before = text.len;
            if writeln!(text, "{number} {value}").is_err() {
                return (count, before);
            }
            count += 1;
        }
        (count, text.len)
    }

    /// Takes out so many of the oldest.
    pub(super) fn confirm(&mut self, count: u32) {
        for _ in 0..count {
            self.readings.pop_front();
        }
    }
}

impl<const N: usize> Default for Queue<N> {
    fn default() -> Self {
        Self::new()
    }
}
