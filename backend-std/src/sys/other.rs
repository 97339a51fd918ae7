//! macOS, the BSDs and Windows: non-blocking descriptors, poll(2).
//!
//! Compiled, not run: see the readme.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::{Errno, Result};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketType};
use usocket_core::spi::{DeviceName, RecvInfo, SockType};
use usocket_core::{Events, Family};

use super::{Descriptor, Ended, Notifier, Trigger};

pub(crate) const DONT_WAIT: RecvFlags = RecvFlags::empty();
pub(crate) const DONT_WAIT_SEND: SendFlags = SendFlags::empty();

pub(crate) fn open(family: Family, kind: SockType) -> Result<Descriptor> {
    let family = match family {
        Family::V4 => AddressFamily::INET,
        Family::V6 => AddressFamily::INET6,
    };
    let kind = match kind {
        SockType::Stream => SocketType::STREAM,
        SockType::Dgram => SocketType::DGRAM,
    };
    #[cfg(windows)]
    rustix::net::wsa_startup()?;
    let fd = rustix::net::socket(family, kind, None)?;
    prepare(&fd)?;
    Ok(fd)
}

pub(crate) fn accept(listener: &Descriptor) -> Result<(Descriptor, Option<SocketAddr>)> {
    let (fd, peer) = rustix::net::acceptfrom(listener)?;
    prepare(&fd)?;
    Ok((fd, peer.and_then(|peer| SocketAddr::try_from(peer).ok())))
}

/// Non-blocking, closed on exec, and without signals.
fn prepare(fd: &Descriptor) -> Result<()> {
    rustix::io::ioctl_fionbio(fd, true)?;
    #[cfg(unix)]
    rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC)?;
    #[cfg(target_vendor = "apple")]
    rustix::net::sockopt::set_socket_nosigpipe(fd, true)?;
    Ok(())
}

/// Nothing to do: a connect never waits.
pub(crate) fn set_blocking_connect(_: &Descriptor, _: bool) -> Result<()> {
    Ok(())
}

/// The system is not asked: `EOPNOTSUPP`.
pub(crate) fn send_from(
    _: &Descriptor,
    _: &[u8],
    _: std::net::IpAddr,
    _: &SocketAddr,
) -> Result<usize> {
    Err(Errno::OPNOTSUPP)
}

pub(crate) fn prepare_info(_: &Descriptor, _: Family) -> Result<()> {
    Ok(())
}

/// The full length of a truncated datagram is not known here: it is told to be
/// one byte more than the buffer at the least. Nor is the destination.
pub(crate) fn recv_info(
    fd: &Descriptor,
    buf: &mut [u8],
    peek: bool,
    _wait: bool,
) -> Result<RecvInfo> {
    let room = buf.len();
    let mut whole = vec![0; room + 1];
    let flags = if peek { RecvFlags::PEEK } else { RecvFlags::empty() };
    let (_, full_len, from) = rustix::net::recvfrom(fd, &mut whole[..], flags)?;
    let len = full_len.min(room);
    buf[..len].copy_from_slice(&whole[..len]);
    let from = from.and_then(|from| SocketAddr::try_from(from).ok()).ok_or(Errno::NOTCONN)?;
    Ok(RecvInfo { len, full_len, from: from.into(), local: None })
}

pub(crate) fn set_device(_: &Descriptor, _: &str) -> Result<()> {
    Err(Errno::NOPROTOOPT)
}

pub(crate) fn device(_: &Descriptor) -> Result<DeviceName> {
    Err(Errno::NOPROTOOPT)
}

/// Not asked here: the system's own word stands.
pub(crate) fn has_interface(_: &Descriptor, _: u32) -> bool {
    true
}

/// poll(2) over duplicates of what is watched: its cost grows with their number.
#[derive(Debug)]
pub(crate) struct Poller {
    watched: Mutex<HashMap<u64, (Arc<Descriptor>, Option<Events>)>>,
    wake: Notifier,
}

impl Poller {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self { watched: Mutex::default(), wake: Notifier::new()? })
    }

    pub(crate) fn add(&self, fd: &Descriptor, key: u64, mask: Events, _: Trigger) -> Result<()> {
        let fd = fd.try_clone().map_err(|_| Errno::MFILE)?;
        self.lock().insert(key, (Arc::new(fd), Some(mask)));
        self.notify();
        Ok(())
    }

    pub(crate) fn modify(&self, _: &Descriptor, key: u64, mask: Events, _: Trigger) -> Result<()> {
        if let Some((_, armed)) = self.lock().get_mut(&key) {
            *armed = Some(mask);
        }
        self.notify();
        Ok(())
    }

    pub(crate) fn delete(&self, _: &Descriptor, key: u64) {
        self.lock().remove(&key);
        self.notify();
    }

    pub(crate) fn wait(
        &self,
        timeout: Option<Duration>,
        _: usize,
        mut report: impl FnMut(u64, Events),
    ) -> Result<Ended> {
        let armed: Vec<(u64, Arc<Descriptor>, Events)> = self
            .lock()
            .iter()
            .filter_map(|(key, (fd, armed))| Some((*key, Arc::clone(fd), (*armed)?)))
            .collect();
        let mut fds = vec![PollFd::new(self.wake.descriptor(), PollFlags::IN)];
        fds.extend(armed.iter().map(|(_, fd, mask)| PollFd::new(&**fd, super::poll::flags(*mask))));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        match rustix::event::poll(&mut fds, timeout.as_ref()) {
            Ok(0) => return Ok(Ended::Timeout),
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Ended::Signal),
            Err(error) => return Err(error),
        }
        let woken = !fds[0].revents().is_empty();
        if woken {
            self.wake.clear();
        }
        for ((key, ..), fd) in armed.iter().zip(&fds[1..]) {
            let events = super::poll::bits(fd.revents());
            if !events.is_empty() {
                if let Some((_, armed)) = self.lock().get_mut(key) {
                    *armed = None;
                }
                report(*key, events);
            }
        }
        Ok(if woken { Ended::Woken } else { Ended::Events })
    }

    pub(crate) fn notify(&self) {
        self.wake.notify();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<u64, (Arc<Descriptor>, Option<Events>)>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
