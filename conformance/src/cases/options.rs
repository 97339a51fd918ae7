//! Section N: setsockopt.

use core::net::{IpAddr, Ipv4Addr};

use usocket_core::{
    Error, Family, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IP_MULTICAST_LOOP, IP_MULTICAST_TTL,
    IP_TTL, IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP, OptValue, Result, SO_ACCEPTCONN, SO_BROADCAST,
    SO_ERROR, SO_KEEPALIVE, SO_LINGER, SO_REUSEADDR, SO_TYPE, SOL_SOCKET, SockAddr, TCP_KEEPCNT,
    TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_NODELAY, Usocket,
};

use super::section;
use super::setup::{PATIENCE, SHORT, Sock, connected, foreign_ip, own_ip, script, without_udp};
use crate::{End, Failure, Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    flags_take_any_integer: rows [138], requirements [], clauses [];
    four_bytes_equal_an_integer: rows [139], requirements [], clauses [];
    keep_alive_is_accepted: rows [140], requirements [], clauses [20];
    no_delay_is_for_streams: rows [141], requirements [], clauses [20];
    what_is_not_listed_is_refused: rows [142], requirements [25], clauses [20, 21];
    an_option_works_or_is_refused: rows [143], requirements [25], clauses [20];
    a_closed_socket_has_no_options: rows [144], requirements [16], clauses [9];
    membership_takes_eight_bytes: rows [145], requirements [18], clauses [];
    membership_is_joined_and_left_once: rows [146], requirements [18], clauses [];
    membership_values_are_checked: rows [147], requirements [18], clauses [];
    linger_of_zero_resets: rows [148], requirements [10], clauses [17];
}

/// A group that nobody else uses.
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 77, 19, 4);

fn bytes<H: Harness>(
    h: &H,
    socket: &Sock<'_, H>,
    level: i32,
    name: i32,
    value: &[u8],
) -> Result<()> {
    h.api().setsockopt(socket, level, name, OptValue::Bytes(value))
}

fn int<H: Harness>(h: &H, socket: &Sock<'_, H>, level: i32, name: i32, value: i32) -> Result<()> {
    h.api().setsockopt(socket, level, name, OptValue::Int(value))
}

/// A stream, and a datagram socket where there are any.
fn both<H: Harness>(h: &H) -> Result<heapless::Vec<Sock<'_, H>, 2>, Failure> {
    let mut sockets = heapless::Vec::new();
    let _ = sockets.push(h.net().tcp()?);
    if h.caps().udp {
        let _ = sockets.push(h.net().udp()?);
    }
    Ok(sockets)
}

pub(crate) fn flags_take_any_integer<H: Harness>(h: &H) -> Outcome {
    let caps = h.caps();
    let mut refused = None;
    for (able, name) in [(caps.reuse_addr, SO_REUSEADDR), (caps.broadcast, SO_BROADCAST)] {
        for socket in both(h)? {
            if !able {
                check_eq!(int(h, &socket, SOL_SOCKET, name, 1), Err(Error::ENOPROTOOPT));
                refused = Some(Error::ENOPROTOOPT);
                continue;
            }
            check_eq!(socket.getsockopt(SOL_SOCKET, name), Ok(0));
            for bind in [false, true] {
                if bind && caps.server {
                    socket.bind((own_ip(h, Family::V4)?, 0))?;
                }
                for (value, on) in [(1, 1), (0, 0), (7, 1), (0, 0), (-1, 1), (1, 1)] {
                    check_eq!(int(h, &socket, SOL_SOCKET, name, value), Ok(()));
                    check_eq!(socket.getsockopt(SOL_SOCKET, name), Ok(on));
                }
            }
        }
    }
    Ok(refused.map_or(Verdict::Proved, Verdict::Unsupported))
}

