//! The shell: a lock around the machine and its UART, and the interface of backends.

use core::cell::RefCell;
use core::net::IpAddr;

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;
use usocket_core::spi::{
    Answer, Backend, EventSource, Handle, Link, Opt, OptName, Platform, RecvFlags, RecvInfo,
    Shutdown, SockType, Wait, WaitKey, WakerTable, Woken,
};
use usocket_core::{Error, Events, Family, Instant, POLLIN, Result, SockAddr, earlier};

use crate::config::Config;
use crate::machine::{Action, Direct, Machine, Pairs};
use crate::resources::Resources;
use crate::slot::Slots;
#[cfg(feature = "stats")]
use crate::stats::Stats;
#[cfg(feature = "trace")]
use crate::trace::Trace;
use crate::uart::Uart;

/// Most bytes taken from the UART in one drive (S3).
const BUDGET: usize = 4096;
/// What a loss takes from that.
const LOSS: usize = 256;
/// Most rounds of one drive.
const ROUNDS: usize = 16;

/// Sockets on an ESP8285 modem.
///
/// `U` is the UART, `P` the board's clock and sleep, `M` the lock: the raw mutex that fits
/// where the driver is used from, for instance `NoopRawMutex` for one context of
/// execution. `WAITERS` is how many wakers can wait at once (S6); 0 is enough on a
/// platform without one.
#[derive(Debug)]
pub struct Esp8285<'r, U, P, M: RawMutex, const WAITERS: usize = 8> {
    state: Mutex<M, RefCell<State<'r, U, WAITERS>>>,
    platform: P,
}

#[derive(Debug)]
pub(crate) struct State<'r, U, const WAITERS: usize> {
    pub(crate) machine: Machine<'r>,
    uart: U,
    wakers: WakerTable<WAITERS>,
    /// What the last drive returned.
    next: Option<Instant>,
    direct: Direct,
}

impl<'r, U: Uart, P: Platform, M: RawMutex, const WAITERS: usize> Esp8285<'r, U, P, M, WAITERS> {
    /// A driver with the default [`Config`]. Nothing is sent until it is driven: any call
    /// that waits does.
    pub fn new<const S: usize, const B: usize, const RX: usize, const TX: usize>(
        uart: U,
        platform: P,
        resources: &'r mut Resources<S, B, RX, TX>,
    ) -> Self {
        Self::with_config(uart, platform, resources, Config::new())
    }

    /// A driver for a board that differs from the default. Where a faster rate is
    /// configured, the UART is switched to it and back at once, to see whether it can.
    pub fn with_config<const S: usize, const B: usize, const RX: usize, const TX: usize>(
        mut uart: U,
        platform: P,
        resources: &'r mut Resources<S, B, RX, TX>,
        mut config: Config,
    ) -> Self {
        // Now, as a modem that has switched and is not followed cannot be told to go back.
        let mut baud = config.baud;
        if let Some(fast) = config.fast_baud {
            let can = uart.set_baud(fast);
            let back = can && uart.set_baud(config.baud);
            if can && !back {
                // There it stays until the machine has more luck.
                baud = fast;
            }
            if !back {
                config.fast_baud = None;
            }
        }
        let Resources { slots, line, pairs, rx, tx } = resources;
        let pairs = Pairs::new(pairs, rx.as_flattened_mut(), tx.as_flattened_mut());
        let (seed, capacity) = (platform.seed(), uart.capacity());
        // In its place: whatever is done to it before costs a copy.
        Self {
            state: Mutex::new(RefCell::new(State {
                machine: Machine::new(config, baud, Slots(slots), pairs, line, seed, capacity),
                uart,
                wakers: WakerTable::new(),
                next: None,
                direct: Direct::NONE,
            })),
            platform,
        }
    }

    /// What has been counted so far (feature `stats`).
    #[cfg(feature = "stats")]
    pub fn stats(&self) -> Stats {
        self.state.lock(|state| {
            let mut state = state.borrow_mut();
            state.settle();
            state.machine.stats
        })
    }

