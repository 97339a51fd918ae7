//! Datagrams: one pool for all that fly and all that wait (S18, S19).

use core::net::IpAddr;
use core::time::Duration;

use usocket_core::spi::{Group, RecvFlags, RecvInfo, Shutdown};
use usocket_core::{Error, Events, Instant, POLLERR, POLLIN, POLLOUT, Result, SockAddr, earlier};

use super::faults::Path;
use super::socket::{Dgram, Role};
use super::state::{Id, State};
use super::{DATAGRAMS, MAX_DATAGRAM};

/// Datagrams that wait at one socket; one more is dropped (row 125).
pub(super) const QUEUE: usize = 8;

/// Datagrams of one socket in flight; one more is dropped, as by a full
/// interface queue, so that a flood does not take the whole pool (R19).
const FLYING: usize = 16;

pub(super) struct Datagram {
    from: SockAddr,
    to: SockAddr,
    /// Which address of the receiving host it came to (R18).
    local: IpAddr,
    data: heapless::Vec<u8, MAX_DATAGRAM>,
    /// Whether it stays in the host: no device sees it.
    inside: bool,
    order: u64,
    place: Place,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// On its way to a host; who sent it.
    Flying { due: Instant, host: usize, source: Id },
    /// "Port unreachable" on its way back to who sent it (row 126).
    Unreachable { due: Instant, source: Id },
    /// At a socket.
    Queued(Id),
}

/// All datagrams of the network.
pub(super) struct Pool([Option<Datagram>; DATAGRAMS]);

impl Pool {
    pub(super) const fn new() -> Self {
        Self([const { None }; DATAGRAMS])
    }

    fn iter(&self) -> impl Iterator<Item = &Datagram> {
        self.0.iter().flatten()
    }

    /// Datagrams that fly or wait.
    pub(super) fn len(&self) -> usize {
        self.iter().count()
    }

    /// Datagrams and bytes that wait at a socket.
    fn queued(&self, id: Id) -> (usize, usize) {
        let queued = self.iter().filter(|datagram| datagram.place == Place::Queued(id));
        queued.fold((0, 0), |(count, bytes), next| (count + 1, bytes + next.data.len()))
    }

    fn flying_from(&self, id: Id) -> usize {
        let from = |place| matches!(place, Place::Flying { source, .. } if source == id);
        self.iter().filter(|datagram| from(datagram.place)).count()
    }

    /// Index of the oldest one at a socket.
    fn first(&self, id: Id) -> Option<usize> {
        let waiting = self.0.iter().enumerate().filter_map(|(index, datagram)| {
            let datagram = datagram.as_ref()?;
            (datagram.place == Place::Queued(id)).then_some((datagram.order, index))
        });
        waiting.min().map(|(_, index)| index)
    }

    /// Index of the next one that is due, in order of arrival.
    fn next_due(&self, now: Instant) -> Option<usize> {
        let flying = self.0.iter().enumerate().filter_map(|(index, datagram)| {
            let datagram = datagram.as_ref()?;
            let due = datagram.due().filter(|&due| due <= now)?;
            Some((due, datagram.order, index))
        });
        flying.min().map(|(.., index)| index)
    }

    fn put(&mut self, datagram: Datagram) -> bool {
        match self.0.iter_mut().find(|slot| slot.is_none()) {
            Some(slot) => {
                *slot = Some(datagram);
                true
            }
            None => false,
        }
    }

    /// Drops what waits at a socket that is closed.
    pub(super) fn forget(&mut self, id: Id) {
        for slot in &mut self.0 {
            if slot.as_ref().is_some_and(|datagram| datagram.place == Place::Queued(id)) {
                *slot = None;
            }
        }
    }

    /// Readiness of a datagram socket (row 195).
    pub(super) fn readiness(&self, id: Id, dgram: &Dgram) -> Events {
        let mut events = POLLOUT;
        if dgram.read_shut || self.first(id).is_some() {
            events |= POLLIN;
        }
        if dgram.error.is_some() {
            events |= POLLERR;
        }
        events
    }
}

impl Datagram {
    fn due(&self) -> Option<Instant> {
        match self.place {
            Place::Flying { due, .. } | Place::Unreachable { due, .. } => Some(due),
            Place::Queued(_) => None,
        }
    }
}

