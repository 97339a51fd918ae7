//! Everything the backend's lock protects, and the loop that moves it on.

use smoltcp::iface::{Interface, SocketSet};
use smoltcp::phy::DeviceCapabilities;
#[cfg(any(feature = "neighbours", feature = "server"))]
use smoltcp::phy::Medium;
#[cfg(any(feature = "server", feature = "dhcp", feature = "slaac"))]
use smoltcp::wire::IpAddress;
#[cfg(feature = "options")]
use usocket_core::spi::DeviceName;
use usocket_core::spi::{Handle, Link, SockType};
use usocket_core::{Error, Events, Family, Instant, POLLHUP, POLLIN, POLLNVAL, POLLOUT, Result};

use crate::address::{has_family, is_link_local};
use crate::config::Config;
#[cfg(feature = "slow-peers")]
use crate::gate::Notes;
use crate::pairs::Pairs;
use crate::ports::TimeWaits;
#[cfg(any(feature = "dns", feature = "dhcp", feature = "slaac"))]
use crate::setup::Setup;
#[cfg(feature = "options")]
use crate::slots::Options;
use crate::slots::{Role, Slot, Slots};
use crate::storage::Parts;
use crate::time::{NEVER, Span};

/// Everything but the device and the wakers.
pub(crate) struct State<'a> {
    pub(crate) now: Instant,
    pub(crate) iface: Interface,
    pub(crate) set: SocketSet<'a>,
    pub(crate) slots: Slots<'a>,
    pub(crate) pairs: Pairs<'a>,
    #[cfg(feature = "server")]
    pub(crate) parking: crate::parked::Parking<'a>,
    #[cfg(feature = "udp")]
    pub(crate) queues: &'a mut [crate::datagram::Queue],
    #[cfg(feature = "udp")]
    pub(crate) senders: crate::senders::Senders<'a>,
    #[cfg(feature = "dns")]
    pub(crate) resolver: crate::dns::Resolver<'a>,
    #[cfg(any(feature = "dns", feature = "dhcp", feature = "slaac"))]
    pub(crate) setup: Setup,
    #[cfg(feature = "slaac")]
    pub(crate) routers: crate::routers::Routers,
    pub(crate) time_waits: TimeWaits,
    #[cfg(feature = "options")]
    pub(crate) name: DeviceName,
    pub(crate) interval: Option<Span>,
    pub(crate) up: bool,
    /// There is a router, which only we set.
    #[cfg(not(any(feature = "dhcp", feature = "ipv6")))]
    pub(crate) routed: bool,
    /// Our addresses, as the stack had them last.
    #[cfg(any(feature = "server", feature = "dhcp", feature = "slaac"))]
    pub(crate) own: heapless::Vec<IpAddress, 8>,
    pub(crate) random: u64,
    /// Counts connections that came.
    #[cfg(feature = "server")]
    pub(crate) order: u64,
    /// The neighbours that were asked for lately.
    #[cfg(feature = "neighbours")]
    pub(crate) asked: crate::neighbours::Asked,
    #[cfg(feature = "slow-peers")]
    /// What the gate has noticed.
    pub(crate) notes: Notes,
    #[cfg_attr(not(feature = "udp"), expect(dead_code, reason = "only datagrams must fit"))]
    pub(crate) mtu: usize,
    /// When `drive` has something to do next.
    pub(crate) next_due: Instant,
    #[cfg(feature = "bulk")]
    /// The part of it that bytes of streams do not bring nearer, but for `SLOW`.
    pub(crate) others_due: Instant,
    #[cfg(feature = "bulk")]
    /// `next_due` is merely not too late: whoever finds nothing to do has the time to ask.
    pub(crate) rough: bool,
    /// An operation left work (S4).
    pub(crate) dirty: bool,
    #[cfg(feature = "bulk")]
    /// That, or a frame, asks for a look at everything and not only at the bytes of streams.
    pub(crate) all: bool,
    /// `dirty`, until those who wait for work were woken (S8).
    pub(crate) unannounced: bool,
    /// A socket may have gained readiness since those who wait for any were woken.
    pub(crate) changed: bool,
}

