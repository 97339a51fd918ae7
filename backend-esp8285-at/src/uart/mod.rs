//! The seam between the driver and a UART: bytes without waiting.

#[cfg(all(feature = "std", unix))]
mod host;
mod queue;
mod ring;

#[cfg(all(feature = "std", unix))]
pub use host::{HostReader, HostStop, HostUart};
pub use queue::{QueueUart, RxQueue, Transmitter};

/// Bytes were lost on the way to the driver: the receive FIFO or the ring overran, or a
/// byte came with a framing error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

/// A UART as the driver needs it. No method waits.
///
/// Bytes must be taken from the hardware by an interrupt handler or by DMA and kept in a
/// ring, since 16 bytes last 1.4 ms at 115200 baud (sheet section 7).
/// [`RxQueue`](crate::RxQueue) is that ring.
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

    /// Whether everything written has left, the last stop bit included.
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
}
