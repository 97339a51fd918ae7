//! Frames in memory, both ways.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::atomic::AtomicUsize;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
use smoltcp::time::Instant;

use crate::engine::{Errand, WIRE};

/// Frames that wait in each direction; with a full queue the sender's device takes no more.
const ROOM: usize = 512;

/// An Ethernet frame with the usual 1500 bytes of IP.
const FRAME: usize = 1514;

pub(crate) struct Wire {
    to_board: Mutex<ToBoard>,
    to_gateway: Mutex<VecDeque<Vec<u8>>>,
    errands: Mutex<Vec<Errand>>,
    gateway: mio::Waker,
    /// How many streams the gateway has.
    pub(crate) connections: AtomicUsize,
}

#[derive(Default)]
struct ToBoard {
    frames: VecDeque<Vec<u8>>,
    /// Threads that sleep until there is one.
    sleepers: Vec<Waker>,
    /// The gateway found no room.
    was_full: bool,
}

impl Wire {
    pub(crate) fn new(poll: &mio::Poll) -> io::Result<Self> {
        Ok(Self {
            to_board: Mutex::default(),
            to_gateway: Mutex::default(),
            errands: Mutex::default(),
            gateway: mio::Waker::new(poll.registry(), WIRE)?,
            connections: AtomicUsize::new(0),
        })
    }

    /// Has the gateway do something.
    pub(crate) fn ask(&self, errand: Errand) {
        lock(&self.errands).push(errand);
        self.ring();
    }

    pub(crate) fn errands(&self) -> Vec<Errand> {
        std::mem::take(&mut lock(&self.errands))
    }

    /// All frames of the board.
    pub(crate) fn take_all(&self) -> VecDeque<Vec<u8>> {
        std::mem::take(&mut lock(&self.to_gateway))
    }

    /// Whether a frame to the board has room. If not, the gateway is rung when there is.
    pub(crate) fn has_room(&self) -> bool {
        let mut to_board = lock(&self.to_board);
        let room = to_board.frames.len() < ROOM;
        to_board.was_full |= !room;
        room
    }

    pub(crate) fn send_to_board(&self, frame: Vec<u8>) {
        let sleepers = {
            let mut to_board = lock(&self.to_board);
            to_board.frames.push_back(frame);
            std::mem::take(&mut to_board.sleepers)
        };
        for sleeper in sleepers {
            sleeper.wake();
        }
    }

    pub(crate) fn board_has_frame(&self) -> bool {
        !lock(&self.to_board).frames.is_empty()
    }

    pub(crate) fn wake_for_frame(&self, waker: &Waker) {
        let mut to_board = lock(&self.to_board);
        if !to_board.sleepers.iter().any(|sleeper| sleeper.will_wake(waker)) {
            to_board.sleepers.push(waker.clone());
        }
    }

    fn take_for_board(&self) -> Option<Vec<u8>> {
        let mut to_board = lock(&self.to_board);
        let frame = to_board.frames.pop_front()?;
        if to_board.was_full && to_board.frames.len() <= ROOM / 2 {
            to_board.was_full = false;
            drop(to_board);
            self.ring();
        }
        Some(frame)
    }

    fn gateway_has_room(&self) -> bool {
        lock(&self.to_gateway).len() < ROOM
    }

    fn send_to_gateway(&self, frame: Vec<u8>) {
        let mut queue = lock(&self.to_gateway);
        queue.push_back(frame);
        // The gateway takes all that is there.
        let first = queue.len() == 1;
        drop(queue);
        if first {
            self.ring();
        }
    }

    fn ring(&self) {
        // It fails only where the system is out of resources; the next one rings again.
        let _ = self.gateway.wake();
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Wire")
    }
}

/// What is behind these locks is whole at any time.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The board's end: an Ethernet device.
#[derive(Debug)]
pub struct Port {
    wire: Arc<Wire>,
}

impl Port {
    pub(crate) fn new(wire: Arc<Wire>) -> Self {
        Self { wire }
    }
}

impl Device for Port {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let frame = self.wire.take_for_board()?;
        Some((Received(frame), Sending { wire: &self.wire, to_board: false }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        let room = self.wire.gateway_has_room();
        room.then(|| Sending { wire: &self.wire, to_board: false })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        ethernet()
    }
}

/// The gateway's end: the frames that its stack is to see.
pub(crate) struct End {
    pub(crate) wire: Arc<Wire>,
    pub(crate) inbox: VecDeque<Vec<u8>>,
}

impl Device for End {
    type RxToken<'a> = Received;
    type TxToken<'a> = Sending<'a>;

    fn receive(&mut self, _: Instant) -> Option<(Received, Sending<'_>)> {
        let frame = self.inbox.pop_front()?;
        Some((Received(frame), Sending { wire: &self.wire, to_board: true }))
    }

    fn transmit(&mut self, _: Instant) -> Option<Sending<'_>> {
        self.wire.has_room().then(|| Sending { wire: &self.wire, to_board: true })
    }

    fn capabilities(&self) -> DeviceCapabilities {
        ethernet()
    }
}

fn ethernet() -> DeviceCapabilities {
    let mut capabilities = DeviceCapabilities::default();
    capabilities.medium = Medium::Ethernet;
    capabilities.max_transmission_unit = FRAME;
    capabilities
}

/// A frame that came.
#[derive(Debug)]
pub struct Received(Vec<u8>);

impl RxToken for Received {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

/// Room for a frame.
#[derive(Debug)]
pub struct Sending<'w> {
    wire: &'w Wire,
    to_board: bool,
}

impl TxToken for Sending<'_> {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        let mut frame = vec![0; len];
        let answer = f(&mut frame);
        if self.to_board {
            self.wire.send_to_board(frame);
        } else {
            self.wire.send_to_gateway(frame);
        }
        answer
    }
}
