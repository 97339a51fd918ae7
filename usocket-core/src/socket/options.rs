//! `setsockopt` and `getsockopt`: the white list (rows 138 to 148).

use core::net::{Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use super::Socket;
use crate::constants::{
    IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_MULTICAST_IF, IP_MULTICAST_LOOP, IP_MULTICAST_TTL,
    IP_TTL, IPPROTO_IP, IPPROTO_IPV6, IPPROTO_TCP, IPV6_JOIN_GROUP, IPV6_LEAVE_GROUP,
    SO_ACCEPTCONN, SO_BINDTODEVICE, SO_BROADCAST, SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_RCVBUF,
    SO_REUSEADDR, SO_SNDBUF, SO_TYPE, SOL_SOCKET, TCP_KEEPCNT, TCP_KEEPIDLE, TCP_KEEPINTVL,
    TCP_NODELAY,
};
use crate::spi::{Backend, DeviceName, Group, Opt, OptName, SockType};
use crate::{Error, Result, SOCK_DGRAM, SOCK_STREAM};

/// The value of an option: an integer, or bytes.
///
/// Four bytes, native-endian, equal the integer (row 139).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OptValue<'v> {
    /// An integer.
    Int(i32),
    /// Bytes.
    Bytes(&'v [u8]),
}

impl From<i32> for OptValue<'_> {
    fn from(value: i32) -> Self {
        OptValue::Int(value)
    }
}

impl From<bool> for OptValue<'_> {
    fn from(value: bool) -> Self {
        OptValue::Int(value.into())
    }
}

impl<'v> From<&'v [u8]> for OptValue<'v> {
    fn from(value: &'v [u8]) -> Self {
        OptValue::Bytes(value)
    }
}

impl<'v, const N: usize> From<&'v [u8; N]> for OptValue<'v> {
    fn from(value: &'v [u8; N]) -> Self {
        OptValue::Bytes(value)
    }
}

impl<B: Backend + ?Sized> Socket<'_, B> {
    /// Sets an option (rows 138 to 148). Levels and names are the `SOL_*`,
    /// `IPPROTO_*`, `SO_*`, `TCP_*` and `IP_*` constants, which say what value each
    /// takes.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for any option that is not in the list, is read-only, does
    /// not fit this type of socket, or that the backend cannot offer: never
    /// silent success. `EINVAL` for a value out of range or of a wrong length.
    /// `EADDRINUSE` for a group joined already, `EADDRNOTAVAIL` for one not
    /// joined, `ENODEV` for an unknown interface.
    pub fn setsockopt<'v>(
        &self,
        level: i32,
        name: i32,
        value: impl Into<OptValue<'v>>,
    ) -> Result<()> {
        match parse(level, name, value.into(), self.kind) {
            Ok(option) => {
                self.net.set_option(self.handle, &option)?;
                match option {
                    Opt::Join(_) | Opt::Leave(_) => self.take_effect(),
                    _ => Ok(()),
                }
            }
            Err(error) => Err(self.unless_closed(error)),
        }
    }

    /// The value of an option that is an integer. `SO_ERROR` is the errno of the
    /// pending error, or 0, and clears it.
    ///
    /// # Errors
    /// `ENOPROTOOPT` for an option that is not in the list or not an integer.
    pub fn getsockopt(&self, level: i32, name: i32) -> Result<i32> {
        if (level, name) == (SOL_SOCKET, SO_ERROR) {
            return Ok(self.take_error()?.map_or(0, Error::errno));
        }
        let option = self.known(level, name)?;
        int_of(&option).ok_or(Error::ENOPROTOOPT)
    }

    /// The value of any option as bytes, in `buf`; returns how many.
    ///
    /// # Errors
    /// `ENOPROTOOPT`; `EINVAL` if `buf` is too short.
    pub fn getsockopt_bytes(&self, level: i32, name: i32, buf: &mut [u8]) -> Result<usize> {
        let mut put = |at: usize, bytes: &[u8]| {
            let place = buf.get_mut(at..at + bytes.len()).ok_or(Error::EINVAL)?;
            place.copy_from_slice(bytes);
            Ok(at + bytes.len())
        };
        if (level, name) == (SOL_SOCKET, SO_ERROR) {
            return put(0, &self.getsockopt(level, name)?.to_ne_bytes());
        }
        match self.known(level, name)? {
            Opt::Linger(linger) => {
                put(0, &i32::from(linger.is_some()).to_ne_bytes())?;
                put(4, &i32::from(linger.unwrap_or(0)).to_ne_bytes())
            }
            Opt::Device(device) => put(0, device.as_bytes()),
            Opt::MulticastInterface(address) => put(0, &address.octets()),
            option => put(0, &int_of(&option).ok_or(Error::ENOPROTOOPT)?.to_ne_bytes()),
        }
    }

    /// Sets `SO_LINGER`: how long close may go on in the background; zero makes
    /// close reset the connection (row 148); `None` is the backend's own bound, 10 s,
    /// or on a host the system's. Close waits in no case. Kept in whole seconds,
    /// rounded up, at most 65,535.
    pub fn set_linger(&self, linger: Option<Duration>) -> Result<()> {
        self.net.set_option(self.handle, &Opt::Linger(linger.map(whole_seconds)))
    }

    /// `SO_LINGER` as set.
    pub fn linger(&self) -> Result<Option<Duration>> {
        match self.net.option(self.handle, OptName::Linger)? {
            Opt::Linger(seconds) => Ok(seconds.map(|s| Duration::from_secs(s.into()))),
            _ => Err(Error::ENOPROTOOPT),
        }
    }

    fn known(&self, level: i32, name: i32) -> Result<Opt> {
        match find(level, name, self.kind) {
            Some(entry) => self.net.option(self.handle, entry.option),
            None => Err(self.unless_closed(Error::ENOPROTOOPT)),
        }
    }
}

