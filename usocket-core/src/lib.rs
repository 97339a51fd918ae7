//! The MicroPython `usocket` API for `no_std` Rust.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "std", test))]
extern crate std;

mod addr;
mod constants;
mod error;
mod events;
mod inet;
pub mod spi;
mod time;
mod wait;

pub use addr::{Family, SockAddr, ToSockAddr};
pub use constants::*;
pub use error::{Error, ErrorKind, Result};
pub use events::{Events, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT};
pub use inet::{BinAddr, INET_ADDRSTRLEN, inet_ntop, inet_pton, ip_text};
pub use time::{Instant, IntoTimeout, Timeout, earlier};
