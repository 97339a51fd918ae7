//! Datagrams and groups.

use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use edge_nal::{
    MulticastV4, MulticastV6, Readable, UdpBind, UdpConnect, UdpReceive, UdpSend, UdpSplit,
    UdpSplitMulticast,
};
use embedded_io::ErrorType;

use super::readable;
use crate::nal::{Stack, UdpSocket};
use crate::spi::{Backend, Group, Opt};
use crate::{Error, Result};

impl<'b, B: Backend + ?Sized> UdpBind for Stack<'b, B> {
    type Error = Error;
    type Socket<'a>
        = UdpSocket<'b, B>
    where
        Self: 'a;

    /// Binds; the wildcard is any address of ours. Dropping the future closes the socket.
    async fn bind(&self, local: SocketAddr) -> Result<UdpSocket<'b, B>> {
        self.bind_udp(local).await
    }
}

impl<'b, B: Backend + ?Sized> UdpConnect for Stack<'b, B> {
    type Error = Error;
    type Socket<'a>
        = UdpSocket<'b, B>
    where
        Self: 'a;

    /// Connects; wildcard and port 0 of `local` leave the choice to the backend. Dropping
    /// the future closes the socket.
    async fn connect(&self, local: SocketAddr, remote: SocketAddr) -> Result<UdpSocket<'b, B>> {
        self.connect_udp(local, remote).await
    }
}

/// The receiving direction of a [`UdpSocket`], from `UdpSplit`.
pub struct ReceiveHalf<'s, B: Backend + ?Sized>(&'s UdpSocket<'s, B>);

/// The sending direction of a [`UdpSocket`], from `UdpSplit`.
pub struct SendHalf<'s, B: Backend + ?Sized>(&'s UdpSocket<'s, B>);

/// Joins and leaves groups with a [`UdpSocket`], from `UdpSplitMulticast`.
pub struct Joiner<'s, B: Backend + ?Sized>(&'s UdpSocket<'s, B>);

impl<B: Backend + ?Sized> UdpSplit for UdpSocket<'_, B> {
    type Receive<'a>
        = ReceiveHalf<'a, B>
    where
        Self: 'a;
    type Send<'a>
        = SendHalf<'a, B>
    where
        Self: 'a;

    fn split(&mut self) -> (ReceiveHalf<'_, B>, SendHalf<'_, B>) {
        (ReceiveHalf(self), SendHalf(self))
    }
}

impl<B: Backend + ?Sized> UdpSplitMulticast for UdpSocket<'_, B> {
    type MulticastV4<'a>
        = Joiner<'a, B>
    where
        Self: 'a;
    type MulticastV6<'a>
        = Joiner<'a, B>
    where
        Self: 'a;

    fn split_multicast(
        &mut self,
    ) -> (ReceiveHalf<'_, B>, SendHalf<'_, B>, Joiner<'_, B>, Joiner<'_, B>) {
        (ReceiveHalf(self), SendHalf(self), Joiner(self), Joiner(self))
    }
}

/// A socket or a part of one.
macro_rules! parts {
    ($($part:ident($whole:ident => $socket:expr)),*) => {$(
        impl<B: Backend + ?Sized> $part<'_, B> {
            const fn whole(&self) -> &UdpSocket<'_, B> {
                let $whole = self;
                $socket
            }
        }

        impl<B: Backend + ?Sized> ErrorType for $part<'_, B> {
            type Error = Error;
        }
    )*};
}
parts!(UdpSocket(this => this), ReceiveHalf(this => this.0), SendHalf(this => this.0));
parts!(Joiner(this => this.0));

macro_rules! parts_debug {
    ($($part:ident),*) => {$(
        impl<B: Backend + ?Sized> fmt::Debug for $part<'_, B> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($part)).field(self.0).finish()
            }
        }
    )*};
}
parts_debug!(ReceiveHalf, SendHalf, Joiner);

macro_rules! receivers {
    ($($part:ident),*) => {$(
        impl<B: Backend + ?Sized> UdpReceive for $part<'_, B> {
            /// Receives one datagram and returns its full length, larger than the buffer
            /// if it was cut, and its sender. Cancel-safe.
            async fn receive(&mut self, buffer: &mut [u8]) -> Result<(usize, SocketAddr)> {
                let info = self.whole().socket().asynch().recv_info(buffer).await?;
                Ok((info.full_len, info.from.into()))
            }
        }

        impl<B: Backend + ?Sized> Readable for $part<'_, B> {
            /// Waits until a receive would not wait. Cancel-safe.
            async fn readable(&mut self) -> Result<()> {
                readable(self.whole().socket()).await
            }
        }
    )*};
}
receivers!(UdpSocket, ReceiveHalf);

macro_rules! senders {
    ($($part:ident),*) => {$(
        impl<B: Backend + ?Sized> UdpSend for $part<'_, B> {
            /// Sends one datagram: to the peer of a connected socket, whatever `remote`
            /// says. Cancel-safe.
            async fn send(&mut self, remote: SocketAddr, data: &[u8]) -> Result<()> {
                self.whole().send_to(remote, data).await
            }
        }
    )*};
}
senders!(UdpSocket, SendHalf);

macro_rules! joiners {
    ($($part:ident),*) => {$(
        impl<B: Backend + ?Sized> MulticastV4 for $part<'_, B> {
            /// Joins a group on the interface with this address, `0.0.0.0` for any.
            async fn join_v4(&mut self, group: Ipv4Addr, interface: Ipv4Addr) -> Result<()> {
                self.whole().member(&Opt::Join(Group::V4 { group, interface })).await
            }

            /// Leaves a group. `EADDRNOTAVAIL`: it was not joined.
            async fn leave_v4(&mut self, group: Ipv4Addr, interface: Ipv4Addr) -> Result<()> {
                self.whole().member(&Opt::Leave(Group::V4 { group, interface })).await
            }
        }

        impl<B: Backend + ?Sized> MulticastV6 for $part<'_, B> {
            /// Joins a group on the interface with this number, 0 for any.
            async fn join_v6(&mut self, group: Ipv6Addr, interface: u32) -> Result<()> {
                self.whole().member(&Opt::Join(Group::V6 { group, interface })).await
            }

            /// Leaves a group. `EADDRNOTAVAIL`: it was not joined.
            async fn leave_v6(&mut self, group: Ipv6Addr, interface: u32) -> Result<()> {
                self.whole().member(&Opt::Leave(Group::V6 { group, interface })).await
            }
        }
    )*};
}
joiners!(UdpSocket, Joiner);

impl<B: Backend + ?Sized> UdpSocket<'_, B> {
    /// Asks for a membership, and waits until the wire has been told.
    async fn member(&self, option: &Opt) -> Result<()> {
        let socket = self.socket();
        let multicast = match *option {
            Opt::Join(Group::V4 { group, .. }) | Opt::Leave(Group::V4 { group, .. }) => {
                group.is_multicast()
            }
            Opt::Join(Group::V6 { group, .. }) | Opt::Leave(Group::V6 { group, .. }) => {
                group.is_multicast()
            }
            _ => false,
        };
        if !multicast {
            return Err(Error::EINVAL);
        }
        socket.backend().set_option(socket.handle(), option)?;
        socket.asynch().in_effect().await
    }
}
