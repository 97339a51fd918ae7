//! The network: one lock, one platform, and what a test arranges.

use core::cell::RefCell;
use core::net::IpAddr;
use core::time::Duration;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::{NoopRawMutex, RawMutex};
use usocket_core::spi::{Link, Platform};
use usocket_core::{Error, Instant, Result};

use super::faults::{Entry, Faults};
use super::host::Host;
use super::names::Record;
use super::state::{AllWoken, State};
use crate::Digest;

/// An in-memory network of up to [`HOSTS`](super::HOSTS) hosts on one link.
///
/// `P` is the platform: [`Virtual`](super::Virtual) in tests, a real one where
/// the network stands beside other backends. `M` protects the state: the
/// default is for one context of execution; give a mutex that is `Sync` to share
/// the network among threads. Each host has
/// `SOCKETS` slots; all hosts share `CONNECTIONS` connections whose two pipes
/// hold `BYTES` each. Nothing else grows.
///
/// ```
/// use core::net::{IpAddr, Ipv4Addr};
/// use usocket_conformance::net::{Network, Virtual};
/// use usocket_core::spi::{Backend, SockType};
/// use usocket_core::Family;
///
/// let network: Network<Virtual> = Network::new(Virtual::new(1));
/// let host = network.host(&[IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1))])?;
/// let socket = host.open(Family::V4, SockType::Dgram)?;
/// host.close(socket)?;
/// # Ok::<(), usocket_core::Error>(())
/// ```
pub struct Network<
    P: Platform,
    M: RawMutex = NoopRawMutex,
    const SOCKETS: usize = 32,
    const CONNECTIONS: usize = 32,
    const BYTES: usize = 2048,
> {
    platform: P,
    state: Mutex<M, RefCell<State<SOCKETS, CONNECTIONS, BYTES>>>,
}

/// What a network holds: for tests of leaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Sockets of all hosts.
    pub sockets: usize,
    /// Connections, those that linger included.
    pub connections: usize,
    /// Datagrams in flight and waiting.
    pub datagrams: usize,
    /// Addresses in TIME-WAIT.
    pub time_waits: usize,
    /// Name queries.
    pub queries: usize,
    /// Running scripts.
    pub scripts: usize,
}

