//! The clock of the world, and the modem at the end of its wire.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::rc::Rc;
use std::time::Duration;

use esp8285_sim::net::Network;
use esp8285_sim::uart::Uart;
use esp8285_sim::{Instant as SimInstant, Modem};
use usocket_core::Instant;

use crate::{Board, Port, PortConfig};

/// One virtual clock, and a simulated modem whose every byte takes its time on it.
///
/// Cheap to clone; clones are the same world. Time passes only while somebody idles on a
/// [`Board`], or in [`pass`](Self::pass).
pub struct World<N>(Rc<Inner<N>>);

struct Inner<N> {
    uart: RefCell<Uart<N>>,
    now: Cell<SimInstant>,
    creep: Cell<Duration>,
    seed: u64,
    limits: Cell<Limits>,
    /// Idles in all.
    idles: Cell<u64>,
    /// Idles, and looks at the clock, since it moved last.
    still: Cell<u64>,
    looks: Cell<u64>,
}

/// What no sane program does. Beyond them the world panics, so that a test ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Idles in all.
    pub idles: u64,
    /// Idles in a row in which no time passed.
    pub still: u64,
    /// Looks at the clock in a row between which no time passed.
    pub looks: u64,
    /// How long the world lasts.
    pub time: Duration,
}

impl Default for Limits {
    /// Far more than any test needs: a world of thirty days.
    fn default() -> Self {
        Self {
            idles: 100_000_000,
            still: 100_000,
            looks: 20_000_000,
            time: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

impl<N> Clone for World<N> {
    fn clone(&self) -> Self {
        Self(Rc::clone(&self.0))
    }
}

impl<N> fmt::Debug for World<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (now, idles) = (self.0.now.get(), self.0.idles.get());
        f.debug_struct("World").field("now", &now).field("idles", &idles).finish_non_exhaustive()
    }
}

impl<N: Network> World<N> {
    /// A world at its beginning, around a modem that was just switched on. Programs draw
    /// their random numbers from `seed`.
    #[must_use]
    pub fn new(uart: Uart<N>, seed: u64) -> Self {
        Self(Rc::new(Inner {
            uart: RefCell::new(uart),
            now: Cell::new(SimInstant::ZERO),
            creep: Cell::new(Duration::ZERO),
            seed,
            limits: Cell::new(Limits::default()),
            idles: Cell::new(0),
            still: Cell::new(0),
            looks: Cell::new(0),
        }))
    }

    /// The clock and the sleep of a board with one context of execution.
    #[must_use]
    pub fn board(&self) -> Board<N> {
        Board::new(self.clone(), false)
    }

    /// The same for a thread: it has a waker, and waiters are woken by it.
    #[must_use]
    pub fn thread(&self) -> Board<N> {
        Board::new(self.clone(), true)
    }

    /// The board's UART, with all abilities. There may be several, but only one should read.
    #[must_use]
    pub fn port(&self) -> Port<N> {
        self.port_with(PortConfig::default())
    }

    /// The board's UART with these abilities.
    #[must_use]
    pub fn port_with(&self, config: PortConfig) -> Port<N> {
        Port::new(self.clone(), config)
    }

    /// The time, to the microsecond.
    #[must_use]
    pub fn now(&self) -> Instant {
        Instant::from_micros(self.0.now.get().as_nanos() / 1000)
    }

    /// The time, to the nanosecond: the simulator's.
    #[must_use]
    pub fn time(&self) -> SimInstant {
        self.0.now.get()
    }

    /// Lets time pass while the program does nothing: bytes arrive in the ring, or are lost.
    pub fn pass(&self, time: Duration) {
        let to = self.0.now.get() + time;
        self.advance(to);
    }

    /// Looks at the wire, or turns its knobs. The time is brought up to date before.
    ///
    /// # Panics
    /// If the closure uses this world.
    pub fn with_uart<T>(&self, look: impl FnOnce(&mut Uart<N>, SimInstant) -> T) -> T {
        let now = self.0.now.get();
        let mut uart = self.0.uart.borrow_mut();
        uart.advance(now);
        look(&mut uart, now)
    }

