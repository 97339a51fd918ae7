//! The end of a handle.

use std::sync::Arc;
use std::time::Duration;

use usocket_core::spi::Handle;
use usocket_core::{Error, Result};

use crate::StdNet;
use crate::entry::{Entry, Kind, Phase};

impl StdNet {
    /// Releases the handle. The descriptor is closed at once, or, where calls
    /// are still inside, when the last of them has left; they are woken.
    pub(crate) fn end(&self, handle: Handle, reset: bool) -> Result<()> {
        let entry = self.table.remove(handle).ok_or(Error::EBADF)?;
        entry.mark_closed();
        if entry.is_watched() {
            // Before the descriptor closes: a clone of it would stay in epoll.
            #[cfg(target_os = "linux")]
            entry.leave_sets();
            if let Some(reactor) = self.reactor.started() {
                reactor.forget(&entry);
            }
        }
        if reset && entry.is_stream() {
            let _ = rustix::net::sockopt::set_socket_linger(&entry.fd, Some(Duration::ZERO));
        }
        // Out of the table, the guards of calls inside have become counts.
        if Arc::strong_count(&entry) > 1 {
            entry.wake_calls(reset);
        }
        self.changed();
        Ok(())
    }
}

impl Entry {
    /// Ends the system calls that wait on this entry. Not done where there are
    /// none: the FIN that `shutdown` sends would go ahead of the reset that
    /// closing with unread data makes (row 218).
    fn wake_calls(&self, reset: bool) {
        match &self.kind {
            Kind::Stream | Kind::Dgram => {
                if reset && self.phase() != Phase::Listening && self.is_stream() {
                    // Resets at once, though a call keeps the descriptor a while.
                    #[cfg(target_os = "linux")]
                    let _ = rustix::net::connect_unspec(&self.fd);
                }
                // A call that has not reached the system yet: what it starts after the
                // shutdown, a connect, would wait for its own end.
                #[cfg(target_os = "linux")]
                let _ = rustix::net::sockopt::set_socket_timeout(
                    &self.fd,
                    rustix::net::sockopt::Timeout::Send,
                    Some(Duration::from_micros(1)),
                );
                let _ = rustix::net::shutdown(&self.fd, rustix::net::Shutdown::Both);
            }
            #[cfg(unix)]
            Kind::Watch(wake) => wake.notify(),
            Kind::Query(query) => query.ready.notify(),
            #[cfg(target_os = "linux")]
            Kind::Set => {}
        }
    }
}
