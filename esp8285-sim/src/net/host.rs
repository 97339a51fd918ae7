//! A machine on the virtual network.

use std::collections::BTreeMap;
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

    /// Sets the round-trip time.
    #[must_use]
    pub fn round_trip(mut self, time: Duration) -> Self {
        self.round_trip = time;
        self
    }

    /// How long so many bytes occupy the way to or from this host.
    pub(super) fn on_the_way(&self, bytes: usize) -> Duration {
        let nanos = (bytes as u64).saturating_mul(1_000_000_000).checked_div(self.bandwidth);
        Duration::from_nanos(nanos.unwrap_or(0))
    }
}