struct Entry {
    level: i32,
    name: i32,
    option: OptName,
    /// `None`: streams and datagrams.
    only: Option<SockType>,
}

const fn entry(level: i32, name: i32, option: OptName, only: Option<SockType>) -> Entry {
    Entry { level, name, option, only }
}

const STREAM: Option<SockType> = Some(SockType::Stream);
const DGRAM: Option<SockType> = Some(SockType::Dgram);

/// The white list (row 142): number, level and type. What a backend lacks of
/// it, it answers with `ENOPROTOOPT` itself.
const OPTIONS: &[Entry] = &[
    entry(SOL_SOCKET, SO_REUSEADDR, OptName::ReuseAddr, None),
    entry(SOL_SOCKET, SO_TYPE, OptName::Type, None),
    entry(SOL_SOCKET, SO_BROADCAST, OptName::Broadcast, None),
    entry(SOL_SOCKET, SO_SNDBUF, OptName::SendBuffer, None),
    entry(SOL_SOCKET, SO_RCVBUF, OptName::RecvBuffer, None),
    entry(SOL_SOCKET, SO_KEEPALIVE, OptName::KeepAlive, None),
    entry(SOL_SOCKET, SO_LINGER, OptName::Linger, None),
    entry(SOL_SOCKET, SO_BINDTODEVICE, OptName::Device, None),
    entry(SOL_SOCKET, SO_ACCEPTCONN, OptName::Listening, None),
    entry(IPPROTO_TCP, TCP_NODELAY, OptName::NoDelay, STREAM),
    entry(IPPROTO_TCP, TCP_KEEPIDLE, OptName::KeepIdle, STREAM),
    entry(IPPROTO_TCP, TCP_KEEPINTVL, OptName::KeepInterval, STREAM),
    entry(IPPROTO_TCP, TCP_KEEPCNT, OptName::KeepCount, STREAM),
    entry(IPPROTO_IP, IP_TTL, OptName::Ttl, None),
    entry(IPPROTO_IP, IP_MULTICAST_IF, OptName::MulticastInterface, DGRAM),
    entry(IPPROTO_IP, IP_MULTICAST_TTL, OptName::MulticastTtl, DGRAM),
    entry(IPPROTO_IP, IP_MULTICAST_LOOP, OptName::MulticastLoop, DGRAM),
    entry(IPPROTO_IP, IP_ADD_MEMBERSHIP, OptName::Join, DGRAM),
    entry(IPPROTO_IP, IP_DROP_MEMBERSHIP, OptName::Leave, DGRAM),
    entry(IPPROTO_IPV6, IPV6_JOIN_GROUP, OptName::Join, DGRAM),
    entry(IPPROTO_IPV6, IPV6_LEAVE_GROUP, OptName::Leave, DGRAM),
];

fn find(level: i32, name: i32, kind: SockType) -> Option<&'static Entry> {
    OPTIONS.iter().find(|entry| {
        (entry.level, entry.name) == (level, name) && entry.only.is_none_or(|only| only == kind)
    })
}

