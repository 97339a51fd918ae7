//! The module's functions, on any backend.

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::task::{Context, Poll as TaskPoll};

use crate::resolve::{self, AddrInfoList, Hints};
use crate::spi::{Backend, SockType};
use crate::wait::{LOOK, Sleeper, alone, work};
use crate::{
    AF_INET, Error, Family, IPPROTO_TCP, IPPROTO_UDP, Instant, IntoTimeout, Result, SOCK_DGRAM,
    SOCK_STREAM, Socket, Timeout, earlier,
};

/// The functions of the reference's module, as methods of every backend.
///
/// ```no_run
/// use usocket_core::prelude::*;
///
/// fn fetch<B: Backend>(net: &B) -> Result<usize> {
///     let address = net.getaddrinfo("example.org", 80, Hints::stream())?.first().sockaddr;
///     let s = net.socket(AF_INET, SOCK_STREAM)?;
///     s.connect(address)?;
///     s.send("GET / HTTP/1.0\r\nHost: example.org\r\n\r\n")?;
///     s.settimeout(5)?;
///     let mut page = [0; 1024];
///     let mut total = 0;
///     loop {
///         match s.recv(&mut page)? {
///             0 => return Ok(total),
///             n => total += n,
///         }
///     }
/// }
/// ```
pub trait Usocket: Backend {
    /// Makes a socket of an address family and type (rows 1 to 8). Does not wait.
    ///
    /// # Errors
    /// `EAFNOSUPPORT`: unknown family, or one the backend lacks. `EINVAL`: unknown
    /// type. `ENOMEM`, `EMFILE`, `ENFILE`: no slot.
    fn socket(&self, af: i32, socktype: i32) -> Result<Socket<'_, Self>> {
        self.socket_proto(af, socktype, 0)
    }

    /// `socket` with the protocol spelled out: 0, or the one that matches the
    /// type; any other is `EPROTONOSUPPORT` (rows 3, 4).
    fn socket_proto(&self, af: i32, socktype: i32, proto: i32) -> Result<Socket<'_, Self>> {
        let family = Family::from_number(af)?;
        let (kind, own) = match socktype {
            SOCK_STREAM => (SockType::Stream, IPPROTO_TCP),
            SOCK_DGRAM => (SockType::Dgram, IPPROTO_UDP),
            _ => return Err(Error::EINVAL),
        };
        if proto != 0 && proto != own {
            return Err(Error::EPROTONOSUPPORT);
        }
        Ok(Socket::new(self, self.open(family, kind)?, family, kind))
    }

    /// The reference's `socket()` without arguments: an IPv4 stream (row 1).
    fn tcp(&self) -> Result<Socket<'_, Self>> {
        self.socket(AF_INET, SOCK_STREAM)
    }

    /// An IPv4 datagram socket.
    fn udp(&self) -> Result<Socket<'_, Self>> {
        self.socket(AF_INET, SOCK_DGRAM)
    }

    /// Translates host and port into addresses (rows 16 to 31).
    ///
    /// A literal is answered at once, without traffic; a name waits for the
    /// backend's resolver, at most [`Hints::timeout`], whatever the timeout of any
    /// socket. `hints` may be `()`.
    ///
    /// # Errors
    /// Negative numbers: `EAI_NONAME` (-2) for an unknown or malformed name, which
    /// is never sent anywhere, `EAI_AGAIN` (-3) without link or in time, `EAI_FAIL`,
    /// `EAI_FAMILY`, `EAI_SOCKTYPE`, `EAI_SERVICE` for the port, `EAI_ADDRFAMILY`
    /// for a literal of the other family, `EAI_BADFLAGS`, `EAI_MEMORY`. Without the
    /// feature `ipv6`, which backends that have `AF_INET6` switch on, an IPv6 literal
    /// is a malformed name.
    fn getaddrinfo(
        &self,
        host: &str,
        port: impl TryInto<u16>,
        hints: impl Into<Hints>,
    ) -> Result<AddrInfoList> {
        resolve::getaddrinfo(self, host, port, &hints.into())
    }

    /// Connects to `"host:port"` or `(host, port)`, trying all addresses of the
    /// name, and returns the stream, blocking and without a timeout. `timeout`
    /// bounds the whole. In the first form an IPv6 literal stands in brackets,
    /// `"[::1]:80"`.
    ///
    /// # Errors
    /// Those of `getaddrinfo`; those of `connect`, of the last address tried;
    /// `EINVAL` without a port or with a timeout of zero.
    fn dial<'h>(
        &self,
        to: impl Into<Endpoint<'h>>,
        timeout: impl IntoTimeout,
    ) -> Result<Socket<'_, Self>> {
        let (host, port) = to.into().parts()?;
        let mut hints = Hints::stream();
        let deadline = match timeout.into_timeout()? {
            Timeout::Never => None,
            Timeout::Zero => return Err(Error::EINVAL),
            Timeout::After(time) => {
                hints.timeout = time;
                Some(self.platform().now() + time)
            }
        };
        let mut outcome = Err(Error::EAI_NONAME);
        for info in resolve::getaddrinfo(self, host, port, &hints)?.iter() {
            let left = deadline.map(|time| time.saturating_since(self.platform().now()));
            if left.is_some_and(|left| left.is_zero()) {
                return Err(Error::ETIMEDOUT);
            }
            let attempt = self.socket(info.family, info.socktype).and_then(|socket| {
                socket.settimeout(left)?;
                socket.connect(info.sockaddr)?;
                socket.settimeout(None)?;
                Ok(socket)
            });
            match attempt {
                Ok(socket) => return Ok(socket),
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Waits until what closed sockets still had to send is done, or `timeout`
    /// has passed: somebody must drive a backend after the last call (P2). Every
    /// program that ends should end with it.
    ///
    /// # Errors
    /// `ETIMEDOUT`: some sockets still linger.
    fn drain(&self, timeout: impl IntoTimeout) -> Result<()> {
        let platform = self.platform();
        let deadline = match timeout.into_timeout()? {
            Timeout::Never => None,
            Timeout::Zero => Some(platform.now()),
            Timeout::After(time) => Some(platform.now() + time),
        };
        let Some(waker) = platform.waker() else {
            let done = alone(self, deadline, &mut || self.lingering() == 0);
            return if done { Ok(()) } else { Err(Error::ETIMEDOUT) };
        };
        let mut sleeper = Sleeper::new(self, Some(waker));
        loop {
            let next = self.drive(platform.now());
            if self.lingering() == 0 {
                return Ok(());
            }
            if deadline.is_some_and(|deadline| platform.now() >= deadline) {
                return Err(Error::ETIMEDOUT);
            }
            sleeper.idle(next, deadline, || self.lingering() == 0);
        }
    }

    /// Runs a future to its end on this thread, driving the backend meanwhile:
    /// async without an executor.
    ///
    /// A future that wakes itself (a yield, a channel between two joined futures)
    /// needs a platform with a [`waker`](crate::spi::Platform::waker) of its own;
    /// with the default it is polled again when an interrupt or a deadline ends
    /// the sleep. Drives this backend only: a future that waits on another one
    /// needs that one's [`run`](Self::run) beside it, and a waker.
    fn block_on<F: Future>(&self, future: F) -> F::Output {
        let mut sleeper = Sleeper::new(self, self.platform().waker());
        let waker = sleeper.waker();
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            if let TaskPoll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            let next = self.drive(self.platform().now());
            // What the drive made ready has woken nobody where the waker does nothing.
            if let TaskPoll::Ready(output) = future.as_mut().poll(&mut context) {
                return output;
            }
            sleeper.idle(next, None, || false);
        }
    }

    /// The runner of an async program: drives the backend for ever, sleeping
    /// through `sleep` until the instant given (`None`: until woken). Spawn it once
    /// per backend. Dropping it between two polls loses nothing. It lets other
    /// tasks run after each drive, and where the backend's table of waiters has no
    /// room for it (S8) it looks each millisecond instead.
    ///
    /// A backend with a reactor of its own (std) needs no runner.
    fn run<S: Future<Output = ()>>(
        &self,
        mut sleep: impl FnMut(Option<Instant>) -> S,
    ) -> impl Future<Output = Infallible> {
        async move {
            let mut work = Work { net: self, key: None };
            loop {
                // Listens first: what another task queued and drove before woke nobody
                // and may have brought the next time nearer.
                let listens = poll_fn(|context| TaskPoll::Ready(work.register(context)));
                let listens = listens.await.is_ok();
                let mut next = self.drive(self.platform().now());
                if !listens {
                    next = earlier(next, Some(self.platform().now() + LOOK));
                }
                let mut nap = pin!(sleep(next));
                let mut slept = false;
                poll_fn(|context| {
                    // Woken, or polled without reason: either way our registration may
                    // have fired and the work been done by another. Look again.
                    if slept {
                        return TaskPoll::Ready(());
                    }
                    slept = true;
                    if nap.as_mut().poll(context).is_ready() || self.pending() {
                        context.waker().wake_by_ref();
                    }
                    TaskPoll::Pending
                })
                .await;
            }
        }
    }
}

