//! The world of the conformance kit.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use usocket_conformance::{Actor, Caps, Digest, End, Harness, Peer, Report, State, Step};
use usocket_core::prelude::*;
use usocket_core::spi::EventSource;
use usocket_core::{Error, Family, Instant, Result, SockAddr, earlier};

use super::talk::PORT;
use super::{Net, Script, World};

/// The driver under test, the modem, and the scripts behind it.
#[derive(Debug)]
pub struct Kit<'n, 'w> {
    net: &'n Net<'w>,
    world: &'n World,
    sockets: usize,
}

const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// How long the methods of a peer wait at most.
const PATIENCE: Duration = Duration::from_secs(30);

impl<'n, 'w> Kit<'n, 'w> {
    /// Of a driver that has joined, with so many sockets.
    #[must_use]
    pub fn new(net: &'n Net<'w>, world: &'n World, sockets: usize) -> Self {
        Self { net, world, sockets }
    }

    /// Lets everything go on until `over` says true or the time has come.
    fn run(&self, until: Instant, mut over: impl FnMut() -> bool) {
        loop {
            let now = self.now();
            let next = self.net.drive(now);
            if over() || now >= until {
                return;
            }
            let platform = self.net.platform();
            platform.idle(earlier(next, Some(until)), &mut || self.net.pending());
        }
    }

    fn look<T>(&self, actor: Actor, look: impl FnOnce(&Script) -> T) -> Option<T> {
        self.world.modem.borrow().scripts.get(actor.0)?.as_ref().map(look)
    }
}

impl<'w> Harness for Kit<'_, 'w> {
    type Net = Net<'w>;

    fn net(&self) -> &Self::Net {
        self.net
    }

    fn caps(&self) -> Caps {
        Caps {
            ipv6: false,
            server: false,
            udp: false,
            multicast: false,
            broadcast: false,
            half_close: false,
            reset: false,
            time_wait: false,
            reuse_addr: true,
            linger: true,
            client_port: false,
            empty_datagrams: false,
            keep_alive: false,
            no_delay: false,
            port_unreachable: false,
            fileno: false,
            local_address: false,
            max_datagram: 1472,
            max_sockets: Some(self.sockets),
        }
    }

    fn peer(&self) -> &dyn Peer {
        self
    }

    fn ip(&self, family: Family) -> Option<IpAddr> {
        (family == Family::V4).then_some(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)))
    }

    fn pass(&self, time: Duration) {
        self.run(self.now() + time, || false);
    }
}

impl Peer for Kit<'_, '_> {
    fn ip(&self, family: Family) -> Option<IpAddr> {
        (family == Family::V4).then_some(PEER)
    }

    fn start(&self, script: &[Step]) -> Result<Actor> {
        let script = Script::new(script).ok_or(Error::ENOBUFS)?;
        let scripts = &mut self.world.modem.borrow_mut().scripts;
        let place = scripts.iter().position(Option::is_none).ok_or(Error::ENOBUFS)?;
        scripts[place] = Some(script);
        Ok(Actor(place))
    }

    fn address(&self, actor: Actor) -> Result<SockAddr> {
        let number = u16::try_from(actor.0).map_err(|_| Error::EBADF)?;
        Ok(SockAddr::new(PEER, PORT + number))
    }

    fn report(&self, actor: Actor) -> Report {
        self.look(actor, |script| script.report.clone()).unwrap_or_else(nothing)
    }

    fn settle(&self, actor: Actor) -> Report {
        let until = self.now() + PATIENCE;
        self.run(until, || self.look(actor, Script::is_settled).unwrap_or(true));
        self.report(actor)
    }

    fn stop(&self, actor: Actor) -> Report {
        let script = self.world.modem.borrow_mut().stop(actor.0);
        script.map_or_else(nothing, |script| script.report)
    }

    fn refusing(&self, _: Family) -> SockAddr {
        SockAddr::new(PEER, 9)
    }

    fn silent(&self, _: Family) -> SockAddr {
        // No section that runs here asks for it.
        SockAddr::new(PEER, 9)
    }

    fn name(&self) -> &'static str {
        "peer.test"
    }
}

/// The report of a script that is not there.
fn nothing() -> Report {
    Report {
        state: State::Failed(0, Error::EBADF),
        received: 0,
        digest: Digest::new(),
        head: heapless::Vec::new(),
        sent: 0,
        datagrams: 0,
        end: End::Open,
        from: None,
    }
}
