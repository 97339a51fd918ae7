//! UARTHS: sending only.

use crate::time::{PER_SECOND, Time};

/// Bytes that its FIFO holds.
const FIFO: u64 = 8;

#[derive(Debug, Default)]
pub(crate) struct Console {
    enabled: bool,
    divisor: u32,
    /// When all is sent.
    busy_until: Time,
    pub(crate) said: Vec<u8>,
}

impl Console {
    pub(crate) fn read(&self, offset: u64, now: Time, cpu_hz: u64) -> u32 {
        match offset {
            0x00 => u32::from(self.is_full(now, cpu_hz)) << 31,
            // Nothing is received.
            0x04 => 1 << 31,
            0x18 => self.divisor,
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u64, value: u32, now: Time, cpu_hz: u64) {
        match offset {
            0x00 if self.enabled && !self.is_full(now, cpu_hz) => {
                self.said.push(value.to_le_bytes()[0]);
                self.busy_until = self.busy_until.max(now).after(self.byte_time(cpu_hz));
            }
            0x08 => self.enabled = value & 1 != 0,
            0x18 => self.divisor = value & 0xffff,
            _ => {}
        }
    }

    fn byte_time(&self, cpu_hz: u64) -> u64 {
        10 * (u64::from(self.divisor) + 1) * PER_SECOND / cpu_hz.max(1)
    }

    fn is_full(&self, now: Time, cpu_hz: u64) -> bool {
        self.busy_until > now.after((FIFO - 1) * self.byte_time(cpu_hz))
    }
}
