//! The conformance kit's harness around a backend in a world.

use core::net::IpAddr;
use core::time::Duration;

use usocket_conformance::{Actor, Caps, Harness, Peer, Report, Step};
use usocket_core::spi::Backend;
use usocket_core::{Error, Family, Instant, Result, SockAddr, earlier};

use crate::Kit;

/// A backend and a peer in one world. The harness is the peer, too, because whoever waits for
/// the peer must let the backend go on.
pub struct KitHarness<'n, B> {
    // Dropped before the world that it uses.
    net: B,
    kit: Kit<'n>,
    caps: Caps,
}

impl<'n, B: Backend> KitHarness<'n, B> {
    pub(crate) fn new(kit: Kit<'n>, net: B, caps: Caps) -> Self {
        Self { net, kit, caps }
    }

    /// The world and the peer.
    #[must_use]
    pub const fn kit(&self) -> &Kit<'n> {
        &self.kit
    }

    /// Lets everything go on until `over` says true; not longer than the kit's patience.
    fn wait(&self, over: impl FnMut() -> bool) {
        self.run(self.net.platform().now() + PATIENCE, over);
    }

    fn run(&self, until: Instant, mut over: impl FnMut() -> bool) {
        let platform = self.net.platform();
        loop {
            let now = platform.now();
            let next = self.net.drive(now);
            if over() || now >= until {
                return;
            }
            platform.idle(earlier(next, Some(until)), &mut || self.net.pending());
        }
    }
}

impl<B: Backend> Harness for KitHarness<'_, B> {
    type Net = B;

    fn net(&self) -> &B {
        &self.net
    }

    fn caps(&self) -> Caps {
        self.caps
    }

    fn peer(&self) -> &dyn Peer {
        self
    }

    fn ip(&self, family: Family) -> Option<IpAddr> {
        let own = self.kit.world().with_net(|stack, _| stack.host().ip(family));
        own.filter(|_| family == Family::V4 || self.caps.ipv6)
    }

    fn burst(&self) -> Duration {
        // At 115200 baud.
        Duration::from_secs(3)
    }

    fn pass(&self, time: Duration) {
        self.run(self.now() + time, || false);
    }
}

impl<B: Backend> Peer for KitHarness<'_, B> {
    fn ip(&self, family: Family) -> Option<IpAddr> {
        self.kit.peer().ip(family).filter(|_| family == Family::V4 || self.caps.ipv6)
    }

    fn start(&self, script: &[Step]) -> Result<Actor> {
        self.kit.start(script)
    }

    fn address(&self, actor: Actor) -> Result<SockAddr> {
        self.wait(|| self.kit.peer().address_now(actor) != Err(Error::EAGAIN));
        match self.kit.peer().address_now(actor) {
            Err(Error::EAGAIN) => Err(Error::ETIMEDOUT),
            answer => answer,
        }
    }

    fn report(&self, actor: Actor) -> Report {
        self.kit.peer().report(actor)
    }

    fn settle(&self, actor: Actor) -> Report {
        self.wait(|| self.kit.peer().settled(actor));
        self.report(actor)
    }

    fn stop(&self, actor: Actor) -> Report {
        self.kit.stop(actor)
    }

    fn refusing(&self, family: Family) -> SockAddr {
        self.kit.peer().refusing(family)
    }

    fn silent(&self, family: Family) -> SockAddr {
        self.kit.peer().silent(family)
    }

    fn name(&self) -> &'static str {
        self.kit.peer().name()
    }
}

/// How long the methods of a peer wait at most.
const PATIENCE: Duration = Duration::from_secs(30);
