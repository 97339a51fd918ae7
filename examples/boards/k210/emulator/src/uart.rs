//! UART1 to UART3: DesignWare 16550 with FIFOs of 16 bytes.
//!
//! Modelled: the divisor with its sixteenths, both FIFOs, trigger levels, the time-out of four
//! characters, which now and then goes on calling when its bytes have been taken, as has been seen
//! of this core, until there is one read more, overrun and framing errors, the transmitter's interrupt in programmable mode,
//! that reading the line status forgets errors, that the line control cannot be written while
//! the UART is busy, which calls until the status is read, and that the loop takes it off the
//! line. Not modelled: parity, modem lines, DMA, what is sent into the loop.

use std::collections::VecDeque;

use crate::time::Time;

/// Bytes that each FIFO holds.
pub const FIFO: usize = 16;

/// Each of so many time-outs goes on calling; a number that was merely chosen.
const STICKS: u64 = 16;

/// What a UART has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UartStats {
    /// Bytes that came into the FIFO.
    pub received: u64,
    /// Bytes that found it full.
    pub overruns: u64,
    /// Bytes that came at another rate than ours.
    pub garbled: u64,
    /// The fullest that the FIFO has been.
    pub fullest: usize,
    /// Bytes sent.
    pub sent: u64,
}

/// One UART.
#[derive(Debug, Default)]
pub(crate) struct Uart {
    ier: u32,
    lcr: u32,
    fcr: u32,
    mcr: u32,
    scratch: u32,
    divisor: u32,
    fraction: u32,
    /// Received bytes, and whether each has a framing error.
    rx: VecDeque<(u8, bool)>,
    overrun: bool,
    /// A byte comes in until then.
    receiving: Time,
    /// The line control was written while it was busy.
    refused: bool,
    /// When bytes below the trigger level call.
    timeout: Option<Time>,
    timed_out: bool,
    timeouts: u64,
    tx: VecDeque<u8>,
    /// The byte on the line, and when its stop bit ends.
    shift: Option<(Time, u8)>,
    /// Since when it calls.
    calls: Option<Time>,
    pub(crate) stats: UartStats,
}

impl Uart {
    /// The rate in bits per second, if one was set.
    pub(crate) fn baud(&self, bus_hz: u64) -> u32 {
        let sixteenths = u64::from(self.divisor) * 16 + u64::from(self.fraction);
        u32::try_from(bus_hz.checked_div(sixteenths).unwrap_or(0)).unwrap_or(0)
    }

    fn byte_time(&self, bus_hz: u64) -> u64 {
        crate::time::byte_time(self.baud(bus_hz).max(1))
    }

    pub(crate) fn read(&mut self, offset: u64, now: Time, bus_hz: u64) -> u32 {
        match offset {
            0x00 if self.latched() => self.divisor & 0xff,
            0x00 => self.take(now, bus_hz),
            0x04 if self.latched() => self.divisor >> 8,
            0x04 => self.ier,
            0x08 => self.identify(),
            0x0c => self.lcr,
            0x10 => self.mcr,
            0x14 => self.line_status(),
            0x1c => self.scratch,
            0x7c => {
                self.refused = false;
                u32::from(self.is_busy(now))
            }
            0xc0 => self.fraction,
            _ => 0,
        }
    }

    pub(crate) fn write(&mut self, offset: u64, value: u32, now: Time, bus_hz: u64) {
        match offset {
            0x00 if self.latched() => self.divisor = self.divisor & 0xff00 | value & 0xff,
            0x00 => {
                if self.tx.len() < FIFO {
                    self.tx.push_back(value.to_le_bytes()[0]);
                }
                self.start(now, bus_hz);
            }
            0x04 if self.latched() => self.divisor = self.divisor & 0xff | (value & 0xff) << 8,
            0x04 => self.ier = value & 0x8f,
            0x08 => {
                self.fcr = value;
                if value & 2 != 0 {
                    self.rx.clear();
                }
                if value & 4 != 0 {
                    self.tx.clear();
                }
            }
            0x0c if self.is_busy(now) => self.refused = true,
            0x0c => self.lcr = value,
            0x10 => self.mcr = value,
            0x1c => self.scratch = value,
            0xc0 => self.fraction = value & 15,
            _ => {}
        }
    }

