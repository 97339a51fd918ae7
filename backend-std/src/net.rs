//! The backend.

use std::sync::{Arc, OnceLock};

use usocket_core::spi::{Handle, StdPlatform};
use usocket_core::{Error, Result};

use crate::reactor::LazyReactor;
use crate::resolver::Resolver;
use crate::table::Table;

/// The sockets of the operating system as a backend.
///
/// `Send` and `Sync`; any number may exist beside each other. Making one costs
/// nothing and starts nothing. Dropping it closes what is still open and ends
/// its threads; one that asks the system for a name ends when that has answered.
#[derive(Debug)]
pub struct StdNet {
    pub(crate) table: Arc<Table>,
    pub(crate) platform: StdPlatform,
    pub(crate) reactor: Arc<LazyReactor>,
    resolver: OnceLock<Resolver>,
    #[cfg(target_os = "linux")]
    pub(crate) sets: crate::sets::Sets,
}

impl Default for StdNet {
    fn default() -> Self {
        Self::new()
    }
}

impl StdNet {
    /// A backend with no socket.
    #[must_use]
    pub fn new() -> Self {
        let table = Arc::new(Table::new());
        let reactor = Arc::new(LazyReactor::new(Arc::clone(&table)));
        Self {
            #[cfg(target_os = "linux")]
            sets: crate::sets::Sets::new(Arc::clone(&table), Arc::clone(&reactor)),
            table,
            platform: StdPlatform,
            reactor,
            resolver: OnceLock::new(),
        }
    }

    /// The descriptor's number, -1 once the handle is closed (row 220).
    ///
    /// The number stays the backend's: use it to look, never to close.
    #[cfg(unix)]
    #[must_use]
    pub fn fileno(&self, handle: Handle) -> i32 {
        use std::os::fd::AsRawFd;
        self.table.get(handle).map_or(-1, |entry| entry.fd.as_raw_fd())
    }

    /// A second descriptor of the same socket.
    ///
    /// It keeps the connection open after the handle is closed: the peer sees
    /// the end when both are gone. On Linux it is in blocking mode, except for a
    /// listener after its first non-blocking accept; elsewhere it never is.
    ///
    /// # Errors
    /// `EBADF`, and `EMFILE` or `ENFILE` as they come.
    #[cfg(unix)]
    pub fn owned_fd(&self, handle: Handle) -> Result<std::os::fd::OwnedFd> {
        let entry = self.table.get(handle)?;
        entry.fd.try_clone().map_err(|error| {
            error.raw_os_error().map_or(Error::EMFILE, |number| {
                crate::sys::error(rustix::io::Errno::from_raw_os_error(number))
            })
        })
    }

    /// A second socket handle of the same socket; see the Unix form.
    ///
    /// # Errors
    /// `EBADF`, `EMFILE`.
    #[cfg(windows)]
    pub fn owned_socket(&self, handle: Handle) -> Result<std::os::windows::io::OwnedSocket> {
        self.table.get(handle)?.fd.try_clone().map_err(|_| Error::EMFILE)
    }

    pub(crate) fn resolver(&self) -> &Resolver {
        self.resolver.get_or_init(Resolver::new)
    }
}
