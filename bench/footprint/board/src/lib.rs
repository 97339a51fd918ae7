//! What any program on the board needs, the same for each driver that is measured.
//!
//! Registers and addresses are a K210's and an STM32F4's, and those of a network controller
//! that is nobody's; nothing here has run on one.
#![no_std]

#[cfg(target_arch = "arm")]
#[path = "arm/mod.rs"]
mod arch;
#[cfg(target_arch = "riscv64")]
#[path = "riscv/mod.rs"]
mod arch;
mod get;
#[cfg(feature = "network")]
mod network;
mod place;
mod start;
#[cfg(feature = "uart")]
mod uart;

pub use arch::clock::{TICKS, idle, now};
pub use get::{Get, REQUEST};
#[cfg(feature = "network")]
pub use network::{FRAME, Network, Receiver, Sender, frame_came};
pub use place::Place;
pub use start::finish;
#[cfg(feature = "uart")]
pub use uart::{Queue, baud, enable, is_idle, put, writable};

/// Where the page is.
pub const HOST: &str = "server.example";

/// The same for those that cannot look up a name.
pub const ADDRESS: [u8; 4] = [192, 0, 2, 1];

/// The board's own address where nobody gives it one, with its prefix and router.
pub const OWN: ([u8; 4], u8, [u8; 4]) = ([192, 0, 2, 10], 24, [192, 0, 2, 254]);

/// Its hardware address.
pub const HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// At this port.
pub const PORT: u16 = 80;

/// The access point.
pub const SSID: &str = "greenhouse";

/// Its key.
pub const KEY: &str = "correct horse";

/// The rate of the modem.
pub const BAUD: u32 = 115_200;

/// Reads a number from the environment of the compiler, so that one source is built with
/// several sizes.
#[must_use]
pub const fn size(text: Option<&str>, default: usize) -> usize {
    let Some(text) = text else { return default };
    let (text, mut number, mut at) = (text.as_bytes(), 0, 0);
    while at < text.len() {
        assert!(text[at].is_ascii_digit(), "a number");
        number = number * 10 + (text[at] - b'0') as usize;
        at += 1;
    }
    number
}
