//! What any program on the board needs, the same for each driver that is measured.
//!
//! Registers and addresses are the K210's; nothing here has run on one.
#![no_std]

mod clock;
mod get;
mod place;
mod start;
mod uart;

pub use clock::{TICKS, idle, now};
pub use get::{Get, REQUEST};
pub use place::Place;
pub use start::finish;
pub use uart::{Queue, baud, enable, is_idle, put, writable};

/// Where the page is.
pub const HOST: &str = "server.example";

/// The same for those that cannot look up a name.
pub const ADDRESS: [u8; 4] = [192, 0, 2, 1];

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
