//! Programs of the community's crates: they know the traits of `embedded-nal-async` and
//! `edge-nal`, and not one of them knows usocket. Each runs on every backend: the tests
//! show it, with real servers at the other end.
//!
//! | module | crate | traits |
//! |---|---|---|
//! | [`http`] | `reqwless` | `embedded_nal_async::{TcpConnect, Dns}` |
//! | [`https`] | `embedded-tls`, `reqwless` | `embedded_nal_async::TcpConnect` |
//! | [`server`] | `edge-http`, `edge-ws` | `edge_nal::TcpBind` |
//! | [`mqtt`] | `rust-mqtt` | `embedded_nal_async::TcpConnect` |
//! | [`sntp`] | `sntpc` | `edge_nal::UdpConnect` |
//! | [`mdns`] | `edge-mdns` | `edge_nal::UdpBind` |
#![no_std]
#![forbid(unsafe_code)]

pub mod http;
pub mod https;
pub mod mdns;
pub mod mqtt;
pub mod server;
pub mod sntp;

/// The program in the document compiles.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/programs.md")]
struct Document;
