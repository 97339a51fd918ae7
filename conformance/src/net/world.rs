//! The kit's world on the network: our host, the peer's host, and its scripts.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use embassy_sync::blocking_mutex::raw::{NoopRawMutex, RawMutex};
use usocket_core::spi::{Backend, Handle, Platform};
use usocket_core::{Error, Family, Instant, Result, SockAddr, earlier};

use super::script::Script;
use super::{Faults, Host, MAX_DATAGRAM, Network};
use crate::harness::{Actor, Caps, Harness, Peer, Report, State, Step};

/// How long the methods of a peer wait at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// The peer's name.
const NAME: &str = "peer.test";

/// A port of the peer on which nobody listens: below all that it picks.
const CLOSED_PORT: u16 = 9;

/// The tutorial backend in its world: [`Harness`] of the conformance kit.
///
/// Two hosts, `10.0.0.1` and `10.0.0.2`, each with a global and a link-local
/// IPv6 address as well (`fd00::1`, `fe80::1` with scope id 1), and a black hole
/// at `10.0.0.66` and `fd00::66`.
///
/// ```
/// use usocket_conformance::net::{MemHarness, Network, Virtual};
/// use usocket_conformance::{Harness, Peer, Step};
/// use usocket_core::Family;
///
/// let network: Network<Virtual> = Network::new(Virtual::new(1));
/// let harness = MemHarness::new(&network)?;
/// let actor = harness.peer().start(&[Step::Listen(Family::V4, 1), Step::Hold])?;
/// assert_eq!(harness.peer().address(actor)?.ip(), harness.peer().ip(Family::V4).unwrap());
/// # Ok::<(), usocket_core::Error>(())
/// ```
pub struct MemHarness<
    'n,
    P: Platform,
    M: RawMutex = NoopRawMutex,
    const SOCKETS: usize = 32,
    const CONNECTIONS: usize = 32,
    const BYTES: usize = 2048,
> {
    net: Host<'n, P, M, SOCKETS, CONNECTIONS, BYTES>,
    peer: MemPeer<'n, P, M, SOCKETS, CONNECTIONS, BYTES>,
}

impl<'n, P: Platform, M: RawMutex, const S: usize, const C: usize, const B: usize>
    MemHarness<'n, P, M, S, C, B>
{
    /// Two hosts on a network that has none yet.
    ///
    /// # Errors
    /// `ENOBUFS`: the network is full.
    pub fn new(network: &'n Network<P, M, S, C, B>) -> Result<Self> {
        let net = network.host(&addresses(1))?;
        let host = network.host(&addresses(2))?;
        for ip in [ip4(66), ip6(66)] {
            network.set_faults(ip, Faults { silent: true, ..Faults::NONE })?;
        }
        network.set_addresses(NAME, &[ip4(2), ip6(2)])?;
        Ok(Self { net, peer: MemPeer { host } })
    }

    /// The peer's host, for peers that are code instead of a script.
    #[must_use]
    pub const fn peer_host(&self) -> &Host<'n, P, M, S, C, B> {
        &self.peer.host
    }
}

impl<'n, P: Platform, M: RawMutex, const S: usize, const C: usize, const B: usize> Harness
    for MemHarness<'n, P, M, S, C, B>
{
    type Net = Host<'n, P, M, S, C, B>;

    fn net(&self) -> &Self::Net {
        &self.net
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
            max_sockets: Some(S),
        }
    }

    fn peer(&self) -> &dyn Peer {
        &self.peer
    }

    fn ip(&self, family: Family) -> Option<IpAddr> {
        self.net.ip(family)
    }

    /// There are no descriptors: the slot stands for one.
    fn fileno(&self, handle: Handle) -> Result<i32> {
        let slot = i32::try_from(handle.slot()).map_err(|_| Error::EOPNOTSUPP)?;
        Ok(self.net.alive(handle).map_or(-1, |()| slot))
    }

    fn pass(&self, time: Duration) {
        let until = self.now() + time;
        run(&self.net, Some(until), || false);
    }
}

/// A host whose sockets are moved by scripts: [`Peer`] of the conformance kit,
/// and the scripted peer of an application's tests.
pub struct MemPeer<
    'n,
    P: Platform,
    M: RawMutex = NoopRawMutex,
    const SOCKETS: usize = 32,
    const CONNECTIONS: usize = 32,
    const BYTES: usize = 2048,
> {
    host: Host<'n, P, M, SOCKETS, CONNECTIONS, BYTES>,
}