/// The typed option of a `setsockopt` call.
fn parse(level: i32, name: i32, value: OptValue<'_>, kind: SockType) -> Result<Opt> {
    let entry = find(level, name, kind).ok_or(Error::ENOPROTOOPT)?;
    let in_range = |low: i32, high: i32| match int(value)? {
        number if (low..=high).contains(&number) => Ok(number),
        _ => Err(Error::EINVAL),
    };
    let small =
        |low, high| in_range(low, high).and_then(|n| u8::try_from(n).map_err(|_| Error::EINVAL));
    let seconds = || in_range(1, 32_767).and_then(|n| u16::try_from(n).map_err(|_| Error::EINVAL));
    let size = || in_range(0, i32::MAX).map(i32::cast_unsigned);
    let flag = || int(value).map(|number| number != 0);
    Ok(match entry.option {
        OptName::ReuseAddr => Opt::ReuseAddr(flag()?),
        OptName::Broadcast => Opt::Broadcast(flag()?),
        OptName::KeepAlive => Opt::KeepAlive(flag()?),
        OptName::NoDelay => Opt::NoDelay(flag()?),
        OptName::MulticastLoop => Opt::MulticastLoop(flag()?),
        OptName::SendBuffer => Opt::SendBuffer(size()?),
        OptName::RecvBuffer => Opt::RecvBuffer(size()?),
        OptName::KeepIdle => Opt::KeepIdle(seconds()?),
        OptName::KeepInterval => Opt::KeepInterval(seconds()?),
        OptName::KeepCount => Opt::KeepCount(small(1, 127)?),
        OptName::Ttl => Opt::Ttl(small(1, 255)?),
        OptName::MulticastTtl => Opt::MulticastTtl(small(0, 255)?),
        OptName::MulticastInterface => Opt::MulticastInterface(bytes::<4>(value)?.into()),
        OptName::Linger => Opt::Linger(linger(bytes(value)?)?),
        OptName::Device => Opt::Device(device(value)?),
        OptName::Join => Opt::Join(group(level, value)?),
        OptName::Leave => Opt::Leave(group(level, value)?),
        OptName::Type | OptName::Listening => return Err(Error::ENOPROTOOPT),
    })
}

fn int(value: OptValue<'_>) -> Result<i32> {
    match value {
        OptValue::Int(number) => Ok(number),
        OptValue::Bytes(_) => bytes(value).map(i32::from_ne_bytes),
    }
}

fn bytes<const N: usize>(value: OptValue<'_>) -> Result<[u8; N]> {
    match value {
        OptValue::Bytes(bytes) => bytes.try_into().map_err(|_| Error::EINVAL),
        OptValue::Int(_) => Err(Error::EINVAL),
    }
}

/// Splits a value of two parts.
fn halves<const A: usize, const B: usize>(bytes: &[u8]) -> Result<([u8; A], [u8; B])> {
    let (a, b) = bytes.split_at_checked(A).ok_or(Error::EINVAL)?;
    let a = a.try_into().map_err(|_| Error::EINVAL)?;
    Ok((a, b.try_into().map_err(|_| Error::EINVAL)?))
}

/// Rounded up, at most 65,535.
fn whole_seconds(time: Duration) -> u16 {
    let begun = u64::from(time.subsec_nanos() > 0);
    u16::try_from(time.as_secs().saturating_add(begun)).unwrap_or(u16::MAX)
}

fn linger(bytes: [u8; 8]) -> Result<Option<u16>> {
    let (on, seconds) = halves(&bytes)?;
    match (i32::from_ne_bytes(on), i32::from_ne_bytes(seconds)) {
        (0, _) => Ok(None),
        (_, seconds) if seconds < 0 => Err(Error::EINVAL),
        (_, seconds) => Ok(Some(u16::try_from(seconds).unwrap_or(u16::MAX))),
    }
}

fn device(value: OptValue<'_>) -> Result<DeviceName> {
    let OptValue::Bytes(bytes) = value else { return Err(Error::EINVAL) };
    // C programs pass the terminating NUL along.
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    let name = core::str::from_utf8(bytes).map_err(|_| Error::EINVAL)?;
    if name.contains('\0') {
        return Err(Error::EINVAL);
    }
    DeviceName::try_from(name).map_err(|_| Error::EINVAL)
}

fn group(level: i32, value: OptValue<'_>) -> Result<Group> {
    let OptValue::Bytes(bytes) = value else { return Err(Error::EINVAL) };
    let (group, is_multicast) = if level == IPPROTO_IPV6 {
        let (group, interface) = halves::<16, 4>(bytes)?;
        let (group, interface) = (Ipv6Addr::from(group), u32::from_ne_bytes(interface));
        (Group::V6 { group, interface }, group.is_multicast())
    } else {
        let (group, interface) = halves::<4, 4>(bytes)?;
        let (group, interface) = (Ipv4Addr::from(group), Ipv4Addr::from(interface));
        (Group::V4 { group, interface }, group.is_multicast())
    };
    if is_multicast { Ok(group) } else { Err(Error::EINVAL) }
}

