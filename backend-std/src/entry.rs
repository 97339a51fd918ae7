//! One descriptor and what the system does not tell about it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::io::Errno;
use usocket_core::spi::{Handle, SockType};
use usocket_core::{Error, Family, Result, SockAddr};

use crate::resolver::Query;
use crate::sys::{self, Descriptor};

#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) handle: Handle,
    pub(crate) fd: Descriptor,
    pub(crate) kind: Kind,
    pub(crate) family: Family,
    phase: AtomicU8,
    /// The handle is gone; calls that are still inside answer `EBADF`.
    closed: AtomicBool,
    /// A set or the reactor knows this entry and is to be told of its end.
    watched: AtomicBool,
    /// A listener on which somebody called a non-blocking accept.
    pub(crate) polite: AtomicBool,
    /// `SO_LINGER` has been set to a time, here or on the listener it came from.
    pub(crate) lingers: AtomicBool,
    /// The destination of datagrams has been asked for.
    pub(crate) informed: AtomicBool,
    /// The user shut down the receiving direction.
    pub(crate) read_shut: AtomicBool,
    /// And was told of the end of the stream since: what still comes does not count (S12).
    pub(crate) read_ended: AtomicBool,
    peer: Mutex<Option<SockAddr>>,
    mode: Mutex<()>,
    #[cfg(target_os = "linux")]
    pub(crate) sets: Mutex<Vec<std::sync::Weak<crate::sets::Set>>>,
}

#[derive(Debug)]
pub(crate) enum Kind {
    Stream,
    Dgram,
    /// A descriptor of the user's own, and what ends a wait on it.
    #[cfg(unix)]
    Watch(sys::Notifier),
    /// A query; its descriptor is readable once there is an answer.
    Query(Query),
    /// A poll set, for a poll that sleeps elsewhere.
    #[cfg(target_os = "linux")]
    Set,
}

/// How far a stream is. Only what the system cannot be asked afterwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// Not connected, as far as anybody was told.
    Idle,
    /// A connect was started and its outcome not fetched.
    Connecting,
    /// Was connected, and is or has ended.
    Connected,
    /// Listening.
    Listening,
}

impl Entry {
    pub(crate) fn new(handle: Handle, fd: Descriptor, kind: Kind, family: Family) -> Self {
        Self {
            handle,
            fd,
            kind,
            family,
            phase: AtomicU8::new(Phase::Idle as u8),
            closed: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            polite: AtomicBool::new(false),
            lingers: AtomicBool::new(false),
            informed: AtomicBool::new(false),
            read_shut: AtomicBool::new(false),
            read_ended: AtomicBool::new(false),
            peer: Mutex::new(None),
            mode: Mutex::new(()),
            #[cfg(target_os = "linux")]
            sets: Mutex::default(),
        }
    }

    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.kind, Kind::Stream)
    }

    #[cfg(target_os = "linux")]
    pub(crate) fn is_socket(&self) -> bool {
        matches!(self.kind, Kind::Stream | Kind::Dgram)
    }

    pub(crate) fn sock_type(&self) -> Result<SockType> {
        match self.kind {
            Kind::Stream => Ok(SockType::Stream),
            Kind::Dgram => Ok(SockType::Dgram),
            _ => Err(Error::EOPNOTSUPP),
        }
    }

    pub(crate) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::Acquire) {
            1 => Phase::Connecting,
            2 => Phase::Connected,
            3 => Phase::Listening,
            _ => Phase::Idle,
        }
    }

    pub(crate) fn set_phase(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    pub(crate) fn mark_closed(&self) {
        self.closed.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_watched(&self) -> bool {
        self.watched.load(Ordering::SeqCst)
    }

    /// To be called before the entry is added anywhere; `EBADF` when it is too
    /// late. Either this sees the closed mark, or close sees the watched one.
    pub(crate) fn mark_watched(&self) -> Result<()> {
        self.watched.store(true, Ordering::SeqCst);
        if self.is_closed() { Err(Error::EBADF) } else { Ok(()) }
    }

    /// The error of a failed system call: `EBADF` if close is what failed it.
    #[cold]
    pub(crate) fn failed(&self, errno: Errno) -> Error {
        if self.is_closed() { Error::EBADF } else { sys::error(errno) }
    }

    /// The result of a system call that is not repeated.
    pub(crate) fn done<T>(&self, result: rustix::io::Result<T>) -> Result<T> {
        result.map_err(|errno| self.failed(errno))
    }

    /// As [`done`](Self::done) of a call that was given an address. Linux has
    /// several words for what the contract calls one thing.
    #[inline]
    pub(crate) fn done_with<T>(
        &self,
        address: SockAddr,
        result: rustix::io::Result<T>,
    ) -> Result<T> {
        result.map_err(|errno| self.failed_with(address, errno))
    }

    #[cold]
    fn failed_with(&self, address: SockAddr, errno: Errno) -> Error {
        let error = self.failed(errno);
        match address.to_std() {
            _ if error == Error::EBADF => error,
            // No interface of that number (row 47).
            SocketAddr::V6(v6) if !sys::has_interface(&self.fd, v6.scope_id()) => Error::ENODEV,
            // Without a route Linux does not come to ask (row 134).
            SocketAddr::V4(v4)
                if v4.ip().is_broadcast()
                    && error == Error::ENETUNREACH
                    && rustix::net::sockopt::socket_broadcast(&self.fd) == Ok(false) =>
            {
                Error::EACCES
            }
            _ => error,
        }
    }

    /// To be held while the descriptor's mode is switched.
    pub(crate) fn mode(&self) -> MutexGuard<'_, ()> {
        self.mode.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn peer(&self) -> MutexGuard<'_, Option<SockAddr>> {
        self.peer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(target_os = "linux")]
impl Drop for Entry {
    /// Linux waits in close as long as `SO_LINGER` says. Close must not: the bound is
    /// put on the connection instead, which goes on in the background (S17).
    fn drop(&mut self) {
        if *self.lingers.get_mut()
            && let Ok(Some(bound)) = rustix::net::sockopt::socket_linger(&self.fd)
            && !bound.is_zero()
        {
            let millis = u32::try_from(bound.as_millis()).unwrap_or(u32::MAX);
            let _ = rustix::net::sockopt::set_tcp_user_timeout(&self.fd, millis);
            let _ = rustix::net::sockopt::set_socket_linger(&self.fd, None);
        }
    }
}

/// Repeats a system call that a signal interrupted: EINTR never surfaces.
#[inline]
pub(crate) fn retry<T>(mut call: impl FnMut() -> rustix::io::Result<T>) -> rustix::io::Result<T> {
    loop {
        match call() {
            Err(Errno::INTR) => {}
            done => return done,
        }
    }
}
