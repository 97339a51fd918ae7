//! The traits of `embedded_io_async`, on a view of the async view.

use core::fmt;

use embedded_io::ErrorType;

use crate::spi::Backend;
use crate::{AsyncSocket, Error};

/// What [`AsyncSocket::stream`] returns: only the async stream traits, with the
/// semantics of `recv` and `send`. Both calls are cancel-safe.
pub struct AsyncStream<'s, 'b, B: Backend + ?Sized> {
    socket: AsyncSocket<'s, 'b, B>,
}

impl<'s, 'b, B: Backend + ?Sized> AsyncSocket<'s, 'b, B> {
    /// This socket as a stream of `embedded_io_async::{Read, Write}`.
    #[must_use]
    pub fn stream(&self) -> AsyncStream<'s, 'b, B> {
        AsyncStream { socket: self.socket().asynch() }
    }
}

impl<B: Backend + ?Sized> fmt::Debug for AsyncStream<'_, '_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncStream").field(&self.socket).finish()
    }
}

impl<B: Backend + ?Sized> ErrorType for AsyncStream<'_, '_, B> {
    type Error = Error;
}

impl<B: Backend + ?Sized> embedded_io_async::Read for AsyncStream<'_, '_, B> {
    /// [`Socket::recv`](crate::Socket::recv); an empty buffer is 0.
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        if buf.is_empty() {
            return self.socket.socket().stream_alive().map(|()| 0);
        }
        self.socket.recv(buf).await
    }
}

impl<B: Backend + ?Sized> embedded_io_async::Write for AsyncStream<'_, '_, B> {
    /// [`Socket::send`](crate::Socket::send): at least one byte.
    async fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
        self.socket.send(data).await
    }

    /// Does nothing: nothing is buffered here.
    async fn flush(&mut self) -> Result<(), Error> {
        self.socket.socket().stream_alive()
    }
}