pub(crate) fn four_bytes_equal_an_integer<H: Harness>(h: &H) -> Outcome {
    let socket = h.net().tcp()?;
    // Lengths are checked whether or not the backend has the option.
    for name in [SO_REUSEADDR, SO_BROADCAST, SO_KEEPALIVE] {
        for len in [0, 1, 2, 3, 5, 8] {
            let value = [1; 8];
            check_eq!(bytes(h, &socket, SOL_SOCKET, name, &value[..len]), Err(Error::EINVAL));
        }
        for value in [1, 0, 256, 0x0100_0000] {
            let as_bytes = bytes(h, &socket, SOL_SOCKET, name, &i32::to_ne_bytes(value));
            let from_bytes = socket.getsockopt(SOL_SOCKET, name);
            check_eq!(int(h, &socket, SOL_SOCKET, name, value), as_bytes);
            check_eq!(socket.getsockopt(SOL_SOCKET, name), from_bytes);
        }
    }
    // A value whose bytes are in the other order is out of range.
    let ttl = bytes(h, &socket, IPPROTO_IP, IP_TTL, &5_i32.to_ne_bytes());
    check!(ttl == Err(Error::ENOPROTOOPT) || socket.getsockopt(IPPROTO_IP, IP_TTL) == Ok(5));
    let mut buf = [0; 4];
    if ttl.is_ok() {
        check_eq!(socket.getsockopt_bytes(IPPROTO_IP, IP_TTL, &mut buf), Ok(4));
        check_eq!(i32::from_ne_bytes(buf), 5);
    }
    Ok(Verdict::Proved)
}

