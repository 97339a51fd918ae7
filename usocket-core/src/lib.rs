//! The MicroPython `usocket` API for `no_std` Rust, without an allocator: the
//! calls that users make, and the interface that backends implement.
//!
//! ```no_run
//! use usocket_core::prelude::*;
//!
//! fn greet<B: Backend>(net: &B) -> Result<()> {
//!     let s = net.socket(AF_INET, SOCK_STREAM)?;
//!     s.connect(net.getaddrinfo("example.org", 7, Hints::stream())?.first().sockaddr)?;
//!     s.settimeout(5)?;
//!     s.write("hello\n")?;
//!     let mut line = [0; 80];
//!     let n = s.readline(&mut line)?.unwrap_or(0);
//!     assert_eq!(&line[..n], b"hello\n");
//!     Ok(())
//! }
//! ```
//!
//! `net` is a backend: `usocket-backend-std` on a host, the in-memory network of
//! `usocket-conformance` in a test, your board's otherwise. This crate has no
//! network of its own. Applications depend on the facade, `usocket`.
//!
//! ```text
//!  Socket ── File, Stream      asynch()        Poll, select
//!     │ blocking, non-blocking    │ await         │ many at once
//!     └──────────── try, register, look again, idle ───────── one way of waiting
//!                                 │
//!                     spi: EventSource, Backend, PollSets
//! ```
//!
//! # What there is
//!
//! | of the reference text | here |
//! |---|---|
//! | `socket`, `getaddrinfo` | [`Usocket`], for every backend |
//! | `inet_pton`, `inet_ntop`, constants | free items of this crate |
//! | the socket's methods | [`Socket`] |
//! | `makefile` | [`Socket::makefile`], [`File`] |
//! | `uselect.poll`, `ipoll`, `select` | [`Poll`], [`select`] |
//! | `OSError`, `e.args[0]` | [`Error`], [`Error::errno`]; which call answers which is in [`op`] |
//!
//! Beyond the text: [`AsyncSocket`], [`router::Router`] for several backends,
//! [`UserWake`], [`Usocket::dial`], [`Usocket::drain`], and what [`Socket`] lists.
//!
//! What there is not: raw sockets, Unix sockets, ancillary data. What a backend
//! cannot do answers `EOPNOTSUPP`, an option it lacks `ENOPROTOOPT`, a family
//! `EAFNOSUPPORT`; its README has the table.
//!
//! # Cargo features
//!
//! - `std`: `std::io` traits, conversion into `std::io::Error`, [`spi::StdPlatform`].
//! - `embedded-io-async`: the async stream traits, on `AsyncSocket::stream`.
//! - `canonname`: `AI_CANONNAME` of `getaddrinfo`, 264 bytes in each list. A backend that knows
//!   canonical names switches it on.
//! - `ipv6`: IPv6 literals in `getaddrinfo`. A backend with `AF_INET6` switches it on.
//! - `embedded-nal`, `embedded-nal-async`, `edge-nal`: the community's network traits,
//!   on `nal::NbStack` and `nal::Stack`.
//!
//! `embedded_io` is always there. No feature changes what another does.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "std", test))]
extern crate std;

mod addr;
pub mod asynch;
mod buf_reader;
mod constants;
mod error;
mod events;
mod file;
mod inet;
mod io;
#[cfg(feature = "embedded-io-async")]
mod io_async;
#[cfg(any(feature = "embedded-nal", feature = "embedded-nal-async", feature = "edge-nal"))]
pub mod nal;
mod net;
pub mod op;
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
pub use buf_reader::BufReader;
pub use constants::*;
pub use error::{Error, ErrorKind, Result};
pub use events::{Events, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT};
pub use file::{File, Stream};
pub use inet::{BinAddr, INET_ADDRSTRLEN, inet_ntop, inet_pton, ip_text};
#[cfg(feature = "embedded-io-async")]
pub use io_async::AsyncStream;
pub use net::{Endpoint, Usocket};
pub use poll::{
    IPoll, ONE_SHOT, Place, Poll, PollRef, Pollable, Ready, ReadyIter, ReadyList, SelectTimeout,
    Selected, UserWake, select,
};
pub use resolve::{AddrInfo, AddrInfoList, Hints};
pub use socket::{DEFAULT_LINGER, OptValue, Socket};
pub use time::{Instant, IntoTimeout, Timeout, earlier};

/// The mutexes to choose from for a [`UserWake`]: interrupt-safe, or for one thread.
pub use embassy_sync::blocking_mutex::raw::{CriticalSectionRawMutex, NoopRawMutex, RawMutex};
