//! Socket options (rows 138 to 148).

#[cfg(feature = "udp")]
use smoltcp::wire::IpAddress;
use usocket_core::spi::{Handle, Opt, OptName, SockType};
use usocket_core::{Error, Family, Result};

#[cfg(feature = "udp")]
use crate::address::is_local;
use crate::slots::Role;
use crate::state::State;

#[cfg(any(feature = "buffer-classes", feature = "udp"))]
/// Least send buffer that can be asked for.
const MIN_BUFFER: u32 = 64;

impl State<'_> {
    /// `set_option`. What this type of socket does not have is `ENOPROTOOPT`.
    pub(crate) fn set_option(&mut self, handle: Handle, option: &Opt) -> Result<()> {
        self.check_option(handle, option.name())?;
        match option {
            #[cfg(feature = "multicast")]
            Opt::Join(group) => return self.join(handle, group),
            #[cfg(feature = "multicast")]
            Opt::Leave(group) => return self.leave(handle, group),
            #[cfg(feature = "udp")]
            Opt::MulticastInterface(ip)
                if !ip.is_unspecified() && !is_local(&self.iface, IpAddress::Ipv4(*ip)) =>
            {
                return Err(Error::EADDRNOTAVAIL);
            }
            Opt::Device(name) => self.check_device_name(handle, name)?,
            _ => {}
        }
        #[cfg(any(feature = "buffer-classes", feature = "udp"))]
        let most = self.buffers(handle)?.0;
        let options = &mut self.slots.get_mut(handle)?.options;
        match *option {
            Opt::ReuseAddr(on) => options.reuse = on,
            Opt::Broadcast(on) => options.broadcast = on,
            #[cfg(feature = "keep-alive")]
            Opt::KeepAlive(on) => options.keep_alive = on,
            Opt::Linger(seconds) => options.linger = seconds,
            #[cfg(not(any(feature = "buffer-classes", feature = "udp")))]
            Opt::SendBuffer(_) => {}
            #[cfg(any(feature = "buffer-classes", feature = "udp"))]
            Opt::SendBuffer(bytes) => {
                options.send_buffer = bytes.clamp(MIN_BUFFER.min(most), most);
                #[cfg(feature = "buffer-classes")]
                {
                    options.wish.send = bytes;
                }
            }
            // The buffer is what it is; the size is a wish.
            #[cfg(feature = "buffer-classes")]
            Opt::RecvBuffer(bytes) => options.wish.recv = bytes,
            #[cfg(not(feature = "buffer-classes"))]
            Opt::RecvBuffer(_) => {}
            Opt::Device(ref name) => options.device.clone_from(name),
            Opt::NoDelay(on) => options.no_delay = on,
            #[cfg(feature = "keep-alive")]
            Opt::KeepIdle(seconds) => options.keep_idle = seconds,
            #[cfg(feature = "keep-alive")]
            Opt::KeepInterval(seconds) => options.keep_interval = seconds,
            #[cfg(feature = "keep-alive")]
            Opt::KeepCount(probes) => options.keep_count = probes,
            Opt::Ttl(hops) => options.ttl = hops,
            #[cfg(feature = "udp")]
            Opt::MulticastInterface(ip) => options.multicast_interface = ip,
            #[cfg(feature = "udp")]
            Opt::MulticastTtl(hops) => options.multicast_ttl = hops,
            // Read-only, and what a later core may add (row 142).
            _ => return Err(Error::ENOPROTOOPT),
        }
        #[cfg(feature = "keep-alive")]
        let alive = matches!(
            option.name(),
            OptName::KeepAlive | OptName::KeepIdle | OptName::KeepInterval | OptName::KeepCount
        );
        #[cfg(feature = "keep-alive")]
        if let Role::Connected(index) = self.slots.get(handle)?.role
            && alive
        {
            // Setting one of the four begins anew.
            self.pairs[index].heard_at = self.now;
        }
        self.tune(handle);
        self.look(handle);
        Ok(())
    }

    /// `option`.
    pub(crate) fn option(&self, handle: Handle, name: OptName) -> Result<Opt> {
        self.check_option(handle, name)?;
        let slot = self.slots.get(handle)?;
        let options = &slot.options;
        Ok(match name {
            OptName::ReuseAddr => Opt::ReuseAddr(options.reuse),
            OptName::Broadcast => Opt::Broadcast(options.broadcast),
            #[cfg(feature = "keep-alive")]
            OptName::KeepAlive => Opt::KeepAlive(options.keep_alive),
            OptName::Linger => Opt::Linger(options.linger),
            OptName::SendBuffer => {
                let limit = u32::try_from(slot.send_limit()).unwrap_or(u32::MAX);
                Opt::SendBuffer(limit.min(self.buffers(handle)?.0))
            }
            OptName::RecvBuffer => Opt::RecvBuffer(self.buffers(handle)?.1),
            OptName::Device => Opt::Device(options.device.clone()),
            OptName::Type => Opt::Type(slot.kind),
            OptName::Listening => Opt::Listening(matches!(slot.role, Role::Listening { .. })),
            OptName::NoDelay => Opt::NoDelay(options.no_delay),
            #[cfg(feature = "keep-alive")]
            OptName::KeepIdle => Opt::KeepIdle(options.keep_idle),
            #[cfg(feature = "keep-alive")]
            OptName::KeepInterval => Opt::KeepInterval(options.keep_interval),
            #[cfg(feature = "keep-alive")]
            OptName::KeepCount => Opt::KeepCount(options.keep_count),
            OptName::Ttl => Opt::Ttl(options.ttl),
            #[cfg(feature = "udp")]
            OptName::MulticastInterface => Opt::MulticastInterface(options.multicast_interface),
            #[cfg(feature = "udp")]
            OptName::MulticastTtl => Opt::MulticastTtl(options.multicast_ttl),
            _ => return Err(Error::ENOPROTOOPT),
        })
    }

    /// The sizes of a socket's buffers, to send and to receive.
    fn buffers(&self, handle: Handle) -> Result<(u32, u32)> {
        let slot = self.slots.get(handle)?;
        let (send, recv) = match slot.role {
            Role::Dgram(dgram) => (self.max_datagram(slot.family), self.queue_bytes(&dgram)),
            Role::Connecting(index) | Role::Connected(index) => self.capacities(index),
            _ => self.largest(),
        };
        let bytes = |size| u32::try_from(size).unwrap_or(u32::MAX);
        Ok((bytes(send), bytes(recv)))
    }

    /// The sizes of a pair, to send and to receive.
    fn capacities(&self, pair: usize) -> (usize, usize) {
        let socket = self.pairs[pair].tcp(&self.set);
        (socket.send_capacity(), socket.recv_capacity())
    }

    /// The largest that a connection may get.
    pub(crate) fn largest(&self) -> (usize, usize) {
        #[cfg(not(feature = "buffer-classes"))]
        return if self.pairs.is_empty() { (0, 0) } else { self.capacities(0) };
        #[cfg(feature = "buffer-classes")]
        (0..self.pairs.len())
            .map(|pair| self.capacities(pair))
            .fold((0, 0), |most, sizes| (most.0.max(sizes.0), most.1.max(sizes.1)))
    }

    fn check_device_name(&self, handle: Handle, name: &str) -> Result<()> {
        let slot = self.slots.get(handle)?;
        if !name.is_empty() && name != self.name {
            return Err(Error::ENODEV);
        }
        let connected = matches!(slot.role, Role::Connecting(_) | Role::Connected(_));
        // The way of a connection is chosen once.
        if connected && slot.options.device != name { Err(Error::EINVAL) } else { Ok(()) }
    }

    /// Whether this type of socket has the option at all (row 141).
    fn check_option(&self, handle: Handle, name: OptName) -> Result<()> {
        let slot = self.slots.get(handle)?;
        let has = match name {
            OptName::KeepAlive | OptName::KeepIdle | OptName::KeepInterval | OptName::KeepCount => {
                slot.kind == SockType::Stream && cfg!(feature = "keep-alive")
            }
            OptName::NoDelay | OptName::Linger => slot.kind == SockType::Stream,
            OptName::MulticastInterface => {
                slot.kind == SockType::Dgram && slot.family == Family::V4
            }
            OptName::Join | OptName::Leave => {
                slot.kind == SockType::Dgram && cfg!(feature = "multicast")
            }
            OptName::MulticastTtl => slot.kind == SockType::Dgram,
            // Nothing that this host sends comes back to it.
            OptName::MulticastLoop => false,
            _ => true,
        };
        if has { Ok(()) } else { Err(Error::ENOPROTOOPT) }
    }
}