    fn latched(&self) -> bool {
        self.lcr & 0x80 != 0
    }

    fn is_busy(&self, now: Time) -> bool {
        let sends = self.shift.is_some() || !self.tx.is_empty();
        sends || !self.rx.is_empty() || now < self.receiving
    }

    /// A byte begins to come in, whose stop bit ends then; whether it is heard.
    pub(crate) fn begin(&mut self, until: Time) -> bool {
        // Without a divisor it has no clock.
        let hears = self.mcr & 0x10 == 0 && self.divisor > 0;
        if hears {
            self.receiving = until;
        }
        hears
    }

    fn take(&mut self, now: Time, bus_hz: u64) -> u32 {
        let last = self.rx.len() == 1;
        self.timed_out &= last && self.timeouts.is_multiple_of(STICKS);
        let byte = self.rx.pop_front().map_or(0, |(byte, _)| byte);
        self.watch(now, bus_hz);
        byte.into()
    }

    /// Bytes that nobody takes call after four characters.
    fn watch(&mut self, now: Time, bus_hz: u64) {
        let waits = !self.rx.is_empty();
        self.timeout = waits.then(|| now.after(4 * self.byte_time(bus_hz)));
    }

    fn programmable(&self) -> bool {
        self.ier & 0x80 != 0 && self.fcr & 1 != 0
    }

    fn line_status(&mut self) -> u32 {
        let wrong = self.rx.front().is_some_and(|(_, wrong)| *wrong);
        let any_wrong = self.rx.iter().any(|(_, wrong)| *wrong);
        let holding = if self.programmable() { self.tx.len() >= FIFO } else { self.tx.is_empty() };
        let status = u32::from(!self.rx.is_empty())
            | u32::from(self.overrun) << 1
            | u32::from(wrong) << 3
            | u32::from(holding) << 5
            | u32::from(self.tx.is_empty() && self.shift.is_none()) << 6
            | u32::from(any_wrong) << 7;
        self.overrun = false;
        if let Some((_, wrong)) = self.rx.front_mut() {
            *wrong = false;
        }
        status
    }

    fn identify(&self) -> u32 {
        let which = if self.ier & 1 != 0 && self.rx.len() >= self.trigger() {
            4
        } else if self.ier & 1 != 0 && self.timed_out {
            12
        } else if self.has_room() {
            2
        } else if self.refused {
            7
        } else {
            1
        };
        0xc0 | which
    }

    fn trigger(&self) -> usize {
        match self.fcr >> 6 & 3 {
            0 => 1,
            1 => FIFO / 4,
            2 => FIFO / 2,
            _ => FIFO - 2,
        }
    }

    /// The transmitter calls.
    fn has_room(&self) -> bool {
        let level = match self.fcr >> 4 & 3 {
            0 => 0,
            1 => 2,
            2 => FIFO / 4,
            _ => FIFO / 2,
        };
        let level = if self.programmable() { level } else { 0 };
        self.ier & 2 != 0 && self.tx.len() <= level
    }

    fn is_calling(&self) -> bool {
        let receives = self.rx.len() >= self.trigger() || self.timed_out;
        (self.ier & 1 != 0 && receives)
            || (self.ier & 4 != 0 && (self.overrun || self.rx.front().is_some_and(|rx| rx.1)))
            || self.has_room()
            || self.refused
    }

    /// A byte has come; `None` is one at another rate.
    pub(crate) fn receive(&mut self, byte: Option<u8>, now: Time, bus_hz: u64) {
        if self.rx.len() >= FIFO {
            self.overrun = true;
            self.stats.overruns += 1;
            return;
        }
        self.stats.received += 1;
        self.stats.garbled += u64::from(byte.is_none());
        self.rx.push_back((byte.unwrap_or(0x55), byte.is_none()));
        self.stats.fullest = self.stats.fullest.max(self.rx.len());
        self.watch(now, bus_hz);
    }

