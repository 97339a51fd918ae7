//! Two backends on one wire under virtual time: ours, and the peer's with its scripts.

use core::cell::{Cell, RefCell};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use usocket_backend_smoltcp::smoltcp::phy::Medium;
use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
use usocket_conformance::{Actor, Caps, Harness, Peer, Report, State, Step};
use usocket_core::spi::{Backend, EventSource, Handle, Platform, SockType};
use usocket_core::{Error, Family, Instant, NoopRawMutex, Result, SockAddr, earlier};

use super::alloc::boxed::Box;
use super::alloc::rc::Rc;
use super::alloc::string::String;
use super::alloc::vec;
use super::alloc::vec::Vec;
use super::keep::{Kept, kept};
use super::names::{self, Record};
use super::script::{Script, empty_report, scripts_due};
use super::wire::{End, Side, Wire};

/// How long the methods of a peer wait at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// A port of the peer on which nobody listens: below all that it picks.
const CLOSED_PORT: u16 = 9;

/// The wire of most tests.
pub(crate) const ETHERNET: Medium = Medium::Ethernet;

/// The peer's name.
pub(crate) const NAME: &str = "peer.test";

/// Sockets of ours.
pub(crate) const SOCKETS: usize = 24;

/// Our memory.
pub(crate) type Memory<'a> = Storage<'a, SOCKETS, 12, 8192, 8192, 12, 7360, 16, { 24 + OWN }>;

/// The peer's memory.
pub(crate) type PeerMemory<'a> = Storage<'a, 80, 56, 8192, 8192, 16, 7360, 16, { 72 + OWN }>;

/// Our backend.
pub(crate) type Ours<'w> = Net<'w, Kept<End>, Board<'w>, NoopRawMutex, 64>;

/// The peer's backend.
pub(crate) type Peers<'w> = Net<'w, End, Clock, NoopRawMutex, 4>;

/// A clock that somebody else moves.
#[derive(Clone)]
pub(crate) struct Clock {
    pub(crate) now: Rc<Cell<u64>>,
    seed: u64,
}

impl Platform for Clock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.now.get())
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn idle(&self, _: Option<Instant>, _: &mut dyn FnMut() -> bool) {
        unreachable!("the peer never waits");
    }
}

/// Something else that the peer does, when it can; whether it did.
pub(crate) type Service = Box<dyn FnMut(&dyn Backend) -> bool>;

/// The peer's part of the world.
pub(crate) struct Theirs<'w> {
    pub(crate) net: Peers<'w>,
    pub(crate) wire: Rc<RefCell<Wire>>,
    clock: Clock,
    scripts: RefCell<Vec<Option<Script>>>,
    pub(crate) names: RefCell<Vec<(String, Record)>>,
    name_server: Cell<Option<Handle>>,
    services: RefCell<Vec<Service>>,
    /// When the peer's backend wants to run again.
    next: Cell<Option<Instant>>,
}

impl Theirs<'_> {
    /// Lets the peer do all that it can do now.
    fn step(&self) {
        let now = self.clock.now();
        // A peer that never stops would hang the test: virtual time stands still here.
        for _ in 0..10_000 {
            let next = self.net.drive(now);
            let mut moved = false;
            for script in self.scripts.borrow_mut().iter_mut().flatten() {
                moved |= script.step(&self.net, now);
            }
            for service in &mut *self.services.borrow_mut() {
                moved |= service(&self.net);
            }
            if let Some(socket) = self.name_server.get() {
                moved |= names::serve(&self.net, socket, &self.names.borrow());
            }
            if !moved && !self.net.pending() {
                let scripts = self.scripts.borrow();
                self.next.set(earlier(next, scripts_due(scripts.iter().flatten())));
                return;
            }
        }
        panic!("virtual time: the peer is busy for ever");
    }

    /// Lets the peer do this as well.
    pub(crate) fn serve(&self, service: impl FnMut(&dyn Backend) -> bool + 'static) {
        self.services.borrow_mut().push(Box::new(service));
    }

    fn script<T>(&self, actor: Actor, look: impl FnOnce(&mut Script) -> T) -> Option<T> {
        self.scripts.borrow_mut().get_mut(actor.0)?.as_mut().map(look)
    }
}

/// Our platform: sleeping lets the peer and the wire go on.
pub(crate) struct Board<'w> {
    theirs: Rc<Theirs<'w>>,
    /// How often the time was asked for since it moved last.
    asked: Cell<(u64, u32)>,
}

/// More often than any honest caller asks without letting time pass.
const BUSY: u32 = 100_000;

