//! usocket on an ESP8285 or ESP8266 Wi-Fi modem, spoken to with AT commands over a UART.
#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(test, feature = "std"))]
extern crate std;

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
mod stats;
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
pub use stats::Stats;
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
pub use urc::StationEvent;
