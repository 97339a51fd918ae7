//! The memory of a driver, supplied by the caller (P6).

use crate::digest::MAX_LINE;
use crate::machine::Pair;
use crate::slot::Slot;

/// The memory of an [`Esp8285`](crate::Esp8285): `SOCKETS` sockets at once, of which
/// `BUFFERS` can have data (1 to 8), with `RX` bytes to receive and `TX` bytes to send each.
///
/// A listening socket, one that is not connected, and a client that nobody has accepted
/// (in passive mode) take no buffers. A closed socket keeps its buffers until what it
/// queued is sent. A datagram takes its length and 9 bytes (21 with IPv6), and one that is
/// longer than that leaves of `TX` is `EMSGSIZE`.
///
/// What [`new`](Self::new) gives is all zero: a `static` of it is in `.bss`, and takes no room in
/// flash.
#[derive(Debug)]
pub struct Resources<const SOCKETS: usize, const BUFFERS: usize, const RX: usize, const TX: usize> {
    pub(crate) slots: [Slot; SOCKETS],
    pub(crate) line: [u8; MAX_LINE],
    pub(crate) pairs: [Pair; BUFFERS],
    pub(crate) rx: [[u8; RX]; BUFFERS],
    pub(crate) tx: [[u8; TX]; BUFFERS],
}

impl<const SOCKETS: usize, const BUFFERS: usize, const RX: usize, const TX: usize>
    Resources<SOCKETS, BUFFERS, RX, TX>
{
    /// All memory unused.
    #[must_use]
    pub const fn new() -> Self {
        const {
            assert!(SOCKETS > 0 && SOCKETS < 255, "1 to 254 sockets");
            assert!(BUFFERS > 0 && BUFFERS <= 8, "1 to 8 pairs of buffers");
            assert!(RX >= 64 && TX >= 64, "buffers of at least 64 bytes");
        }
        Self {
            slots: [const { Slot::EMPTY }; SOCKETS],
            line: [0; MAX_LINE],
            pairs: [Pair::EMPTY; BUFFERS],
            rx: [[0; RX]; BUFFERS],
            tx: [[0; TX]; BUFFERS],
        }
    }
}

impl<const SOCKETS: usize, const BUFFERS: usize, const RX: usize, const TX: usize> Default
    for Resources<SOCKETS, BUFFERS, RX, TX>
{
    fn default() -> Self {
        Self::new()
    }
}

// With IPv6 addresses are longer.
#[cfg(all(test, target_pointer_width = "64", not(feature = "ipv6")))]
mod tests {
    use super::*;
    use crate::machine::Machine;

    #[test]
    fn memory_is_what_the_readme_says() {
        let of = size_of::<Resources<1, 1, 1024, 1024>>();
        let socket = size_of::<Resources<2, 1, 1024, 1024>>() - of;
        let buffers = size_of::<Resources<1, 2, 1024, 1024>>() - of;
        assert!(socket <= 56 && buffers <= 2048 + 36, "{socket}, {buffers}");
        assert!(of <= socket + buffers + 128, "{of}");
        // These keep arguments and results.
        if cfg!(not(any(feature = "settings", feature = "scan", feature = "access-point"))) {
            assert!(size_of::<Machine<'_>>() <= 1450, "{}", size_of::<Machine<'_>>());
        }
    }
}
