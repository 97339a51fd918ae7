//! The sockets of the user: a table in the caller's storage.

#[cfg(feature = "multicast")]
use heapless::Vec;
use smoltcp::wire::IpEndpoint;
#[cfg(feature = "udp")]
use usocket_core::Events;
#[cfg(feature = "options")]
use usocket_core::spi::DeviceName;
#[cfg(feature = "multicast")]
use usocket_core::spi::Group;
use usocket_core::spi::{Handle, SockType};
use usocket_core::{Error, Family, Result};

#[cfg(feature = "server")]
use crate::address::overlap;
use crate::address::wildcard;

#[cfg(feature = "multicast")]
/// Groups that one socket can join.
pub(crate) const GROUPS: usize = 4;

/// `IP_TTL` where nobody sets it.
#[cfg(feature = "options")]
pub(crate) const TTL: u8 = 64;

/// What the socket does now. Streams:
///
/// ```text
///            listen                    connect              established
/// Idle ----------------> Listening   Idle -----> Connecting ----------> Connected
///   ^                                              | refused, unreachable
///   | connect_result fetches it                    v
///   +------------------------------------------- Failed -----------> Ended
///                                                   receive fetches it
/// ```
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(crate) enum Role {
    /// A stream that is new or bound, or may be connected again.
    Idle,
    /// Connections wait in the table of pairs until they are accepted.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "there are none"))]
    Listening {
        #[cfg(feature = "server")]
        backlog: usize,
        /// There are none.
        #[cfg(not(feature = "server"))]
        never: core::convert::Infallible,
    },
    /// The outcome is not known yet; the pair's index.
    Connecting(usize),
    /// The pair's index.
    Connected(usize),
    /// The connect failed and nobody has fetched the error.
    Failed(Error),
    /// The connect failed and a receive has told (row 88): end of stream.
    Ended,
    /// A datagram socket.
    #[cfg_attr(not(feature = "udp"), expect(dead_code, reason = "there are none"))]
    Dgram(Dgram),
}

/// State of a datagram socket.
#[cfg_attr(not(feature = "udp"), expect(dead_code, reason = "there are none"))]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dgram {
    /// The index of its queue.
    pub(crate) queue: usize,
    /// The default peer; datagrams of others are filtered out (row 91).
    pub(crate) peer: Option<IpEndpoint>,
    /// What an ICMP message told, until somebody is told (row 126).
    pub(crate) error: Option<Error>,
    pub(crate) read_shut: bool,
    pub(crate) write_shut: bool,
    /// There are none.
    #[cfg(not(feature = "udp"))]
    never: core::convert::Infallible,
}

/// One socket.
pub(crate) struct Slot {
    pub(crate) family: Family,
    pub(crate) kind: SockType,
    /// The local address once bound, by `bind` or implicitly.
    pub(crate) bound: Option<IpEndpoint>,
    #[cfg(any(feature = "server", feature = "udp"))]
    /// Whether we chose it: then a failed connect gives it back.
    pub(crate) implicit: bool,
    pub(crate) role: Role,
    #[cfg(feature = "options")]
    pub(crate) options: Options,
    #[cfg(feature = "udp")]
    /// The readiness when it was last looked at: what is more since then may wake those
    /// who wait for any socket (S8).
    pub(crate) seen: Events,
}

/// Sizes of buffers that are asked for; 0 is any.
#[cfg(feature = "buffer-classes")]
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wish {
    pub(crate) recv: u32,
    pub(crate) send: u32,
}

#[cfg(feature = "options")]
/// The options of a socket, with their defaults.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) reuse: bool,
    pub(crate) broadcast: bool,
    pub(crate) linger: Option<u16>,
    pub(crate) device: DeviceName,
    #[cfg(any(feature = "buffer-classes", feature = "udp"))]
    pub(crate) send_buffer: u32,
    /// What was asked for, to receive and to send: it chooses the class of a connection.
    #[cfg(feature = "buffer-classes")]
    pub(crate) wish: Wish,
    pub(crate) no_delay: bool,
    pub(crate) ttl: u8,
    #[cfg(feature = "keep-alive")]
    pub(crate) keep_alive: bool,
    #[cfg(feature = "keep-alive")]
    pub(crate) keep_idle: u16,
    #[cfg(feature = "keep-alive")]
    pub(crate) keep_interval: u16,
    #[cfg(feature = "keep-alive")]
    pub(crate) keep_count: u8,
    #[cfg(feature = "udp")]
    pub(crate) multicast_ttl: u8,
    #[cfg(feature = "udp")]
    pub(crate) multicast_interface: core::net::Ipv4Addr,
    #[cfg(feature = "multicast")]
    pub(crate) groups: Vec<Group, GROUPS>,
}

