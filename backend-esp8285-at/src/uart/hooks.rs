//! What a board adds to a UART: a way to change its rate, and the modem's enable pin.

use core::task::Waker;

use super::{Lost, Uart};

/// The methods that a wrapper hands on as they are.
macro_rules! forward {
    () => {
        fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
            self.uart.read(buf)
        }

        fn write(&mut self, bytes: &[u8]) -> usize {
            self.uart.write(bytes)
        }

        fn readable(&self) -> bool {
            self.uart.readable()
        }

        fn writable(&self) -> bool {
            self.uart.writable()
        }

        fn is_idle(&self) -> bool {
            self.uart.is_idle()
        }

        fn capacity(&self) -> usize {
            self.uart.capacity()
        }

        fn take_waker(&mut self) -> Option<Waker> {
            self.uart.take_waker()
        }
    };
}

/// A [`Uart`] whose rate is changed by a closure: see [`Uart::with_baud`].
#[derive(Clone, Copy, Debug)]
pub struct WithBaud<U, F> {
    pub(super) uart: U,
    pub(super) set: F,
}

impl<U: Uart, F: FnMut(&mut U, u32) -> bool> Uart for WithBaud<U, F> {
    forward!();

    fn set_baud(&mut self, baud: u32) -> bool {
        (self.set)(&mut self.uart, baud)
    }

    fn set_enabled(&mut self, on: bool) -> bool {
        self.uart.set_enabled(on)
    }
}

/// A [`Uart`] with the modem's enable pin: see [`Uart::with_enable`].
#[derive(Clone, Copy, Debug)]
pub struct WithEnable<U, F> {
    pub(super) uart: U,
    pub(super) drive: F,
}

impl<U: Uart, F: FnMut(bool)> Uart for WithEnable<U, F> {
    forward!();

    fn set_baud(&mut self, baud: u32) -> bool {
        self.uart.set_baud(baud)
    }

    fn set_enabled(&mut self, on: bool) -> bool {
        (self.drive)(on);
        true
    }
}
