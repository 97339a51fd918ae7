//! Datagram sockets (S18, S19): a queue of the stack for each, and what may be sent. How
//! it gets out is in `senders`.

use core::net::IpAddr;

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::udp;
use smoltcp::wire::{IpAddress, IpEndpoint};
#[cfg(feature = "multicast")]
use usocket_core::spi::Group;
use usocket_core::spi::{Handle, RecvFlags, RecvInfo, Shutdown};
use usocket_core::{Error, Events, Family, POLLERR, POLLIN, POLLOUT, Result, SockAddr};

use crate::address::{
    endpoint, family, from_stack, is_broadcast, is_local, listen_endpoint, sock_addr, to_stack,
    wildcard,
};
use crate::slots::{Dgram, Role, Slot};
use crate::state::State;

/// Largest datagram: what fits into an Ethernet frame, as there is no fragmentation.
pub(crate) const MAX_DATAGRAM: usize = 1472;

/// What arrives for one socket.
pub(crate) struct Queue {
    place: Option<SocketHandle>,
    pub(crate) owner: Option<Handle>,
}

impl Queue {
    pub(crate) const EMPTY: Self = Self { place: None, owner: None };

    pub(crate) fn equip<'a>(
        &mut self,
        set: &mut SocketSet<'a>,
        meta: &'a mut [udp::PacketMetadata],
        bytes: &'a mut [u8],
    ) {
        let nothing = udp::PacketBuffer::new(&mut [][..], &mut [][..]);
        let socket = udp::Socket::new(udp::PacketBuffer::new(meta, bytes), nothing);
        self.place = Some(set.add(socket));
    }
}

