//! The directions of a stream.

use core::fmt;

use edge_nal::Readable;
use embedded_io::ErrorType;

use super::readable;
use crate::spi::Backend;
use crate::{Error, Result, Socket};

/// The receiving direction of a [`TcpStream`](super::TcpStream), from `TcpSplit`.
pub struct ReadHalf<'s, B: Backend + ?Sized> {
    socket: &'s Socket<'s, B>,
}

/// The sending direction of a [`TcpStream`](super::TcpStream), from `TcpSplit`.
pub struct WriteHalf<'s, B: Backend + ?Sized> {
    socket: &'s Socket<'s, B>,
}

macro_rules! halves {
    ($($half:ident),*) => {$(
        impl<'s, B: Backend + ?Sized> $half<'s, B> {
            pub(super) const fn new(socket: &'s Socket<'s, B>) -> Self {
                Self { socket }
            }

            /// The socket.
            #[must_use]
            pub const fn socket(&self) -> &'s Socket<'s, B> {
                self.socket
            }
        }

        impl<B: Backend + ?Sized> fmt::Debug for $half<'_, B> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($half)).field(&self.socket).finish()
            }
        }

        impl<B: Backend + ?Sized> ErrorType for $half<'_, B> {
            type Error = Error;
        }
    )*};
}
halves!(ReadHalf, WriteHalf);

impl<B: Backend + ?Sized> embedded_io_async::Read for ReadHalf<'_, B> {
    /// As that of the stream. Cancel-safe.
    fn read(&mut self, buf: &mut [u8]) -> impl Future<Output = Result<usize>> {
        self.socket.reading(buf)
    }
}

impl<B: Backend + ?Sized> Readable for ReadHalf<'_, B> {
    /// As that of the stream. Cancel-safe.
    async fn readable(&mut self) -> Result<()> {
        readable(self.socket).await
    }
}

impl<B: Backend + ?Sized> embedded_io_async::Write for WriteHalf<'_, B> {
    /// As that of the stream. Cancel-safe.
    fn write(&mut self, data: &[u8]) -> impl Future<Output = Result<usize>> {
        self.socket.writing(data)
    }

    /// Does nothing: nothing is buffered here.
    async fn flush(&mut self) -> Result<()> {
        self.socket.stream_alive()
    }
}
