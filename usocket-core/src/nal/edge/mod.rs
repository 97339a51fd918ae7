//! `edge_nal` 0.7: streams and names.

mod datagrams;
mod halves;

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use edge_nal::{
    AddrType, Close, Dns, Readable, TcpAccept, TcpBind, TcpConnect, TcpShutdown, TcpSplit,
};

pub use datagrams::{Joiner, ReceiveHalf, SendHalf};
pub use halves::{ReadHalf, WriteHalf};

use super::{Stack, TcpStream, names};
use crate::spi::{Backend, Opt, RecvFlags, Shutdown};
use crate::{
    AF_INET, AF_INET6, DEFAULT_LINGER, Error, POLLIN, POLLNVAL, Result, SOCK_STREAM, Socket,
    Timeout,
};

impl<'b, B: Backend + ?Sized> TcpConnect for Stack<'b, B> {
    type Error = Error;
    type Socket<'a>
        = TcpStream<'b, B>
    where
        Self: 'a;

    /// Connects. Dropping the future gives the attempt up; see [`nal`](super#cancellation).
    async fn connect(&self, remote: SocketAddr) -> Result<TcpStream<'b, B>> {
        self.connect_tcp(remote).await
    }
}

impl<'b, B: Backend + ?Sized> TcpBind for Stack<'b, B> {
    type Error = Error;
    type Accept<'a>
        = TcpListener<'b, B>
    where
        Self: 'a;

    /// Listens, with the backlog of `listen(None)`, also on a port in TIME-WAIT: as
    /// `std::net` does, so that a server can be started again.
    async fn bind(&self, local: SocketAddr) -> Result<TcpListener<'b, B>> {
        let socket = self.open(local, SOCK_STREAM)?;
        socket.settimeout(None)?;
        match self.backend().set_option(socket.handle(), &Opt::ReuseAddr(true)) {
            // A backend without it has nothing that holds a port.
            Ok(()) | Err(Error::ENOPROTOOPT) => {}
            Err(error) => return Err(error),
        }
        socket.asynch().bind(local).await?;
        socket.asynch().listen(None).await?;
        Ok(TcpListener { socket, timeout: self.timeout() })
    }
}

/// A listening socket, made by `TcpBind`; dropping it closes it. Several tasks may accept.
pub struct TcpListener<'b, B: Backend + ?Sized> {
    socket: Socket<'b, B>,
    timeout: Timeout,
}

impl<'b, B: Backend + ?Sized> TcpListener<'b, B> {
    /// The socket, for its address (after port 0) and options.
    #[must_use]
    pub const fn socket(&self) -> &Socket<'b, B> {
        &self.socket
    }
}

impl<B: Backend + ?Sized> fmt::Debug for TcpListener<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TcpListener").field(&self.socket).finish()
    }
}

impl<'b, B: Backend + ?Sized> TcpAccept for TcpListener<'b, B> {
    type Error = Error;
    type Socket<'a>
        = TcpStream<'b, B>
    where
        Self: 'a;