impl<'a> State<'a> {
    pub(crate) fn new(
        iface: Interface,
        capabilities: &DeviceCapabilities,
        config: &Config,
        parts: Parts<'a>,
        now: Instant,
        seed: u64,
    ) -> Self {
        let mut state = Self {
            now,
            iface,
            set: parts.set,
            slots: Slots(parts.slots),
            pairs: Pairs(parts.pairs),
            #[cfg(feature = "server")]
            parking: crate::parked::Parking::new(parts.parked),
            #[cfg(feature = "udp")]
            queues: parts.queues,
            #[cfg(feature = "udp")]
            senders: parts.senders,
            #[cfg(feature = "dns")]
            resolver: parts.resolver,
            #[cfg(any(feature = "dns", feature = "dhcp", feature = "slaac"))]
            setup: Setup::new(),
            #[cfg(feature = "slaac")]
            routers: crate::routers::Routers::new(),
            time_waits: TimeWaits::new(),
            #[cfg(feature = "options")]
            name: config.name.clone(),
            interval: config.interval,
            up: true,
            #[cfg(not(any(feature = "dhcp", feature = "ipv6")))]
            routed: config.gateway_v4.is_some(),
            #[cfg(any(feature = "server", feature = "dhcp", feature = "slaac"))]
            own: heapless::Vec::new(),
            random: seed ^ 0x9e37_79b9_7f4a_7c15,
            #[cfg(feature = "server")]
            order: 0,
            #[cfg(feature = "neighbours")]
            asked: crate::neighbours::Asked::new(),
            #[cfg(feature = "slow-peers")]
            notes: Notes::new(capabilities.medium),
            mtu: capabilities.ip_mtu(),
            next_due: NEVER,
            #[cfg(feature = "bulk")]
            others_due: NEVER,
            #[cfg(feature = "bulk")]
            rough: false,
            dirty: true,
            #[cfg(feature = "bulk")]
            all: true,
            unannounced: true,
            changed: false,
        };
        state.configure(config);
        #[cfg(any(feature = "server", feature = "dhcp", feature = "slaac"))]
        state.note_own();
        state
    }

    pub(crate) fn open(&mut self, family: Family, kind: SockType) -> Result<Handle> {
        if family == Family::V6 && cfg!(not(feature = "ipv6")) {
            return Err(Error::EAFNOSUPPORT);
        }
        #[cfg(any(feature = "buffer-classes", feature = "udp"))]
        let send_buffer = match kind {
            SockType::Stream => self.largest().0,
            SockType::Dgram => self.max_datagram(family),
        };
        let slot = Slot {
            family,
            kind,
            bound: None,
            #[cfg(any(feature = "server", feature = "udp"))]
            implicit: false,
            role: Role::Idle,
            #[cfg(feature = "options")]
            options: Options::new(
                #[cfg(any(feature = "buffer-classes", feature = "udp"))]
                u32::try_from(send_buffer).unwrap_or(u32::MAX),
            ),
            #[cfg(feature = "udp")]
            seen: Events::NONE,
        };
        let handle = self.slots.insert(slot)?;
        if kind == SockType::Dgram
            && let Err(error) = self.open_datagrams(handle)
        {
            self.slots.remove(handle)?;
            return Err(error);
        }
        self.look(handle);
        Ok(handle)
    }

    /// The readiness of a socket or query (S5, S9).
    pub(crate) fn readiness(&self, handle: Handle) -> Events {
        if handle.slot() >= self.slots.capacity() {
            return self.query_readiness(handle);
        }
        let Ok(slot) = self.slots.get(handle) else { return POLLNVAL };
        match slot.role {
            Role::Idle => POLLOUT | POLLHUP,
            Role::Listening { .. } => self.listener_readiness(handle),
            Role::Connecting(_) => Events::NONE,
            Role::Connected(index) => self.stream_readiness(slot, index),
            Role::Failed(_) => POLLIN | POLLOUT | usocket_core::POLLERR | POLLHUP,
            Role::Ended => POLLIN | POLLOUT | POLLHUP,
            Role::Dgram(dgram) => self.datagram_readiness(&dgram),
        }
    }