pub(crate) fn keep_alive_is_accepted<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected(h, &[Step::Hold])?;
    let fresh = h.net().tcp()?;
    for socket in [&socket, &fresh] {
        if !h.caps().keep_alive {
            return unsupported(int(h, socket, SOL_SOCKET, SO_KEEPALIVE, 1), Error::ENOPROTOOPT);
        }
        for on in [1, 0] {
            check_eq!(int(h, socket, SOL_SOCKET, SO_KEEPALIVE, on), Ok(()));
            check_eq!(socket.getsockopt(SOL_SOCKET, SO_KEEPALIVE), Ok(on));
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn no_delay_is_for_streams<H: Harness>(h: &H) -> Outcome {
    if h.caps().udp {
        let udp = h.net().udp()?;
        check_eq!(int(h, &udp, IPPROTO_TCP, TCP_NODELAY, 1), Err(Error::ENOPROTOOPT));
        check_eq!(udp.getsockopt(IPPROTO_TCP, TCP_NODELAY), Err(Error::ENOPROTOOPT));
    }
    let socket = h.net().tcp()?;
    if !h.caps().no_delay {
        return unsupported(int(h, &socket, IPPROTO_TCP, TCP_NODELAY, 1), Error::ENOPROTOOPT);
    }
    for on in [1, 0, 1] {
        check_eq!(int(h, &socket, IPPROTO_TCP, TCP_NODELAY, on), Ok(()));
        check_eq!(socket.getsockopt(IPPROTO_TCP, TCP_NODELAY), Ok(on));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn what_is_not_listed_is_refused<H: Harness>(h: &H) -> Outcome {
    const UNKNOWN: [(i32, i32); 11] = [
        (SOL_SOCKET, SO_ERROR),
        (SOL_SOCKET, SO_TYPE),
        (SOL_SOCKET, SO_ACCEPTCONN),
        // lwIP's callback; SO_RCVTIMEO and SO_SNDTIMEO on Linux.
        (SOL_SOCKET, 20),
        (SOL_SOCKET, 21),
        (SOL_SOCKET, 999),
        (SOL_SOCKET, -1),
        (IPPROTO_TCP, 99),
        (IPPROTO_UDP, 1),
        (77, 1),
        (-1, SO_REUSEADDR),
    ];
    for socket in both(h)? {
        for (level, name) in UNKNOWN {
            check_eq!(int(h, &socket, level, name, 1), Err(Error::ENOPROTOOPT));
            for len in [0, 4, 8, 16] {
                let value = [0; 16];
                let answer = bytes(h, &socket, level, name, &value[..len]);
                check_eq!(answer, Err(Error::ENOPROTOOPT));
            }
        }
    }
    Ok(Verdict::Proved)
}

pub(crate) fn an_option_works_or_is_refused<H: Harness>(h: &H) -> Outcome {
    const KNOWN: [(i32, i32, i32); 11] = [
        (SOL_SOCKET, SO_REUSEADDR, 1),
        (SOL_SOCKET, SO_BROADCAST, 1),
        (SOL_SOCKET, SO_KEEPALIVE, 1),
        (IPPROTO_TCP, TCP_NODELAY, 1),
        (IPPROTO_TCP, TCP_KEEPIDLE, 33),
        (IPPROTO_TCP, TCP_KEEPINTVL, 7),
        (IPPROTO_TCP, TCP_KEEPCNT, 3),
        (IPPROTO_IP, IP_TTL, 9),
        (IPPROTO_IP, IP_MULTICAST_TTL, 5),
        (IPPROTO_IP, IP_MULTICAST_LOOP, 0),
        (SOL_SOCKET, SO_LINGER, -1),
    ];
    let mut refused = None;
    for socket in both(h)? {
        for (level, name, value) in KNOWN {
            let linger = [1_i32.to_ne_bytes(), 3_i32.to_ne_bytes()];
            let set = if name == SO_LINGER && level == SOL_SOCKET {
                bytes(h, &socket, level, name, linger.as_flattened())
            } else {
                int(h, &socket, level, name, value)
            };
            let mut buf = [0; 8];
            let get = socket.getsockopt_bytes(level, name, &mut buf);
            match set {
                Ok(()) if get == Ok(8) => check_eq!(&buf, linger.as_flattened()),
                Ok(()) => {
                    check_eq!(get, Ok(4));
                    check_eq!(&buf[..4], &value.to_ne_bytes());
                }
                Err(error) => {
                    check_eq!(error, Error::ENOPROTOOPT);
                    check_eq!(get, Err(Error::ENOPROTOOPT));
                    refused = Some(error);
                }
            }
        }
    }
    // There is always one: an option of the other type of socket.
    check!(refused.is_some() || !h.caps().udp);
    Ok(Verdict::Proved)
}

pub(crate) fn a_closed_socket_has_no_options<H: Harness>(h: &H) -> Outcome {
    for socket in both(h)? {
        socket.close()?;
        for (level, name) in [
            (SOL_SOCKET, SO_REUSEADDR),
            (SOL_SOCKET, SO_BROADCAST),
            (IPPROTO_TCP, TCP_NODELAY),
            (77, 1),
        ] {
            check_eq!(int(h, &socket, level, name, 1), Err(Error::EBADF));
            check_eq!(bytes(h, &socket, level, name, b""), Err(Error::EBADF));
            check_eq!(socket.getsockopt(level, name), Err(Error::EBADF));
        }
        check_eq!(socket.getsockopt(SOL_SOCKET, SO_ERROR), Err(Error::EBADF));
    }
    Ok(Verdict::Proved)
}

/// The value of a membership option.
fn membership(group: Ipv4Addr, interface: IpAddr) -> [u8; 8] {
    let mut value = [0; 8];
    value[..4].copy_from_slice(&group.octets());
    if let IpAddr::V4(interface) = interface {
        value[4..].copy_from_slice(&interface.octets());
    }
    value
}

/// The whole case on a backend without groups.
fn no_groups<H: Harness>(h: &H) -> Option<Outcome> {
    if !h.caps().udp {
        return without_udp(h);
    }
    if h.caps().multicast {
        return None;
    }
    let value = membership(GROUP, Family::V4.unspecified());
    let socket = h.net().udp();
    let answer = socket.and_then(|s| bytes(h, &s, IPPROTO_IP, IP_ADD_MEMBERSHIP, &value));
    Some(unsupported(answer, Error::ENOPROTOOPT))
}

pub(crate) fn membership_takes_eight_bytes<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = no_groups(h) {
        return outcome;
    }
    let ip = own_ip(h, Family::V4)?;
    let socket = h.net().udp()?;
    socket.bind(("", 0))?;
    let to = SockAddr::new(GROUP.into(), socket.local_addr()?.port());
    let value = membership(GROUP, ip);
    let mut buf = [0; 8];
    let mut heard = |text: &'static [u8]| -> Result<bool, Failure> {
        let peer = script(h, &[Step::Udp(Family::V4), Step::SendTo(to, text), Step::Hold])?;
        check!(matches!(peer.settle().state, crate::State::Running(2)));
        match socket.recv(&mut buf) {
            Ok(len) => {
                check_eq!(&buf[..len], text);
                Ok(true)
            }
            Err(Error::ETIMEDOUT) => Ok(false),
            Err(error) => Err(error.into()),
        }
    };
    socket.settimeout(SHORT)?;
    check!(!heard(b"before")?);
    check_eq!(bytes(h, &socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, &value), Ok(()));
    socket.settimeout(PATIENCE)?;
    check!(heard(b"joined")?);
    check_eq!(bytes(h, &socket, IPPROTO_IP, IP_DROP_MEMBERSHIP, &value), Ok(()));
    socket.settimeout(SHORT)?;
    check!(!heard(b"left")?);
    Ok(Verdict::Proved)
}

pub(crate) fn membership_is_joined_and_left_once<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = no_groups(h) {
        return outcome;
    }
    let socket = h.net().udp()?;
    let value = membership(GROUP, own_ip(h, Family::V4)?);
    let join = || bytes(h, &socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, &value);
    let leave = || bytes(h, &socket, IPPROTO_IP, IP_DROP_MEMBERSHIP, &value);
    check_eq!(leave(), Err(Error::EADDRNOTAVAIL));
    for _ in 0..2 {
        check_eq!(join(), Ok(()));
        check_eq!(join(), Err(Error::EADDRINUSE));
        check_eq!(leave(), Ok(()));
        check_eq!(leave(), Err(Error::EADDRNOTAVAIL));
    }
    // Each socket has groups of its own.
    check_eq!(join(), Ok(()));
    let other = h.net().udp()?;
    check_eq!(bytes(h, &other, IPPROTO_IP, IP_ADD_MEMBERSHIP, &value), Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn membership_values_are_checked<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = no_groups(h) {
        return outcome;
    }
    let socket = h.net().udp()?;
    let ip = own_ip(h, Family::V4)?;
    let good = membership(GROUP, ip);
    for name in [IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP] {
        for len in [0, 1, 4, 7] {
            check_eq!(bytes(h, &socket, IPPROTO_IP, name, &good[..len]), Err(Error::EINVAL));
        }
        check_eq!(bytes(h, &socket, IPPROTO_IP, name, &[239; 12]), Err(Error::EINVAL));
        check_eq!(int(h, &socket, IPPROTO_IP, name, 1), Err(Error::EINVAL));
        for not_a_group in [Ipv4Addr::new(10, 1, 2, 3), Ipv4Addr::UNSPECIFIED] {
            let value = membership(not_a_group, ip);
            check_eq!(bytes(h, &socket, IPPROTO_IP, name, &value), Err(Error::EINVAL));
        }
    }
    let unknown = membership(GROUP, foreign_ip());
    check_eq!(bytes(h, &socket, IPPROTO_IP, IP_ADD_MEMBERSHIP, &unknown), Err(Error::ENODEV));
    Ok(Verdict::Proved)
}

pub(crate) fn linger_of_zero_resets<H: Harness>(h: &H) -> Outcome {
    let (socket, peer) = connected(h, &[Step::RecvToEnd, Step::Hold])?;
    let value = |on: i32, seconds: i32| [on.to_ne_bytes(), seconds.to_ne_bytes()];
    let set =
        |on, seconds| bytes(h, &socket, SOL_SOCKET, SO_LINGER, value(on, seconds).as_flattened());
    if !h.caps().linger {
        return unsupported(set(1, 0), Error::ENOPROTOOPT);
    }
    check_eq!(int(h, &socket, SOL_SOCKET, SO_LINGER, 1), Err(Error::EINVAL));
    check_eq!(set(1, 0), Ok(()));
    socket.close()?;
    check_eq!(peer.settle().end, End::Reset);
    // Without it the same close is in order.
    let (socket, peer) = connected(h, &[Step::RecvToEnd, Step::Hold])?;
    for (on, seconds) in [(1, 0), (0, 0)] {
        let value = value(on, seconds);
        check_eq!(bytes(h, &socket, SOL_SOCKET, SO_LINGER, value.as_flattened()), Ok(()));
    }
    socket.close()?;
    check_eq!(peer.settle().end, End::Fin);
    Ok(Verdict::Proved)
}
