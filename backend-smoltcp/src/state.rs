//! Everything the backend's lock protects, and the loop that moves it on.

use core::cell::Cell;

use smoltcp::iface::{Interface, PollIngressSingleResult, PollResult, SocketSet};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken};
#[cfg(any(feature = "server", feature = "dhcp", feature = "slaac"))]
use smoltcp::wire::IpAddress;
use usocket_core::spi::{DeviceName, Handle, Link, SockType};
use usocket_core::{Error, Events, Family, Instant, POLLHUP, POLLIN, POLLNVAL, POLLOUT, Result};

use crate::address::{has_family, is_link_local};
use crate::config::Config;
use crate::gate::{Gate, Outlet, Watch};
use crate::pairs::{Owner, Pairs};
use crate::ports::TimeWaits;
use crate::setup::Setup;
use crate::slots::{Options, Role, Slot, Slots};
use crate::storage::Parts;
use crate::time::{NEVER, Span, from_stack_time, stack_time};

/// Frames that one drive takes in (S3).
const FRAMES: usize = 32;

/// Rounds of one drive on the way out: in each, every socket sends one packet.
const ROUNDS: usize = 64;

/// When a device that could take no more is tried again, if nothing else happens.
const RETRY: Span = Span::from_millis(1);

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
    pub(crate) setup: Setup,
    #[cfg(feature = "slaac")]
    pub(crate) routers: crate::routers::Routers,
    pub(crate) time_waits: TimeWaits,
    pub(crate) name: DeviceName,
    pub(crate) interval: Option<Span>,
    pub(crate) up: bool,
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
    last_pair: usize,
    medium: Medium,
    #[cfg_attr(not(feature = "udp"), expect(dead_code, reason = "only datagrams must fit"))]
    pub(crate) mtu: usize,
    /// When `drive` has something to do next.
    next_due: Instant,
    /// An operation left work (S4).
    dirty: bool,
    /// The same, until those who wait for work were woken (S8).
    unannounced: bool,
    /// A socket may have gained readiness since those who wait for any were woken.
    changed: bool,
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
            setup: Setup::new(),
            #[cfg(feature = "slaac")]
            routers: crate::routers::Routers::new(),
            time_waits: TimeWaits::new(),
            name: config.name.clone(),
            interval: config.interval.map(Span::from),
            up: true,
            #[cfg(any(feature = "server", feature = "dhcp", feature = "slaac"))]
            own: heapless::Vec::new(),
            random: seed ^ 0x9e37_79b9_7f4a_7c15,
            #[cfg(feature = "server")]
            order: 0,
            #[cfg(feature = "neighbours")]
            asked: crate::neighbours::Asked::new(),
            last_pair: 0,
            medium: capabilities.medium,
            mtu: capabilities.ip_mtu(),
            next_due: NEVER,
            dirty: true,
            unannounced: true,
            changed: false,
        };
        state.configure(config);
        state
    }

    pub(crate) fn open(&mut self, family: Family, kind: SockType) -> Result<Handle> {
        if family == Family::V6 && cfg!(not(feature = "ipv6")) {
            return Err(Error::EAFNOSUPPORT);
        }
        let send_buffer = match kind {
            SockType::Stream => {
                self.pairs.first().map_or(0, |pair| pair.tcp(&self.set).send_capacity())
            }
            SockType::Dgram => self.max_datagram(family),
        };
        let slot = Slot {
            family,
            kind,
            bound: None,
            implicit: false,
            role: Role::Idle,
            options: Options::new(u32::try_from(send_buffer).unwrap_or(u32::MAX)),
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

    /// Notes what a socket is ready for, and if that is more than before.
    pub(crate) fn look(&mut self, handle: Handle) {
        let ready = self.readiness(handle);
        if let Ok(slot) = self.slots.get_mut(handle) {
            let more = ready & !slot.seen;
            slot.seen = ready;
            if !more.is_empty() {
                self.changed = true;
            }
        }
    }

    /// Looks at all for which a drive can have changed something: those who hold a pair or
    /// a queue, and listeners that somebody waits at.
    fn look_at_all(&mut self) {
        for index in 0..self.pairs.len() {
            if let Owner::Socket(handle) | Owner::Pending(handle, ..) = self.pairs[index].owner {
                self.look(handle);
            }
        }
        #[cfg(feature = "udp")]
        for index in 0..self.queues.len() {
            if let Some(handle) = self.queues[index].owner {
                self.look(handle);
            }
        }
    }

    /// Says that `drive` has work now.
    pub(crate) fn touch(&mut self) {
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

    pub(crate) fn take_unannounced(&mut self) -> bool {
        core::mem::take(&mut self.unannounced)
    }

    pub(crate) fn pending(&self) -> bool {
        self.dirty
    }

    /// When to be called again.
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

    /// Moves everything that is due, within bounds (S3).
    pub(crate) fn drive<D: Device + ?Sized>(&mut self, device: &mut D, now: Instant) {
        self.now = self.now.max(now);
        let due = self.next_due <= self.now;
        let frames = if self.up { self.ingress(device) } else { self.discard(device) };
        if frames == 0 && !self.dirty && !due {
            return;
        }
        self.dirty = false;
        self.unannounced = false;
        self.iface.poll_maintenance(stack_time(self.now));
        #[cfg(any(feature = "dhcp", feature = "slaac"))]
        self.follow_setup();
        self.step_pairs();
        self.purge_all();
        self.step_resolver();
        self.admit(device);
        self.expire_senders();
        let (full, more) = if self.up { self.egress(device) } else { (false, false) };
        self.step_resetting();
        self.step_senders(full);
        if self.up {
            self.ask_neighbours(device);
            #[cfg(feature = "slaac")]
            self.ask_routers(device);
        }
        self.look_at_all();
        self.dirty |= more || frames == FRAMES;
        self.next_due = self.find_next_due(full);
    }

    /// Takes frames in; how many.
    fn ingress<D: Device + ?Sized>(&mut self, device: &mut D) -> usize {
        let time = stack_time(self.now);
        let Self { iface, set, pairs, .. } = self;
        let watch = Watch {
            medium: self.medium,
            #[cfg(feature = "server")]
            now: self.now,
            last: Cell::new(self.last_pair),
            pairs,
            #[cfg(feature = "server")]
            slots: &self.slots,
            #[cfg(feature = "server")]
            own: &self.own,
            #[cfg(feature = "server")]
            parking: core::cell::RefCell::new(&mut self.parking),
            #[cfg(feature = "unreachable")]
            unreachable: Cell::new(None),
            #[cfg(feature = "slaac")]
            advertised: self.routers.is_on().then(core::cell::RefCell::default),
        };
        let mut frames = 0;
        while frames < FRAMES {
            let mut gate = Gate { device: &mut *device, watch: &watch };
            match iface.poll_ingress_single(time, &mut gate, set) {
                PollIngressSingleResult::None => break,
                _ => frames += 1,
            }
        }
        #[cfg(feature = "unreachable")]
        let unreachable = watch.unreachable.get();
        #[cfg(feature = "slaac")]
        let advertised = watch.advertised.map(core::cell::RefCell::into_inner);
        self.last_pair = watch.last.get();
        #[cfg(feature = "slaac")]
        advertised.iter().flatten().for_each(|heard| self.heed(heard));
        #[cfg(feature = "unreachable")]
        if let Some((local, remote, error)) = unreachable {
            self.note_unreachable(local, remote, error);
        }
        frames
    }

    /// Without a link: what the device still has is of no use.
    fn discard<D: Device + ?Sized>(&mut self, device: &mut D) -> usize {
        let time = stack_time(self.now);
        let mut frames = 0;
        while frames < FRAMES {
            let Some((frame, _)) = device.receive(time) else { break };
            frame.consume(|_| ());
            frames += 1;
        }
        frames
    }

    /// Sends what can be sent: whether the device was full, whether there is more.
    fn egress<D: Device + ?Sized>(&mut self, device: &mut D) -> (bool, bool) {
        let time = stack_time(self.now);
        let Self { iface, set, .. } = self;
        let mut outlet = Outlet {
            device,
            full: false,
            #[cfg(feature = "neighbours")]
            medium: self.medium,
            #[cfg(feature = "neighbours")]
            pairs: &self.pairs,
            #[cfg(feature = "neighbours")]
            sought: Cell::new(None),
            lifetime: core::marker::PhantomData,
        };
        let mut rounds = 0;
        while rounds < ROUNDS && !outlet.full {
            rounds += 1;
            if iface.poll_egress(time, &mut outlet, set) == PollResult::None {
                rounds = 0;
                break;
            }
        }
        let full = outlet.full;
        #[cfg(feature = "neighbours")]
        if let Some(ip) = outlet.sought.get() {
            self.note_asked(ip);
        }
        (full, rounds == ROUNDS)
    }

    fn find_next_due(&mut self, full: bool) -> Instant {
        let soonest = self.now + RETRY;
        let mut next = if full { soonest } else { NEVER };
        if self.up
            && let Some(time) = self.iface.poll_at(stack_time(self.now), &self.set)
        {
            // All that could go out has gone: what is left "now" waits for the device.
            next = next.min(from_stack_time(time).max(soonest));
        }
        next = next.min(self.pairs_due());
        next = next.min(self.admission_due());
        next = next.min(self.datagrams_due());
        next = next.min(self.neighbours_due());
        next = next.min(self.queries_due());
        #[cfg(feature = "slaac")]
        {
            next = next.min(self.routers_due());
        }
        // Nothing can be overdue behind a drive; if it is, it must not be a busy loop.
        if next <= self.now { soonest } else { next }
    }

    #[cfg(feature = "server")]
    pub(crate) fn medium(&self) -> Medium {
        self.medium
    }

    #[cfg(feature = "neighbours")]
    pub(crate) fn is_ethernet(&self) -> bool {
        self.medium != Medium::Ip
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

    /// The next number of the backend's own generator (xorshift64*).
    pub(crate) fn random(&mut self) -> u64 {
        let mut x = self.random.max(1);
        x ^= x >> 12;
        x ^= x << 25;
        x ^= x >> 27;
        self.random = x;
        x.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }
}
