//! The peripherals, and what is wired to their pins.

use std::collections::VecDeque;
use std::fmt;

use esp8285_sim::Instant;
use rv64emu::device::device_sifive_clint::Clint;
use rv64emu::device::device_sifive_plic::SifvePlic;
use rv64emu::device::device_trait::DeviceBase;
use rv64emu::rv64core::csr_regs_define::XipIn;
use rv64emu::tools::{RcCell, rc_cell_new};

use crate::console::Console;
use crate::line::Partner;
use crate::panel::{Lines, Panel};
use crate::spi::{Socket, Spi};
use crate::system::{Pins, System};
use crate::time::{TICK, Time, byte_time};
use crate::uart::Uart;

/// Interrupt sources of UART1 to UART3.
const UART_SOURCES: [u32; 3] = [11, 12, 13];

/// Where the modem is: its transmitter, receiver and enable pin. And the panel, and the card: its
/// output, clock, input and select pin.
const MODEM_TX: usize = 6;
const MODEM_RX: usize = 7;
const MODEM_ENABLE: usize = 8;
const PANEL: [usize; 4] = [36, 37, 38, 39];
const CARD: [usize; 4] = [26, 27, 28, 29];

/// Functions of the pin matrix.
const UART1_RX: u32 = 64;
const UART1_TX: u32 = 65;
const SPI0_SS3: u32 = 15;
const SPI0_SCLK: u32 = 17;
const SPI1_D0: u32 = 70;
const SPI1_D1: u32 = 71;
const SPI1_SCLK: u32 = 83;

/// A program beside the emulator that answers the firmware, at an address where a chip has
/// nothing. It takes no time.
pub type Answer = Box<dyn FnMut(Instant, &[u8]) -> Vec<u8>>;

#[derive(Default)]
pub(crate) struct Port {
    pub(crate) answer: Option<Answer>,
    question: Vec<u8>,
    given: VecDeque<u8>,
}

impl Port {
    fn read(&mut self, offset: u64) -> u32 {
        match (offset, self.given.pop_front()) {
            (8, Some(byte)) => byte.into(),
            _ => 0x100,
        }
    }

    fn write(&mut self, offset: u64, value: u32, now: Instant) {
        match (offset, &mut self.answer) {
            (0, _) => self.question.push(value.to_le_bytes()[0]),
            (4, Some(answer)) => {
                self.given = answer(now, &std::mem::take(&mut self.question)).into();
            }
            _ => {}
        }
    }
}

pub(crate) struct Chip {
    pub(crate) now: Time,
    /// How late interrupts of the UARTs come.
    pub(crate) latency: u64,
    /// Accesses since the machine asked last.
    pub(crate) accesses: u64,
    pub(crate) uarts: [Uart; 3],
    pub(crate) console: Console,
    pub(crate) panel: Panel,
    pub(crate) spi: Spi,
    pub(crate) port: Port,
    pub(crate) partner: Box<dyn Partner>,
    /// The byte on its way to us: its end, its rate, what it is, whether its begin was heard.
    coming: Option<(Time, u32, u8, bool)>,
    system: System,
    pins: Pins,
    modem_on: bool,
    clint: Clint,
    ticks: u64,
    plic: SifvePlic,
    flags: [RcCell<bool>; 3],
}

impl fmt::Debug for Chip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chip").field("now", &self.now).finish_non_exhaustive()
    }
}

impl Chip {
    pub(crate) fn new(xip: RcCell<XipIn>, mut partner: Box<dyn Partner>) -> Self {
        let mut clint = Clint::new();
        clint.add_hart(xip.clone());
        let mut plic = SifvePlic::new();
        plic.add_context(xip, true);
        let flags = UART_SOURCES.map(|source| {
            let flag = rc_cell_new(false);
            plic.register_irq_source(source, flag.clone());
            flag
        });
        // Nobody drives the pin yet.
        partner.enable(Time::default().instant(), false);
        Self {
            now: Time::default(),
            latency: 0,
            accesses: 0,
            uarts: Default::default(),
            console: Console::default(),
            panel: Panel::default(),
            spi: Spi::default(),
            port: Port::default(),
            partner,
            coming: None,
            system: System::default(),
            pins: Pins::default(),
            modem_on: false,
            clint,
            ticks: 0,
            plic,
            flags,
        }
    }

