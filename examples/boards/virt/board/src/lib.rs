//! What a program on QEMU's RISC-V machine `virt` needs beside `usocket`.
//!
//! The machine is one that exists only as a program, but its devices are those of many a
//! system: a network interface (virtio), a 16550 UART, an interrupt controller (PLIC) and a
//! timer (CLINT). So this is what support for a board of one's own looks like:
//!
//! | module | what |
//! |---|---|
//! | `nic` | the network interface as a device of smoltcp |
//! | `interrupts` | the interface's interrupt, passed on to [`Net::input`](usocket::smoltcp::Net) |
//! | `platform` | the clock, the seed and the sleep: [`Board`] |
//! | `console` | lines on the UART, panics, and the end of the machine |
//! | `settings` | texts that QEMU loads beside the program |
//! | `executor` | with the feature `embassy`: `embassy-time`, and an executor that sleeps |
#![no_std]

mod console;
#[cfg(feature = "embassy")]
mod executor;
#[cfg(feature = "heap")]
mod heap;
mod interrupts;
mod nic;
mod platform;
mod registers;
mod settings;

pub use console::{Console, finish};
#[cfg(feature = "embassy")]
pub use executor::{Executor, slept};
#[cfg(feature = "heap")]
pub use heap::start_heap;
pub use interrupts::{Input, on_frames};
pub use nic::Nic;
pub use platform::Board;
pub use settings::setting;
