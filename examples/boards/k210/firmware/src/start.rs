//! The board and its modem, set up.

use maix_board::hal::pac::{SPI0, SPI1};
use maix_board::hal::prelude::*;
use maix_board::{Board, Console, Maix, ModemUart, Ring, uart, wifi_enable};
use usocket::NoopRawMutex;
use usocket::esp8285::{Config, Esp8285, Uart, WithEnable};

use crate::settings::{BAUD, RING};

/// The modem's UART, with its enable pin.
pub type Modem = WithEnable<ModemUart<RING>, fn(bool)>;

/// The modem's driver. One context of execution: no lock, no wakers.
pub type Net<'r> = Esp8285<'r, Modem, Board, NoopRawMutex, 0>;

/// What an image begins with.
#[expect(missing_debug_implementations, reason = "peripherals have nothing to show")]
pub struct Start<PINS> {
    /// For the driver.
    pub uart: Modem,
    /// UARTHS.
    pub console: Console<PINS>,
    /// For the panel.
    pub spi: SPI0,
    /// For the card.
    pub card: SPI1,
}

/// `read_buf_len` of the reference.
static RX: Ring<RING> = Ring::new();

/// Starts the board.
#[must_use]
pub fn start() -> Start<impl Sized> {
    let Maix { p, clocks } = Maix::take();
    let console = Console::new(p.UARTHS, (p.pins.pin5, p.pins.pin4), &clocks);
    // WIFI_RX, which is where we send, and WIFI_TX.
    let pins = (p.pins.pin7, p.pins.pin6);
    let uart = uart(p.UART2, pins, 115_200.bps(), &clocks, &RX);
    Start { uart: uart.with_enable(wifi_enable), console, spi: p.SPI0, card: p.SPI1 }
}

/// What the driver is told.
#[must_use]
pub const fn config() -> Config {
    let config = Config::new();
    if BAUD == 115_200 { config } else { config.fast_baud(BAUD) }
}
