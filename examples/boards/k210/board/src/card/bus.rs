//! SPI1 with the card alone on it.
//!
//! The card stays selected for good: each command is a transfer of several pieces, between which
//! a card may not be left, and nobody else is on the bus.

use embedded_hal::delay::DelayNs;
use embedded_hal::spi::{Error, ErrorKind, ErrorType, Operation, SpiDevice};
use k210_hal::pac::{FPIOA, SPI1, SYSCTL};

use crate::pins::{Output, route};
use crate::platform::{TICKS, pause, ticks};

pub(super) struct Bus {
    spi: SPI1,
}

/// The bus does not move.
#[derive(Debug)]
pub(super) struct Stuck;

impl Error for Stuck {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Other
    }
}

impl Bus {
    /// At the rate at which a card is found, after the clocks that it wants before all else.
    pub(super) fn new(spi: SPI1) -> Self {
        connect();
        let mut select = Output::new(SELECT_PIN, SELECT);
        select.set(true);
        let mut bus = Self { spi };
        bus.set_up(SLOW);
        // 74 of them at least, with the card not selected.
        for _ in 0..10 {
            // Nobody answers these; a bus that is stuck is told by the next.
            let _ = bus.exchange(0xff);
        }
        select.set(false);
        bus
    }

    /// As fast as any card that has been found.
    pub(super) fn hurry(&mut self) {
        self.set_up(FAST);
    }

    /// Whether a card answers the command that resets it.
    pub(super) fn is_answered(&mut self) -> bool {
        for _ in 0..TRIES {
            match self.reset() {
                Ok(false) => pause(1),
                answered => return answered.unwrap_or(false),
            }
        }
        false
    }

    fn reset(&mut self) -> Result<bool, Stuck> {
        for byte in RESET {
            self.exchange(byte)?;
        }
        // A card takes eight bytes at most until it answers.
        for _ in 0..9 {
            if self.exchange(0xff)? != 0xff {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn set_up(&mut self, divider: u32) {
        // SAFETY: values that the registers have: one line each way, 8 bits, mode 0.
        unsafe {
            self.spi.ssienr.write(|w| w.bits(0));
            self.spi.ctrlr0.write(|w| w.bits(7 << 16));
            self.spi.baudr.write(|w| w.bits(divider));
            self.spi.imr.write(|w| w.bits(0));
            self.spi.dmacr.write(|w| w.bits(0));
            self.spi.endian.write(|w| w.bits(0));
            // Nothing is sent without a selected partner; its line goes nowhere.
            self.spi.ser.write(|w| w.bits(1));
            self.spi.ssienr.write(|w| w.bits(1));
        }
    }

    fn exchange(&mut self, byte: u8) -> Result<u8, Stuck> {
        // SAFETY: any byte will do.
        self.spi.dr[0].write(|w| unsafe { w.bits(byte.into()) });
        let mut end = None;
        while self.spi.sr.read().bits() & RECEIVED == 0 {
            let now = ticks();
            if now > *end.get_or_insert(now + LONGEST) {
                // What comes late is not the answer to the next.
                // SAFETY: off and on, which forgets all that waits.
                unsafe {
                    self.spi.ssienr.write(|w| w.bits(0));
                    self.spi.ssienr.write(|w| w.bits(1));
                }
                return Err(Stuck);
            }
        }
        Ok(self.spi.dr[0].read().bits().to_le_bytes()[0])
    }
}

impl ErrorType for Bus {
    type Error = Stuck;
}

impl SpiDevice for Bus {
    fn transaction(&mut self, operations: &mut [Operation<'_, u8>]) -> Result<(), Stuck> {
        for operation in operations {
            match operation {
                Operation::Read(into) => {
                    for place in into.iter_mut() {
                        *place = self.exchange(0xff)?;
                    }
                }
                Operation::Write(bytes) => {
                    for byte in bytes.iter() {
                        self.exchange(*byte)?;
                    }
                }
                Operation::Transfer(into, bytes) => {
                    for at in 0..into.len().max(bytes.len()) {
                        let got = self.exchange(bytes.get(at).copied().unwrap_or(0xff))?;
                        if let Some(place) = into.get_mut(at) {
                            *place = got;
                        }
                    }
                }
                Operation::TransferInPlace(bytes) => {
                    for byte in bytes.iter_mut() {
                        *byte = self.exchange(*byte)?;
                    }
                }
                Operation::DelayNs(ns) => Pause.delay_ns(*ns),
            }
        }
        Ok(())
    }
}

/// Waits for the card.
pub(super) struct Pause;

impl DelayNs for Pause {
    fn delay_ns(&mut self, ns: u32) {
        let end = ticks() + (u64::from(ns) * TICKS).div_ceil(1_000_000_000);
        while ticks() < end {
            core::hint::spin_loop();
        }
    }
}

/// Clock and lines.
fn connect() {
    // SAFETY: the registers are always there, and no handler uses these.
    let (sysctl, fpioa) = unsafe { (&*SYSCTL::ptr(), &*FPIOA::ptr()) };
    sysctl.clk_en_peri.modify(|_, w| w.spi1_clk_en().set_bit());
    // SAFETY: PLL0 / 2.
    sysctl.clk_th1.modify(|_, w| unsafe { w.spi1_clk().bits(0) });
    route(CLOCK_PIN, SPI1_SCLK);
    route(OUT_PIN, SPI1_D0);
    // An input, high while nobody drives it.
    // SAFETY: a function that there is.
    fpioa.io[IN_PIN]
        .write(|w| unsafe { w.ch_sel().bits(SPI1_D1).ie_en().set_bit().pu().set_bit() });
}

const IN_PIN: usize = 26;
const CLOCK_PIN: usize = 27;
const OUT_PIN: usize = 28;
const SELECT_PIN: usize = 29;
/// The output of GPIOHS that selects the card.
const SELECT: u8 = 29;

/// Functions of the pin matrix.
const SPI1_D0: u8 = 70;
const SPI1_D1: u8 = 71;
const SPI1_SCLK: u8 = 83;

/// 390 MHz / 1000 for a card that has to be found, and / 20 after.
const SLOW: u32 = 1000;
const FAST: u32 = 20;

/// Much more than a byte takes at the slow rate, 21 us.
const LONGEST: u64 = TICKS / 100;

/// Status: a byte has come.
const RECEIVED: u32 = 1 << 3;

/// CMD0 with its check sum.
const RESET: [u8; 6] = [0x40, 0, 0, 0, 0, 0x95];
/// How often it is sent, a millisecond after the other.
const TRIES: u32 = 10;