impl<B: Backend + ?Sized> Usocket for B {}

/// Where [`Usocket::dial`] connects to: made of `"host:port"` or `(host, port)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint<'h> {
    /// `"host:port"`, an IPv6 literal in brackets.
    Text(&'h str),
    /// Host and port.
    Pair(&'h str, u16),
}

impl<'h> From<&'h str> for Endpoint<'h> {
    fn from(text: &'h str) -> Self {
        Endpoint::Text(text)
    }
}

impl<'h> From<(&'h str, u16)> for Endpoint<'h> {
    fn from((host, port): (&'h str, u16)) -> Self {
        Endpoint::Pair(host, port)
    }
}

impl<'h> Endpoint<'h> {
    fn parts(self) -> Result<(&'h str, u16)> {
        let text = match self {
            Endpoint::Pair(host, port) => return Ok((host, port)),
            Endpoint::Text(text) => text,
        };
        let (host, port) = text.rsplit_once(':').ok_or(Error::EINVAL)?;
        let port = port.parse().map_err(|_| Error::EINVAL)?;
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        Ok((bare.unwrap_or(host), port))
    }
}

/// The runner's registration, taken back when it is dropped.
struct Work<'b, B: Backend + ?Sized> {
    net: &'b B,
    key: Option<crate::spi::WaitKey>,
}

impl<B: Backend + ?Sized> Work<'_, B> {
    fn register(&mut self, context: &Context<'_>) -> Result<()> {
        self.key = Some(self.net.register(self.key, work(context.waker()))?);
        Ok(())
    }
}

impl<B: Backend + ?Sized> Drop for Work<'_, B> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.net.unregister(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints() {
        let parts = |text: &'static str| Endpoint::from(text).parts();
        assert_eq!(parts("example.org:80"), Ok(("example.org", 80)));
        assert_eq!(parts("[::1]:8080"), Ok(("::1", 8080)));
        assert_eq!(Endpoint::from(("::1", 80)).parts(), Ok(("::1", 80)));
        for bad in ["example.org", "example.org:", "example.org:-1", "example.org:65536", ""] {
            assert_eq!(parts(bad), Err(Error::EINVAL), "{bad}");
        }
    }
}
