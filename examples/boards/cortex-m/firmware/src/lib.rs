//! What images have in common: an account of cases, and a modem in memory with a script at the
//! other end of each connection, under virtual time.
#![no_std]
#![forbid(unsafe_code)]

#[cfg(feature = "modem")]
pub mod modem;
#[cfg(feature = "tally")]
mod tally;

#[cfg(feature = "tally")]
pub use tally::Tally;
