#![doc = include_str!("../README.md")]
#![forbid(unsafe_code)]

mod clock;
#[cfg(test)]
mod contract;
mod host;
mod net;
mod talk;
mod tasks;
mod world;

pub use host::{Host, Served};
pub use net::Net;
pub use talk::Talk;
pub use usocket_conformance::net::{Faults, Record};
pub use usocket_core::spi::Link;
pub use world::World;

/// Sockets of each host.
pub const SOCKETS: usize = 24;

/// Connections of all hosts together, those that linger included.
pub const CONNECTIONS: usize = 16;

/// Bytes that each direction of a connection holds: the window.
pub const BYTES: usize = 4096;