    /// The next connection and its peer. Cancel-safe.
    ///
    /// A server takes an error for its end. So what passes is waited out: while no slot or
    /// buffer is free the connection stays in the backlog and is tried for again, and one
    /// that its peer gave up is skipped.
    async fn accept(&self) -> Result<(SocketAddr, TcpStream<'b, B>)> {
        loop {
            match self.socket.asynch().accept().await {
                Ok((socket, peer)) => {
                    socket.settimeout(self.timeout)?;
                    return Ok((peer.into(), socket.into()));
                }
                Err(Error::ECONNABORTED) => {}
                Err(Error::ENOBUFS | Error::ENOMEM | Error::EMFILE | Error::ENFILE) => {
                    self.socket.asynch().pause(PATIENCE).await?;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// How often `accept` looks whether a place came free: chosen, not measured.
const PATIENCE: Duration = Duration::from_millis(20);

impl<B: Backend + ?Sized> Readable for TcpStream<'_, B> {
    /// Waits until a read would not wait: also at the end of the stream or an error, which
    /// the read then tells. Cancel-safe.
    async fn readable(&mut self) -> Result<()> {
        readable(self.socket()).await
    }
}

impl<B: Backend + ?Sized> TcpShutdown for TcpStream<'_, B> {
    /// Ends directions in order.
    ///
    /// `Write` sends the end of the stream behind what was written; it is not waited for,
    /// and goes on in the background also when the stream is dropped. `Read` discards what
    /// comes until the peer ends. `Both` does one after the other: when it returns, the
    /// peer has ended, and so has seen our end unless it did not care.
    ///
    /// Waits no longer than the timeout of the stack, or 10 s without one.
    ///
    /// # Errors
    /// `ETIMEDOUT`, and whatever ended the stream. Where the backend has no half-close,
    /// `Write` is `EOPNOTSUPP`, and `Both` discards what was received and closes.
    async fn close(&mut self, what: Close) -> Result<()> {
        let socket = self.socket();
        match what {
            Close::Read => discard(socket).await,
            Close::Write => socket.shutdown(Shutdown::Write),
            Close::Both => match socket.shutdown(Shutdown::Write) {
                Ok(()) => discard(socket).await,
                Err(Error::EOPNOTSUPP) => {
                    let (net, handle) = (socket.backend(), socket.handle());
                    let mut bin = [0; BIN];
                    let more = |count: &Result<usize>| count.is_ok_and(|count| count > 0);
                    while more(&net.try_recv(handle, &mut bin, RecvFlags::default())) {}
                    socket.shutdown(Shutdown::Both)
                }
                Err(error) => Err(error),
            },
        }
    }

    /// Resets the connection; does not wait. The stream is closed then.
    async fn abort(&mut self) -> Result<()> {
        self.socket().abort()
    }
}

impl<B: Backend + ?Sized> TcpSplit for TcpStream<'_, B> {
    type Read<'a>
        = ReadHalf<'a, B>
    where
        Self: 'a;
    type Write<'a>
        = WriteHalf<'a, B>
    where
        Self: 'a;

    fn split(&mut self) -> (ReadHalf<'_, B>, WriteHalf<'_, B>) {
        (ReadHalf::new(self.socket()), WriteHalf::new(self.socket()))
    }
}

impl<B: Backend + ?Sized> Dns for Stack<'_, B> {
    type Error = Error;

    /// The first address of a name. Dropping the future frees the query.
    ///
    /// # Errors
    /// Those of [`getaddrinfo`](crate::Usocket::getaddrinfo).
    async fn get_host_by_name(&self, host: &str, addr_type: AddrType) -> Result<IpAddr> {
        let af = match addr_type {
            AddrType::IPv4 => AF_INET,
            AddrType::IPv6 => AF_INET6,
            AddrType::Either => 0,
        };
        names::address_of(self.backend(), host, af).await
    }

    /// The name of an address. Dropping the future frees the query.
    ///
    /// # Errors
    /// Those of names; `ENOBUFS`: it does not fit; `EOPNOTSUPP` where the backend cannot ask.
    async fn get_host_by_address(&self, addr: IpAddr, result: &mut [u8]) -> Result<usize> {
        names::name_of(self.backend(), addr, result).await
    }
}

/// Waits until a receive would not wait.
async fn readable<B: Backend + ?Sized>(socket: &Socket<'_, B>) -> Result<()> {
    let ready = socket.asynch().ready(POLLIN).await?;
    if ready.contains(POLLNVAL) { Err(Error::EBADF) } else { Ok(()) }
}

/// Receives and throws away until the peer ends.
async fn discard<B: Backend + ?Sized>(socket: &Socket<'_, B>) -> Result<()> {
    let now = socket.backend().platform().now();
    let deadline = Some(socket.deadline().unwrap_or(now + DEFAULT_LINGER));
    let mut bin = [0; BIN];
    while socket.asynch().recv_by(&mut bin, RecvFlags::default(), deadline).await? > 0 {}
    Ok(())
}

/// Received bytes that are thrown away at once: chosen, as it lies in the caller's future.
const BIN: usize = 64;
