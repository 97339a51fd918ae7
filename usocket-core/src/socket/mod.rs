//! The socket: making it, naming it, closing it.

mod options;
mod stream;
mod transfer;

use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};
use core::time::Duration;

pub use options::OptValue;

use crate::spi::{Backend, Handle, Shutdown, SockType};
use crate::wait::Mode;
use crate::{
    Error, Events, Family, Instant, IntoTimeout, POLLIN, Result, SockAddr, Timeout, ToSockAddr,
    wait,
};

/// A socket of the backend `B`.
///
/// Made by [`Usocket::socket`](crate::Usocket::socket) or [`accept`](Self::accept).
/// All methods take `&self`: reading and writing from two tasks or threads
/// needs no split. Dropping it closes it (row 217), in the background; see
/// [`drain`](crate::Usocket::drain).
///
/// # Waiting
/// A new socket waits for ever (row 7). [`settimeout`](Self::settimeout) bounds
/// each later call as a whole (row 156): a call that is not done in time fails
/// with `ETIMEDOUT`. Non-blocking calls answer `EAGAIN` (`Ok(None)` from the
/// stream methods `read`, `readinto`, `readline` and `write`).
///
/// # Errors
/// After [`close`](Self::close) every method but `close` itself is `EBADF`
/// (row 215). The table in [`op`](crate::op) lists what else each may answer.
pub struct Socket<'b, B: Backend + ?Sized> {
    net: &'b B,
    handle: Handle,
    family: Family,
    kind: SockType,
    timeout: AtomicU32,
}

impl<'b, B: Backend + ?Sized> Socket<'b, B> {
    pub(crate) fn new(net: &'b B, handle: Handle, family: Family, kind: SockType) -> Self {
        Self { net, handle, family, kind, timeout: AtomicU32::new(Timeout::NEVER) }
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &'b B {
        self.net
    }

