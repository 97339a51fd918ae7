//! All memory of a backend: supplied by the caller, sized by its type.

use smoltcp::iface::SocketStorage;
#[cfg(feature = "udp")]
use smoltcp::socket::udp;

#[cfg(feature = "udp")]
use crate::datagram::MAX_DATAGRAM;
use crate::pairs::Pair;
#[cfg(feature = "server")]
use crate::parked::Parked;
#[cfg(feature = "udp")]
use crate::senders::SENDERS;
use crate::slots::Entry;

/// Places of the stack's table that the backend takes for itself, as far as they are built in:
/// three senders of datagrams, the resolver and DHCP.
pub const OWN: usize = if cfg!(feature = "udp") { 3 } else { 0 }
    + if cfg!(feature = "dns") { 1 } else { 0 }
    + if cfg!(feature = "dhcp") { 1 } else { 0 };

/// Datagrams that wait at one socket at most.
#[cfg(feature = "udp")]
const WAITING: usize = 12;

/// The memory of a [`Net`](crate::Net).
///
/// | parameter | what |
/// |---|---|
/// | `SOCKETS` | sockets of the user at a time |
/// | `STREAMS` | pairs of buffers: connections, also those that close in the background |
/// | `RX`, `TX` | bytes of a pair |
/// | `DATAGRAMS` | datagram sockets among `SOCKETS` |
/// | `QUEUE` | bytes of datagrams that wait at one of them; five times the largest hold four (S19) |
/// | `PARKED` | connections that wait for a pair of buffers, 150 bytes each |
/// | `SET` | `STREAMS + DATAGRAMS + OWN` (see [`OWN`]): Rust cannot add them up here |
///
/// It is `const`, so it can be a static, and a listening socket takes no pair of it: only
/// a connection does.
///
/// ```
/// use usocket_backend_smoltcp::{OWN, Storage};
///
/// /// Eight sockets, three connections, one datagram socket: some 45 KB.
/// type Memory<'a> = Storage<'a, 8, 3, 4096, 4096, 1, 7360, 8, { 3 + 1 + OWN }>;
/// let memory = Memory::new();
/// # let _ = memory;
/// ```
pub struct Storage<
    'a,
    const SOCKETS: usize = 8,
    const STREAMS: usize = 4,
    const RX: usize = 4096,
    const TX: usize = 4096,
    const DATAGRAMS: usize = 2,
    const QUEUE: usize = 7360,
    const PARKED: usize = 8,
    const SET: usize = { 4 + 2 + OWN },
> {
    pub(crate) slots: [Entry; SOCKETS],
    pub(crate) pairs: [Pair<'a>; STREAMS],
    rx: [[u8; RX]; STREAMS],
    tx: [[u8; TX]; STREAMS],
    #[cfg(feature = "server")]
    parked: [Option<Parked>; PARKED],
    #[cfg(feature = "udp")]
    queues: [([udp::PacketMetadata; WAITING], [u8; QUEUE]); DATAGRAMS],
    #[cfg(feature = "udp")]
    senders: [([udp::PacketMetadata; 1], [u8; MAX_DATAGRAM]); SENDERS],
    #[cfg(feature = "udp")]
    queue_table: [crate::datagram::Queue; DATAGRAMS],
    #[cfg(feature = "dns")]
    resolver: crate::dns::Memory,
    set: [SocketStorage<'a>; SET],
}

impl<
    'a,
    const SOCKETS: usize,
    const STREAMS: usize,
    const RX: usize,
    const TX: usize,
    const DATAGRAMS: usize,
    const QUEUE: usize,
    const PARKED: usize,
    const SET: usize,
> Storage<'a, SOCKETS, STREAMS, RX, TX, DATAGRAMS, QUEUE, PARKED, SET>
{
    /// Empty memory.
    ///
    /// `SET` is checked when it is compiled.
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(SET == STREAMS + DATAGRAMS + OWN, "SET must be STREAMS + DATAGRAMS + OWN");
            assert!(STREAMS > 0 && RX > 0 && TX > 0, "no connection has room in this storage");
        }
        Self {
            slots: [const { Entry::EMPTY }; SOCKETS],
            pairs: [const { Pair::new() }; STREAMS],
            rx: [[0; RX]; STREAMS],
            tx: [[0; TX]; STREAMS],
            #[cfg(feature = "server")]
            parked: [const { None }; PARKED],
            #[cfg(feature = "udp")]
            queues: [const { ([udp::PacketMetadata::EMPTY; WAITING], [0; QUEUE]) }; DATAGRAMS],
            #[cfg(feature = "udp")]
            senders: [const { ([udp::PacketMetadata::EMPTY; 1], [0; MAX_DATAGRAM]) }; SENDERS],
            #[cfg(feature = "udp")]
            queue_table: [const { crate::datagram::Queue::EMPTY }; DATAGRAMS],
            #[cfg(feature = "dns")]
            resolver: crate::dns::Memory::new(),
            set: [SocketStorage::EMPTY; SET],
        }
    }

    /// The parts that the backend keeps, each pair with its buffers.
    pub(crate) fn split(&'a mut self) -> Parts<'a> {
        let buffers = self.rx.iter_mut().zip(&mut self.tx);
        for (pair, (rx, tx)) in self.pairs.iter_mut().zip(buffers) {
            pair.equip(rx, tx);
        }
        #[cfg_attr(not(feature = "udp"), expect(unused_mut, reason = "nothing is in it yet"))]
        let mut set = smoltcp::iface::SocketSet::new(&mut self.set[..]);
        #[cfg(feature = "udp")]
        for (queue, (meta, bytes)) in self.queue_table.iter_mut().zip(&mut self.queues) {
            queue.equip(&mut set, meta, bytes);
        }
        #[cfg(feature = "udp")]
        let senders = crate::senders::Senders::new(&mut self.senders);
        #[cfg(feature = "dns")]
        let resolver = crate::dns::Resolver::new(&mut self.resolver);
        Parts {
            slots: &mut self.slots,
            pairs: &mut self.pairs,
            #[cfg(feature = "server")]
            parked: &mut self.parked,
            #[cfg(feature = "udp")]
            queues: &mut self.queue_table,
            #[cfg(feature = "udp")]
            senders,
            #[cfg(feature = "dns")]
            resolver,
            set,
        }
    }
}

impl<
    const SOCKETS: usize,
    const STREAMS: usize,
    const RX: usize,
    const TX: usize,
    const DATAGRAMS: usize,
    const QUEUE: usize,
    const PARKED: usize,
    const SET: usize,
> Default for Storage<'_, SOCKETS, STREAMS, RX, TX, DATAGRAMS, QUEUE, PARKED, SET>
{
    fn default() -> Self {
        Self::new()
    }
}

/// A storage without its sizes.
pub(crate) struct Parts<'a> {
    pub(crate) slots: &'a mut [Entry],
    pub(crate) pairs: &'a mut [Pair<'a>],
    #[cfg(feature = "server")]
    pub(crate) parked: &'a mut [Option<Parked>],
    #[cfg(feature = "udp")]
    pub(crate) queues: &'a mut [crate::datagram::Queue],
    #[cfg(feature = "udp")]
    pub(crate) senders: crate::senders::Senders<'a>,
    #[cfg(feature = "dns")]
    pub(crate) resolver: crate::dns::Resolver<'a>,
    pub(crate) set: smoltcp::iface::SocketSet<'a>,
}