impl<const S: usize, const C: usize, const B: usize> State<S, C, B> {
    /// `connect` of a datagram socket: sets the default peer (row 91).
    pub(super) fn connect_datagrams(&mut self, id: Id, to: SockAddr) -> Result<()> {
        let to = Self::destination(to)?;
        self.check_broadcast(id, to.ip())?;
        let (source, _) = self.way_out(id, to.ip())?;
        let bound = self.bind_implicitly(id, source)?;
        let local = self.with_scope(id.host, source, bound.port());
        let socket = self.socket_mut(id)?;
        if bound.ip().is_unspecified() {
            socket.bound = Some(local);
        }
        if let Role::Dgram(dgram) = &mut socket.role {
            *dgram = Dgram { peer: Some(to), ..Dgram::default() };
        }
        Ok(())
    }

    /// Sends to the default peer (row 103).
    pub(super) fn send_datagram(&mut self, id: Id, dgram: Dgram, data: &[u8]) -> Result<usize> {
        let to = dgram.peer.ok_or(Error::EDESTADDRREQ)?;
        self.send_to(id, data, None, to)
    }

    /// Sends one datagram (rows 128 to 137).
    pub(super) fn send_to(
        &mut self,
        id: Id,
        data: &[u8],
        from: Option<IpAddr>,
        to: SockAddr,
    ) -> Result<usize> {
        self.take_datagram_error(id)?;
        let Role::Dgram(dgram) = self.socket(id)?.role else { return Err(Error::EOPNOTSUPP) };
        if dgram.write_shut {
            return Err(Error::EPIPE);
        }
        let buffer = self.socket(id)?.options.tuning.send_buffer;
        if u32::try_from(data.len()).is_ok_and(|len| len > buffer) {
            return Err(Error::EMSGSIZE);
        }
        let data = heapless::Vec::from_slice(data).map_err(|_| Error::EMSGSIZE)?;
        let to = Self::destination(to)?;
        self.check_broadcast(id, to.ip())?;
        let (source, inside) = self.way_out(id, to.ip())?;
        let source = match from {
            Some(from) if !self.is_local(id.host, from) => return Err(Error::EADDRNOTAVAIL),
            from => from.unwrap_or(source),
        };
        let bound = self.bind_implicitly(id, self.socket(id)?.family.unspecified())?;
        let from = self.with_scope(id.host, source, bound.port());
        let len = data.len();
        let datagram = Datagram {
            from,
            to,
            local: to.ip(),
            data,
            inside,
            order: 0,
            place: Place::Flying { due: self.now, host: id.host, source: id },
        };
        self.launch(id, &datagram);
        self.touch();
        Ok(len)
    }

    /// The address that a datagram to `to` is sent from, and whether it stays in the
    /// host: to an address of ours, or to a group by a loopback `IP_MULTICAST_IF`.
    fn way_out(&self, id: Id, to: IpAddr) -> Result<(IpAddr, bool)> {
        let socket = self.socket(id)?;
        let (bound, interface) = (socket.bound, socket.options.multicast_interface);
        self.check_device(id, to)?;
        if !to.is_multicast() || !to.is_ipv4() || interface.is_unspecified() {
            return Ok((self.source(id.host, bound, to)?, self.is_local(id.host, to)));
        }
        let inside = interface.is_loopback();
        if inside {
            // As an address of ours: no device, and no link is needed.
            self.check_device(id, interface.into())?;
        } else {
            self.source(id.host, bound, to)?;
        }
        let bound = bound.map(|bound| bound.ip());
        let own = bound.filter(|ip| !ip.is_unspecified() && !ip.is_multicast());
        Ok((own.unwrap_or(interface.into()), inside))
    }

    /// Sends a copy to each host that shall get one.
    fn launch(&mut self, id: Id, datagram: &Datagram) {
        let to = datagram.to.ip();
        let group = to.is_multicast() || self.is_broadcast(id.host, to);
        let Ok(socket) = self.socket(id) else { return };
        let options = &socket.options;
        let (looped, hops) = (options.multicast_loop, options.multicast_ttl);
        let ttl = options.tuning.ttl;
        let target = self.host_of(id.host, to);
        for host in 0..self.hosts.len() {
            let wanted = if !group {
                target == Some(host) && ttl >= self.hops(id.host, to)
            } else if !to.is_multicast() {
                self.is_broadcast(host, to) && (host == id.host || ttl > 0)
            } else if host == id.host {
                looped
            } else {
                hops > 0 && !datagram.inside
            };
            if wanted {
                self.launch_to(id, datagram, host);
            }
        }
    }

