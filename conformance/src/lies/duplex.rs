//! Lies about waiters (R11, R14).

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, RecvFlags, Wait, WaitKey};
use usocket_core::{Error, POLLIN, POLLOUT, Result};

use super::{lies, retold};
use crate::Lie;
use crate::cases::duplex;

lies! {
    backend ClosedWaitsOn breaks [], caught by duplex::close_ends_every_wait;
    backend ClosedConnectWaitsOn breaks [], caught by duplex::close_ends_every_wait;
    backend ReaderLocksWriter breaks [], caught by duplex::a_send_proceeds_while_a_receive_waits;
    backend WriterLocksReader breaks [], caught by duplex::a_receive_proceeds_while_a_send_waits;
    backend OneWaiterOnly breaks [], caught by duplex::all_waiters_of_a_direction_wake;
}

retold! {
    backend ClosedWaitsOn: try_recv { Err(Error::EBADF) => Err(Error::EAGAIN) }
    backend ClosedConnectWaitsOn: connect_result { Err(Error::EBADF) => Err(Error::EAGAIN) }
}

/// A lock that a waiter holds.
#[derive(Default)]
struct Held(Cell<Option<WaitKey>>);

impl Held {
    fn take(&self, key: WaitKey) {
        self.0.set(Some(key));
    }

    fn release(&self, key: WaitKey) {
        if self.0.get() == Some(key) {
            self.0.set(None);
        }
    }
}

#[derive(Default)]
struct ReaderLocksWriter(Held);

impl<B: Backend> Lie<B> for ReaderLocksWriter {
    fn register(&self, net: &B, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        let key = net.register(key, wait)?;
        if wait.events == POLLIN {
            self.0.take(key);
        }
        Ok(key)
    }

    fn unregister(&self, net: &B, key: WaitKey) {
        self.0.release(key);
        net.unregister(key);
    }

    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        if self.0.0.get().is_some() { Err(Error::EAGAIN) } else { net.try_send(handle, data) }
    }

    fn readiness(&self, net: &B, handle: Handle) -> usocket_core::Events {
        let ready = net.readiness(handle);
        if self.0.0.get().is_some() { ready.masked(POLLIN) } else { ready }
    }
}

#[derive(Default)]
struct WriterLocksReader(Held);

impl<B: Backend> Lie<B> for WriterLocksReader {
    fn register(&self, net: &B, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        let key = net.register(key, wait)?;
        if wait.events == POLLOUT {
            self.0.take(key);
        }
        Ok(key)
    }

    fn unregister(&self, net: &B, key: WaitKey) {
        self.0.release(key);
        net.unregister(key);
    }

    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        if self.0.0.get().is_some() { Err(Error::EAGAIN) } else { net.try_recv(handle, buf, flags) }
    }

    fn readiness(&self, net: &B, handle: Handle) -> usocket_core::Events {
        let ready = net.readiness(handle);
        if self.0.0.get().is_some() { ready.masked(POLLOUT) } else { ready }
    }
}

#[derive(Default)]
struct OneWaiterOnly {
    first: Cell<Option<WaitKey>>,
}

impl<B: Backend> Lie<B> for OneWaiterOnly {
    fn register(&self, net: &B, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        if wait.events != POLLIN {
            return net.register(key, wait);
        }
        if self.first.get().is_some() && key != self.first.get() {
            return Err(Error::ENOBUFS);
        }
        let key = net.register(key, wait)?;
        self.first.set(Some(key));
        Ok(key)
    }

    fn unregister(&self, net: &B, key: WaitKey) {
        if self.first.get() == Some(key) {
            self.first.set(None);
        }
        net.unregister(key);
    }
}
