//! The kit's world: this backend on `edge_nal`, that on the tutorial backend, in virtual time.
//! Both directions of the traits are between the kit and the network.
#![allow(dead_code, reason = "each test uses a part")]

use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::time::Duration;

use usocket_backend_nal::{Config, NalNet, Shared};
use usocket_conformance::net::{Faults, Host, MemPeer, Network, Virtual};
use usocket_conformance::{Actor, Caps, Failure, Harness, Outcome, Peer, Report, Step};
use usocket_core::nal::Stack;
use usocket_core::spi::{Backend, EventSource, Platform};
use usocket_core::{Error, Family, Instant, Result, SockAddr, earlier};

/// Sockets of the backend.
pub(crate) const SOCKETS: usize = 16;

type Inner<'n> = Host<'n, Virtual>;
pub(crate) type Net<'r> = NalNet<'r, Board<'r>, SOCKETS, 2048, 4, 8, 64>;

/// Sleeping lets the network go on, and the stack below.
pub(crate) struct Board<'n> {
    below: &'n Inner<'n>,
}

impl Platform for Board<'_> {
    fn now(&self) -> Instant {
        self.below.platform().now()
    }

    fn seed(&self) -> u64 {
        self.below.platform().seed()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        let next = self.below.drive(self.now());
        if !ready() {
            self.below.platform().idle(earlier(until, next), &mut || self.below.pending());
        }
    }
}

/// The world of one case.
pub(crate) struct World<'w, 'r> {
    net: &'w Net<'r>,
    peer: WorldPeer<'w, 'r>,
    caps: Caps,
}

/// Scripts on the other host; while it waits the backend under test goes on.
struct WorldPeer<'w, 'r> {
    net: &'w Net<'r>,
    peer: MemPeer<'r, Virtual>,
}

/// Calls `run` with a fresh world.
pub(crate) fn world<T>(seed: u64, config: Config, run: impl FnOnce(&World<'_, '_>) -> T) -> T {
    world_with(seed, config, true, run)
}

/// The same, with datagrams or without.
pub(crate) fn world_with<T>(
    seed: u64,
    config: Config,
    datagrams: bool,
    run: impl FnOnce(&World<'_, '_>) -> T,
) -> T {
    let network: Box<Network<Virtual>> = Box::new(Network::new(Virtual::new(seed)));
    let below = network.host(&addresses(1)).unwrap();
    let peer = MemPeer::new(network.host(&addresses(2)).unwrap());
    for ip in [ip4(66), ip6(66)] {
        network.set_faults(ip, Faults { silent: true, ..Faults::NONE }).unwrap();
    }
    network.set_addresses("peer.test", &[ip4(2), ip6(2)]).unwrap();
    let shared = Box::new(Shared::<SOCKETS, 2048, 4, 8>::new(config));
    let stack = Stack::new(&below);
    let mut runner: Pin<Box<dyn Future<Output = Infallible>>> =
        if datagrams { Box::pin(shared.run(&stack)) } else { Box::pin(shared.run_streams(&stack)) };
    let net: Net<'_> = NalNet::new(&shared, runner.as_mut(), Board { below: &below });
    let caps = Caps {
        ipv6: true,
        server: true,
        udp: datagrams,
        multicast: datagrams,
        broadcast: false,
        half_close: config.half_close,
        reset: true,
        time_wait: false,
        reuse_addr: false,
        linger: false,
        client_port: false,
        empty_datagrams: datagrams,
        keep_alive: false,
        no_delay: false,
        port_unreachable: false,
        fileno: false,
        local_address: false,
        max_datagram: if datagrams { config.max_datagram } else { 0 },
        max_sockets: Some(SOCKETS),
    };
    run(&World { net: &net, peer: WorldPeer { net: &net, peer }, caps })
}

impl<'r> Harness for World<'_, 'r> {
    type Net = Net<'r>;

    fn net(&self) -> &Net<'r> {
        self.net
    }

    fn caps(&self) -> Caps {
        self.caps
    }

    fn peer(&self) -> &dyn Peer {
        &self.peer
    }

    fn ip(&self, family: Family) -> Option<IpAddr> {
        Some(if family == Family::V4 { ip4(1) } else { ip6(1) })
    }

    fn pass(&self, time: Duration) {
        go_on(self.net, self.now() + time, || false);
    }
}

impl Peer for WorldPeer<'_, '_> {
    fn ip(&self, family: Family) -> Option<IpAddr> {
        self.peer.ip(family)
    }

    fn start(&self, script: &[Step]) -> Result<Actor> {
        self.peer.start(script)
    }

    fn address(&self, actor: Actor) -> Result<SockAddr> {
        let until = self.net.platform().now() + PATIENCE;
        go_on(self.net, until, || self.peer.address_now(actor) != Err(Error::EAGAIN));
        self.peer.address_now(actor)
    }

    fn report(&self, actor: Actor) -> Report {
        self.peer.report(actor)
    }

    fn settle(&self, actor: Actor) -> Report {
        let until = self.net.platform().now() + PATIENCE;
        go_on(self.net, until, || self.peer.settled(actor));
        self.peer.report(actor)
    }

    fn stop(&self, actor: Actor) -> Report {
        self.peer.stop(actor)
    }

    fn refusing(&self, family: Family) -> SockAddr {
        self.peer.refusing(family)
    }

    fn silent(&self, family: Family) -> SockAddr {
        self.peer.silent(family)
    }

    fn name(&self) -> &'static str {
        "peer.test"
    }
}

const PATIENCE: Duration = Duration::from_secs(30);

/// Lets everything go on until `over` says true or the time has come.
fn go_on(net: &Net<'_>, until: Instant, mut over: impl FnMut() -> bool) {
    loop {
        let now = net.platform().now();
        let next = net.drive(now);
        if over() || now >= until {
            return;
        }
        net.platform().idle(earlier(next, Some(until)), &mut || net.pending());
    }
}

/// A panic is a failure: of virtual time, when a call would wait for ever.
pub(crate) fn caught(run: impl FnOnce() -> Outcome) -> Outcome {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| Err(Failure::new("panicked")))
}

fn addresses(last: u8) -> [IpAddr; 3] {
    let local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last.into());
    [ip4(last), ip6(last), IpAddr::V6(local)]
}

fn ip4(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

fn ip6(last: u8) -> IpAddr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into()
}
