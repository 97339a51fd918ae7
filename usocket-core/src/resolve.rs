//! `getaddrinfo`: literals at once, names through the backend.

use core::fmt;
#[cfg(not(feature = "ipv6"))]
use core::net::Ipv4Addr;
#[cfg(feature = "ipv6")]
use core::net::Ipv6Addr;
use core::net::{IpAddr, SocketAddrV6};
use core::time::Duration;

use crate::spi::{Answer, Backend, Handle, MAX_ADDRESSES, MAX_NAME, SockType};
use crate::{
    AF_INET, AF_INET6, AI_CANONNAME, AI_NUMERICHOST, AI_PASSIVE, Error, Family, IPPROTO_TCP,
    IPPROTO_UDP, Instant, POLLIN, Result, SOCK_DGRAM, SOCK_STREAM, SockAddr, wait,
};

/// What `getaddrinfo` is asked beside host and port: the filters of the
/// reference text, each 0 for "any", and a timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hints {
    /// `AF_INET`, `AF_INET6` or 0.
    pub af: i32,
    /// `SOCK_STREAM`, `SOCK_DGRAM` or 0.
    pub socktype: i32,
    /// `IPPROTO_TCP`, `IPPROTO_UDP` or 0.
    pub proto: i32,
    /// `AI_*` bits.
    pub flags: i32,
    /// How long a query may take; then `EAI_AGAIN` (-3). No socket's timeout
    /// applies (row 31). Default 15 s. Zero answers at once or not at all.
    pub timeout: Duration,
}

impl Default for Hints {
    fn default() -> Self {
        Self { af: 0, socktype: 0, proto: 0, flags: 0, timeout: Duration::from_secs(15) }
    }
}

impl Hints {
    /// No filter.
    #[must_use]
    pub fn any() -> Self {
        Self::default()
    }

    /// Only what a stream socket can connect to: the reference's recommendation.
    #[must_use]
    pub fn stream() -> Self {
        Self { socktype: SOCK_STREAM, ..Self::default() }
    }

    /// Only what a datagram socket can send to.
    #[must_use]
    pub fn dgram() -> Self {
        Self { socktype: SOCK_DGRAM, ..Self::default() }
    }

    /// The type left by `socktype` and `proto` together (rows 19 to 21, 23); `None` is both.
    fn kind(&self) -> Result<Option<SockType>> {
        match (self.socktype, self.proto) {
            (0, 0) => Ok(None),
            (0 | SOCK_STREAM, 0 | IPPROTO_TCP) => Ok(Some(SockType::Stream)),
            (0 | SOCK_DGRAM, 0 | IPPROTO_UDP) => Ok(Some(SockType::Dgram)),
            _ => Err(Error::EAI_SOCKTYPE),
        }
    }

    fn family(&self) -> Result<Option<Family>> {
        match self.af {
            0 => Ok(None),
            AF_INET => Ok(Some(Family::V4)),
            AF_INET6 => Ok(Some(Family::V6)),
            _ => Err(Error::EAI_FAMILY),
        }
    }
}

/// `()` for "no hints".
impl From<()> for Hints {
    fn from((): ()) -> Self {
        Self::default()
    }
}

/// One 5-tuple of the result: (family, type, proto, canonname, sockaddr).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddrInfo<'l> {
    /// `AF_INET` or `AF_INET6`.
    pub family: i32,
    /// `SOCK_STREAM` or `SOCK_DGRAM`.
    pub socktype: i32,
    /// `IPPROTO_TCP` or `IPPROTO_UDP`.
    pub proto: i32,
    /// The canonical name if `AI_CANONNAME` was given, else empty (row 25). Only with the
    /// feature `canonname`; without it the flag is `EAI_BADFLAGS`.
    pub canonname: &'l str,
    /// The address: takes `bind`, `connect` and `sendto` unchanged (row 30).
    pub sockaddr: SockAddr,
}

/// The list that `getaddrinfo` returns; never empty (row 16).
///
/// 44 bytes; 104 more with the feature `ipv6`, and 264 with `canonname`.
#[derive(Clone)]
pub struct AddrInfoList {
    addresses: heapless::Vec<Ip, MAX_ADDRESSES, u8>,
    #[cfg(feature = "canonname")]
    canonname: heapless::String<MAX_NAME>,
    kind: Option<SockType>,
    port: u16,
    scope_id: u32,
}

