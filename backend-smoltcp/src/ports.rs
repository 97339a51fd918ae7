//! Local addresses: ports, routes, pairs for connections.

use smoltcp::wire::{IpAddress, IpEndpoint};
use usocket_core::spi::{Handle, SockType};
use usocket_core::{Error, Instant, Result};

#[cfg(any(feature = "server", feature = "udp"))]
use crate::address::is_group;
#[cfg(any(feature = "dhcp", feature = "ipv6"))]
use crate::address::router;
use crate::address::{family, is_local, is_own};
#[cfg(feature = "server")]
use crate::pairs::NOWHERE;
use crate::pairs::Owner;
use crate::state::State;
use crate::time::Span;
use smoltcp::socket::tcp;

/// Ports the backend picks from, as RFC 6335 says.
const EPHEMERAL: core::ops::RangeInclusive<u16> = 49_152..=65_535;

/// How long an address stays in TIME-WAIT, as in the stack.
pub(crate) const TIME_WAIT: Span = Span::from_secs(10);

#[cfg(feature = "server")]
/// How many of the following there are.
const TIME_WAITS: usize = 16;

#[cfg(feature = "server")]
/// Addresses in TIME-WAIT whose buffers were needed for something else. When the table
/// is full the oldest one is given up, so that no number of closes exhausts it (R16).
pub(crate) struct TimeWaits {
    entries: [TimeWait; TIME_WAITS],
    oldest: usize,
}

#[derive(Clone, Copy)]
#[cfg_attr(not(feature = "server"), expect(dead_code, reason = "there are none"))]
pub(crate) struct TimeWait {
    pub(crate) local: IpEndpoint,
    remote: IpEndpoint,
    until: Instant,
}

#[cfg(feature = "server")]
impl TimeWaits {
    pub(crate) const fn new() -> Self {
        let over = TimeWait { local: NOWHERE, remote: NOWHERE, until: Instant::ZERO };
        Self { entries: [over; TIME_WAITS], oldest: 0 }
    }

    fn add(&mut self, entry: TimeWait) {
        self.entries[self.oldest % TIME_WAITS] = entry;
        self.oldest += 1;
    }

    pub(crate) fn live(&self, now: Instant) -> impl Iterator<Item = &TimeWait> {
        self.entries.iter().filter(move |entry| entry.until > now)
    }
}

/// Without listeners no port of ours is one that somebody chose: those of open and closing
/// connections are enough to keep apart.
#[cfg(not(feature = "server"))]
pub(crate) struct TimeWaits;

#[cfg(not(feature = "server"))]
impl TimeWaits {
    pub(crate) const fn new() -> Self {
        Self
    }

    #[expect(clippy::unused_self, reason = "as above")]
    fn add(&self, _: TimeWait) {}

    #[expect(clippy::unused_self, reason = "as above")]
    pub(crate) fn live(&self, _: Instant) -> impl Iterator<Item = &'static TimeWait> {
        core::iter::empty()
    }
}

