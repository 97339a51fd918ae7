//! Local addresses: who may bind what (rows 50 to 58), ports, routes.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddrV6};
use core::time::Duration;

use usocket_core::spi::{Handle, Link, SockType};
use usocket_core::{Error, Family, Instant, Result, SockAddr};

use super::connection::Owner;
use super::socket::Role;
use super::state::{Id, State};

/// Ports the network picks from, as RFC 6335 says.
const EPHEMERAL: core::ops::RangeInclusive<u16> = 49_152..=65_535;

/// How long an address stays in TIME-WAIT. Real stacks: 10 s to 4 minutes.
pub(super) const TIME_WAIT: Duration = Duration::from_secs(10);

/// The number of the one interface of each host, for scope ids (row 47).
const INTERFACE: u32 = 1;

/// Addresses in TIME-WAIT. They hold no buffer; when the table is full the
/// oldest one is given up, so that no number of closes exhausts it (R16).
pub(super) struct TimeWaits(heapless::Deque<TimeWait, 32>);

pub(super) struct TimeWait {
    pub(super) host: usize,
    pub(super) local: SockAddr,
    pub(super) remote: SockAddr,
    pub(super) until: Instant,
}

impl TimeWaits {
    pub(super) const fn new() -> Self {
        Self(heapless::Deque::new())
    }

    pub(super) fn add(&mut self, entry: TimeWait) {
        if self.0.is_full() {
            let _ = self.0.pop_front();
        }
        let _ = self.0.push_back(entry);
    }

    pub(super) fn expire(&mut self, now: Instant) {
        while self.0.front().is_some_and(|entry| entry.until <= now) {
            let _ = self.0.pop_front();
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    fn iter(&self, now: Instant) -> impl Iterator<Item = &TimeWait> {
        self.0.iter().filter(move |entry| entry.until > now)
    }
}

/// What holds an address already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holder {
    /// A listener, or another connection's very pair.
    Firm,
    /// A socket that is merely bound, or a datagram socket; with its `SO_REUSEADDR`.
    Bound(bool),
    /// A connection, open, closing or in TIME-WAIT.
    Connection,
}

impl<const S: usize, const C: usize, const B: usize> State<S, C, B> {
    /// `bind` (rows 50 to 57).
    pub(super) fn bind(&mut self, id: Id, address: SockAddr) -> Result<()> {
        let socket = self.socket(id)?;
        let (kind, reuse) = (socket.kind, socket.options.reuse);
        if socket.bound.is_some() || !matches!(socket.role, Role::Idle | Role::Dgram(_)) {
            return Err(Error::EINVAL);
        }
        check_scope(address)?;
        if !self.may_bind(id.host, kind, address.ip()) {
            return Err(Error::EADDRNOTAVAIL);
        }
        let address = match address.port() {
            0 => address.with_port(self.pick_port(id.host, kind)?),
            _ => address,
        };
        let refused = |holder| match holder {
            Holder::Firm => true,
            Holder::Bound(theirs) => !(reuse && theirs),
            Holder::Connection => !reuse,
        };
        if self.holders(id, kind, address).any(refused) {
            return Err(Error::EADDRINUSE);
        }
        let socket = self.socket_mut(id)?;
        socket.bound = Some(address);
        socket.implicit = false;
        Ok(())
    }

    /// Binds to `ip` and a port of our choice, unless bound (rows 65, 80, 128).
    pub(super) fn bind_implicitly(&mut self, id: Id, ip: IpAddr) -> Result<SockAddr> {
        let socket = self.socket(id)?;
        if let Some(bound) = socket.bound {
            return Ok(bound);
        }
        let port = self.pick_port(id.host, socket.kind)?;
        let address = self.with_scope(id.host, ip, port);
        let socket = self.socket_mut(id)?;
        socket.bound = Some(address);
        socket.implicit = true;
        Ok(address)
    }

    /// Whether a listener may start on this address: never beside another (row 58).
    pub(super) fn may_listen(&self, id: Id, address: SockAddr) -> bool {
        !self.holders(id, SockType::Stream, address).any(|holder| holder == Holder::Firm)
    }

