//! Sections A and B: module, constructor, constants.

use usocket_core::{AF_INET, Error, SOCK_DGRAM, SOCK_STREAM, Usocket};

use super::section;
use crate::{Harness, Outcome, Verdict, check_eq};

section! {
    protocol_follows_the_type: rows [1, 2, 3], requirements [], clauses [];
    contradicting_protocol_is_refused: rows [4], requirements [25], clauses [];
}

pub(crate) fn protocol_follows_the_type<H: Harness>(h: &H) -> Outcome {
    let net = h.net();
    net.tcp()?;
    for (ty, protos) in [(SOCK_STREAM, [0, 6]), (SOCK_DGRAM, [0, 17])] {
        if ty == SOCK_DGRAM && !h.caps().udp {
            continue;
        }
        for proto in protos {
            h.api().socket(net, AF_INET, ty, proto)?;
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn contradicting_protocol_is_refused<H: Harness>(h: &H) -> Outcome {
    for (ty, proto) in [(SOCK_STREAM, 17), (SOCK_DGRAM, 6), (SOCK_STREAM, 99)] {
        let answer = h.api().socket(h.net(), AF_INET, ty, proto).map(|_| ());
        check_eq!(answer, Err(Error::EPROTONOSUPPORT));
    }
    Ok(Verdict::Proved)
}
