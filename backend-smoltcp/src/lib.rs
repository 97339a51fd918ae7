//! The [`usocket`](usocket_core) API on smoltcp: sockets on any raw network interface, without
//! an operating system and without an allocator.
//!
//! [`Net`] is a backend like any other: the program that runs on it runs unchanged on a PC
//! or a modem. It is not a runtime, no driver, and no TCP of its own: segments are
//! smoltcp's. What it adds is what a socket needs around them; the readme has the list.
//!
//! ```text
//!  Net ── one lock ── State
//!   slots                         sockets of the user: family, role, options
//!   pairs                         TCP sockets of the stack, with their buffers
//!   parking <── SYN ──┐           connections that wait for a pair
//!   queues, senders   │           datagrams in, datagrams out
//!   resolver, setup   │           names, addresses
//!                     │
//!  smoltcp interface ─┴─ gate ─── the user's device
//! ```
//!
//! A `drive` is: frames in through the gate, a look at each pair, parked connections let
//! in, packets out, waiters woken.
//!
//! ```no_run
//! use usocket_backend_smoltcp::smoltcp::phy::Device;
//! use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
//! use usocket_core::prelude::*;
//! use usocket_core::spi::Platform;
//!
//! /// Six sockets, two connections, one datagram socket; on the stack or in a static.
//! type Memory<'a> = Storage<'a, 6, 2, 2048, 2048, 1, 7360, 8, { 2 + 1 + OWN }>;
//!
//! fn fetch<D: Device, P: Platform>(device: D, board: P) -> Result<usize> {
//!     let mut memory = Memory::new();
//!     # #[cfg(feature = "dhcp")]
//!     let config = Config::ethernet([2, 0, 0, 0, 0, 1]).dhcp();
//!     # #[cfg(not(feature = "dhcp"))]
//!     # let config = Config::ip();
//!     let net: Net<'_, D, P> = Net::new(device, board, &config, &mut memory)?;
//!     net.wait_up(30)?;
//!     let s = net.dial("example.org:80", 10)?;
//!     s.sendall("GET / HTTP/1.0\r\nHost: example.org\r\n\r\n")?;
//!     let mut page = [0; 1024];
//!     let read = s.read(&mut page)?.unwrap_or(0);
//!     drop(s);
//!     net.drain(10)?;
//!     Ok(read)
//! }
//! ```
//!
//! # Cargo features
//!
//! IPv4 and TCP clients are always there. `ethernet`, `server`, `udp`, `dns`, `multicast`, `dhcp`,
//! `options`, `keep-alive`, `neighbours`, `unreachable`, `buffer-classes`, `slow-peers` and `bulk` are
//! on by default, `ipv6`, `slaac` and `std` (devices of Linux) are not. What is left out answers
//! `EOPNOTSUPP` (an option `ENOPROTOOPT`, a family `EAFNOSUPPORT`, a name `EAI_FAIL`).
//!
//! Some features add no call, but care. Without
//!
//! - `bulk` each drive looks at everything: more instructions for each segment, less code;
//! - `slow-peers` the stack's own timers decide about a peer that takes nothing: what is not
//!   acknowledged for two minutes ends with `ETIMEDOUT`, also where the peer is merely slow, and what
//!   comes behind `shutdown(Read)` fills the buffer;
//! - `neighbours` the stack asks for one neighbour a second, whoever needs it, and a connect to one
//!   who is not there ends as if nobody had answered, with `ETIMEDOUT`;
//! - `unreachable` so does a connect to a host or network of which a router says that it cannot be
//!   reached;
//! - `udp` so does a connect to the last address of a network, which is everybody's.
#![cfg_attr(doctest, doc = include_str!("../README.md"))]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
extern crate std;

mod absent;
mod address;
mod backend;
#[cfg(any(feature = "server", feature = "udp"))]
mod bind;
#[cfg(feature = "bulk")]
mod bulk;
mod config;
#[cfg(feature = "udp")]
mod datagram;
#[cfg(feature = "dns")]
mod dns;
mod drive;
#[cfg(feature = "slow-peers")]
mod frame;
#[cfg(feature = "slow-peers")]
mod gate;
#[cfg(feature = "multicast")]
mod groups;
#[cfg(feature = "keep-alive")]
mod keep_alive;
#[cfg(feature = "server")]
mod listen;
#[cfg(feature = "neighbours")]
mod neighbours;
mod net;
#[cfg(feature = "options")]
mod options;
mod pairs;
#[cfg(feature = "server")]
mod parked;
mod ports;
#[cfg(feature = "slaac")]
mod routers;
#[cfg(feature = "udp")]
mod seat;
#[cfg(feature = "udp")]
mod senders;
mod setup;
mod slots;
mod state;
mod steps;
mod storage;
mod stream;
mod time;

pub use config::Config;
pub use net::Net;
/// The stack, whose devices the backend runs on.
pub use smoltcp;
pub use storage::{OWN, Storage};
