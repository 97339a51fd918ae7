//! Receiving and accepting.

use std::net::SocketAddr;

use rustix::io::Errno;
use rustix::net::RecvFlags as SysFlags;
use std::sync::atomic::Ordering;
#[cfg(unix)]
use std::time::Duration;
#[cfg(unix)]
use usocket_core::POLLIN;
use usocket_core::spi::{RecvFlags, RecvInfo};
use usocket_core::{Error, Result, SockAddr};

use crate::entry::{Entry, Kind, Phase, retry};
use crate::sys::{self, Descriptor};

impl Entry {
    pub(crate) fn recv_now(&self, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match self.kind {
            Kind::Stream if buf.is_empty() => return self.recv_nothing(),
            Kind::Stream if self.read_ended.load(Ordering::Relaxed) => return Ok(0),
            Kind::Stream | Kind::Dgram => {}
            #[cfg(unix)]
            Kind::Watch(_) => return self.read_now(buf),
            _ => return Err(Error::EOPNOTSUPP),
        }
        let received =
            retry(|| rustix::net::recv(&self.fd, &mut *buf, system_flags(flags) | sys::DONT_WAIT));
        self.received(received)
    }

    /// One blocking system call.
    #[cfg(target_os = "linux")]
    #[inline]
    pub(crate) fn recv_blocking(&self, buf: &mut [u8]) -> Result<usize> {
        if buf.is_empty() || !self.is_socket() || self.read_ended.load(Ordering::Relaxed) {
            return self.repeat(POLLIN, || self.recv_now(buf, RecvFlags::default()));
        }
        loop {
            match rustix::net::recv(&self.fd, &mut *buf, SysFlags::empty()) {
                Ok((n, _)) if n > 0 => return Ok(n),
                Err(Errno::INTR) => {}
                // Another thread had the descriptor in non-blocking mode just
                // then, to start a connect.
                Err(Errno::AGAIN) if !self.is_closed() => {
                    self.done(sys::poll(&self.fd, POLLIN, None))?;
                }
                other => return self.received(other),
            }
        }
    }

    /// Where the user ended receiving, a datagram socket is always ready and must not say
    /// that it would wait (S5): there is no sender, as for a call that waited.
    fn shut(&self, errno: Errno) -> Errno {
        let ended = errno == Errno::AGAIN && self.read_shut.load(Ordering::Relaxed);
        if ended { Errno::NOTCONN } else { errno }
    }

    fn received(&self, received: rustix::io::Result<(usize, usize)>) -> Result<usize> {
        match received {
            // Woken by close, which shuts the socket down.
            Ok((0, _)) if self.is_closed() => Err(Error::EBADF),
            Ok((0, _)) | Err(Errno::AGAIN) if self.read_shut.load(Ordering::Relaxed) => {
                self.read_ended.store(true, Ordering::Relaxed);
                Ok(0)
            }
            Ok((n, _)) => Ok(n),
            Err(errno) => Err(self.failed(errno)),
        }
    }

    /// Receives nothing from a stream: says in which state it is, without
    /// waiting for data as the system would (row 121).
    fn recv_nothing(&self) -> Result<usize> {
        match self.phase() {
            Phase::Connected => Ok(0),
            Phase::Idle | Phase::Listening => Err(Error::ENOTCONN),
            Phase::Connecting if self.peer_addr().is_ok() => Ok(0),
            // Pending, or failed with an error to be told once.
            Phase::Connecting => {
                let mut byte = [0];
                self.recv_now(&mut byte, RecvFlags { peek: true }).map(|_| 0)
            }
        }
    }

    /// The sender and nothing else: one plain `recvfrom`.
    pub(crate) fn recv_from_now(
        &self,
        buf: &mut [u8],
        flags: RecvFlags,
        wait: bool,
    ) -> Result<(usize, SockAddr)> {
        // Elsewhere, and for what is no datagram, the long way does all that is needed.
        if !cfg!(target_os = "linux") || !matches!(self.kind, Kind::Dgram) {
            return self.recv_info_now(buf, flags, wait).map(|info| (info.len, info.from));
        }
        let mode = if wait { SysFlags::empty() } else { sys::DONT_WAIT };
        let received =
            retry(|| rustix::net::recvfrom(&self.fd, &mut *buf, system_flags(flags) | mode));
        match self.done(received.map_err(|errno| self.shut(errno)))? {
            (_, len, Some(from)) => {
                Ok((len, SocketAddr::try_from(from).map_err(sys::error)?.into()))
            }
            // Woken by close, or by the user's own shutdown.
            _ => Err(self.failed(Errno::NOTCONN)),
        }
    }

