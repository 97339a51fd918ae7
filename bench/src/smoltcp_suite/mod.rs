//! The smoltcp backend against a hand-written loop on bare smoltcp, same buffers, same link.

pub mod bare;
pub mod counted;
pub mod goodput;
pub mod link;
pub mod ops;
pub mod tap;
