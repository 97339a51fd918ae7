//! R25: one error type; each operation answers each condition with its one number.

use embedded_io::ErrorKind as IoKind;
use usocket_core::spi::Shutdown;
use usocket_core::{
    AF_INET6, Error, ErrorKind, Family, Result, SO_KEEPALIVE, SOCK_DGRAM, SOL_SOCKET, SockAddr,
    Usocket,
};

use super::section;
use super::setup::{BULK, PATIENCE, Sock, connected, foreign_ip, no_pipe, own_ip, without_udp};
use crate::{Failure, Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    each_condition_has_its_error: rows [], requirements [25], clauses [14, 15, 20];
    datagram_conditions_have_their_errors: rows [], requirements [25], clauses [20];
    a_missing_family_says_so: rows [], requirements [25], clauses [20];
    errors_map_onto_embedded_io: rows [], requirements [25], clauses [];
}

/// Asserts one line of the table.
#[track_caller]
fn line<T>(answer: Result<T>, wanted: Error) -> Result<(), Failure> {
    match answer {
        Err(error) if error == wanted => Ok(()),
        Err(error) => Err(Failure { error: Some(error), ..Failure::new("another error") }),
        Ok(_) => Err(Failure::new("no error")),
    }
}

fn fresh_stream<H: Harness>(h: &H, s: &Sock<'_, H>) -> Result<(), Failure> {
    let mut buf = [0; 4];
    check!(s.send(b"x").is_err_and(no_pipe));
    line(s.recv(&mut buf), Error::ENOTCONN)?;
    line(s.recv_info(&mut buf, 0), Error::ENOTCONN)?;
    line(s.peer_addr(), Error::ENOTCONN)?;
    line(s.shutdown(Shutdown::Both), Error::ENOTCONN)?;
    line(s.connect(h.peer().refusing(Family::V4)), Error::ECONNREFUSED)?;
    line(s.connect((own_ip(h, Family::V4)?, 0)), Error::EINVAL)?;
    line(s.setsockopt(SOL_SOCKET, SO_KEEPALIVE, b""), Error::EINVAL)?;
    line(s.setsockopt(SOL_SOCKET, 20, 1), Error::ENOPROTOOPT)?;
    line(s.getsockopt(SOL_SOCKET, 20), Error::ENOPROTOOPT)?;
    line(s.recv_flags(&mut buf, 4), Error::EINVAL)?;
    line(s.makefile("r"), Error::EINVAL)?;
    line(s.settimeout(-1), Error::EINVAL)
}

pub(crate) fn each_condition_has_its_error<H: Harness>(h: &H) -> Outcome {
    let stream = h.net().tcp()?;
    stream.settimeout(PATIENCE)?;
    fresh_stream(h, &stream)?;
    let (connected, peer) = connected(h, &[Step::Hold])?;
    line(connected.connect(peer.address()?), Error::EISCONN)?;
    connected.setblocking(false)?;
    line(connected.recv(&mut [0; 4]), Error::EAGAIN)?;
    let pending = h.net().tcp()?;
    pending.setblocking(false)?;
    let silent = h.peer().silent(Family::V4);
    line(pending.connect(silent), Error::EINPROGRESS)?;
    line(pending.connect(silent), Error::EALREADY)?;
    line(pending.recv(&mut [0; 4]), Error::EAGAIN)?;
    line(pending.send(b"x"), Error::EAGAIN)?;
    if !h.caps().server {
        return Ok(Verdict::Proved);
    }
    line(stream.accept(), Error::EINVAL)?;
    line(connected.accept(), Error::EINVAL)?;
    line(connected.listen(1), Error::EINVAL)?;
    line(connected.bind((own_ip(h, Family::V4)?, 0)), Error::EINVAL)?;
    let listener = h.net().tcp()?;
    line(listener.bind((foreign_ip(), 0)), Error::EADDRNOTAVAIL)?;
    listener.bind((own_ip(h, Family::V4)?, 0))?;
    line(listener.bind((own_ip(h, Family::V4)?, 0)), Error::EINVAL)?;
    listener.listen(1)?;
    let second = h.net().tcp()?;
    line(second.bind(listener.local_addr()?), Error::EADDRINUSE)?;
    listener.setblocking(false)?;
    line(listener.accept(), Error::EAGAIN)?;
    line(listener.recv(&mut [0; 4]), Error::ENOTCONN)?;
    Ok(Verdict::Proved)
}

pub(crate) fn datagram_conditions_have_their_errors<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let s = h.net().udp()?;
    s.setblocking(false)?;
    let own = SockAddr::new(own_ip(h, Family::V4)?, 9);
    line(s.send(b"x"), Error::EDESTADDRREQ)?;
    line(s.peer_addr(), Error::ENOTCONN)?;
    line(s.listen(1), Error::EOPNOTSUPP)?;
    line(s.accept(), Error::EOPNOTSUPP)?;
    line(s.recv(&mut [0; 4]), Error::EAGAIN)?;
    line(s.sendto(&BULK[..=h.caps().max_datagram], own), Error::EMSGSIZE)?;
    line(s.sendto(b"x", own.with_port(0)), Error::EINVAL)?;
    line(s.connect(own.with_port(0)), Error::EINVAL)?;
    line(s.sendto(b"x", SockAddr::new(Family::V6.unspecified(), 9)), Error::EAFNOSUPPORT)?;
    line(s.bind(("127.0.0.1", 70_000)), Error::EINVAL)?;
    line(s.bind((foreign_ip(), 0)), Error::EADDRNOTAVAIL)?;
    Ok(Verdict::Proved)
}

pub(crate) fn a_missing_family_says_so<H: Harness>(h: &H) -> Outcome {
    for af in [0, 1, 3, 99, -2] {
        line(h.api().socket(h.net(), af, SOCK_DGRAM, 0), Error::EAFNOSUPPORT)?;
    }
    if h.caps().ipv6 {
        let s = h.net().socket(AF_INET6, usocket_core::SOCK_STREAM)?;
        line(s.connect(h.peer().refusing(Family::V4)), Error::EAFNOSUPPORT)?;
        return Ok(Verdict::Proved);
    }
    let answer = h.net().socket(AF_INET6, usocket_core::SOCK_STREAM);
    unsupported(answer, Error::EAFNOSUPPORT)
}

/// Total, and only those without a counterpart are `Other`.
pub(crate) fn errors_map_onto_embedded_io<H: Harness>(h: &H) -> Outcome {
    const OTHER: [ErrorKind; 9] = [
        ErrorKind::WouldBlock,
        ErrorKind::NetworkDown,
        ErrorKind::NetworkUnreachable,
        ErrorKind::HostUnreachable,
        ErrorKind::IsConnected,
        ErrorKind::AlreadyInProgress,
        ErrorKind::InProgress,
        ErrorKind::NameTemporary,
        ErrorKind::NameFailure,
    ];
    for &kind in ErrorKind::ALL {
        let error = Error::from(kind);
        let io = embedded_io::Error::kind(&error);
        check_eq!(io == IoKind::Other, OTHER.contains(&kind));
        // The number outlives the mapping.
        check_eq!(h.api().constant(error.errno()), kind.errno());
    }
    let reset = Error::from(ErrorKind::ConnectionReset);
    check!(matches!(embedded_io::Error::kind(&reset), IoKind::ConnectionReset));
    Ok(Verdict::Proved)
}
