//! Socket options as the core hands them to a backend: checked and typed.

use core::net::{Ipv4Addr, Ipv6Addr};

use super::SockType;

/// The name of an interface for `SO_BINDTODEVICE`, at most 15 bytes.
pub type DeviceName = heapless::String<15>;

/// A multicast group on an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Group {
    /// IPv4: the interface is named by its address, `0.0.0.0` is any.
    V4 {
        /// The group, a multicast address.
        group: Ipv4Addr,
        /// The interface's own address.
        interface: Ipv4Addr,
    },
    /// IPv6: the interface is named by its number, 0 is any.
    V6 {
        /// The group, a multicast address.
        group: Ipv6Addr,
        /// The interface's number.
        interface: u32,
    },
}

macro_rules! options {
    ($($(#[$doc:meta])* $name:ident($value:ty),)*) => {
        /// An option with its value.
        #[derive(Clone, Debug, PartialEq, Eq)]
        #[non_exhaustive]
        pub enum Opt { $($(#[$doc])* $name($value),)* }

        /// An option's name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum OptName { $($(#[$doc])* $name,)* }

        impl Opt {
            /// The name without the value.
            #[must_use]
            pub const fn name(&self) -> OptName {
                match self { $(Opt::$name(_) => OptName::$name,)* }
            }
        }
    };
}

options! {
    /// `SO_REUSEADDR`.
    ReuseAddr(bool),
    /// `SO_BROADCAST`.
    Broadcast(bool),
    /// `SO_KEEPALIVE`.
    KeepAlive(bool),
    /// `SO_LINGER`: seconds, or `None` for the backend's own bound. 0 makes close reset.
    Linger(Option<u16>),
    /// `SO_SNDBUF`, bytes.
    SendBuffer(u32),
    /// `SO_RCVBUF`, bytes.
    RecvBuffer(u32),
    /// `SO_BINDTODEVICE`.
    Device(DeviceName),
    /// `SO_TYPE`, read-only.
    Type(SockType),
    /// `SO_ACCEPTCONN`, read-only.
    Listening(bool),
    /// `TCP_NODELAY`.
    NoDelay(bool),
    /// `TCP_KEEPIDLE`, seconds.
    KeepIdle(u16),
    /// `TCP_KEEPINTVL`, seconds.
    KeepInterval(u16),
    /// `TCP_KEEPCNT`, probes.
    KeepCount(u8),
    /// `IP_TTL`.
    Ttl(u8),
    /// `IP_MULTICAST_IF`.
    MulticastInterface(Ipv4Addr),
    /// `IP_MULTICAST_TTL`.
    MulticastTtl(u8),
    /// `IP_MULTICAST_LOOP`.
    MulticastLoop(bool),
    /// `IP_ADD_MEMBERSHIP`, `IPV6_JOIN_GROUP`; write-only.
    Join(Group),
    /// `IP_DROP_MEMBERSHIP`, `IPV6_LEAVE_GROUP`; write-only.
    Leave(Group),
}
