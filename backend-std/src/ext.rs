//! What only a host's socket has.

use std::os::fd::OwnedFd;

use usocket_core::{Result, Socket};

use crate::StdNet;

/// The descriptor behind a socket.
///
/// There is no `AsFd`: a socket can be closed through a shared reference, and the
/// number might be somebody else's by then.
///
/// ```
/// use usocket_backend_std::{SocketExt, StdNet};
/// use usocket_core::prelude::*;
///
/// let net = StdNet::new();
/// let s = net.tcp()?;
/// assert!(s.fileno() >= 0);
/// let clone: std::os::fd::OwnedFd = s.owned_fd()?;
/// s.close()?;
/// assert_eq!(s.fileno(), -1);
/// # Ok::<(), Error>(())
/// ```
pub trait SocketExt {
    /// The descriptor's number, to look at; -1 once the socket is closed (row 220).
    fn fileno(&self) -> i32;

    /// A second descriptor of the same socket. It keeps the connection open after
    /// the socket is closed: the peer sees the end when both are gone.
    ///
    /// # Errors
    /// `EBADF`, and `EMFILE` or `ENFILE` as they come.
    fn owned_fd(&self) -> Result<OwnedFd>;
}

impl SocketExt for Socket<'_, StdNet> {
    fn fileno(&self) -> i32 {
        self.backend().fileno(self.handle())
    }

    fn owned_fd(&self) -> Result<OwnedFd> {
        self.backend().owned_fd(self.handle())
    }
}