/// An address in a list, of no more than the families that backends have: see the feature.
#[cfg(feature = "ipv6")]
type Ip = IpAddr;
#[cfg(not(feature = "ipv6"))]
type Ip = Ipv4Addr;

fn known(ip: IpAddr) -> Option<Ip> {
    #[cfg(feature = "ipv6")]
    return Some(ip);
    #[cfg(not(feature = "ipv6"))]
    match ip {
        IpAddr::V4(ip) => Some(ip),
        IpAddr::V6(_) => None,
    }
}

impl AddrInfoList {
    /// The first entry: the reference's `[0]`, `SOCK_STREAM` unless filtered out
    /// (row 18).
    #[must_use]
    pub fn first(&self) -> AddrInfo<'_> {
        self.entry(0)
    }

    /// The entry at `index`, below [`len`](Self::len).
    #[must_use]
    pub fn get(&self, index: usize) -> Option<AddrInfo<'_>> {
        (index < self.len()).then(|| self.entry(index))
    }

    /// How many entries there are, 1 to 16.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "it is never empty")]
    pub fn len(&self) -> usize {
        self.addresses.len() << u32::from(self.kind.is_none())
    }

    /// The entries: per address the stream before the datagram one.
    pub fn iter(&self) -> impl Iterator<Item = AddrInfo<'_>> {
        (0..self.len()).map(|index| self.entry(index))
    }

    /// The canonical name of the list, empty unless `AI_CANONNAME` was given.
    #[must_use]
    pub fn canonname(&self) -> &str {
        #[cfg(feature = "canonname")]
        return &self.canonname;
        #[cfg(not(feature = "canonname"))]
        ""
    }

    fn entry(&self, index: usize) -> AddrInfo<'_> {
        // Without a filter each address is there twice.
        let (index, kind) = match (self.kind, index % 2) {
            (Some(kind), _) => (index, kind),
            (None, 0) => (index / 2, SockType::Stream),
            (None, _) => (index / 2, SockType::Dgram),
        };
        #[cfg_attr(feature = "ipv6", expect(clippy::useless_conversion, reason = "without"))]
        let ip = IpAddr::from(self.addresses[index]);
        let (socktype, proto) = match kind {
            SockType::Stream => (SOCK_STREAM, IPPROTO_TCP),
            SockType::Dgram => (SOCK_DGRAM, IPPROTO_UDP),
        };
        let sockaddr = match ip {
            IpAddr::V6(v6) => SocketAddrV6::new(v6, self.port, 0, self.scope_id).into(),
            IpAddr::V4(_) => SockAddr::new(ip, self.port),
        };
        let family = Family::of(ip).number();
        AddrInfo { family, socktype, proto, canonname: self.canonname(), sockaddr }
    }
}

impl fmt::Debug for AddrInfoList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// A checked question, before anybody is asked.
pub(crate) struct Question {
    kind: Option<SockType>,
    family: Option<Family>,
    port: u16,
    canonname: bool,
    numeric: bool,
}

impl Question {
    /// Checks the arguments in the order of the C library (rows 21 to 23, 29).
    pub(crate) fn new(port: impl TryInto<u16>, hints: &Hints) -> Result<Self> {
        let flags = AI_PASSIVE | AI_NUMERICHOST;
        let flags = if cfg!(feature = "canonname") { flags | AI_CANONNAME } else { flags };
        if hints.flags & !flags != 0 {
            return Err(Error::EAI_BADFLAGS);
        }
        Ok(Self {
            family: hints.family()?,
            kind: hints.kind()?,
            port: port.try_into().map_err(|_| Error::EAI_SERVICE)?,
            canonname: hints.flags & AI_CANONNAME != 0,
            numeric: hints.flags & AI_NUMERICHOST != 0,
        })
    }

