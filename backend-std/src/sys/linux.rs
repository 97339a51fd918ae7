//! Linux: descriptors in blocking mode, epoll, packet information.

use std::cell::Cell;
use std::io::{IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::Duration;

use nix::sys::socket::{
    ControlMessage, ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, sendmsg, sockopt,
};
use rustix::event::{Timespec, epoll};
use rustix::io::{Errno, Result};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};
use usocket_core::spi::{DeviceName, RecvInfo, SockType};
use usocket_core::{Events, Family, POLLERR, POLLHUP, POLLIN, POLLOUT, SockAddr};

use super::{Descriptor, Ended, Notifier, Trigger};

pub(crate) const DONT_WAIT: RecvFlags = RecvFlags::DONTWAIT;
pub(crate) const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
pub(crate) const DONT_WAIT_SEND: SendFlags = SendFlags::NOSIGNAL.union(SendFlags::DONTWAIT);

pub(crate) fn open(family: Family, kind: SockType) -> Result<Descriptor> {
    let family = match family {
        Family::V4 => AddressFamily::INET,
        Family::V6 => AddressFamily::INET6,
    };
    let kind = match kind {
        SockType::Stream => SocketType::STREAM,
        SockType::Dgram => SocketType::DGRAM,
    };
    rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)
}

/// accept4: the new descriptor is in blocking mode whatever the listener's (row 75).
pub(crate) fn accept(listener: &Descriptor) -> Result<(Descriptor, Option<SocketAddr>)> {
    let (fd, peer) = rustix::net::acceptfrom_with(listener, SocketFlags::CLOEXEC)?;
    Ok((fd, peer.and_then(|peer| SocketAddr::try_from(peer).ok())))
}

/// Has the next connect wait or not; elsewhere it never does.
pub(crate) fn set_blocking_connect(fd: &Descriptor, blocking: bool) -> Result<()> {
    rustix::io::ioctl_fionbio(fd, !blocking)
}

/// Asks for the destination address of datagrams. It is read from the datagram
/// itself, so that those queued before tell it too.
pub(crate) fn prepare_info(fd: &Descriptor, family: Family) -> Result<()> {
    match family {
        Family::V4 => nix::sys::socket::setsockopt(fd, sockopt::Ipv4PacketInfo, &true),
        Family::V6 => nix::sys::socket::setsockopt(fd, sockopt::Ipv6RecvPacketInfo, &true),
    }
    .map_err(from_nix)
}

/// One datagram with its sender, full length and destination (R18).
pub(crate) fn recv_info(
    fd: &Descriptor,
    buf: &mut [u8],
    peek: bool,
    wait: bool,
) -> Result<RecvInfo> {
    /// Aligned as control messages are.
    #[repr(C, align(8))]
    struct Control([u8; 128]);

    let mut flags = MsgFlags::MSG_TRUNC;
    flags.set(MsgFlags::MSG_PEEK, peek);
    flags.set(MsgFlags::MSG_DONTWAIT, !wait);
    let room = buf.len();
    let mut control = Control([0; 128]);
    let mut parts = [IoSliceMut::new(buf)];
    let message =
        recvmsg::<SockaddrStorage>(fd.as_raw_fd(), &mut parts, Some(&mut control.0), flags)
            .map_err(from_nix)?;

    let mut local = None;
    for item in message.cmsgs().map_err(from_nix)? {
        match item {
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                let bytes = info.ipi_addr.s_addr.to_ne_bytes();
                local = Some(IpAddr::V4(Ipv4Addr::from(bytes)));
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                local = Some(IpAddr::V6(Ipv6Addr::from(info.ipi6_addr.s6_addr)));
            }
            _ => {}
        }
    }
    // No sender: woken by shutdown, for which the caller looks.
    let from = message.address.as_ref().and_then(address).ok_or(Errno::NOTCONN)?;
    Ok(RecvInfo { len: message.bytes.min(room), full_len: message.bytes, from, local })
}

/// Sends one datagram from one of our addresses (R18); does not wait.
pub(crate) fn send_from(
    fd: &Descriptor,
    data: &[u8],
    from: IpAddr,
    to: &SocketAddr,
) -> Result<usize> {
    let (v4, v6);
    let control = match from {
        IpAddr::V4(ip) => {
            v4 = nix::libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: nix::libc::in_addr { s_addr: u32::from_ne_bytes(ip.octets()) },
                ipi_addr: nix::libc::in_addr { s_addr: 0 },
            };
            ControlMessage::Ipv4PacketInfo(&v4)
        }
        IpAddr::V6(ip) => {
            v6 = nix::libc::in6_pktinfo {
                ipi6_addr: nix::libc::in6_addr { s6_addr: ip.octets() },
                ipi6_ifindex: 0,
            };
            ControlMessage::Ipv6PacketInfo(&v6)
        }
    };
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let to = SockaddrStorage::from(*to);
    sendmsg(fd.as_raw_fd(), &[IoSlice::new(data)], &[control], flags, Some(&to)).map_err(from_nix)
}

