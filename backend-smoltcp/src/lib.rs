//! The [`usocket`](usocket_core) API on smoltcp.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(test)]
extern crate std;

mod absent;
mod address;
mod backend;
mod config;
#[cfg(feature = "udp")]
mod datagram;
#[cfg(feature = "dns")]
mod dns;
mod frame;
mod gate;
mod listen;
mod neighbours;
mod net;
mod options;
mod pairs;
mod parked;
mod ports;
#[cfg(feature = "udp")]
mod senders;
mod setup;
mod slots;
mod state;
mod steps;
mod storage;
mod stream;

pub use config::Config;
pub use net::Net;
/// The stack, whose devices the backend runs on.
pub use smoltcp;
pub use storage::{OWN, Storage};
