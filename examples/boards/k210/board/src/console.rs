//! UARTHS, which the boards' USB shows as a serial port, and the end of a program.

use core::arch::asm;
use core::fmt::{self, Write};
use core::panic::PanicInfo;

use k210_hal::clock::Clocks;
use k210_hal::pac::UARTHS;
use k210_hal::prelude::*;
use k210_hal::serial::Tx;
use k210_hal::stdout::Stdout;
use usocket_example_apps::{Journal, Progress};

use crate::CPU;

/// What a program says. A line waits until the UART has taken it.
#[expect(missing_debug_implementations, reason = "the HAL's types have none")]
pub struct Console<PINS> {
    tx: Tx<UARTHS, PINS>,
    /// Quarters of a transfer that were told.
    quarters: Option<u64>,
}

const BAUD: u32 = 115_200;

/// What a program that ends by a panic says first.
pub const PANIC: &str = "panic: ";

impl<PINS> Console<PINS> {
    /// The console at these pins: on the boards `(pin5, pin4)`.
    pub fn new(uart: UARTHS, pins: PINS, clocks: &Clocks) -> Self
    where
        UARTHS: k210_hal::serial::SerialExt<PINS>,
    {
        let (tx, _) = uart.configure(pins, BAUD.bps(), clocks).split();
        // SAFETY: any divisor will do. The HAL has taken the CPU's clock for 403 MHz.
        unsafe { (*UARTHS::ptr()).div.write(|w| w.bits(CPU / BAUD - 1)) };
        Self { tx, quarters: None }
    }

    /// One line.
    pub fn say(&mut self, text: fmt::Arguments<'_>) {
        // It cannot fail.
        let _ = writeln!(Stdout(&mut self.tx), "{text}");
    }
}

impl<PINS> Journal for Console<PINS> {
    fn line(&mut self, text: fmt::Arguments<'_>) {
        self.say(text);
    }
}

/// A line per quarter.
impl<PINS> Progress for Console<PINS> {
    fn progress(&mut self, done: u64, total: Option<u64>) {
        let Some(total) = total else { return };
        let quarters = done * 4 / total.max(1);
        if self.quarters.replace(quarters) != Some(quarters) {
            self.say(format_args!("{done} of {total} bytes"));
        }
    }
}

/// Says how the program ended, and does nothing more.
pub fn finish<PINS>(console: &mut Console<PINS>, outcome: Result<(), ()>) -> ! {
    let word = if outcome.is_ok() { "passed\n" } else { "failed\n" };
    // It cannot fail.
    let _ = Stdout(&mut console.tx).write_str(word);
    halt()
}

/// An exception, of which only the place can be told.
pub(crate) fn fault(cause: usize, at: usize) -> ! {
    say_place(PANIC, format_args!("exception {cause:x} at {at:x}"))
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    // The place only: a text that is formatted brings the formatting of everything along.
    match info.location() {
        Some(at) => say_place(PANIC, format_args!("{}:{}", at.file(), at.line())),
        None => say_place(PANIC, format_args!("")),
    }
}

fn say_place(what: &str, place: fmt::Arguments<'_>) -> ! {
    let _ = Raw.write_str(what);
    if cfg!(feature = "panic-place") {
        let _ = Raw.write_fmt(place);
    }
    let _ = Raw.write_str("\n");
    halt()
}

/// The console when nothing else runs any more.
struct Raw;

impl Write for Raw {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        // SAFETY: the registers are always there.
        let uart = unsafe { &*UARTHS::ptr() };
        for byte in text.bytes() {
            while uart.txdata.read().full().bit_is_set() {}
            // SAFETY: a byte.
            uart.txdata.write(|w| unsafe { w.data().bits(byte) });
        }
        Ok(())
    }
}

/// Nothing ends this sleep.
fn halt() -> ! {
    loop {
        // SAFETY: interrupts off, and wait.
        unsafe { asm!("csrw mie, zero", "wfi") };
    }
}
