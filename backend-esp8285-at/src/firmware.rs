//! What differs between versions of the AT firmware, as data.

use crate::cmd::{Dialect, Version};

/// What a firmware can do and how it must be spoken to (sheet sections 1.3, 4, 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a table of independent abilities")]
pub(crate) struct Firmware {
    pub(crate) version: Version,
    pub(crate) dialect: Dialect,
    /// Passive receive that loses nothing: 1.7.2 on and 2.1 on. 1.7.0 and 1.7.1 lose what
    /// is unread at close, and 2.0 is unusable (5.2, 2.5).
    pub(crate) passive: bool,
    /// `CIPRECVMODE` is there at all.
    pub(crate) receive_mode: bool,
    /// `CLOSED` may come before the last of the data (2.5, NONOS#124).
    pub(crate) closes_early: bool,
    /// Passive receive holds for UDP as well and merges datagrams (5.3).
    pub(crate) udp_merges: bool,
    /// `+LINK_CONN` can be had by `SYSMSG` (4.8).
    pub(crate) link_conn: bool,
    /// `CIPSENDBUF` (4.5).
    pub(crate) buffered: bool,
    /// `CIPCLOSEMODE` (4.6).
    pub(crate) close_mode: bool,
    /// `CIPTCPOPT` (4.6).
    pub(crate) tcp_option: bool,
    /// `SYSSTORE` (1.5).
    pub(crate) store: bool,
    /// Groups and broadcast by the remote address of `CIPSTART` (4.2).
    pub(crate) groups: bool,
    /// `CIPV6` (section 9).
    pub(crate) ipv6: bool,
    /// `CIPSERVER=0` leaves accepted clients alone (4.7).
    pub(crate) server_stops_alone: bool,
    /// `CIPRECVLEN?` tells closed links from empty ones (5.2).
    pub(crate) tells_closed: bool,
    /// Most bytes of one `CIPSEND`. 2048, but 2.1 to 2.2.1 stall beyond 1024 (2.5).
    pub(crate) piece: u16,
}

/// Most bytes of one `CIPRECVDATA` (5.2).
pub(crate) const MAX_READ: usize = 2048;

/// Bytes that a `CIPSENDBUF` link takes before it says `BUFFER FULL`: lwIP's 2 x 1460.
pub(crate) const SEND_WINDOW: usize = 2920;

/// Largest datagram: what fits an Ethernet frame (4.3).
#[cfg_attr(not(feature = "udp"), expect(dead_code, reason = "of datagrams"))]
pub(crate) const MAX_DATAGRAM: usize = 1472;

/// Links of the modem (section 9).
pub(crate) const LINKS: usize = 5;

impl Firmware {
    /// The row of a version; `None` for 0.x, whose dialect is another one.
    pub(crate) fn of(version: Version) -> Option<Self> {
        let Version { major, minor, patch } = version;
        let at_least = |wanted: (u8, u8, u8)| (major, minor, patch) >= wanted;
        let dialect = Dialect::of(version);
        let esp_at = dialect == Dialect::EspAt;
        let stalls = at_least((2, 1, 0)) && !at_least((2, 2, 2));
        (major > 0).then_some(Self {
            version,
            dialect,
            passive: if esp_at { at_least((2, 1, 0)) } else { at_least((1, 7, 2)) },
            receive_mode: if esp_at { at_least((2, 1, 0)) } else { at_least((1, 7, 0)) },
            closes_early: !at_least((1, 7, 0)),
            udp_merges: esp_at,
            link_conn: esp_at || at_least((1, 7, 0)),
            buffered: !esp_at,
            close_mode: !esp_at && at_least((1, 7, 0)),
            tcp_option: at_least((2, 1, 0)),
            store: at_least((2, 1, 0)),
            groups: esp_at,
            ipv6: at_least((2, 2, 0)),
            server_stops_alone: at_least((2, 2, 0)),
            tells_closed: esp_at,
            piece: if stalls { 1024 } else { 2048 },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions() {
        let of = |major, minor, patch| Firmware::of(Version { major, minor, patch });
        assert_eq!(of(0, 9, 5), None);
        let passive = |version: Option<Firmware>| version.unwrap().passive;
        assert!(!passive(of(1, 5, 0)) && !passive(of(1, 7, 1)) && passive(of(1, 7, 2)));
        assert!(!passive(of(2, 0, 0)) && passive(of(2, 1, 0)));
        let piece = |version: Option<Firmware>| version.unwrap().piece;
        assert_eq!(
            [piece(of(1, 7, 6)), piece(of(2, 1, 0)), piece(of(2, 2, 1))],
            [2048, 1024, 1024]
        );
        assert_eq!([piece(of(2, 2, 2)), piece(of(2, 3, 0))], [2048, 2048]);
        assert!(of(1, 7, 6).unwrap().buffered && !of(2, 2, 0).unwrap().buffered);
    }
}
