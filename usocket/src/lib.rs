#![cfg_attr(feature = "std", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "std"), doc = "The MicroPython `usocket` API for `no_std` Rust.")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// A glob, as this crate is core's surface under a shorter name.
#[doc(inline)]
pub use usocket_core::*;

/// The backend on the sockets of the operating system (feature `std`).
#[cfg(feature = "std")]
#[cfg_attr(docsrs, doc(cfg(feature = "std")))]
pub mod std {
    pub use usocket_backend_std::StdNet;
    #[cfg(unix)]
    pub use usocket_backend_std::{SocketExt, Watched};
    pub use usocket_core::spi::StdPlatform;
}

/// The backend on an ESP8285 or ESP8266 Wi-Fi modem (feature `esp8285-at`, or
/// `esp8285-at-tcp` for TCP clients alone).
///
/// The other `esp8285-at-…` features add methods of [`Esp8285`](crate::esp8285::Esp8285).
#[cfg(feature = "esp8285-at-tcp")]
#[cfg_attr(docsrs, doc(cfg(feature = "esp8285-at-tcp")))]
pub mod esp8285 {
    // Everything that the driver has: its own features decide what that is.
    #[doc(inline)]
    pub use usocket_backend_esp8285_at::*;
}

/// The backend on any stack that implements `edge_nal` (feature `over-edge-nal`).
#[cfg(feature = "over-edge-nal")]
#[cfg_attr(docsrs, doc(cfg(feature = "over-edge-nal")))]
pub mod over_edge_nal {
    pub use usocket_backend_nal::{Config, NalNet, Shared};
}

/// The backend on smoltcp (feature `smoltcp`, or `smoltcp-tcp` for TCP
/// clients alone).
#[cfg(feature = "smoltcp-tcp")]
#[cfg_attr(docsrs, doc(cfg(feature = "smoltcp-tcp")))]
pub mod smoltcp {
    /// The stack itself, for its devices.
    pub use usocket_backend_smoltcp::smoltcp as stack;
    pub use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
}
