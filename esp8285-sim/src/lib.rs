//! A deterministic ESP8285/ESP8266 AT modem, for tests of whatever speaks to one.
//!
//! It is the other end of the UART, written from the project's protocol sheet and from
//! nothing else; it shares no code with any driver, so that one misreading cannot pass at
//! both ends. It is no emulator of the chip: it models what is seen on the wire.
//!
//! ```text
//!  bytes from the host                                     bytes to the host
//!        | handle_rx(now, ..)                     poll_tx(now, ..) ^
//!        v                                                         |
//!  input: lines, payload by count, busy  -->  exec: commands  --> tx queue
//!                                              |    ^ events
//!                    Air: access points  <-----+----+----->  Network: hosts, names
//! ```
//!
//! [`uart::Uart`] puts a wire of a certain rate between the two, and the host's receive FIFO.
//!
//! Time is an argument of every call and nothing happens between calls. Every random
//! choice comes from a seed, so a failing case replays. Where input is wrong the modem is
//! strict: what a real one might forgive is answered with `ERROR` here.
//!
//! ```
//! use esp8285_sim::net::{Host, Script, VirtualNet};
//! use esp8285_sim::{AccessPoint, Air, Instant, Knobs, Modem, Version};
//!
//! let mut net = VirtualNet::new(1);
//! net.add_host([10, 0, 0, 1], Host::default().tcp(7, Script::echo()));
//! let air = Air::with(AccessPoint::new(b"net", b"password"));
//! let mut modem = Modem::new(Version::V1_7_6, Knobs::default(), air, net);
//!
//! let ready = Instant::from_millis(500);
//! let mut buf = [0; 64];
//! let len = modem.poll_tx(ready, &mut buf);
//! assert_eq!(&buf[..len], b"\r\nready\r\n");
//!
//! modem.handle_rx(ready, b"ATE0\r\n");
//! let later = Instant::from_millis(510);
//! let len = modem.poll_tx(later, &mut buf);
//! assert_eq!(&buf[..len], b"ATE0\r\r\n\r\nOK\r\n");
//! ```
//!
//! What is modelled, and what is not yet, is in the table of the README.
#![forbid(unsafe_code)]

mod air;
mod exec;
mod knobs;
mod modem;
pub mod net;
mod profile;
mod rng;
mod syntax;
mod time;
pub mod uart;

pub use air::{AccessPoint, Air};
pub use knobs::{Knobs, ReplyFault, ResultFault, SendOutcome};
pub use modem::{Activity, Awaited, Counts, Event, Modem};
pub use profile::{ClosedPolicy, NoticePolicy, Passive, Profile, Version};
pub use rng::Rng;
pub use time::Instant;