    /// The list of `addresses`; its name is `canonname`, or `host` where that is empty.
    fn list(
        &self,
        addresses: &[IpAddr],
        canonname: &str,
        host: &str,
        scope_id: u32,
    ) -> Result<AddrInfoList> {
        let mut list = AddrInfoList {
            addresses: heapless::Vec::new(),
            #[cfg(feature = "canonname")]
            canonname: match (self.canonname, canonname) {
                (false, _) => heapless::String::new(),
                (true, "") => host.try_into().unwrap_or_default(),
                (true, name) => name.try_into().unwrap_or_default(),
            },
            kind: self.kind,
            port: self.port,
            scope_id,
        };
        let _ = (canonname, host);
        for &ip in addresses {
            if self.family.is_none_or(|family| family == Family::of(ip))
                && let Some(ip) = known(ip)
            {
                // An answer has no more.
                let _ = list.addresses.push(ip);
            }
        }
        if list.addresses.is_empty() { Err(Error::EAI_NONAME) } else { Ok(list) }
    }

    /// The answer that needs nobody: a literal (rows 17, 22, 24), or that there is none.
    pub(crate) fn literal(&self, host: &str) -> Result<Option<AddrInfoList>> {
        let (ip, scope_id) = match numeric(host) {
            Some(address) => address,
            None if self.numeric || !is_name(host) => return Err(Error::EAI_NONAME),
            None => return Ok(None),
        };
        if self.family.is_some_and(|family| family != Family::of(ip)) {
            return Err(Error::EAI_ADDRFAMILY);
        }
        self.list(&[ip], "", host, scope_id).map(Some)
    }

    /// Starts the query at the backend.
    pub(crate) fn ask<'b, B: Backend + ?Sized>(
        &self,
        net: &'b B,
        host: &str,
    ) -> Result<Query<'b, B>> {
        let handle = net.start_query(host, self.family, self.canonname)?;
        Ok(Query { net, handle })
    }

    /// One look whether the answer is there. Apart, as the answer takes 400 bytes of stack,
    /// which must not lie below what runs while it is waited for.
    #[inline(never)]
    pub(crate) fn answer<B: Backend + ?Sized>(
        &self,
        query: &Query<'_, B>,
        host: &str,
    ) -> Result<AddrInfoList> {
        let mut answer = Answer::default();
        query.net.try_answer(query.handle, &mut answer)?;
        self.list(&answer.addresses, &answer.canonname, host, 0)
    }
}

/// A query at the backend, freed when dropped (S23).
pub(crate) struct Query<'b, B: Backend + ?Sized> {
    net: &'b B,
    pub(crate) handle: Handle,
}

impl<B: Backend + ?Sized> Drop for Query<'_, B> {
    fn drop(&mut self) {
        self.net.end_query(self.handle);
    }
}

/// An address in text, and the interface of an IPv6 one (rows 17, 24).
#[cfg(feature = "ipv6")]
fn numeric(host: &str) -> Option<(IpAddr, u32)> {
    match host.bytes().position(|byte| byte == b'%') {
        None => host.parse().ok().map(|ip| (ip, 0)),
        Some(at) => {
            let ip: Ipv6Addr = host[..at].parse().ok()?;
            Some((ip.into(), host[at + 1..].parse().ok()?))
        }
    }
}

/// The same where there is no IPv6: its literals are no names either, so `EAI_NONAME`.
#[cfg(not(feature = "ipv6"))]
fn numeric(host: &str) -> Option<(IpAddr, u32)> {
    host.parse().ok().map(|ip: Ipv4Addr| (ip.into(), 0))
}

/// Asks for the name of an address.
#[cfg(any(feature = "embedded-nal", feature = "embedded-nal-async", feature = "edge-nal"))]
pub(crate) fn ask_name<B: Backend + ?Sized>(net: &B, ip: IpAddr) -> Result<Query<'_, B>> {
    Ok(Query { net, handle: net.start_reverse(ip)? })
}

/// One look whether the name is there.
#[cfg(any(feature = "embedded-nal", feature = "embedded-nal-async", feature = "edge-nal"))]
pub(crate) fn name<B: Backend + ?Sized>(
    query: &Query<'_, B>,
) -> Result<heapless::String<MAX_NAME>> {
    let mut answer = Answer::default();
    query.net.try_answer(query.handle, &mut answer)?;
    if answer.canonname.is_empty() { Err(Error::EAI_NONAME) } else { Ok(answer.canonname) }
}

