//! A descriptor that another thread can make readable.

use rustix::io::Result;

use super::Descriptor;

/// Readable from [`notify`](Self::notify) to [`clear`](Self::clear): an eventfd
/// on Linux, a datagram socket connected to itself elsewhere.
#[derive(Debug)]
pub(crate) struct Notifier {
    fd: Descriptor,
}

#[cfg(target_os = "linux")]
impl Notifier {
    pub(crate) fn new() -> Result<Self> {
        use rustix::event::{EventfdFlags, eventfd};
        Ok(Self { fd: eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)? })
    }

    /// Makes it readable. EAGAIN says that it is already.
    pub(crate) fn notify(&self) {
        let _ = rustix::io::write(&self.fd, &1_u64.to_ne_bytes());
    }

    pub(crate) fn clear(&self) {
        let _ = rustix::io::read(&self.fd, &mut [0; 8]);
    }
}

#[cfg(not(target_os = "linux"))]
impl Notifier {
    pub(crate) fn new() -> Result<Self> {
        use std::net::{Ipv4Addr, SocketAddr};
        let fd = super::open(usocket_core::Family::V4, usocket_core::spi::SockType::Dgram)?;
        rustix::net::bind(&fd, &SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
        let own = SocketAddr::try_from(rustix::net::getsockname(&fd)?)?;
        rustix::net::connect(&fd, &own)?;
        Ok(Self { fd })
    }

    /// Makes it readable. A full queue says that it is already.
    pub(crate) fn notify(&self) {
        let _ = rustix::net::send(&self.fd, &[1], super::DONT_WAIT_SEND);
    }

    pub(crate) fn clear(&self) {
        while rustix::net::recv(&self.fd, &mut [0; 8], super::DONT_WAIT).is_ok() {}
    }
}

impl Notifier {
    pub(crate) fn descriptor(&self) -> &Descriptor {
        &self.fd
    }
}
