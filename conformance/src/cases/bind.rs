//! Section F: `bind`.

use core::time::Duration;

use usocket_core::{
    AF_INET, Error, Family, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, SockAddr, Usocket,
};

use super::section;
use super::setup::{
    bound, connect_plain, listening, own_ip, reached, script, stream, without_server,
};
use crate::{Failure, Harness, Outcome, State, Step, Verdict, check, check_eq};

section! {
    bind_gives_the_address: rows [50], requirements [], clauses [];
    a_second_bind_is_refused: rows [51], requirements [25], clauses [];
    an_address_in_use_is_refused: rows [52], requirements [25], clauses [];
    tcp_and_udp_ports_are_separate: rows [53], requirements [], clauses [];
    foreign_addresses_are_refused: rows [54], requirements [25], clauses [];
    bind_after_implicit_bind_is_refused: rows [55], requirements [25], clauses [];
    close_frees_the_address: rows [56], requirements [], clauses [17];
    time_wait_holds_the_address: rows [57], requirements [], clauses [17];
    reuse_never_allows_two_listeners: rows [58], requirements [], clauses [];
    bind_of_a_closed_socket: rows [59], requirements [25], clauses [9, 20];
}

/// The types of socket that the backend has.
fn types<H: Harness>(h: &H) -> &'static [i32] {
    if h.caps().udp { &[SOCK_STREAM, SOCK_DGRAM] } else { &[SOCK_STREAM] }
}

/// Tries again where another program of the host may have taken the port
/// meanwhile; a backend that is wrong is so every time.
fn undisturbed(attempt: impl Fn() -> Outcome) -> Outcome {
    for _ in 0..4 {
        if let Ok(verdict) = attempt() {
            return Ok(verdict);
        }
    }
    attempt()
}

pub(crate) fn bind_gives_the_address<H: Harness>(h: &H) -> Outcome {
    without_server(h).unwrap_or_else(|| undisturbed(|| chosen_addresses(h)))
}

fn chosen_addresses<H: Harness>(h: &H) -> Outcome {
    let ip = own_ip(h, Family::V4)?;
    for &ty in types(h) {
        let socket = bound(h, Family::V4, ty)?;
        let address = socket.local_addr()?;
        check_eq!(address.ip(), ip);
        check!(address.port() != 0);
        // Also a port that the caller chose.
        socket.close()?;
        let socket = h.net().socket(AF_INET, ty)?;
        check_eq!(socket.bind(address), Ok(()));
        check_eq!(socket.local_addr(), Ok(address));
        let other = h.net().socket(AF_INET, ty)?.bind(address);
        check_eq!(other, Err(Error::EADDRINUSE));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn a_second_bind_is_refused<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    for &ty in types(h) {
        let socket = bound(h, Family::V4, ty)?;
        let address = socket.local_addr()?;
        check_eq!(socket.bind((address.ip(), 0)), Err(Error::EINVAL));
        check_eq!(socket.bind(address), Err(Error::EINVAL));
        check_eq!(socket.local_addr(), Ok(address));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn an_address_in_use_is_refused<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    for &ty in types(h) {
        let held = bound(h, Family::V4, ty)?;
        let answer = h.net().socket(AF_INET, ty)?.bind(held.local_addr()?);
        check_eq!(answer, Err(Error::EADDRINUSE));
        let wildcard = h.net().socket(AF_INET, ty)?.bind(("", held.local_addr()?.port()));
        check_eq!(wildcard, Err(Error::EADDRINUSE));
    }
    let listener = listening(h, None)?;
    check_eq!(stream(h)?.bind(listener.local_addr()?), Err(Error::EADDRINUSE));
    Ok(Verdict::Proved)
}

pub(crate) fn tcp_and_udp_ports_are_separate<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h).or_else(|| super::setup::without_udp(h)) {
        return outcome;
    }
    undisturbed(|| {
        let tcp = listening(h, None)?;
        let udp = h.net().udp()?;
        check_eq!(udp.bind(tcp.local_addr()?), Ok(()));
        check_eq!(udp.local_addr(), tcp.local_addr());
        Ok(Verdict::Proved)
    })
}

