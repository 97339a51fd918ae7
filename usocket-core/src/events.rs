//! Poll bits.

use core::fmt;
use core::ops::{BitAnd, BitAndAssign, BitOr, BitOrAssign, Not};

/// A set of poll bits with the numbers of the reference (row 188).
///
/// ```
/// use usocket_core::{POLLIN, POLLOUT};
/// assert_eq!((POLLIN | POLLOUT).bits(), 5);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Events(u8);

/// Bytes or end of stream can be received, or a connection accepted.
pub const POLLIN: Events = Events(1);
/// At least one byte or datagram can be sent.
pub const POLLOUT: Events = Events(4);
/// An error waits to be fetched. Reported whether asked for or not.
pub const POLLERR: Events = Events(8);
/// The stream is not or no longer connected. Reported whether asked for or not.
pub const POLLHUP: Events = Events(16);
/// The socket is closed. Reported whether asked for or not (row 204).
pub const POLLNVAL: Events = Events(32);

impl Events {
    /// No bit.
    pub const NONE: Events = Events(0);
    /// The bits that are reported without being asked for: ERR, HUP, NVAL.
    pub const ALWAYS: Events = Events(8 | 16 | 32);

    /// The number of the reference text.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// The set with these bits; unknown bits are dropped.
    #[must_use]
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 61)
    }

    /// Whether no bit is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether any bit of `other` is set.
    #[must_use]
    pub const fn intersects(self, other: Events) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Events) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits a poll with this `mask` reports: those asked for, and ERR, HUP, NVAL.
    #[must_use]
    pub const fn masked(self, mask: Events) -> Events {
        Events(self.0 & (mask.0 | Self::ALWAYS.0))
    }
}

impl BitOr for Events {
    type Output = Events;
    fn bitor(self, other: Events) -> Events {
        Events(self.0 | other.0)
    }
}

impl BitOrAssign for Events {
    fn bitor_assign(&mut self, other: Events) {
        self.0 |= other.0;
    }
}

impl BitAnd for Events {
    type Output = Events;
    fn bitand(self, other: Events) -> Events {
        Events(self.0 & other.0)
    }
}

impl BitAndAssign for Events {
    fn bitand_assign(&mut self, other: Events) {
        self.0 &= other.0;
    }
}

impl Not for Events {
    type Output = Events;
    fn not(self) -> Events {
        Events::from_bits(!self.0)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for (bit, name) in [
            (POLLIN, "IN"),
            (POLLOUT, "OUT"),
            (POLLERR, "ERR"),
            (POLLHUP, "HUP"),
            (POLLNVAL, "NVAL"),
        ] {
            if self.contains(bit) {
                write!(f, "{}{name}", if first { "" } else { "|" })?;
                first = false;
            }
        }
        if first { f.write_str("-") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mask_keeps_what_is_always_reported() {
        let all = POLLIN | POLLOUT | POLLERR | POLLHUP | POLLNVAL;
        assert_eq!(all.bits(), 61);
        assert_eq!(all.masked(Events::NONE), Events::ALWAYS);
        assert_eq!(all.masked(POLLIN).bits(), 57);
        assert_eq!(!all, Events::NONE);
    }
}
