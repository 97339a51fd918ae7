//! Fields of a line: numbers, quoted text, addresses. Input is bytes, not text.

use core::net::Ipv4Addr;

use crate::address::Ip;

/// What is left of a line, field by field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn new(line: &'a [u8]) -> Self {
        Self(line)
    }

    /// The next field up to a comma, quotes taken off; `None` at the end. A comma inside
    /// quotes does not end it, and the firmware escapes nothing on output.
    pub(crate) fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let quoted = self.0[0] == b'"';
        let from = usize::from(quoted);
        let end = if quoted {
            from + position(&self.0[from..], b'"')?
        } else {
            position(self.0, b',').unwrap_or(self.0.len())
        };
        let field = &self.0[from..end];
        let rest = &self.0[end + usize::from(quoted)..];
        self.0 = rest.strip_prefix(b",").unwrap_or(rest);
        Some(field)
    }

    /// The next field as a number.
    pub(crate) fn number(&mut self) -> Option<u32> {
        number(self.next()?)
    }

    /// The next field as a port.
    pub(crate) fn port(&mut self) -> Option<u16> {
        u16::try_from(self.number()?).ok()
    }

    /// The next field as an address.
    pub(crate) fn ip(&mut self) -> Option<Ip> {
        ip(self.next()?)
    }
}

/// Which of these words a text is. Once in an image: a `match` on the bytes, or a table for each
/// list of words, takes three times the code.
#[inline(never)]
pub(crate) fn word(text: &[u8], words: &[&[u8]]) -> Option<usize> {
    words.iter().position(|word| *word == text)
}

/// What follows a prefix. Once in an image: `strip_prefix` is there for each length of one.
#[inline(never)]
pub(crate) fn after<'a>(text: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    text.strip_prefix(prefix)
}

fn position(bytes: &[u8], wanted: u8) -> Option<usize> {
    bytes.iter().position(|byte| *byte == wanted)
}

/// Decimal digits and nothing else, at most nine of them.
pub(crate) fn number(digits: &[u8]) -> Option<u32> {
    if digits.is_empty() || digits.len() > 9 {
        return None;
    }
    let mut value = 0;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        value = value * 10 + u32::from(digit - b'0');
    }
    Some(value)
}

/// An address, in quotes or not (sections 3.5, 5.1, 6).
pub(crate) fn ip(text: &[u8]) -> Option<Ip> {
    let text = text.strip_prefix(b"\"").unwrap_or(text);
    let text = text.strip_suffix(b"\"").unwrap_or(text);
    #[cfg(feature = "ipv6")]
    if text.contains(&b':') {
        let text = core::str::from_utf8(text).ok()?;
        return text.parse::<core::net::Ipv6Addr>().ok().map(Ip::V6);
    }
    let mut octets = [0; 4];
    let mut parts = text.split(|byte| *byte == b'.');
    for octet in &mut octets {
        *octet = u8::try_from(number(parts.next()?)?).ok()?;
    }
    parts.next().is_none().then_some(Ipv4Addr::from(octets).into())
}

/// The id of a link: one digit from 0 to 4.
pub(crate) fn link(field: &[u8]) -> Option<u8> {
    match field {
        [digit @ b'0'..=b'4'] => Some(digit - b'0'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_end_at_commas_outside_of_quotes() {
        let mut fields = Fields::new(b"0,\"TCP\",1,\"a,b\",,7");
        assert_eq!(fields.number(), Some(0));
        assert_eq!(fields.next(), Some(&b"TCP"[..]));
        assert_eq!(fields.number(), Some(1));
        assert_eq!(fields.next(), Some(&b"a,b"[..]));
        assert_eq!(fields.next(), Some(&b""[..]));
        assert_eq!(fields.port(), Some(7));
        assert_eq!(fields.next(), None);
        assert_eq!(Fields::new(b"\"open").next(), None);
    }

    #[test]
    fn numbers_and_addresses() {
        for (text, value) in [(&b"0"[..], Some(0)), (b"999999999", Some(999_999_999))] {
            assert_eq!(number(text), value);
        }
        for bad in [&b""[..], b"-1", b"1x", b"1234567890", b" 1"] {
            assert_eq!(number(bad), None);
        }
        let address = Some(Ipv4Addr::new(10, 0, 0, 1).into());
        assert_eq!((ip(b"10.0.0.1"), ip(b"\"10.0.0.1\"")), (address, address));
        for bad in [&b"10.0.0"[..], b"10.0.0.256", b"10.0.0.1.2", b"", b"a.b.c.d"] {
            assert_eq!(ip(bad), None);
        }
        assert_eq!((link(b"4"), link(b"5"), link(b""), link(b"00")), (Some(4), None, None, None));
    }
}
