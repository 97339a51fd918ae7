//! The calls under test that the core alone decides.
//!
//! A case reaches them through [`Harness::api`](crate::Harness::api), so that a
//! liar can break one of them on purpose, as [`Lie`](crate::Lie) does for what a
//! backend decides.

use core::time::Duration;

use usocket_core::spi::Backend;
use usocket_core::{
    AddrInfoList, BinAddr, Events, Family, File, Hints, INET_ADDRSTRLEN, IntoTimeout, OptValue,
    Poll, PollRef, Pollable, Result, Selected, SockAddr, Socket, Timeout, ToSockAddr, Usocket,
};

/// Entries of the polls of the kit.
pub const POLLED: usize = 8;

/// A poll of the kit.
pub type KitPoll<'p> = Poll<'p, POLLED>;

/// What a poll found: object and events, in order.
pub type FoundReady<'p> = heapless::Vec<(PollRef<'p>, Events), POLLED>;

/// The arguments of a `select`.
#[derive(Clone, Copy)]
pub struct Lists<'a, 'p> {
    /// To be received from.
    pub r: &'a [&'a dyn Pollable<'p>],
    /// To be sent to.
    pub w: &'a [&'a dyn Pollable<'p>],
    /// Only for trouble.
    pub x: &'a [&'a dyn Pollable<'p>],
}

/// The numbers of one call to `getaddrinfo`, wide enough for wrong ones.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// Host.
    pub host: &'a str,
    /// Port.
    pub port: i32,
    /// Filters.
    pub hints: Hints,
}

