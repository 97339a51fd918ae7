//! Local addresses: who may bind what (rows 50 to 58), ports, routes.

use core::time::Duration;

use smoltcp::wire::{IpAddress, IpEndpoint};
use usocket_core::spi::{Handle, SockType};
use usocket_core::{Error, Family, Instant, Result, SockAddr};

use crate::address::{endpoint, family, is_group, is_local, is_own, overlap, route, wildcard};
use crate::pairs::Owner;
use crate::slots::Role;
use crate::state::State;

/// Ports the backend picks from, as RFC 6335 says.
const EPHEMERAL: core::ops::RangeInclusive<u16> = 49_152..=65_535;

/// How long an address stays in TIME-WAIT, as in the stack.
pub(crate) const TIME_WAIT: Duration = Duration::from_secs(10);

/// Addresses in TIME-WAIT whose buffers were needed for something else. When the table
/// is full the oldest one is given up, so that no number of closes exhausts it (R16).
pub(crate) struct TimeWaits(heapless::Deque<TimeWait, 16>);

#[derive(Clone, Copy)]
pub(crate) struct TimeWait {
    pub(crate) local: IpEndpoint,
    pub(crate) remote: IpEndpoint,
    pub(crate) until: Instant,
}

impl TimeWaits {
    pub(crate) const fn new() -> Self {
        Self(heapless::Deque::new())
    }

    pub(crate) fn add(&mut self, entry: TimeWait) {
        if self.0.is_full() {
            let _ = self.0.pop_front();
        }
        let _ = self.0.push_back(entry);
    }

    pub(crate) fn expire(&mut self, now: Instant) {
        while self.0.front().is_some_and(|entry| entry.until <= now) {
            let _ = self.0.pop_front();
        }
    }
}

/// What holds an address already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// A listener.
    Firm,
    /// A socket that is merely bound, or a datagram socket; with its `SO_REUSEADDR`.
    Bound(bool),
    /// A connection, open, closing or in TIME-WAIT.
    Connection,
}