    /// Whether a connection or TIME-WAIT of this very pair exists on `host`.
    pub(super) fn pair_in_use(&self, host: usize, local: SockAddr, remote: SockAddr) -> bool {
        let waiting = self
            .time_waits
            .iter(self.now)
            .any(|entry| entry.host == host && entry.local == local && entry.remote == remote);
        waiting
            || self.connections.iter().flatten().any(|connection| {
                let [a, b] = &connection.ends;
                [(a, b), (b, a)].into_iter().any(|(own, other)| {
                    own.host == Some(host)
                        && own.owner != Owner::Gone
                        && own.address == local
                        && other.address == remote
                })
            })
    }

    /// Everything but `id` that holds an address which overlaps `address`.
    fn holders(
        &self,
        id: Id,
        kind: SockType,
        address: SockAddr,
    ) -> impl Iterator<Item = Holder> + '_ {
        let sockets = self.hosts[id.host].sockets.iter().filter_map(move |(handle, socket)| {
            let bound = socket.bound?;
            if handle == id.handle || socket.kind != kind || !overlap(bound, address) {
                return None;
            }
            Some(match socket.role {
                Role::Listening { .. } => Holder::Firm,
                Role::Connecting(_) | Role::Connected(..) => Holder::Connection,
                _ => Holder::Bound(socket.options.reuse),
            })
        });
        // Ends that no socket holds; the others were counted with their sockets.
        let ends = self.connections.iter().flatten().flat_map(|connection| &connection.ends);
        let closing = ends.filter(move |end| {
            end.host == Some(id.host)
                && matches!(end.owner, Owner::Closing(_))
                && overlap(end.address, address)
        });
        let waiting = self
            .time_waits
            .iter(self.now)
            .filter(move |entry| entry.host == id.host && overlap(entry.local, address));
        let streams = closing.map(|_| ()).chain(waiting.map(|_| ()));
        sockets
            .chain(streams.filter(move |()| kind == SockType::Stream).map(|()| Holder::Connection))
    }

    /// A port that nothing on the host uses; they start at a random one (P4).
    fn pick_port(&mut self, host: usize, kind: SockType) -> Result<u16> {
        let span = EPHEMERAL.end() - EPHEMERAL.start() + 1;
        let nobody = Id { host, handle: Handle::ANY };
        for _ in 0..span {
            self.hosts[host].next_port = self.hosts[host].next_port.wrapping_add(1);
            let port = EPHEMERAL.start() + self.hosts[host].next_port % span;
            let in_use = [Family::V4, Family::V6].into_iter().any(|family| {
                let address = SockAddr::new(family.unspecified(), port);
                self.holders(nobody, kind, address).next().is_some()
            });
            if !in_use {
                return Ok(port);
            }
        }
        Err(Error::EADDRINUSE)
    }

    /// Whether the host has this address (also: any of its loopback network).
    pub(super) fn is_local(&self, host: usize, ip: IpAddr) -> bool {
        let addresses = &self.hosts[host].addresses;
        addresses.contains(&ip)
            || (ip.is_loopback() && addresses.iter().any(|&own| Family::of(own) == Family::of(ip)))
    }

    fn may_bind(&self, host: usize, kind: SockType, ip: IpAddr) -> bool {
        ip.is_unspecified()
            || self.is_local(host, ip)
            || (kind == SockType::Dgram && (ip.is_multicast() || self.is_broadcast(host, ip)))
    }

    /// `255.255.255.255`, or the last address of a network of the host.
    pub(super) fn is_broadcast(&self, host: usize, ip: IpAddr) -> bool {
        let IpAddr::V4(ip) = ip else { return false };
        ip.is_broadcast() || (ip.octets()[3] == 255 && self.on_link(host, ip.into()))
    }

    /// Whether `ip` is in a network of the host: /24 for IPv4, /64 for IPv6.
    pub(super) fn on_link(&self, host: usize, ip: IpAddr) -> bool {
        self.hosts[host].addresses.iter().any(|&own| match (own, ip) {
            (IpAddr::V4(own), IpAddr::V4(ip)) => own.octets()[..3] == ip.octets()[..3],
            (IpAddr::V6(own), IpAddr::V6(ip)) => own.octets()[..8] == ip.octets()[..8],
            _ => false,
        })
    }

    /// The host that answers to `ip` when `host` asks.
    pub(super) fn host_of(&self, host: usize, ip: IpAddr) -> Option<usize> {
        if self.is_local(host, ip) {
            return Some(host);
        }
        self.hosts.iter().position(|other| other.addresses.contains(&ip))
    }

