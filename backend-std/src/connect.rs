//! Connect: blocking in one system call, or started and fetched later.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::io::Errno;
use usocket_core::{Error, Events, POLLOUT, Result, SockAddr};

use crate::address::reached;
use crate::entry::{Entry, Phase, retry};
use crate::sys;

impl Entry {
    /// Starts a connect (S15). A stream is switched to non-blocking mode around
    /// the call: that is what a connect with a timeout costs on Linux.
    pub(crate) fn connect_start(&self, address: SockAddr) -> Result<()> {
        self.sock_type()?;
        if !self.is_stream() {
            let set = retry(|| rustix::net::connect(&self.fd, &address.to_std()));
            return self.done_with(address, set);
        }
        if self.phase() == Phase::Connected {
            return Err(Error::EISCONN);
        }
        let outcome = self.connect_at_once(address)?;
        self.connect_outcome(address, outcome)
    }

    fn connect_at_once(&self, address: SockAddr) -> Result<rustix::io::Result<()>> {
        // Nobody else switches the mode meanwhile: their call would wait. Nothing
        // waits under this lock.
        let _mode = self.mode();
        // A listener whose accepts must not wait (see `accept_now`) will refuse, and
        // keeps its mode.
        let polite = self.polite.load(Ordering::Acquire);
        if !polite {
            self.done(sys::set_blocking_connect(&self.fd, false))?;
        }
        let mut outcome = retry(|| rustix::net::connect(&self.fd, &address.to_std()));
        if outcome == Err(Errno::CONNABORTED) {
            // The outcome of an earlier attempt was fetched by other means; this
            // call only cleared it away (Linux).
            outcome = retry(|| rustix::net::connect(&self.fd, &address.to_std()));
        }
        if !polite {
            self.done(sys::set_blocking_connect(&self.fd, true))?;
        }
        Ok(outcome)
    }

    /// One blocking system call.
    #[cfg(target_os = "linux")]
    pub(crate) fn connect_blocking(&self, address: SockAddr) -> Result<()> {
        if !self.is_stream() || self.phase() != Phase::Idle {
            return match self.connect_start(address) {
                Err(Error::EINPROGRESS) => self.connect_finish(),
                answer => answer,
            };
        }
        let mut outcome = rustix::net::connect(&self.fd, &address.to_std());
        if outcome == Err(Errno::CONNABORTED) && !self.is_closed() {
            outcome = rustix::net::connect(&self.fd, &address.to_std());
        }
        match outcome {
            // The attempt goes on in the background, and is waited for there.
            Err(Errno::INTR | Errno::INPROGRESS | Errno::AGAIN) => {
                self.set_phase(Phase::Connecting);
                *self.peer() = Some(reached(address));
                self.connect_finish()
            }
            outcome => self.connect_outcome(address, outcome),
        }
    }

    #[cfg(target_os = "linux")]
    fn connect_finish(&self) -> Result<()> {
        loop {
            match self.connect_result() {
                Err(Error::EAGAIN) => {
                    self.done(sys::poll(&self.fd, POLLOUT, None))?;
                }
                answer => return answer,
            }
        }
    }

    fn connect_outcome(&self, address: SockAddr, outcome: rustix::io::Result<()>) -> Result<()> {
        match outcome {
            // A second call that finds the first one done is told so (row 84).
            Ok(()) if self.phase() == Phase::Connecting => {
                self.set_phase(Phase::Connected);
                Err(Error::EISCONN)
            }
            Ok(()) => {
                *self.peer() = Some(reached(address));
                self.set_phase(Phase::Connected);
                if self.is_closed() { Err(Error::EBADF) } else { Ok(()) }
            }
            // Winsock and some Unixes say would-block for a started connect.
            Err(Errno::INPROGRESS | Errno::AGAIN) => {
                *self.peer() = Some(reached(address));
                self.set_phase(Phase::Connecting);
                Err(Error::EINPROGRESS)
            }
            Err(errno) => {
                // The system has cleared a failed attempt away as it told of it.
                if self.phase() == Phase::Connecting && errno != Errno::ALREADY {
                    self.set_phase(Phase::Idle);
                }
                self.done_with(address, Err(errno))
            }
        }
    }

    /// The outcome of a started connect (S15).
    pub(crate) fn connect_result(&self) -> Result<()> {
        match self.phase() {
            Phase::Connected => return Ok(()),
            Phase::Connecting => {}
            Phase::Idle | Phase::Listening => return Err(Error::ENOTCONN),
        }
        let ready = self.done(sys::poll(&self.fd, POLLOUT, Some(Duration::ZERO)))?;
        if self.is_closed() {
            return Err(Error::EBADF);
        }
        if ready == Events::NONE {
            return Err(Error::EAGAIN);
        }
        if cfg!(target_os = "linux") && ready == POLLOUT {
            // A failed connect would be an error or a hang-up as well.
            self.set_phase(Phase::Connected);
            return Ok(());
        }
        match self.done(rustix::net::sockopt::socket_error(&self.fd))? {
            Err(errno) => Err(self.connect_failed(errno)),
            // The error was fetched by another call, or the peer is gone again.
            Ok(()) if self.peer_addr() == Err(Error::ENOTCONN) && ready != POLLOUT => {
                Err(self.connect_failed(Errno::NOTCONN))
            }
            Ok(()) => {
                self.set_phase(Phase::Connected);
                Ok(())
            }
        }
    }

    /// Makes a stream whose connect failed as good as new: sends answer EPIPE,
    /// receives ENOTCONN, and it can be connected again (row 89).
    fn connect_failed(&self, errno: Errno) -> Error {
        #[cfg(target_os = "linux")]
        let _ = rustix::net::connect_unspec(&self.fd);
        *self.peer() = None;
        self.set_phase(Phase::Idle);
        self.failed(errno)
    }
}
