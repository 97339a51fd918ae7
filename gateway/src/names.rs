//! A name server that asks this machine.

use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use dns_lookup::LookupErrorKind;

use crate::engine::Errand;
use crate::place::from_host;
use crate::wire::Wire;

/// The port of name servers.
pub(crate) const PORT: u16 = 53;

/// Questions that are under way at once; more are not answered, and asked again.
const THREADS: usize = 16;

/// Addresses in an answer.
const ADDRESSES: usize = 8;

/// Answers questions, each in a thread: the system's resolver takes its time.
#[derive(Debug, Default)]
pub(crate) struct Names {
    asking: Arc<AtomicUsize>,
}

impl Names {
    /// Has a question answered to `from`, as an errand of the gateway.
    pub(crate) fn ask(&self, wire: &Arc<Wire>, from: SocketAddrV4, query: &[u8]) {
        let Some(question) = Question::parse(query) else { return };
        if self.asking.fetch_add(1, Ordering::Relaxed) >= THREADS {
            self.asking.fetch_sub(1, Ordering::Relaxed);
            return;
        }
        let (wire, asking) = (Arc::clone(wire), Arc::clone(&self.asking));
        let resolve = move || {
            let answer = question.answer(resolve(&question));
            wire.ask(Errand::Answer(from, answer));
            asking.fetch_sub(1, Ordering::Relaxed);
        };
        if thread::Builder::new().name("name".into()).spawn(resolve).is_err() {
            self.asking.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// The system's IPv4 addresses of a name, or why there are none.
fn resolve(question: &Question) -> Result<Vec<Ipv4Addr>, Code> {
    if question.class != CLASS_IN {
        return Err(Code::NotImplemented);
    }
    let found = dns_lookup::lookup_host(&question.name).map_err(|error| match error.kind() {
        LookupErrorKind::NoName | LookupErrorKind::NoData => Code::NoName,
        _ => Code::Failed,
    })?;
    // A name that is there but has no address of this kind is not an error.
    Ok(found
        .filter_map(|ip| match ip {
            IpAddr::V4(ip) if question.kind == TYPE_A => Some(from_host(ip)),
            _ => None,
        })
        .take(ADDRESSES)
        .collect())
}

const TYPE_A: u16 = 1;
const CLASS_IN: u16 = 1;

/// Codes of RFC 1035.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Code {
    Failed = 2,
    NoName = 3,
    NotImplemented = 4,
}

/// A query with one question.
#[derive(Debug, PartialEq, Eq)]
struct Question {
    id: [u8; 2],
    /// As it stands in the query: name, type, class.
    bytes: Vec<u8>,
    name: String,
    kind: u16,
    class: u16,
    recursion: bool,
}

impl Question {
    fn parse(query: &[u8]) -> Option<Self> {
        let (header, mut rest) = query.split_first_chunk::<12>()?;
        let [id_high, id_low, flags, _, 0, 1, ..] = *header else { return None };
        // An answer, or another operation than a query.
        if flags & 0xf8 != 0 {
            return None;
        }
        let mut name = String::new();
        loop {
            let (&len, tail) = rest.split_first()?;
            // No pointers: there is nothing to point at yet.
            if len > 63 {
                return None;
            }
            let (label, tail) = tail.split_at_checked(len.into())?;
            rest = tail;
            if label.is_empty() {
                break;
            }
            if !name.is_empty() {
                name.push('.');
            }
            let label = std::str::from_utf8(label).ok()?;
            if label.contains(['.', '\0']) {
                return None;
            }
            name.push_str(label);
        }
        let (&[k1, k2, c1, c2], rest) = rest.split_first_chunk::<4>()?;
        let bytes = query[12..query.len() - rest.len()].to_vec();
        Some(Self {
            id: [id_high, id_low],
            bytes,
            name,
            kind: u16::from_be_bytes([k1, k2]),
            class: u16::from_be_bytes([c1, c2]),
            recursion: flags & 1 != 0,
        })
        .filter(|question| !question.name.is_empty() && question.name.len() <= 253)
    }

    fn answer(&self, found: Result<Vec<Ipv4Addr>, Code>) -> Vec<u8> {
        let (code, addresses) = match found {
            Ok(addresses) => (0, addresses),
            Err(code) => (code as u8, Vec::new()),
        };
        // A response, with recursion available.
        let flags = [0x80 | u8::from(self.recursion), 0x80 | code];
        let count = u8::try_from(addresses.len()).unwrap_or(u8::MAX);
        let mut bytes = self.id.to_vec();
        bytes.extend(flags);
        bytes.extend([0, 1, 0, count, 0, 0, 0, 0]);
        bytes.extend(&self.bytes);
        for ip in addresses.iter().take(count.into()) {
            // The name is that of the question; a minute to live; four bytes.
            bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
            bytes.extend(ip.octets());
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &[u8] = b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x03www\x04test\0\0\x01\0\x01";

    #[test]
    fn a_question_and_its_answers() {
        let question = Question::parse(QUERY).unwrap();
        assert_eq!((&question.name[..], question.kind, question.class), ("www.test", 1, 1));
        let answer = question.answer(Ok(vec![Ipv4Addr::new(10, 0, 2, 2)]));
        assert_eq!(
            answer,
            b"\x12\x34\x81\x80\0\x01\0\x01\0\0\0\0\x03www\x04test\0\0\x01\0\x01\
              \xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\x0a\0\x02\x02"
        );
        let answer = question.answer(Err(Code::NoName));
        assert_eq!(answer, b"\x12\x34\x81\x83\0\x01\0\0\0\0\0\0\x03www\x04test\0\0\x01\0\x01");
    }

    #[test]
    fn what_is_no_question_is_not_answered() {
        for len in 0..QUERY.len() {
            assert_eq!(Question::parse(&QUERY[..len]), None, "{len} bytes");
        }
        // An answer; a pointer; the root.
        for bad in [
            &b"\x12\x34\x81\0\0\x01\0\0\0\0\0\0\x03www\x04test\0\0\x01\0\x01"[..],
            b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\xc0\x0c\0\x01\0\x01",
            b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\0\0\x01\0\x01",
        ] {
            assert_eq!(Question::parse(bad), None);
        }
    }

    #[test]
    fn this_machines_own_name_is_the_host() {
        let mut question = Question::parse(QUERY).unwrap();
        question.name = "localhost".into();
        assert_eq!(resolve(&question).unwrap()[..1], [crate::place::HOST]);
        // It is there, but has none of these.
        question.kind = 28;
        assert_eq!(resolve(&question), Ok(Vec::new()));
    }
}
