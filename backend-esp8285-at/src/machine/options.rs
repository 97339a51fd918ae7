//! Socket options: what the firmware can do, and nothing that it cannot (section 10).

#[cfg(feature = "udp")]
use usocket_core::spi::Group;
use usocket_core::spi::{Handle, Opt, OptName, SockType};
use usocket_core::{Error, Result};

use super::Machine;
use crate::slot::State;

impl Machine<'_> {
    pub(crate) fn set_option(&mut self, handle: Handle, option: &Opt) -> Result<()> {
        let firmware = self.firmware;
        let groups = self.has_groups();
        let socket = self.slots.get_mut(handle)?;
        let stream = socket.kind == SockType::Stream;
        let fresh = matches!(socket.state, State::Fresh);
        match option {
            // There is no TIME-WAIT to be seen, so it changes nothing.
            Opt::ReuseAddr(on) => socket.options.reuse = *on,
            Opt::Broadcast(on) if groups => socket.options.broadcast = *on,
            // An argument of `CIPSTART`, so before the connect only.
            Opt::KeepAlive(on) if stream && fresh => socket.options.keep_alive = *on,
            Opt::KeepIdle(seconds) if stream && fresh => {
                if *seconds == 0 || *seconds > 7200 {
                    return Err(Error::EINVAL);
                }
                socket.options.keep_idle = *seconds;
            }
            Opt::NoDelay(on) if stream && firmware.tcp_option => {
                socket.options.no_delay = *on;
                if let Some(link) = socket.link {
                    let link = &mut self.links[usize::from(link)];
                    link.no_delay = *on;
                    link.option_due = link.is_open();
                    self.work = true;
                }
            }
            Opt::Linger(seconds) if stream && (firmware.close_mode || firmware.tcp_option) => {
                socket.options.lingers = seconds.is_some();
                socket.options.linger = seconds.unwrap_or(0);
            }
            #[cfg(feature = "udp")]
            Opt::Join(group) if !stream && firmware.groups => {
                return self.join_group(handle, group);
            }
            #[cfg(feature = "udp")]
            Opt::Leave(group) if !stream && firmware.groups => {
                let ip = address(group)?;
                if socket.options.group != Some(ip) {
                    return Err(Error::EADDRNOTAVAIL);
                }
                socket.options.group = None;
                self.rejoin_group(handle);
            }
            _ => return Err(Error::ENOPROTOOPT),
        }
        Ok(())
    }

    /// Broadcasts and groups: 2.x, where it has datagrams.
    fn has_groups(&self) -> bool {
        #[cfg(feature = "udp")]
        return self.firmware.groups && self.has_datagrams();
        #[cfg(not(feature = "udp"))]
        false
    }

    /// One group per socket: it is the remote address of its link (4.2).
    #[cfg(feature = "udp")]
    fn join_group(&mut self, handle: Handle, group: &Group) -> Result<()> {
        let ip = address(group)?;
        if let Group::V4 { interface, .. } = group
            && !interface.is_unspecified()
            && !self.station.has_address((*interface).into())
        {
            return Err(Error::ENODEV);
        }
        let socket = self.slots.get_mut(handle)?;
        match socket.options.group {
            Some(joined) if joined == ip => return Err(Error::EADDRINUSE),
            Some(_) => return Err(Error::ENOBUFS),
            None => socket.options.group = Some(ip),
        }
        self.rejoin_group(handle);
        Ok(())
    }

    pub(crate) fn option(&self, handle: Handle, name: OptName) -> Result<Opt> {
        let firmware = self.firmware;
        let socket = self.slots.get(handle)?;
        let stream = socket.kind == SockType::Stream;
        let options = &socket.options;
        let (rx, tx) = self.pairs.sizes();
        let size = |size: usize| u32::try_from(size).unwrap_or(u32::MAX);
        Ok(match name {
            OptName::ReuseAddr => Opt::ReuseAddr(options.reuse),
            OptName::Broadcast if self.has_groups() => Opt::Broadcast(options.broadcast),
            OptName::KeepAlive if stream => Opt::KeepAlive(options.keep_alive),
            OptName::KeepIdle if stream => Opt::KeepIdle(options.keep_idle),
            OptName::NoDelay if stream && firmware.tcp_option => Opt::NoDelay(options.no_delay),
            OptName::Linger if stream && (firmware.close_mode || firmware.tcp_option) => {
                Opt::Linger(options.linger())
            }
            OptName::SendBuffer => Opt::SendBuffer(size(tx)),
            OptName::RecvBuffer => Opt::RecvBuffer(size(rx)),
            OptName::Type => Opt::Type(socket.kind),
            OptName::Listening => Opt::Listening(matches!(socket.state, State::Listening { .. })),
            _ => return Err(Error::ENOPROTOOPT),
        })
    }
}

/// The address of a group.
#[cfg(feature = "udp")]
fn address(group: &Group) -> Result<crate::address::Ip> {
    match group {
        Group::V4 { group, .. } => Ok((*group).into()),
        #[cfg(feature = "ipv6")]
        Group::V6 { group, .. } => Ok((*group).into()),
        #[cfg(not(feature = "ipv6"))]
        Group::V6 { .. } => Err(Error::ENOPROTOOPT),
    }
}
