//! Output pins, by GPIOHS: the HAL 0.2 has none.

use k210_hal::pac::{FPIOA, GPIOHS};

/// An output of GPIOHS at a pin of the chip.
#[derive(Debug)]
pub struct Output {
    bit: u32,
}

/// Drives the modem's enable pin, IO8: `false` holds the modem in reset.
///
/// For [`Uart::with_enable`](usocket::esp8285::Uart::with_enable).
pub fn wifi_enable(on: bool) {
    Output { bit: 1 << WIFI_ENABLE }.set(on);
}

/// Resets the modem and lets it run.
pub(crate) fn start_modem() {
    let mut enable = Output::new(WIFI_ENABLE.into(), WIFI_ENABLE);
    crate::platform::pause(1);
    enable.set(true);
}

impl Output {
    /// Makes IO `pin` the output `number` of GPIOHS, low at first.
    pub(crate) fn new(pin: usize, number: u8) -> Self {
        // SAFETY: the registers are always there; each output is set up once, before interrupts.
        let (fpioa, gpiohs) = unsafe { (&*FPIOA::ptr(), &*GPIOHS::ptr()) };
        let bit = 1 << number;
        let mut output = Self { bit };
        output.set(false);
        // SAFETY: any bits will do.
        gpiohs.output_en.modify(|r, w| unsafe { w.bits(r.bits() | bit) });
        // SAFETY: a function that there is, at full drive strength.
        fpioa.io[pin].write(|w| unsafe {
            w.ch_sel().bits(GPIOHS0 + number).ds().bits(15).oe_en().set_bit()
        });
        output
    }

    /// Drives it high or low.
    pub fn set(&mut self, high: bool) {
        // SAFETY: as above. Handlers touch no pins, so reading and writing back loses nothing.
        let gpiohs = unsafe { &*GPIOHS::ptr() };
        // SAFETY: any bits will do.
        gpiohs.output_val.modify(|r, w| unsafe {
            w.bits(if high { r.bits() | self.bit } else { r.bits() & !self.bit })
        });
    }
}

/// The pin, and the output that we use for it.
const WIFI_ENABLE: u8 = 8;

/// The function of the first output.
const GPIOHS0: u8 = 24;

/// Makes IO `pin` what the function says.
pub(crate) fn route(pin: usize, function: u8) {
    // SAFETY: the registers are always there.
    let fpioa = unsafe { &*FPIOA::ptr() };
    // SAFETY: an output of full drive strength.
    fpioa.io[pin].write(|w| unsafe { w.ch_sel().bits(function).ds().bits(15).oe_en().set_bit() });
}
