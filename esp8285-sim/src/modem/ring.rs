//! The modem's receive ring, which a task empties late (knobs `rx_ring`, `rx_latency`).

use super::{Event, Modem};
use crate::net::Network;
use crate::time::Instant;

/// Bytes that wait for the task.
#[derive(Debug, Default)]
pub(super) struct Ring {
    bytes: Vec<u8>,
    due: Option<Instant>,
}

impl Ring {
    /// When the task comes.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl<N: Network> Modem<N> {
    /// Bytes have come over the wire.
    pub(super) fn take(&mut self, bytes: &[u8]) {
        if self.knobs.rx_latency.is_zero() {
            return bytes.iter().for_each(|byte| self.byte(*byte));
        }
        let room = self.knobs.rx_ring.saturating_sub(self.ring.bytes.len());
        let len = bytes.len().min(room);
        self.ring.bytes.extend(&bytes[..len]);
        if len < bytes.len() {
            self.event(Event::RxLost(bytes.len() - len));
        }
        if self.ring.due.is_none() && !self.ring.bytes.is_empty() {
            self.ring.due = Some(self.now + self.knobs.rx_latency);
        }
    }

    /// The task has come.
    pub(super) fn empty_ring(&mut self) {
        let ring = std::mem::take(&mut self.ring);
        ring.bytes.iter().for_each(|byte| self.byte(*byte));
    }
}
