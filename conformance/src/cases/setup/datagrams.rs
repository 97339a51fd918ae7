//! Datagram sockets.

use usocket_core::{Error, Family, Result, SOCK_DGRAM, SockAddr, Usocket};

use super::scripts::{Script, begins_with};
use super::{PATIENCE, Sock, bound, reached};
use crate::{Failure, Harness, Outcome, Step, unsupported};

/// A datagram socket bound to our address, and where the peer can reach it. It
/// waits no longer than [`PATIENCE`].
pub(crate) fn bound_udp<H: Harness>(h: &H) -> Result<(Sock<'_, H>, SockAddr), Failure> {
    let socket = bound(h, Family::V4, SOCK_DGRAM)?;
    socket.settimeout(PATIENCE)?;
    let address = reached(h, &socket)?;
    Ok((socket, address))
}

/// A datagram socket connected to a peer that opens one and does these steps.
pub(crate) fn connected_udp<'h, H: Harness>(
    h: &'h H,
    then: &[Step],
) -> Result<(Sock<'h, H>, Script<'h>)> {
    let peer = begins_with(h, &[Step::Udp(Family::V4)], then)?;
    let socket = h.net().udp()?;
    socket.connect(peer.address()?)?;
    Ok((socket, peer))
}

/// The whole case on a backend without datagrams: there is no such socket.
pub(crate) fn without_udp<H: Harness>(h: &H) -> Option<Outcome> {
    (!h.caps().udp).then(|| unsupported(h.net().udp().map(|_| ()), Error::EOPNOTSUPP))
}
