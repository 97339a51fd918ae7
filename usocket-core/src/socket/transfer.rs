//! `send`, `recv` and their kin: one step of data.

use core::net::IpAddr;

use super::Socket;
use crate::spi::{Backend, RecvFlags, RecvInfo, SockType};
use crate::wait::Mode;
use crate::{Error, MSG_DONTWAIT, MSG_PEEK, POLLIN, POLLOUT, Result, SockAddr, ToSockAddr, wait};

impl<B: Backend + ?Sized> Socket<'_, B> {
    /// Sends data to the connected peer and returns how many bytes were queued
    /// (rows 94 to 105). Text is accepted as bytes.
    ///
    /// On a stream: without a timeout it queues everything; with one, or
    /// non-blocking, at least one byte. On a datagram socket: one datagram,
    /// empty ones included. An empty slice on a stream is 0 and sends nothing.
    ///
    /// # Errors
    /// `EAGAIN`, `ETIMEDOUT`; `EPIPE` when not connected or when the peer is gone,
    /// `ECONNRESET`; `EDESTADDRREQ` on a datagram socket without a peer, `EMSGSIZE`;
    /// `ECONNABORTED` when the outcome of an earlier send is unknown. Without a
    /// timeout a part may have been queued on a stream before the error:
    /// [`Error::transferred`] counts it.
    #[inline]
    pub fn send(&self, data: impl AsRef<[u8]>) -> Result<usize> {
        let data = data.as_ref();
        match self.mode() {
            // A part before an error is not answered alone: the backend tells the error
            // once, and a receive that comes next would take a reset for the end.
            Mode::Never if self.kind == SockType::Stream => {
                self.send_rest(data, Mode::Never).map(|()| data.len())
            }
            mode => self.send_step(data, mode),
        }
    }

    /// Sends all data (rows 106 to 111): one datagram on a datagram socket.
    ///
    /// An array that is passed itself is copied; a slice of it is not.
    ///
    /// # Errors
    /// As [`send`](Self::send). The timeout bounds the whole call.
    /// [`Error::transferred`] counts the bytes that were queued before the error,
    /// also for `EAGAIN` in non-blocking mode; prefer [`write`](Self::write) there.
    #[inline]
    pub fn sendall(&self, data: impl AsRef<[u8]>) -> Result<()> {
        let data = data.as_ref();
        match self.kind {
            SockType::Stream => self.send_rest(data, self.mode()),
            SockType::Dgram => self.send_step(data, self.mode()).map(|_| ()),
        }
    }

    /// Receives data: at least one byte, at most `buf.len()` (rows 112 to 127).
    ///
    /// `Ok(0)` for a non-empty buffer is the end of the stream, for ever. An
    /// empty buffer on a connected stream is `Ok(0)` at once and consumes
    /// nothing. On a datagram socket: one datagram, also an empty one, also with
    /// an empty buffer; what does not fit is discarded, see
    /// [`recv_info`](Self::recv_info).
    ///
    /// # Errors
    /// `EAGAIN`, `ETIMEDOUT` (the connection is intact); `ENOTCONN` when never
    /// connected; `ECONNRESET` once, after what was received before; `EIO` when
    /// the backend lost bytes.
    #[inline]
    pub fn recv(&self, buf: &mut [u8]) -> Result<usize> {
        self.recv_step(buf, self.mode(), RecvFlags::default())
    }

    /// `recv` with flags: `MSG_PEEK` does not consume, `MSG_DONTWAIT` does not
    /// wait (row 127). Any other flag is `EINVAL`.
    pub fn recv_flags(&self, buf: &mut [u8], flags: i32) -> Result<usize> {
        let (flags, mode) = self.flags(flags)?;
        self.recv_step(buf, mode, flags)
    }

    /// Sends one datagram to `address` (rows 128 to 137); binds the socket to a
    /// port if it has none. On a connected stream the address is ignored
    /// (row 132).
    ///
    /// # Errors
    /// As [`send`](Self::send), and `EACCES` to a broadcast address without
    /// `SO_BROADCAST`, `EINVAL` for port 0 or no address, `ENETUNREACH`, `EHOSTUNREACH`.
    pub fn sendto(&self, data: impl AsRef<[u8]>, address: impl ToSockAddr) -> Result<usize> {
        if self.kind == SockType::Stream {
            return self.send(data);
        }
        let (data, to) = (data.as_ref(), self.destination(&address)?);
        self.attempt(POLLOUT, self.mode(), || self.net.try_send_to(self.handle, data, to))
    }

    /// As [`sendto`](Self::sendto), leaving from `from`, one of our addresses: who answers a
    /// datagram does so from where it was asked, which [`recv_info`](Self::recv_info) tells
    /// (R18). For sockets bound to the wildcard.
    ///
    /// # Errors
    /// As `sendto`, and `EADDRNOTAVAIL` where the address is not ours, `EOPNOTSUPP` where the
    /// backend cannot choose it, and on streams.
    pub fn sendto_from(
        &self,
        data: impl AsRef<[u8]>,
        from: IpAddr,
        address: impl ToSockAddr,
    ) -> Result<usize> {
        if self.kind == SockType::Stream {
            return Err(self.unless_closed(Error::EOPNOTSUPP));
        }
        let (data, to) = (data.as_ref(), self.destination(&address)?);
        let operation = || self.net.try_send_from(self.handle, data, from, to);
        self.attempt(POLLOUT, self.mode(), operation)
    }

    /// As [`recv`](Self::recv), and who sent it: on a stream, the peer (row 133).
    pub fn recvfrom(&self, buf: &mut [u8]) -> Result<(usize, SockAddr)> {
        self.recvfrom_flags(buf, 0)
    }

    /// As [`recvfrom`](Self::recvfrom) with the flags of [`recv_flags`](Self::recv_flags).
    pub fn recvfrom_flags(&self, buf: &mut [u8], flags: i32) -> Result<(usize, SockAddr)> {
        match self.flags(flags)? {
            (RecvFlags { peek: false }, Mode::Never) => self.net.recv_from_wait(self.handle, buf),
            (flags, mode) => {
                self.attempt(POLLIN, mode, || self.net.try_recv_from(self.handle, buf, flags))
            }
        }
    }

    /// As [`recvfrom`](Self::recvfrom), and the full length of the datagram, by
    /// which a truncated one is seen, and the local address it came to (R17, R18).
    pub fn recv_info(&self, buf: &mut [u8], flags: i32) -> Result<RecvInfo> {
        match self.flags(flags)? {
            (RecvFlags { peek: false }, Mode::Never) => self.net.recv_info_wait(self.handle, buf),
            (flags, mode) => {
                self.attempt(POLLIN, mode, || self.net.try_recv_info(self.handle, buf, flags))
            }
        }
    }

    /// What `write` of the stream traits does: a step, since those promise that an error
    /// means nothing was taken.
    pub(crate) fn send_some(&self, data: &[u8]) -> Result<usize> {
        self.send_step(data, self.mode())
    }

    /// One send under `mode`: at least a byte, or a datagram.
    #[inline]
    pub(super) fn send_step(&self, data: &[u8], mode: Mode) -> Result<usize> {
        match mode {
            Mode::Never => self.net.send_wait(self.handle, data),
            mode => wait::send(self.net, self.handle, data, mode),
        }
    }

    /// Kept apart so that the blocking form, above, is small enough to be inlined.
    /// Sends until everything is queued; an error counts what was.
    #[inline]
    pub(super) fn send_rest(&self, data: &[u8], mode: Mode) -> Result<()> {
        let mut sent = 0;
        loop {
            match self.send_step(&data[sent..], mode) {
                Ok(count) => sent += count,
                Err(error) => return Err(error.with_transferred(sent)),
            }
            if sent >= data.len() {
                return Ok(());
            }
        }
    }

    /// One receive under `mode`.
    #[inline]
    pub(super) fn recv_step(&self, buf: &mut [u8], mode: Mode, flags: RecvFlags) -> Result<usize> {
        match mode {
            Mode::Never if !flags.peek => self.net.recv_wait(self.handle, buf),
            mode => wait::recv(self.net, self.handle, buf, mode, flags),
        }
    }

    /// Kept apart as `send_attempt` is.
    fn flags(&self, flags: i32) -> Result<(RecvFlags, Mode)> {
        if flags & !(MSG_PEEK | MSG_DONTWAIT) != 0 {
            return Err(self.unless_closed(Error::EINVAL));
        }
        let mode = if flags & MSG_DONTWAIT != 0 { Mode::Now } else { self.mode() };
        Ok((RecvFlags { peek: flags & MSG_PEEK != 0 }, mode))
    }
}
