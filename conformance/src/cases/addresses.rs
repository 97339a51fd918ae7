//! Section E: address arguments.

use core::net::{IpAddr, SocketAddrV6};
use core::time::Duration;

use usocket_core::{
    AF_INET, AF_INET6, Error, Family, Result, SOCK_DGRAM, SOCK_STREAM, SockAddr, Socket,
    ToSockAddr, Usocket, ip_text,
};

use super::section;
use super::setup::{bound, families, own_ip, reached, script, stream, without_server, without_udp};
use crate::{Harness, Outcome, Step, Tuple, Verdict, check, check_eq};

section! {
    ipv4_pairs_are_accepted: rows [39], requirements [], clauses [];
    names_are_refused: rows [40], requirements [], clauses [];
    empty_host_is_the_wildcard: rows [41], requirements [], clauses [];
    port_0_binds_and_is_no_destination: rows [42], requirements [], clauses [21];
    ports_out_of_range_are_refused: rows [43], requirements [25], clauses [];
    ipv6_has_four_parts: rows [45], requirements [], clauses [];
    flowinfo_must_be_0: rows [46], requirements [], clauses [];
    link_local_needs_its_interface: rows [47], requirements [25], clauses [];
    other_family_is_refused: rows [48], requirements [25], clauses [21];
    received_addresses_go_back: rows [49], requirements [8, 18], clauses [];
}

fn address<H: Harness>(h: &H, tuple: Tuple<'_>, family: Family) -> Result<SockAddr> {
    h.api().address(tuple, family)
}

