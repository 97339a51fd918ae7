//! A world with the kit's network and a peer on it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_sim::uart::{Uart, UartConfig};
use esp8285_sim::{AccessPoint, Air, Knobs, Modem, Version};
use usocket_conformance::net::{MemHarness, MemPeer, Network};
use usocket_conformance::{Actor, Caps, Harness, Peer, Report, Step};
use usocket_core::spi::Backend;
use usocket_core::{Family, Result};

use crate::{BYTES, CONNECTIONS, Clock, KitHarness, SOCKETS, Stack, World};

/// The network of the kit, with room for what its cases do.
pub type KitNetwork = Network<Clock, NoopRawMutex, SOCKETS, CONNECTIONS, BYTES>;

/// The kit's peer on it.
pub(crate) type KitPeer<'n> = MemPeer<'n, Clock, NoopRawMutex, SOCKETS, CONNECTIONS, BYTES>;

/// The access point in reach.
pub const SSID: &str = "net";

/// Its password.
pub const KEY: &str = "password";

/// A network without hosts. Everything random on it follows from `seed`.
///
/// It stands apart from the [`Kit`] because hosts borrow it.
#[must_use]
pub fn network(seed: u64) -> Box<KitNetwork> {
    Box::new(Network::new(Clock::new(seed)))
}

/// What kind of world.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The modem's firmware.
    pub version: Version,
    /// How the modem behaves beyond it.
    pub knobs: Knobs,
    /// The wire.
    pub uart: UartConfig,
    /// What is on the air beside [`SSID`].
    pub air: Vec<AccessPoint>,
    /// Round trip between modem and peer.
    pub round_trip: Duration,
    /// Where programs draw their random numbers from.
    pub seed: u64,
}

impl Default for Settings {
    /// Firmware 1.7.6, no fault, 115200 baud, 10 ms to the peer.
    fn default() -> Self {
        Self {
            version: Version::V1_7_6,
            knobs: Knobs::default(),
            uart: UartConfig::default(),
            air: Vec::new(),
            round_trip: Duration::from_millis(10),
            seed: 1,
        }
    }
}

/// A world with the kit's network behind the modem, and a peer on it that runs scripts.
///
/// The modem gets the addresses `10.0.0.1` and, where its firmware has IPv6 and it is on,
/// `fd00::1` from [`SSID`]; the peer is `10.0.0.2` and `fd00::2` and called `peer.test`; nobody
/// answers at `10.0.0.66` and `fd00::66`.
pub struct Kit<'n> {
    world: World<Stack<'n>>,
    peer: KitPeer<'n>,
}

impl<'n> Kit<'n> {
    /// A world on a network that has no host yet.
    ///
    /// # Errors
    /// `ENOBUFS`: it has some.
    pub fn new(network: &'n KitNetwork, settings: Settings) -> Result<Self> {
        let Settings { version, knobs, uart, air: others, round_trip, seed } = settings;
        network.set_latency(round_trip / 2);
        let hosts = MemHarness::new(network)?;
        let peer = MemPeer::new(*hosts.peer_host());
        let mut stack = Stack::new(*hosts.net());
        for family in [Family::V4, Family::V6] {
            stack.pingable.extend(hosts.peer_host().ip(family).map(|ip| (ip, round_trip)));
        }
        let access_point = AccessPoint {
            address: v4(hosts.ip(Family::V4)).unwrap_or(Ipv4Addr::UNSPECIFIED),
            gateway: GATEWAY,
            global: v6(hosts.net().ip(Family::V6)),
            ..AccessPoint::new(SSID.as_bytes(), KEY.as_bytes())
        };
        let mut air = Air::with(access_point);
        air.access_points.extend(others);
        let uart = Uart::new(Modem::new(version, knobs, air, stack), uart);
        Ok(Self { world: World::new(uart, seed), peer })
    }

    /// The world.
    #[must_use]
    pub const fn world(&self) -> &World<Stack<'n>> {
        &self.world
    }

    /// Starts a script of the peer, at the time of the world.
    ///
    /// # Errors
    /// `ENOBUFS`: too many scripts run, or it is too long.
    pub fn start(&self, script: &[Step]) -> Result<Actor> {
        self.catch_up();
        self.peer.start(script)
    }

    /// Stops a script, at the time of the world.
    pub fn stop(&self, actor: Actor) -> Report {
        self.catch_up();
        self.peer.stop(actor)
    }

    /// Brings the network to the time of the world, before something is done to it.
    pub fn catch_up(&self) {
        self.world.with_net(|stack, now| stack.set_now(now));
    }

    /// The peer. Its methods that wait cannot be used, as time would not pass: see
    /// [`KitHarness`].
    #[must_use]
    pub const fn peer(&self) -> &KitPeer<'n> {
        &self.peer
    }

    /// The network: for faults and names.
    #[must_use]
    pub fn network(&self) -> &'n KitNetwork {
        self.peer.host().network()
    }

    /// The conformance kit's harness around a backend that was built in this world.
    #[must_use]
    pub fn harness<B: Backend>(self, net: B, caps: Caps) -> KitHarness<'n, B> {
        KitHarness::new(self, net, caps)
    }
}

fn v4(ip: Option<IpAddr>) -> Option<Ipv4Addr> {
    match ip {
        Some(IpAddr::V4(ip)) => Some(ip),
        _ => None,
    }
}

fn v6(ip: Option<IpAddr>) -> Option<Ipv6Addr> {
    match ip {
        Some(IpAddr::V6(ip)) => Some(ip),
        _ => None,
    }
}

/// Nobody: what is not a neighbour is not reached.
const GATEWAY: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 254);