    /// Calls `hook` for each line on the wire (feature `trace`). It runs under the driver's
    /// lock: it must not call the driver.
    #[cfg(feature = "trace")]
    pub fn set_trace(&self, hook: Option<fn(Trace<'_>)>) {
        self.state.lock(|state| state.borrow_mut().machine.tracer.hook = hook);
    }

    /// Wakes whoever drives: to be called when bytes have come or there is room to send,
    /// by an interrupt handler, a thread or a task that feeds the UART. Not needed on a
    /// platform whose every interrupt ends `idle`.
    pub fn notify(&self) {
        self.state.lock(|state| state.borrow_mut().wakers.take_workers()).wake();
    }

    /// A drive that is not short.
    #[inline(never)]
    fn drive_fully(&self, now: Instant) -> Option<Instant> {
        let (next, ready, overdue, sender) = self.state.lock(|state| {
            let mut state = state.borrow_mut();
            state.turn(now);
            let ready = state.take_ready();
            let overdue = state.wakers.take(now, |_, _| false);
            let next = earlier(state.machine.next_deadline(), state.wakers.next_deadline());
            state.next = next;
            if !state.wakers.sooner() {
                state.direct = state.machine.direct(next);
            }
            (next, ready, overdue, state.uart.take_waker())
        });
        wake(ready);
        wake(Some(overdue));
        if let Some(sender) = sender {
            sender.wake();
        }
        next
    }

    /// One operation under the lock; whom it concerns is woken after it.
    pub(crate) fn with<T>(&self, operation: impl FnOnce(&mut State<'r, U, WAITERS>) -> T) -> T {
        let answer = self.state.lock(|state| {
            let mut state = state.borrow_mut();
            state.settle();
            operation(&mut state)
        });
        self.announce();
        answer
    }

    /// `close` and `abort`. What begins here has its time, however long nobody drove.
    fn let_go(&self, handle: Handle, abort: bool) -> Result<()> {
        let now = self.platform.now();
        self.with(|state| state.machine.close(handle, abort, now))
    }

    /// Wakes whom the last operation concerns. Apart from it, so that an image has it once.
    #[inline(never)]
    fn announce(&self) {
        let (ready, workers) = self.state.lock(|state| {
            let mut state = state.borrow_mut();
            let workers = state.machine.work.then(|| state.wakers.take_workers());
            (state.take_ready(), workers)
        });
        wake(ready);
        wake(workers);
    }
}

fn wake<const N: usize>(woken: Option<Woken<N>>) {
    if let Some(woken) = woken {
        woken.wake();
    }
}

impl<U: Uart, const WAITERS: usize> State<'_, U, WAITERS> {
    /// Takes out those who wait for something that has become true.
    fn take_ready(&mut self) -> Option<Woken<WAITERS>> {
        if !core::mem::take(&mut self.machine.touched) {
            return None;
        }
        let machine = &self.machine;
        Some(self.wakers.take(Instant::ZERO, |handle, events| {
            handle == Handle::ANY
                || (handle != Handle::WORK && !machine.readiness(handle).masked(events).is_empty())
        }))
    }

    /// The short way of a drive that finds nothing but payload: into its ring with it. An
    /// interrupt for each byte makes a drive for each byte, so this is what they cost.
    /// False where there may be more to do.
    #[inline(always)]
    fn stream(&mut self, now: Instant) -> bool {
        if !self.direct.is_open(now) {
            return false;
        }
        match self.uart.read(self.machine.direct_room(&self.direct)) {
            Ok(0) => true,
            // If there is more already, or a loss behind it, we are pending.
            Ok(len) => self.direct.filled(now, len),
            Err(crate::Lost) => {
                self.lost(now);
                false
            }
        }
    }

    /// Out of the short way, which is only short where all of it is inlined.
    #[cold]
    #[inline(never)]
    fn lost(&mut self, now: Instant) {
        self.settle();
        self.machine.rx_lost(now);
    }

    /// Ends the short way: before anything else is done with the machine.
    fn settle(&mut self) {
        self.machine.settle(&mut self.direct);
    }

    /// Moves bytes both ways until nothing moves, within bounds.
    fn turn(&mut self, now: Instant) {
        self.settle();
        let mut budget = BUDGET;
        for _ in 0..ROUNDS {
            let acted = self.act();
            let received = self.receive(now, &mut budget);
            self.machine.poll(now);
            let sent = self.send();
            if !(acted || received || sent || self.machine.work) {
                break;
            }
        }
        self.ask_for_waiters();
    }

    /// What only we can do for the machine.
    fn act(&mut self) -> bool {
        let Some(action) = self.machine.action() else { return false };
        let done = match action {
            Action::Baud(_) if !self.uart.is_idle() => return false,
            Action::Baud(baud) => self.uart.set_baud(baud),
            Action::Enable(on) => self.uart.set_enabled(on),
        };
        self.machine.action_done(action, done);
        true
    }

    fn receive(&mut self, now: Instant, budget: &mut usize) -> bool {
        let mut moved = false;
        if self.uart.is_idle() {
            self.machine.line_left();
        }
        while *budget > 0 {
            match self.uart.read(self.machine.rx_room()) {
                Ok(0) => break,
                Ok(len) => {
                    *budget = budget.saturating_sub(len);
                    self.machine.rx_done(now, len);
                }
                Err(crate::Lost) => {
                    // A UART that says nothing else must not keep us here.
                    *budget = budget.saturating_sub(LOSS);
                    self.machine.rx_lost(now);
                }
            }
            moved = true;
        }
        moved
    }

    fn send(&mut self) -> bool {
        let mut moved = false;
        loop {
            let bytes = self.machine.tx();
            if bytes.is_empty() {
                return moved;
            }
            let len = self.uart.write(bytes);
            if len == 0 {
                return moved;
            }
            self.machine.tx_done(len);
            moved = true;
        }
    }

    /// Those who sleep with a waker ask for nothing: we ask for them.
    fn ask_for_waiters(&mut self) {
        if !self.machine.take_ask_again() {
            return;
        }
        for index in 0..self.machine.slots.0.len() {
            if self.wakers.waits_for(self.machine.slots.handle(index), POLLIN) {
                self.machine.interested(u8::try_from(index).unwrap_or(u8::MAX));
            }
        }
    }

    fn pending(&self) -> bool {
        self.machine.work
            || self.machine.touched
            || self.uart.readable()
            || self.wakers.sooner()
            || (self.machine.has_tx() && self.uart.writable())
    }
}

impl<U: Uart, P: Platform, M: RawMutex, const WAITERS: usize> EventSource
    for Esp8285<'_, U, P, M, WAITERS>
{
    #[inline]
    fn drive(&self, now: Instant) -> Option<Instant> {
        let short = self.state.lock(|state| {
            let mut state = state.borrow_mut();
            if state.stream(now) { Ok(state.next) } else { Err(()) }
        });
        short.unwrap_or_else(|()| self.drive_fully(now))
    }

    fn pending(&self) -> bool {
        self.state.lock(|state| state.borrow().pending())
    }

    fn readiness(&self, handle: Handle) -> Events {
        self.state.lock(|state| {
            let mut state = state.borrow_mut();
            let events = state.machine.readiness(handle);
            // While payload comes in, nothing is asked; what follows it is a full drive.
            if !events.intersects(POLLIN) && !state.direct.is_begun() {
                // Whoever asks waits for data, perhaps: a notice may have been lost.
                state.machine.interested(u8::try_from(handle.slot()).unwrap_or(u8::MAX));
            }
            events
        })
    }

    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        let mut waker = Some(wait.waker.clone());
        let (key, _unneeded, workers) = self.state.lock(|state| {
            let mut state = state.borrow_mut();
            state.settle();
            if !matches!(wait.handle, Handle::ANY | Handle::WORK) {
                let ready = state.machine.readiness(wait.handle);
                if ready.intersects(usocket_core::POLLNVAL) {
                    return (Err(Error::EBADF), None, None);
                }
                // True already: the next drive fires it (S6).
                state.machine.touched |= !ready.masked(wait.events).is_empty();
                let slot = u8::try_from(wait.handle.slot()).unwrap_or(u8::MAX);
                if wait.events.intersects(POLLIN) {
                    state.machine.interested(slot);
                }
            }
            let Some(waker) = waker.take() else { return (Err(Error::ENOBUFS), None, None) };
            let (key, unneeded) = state.wakers.register(key, wait, waker);
            let sooner = state.wakers.sooner() || state.machine.touched;
            let workers = sooner.then(|| state.wakers.take_workers());
            (key, unneeded, workers)
        });
        wake(workers);
        key
    }

