//! The rules of choice.

use core::net::IpAddr;

use crate::spi::{Backend, Link};
use crate::{Error, Result};

/// A backend that may be chosen.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'n> {
    pub(super) net: usize,
    pub(super) backend: &'n dyn Backend,
}

/// Rule 2: who has this address.
pub(super) fn by_address<'n>(
    mut candidates: impl Iterator<Item = Candidate<'n>>,
    ip: IpAddr,
) -> Result<usize> {
    candidates
        .find(|candidate| candidate.backend.has_address(ip))
        .map(|candidate| candidate.net)
        .ok_or(Error::EADDRNOTAVAIL)
}

/// Rule 3: who is up and has the best route to this address; the first among equals.
pub(super) fn by_route<'n>(
    candidates: impl Iterator<Item = Candidate<'n>>,
    ip: IpAddr,
) -> Result<usize> {
    let (mut best, mut reason) = (None, Error::ENETDOWN);
    for Candidate { net, backend } in candidates {
        match (backend.link(), backend.route(ip)) {
            (Link::Up, Some(prefix)) if best.is_none_or(|(found, _)| prefix > found) => {
                best = Some((prefix, net));
            }
            (Link::Up | Link::NoAddress, _) => reason = Error::ENETUNREACH,
            (Link::Down, _) => {}
        }
    }
    best.map(|(_, net)| net).ok_or(reason)
}

/// Rule 4: the first that is up, or else the first.
pub(super) fn by_order<'n>(mut candidates: impl Iterator<Item = Candidate<'n>>) -> Result<usize> {
    let first = candidates.next().ok_or(Error::ENETDOWN)?;
    if first.backend.link() == Link::Up {
        return Ok(first.net);
    }
    let up = candidates.find(|candidate| candidate.backend.link() == Link::Up);
    Ok(up.unwrap_or(first).net)
}
