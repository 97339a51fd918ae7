//! A stream that owns its socket.

use core::fmt;
use core::net::SocketAddr;

use embedded_io::{ErrorType, ReadReady, WriteReady};

use super::Stack;
use crate::spi::Backend;
use crate::{Error, Result, SOCK_STREAM, SockAddr, Socket};

/// A connected stream, as the async traits want one: it owns its socket, and dropping it
/// closes it. The peer gets everything that was written.
///
/// Its traits are those of `embedded_io_async` and, with `edge-nal`, of `edge_nal`. The two
/// directions are independent of each other: where a client needs them apart and has no
/// trait for it, [`socket`](Self::socket) is used from both sides.
pub struct TcpStream<'b, B: Backend + ?Sized> {
    socket: Socket<'b, B>,
}

impl<'b, B: Backend + ?Sized> TcpStream<'b, B> {
    /// The socket, for options, addresses and whatever the traits lack.
    #[must_use]
    pub const fn socket(&self) -> &Socket<'b, B> {
        &self.socket
    }

    /// Gives the socket back.
    #[must_use]
    pub fn into_socket(self) -> Socket<'b, B> {
        self.socket
    }
}

/// A connected stream socket under the names of the traits.
impl<'b, B: Backend + ?Sized> From<Socket<'b, B>> for TcpStream<'b, B> {
    fn from(socket: Socket<'b, B>) -> Self {
        Self { socket }
    }
}

impl<B: Backend + ?Sized> fmt::Debug for TcpStream<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpStream").field(&self.socket).finish()
    }
}

impl<'b, B: Backend + ?Sized> Stack<'b, B> {
    /// A stream to `remote`: what `connect` of the traits does.
    pub(super) async fn connect_tcp(&self, remote: SocketAddr) -> Result<TcpStream<'b, B>> {
        let socket = self.open(remote, SOCK_STREAM)?;
        socket.asynch().connect(SockAddr::from(remote)).await?;
        Ok(TcpStream { socket })
    }
}

impl<B: Backend + ?Sized> ErrorType for TcpStream<'_, B> {
    type Error = Error;
}

impl<B: Backend + ?Sized> embedded_io_async::Read for TcpStream<'_, B> {
    /// [`AsyncSocket::recv`](crate::AsyncSocket::recv); an empty buffer is 0. Cancel-safe.
    fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = Result<usize>> {
        self.socket.reading(buf)
    }
}

impl<B: Backend + ?Sized> embedded_io_async::Write for TcpStream<'_, B> {
    /// [`AsyncSocket::send`](crate::AsyncSocket::send): at least one byte. Cancel-safe.
    fn write(&mut self, data: &[u8]) -> impl Future<Output = Result<usize>> {
        self.socket.writing(data)
    }

    /// Does nothing: nothing is buffered here, and the backend sends without being told.
    async fn flush(&mut self) -> Result<()> {
        self.socket.stream_alive()
    }
}

impl<B: Backend + ?Sized> ReadReady for TcpStream<'_, B> {
    /// Whether a read would not wait: data, the end of the stream or an error is there.
    fn read_ready(&mut self) -> Result<bool> {
        self.socket.stream().read_ready()
    }
}

impl<B: Backend + ?Sized> WriteReady for TcpStream<'_, B> {
    /// Whether a write would not wait: there is room, or an error.
    fn write_ready(&mut self) -> Result<bool> {
        self.socket.stream().write_ready()
    }
}