    fn unregister(&self, key: WaitKey) {
        drop(self.state.lock(|state| state.borrow_mut().wakers.unregister(key)));
    }
}

impl<U: Uart, P: Platform, M: RawMutex, const WAITERS: usize> Backend
    for Esp8285<'_, U, P, M, WAITERS>
{
    fn platform(&self) -> &dyn Platform {
        &self.platform
    }

    fn open(&self, family: Family, kind: SockType) -> Result<Handle> {
        self.with(|state| state.machine.open(family, kind))
    }

    fn alive(&self, handle: Handle) -> Result<()> {
        self.state.lock(|state| state.borrow().machine.slots.get(handle).map(|_| ()))
    }

    fn bind(&self, handle: Handle, address: SockAddr) -> Result<()> {
        self.with(|state| {
            state.machine.check_scope(handle, address)?;
            state.machine.bind(handle, address)
        })
    }

    fn listen(&self, handle: Handle, backlog: u32) -> Result<()> {
        self.with(|state| state.machine.listen(handle, backlog))
    }

    fn in_effect(&self, handle: Handle) -> bool {
        self.state.lock(|state| state.borrow().machine.in_effect(handle))
    }

    fn try_accept(&self, handle: Handle) -> Result<(Handle, SockAddr)> {
        self.with(|state| state.machine.accept(handle))
    }

    fn try_connect(&self, handle: Handle, address: SockAddr) -> Result<()> {
        self.with(|state| {
            state.machine.check_scope(handle, address)?;
            state.machine.connect(handle, address)
        })
    }

    fn connect_result(&self, handle: Handle) -> Result<()> {
        self.with(|state| state.machine.connect_result(handle))
    }

    fn try_send(&self, handle: Handle, data: &[u8]) -> Result<usize> {
        self.with(|state| state.machine.send(handle, data))
    }

    fn try_send_to(&self, handle: Handle, data: &[u8], to: SockAddr) -> Result<usize> {
        self.with(|state| {
            state.machine.check_scope(handle, to)?;
            state.machine.send_to(handle, data, Some(to))
        })
    }

    /// There is one address of each family.
    fn try_send_from(
        &self,
        handle: Handle,
        data: &[u8],
        from: IpAddr,
        to: SockAddr,
    ) -> Result<usize> {
        self.alive(handle)?;
        if self.has_address(from) {
            self.try_send_to(handle, data, to)
        } else {
            Err(Error::EADDRNOTAVAIL)
        }
    }

    fn try_recv(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        self.with(|state| {
            if state.machine.is_datagram(handle)? {
                return state.machine.recv_datagram(handle, buf, flags.peek).map(|info| info.len);
            }
            state.machine.recv(handle, buf, flags.peek)
        })
    }

    fn try_recv_info(&self, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<RecvInfo> {
        self.with(|state| {
            let machine = &mut state.machine;
            if machine.is_datagram(handle)? {
                return machine.recv_datagram(handle, buf, flags.peek);
            }
            let len = machine.recv(handle, buf, flags.peek)?;
            let socket = machine.slots.get(handle)?;
            let from = socket.peer.unwrap_or(crate::address::nobody(socket.family)).into();
            Ok(RecvInfo { len, full_len: len, from, local: None })
        })
    }

    fn shutdown(&self, handle: Handle, how: Shutdown) -> Result<()> {
        self.with(|state| state.machine.shutdown(handle, how))
    }

    fn close(&self, handle: Handle) -> Result<()> {
        self.let_go(handle, false)
    }

    fn abort(&self, handle: Handle) -> Result<()> {
        self.let_go(handle, true)
    }

    fn lingering(&self) -> usize {
        self.state.lock(|state| state.borrow().machine.lingering())
    }

    fn set_option(&self, handle: Handle, option: &Opt) -> Result<()> {
        self.with(|state| state.machine.set_option(handle, option))
    }

    fn option(&self, handle: Handle, name: OptName) -> Result<Opt> {
        self.state.lock(|state| state.borrow().machine.option(handle, name))
    }

    fn take_error(&self, handle: Handle) -> Result<Option<Error>> {
        self.with(|state| state.machine.take_error(handle))
    }

    fn local_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.state.lock(|state| state.borrow().machine.local_addr(handle))
    }

    fn peer_addr(&self, handle: Handle) -> Result<SockAddr> {
        self.state.lock(|state| state.borrow().machine.peer_addr(handle))
    }

    #[cfg(feature = "dns")]
    fn start_query(&self, name: &str, family: Option<Family>, _canonname: bool) -> Result<Handle> {
        self.with(|state| state.machine.start_query(name, family))
    }

    #[cfg(not(feature = "dns"))]
    fn start_query(&self, _: &str, _: Option<Family>, _: bool) -> Result<Handle> {
        Err(Error::EAI_FAIL)
    }

    #[cfg(feature = "dns")]
    fn try_answer(&self, query: Handle, answer: &mut Answer) -> Result<()> {
        self.with(|state| state.machine.answer(query, answer))
    }

    #[cfg(not(feature = "dns"))]
    fn try_answer(&self, _: Handle, _: &mut Answer) -> Result<()> {
        Err(Error::EBADF)
    }

    #[cfg(feature = "dns")]
    fn end_query(&self, query: Handle) {
        self.with(|state| state.machine.end_query(query));
    }

    #[cfg(not(feature = "dns"))]
    fn end_query(&self, _: Handle) {}

    fn link(&self) -> Link {
        self.state.lock(|state| state.borrow().machine.station.link())
    }

    fn has_address(&self, ip: IpAddr) -> bool {
        self.state.lock(|state| state.borrow().machine.has_address(ip))
    }

    fn route(&self, ip: IpAddr) -> Option<u8> {
        self.state.lock(|state| state.borrow().machine.station.route(ip))
    }

    fn has_device(&self, name: &str) -> bool {
        name == crate::DEVICE
    }
}