    /// Cycles of the CPU, in our unit of time.
    pub(crate) fn cycle(&self) -> u64 {
        crate::time::PER_SECOND / self.system.cpu_hz()
    }

    pub(crate) fn read(&mut self, address: u64, len: usize) -> u64 {
        self.accesses += 1;
        let (base, offset) = (address & !0xfff, address & 0xfff);
        let (now, cpu_hz) = (self.now, self.system.cpu_hz());
        let value = match base {
            0x0200_0000..0x0201_0000 => {
                self.tick();
                return self.clint.do_read(address - 0x0200_0000, len);
            }
            0x0c00_0000..0x1000_0000 => return self.plic.do_read(address - 0x0c00_0000, len),
            0x3800_0000 => self.console.read(offset, now, cpu_hz),
            0x3800_1000 => self.pins.read_outputs(offset),
            0x502b_0000 if self.system.fpioa_runs() => self.pins.read_matrix(offset),
            0x5044_0000 => self.system.read(offset),
            0x5200_0000 if self.system.spi0_runs() => self.panel.read(offset),
            0x5300_0000 if self.system.spi1_runs() => self.spi.read(offset),
            0x6000_0000 => self.port.read(offset),
            _ => match uart(base).filter(|at| self.system.uart_runs(at + 1)) {
                Some(at) => self.uarts[at].read(offset, now, self.system.apb0_hz()),
                None => 0,
            },
        };
        value.into()
    }

    pub(crate) fn write(&mut self, address: u64, value: u64, len: usize) {
        self.accesses += 1;
        let (base, offset) = (address & !0xfff, address & 0xfff);
        let (now, cpu_hz) = (self.now, self.system.cpu_hz());
        #[expect(clippy::cast_possible_truncation, reason = "registers of 32 bits")]
        let word = value as u32;
        match base {
            0x0200_0000..0x0201_0000 => {
                self.clint.do_write(address - 0x0200_0000, value, len);
            }
            // The model has sources up to 63; the chip has 65, whose last two nobody uses.
            0x0c00_2000 if offset == 8 => {}
            0x0c00_0000..0x1000_0000 => {
                self.plic.do_write(address - 0x0c00_0000, value, len);
            }
            0x3800_0000 => self.console.write(offset, word, now, cpu_hz),
            0x3800_1000 => {
                self.pins.write_outputs(offset, word);
                self.look_at_enable();
            }
            0x502b_0000 if self.system.fpioa_runs() => {
                self.pins.write_matrix(offset, word);
                self.look_at_enable();
            }
            0x5044_0000 => self.system.write(offset, word),
            0x6000_0000 => self.port.write(offset, word, now.instant()),
            0x5300_0000 if self.system.spi1_runs() => {
                let socket = self.socket();
                self.spi.write(offset, word, socket, now);
            }
            0x5200_0000 if self.system.spi0_runs() => {
                let lines = self.panel_lines();
                self.panel.write(offset, word, lines);
            }
            _ => {
                if let Some(at) = uart(base).filter(|at| self.system.uart_runs(at + 1)) {
                    self.uarts[at].write(offset, word, now, self.system.apb0_hz());
                }
            }
        }
    }

    fn look_at_enable(&mut self) {
        let on = self.pins.is_high(MODEM_ENABLE);
        if on != self.modem_on {
            self.modem_on = on;
            self.partner.enable(self.now.instant(), on);
        }
    }

    fn panel_lines(&self) -> Lines {
        let [select, reset, data, clock] = PANEL;
        Lines {
            connected: self.pins.function(select) == SPI0_SS3
                && self.pins.function(clock) == SPI0_SCLK,
            data: self.pins.is_high(data),
            running: self.pins.is_high(reset),
        }
    }

