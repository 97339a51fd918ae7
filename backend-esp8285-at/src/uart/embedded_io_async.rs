//! The pump between a UART of `embedded-io-async` and the driver.

use core::cell::RefCell;
use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Poll, Waker};

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::RawMutex;
use embedded_io_async::{Read, Write};

use super::ring::Ring;
use super::{Lost, RxQueue, Uart};

/// Bytes moved at once.
const CHUNK: usize = 64;

/// The two queues between the driver and an async UART, and the two futures that move bytes
/// between them.
///
/// `M` is the lock around a waker, of the kind that the driver has; `RX` and `TX` are
/// powers of two: `RX` as for [`RxQueue`], `TX` is 64 or more.
///
/// ```
/// use embassy_sync::blocking_mutex::raw::CriticalSectionRawMutex;
/// use usocket_backend_esp8285_at::{Esp8285, Pump, PumpUart};
/// use usocket_core::spi::Platform;
///
/// static PUMP: Pump<CriticalSectionRawMutex, 512, 256> = Pump::new();
///
/// type Wire = PumpUart<'static, CriticalSectionRawMutex, 512, 256>;
///
/// /// One task, beside the one that runs `usocket_core::run(net)`; or one for each half.
/// async fn pump<P: Platform>(
///     net: &'static Esp8285<'static, Wire, P, CriticalSectionRawMutex>,
///     rx: impl embedded_io_async::Read,
///     tx: impl embedded_io_async::Write,
/// ) {
///     let receive = PUMP.receive(rx, || net.notify());
///     let send = PUMP.send(tx, || net.notify());
///     // Your executor's `join`.
/// #   let _ = (receive, send);
/// }
/// # let _ = PUMP.uart();
/// ```
///
/// The peripheral must keep received bytes itself while the task does not run, as for
/// [`RxQueue`]: what `embassy` calls a buffered UART.
///
/// [`set_baud`](Uart::set_baud) answers `false`: the peripheral is in the futures. Where it
/// can be reached from elsewhere, use [`with_baud`](Uart::with_baud).
#[derive(Debug)]
pub struct Pump<M: RawMutex, const RX: usize, const TX: usize> {
    rx: RxQueue<RX>,
    tx: Ring<TX>,
    /// Bytes have been taken out of `tx` that have not left yet. Written by `send` only.
    leaving: AtomicBool,
    sender: Mutex<M, RefCell<Option<Waker>>>,
}

impl<M: RawMutex, const RX: usize, const TX: usize> Pump<M, RX, TX> {
    /// Empty queues.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            rx: RxQueue::new(),
            tx: Ring::new(),
            leaving: AtomicBool::new(false),
            sender: Mutex::new(RefCell::new(None)),
        }
    }

    /// The driver's side. There must be one.
    pub const fn uart(&self) -> PumpUart<'_, M, RX, TX> {
        PumpUart(self)
    }

    /// Brings received bytes to the driver and calls `notify` for each piece. An error of
    /// the UART is a loss. Ends if the UART says that it has ended.
    ///
    /// Cancellation: nothing is lost but what the UART's own `read` loses when it is
    /// dropped. It may be called again after; two at a time mix the bytes up.
    pub async fn receive<U: Read>(&self, mut uart: U, notify: impl Fn()) {
        let mut buf = [0; CHUNK];
        loop {
            match uart.read(&mut buf).await {
                Ok(0) => return,
                Ok(len) => _ = self.rx.push_all(&buf[..len]),
                Err(_) => self.rx.push_lost(),
            }
            notify();
            // A UART that is always ready must leave others their turn.
            yield_now().await;
        }
    }

    /// Sends what the driver says, and calls `notify` when there is room again and when
    /// all has left. Never ends.
    ///
    /// Bytes are taken out of the queue when the UART has taken them. A `write` that fails
    /// loses what it was given: the driver finds that the modem does not answer.
    ///
    /// Cancellation: nothing is lost. Bytes may be sent twice if a `write` that is dropped
    /// had sent some, as those by DMA do; the driver then recovers from a modem that does
    /// not understand. It may be called again after; two at a time mix the bytes up.
    pub async fn send<U: Write>(&self, mut uart: U, notify: impl Fn()) {
        let mut buf = [0; CHUNK];
        loop {
            if self.tx.len() == 0 && self.leaving.load(Ordering::Relaxed) {
                let _ = uart.flush().await;
                self.leaving.store(false, Ordering::Release);
                notify();
            }
            self.something_to_send().await;
            let len = self.tx.peek(&mut buf, CHUNK);
            let sent = uart.write(&buf[..len]).await.map_or(len, |sent| sent.min(len));
            self.leaving.store(true, Ordering::Release);
            self.tx.skip(sent);
            notify();
            yield_now().await;
        }
    }

    async fn something_to_send(&self) {
        poll_fn(|context| {
            // Before the look: what is written after it wakes us.
            let waker = Some(context.waker().clone());
            drop(self.sender.lock(|sender| sender.replace(waker)));
            if self.tx.len() > 0 { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }
}

impl<M: RawMutex, const RX: usize, const TX: usize> Default for Pump<M, RX, TX> {
    fn default() -> Self {
        Self::new()
    }
}

async fn yield_now() {
    let mut yielded = false;
    poll_fn(|context| {
        if core::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// The driver's side of a [`Pump`].
#[derive(Debug)]
pub struct PumpUart<'p, M: RawMutex, const RX: usize, const TX: usize>(&'p Pump<M, RX, TX>);

impl<M: RawMutex, const RX: usize, const TX: usize> Uart for PumpUart<'_, M, RX, TX> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        self.0.rx.read(buf)
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        self.0.tx.write(bytes)
    }

    fn readable(&self) -> bool {
        self.0.rx.is_readable()
    }

    fn writable(&self) -> bool {
        self.0.tx.len() < TX
    }

    fn is_idle(&self) -> bool {
        self.0.tx.len() == 0 && !self.0.leaving.load(Ordering::Acquire)
    }

    fn capacity(&self) -> usize {
        RX
    }

    fn take_waker(&mut self) -> Option<Waker> {
        if self.0.tx.len() == 0 {
            return None;
        }
        self.0.sender.lock(RefCell::take)
    }
}

#[cfg(test)]
#[path = "embedded_io_async/tests.rs"]
mod tests;