impl State<'_> {
    /// Whether a connection or TIME-WAIT of this very pair exists.
    pub(crate) fn connection_exists(&self, local: IpEndpoint, remote: IpEndpoint) -> bool {
        let same = |entry: &TimeWait| entry.local == local && entry.remote == remote;
        self.time_waits.live(self.now).any(same)
            || self.pairs.iter().any(|pair| pair.connects(local, remote))
    }

    /// A port that nothing uses, a random one: after a reset of the board the same ports
    /// would meet the peer's memory of the old connections.
    pub(crate) fn pick_port(&mut self, kind: SockType) -> Result<u16> {
        let span = EPHEMERAL.end() - EPHEMERAL.start() + 1;
        #[expect(clippy::cast_possible_truncation, reason = "the low bits are random enough")]
        let first = self.random() as u16 % span;
        for step in 0..span {
            let port = EPHEMERAL.start() + (first + step) % span;
            if !self.port_in_use(kind, port) {
                return Ok(port);
            }
        }
        Err(Error::EADDRINUSE)
    }

    /// Whether anything of a kind holds a port, of whatever address.
    fn port_in_use(&self, kind: SockType, port: u16) -> bool {
        // Where nothing can be bound, no socket has a port but by its connection.
        let binds = cfg!(any(feature = "server", feature = "udp"));
        let slots = self.slots.iter().filter(|_| binds);
        let bound = slots.filter(|(_, slot)| slot.kind == kind).filter_map(|(_, slot)| slot.bound);
        let pairs = self.pairs.iter().filter(|pair| !pair.is_free()).map(|pair| pair.local);
        let waiting = self.time_waits.live(self.now).map(|entry| entry.local);
        bound.into_iter().any(|address| address.port == port)
            || (kind == SockType::Stream
                && (pairs.into_iter().any(|address| address.port == port)
                    || waiting.into_iter().any(|address| address.port == port)))
    }

    /// A pair for a new connection of this socket; `None` when all are in use.
    pub(crate) fn spare_pair(&mut self, handle: Handle) -> Option<usize> {
        #[cfg(not(feature = "buffer-classes"))]
        let _ = handle;
        #[cfg(not(feature = "buffer-classes"))]
        let index = self.spare()?;
        #[cfg(feature = "buffer-classes")]
        let index = self.fitting(handle)?;
        let pair = &mut self.pairs[index];
        if !pair.is_free() {
            let until = pair.since + TIME_WAIT;
            self.time_waits.add(TimeWait { local: pair.local, remote: pair.remote, until });
            pair.free(&mut self.set);
        }
        Some(index)
    }

    /// The free pair that fits best what the socket has asked for: large enough if there is
    /// such a one, and then the smallest. Without a free one as `spare`.
    #[cfg(feature = "buffer-classes")]
    fn fitting(&self, handle: Handle) -> Option<usize> {
        let wish =
            self.slots.get(handle).map_or_else(|_| Default::default(), |slot| slot.options.wish);
        let (recv, send) = (wish.recv as usize, wish.send as usize);
        let free = self.pairs.iter().enumerate().filter(|(_, pair)| pair.is_free());
        let best = free.min_by_key(|(_, pair)| {
            let socket = pair.tcp(&self.set);
            let (rx, tx) = (socket.recv_capacity(), socket.send_capacity());
            let missing = recv.saturating_sub(rx) + send.saturating_sub(tx);
            (missing, rx + tx)
        });
        best.map(|(index, _)| index).or_else(|| self.spare())
    }

    #[cfg(not(feature = "server"))]
    /// A free pair, or one that only sits out its TIME-WAIT.
    fn spare(&self) -> Option<usize> {
        let mut over = None;
        for (index, pair) in self.pairs.iter().enumerate() {
            match pair.owner {
                Owner::Free => return Some(index),
                Owner::Closing(_) if pair.state == tcp::State::TimeWait => over = Some(index),
                _ => {}
            }
        }
        over
    }

    #[cfg(feature = "server")]
    /// A free pair, or the oldest one that only sits out its TIME-WAIT.
    pub(crate) fn spare(&self) -> Option<usize> {
        let mut oldest = None;
        for (index, pair) in self.pairs.iter().enumerate() {
            if pair.is_free() {
                return Some(index);
            }
            let over =
                matches!(pair.owner, Owner::Closing(_)) && pair.state == tcp::State::TimeWait;
            if over && oldest.is_none_or(|(since, _)| pair.since < since) {
                oldest = Some((pair.since, index));
            }
        }
        oldest.map(|(_, index)| index)
    }

    /// Whether there is a way to the address of another, of a family that the interface has.
    fn reaches(&self, ip: IpAddress) -> bool {
        #[cfg(any(feature = "dhcp", feature = "ipv6"))]
        let routed = router(&self.iface, ip).is_some();
        #[cfg(not(any(feature = "dhcp", feature = "ipv6")))]
        let routed = self.routed;
        // A connection to a group is refused before.
        #[cfg(feature = "udp")]
        let routed = routed || is_group(&self.iface, ip);
        routed || self.iface.ip_addrs().iter().any(|cidr| cidr.contains_addr(&ip))
    }

    /// The address to send from to reach `to`, or why that cannot be (row 92, R24).
    pub(crate) fn source(&self, bound: Option<IpEndpoint>, to: IpAddress) -> Result<IpAddress> {
        self.check_link(family(to))?;
        if is_own(&self.iface, to) {
            return Err(Error::ENETUNREACH);
        }
        if !self.reaches(to) {
            return Err(Error::ENETUNREACH);
        }
        let bound = bound.map(|address| address.addr);
        // Without `server` and `udp` it is an address that we chose.
        #[cfg(any(feature = "server", feature = "udp"))]
        let bound = bound.filter(|&ip| !ip.is_unspecified() && !is_group(&self.iface, ip));
        if let Some(bound) = bound {
            // Its address may have gone since.
            let there = is_local(&self.iface, bound);
            return if there { Ok(bound) } else { Err(Error::ENETUNREACH) };
        }
        let source = self.iface.get_source_address(&to);
        #[cfg(feature = "ipv6")]
        let source = source.filter(|ip| is_local(&self.iface, *ip));
        source.ok_or(Error::ENETUNREACH)
    }
}
