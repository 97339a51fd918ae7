//! Devices of Linux.

use std::os::fd::{AsRawFd, RawFd};
use std::task::Waker;
use std::time::Duration;

use usocket::Instant;
use usocket::smoltcp::stack;
use usocket::smoltcp::stack::phy::{Device, Medium, RawSocket, TunTapInterface};
use usocket::spi::{Platform, StdPlatform};

use super::RawOptions;
use crate::backends::Program;
use crate::{Site, Trouble};

/// Runs on a TAP device, whose other end is Linux.
pub(super) fn tap(options: &RawOptions, name: &str, program: impl Program) -> Result<(), Trouble> {
    let device = TunTapInterface::new(name, Medium::Ethernet);
    on(options, name, device, program)
}

/// Runs on an interface of Linux, as a second host there.
pub(super) fn packet(
    options: &RawOptions,
    name: &str,
    program: impl Program,
) -> Result<(), Trouble> {
    let device = RawSocket::new(name, Medium::Ethernet);
    on(options, name, device, program)
}

fn on<D: Device + AsRawFd>(
    options: &RawOptions,
    name: &str,
    device: std::io::Result<D>,
    program: impl Program,
) -> Result<(), Trouble> {
    let device = device.map_err(|error| Trouble::of(name, error))?;
    let board = Board { device: device.as_raw_fd() };
    options.start(device, board, &Site::HERE, program)
}

/// This machine's clock, and a sleep that a frame ends.
struct Board {
    device: RawFd,
}

impl Platform for Board {
    fn now(&self) -> Instant {
        StdPlatform.now()
    }

    fn seed(&self) -> u64 {
        StdPlatform.seed()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        if ready() {
            return;
        }
        let left = until.map_or(NAP, |until| until.saturating_since(self.now())).min(NAP);
        // Rounded up, so as not to end too early; in 10 ms it fits.
        let micros = u64::try_from(left.as_micros()).unwrap_or_default() + 1;
        // It fails only if the device is gone; then nothing comes any more, and time passes.
        if stack::phy::wait(self.device, Some(stack::time::Duration::from_micros(micros))).is_err()
        {
            std::thread::sleep(left);
        }
    }

    fn waker(&self) -> Option<Waker> {
        StdPlatform.waker()
    }
}

/// A wake by another thread, a keyboard for instance, is noticed after so long.
const NAP: Duration = Duration::from_millis(10);