impl<'n, P: Platform, M: RawMutex, const S: usize, const C: usize, const B: usize>
    MemPeer<'n, P, M, S, C, B>
{
    /// Scripts on this host.
    #[must_use]
    pub const fn new(host: Host<'n, P, M, S, C, B>) -> Self {
        Self { host }
    }

    /// Its host.
    #[must_use]
    pub const fn host(&self) -> &Host<'n, P, M, S, C, B> {
        &self.host
    }

    /// As [`Peer::address`] without waiting; `EAGAIN` while there is none yet.
    ///
    /// # Errors
    /// Also why there will be none: the script failed, is done, or was stopped.
    pub fn address_now(&self, actor: Actor) -> Result<SockAddr> {
        match self.script(actor, |script| (script.address, script.report.state)) {
            None => Err(Error::EBADF),
            Some((Some(address), _)) => Ok(address),
            Some((None, State::Failed(_, error))) => Err(error),
            Some((None, State::Done)) => Err(Error::ENOTCONN),
            Some((None, State::Running(_))) => Err(Error::EAGAIN),
        }
    }

    /// Whether the script is done, failed, stopped or at [`Step::Hold`].
    pub fn settled(&self, actor: Actor) -> bool {
        self.script(actor, |script| script.holds() || !script.running()).unwrap_or(true)
    }

    fn script<T>(&self, actor: Actor, look: impl FnOnce(&Script) -> T) -> Option<T> {
        self.host.network().with(|state| state.scripts.get(actor.0)?.as_ref().map(look))
    }
}

impl<P: Platform, M: RawMutex, const S: usize, const C: usize, const B: usize> Peer
    for MemPeer<'_, P, M, S, C, B>
{
    fn ip(&self, family: Family) -> Option<IpAddr> {
        self.host.ip(family)
    }

    fn start(&self, script: &[Step]) -> Result<Actor> {
        let script = Script::new(self.host.index(), script)?;
        self.host.network().with(|state| {
            let free = state.scripts.iter().position(Option::is_none).ok_or(Error::ENOBUFS)?;
            state.scripts[free] = Some(script);
            state.touch();
            Ok(Actor(free))
        })
    }

    fn address(&self, actor: Actor) -> Result<SockAddr> {
        let until = self.host.platform().now() + PATIENCE;
        run(&self.host, Some(until), || self.address_now(actor) != Err(Error::EAGAIN));
        match self.address_now(actor) {
            Err(Error::EAGAIN) => Err(Error::ETIMEDOUT),
            answer => answer,
        }
    }

    fn report(&self, actor: Actor) -> Report {
        self.script(actor, |script| script.report.clone()).unwrap_or_else(gone)
    }

    fn settle(&self, actor: Actor) -> Report {
        let until = self.host.platform().now() + PATIENCE;
        run(&self.host, Some(until), || self.settled(actor));
        self.report(actor)
    }

    fn stop(&self, actor: Actor) -> Report {
        self.host.network().with(|state| {
            let script = state.scripts.get_mut(actor.0).and_then(Option::take);
            let Some(mut script) = script else { return gone() };
            let reached = script.report.state;
            state.finish_script(&mut script, reached);
            script.report
        })
    }

    fn refusing(&self, family: Family) -> SockAddr {
        let ip = self.host.ip(family).unwrap_or(family.unspecified());
        SockAddr::new(ip, CLOSED_PORT)
    }

    fn silent(&self, family: Family) -> SockAddr {
        let ip = match family {
            Family::V4 => ip4(66),
            Family::V6 => ip6(66),
        };
        SockAddr::new(ip, 80)
    }

    fn name(&self) -> &'static str {
        NAME
    }
}

/// Lets the network go on until `over` says true or the time has come.
fn run(net: &dyn Backend, until: Option<Instant>, mut over: impl FnMut() -> bool) {
    let platform = net.platform();
    loop {
        let now = platform.now();
        let next = net.drive(now);
        if over() || until.is_some_and(|until| now >= until) {
            return;
        }
        platform.idle(earlier(next, until), &mut || net.pending());
    }
}

/// The report of a script that was stopped.
fn gone() -> Report {
    Report {
        state: State::Failed(0, Error::EBADF),
        received: 0,
        digest: crate::Digest::new(),
        head: heapless::Vec::new(),
        sent: 0,
        datagrams: 0,
        end: crate::harness::End::Open,
        from: None,
    }
}

fn addresses(last: u8) -> [IpAddr; 3] {
    let local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, last.into());
    [ip4(last), ip6(last), IpAddr::V6(local)]
}

fn ip4(last: u8) -> IpAddr {
    Ipv4Addr::new(10, 0, 0, last).into()
}

fn ip6(last: u8) -> IpAddr {
    let last = u16::from(last / 10 * 16 + last % 10);
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, last).into()
}
