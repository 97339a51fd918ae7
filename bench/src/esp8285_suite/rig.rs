//! The modem of a line, its wire and its network, in virtual time.

use std::net::Ipv4Addr;

use esp8285_sim::net::{Host, Script, Step, VirtualNet};
use esp8285_sim::uart::{Uart as SimUart, UartConfig};
use esp8285_sim::{AccessPoint, Air, Knobs, Modem, Version};
use esp8285_world::World;

use super::conditions::{Conditions, Firmware};

/// The access point.
pub const SSID: &str = "net";
/// Its password.
pub const PASSWORD: &str = "password";
/// Where the peer is.
pub const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
/// Sends [`content`] once it has got a byte.
pub const SOURCE: u16 = 8000;
/// Sends everything back.
pub const ECHO: u16 = 7;
/// Takes everything.
pub const SINK: u16 = 9;

/// A world under these conditions, with a source of so many bytes on each connection.
///
/// The host's UART is the K210's: FIFOs of 16 bytes, and a ring of 4 KiB for what comes, which
/// holds the largest reply to a read and some lines beside it, so that it bounds no read.
#[must_use]
pub fn world(on: &Conditions, source: usize) -> World<VirtualNet> {
    world_with(on, source, UartConfig::default())
}

/// The same with another UART; its rate is that of the conditions.
#[must_use]
pub fn world_with(on: &Conditions, source: usize, uart: UartConfig) -> World<VirtualNet> {
    let latencies = on.latencies;
    let mut knobs = Knobs {
        command_latency: latencies.command,
        prompt_latency: latencies.prompt,
        recv_latency: latencies.recv,
        ack_latency: latencies.queued,
        flash_baud: on.baud,
        ..Knobs::default()
    };
    let version = match on.firmware {
        Firmware::V1_7_6 => Version::V1_7_6,
        Firmware::V2_2 => Version::V2_2,
    };
    if on.firmware == Firmware::V2_2 {
        // The fault for which 2.2 is sent no more at once (sheet section 2.5).
        knobs.rx_stall_after = Some(1024);
    }
    let script = Script::new([Step::Expect(1), Step::Send(content(source))]);
    let host = Host::default().round_trip(latencies.round_trip);
    let host = host.tcp(SOURCE, script).tcp(ECHO, Script::echo()).tcp(SINK, Script::sink());
    let mut net = VirtualNet::new(1);
    net.add_host(HOST, host);
    let air = Air::with(AccessPoint::new(SSID.as_bytes(), PASSWORD.as_bytes()));
    let uart = UartConfig { baud: on.baud, ..uart };
    World::new(SimUart::new(Modem::new(version, knobs, air, net), uart), 1)
}

/// The first `len` bytes of what a connection carries: all values.
#[must_use]
pub fn content(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from((at * 7 + at / 251) % 256).unwrap_or_default()).collect()
}

esp8285_world::wire!(
    /// The wire of a world as the driver wants it.
    pub Wire
);
