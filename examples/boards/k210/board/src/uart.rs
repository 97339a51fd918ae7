//! UART1 to UART3: received bytes are taken by an interrupt handler and kept in a ring.
//!
//! Sixteen bytes last 174 us at 921600 baud, so nobody but a handler is in time. It looks at
//! the line status before each byte: an overrun is told to the driver before all that was still
//! in the FIFO then, and a byte with a framing error is told and dropped.
//!
//! Reading the line status clears what it tells of losses. So whoever reads it, also to see
//! whether there is room to send, hands that on: see `Ring::status`.

use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use k210_hal::clock::Clocks;
use k210_hal::pac::{self, uart1::RegisterBlock};
use k210_hal::serial::SerialExt;
use k210_hal::time::Bps;
use usocket::esp8285::{Lost, RxQueue, Uart};

use crate::clocks::APB0;
use crate::interrupts::{Handler, attach, is_sending, masked};
use crate::platform::{TICKS, ticks};

/// UART1 to UART3.
pub trait UartX {
    /// Which.
    const NUMBER: usize;
    /// Where its registers are.
    fn registers() -> *const RegisterBlock;
    /// Lets its clock run.
    fn enable_clock();
}

macro_rules! uart {
    ($name:ident, $number:literal, $clock:ident) => {
        impl UartX for pac::$name {
            const NUMBER: usize = $number;
            fn registers() -> *const RegisterBlock {
                pac::$name::ptr()
            }
            fn enable_clock() {
                // SAFETY: the registers are always there, and no handler uses these.
                let sysctl = unsafe { &*pac::SYSCTL::ptr() };
                sysctl.clk_en_peri.modify(|_, w| w.$clock().set_bit());
            }
        }
    };
}
uart!(UART1, 1, uart1_clk_en);
uart!(UART2, 2, uart2_clk_en);
uart!(UART3, 3, uart3_clk_en);

/// How full the receive FIFO is when it calls. What stays below that calls when the line has
/// been silent for four characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The first byte.
    One = 0,
    /// 4 of 16.
    Quarter = 1,
    /// 8 of 16.
    Half = 2,
    /// 14 of 16.
    Nearly = 3,
}

/// The received bytes of one UART, up to `N`, a power of two: `read_buf_len` of the reference.
#[derive(Debug)]
pub struct Ring<const N: usize> {
    queue: RxQueue<N>,
    registers: AtomicPtr<RegisterBlock>,
    /// The interrupt of the transmitter is on.
    wants_room: AtomicBool,
}

impl<const N: usize> Ring<N> {
    /// An empty one.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            queue: RxQueue::new(),
            registers: AtomicPtr::new(ptr::null_mut()),
            wants_room: AtomicBool::new(false),
        }
    }

    fn registers(&self) -> &'static RegisterBlock {
        // SAFETY: set by `uart`, before there is anybody to call this.
        unsafe { &*self.registers.load(Ordering::Relaxed) }
    }

    /// Lets an interrupt tell of room to send. Both at once, or a handler between the two would
    /// leave it on for ever.
    fn call_for_room(&self) {
        masked(|| {
            self.wants_room.store(true, Ordering::Relaxed);
            // SAFETY: any bits will do.
            self.registers().dlh_ier.write(|w| unsafe { w.bits(RECEIVE | ROOM) });
        });
    }

    /// The line status. What it tells of losses is told to the driver: perhaps some bytes too
    /// early, never too late.
    fn status(&self) -> u32 {
        // The handler must not come between reading and telling.
        masked(|| {
            let status = self.registers().lsr.read().bits();
            if status & BAD != 0 {
                self.queue.push_lost();
            }
            status
        })
    }
}

impl<const N: usize> Default for Ring<N> {
    fn default() -> Self {
        Self::new()
    }
}

impl<const N: usize> Handler for Ring<N> {
    fn interrupt(&self) {
        let registers = self.registers();
        let mut status = registers.lsr.read().bits();
        if status & READY == 0 && registers.fcr_iir.read().bits() & WHICH == SILENCE {
            // The time-out goes on calling now and then when its bytes have been taken, and only
            // a read ends that. Not if a byte has come just now.
            status |= registers.lsr.read().bits();
            if status & READY == 0 {
                registers.rbr_dll_thr.read();
            }
        }
        loop {
            if status & BAD != 0 {
                self.queue.push_lost();
            }
            if status & READY == 0 {
                break;
            }
            let byte = registers.rbr_dll_thr.read().bits().to_le_bytes()[0];
            if status & WRONG == 0 {
                self.queue.push(byte);
            }
            status = registers.lsr.read().bits();
        }
        if self.wants_room.load(Ordering::Relaxed) && status & FULL == 0 {
            self.wants_room.store(false, Ordering::Relaxed);
            // SAFETY: any bits will do.
            registers.dlh_ier.write(|w| unsafe { w.bits(RECEIVE) });
        }
    }

    fn is_sending(&self) -> bool {
        self.status() & EMPTY == 0
    }
}

/// A UART as the modem's driver wants it.
#[derive(Debug)]
pub struct ModemUart<const N: usize> {
    ring: &'static Ring<N>,
    number: usize,
    trigger: Option<Trigger>,
}

/// Sets a UART up: at these pins, `(transmit, receive)`, at this rate, with this ring.
///
/// The pins' functions and the frame of a character are the HAL's.
pub fn uart<U, PINS, const N: usize>(
    uart: U,
    pins: PINS,
    baud: Bps,
    clocks: &Clocks,
    ring: &'static Ring<N>,
) -> ModemUart<N>
where
    U: UartX + SerialExt<PINS>,
{
    U::enable_clock();
    // The peripheral stays where it was put: nobody else can have it any more.
    let (_uart, _pins) = uart.configure(pins, baud, clocks).free();
    ring.registers.store(U::registers().cast_mut(), Ordering::Relaxed);
    let mut modem = ModemUart { ring, number: U::NUMBER, trigger: None };
    modem.set_baud(baud.0);
    // SAFETY: any bits will do.
    ring.registers().dlh_ier.write(|w| unsafe { w.bits(RECEIVE) });
    attach(U::NUMBER, ring);
    modem
}

