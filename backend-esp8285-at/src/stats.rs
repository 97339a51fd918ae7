//! What the driver has counted.

/// Counts a thing, or so many bytes: nothing without the feature `stats`.
macro_rules! count {
    ($machine:expr, $what:ident) => {
        count!($machine, $what, 1)
    };
    ($machine:expr, $what:ident, $many:expr) => {{
        #[cfg(feature = "stats")]
        {
            $machine.stats.$what += $many;
        }
        #[cfg(not(feature = "stats"))]
        let _ = $many;
    }};
}

/// Counters since the start; they wrap.
#[cfg(feature = "stats")]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Bytes received from the modem.
    pub rx_bytes: u64,
    /// Bytes sent to it.
    pub tx_bytes: u64,
    /// Bytes of TCP data that reached a socket in passive mode.
    pub payload: u64,
    /// Commands sent.
    pub commands: u32,
    /// `busy p...` and `busy s...` heard.
    pub busy: u32,
    /// Commands not answered in time.
    pub timeouts: u32,
    /// Losses that the UART reported: overruns and framing errors.
    pub lost: u32,
    /// Counted payloads whose framing did not close.
    pub framing: u32,
    /// Times that the driver lost track of the modem's output and found it again.
    pub resyncs: u32,
    /// Boots of the modem that nobody asked for.
    pub reboots: u32,
    /// Restarts of the modem by the driver.
    pub restarts: u32,
    /// Sockets ended because pushed data did not fit.
    pub overflows: u32,
    /// Datagrams dropped: no room to receive, or refused by the modem.
    pub dropped: u32,
    /// Results and data that belonged to nobody.
    pub stray: u32,
    /// Lines that meant nothing to the driver.
    pub unknown: u32,
}
