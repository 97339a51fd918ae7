//! How datagrams get out.
//!
//! The stack sends the datagrams of one socket in order, so that one to a neighbour who
//! does not exist keeps all behind it. Hence nobody sends through their own socket: each
//! datagram goes through one of a few senders, alone. Who is stuck is stuck alone, gives
//! way to others soon, and is remembered for a while (R19).

use heapless::Vec;
use smoltcp::socket::udp;
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint, Ipv4Address};
use usocket_core::spi::Handle;
use usocket_core::{Error, Instant, Result};

use crate::address::next_hop;
use crate::datagram::MAX_DATAGRAM;
use crate::seat::Seat;
use crate::state::State;
use crate::time::{NEVER, Span};

/// Datagrams on their way out.
pub(crate) const SENDERS: usize = 3;

/// How long a neighbour is looked for: time for three questions.
const NEIGHBOUR_TIMEOUT: Span = Span::from_millis(2500);

/// From when on a datagram whose neighbour does not answer gives way to others. Neighbours
/// answer within some milliseconds.
const PATIENCE: Span = Span::from_millis(100);

/// How long a neighbour who did not answer is not asked again for each datagram.
const MEMORY: Span = Span::from_secs(10);

/// Neighbours remembered.
const ABSENT: usize = 4;

/// Those who send.
pub(crate) struct Senders<'a> {
    senders: [Sender<'a>; SENDERS],
    /// Neighbours who did not answer, and until when that is believed.
    absent: Vec<(IpAddress, Instant), ABSENT>,
}

struct Sender<'a> {
    seat: Seat<'a>,
    load: Option<Load>,
}

/// A datagram that is not out yet.
#[derive(Clone, Copy)]
struct Load {
    socket: Handle,
    to: IpEndpoint,
    /// The neighbour it goes to.
    hop: IpAddress,
    since: Instant,
    /// Whether that neighbour has not answered yet.
    stuck: bool,
}

impl Load {
    fn gives_way(&self, now: Instant) -> bool {
        self.stuck && now >= self.since + PATIENCE
    }
}

impl<'a> Senders<'a> {
    pub(crate) fn new(
        memory: &'a mut [([udp::PacketMetadata; 1], [u8; MAX_DATAGRAM]); SENDERS],
    ) -> Self {
        let senders = memory.each_mut().map(|(meta, bytes)| {
            let nothing = udp::PacketBuffer::new(&mut [][..], &mut [][..]);
            let out = udp::PacketBuffer::new(&mut meta[..], &mut bytes[..]);
            Sender { seat: Seat::new(udp::Socket::new(nothing, out)), load: None }
        });
        Self { senders, absent: Vec::new() }
    }

    /// The sender for a datagram to the neighbour `hop`: one behind those that are loaded
    /// for the same neighbour, so that they go out in order; or one that gives way, of
    /// the same neighbour if possible. One neighbour never gets the last one by waiting.
    fn find(&self, hop: IpAddress, now: Instant) -> Option<usize> {
        let yielding = self.senders.iter().enumerate().filter_map(|(index, sender)| {
            let load = sender.load.filter(|load| load.gives_way(now))?;
            Some((load.hop != hop, load.since, index))
        });
        let same = yielding.clone().filter(|(other, ..)| !other).count();
        let last =
            self.senders.iter().rposition(|sender| sender.load.is_some_and(|load| load.hop == hop));
        let behind = last.map_or(0, |last| last + 1);
        let free = (behind..SENDERS).find(|&index| self.senders[index].load.is_none());
        if free.is_some() && same < SENDERS - 1 {
            return free;
        }
        yielding.min().map(|(.., index)| index)
    }

    /// Whether a datagram to anybody would find a sender now.
    pub(crate) fn ready(&self, now: Instant) -> bool {
        let last = self.senders.last();
        last.is_none_or(|sender| sender.load.is_none())
            || self.senders.iter().flat_map(|sender| sender.load).any(|load| load.gives_way(now))
    }

    #[cfg(feature = "neighbours")]
    /// The neighbours that datagrams wait for.
    pub(crate) fn wanted(&self) -> impl Iterator<Item = IpAddress> {
        self.loads().filter(|load| load.stuck).map(|load| load.hop)
    }

