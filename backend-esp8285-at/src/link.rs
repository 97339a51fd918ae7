//! Links: the modem's side of a connection.
//!
//! Ids are used again by the modem while a socket may still have data of the former link
//! (R22). So a link knows its owner only as long as it is that owner's, and what was
//! received belongs to the socket (P5).

use usocket_core::Instant;

use crate::address::Address;
use crate::firmware::Firmware;
use crate::machine::PairId;

/// One of the five links.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what is known of a link, bit by bit")]
pub(crate) struct Link {
    pub(crate) phase: Phase,
    pub(crate) owner: Owner,
    pub(crate) tcp: bool,
    /// Buffers of a link without a socket: an orphan's, or a pending one's in active mode.
    pub(crate) pair: Option<PairId>,
    /// Data may wait in the modem: a level, never a count (5.2).
    pub(crate) readable: bool,
    /// When data of it came last.
    pub(crate) fed: Option<Instant>,
    /// A notice has come since the last read was issued.
    pub(crate) noticed: bool,
    /// A notice has come since a read gave something: one `ERROR` is not the end.
    pub(crate) owed: bool,
    /// A status reply is being read, and this link changed or was listed meanwhile.
    pub(crate) touched: bool,
    /// `CLOSED` was seen while it was being opened: it is this link's, or a stale one.
    pub(crate) doubtful: bool,
    /// `CLOSED` was seen. What is unread may still be there (1.7.2 on).
    pub(crate) gone: bool,
    /// The last turn of this link was a read.
    pub(crate) read_last: bool,
    /// Close by a reset where the firmware can.
    pub(crate) reset: bool,
    /// `CIPTCPOPT` is to be sent: linger 0 or `TCP_NODELAY`.
    pub(crate) option_due: bool,
    pub(crate) no_delay: bool,
    pub(crate) peer: Option<Address>,
    pub(crate) local_port: u16,
    /// The peer came to us.
    #[cfg(feature = "server")]
    pub(crate) accepted: bool,
    /// In which order clients came.
    #[cfg(feature = "server")]
    pub(crate) order: u32,
    /// Segments of `CIPSENDBUF` that are not acknowledged yet.
    pub(crate) segments: Segments,
    /// The number of the oldest one.
    pub(crate) first_segment: u32,
    /// Not to be sent on before this, as the modem's buffer was full; or not to be opened,
    /// nor to be taken for free, as a stale `CLOSED` may still come.
    pub(crate) send_at: Option<Instant>,
    /// An orphan is closed then, done or not.
    pub(crate) linger_until: Option<Instant>,
}

/// Where a link is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Free,
    /// Free, but until `send_at` a stale `CLOSED` may still come (4.2).
    Held,
    /// Taken for a `CIPSTART` that is still to be sent.
    Wanted,
    /// `CIPSTART` is in flight.
    Opening,
    Open,
}

/// Whose a link is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    None,
    /// The socket in this slot.
    Slot(u8),
    /// A client that nobody has accepted yet.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "of servers"))]
    Pending,
    /// Its socket was closed; it flushes and closes in the background.
    Orphan,
}

impl Link {
    pub(crate) const fn new() -> Self {
        Self {
            phase: Phase::Free,
            owner: Owner::None,
            tcp: true,
            pair: None,
            readable: false,
            fed: None,
            noticed: false,
            owed: false,
            touched: false,
            doubtful: false,
            gone: false,
            read_last: false,
            reset: false,
            option_due: false,
            no_delay: false,
            peer: None,
            local_port: 0,
            #[cfg(feature = "server")]
            accepted: false,
            #[cfg(feature = "server")]
            order: 0,
            segments: Segments::NONE,
            first_segment: 1,
            send_at: None,
            linger_until: None,
        }
    }

    /// Forgets everything of the former life.
    pub(crate) fn renew(&mut self, phase: Phase, owner: Owner) {
        *self = Self { phase, owner, touched: true, ..Self::new() };
    }

    /// To be closed by a reset: `CIPCLOSEMODE` goes before the close, `CIPTCPOPT` at once.
    pub(crate) fn reset(&mut self, firmware: &Firmware) {
        self.reset = true;
        self.option_due = firmware.tcp_option && self.tcp && self.is_open();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.phase == Phase::Open
    }

    /// Whether the modem has it, or is about to.
    pub(crate) fn is_taken(&self) -> bool {
        !matches!(self.phase, Phase::Free | Phase::Held)
    }

    /// Held no more.
    pub(crate) fn let_go(&mut self) {
        self.phase = Phase::Free;
        self.send_at = None;
    }

    /// Whether it must be left alone, in any of the senses of `send_at`.
    pub(crate) fn rests(&self, now: Instant) -> bool {
        self.send_at.is_some_and(|at| at > now)
    }
}

/// The sizes of segments that the modem has and the peer has not acknowledged, oldest first.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Segments {
    sizes: [u16; Self::MOST],
    count: u8,
}

impl Segments {
    const MOST: usize = 8;

    /// There are none.
    pub(crate) const NONE: Self = Self { sizes: [0; Self::MOST], count: 0 };

    /// How many.
    pub(crate) fn count(&self) -> usize {
        self.count.into()
    }

    /// Whether there is no place for another one.
    pub(crate) fn is_full(&self) -> bool {
        self.count() == Self::MOST
    }

    /// How many bytes; the places behind the last one are 0.
    pub(crate) fn bytes(&self) -> usize {
        self.sizes.iter().map(|size| usize::from(*size)).sum()
    }

    /// One more. Nobody begins a send without a place for it.
    pub(crate) fn push(&mut self, size: u16) {
        if let Some(place) = self.sizes.get_mut(usize::from(self.count)) {
            *place = size;
            self.count += 1;
        }
    }

    /// The oldest has been acknowledged.
    pub(crate) fn pop(&mut self) {
        // `copy_within` would link `memmove`, 700 bytes.
        self.sizes = core::array::from_fn(|at| self.sizes.get(at + 1).copied().unwrap_or(0));
        self.count = self.count.saturating_sub(1);
    }
}

/// The ids of the links.
pub(crate) const LINK_RANGE: core::ops::Range<u8> = 0..5;
