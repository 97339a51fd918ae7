//! Runs of bytes: where no byte can change what happens to the next, they are moved at
//! once, at the times at which they would have been moved one by one.

use std::time::Duration;

use super::{Uart, agree, byte_time};
use crate::net::Network;
use crate::time::{Instant, earlier};

impl<N: Network> Uart<N> {
    /// Moves what can be moved at once until `now`; false if that is nothing. The modem
    /// does something by itself at `modem`.
    pub(super) fn run(&mut self, now: Instant, modem: Option<Instant>) -> bool {
        let sent = self.run_to_modem(now, modem);
        let modem = if sent { self.modem.poll_at() } else { modem };
        let came = self.run_to_host(now, modem);
        sent || came
    }

    /// Bytes to the modem that are answered by nothing.
    fn run_to_modem(&mut self, now: Instant, modem: Option<Instant>) -> bool {
        let Some((first, baud, byte)) = self.tx_wire else { return false };
        if baud != self.baud || !agree(baud, self.modem.baud()) {
            return false;
        }
        let time = byte_time(baud);
        let until = earlier(modem, self.calm_until());
        let fit = bytes_until(first, time, now, until).min(self.tx_faults.harmless());
        if fit == 0 {
            return false;
        }
        self.scratch.clear();
        self.scratch.push(byte);
        self.scratch.extend(self.tx.iter().take(fit - 1));
        let count = self.modem.inert(&self.scratch);
        if count == 0 {
            return false;
        }
        let last = first + times(time, count - 1);
        self.modem.take_inert(last, &self.scratch[..count]);
        self.tx_faults.skip(count);
        self.tx.drain(..count - 1);
        self.tx_wire = self.tx.pop_front().map(|byte| (last + time, baud, byte));
        true
    }

    /// When a byte that leaves the modem will change something in it.
    fn calm_until(&self) -> Option<Instant> {
        let quiet = self.modem.quiet_tx();
        let (end, baud, _) = self.rx_wire.filter(|_| quiet < self.modem.tx_len())?;
        Some(end + times(byte_time(baud), quiet))
    }

    /// Bytes to the host that change nothing in the modem by leaving it.
    fn run_to_host(&mut self, now: Instant, modem: Option<Instant>) -> bool {
        let Some((first, baud, byte)) = self.rx_wire else { return false };
        let quiet = self.modem.quiet_tx();
        if quiet == 0 || self.garble || baud != self.modem.baud() || !agree(baud, self.baud) {
            return false;
        }
        let time = byte_time(baud);
        // What the host says next may be answered.
        let host = self.tx_wire.map(|(end, ..)| end);
        let until = earlier(modem, host);
        let fit = match self.rx.run() {
            Ok(most) => bytes_until(first, time, now, until).min(most),
            Err(handler) => {
                let until = until.map_or(handler, |until| until.min(handler));
                bytes_until(first, time, now, Some(until))
            }
        };
        // One byte is on the wire, so that many follow it.
        let count = fit.min(quiet).min(self.rx_faults.harmless());
        if count == 0 {
            return false;
        }
        self.scratch.clear();
        self.scratch.resize(count + 1, byte);
        self.modem.take_quiet(&mut self.scratch[1..]);
        self.rx.bytes(&self.scratch[..count]);
        self.rx_faults.skip(count);
        self.rx_wire = Some((first + times(time, count), baud, self.scratch[count]));
        true
    }
}

/// How many bytes are complete by `now` and before `other`, the first of them at `first`.
fn bytes_until(first: Instant, time: Duration, now: Instant, other: Option<Instant>) -> usize {
    let last = match other {
        Some(other) if other <= now => Instant::from_nanos(other.as_nanos().saturating_sub(1)),
        _ => now,
    };
    if last < first {
        return 0;
    }
    let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1);
    let more = (last.as_nanos() - first.as_nanos()) / time;
    usize::try_from(more).unwrap_or(usize::MAX).saturating_add(1)
}

fn times(time: Duration, count: usize) -> Duration {
    time * u32::try_from(count).unwrap_or(u32::MAX)
}