    /// When something happens by itself.
    pub(crate) fn due(&self) -> Option<Time> {
        [self.timeout, self.shift.map(|(end, _)| end)].into_iter().flatten().min()
    }

    /// Does what is due; a byte that has left.
    pub(crate) fn advance(&mut self, now: Time, bus_hz: u64) -> Option<u8> {
        if self.timeout.take_if(|at| *at <= now).is_some() {
            self.timed_out = true;
            self.timeouts += 1;
        }
        let (end, byte) = self.shift.take_if(|(end, _)| *end <= now)?;
        self.stats.sent += 1;
        self.start(end, bus_hz);
        Some(byte)
    }

    fn start(&mut self, now: Time, bus_hz: u64) {
        if self.shift.is_none()
            && let Some(byte) = self.tx.pop_front()
        {
            self.shift = Some((now.after(self.byte_time(bus_hz)), byte));
        }
    }

    /// Whether its interrupt is up, when it takes so long to come; or when it will be.
    pub(crate) fn line(&mut self, now: Time, latency: u64) -> (bool, Option<Time>) {
        if !self.is_calling() {
            self.calls = None;
            return (false, None);
        }
        let up = self.calls.get_or_insert(now).after(latency);
        (up <= now, (up > now).then_some(up))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUS: u64 = 195_000_000;

    /// 8N1 at 921600 baud, FIFOs on, this trigger, interrupts of both kinds.
    fn uart(trigger: u32, ier: u32) -> Uart {
        let mut uart = Uart::default();
        let sixteenths = 212;
        for (offset, value) in [
            (0x0c, 0x83),
            (0x00, sixteenths >> 4),
            (0x04, 0),
            (0xc0, sixteenths & 15),
            (0x0c, 3),
            (0x04, ier),
            (0x08, trigger << 6 | 0x31),
        ] {
            uart.write(offset, value, Time(0), BUS);
        }
        assert!((915_000..925_000).contains(&uart.baud(BUS)), "{}", uart.baud(BUS));
        uart
    }

    fn is_up(uart: &mut Uart) -> bool {
        uart.line(Time(0), 0).0
    }

    #[test]
    fn the_seventeenth_byte_is_lost_and_told_once() {
        let mut uart = uart(0, 0x81);
        (0..17).for_each(|byte| uart.receive(Some(byte), Time(0), BUS));
        assert_eq!((uart.stats.received, uart.stats.overruns), (16, 1));
        assert_eq!(uart.read(0x14, Time(0), BUS) & 0b11, 0b11);
        assert_eq!(uart.read(0x14, Time(0), BUS) & 0b11, 0b01, "reading forgets it");
        let bytes: Vec<_> = (0..16).map(|_| uart.read(0, Time(0), BUS)).collect();
        assert_eq!(bytes, (0..16).collect::<Vec<_>>());
        assert_eq!(uart.read(0x14, Time(0), BUS) & 1, 0);
    }

    #[test]
    fn bytes_below_the_trigger_call_after_four_characters() {
        let mut uart = uart(1, 0x81);
        for byte in 0..3 {
            uart.receive(Some(byte), Time(0), BUS);
            assert!(!is_up(&mut uart));
        }
        let due = uart.due().unwrap();
        let characters = due.0 as f64 / crate::time::byte_time(uart.baud(BUS)) as f64;
        assert!((3.9..4.1).contains(&characters), "{characters}");
        uart.advance(due, BUS);
        assert!(is_up(&mut uart));
        assert_eq!(uart.read(0x08, due, BUS) & 15, 12);
        uart.read(0, due, BUS);
        assert!(!is_up(&mut uart), "a read ends it");
        (0..2).for_each(|byte| uart.receive(Some(byte), due, BUS));
        assert!(is_up(&mut uart), "the trigger level");
        assert_eq!(uart.read(0x08, due, BUS) & 15, 4);
    }

    #[test]
    fn a_time_out_may_call_without_a_byte_until_there_is_a_read() {
        let mut uart = uart(1, 0x81);
        let mut now = Time(0);
        for round in 1..=2 * STICKS {
            uart.receive(Some(7), now, BUS);
            now = uart.due().unwrap();
            uart.advance(now, BUS);
            assert!(is_up(&mut uart));
            assert_eq!(uart.read(0, now, BUS), 7);
            let sticks = round % STICKS == 0;
            assert_eq!(is_up(&mut uart), sticks, "{round}");
            assert_eq!(uart.read(0x08, now, BUS) & 15, if sticks { 12 } else { 1 });
            assert_eq!(uart.read(0x14, now, BUS) & 1, 0);
            if sticks {
                assert!(is_up(&mut uart), "neither register ends it");
                uart.read(0, now, BUS);
                assert!(!is_up(&mut uart));
            }
        }
    }

    #[test]
    fn a_byte_at_another_rate_is_a_framing_error_of_its_own() {
        let mut uart = uart(0, 0x81);
        uart.receive(Some(1), Time(0), BUS);
        uart.receive(None, Time(0), BUS);
        assert_eq!(uart.read(0x14, Time(0), BUS) & 0x89, 0x81, "not of the first byte");
        uart.read(0, Time(0), BUS);
        assert_eq!(uart.read(0x14, Time(0), BUS) & 0x09, 0x09);
    }

    #[test]
    fn the_transmitter_tells_full_and_room_and_empty() {
        let mut uart = uart(0, 0x83);
        (0..17).for_each(|byte| uart.write(0, byte, Time(0), BUS));
        assert_eq!(uart.read(0x14, Time(0), BUS) & 0x60, 0x20, "one on the line, sixteen wait");
        assert!(!is_up(&mut uart));
        let mut sent = Vec::new();
        while let Some(due) = uart.due() {
            sent.extend(uart.advance(due, BUS));
            assert_eq!(is_up(&mut uart), sent.len() >= 8, "half of the FIFO");
        }
        assert_eq!(sent, (0..17).collect::<Vec<_>>());
        assert_eq!(uart.read(0x14, Time(0), BUS) & 0x60, 0x40);
    }

    #[test]
    fn the_line_control_is_closed_while_a_byte_comes_in_or_waits() {
        let mut uart = uart(0, 0x81);
        assert!(uart.begin(Time(100)));
        uart.write(0x0c, 0x83, Time(99), BUS);
        assert_eq!(uart.read(0x0c, Time(99), BUS), 3);
        assert!(is_up(&mut uart));
        assert_eq!(uart.read(0x08, Time(99), BUS) & 15, 7);
        assert_eq!(uart.read(0x7c, Time(99), BUS), 1);
        assert!(!is_up(&mut uart), "reading the status ends it");
        assert_eq!(uart.read(0x7c, Time(100), BUS), 0);
        uart.receive(Some(1), Time(105), BUS);
        uart.write(0x0c, 0x83, Time(105), BUS);
        assert_eq!(uart.read(0x0c, Time(105), BUS), 3, "it waits in the FIFO");
        uart.read(0, Time(105), BUS);
        uart.write(0x10, 0x10, Time(106), BUS);
        assert!(!uart.begin(Time(200)), "it is off the line");
        uart.write(0x0c, 0x83, Time(107), BUS);
        assert_eq!(uart.read(0x0c, Time(107), BUS), 0x83);
    }

    #[test]
    fn interrupts_come_late() {
        let mut uart = uart(0, 0x81);
        uart.receive(Some(1), Time(0), BUS);
        assert_eq!(uart.line(Time(10), 5), (false, Some(Time(15))));
        assert_eq!(uart.line(Time(15), 5), (true, None));
        uart.read(0, Time(15), BUS);
        assert_eq!(uart.line(Time(15), 5), (false, None));
    }
}