impl State<'_> {
    /// `bind` (rows 50 to 57).
    pub(crate) fn bind(&mut self, handle: Handle, address: SockAddr) -> Result<()> {
        let slot = self.slots.get(handle)?;
        let (kind, reuse) = (slot.kind, slot.options.reuse);
        if kind == SockType::Stream && cfg!(not(feature = "server")) {
            return Err(Error::EOPNOTSUPP);
        }
        if slot.bound.is_some() || !matches!(slot.role, Role::Idle | Role::Dgram(_)) {
            return Err(Error::EINVAL);
        }
        let mut address = endpoint(address)?;
        if !self.may_bind(kind, address.addr) {
            return Err(Error::EADDRNOTAVAIL);
        }
        if address.port == 0 {
            address.port = self.pick_port(kind)?;
        }
        let refused = |holder| match holder {
            Holder::Firm => true,
            Holder::Bound(theirs) => !(reuse && theirs),
            Holder::Connection => !reuse,
        };
        if self.holders(handle, kind, address).any(refused) {
            return Err(Error::EADDRINUSE);
        }
        self.settle_bound(handle, address, false)
    }

    /// Binds to `ip` and a port of our choice, unless bound (rows 65, 80, 128).
    pub(crate) fn bind_implicitly(&mut self, handle: Handle, ip: IpAddress) -> Result<IpEndpoint> {
        let slot = self.slots.get(handle)?;
        if let Some(bound) = slot.bound {
            return Ok(bound);
        }
        let port = self.pick_port(slot.kind)?;
        let address = IpEndpoint::new(ip, port);
        self.settle_bound(handle, address, true)?;
        Ok(address)
    }

    fn settle_bound(&mut self, handle: Handle, address: IpEndpoint, implicit: bool) -> Result<()> {
        self.bind_queue(handle, address)?;
        let slot = self.slots.get_mut(handle)?;
        slot.bound = Some(address);
        slot.implicit = implicit;
        Ok(())
    }

    /// Whether a listener may start on this address: never beside another (row 58).
    pub(crate) fn may_listen(&self, handle: Handle, address: IpEndpoint) -> bool {
        !self.holders(handle, SockType::Stream, address).any(|holder| holder == Holder::Firm)
    }

    /// Whether a connection or TIME-WAIT of this very pair exists.
    pub(crate) fn connection_exists(&self, local: IpEndpoint, remote: IpEndpoint) -> bool {
        let same = |entry: &TimeWait| entry.local == local && entry.remote == remote;
        self.time_waits.0.iter().any(same)
            || self.pairs.iter().any(|pair| pair.connects(local, remote))
    }

    /// Everything but `handle` that holds an address which overlaps `address`.
    fn holders(
        &self,
        handle: Handle,
        kind: SockType,
        address: IpEndpoint,
    ) -> impl Iterator<Item = Holder> + '_ {
        let sockets = self.slots.iter().filter_map(move |(other, slot)| {
            let bound = slot.bound?;
            if other == handle || slot.kind != kind || !overlap(bound, address) {
                return None;
            }
            Some(match slot.role {
                Role::Listening { .. } => Holder::Firm,
                Role::Connecting(_) | Role::Connected(_) => Holder::Connection,
                _ => Holder::Bound(slot.options.reuse),
            })
        });
        // Those that no socket holds; the others were counted with their sockets.
        let closing = self.pairs.iter().filter(move |pair| {
            matches!(pair.owner, Owner::Closing(_)) && overlap(pair.local, address)
        });
        let waiting = self
            .time_waits
            .0
            .iter()
            .filter(move |entry| entry.until > self.now && overlap(entry.local, address));
        let streams = closing.map(|_| ()).chain(waiting.map(|_| ()));
        sockets
            .chain(streams.filter(move |()| kind == SockType::Stream).map(|()| Holder::Connection))
    }

    /// A port that nothing uses, a random one: after a reset of the board the same ports
    /// would meet the peer's memory of the old connections.
    pub(crate) fn pick_port(&mut self, kind: SockType) -> Result<u16> {
        let span = EPHEMERAL.end() - EPHEMERAL.start() + 1;
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are random enough")]
        let first = self.random() as u16 % span;
        for step in 0..span {
            let port = EPHEMERAL.start() + (first + step) % span;
            let in_use = [Family::V4, Family::V6].into_iter().any(|family| {
                let address = IpEndpoint::new(wildcard(family), port);
                self.holders(Handle::ANY, kind, address).next().is_some()
            });
            if !in_use {
                return Ok(port);
            }
        }
        Err(Error::EADDRINUSE)
    }

    fn may_bind(&self, kind: SockType, ip: IpAddress) -> bool {
        ip.is_unspecified()
            || is_local(&self.iface, ip)
            || (kind == SockType::Dgram && is_group(&self.iface, ip))
    }

    /// The address to send from to reach `to`, or why that cannot be (row 92, R24).
    pub(crate) fn source(&self, bound: Option<IpEndpoint>, to: IpAddress) -> Result<IpAddress> {
        self.check_link(family(to))?;
        if is_own(&self.iface, to) {
            return Err(Error::ENETUNREACH);
        }
        route(&self.iface, to).ok_or(Error::ENETUNREACH)?;
        let bound = bound
            .map(|address| address.addr)
            .filter(|&ip| !ip.is_unspecified() && !is_group(&self.iface, ip));
        if let Some(bound) = bound {
            // Its address may have gone since.
            let there = is_local(&self.iface, bound);
            return if there { Ok(bound) } else { Err(Error::ENETUNREACH) };
        }
        let source = self.iface.get_source_address(&to);
        source.filter(|ip| is_local(&self.iface, *ip)).ok_or(Error::ENETUNREACH)
    }
}
