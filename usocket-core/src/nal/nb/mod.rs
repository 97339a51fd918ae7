//! `embedded_nal` 0.9: calls that do not wait.

mod names;

use core::fmt;
use core::net::SocketAddr;

use embedded_nal::{
    TcpClientStack, TcpError, TcpErrorKind, TcpFullStack, UdpClientStack, UdpFullStack, nb,
};

use self::names::Asked;
use crate::spi::Backend;
use crate::{Error, ErrorKind, Family, Result, SOCK_DGRAM, SOCK_STREAM, SockAddr, Socket, Usocket};

/// A backend as `embedded_nal` wants one: nothing it does waits.
///
/// These traits take `&mut self`. For several clients make one for each: it is a reference
/// and the name of a query, and all stacks over one backend are the same to a socket.
/// `embedded_nal::SharableStack` works as well, but for names, which it does not pass on.
///
/// Every call drives the backend, so that a loop of calls is all that is needed.
///
/// ```no_run
/// use embedded_nal::{TcpClientStack, nb};
/// use usocket_core::nal::NbStack;
/// use usocket_core::prelude::*;
///
/// fn send<B: Backend>(net: &B, to: core::net::SocketAddr) -> Result<()> {
///     let mut stack = NbStack::new(net);
///     let mut socket = TcpClientStack::socket(&mut stack)?;
///     nb::block!(TcpClientStack::connect(&mut stack, &mut socket, to))?;
///     let sent = nb::block!(TcpClientStack::send(&mut stack, &mut socket, b"hello\n"))?;
///     assert_eq!(sent, 6);
///     TcpClientStack::close(&mut stack, socket)
/// }
/// ```
pub struct NbStack<'b, B: Backend + ?Sized> {
    net: &'b B,
    family: Family,
    asked: Option<Asked<'b, B>>,
}

impl<'b, B: Backend + ?Sized> NbStack<'b, B> {
    /// A stack over `net`.
    #[must_use]
    pub const fn new(net: &'b B) -> Self {
        Self { net, family: Family::V4, asked: None }
    }

    /// The same stack, whose sockets begin with this family, instead of IPv4: that of
    /// servers and datagram sockets, as `bind` tells none. Who connects gets that of the
    /// remote address.
    #[must_use]
    pub fn with_family(self, family: Family) -> Self {
        Self { family, ..self }
    }

    /// The backend.
    #[must_use]
    pub const fn backend(&self) -> &'b B {
        self.net
    }

    fn open(&self, family: Family, socktype: i32) -> Result<Socket<'b, B>> {
        let socket = self.net.socket(family.number(), socktype)?;
        socket.setblocking(false)?;
        Ok(socket)
    }

    /// Makes a socket that has no address yet one of the family of `remote`; for a moment
    /// there are two.
    fn suit(&self, socket: &mut Socket<'b, B>, remote: SocketAddr, socktype: i32) -> Result<()> {
        let family = Family::of(remote.ip());
        if socket.family() != family && socket.local_addr()?.port() == 0 {
            *socket = self.open(family, socktype)?;
        }
        Ok(())
    }
}

impl<B: Backend + ?Sized> fmt::Debug for NbStack<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NbStack").field("family", &self.family).finish_non_exhaustive()
    }
}

/// A stream or a listener of an [`NbStack`]; dropping it closes it.
pub struct NbTcpSocket<'b, B: Backend + ?Sized> {
    socket: Socket<'b, B>,
    /// Where to a connect is under way.
    connecting: Option<SocketAddr>,
}

/// A datagram socket of an [`NbStack`]; dropping it closes it.
pub struct NbUdpSocket<'b, B: Backend + ?Sized> {
    socket: Socket<'b, B>,
    /// Whom `send` sends to where the socket is not connected.
    last: Option<SocketAddr>,
}

macro_rules! sockets {
    ($($name:ident),*) => {$(
        impl<'b, B: Backend + ?Sized> $name<'b, B> {
            /// The socket, non-blocking, for options and whatever the traits lack.
            #[must_use]
            pub const fn socket(&self) -> &Socket<'b, B> {
                &self.socket
            }
        }

        impl<B: Backend + ?Sized> fmt::Debug for $name<'_, B> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($name)).field(&self.socket).finish()
            }
        }
    )*};
}
sockets!(NbTcpSocket, NbUdpSocket);

impl TcpError for Error {
    /// `PipeClosed` where the connection is over: `EPIPE`, `ECONNRESET`, `ECONNABORTED`,
    /// `ENOTCONN`, `EBADF`. The error itself tells which.
    fn kind(&self) -> TcpErrorKind {
        match Error::kind(*self) {
            ErrorKind::BrokenPipe
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::NotConnected
            | ErrorKind::BadDescriptor => TcpErrorKind::PipeClosed,
            _ => TcpErrorKind::Other,
        }
    }
}

impl<'b, B: Backend + ?Sized> TcpClientStack for NbStack<'b, B> {
    type TcpSocket = NbTcpSocket<'b, B>;
    type Error = Error;

