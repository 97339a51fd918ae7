//! One TCP connection of the virtual network: both directions and the peer's program.
//!
//! Byte streams with segments, a window in each direction and acknowledgements; order is
//! kept and loss shows as delay, as it does to whoever reads from a socket.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use super::script::{Script, Step};
use crate::time::Instant;

/// Largest segment (sheet section 5.3: MSS 1440 on 2.2, one segment of 1460 on 1.x).
pub(super) const SEGMENT: usize = 1440;

/// A connection.
#[derive(Debug)]
pub(super) struct Tcp {
    pub(super) peer: SocketAddr,
    pub(super) local_port: u16,
    /// The modem is told nothing before this, and nothing after `forgotten`.
    pub(super) open: bool,
    pub(super) forgotten: bool,
    /// The peer has gone: FIN after its queue, or reset.
    pub(super) peer_done: bool,
    pub(super) fin_sent: bool,
    /// The peer's program has closed: what comes is answered with a reset.
    pub(super) closed: bool,
    pub(super) stalled: bool,

    /// From the peer to the modem: queued there, window it may use, in our buffer.
    pub(super) queue: VecDeque<u8>,
    pub(super) sent: u64,
    pub(super) credit: usize,
    pub(super) inbox: VecDeque<u8>,
    pub(super) freed: usize,
    pub(super) window: usize,
    pub(super) down_free: Instant,
    pub(super) down_last: Instant,

    /// From the modem to the peer.
    pub(super) received: Vec<u8>,
    /// Bytes that the peer takes before its program has read them.
    pub(super) peer_window: usize,
    /// How much of `received` the peer's program has read, if there is one outside.
    pub(super) read: usize,
    pub(super) finished: bool,
    pub(super) was_reset: bool,
    pub(super) up_free: Instant,
    pub(super) up_last: Instant,

    /// When the peer was heard last, and for how long it may be silent; zero is for ever.
    pub(super) heard: Instant,
    pub(super) keep_alive: Duration,

    pub(super) script: Script,
    /// Where in `received` the script has got to.
    pub(super) consumed: usize,
    /// When the script's `Wait` is over, once it has begun.
    pub(super) waits_until: Option<Instant>,
}

/// What the peer's program wants of the network.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing until more bytes come.
    Nothing,
    /// To be asked again at this time.
    WakeAt(Instant),
    /// A reset.
    Reset,
}

impl Tcp {
    pub(super) fn new(peer: SocketAddr, local_port: u16, window: usize, script: Script) -> Self {
        Self {
            peer,
            local_port,
            open: false,
            forgotten: false,
            peer_done: false,
            fin_sent: false,
            closed: false,
            stalled: false,
            queue: VecDeque::new(),
            sent: 0,
            credit: window,
            inbox: VecDeque::new(),
            freed: 0,
            window,
            down_free: Instant::ZERO,
            down_last: Instant::ZERO,
            received: Vec::new(),
            peer_window: usize::MAX,
            read: 0,
            finished: false,
            was_reset: false,
            up_free: Instant::ZERO,
            up_last: Instant::ZERO,
            heard: Instant::ZERO,
            keep_alive: Duration::ZERO,
            script,
            consumed: 0,
            waits_until: None,
        }
    }

    /// Runs the peer's program as far as it goes.
    pub(super) fn run(&mut self, now: Instant) -> Wish {
        while !self.peer_done {
            let fresh = &self.received[self.consumed..];
            match self.script.front() {
                None => return Wish::Nothing,
                Some(Step::Send(data)) => self.queue.extend(data),
                Some(Step::Expect(count)) if fresh.len() >= *count => self.consumed += count,
                Some(Step::Until(text)) => match end_of(text, fresh) {
                    Some(end) => self.consumed += end,
                    None => return Wish::Nothing,
                },
                Some(Step::Wait(time)) => {
                    let until = *self.waits_until.get_or_insert(now + *time);
                    if now < until {
                        return Wish::WakeAt(until);
                    }
                    self.waits_until = None;
                }
                Some(Step::Echo) => {
                    self.queue.extend(fresh);
                    self.consumed = self.received.len();
                    return Wish::Nothing;
                }
                Some(Step::Expect(_)) => return Wish::Nothing,
                Some(Step::Fin) => self.peer_done = true,
                Some(Step::Close) => (self.peer_done, self.closed) = (true, true),
                Some(Step::Reset) => {
                    self.reset_by_peer();
                    return Wish::Reset;
                }
                Some(Step::Stall) => self.stalled = true,
            }
            self.script.done();
        }
        Wish::Nothing
    }

    /// The peer resets: nothing more comes from it.
    pub(super) fn reset_by_peer(&mut self) {
        (self.peer_done, self.fin_sent, self.closed) = (true, true, true);
        self.queue.clear();
    }

    /// The next segment that the window lets the peer send.
    pub(super) fn next_segment(&mut self) -> Option<Vec<u8>> {
        let len = self.queue.len().min(self.credit).min(SEGMENT);
        self.credit -= len;
        self.sent += len as u64;
        (len > 0).then(|| self.queue.drain(..len).collect())
    }

    /// Whether the peer's FIN is due: asked for, and nothing is queued before it.
    pub(super) fn take_fin(&mut self) -> bool {
        let due = self.peer_done && !self.fin_sent && self.queue.is_empty();
        self.fin_sent |= due;
        due
    }

    /// Takes bytes for the modem; the window to tell the peer of, if it is worth it.
    pub(super) fn take(&mut self, max: usize) -> (Vec<u8>, usize) {
        let len = self.inbox.len().min(max);
        let data = self.inbox.drain(..len).collect();
        self.freed += len;
        // No silly windows: RFC 1122, 4.2.3.3.
        let worth = self.freed >= SEGMENT.min(self.window / 2).max(1);
        (data, if worth { std::mem::take(&mut self.freed) } else { 0 })
    }

    /// How many bytes the peer acknowledges: what its program has read, and its window.
    pub(super) fn acknowledged(&self) -> u64 {
        self.received.len().min(self.read.saturating_add(self.peer_window)) as u64
    }
}

/// Where `text` ends in `data`.
fn end_of(text: &[u8], data: &[u8]) -> Option<usize> {
    if text.is_empty() {
        return Some(0);
    }
    data.windows(text.len()).position(|part| part == text).map(|at| at + text.len())
}