impl<P: Platform, M: RawMutex, const S: usize, const C: usize, const B: usize>
    Network<P, M, S, C, B>
{
    /// A network without hosts: latency 1 ms each way, no faults, no names.
    pub const fn new(platform: P) -> Self {
        // A constant, so that it is not built on the stack: it is large.
        Self { platform, state: const { Mutex::new(RefCell::new(State::new())) } }
    }

    /// Adds a host with these addresses, at most 8. Its loopback addresses come
    /// with it. Neighbours are what shares 24 bits of an IPv4 or 64 bits of an
    /// IPv6 address; all hosts are reachable, others than neighbours with an
    /// `IP_TTL` of 2 or more.
    ///
    /// # Errors
    /// `ENOBUFS`: too many addresses, or no room for another host.
    pub fn host(&self, addresses: &[IpAddr]) -> Result<Host<'_, P, M, S, C, B>> {
        let seed = self.platform.seed();
        let index = self.with(|state| state.add_host(addresses, seed))?;
        Ok(Host::new(self, index))
    }

    /// The host that was added as the `number`th, from 0: for who owns the network and
    /// cannot keep a [`Host`], which borrows it.
    pub fn nth(&self, number: usize) -> Option<Host<'_, P, M, S, C, B>> {
        self.with(|state| number < state.hosts.len()).then(|| Host::new(self, number))
    }

    /// The platform.
    pub const fn platform(&self) -> &P {
        &self.platform
    }

    /// How long anything takes from one host to another.
    pub fn set_latency(&self, latency: Duration) {
        self.with(|state| state.latency = latency);
    }

    /// How long a closed socket tries to bring its bytes out (R9); 10 s at first.
    pub fn set_linger(&self, linger: Duration) {
        self.with(|state| state.linger = linger);
    }

    /// Sets the faults of an address, of a host or of nobody.
    ///
    /// # Errors
    /// `ENOBUFS`: 16 addresses have faults already.
    pub fn set_faults(&self, ip: IpAddr, faults: Faults) -> Result<()> {
        self.with(|state| {
            state.note_cuts();
            entry(state, ip)?.faults = faults;
            state.note_cuts();
            state.touch();
            Ok(())
        })
    }

    /// Nothing of a stream moves to or from the address for this long; datagrams
    /// sent meanwhile are lost.
    ///
    /// # Errors
    /// `ENOBUFS` as [`set_faults`](Self::set_faults).
    pub fn stall(&self, ip: IpAddr, time: Duration) -> Result<()> {
        self.with(|state| {
            let until = state.now + time;
            state.note_cuts();
            entry(state, ip)?.stalled_until = until;
            state.note_cuts();
            state.touch();
            Ok(())
        })
    }

    /// Says what the name server answers for `name`.
    ///
    /// # Errors
    /// `ENOBUFS`: 16 names are known already; `EINVAL`: the name is too long.
    pub fn set_name(&self, name: &str, record: Record) -> Result<()> {
        self.with(|state| state.names.set(name, record))
    }

    /// Lets `name` resolve to these addresses.
    ///
    /// # Errors
    /// As [`set_name`](Self::set_name); `ENOBUFS` also for more than 8 addresses.
    pub fn set_addresses(&self, name: &str, addresses: &[IpAddr]) -> Result<()> {
        let addresses = heapless::Vec::from_slice(addresses).map_err(|_| Error::ENOBUFS)?;
        self.set_name(name, Record::Addresses(addresses))
    }

    /// What is in use now.
    pub fn held(&self) -> Held {
        self.with(|state| Held {
            sockets: state.hosts.iter().map(|host| host.sockets.len()).sum(),
            connections: state.connections.iter().flatten().count(),
            datagrams: state.pool.len(),
            time_waits: state.time_waits.len(),
            queries: state.hosts.iter().map(|host| host.queries.len()).sum(),
            scripts: state.scripts.iter().flatten().count(),
        })
    }

    /// Digest of everything that has happened: equal seeds and equal programs
    /// give equal traces.
    pub fn trace(&self) -> Digest {
        self.with(|state| state.trace)
    }

    /// Moves everything that is due at `now` and wakes who is concerned; when
    /// to come back (S3).
    pub(super) fn drive(&self, host: usize, now: Instant) -> Option<Instant> {
        let (next, woken) = self.state.lock(|state| {
            let mut state = state.borrow_mut();
            state.now = state.now.max(now);
            state.drive();
            let woken = state.take_woken();
            (state.next_call(host), woken)
        });
        wake(woken);
        next
    }

    /// Whether `drive` would make progress (S4).
    pub(super) fn pending(&self, host: usize) -> bool {
        let now = self.platform.now();
        self.state.lock(|state| {
            let state = state.borrow();
            state.pending(now) || state.hosts[host].wakers.sooner()
        })
    }

    /// Runs an operation under the lock at the platform's time, then wakes, with
    /// the lock released (S2), those who wait for the work that it queued (S8).
    pub(super) fn with<T>(&self, operation: impl FnOnce(&mut State<S, C, B>) -> T) -> T {
        let now = self.platform.now();
        let (answer, woken) = self.state.lock(|state| {
            let mut state = state.borrow_mut();
            state.now = state.now.max(now);
            let answer = operation(&mut state);
            let woken =
                if state.take_unannounced() { state.take_workers() } else { AllWoken::new() };
            (answer, woken)
        });
        wake(woken);
        answer
    }

    /// As `with`, and wakes at once those for whom something is true already:
    /// for `close` (S7).
    pub(super) fn with_wake<T>(&self, operation: impl FnOnce(&mut State<S, C, B>) -> T) -> T {
        let (answer, woken) = self.with(|state| {
            let answer = operation(state);
            (answer, state.take_woken())
        });
        wake(woken);
        answer
    }

    pub(super) fn set_link(&self, host: usize, link: Link) {
        self.with_wake(|state| state.set_link(host, link));
    }
}

fn wake(woken: AllWoken) {
    for woken in woken {
        woken.wake();
    }
}

fn entry<const S: usize, const C: usize, const B: usize>(
    state: &mut State<S, C, B>,
    ip: IpAddr,
) -> Result<&mut Entry> {
    let index = match state.faults.iter().position(|entry| entry.ip == ip) {
        Some(index) => index,
        None => {
            let entry = Entry { ip, faults: Faults::NONE, stalled_until: Instant::ZERO };
            state.faults.push(entry).map_err(|_| Error::ENOBUFS)?;
            state.faults.len() - 1
        }
    };
    Ok(&mut state.faults[index])
}