    fn socket(&mut self) -> Result<NbTcpSocket<'b, B>> {
        Ok(NbTcpSocket { socket: self.open(self.family, SOCK_STREAM)?, connecting: None })
    }

    /// Starts to connect, and tells by later calls what came of it.
    ///
    /// # Errors
    /// `WouldBlock` while it is under way, then why it failed; the next call tries again.
    /// `EALREADY`: another address meanwhile. `EISCONN`: it is connected.
    fn connect(
        &mut self,
        socket: &mut NbTcpSocket<'b, B>,
        remote: SocketAddr,
    ) -> nb::Result<(), Error> {
        let answer = match socket.connecting {
            Some(other) if other != remote => return Err(nb::Error::Other(Error::EALREADY)),
            Some(_) => socket.socket.connect_outcome(),
            None => {
                self.suit(&mut socket.socket, remote, SOCK_STREAM)?;
                socket.socket.connect(SockAddr::from(remote))
            }
        };
        let waits = matches!(answer, Err(Error::EINPROGRESS | Error::EAGAIN));
        socket.connecting = waits.then_some(remote);
        if waits { Err(nb::Error::WouldBlock) } else { outcome(answer) }
    }

    fn send(&mut self, socket: &mut NbTcpSocket<'b, B>, buffer: &[u8]) -> nb::Result<usize, Error> {
        outcome(socket.socket.send(buffer))
    }

    /// Receives; `Ok(0)` for a buffer that is not empty is the end of the stream, for ever.
    fn receive(
        &mut self,
        socket: &mut NbTcpSocket<'b, B>,
        buffer: &mut [u8],
    ) -> nb::Result<usize, Error> {
        if buffer.is_empty() {
            return outcome(socket.socket.stream_alive().map(|()| 0));
        }
        outcome(socket.socket.recv(buffer))
    }

    /// Closes in order: the peer gets everything that was sent, in the background.
    fn close(&mut self, socket: NbTcpSocket<'b, B>) -> Result<()> {
        socket.socket.close()
    }
}

impl<'b, B: Backend + ?Sized> TcpFullStack for NbStack<'b, B> {
    /// Binds to a port of the wildcard address of the stack's family; 0 picks one.
    fn bind(&mut self, socket: &mut NbTcpSocket<'b, B>, local_port: u16) -> Result<()> {
        let any = socket.socket.family().unspecified();
        socket.socket.bind(SockAddr::new(any, local_port))
    }

    /// Listens, with the backlog of `listen(None)`.
    fn listen(&mut self, socket: &mut NbTcpSocket<'b, B>) -> Result<()> {
        socket.socket.listen(None)
    }

    /// The next connection. While no slot or buffer is free it is an error, and the
    /// connection stays in the backlog.
    fn accept(
        &mut self,
        socket: &mut NbTcpSocket<'b, B>,
    ) -> nb::Result<(NbTcpSocket<'b, B>, SocketAddr), Error> {
        let (accepted, peer) = outcome(socket.socket.accept())?;
        accepted.setblocking(false)?;
        Ok((NbTcpSocket { socket: accepted, connecting: None }, peer.into()))
    }
}

impl<'b, B: Backend + ?Sized> UdpClientStack for NbStack<'b, B> {
    type UdpSocket = NbUdpSocket<'b, B>;
    type Error = Error;

    fn socket(&mut self) -> Result<NbUdpSocket<'b, B>> {
        Ok(NbUdpSocket { socket: self.open(self.family, SOCK_DGRAM)?, last: None })
    }

    fn connect(&mut self, socket: &mut NbUdpSocket<'b, B>, remote: SocketAddr) -> Result<()> {
        self.suit(&mut socket.socket, remote, SOCK_DGRAM)?;
        socket.socket.connect(SockAddr::from(remote))?;
        socket.last = None;
        Ok(())
    }

    /// Sends one datagram to the peer, or to whom the last one was sent.
    fn send(&mut self, socket: &mut NbUdpSocket<'b, B>, buffer: &[u8]) -> nb::Result<(), Error> {
        let sent = match socket.last {
            None => socket.socket.send(buffer),
            Some(remote) => socket.socket.sendto(buffer, SockAddr::from(remote)),
        };
        outcome(sent.map(|_| ()))
    }

    /// Receives one datagram; what does not fit is discarded. The length is that of what
    /// is in the buffer.
    fn receive(
        &mut self,
        socket: &mut NbUdpSocket<'b, B>,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Error> {
        outcome(socket.socket.recvfrom(buffer).map(|(len, from)| (len, from.into())))
    }

    fn close(&mut self, socket: NbUdpSocket<'b, B>) -> Result<()> {
        socket.socket.close()
    }
}

impl<'b, B: Backend + ?Sized> UdpFullStack for NbStack<'b, B> {
    /// Binds to a port of the wildcard address of the stack's family; 0 picks one.
    fn bind(&mut self, socket: &mut NbUdpSocket<'b, B>, local_port: u16) -> Result<()> {
        let any = socket.socket.family().unspecified();
        socket.socket.bind(SockAddr::new(any, local_port))
    }

    fn send_to(
        &mut self,
        socket: &mut NbUdpSocket<'b, B>,
        remote: SocketAddr,
        buffer: &[u8],
    ) -> nb::Result<(), Error> {
        self.suit(&mut socket.socket, remote, SOCK_DGRAM)?;
        outcome(socket.socket.sendto(buffer, SockAddr::from(remote)))?;
        if socket.socket.peer_addr().is_err() {
            socket.last = Some(remote);
        }
        Ok(())
    }
}

/// Would-block apart from errors.
fn outcome<T>(answer: Result<T>) -> nb::Result<T, Error> {
    answer.map_err(|error| match error {
        Error::EAGAIN => nb::Error::WouldBlock,
        error => nb::Error::Other(error),
    })
}