impl State<'_> {
    pub(crate) fn open_datagrams(&mut self, handle: Handle) -> Result<()> {
        let free = self.queues.iter().position(|queue| queue.owner.is_none());
        let queue = free.ok_or(Error::ENOMEM)?;
        self.queues[queue].owner = Some(handle);
        let dgram = Dgram { queue, peer: None, error: None, read_shut: false, write_shut: false };
        self.slots.get_mut(handle)?.role = Role::Dgram(dgram);
        Ok(())
    }

    /// Begins to receive at an address.
    pub(crate) fn bind_queue(&mut self, handle: Handle, address: IpEndpoint) -> Result<()> {
        let Role::Dgram(dgram) = self.slots.get(handle)?.role else { return Ok(()) };
        let Some(place) = self.queues[dgram.queue].place else { return Ok(()) };
        let socket = self.set.get_mut::<udp::Socket<'_>>(place);
        socket.close();
        socket.bind(listen_endpoint(address)).map_err(|_| Error::EADDRNOTAVAIL)
    }

    pub(crate) fn release_datagrams(&mut self, slot: &Slot, dgram: &Dgram) {
        #[cfg(not(feature = "multicast"))]
        let _ = slot;
        #[cfg(feature = "multicast")]
        for group in &slot.options.groups {
            self.leave_stack_group(group);
        }
        let queue = &mut self.queues[dgram.queue];
        queue.owner = None;
        if let Some(place) = queue.place {
            self.set.get_mut::<udp::Socket<'_>>(place).close();
        }
    }

    /// `connect` of a datagram socket: sets the default peer (row 91).
    pub(crate) fn connect_datagrams(&mut self, handle: Handle, to: SockAddr) -> Result<()> {
        let to = endpoint(to)?;
        self.check_broadcast(handle, to.addr)?;
        let source = self.source(self.slots.get(handle)?.bound, to.addr)?;
        let bound = self.bind_implicitly(handle, source)?;
        if bound.addr.is_unspecified() {
            let local = IpEndpoint::new(source, bound.port);
            self.slots.get_mut(handle)?.bound = Some(local);
        }
        if let Role::Dgram(dgram) = &mut self.slots.get_mut(handle)?.role {
            *dgram = Dgram { peer: Some(to), error: None, ..*dgram };
        }
        self.purge(handle);
        self.look(handle);
        Ok(())
    }

    /// Sends to the default peer (row 103).
    pub(crate) fn send_datagram(&mut self, handle: Handle, data: &[u8]) -> Result<usize> {
        let Role::Dgram(dgram) = self.slots.get(handle)?.role else { return Err(Error::EPIPE) };
        let to = dgram.peer.ok_or(Error::EDESTADDRREQ)?;
        self.send_to(handle, data, None, sock_addr(to))
    }

    /// Sends one datagram (rows 128 to 137).
    pub(crate) fn send_to(
        &mut self,
        handle: Handle,
        data: &[u8],
        from: Option<IpAddr>,
        to: SockAddr,
    ) -> Result<usize> {
        self.take_datagram_error(handle)?;
        let slot = self.slots.get(handle)?;
        let Role::Dgram(dgram) = slot.role else { return Err(Error::EOPNOTSUPP) };
        if dgram.write_shut {
            return Err(Error::EPIPE);
        }
        let limit = slot.send_limit();
        if data.len() > self.max_datagram(slot.family).min(limit) {
            return Err(Error::EMSGSIZE);
        }
        let to = endpoint(to)?;
        self.check_broadcast(handle, to.addr)?;
        let (bound, family) = (slot.bound, slot.family);
        let hops =
            if to.addr.is_multicast() { slot.options.multicast_ttl } else { slot.options.ttl };
        let source = match from {
            None => self.multicast_source(handle, to.addr)?,
            Some(from) => {
                let own = to_stack(from).filter(|&ip| is_local(&self.iface, ip));
                let own = IpEndpoint::new(own.ok_or(Error::EADDRNOTAVAIL)?, 0);
                Some(self.source(Some(own), to.addr)?)
            }
        };
        let source = source.map_or_else(|| self.source(bound, to.addr), Ok)?;
        let bound = self.bind_implicitly(handle, wildcard(family))?;
        if hops == 0 {
            // It may not leave this host.
            return Ok(data.len());
        }
        self.launch(handle, IpEndpoint::new(source, bound.port), to, hops, data)?;
        self.look(handle);
        Ok(data.len())
    }

    /// Receives one datagram (S18).
    pub(crate) fn recv_datagram(
        &mut self,
        handle: Handle,
        buf: &mut [u8],
        flags: RecvFlags,
    ) -> Result<RecvInfo> {
        self.take_datagram_error(handle)?;
        self.purge(handle);
        let slot = self.slots.get(handle)?;
        let Role::Dgram(dgram) = slot.role else { return Err(Error::ENOTCONN) };
        let nobody = sock_addr(slot.nowhere());
        let Some(place) = self.queues[dgram.queue].place else { return Err(Error::EAGAIN) };
        let socket = self.set.get_mut::<udp::Socket<'_>>(place);
        if !socket.can_recv() {
            let end = RecvInfo { len: 0, full_len: 0, from: nobody, local: None };
            return if dgram.read_shut { Ok(end) } else { Err(Error::EAGAIN) };
        }
        let mut info = |data: &[u8], meta: &udp::UdpMetadata| {
            let len = data.len().min(buf.len());
            buf[..len].copy_from_slice(&data[..len]);
            RecvInfo {
                len,
                full_len: data.len(),
                from: sock_addr(meta.endpoint),
                local: meta.local_address.map(from_stack),
            }
        };
        let found = if flags.peek {
            socket.peek().map(|(data, meta)| info(data, meta))
        } else {
            socket.recv().map(|(data, meta)| info(data, &meta))
        };
        self.purge(handle);
        self.look(handle);
        found.map_err(|_| Error::EAGAIN)
    }

    /// Drops what stands at the head of the queue and is not for this socket.
    fn purge(&mut self, handle: Handle) {
        let Ok(slot) = self.slots.get(handle) else { return };
        let Role::Dgram(dgram) = slot.role else { return };
        let Some(place) = self.queues[dgram.queue].place else { return };
        let socket = self.set.get_mut::<udp::Socket<'_>>(place);
        while let Ok((_, meta)) = socket.peek() {
            if wants(slot, &dgram, meta.endpoint, meta.local_address) {
                return;
            }
            let _ = socket.recv();
        }
    }

    /// Readiness of a datagram socket (row 195).
    pub(crate) fn datagram_readiness(&self, dgram: &Dgram) -> Events {
        let mut events = Events::NONE;
        let place = self.queues[dgram.queue].place;
        let waits = place.is_some_and(|place| self.set.get::<udp::Socket<'_>>(place).can_recv());
        if dgram.read_shut || waits {
            events |= POLLIN;
        }
        if dgram.write_shut || self.senders.ready(self.now) {
            events |= POLLOUT;
        }
        if dgram.error.is_some() {
            events |= POLLERR;
        }
        events
    }

    /// Drops what came for nobody, before anybody is told that something came.
    pub(crate) fn purge_all(&mut self) {
        for index in 0..self.queues.len() {
            if let Some(handle) = self.queues[index].owner {
                self.purge(handle);
            }
        }
    }

    pub(crate) fn shutdown_datagram(&mut self, handle: Handle, how: Shutdown) -> Result<()> {
        let Role::Dgram(dgram) = &mut self.slots.get_mut(handle)?.role else {
            return Err(Error::ENOTCONN);
        };
        if dgram.peer.is_none() {
            return Err(Error::ENOTCONN);
        }
        dgram.read_shut |= how != Shutdown::Write;
        dgram.write_shut |= how != Shutdown::Read;
        self.look(handle);
        self.change();
        Ok(())
    }

    /// An ICMP message was about a datagram of ours (row 126).
    #[cfg(feature = "unreachable")]
    pub(crate) fn note_unreachable(&mut self, local: IpEndpoint, remote: IpEndpoint, error: Error) {
        // Several may have the port.
        let found = self.slots.iter().find_map(|(handle, slot)| {
            let Role::Dgram(dgram) = slot.role else { return None };
            let sent = slot.bound?.port == local.port && dgram.peer == Some(remote);
            sent.then_some(handle)
        });
        if let Some(handle) = found {
            self.note_error(handle, remote, error);
        }
    }

    /// Only who has asked for one peer is told (row 137).
    pub(crate) fn note_error(&mut self, handle: Handle, remote: IpEndpoint, error: Error) {
        let Ok(slot) = self.slots.get_mut(handle) else { return };
        if let Role::Dgram(dgram) = &mut slot.role
            && dgram.peer == Some(remote)
        {
            dgram.error = Some(error);
            self.look(handle);
        }
    }

    fn take_datagram_error(&mut self, handle: Handle) -> Result<()> {
        let Role::Dgram(dgram) = &mut self.slots.get_mut(handle)?.role else { return Ok(()) };
        match dgram.error.take() {
            Some(error) => {
                self.look(handle);
                Err(error)
            }
            None => Ok(()),
        }
    }

    fn check_broadcast(&self, handle: Handle, to: IpAddress) -> Result<()> {
        let allowed = self.slots.get(handle)?.options.broadcast;
        if is_broadcast(&self.iface, to) && !allowed { Err(Error::EACCES) } else { Ok(()) }
    }

    /// The address that `IP_MULTICAST_IF` names, for a group.
    fn multicast_source(&self, handle: Handle, to: IpAddress) -> Result<Option<IpAddress>> {
        let named = self.slots.get(handle)?.options.multicast_interface;
        if !to.is_multicast() || family(to) != Family::V4 || named.is_unspecified() {
            return Ok(None);
        }
        self.check_link(Family::V4)?;
        Ok(Some(IpAddress::Ipv4(named)))
    }

    /// Largest datagram of a family.
    pub(crate) fn max_datagram(&self, family: Family) -> usize {
        let headers = match family {
            Family::V4 => 28,
            Family::V6 => 48,
        };
        self.mtu.saturating_sub(headers).min(MAX_DATAGRAM)
    }

    /// The bytes that can wait at a socket.
    pub(crate) fn queue_bytes(&self, dgram: &Dgram) -> usize {
        let place = self.queues[dgram.queue].place;
        place.map_or(0, |place| self.set.get::<udp::Socket<'_>>(place).payload_recv_capacity())
    }
}

/// Whether a datagram is for this socket.
fn wants(slot: &Slot, dgram: &Dgram, from: IpEndpoint, to: Option<IpAddress>) -> bool {
    if family(from.addr) != slot.family || dgram.peer.is_some_and(|peer| peer != from) {
        return false;
    }
    let Some(to) = to.filter(|to| to.is_multicast()) else { return true };
    let bound_to = slot.bound.is_some_and(|bound| bound.addr == to || !bound.addr.is_multicast());
    #[cfg(not(feature = "multicast"))]
    let joined = false;
    #[cfg(feature = "multicast")]
    let to = from_stack(to);
    #[cfg(feature = "multicast")]
    let joined = slot.options.groups.iter().any(|group| match *group {
        Group::V4 { group, .. } => to == group,
        Group::V6 { group, .. } => to == group,
    });
    bound_to && joined
}
