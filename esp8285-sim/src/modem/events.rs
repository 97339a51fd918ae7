//! What happened inside, for traces and tests.

use std::fmt;
use std::net::SocketAddr;

use super::Modem;

/// Something that the modem did or suffered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A line was taken for execution.
    Command(String),
    /// A line or surplus bytes were thrown away because the modem was busy.
    Rejected(String),
    /// A link was opened; by a client if `server`.
    Opened {
        /// Its id.
        id: usize,
        /// The other end.
        peer: SocketAddr,
        /// Whether the other end opened it.
        server: bool,
    },
    /// A link was closed.
    Closed(usize),
    /// A datagram found no room.
    DatagramLost(usize),
    /// A datagram from somebody who is not the peer was dropped (UDP mode 0).
    DatagramIgnored(usize, SocketAddr),
    /// So many bytes from the host found the receive ring full.
    RxLost(usize),
    /// A command wrote to flash.
    Stored,
    /// The rate was switched.
    Baud(u32),
    /// The modem reboots, and why.
    Reboot(&'static str),
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Event::Command(line) => write!(f, "command {line}"),
            Event::Rejected(line) => write!(f, "rejected {line}"),
            Event::Opened { id, peer, server: true } => write!(f, "link {id} accepted from {peer}"),
            Event::Opened { id, peer, server: false } => write!(f, "link {id} opened to {peer}"),
            Event::Closed(id) => write!(f, "link {id} closed"),
            Event::DatagramLost(id) => write!(f, "link {id} lost a datagram"),
            Event::DatagramIgnored(id, from) => write!(f, "link {id} ignored {from}"),
            Event::RxLost(count) => write!(f, "{count} bytes found the receive ring full"),
            Event::Stored => f.write_str("flash written"),
            Event::Baud(baud) => write!(f, "rate {baud}"),
            Event::Reboot(why) => write!(f, "reboot: {why}"),
        }
    }
}

impl<N> Modem<N> {
    pub(super) fn event(&mut self, event: Event) {
        if self.events.len() == KEPT {
            self.events.pop_front();
        }
        self.events.push_back(event);
    }
}

/// Enough for any test, and a bound for a program that never looks.
const KEPT: usize = 4096;
