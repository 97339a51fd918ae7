//! Socket options.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::net::sockopt;
use usocket_core::spi::{Group, Opt, OptName, SockType};
use usocket_core::{Error, Family, Result};

use crate::entry::Entry;
use crate::sys;

impl Entry {
    pub(crate) fn set_option(&self, option: &Opt) -> Result<()> {
        let kind = self.sock_type()?;
        let fd = &self.fd;
        let v4 = self.family == Family::V4;
        match option.name() {
            // Linux says EPROTO or EINVAL where the contract says: not here (row 143).
            name if wants(name).is_some_and(|wanted| wanted != kind) => {
                return Err(Error::ENOPROTOOPT);
            }
            _ => {}
        }
        let result = match *option {
            Opt::ReuseAddr(on) => sockopt::set_socket_reuseaddr(fd, on),
            Opt::Broadcast(on) => sockopt::set_socket_broadcast(fd, on),
            Opt::KeepAlive(on) => sockopt::set_socket_keepalive(fd, on),
            Opt::Linger(seconds) => {
                let seconds = seconds.map(|seconds| Duration::from_secs(seconds.into()));
                // For good: connections that came while it was set have it still.
                self.lingers.fetch_or(seconds.is_some(), Ordering::Relaxed);
                sockopt::set_socket_linger(fd, seconds)
            }
            Opt::SendBuffer(bytes) => sockopt::set_socket_send_buffer_size(fd, bytes as usize),
            Opt::RecvBuffer(bytes) => sockopt::set_socket_recv_buffer_size(fd, bytes as usize),
            Opt::Device(ref name) => sys::set_device(fd, name),
            Opt::NoDelay(on) => sockopt::set_tcp_nodelay(fd, on),
            Opt::KeepIdle(seconds) => {
                sockopt::set_tcp_keepidle(fd, Duration::from_secs(seconds.into()))
            }
            Opt::KeepInterval(seconds) => {
                sockopt::set_tcp_keepintvl(fd, Duration::from_secs(seconds.into()))
            }
            Opt::KeepCount(probes) => sockopt::set_tcp_keepcnt(fd, probes.into()),
            Opt::Ttl(hops) if v4 => sockopt::set_ip_ttl(fd, hops.into()),
            Opt::Ttl(hops) => sockopt::set_ipv6_unicast_hops(fd, Some(hops)),
            Opt::MulticastInterface(address) if v4 => sockopt::set_ip_multicast_if(fd, &address),
            Opt::MulticastTtl(hops) if v4 => sockopt::set_ip_multicast_ttl(fd, hops.into()),
            Opt::MulticastTtl(hops) => sockopt::set_ipv6_multicast_hops(fd, hops.into()),
            Opt::MulticastLoop(on) if v4 => sockopt::set_ip_multicast_loop(fd, on),
            Opt::MulticastLoop(on) => sockopt::set_ipv6_multicast_loop(fd, on),
            Opt::Join(Group::V4 { group, interface }) if v4 => {
                sockopt::set_ip_add_membership(fd, &group, &interface)
            }
            Opt::Join(Group::V6 { group, interface }) if !v4 => {
                sockopt::set_ipv6_add_membership(fd, &group, interface)
            }
            Opt::Leave(Group::V4 { group, interface }) if v4 => {
                sockopt::set_ip_drop_membership(fd, &group, &interface)
            }
            Opt::Leave(Group::V6 { group, interface }) if !v4 => {
                sockopt::set_ipv6_drop_membership(fd, &group, interface)
            }
            // Read-only, of the other family, or newer than this backend.
            _ => return Err(Error::ENOPROTOOPT),
        };
        self.done(result)
    }

    pub(crate) fn option(&self, name: OptName) -> Result<Opt> {
        let kind = self.sock_type()?;
        let fd = &self.fd;
        let v4 = self.family == Family::V4;
        if wants(name).is_some_and(|wanted| wanted != kind) {
            return Err(Error::ENOPROTOOPT);
        }
        self.done(Ok(match name {
            OptName::ReuseAddr => Opt::ReuseAddr(self.done(sockopt::socket_reuseaddr(fd))?),
            OptName::Broadcast => Opt::Broadcast(self.done(sockopt::socket_broadcast(fd))?),
            OptName::KeepAlive => Opt::KeepAlive(self.done(sockopt::socket_keepalive(fd))?),
            OptName::Linger => Opt::Linger(self.done(sockopt::socket_linger(fd))?.map(seconds)),
            OptName::SendBuffer => {
                Opt::SendBuffer(bytes(self.done(sockopt::socket_send_buffer_size(fd))?))
            }
            OptName::RecvBuffer => {
                Opt::RecvBuffer(bytes(self.done(sockopt::socket_recv_buffer_size(fd))?))
            }
            OptName::Device => Opt::Device(self.done(sys::device(fd))?),
            OptName::Type => Opt::Type(kind),
            OptName::Listening => Opt::Listening(self.listening()?),
            OptName::NoDelay => Opt::NoDelay(self.done(sockopt::tcp_nodelay(fd))?),
            OptName::KeepIdle => Opt::KeepIdle(seconds(self.done(sockopt::tcp_keepidle(fd))?)),
            OptName::KeepInterval => {
                Opt::KeepInterval(seconds(self.done(sockopt::tcp_keepintvl(fd))?))
            }
            OptName::KeepCount => Opt::KeepCount(byte(self.done(sockopt::tcp_keepcnt(fd))?)),
            OptName::Ttl if v4 => Opt::Ttl(byte(self.done(sockopt::ip_ttl(fd))?)),
            OptName::Ttl => Opt::Ttl(self.done(sockopt::ipv6_unicast_hops(fd))?),
            OptName::MulticastInterface if v4 => {
                Opt::MulticastInterface(self.done(sockopt::ip_multicast_if(fd))?)
            }
            OptName::MulticastTtl if v4 => {
                Opt::MulticastTtl(byte(self.done(sockopt::ip_multicast_ttl(fd))?))
            }
            OptName::MulticastTtl => {
                Opt::MulticastTtl(byte(self.done(sockopt::ipv6_multicast_hops(fd))?))
            }
            OptName::MulticastLoop if v4 => {
                Opt::MulticastLoop(self.done(sockopt::ip_multicast_loop(fd))?)
            }
            OptName::MulticastLoop => {
                Opt::MulticastLoop(self.done(sockopt::ipv6_multicast_loop(fd))?)
            }
            // Write-only, of the other family, or newer than this backend.
            _ => return Err(Error::ENOPROTOOPT),
        }))
    }

    fn listening(&self) -> Result<bool> {
        #[cfg(target_os = "linux")]
        return self.done(sockopt::socket_acceptconn(&self.fd));
        #[cfg(not(target_os = "linux"))]
        Ok(self.phase() == crate::entry::Phase::Listening)
    }
}

/// The only type of socket that has the option.
fn wants(name: OptName) -> Option<SockType> {
    match name {
        OptName::NoDelay | OptName::KeepIdle | OptName::KeepInterval | OptName::KeepCount => {
            Some(SockType::Stream)
        }
        OptName::MulticastInterface
        | OptName::MulticastTtl
        | OptName::MulticastLoop
        | OptName::Join
        | OptName::Leave => Some(SockType::Dgram),
        _ => None,
    }
}

fn seconds(duration: Duration) -> u16 {
    u16::try_from(duration.as_secs()).unwrap_or(u16::MAX)
}

fn bytes(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn byte(value: u32) -> u8 {
    u8::try_from(value).unwrap_or(u8::MAX)
}