/// Puts a name at the beginning of `result`; `ENOBUFS` where it does not fit.
#[cfg(any(feature = "embedded-nal", feature = "embedded-nal-async", feature = "edge-nal"))]
pub(crate) fn copy_name(name: &str, result: &mut [u8]) -> Result<usize> {
    let place = result.get_mut(..name.len()).ok_or(Error::ENOBUFS)?;
    place.copy_from_slice(name.as_bytes());
    Ok(name.len())
}

/// A name that may be asked for: RFC 1123 labels, underscores as well. One whose last
/// label is a number is none: resolvers take "1.2.3", "0x7f.1" and "1" for addresses,
/// which rows 27 and 33 do not allow.
fn is_name(host: &str) -> bool {
    let name = host.as_bytes();
    let name = name.strip_suffix(b".").unwrap_or(name);
    let mut last = &name[..0];
    // Bytes, not text: a search in text costs an image a kilobyte.
    name.len() <= MAX_NAME
        && name.split(|&byte| byte == b'.').all(|label| {
            last = label;
            is_label(label)
        })
        && !is_number(last)
}

fn is_label(label: &[u8]) -> bool {
    let good = |&byte: &u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    (1..=63).contains(&label.len())
        && label.iter().all(good)
        && !matches!(label, [b'-', ..] | [.., b'-'])
}

fn is_number(label: &[u8]) -> bool {
    match label {
        [b'0', b'x' | b'X', digits @ ..] => digits.iter().all(u8::is_ascii_hexdigit),
        digits => digits.iter().all(u8::is_ascii_digit),
    }
}

/// When a query that starts now is given up.
pub(crate) fn query_deadline<B: Backend + ?Sized>(net: &B, hints: &Hints) -> Instant {
    net.platform().now().after(hints.timeout)
}

/// What a wait for an answer may fail with, as numbers of `getaddrinfo` (row 27): it ran
/// out of time (row 31), or found no room for its waiter. The backend's own are such.
pub(crate) fn refused(error: Error) -> Error {
    match error {
        Error::ETIMEDOUT | Error::EAGAIN => Error::EAI_AGAIN,
        Error::ENOBUFS => Error::EAI_MEMORY,
        error => error,
    }
}

