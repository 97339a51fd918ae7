#![cfg_attr(feature = "std", doc = include_str!("../README.md"))]
#![cfg_attr(not(feature = "std"), doc = "The MicroPython `usocket` API for `no_std` Rust.")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

// The one glob of the workspace: this crate is core's surface under a shorter name.
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
