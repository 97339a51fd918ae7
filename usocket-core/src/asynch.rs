//! The same socket, awaited (P1): try, register, try again.

use core::fmt;
use core::future::Future;
use core::net::IpAddr;
use core::pin::Pin;
use core::task::{Context, Poll};

use crate::resolve::{self, AddrInfoList, Hints, Question};
use crate::spi::{Backend, Handle, RecvFlags, RecvInfo, SockType, Wait, WaitKey};
use crate::wait::Mode;
use crate::{Error, Events, Instant, POLLIN, POLLOUT, Result, SockAddr, Socket, ToSockAddr};

/// A view of a socket whose calls are awaited. Same names, same results, same
/// errors; made by [`Socket::asynch`].
///
/// Awaiting suspends the task in blocking and non-blocking mode alike; a timeout
/// set with `settimeout` bounds each call. Any number of tasks may wait on one
/// socket, up to the backend's table (`ENOBUFS`).
///
/// # Cancellation
/// Dropping the future of `recv`, `recvfrom`, `recv_info`, `send`, `sendto`,
/// `accept`, `ready` loses nothing: either it was done, or nothing happened.
/// Dropping `connect` leaves the attempt pending. `read`, `readline`, `sendall`
/// and `write` are not cancel-safe: what they moved before is lost count of.
pub struct AsyncSocket<'s, 'b, B: Backend + ?Sized> {
    socket: &'s Socket<'b, B>,
}

impl<'b, B: Backend + ?Sized> Socket<'b, B> {
    /// This socket's async view.
    #[must_use]
    pub fn asynch(&self) -> AsyncSocket<'_, 'b, B> {
        AsyncSocket { socket: self }
    }
}

impl<'s, 'b, B: Backend + ?Sized> AsyncSocket<'s, 'b, B> {
    /// The socket.
    #[must_use]
    pub fn socket(&self) -> &'s Socket<'b, B> {
        self.socket
    }

