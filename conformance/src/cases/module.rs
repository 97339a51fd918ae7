//! Sections A and B: module, constructor, constants.

use core::time::Duration;

use usocket_core::spi::{Backend, Handle, SockType};
use usocket_core::{
    AF_INET, AF_INET6, Error, ErrorKind, Family, Hints, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP,
    IPPROTO_IP, IPPROTO_TCP, IPPROTO_UDP, MSG_DONTWAIT, MSG_PEEK, SO_BROADCAST, SO_KEEPALIVE,
    SO_LINGER, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, SockAddr, Socket, TCP_NODELAY,
    Timeout, Usocket,
};

use super::section;
use super::setup::{connect_plain, script, stream, without_udp};
use crate::{Asked, Harness, Outcome, Step, Verdict, check, check_eq};

section! {
    a_new_socket_is_a_fresh_stream: rows [1], requirements [], clauses [];
    protocol_follows_the_type: rows [2], requirements [], clauses [];
    matching_protocol_is_accepted: rows [3], requirements [], clauses [];
    contradicting_protocol_is_refused: rows [4], requirements [25], clauses [];
    unknown_family_is_refused: rows [5], requirements [25], clauses [20];
    unknown_type_is_refused: rows [6], requirements [25], clauses [];
    a_new_socket_waits_for_ever: rows [7], requirements [], clauses [];
    slots_run_out_and_come_back: rows [8], requirements [16], clauses [10];
    sockets_are_independent: rows [9], requirements [], clauses [];
    family_and_type_numbers: rows [10], requirements [], clauses [];
    protocol_numbers: rows [11], requirements [], clauses [];
    option_numbers: rows [12], requirements [], clauses [];
    errnos_are_those_of_linux: rows [13], requirements [25], clauses [];
    errors_are_of_one_type: rows [14], requirements [25], clauses [];
    receive_flags_are_an_extension: rows [15], requirements [], clauses [];
}

