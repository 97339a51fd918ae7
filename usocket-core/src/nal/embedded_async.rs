//! `embedded_nal_async` 0.9.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use embedded_nal_async::{AddrType, ConnectedUdp, Dns, TcpConnect, UdpStack, UnconnectedUdp};

use super::{Stack, TcpStream, UdpSocket, names};
use crate::spi::Backend;
use crate::{AF_INET, AF_INET6, Error, Family, Result, SOCK_DGRAM, SockAddr, Usocket};

impl<'b, B: Backend + ?Sized> TcpConnect for Stack<'b, B> {
    type Error = Error;
    type Connection<'a>
        = TcpStream<'b, B>
    where
        Self: 'a;

    /// Connects. Dropping the future gives the attempt up; see [`nal`](super#cancellation).
    async fn connect<'a>(&'a self, remote: SocketAddr) -> Result<TcpStream<'b, B>> {
        self.connect_tcp(remote).await
    }
}

impl<'b, B: Backend + ?Sized> UdpStack for Stack<'b, B> {
    type Error = Error;
    type Connected = UdpSocket<'b, B>;
    type UniquelyBound = UdpSocket<'b, B>;
    type MultiplyBound = UdpSocket<'b, B>;

    async fn connect_from(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<(SocketAddr, UdpSocket<'b, B>)> {
        let socket = self.connect_udp(local, remote).await?;
        Ok((socket.local()?, socket))
    }

    /// Bound to one address: for the wildcard, the one by which a datagram would leave for
    /// the Internet, else the loopback's.
    async fn bind_single(&self, local: SocketAddr) -> Result<(SocketAddr, UdpSocket<'b, B>)> {
        self.bind_udp_single(local).await
    }

    async fn bind_multiple(&self, local: SocketAddr) -> Result<UdpSocket<'b, B>> {
        self.bind_udp(local).await
    }
}

impl<'b, B: Backend + ?Sized> Stack<'b, B> {
    /// As `bind_udp`, but the wildcard is made one address: that by which a datagram leaves
    /// for the Internet, else the loopback's.
    async fn bind_udp_single(
        &self,
        mut local: SocketAddr,
    ) -> Result<(SocketAddr, UdpSocket<'b, B>)> {
        if local.ip().is_unspecified() {
            local.set_ip(self.own_ip(Family::of(local.ip()))?);
        }
        let socket = self.bind_udp(local).await?;
        Ok((socket.local()?, socket))
    }

    fn own_ip(&self, family: Family) -> Result<IpAddr> {
        let (outside, loopback) = match family {
            Family::V4 => (IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), Ipv4Addr::LOCALHOST.into()),
            Family::V6 => (V6_OUTSIDE.into(), Ipv6Addr::LOCALHOST.into()),
        };
        let probe = self.backend().socket(family.number(), SOCK_DGRAM)?;
        probe.setblocking(false)?;
        // Sends nothing: the address is chosen by the route.
        let found = probe.connect((outside, DISCARD)).and_then(|()| probe.local_addr());
        match found {
            Ok(address) if !address.ip().is_unspecified() => Ok(address.ip()),
            _ if self.backend().has_address(loopback) => Ok(loopback),
            Ok(_) => Err(Error::EADDRNOTAVAIL),
            Err(error) => Err(error),
        }
    }
}

impl<B: Backend + ?Sized> UdpSocket<'_, B> {
    /// The local address, the wildcard as far as it is not known.
    fn local(&self) -> Result<SocketAddr> {
        self.socket().local_addr().map(SocketAddr::from)
    }
}

impl<B: Backend + ?Sized> ConnectedUdp for UdpSocket<'_, B> {
    type Error = Error;

    /// Sends one datagram to the peer; `EDESTADDRREQ` without one. Cancel-safe.
    async fn send(&mut self, data: &[u8]) -> Result<()> {
        self.socket().asynch().send(data).await.map(|_| ())
    }

    /// Receives one datagram and returns its full length. Cancel-safe.
    async fn receive_into(&mut self, buffer: &mut [u8]) -> Result<usize> {
        Ok(self.socket().asynch().recv_info(buffer).await?.full_len)
    }
}

impl<B: Backend + ?Sized> UnconnectedUdp for UdpSocket<'_, B> {
    type Error = Error;

    /// Sends one datagram. Cancel-safe.
    ///
    /// # Errors
    /// `EISCONN` to another than the peer; `EINVAL` for a `local` that contradicts what the
    /// socket is bound to; `EADDRNOTAVAIL` for one that is not ours.
    async fn send(&mut self, local: SocketAddr, remote: SocketAddr, data: &[u8]) -> Result<()> {
        if self.peer().is_some_and(|peer| peer != remote) {
            return Err(Error::EISCONN);
        }
        let own = self.local()?;
        let port = [0, own.port()].contains(&local.port());
        if !port || local.is_ipv4() != own.is_ipv4() {
            return Err(Error::EINVAL);
        }
        if local.ip().is_unspecified() || local.ip() == own.ip() {
            return self.send_to(remote, data).await;
        }
        if !own.ip().is_unspecified() {
            return Err(Error::EINVAL);
        }
        let to = SockAddr::from(remote);
        self.socket().asynch().sendto_from(data, local.ip(), to).await.map(|_| ())
    }

    /// Receives one datagram and returns its full length, the address it came to and its
    /// sender. The former is the wildcard where the backend does not know it. Cancel-safe.
    async fn receive_into(&mut self, buffer: &mut [u8]) -> Result<(usize, SocketAddr, SocketAddr)> {
        let info = self.socket().asynch().recv_info(buffer).await?;
        let mut local = self.local()?;
        if let Some(ip) = info.local {
            local.set_ip(ip);
        }
        Ok((info.full_len, local, info.from.into()))
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

/// An address that is nobody's (RFC 3849).
const V6_OUTSIDE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// The port of the service that throws away what it gets.
const DISCARD: u16 = 9;