    fn wait<T, F: FnMut() -> Result<T> + Unpin>(
        &self,
        events: Events,
        deadline: Option<Instant>,
        attempt: F,
    ) -> Attempt<'b, B, F> {
        let net = self.socket.backend();
        Attempt { net, handle: self.socket.handle(), events, deadline, key: None, attempt }
    }

    /// As [`Socket::bind`] of a blocking socket. Dropping the future leaves the socket
    /// bound; what the wire must be told is told in the background.
    pub async fn bind(&self, address: impl ToSockAddr) -> Result<()> {
        let socket = self.socket;
        socket.start_bind(&address)?;
        self.in_effect().await
    }

    /// As [`Socket::listen`] of a blocking socket. Dropping the future leaves the socket
    /// listening, as with `bind`.
    pub async fn listen(&self, backlog: impl Into<Option<i32>>) -> Result<()> {
        self.socket.start_listen(backlog.into())?;
        self.in_effect().await
    }

    /// Waits until what `bind`, `listen` or a group asked of the wire is in effect, at most
    /// as long as the socket's timeout allows: then it goes on in the background.
    /// Cancel-safe. On a host it is at once.
    pub async fn in_effect(&self) -> Result<()> {
        let (net, handle) = (self.socket.backend(), self.socket.handle());
        let attempt = || if net.in_effect(handle) { Ok(()) } else { Err(Error::EAGAIN) };
        // Whatever makes it true wakes those who wait on any socket.
        let deadline = self.socket.deadline();
        let wait = Attempt {
            net,
            handle: Handle::ANY,
            events: Events::NONE,
            deadline,
            key: None,
            attempt,
        };
        match wait.await {
            Err(Error::ETIMEDOUT) => Ok(()),
            answer => answer,
        }
    }

    /// As [`Socket::accept`]. Cancel-safe.
    pub async fn accept(&self) -> Result<(Socket<'b, B>, SockAddr)> {
        let socket = self.socket;
        let net = socket.backend();
        let attempt = || {
            let (handle, peer) = net.try_accept(socket.handle())?;
            // A socket at once: a dropped future must not leak the handle.
            Ok((Socket::new(net, handle, socket.family(), socket.sock_type()), peer))
        };
        self.wait(POLLIN, socket.deadline(), attempt).await
    }

    /// As [`Socket::connect`]. Dropping the future leaves the attempt pending.
    pub async fn connect(&self, address: impl ToSockAddr) -> Result<()> {
        let socket = self.socket;
        let deadline = socket.deadline();
        match socket.start_connect(&address) {
            Err(Error::EINPROGRESS) => {
                let attempt = || socket.backend().connect_result(socket.handle());
                self.wait(POLLOUT, deadline, attempt).await
            }
            answer => answer,
        }
    }

    /// As [`Socket::recv`]. Cancel-safe.
    pub async fn recv(&self, buf: &mut [u8]) -> Result<usize> {
        self.recv_by(buf, RecvFlags::default(), self.socket.deadline()).await
    }

    /// As [`Socket::recv_flags`] with `MSG_PEEK`. Cancel-safe.
    pub async fn peek(&self, buf: &mut [u8]) -> Result<usize> {
        self.recv_by(buf, RecvFlags { peek: true }, self.socket.deadline()).await
    }

    /// As [`Socket::recvfrom`]. Cancel-safe.
    pub async fn recvfrom(&self, buf: &mut [u8]) -> Result<(usize, SockAddr)> {
        let (net, handle) = (self.socket.backend(), self.socket.handle());
        let attempt = || net.try_recv_from(handle, buf, RecvFlags::default());
        self.wait(POLLIN, self.socket.deadline(), attempt).await
    }

    /// As [`Socket::recv_info`]. Cancel-safe.
    pub async fn recv_info(&self, buf: &mut [u8]) -> Result<RecvInfo> {
        let (net, handle) = (self.socket.backend(), self.socket.handle());
        let attempt = || net.try_recv_info(handle, buf, RecvFlags::default());
        self.wait(POLLIN, self.socket.deadline(), attempt).await
    }

    /// At least one byte, or one datagram: as [`Socket::send`] with a timeout.
    /// Cancel-safe.
    pub async fn send(&self, data: impl AsRef<[u8]>) -> Result<usize> {
        self.send_by(data.as_ref(), self.socket.deadline()).await
    }

    /// As [`Socket::sendto`]. Cancel-safe.
    pub async fn sendto(&self, data: impl AsRef<[u8]>, address: impl ToSockAddr) -> Result<usize> {
        let data = data.as_ref();
        if self.socket.sock_type() == SockType::Stream {
            return self.send(data).await;
        }
        let to = self.socket.destination(&address)?;
        let (net, handle) = (self.socket.backend(), self.socket.handle());
        let attempt = || net.try_send_to(handle, data, to);
        self.wait(POLLOUT, self.socket.deadline(), attempt).await
    }

    /// As [`Socket::sendto_from`]. Cancel-safe.
    pub async fn sendto_from(
        &self,
        data: impl AsRef<[u8]>,
        from: IpAddr,
        address: impl ToSockAddr,
    ) -> Result<usize> {
        let data = data.as_ref();
        if self.socket.sock_type() == SockType::Stream {
            return Err(self.socket.unless_closed(Error::EOPNOTSUPP));
        }
        let to = self.socket.destination(&address)?;
        let (net, handle) = (self.socket.backend(), self.socket.handle());
        let attempt = || net.try_send_from(handle, data, from, to);
        self.wait(POLLOUT, self.socket.deadline(), attempt).await
    }

    /// As [`Socket::sendall`]. Not cancel-safe.
    pub async fn sendall(&self, data: impl AsRef<[u8]>) -> Result<()> {
        let data = data.as_ref();
        let deadline = self.socket.deadline();
        if self.socket.sock_type() == SockType::Dgram {
            return self.send_by(data, deadline).await.map(|_| ());
        }
        let mut sent = 0;
        loop {
            match self.send_by(&data[sent..], deadline).await {
                Ok(count) => sent += count,
                Err(error) => return Err(error.with_transferred(sent)),
            }
            if sent >= data.len() {
                return Ok(());
            }
        }
    }

    /// As [`Socket::write`] in blocking mode. Not cancel-safe.
    pub async fn write(&self, data: impl AsRef<[u8]>) -> Result<usize> {
        let data = data.as_ref();
        self.sendall(data).await.map(|()| data.len())
    }

    /// As [`Socket::read`] in blocking mode: fills `buf`, or ends at the end of
    /// the stream. Not cancel-safe.
    pub async fn read(&self, buf: &mut [u8]) -> Result<usize> {
        if buf.is_empty() {
            return self.socket.stream_alive().map(|()| 0);
        }
        let deadline = self.socket.deadline();
        let mut filled = 0;
        while filled < buf.len() {
            match self.recv_by(&mut buf[filled..], RecvFlags::default(), deadline).await {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) => return Err(error.with_transferred(filled)),
            }
        }
        Ok(filled)
    }

    /// As [`Socket::readline`] in blocking mode. Not cancel-safe.
    pub async fn readline(&self, buf: &mut [u8]) -> Result<usize> {
        if buf.is_empty() {
            return self.socket.stream_alive().map(|()| 0);
        }
        let deadline = self.socket.deadline();
        let mut filled = 0;
        while filled < buf.len() {
            let (net, handle) = (self.socket.backend(), self.socket.handle());
            let rest = &mut buf[filled..];
            let attempt = || {
                let _ = net.try_recv(handle, &mut rest[..1], RecvFlags { peek: true })?;
                self.socket.line_step(rest, Mode::Now)
            };
            match self.wait(POLLIN, deadline, attempt).await {
                Ok((0, _)) => break,
                Ok((count, ended)) => {
                    filled += count;
                    if ended {
                        break;
                    }
                }
                Err(error) => return Err(error.with_transferred(filled)),
            }
        }
        Ok(filled)
    }

    /// Waits until one of `events`, or ERR, HUP or NVAL, is true, and returns
    /// those that are. Cancel-safe. The timeout of the socket applies.
    pub async fn ready(&self, events: Events) -> Result<Events> {
        let (net, handle) = (self.socket.backend(), self.socket.handle());
        let attempt = || match net.readiness(handle).masked(events) {
            Events::NONE => Err(Error::EAGAIN),
            ready => Ok(ready),
        };
        self.wait(events, self.socket.deadline(), attempt).await
    }

    /// Lets this much time pass, unless the socket is closed: `EBADF`.
    #[cfg(feature = "edge-nal")]
    pub(crate) async fn pause(&self, time: core::time::Duration) -> Result<()> {
        let (net, handle) = (self.socket.backend(), self.socket.handle());
        let deadline = Some(net.platform().now() + time);
        let attempt = || net.alive(handle).and(Err(Error::EAGAIN));
        match self.wait::<(), _>(Events::NONE, deadline, attempt).await {
            Err(Error::ETIMEDOUT) => Ok(()),
            answer => answer,
        }
    }

    pub(crate) async fn recv_by(
        &self,
        buf: &mut [u8],
        flags: RecvFlags,
        deadline: Option<Instant>,
    ) -> Result<usize> {
        let (net, handle) = (self.socket.backend(), self.socket.handle());
        self.wait(POLLIN, deadline, || net.try_recv(handle, buf, flags)).await
    }

    async fn send_by(&self, data: &[u8], deadline: Option<Instant>) -> Result<usize> {
        let (net, handle) = (self.socket.backend(), self.socket.handle());
        self.wait(POLLOUT, deadline, || net.try_send(handle, data)).await
    }
}