    /// The `IP_TTL` that it takes from `host` to `ip`: 0 to itself, 1 to a
    /// neighbour, 2 to another network: between networks is one router.
    pub(super) fn hops(&self, host: usize, ip: IpAddr) -> u8 {
        match ip {
            _ if self.is_local(host, ip) => 0,
            _ if self.on_link(host, ip) => 1,
            _ => 2,
        }
    }

    /// A socket that is bound to the device cannot reach its own host: that way is
    /// not over the device.
    pub(super) fn check_device(&self, id: Id, to: IpAddr) -> Result<()> {
        let bound = !self.socket(id)?.options.device.is_empty();
        if bound && self.is_local(id.host, to) { Err(Error::ENETUNREACH) } else { Ok(()) }
    }

    /// The address `host` sends from to reach `to`, or why it cannot (row 92, R24).
    pub(super) fn source(
        &self,
        host: usize,
        bound: Option<SockAddr>,
        to: IpAddr,
    ) -> Result<IpAddr> {
        let bound = bound.map(|address| address.ip()).filter(|ip| {
            !ip.is_unspecified() && !ip.is_multicast() && !self.is_broadcast(host, *ip)
        });
        if self.is_local(host, to) {
            return Ok(bound.unwrap_or(to));
        }
        match self.hosts[host].link {
            Link::Up => {}
            Link::Down => return Err(Error::ENETDOWN),
            Link::NoAddress => return Err(Error::ENETUNREACH),
        }
        let group = to.is_multicast() || self.is_broadcast(host, to);
        // Only neighbours, hosts, and what a test named, are reachable.
        let known = self.on_link(host, to)
            || self.host_of(host, to).is_some()
            || self.faults.iter().any(|entry| entry.ip == to);
        if !group && !known {
            return Err(Error::ENETUNREACH);
        }
        if let Some(bound) = bound {
            return if bound.is_loopback() { Err(Error::ENETUNREACH) } else { Ok(bound) };
        }
        let own = self.hosts[host].addresses.iter().copied();
        own.clone()
            .filter(|&ip| Family::of(ip) == Family::of(to))
            .max_by_key(|&ip| (common_prefix(ip, to), !is_link_local(ip)))
            .ok_or(Error::ENETUNREACH)
    }

    /// `ip` and `port`, with the scope of a link-local address (row 49).
    pub(super) fn with_scope(&self, _host: usize, ip: IpAddr, port: u16) -> SockAddr {
        match ip {
            IpAddr::V6(v6) if is_link_local(ip) => {
                SockAddr::from(SocketAddrV6::new(v6, port, 0, INTERFACE))
            }
            _ => SockAddr::new(ip, port),
        }
    }

    /// `0.0.0.0` and `::` as a destination mean this host.
    pub(super) fn destination(to: SockAddr) -> Result<SockAddr> {
        check_scope(to)?;
        Ok(match to.ip() {
            IpAddr::V4(ip) if ip.is_unspecified() => {
                SockAddr::new(Ipv4Addr::LOCALHOST.into(), to.port())
            }
            IpAddr::V6(ip) if ip.is_unspecified() => {
                SockAddr::new(Ipv6Addr::LOCALHOST.into(), to.port())
            }
            _ => to,
        })
    }
}

/// A link-local address must name our interface (row 47).
fn check_scope(address: SockAddr) -> Result<()> {
    match (is_link_local(address.ip()), address.scope_id()) {
        (true, 0) => Err(Error::EINVAL),
        (true, INTERFACE) | (false, _) => Ok(()),
        (true, _) => Err(Error::ENODEV),
    }
}

pub(super) fn is_link_local(ip: IpAddr) -> bool {
    matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local())
}

/// Whether `index` names an interface; 0 is any.
pub(super) fn is_interface(index: u32) -> bool {
    index == 0 || index == INTERFACE
}

fn overlap(a: SockAddr, b: SockAddr) -> bool {
    a.port() == b.port()
        && a.family() == b.family()
        && (a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified())
}

/// Leading bits that two addresses of one family share.
fn common_prefix(a: IpAddr, b: IpAddr) -> u32 {
    match (a, b) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros(),
        _ => 0,
    }
}
