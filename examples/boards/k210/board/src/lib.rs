//! What a program on a Maix board (Kendryte K210) needs beside `usocket`.
//!
//! `k210-hal` gives the peripherals, the pins and their functions, the frame of a serial line
//! and its standard output; this crate adds what the HAL 0.2 does not have: the start, the
//! clocks, UARTs whose bytes are taken by an interrupt handler, the modem's enable pin, a
//! clock with `wfi`, the panel, and the card socket.
//!
//! The reference text sets the modem up in these lines:
//!
//! ```text
//! fm.register(board_info.WIFI_RX, fm.fpioa.UART2_TX)
//! fm.register(board_info.WIFI_TX, fm.fpioa.UART2_RX)
//! uart = machine.UART(machine.UART.UART2, 115200, timeout=1000, read_buf_len=4096)
//! nic = network.ESP8285(uart)
//! ```
//!
//! and so does a program here:
//!
//! ```text
//! static RX: Ring<4096> = Ring::new();
//!
//! let Maix { p, clocks, .. } = Maix::take();
//! let pins = (p.pins.pin7, p.pins.pin6);                  // WIFI_RX, WIFI_TX
//! let uart = maix_board::uart(p.UART2, pins, 115_200.bps(), &clocks, &RX);
//! let nic = Esp8285::new(uart.with_enable(wifi_enable), Board, memory);
//! ```
//!
//! Registers are used as the documents have them. It has run in the emulator beside it, which
//! is made from the same documents, and on no silicon.
#![no_std]

#[cfg(feature = "card")]
mod card;
mod clocks;
mod console;
#[cfg(feature = "embassy")]
mod executor;
mod interrupts;
mod panel;
mod pins;
mod platform;
mod port;
mod start;
mod uart;

use core::sync::atomic::{AtomicBool, Ordering};

#[cfg(feature = "card")]
pub use card::{Card, CardError};
pub use clocks::CPU;
pub use console::{Console, PANIC, finish};
#[cfg(feature = "card")]
pub use embedded_sdmmc::RawFile;
#[cfg(feature = "embassy")]
pub use executor::{Executor, on_bytes, slept};
pub use k210_hal as hal;
pub use k210_hal::clock::Clocks;
pub use panel::{HEIGHT, Panel, WIDTH};
pub use pins::{Output, wifi_enable};
pub use platform::Board;
pub use port::ask;
pub use uart::{ModemUart, Ring, Trigger, UartX, uart};

/// The board, started.
#[expect(missing_debug_implementations, reason = "peripherals have nothing to show")]
pub struct Maix {
    /// The peripherals and pins that this crate does not use itself.
    pub p: hal::Peripherals,
    /// What the HAL reckons with.
    pub clocks: Clocks,
}

impl Maix {
    /// Sets the clocks up and gives the board away.
    ///
    /// # Panics
    /// The second time.
    #[must_use]
    pub fn take() -> Self {
        static TAKEN: AtomicBool = AtomicBool::new(false);
        assert!(!TAKEN.swap(true, Ordering::Relaxed), "there is one board");
        clocks::start();
        interrupts::start();
        pins::start_modem();
        // SAFETY: only once, as was just checked. The HAL's own check needs assembly that is
        // built for soft float only, and so does not link on riscv64gc.
        let p = unsafe { hal::Peripherals::steal() };
        Self { p, clocks: Clocks::new() }
    }
}

/// Names the program: a function that takes nothing and never returns.
#[macro_export]
macro_rules! program {
    ($main:path) => {
        const _: () = {
            #[unsafe(export_name = "main")]
            extern "C" fn __entry() -> ! {
                $main()
            }
        };
    };
}
