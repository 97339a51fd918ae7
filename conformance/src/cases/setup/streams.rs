//! Stream sockets in the states that cases begin with.

use core::net::{IpAddr, Ipv4Addr};

use usocket_core::{Error, Family, Result, SO_SNDBUF, SOL_SOCKET, SockAddr, Socket, Usocket};

use super::PATIENCE;
use super::scripts::{Script, accepting};
use crate::{Failure, Harness, Outcome, Step, unsupported};

/// A socket of the harness `H`.
pub(crate) type Sock<'h, H> = Socket<'h, <H as Harness>::Net>;

/// The families of the backend.
pub(crate) fn families<H: Harness>(h: &H) -> impl Iterator<Item = Family> + use<H> {
    let ipv6 = h.caps().ipv6;
    [Family::V4, Family::V6].into_iter().filter(move |&family| family == Family::V4 || ipv6)
}

/// Our own address.
pub(crate) fn own_ip<H: Harness>(h: &H, family: Family) -> Result<IpAddr, Failure> {
    h.ip(family).ok_or_else(|| Failure::new("the harness has no address of this family"))
}

/// An address that no interface has (RFC 5737).
pub(crate) fn foreign_ip() -> IpAddr {
    Ipv4Addr::new(192, 0, 2, 77).into()
}

/// A new IPv4 stream.
pub(crate) fn stream<H: Harness>(h: &H) -> Result<Sock<'_, H>> {
    h.net().tcp()
}

/// A stream to a peer that accepts it and then does these steps. It buffers little
/// to send where the backend can be told so, and waits no longer than [`PATIENCE`].
pub(crate) fn connected<'h, H: Harness>(
    h: &'h H,
    then: &[Step],
) -> Result<(Sock<'h, H>, Script<'h>)> {
    let peer = accepting(h, then)?;
    let socket = stream(h)?;
    // A size is a wish: a backend without the option has small buffers anyway.
    let _ = socket.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
    socket.settimeout(PATIENCE)?;
    socket.connect(peer.address()?)?;
    Ok((socket, peer))
}

/// A stream to a peer that accepts it and then does these steps, as connect leaves
/// it: nothing is set, and it waits for ever.
pub(crate) fn connected_plain<'h, H: Harness>(
    h: &'h H,
    then: &[Step],
) -> Result<(Sock<'h, H>, Script<'h>)> {
    let peer = accepting(h, then)?;
    Ok((connect_plain(h, &peer)?, peer))
}

/// A stream to a script whose first steps are `Listen`, `Accept`; nothing is set.
pub(crate) fn connect_plain<'h, H: Harness>(h: &'h H, peer: &Script<'_>) -> Result<Sock<'h, H>> {
    let socket = stream(h)?;
    socket.connect(peer.address()?)?;
    Ok(socket)
}

/// A stream to a peer that stays silent; nothing is set.
pub(crate) fn quiet<H: Harness>(h: &H) -> Result<(Sock<'_, H>, Script<'_>)> {
    connected_plain(h, &[Step::Hold])
}

/// A connect that was started and will not be answered.
pub(crate) fn pending<H: Harness>(h: &H) -> Result<Sock<'_, H>> {
    starting(h, h.peer().silent(Family::V4))
}

/// A connect that was started, to this address.
pub(crate) fn starting<H: Harness>(h: &H, to: SockAddr) -> Result<Sock<'_, H>> {
    let socket = stream(h)?;
    socket.setblocking(false)?;
    match socket.connect(to) {
        Ok(()) | Err(Error::EINPROGRESS) => Ok(socket),
        Err(error) => Err(error),
    }
}

/// A socket of this type bound to a free port of our own address.
pub(crate) fn bound<H: Harness>(
    h: &H,
    family: Family,
    socktype: i32,
) -> Result<Sock<'_, H>, Failure> {
    let socket = h.net().socket(family.number(), socktype)?;
    socket.bind((own_ip(h, family)?, 0))?;
    Ok(socket)
}

/// A listener on a free port of our own address.
pub(crate) fn listening<H: Harness>(h: &H, backlog: Option<i32>) -> Result<Sock<'_, H>, Failure> {
    let socket = bound(h, Family::V4, usocket_core::SOCK_STREAM)?;
    socket.listen(backlog)?;
    Ok(socket)
}

/// Where the peer reaches a socket of ours, also one bound to the wildcard.
pub(crate) fn reached<H: Harness>(h: &H, socket: &Sock<'_, H>) -> Result<SockAddr, Failure> {
    Ok(SockAddr::new(own_ip(h, socket.family())?, socket.local_addr()?.port()))
}

/// The whole case on a backend without server sockets: `bind` and `listen` say so
/// (row 59).
pub(crate) fn without_server<H: Harness>(h: &H) -> Option<Outcome> {
    (!h.caps().server).then(|| {
        let socket = stream(h)?;
        unsupported(socket.bind(("", 0)), Error::EOPNOTSUPP)?;
        unsupported(socket.listen(1), Error::EOPNOTSUPP)
    })
}
