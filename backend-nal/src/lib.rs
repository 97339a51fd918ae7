#![doc = include_str!("../README.md")]
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod datagram;
mod errors;
mod exchange;
mod groups;
mod net;
mod operations;
mod pump;
mod runner;
mod shared;
mod socket;

pub use net::NalNet;
pub use shared::{Config, Shared};
