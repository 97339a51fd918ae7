//! Links: the modem's side of a connection.
//!
//! Ids are used again by the modem while a socket may still have data of the former link
//! (R22). So a link knows its owner only as long as it is that owner's, and what was
//! received belongs to the socket (P5).

use usocket_core::{Instant, SockAddr};

use crate::firmware::Firmware;

/// One of the five links.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what is known of a link, bit by bit")]
pub(crate) struct Link {
    pub(crate) phase: Phase,
    pub(crate) owner: Owner,
    pub(crate) tcp: bool,
    /// Buffers of a link without a socket: an orphan's, or a pending one's in active mode.
    pub(crate) pair: Option<u8>,
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
    pub(crate) peer: Option<SockAddr>,
    pub(crate) local_port: u16,
    /// The peer came to us.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "of servers"))]
    pub(crate) accepted: bool,
    /// In which order clients came.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "of servers"))]
    pub(crate) order: u32,
    /// Segments of `CIPSENDBUF` that are not acknowledged yet, oldest first: their sizes.
    pub(crate) segments: heapless::Deque<u16, 8>,
    /// The number of the oldest one.
    pub(crate) first_segment: u32,
    /// Not to be sent on before this, as the modem's buffer was full; or not to be opened,
    /// as a stale `CLOSED` may still come.
    pub(crate) send_at: Option<Instant>,
    /// An orphan is closed then, done or not.
    pub(crate) linger_until: Option<Instant>,
}

/// Where a link is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Free,
    /// Free, but a stale `CLOSED` may still come (4.2).
    Held(Instant),
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
            accepted: false,
            order: 0,
            segments: heapless::Deque::new(),
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
        !matches!(self.phase, Phase::Free | Phase::Held(_))
    }

    /// Bytes that the modem has and the peer has not acknowledged.
    pub(crate) fn in_flight(&self) -> usize {
        self.segments.iter().map(|len| usize::from(*len)).sum()
    }
}

/// The ids of the links.
pub(crate) const LINK_RANGE: core::ops::Range<u8> = 0..5;
