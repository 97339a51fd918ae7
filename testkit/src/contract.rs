//! The owned hosts hold the contract of backends, as those below do: all cases of the kit.

use std::net::IpAddr;
use std::time::Duration;

use usocket_conformance::net::{Faults, MAX_DATAGRAM, MemHarness, MemPeer, Network, Virtual};
use usocket_conformance::{Caps, Coverage, Harness, Peer};
use usocket_core::spi::{Backend, Handle, wait_until};
use usocket_core::{Error, Family, NoopRawMutex, Result};

use crate::clock::Clock;
use crate::net::{Inner, Net};
use crate::{BYTES, CONNECTIONS, SOCKETS, World};

struct Kit<'n> {
    world: &'n World,
    peer: MemPeer<'n, Clock, NoopRawMutex, SOCKETS, CONNECTIONS, BYTES>,
}

impl Harness for Kit<'_> {
    type Net = Net;

    fn net(&self) -> &Net {
        self.world.net()
    }

    fn caps(&self) -> Caps {
        Caps {
            ipv6: true,
            server: true,
            udp: true,
            multicast: true,
            broadcast: true,
            half_close: true,
            reset: true,
            time_wait: true,
            reuse_addr: true,
            linger: true,
            client_port: true,
            empty_datagrams: true,
            keep_alive: true,
            no_delay: true,
            port_unreachable: true,
            fileno: true,
            local_address: true,
            max_datagram: MAX_DATAGRAM,
            max_sockets: Some(SOCKETS),
        }
    }

    fn peer(&self) -> &dyn Peer {
        &self.peer
    }

    fn ip(&self, family: Family) -> Option<IpAddr> {
        self.net().host().ip(family)
    }

    /// As on the network below: the slot stands for one.
    fn fileno(&self, handle: Handle) -> Result<i32> {
        let slot = i32::try_from(handle.slot()).map_err(|_| Error::EOPNOTSUPP)?;
        Ok(self.net().alive(handle).map_or(-1, |()| slot))
    }

    fn pass(&self, time: Duration) {
        let until = self.now() + time;
        let _ = wait_until(self.net(), Some(until), || false);
    }
}

#[test]
fn every_case_of_the_kit_holds() {
    let world = World::new(1);
    let addresses = ["10.0.0.2", "fd00::2", "fe80::2"].map(|ip| ip.parse().unwrap());
    let shared = &world.net().shared;
    let peer: Inner<'_> = shared.network.host(&addresses).unwrap();
    for hole in ["10.0.0.66", "fd00::66"] {
        world.set_faults(hole, Faults { silent: true, ..Faults::NONE });
    }
    world.name("peer.test", &["10.0.0.2", "fd00::2"]);
    let coverage = Coverage::of(&Kit { world: &world, peer: MemPeer::new(peer) });
    assert_eq!(coverage.failed(), 0, "{coverage}");
    // No call falls back to what a backend has that does not implement it.
    let below: Box<Network<Virtual>> = Box::new(Network::new(Virtual::new(1)));
    let below = Coverage::of(&MemHarness::new(&below).unwrap());
    assert_eq!(coverage.proved(), below.proved(), "{coverage}");
}
