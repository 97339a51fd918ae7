//! What an image on one of QEMU's Cortex-M boards needs beside `usocket`.
//!
//! None of these boards has a network interface that is worth a driver here, so the images
//! bring their network along: in memory, under virtual time. What they show is that the code
//! fits, links and does the same on these cores: with no compare-and-swap, 32 bits, and little
//! memory. They speak to QEMU by semihosting.
#![no_std]

mod console;
#[cfg(feature = "heap")]
mod heap;
mod stack;

pub use console::{Console, finish};
#[cfg(feature = "heap")]
pub use heap::start_heap;
