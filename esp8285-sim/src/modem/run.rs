//! Runs of bytes that can pass the modem at once, because none of them changes anything
//! but where the next one goes. The wire uses this to be fast; times stay what they were.

use super::Modem;
use super::phase::{Phase, SendKind};
use crate::net::Network;
use crate::time::Instant;

impl<N: Network> Modem<N> {
    /// How many bytes can be taken from the output, as long as nothing is due, before one
    /// of them switches the rate or lets more payload in.
    pub(crate) fn quiet_tx(&self) -> usize {
        let len = self.tx.len();
        let before_switch = len - usize::from(self.pending_baud.is_some() && len > 0);
        // What waits in the network is let in as soon as there is room.
        let before_room = if self.has_tx_room() { len } else { len - self.knobs.tx_ring };
        before_switch.min(before_room).min(self.tx.alike())
    }

    /// Takes so many of them.
    pub(crate) fn take_quiet(&mut self, buf: &mut [u8]) {
        self.tx.take(buf);
    }

    /// How many of the bytes that come next, as long as nothing is due, only add to a line
    /// or to a payload and are answered by nothing.
    pub(crate) fn inert(&self, bytes: &[u8]) -> usize {
        if !self.knobs.rx_latency.is_zero() {
            return 0;
        }
        match &self.phase {
            Phase::Booting => bytes.len(),
            Phase::Data(data) => {
                let plain = data.send.kind != SendKind::Ex && self.knobs.rx_stall_after.is_none();
                let room = data.send.len - data.got.len().min(data.send.len);
                if plain { bytes.len().min(room.saturating_sub(1)) } else { 0 }
            }
            _ if self.set.echo => 0,
            _ => bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len()),
        }
    }

    /// Takes such bytes, the last of which comes at `last`. The modem's own time stays: what
    /// it says may still be on its way out.
    pub(crate) fn take_inert(&mut self, last: Instant, bytes: &[u8]) {
        if let Phase::Data(data) = &mut self.phase {
            data.got.extend(bytes);
            data.last = last;
            return;
        }
        bytes.iter().for_each(|byte| self.byte(*byte));
    }
}
