//! Descriptors of the user's own: pipes, serial lines, the terminal.

use std::os::fd::OwnedFd;

use usocket_core::spi::{Backend, Handle, RecvFlags};
use usocket_core::{Family, PollRef, Pollable, Result};

use crate::StdNet;
use crate::entry::{Entry, Kind};
use crate::sys::{self, Notifier};

/// A descriptor that is no socket, polled together with sockets: a pipe, a
/// serial line, standard input. Dropping it closes the descriptor.
///
/// Its mode is left as it is: reads and writes ask first whether they would
/// wait. Where another process shares a descriptor in blocking mode, that one
/// may be faster, and a read waits after all.
#[derive(Debug)]
pub struct Watched<'n> {
    net: &'n StdNet,
    handle: Handle,
}

impl StdNet {
    /// Takes a descriptor in, so that one poll, and one system call, waits for
    /// it and for sockets.
    ///
    /// # Errors
    /// `EMFILE`, `ENFILE`.
    pub fn watch_fd(&self, fd: impl Into<OwnedFd>) -> Result<Watched<'_>> {
        let fd = fd.into();
        let wake = Notifier::new().map_err(sys::error)?;
        let handle = self.insert(|handle| Entry::new(handle, fd, Kind::Watch(wake), Family::V4))?;
        Ok(Watched { net: self, handle })
    }
}

impl<'n> Watched<'n> {
    /// Its place in the backend, for polls.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// The backend.
    #[must_use]
    pub fn net(&self) -> &'n StdNet {
        self.net
    }

    /// Reads what is there, waiting for at least one byte; 0 at the end.
    ///
    /// # Errors
    /// As the system has them.
    pub fn read(&self, buf: &mut [u8]) -> Result<usize> {
        self.net.recv_wait(self.handle, buf)
    }

    /// Reads what is there; `EAGAIN` when there is nothing.
    ///
    /// # Errors
    /// As the system has them.
    pub fn try_read(&self, buf: &mut [u8]) -> Result<usize> {
        self.net.try_recv(self.handle, buf, RecvFlags::default())
    }

    /// Writes some bytes, waiting for room for at least one.
    ///
    /// # Errors
    /// As the system has them; `EPIPE` without a reader.
    pub fn write(&self, data: &[u8]) -> Result<usize> {
        self.net.send_wait(self.handle, data)
    }

    /// Writes some bytes; `EAGAIN` when there is no room.
    ///
    /// # Errors
    /// As the system has them; `EPIPE` without a reader.
    pub fn try_write(&self, data: &[u8]) -> Result<usize> {
        self.net.try_send(self.handle, data)
    }
}

impl<'n> Pollable<'n> for Watched<'n> {
    fn poll_ref(&self) -> PollRef<'n> {
        PollRef::new(self.net, self.handle)
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        let _ = self.net.close(self.handle);
    }
}
