//! Text and binary addresses: `inet_pton` and `inet_ntop` (rows 32 to 38).

use core::fmt::Write;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::ops::Deref;

use crate::{AF_INET, AF_INET6, Error, Result};

/// Longest text form of an address, in bytes.
pub const INET_ADDRSTRLEN: usize = 45;

/// A binary address as `inet_pton` gives it: 4 or 16 bytes, network order.
///
/// Dereferences to a byte slice.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct BinAddr(Bytes);

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Bytes {
    V4([u8; 4]),
    V6([u8; 16]),
}

impl BinAddr {
    /// The address as a `core::net` type.
    #[must_use]
    pub fn ip(&self) -> IpAddr {
        match self.0 {
            Bytes::V4(octets) => octets.into(),
            Bytes::V6(octets) => octets.into(),
        }
    }
}

impl Deref for BinAddr {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::V4(octets) => octets,
            Bytes::V6(octets) => octets,
        }
    }
}

impl core::fmt::Debug for BinAddr {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Converts the text of an address of family `af` into its bytes.
///
/// Strict: no leading zeros, no hexadecimal IPv4, no scope, no white space
/// (rows 33 to 35).
///
/// # Errors
/// `EAFNOSUPPORT` for an unknown family (row 38), `EINVAL` for any other text.
///
/// ```
/// use usocket_core::{AF_INET, Error, inet_pton};
/// assert_eq!(*inet_pton(AF_INET, "1.2.3.4")?, [1, 2, 3, 4]);
/// assert_eq!(inet_pton(AF_INET, "01.2.3.4").unwrap_err(), Error::EINVAL);
/// # Ok::<(), Error>(())
/// ```
pub fn inet_pton(af: i32, text: &str) -> Result<BinAddr> {
    let bytes = match af {
        AF_INET => text.parse().map(|v4: Ipv4Addr| Bytes::V4(v4.octets())),
        AF_INET6 => text.parse().map(|v6: Ipv6Addr| Bytes::V6(v6.octets())),
        _ => return Err(Error::EAFNOSUPPORT),
    };
    bytes.map(BinAddr).map_err(|_| Error::EINVAL)
}

/// Converts the bytes of an address of family `af` into text.
///
/// IPv6 as RFC 5952 with the C library's dotted tails, `::1.2.3.4` (row 36).
///
/// # Errors
/// `EAFNOSUPPORT` for an unknown family (row 38), `EINVAL` for a wrong number
/// of bytes (row 37).
///
/// ```
/// use usocket_core::{AF_INET, inet_ntop};
/// assert_eq!(inet_ntop(AF_INET, &[0x7f, 0, 0, 1])?, "127.0.0.1");
/// # Ok::<(), usocket_core::Error>(())
/// ```
pub fn inet_ntop(af: i32, bytes: &[u8]) -> Result<heapless::String<INET_ADDRSTRLEN>> {
    let ip = match af {
        AF_INET => IpAddr::from(<[u8; 4]>::try_from(bytes).map_err(|_| Error::EINVAL)?),
        AF_INET6 => IpAddr::from(<[u8; 16]>::try_from(bytes).map_err(|_| Error::EINVAL)?),
        _ => return Err(Error::EAFNOSUPPORT),
    };
    Ok(ip_text(ip))
}

/// The text of an address in the form of [`inet_ntop`].
#[must_use]
pub fn ip_text(ip: IpAddr) -> heapless::String<INET_ADDRSTRLEN> {
    let mut text = heapless::String::new();
    // The capacity is that of the longest form, so writing cannot fail.
    let _ = match ip {
        IpAddr::V6(v6) => match dotted_tail(v6) {
            Some(v4) => write!(text, "::{v4}"),
            None => write!(text, "{v6}"),
        },
        IpAddr::V4(v4) => write!(text, "{v4}"),
    };
    text
}

/// The last four bytes, where the C library prints them dotted but `Display`
/// does not: 96 zero bits, and more than 16 bits behind them.
fn dotted_tail(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    let bits = v6.to_bits();
    let tail = u32::try_from(bits).ok()?;
    (tail > 0xffff).then(|| Ipv4Addr::from_bits(tail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn v6(text: &str) -> heapless::String<INET_ADDRSTRLEN> {
        inet_ntop(AF_INET6, &inet_pton(AF_INET6, text).unwrap()).unwrap()
    }

    #[test]
    fn ipv4_texts_that_are_refused() {
        for bad in [
            "",
            "1.2.3",
            "1.2.3.4.5",
            "256.0.0.1",
            "01.2.3.4",
            "1.2.3.04",
            "00.0.0.0",
            "0x1.2.3.4",
            " 1.2.3.4",
            "1.2.3.4 ",
            "1..2.3",
            "1.2.3.-4",
            "localhost",
            "::1",
        ] {
            assert_eq!(inet_pton(AF_INET, bad), Err(Error::EINVAL), "{bad:?}");
        }
    }

    #[test]
    fn ipv6_texts_that_are_refused() {
        for bad in [
            ":::",
            "1::2::3",
            "12345::",
            "1:2:3:4:5:6:7",
            "1:2:3:4:5:6:7:8:9",
            "1:",
            "1:2:3:4:5:6:7:8:",
            "fe80::1%lo",
            "::1.2.3",
            "::256.1.1.1",
            "::01.2.3.4",
            "1:2:3:4:5:6:7:1.2.3.4",
            "",
        ] {
            assert_eq!(inet_pton(AF_INET6, bad), Err(Error::EINVAL), "{bad:?}");
        }
    }

    #[test]
    fn ipv6_texts_come_back_in_the_c_librarys_form() {
        for (text, form) in [
            ("::", "::"),
            ("1::", "1::"),
            ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"),
            ("FE80::A", "fe80::a"),
            ("::1.2.3.4", "::1.2.3.4"),
            ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"),
            ("::0.1.2.3", "::0.1.2.3"),
            ("::0.0.1.2", "::102"),
            ("::1", "::1"),
            ("1:0:2:0:0:3:0:0", "1:0:2::3:0:0"),
            ("1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"),
        ] {
            assert_eq!(v6(text), form, "{text}");
        }
    }

    #[test]
    fn lengths_and_families_are_checked() {
        for n in [0, 3, 5, 16] {
            assert_eq!(inet_ntop(AF_INET, &[0; 16][..n]), Err(Error::EINVAL), "{n}");
        }
        for n in [0, 4, 15] {
            assert_eq!(inet_ntop(AF_INET6, &[0; 16][..n]), Err(Error::EINVAL), "{n}");
        }
        assert_eq!(inet_ntop(99, &[0; 4]), Err(Error::EAFNOSUPPORT));
        assert_eq!(inet_pton(99, "1.2.3.4"), Err(Error::EAFNOSUPPORT));
    }
}