impl Platform for Board<'_> {
    fn now(&self) -> Instant {
        let now = self.theirs.clock.now();
        let (before, count) = self.asked.get();
        let count = if before == now.as_micros() { count + 1 } else { 0 };
        assert!(count < BUSY, "virtual time: a busy loop");
        self.asked.set((now.as_micros(), count));
        now
    }

    fn seed(&self) -> u64 {
        self.theirs.clock.seed ^ 0xabcd
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        let theirs = &self.theirs;
        theirs.step();
        loop {
            let now = theirs.clock.now();
            let (for_us, for_them) = {
                let wire = theirs.wire.borrow();
                (wire.next_due(Side::Ours), wire.next_due(Side::Theirs))
            };
            if ready()
                || until.is_some_and(|until| until <= now)
                || for_us.is_some_and(|due| due <= now)
            {
                return;
            }
            let peer = earlier(for_them, theirs.next.get());
            let Some(next) = earlier(earlier(for_us, peer), until) else {
                panic!("virtual time: nothing can ever happen");
            };
            theirs.clock.now.set(next.as_micros().max(now.as_micros()));
            if peer.is_some_and(|peer| peer <= next) {
                theirs.step();
            }
        }
    }
}

/// The kit's world.
pub(crate) struct World<'w> {
    pub(crate) net: Ours<'w>,
    pub(crate) theirs: Rc<Theirs<'w>>,
    sockets: usize,
}

