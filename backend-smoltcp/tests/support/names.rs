//! The peer's name server: a datagram socket on port 53 and a few names.

use core::net::IpAddr;

use usocket_core::spi::{Backend, Handle, RecvFlags};

use super::alloc::string::String;
use super::alloc::vec::Vec;

/// What it says of a name.
#[derive(Clone, Debug)]
pub(crate) enum Record {
    Addresses(Vec<IpAddr>),
    /// The server fails.
    Failure,
    /// Nothing.
    Silent,
}

/// Answers what waits; whether anything did. Names that are not in the table do not exist.
pub(crate) fn serve(net: &dyn Backend, socket: Handle, names: &[(String, Record)]) -> bool {
    let mut question = [0; 512];
    let Ok(info) = net.try_recv_info(socket, &mut question, RecvFlags::default()) else {
        return false;
    };
    if let Some(answer) = answer(&question[..info.len], names) {
        let _ = net.try_send_to(socket, &answer, info.from);
    }
    true
}

/// The answer to a question.
pub(crate) fn answer(question: &[u8], names: &[(String, Record)]) -> Option<Vec<u8>> {
    let mut at = 12;
    let mut labels = Vec::new();
    loop {
        let len = usize::from(*question.get(at)?);
        if len == 0 {
            break;
        }
        labels.push(core::str::from_utf8(question.get(at + 1..at + 1 + len)?).ok()?);
        at += 1 + len;
    }
    let kind = u16::from_be_bytes([*question.get(at + 1)?, *question.get(at + 2)?]);
    let name = labels.join(".");
    let mut out = question.get(..at + 5)?.to_vec();
    out[2] = 0x81;
    out[3] = 0x80;
    let record = names.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name));
    let addresses = match record {
        None => {
            out[3] |= 3;
            return Some(out);
        }
        Some((_, Record::Silent)) => return None,
        Some((_, Record::Failure)) => {
            out[3] |= 2;
            return Some(out);
        }
        Some((_, Record::Addresses(addresses))) => addresses,
    };
    for ip in addresses {
        let (of, octets) = match ip {
            IpAddr::V4(ip) => (1u16, ip.octets().to_vec()),
            IpAddr::V6(ip) => (28, ip.octets().to_vec()),
        };
        if of == kind {
            out[7] += 1;
            out.extend([0xc0, 12]);
            out.extend(of.to_be_bytes());
            out.extend([0, 1, 0, 0, 0, 60]);
            out.extend(u16::try_from(octets.len()).unwrap().to_be_bytes());
            out.extend(octets);
        }
    }
    Some(out)
}
