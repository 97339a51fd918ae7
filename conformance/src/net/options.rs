//! Socket options (rows 138 to 148).

use core::net::{IpAddr, Ipv4Addr};

use usocket_core::spi::{Group, Opt, OptName, SockType};
use usocket_core::{Error, Family, Result};

use super::DEVICE;
use super::connection::Side;
use super::datagram::group_ip;
use super::ports::is_interface;
use super::socket::{Role, buffer_ranges};
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
            Opt::Device(name) => self.check_device_name(id, name)?,
            _ => {}
        }
        let socket = self.socket_mut(id)?;
        let (send, recv) = buffer_ranges(socket.kind, B);
        let options = &mut socket.options;
        let tuning = &mut options.tuning;
        match *option {
            Opt::ReuseAddr(on) => options.reuse = on,
            Opt::Broadcast(on) => options.broadcast = on,
            Opt::KeepAlive(on) => tuning.keep_alive = on,
            Opt::Linger(seconds) => options.linger = seconds,
            Opt::SendBuffer(bytes) => tuning.send_buffer = bytes.clamp(*send.start(), *send.end()),
            Opt::RecvBuffer(bytes) => tuning.recv_buffer = bytes.clamp(*recv.start(), *recv.end()),
            Opt::Device(ref name) => options.device.clone_from(name),
            Opt::NoDelay(on) => tuning.no_delay = on,
            Opt::KeepIdle(seconds) => tuning.keep_idle = seconds,
            Opt::KeepInterval(seconds) => tuning.keep_interval = seconds,
            Opt::KeepCount(probes) => tuning.keep_count = probes,
            Opt::Ttl(hops) => tuning.ttl = hops,
            Opt::MulticastInterface(ip) => options.multicast_interface = ip,
            Opt::MulticastTtl(hops) => options.multicast_ttl = hops,
            Opt::MulticastLoop(on) => options.multicast_loop = on,
            // Read-only, and what a later core may add (row 142).
            _ => return Err(Error::ENOPROTOOPT),
        }
        self.tune(id, option.name());
        Ok(())
    }

    /// Tells the connection what its socket's options are now.
    fn tune(&mut self, id: Id, name: OptName) {
        let Ok(socket) = self.socket(id) else { return };
        let tuning = socket.options.tuning;
        let (index, side) = match socket.role {
            Role::Connected(index, side) => (index, side),
            Role::Connecting(index) => (index, Side::Client),
            _ => return,
        };
        let now = self.now;
        let connection = self.connection(index);
        let end = &mut connection.ends[side.index()];
        end.tuning = tuning;
        if matches!(
            name,
            OptName::KeepAlive | OptName::KeepIdle | OptName::KeepInterval | OptName::KeepCount
        ) {
            end.heard = now;
            end.probe_at = None;
        }
        connection.fit();
        self.note_cuts();
        self.touch();
    }

    fn check_device_name(&self, id: Id, name: &str) -> Result<()> {
        let socket = self.socket(id)?;
        if !name.is_empty() && name != DEVICE {
            return Err(Error::ENODEV);
        }
        let connected = matches!(socket.role, Role::Connecting(_) | Role::Connected(..));
        // The way of a connection is chosen once.
        if connected && socket.options.device != name { Err(Error::EINVAL) } else { Ok(()) }
    }

    /// `option`.
    pub(super) fn option(&self, id: Id, name: OptName) -> Result<Opt> {
        self.check_option(id, name)?;
        let socket = self.socket(id)?;
        let (options, tuning) = (&socket.options, &socket.options.tuning);
        Ok(match name {
            OptName::ReuseAddr => Opt::ReuseAddr(options.reuse),
            OptName::Broadcast => Opt::Broadcast(options.broadcast),
            OptName::KeepAlive => Opt::KeepAlive(tuning.keep_alive),
            OptName::Linger => Opt::Linger(options.linger),
            OptName::SendBuffer => Opt::SendBuffer(tuning.send_buffer),
            OptName::RecvBuffer => Opt::RecvBuffer(tuning.recv_buffer),
            OptName::Device => Opt::Device(options.device.clone()),
            OptName::Type => Opt::Type(socket.kind),
            OptName::Listening => Opt::Listening(matches!(socket.role, Role::Listening { .. })),
            OptName::NoDelay => Opt::NoDelay(tuning.no_delay),
            OptName::KeepIdle => Opt::KeepIdle(tuning.keep_idle),
            OptName::KeepInterval => Opt::KeepInterval(tuning.keep_interval),
            OptName::KeepCount => Opt::KeepCount(tuning.keep_count),
            OptName::Ttl => Opt::Ttl(tuning.ttl),
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
            OptName::KeepAlive
            | OptName::KeepIdle
            | OptName::KeepInterval
            | OptName::KeepCount
            | OptName::NoDelay
            | OptName::Linger => socket.kind == SockType::Stream,
            OptName::MulticastInterface => {
                socket.kind == SockType::Dgram && socket.family == Family::V4
            }
            OptName::MulticastTtl | OptName::MulticastLoop | OptName::Join | OptName::Leave => {
                socket.kind == SockType::Dgram
            }
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

    /// The group with its interface by its one canonical name: there are the
    /// device and, for IPv4, the loopback.
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
                let interface = match interface.is_loopback() {
                    true => Ipv4Addr::LOCALHOST,
                    false => Ipv4Addr::UNSPECIFIED,
                };
                known.then_some(Group::V4 { group, interface }).ok_or(Error::ENODEV)
            }
            Group::V6 { group, interface } => {
                let known = is_interface(interface);
                known.then_some(Group::V6 { group, interface: 0 }).ok_or(Error::ENODEV)
            }
        }
    }
}
