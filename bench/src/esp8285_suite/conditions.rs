//! What a line of the suite is measured under.

use std::time::Duration;

/// The firmware of the modem.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Firmware {
    /// `NonOS` AT 1.7.6.
    V1_7_6,
    /// esp-at 2.2.0.
    V2_2,
}

/// How payload comes from the modem (sheet sections 5.1, 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiving {
    /// The host asks for it with `CIPRECVDATA`.
    Passive,
    /// The modem sends it as it comes.
    Active,
}

/// How payload goes to the modem (sheet sections 4.3, 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// `CIPSEND`: one piece at a time for all links.
    Plain,
    /// `CIPSENDBUF`: the port is free while the network has the piece. 1.x only.
    Pipelined,
}

/// Waits that are the modem's and the network's. They are stated, not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latencies {
    /// From the end of a command, `CIPRECVDATA` among them, to the beginning of its answer.
    pub command: Duration,
    /// From the end of the line of a send to the beginning of its prompt.
    pub prompt: Duration,
    /// From the last byte of a piece to the beginning of `Recv`; the piece leaves for the
    /// network then.
    pub recv: Duration,
    /// From there to the beginning of `SEND OK` on 2.x, which does not wait for the peer.
    pub queued: Duration,
    /// From there to the peer's acknowledgement, and from reading a byte to the one that
    /// the peer may then send.
    pub round_trip: Duration,
}

impl Latencies {
    /// Fixed before anything was measured. `queued` is the lower end of the sheet's range
    /// for `Recv` to `SEND OK` (section 8), there being none for 2.x.
    pub const FIXED: Self = Self {
        command: Duration::from_millis(2),
        prompt: Duration::from_millis(4),
        recv: Duration::from_millis(1),
        queued: Duration::from_millis(4),
        round_trip: Duration::from_millis(10),
    };

    /// Half of each.
    #[must_use]
    pub fn halved(self) -> Self {
        self.each(|time| time / 2)
    }

    /// Twice each.
    #[must_use]
    pub fn doubled(self) -> Self {
        self.each(|time| time * 2)
    }

    fn each(self, change: impl Fn(Duration) -> Duration) -> Self {
        Self {
            command: change(self.command),
            prompt: change(self.prompt),
            recv: change(self.recv),
            queued: change(self.queued),
            round_trip: change(self.round_trip),
        }
    }
}

/// Everything that a line of the suite depends on besides its job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conditions {
    /// The modem's firmware.
    pub firmware: Firmware,
    /// Bits per second in each direction; a byte of 8N1 is ten.
    pub baud: u32,
    /// The waits.
    pub latencies: Latencies,
    /// Bytes of each socket's ring, one for each direction.
    pub ring: usize,
    /// How many sockets are in transfer at once.
    pub sockets: usize,
}

impl Conditions {
    /// The rates.
    pub const RATES: [u32; 4] = [115_200, 460_800, 921_600, 2_000_000];

    /// The fixed latencies, 4 KiB rings, one socket.
    #[must_use]
    pub fn new(firmware: Firmware, baud: u32) -> Self {
        Self { firmware, baud, latencies: Latencies::FIXED, ring: 4096, sockets: 1 }
    }

    /// How long so many bytes are on the wire, in seconds.
    #[must_use]
    pub fn on_the_wire(&self, bytes: usize) -> f64 {
        bytes as f64 * 10.0 / f64::from(self.baud)
    }
}