impl<const N: usize> ModemUart<N> {
    /// From now on the FIFO calls when it is so full, whatever the rate. Unless this is called
    /// it calls at the first byte up to 460800 baud, and at a quarter beyond.
    pub fn set_trigger(&mut self, trigger: Trigger) {
        self.trigger = Some(trigger);
        self.write_trigger(trigger);
    }

    fn write_trigger(&self, trigger: Trigger) {
        // SAFETY: any bits will do.
        self.ring.registers().fcr_iir.write(|w| unsafe { w.bits((trigger as u32) << 6 | FIFOS) });
    }
}

impl<const N: usize> Uart for ModemUart<N> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        self.ring.queue.read(buf)
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        let registers = self.ring.registers();
        for (len, byte) in bytes.iter().enumerate() {
            if !self.writable() {
                self.ring.call_for_room();
                return len;
            }
            // SAFETY: a byte.
            registers.rbr_dll_thr.write(|w| unsafe { w.bits(u32::from(*byte)) });
        }
        bytes.len()
    }

    fn readable(&self) -> bool {
        self.ring.queue.is_readable()
    }

    fn writable(&self) -> bool {
        self.ring.status() & FULL == 0
    }

    fn is_idle(&self) -> bool {
        self.ring.status() & EMPTY != 0
    }

    /// Rates that the divisor misses by more than 1.5 % are refused. What comes in meanwhile, and
    /// what the driver's ring does not have yet, is forgotten.
    fn set_baud(&mut self, baud: u32) -> bool {
        let sixteenths = (APB0 + baud / 2) / baud.max(1);
        let most = 16 * 0xffff;
        let miss = (sixteenths * baud).abs_diff(APB0);
        if sixteenths < 16 || sixteenths > most || miss > APB0 / 64 {
            return false;
        }
        let registers = self.ring.registers();
        // The handler would read and write the divisor instead.
        let done = masked(|| {
            // A write to the line control is ignored while a byte comes in or waits, and what is
            // meant for the divisor would be sent, and switch our interrupts off. So the line is
            // taken off until it is done.
            // SAFETY: a mode that there is.
            registers.mcr.write(|w| unsafe { w.bits(LOOP) });
            let end = ticks() + LONGEST;
            while registers.usr.read().bits() & BUSY != 0 {
                if ticks() > end {
                    // SAFETY: as above.
                    registers.mcr.write(|w| unsafe { w.bits(0) });
                    return false;
                }
                // SAFETY: any bits will do.
                registers.fcr_iir.write(|w| unsafe { w.bits(FIFOS | FORGET) });
            }
            // SAFETY: a divisor, and the frame of before: 8N1.
            unsafe {
                registers.lcr.write(|w| w.bits(LATCH | FRAME));
                registers.rbr_dll_thr.write(|w| w.bits(sixteenths >> 4 & 0xff));
                registers.dlh_ier.write(|w| w.bits(sixteenths >> 12));
                registers.dlf.write(|w| w.bits(sixteenths & 15));
                registers.lcr.write(|w| w.bits(FRAME));
                registers.mcr.write(|w| w.bits(0));
            }
            true
        });
        if !done {
            return false;
        }
        let trigger = if baud > 460_800 { Trigger::Quarter } else { Trigger::One };
        self.write_trigger(self.trigger.unwrap_or(trigger));
        let ticks = TICKS * 10 / u64::from(baud) + 1;
        BYTE_TICKS[self.number - 1].store(ticks.try_into().unwrap_or(u32::MAX), Ordering::Relaxed);
        true
    }

    fn capacity(&self) -> usize {
        N
    }
}

/// How many ticks of the clock it takes at most until everything that was written has left;
/// `None` if it has.
pub(crate) fn leaving() -> Option<u64> {
    let times = (1..).zip(&BYTE_TICKS).filter(|(uart, _)| is_sending(*uart));
    // A full FIFO, and the byte on the line.
    times.map(|(_, ticks)| 17 * u64::from(ticks.load(Ordering::Relaxed))).min()
}

/// How long a byte takes at each UART.
static BYTE_TICKS: [AtomicU32; 3] = [const { AtomicU32::new(0) }; 3];

/// Interrupts, with the transmitter in the mode in which a full FIFO can be seen.
const RECEIVE: u32 = 0x81;
const ROOM: u32 = 2;

/// Which interrupt it is; that of bytes below the trigger.
const WHICH: u32 = 15;
const SILENCE: u32 = 12;

/// Line control: 8N1, and access to the divisor.
const FRAME: u32 = 3;
const LATCH: u32 = 0x80;

/// Modem control: what is sent is received, and the line is not.
const LOOP: u32 = 1 << 4;

/// UART status: something is sent or received, or waits.
const BUSY: u32 = 1;

/// More than the last byte can take to leave the line, at 9600 baud.
const LONGEST: u64 = TICKS / 200;

/// FIFO control: on, and room to send means half of it.
const FIFOS: u32 = 0x31;
/// What has been received is forgotten.
const FORGET: u32 = 2;

/// Line status: a byte, what is wrong with it or was lost, no room to send, nothing to send.
const READY: u32 = 1;
const BAD: u32 = 0b1_1110;
const WRONG: u32 = 0b1_1100;
const FULL: u32 = 1 << 5;
const EMPTY: u32 = 1 << 6;