pub(crate) fn a_new_socket_is_a_fresh_stream<H: Harness>(h: &H) -> Outcome {
    for socket in [h.net().tcp()?, h.api().socket(h.net(), AF_INET, SOCK_STREAM, 0)?] {
        check_eq!(socket.family().number(), AF_INET);
        check!(socket.sock_type() == SockType::Stream);
        check_eq!(socket.local_addr(), Ok(SockAddr::new(Family::V4.unspecified(), 0)));
        check_eq!(socket.peer_addr(), Err(Error::ENOTCONN));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn protocol_follows_the_type<H: Harness>(h: &H) -> Outcome {
    let socket = h.api().socket(h.net(), AF_INET, SOCK_STREAM, 0)?;
    check!(socket.sock_type() == SockType::Stream);
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let socket = h.api().socket(h.net(), AF_INET, SOCK_DGRAM, 0)?;
    check!(socket.sock_type() == SockType::Dgram);
    // A datagram socket sends to nobody, a stream has nobody: the backend knows too.
    check_eq!(socket.send("x"), Err(Error::EDESTADDRREQ));
    Ok(Verdict::Proved)
}

pub(crate) fn matching_protocol_is_accepted<H: Harness>(h: &H) -> Outcome {
    for (ty, proto) in [(SOCK_STREAM, 6), (SOCK_DGRAM, 0), (SOCK_DGRAM, 17), (SOCK_STREAM, 0)] {
        if ty == SOCK_STREAM || h.caps().udp {
            h.api().socket(h.net(), AF_INET, ty, proto)?;
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

pub(crate) fn unknown_family_is_refused<H: Harness>(h: &H) -> Outcome {
    for af in [99, 0, 1, -1, i32::MAX, i32::MIN] {
        let answer = h.api().socket(h.net(), af, SOCK_STREAM, 0).map(|_| ());
        check_eq!(answer, Err(Error::EAFNOSUPPORT));
    }
    let ipv6 = h.api().socket(h.net(), AF_INET6, SOCK_STREAM, 0).map(|_| ());
    check_eq!(ipv6, if h.caps().ipv6 { Ok(()) } else { Err(Error::EAFNOSUPPORT) });
    Ok(Verdict::Proved)
}

pub(crate) fn unknown_type_is_refused<H: Harness>(h: &H) -> Outcome {
    const SOCK_RAW: i32 = 3;
    for ty in [99, 0, SOCK_RAW, -1, i32::MAX] {
        let answer = h.api().socket(h.net(), AF_INET, ty, 0).map(|_| ());
        check_eq!(answer, Err(Error::EINVAL));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn a_new_socket_waits_for_ever<H: Harness>(h: &H) -> Outcome {
    let peer =
        script(h, &[Step::Listen(Family::V4, 1), Step::Accept, Step::Wait(150), Step::Text(b"x")])?;
    let socket = h.api().socket(h.net(), AF_INET, SOCK_STREAM, 0)?;
    check_eq!(socket.timeout(), Timeout::Never);
    socket.connect(peer.address()?)?;
    check_eq!(socket.recv(&mut [0; 8]), Ok(1));
    Ok(Verdict::Proved)
}

/// More than any harness with a limit has.
const MANY: usize = 512;

pub(crate) fn slots_run_out_and_come_back<H: Harness>(h: &H) -> Outcome {
    let net = h.net();
    let mut held = heapless::Vec::<Handle, MANY>::new();
    let refused = loop {
        match net.open(Family::V4, SockType::Stream) {
            Ok(handle) if held.push(handle).is_ok() => {}
            Ok(handle) => break net.close(handle).err(),
            Err(error) => break Some(error),
        }
    };
    let full = h.api().socket(net, AF_INET, SOCK_STREAM, 0).map(|_| ());
    let closed = held.pop().map_or(Ok(()), |handle| net.close(handle));
    // Each of these drops its socket, which frees the slot for the next.
    let after_close = net.tcp().map(|_| ());
    let after_drop = net.tcp().map(|_| ());
    for handle in &held {
        let _ = net.close(*handle);
    }
    match h.caps().max_sockets {
        Some(limit) => {
            check_eq!(refused, Some(Error::ENOMEM));
            check!(held.len() < limit);
        }
        // The harness of a host lowers the limit of its process below MANY.
        None => check!(refused == Some(Error::EMFILE) || refused == Some(Error::ENFILE)),
    }
    check_eq!(full.err(), refused);
    check_eq!(closed, Ok(()));
    check_eq!(after_close, Ok(()));
    check_eq!(after_drop, Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn sockets_are_independent<H: Harness>(h: &H) -> Outcome {
    let listen = [Step::Listen(Family::V4, 1), Step::Accept];
    let quiet = script(h, &[listen[0], listen[1], Step::Hold])?;
    let echoing = script(h, &[listen[0], listen[1], Step::Echo])?;
    let (idle, closed, used) = (connect_plain(h, &quiet)?, stream(h)?, connect_plain(h, &echoing)?);
    let talk = |used: &Socket<'_, H::Net>| {
        used.sendall("ping")?;
        let mut back = [0; 4];
        used.read(&mut back).map(|_| back)
    };
    check_eq!(talk(&used), Ok(*b"ping"));
    idle.settimeout(Duration::from_millis(30))?;
    check_eq!(idle.recv(&mut [0; 8]), Err(Error::ETIMEDOUT));
    check_eq!(talk(&used), Ok(*b"ping"));
    check_eq!(used.timeout(), Timeout::Never);
    closed.close()?;
    check_eq!(talk(&used), Ok(*b"ping"));
    idle.close()?;
    check_eq!(talk(&used), Ok(*b"ping"));
    Ok(Verdict::Proved)
}

/// Checks constants against the numbers of the row.
fn numbers<H: Harness>(h: &H, table: &[(i32, i32)]) -> Outcome {
    for &(constant, number) in table {
        check_eq!(h.api().constant(constant), number);
    }
    Ok(Verdict::Proved)
}

pub(crate) fn family_and_type_numbers<H: Harness>(h: &H) -> Outcome {
    numbers(h, &[(AF_INET, 2), (AF_INET6, 10), (SOCK_STREAM, 1), (SOCK_DGRAM, 2)])
}

pub(crate) fn protocol_numbers<H: Harness>(h: &H) -> Outcome {
    numbers(h, &[(IPPROTO_TCP, 6), (IPPROTO_UDP, 17), (IPPROTO_IP, 0)])
}

pub(crate) fn option_numbers<H: Harness>(h: &H) -> Outcome {
    numbers(
        h,
        &[
            (SOL_SOCKET, 1),
            (SO_REUSEADDR, 2),
            (SO_BROADCAST, 6),
            (SO_KEEPALIVE, 9),
            (SO_LINGER, 13),
            (TCP_NODELAY, 1),
            (IP_ADD_MEMBERSHIP, 35),
            (IP_DROP_MEMBERSHIP, 36),
        ],
    )
}

pub(crate) fn errnos_are_those_of_linux<H: Harness>(h: &H) -> Outcome {
    let table = [
        (Error::EAGAIN, 11),
        (Error::EBADF, 9),
        (Error::EINVAL, 22),
        (Error::EPIPE, 32),
        (Error::EADDRINUSE, 98),
        (Error::ECONNRESET, 104),
        (Error::EISCONN, 106),
        (Error::ENOTCONN, 107),
        (Error::ETIMEDOUT, 110),
        (Error::ECONNREFUSED, 111),
        (Error::EALREADY, 114),
        (Error::EINPROGRESS, 115),
    ];
    for (error, number) in table {
        check_eq!(h.api().constant(error.errno()), number);
    }
    // And the backend answers in these numbers.
    let refused = stream(h)?.connect(h.peer().refusing(Family::V4));
    check_eq!(refused.map_err(Error::errno).err(), Some(111));
    check_eq!(stream(h)?.recv(&mut [0]).map_err(Error::errno).err(), Some(107));
    Ok(Verdict::Proved)
}

pub(crate) fn errors_are_of_one_type<H: Harness>(h: &H) -> Outcome {
    for kind in ErrorKind::ALL {
        check_eq!(kind.errno() < 0, kind.name().starts_with("EAI_"));
        check_eq!(Error::from(*kind).errno(), kind.errno());
    }
    let ask = |host, port| {
        let asked = Asked { host, port, hints: Hints::any() };
        h.api().getaddrinfo(h.net(), asked).map(|_| ())
    };
    let socket = stream(h)?;
    socket.settimeout(0)?;
    let of_names: [Result<(), Error>; 2] = [ask("256.1.1.1", 80), ask("127.0.0.1", -1)];
    let of_system: [Result<(), Error>; 2] =
        [socket.connect(h.peer().silent(Family::V4)), socket.recv(&mut [0]).map(|_| ())];
    for answer in of_names {
        check!(answer.is_err_and(|error| error.errno() < 0));
    }
    for answer in of_system {
        check!(answer.is_err_and(|error| error.errno() > 0));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn receive_flags_are_an_extension<H: Harness>(h: &H) -> Outcome {
    numbers(h, &[(MSG_PEEK, 2), (MSG_DONTWAIT, 64)])?;
    let peer = script(
        h,
        &[
            Step::Listen(Family::V4, 1),
            Step::Accept,
            Step::Wait(60),
            Step::Text(b"abc"),
            Step::Hold,
        ],
    )?;
    let (socket, mut buf) = (connect_plain(h, &peer)?, [0; 8]);
    check_eq!(h.api().recv_flags(&socket, &mut buf, MSG_DONTWAIT), Err(Error::EAGAIN));
    let nothing = socket.recvfrom_flags(&mut buf, MSG_DONTWAIT).map(|(len, _)| len);
    check_eq!(nothing, Err(Error::EAGAIN));
    check_eq!(h.api().recv_flags(&socket, &mut buf[..1], MSG_PEEK), Ok(1));
    peer.settle();
    check_eq!(socket.recvfrom_flags(&mut buf, MSG_PEEK).map(|(len, _)| len), Ok(3));
    check_eq!(h.api().recv_flags(&socket, &mut buf, MSG_PEEK | MSG_DONTWAIT), Ok(3));
    check_eq!(socket.recv(&mut buf), Ok(3));
    check_eq!(&buf[..3], b"abc");
    Ok(Verdict::Proved)
}
