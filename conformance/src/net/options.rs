//! Socket options (rows 138 to 148).

use core::net::IpAddr;

use usocket_core::spi::{Group, Opt, OptName, SockType};
use usocket_core::{Error, Family, Result};

use super::DEVICE;
use super::datagram::group_ip;
use super::ports::is_interface;
use super::socket::Role;
use super::state::{Id, State};

impl<const S: usize, const C: usize, const B: usize> State<S, C, B> {
    /// `set_option`. What this type of socket does not have is `ENOPROTOOPT`.
    pub(super) fn set_option(&mut self, id: Id, option: &Opt) -> Result<()> {
        self.check_option(id, option.name())?;
        match option {
            Opt::Join(group) => return self.join(id, group),
            Opt::Leave(group) => return self.leave(id, group),
            Opt::MulticastInterface(ip)
                if !ip.is_unspecified() && !self.is_local(id.host, (*ip).into()) =>
            {
                return Err(Error::EADDRNOTAVAIL);
            }
            Opt::Device(name) if !name.is_empty() && name != DEVICE => return Err(Error::ENODEV),
            _ => {}
        }
        let options = &mut self.socket_mut(id)?.options;
        match *option {
            Opt::ReuseAddr(on) => options.reuse = on,
            Opt::Broadcast(on) => options.broadcast = on,
            Opt::KeepAlive(on) => options.keep_alive = on,
            Opt::Linger(seconds) => options.linger = seconds,
            Opt::SendBuffer(bytes) => options.send_buffer = buffer_size::<B>(bytes),
            Opt::RecvBuffer(bytes) => options.recv_buffer = buffer_size::<B>(bytes),
            Opt::Device(ref name) => options.device.clone_from(name),
            Opt::NoDelay(on) => options.no_delay = on,
            Opt::KeepIdle(seconds) => options.keep_idle = seconds,
            Opt::KeepInterval(seconds) => options.keep_interval = seconds,
            Opt::KeepCount(probes) => options.keep_count = probes,
            Opt::Ttl(hops) => options.ttl = hops,
            Opt::MulticastInterface(ip) => options.multicast_interface = ip,
            Opt::MulticastTtl(hops) => options.multicast_ttl = hops,
            Opt::MulticastLoop(on) => options.multicast_loop = on,
            // Read-only, and what a later core may add (row 142).
            _ => return Err(Error::ENOPROTOOPT),
        }
        Ok(())
    }

    /// `option`.
    pub(super) fn option(&self, id: Id, name: OptName) -> Result<Opt> {
        self.check_option(id, name)?;
        let socket = self.socket(id)?;
        let options = &socket.options;
        Ok(match name {
            OptName::ReuseAddr => Opt::ReuseAddr(options.reuse),
            OptName::Broadcast => Opt::Broadcast(options.broadcast),
            OptName::KeepAlive => Opt::KeepAlive(options.keep_alive),
            OptName::Linger => Opt::Linger(options.linger),
            OptName::SendBuffer => Opt::SendBuffer(options.send_buffer),
            OptName::RecvBuffer => Opt::RecvBuffer(options.recv_buffer),
            OptName::Device => Opt::Device(options.device.clone()),
            OptName::Type => Opt::Type(socket.kind),
            OptName::Listening => Opt::Listening(matches!(socket.role, Role::Listening { .. })),
            OptName::NoDelay => Opt::NoDelay(options.no_delay),
            OptName::KeepIdle => Opt::KeepIdle(options.keep_idle),
            OptName::KeepInterval => Opt::KeepInterval(options.keep_interval),
            OptName::KeepCount => Opt::KeepCount(options.keep_count),
            OptName::Ttl => Opt::Ttl(options.ttl),
            OptName::MulticastInterface => Opt::MulticastInterface(options.multicast_interface),
            OptName::MulticastTtl => Opt::MulticastTtl(options.multicast_ttl),
            OptName::MulticastLoop => Opt::MulticastLoop(options.multicast_loop),
            _ => return Err(Error::ENOPROTOOPT),
        })
    }

    /// Whether this type of socket has the option at all (row 141).
    fn check_option(&self, id: Id, name: OptName) -> Result<()> {
        let socket = self.socket(id)?;
        let has = match name {
            OptName::NoDelay | OptName::KeepIdle | OptName::KeepInterval | OptName::KeepCount => {
                socket.kind == SockType::Stream
            }
            OptName::MulticastInterface
            | OptName::MulticastTtl
            | OptName::MulticastLoop
            | OptName::Join
            | OptName::Leave => socket.kind == SockType::Dgram,
            _ => true,
        };
        if has { Ok(()) } else { Err(Error::ENOPROTOOPT) }
    }

    /// Joins a group (rows 145 to 147).
    fn join(&mut self, id: Id, group: &Group) -> Result<()> {
        let group = self.checked_group(id, group)?;
        let groups = &mut self.socket_mut(id)?.options.groups;
        if groups.contains(&group) {
            return Err(Error::EADDRINUSE);
        }
        groups.push(group).map_err(|_| Error::ENOBUFS)
    }

    fn leave(&mut self, id: Id, group: &Group) -> Result<()> {
        let group = self.checked_group(id, group)?;
        let groups = &mut self.socket_mut(id)?.options.groups;
        let index = groups.iter().position(|joined| *joined == group);
        groups.remove(index.ok_or(Error::EADDRNOTAVAIL)?);
        Ok(())
    }

    /// The group with its interface by its one canonical name: there is but one.
    fn checked_group(&self, id: Id, group: &Group) -> Result<Group> {
        let family = self.socket(id)?.family;
        let ip = group_ip(group);
        if !ip.is_multicast() || Family::of(ip) != family {
            return Err(Error::EINVAL);
        }
        match *group {
            Group::V4 { group, interface } => {
                let known =
                    interface.is_unspecified() || self.is_local(id.host, IpAddr::V4(interface));
                let interface = core::net::Ipv4Addr::UNSPECIFIED;
                known.then_some(Group::V4 { group, interface }).ok_or(Error::ENODEV)
            }
            Group::V6 { group, interface } => {
                let known = is_interface(interface);
                known.then_some(Group::V6 { group, interface: 0 }).ok_or(Error::ENODEV)
            }
        }
    }
}

/// Buffers are as large as asked for, up to what a pipe has.
fn buffer_size<const B: usize>(bytes: u32) -> u32 {
    bytes.clamp(1, u32::try_from(B).unwrap_or(u32::MAX))
}