#[cfg(feature = "options")]
impl Options {
    pub(crate) fn new(
        #[cfg(any(feature = "buffer-classes", feature = "udp"))] send_buffer: u32,
    ) -> Self {
        Self {
            reuse: false,
            broadcast: false,
            linger: None,
            device: DeviceName::new(),
            #[cfg(any(feature = "buffer-classes", feature = "udp"))]
            send_buffer,
            #[cfg(feature = "buffer-classes")]
            wish: Wish::default(),
            no_delay: false,
            ttl: TTL,
            #[cfg(feature = "keep-alive")]
            keep_alive: false,
            #[cfg(feature = "keep-alive")]
            keep_idle: 7200,
            #[cfg(feature = "keep-alive")]
            keep_interval: 75,
            #[cfg(feature = "keep-alive")]
            keep_count: 9,
            #[cfg(feature = "udp")]
            multicast_ttl: 1,
            #[cfg(feature = "udp")]
            multicast_interface: core::net::Ipv4Addr::UNSPECIFIED,
            #[cfg(feature = "multicast")]
            groups: Vec::new(),
        }
    }
}

impl Slot {
    /// How many bytes may wait to be sent, if there is room for them (`SO_SNDBUF`).
    pub(crate) fn send_limit(&self) -> usize {
        #[cfg(any(feature = "buffer-classes", feature = "udp"))]
        return usize::try_from(self.options.send_buffer).unwrap_or(usize::MAX);
        #[cfg(not(any(feature = "buffer-classes", feature = "udp")))]
        usize::MAX
    }

    /// `SO_LINGER`.
    pub(crate) fn linger(&self) -> Option<u16> {
        #[cfg(feature = "options")]
        return self.options.linger;
        #[cfg(not(feature = "options"))]
        None
    }

    /// The local address, `0.0.0.0:0` or `:::0` before bind.
    pub(crate) fn local(&self) -> IpEndpoint {
        self.bound.unwrap_or(self.nowhere())
    }

    /// The wildcard and port 0.
    pub(crate) fn nowhere(&self) -> IpEndpoint {
        IpEndpoint::new(wildcard(self.family), 0)
    }

    /// A connect has failed: the outcome waits to be fetched.
    pub(crate) fn fail(&mut self, error: Error) {
        self.role = Role::Failed(error);
        #[cfg(any(feature = "server", feature = "udp"))]
        let chosen = core::mem::take(&mut self.implicit);
        // Where none can be bound, we chose it.
        #[cfg(not(any(feature = "server", feature = "udp")))]
        let chosen = true;
        if chosen {
            self.bound = None;
        }
    }

    #[cfg(feature = "server")]
    /// Whether a listener of ours takes a connection to this address.
    pub(crate) fn listens_on(&self, at: IpEndpoint) -> bool {
        matches!(self.role, Role::Listening { .. })
            && self.bound.is_some_and(|bound| overlap(bound, at))
    }
}

/// A place of the table: generation and socket.
pub(crate) struct Entry {
    generation: u32,
    slot: Option<Slot>,
}

impl Entry {
    pub(crate) const EMPTY: Self = Self { generation: 0, slot: None };
}

/// The table. A stale handle finds nothing (S9).
pub(crate) struct Slots<'a>(pub(crate) &'a mut [Entry]);

impl Slots<'_> {
    pub(crate) fn insert(&mut self, slot: Slot) -> Result<Handle> {
        let free = self.0.iter_mut().enumerate().find(|(_, entry)| entry.slot.is_none());
        let (index, entry) = free.ok_or(Error::ENOMEM)?;
        entry.slot = Some(slot);
        Ok(handle(index, entry.generation))
    }

    #[inline(always)]
    pub(crate) fn get(&self, handle: Handle) -> Result<&Slot> {
        self.find(handle).ok_or(Error::EBADF)
    }

    #[inline(always)]
    pub(crate) fn get_mut(&mut self, handle: Handle) -> Result<&mut Slot> {
        self.find_mut(handle).ok_or(Error::EBADF)
    }

    #[cfg_attr(feature = "bulk", inline)]
    #[cfg_attr(not(feature = "bulk"), inline(never))]
    fn find(&self, handle: Handle) -> Option<&Slot> {
        let entry = self.0.get(handle.slot())?;
        entry.slot.as_ref().filter(|_| entry.generation == handle.generation())
    }

    #[cfg_attr(feature = "bulk", inline)]
    #[cfg_attr(not(feature = "bulk"), inline(never))]
    fn find_mut(&mut self, handle: Handle) -> Option<&mut Slot> {
        let entry = self.0.get_mut(handle.slot())?;
        entry.slot.as_mut().filter(|_| entry.generation == handle.generation())
    }

    pub(crate) fn remove(&mut self, handle: Handle) -> Result<Slot> {
        self.get(handle)?;
        let entry = &mut self.0[handle.slot()];
        entry.generation = entry.generation.wrapping_add(1);
        entry.slot.take().ok_or(Error::EBADF)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Handle, &Slot)> {
        self.0.iter().enumerate().filter_map(|(index, entry)| {
            entry.slot.as_ref().map(|slot| (handle(index, entry.generation), slot))
        })
    }

    /// How many there can be.
    pub(crate) fn capacity(&self) -> usize {
        self.0.len()
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a table has far fewer than u32::MAX slots")]
fn handle(index: usize, generation: u32) -> Handle {
    Handle::new(index as u32, generation)
}
