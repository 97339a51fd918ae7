//! `bind`: who may have which local address (rows 50 to 58).

use smoltcp::wire::{IpAddress, IpEndpoint};
use usocket_core::spi::{Handle, SockType};
use usocket_core::{Error, Result, SockAddr};

use crate::address::{endpoint, is_group, is_local, overlap};
use crate::pairs::Owner;
use crate::slots::Role;
use crate::state::State;

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

    #[cfg(any(feature = "server", feature = "udp"))]
    fn settle_bound(&mut self, handle: Handle, address: IpEndpoint, implicit: bool) -> Result<()> {
        self.bind_queue(handle, address)?;
        let slot = self.slots.get_mut(handle)?;
        slot.bound = Some(address);
        slot.implicit = implicit;
        Ok(())
    }

    #[cfg(feature = "server")]
    /// Whether a listener may start on this address: never beside another (row 58).
    pub(crate) fn may_listen(&self, handle: Handle, address: IpEndpoint) -> bool {
        !self.holders(handle, SockType::Stream, address).any(|holder| holder == Holder::Firm)
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
            if other == handle || slot.kind != kind || !clash(kind, bound, address) {
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
        let waiting =
            self.time_waits.live(self.now).filter(move |entry| overlap(entry.local, address));
        let streams = closing.map(|_| ()).chain(waiting.map(|_| ()));
        sockets
            .chain(streams.filter(move |()| kind == SockType::Stream).map(|()| Holder::Connection))
    }

    fn may_bind(&self, kind: SockType, ip: IpAddress) -> bool {
        ip.is_unspecified()
            || is_local(&self.iface, ip)
            || (kind == SockType::Dgram && is_group(&self.iface, ip))
    }
}

/// Whether two sockets of a kind cannot both hold these addresses. The stack gives a datagram to
/// the first one on its port, and one that is bound to any address has those of both families.
fn clash(kind: SockType, a: IpEndpoint, b: IpEndpoint) -> bool {
    let any = |at: IpEndpoint| at.addr.is_unspecified();
    overlap(a, b) || (kind == SockType::Dgram && a.port == b.port && (any(a) || any(b)))
}
