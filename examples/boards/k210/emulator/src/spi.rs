//! SPI1 with the card socket: one line each way, bytes, a FIFO for what comes in.
//!
//! The bus takes no time, as SPI0's; that it is not faster than the card can be is checked.

use std::collections::VecDeque;

use crate::card::Card;
use crate::time::Time;

/// Bytes that the FIFO holds; a byte for which there is no room is lost.
const FIFO: usize = 32;

#[derive(Debug, Default)]
pub(crate) struct Spi {
    pub(crate) card: Option<Card>,
    /// The bus does not move.
    pub(crate) stuck: bool,
    control: u32,
    enabled: bool,
    divider: u32,
    partner: u32,
    received: VecDeque<u8>,
}

/// Whether the card's lines are connected, whether it is selected, and what clock the bus divides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Socket {
    pub(crate) connected: bool,
    pub(crate) selected: bool,
    pub(crate) clock_hz: u64,
}

impl Spi {
    pub(crate) fn read(&mut self, offset: u64) -> u32 {
        match offset {
            0x00 => self.control,
            0x08 => self.enabled.into(),
            0x10 => self.partner,
            0x14 => self.divider,
            0x24 => u32::try_from(self.received.len()).unwrap_or(u32::MAX),
            0x28 if self.stuck => 0,
            // Room, empty, and whether something came.
            0x28 => 0b110 | u32::from(!self.received.is_empty()) << 3,
            0x60..0xf0 => self.received.pop_front().unwrap_or(0).into(),
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u64, value: u32, socket: Socket, now: Time) {
        match offset {
            // Only while it is off.
            0x00 if !self.enabled => self.control = value,
            0x14 if !self.enabled => self.divider = value & 0xfffe,
            0x08 => {
                self.enabled = value & 1 == 1;
                if !self.enabled {
                    self.received.clear();
                }
            }
            0x10 => self.partner = value,
            0x60..0xf0 if self.enabled && self.partner != 0 && self.divider != 0 => {
                let byte = self.exchange(value, socket, now);
                if self.received.len() < FIFO {
                    self.received.push_back(byte);
                }
            }
            _ => {}
        }
    }

    fn exchange(&mut self, value: u32, socket: Socket, now: Time) -> u8 {
        // Eight bits, one line, both directions, mode 0.
        let understood = self.control & 0x7f_0fc0 == 7 << 16;
        let hz = socket.clock_hz / u64::from(self.divider);
        match &mut self.card {
            Some(card) if socket.connected && understood => {
                card.exchange(socket.selected, value.to_le_bytes()[0], hz, now)
            }
            // The line is pulled up.
            _ => 0xff,
        }
    }
}
