//! The seam between the driver and a UART: bytes without waiting.

use core::task::Waker;

#[cfg(feature = "embedded-io")]
mod embedded_io;
#[cfg(feature = "embedded-io-async")]
mod embedded_io_async;
mod hooks;
#[cfg(all(feature = "std", unix))]
mod host;
#[cfg(feature = "nb")]
mod nb;
mod queue;
mod ring;
mod transmit;

#[cfg(feature = "embedded-io")]
pub use embedded_io::{AlwaysWritable, IoUart};
#[cfg(feature = "embedded-io-async")]
pub use embedded_io_async::{Pump, PumpUart};
pub use hooks::{WithBaud, WithEnable};
#[cfg(all(feature = "std", unix))]
pub use host::{HostReader, HostStop, HostUart};
#[cfg(feature = "nb")]
pub use nb::{NbTransmitter, NbUart};
pub use queue::{QueueUart, RxQueue};
pub use transmit::{QueueTransmitter, Transmitter, TxQueue};

/// Bytes were lost on the way to the driver: the receive FIFO or the ring overran, or a
/// byte came with a framing error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

/// A UART as the driver needs it. No method waits.
///
/// Bytes must be taken from the hardware by an interrupt handler or by DMA and kept in a
/// ring, since 16 bytes last 1.4 ms at 115200 baud (sheet section 7).
/// [`RxQueue`] is that ring.
pub trait Uart {
    /// Takes received bytes, oldest first, and returns how many; 0 when there are none.
    /// `buf` is not empty.
    ///
    /// # Errors
    /// [`Lost`], once for each loss: bytes that came before it are given first, where the
    /// hardware can tell. Too early does no harm, too late may.
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost>;

    /// Gives bytes to the transmitter and returns how many it had room for. Where it takes
    /// less than all, an interrupt (or [`notify`](crate::Esp8285::notify)) must come when
    /// there is room again.
    fn write(&mut self, bytes: &[u8]) -> usize;

    /// Whether `read` would give something, a loss included. Cheap: it is asked with
    /// interrupts masked.
    fn readable(&self) -> bool;

    /// Whether `write` would take a byte.
    fn writable(&self) -> bool;

    /// Whether everything written has left, the last stop bit included. Nothing has to wake
    /// the driver when it has: the driver asks in each drive, and where a change of rate or of
    /// the enable pin waits for it, wants to be driven every 100 µs until then.
    fn is_idle(&self) -> bool;

    /// Switches the rate of both directions. Called when idle. `false` where the rate
    /// cannot be had: then it is as before. A UART of fixed rate answers `false`.
    fn set_baud(&mut self, baud: u32) -> bool {
        let _ = baud;
        false
    }

    /// How many bytes arrive without loss while nobody calls `read`: the size of the ring.
    /// The driver asks the modem for no more at a time.
    fn capacity(&self) -> usize;

    /// Drives the modem's enable pin: `false` holds it in reset. `false` is answered where
    /// there is no such pin.
    fn set_enabled(&mut self, on: bool) -> bool {
        let _ = on;
        false
    }

    /// The waker of a task that sends what `write` was given, if it waits for that. Asked
    /// after each drive; the driver wakes it when its lock is released.
    fn take_waker(&mut self) -> Option<Waker> {
        None
    }

    /// This UART, with its rate changed by `set`, which answers as
    /// [`set_baud`](Self::set_baud) does. It is called with the driver's lock held.
    ///
    /// To name the type, for a `static`, let `F` be `fn(&mut Self, u32) -> bool`.
    fn with_baud<F>(self, set: F) -> WithBaud<Self, F>
    where
        Self: Sized,
        F: FnMut(&mut Self, u32) -> bool,
    {
        WithBaud { uart: self, set }
    }

    /// This UART, with the modem's enable pin driven by `drive`: `false` holds it in reset.
    /// The driver uses it for [`reset`](crate::Esp8285::reset), and where a modem answers
    /// nothing any more.
    fn with_enable<F: FnMut(bool)>(self, drive: F) -> WithEnable<Self, F>
    where
        Self: Sized,
    {
        WithEnable { uart: self, drive }
    }
}

impl<U: Uart + ?Sized> Uart for &mut U {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        (**self).read(buf)
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        (**self).write(bytes)
    }

    fn readable(&self) -> bool {
        (**self).readable()
    }

    fn writable(&self) -> bool {
        (**self).writable()
    }

    fn is_idle(&self) -> bool {
        (**self).is_idle()
    }

    fn set_baud(&mut self, baud: u32) -> bool {
        (**self).set_baud(baud)
    }

    fn capacity(&self) -> usize {
        (**self).capacity()
    }

    fn set_enabled(&mut self, on: bool) -> bool {
        (**self).set_enabled(on)
    }

    fn take_waker(&mut self) -> Option<Waker> {
        (**self).take_waker()
    }
}
