//! Datagrams: each is a record in a ring, its address in front of its bytes.
//!
//! A link is opened with the wildcard as remote address in mode 2, so that it hears
//! everybody, and each send names its destination (4.2, 4.3). Filtering by peer and
//! implicit binding are ours.

use core::net::{IpAddr, Ipv4Addr};

use usocket_core::spi::{Handle, RecvInfo};
use usocket_core::{Error, Result, SockAddr};

use super::flight::{Exchange, Sending, Stage, short};
use super::input::Target;
use super::{Machine, PairId};
use crate::address::{self, Address};
use crate::cmd::{OpenUdp, Send, Set};
use crate::firmware::MAX_DATAGRAM;
use crate::link::{Owner, Phase as LinkPhase};
use crate::ring::Ring;
use crate::slot::State;

/// Length, port, family, address.
const HEADER: usize = if cfg!(feature = "ipv6") { 2 + 2 + 1 + 16 } else { 2 + 2 + 1 + 4 };

/// The address and length of a datagram in a ring.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Header {
    len: u16,
    address: Address,
}

impl Header {
    fn bytes(self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..2].copy_from_slice(&self.len.to_le_bytes());
        bytes[2..4].copy_from_slice(&self.address.port().to_le_bytes());
        match IpAddr::from(address::ip_of(self.address)) {
            IpAddr::V4(ip) => bytes[5..9].copy_from_slice(&ip.octets()),
            #[cfg(feature = "ipv6")]
            IpAddr::V6(ip) => {
                bytes[4] = 6;
                bytes[5..].copy_from_slice(&ip.octets());
            }
            #[cfg(not(feature = "ipv6"))]
            IpAddr::V6(_) => {}
        }
        bytes
    }

    /// The header at the front of a ring.
    fn of(ring: &Ring<'_>) -> Option<Self> {
        let mut bytes = [0; HEADER];
        if ring.peek(0, &mut bytes) < HEADER {
            return None;
        }
        let port = u16::from_le_bytes([bytes[2], bytes[3]]);
        let v4 = Ipv4Addr::new(bytes[5], bytes[6], bytes[7], bytes[8]);
        #[cfg(feature = "ipv6")]
        let ip = if bytes[4] == 6 {
            let mut octets = [0; 16];
            octets.copy_from_slice(&bytes[5..]);
            IpAddr::V6(octets.into())
        } else {
            v4.into()
        };
        #[cfg(not(feature = "ipv6"))]
        let ip = v4;
        let len = u16::from_le_bytes([bytes[0], bytes[1]]);
        Some(Self { len, address: Address::new(ip, port) })
    }
}

