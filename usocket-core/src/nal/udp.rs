//! A datagram socket that owns its place, bound or connected.

use core::fmt;
use core::net::SocketAddr;

use super::Stack;
use crate::spi::Backend;
use crate::{Result, SOCK_DGRAM, SockAddr, Socket};

/// A datagram socket, as the async traits want one; dropping it closes it.
///
/// It implements the traits of `embedded_nal_async` (`ConnectedUdp`, `UnconnectedUdp`) and
/// of `edge_nal`. Which of them fit depends on how it was made: on a connected one, sending
/// to somebody else than the peer is `EISCONN` by `embedded_nal_async`, and goes to the peer
/// by `edge_nal`, as its documentation wants.
pub struct UdpSocket<'b, B: Backend + ?Sized> {
    socket: Socket<'b, B>,
    peer: Option<SocketAddr>,
}

impl<'b, B: Backend + ?Sized> UdpSocket<'b, B> {
    /// The socket, for options and whatever the traits lack.
    #[must_use]
    pub const fn socket(&self) -> &Socket<'b, B> {
        &self.socket
    }

    /// Gives the socket back.
    #[must_use]
    pub fn into_socket(self) -> Socket<'b, B> {
        self.socket
    }

    /// Whom it is connected to.
    #[must_use]
    pub const fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    pub(super) async fn send_to(&self, remote: SocketAddr, data: &[u8]) -> Result<()> {
        match self.peer {
            Some(_) => self.socket.asynch().send(data).await,
            None => self.socket.asynch().sendto(data, SockAddr::from(remote)).await,
        }
        .map(|_| ())
    }
}

impl<B: Backend + ?Sized> fmt::Debug for UdpSocket<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UdpSocket").field("socket", &self.socket).field("peer", &self.peer).finish()
    }
}

impl<'b, B: Backend + ?Sized> Stack<'b, B> {
    /// A socket bound to `local`, where the wildcard is any address.
    pub(super) async fn bind_udp(&self, local: SocketAddr) -> Result<UdpSocket<'b, B>> {
        let socket = self.open(local, SOCK_DGRAM)?;
        socket.asynch().bind(local).await?;
        Ok(UdpSocket { socket, peer: None })
    }

    /// A socket from `local`, as far as that says anything, to `remote`.
    pub(super) async fn connect_udp(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<UdpSocket<'b, B>> {
        let socket = self.open(remote, SOCK_DGRAM)?;
        if local.port() != 0 || !local.ip().is_unspecified() {
            socket.asynch().bind(local).await?;
        }
        socket.asynch().connect(SockAddr::from(remote)).await?;
        Ok(UdpSocket { socket, peer: Some(remote) })
    }
}
