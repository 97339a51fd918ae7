//! The UART, which QEMU shows on its terminal, and the end of a program.

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use usocket_example_apps::{Journal, Progress};

use crate::registers::{TEST, UART_LSR, UART_THR};

/// What a program says. A line waits until the UART has taken it.
#[derive(Debug, Default)]
pub struct Console {
    /// Quarters of a transfer that were told.
    quarters: Option<u64>,
}

impl Console {
    /// The console.
    #[must_use]
    pub const fn new() -> Self {
        Self { quarters: None }
    }
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            while UART_LSR.read() & 1 << 5 == 0 {}
            UART_THR.write(byte);
        }
        Ok(())
    }
}

impl Journal for Console {
    fn line(&mut self, text: fmt::Arguments<'_>) {
        // It cannot fail.
        let _ = writeln!(self, "{text}");
    }
}

/// A line per quarter.
impl Progress for Console {
    fn progress(&mut self, done: u64, total: Option<u64>) {
        let Some(total) = total else { return };
        let quarters = done * 4 / total.max(1);
        if self.quarters.replace(quarters) != Some(quarters) {
            self.line(format_args!("{done} of {total} bytes"));
        }
    }
}

/// Says how the program ended, and ends QEMU: with 0, or 1 if it failed.
pub fn finish(outcome: Result<(), ()>) -> ! {
    let mut console = Console::new();
    match outcome {
        Ok(()) => {
            console.line(format_args!("passed"));
            TEST.write(0x5555);
        }
        Err(()) => {
            console.line(format_args!("failed"));
            TEST.write(1 << 16 | 0x3333);
        }
    }
    loop {
        riscv::asm::wfi();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    Console::new().line(format_args!("{info}"));
    finish(Err(()))
}

/// Any exception: a bug.
#[unsafe(export_name = "ExceptionHandler")]
fn exception(_: &riscv_rt::TrapFrame) -> ! {
    let cause = riscv::register::mcause::read().code();
    let at = riscv::register::mepc::read();
    panic!("exception {cause} at {at:x}")
}
