//! The MicroPython `usocket` API for `no_std` Rust.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "std", test))]
extern crate std;

mod addr;
pub mod asynch;
mod constants;
mod error;
mod events;
mod file;
mod inet;
mod io;
#[cfg(feature = "embedded-io-async")]
mod io_async;
mod net;
mod poll;
pub mod prelude;
mod resolve;
pub mod router;
mod socket;
pub mod spi;
mod time;
mod wait;

pub use addr::{Family, SockAddr, ToSockAddr};
pub use asynch::AsyncSocket;
pub use constants::*;
pub use error::{Error, ErrorKind, Result};
pub use events::{Events, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT};
pub use file::{File, Stream};
pub use inet::{BinAddr, INET_ADDRSTRLEN, inet_ntop, inet_pton, ip_text};
#[cfg(feature = "embedded-io-async")]
pub use io_async::AsyncStream;
pub use net::Usocket;
pub use poll::{
    IPoll, ONE_SHOT, Place, Poll, PollRef, Pollable, Ready, ReadyIter, ReadyList, SelectTimeout,
    Selected, UserWake, select,
};
pub use resolve::{AddrInfo, AddrInfoList, Hints};
pub use socket::{DEFAULT_LINGER, OptValue, Socket};
pub use time::{Instant, IntoTimeout, Timeout, earlier};