impl<B: Backend + ?Sized> fmt::Debug for AsyncSocket<'_, '_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("AsyncSocket").field(&self.socket).finish()
    }
}

/// What `read` and `write` of the async traits return: the attempt itself, without the layers
/// of `async fn` around it, which cost as much as the call does on a host.
#[cfg(any(feature = "edge-nal", feature = "embedded-nal-async"))]
impl<'b, B: Backend + ?Sized> Socket<'b, B> {
    /// [`AsyncSocket::recv`], but that an empty buffer is 0 while the socket is open.
    pub(crate) fn reading<'d>(
        &self,
        buf: &'d mut [u8],
    ) -> impl Future<Output = Result<usize>> + use<'d, 'b, B> {
        let (net, handle) = (self.backend(), self.handle());
        let attempt = move || match buf {
            [] => net.alive(handle).map(|()| 0),
            _ => net.try_recv(handle, buf, RecvFlags::default()),
        };
        Attempt { net, handle, events: POLLIN, deadline: self.deadline(), key: None, attempt }
    }

    /// [`AsyncSocket::send`].
    pub(crate) fn writing<'d>(
        &self,
        data: &'d [u8],
    ) -> impl Future<Output = Result<usize>> + use<'d, 'b, B> {
        let (net, handle) = (self.backend(), self.handle());
        let attempt = move || net.try_send(handle, data);
        Attempt { net, handle, events: POLLOUT, deadline: self.deadline(), key: None, attempt }
    }
}