/// The integer form of an option that has one.
fn int_of(option: &Opt) -> Option<i32> {
    Some(match *option {
        Opt::ReuseAddr(on)
        | Opt::Broadcast(on)
        | Opt::KeepAlive(on)
        | Opt::Listening(on)
        | Opt::NoDelay(on)
        | Opt::MulticastLoop(on) => on.into(),
        Opt::SendBuffer(bytes) | Opt::RecvBuffer(bytes) => i32::try_from(bytes).unwrap_or(i32::MAX),
        Opt::Type(SockType::Stream) => SOCK_STREAM,
        Opt::Type(SockType::Dgram) => SOCK_DGRAM,
        Opt::KeepIdle(seconds) | Opt::KeepInterval(seconds) => seconds.into(),
        Opt::KeepCount(count) => count.into(),
        Opt::Ttl(hops) | Opt::MulticastTtl(hops) => hops.into(),
        Opt::Linger(_)
        | Opt::Device(_)
        | Opt::MulticastInterface(_)
        | Opt::Join(_)
        | Opt::Leave(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn udp(level: i32, name: i32, value: OptValue<'_>) -> Result<Opt> {
        parse(level, name, value, SockType::Dgram)
    }

    #[test]
    fn integers_and_their_bytes_are_the_same() {
        let on = 7_i32.to_ne_bytes();
        let option = udp(SOL_SOCKET, SO_BROADCAST, OptValue::Bytes(&on));
        assert_eq!(option, udp(SOL_SOCKET, SO_BROADCAST, OptValue::Int(1)));
        for len in [0, 1, 2, 3] {
            let short = OptValue::Bytes(&on[..len]);
            assert_eq!(udp(SOL_SOCKET, SO_BROADCAST, short), Err(Error::EINVAL), "{len}");
        }
    }

    #[test]
    fn what_is_not_listed_is_refused() {
        for (level, name) in
            [(SOL_SOCKET, 20), (SOL_SOCKET, SO_ERROR), (SOL_SOCKET, SO_TYPE), (77, 1)]
        {
            assert_eq!(udp(level, name, OptValue::Int(1)), Err(Error::ENOPROTOOPT));
        }
        assert_eq!(udp(IPPROTO_TCP, TCP_NODELAY, OptValue::Int(1)), Err(Error::ENOPROTOOPT));
    }

    #[test]
    fn groups_are_checked() {
        let join = |bytes: &[u8]| udp(IPPROTO_IP, IP_ADD_MEMBERSHIP, OptValue::Bytes(bytes));
        assert!(join(&[239, 1, 2, 3, 0, 0, 0, 0]).is_ok());
        assert_eq!(join(&[10, 1, 2, 3, 0, 0, 0, 0]), Err(Error::EINVAL));
        assert_eq!(join(&[239, 1, 2, 3]), Err(Error::EINVAL));
        assert_eq!(join(&[0; 12]), Err(Error::EINVAL));
        assert_eq!(udp(IPPROTO_IP, IP_ADD_MEMBERSHIP, OptValue::Int(1)), Err(Error::EINVAL));
    }

    #[test]
    fn ranges_are_checked() {
        for (name, bad) in [(IP_TTL, 0), (IP_TTL, 256), (IP_MULTICAST_TTL, -1)] {
            assert_eq!(udp(IPPROTO_IP, name, OptValue::Int(bad)), Err(Error::EINVAL));
        }
        let linger = |on: i32, seconds: i32| {
            let mut bytes = [0; 8];
            bytes[..4].copy_from_slice(&on.to_ne_bytes());
            bytes[4..].copy_from_slice(&seconds.to_ne_bytes());
            udp(SOL_SOCKET, SO_LINGER, OptValue::Bytes(&bytes))
        };
        assert_eq!(linger(1, 0), Ok(Opt::Linger(Some(0))));
        assert_eq!(linger(0, 5), Ok(Opt::Linger(None)));
        assert_eq!(linger(1, -1), Err(Error::EINVAL));
        let seconds = [0, 1, 1000, 1001].map(|ms| whole_seconds(Duration::from_millis(ms)));
        assert_eq!(seconds, [0, 1, 1, 2]);
        assert_eq!(whole_seconds(Duration::MAX), u16::MAX);
        assert_eq!(udp(SOL_SOCKET, SO_BINDTODEVICE, OptValue::Bytes(b"a\0b")), Err(Error::EINVAL));
    }
}
