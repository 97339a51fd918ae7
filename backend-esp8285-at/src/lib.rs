//! usocket on an ESP8285 or ESP8266 Wi-Fi modem, spoken to with AT commands over a UART.
//!
//! [`Esp8285`] is a [`Backend`](usocket_core::spi::Backend): its sockets are those of
//! `usocket_core`. Beside that it is the network object: [`connect`](Esp8285::connect),
//! [`isconnected`](Esp8285::isconnected), [`ifconfig`](Esp8285::ifconfig) and so on. The
//! README has the tables: what each firmware can do, errors, memory, features.
//!
//! ```text
//!  your program        socket.recv()      socket.send()      net.connect()
//!                           |                  |                  |
//!  Esp8285             +----v------------------v------------------v-----+
//!  (a lock around      |  rings of sockets   what is wanted             |
//!   the machine)       |       ^                  |  one command at a   |
//!                      |       | payload          v  time               |
//!                      |    digester          schedule                  |
//!                      +-------^------------------|---------------------+
//!  Uart (no waiting)         read               write
//!                              |                  v
//!  adapter                  RxQueue        FIFO, or TxQueue
//!                              ^                  |
//!  interrupt handlers       push(byte)          pop()
//!                              |                  v
//!  wire                      modem, 115200 baud or more, no flow control
//! ```
//!
//! # The UART
//!
//! The driver takes any [`Uart`]. These are there:
//!
//! | | |
//! |---|---|
//! | [`QueueUart`] | an [`RxQueue`] that your interrupt handler fills, and a [`Transmitter`], perhaps a [`TxQueue`] |
//! | `IoUart` | a peripheral with the traits of `embedded-io` (feature `embedded-io`) |
//! | `Pump` | one with those of `embedded-io-async` (feature `embedded-io-async`) |
//! | `NbUart` | a serial port of `embedded-hal` 0.2 (feature `nb`) |
//! | `HostUart` | a line of this computer (feature `std`) |
//!
//! [`Uart::with_baud`] and [`Uart::with_enable`] add a change of rate, for
//! [`Config::fast_baud`], and the modem's enable pin.
//!
//! # Waiting
//!
//! No operation waits inside the driver. Whoever waits drives it: a blocking call does
//! so itself, and sleeps in [`Platform::idle`](usocket_core::spi::Platform::idle) of the
//! board between two interrupts. A program that does not call for a long time does not
//! lose data that are read on demand; pushed data stay in the UART's ring, and
//! overflow it.
//!
//! - *One context of execution*: `NoopRawMutex`, and a platform without a waker. Nothing
//!   else is needed; the interrupt handler touches the [`RxQueue`] only.
//! - *Threads*: a real lock, a platform with a waker, and [`notify`](Esp8285::notify) called
//!   by whoever brings bytes.
//! - *Async*: one task runs [`run`](usocket_core::Usocket::run), and `notify` is called
//!   when bytes came. Any number of tasks use sockets; each is woken when something has
//!   changed for it, up to `WAITERS` at a time (then `ENOBUFS`).
//!
//! # Cancellation
//!
//! The command in flight belongs to the driver, never to a call: a future that is dropped and a
//! call whose timeout strikes leave the wire in order. What had begun goes on: a
//! connect ends by itself and its link is then closed; bytes that a send has taken are
//! sent; a join goes on.
//!
//! # `'static`, and a runner
//!
//! A driver borrows its [`Resources`], so both go in a place that lives for ever: on a board
//! a `StaticCell` for each (crate `static_cell`), here a leaked box.
//!
//! ```
//! use std::time::Duration;
//! use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
//! use usocket_backend_esp8285_at::{Esp8285, QueueUart, Resources, RxQueue, Transmitter};
//! use usocket_core::prelude::*;
//! use usocket_core::spi::{Platform, StdPlatform};
//! use usocket_core::Instant;
//!
//! static RX: RxQueue<1024> = RxQueue::new();
//!
//! /// The transmit FIFO of the board.
//! struct Fifo;
//!
//! impl Transmitter for Fifo {
//!     fn write(&mut self, bytes: &[u8]) -> usize {
//!         bytes.len()
//!     }
//!
//!     fn writable(&self) -> bool {
//!         true
//!     }
//!
//!     fn is_idle(&self) -> bool {
//!         true
//!     }
//! }
//!
//! type Net = Esp8285<'static, QueueUart<'static, Fifo, 1024>, StdPlatform, CriticalSectionRawMutex>;
//!
//! /// A task: the runner. `sleep` is the executor's timer.
//! async fn run<S: Future<Output = ()>>(net: &'static Net, sleep: impl FnMut(Option<Instant>) -> S) {
//!     net.run(sleep).await;
//! }
//!
//! /// Another task.
//! async fn hello(net: &'static Net) -> Result<(), Error> {
//!     net.connect_async("net", "password").await?;
//!     let socket = net.tcp()?;
//!     socket.asynch().connect(("192.0.2.1", 80)).await?;
//!     socket.asynch().sendall(b"hello").await
//! }
//!
//! let memory = Box::leak(Box::new(Resources::<8, 5, 1024, 1024>::new()));
//! let uart = QueueUart::new(&RX, Fifo);
//! let net: &'static Net = Box::leak(Box::new(Esp8285::new(uart, StdPlatform, memory)));
//! # let _ = (run(net, |_| async {}), hello(net));
//! // There is no modem here.
//! assert_eq!(net.start(Duration::from_millis(1)), Err(Error::ETIMEDOUT));
//! ```
//!
//! An interrupt handler that shall wake the runner calls `net.notify()`.
#![no_std]
#![forbid(unsafe_code)]
#![allow(clippy::useless_conversion, reason = "what an address is depends on a feature: `address`")]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(doctest, doc = include_str!("../README.md"))]

#[cfg(any(test, feature = "std"))]
extern crate std;

#[macro_use]
mod stats;

mod address;
mod backend;
mod cmd;
mod config;
mod digest;
mod fields;
mod firmware;
mod link;
mod machine;
mod network;
mod reply;
mod resources;
mod ring;
mod slot;
mod trace;
mod uart;
mod urc;

pub use backend::Esp8285;
#[cfg(feature = "scan")]
pub use cmd::AccessPoint;
pub use cmd::Version;
pub use config::{Config, Receive, Transmit};
#[cfg(feature = "scan")]
pub use network::MAX_SCAN;
pub use network::{DEVICE, IfConfig};
pub use resources::Resources;
#[cfg(feature = "stats")]
pub use stats::Stats;
#[cfg(feature = "trace")]
pub use trace::Trace;
#[cfg(feature = "embedded-io")]
pub use uart::{AlwaysWritable, IoUart};
#[cfg(all(feature = "std", unix))]
pub use uart::{HostReader, HostStop, HostUart};
pub use uart::{Lost, QueueTransmitter, QueueUart, RxQueue, Transmitter, TxQueue, Uart};
#[cfg(feature = "nb")]
pub use uart::{NbTransmitter, NbUart};
#[cfg(feature = "embedded-io-async")]
pub use uart::{Pump, PumpUart};
pub use uart::{WithBaud, WithEnable};
#[cfg(feature = "access-point")]
pub use urc::StationEvent;
