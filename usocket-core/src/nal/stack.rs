//! A backend under the name of the async traits.

use core::fmt;
use core::net::SocketAddr;

use crate::spi::Backend;
use crate::{Error, Family, IntoTimeout, Result, Socket, Timeout, Usocket};

/// A backend as the traits want one: carries those of `embedded_nal_async` and `edge_nal`.
///
/// It is `Copy`: every client may have its own.
pub struct Stack<'b, B: Backend + ?Sized> {
    net: &'b B,
    timeout: Timeout,
}

impl<'b, B: Backend + ?Sized> Stack<'b, B> {
    /// A stack over `net`, whose sockets wait for ever.
    #[must_use]
    pub const fn new(net: &'b B) -> Self {
        Self { net, timeout: Timeout::Never }
    }

    /// The same stack, whose streams and datagram sockets wait no longer than this for each
    /// operation, then fail with `ETIMEDOUT`: for clients that know no timeouts. `accept`
    /// waits as long as it takes. Names have their own limit, of 15 s.
    ///
    /// # Errors
    /// `EINVAL`: zero, negative or no number.
    pub fn with_timeout(self, timeout: impl IntoTimeout) -> Result<Self> {
        match timeout.into_timeout()? {
            Timeout::Zero => Err(Error::EINVAL),
            timeout => Ok(Self { timeout, ..self }),
        }
    }

    /// The backend.
    #[must_use]
    pub const fn backend(&self) -> &'b B {
        self.net
    }

    /// The timeout of the sockets it makes.
    #[must_use]
    pub const fn timeout(&self) -> Timeout {
        self.timeout
    }

    /// A new socket for an address of this family.
    pub(super) fn open(&self, address: SocketAddr, socktype: i32) -> Result<Socket<'b, B>> {
        let socket = self.net.socket(Family::of(address.ip()).number(), socktype)?;
        socket.settimeout(self.timeout)?;
        Ok(socket)
    }
}

impl<B: Backend + ?Sized> Clone for Stack<'_, B> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<B: Backend + ?Sized> Copy for Stack<'_, B> {}

impl<B: Backend + ?Sized> fmt::Debug for Stack<'_, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stack").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}