impl Machine<'_> {
    /// Largest datagram that can be sent.
    pub(crate) fn max_datagram(&self) -> usize {
        MAX_DATAGRAM.min(self.pairs.sizes().1.saturating_sub(HEADER))
    }

    /// With this much room and more any datagram can be queued.
    pub(super) fn datagram_worth(&self) -> usize {
        self.max_datagram() + HEADER - 1
    }

    /// Buffers and a link for a socket that has a port.
    pub(super) fn lease_datagrams(&mut self, handle: Handle) -> Result<()> {
        let slot = u8::try_from(handle.slot()).unwrap_or(u8::MAX);
        if self.slots.get(handle)?.pair.is_none() {
            let pair = self.pairs.lease().ok_or(Error::ENOBUFS)?;
            self.slots.get_mut(handle)?.pair = Some(pair);
        }
        if self.slots.get(handle)?.link.is_none() {
            let Some(link) = self.take_link(Owner::Slot(slot), false) else {
                let pair = self.slots.get_mut(handle)?.pair.take();
                self.pairs.release(pair);
                return Err(Error::ENOBUFS);
            };
            let socket = self.slots.get_mut(handle)?;
            socket.link = Some(link);
            let remote = socket.options.group.unwrap_or(address::unspecified(socket.family));
            let state = &mut self.links[usize::from(link)];
            state.local_port = socket.local_port;
            state.peer = Some(Address::new(remote, socket.local_port));
        }
        Ok(())
    }

    /// Binds a socket that is not bound, and gives it what it needs.
    fn bind_datagrams(&mut self, handle: Handle) -> Result<()> {
        let socket = self.slots.get(handle)?;
        if !socket.bound {
            let port = self.free_port(socket.kind);
            self.slots.get_mut(handle)?.local_port = port;
        }
        self.lease_datagrams(handle)?;
        self.slots.get_mut(handle)?.bound = true;
        Ok(())
    }

    /// Sets the default peer (row 91).
    pub(super) fn connect_datagrams(&mut self, handle: Handle, to: SockAddr) -> Result<()> {
        self.way()?;
        self.check_destination(handle, to)?;
        self.bind_datagrams(handle)?;
        self.slots.get_mut(handle)?.peer = Some(address::of_user(to));
        Ok(())
    }

    /// Broadcast is opt-in, and 1.x cannot (row 134, section 10).
    fn check_destination(&self, handle: Handle, to: SockAddr) -> Result<()> {
        let socket = self.slots.get(handle)?;
        let is_broadcast = match to.ip() {
            IpAddr::V4(ip) => ip.is_broadcast() || self.station.is_broadcast(ip),
            IpAddr::V6(_) => false,
        };
        if is_broadcast && !socket.options.broadcast {
            return Err(Error::EACCES);
        }
        if to.ip().is_multicast() && !self.firmware.groups {
            return Err(Error::ENETUNREACH);
        }
        Ok(())
    }

    /// Queues a datagram, whole or not at all.
    pub(crate) fn send_to(
        &mut self,
        handle: Handle,
        data: &[u8],
        to: Option<SockAddr>,
    ) -> Result<usize> {
        let socket = self.slots.get_mut(handle)?;
        let to = to.or(socket.peer.map(SockAddr::from)).ok_or(Error::EDESTADDRREQ)?;
        if let Some(error) = socket.error.take() {
            return Err(error);
        }
        if data.len() > self.max_datagram() {
            return Err(Error::EMSGSIZE);
        }
        self.check_destination(handle, to)?;
        // Neither can be said to the modem: it takes 1 byte at least, and three plus signs
        // cancel the send (4.3).
        if data.is_empty() || data == b"+++" {
            return Err(Error::EOPNOTSUPP);
        }
        self.way()?;
        self.bind_datagrams(handle)?;
        let pair = self.slots.get(handle)?.pair;
        let Some(mut ring) = self.pairs.tx(pair) else { return Err(Error::ENOBUFS) };
        if ring.marks.free() < HEADER + data.len() {
            return Err(Error::EAGAIN);
        }
        let header = Header { len: short(data.len()), address: address::of_user(to) };
        ring.stage_from(&header.bytes());
        ring.stage_from(data);
        ring.marks.commit();
        self.work = true;
        Ok(data.len())
    }

    /// Takes one datagram; what does not fit is gone with it (row 122).
    pub(crate) fn recv_datagram(
        &mut self,
        handle: Handle,
        buf: &mut [u8],
        peek: bool,
    ) -> Result<RecvInfo> {
        let socket = self.slots.get_mut(handle)?;
        let pair = socket.pair;
        if let Some(ring) = self.pairs.rx(pair)
            && let Some(header) = Header::of(&ring)
        {
            let len = buf.len().min(header.len.into());
            ring.peek(HEADER, &mut buf[..len]);
            if !peek {
                ring.marks.consume(HEADER + usize::from(header.len));
            }
            let from = SockAddr::from(header.address);
            return Ok(RecvInfo { len, full_len: header.len.into(), from, local: None });
        }
        match socket.error {
            Some(error) => {
                if !peek {
                    socket.error = None;
                }
                Err(error)
            }
            None => Err(Error::EAGAIN),
        }
    }

    /// Opens the link of a datagram socket.
    pub(super) fn open_datagrams(&mut self, link: u8) -> bool {
        if self.way().is_err() {
            return false;
        }
        if !self.tells_sender {
            return self.issue(Exchange::Sender, &Set(b"+CIPDINFO=1"));
        }
        let state = &self.links[usize::from(link)];
        let Some(remote) = state.peer.map(address::ip_of) else { return false };
        let local_port = state.local_port;
        let open = OpenUdp { link, remote, port: local_port, local_port };
        if !self.issue(Exchange::Open(link), &open) {
            return false;
        }
        self.links[usize::from(link)].phase = LinkPhase::Opening;
        true
    }

    pub(super) fn datagrams_opened(&mut self, link: u8, ok: bool) {
        let state = &mut self.links[usize::from(link)];
        if ok {
            state.phase = LinkPhase::Open;
            state.touched = true;
            self.touched = true;
            return;
        }
        if let Owner::Slot(slot) = state.owner
            && let Some(socket) = self.slots.at(slot)
        {
            socket.link = None;
            socket.error = Some(Error::ENETUNREACH);
            let pair = socket.pair;
            if let Some(pair) = self.pairs.get_mut(pair) {
                pair.tx.clear();
            }
        }
        self.hold_link(link);
    }

    /// The modem has closed the link of a datagram socket; it gets another one.
    pub(super) fn datagrams_closed(&mut self, link: u8, slot: u8) {
        if let Some(socket) = self.slots.at(slot) {
            socket.link = None;
        }
        self.free_link(link);
        self.reopen_datagrams();
    }

    /// Links for the datagram sockets that have lost theirs.
    pub(super) fn reopen_datagrams(&mut self) {
        for index in 0..self.slots.0.len() {
            let handle = self.slots.handle(index);
            let Ok(socket) = self.slots.get(handle) else { continue };
            if socket.state == State::Dgram && socket.bound && socket.link.is_none() {
                // Without a free link it is tried again at the next send.
                let _ = self.lease_datagrams(handle);
            }
        }
    }

    /// Opens the link of a socket anew: its group has changed.
    pub(super) fn rejoin_group(&mut self, handle: Handle) {
        let Ok(socket) = self.slots.get_mut(handle) else { return };
        let Some(link) = socket.link else { return };
        if self.links[usize::from(link)].phase == LinkPhase::Wanted {
            let remote = socket.options.group.unwrap_or(address::unspecified(socket.family));
            self.links[usize::from(link)].peer = Some(Address::new(remote, socket.local_port));
            return;
        }
        socket.link = None;
        self.links[usize::from(link)].owner = Owner::Orphan;
        self.links[usize::from(link)].linger_until = Some(self.now);
        self.work = true;
        self.reopen_datagrams();
    }

    /// Sends the datagram at the front of a ring.
    pub(super) fn send_datagram(&mut self, link: u8, pair: Option<PairId>) -> bool {
        let header = self.pairs.tx(pair).and_then(|ring| Header::of(&ring));
        let Some(Header { len, address }) = header else { return false };
        self.links[usize::from(link)].read_last = false;
        let sending = Sending { link, len, buffered: false, pair, stage: Stage::Command };
        self.issue(Exchange::Send(sending), &Send { link, len, to: Some(address) })
    }

    /// The modem is ready for the bytes of a datagram.
    pub(super) fn datagram_prompted(&mut self, pair: Option<PairId>) {
        if let Some(pair) = self.pairs.get_mut(pair) {
            pair.tx.consume(HEADER);
        }
    }

    /// A datagram that the modem does not take is lost, as datagrams may be.
    pub(super) fn datagram_refused(&mut self, link: u8) {
        let pair = self.pair_of(link);
        if let Some(ring) = self.pairs.tx(pair)
            && let Some(header) = Header::of(&ring)
        {
            ring.marks.consume(HEADER + usize::from(header.len));
        }
        count!(self, dropped);
        self.status_due = true;
    }

    /// A datagram comes in.
    pub(super) fn datagram_begins(&mut self, link: u8, len: u16, from: Option<Address>) -> Target {
        let Owner::Slot(slot) = self.links[usize::from(link)].owner else { return Target::Nowhere };
        let Some(socket) = self.slots.at(slot) else { return Target::Nowhere };
        let Some(from) = from else {
            // The modem was told to say who sent it (5.1), and has not heard.
            self.tells_sender = false;
            count!(self, dropped);
            return Target::Nowhere;
        };
        if socket.peer.is_some_and(|peer| peer != from) {
            return Target::Nowhere;
        }
        let pair = socket.pair;
        let Some(mut ring) = self.pairs.rx(pair) else { return Target::Nowhere };
        if ring.marks.free() < HEADER + usize::from(len) {
            count!(self, dropped);
            return Target::Nowhere;
        }
        ring.stage_from(&Header { len, address: from }.bytes());
        Target::Datagram { pair, link }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::Marks;

    #[test]
    fn a_header_survives_the_ring() {
        let mut memory = [0; HEADER + 3];
        let mut marks = Marks::new(memory.len());
        let mut ring = Ring { marks: &mut marks, bytes: &mut memory };
        let header =
            Header { len: 1472, address: Address::new(Ipv4Addr::new(10, 0, 0, 1).into(), 65535) };
        ring.push(&header.bytes());
        assert_eq!(Header::of(&ring), Some(header));
        ring.marks.consume(1);
        assert_eq!(Header::of(&ring), None);
    }
}
