//! Bytes moved through each adapter, and by the native call of its kind.

use edge_nal::TcpSplit;
use embedded_io_async::{Read, Write};
use embedded_nal::{TcpClientStack, nb};
use usocket_core::nal::{NbStack, NbTcpSocket, TcpStream};
use usocket_core::prelude::*;

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// The async view.
    View,
    /// `embedded_nal_async`: the stream itself.
    Async,
    /// `edge_nal`: the halves of a stream.
    Edge,
}

/// Receives until `total` bytes have come, `buf.len()` at most at a time.
pub(super) async fn pull<B: Backend>(
    way: Way,
    stream: &mut TcpStream<'_, B>,
    total: usize,
    buf: &mut [u8],
) {
    match way {
        Way::View => {
            let (view, mut left) = (stream.socket().asynch(), total);
            while left > 0 {
                left -= some(view.recv(buf).await);
            }
        }
        Way::Async => pull_from(stream, total, buf).await,
        Way::Edge => pull_from(&mut stream.split().0, total, buf).await,
    }
}

/// As a client does that knows the trait alone.
async fn pull_from<R: Read<Error = Error>>(reader: &mut R, mut left: usize, buf: &mut [u8]) {
    while left > 0 {
        left -= some(reader.read(buf).await);
    }
}

/// Sends `total` bytes, `piece.len()` at most at a time.
pub(super) async fn push<B: Backend>(
    way: Way,
    stream: &mut TcpStream<'_, B>,
    total: usize,
    piece: &[u8],
) {
    match way {
        Way::View => {
            let (view, mut left) = (stream.socket().asynch(), total);
            while left > 0 {
                left -= some(view.send(&piece[..piece.len().min(left)]).await);
            }
        }
        Way::Async => push_to(stream, total, piece).await,
        Way::Edge => push_to(&mut stream.split().1, total, piece).await,
    }
}

async fn push_to<W: Write<Error = Error>>(writer: &mut W, mut left: usize, piece: &[u8]) {
    while left > 0 {
        left -= some(writer.write(&piece[..piece.len().min(left)]).await);
    }
}

/// As `pull`, by calls that do not wait, of `embedded_nal` or of the socket; `idle` is done
/// where one would.
pub(super) fn pull_nb<'b, B: Backend>(
    adapter: bool,
    stack: &mut NbStack<'b, B>,
    socket: &mut NbTcpSocket<'b, B>,
    total: usize,
    buf: &mut [u8],
    mut idle: impl FnMut(),
) {
    let mut left = total;
    while left > 0 {
        if adapter {
            match stack.receive(socket, buf) {
                Err(nb::Error::WouldBlock) => idle(),
                Ok(count) => left -= some(Ok(count)),
                Err(nb::Error::Other(error)) => left -= some(Err(error)),
            }
        } else {
            match socket.socket().recv(buf) {
                Err(Error::EAGAIN) => idle(),
                answer => left -= some(answer),
            }
        }
    }
}

/// As `push`, likewise.
pub(super) fn push_nb<'b, B: Backend>(
    adapter: bool,
    stack: &mut NbStack<'b, B>,
    socket: &mut NbTcpSocket<'b, B>,
    total: usize,
    piece: &[u8],
    mut idle: impl FnMut(),
) {
    let mut left = total;
    while left > 0 {
        let data = &piece[..piece.len().min(left)];
        if adapter {
            match stack.send(socket, data) {
                Err(nb::Error::WouldBlock) => idle(),
                Ok(count) => left -= some(Ok(count)),
                Err(nb::Error::Other(error)) => left -= some(Err(error)),
            }
        } else {
            match socket.socket().send(data) {
                Err(Error::EAGAIN) => idle(),
                answer => left -= some(answer),
            }
        }
    }
}

fn some(answer: Result<usize>) -> usize {
    match answer {
        Ok(0) => panic!("the end of the stream"),
        Ok(count) => count,
        Err(error) => panic!("{error}"),
    }
}