/// A tuple address of the reference text, wide enough for wrong ones.
#[derive(Clone, Copy, Debug)]
pub enum Tuple<'a> {
    /// (text, port).
    V4(&'a str, i32),
    /// (text, port, flowinfo, scopeid).
    V6(&'a str, i32, u32, u32),
}

/// Calls that the core alone decides; each default is the honest one.
pub trait Api<B: Backend> {
    /// The constants, by name: those of the reference text and of rows 10 to 13,
    /// 15, 188.
    fn constant(&self, honest: i32) -> i32 {
        honest
    }

    /// [`usocket_core::inet_pton`].
    fn inet_pton(&self, af: i32, text: &str) -> Result<BinAddr> {
        usocket_core::inet_pton(af, text)
    }

    /// [`usocket_core::inet_ntop`].
    fn inet_ntop(&self, af: i32, bytes: &[u8]) -> Result<heapless::String<INET_ADDRSTRLEN>> {
        usocket_core::inet_ntop(af, bytes)
    }

    /// [`ToSockAddr`] for a tuple.
    fn address(&self, tuple: Tuple<'_>, family: Family) -> Result<SockAddr> {
        match tuple {
            Tuple::V4(text, port) => (text, port).to_sock_addr(family),
            Tuple::V6(text, port, flowinfo, scope_id) => {
                (text, port, flowinfo, scope_id).to_sock_addr(family)
            }
        }
    }

    /// [`Usocket::socket_proto`].
    fn socket<'b>(&self, net: &'b B, af: i32, ty: i32, proto: i32) -> Result<Socket<'b, B>> {
        net.socket_proto(af, ty, proto)
    }

    /// [`Usocket::getaddrinfo`].
    fn getaddrinfo(&self, net: &B, asked: Asked<'_>) -> Result<AddrInfoList> {
        net.getaddrinfo(asked.host, asked.port, asked.hints)
    }

    /// [`Socket::settimeout`] with seconds.
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.settimeout(seconds)
    }

    /// [`Socket::settimeout`] with what seconds mean.
    fn settimeout_to(&self, socket: &Socket<'_, B>, timeout: Timeout) -> Result<()> {
        socket.settimeout(timeout)
    }

    /// [`Socket::setblocking`].
    fn setblocking(&self, socket: &Socket<'_, B>, flag: bool) -> Result<()> {
        socket.setblocking(flag)
    }

    /// What a number of seconds means.
    fn timeout(&self, seconds: f64) -> Result<Timeout> {
        seconds.into_timeout()
    }

    /// [`Socket::setsockopt`].
    fn setsockopt(
        &self,
        socket: &Socket<'_, B>,
        level: i32,
        name: i32,
        value: OptValue<'_>,
    ) -> Result<()> {
        socket.setsockopt(level, name, value)
    }

    /// [`Socket::accept`].
    fn accept<'b>(&self, socket: &Socket<'b, B>) -> Result<(Socket<'b, B>, SockAddr)> {
        socket.accept()
    }

    /// [`Socket::listen`].
    fn listen(&self, socket: &Socket<'_, B>, backlog: Option<i32>) -> Result<()> {
        socket.listen(backlog)
    }

    /// [`Socket::connect`] with a tuple.
    fn connect(&self, socket: &Socket<'_, B>, address: SockAddr) -> Result<()> {
        socket.connect(address)
    }

    /// [`Socket::send`].
    fn send(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<usize> {
        socket.send(data)
    }

    /// [`Socket::sendall`].
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        socket.sendall(data)
    }

    /// [`Socket::sendto`].
    fn sendto(&self, socket: &Socket<'_, B>, data: &[u8], to: SockAddr) -> Result<usize> {
        socket.sendto(data, to)
    }

    /// [`Socket::recv_flags`].
    fn recv_flags(&self, socket: &Socket<'_, B>, buf: &mut [u8], flags: i32) -> Result<usize> {
        socket.recv_flags(buf, flags)
    }

    /// [`Socket::read`].
    fn read(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        socket.read(buf)
    }

    /// [`Socket::readinto_n`].
    fn readinto_n(
        &self,
        socket: &Socket<'_, B>,
        buf: &mut [u8],
        n: usize,
    ) -> Result<Option<usize>> {
        socket.readinto_n(buf, n)
    }

    /// [`Socket::readline`].
    fn readline(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        socket.readline(buf)
    }

    /// [`Socket::write`].
    fn write(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<Option<usize>> {
        socket.write(data)
    }

    /// [`Socket::makefile_buffered`].
    fn makefile<'s, 'b>(
        &self,
        socket: &'s Socket<'b, B>,
        mode: &str,
        buffering: i32,
    ) -> Result<File<'s, 'b, B>> {
        socket.makefile_buffered(mode, buffering)
    }

    /// [`File::close`].
    fn close_file(&self, file: &File<'_, '_, B>) -> Result<()> {
        file.close()
    }

    /// [`Socket::close`].
    fn close(&self, socket: &Socket<'_, B>) -> Result<()> {
        socket.close()
    }

    /// What `drop` does.
    fn drop_socket(&self, socket: Socket<'_, B>) {
        drop(socket);
    }

    /// [`Poll::register`].
    fn register<'p>(
        &self,
        poll: &mut KitPoll<'p>,
        object: PollRef<'p>,
        mask: Option<Events>,
    ) -> Result<()> {
        poll.register(object, mask)
    }

    /// [`Poll::modify`].
    fn modify<'p>(&self, poll: &mut KitPoll<'p>, object: PollRef<'p>, mask: Events) -> Result<()> {
        poll.modify(object, mask)
    }

    /// [`Poll::unregister`].
    fn unregister<'p>(&self, poll: &mut KitPoll<'p>, object: PollRef<'p>) {
        poll.unregister(object);
    }

    /// [`Poll::poll`], on the platform of `net`.
    fn poll<'p>(&self, net: &B, poll: &mut KitPoll<'p>, ms: Option<i32>) -> Result<FoundReady<'p>> {
        let _ = net;
        Ok(poll.poll(ms)?.iter().map(|ready| (ready.object(), ready.events)).collect())
    }

    /// The first `count` of [`Poll::ipoll`].
    fn ipoll<'p>(
        &self,
        poll: &mut KitPoll<'p>,
        ms: Option<i32>,
        flags: u32,
        count: usize,
    ) -> Result<FoundReady<'p>> {
        let ready = poll.ipoll(ms, flags)?;
        Ok(ready.take(count).map(|ready| (ready.object(), ready.events)).collect())
    }

    /// [`usocket_core::select`] with seconds.
    fn select<'p>(
        &self,
        net: &'p B,
        lists: Lists<'_, 'p>,
        seconds: f64,
    ) -> Result<Selected<POLLED>> {
        usocket_core::select(net, lists.r, lists.w, lists.x, seconds)
    }

    /// [`Harness::fileno`](crate::Harness::fileno), row 220.
    fn fileno(&self, honest: i32) -> i32 {
        honest
    }

    /// [`Usocket::drain`].
    fn drain(&self, net: &B, time: Duration) -> Result<()> {
        net.drain(time)
    }
}

/// The core as it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Honest;

impl<B: Backend> Api<B> for Honest {}
