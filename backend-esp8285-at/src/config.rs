//! What a board decides about its modem.

use core::time::Duration;

/// How TCP data come from the modem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Receive {
    /// Passive where the firmware has a passive mode that loses nothing (1.7.2 on, 2.1 on),
    /// else active.
    #[default]
    Auto,
    /// The modem pushes: no back-pressure, and a socket whose ring overflows ends with
    /// `EIO`. On 2.x the only mode with datagram sockets.
    Active,
}

/// How TCP data go to the modem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Transmit {
    /// `CIPSENDBUF` on 1.x, else `CIPSEND`.
    #[default]
    Auto,
    /// `CIPSEND` always: one send at a time, acknowledged by the peer on 1.x.
    Plain,
}

/// What a board decides about its modem; the default suits a Maix board.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub(crate) baud: u32,
    pub(crate) fast_baud: Option<u32>,
    pub(crate) receive: Receive,
    pub(crate) transmit: Transmit,
    pub(crate) rejoin: bool,
    /// Milliseconds.
    pub(crate) linger: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self::new()
    }
}

impl Config {
    /// 115200 baud, the best modes of the firmware, and joining again after a loss.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            baud: 115_200,
            fast_baud: None,
            receive: Receive::Auto,
            transmit: Transmit::Auto,
            rejoin: true,
            linger: millis(usocket_core::DEFAULT_LINGER),
        }
    }

    /// The rate stored in the modem's flash, at which it speaks after a reset, in bits per
    /// second. A modem that is silent at it is looked for at other usual rates.
    #[must_use]
    pub const fn baud(self, baud: u32) -> Self {
        Self { baud, ..self }
    }

    /// A rate to negotiate after the start, in bits per second (`UART_CUR`, section 7: 110 to
    /// 4,608,000 on 1.x, 80 to 4,500,000 on 2.x). Where the modem or the
    /// UART refuses it, or does not work at it, the driver goes back.
    #[must_use]
    pub const fn fast_baud(self, baud: u32) -> Self {
        Self { fast_baud: Some(baud), ..self }
    }

    /// How TCP data come from the modem.
    #[must_use]
    pub const fn receive(self, receive: Receive) -> Self {
        Self { receive, ..self }
    }

    /// How TCP data go to the modem.
    #[must_use]
    pub const fn transmit(self, transmit: Transmit) -> Self {
        Self { transmit, ..self }
    }

    /// Whether to join the last access point again after a reboot or a lost link.
    #[must_use]
    pub const fn rejoin(self, rejoin: bool) -> Self {
        Self { rejoin, ..self }
    }

    /// How long a closed socket may take to send what is queued, unless `SO_LINGER` says.
    #[must_use]
    pub const fn linger(self, linger: Duration) -> Self {
        Self { linger: millis(linger), ..self }
    }
}

/// Rounded up, so that only nothing is nothing; at most 49 days.
#[expect(clippy::cast_possible_truncation, reason = "the range is checked first")]
const fn millis(time: Duration) -> u32 {
    let millis = time.as_nanos().div_ceil(1_000_000);
    if millis > u32::MAX as u128 { u32::MAX } else { millis as u32 }
}
