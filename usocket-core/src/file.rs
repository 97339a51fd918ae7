//! File objects and stream views: the same socket under other names.

use core::fmt;

use crate::spi::Backend;
use crate::{Result, Socket};

/// What [`Socket::makefile`] returns (rows 182 to 187).
///
/// Shares the socket's position; it has no buffer of its own. Closing or
/// dropping it: [`close`](Self::close) closes the socket, dropping does not,
/// since the socket is still borrowed from its owner.
///
/// The inherent `read` and `write` are the reference's, without short counts.
/// The traits `Read` and `Write` of `embedded_io` and `std::io` are implemented
/// too, with `recv` and `send` semantics; a direct call takes the inherent one.
pub struct File<'s, 'b, B: Backend + ?Sized> {
    pub(crate) socket: &'s Socket<'b, B>,
}

/// What [`Socket::stream`] returns: only the stream traits, so that `read` and
/// `write` mean what those traits say.
pub struct Stream<'s, 'b, B: Backend + ?Sized> {
    pub(crate) socket: &'s Socket<'b, B>,
}

impl<'s, 'b, B: Backend + ?Sized> File<'s, 'b, B> {
    pub(crate) fn new(socket: &'s Socket<'b, B>) -> Self {
        Self { socket }
    }

    /// As [`Socket::read`].
    pub fn read(&self, buf: &mut [u8]) -> Result<Option<usize>> {
        self.socket.read(buf)
    }

    /// As [`Socket::readinto`].
    pub fn readinto(&self, buf: &mut [u8]) -> Result<Option<usize>> {
        self.socket.read(buf)
    }

    /// As [`Socket::readinto_n`].
    pub fn readinto_n(&self, buf: &mut [u8], nbytes: usize) -> Result<Option<usize>> {
        self.socket.readinto_n(buf, nbytes)
    }

    /// As [`Socket::readline`].
    pub fn readline(&self, buf: &mut [u8]) -> Result<Option<usize>> {
        self.socket.readline(buf)
    }

    /// As [`Socket::write`].
    pub fn write(&self, data: impl AsRef<[u8]>) -> Result<Option<usize>> {
        self.socket.write(data)
    }

    /// Does nothing: nothing is buffered. `EBADF` once closed.
    pub fn flush(&self) -> Result<()> {
        self.socket.stream_alive()
    }

    /// Closes the socket (row 186); may be repeated.
    pub fn close(&self) -> Result<()> {
        self.socket.close()
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &'s Socket<'b, B> {
        self.socket
    }
}

impl<'s, 'b, B: Backend + ?Sized> Stream<'s, 'b, B> {
    pub(crate) fn new(socket: &'s Socket<'b, B>) -> Self {
        Self { socket }
    }

    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &'s Socket<'b, B> {
        self.socket
    }
}

impl<B: Backend + ?Sized> Clone for File<'_, '_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend + ?Sized> Copy for File<'_, '_, B> {}

impl<B: Backend + ?Sized> Clone for Stream<'_, '_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend + ?Sized> Copy for Stream<'_, '_, B> {}

impl<B: Backend + ?Sized> fmt::Debug for File<'_, '_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("File").field(&self.socket).finish()
    }
}

impl<B: Backend + ?Sized> fmt::Debug for Stream<'_, '_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stream").field(&self.socket).finish()
    }
}