    /// Looks at the modem, or does something to it. The time is brought up to date before.
    ///
    /// # Panics
    /// If the closure uses this world.
    pub fn with_modem<T>(&self, look: impl FnOnce(&mut Modem<N>, SimInstant) -> T) -> T {
        self.with_uart(|uart, now| look(uart.modem(now), now))
    }

    /// Looks at the network, or does something to it. The time is brought up to date before.
    ///
    /// # Panics
    /// If the closure uses this world.
    pub fn with_net<T>(&self, look: impl FnOnce(&mut N, SimInstant) -> T) -> T {
        self.with_modem(|modem, now| look(modem.net_mut(), now))
    }

    /// Lets the clock move by this at each look at it, for programs that spin instead of
    /// waiting.
    pub fn set_creep(&self, step: Duration) {
        self.0.creep.set(step);
    }

    /// Sets what counts as absurd.
    pub fn set_limits(&self, limits: Limits) {
        self.0.limits.set(limits);
    }

    /// How often a program has idled.
    #[must_use]
    pub fn idles(&self) -> u64 {
        self.0.idles.get()
    }

    pub(crate) fn seed(&self) -> u64 {
        self.0.seed
    }

    /// A program looks at the clock.
    pub(crate) fn look_at_clock(&self) -> Instant {
        let now = self.now();
        let creep = self.0.creep.get();
        if creep.is_zero() {
            let looks = self.0.looks.get() + 1;
            self.0.looks.set(looks);
            assert!(
                looks <= self.0.limits.get().looks,
                "virtual time: a program spins: it has looked at the clock {looks} times \
                 without waiting, so time stands still at {now:?}"
            );
        } else {
            self.move_clock(self.0.now.get() + creep);
        }
        now
    }

    /// A program sleeps: until the time has come, an interrupt, or `done`.
    pub(crate) fn idle(&self, until: Option<Instant>, mut done: impl FnMut() -> bool) {
        self.count_idle();
        let until = until.map(|at| SimInstant::from_nanos(at.as_micros().saturating_mul(1000)));
        loop {
            let now = self.0.now.get();
            if done() || until.is_some_and(|until| until <= now) {
                return;
            }
            let event = self.0.uart.borrow().poll_at();
            let next = match (event, until) {
                (Some(event), Some(until)) => event.min(until),
                (Some(next), None) | (None, Some(next)) => next,
                (None, None) => panic!(
                    "virtual time: nothing can ever happen: a call waits without a deadline at \
                     {now:?}, and neither modem nor network has anything to do"
                ),
            };
            if self.advance(next.max(now)) {
                return;
            }
        }
    }

    fn count_idle(&self) {
        let limits = self.0.limits.get();
        let (idles, still) = (self.0.idles.get() + 1, self.0.still.get() + 1);
        self.0.idles.set(idles);
        self.0.still.set(still);
        let now = self.0.now.get();
        assert!(
            still <= limits.still,
            "virtual time: a busy loop: {still} idles at {now:?} and no time has passed"
        );
        assert!(
            idles <= limits.idles && now.since(SimInstant::ZERO) <= limits.time,
            "virtual time: what is waited for does not come: {idles} idles until {now:?}"
        );
    }

    fn move_clock(&self, to: SimInstant) {
        if to > self.0.now.get() {
            self.0.now.set(to);
            self.0.still.set(0);
            self.0.looks.set(0);
        }
    }

    /// Does what is due until then; whether there was an interrupt: bytes came, or the
    /// transmitter has room again or is idle.
    fn advance(&self, to: SimInstant) -> bool {
        self.move_clock(to);
        let mut uart = self.0.uart.borrow_mut();
        let before = Lines::of(&uart);
        uart.advance(to);
        Lines::of(&uart).interrupt_since(&before)
    }
}

/// What the UART's interrupts depend on.
struct Lines {
    readable: usize,
    some: bool,
    room: bool,
    idle: bool,
}

impl Lines {
    fn of<N: Network>(uart: &Uart<N>) -> Self {
        Self {
            readable: uart.readable(),
            some: uart.is_readable(),
            room: uart.tx_room() > 0,
            idle: uart.is_tx_idle(),
        }
    }

    fn interrupt_since(&self, before: &Lines) -> bool {
        self.readable > before.readable
            || (self.some && !before.some)
            || (self.room && !before.room)
            || (self.idle && !before.idle)
    }
}
