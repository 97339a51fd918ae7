//! The board's UART, shaped as a driver wants it.

use std::fmt;

use esp8285_sim::net::Network;

use crate::World;

/// Bytes were lost just here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

/// What the UART of a board can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortConfig {
    /// Its rate can be changed.
    pub rates: bool,
    /// It drives the modem's enable pin.
    pub enable_pin: bool,
    /// A loss is told at its place. If not, it is told as soon as the receiver has noticed it,
    /// before bytes that came earlier and were not read yet.
    pub exact_losses: bool,
}

impl Default for PortConfig {
    /// Everything.
    fn default() -> Self {
        Self { rates: true, enable_pin: true, exact_losses: true }
    }
}

/// The UART between a driver and the modem. No method waits; none but the world lets time pass.
pub struct Port<N> {
    world: World<N>,
    config: PortConfig,
}

impl<N> fmt::Debug for Port<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { world, config } = self;
        f.debug_struct("Port").field("world", world).field("config", config).finish()
    }
}

impl<N: Network> Port<N> {
    pub(crate) fn new(world: World<N>, config: PortConfig) -> Self {
        Self { world, config }
    }

    /// Takes received bytes, oldest first; 0 when there are none.
    ///
    /// # Errors
    /// [`Lost`], once for each loss, whether in the FIFO, in the ring, or by a framing error.
    pub fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        let exact = self.config.exact_losses;
        self.world.with_uart(|uart, now| {
            if exact {
                return uart.read_checked(now, buf).map_err(|_| Lost);
            }
            if uart.take_flags().any() {
                return Err(Lost);
            }
            Ok(uart.read(now, buf))
        })
    }

    /// Gives bytes to the transmitter; how many it had room for.
    pub fn write(&mut self, bytes: &[u8]) -> usize {
        self.world.with_uart(|uart, now| uart.write(now, bytes))
    }

    /// Whether `read` would give something, a loss included.
    #[must_use]
    pub fn readable(&self) -> bool {
        let exact = self.config.exact_losses;
        self.world.with_uart(|uart, _| {
            if exact { uart.is_readable() } else { uart.readable() > 0 || uart.has_lost() }
        })
    }

    /// Whether `write` would take a byte.
    #[must_use]
    pub fn writable(&self) -> bool {
        self.world.with_uart(|uart, _| uart.tx_room() > 0)
    }

    /// Whether everything written has left.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.world.with_uart(|uart, _| uart.is_tx_idle())
    }

    /// Switches the rate; `false` where it is fixed.
    pub fn set_baud(&mut self, baud: u32) -> bool {
        if self.config.rates {
            self.world.with_uart(|uart, now| uart.set_baud(now, baud));
        }
        self.config.rates
    }

    /// Bytes that the ring holds.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.world.with_uart(|uart, _| uart.ring())
    }

    /// Drives the enable pin; `false` where there is none.
    pub fn set_enabled(&mut self, on: bool) -> bool {
        if self.config.enable_pin {
            self.world.with_modem(|modem, now| modem.set_enabled(now, on));
        }
        self.config.enable_pin
    }
}

/// Makes a newtype over [`Port`] that is a `Uart` of the driver. The orphan rule wants it in the
/// crate that uses it, and this crate may not depend on the driver, which it tests.
///
/// ```ignore
/// esp8285_world::wire!(
///     /// The wire of a world as the driver wants it.
///     pub(crate) Wire
/// );
/// ```
#[macro_export]
macro_rules! wire {
    ($(#[$about:meta])* $visibility:vis $name:ident) => {
        $(#[$about])*
        #[derive(Debug)]
        $visibility struct $name<N>($visibility $crate::Port<N>);

        impl<N: $crate::Network> ::usocket_backend_esp8285_at::Uart for $name<N> {
            fn read(
                &mut self,
                buf: &mut [u8],
            ) -> Result<usize, ::usocket_backend_esp8285_at::Lost> {
                self.0.read(buf).map_err(|_| ::usocket_backend_esp8285_at::Lost)
            }

            fn write(&mut self, bytes: &[u8]) -> usize {
                self.0.write(bytes)
            }

            fn readable(&self) -> bool {
                self.0.readable()
            }

            fn writable(&self) -> bool {
                self.0.writable()
            }

            fn is_idle(&self) -> bool {
                self.0.is_idle()
            }

            fn set_baud(&mut self, baud: u32) -> bool {
                self.0.set_baud(baud)
            }

            fn capacity(&self) -> usize {
                self.0.capacity()
            }

            fn set_enabled(&mut self, on: bool) -> bool {
                self.0.set_enabled(on)
            }
        }
    };
}