pub(crate) fn foreign_addresses_are_refused<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    for &ty in types(h) {
        let socket = h.net().socket(AF_INET, ty)?;
        // For documentation only (RFC 5737): nobody's.
        check_eq!(socket.bind(("192.0.2.1", 0)), Err(Error::EADDRNOTAVAIL));
        check_eq!(socket.bind((own_ip(h, Family::V4)?, 0)), Ok(()));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn bind_after_implicit_bind_is_refused<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let any = (own_ip(h, Family::V4)?, 0);
    let peer = script(h, &[Step::Listen(Family::V4, 1), Step::Accept, Step::Hold])?;
    let socket = connect_plain(h, &peer)?;
    check_eq!(socket.bind(any), Err(Error::EINVAL));
    if h.caps().udp {
        let peer = script(h, &[Step::Udp(Family::V4), Step::Hold])?;
        let sent = h.net().udp()?;
        sent.sendto("x", peer.address()?)?;
        check_eq!(sent.bind(any), Err(Error::EINVAL));
        let connected = h.net().udp()?;
        connected.connect(peer.address()?)?;
        check_eq!(connected.bind(any), Err(Error::EINVAL));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn close_frees_the_address<H: Harness>(h: &H) -> Outcome {
    without_server(h).unwrap_or_else(|| undisturbed(|| freed_addresses(h)))
}

fn freed_addresses<H: Harness>(h: &H) -> Outcome {
    for &ty in types(h) {
        let socket = bound(h, Family::V4, ty)?;
        let address = socket.local_addr()?;
        socket.close()?;
        let again = h.net().socket(AF_INET, ty)?;
        check_eq!(again.bind(address), Ok(()));
    }
    let listener = listening(h, None)?;
    let address = listener.local_addr()?;
    for _ in 0..3 {
        listener.close()?;
        let again = stream(h)?;
        check_eq!(again.bind(address), Ok(()));
        check_eq!(again.listen(None), Ok(()));
    }
    Ok(Verdict::Proved)
}

/// A local address of a connection that we closed first.
fn closed_first<H: Harness>(h: &H) -> Result<SockAddr, Failure> {
    let listener = stream(h)?;
    // As every server does: a host asks it of the old connections too.
    listener.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)?;
    listener.bind((own_ip(h, Family::V4)?, 0))?;
    listener.listen(1)?;
    let peer = script(h, &[Step::Connect(reached(h, &listener)?), Step::RecvToEnd, Step::Close])?;
    let (connection, _) = listener.accept()?;
    connection.close()?;
    let address = listener.local_addr()?;
    listener.close()?;
    if peer.settle().state != State::Done {
        return Err(Failure::new("the peer did not see the end"));
    }
    h.pass(Duration::from_millis(30));
    Ok(address)
}

pub(crate) fn time_wait_holds_the_address<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let bind = |reuse: i32, address: SockAddr| {
        let socket = stream(h)?;
        socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, reuse)?;
        socket.bind(address)
    };
    let mut address = closed_first(h)?;
    if !h.caps().time_wait {
        check_eq!(bind(0, address), Ok(()));
        return Ok(Verdict::Proved);
    }
    // A host that has too many connections in TIME-WAIT keeps no more of them;
    // after a minute they are gone.
    for _ in 0..70 {
        if bind(0, address) == Err(Error::EADDRINUSE) {
            break;
        }
        h.pass(Duration::from_secs(1));
        address = closed_first(h)?;
    }
    check_eq!(bind(0, address), Err(Error::EADDRINUSE));
    check_eq!(bind(1, address), Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn reuse_never_allows_two_listeners<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let reusing = |address: SockAddr| {
        let socket = stream(h)?;
        socket.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1)?;
        socket.bind(address).map(|()| socket)
    };
    let first = reusing(SockAddr::new(own_ip(h, Family::V4)?, 0))?;
    let address = first.local_addr()?;
    // Bound before the first listens: then the second must not listen.
    let early = reusing(address);
    first.listen(1)?;
    check_eq!(early.and_then(|socket| socket.listen(1)), Err(Error::EADDRINUSE));
    let late = reusing(address);
    check_eq!(late.and_then(|socket| socket.listen(1)), Err(Error::EADDRINUSE));
    Ok(Verdict::Proved)
}

pub(crate) fn bind_of_a_closed_socket<H: Harness>(h: &H) -> Outcome {
    for &ty in types(h) {
        let socket = h.net().socket(AF_INET, ty)?;
        socket.close()?;
        check_eq!(socket.bind((own_ip(h, Family::V4)?, 0)), Err(Error::EBADF));
        check_eq!(socket.bind(("no address", 0)), Err(Error::EBADF));
    }
    without_server(h).unwrap_or(Ok(Verdict::Proved))
}
