//! Tests of the tutorial backend, by subject.

mod datagrams;
mod faults;
mod leaks;
mod names;
mod options;
mod readiness;
mod streams;
mod timers;
mod waiters;

use core::time::Duration;

use usocket_core::spi::{Backend, Handle, RecvFlags, SockType};
use usocket_core::{Error, Events, Family, POLLIN, Result, SockAddr};

use super::{Host, MemHarness, Network, Virtual};
use crate::harness::Harness;

pub(super) type Net = Network<Virtual>;
pub(super) type World<'n> = MemHarness<'n, Virtual>;

pub(super) const MS: Duration = Duration::from_millis(1);

/// A fresh network.
pub(super) fn network() -> Net {
    Network::new(Virtual::new(42))
}

/// Short forms for tests that use the SPI as the core does.
pub(super) trait Short: Backend {
    fn tcp(&self) -> Handle {
        self.open(Family::V4, SockType::Stream).unwrap()
    }

    fn udp(&self) -> Handle {
        self.open(Family::V4, SockType::Dgram).unwrap()
    }

    fn recv(&self, handle: Handle) -> Result<std::vec::Vec<u8>> {
        let mut buf = [0; 4096];
        self.try_recv(handle, &mut buf, RecvFlags::default()).map(|len| buf[..len].to_vec())
    }

    fn bits(&self, handle: Handle, mask: u8) -> u8 {
        self.readiness(handle).masked(Events::from_bits(mask)).bits()
    }

    fn bound(&self, handle: Handle) -> SockAddr {
        self.local_addr(handle).unwrap()
    }
}

impl<B: Backend> Short for B {}

/// A listener of ours, reachable at the address.
pub(super) fn listener(world: &World<'_>, backlog: u32) -> (Handle, SockAddr) {
    let net = world.net();
    let handle = net.tcp();
    net.listen(handle, backlog).unwrap();
    let ip = world.ip(Family::V4).unwrap();
    (handle, SockAddr::new(ip, net.bound(handle).port()))
}

/// Connects `from` to a listener on `to`; both ends.
pub(super) fn pair<'n>(
    world: &World<'n>,
    from: &Host<'n, Virtual>,
    to: &Host<'n, Virtual>,
) -> (Handle, Handle) {
    let server = to.tcp();
    to.listen(server, 1).unwrap();
    let address = SockAddr::new(to.ip(Family::V4).unwrap(), to.bound(server).port());
    let client = from.tcp();
    assert_eq!(from.try_connect(client, address), Err(Error::EINPROGRESS));
    to.wait(server, POLLIN, None).unwrap();
    let (accepted, _) = to.try_accept(server).unwrap();
    to.close(server).unwrap();
    world.pass(10 * MS);
    assert_eq!(from.connect_result(client), Ok(()));
    (client, accepted)
}
