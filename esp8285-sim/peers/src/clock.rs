//! The clock of `embassy-time`, which a busy driver turns, and the serial port.

use std::cell::RefCell;
use std::convert::Infallible;
use std::task::Waker;
use std::time::Duration;

use embassy_time_driver::Driver;
use esp8285_sim::Instant;
use esp8285_sim::net::VirtualNet;
use esp8285_sim::uart::Uart;

/// Where received bytes go.
pub(crate) trait Ingest {
    /// Room for more.
    fn room(&mut self) -> &mut [u8];

    /// So many bytes are in the room. False if they have to be looked at again later.
    fn commit(&mut self, len: usize) -> bool;
}

/// What this thread's clock drives.
pub(crate) struct World {
    uart: Uart<VirtualNet>,
    now: Instant,
    turn: Duration,
    ingest: Box<dyn Ingest>,
    /// The driver had no place for a message: it is still in the buffer.
    postponed: bool,
}

/// Each thread has its own world, so that runs do not disturb one another.
struct Clock;

/// The serial port of this thread's world.
pub(crate) struct Serial;

thread_local! {
    static WORLD: RefCell<Option<World>> = const { RefCell::new(None) };
}

impl World {
    /// Makes this the world of this thread.
    pub(crate) fn enter(uart: Uart<VirtualNet>, turn: Duration, ingest: Box<dyn Ingest>) {
        let turn = turn.max(Duration::from_nanos(1));
        let world = World { uart, now: Instant::ZERO, turn, ingest, postponed: false };
        WORLD.with(|place| *place.borrow_mut() = Some(world));
    }

    /// Ends this thread's world, if there is one.
    pub(crate) fn leave() {
        WORLD.with(|place| *place.borrow_mut() = None);
    }

    /// Does something with the wire, which must exist.
    pub(crate) fn with<R>(work: impl FnOnce(&mut Uart<VirtualNet>, Instant) -> R) -> R {
        World::here(|world| work(&mut world.uart, world.now))
    }

    /// One turn of a loop that waits.
    pub(crate) fn pass() -> Instant {
        World::here(|world| {
            world.pass_to(world.now + world.turn);
            world.now
        })
    }

    fn here<R>(work: impl FnOnce(&mut World) -> R) -> R {
        WORLD.with(|place| work(place.borrow_mut().as_mut().expect("a world was entered")))
    }

    /// Until then, or until something happens.
    fn pass_to(&mut self, end: Instant) {
        let next = self.uart.poll_at().map_or(end, |at| at.min(end));
        self.now = self.now.max(next);
        if self.postponed {
            self.postponed = !self.ingest.commit(0);
        }
        while !self.postponed {
            let room = self.ingest.room();
            let len = self.uart.read(self.now, room);
            if len == 0 {
                return;
            }
            self.postponed = !self.ingest.commit(len);
        }
    }
}

impl Driver for Clock {
    fn now(&self) -> u64 {
        World::pass().as_nanos() / 1000
    }

    /// Only for tasks, of which there are none.
    fn schedule_wake(&self, _at: u64, waker: &Waker) {
        waker.wake_by_ref();
    }
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock);

impl embedded_io::ErrorType for Serial {
    type Error = Infallible;
}

impl embedded_io::Write for Serial {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        loop {
            let taken = World::with(|uart, now| uart.write(now, bytes));
            if taken > 0 || bytes.is_empty() {
                return Ok(taken);
            }
            World::pass();
        }
    }

    /// Until the last byte is on its way to the modem.
    fn flush(&mut self) -> Result<(), Infallible> {
        while !World::with(|uart, _| uart.is_tx_idle()) {
            World::pass();
        }
        Ok(())
    }
}