    /// Notes that a socket may have gained readiness (S8).
    pub(crate) fn look(&mut self, handle: Handle) {
        #[cfg(feature = "udp")]
        if self.slots.get(handle).is_ok_and(|slot| slot.kind == SockType::Dgram) {
            self.look_at_datagrams(handle);
            return;
        }
        let _ = handle;
        self.changed = true;
    }

    /// Looks at all queues: time alone makes room for datagrams.
    pub(crate) fn look_at_all(&mut self) {
        #[cfg(feature = "udp")]
        for index in 0..self.queues.len() {
            if let Some(handle) = self.queues[index].owner {
                self.look_at_datagrams(handle);
            }
        }
    }

    #[cfg(feature = "udp")]
    /// Notes what a datagram socket is ready for, and if that is more than before.
    fn look_at_datagrams(&mut self, handle: Handle) {
        let ready = self.readiness(handle);
        if let Ok(slot) = self.slots.get_mut(handle) {
            self.changed |= !(ready & !slot.seen).is_empty();
            slot.seen = ready;
        }
    }

    /// Says that `drive` has work now.
    #[cfg_attr(not(feature = "bulk"), inline(never))]
    pub(crate) fn touch(&mut self) {
        #[cfg(feature = "bulk")]
        {
            self.all = true;
        }
        self.touch_streams();
    }

    /// Says that `drive` has work now, and that it is only bytes of streams.
    #[cfg_attr(not(feature = "bulk"), inline(never))]
    pub(crate) fn touch_streams(&mut self) {
        if !self.dirty {
            self.dirty = true;
            self.unannounced = true;
        }
    }

    /// Says that a socket or query may have gained readiness (S8).
    pub(crate) fn change(&mut self) {
        self.changed = true;
        self.touch();
    }

    pub(crate) fn take_changed(&mut self) -> bool {
        core::mem::take(&mut self.changed)
    }

    pub(crate) fn has_changed(&self) -> bool {
        self.changed
    }

    pub(crate) fn take_unannounced(&mut self) -> bool {
        core::mem::take(&mut self.unannounced)
    }

    pub(crate) fn pending(&self) -> bool {
        self.dirty
    }

    #[cfg(feature = "bulk")]
    /// Whether `next_call` is sooner than need be.
    pub(crate) fn is_rough(&self) -> bool {
        self.rough || self.dirty
    }

    /// When to be called again.
    #[inline]
    pub(crate) fn next_call(&self) -> Option<Instant> {
        if self.dirty {
            return Some(self.now);
        }
        let next = match self.interval {
            Some(interval) => self.next_due.min(self.now + interval),
            None => self.next_due,
        };
        (next < NEVER).then_some(next)
    }

    #[cfg(feature = "server")]
    pub(crate) fn medium(&self) -> Medium {
        self.notes.medium
    }

    #[cfg(feature = "neighbours")]
    pub(crate) fn is_ethernet(&self) -> bool {
        self.notes.medium != Medium::Ip
    }

    /// The state of the link, for choosing among backends.
    pub(crate) fn link(&self) -> Link {
        match (self.up, self.iface.ip_addrs().iter().any(|cidr| !is_link_local(cidr.address()))) {
            (false, _) => Link::Down,
            (true, false) => Link::NoAddress,
            (true, true) => Link::Up,
        }
    }

    /// Why nothing can be sent to this family, if so (R24).
    pub(crate) fn check_link(&self, family: Family) -> Result<()> {
        if !self.up {
            return Err(Error::ENETDOWN);
        }
        if has_family(&self.iface, family) { Ok(()) } else { Err(Error::ENETUNREACH) }
    }

    /// The next number of the backend's own generator (Knuth's MMIX; the upper bits are good).
    pub(crate) fn random(&mut self) -> u64 {
        let next = self.random.wrapping_mul(0x5851_f42d_4c95_7f2d);
        self.random = next.wrapping_add(0x1405_7b7e_f767_814f);
        self.random >> 24
    }
}