    /// The place in the backend.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle
    }

    /// The address family.
    #[must_use]
    pub fn family(&self) -> Family {
        self.family
    }

    /// Stream or datagrams.
    #[must_use]
    pub fn sock_type(&self) -> SockType {
        self.kind
    }

    /// Binds the socket to a local address (rows 50 to 59).
    ///
    /// Does not wait on a host. Where a datagram port is opened by a command (a modem), a
    /// blocking socket waits until it is open, a non-blocking one does not.
    ///
    /// Port 0 picks a free one, see [`local_addr`](Self::local_addr).
    ///
    /// # Errors
    /// `EINVAL`: already bound, also implicitly by `connect` or `sendto`, or not
    /// an address. `EADDRINUSE`, `EADDRNOTAVAIL`, `EAFNOSUPPORT`; `EOPNOTSUPP`
    /// where the backend cannot bind.
    pub fn bind(&self, address: impl ToSockAddr) -> Result<()> {
        self.start_bind(&address)?;
        self.take_effect()
    }

    pub(crate) fn start_bind(&self, address: &impl ToSockAddr) -> Result<()> {
        let address = address.to_sock_addr(self.family).map_err(|e| self.unless_closed(e))?;
        self.net.bind(self.handle, address)
    }

    /// Accepts connections from now on, up to `backlog` ahead of
    /// [`accept`](Self::accept) (rows 60 to 68).
    ///
    /// Does not wait on a host. Where the port is opened by a command (a modem), a blocking
    /// socket waits until it is open, a non-blocking one does not.
    ///
    /// `None` is 128, or what the backend has room for. Negative counts as 0, which
    /// still lets one connection complete; large values are clamped. May be repeated
    /// to change the backlog. An unbound socket gets a port.
    ///
    /// # Errors
    /// `EOPNOTSUPP` on datagram sockets, `EINVAL` when connected, `EADDRINUSE`,
    /// `ENOBUFS`.
    pub fn listen(&self, backlog: impl Into<Option<i32>>) -> Result<()> {
        self.start_listen(backlog.into())?;
        self.take_effect()
    }

    pub(crate) fn start_listen(&self, backlog: Option<i32>) -> Result<()> {
        let backlog = backlog.unwrap_or(DEFAULT_BACKLOG);
        self.net.listen(self.handle, u32::try_from(backlog).unwrap_or(0))
    }

    /// Where the wire must be told, waits until it has been: at most as long as the
    /// timeout allows, and not at all in non-blocking mode.
    pub(crate) fn take_effect(&self) -> Result<()> {
        let deadline = match self.mode() {
            _ if self.net.in_effect(self.handle) => return Ok(()),
            Mode::Never => None,
            Mode::Now => return Ok(()),
            Mode::By(deadline) => Some(deadline),
        };
        match crate::wait::wait_until(self.net, deadline, || self.net.in_effect(self.handle)) {
            // It goes on in the background.
            Err(Error::ETIMEDOUT) => Ok(()),
            answer => answer,
        }
    }

    /// Waits for a connection and returns a new socket and the peer's address
    /// (rows 69 to 79).
    ///
    /// The new socket blocks without a timeout, whatever this one does (row 75).
    ///
    /// # Errors
    /// `EAGAIN`, `ETIMEDOUT`; `EINVAL` when not listening; `EOPNOTSUPP` on
    /// datagram sockets; `ENOMEM` or `ENOBUFS` without a free slot or buffer: the
    /// connection stays pending.
    pub fn accept(&self) -> Result<(Socket<'b, B>, SockAddr)> {
        let (handle, peer) = match self.mode() {
            Mode::Never => self.net.accept_wait(self.handle),
            mode => self.attempt(POLLIN, mode, || self.net.try_accept(self.handle)),
        }?;
        Ok((Socket::new(self.net, handle, self.family, self.kind), peer))
    }

    /// Connects to a remote address (rows 80 to 93).
    ///
    /// On a datagram socket it sets the default peer at once and may be
    /// repeated. After `ETIMEDOUT` the attempt is still pending: poll for
    /// `POLLOUT` or close.
    ///
    /// # Errors
    /// `EINPROGRESS` in non-blocking mode: poll for `POLLOUT`, then
    /// [`take_error`](Self::take_error). `EALREADY` while one is pending, `EISCONN`,
    /// `ECONNREFUSED`, `ETIMEDOUT`, `ENETUNREACH`, `EHOSTUNREACH`, `ENETDOWN`,
    /// `EADDRNOTAVAIL`, `ENOBUFS`; `EINVAL` for port 0 or no address.
    pub fn connect(&self, address: impl ToSockAddr) -> Result<()> {
        let address = self.destination(&address)?;
        match self.mode() {
            Mode::Never => self.net.connect_wait(self.handle, address),
            mode => wait::connect(self.net, self.handle, address, mode),
        }
    }

    /// Sets how long later calls of this socket wait: `None` for ever, 0 not at
    /// all, else this many seconds (rows 149 to 158).
    ///
    /// Applies to this socket only, not to sockets it accepts, not to
    /// `getaddrinfo`.
    ///
    /// # Errors
    /// `EINVAL` for a negative, NaN or infinite value; the mode is kept.
    pub fn settimeout(&self, timeout: impl IntoTimeout) -> Result<()> {
        self.net.alive(self.handle)?;
        let timeout = timeout.into_timeout()?;
        self.timeout.store(timeout.to_raw(), Ordering::Relaxed);
        Ok(())
    }

    /// `true` is `settimeout(None)`, `false` is `settimeout(0)` (row 150).
    pub fn setblocking(&self, flag: bool) -> Result<()> {
        self.settimeout(if flag { Timeout::Never } else { Timeout::Zero })
    }

    /// The timeout in force.
    #[must_use]
    pub fn timeout(&self) -> Timeout {
        Timeout::from_raw(self.timeout.load(Ordering::Relaxed))
    }

    /// Closes the socket; may be repeated (row 214). Does not wait.
    ///
    /// The peer gets everything sent so far, then end of stream, in the
    /// background (row 216); unread received data makes it a reset (row 218).
    /// Whoever waits on this socket gets `EBADF`.
    pub fn close(&self) -> Result<()> {
        match self.net.close(self.handle) {
            Err(Error::EBADF) => Ok(()),
            answer => answer,
        }
    }

    /// Closes the socket and resets the connection: nothing is flushed, the peer
    /// gets `ECONNRESET` (R10). May be repeated. Does not wait.
    pub fn abort(&self) -> Result<()> {
        match self.net.abort(self.handle) {
            Err(Error::EBADF) => Ok(()),
            answer => answer,
        }
    }

    /// Ends one or both directions of a connected stream (R10). Does not wait.
    ///
    /// # Errors
    /// `ENOTCONN`; `EOPNOTSUPP` where the backend cannot close by halves.
    pub fn shutdown(&self, how: Shutdown) -> Result<()> {
        self.net.shutdown(self.handle, how)
    }

    /// Takes the pending error, as `SO_ERROR` does (R4): after a non-blocking
    /// connect, `Ok(None)` and `POLLOUT` mean connected.
    pub fn take_error(&self) -> Result<Option<Error>> {
        self.net.take_error(self.handle)
    }

    /// The local address; the wildcard and port 0 before it is bound.
    pub fn local_addr(&self) -> Result<SockAddr> {
        self.net.local_addr(self.handle)
    }

    /// The peer's address; `ENOTCONN` without one.
    pub fn peer_addr(&self) -> Result<SockAddr> {
        self.net.peer_addr(self.handle)
    }

    /// The poll bits that are true now; `POLLNVAL` once closed. Drives the
    /// backend first, as every call that does not wait.
    #[must_use]
    pub fn readiness(&self) -> Events {
        self.net.drive(self.net.platform().now());
        self.net.readiness(self.handle)
    }

    pub(crate) fn mode(&self) -> Mode {
        match self.timeout.load(Ordering::Relaxed) {
            Timeout::NEVER => Mode::Never,
            0 => Mode::Now,
            millis => Mode::By(self.net.platform().now().after_millis(millis)),
        }
    }

    /// One operation under `mode`: the only way from a method to waiting.
    pub(crate) fn attempt<T>(
        &self,
        events: Events,
        mode: Mode,
        operation: impl FnMut() -> Result<T>,
    ) -> Result<T> {
        wait::attempt(self.net, self.handle, events, mode, operation)
    }

    /// What came of a connect that was started, by a look.
    #[cfg(feature = "embedded-nal")]
    pub(crate) fn connect_outcome(&self) -> Result<()> {
        wait::once(self.net, || self.net.connect_result(self.handle))
    }

    /// Starts a connect and leaves the waiting to the caller.
    pub(crate) fn start_connect(&self, address: &impl ToSockAddr) -> Result<()> {
        self.net.try_connect(self.handle, self.destination(address)?)
    }

    /// The address of a peer: port 0 is none (row 42).
    pub(crate) fn destination(&self, address: &impl ToSockAddr) -> Result<SockAddr> {
        match address.to_sock_addr(self.family) {
            Ok(address) if address.port() != 0 => Ok(address),
            Ok(_) => Err(self.unless_closed(Error::EINVAL)),
            Err(error) => Err(self.unless_closed(error)),
        }
    }

    /// What a call that moves nothing answers: `Ok`, or `EBADF` once closed.
    pub(crate) fn stream_alive(&self) -> Result<()> {
        self.net.alive(self.handle)
    }

    /// `error`, but `EBADF` on a closed socket whatever the arguments (row 215).
    pub(crate) fn unless_closed(&self, error: Error) -> Error {
        self.net.alive(self.handle).err().unwrap_or(error)
    }

    /// When a call that starts now would time out; for the async view.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self.timeout() {
            Timeout::After(time) => Some(self.net.platform().now() + time),
            Timeout::Never | Timeout::Zero => None,
        }
    }
}

impl<B: Backend + ?Sized> Drop for Socket<'_, B> {
    fn drop(&mut self) {
        let _ = self.net.close(self.handle);
    }
}

impl<B: Backend + ?Sized> fmt::Debug for Socket<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Socket")
            .field("handle", &self.handle)
            .field("family", &self.family)
            .field("type", &self.kind)
            .field("timeout", &self.timeout())
            .finish()
    }
}

/// The backlog of `listen(None)` (row 60).
///
/// What CPython takes; a backend clamps it to what it has room for (row 64).
const DEFAULT_BACKLOG: i32 = 128;

/// The bound of a background close unless `SO_LINGER` says otherwise (R9).
pub const DEFAULT_LINGER: Duration = Duration::from_secs(10);
