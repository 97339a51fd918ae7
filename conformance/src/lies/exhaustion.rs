//! Lies about exhaustion and stale handles (R16).

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, Opt, SockType};
use usocket_core::{Error, Family, Result};

use super::lies;
use crate::Lie;
use crate::cases::exhaustion;

lies! {
    backend StaleReachesTheNewest breaks [], caught by exhaustion::a_stale_handle_reaches_nobody;
    backend StaleSends breaks [], caught by exhaustion::a_stale_handle_reaches_nobody;
    backend NoSlotIsInvalid breaks [], caught by exhaustion::sockets_that_run_out_come_back;
    backend EveryFourthCloseLeaks breaks [], caught by exhaustion::sockets_that_run_out_come_back;
}

/// No generation: an old handle means whoever has the slot now.
#[derive(Default)]
struct StaleReachesTheNewest {
    newest: Cell<Option<Handle>>,
}

impl<B: Backend> Lie<B> for StaleReachesTheNewest {
    fn open(&self, net: &B, family: Family, kind: SockType) -> Result<Handle> {
        let handle = net.open(family, kind)?;
        self.newest.set(Some(handle));
        Ok(handle)
    }

    fn set_option(&self, net: &B, handle: Handle, option: &Opt) -> Result<()> {
        match (net.set_option(handle, option), self.newest.get()) {
            (Err(Error::EBADF), Some(newest)) => net.set_option(newest, option),
            (answer, _) => answer,
        }
    }
}

#[derive(Default)]
struct StaleSends {
    newest: Cell<Option<Handle>>,
}

impl<B: Backend> Lie<B> for StaleSends {
    fn open(&self, net: &B, family: Family, kind: SockType) -> Result<Handle> {
        let handle = net.open(family, kind)?;
        self.newest.set(Some(handle));
        Ok(handle)
    }

    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match (net.try_send(handle, data), self.newest.get()) {
            (Err(Error::EBADF), Some(newest)) => net.try_send(newest, data),
            (answer, _) => answer,
        }
    }
}

#[derive(Default)]
struct NoSlotIsInvalid;

impl<B: Backend> Lie<B> for NoSlotIsInvalid {
    fn open(&self, net: &B, family: Family, kind: SockType) -> Result<Handle> {
        net.open(family, kind).map_err(|_| Error::EINVAL)
    }
}

/// Every fourth socket is closed by name only.
#[derive(Default)]
struct EveryFourthCloseLeaks {
    closed: Cell<u32>,
}

impl<B: Backend> Lie<B> for EveryFourthCloseLeaks {
    fn close(&self, net: &B, handle: Handle) -> Result<()> {
        self.closed.set(self.closed.get() + 1);
        if self.closed.get().is_multiple_of(4) { Ok(()) } else { net.close(handle) }
    }
}
