//! Lines by semihosting, and the end of a program.

use core::fmt::{self, Write};
use core::panic::PanicInfo;

use cortex_m_rt::{ExceptionFrame, exception};
use cortex_m_semihosting::{debug, hio};
use usocket_example_apps::Journal;

use crate::stack::stack;

/// What a program says.
#[derive(Debug, Default)]
pub struct Console {
    /// A line, in pieces as they are formatted: each call of the host takes long.
    line: heapless::String<80>,
}

impl Console {
    /// The console.
    #[must_use]
    pub const fn new() -> Self {
        Self { line: heapless::String::new() }
    }

    fn flush(&mut self) {
        if let Ok(mut out) = hio::hstdout() {
            // Whoever does not listen misses it.
            let _ = out.write_all(self.line.as_bytes());
        }
        self.line.clear();
    }
}

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for letter in text.chars() {
            if self.line.push(letter).is_err() {
                self.flush();
                // It is empty.
                let _ = self.line.push(letter);
            }
        }
        Ok(())
    }
}

impl Journal for Console {
    fn line(&mut self, text: fmt::Arguments<'_>) {
        // It cannot fail.
        let _ = writeln!(self, "{text}");
        self.flush();
    }
}

/// Says how the program ended, and ends QEMU: with 0, or 1 if it failed. A stack that was too
/// deep is a failure.
pub fn finish(outcome: Result<(), ()>) -> ! {
    let (used, free) = stack();
    let (word, status) = match outcome {
        Ok(()) if free > 0 => ("passed", debug::EXIT_SUCCESS),
        _ => ("failed", debug::EXIT_FAILURE),
    };
    Console::new().line(format_args!("stack: {used} bytes used, {free} never\n{word}"));
    debug::exit(status);
    loop {
        cortex_m::asm::wfi();
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    Console::new().line(format_args!("{info}"));
    finish(Err(()))
}

/// A bug, or a stack that is too deep.
// SAFETY: uses nothing but the stack, of which there is enough where it is not the trouble.
#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    panic!("hard fault at {:x}", frame.pc())
}