    fn launch_to(&mut self, id: Id, datagram: &Datagram, host: usize) {
        let local = if self.is_local(host, datagram.to.ip()) {
            datagram.to.ip()
        } else {
            self.own_address(host, datagram.to.ip())
        };
        let path = self.path((Some(id.host), datagram.from.ip()), (Some(host), local));
        let copies = 1 + u8::from(self.chance(path.faults.duplicate));
        for _ in 0..copies {
            // What a silent or stalled network is given is lost: nobody repeats it.
            if path.blocked(self.now)
                || self.chance(path.faults.loss)
                || self.pool.flying_from(id) >= FLYING
            {
                self.note(4, datagram.order);
                continue;
            }
            let due = self.now + path.latency + self.delay(&path);
            let copy = Datagram {
                local,
                data: datagram.data.clone(),
                order: self.next_order(),
                place: Place::Flying { due, host, source: id },
                ..*datagram
            };
            let _ = self.pool.put(copy);
        }
    }

    /// What the `reorder` fault adds.
    fn delay(&mut self, path: &Path) -> Duration {
        if !self.chance(path.faults.reorder) {
            return Duration::ZERO;
        }
        // 1 to 4 times the latency, in thousandths of it.
        let factor = 1000 + self.random() % 3001;
        let latency = path.latency.max(Duration::from_millis(1));
        let micros = u64::try_from(latency.as_micros()).unwrap_or(u64::MAX / 5000);
        Duration::from_micros(micros.saturating_mul(factor) / 1000)
    }

    fn own_address(&self, host: usize, to: IpAddr) -> IpAddr {
        self.source(host, None, to).unwrap_or(to)
    }

    /// Delivers what is due; whether anything was.
    pub(super) fn step_datagrams(&mut self) -> bool {
        let mut moved = false;
        // Bounded: a delivery puts nothing that is due by now, but a loopback's
        // "unreachable", which is answered by nothing.
        while let Some(index) = self.pool.next_due(self.now) {
            moved = true;
            let Some(datagram) = self.pool.0[index].take() else { break };
            match datagram.place {
                Place::Flying { host, source, .. } => self.handle_datagram(host, source, datagram),
                Place::Unreachable { source, .. } => self.handle_unreachable(source, datagram.to),
                Place::Queued(_) => {}
            }
        }
        moved
    }

    fn handle_datagram(&mut self, host: usize, source: Id, datagram: Datagram) {
        let (from, to) = (datagram.from, datagram.to);
        let path = self.path((Some(source.host), from.ip()), (Some(host), datagram.local));
        if path.faults.silent {
            return;
        }
        self.note(5, datagram.data.len() as u64);
        if to.ip().is_multicast() || self.is_broadcast(host, to.ip()) {
            self.deliver_to_group(host, datagram);
            return;
        }
        let target = if path.faults.refuse { None } else { self.best_socket(host, &datagram) };
        match target {
            Some(id) => self.enqueue(id, datagram),
            None => {
                let due = self.now + path.latency;
                let _ = self.pool.put(Datagram {
                    data: heapless::Vec::new(),
                    place: Place::Unreachable { due, source },
                    ..datagram
                });
            }
        }
    }

    fn enqueue(&mut self, id: Id, datagram: Datagram) {
        let buffer = self.socket(id).map_or(0, |socket| socket.options.tuning.recv_buffer);
        let (count, bytes) = self.pool.queued(id);
        let bytes = u32::try_from(bytes + datagram.data.len()).unwrap_or(u32::MAX);
        if count < QUEUE && bytes <= buffer {
            let _ = self.pool.put(Datagram { place: Place::Queued(id), ..datagram });
        }
    }

    /// The socket for a datagram: a connected one first, then the one bound to
    /// the very address, then a wildcard's.
    fn best_socket(&self, host: usize, datagram: &Datagram) -> Option<Id> {
        let (from, to) = (datagram.from, datagram.to);
        let sockets = self.hosts[host].sockets.iter();
        let fitting = sockets.filter_map(|(handle, socket)| {
            let Role::Dgram(dgram) = socket.role else { return None };
            let bound = socket.bound?;
            let exact = bound.ip() == to.ip();
            let fits = bound.port() == to.port()
                && bound.family() == to.family()
                && (exact || bound.ip().is_unspecified())
                && (!datagram.inside || socket.options.device.is_empty())
                && dgram.peer.is_none_or(|peer| peer == from);
            fits.then_some(((dgram.peer.is_some(), exact), handle))
        });
        let best = fitting.max_by_key(|&(score, _)| score);
        best.map(|(_, handle)| Id { host, handle })
    }

