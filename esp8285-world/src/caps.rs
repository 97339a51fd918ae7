//! What the modem backend can do on each firmware (sheet section 10).

use esp8285_sim::Version;
use usocket_conformance::Caps;

/// How TCP data come from the modem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The modem pushes.
    Active,
    /// The driver asks, where the firmware has that and loses nothing by it.
    Passive,
}

/// What a backend with so many sockets can do on this firmware, received in this way.
#[must_use]
pub fn caps(version: Version, mode: Mode, sockets: usize) -> Caps {
    let nonos = version.is_nonos();
    // Passive reads of 2.x run datagrams together (5.3), and the mode is one for all links.
    let udp = nonos || mode == Mode::Active;
    Caps {
        ipv6: false,
        server: true,
        udp,
        // By a group as the remote address of `CIPSTART` (4.2).
        multicast: udp && !nonos,
        broadcast: udp && !nonos,
        // `CIPCLOSE` closes both directions, and `CLOSED` says nothing of RST.
        half_close: false,
        reset: false,
        time_wait: false,
        // Taken, and without effect: there is no TIME-WAIT to be seen.
        reuse_addr: true,
        // `CIPCLOSEMODE` from 1.7 on, `CIPTCPOPT` from 2.1 on.
        linger: version >= Version::V1_7_0,
        // The modem picks the port of a client (4.2).
        client_port: false,
        // `CIPSEND` takes at least one byte (4.3).
        empty_datagrams: false,
        // A parameter of `CIPSTART`: not for accepted sockets, not after connect.
        keep_alive: false,
        no_delay: !nonos,
        port_unreachable: false,
        fileno: false,
        local_address: false,
        max_datagram: 1472,
        max_sockets: Some(sockets),
    }
}
