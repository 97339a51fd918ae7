//! A Kendryte K210 on a Maix board, for the firmware beside it: one hart, the peripherals that
//! the board support uses, a simulated ESP8285 at the modem's pins, a panel, and an SD card.
//!
//! ```text
//!  rv64emu: hart, PLIC, CLINT          esp8285-sim: modem, air, network
//!       |                                   ^
//!  SYSCTL, FPIOA, GPIOHS, UARTHS,    IO6, IO7, IO8
//!  UART1..3 -------------------------------+
//!  SPI0 --------- IO36..39 -> ST7789 -> PNG
//!  SPI1 --------- IO26..29 -> SD card
//! ```
//!
//! Time is counted by instructions (see [`Cost`]), and the modem lives in the same time: so
//! whether the FIFO of 16 bytes overruns at a certain rate has one answer, the same each time.
//! The models are made from documents, as the firmware is: this shows that firmware and
//! documents agree, and nothing about silicon.

mod card;
mod chip;
mod console;
mod hart;
mod image;
mod line;
mod machine;
mod panel;
mod spi;
mod system;
mod time;
mod uart;
mod world;

pub use chip::Answer;
pub use image::{Image, RAM, RAM_LEN};
pub use line::{Partner, Source, numbered};
pub use machine::{Cost, Ending, HartStats, Machine};
pub use panel::{HEIGHT, Screen, WIDTH};
pub use time::Time;
pub use uart::{FIFO, UartStats};
pub use world::{STREAM_LEN, World, picture, picture_server, streams};