    /// Every member of a group gets a copy, and for a broadcast every socket on
    /// the port.
    fn deliver_to_group(&mut self, host: usize, datagram: Datagram) {
        let mut members = heapless::Vec::<Id, 16>::new();
        let (from, to) = (datagram.from, datagram.to);
        for (handle, socket) in self.hosts[host].sockets.iter() {
            let Role::Dgram(dgram) = socket.role else { continue };
            let Some(bound) = socket.bound else { continue };
            let options = &socket.options;
            let joined = !to.ip().is_multicast()
                || options
                    .groups
                    .iter()
                    .any(|group| group_ip(group) == to.ip() && is_inside(group) == datagram.inside);
            if bound.port() == to.port()
                && bound.family() == to.family()
                && (bound.ip().is_unspecified()
                    || bound.ip() == to.ip()
                    || bound.ip() == datagram.local)
                && dgram.peer.is_none_or(|peer| peer == from)
                && (!datagram.inside || options.device.is_empty())
                && joined
            {
                let _ = members.push(Id { host, handle });
            }
        }
        for id in members {
            let copy =
                Datagram { data: datagram.data.clone(), order: self.next_order(), ..datagram };
            self.enqueue(id, copy);
        }
    }

    /// A connected socket learns that its peer has no such port.
    fn handle_unreachable(&mut self, source: Id, to: SockAddr) {
        if let Ok(socket) = self.socket_mut(source)
            && let Role::Dgram(dgram) = &mut socket.role
            && dgram.peer == Some(to)
        {
            dgram.error = Some(Error::ECONNREFUSED);
        }
    }

    /// Receives one datagram (rows 122 to 130).
    pub(super) fn recv_datagram(
        &mut self,
        id: Id,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<RecvInfo> {
        let socket = self.socket(id)?;
        let unspecified = SockAddr::new(socket.family.unspecified(), 0);
        let Role::Dgram(dgram) = socket.role else { return Err(Error::EOPNOTSUPP) };
        self.take_datagram_error(id)?;
        let Some(index) = self.pool.first(id) else {
            let nothing = RecvInfo { len: 0, full_len: 0, from: unspecified, local: None };
            return if dgram.read_shut { Ok(nothing) } else { Err(Error::EAGAIN) };
        };
        let Some(datagram) = &self.pool.0[index] else { return Err(Error::EAGAIN) };
        let len = buf.len().min(datagram.data.len());
        buf[..len].copy_from_slice(&datagram.data[..len]);
        let info = RecvInfo {
            len,
            full_len: datagram.data.len(),
            from: datagram.from,
            local: Some(datagram.local),
        };
        if !flags.peek {
            self.pool.0[index] = None;
        }
        Ok(info)
    }

    /// `shutdown` of a connected datagram socket.
    pub(super) fn shutdown_datagram(&mut self, id: Id, how: Shutdown) -> Result<()> {
        if let Role::Dgram(dgram) = &mut self.socket_mut(id)?.role {
            if dgram.peer.is_none() {
                return Err(Error::ENOTCONN);
            }
            dgram.read_shut |= how != Shutdown::Write;
            dgram.write_shut |= how != Shutdown::Read;
        }
        self.touch();
        Ok(())
    }

    fn take_datagram_error(&mut self, id: Id) -> Result<()> {
        match &mut self.socket_mut(id)?.role {
            Role::Dgram(dgram) => dgram.error.take().map_or(Ok(()), Err),
            _ => Ok(()),
        }
    }

    /// Broadcasts need the option (row 134).
    fn check_broadcast(&self, id: Id, to: IpAddr) -> Result<()> {
        let allowed = self.socket(id)?.options.broadcast;
        if !allowed && self.is_broadcast(id.host, to) { Err(Error::EACCES) } else { Ok(()) }
    }

    /// When the next datagram arrives.
    pub(super) fn datagrams_due(&self) -> Option<Instant> {
        self.pool.iter().fold(None, |next, datagram| earlier(next, datagram.due()))
    }
}

/// Whether the group was joined on the loopback interface.
fn is_inside(group: &Group) -> bool {
    matches!(group, Group::V4 { interface, .. } if interface.is_loopback())
}

/// The group's address.
pub(super) fn group_ip(group: &Group) -> IpAddr {
    match *group {
        Group::V4 { group, .. } => group.into(),
        Group::V6 { group, .. } => group.into(),
    }
}
