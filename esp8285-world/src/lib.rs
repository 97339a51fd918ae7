//! A world for programs that speak to an ESP8285: the simulated modem, the wire to it, the
//! network behind it and the clock of the board, all in one thread and in virtual time.
//!
//! ```text
//!  backend under test                  the kit's scripts
//!    | Port      | Board                     |
//!    v           v                           v
//!  +--------- World ---------+   +--- conformance Network ---+
//!  | Uart  -> Modem  -> Stack |-->| host 10.0.0.1  10.0.0.2   |
//!  +-------------------------+   +---------------------------+
//! ```
//!
//! - [`World`] is the clock and the modem at the end of its wire, over any
//!   [`Network`] of the simulator.
//! - [`Board`] is the platform: reading the clock, and idling, which is the only thing that
//!   lets time pass. The same calls give the same instants.
//! - [`Port`] is the UART as a driver sees it, losses at their place.
//! - [`Stack`] is the modem's TCP/IP stack: a host of the conformance kit's in-memory network.
//! - [`Kit`] puts these together with a peer on the same network, and [`KitHarness`] is the
//!   harness of the conformance kit around a backend that was built on it.
//!
//! # Why the modem stands on the kit's network
//!
//! The kit's network has ports, backlogs, windows that close, FIN behind the data, resets,
//! TIME-WAIT, lost and doubled datagrams, groups, name servers that fail, and peers that are
//! scripts; the modem's stack needs all of that, and the kit's peer is there already. The
//! adapter between the two decides nothing: it turns calls into calls and readiness into
//! events. What it adds is what a modem has beside TCP: a limit for unanswered opens, pings.
//!
//! # Example
//!
//! ```
//! use std::time::Duration;
//! use esp8285_world::{Kit, Settings, network};
//!
//! let network = network(1);
//! let kit = Kit::new(&network, Settings::default()).unwrap();
//! let mut port = kit.world().port();
//! kit.world().pass(Duration::from_millis(400));
//! let mut buf = [0; 64];
//! let len = port.read(&mut buf).unwrap();
//! assert_eq!(&buf[..len], b"\r\nready\r\n");
//! ```
#![forbid(unsafe_code)]

mod board;
mod caps;
mod clock;
mod harness;
mod kit;
mod port;
mod stack;
mod world;

pub use esp8285_sim::net::Network;

pub use board::Board;
pub use caps::{Mode, caps};
pub use clock::Clock;
pub use harness::KitHarness;
pub use kit::{KEY, Kit, KitNetwork, SSID, Settings, network};
pub use port::{Lost, Port, PortConfig};
pub use stack::Stack;
pub use world::{Limits, World};

/// Sockets of each host of the kit's network.
pub const SOCKETS: usize = 24;

/// TCP connections of the kit's network at once.
pub const CONNECTIONS: usize = 20;

/// Bytes of each direction of a connection; more than the modem's receive window, and what a
/// peer keeps that no script has received.
pub const BYTES: usize = 8192;
