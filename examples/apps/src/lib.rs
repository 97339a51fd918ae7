//! The bodies of the examples: `no_std`, no allocator, generic over the backend.
//!
//! A host and a board run these very functions. What differs between them comes in
//! through arguments: the backend, and the sinks of [`Progress`], [`Sink`],
//! [`Source`] and [`Journal`], behind which are a terminal and a file, or a panel, a
//! card and a UART. Every buffer is the caller's.
//!
//! | body | what it does |
//! |---|---|
//! | [`download()`], [`Picture`] | routine 1 of the reference: fetch a picture, show it |
//! | [`send`], [`receive`] | routine 2: send a file over plain TCP, and its other end |
//! | [`serve_picture`] | a web server with one picture, [`Scene`](scene::Scene) |
//! | [`EchoServer`] | many clients, TCP and UDP, one poll |
//! | [`chat()`] | UDP multicast and a keyboard, one poll |
//! | [`telemetry`] | readings to a collector over HTTP, with retries; tested against bad networks |
//! | [`poll_many`] | many sockets, a wake and a timer, one poll |
#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

mod chat;
mod download;
mod echo;
pub mod http;
mod many;
mod picture;
pub mod scene;
mod serve;
mod sinks;
pub mod telemetry;
mod transfer;

pub use chat::{Console, MAX_TEXT, Room, Typed, chat};
pub use download::{Cause, Failure, Limits, download};
pub use echo::EchoServer;
pub use many::{Kind, Loopback, Neighbourhood, Seen, poll_many};
pub use picture::{Painter, Picture, PictureError};
pub use serve::serve_picture;
pub use sinks::{Journal, Progress, Sink, Source};
pub use transfer::{PIECE, TransferError, receive, send};

/// A file that came in whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its length in bytes.
    pub len: u64,
    /// Its SHA-256.
    pub sha256: [u8; 32],
}
