//! Questions and answers of a name server, byte by byte (RFC 1035).

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use heapless::{String, Vec};
use usocket_core::spi::{MAX_ADDRESSES, MAX_NAME};

/// Longest question: header, the longest name, type and class.
pub(super) const QUESTION: usize = 12 + 255 + 4;

/// Longest answer that a server may send without being asked for longer ones.
pub(super) const ANSWER: usize = 512;

/// Links of a compressed name that are followed, so that no loop of them is.
const LINKS: usize = 16;

const CNAME: u16 = 5;
const INTERNET: u16 = 1;

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
}

impl Kind {
    const fn number(self) -> u16 {
        match self {
            Kind::A => 1,
            Kind::Aaaa => 28,
        }
    }
}

/// What a server says.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "there is no heap to put it in")]
pub(super) enum Reply {
    /// The addresses, maybe none, and the name that they are those of.
    Addresses(Vec<IpAddr, MAX_ADDRESSES>, String<MAX_NAME>),
    /// There is no such name.
    Unknown,
    /// The server cannot or will not tell.
    Failure,
}

/// A question for `name`, which is well formed.
pub(super) fn question(id: u16, name: &str, kind: Kind) -> Option<Vec<u8, QUESTION>> {
    let mut out = Vec::new();
    out.extend_from_slice(&id.to_be_bytes()).ok()?;
    // Recursion desired; one question.
    out.extend_from_slice(&[1, 0, 0, 1, 0, 0, 0, 0, 0, 0]).ok()?;
    for label in name.split('.') {
        let len = u8::try_from(label.len()).ok().filter(|len| (1..=63).contains(len))?;
        out.push(len).ok()?;
        out.extend_from_slice(label.as_bytes()).ok()?;
    }
    out.push(0).ok()?;
    out.extend_from_slice(&kind.number().to_be_bytes()).ok()?;
    out.extend_from_slice(&INTERNET.to_be_bytes()).ok()?;
    Some(out)
}

/// The id of a message, to find out whose answer it is.
pub(super) fn id(message: &[u8]) -> Option<u16> {
    word(message, 0)
}

/// What the message answers to this question; `None` if it is no answer to it.
pub(super) fn reply(message: &[u8], name: &str, kind: Kind) -> Option<Reply> {
    let flags = word(message, 2)?;
    // A response to a standard query, with the one question repeated.
    if flags & 0xf800 != 0x8000 || word(message, 4)? != 1 {
        return None;
    }
    let (asked, at) = read_name(message, 12)?;
    if !asked.eq_ignore_ascii_case(name)
        || word(message, at)? != kind.number()
        || word(message, at + 2)? != INTERNET
    {
        return None;
    }
    match flags & 15 {
        0 => {}
        3 => return Some(Reply::Unknown),
        _ => return Some(Reply::Failure),
    }
    if flags & 0x0200 != 0 && word(message, 6)? == 0 {
        // Cut off before the first record.
        return Some(Reply::Failure);
    }
    records(message, at + 4, asked, kind)
}

fn records(message: &[u8], mut at: usize, name: String<MAX_NAME>, kind: Kind) -> Option<Reply> {
    let mut addresses = Vec::new();
    let mut current = name;
    for _ in 0..word(message, 6)? {
        // A message that was cut off still tells what came before.
        let Some((owner, next)) = read_name(message, at) else { break };
        let (Some(rtype), Some(len)) = (word(message, next), word(message, next + 8)) else {
            break;
        };
        let data = next + 10;
        let Some(bytes) = message.get(data..data + usize::from(len)) else { break };
        at = data + bytes.len();
        if !owner.eq_ignore_ascii_case(&current) || word(message, next + 2) != Some(INTERNET) {
            continue;
        }
        if rtype == CNAME {
            current = read_name(message, data)?.0;
        } else if rtype == kind.number()
            && let Some(ip) = address(kind, bytes)
        {
            // More than fit are left out.
            let _ = addresses.push(ip);
        }
    }
    Some(Reply::Addresses(addresses, current))
}

fn address(kind: Kind, bytes: &[u8]) -> Option<IpAddr> {
    Some(match kind {
        Kind::A => Ipv4Addr::from(<[u8; 4]>::try_from(bytes).ok()?).into(),
        Kind::Aaaa => Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?).into(),
    })
}

