//! A wire between two stacks, under virtual time, with faults.

use core::cell::{Cell, RefCell};
use core::time::Duration;

use usocket_backend_smoltcp::smoltcp::phy::{
    Checksum, Device, DeviceCapabilities, Medium, RxToken, TxToken,
};
use usocket_backend_smoltcp::smoltcp::time::Instant as StackInstant;
use usocket_core::Instant;

use super::alloc::collections::VecDeque;
use super::alloc::rc::Rc;
use super::alloc::vec;
use super::alloc::vec::Vec;

/// The two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Ours = 0,
    Theirs = 1,
}

impl Side {
    pub(crate) fn other(self) -> Self {
        match self {
            Side::Ours => Side::Theirs,
            Side::Theirs => Side::Ours,
        }
    }
}

/// What happens to frames; in both directions alike. Chances are in thousandths.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Faults {
    pub(crate) latency: Duration,
    /// Bytes per second.
    pub(crate) bandwidth: Option<u64>,
    pub(crate) loss: u64,
    pub(crate) duplicate: u64,
    /// Frames that take one to four times as long.
    pub(crate) reorder: u64,
    /// Nothing arrives.
    pub(crate) cut: bool,
    /// The devices have room for one frame to send, until the bandwidth has let it go.
    pub(crate) tight: bool,
}

impl Faults {
    pub(crate) const NONE: Faults = Faults {
        latency: Duration::from_millis(1),
        bandwidth: None,
        loss: 0,
        duplicate: 0,
        reorder: 0,
        cut: false,
        tight: false,
    };
}

struct Flying {
    due: u64,
    frame: Vec<u8>,
}

/// The wire.
pub(crate) struct Wire {
    pub(crate) faults: Faults,
    pub(crate) mtu: usize,
    pub(crate) medium: Medium,
    random: u64,
    /// What flies to each end.
    flying: [VecDeque<Flying>; 2],
    /// When each direction is free for the next frame.
    free: [u64; 2],
    /// Frames that were sent to each end.
    pub(crate) frames: [u64; 2],
    /// The last frames that went by, for a look at a failed run.
    pub(crate) log: Option<Vec<(u64, Side, Vec<u8>)>>,
}

impl Wire {
    pub(crate) fn new(medium: Medium, seed: u64) -> Self {
        Self {
            faults: Faults::NONE,
            mtu: if medium == Medium::Ip { 1500 } else { 1514 },
            medium,
            random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            flying: [VecDeque::new(), VecDeque::new()],
            free: [0; 2],
            frames: [0; 2],
            log: None,
        }
    }

    fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16
    }

    fn chance(&mut self, permille: u64) -> bool {
        permille > 0 && self.random() % 1000 < permille
    }

    /// Sends a frame to an end.
    pub(crate) fn send(&mut self, to: Side, now: u64, frame: Vec<u8>) {
        if let Some(log) = &mut self.log {
            log.push((now, to, frame.clone()));
        }
        self.frames[to as usize] += 1;
        let faults = self.faults;
        if faults.cut {
            return;
        }
        let copies = 1 + usize::from(self.chance(faults.duplicate));
        for _ in 0..copies {
            let mut start = now;
            if let Some(bandwidth) = faults.bandwidth {
                let time = frame.len() as u64 * 1_000_000 / bandwidth;
                start = self.free[to as usize].max(now) + time;
                self.free[to as usize] = start;
            }
            if self.chance(faults.loss) {
                continue;
            }
            let latency = u64::try_from(faults.latency.as_micros()).unwrap();
            let extra = if self.chance(faults.reorder) {
                latency + self.random() % (latency * 3 + 1)
            } else {
                0
            };
            let due = start + latency + extra;
            let queue = &mut self.flying[to as usize];
            let place = queue.iter().rposition(|other| other.due <= due).map_or(0, |at| at + 1);
            queue.insert(place, Flying { due, frame: frame.clone() });
        }
    }

    fn take(&mut self, side: Side, now: u64) -> Option<Vec<u8>> {
        let queue = &mut self.flying[side as usize];
        if queue.front()?.due > now {
            return None;
        }
        queue.pop_front().map(|flying| flying.frame)
    }

    /// Whether the other end's device can take a frame for this one.
    fn has_room(&self, to: Side, now: u64) -> bool {
        !self.faults.tight || self.free[to as usize] <= now
    }

    /// Frames that have not been taken at an end.
    pub(crate) fn waiting(&self, side: Side) -> usize {
        self.flying[side as usize].len()
    }

    /// When the next frame arrives at an end.
    pub(crate) fn next_due(&self, side: Side) -> Option<Instant> {
        self.flying[side as usize].front().map(|flying| Instant::from_micros(flying.due))
    }
}

/// One end: a device.
pub(crate) struct End {
    pub(crate) wire: Rc<RefCell<Wire>>,
    pub(crate) now: Rc<Cell<u64>>,
    pub(crate) side: Side,
}

impl Device for End {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: StackInstant) -> Option<(Received, Sending<'_>)> {
        let frame = self.wire.borrow_mut().take(self.side, self.now.get())?;
        Some((Received(frame), Sending(self)))
    }

    fn transmit(&mut self, _: StackInstant) -> Option<Sending<'_>> {
        let room = self.wire.borrow().has_room(self.side.other(), self.now.get());
        room.then_some(Sending(self))
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let wire = self.wire.borrow();
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = wire.medium;
        capabilities.max_transmission_unit = wire.mtu;
        capabilities.checksum.tcp = Checksum::Both;
        capabilities
    }
}

pub(crate) struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

pub(crate) struct Sending<'a>(&'a End);

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let answer = f(&mut frame);
        self.0.wire.borrow_mut().send(self.0.side.other(), self.0.now.get(), frame);
        answer
    }
}