    fn loads(&self) -> impl Iterator<Item = Load> {
        self.senders.iter().filter_map(|sender| sender.load)
    }
}

impl State<'_> {
    /// Gives a datagram to a sender; `EAGAIN` where none is free.
    pub(crate) fn launch(
        &mut self,
        socket: Handle,
        from: IpEndpoint,
        to: IpEndpoint,
        hops: u8,
        data: &[u8],
    ) -> Result<()> {
        let hop = next_hop(&self.iface, to.addr);
        if !self.senders.ready(self.now) {
            return Err(Error::EAGAIN);
        }
        let absent = self.senders.absent.iter().any(|&(ip, until)| ip == hop && self.now < until);
        if absent && self.senders.loads().any(|load| load.hop == hop) {
            // One at a time is enough to find out that the neighbour is back.
            self.note_error(socket, to, Error::EHOSTUNREACH);
            return Ok(());
        }
        let index = self.senders.find(hop, self.now).ok_or(Error::EAGAIN)?;
        // Who takes the place of another for the same neighbour has waited as long.
        let before = self.senders.senders[index].load.filter(|load| load.hop == hop);
        let since = before.map_or(self.now, |load| load.since);
        self.clear_sender(index);
        let sender = &mut self.senders.senders[index];
        let out = sender.seat.show(&mut self.set).ok_or(Error::ENOBUFS)?;
        // An address that nobody sends to: what comes for the port is not for the sender.
        let nowhere = IpAddress::Ipv4(Ipv4Address::new(0, 0, 0, 1));
        let place = IpListenEndpoint { addr: Some(nowhere), port: from.port };
        out.bind(place).map_err(|_| Error::ENOBUFS)?;
        out.set_hop_limit(Some(hops));
        let mut meta = udp::UdpMetadata::from(to);
        meta.local_address = Some(from.addr);
        out.send_slice(data, meta).map_err(|_| Error::ENOBUFS)?;
        sender.load = Some(Load { socket, to, hop, since, stuck: before.is_some() });
        self.touch();
        Ok(())
    }

    /// Makes a sender empty.
    fn clear_sender(&mut self, index: usize) {
        let sender = &mut self.senders.senders[index];
        if sender.load.take().is_some() {
            sender.seat.hide(&mut self.set);
        }
    }

    /// Before the way out: gives up neighbours who have not answered for too long, so that
    /// others are asked for.
    pub(crate) fn expire_senders(&mut self) {
        for index in 0..SENDERS {
            let Some(load) = self.senders.senders[index].load else { continue };
            if !load.stuck || self.now < load.since + NEIGHBOUR_TIMEOUT {
                continue;
            }
            self.clear_sender(index);
            self.note_error(load.socket, load.to, Error::EHOSTUNREACH);
            let absent = &mut self.senders.absent;
            absent.retain(|&(ip, until)| ip != load.hop && until > self.now);
            if absent.is_full() {
                absent.remove(0);
            }
            let _ = absent.push((load.hop, self.now + MEMORY));
        }
    }

    /// Behind the way out: who is done, and who is stuck.
    pub(crate) fn step_senders(&mut self, full: bool) {
        for index in 0..SENDERS {
            let sender = &mut self.senders.senders[index];
            let Some(load) = &mut sender.load else { continue };
            if sender.seat.shown(&mut self.set).is_none_or(|out| out.can_send()) {
                let hop = load.hop;
                self.clear_sender(index);
                self.senders.absent.retain(|&(ip, _)| ip != hop);
            } else if !full {
                load.stuck = true;
            }
        }
    }

    /// When a datagram gives way, or its neighbour is given up.
    pub(crate) fn datagrams_due(&self) -> Instant {
        let times = self
            .senders
            .loads()
            .flat_map(|load| [load.since + PATIENCE, load.since + NEIGHBOUR_TIMEOUT]);
        times.filter(|&time| time > self.now).min().unwrap_or(NEVER)
    }

    /// Datagrams that are not out yet.
    pub(crate) fn datagrams_lingering(&self) -> usize {
        self.senders.loads().count()
    }
}