/// The name that begins at `at`, and where what follows it begins.
fn read_name(message: &[u8], mut at: usize) -> Option<(String<MAX_NAME>, usize)> {
    let mut name = String::new();
    let mut after = None;
    for _ in 0..LINKS {
        loop {
            let len = *message.get(at)?;
            match len {
                0 => return Some((name, after.unwrap_or(at + 1))),
                1..=63 => {
                    let label = message.get(at + 1..at + 1 + usize::from(len))?;
                    if !name.is_empty() {
                        name.push('.').ok()?;
                    }
                    // Other than printable ASCII is in no name that anybody asked for.
                    let text = core::str::from_utf8(label).ok().filter(|text| text.is_ascii())?;
                    name.push_str(text).ok()?;
                    at += 1 + label.len();
                }
                192.. => break,
                64.. => return None,
            }
        }
        let link = usize::from(word(message, at)? & 0x3fff);
        after = after.or(Some(at + 2));
        at = link;
    }
    None
}

fn word(message: &[u8], at: usize) -> Option<u16> {
    let bytes = message.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The answer to a question with records `(name, type, data)`.
    fn answer(question: &[u8], code: u8, records: &[(&[u8], u16, &[u8])]) -> std::vec::Vec<u8> {
        let mut out = question.to_vec();
        out[2] = 0x81;
        out[3] = 0x80 | code;
        out[7] = u8::try_from(records.len()).unwrap();
        for (name, kind, data) in records {
            out.extend(*name);
            out.extend(kind.to_be_bytes());
            out.extend([0, 1, 0, 0, 0, 60]);
            out.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            out.extend(*data);
        }
        out
    }

    const ASKED: &[u8] = &[0xc0, 12];

    fn addresses(reply: Option<Reply>) -> (std::vec::Vec<IpAddr>, std::string::String) {
        match reply {
            Some(Reply::Addresses(list, name)) => (list.to_vec(), name.as_str().into()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn several_addresses_behind_an_alias() {
        let asked = question(7, "www.Example.org", Kind::A).unwrap();
        let records: &[(&[u8], u16, &[u8])] = &[
            (ASKED, CNAME, b"\x04host\xc0\x10"),
            (b"\x05other\0", 1, &[9, 9, 9, 9]),
            (b"\x04HOST\xc0\x10", 1, &[1, 2, 3, 4]),
            (b"\x04host\xc0\x10", 28, &[0; 16]),
            (b"\x04host\xc0\x10", 1, &[5, 6, 7, 8]),
        ];
        let message = answer(&asked, 0, records);
        assert_eq!(id(&message), Some(7));
        let found = addresses(reply(&message, "www.example.org", Kind::A));
        let want = [[1, 2, 3, 4], [5, 6, 7, 8]].map(|ip| IpAddr::from(Ipv4Addr::from(ip)));
        assert_eq!(found, (want.to_vec(), "host.Example.org".into()));
    }

    #[test]
    fn what_servers_say_instead() {
        let asked = question(7, "a.b", Kind::Aaaa).unwrap();
        let said = |code| reply(&answer(&asked, code, &[]), "a.b", Kind::Aaaa);
        assert_eq!(said(3), Some(Reply::Unknown));
        assert_eq!(said(2), Some(Reply::Failure));
        assert_eq!(said(5), Some(Reply::Failure));
        assert!(addresses(said(0)).0.is_empty());
        // Not an answer to what was asked.
        assert_eq!(reply(&answer(&asked, 0, &[]), "a.c", Kind::Aaaa), None);
        assert_eq!(reply(&answer(&asked, 0, &[]), "a.b", Kind::A), None);
        assert_eq!(reply(&asked, "a.b", Kind::Aaaa), None);
    }

    #[test]
    fn no_message_hangs_or_panics() {
        let asked = question(7, "a.b", Kind::A).unwrap();
        let whole =
            answer(&asked, 0, &[(ASKED, 1, &[1, 2, 3, 4]), (&[0xc0, 21], CNAME, &[0xc0, 21])]);
        for len in 0..whole.len() {
            let _ = reply(&whole[..len], "a.b", Kind::A);
        }
        for at in 0..whole.len() {
            for byte in [0, 1, 63, 64, 0xc0, 0xff] {
                let mut bent = whole.clone();
                bent[at] = byte;
                let _ = reply(&bent, "a.b", Kind::A);
            }
        }
        let looped = [0u8, 7, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0, 0xc0, 12, 0, 1, 0, 1];
        assert_eq!(reply(&looped, "a.b", Kind::A), None);
    }

    #[test]
    fn names_that_do_not_fit_are_no_question() {
        assert!(question(1, "", Kind::A).is_none());
        assert!(question(1, "a..b", Kind::A).is_none());
        let long = "a".repeat(64);
        assert!(question(1, &long, Kind::A).is_none());
        let most = ["a".repeat(63), "b".repeat(63), "c".repeat(63), "d".repeat(61)].join(".");
        assert!(question(1, &most, Kind::A).is_some());
    }
}