pub(crate) fn ipv4_pairs_are_accepted<H: Harness>(h: &H) -> Outcome {
    let peer = script(h, &[Step::Listen(Family::V4, 2), Step::Accept, Step::Accept, Step::Hold])?;
    let there = peer.address()?;
    let text = ip_text(there.ip());
    // As it stands in the second example of the reference text.
    let socket = stream(h)?;
    socket.connect((text.as_str(), there.port()))?;
    check_eq!(socket.peer_addr(), Ok(there));
    let pair = Tuple::V4(&text, there.port().into());
    check_eq!(address(h, pair, Family::V4), Ok(there));
    check_eq!(stream(h)?.connect(address(h, pair, Family::V4)?), Ok(()));
    if h.caps().udp {
        let peer = script(h, &[Step::Udp(Family::V4), Step::RecvFrom, Step::Hold])?;
        let there = peer.address()?;
        let text = ip_text(there.ip());
        check_eq!(h.net().udp()?.sendto("x", (text.as_str(), there.port())), Ok(1));
        check!(peer.reaches(h, 2));
    }
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let own = ip_text(own_ip(h, Family::V4)?);
    check_eq!(stream(h)?.bind((own.as_str(), 0)), Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn names_are_refused<H: Harness>(h: &H) -> Outcome {
    let names = ["localhost", h.peer().name(), "example.org", "1.2.3", " 1.2.3.4", "1.2.3.4 "];
    for name in names {
        check_eq!(address(h, Tuple::V4(name, 80), Family::V4), Err(Error::EINVAL));
        check_eq!(address(h, Tuple::V6(name, 80, 0, 0), Family::V6), Err(Error::EINVAL));
        let socket = stream(h)?;
        check_eq!(socket.connect((name, 80)), Err(Error::EINVAL));
        check_eq!(socket.bind((name, 80)), Err(Error::EINVAL));
        if h.caps().udp {
            check_eq!(h.net().udp()?.sendto("x", (name, 80)), Err(Error::EINVAL));
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn empty_host_is_the_wildcard<H: Harness>(h: &H) -> Outcome {
    for (tuple, family) in [(Tuple::V4("", 7), Family::V4), (Tuple::V6("", 7, 0, 0), Family::V6)] {
        let wildcard = SockAddr::new(family.unspecified(), 7);
        check_eq!(address(h, tuple, family), Ok(wildcard));
    }
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let listener = stream(h)?;
    listener.bind(("", 0))?;
    listener.listen(1)?;
    check_eq!(listener.local_addr()?.ip(), Family::V4.unspecified());
    // It is reached at any of our addresses.
    let _client = script(h, &[Step::Connect(reached(h, &listener)?), Step::Hold])?;
    listener.settimeout(Duration::from_secs(5))?;
    check_eq!(listener.accept().map(|_| ()), Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn port_0_binds_and_is_no_destination<H: Harness>(h: &H) -> Outcome {
    let nobody = SockAddr::new(h.peer().refusing(Family::V4).ip(), 0);
    for timeout in [None, Some(Duration::ZERO), Some(Duration::from_millis(50))] {
        let socket = stream(h)?;
        socket.settimeout(timeout)?;
        check_eq!(h.api().connect(&socket, nobody), Err(Error::EINVAL));
    }
    if h.caps().udp {
        let udp = h.net().udp()?;
        check_eq!(h.api().connect(&udp, nobody), Err(Error::EINVAL));
        check_eq!(h.api().sendto(&udp, b"x", nobody), Err(Error::EINVAL));
    }
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let (a, b) = (bound(h, Family::V4, SOCK_STREAM)?, bound(h, Family::V4, SOCK_STREAM)?);
    check!(a.local_addr()?.port() != 0);
    check!(a.local_addr()? != b.local_addr()?);
    Ok(Verdict::Proved)
}

pub(crate) fn ports_out_of_range_are_refused<H: Harness>(h: &H) -> Outcome {
    for port in [-1, 65_536, 65_616, i32::MIN, i32::MAX] {
        check_eq!(address(h, Tuple::V4("127.0.0.1", port), Family::V4), Err(Error::EINVAL));
        check_eq!(address(h, Tuple::V6("::1", port, 0, 0), Family::V6), Err(Error::EINVAL));
        let socket = stream(h)?;
        check_eq!(socket.connect(("127.0.0.1", port)), Err(Error::EINVAL));
        check_eq!(socket.bind(("127.0.0.1", port)), Err(Error::EINVAL));
    }
    for port in [1, 65_535] {
        let found = address(h, Tuple::V4("127.0.0.1", port), Family::V4)?;
        check_eq!(i32::from(found.port()), port);
    }
    Ok(Verdict::Proved)
}

pub(crate) fn ipv6_has_four_parts<H: Harness>(h: &H) -> Outcome {
    check_eq!(address(h, Tuple::V4("::1", 80), Family::V6), Err(Error::EINVAL));
    let tuple = Tuple::V6("2001:db8::1", 80, 0, 0);
    let found = address(h, tuple, Family::V6)?;
    check_eq!(found.family().number(), AF_INET6);
    check_eq!(found.port(), 80);
    if !h.caps().ipv6 {
        let socket = h.net().socket(AF_INET6, SOCK_STREAM).map(|_| ());
        return crate::unsupported(socket, Error::EAFNOSUPPORT);
    }
    let peer = script(h, &[Step::Listen(Family::V6, 1), Step::Accept, Step::Hold])?;
    let there = peer.address()?;
    let text = ip_text(there.ip());
    let socket = h.net().socket(AF_INET6, SOCK_STREAM)?;
    check_eq!(socket.connect((text.as_str(), there.port())), Err(Error::EINVAL));
    check_eq!(socket.connect((text.as_str(), there.port(), 0, 0)), Ok(()));
    check_eq!(socket.peer_addr(), Ok(there));
    Ok(Verdict::Proved)
}

pub(crate) fn flowinfo_must_be_0<H: Harness>(h: &H) -> Outcome {
    for flowinfo in [1, 0xf_ffff, u32::MAX] {
        let tuple = Tuple::V6("::1", 80, flowinfo, 0);
        check_eq!(address(h, tuple, Family::V6), Err(Error::EINVAL));
        let typed = SocketAddrV6::new([0, 0, 0, 0, 0, 0, 0, 1].into(), 80, flowinfo, 0);
        check_eq!(typed.to_sock_addr(Family::V6), Err(Error::EINVAL));
        if h.caps().ipv6 {
            let socket = h.net().socket(AF_INET6, SOCK_STREAM)?;
            check_eq!(socket.connect(("::1", 80, flowinfo, 0)), Err(Error::EINVAL));
            check_eq!(socket.bind(typed), Err(Error::EINVAL));
        }
    }
    check_eq!(address(h, Tuple::V6("::1", 80, 0, 0), Family::V6).map(|_| ()), Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn link_local_needs_its_interface<H: Harness>(h: &H) -> Outcome {
    let local = |scope| address(h, Tuple::V6("fe80::1", 80, 0, scope), Family::V6);
    check_eq!(local(0), Err(Error::EINVAL));
    check_eq!(local(1).map(|found| found.scope_id()), Ok(1));
    if !h.caps().ipv6 {
        let socket = h.net().socket(AF_INET6, SOCK_STREAM).map(|_| ());
        return crate::unsupported(socket, Error::EAFNOSUPPORT);
    }
    let socket = h.net().socket(AF_INET6, SOCK_STREAM)?;
    check_eq!(socket.connect(("fe80::1", 80, 0, 0)), Err(Error::EINVAL));
    // Nobody has that many interfaces.
    let nowhere = local(0x7fff_0000)?;
    socket.settimeout(Duration::from_millis(50))?;
    check_eq!(socket.connect(nowhere), Err(Error::ENODEV));
    if h.caps().udp {
        let udp = h.net().socket(AF_INET6, SOCK_DGRAM)?;
        check_eq!(udp.sendto("x", nowhere), Err(Error::ENODEV));
    }
    if let Some(outcome) = without_server(h) {
        return outcome;
    }
    let socket = h.net().socket(AF_INET6, SOCK_STREAM)?;
    check_eq!(socket.bind(nowhere), Err(Error::ENODEV));
    // An interface that is there is found, whether or not it has the address.
    let answer = socket.bind(("fe80::1", 0, 0, 1));
    check!(answer == Ok(()) || answer == Err(Error::EADDRNOTAVAIL));
    Ok(Verdict::Proved)
}

/// Checks every call that takes an address with one of the other family.
fn refuses<H: Harness>(h: &H, socket: &Socket<'_, H::Net>, other: SockAddr, udp: bool) -> Outcome {
    check_eq!(h.api().connect(socket, other), Err(Error::EAFNOSUPPORT));
    check_eq!(socket.connect(other), Err(Error::EAFNOSUPPORT));
    check_eq!(socket.bind(other.with_port(0)), Err(Error::EAFNOSUPPORT));
    if udp {
        check_eq!(h.api().sendto(socket, b"x", other), Err(Error::EAFNOSUPPORT));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn other_family_is_refused<H: Harness>(h: &H) -> Outcome {
    let of = |ip: IpAddr| SockAddr::new(ip, 80);
    let (v4, v6) = (of(IpAddr::from([127, 0, 0, 1])), of(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
    check_eq!(address(h, Tuple::V4("127.0.0.1", 80), Family::V6), Err(Error::EAFNOSUPPORT));
    check_eq!(address(h, Tuple::V6("::1", 80, 0, 0), Family::V4), Err(Error::EAFNOSUPPORT));
    for (af, other) in [(AF_INET, v6), (AF_INET6, v4)] {
        if af == AF_INET6 && !h.caps().ipv6 {
            continue;
        }
        refuses(h, &h.net().socket(af, SOCK_STREAM)?, other, false)?;
        if h.caps().udp {
            refuses(h, &h.net().socket(af, SOCK_DGRAM)?, other, true)?;
        }
    }
    Ok(Verdict::Proved)
}

/// A datagram's sender gets an answer at the address that was received.
fn answers<H: Harness>(h: &H, family: Family) -> Outcome {
    let socket = bound(h, family, SOCK_DGRAM)?;
    socket.settimeout(Duration::from_secs(5))?;
    let there = reached(h, &socket)?;
    let steps = [Step::Udp(family), Step::SendTo(there, b"ask"), Step::RecvFrom, Step::Hold];
    let peer = script(h, &steps)?;
    let (len, from) = socket.recvfrom(&mut [0; 8])?;
    check_eq!(len, 3);
    check_eq!(from.family().number(), family.number());
    check_eq!(Ok(from), peer.address());
    check_eq!(socket.sendto("answer", from), Ok(6));
    check!(peer.reaches(h, 3));
    let other = h.net().socket(family.number(), SOCK_DGRAM)?;
    check_eq!(other.connect(from), Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn received_addresses_go_back<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_server(h).or_else(|| without_udp(h)) {
        return outcome;
    }
    for family in families(h) {
        answers(h, family)?;
        let listener = bound(h, family, SOCK_STREAM)?;
        listener.listen(1)?;
        listener.settimeout(Duration::from_secs(5))?;
        let _client = script(h, &[Step::Connect(reached(h, &listener)?), Step::Hold])?;
        let (connection, from) = listener.accept()?;
        check_eq!(from.family().number(), family.number());
        check_eq!(connection.peer_addr(), Ok(from));
        // Accepted as an address; whether anybody listens there is the peer's matter.
        let back = h.net().socket(family.number(), SOCK_STREAM)?;
        back.settimeout(Duration::from_millis(100))?;
        let answer = back.connect(from);
        check!(answer.is_ok() || answer == Err(Error::ECONNREFUSED));
    }
    Ok(Verdict::Proved)
}
