//! One of the five links.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::net::Conn;
use crate::time::Instant;

/// A TCP connection, an accepted client or a UDP port.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) conn: Conn,
    pub(crate) udp: bool,
    pub(crate) remote: SocketAddr,
    /// Accepted by the server.
    pub(crate) server: bool,
    /// 0 peer fixed, 1 changes once, 2 follows each sender (sheet section 4.2).
    pub(crate) udp_mode: i64,
    /// Passive UDP of 2.x: datagrams run together (5.3).
    pub(crate) datagrams: VecDeque<u8>,
    /// A notice was sent and nothing read since.
    pub(crate) noticed: bool,
    /// The peer has closed; `CLOSED` was not sent yet.
    pub(crate) finished: bool,
    /// It was reset: nothing can be sent any more.
    pub(crate) dead: bool,
    /// When bytes came last, for `CIPSTO`.
    pub(crate) heard: Instant,
    pub(crate) sent: u64,
    pub(crate) acked: u64,
    pub(crate) segments: Segments,
    /// Closing is a reset: `CIPCLOSEMODE` of 1.7, or a linger time of 0 on 2.x (4.6).
    pub(crate) abort: bool,
    /// Linger, nodelay, send time limit in milliseconds (4.6).
    pub(crate) options: [i64; 3],
}

/// The bookkeeping of `CIPSENDBUF` (sheet section 4.5).
#[derive(Debug)]
pub(crate) struct Segments {
    /// Number of the next segment.
    pub(crate) next: u32,
    pub(crate) last_acked: u32,
    /// Number and end of each segment in flight.
    pub(crate) flying: VecDeque<(u32, u64)>,
}

impl Link {
    pub(crate) fn new(conn: Conn, udp: bool, remote: SocketAddr, now: Instant) -> Self {
        Self {
            conn,
            udp,
            remote,
            server: false,
            udp_mode: 0,
            datagrams: VecDeque::new(),
            noticed: false,
            finished: false,
            dead: false,
            heard: now,
            sent: 0,
            acked: 0,
            segments: Segments { next: 1, last_acked: 0, flying: VecDeque::new() },
            abort: false,
            options: [-1, 0, 0],
        }
    }

    /// As `CIPSTART` has it.
    pub(crate) fn kind(&self) -> &'static str {
        match (self.udp, self.remote.is_ipv6()) {
            (false, false) => "TCP",
            (true, false) => "UDP",
            (false, true) => "TCPv6",
            (true, true) => "UDPv6",
        }
    }

    /// Whether a datagram from there is for this link: in mode 0 it is so only from the
    /// peer, unless that is everybody (4.2).
    pub(crate) fn takes_from(&self, from: SocketAddr) -> bool {
        let ip = self.remote.ip();
        let many = ip.is_unspecified() || is_many(ip);
        self.udp_mode > 0 || many || self.remote == from
    }

    /// A datagram came from `from`: who is the peer now?
    pub(crate) fn follow(&mut self, from: SocketAddr) {
        if self.udp_mode > 0 {
            self.remote = from;
        }
        if self.udp_mode == 1 {
            self.udp_mode = 0;
        }
    }
}

/// Whether an address is that of several hosts.
pub(crate) fn is_many(ip: IpAddr) -> bool {
    ip.is_multicast() || ip == IpAddr::V4(Ipv4Addr::BROADCAST)
}
