//! What can be wrong with a network.

use core::net::IpAddr;
use core::time::Duration;

use usocket_core::Instant;

/// How the network treats the traffic of an address. The default is a healthy
/// network. Where both ends of a path have faults, they add up.
///
/// Traffic of a host with itself never suffers.
///
/// ```
/// use core::time::Duration;
/// use usocket_conformance::net::Faults;
/// let modem_line = Faults { latency: Duration::from_millis(80), bandwidth: Some(2_000), ..Faults::NONE };
/// assert!(!modem_line.silent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Faults {
    /// Connects to the address are refused, datagrams to it find no port.
    pub refuse: bool,
    /// Nothing reaches the address and nothing leaves it: a black hole. What was
    /// in flight arrives once this is false again.
    pub silent: bool,
    /// Added to the network's latency, each way.
    pub latency: Duration,
    /// Bytes per second of each direction of a stream; `None` is unlimited.
    pub bandwidth: Option<u32>,
    /// Most bytes that one receive on a stream gives, at both ends: short reads.
    pub segment: Option<usize>,
    /// Datagrams lost, of 1000.
    pub loss: u16,
    /// Datagrams delivered twice, of 1000.
    pub duplicate: u16,
    /// Datagrams, of 1000, that take 2 to 5 times as long as the others, 2 to 5 ms
    /// at least: later ones overtake them.
    pub reorder: u16,
    /// A stream is reset, for both ends, once it has carried this many bytes,
    /// both directions together.
    pub reset_after: Option<u64>,
}

impl Faults {
    /// A healthy network.
    pub const NONE: Faults = Faults {
        refuse: false,
        silent: false,
        latency: Duration::ZERO,
        bandwidth: None,
        segment: None,
        loss: 0,
        duplicate: 0,
        reorder: 0,
        reset_after: None,
    };
}

impl Default for Faults {
    fn default() -> Self {
        Self::NONE
    }
}

/// The faults of one address.
pub(super) struct Entry {
    pub(super) ip: IpAddr,
    pub(super) faults: Faults,
    /// Nothing moves before this.
    pub(super) stalled_until: Instant,
}

/// What happens between two addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Path {
    pub(super) faults: Faults,
    /// One way, faults included.
    pub(super) latency: Duration,
    pub(super) stalled_until: Instant,
}

impl Path {
    /// A healthy path with this latency.
    pub(super) const fn new(latency: Duration) -> Self {
        Self { faults: Faults::NONE, latency, stalled_until: Instant::ZERO }
    }

    /// Adds the faults of one end.
    pub(super) fn add(&mut self, entry: &Entry) {
        let (all, more) = (&mut self.faults, &entry.faults);
        all.refuse |= more.refuse;
        all.silent |= more.silent;
        self.latency += more.latency;
        all.bandwidth = least(all.bandwidth, more.bandwidth);
        all.segment = least(all.segment, more.segment);
        all.loss = all.loss.max(more.loss);
        all.duplicate = all.duplicate.max(more.duplicate);
        all.reorder = all.reorder.max(more.reorder);
        all.reset_after = least(all.reset_after, more.reset_after);
        self.stalled_until = self.stalled_until.max(entry.stalled_until);
    }

    /// Whether nothing moves at `now`.
    pub(super) fn blocked(&self, now: Instant) -> bool {
        self.faults.silent || now < self.stalled_until
    }

    /// When something due at `due` arrives: never on a silent path.
    pub(super) fn arrival(&self, due: Option<Instant>) -> Option<Instant> {
        due.filter(|_| !self.faults.silent).map(|due| due.max(self.stalled_until))
    }
}

fn least<T: Ord>(a: Option<T>, b: Option<T>) -> Option<T> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (a, b) => a.or(b),
    }
}