fn address(storage: &SockaddrStorage) -> Option<SockAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(std::net::SocketAddrV4::from(*v4).into());
    }
    storage.as_sockaddr_in6().map(|v6| std::net::SocketAddrV6::from(*v6).into())
}

pub(crate) fn set_device(fd: &Descriptor, name: &str) -> Result<()> {
    nix::sys::socket::setsockopt(fd, sockopt::BindToDevice, &name.into()).map_err(from_nix)
}

pub(crate) fn device(fd: &Descriptor) -> Result<DeviceName> {
    let name = nix::sys::socket::getsockopt(fd, sockopt::BindToDevice).map_err(from_nix)?;
    let name = name.to_str().unwrap_or_default().trim_end_matches('\0');
    DeviceName::try_from(name).map_err(|_| Errno::INVAL)
}

/// Whether a scope names an interface; 0 names none and is always well.
pub(crate) fn has_interface(fd: &Descriptor, scope: u32) -> bool {
    scope == 0 || rustix::net::netdevice::index_to_name_inlined(fd, scope).is_ok()
}

fn from_nix(errno: nix::errno::Errno) -> Errno {
    Errno::from_raw_os_error(errno as i32)
}

/// An epoll instance and a way to end its wait. Its wait is one system call.
#[derive(Debug)]
pub(crate) struct Poller {
    epoll: Descriptor,
    wake: Notifier,
}

thread_local! {
    /// Room for events, kept from one wait to the next.
    static ROOM: Cell<Vec<epoll::Event>> = const { Cell::new(Vec::new()) };
}

/// The key of the wake descriptor; keys of users are smaller.
const WAKE: u64 = u64::MAX;

impl Poller {
    pub(crate) fn new() -> Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = Notifier::new()?;
        epoll::add(
            &epoll,
            wake.descriptor(),
            epoll::EventData::new_u64(WAKE),
            epoll::EventFlags::IN,
        )?;
        Ok(Self { epoll, wake })
    }

    pub(crate) fn add(&self, fd: &impl AsFd, key: u64, mask: Events, how: Trigger) -> Result<()> {
        epoll::add(&self.epoll, fd, epoll::EventData::new_u64(key), flags(mask, how))
    }

    pub(crate) fn modify(
        &self,
        fd: &impl AsFd,
        key: u64,
        mask: Events,
        how: Trigger,
    ) -> Result<()> {
        epoll::modify(&self.epoll, fd, epoll::EventData::new_u64(key), flags(mask, how))
    }

    pub(crate) fn delete(&self, fd: &impl AsFd, _key: u64) {
        let _ = epoll::delete(&self.epoll, fd);
    }

    /// Waits for up to `want` events; says how it ended.
    pub(crate) fn wait(
        &self,
        timeout: Option<Duration>,
        want: usize,
        mut report: impl FnMut(u64, Events),
    ) -> Result<Ended> {
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        let mut room = ROOM.take();
        room.clear();
        room.reserve(want.max(1));
        let events = rustix::buffer::spare_capacity(&mut room);
        let ended = match epoll::wait(&self.epoll, events, timeout.as_ref()) {
            Ok(0) => Ok(Ended::Timeout),
            Ok(_) => Ok(Ended::Events),
            Err(Errno::INTR) => Ok(Ended::Signal),
            Err(error) => Err(error),
        };
        let mut woken = false;
        for event in &room {
            let (key, happened) = (event.data.u64(), event.flags);
            if key == WAKE {
                self.wake.clear();
                woken = true;
            } else {
                report(key, bits(happened));
            }
        }
        ROOM.set(room);
        if woken { Ok(Ended::Woken) } else { ended }
    }

    /// Readable when a wait would not sleep.
    pub(crate) fn descriptor(&self) -> &Descriptor {
        &self.epoll
    }

    /// Ends a wait, or makes the next one return at once.
    pub(crate) fn notify(&self) {
        self.wake.notify();
    }
}

fn flags(mask: Events, how: Trigger) -> epoll::EventFlags {
    let mut flags = epoll::EventFlags::empty();
    flags.set(epoll::EventFlags::IN, mask.contains(POLLIN));
    flags.set(epoll::EventFlags::OUT, mask.contains(POLLOUT));
    flags.set(epoll::EventFlags::ONESHOT, how == Trigger::Once);
    flags
}

fn bits(flags: epoll::EventFlags) -> Events {
    let mut events = Events::NONE;
    for (flag, event) in [
        (epoll::EventFlags::IN, POLLIN),
        (epoll::EventFlags::OUT, POLLOUT),
        (epoll::EventFlags::ERR, POLLERR),
        (epoll::EventFlags::HUP, POLLHUP),
    ] {
        if flags.contains(flag) {
            events |= event;
        }
    }
    events
}
