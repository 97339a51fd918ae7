//! All memory of a backend: supplied by the caller, sized by its type.

use smoltcp::iface::SocketStorage;
#[cfg(feature = "udp")]
use smoltcp::socket::udp;
#[cfg(feature = "buffer-classes")]
use usocket_core::{Error, Result};

#[cfg(feature = "udp")]
use crate::datagram::MAX_DATAGRAM;
use crate::pairs::Pair;
#[cfg(feature = "server")]
use crate::parked::Parked;
#[cfg(feature = "udp")]
use crate::senders::SENDERS;
use crate::slots::Entry;

/// Buffers of one pair, to receive and to send.
#[cfg(feature = "buffer-classes")]
type Buffers<'a> = (&'a mut [u8], &'a mut [u8]);

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
/// | `RX`, `TX` | bytes of a pair, unless others are lent to it |
/// | `DATAGRAMS` | datagram sockets among `SOCKETS` |
/// | `QUEUE` | bytes of datagrams that wait at one of them; five times the largest hold four (S19) |
/// | `PARKED` | connections that wait for a pair of buffers, 150 bytes each |
/// | `SET` | `STREAMS + DATAGRAMS + OWN` (see [`OWN`]): Rust cannot add them up here |
///
/// It is `const`, so it can be a static, and a listening socket takes no pair of it: only
/// a connection does. smoltcp's empty places are not all zero, so a static that begins with
/// `new()` lies in flash as well, buffers and all; one that is filled by the program
/// (`StaticCell::init_with(Storage::new)`) does not.
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
    #[cfg(feature = "buffer-classes")]
    lent: [Option<Buffers<'a>>; STREAMS],
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
            #[cfg(feature = "buffer-classes")]
            lent: [const { None }; STREAMS],
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

    /// Gives pair number `stream` (from 0) these buffers, to receive and to send, instead of
    /// its `RX` and `TX` bytes, which then lie idle: so that few large pairs and many small
    /// ones stand side by side. To be called before [`Net::new`](crate::Net::new).
    ///
    /// A connection takes the smallest free pair that has what its socket asked for by
    /// `SO_RCVBUF` and `SO_SNDBUF` before `connect` (a listening socket: for the connections
    /// that come to it), else the largest. Who asks for nothing gets the smallest. A
    /// connection never waits for another class: a free pair is used, whatever its size.
    ///
    /// ```
    /// use usocket_backend_smoltcp::{OWN, Storage};
    ///
    /// let (mut rx, mut tx) = ([0; 16384], [0; 4096]);
    /// // Four connections of 1 KiB, one of which may be a download.
    /// let mut memory: Storage<'_, 4, 4, 1024, 1024, 0, 0, 4, { 4 + OWN }> = Storage::new();
    /// memory.lend(3, &mut rx, &mut tx)?;
    /// # Ok::<(), usocket_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// `EINVAL`: there is no such pair, or a buffer is empty.
    #[cfg(feature = "buffer-classes")]
    pub fn lend(&mut self, stream: usize, rx: &'a mut [u8], tx: &'a mut [u8]) -> Result<()> {
        let place = self.lent.get_mut(stream).ok_or(Error::EINVAL)?;
        if rx.is_empty() || tx.is_empty() {
            return Err(Error::EINVAL);
        }
        *place = Some((rx, tx));
        Ok(())
    }

    /// The parts that the backend keeps, each pair with its buffers.
    pub(crate) fn split(&'a mut self) -> Parts<'a> {
        let buffers = self.rx.iter_mut().zip(&mut self.tx);
        for (pair, (rx, tx)) in self.pairs.iter_mut().zip(buffers) {
            pair.equip(rx, tx);
        }
        #[cfg(feature = "buffer-classes")]
        for (pair, lent) in self.pairs.iter_mut().zip(&mut self.lent) {
            if let Some((rx, tx)) = lent {
                pair.equip(rx, tx);
            }
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