/// Calls `run` with a fresh world.
pub(crate) fn world<T>(seed: u64, run: impl FnOnce(&World<'_>) -> T) -> T {
    world_on(Medium::Ethernet, seed, run)
}

/// Calls `run` with a fresh world on this kind of wire.
pub(crate) fn world_on<T>(medium: Medium, seed: u64, run: impl FnOnce(&World<'_>) -> T) -> T {
    let (mut ours, mut theirs) = (Box::new(Memory::new()), Box::new(PeerMemory::new()));
    let world = World::new(seed, medium, &mut ours, &mut theirs);
    run(&world)
}

/// `world` where its memory fits.
pub(crate) fn in_world(seed: u64, run: impl FnOnce(&World<'_>) + Send) {
    super::roomy(|| world(seed, run));
}

impl<'w> World<'w> {
    pub(crate) fn new(
        seed: u64,
        medium: Medium,
        ours: &'w mut Memory<'w>,
        theirs: &'w mut PeerMemory<'w>,
    ) -> Self {
        Self::with(
            seed,
            medium,
            |device, board| Net::new(device, board, &config(medium, 1), ours).unwrap(),
            theirs,
        )
    }

    /// A world with a backend of ours that is made by hand.
    pub(crate) fn with(
        seed: u64,
        medium: Medium,
        make: impl FnOnce(Kept<End>, Board<'w>) -> Ours<'w>,
        theirs: &'w mut PeerMemory<'w>,
    ) -> Self {
        Self::of(seed, medium, SOCKETS, make, |device, clock| {
            Net::new(device, clock, &config(medium, 2), theirs).unwrap()
        })
    }

    /// A world with two backends that are made by hand, ours with so many sockets.
    pub(crate) fn of(
        seed: u64,
        medium: Medium,
        sockets: usize,
        make: impl FnOnce(Kept<End>, Board<'w>) -> Ours<'w>,
        peer: impl FnOnce(End, Clock) -> Peers<'w>,
    ) -> Self {
        // Not at zero, as no board's clock is.
        let clock = Clock { now: Rc::new(Cell::new(1_000_000)), seed };
        let wire = Rc::new(RefCell::new(Wire::new(medium, seed)));
        let end = |side| End { wire: Rc::clone(&wire), now: Rc::clone(&clock.now), side };
        let net = peer(end(Side::Theirs), clock.clone());
        let theirs = Rc::new(Theirs {
            net,
            wire: Rc::clone(&wire),
            clock: clock.clone(),
            scripts: RefCell::new(Vec::new()),
            names: RefCell::new(vec![(NAME.into(), Record::Addresses(vec![ip4(2), ip6(2)]))]),
            name_server: Cell::new(None),
            services: RefCell::default(),
            next: Cell::new(None),
        });
        if cfg!(feature = "dns") {
            let server = theirs.net.open(Family::V4, SockType::Dgram).unwrap();
            theirs.net.bind(server, SockAddr::new(ip4(2), 53)).unwrap();
            theirs.name_server.set(Some(server));
        }
        theirs.step();
        let net = make(
            kept(end(Side::Ours)),
            Board { theirs: Rc::clone(&theirs), asked: Cell::default() },
        );
        Self { net, theirs, sockets }
    }

    /// Lets everything go on until `over` says true or the time has come.
    pub(crate) fn run(&self, until: Instant, mut over: impl FnMut() -> bool) {
        loop {
            let now = self.now();
            let next = self.net.drive(now);
            if over() || now >= until {
                return;
            }
            let next = earlier(next, Some(until));
            self.net.platform().idle(next, &mut || self.net.pending());
        }
    }
}

/// How a side is set up: `10.0.0.N` and `fd00::N`, and behind the peer's address is
/// everything else, so that whoever is not there stays silent.
pub(crate) fn config(medium: Medium, last: u8) -> Config {
    let config = match medium {
        Medium::Ethernet => Config::ethernet([2, 0, 0, 0, 0, last]),
        _ => Config::ip(),
    };
    let mut config = config.address(ip4(last), 24).unwrap();
    if cfg!(feature = "ipv6") {
        config = config.address(ip6(last), 64).unwrap();
    }
    match last {
        1 => config.gateway(ip4(2)).gateway(ip6(2)).name_server(ip4(2)).unwrap(),
        _ => config,
    }
}

impl<'w> Harness for World<'w> {
    type Net = Ours<'w>;

    fn net(&self) -> &Self::Net {
        &self.net
    }

    fn caps(&self) -> Caps {
        Caps {
            ipv6: cfg!(feature = "ipv6"),
            server: true,
            udp: cfg!(feature = "udp"),
            multicast: cfg!(feature = "multicast"),
            broadcast: cfg!(feature = "udp"),
            half_close: true,
            reset: true,
            time_wait: true,
            reuse_addr: true,
            linger: true,
            client_port: true,
            empty_datagrams: cfg!(feature = "udp"),
            keep_alive: true,
            no_delay: true,
            port_unreachable: cfg!(feature = "udp"),
            fileno: false,
            local_address: cfg!(feature = "udp"),
            max_datagram: 1472,
            max_sockets: Some(self.sockets),
        }
    }

    fn peer(&self) -> &dyn Peer {
        self
    }

    fn ip(&self, family: Family) -> Option<IpAddr> {
        self.net.ip(family)
    }

    fn pass(&self, time: Duration) {
        self.run(self.now() + time, || false);
    }
}

impl Peer for World<'_> {
    fn ip(&self, family: Family) -> Option<IpAddr> {
        self.theirs.net.ip(family)
    }

    fn start(&self, script: &[Step]) -> Result<Actor> {
        let script = Script::new(&[ip4(2), ip6(2)], script);
        let mut scripts = self.theirs.scripts.borrow_mut();
        let place = match scripts.iter().position(Option::is_none) {
            Some(free) => free,
            None => {
                scripts.push(None);
                scripts.len() - 1
            }
        };
        scripts[place] = Some(script);
        Ok(Actor(place))
    }

    fn address(&self, actor: Actor) -> Result<SockAddr> {
        let theirs = &self.theirs;
        let known = |script: &mut Script| script.address.is_some() || !script.running();
        theirs.step();
        self.run(self.now() + PATIENCE, || theirs.script(actor, known).unwrap_or(true));
        match theirs.script(actor, |script| (script.address, script.report.state)) {
            None => Err(Error::EBADF),
            Some((Some(address), _)) => Ok(address),
            Some((None, State::Failed(_, error))) => Err(error),
            Some((None, State::Done)) => Err(Error::ENOTCONN),
            Some((None, State::Running(_))) => Err(Error::ETIMEDOUT),
        }
    }

    fn report(&self, actor: Actor) -> Report {
        let report = self.theirs.script(actor, |script| script.report.clone());
        report.unwrap_or_else(|| empty_report(State::Failed(0, Error::EBADF)))
    }

    fn settle(&self, actor: Actor) -> Report {
        let theirs = &self.theirs;
        let settled = |script: &mut Script| script.holds() || !script.running();
        theirs.step();
        self.run(self.now() + PATIENCE, || theirs.script(actor, settled).unwrap_or(true));
        self.report(actor)
    }

    fn stop(&self, actor: Actor) -> Report {
        let mut scripts = self.theirs.scripts.borrow_mut();
        let Some(mut script) = scripts.get_mut(actor.0).and_then(Option::take) else {
            return empty_report(State::Failed(0, Error::EBADF));
        };
        drop(scripts);
        let reached = script.report.state;
        script.finish(&self.theirs.net, reached);
        script.report
    }

    fn refusing(&self, family: Family) -> SockAddr {
        let ip = match family {
            Family::V4 => ip4(2),
            Family::V6 => ip6(2),
        };
        SockAddr::new(ip, CLOSED_PORT)
    }

    fn silent(&self, family: Family) -> SockAddr {
        // Behind the peer, who is no router.
        let ip = match family {
            Family::V4 => Ipv4Addr::new(10, 9, 9, 66).into(),
            Family::V6 => Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0x66).into(),
        };
        SockAddr::new(ip, 80)
    }

    fn name(&self) -> &'static str {
        NAME
    }
}

pub(crate) fn ip4(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

pub(crate) fn ip6(last: u8) -> IpAddr {
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last.into()).into()
}