pub(crate) fn getaddrinfo<B: Backend + ?Sized>(
    net: &B,
    host: &str,
    port: impl TryInto<u16>,
    hints: &Hints,
) -> Result<AddrInfoList> {
    let question = Question::new(port, hints)?;
    if let Some(list) = question.literal(host)? {
        return Ok(list);
    }
    let deadline = query_deadline(net, hints);
    let query = question.ask(net, host)?;
    let look = || question.answer(&query, host);
    wait::until(net, query.handle, POLLIN, Some(deadline), look).map_err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn literal(host: &str, hints: Hints) -> Result<Option<AddrInfoList>> {
        Question::new(80, &hints)?.literal(host)
    }

    fn refusal(host: &str, hints: Hints) -> Error {
        literal(host, hints).expect_err(host)
    }

    #[test]
    fn filters_of_the_reference() {
        let list = literal("127.0.0.1", Hints::any()).unwrap().unwrap();
        assert_eq!(list.len(), 2);
        let (first, second) = (list.first(), list.get(1).unwrap());
        assert_eq!((first.socktype, first.proto), (SOCK_STREAM, IPPROTO_TCP));
        assert_eq!((second.socktype, second.proto), (SOCK_DGRAM, IPPROTO_UDP));
        assert_eq!((first.canonname, list.get(2)), ("", None));
        for (hints, want) in [
            (Hints::stream(), SOCK_STREAM),
            (Hints::dgram(), SOCK_DGRAM),
            (Hints { proto: IPPROTO_UDP, ..Hints::any() }, SOCK_DGRAM),
            (Hints { proto: IPPROTO_TCP, ..Hints::any() }, SOCK_STREAM),
        ] {
            let list = literal("127.0.0.1", hints).unwrap().unwrap();
            assert_eq!((list.len(), list.first().socktype), (1, want));
        }
    }

    #[test]
    fn refusals_have_the_c_librarys_numbers() {
        let with =
            |af, socktype, proto, flags| Hints { af, socktype, proto, flags, ..Hints::any() };
        for (host, hints, want) in [
            ("127.0.0.1", with(0, SOCK_DGRAM, IPPROTO_TCP, 0), Error::EAI_SOCKTYPE),
            ("127.0.0.1", with(0, 99, 0, 0), Error::EAI_SOCKTYPE),
            ("127.0.0.1", with(99, 0, 0, 0), Error::EAI_FAMILY),
            ("127.0.0.1", with(0, 0, 0, 0x8000), Error::EAI_BADFLAGS),
            ("127.0.0.1", with(AF_INET6, 0, 0, 0), Error::EAI_ADDRFAMILY),
            ("example.org", with(0, 0, 0, AI_NUMERICHOST), Error::EAI_NONAME),
            ("", Hints::any(), Error::EAI_NONAME),
            ("hey.!!$$", Hints::any(), Error::EAI_NONAME),
            ("256.1.1.1", Hints::any(), Error::EAI_NONAME),
            ("1.2.3", Hints::any(), Error::EAI_NONAME),
            ("1.2.3.4.", Hints::any(), Error::EAI_NONAME),
            ("1", Hints::any(), Error::EAI_NONAME),
            ("0x7f.1", Hints::any(), Error::EAI_NONAME),
            ("127.0X1", Hints::any(), Error::EAI_NONAME),
            (".", Hints::any(), Error::EAI_NONAME),
            ("ä.de", Hints::any(), Error::EAI_NONAME),
            ("a\0b", Hints::any(), Error::EAI_NONAME),
            ("a\"b", Hints::any(), Error::EAI_NONAME),
            ("a..b", Hints::any(), Error::EAI_NONAME),
            ("-a.b", Hints::any(), Error::EAI_NONAME),
            ("127.0.0.1%1", Hints::any(), Error::EAI_NONAME),
            ("fe80::1%lo", Hints::any(), Error::EAI_NONAME),
        ] {
            assert_eq!(refusal(host, hints), want, "{host:?}");
        }
        let v6 = refusal("::1", with(AF_INET, 0, 0, 0));
        assert_eq!(
            v6,
            if cfg!(feature = "ipv6") { Error::EAI_ADDRFAMILY } else { Error::EAI_NONAME }
        );
        assert!(Question::new(65_536, &Hints::any()).is_err_and(|e| e == Error::EAI_SERVICE));
        assert!(Question::new(-1, &Hints::any()).is_err_and(|e| e == Error::EAI_SERVICE));
    }

    #[test]
    fn names_are_left_to_the_backend() {
        for name in
            ["localhost", "dl.sipeed.com", "a_b.local.", "3com.example", "xn--nxasmq6b", "1.2.3.x"]
        {
            assert!(literal(name, Hints::any()).unwrap().is_none(), "{name}");
        }
    }

    #[cfg(feature = "ipv6")]
    #[test]
    fn ipv6_literals_are_normalised_and_scoped() {
        let list = literal("FE80:0::1%1", Hints::any()).unwrap().unwrap();
        let address = list.first().sockaddr;
        assert_eq!((address.scope_id(), list.first().family), (1, AF_INET6));
        assert_eq!(address.ip(), IpAddr::V6("fe80::1".parse::<Ipv6Addr>().unwrap()));
    }

    #[test]
    fn a_canonical_name_needs_its_feature() {
        let named = Hints { flags: AI_CANONNAME, ..Hints::any() };
        let list = literal("127.0.0.1", named);
        if cfg!(feature = "canonname") {
            let list = list.unwrap().unwrap();
            assert_eq!((list.canonname(), list.first().canonname), ("127.0.0.1", "127.0.0.1"));
        } else {
            assert_eq!(list.unwrap_err(), Error::EAI_BADFLAGS);
        }
    }

    #[test]
    fn a_list_is_small() {
        let names = if cfg!(feature = "canonname") { 264 } else { 0 };
        let v6 = if cfg!(feature = "ipv6") { 104 } else { 0 };
        assert!(size_of::<AddrInfoList>() <= 48 + names + v6);
    }
}
