//! What the images have in common: their settings, and the board and its modem set up.
//!
//! Settings are read from the environment when an image is built: `WIFI_SSID`, `WIFI_KEY`,
//! `MODEM_BAUD`, `PICTURE_URL`, `PICTURE_SHA256`, `SEND_TO`, `UART_RING`, `SOCKETS`, `SOCKET_BYTES`. The
//! defaults are what the emulator has.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "card")]
mod saved;
mod settings;
mod start;

#[cfg(feature = "card")]
pub use saved::{PICTURE, Saved};
pub use settings::{
    BAUD, BYTES, KEY, PICTURE_SHA256, PICTURE_URL, PORT, RING, SEND_TO, SOCKETS, SSID,
};
pub use start::{Modem, Net, Start, config, start};

/// The byte of this number in the streams that the emulator sends to `streams` and `uart_rate`.
#[must_use]
pub const fn numbered(at: u32) -> u8 {
    at.wrapping_mul(0x9e37_79b1).to_be_bytes()[0]
}
