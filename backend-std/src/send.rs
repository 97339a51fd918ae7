//! Sending.

use std::net::IpAddr;

#[cfg(target_os = "linux")]
use rustix::io::Errno;
use usocket_core::spi::SockType;
use usocket_core::{Error, Result, SockAddr};
#[cfg(unix)]
use {std::time::Duration, usocket_core::POLLOUT};

use crate::entry::{Entry, Kind, retry};
use crate::route::is_ours;
use crate::sys;

impl Entry {
    pub(crate) fn send_now(&self, data: &[u8]) -> Result<usize> {
        match self.kind {
            Kind::Stream | Kind::Dgram => {}
            #[cfg(unix)]
            Kind::Watch(_) => return self.write_now(data),
            _ => return Err(Error::EOPNOTSUPP),
        }
        self.done(retry(|| rustix::net::send(&self.fd, data, sys::DONT_WAIT_SEND)))
    }

    #[inline]
    pub(crate) fn send_to_now(&self, data: &[u8], to: SockAddr) -> Result<usize> {
        self.sock_type()?;
        let sent = retry(|| rustix::net::sendto(&self.fd, data, sys::DONT_WAIT_SEND, &to.to_std()));
        self.done_with(to, sent)
    }

    /// From one of our addresses: asked of the system along with the datagram.
    pub(crate) fn send_from_now(&self, data: &[u8], from: IpAddr, to: SockAddr) -> Result<usize> {
        if self.sock_type()? != SockType::Dgram {
            return Err(Error::EOPNOTSUPP);
        }
        if !is_ours(from) {
            return Err(Error::EADDRNOTAVAIL);
        }
        let sent = retry(|| sys::send_from(&self.fd, data, from, &to.to_std()));
        self.done_with(to, sent)
    }

    /// One blocking system call.
    #[cfg(target_os = "linux")]
    #[inline]
    pub(crate) fn send_blocking(&self, data: &[u8]) -> Result<usize> {
        if !self.is_socket() {
            return self.repeat(POLLOUT, || self.send_now(data));
        }
        loop {
            match rustix::net::send(&self.fd, data, sys::NO_SIGNAL) {
                Ok(sent) => return Ok(sent),
                Err(Errno::INTR) => {}
                // As in recv_blocking.
                Err(Errno::AGAIN) if !self.is_closed() => {
                    self.done(sys::poll(&self.fd, POLLOUT, None))?;
                }
                Err(errno) => return Err(self.failed(errno)),
            }
        }
    }

    /// Writes to a descriptor of the user's own, whose mode is not ours. At most
    /// what a ready pipe is sure to take at once.
    #[cfg(unix)]
    fn write_now(&self, data: &[u8]) -> Result<usize> {
        const PIPE_BUF: usize = 512;
        if self.done(sys::poll(&self.fd, POLLOUT, Some(Duration::ZERO)))?.is_empty() {
            return Err(Error::EAGAIN);
        }
        let part = &data[..data.len().min(PIPE_BUF)];
        self.done(retry(|| rustix::io::write(&self.fd, part)))
    }
}