    pub(crate) fn recv_info_now(
        &self,
        buf: &mut [u8],
        flags: RecvFlags,
        wait: bool,
    ) -> Result<RecvInfo> {
        if self.is_stream() {
            #[cfg(target_os = "linux")]
            let len = if wait { self.recv_blocking(buf)? } else { self.recv_now(buf, flags)? };
            #[cfg(not(target_os = "linux"))]
            let len = self.recv_now(buf, flags)?;
            let from = self.stream_peer()?;
            return Ok(RecvInfo { len, full_len: len, from, local: None });
        }
        self.sock_type()?;
        if !self.informed.swap(true, Ordering::Relaxed) {
            self.done(sys::prepare_info(&self.fd, self.family))?;
        }
        loop {
            match sys::recv_info(&self.fd, buf, flags.peek, wait) {
                Err(Errno::INTR) => {}
                info => return self.done(info.map_err(|errno| self.shut(errno))),
            }
        }
    }

    pub(crate) fn accept_now(&self) -> Result<(Descriptor, SockAddr)> {
        self.sock_type()?;
        if self.is_stream() && self.phase() != Phase::Listening {
            return Err(Error::EINVAL);
        }
        // Two threads may see one connection, so that asking first is not
        // enough: from the first such call the listener does not wait. Marked
        // after it is so: who sees the mark relies on it.
        if self.is_stream() && !self.polite.load(Ordering::Acquire) {
            let _mode = self.mode();
            self.done(rustix::io::ioctl_fionbio(&self.fd, true))?;
            self.polite.store(true, Ordering::Release);
        }
        self.accept()
    }

    /// One blocking system call, unless somebody accepts without blocking too.
    #[cfg(target_os = "linux")]
    pub(crate) fn accept_blocking(&self) -> Result<(Descriptor, SockAddr)> {
        self.sock_type()?;
        self.repeat(POLLIN, || self.accept())
    }

    fn accept(&self) -> Result<(Descriptor, SockAddr)> {
        loop {
            match sys::accept(&self.fd) {
                Ok((fd, peer)) => {
                    // On systems that wake a waiting accept this way.
                    if self.is_closed() {
                        return Err(Error::EBADF);
                    }
                    let peer = match peer {
                        Some(peer) => peer.into(),
                        // Reset before it was accepted, and its address with it.
                        None => continue,
                    };
                    return Ok((fd, peer));
                }
                // The connection is gone; the listener is not (row 77).
                Err(Errno::INTR | Errno::CONNABORTED) => {}
                #[cfg(not(windows))]
                Err(Errno::PROTO) => {}
                Err(errno) => return Err(self.failed(errno)),
            }
        }
    }

    /// Repeats an attempt, waiting for `events` while it would block.
    #[cfg(target_os = "linux")]
    pub(crate) fn repeat<T>(
        &self,
        events: usocket_core::Events,
        mut attempt: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        loop {
            match attempt() {
                Err(Error::EAGAIN) => {
                    self.wait(events, None)?;
                    if self.is_closed() {
                        return Err(Error::EBADF);
                    }
                }
                answer => return answer,
            }
        }
    }

    /// Reads from a descriptor of the user's own, whose mode is not ours.
    #[cfg(unix)]
    fn read_now(&self, buf: &mut [u8]) -> Result<usize> {
        if self.done(sys::poll(&self.fd, POLLIN, Some(Duration::ZERO)))?.is_empty() {
            return Err(Error::EAGAIN);
        }
        self.done(retry(|| rustix::io::read(&self.fd, &mut *buf)))
    }
}

fn system_flags(flags: RecvFlags) -> SysFlags {
    if flags.peek { SysFlags::PEEK } else { SysFlags::empty() }
}