    fn socket(&self) -> Socket {
        let [out, clock, into, select] = CARD;
        Socket {
            connected: self.pins.input(out) == Some(SPI1_D1)
                && self.pins.output(clock) == Some(SPI1_SCLK)
                && self.pins.output(into) == Some(SPI1_D0),
            selected: !self.pins.is_high(select),
            clock_hz: self.system.spi1_hz(),
        }
    }

    /// The UART that listens to the modem, and the one that it listens to.
    fn wired(&self, pin: usize, function: u32) -> Option<usize> {
        (0..3).find(|at| (function..).step_by(2).nth(*at) == Some(self.pins.function(pin)))
    }

    fn tick(&mut self) {
        let ticks = self.now.0 / TICK;
        let more = usize::try_from(ticks - self.ticks).unwrap_or(usize::MAX);
        self.ticks = ticks;
        self.clint.tick(more);
    }

    /// Does what is due until then, sets the interrupt lines, and says when to come again.
    pub(crate) fn advance(&mut self, now: Time) -> Option<Time> {
        while let Some(due) = self.due().filter(|due| *due <= now) {
            self.now = self.now.max(due);
            self.partner.advance(self.now.instant());
            self.finish_bytes();
            self.start_byte();
        }
        self.now = now;
        self.start_byte();
        self.tick();
        let mut next = self.due();
        let (now, latency) = (self.now, self.latency);
        for (uart, flag) in self.uarts.iter_mut().zip(&self.flags) {
            let (up, later) = uart.line(now, latency);
            flag.set(up);
            next = [next, later].into_iter().flatten().min();
        }
        self.plic.tick();
        let alarm = self.clint.do_read(0x4000, 8).checked_mul(TICK).map(Time);
        let alarm = alarm.filter(|at| *at > now);
        [next, alarm].into_iter().flatten().min()
    }

    fn due(&self) -> Option<Time> {
        let uarts = self.uarts.iter().filter_map(Uart::due).min();
        let coming = self.coming.map(|(end, ..)| end);
        // Rounded up to our unit, so that nothing is due before its time.
        let partner = self.partner.due().map(Time::of);
        [uarts, coming, partner].into_iter().flatten().min()
    }

    fn finish_bytes(&mut self) {
        let (now, bus_hz) = (self.now, self.system.apb0_hz());
        let speaks_to = self.wired(MODEM_RX, UART1_TX);
        for at in 0..self.uarts.len() {
            let Some(byte) = self.uarts[at].advance(now, bus_hz) else { continue };
            if speaks_to == Some(at) {
                let good = agree(self.uarts[at].baud(bus_hz), self.partner.baud());
                self.partner.hear(now.instant(), if good { byte } else { !byte });
            }
        }
        if let Some((_, rate, byte, heard)) = self.coming.take_if(|(end, ..)| *end <= now)
            && let Some(at) = self.wired(MODEM_TX, UART1_RX)
            && self.system.uart_runs(at + 1)
            && heard
        {
            let good = agree(rate, self.uarts[at].baud(bus_hz));
            self.uarts[at].receive(good.then_some(byte), now, bus_hz);
        }
    }

    /// The partner's next byte goes on the line, if that is free.
    fn start_byte(&mut self) {
        if self.coming.is_none() && self.partner.has_byte() {
            // The rate of before: the last byte of an answer may switch it.
            let rate = self.partner.baud();
            if let Some(byte) = self.partner.say(self.now.instant()) {
                let end = self.now.after(byte_time(rate));
                // One that is not wired hears nothing in any case.
                let wired = self.wired(MODEM_TX, UART1_RX);
                let heard = wired.is_none_or(|at| self.uarts[at].begin(end));
                self.coming = Some((end, rate, byte, heard));
            }
        }
    }
}

/// Which UART has its registers here.
fn uart(base: u64) -> Option<usize> {
    match base {
        0x5021_0000 => Some(0),
        0x5022_0000 => Some(1),
        0x5023_0000 => Some(2),
        _ => None,
    }
}

/// Whether a receiver at one rate understands a sender at another: within three per cent.
fn agree(sender: u32, receiver: u32) -> bool {
    u64::from(sender.abs_diff(receiver)) * 100 <= u64::from(receiver) * 3
}
