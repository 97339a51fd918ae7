//! A machine on the virtual network.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use super::script::Script;

/// What a host does with datagrams at a port.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum UdpService {
    /// Takes them and says nothing.
    Sink,
    /// Sends each back.
    Echo,
    /// Answers each with these datagrams.
    Answer(Vec<Vec<u8>>),
}

/// A machine: how far away it is and what runs on it.
#[derive(Clone, Debug)]
pub struct Host {
    /// Round-trip time.
    pub round_trip: Duration,
    /// Bytes per second of each connection and direction; 0 is no limit.
    pub bandwidth: u64,
    /// Packets lost, in a million. A lost TCP segment comes later, a datagram never.
    pub loss: u32,
    /// How much later a lost TCP segment comes.
    pub retransmit: Duration,
    /// Whether it answers at all. If not, an open ends after the stack's own time limit.
    pub alive: bool,
    pub(super) tcp: BTreeMap<u16, Script>,
    pub(super) udp: BTreeMap<u16, UdpService>,
    pub(super) groups: BTreeSet<IpAddr>,
}

impl Default for Host {
    /// Ten milliseconds away, fast, without loss, with nothing running.
    fn default() -> Self {
        Self {
            round_trip: Duration::from_millis(10),
            bandwidth: 0,
            loss: 0,
            retransmit: Duration::from_millis(300),
            alive: true,
            tcp: BTreeMap::new(),
            udp: BTreeMap::new(),
            groups: BTreeSet::new(),
        }
    }
}

impl Host {
    /// Runs a TCP service: every client meets the script from its beginning.
    #[must_use]
    pub fn tcp(mut self, port: u16, script: Script) -> Self {
        self.tcp.insert(port, script);
        self
    }

    /// Runs a UDP service.
    #[must_use]
    pub fn udp(mut self, port: u16, service: UdpService) -> Self {
        self.udp.insert(port, service);
        self
    }

    /// Takes datagrams to this group.
    #[must_use]
    pub fn member(mut self, group: impl Into<IpAddr>) -> Self {
        self.groups.insert(group.into());
        self
    }

    /// Sets the round-trip time.
    #[must_use]
    pub fn round_trip(mut self, time: Duration) -> Self {
        self.round_trip = time;
        self
    }

    pub(super) fn path(&self) -> Path {
        Path {
            round_trip: self.round_trip,
            bandwidth: self.bandwidth,
            loss: self.loss,
            retransmit: self.retransmit,
        }
    }
}

/// The way to a host and back.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    round_trip: Duration,
    bandwidth: u64,
    pub(super) loss: u32,
    pub(super) retransmit: Duration,
}

impl Path {
    /// One direction.
    pub(super) fn half(&self) -> Duration {
        self.round_trip / 2
    }

    /// How long so many bytes occupy it.
    pub(super) fn on_the_way(&self, bytes: usize) -> Duration {
        let nanos = (bytes as u64).saturating_mul(1_000_000_000).checked_div(self.bandwidth);
        Duration::from_nanos(nanos.unwrap_or(0))
    }
}