/// As [`Usocket::getaddrinfo`](crate::Usocket::getaddrinfo), awaited. Cancel-safe:
/// dropping it frees the query.
pub async fn getaddrinfo<B: Backend + ?Sized>(
    net: &B,
    host: &str,
    port: impl TryInto<u16>,
    hints: impl Into<Hints>,
) -> Result<AddrInfoList> {
    let hints = hints.into();
    let question = Question::new(port, &hints)?;
    if let Some(list) = question.literal(host)? {
        return Ok(list);
    }
    let deadline = Some(resolve::query_deadline(net, &hints));
    let query = question.ask(net, host)?;
    let attempt = || question.answer(&query, host);
    let handle = query.handle;
    Attempt { net, handle, events: POLLIN, deadline, key: None, attempt }
        .await
        .map_err(resolve::refused)
}

/// Looks the name of an address up and shows it to `show`. Cancel-safe, as `getaddrinfo`.
#[cfg(any(feature = "edge-nal", feature = "embedded-nal-async"))]
pub(crate) async fn getnameinfo<B: Backend + ?Sized, T>(
    net: &B,
    ip: IpAddr,
    show: impl FnOnce(&str) -> Result<T>,
) -> Result<T> {
    let deadline = Some(resolve::query_deadline(net, &Hints::default()));
    let query = resolve::ask_name(net, ip)?;
    let handle = query.handle;
    let attempt = || resolve::name(&query);
    let wait = Attempt { net, handle, events: POLLIN, deadline, key: None, attempt };
    show(&wait.await.map_err(resolve::refused)?)
}

/// Repeats an operation whenever the backend wakes, until it does not answer
/// `EAGAIN`, or the deadline has passed. Takes its registration back when dropped.
struct Attempt<'b, B: Backend + ?Sized, F> {
    net: &'b B,
    handle: Handle,
    events: Events,
    deadline: Option<Instant>,
    key: Option<WaitKey>,
    attempt: F,
}

impl<B: Backend + ?Sized, F, T> Future for Attempt<'_, B, F>
where
    F: FnMut() -> Result<T> + Unpin,
{
    type Output = Result<T>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let this = &mut *self;
        match (this.attempt)() {
            Err(Error::EAGAIN) => {}
            answer => return Poll::Ready(answer),
        }
        if this.deadline.is_some_and(|deadline| this.net.platform().now() >= deadline) {
            return Poll::Ready(Err(Error::ETIMEDOUT));
        }
        let (handle, events, deadline) = (this.handle, this.events, this.deadline);
        let wait = Wait { handle, events, deadline, waker: context.waker() };
        match this.net.register(this.key, wait) {
            Ok(key) => this.key = Some(key),
            // Closed since the attempt: the attempt below says so.
            Err(Error::EBADF) => {}
            Err(error) => return Poll::Ready(Err(error)),
        }
        // What became true before the registration would not wake us.
        match (this.attempt)() {
            Err(Error::EAGAIN) => Poll::Pending,
            answer => Poll::Ready(answer),
        }
    }
}

impl<B: Backend + ?Sized, F> Drop for Attempt<'_, B, F> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.net.unregister(key);
        }
    }
}
