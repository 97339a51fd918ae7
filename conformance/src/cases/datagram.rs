//! Section L on datagrams: recv.

use core::time::Duration;

use usocket_core::{
    Error, Family, MSG_DONTWAIT, MSG_PEEK, POLLIN, SO_RCVBUF, SOL_SOCKET, SockAddr, Usocket,
};

use super::section;
use super::setup::{
    PATIENCE, SHORT, becomes, bound_udp, check_took, check_within, is_pattern, own_ip, script,
    without_udp,
};
use crate::{Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    a_datagram_is_received_whole_or_cut: rows [122], requirements [17], clauses [18];
    truncation_is_visible: rows [122], requirements [17], clauses [18];
    an_empty_datagram_is_no_end: rows [123], requirements [17], clauses [18];
    a_quiet_datagram_socket_waits: rows [124], requirements [2, 5], clauses [];
    datagrams_queue_in_order: rows [125], requirements [17], clauses [19];
    a_closed_port_is_told_once: rows [126], requirements [], clauses [];
    peek_and_dontwait_on_datagrams: rows [127], requirements [], clauses [18];
    the_local_address_of_a_datagram: rows [], requirements [18], clauses [];
}

pub(crate) fn a_datagram_is_received_whole_or_cut<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, to) = bound_udp(h)?;
    let steps = [
        Step::Udp(Family::V4),
        Step::SendLenTo(to, 1000),
        Step::SendTo(to, b"next"),
        Step::SendTo(to, b"and one"),
        Step::Hold,
    ];
    let _peer = script(h, &steps)?;
    let mut buf = [0xee; 200];
    check_eq!(socket.recv(&mut buf[..100]), Ok(100));
    check!(is_pattern(&buf[..100], 0));
    check!(buf[100..].iter().all(|&byte| byte == 0xee));
    // One per call, also where two would fit.
    check_eq!(socket.recv(&mut buf), Ok(4));
    check_eq!(&buf[..4], b"next");
    check_eq!(socket.recv(&mut buf), Ok(7));
    check_eq!(&buf[..7], b"and one");
    Ok(Verdict::Proved)
}

pub(crate) fn truncation_is_visible<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, to) = bound_udp(h)?;
    let steps = [
        Step::Udp(Family::V4),
        Step::SendLenTo(to, 1000),
        Step::SendLenTo(to, 100),
        Step::SendLenTo(to, 300),
        Step::Hold,
    ];
    let peer = script(h, &steps)?;
    let mut buf = [0; 100];
    for full_len in [1000, 100] {
        let info = socket.recv_info(&mut buf, 0)?;
        check_eq!((info.len, info.full_len), (100, full_len));
        check_eq!(info.truncated(), full_len > 100);
        check_eq!(info.from, peer.address()?);
        check!(is_pattern(&buf, 0));
    }
    let info = h.net().block_on(socket.asynch().recv_info(&mut buf))?;
    check_eq!((info.len, info.full_len), (100, 300));
    Ok(Verdict::Proved)
}

pub(crate) fn an_empty_datagram_is_no_end<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, to) = bound_udp(h)?;
    let steps = [
        Step::Udp(Family::V4),
        Step::SendTo(to, b""),
        Step::SendTo(to, b"one"),
        Step::SendTo(to, b""),
        Step::SendTo(to, b"two"),
        Step::SendTo(to, b"three"),
        Step::Hold,
    ];
    let _peer = script(h, &steps)?;
    let mut buf = [0; 16];
    check_eq!(socket.recv(&mut buf), Ok(0));
    check_eq!(socket.recv(&mut buf), Ok(3));
    check_eq!(socket.recv(&mut buf), Ok(0));
    // A receive of nothing takes one.
    check_eq!(socket.recv(&mut []), Ok(0));
    check_eq!(socket.recv(&mut buf), Ok(5));
    check_eq!(&buf[..5], b"three");
    // And it waits for one.
    socket.settimeout(SHORT)?;
    check_eq!(socket.recv(&mut []), Err(Error::ETIMEDOUT));
    Ok(Verdict::Proved)
}

pub(crate) fn a_quiet_datagram_socket_waits<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    for socket in [h.net().udp()?, bound_udp(h)?.0] {
        socket.setblocking(false)?;
        check_eq!(socket.recv(&mut [0; 8]), Err(Error::EAGAIN));
        check_eq!(socket.recv_flags(&mut [0; 8], MSG_PEEK), Err(Error::EAGAIN));
        socket.settimeout(SHORT)?;
        let begun = h.now();
        check_eq!(socket.recv(&mut [0; 8]), Err(Error::ETIMEDOUT));
        check_took(h, begun, SHORT)?;
    }
    Ok(Verdict::Proved)
}

pub(crate) fn datagrams_queue_in_order<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, to) = bound_udp(h)?;
    // So small that the script overflows it, where the backend has the option.
    let _ = socket.setsockopt(SOL_SOCKET, SO_RCVBUF, 16_384);
    let mut steps = [Step::Hold; 22];
    steps[0] = Step::Udp(Family::V4);
    for (len, step) in (300..).zip(&mut steps[1..21]) {
        *step = Step::SendLenTo(to, len);
    }
    let peer = script(h, &steps)?;
    check!(matches!(peer.settle().state, crate::State::Running(21)));
    h.pass(h.burst());
    let mut buf = [0; 1024];
    socket.setblocking(false)?;
    let mut count = 0;
    // Those that came first are there, in order; those that did not fit are not.
    loop {
        match socket.recv(&mut buf) {
            Ok(len) => check_eq!(len, 300 + count),
            Err(error) => {
                check_eq!(error, Error::EAGAIN);
                break;
            }
        }
        count += 1;
    }
    check!((4..=20).contains(&count));
    // The overflow left no trace.
    socket.settimeout(PATIENCE)?;
    let _later = script(h, &[Step::Udp(Family::V4), Step::SendTo(to, b"later"), Step::Hold])?;
    check_eq!(socket.recv(&mut buf), Ok(5));
    Ok(Verdict::Proved)
}

pub(crate) fn a_closed_port_is_told_once<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, _) = bound_udp(h)?;
    let refusing = h.peer().refusing(Family::V4);
    socket.connect(refusing)?;
    check_eq!(socket.send(b"x"), Ok(1));
    if !h.caps().port_unreachable {
        socket.settimeout(SHORT)?;
        return unsupported(socket.recv(&mut [0; 8]), Error::ETIMEDOUT);
    }
    check_eq!(socket.recv(&mut [0; 8]), Err(Error::ECONNREFUSED));
    socket.setblocking(false)?;
    check_eq!(socket.recv(&mut [0; 8]), Err(Error::EAGAIN));
    // The next call may as well be a send.
    check_eq!(socket.send(b"y"), Ok(1));
    h.pass(Duration::from_millis(50));
    check_eq!(socket.send(b"z"), Err(Error::ECONNREFUSED));
    check_eq!(socket.recv(&mut [0; 8]), Err(Error::EAGAIN));
    Ok(Verdict::Proved)
}

pub(crate) fn peek_and_dontwait_on_datagrams<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let (socket, to) = bound_udp(h)?;
    let mut buf = [0; 16];
    let begun = h.now();
    for flags in [MSG_DONTWAIT, MSG_DONTWAIT | MSG_PEEK] {
        let answer = h.api().recv_flags(&socket, &mut buf, flags);
        check_eq!(answer, Err(Error::EAGAIN));
        let answer = socket.recvfrom_flags(&mut buf, flags).map(|_| ());
        check_eq!(answer, Err(Error::EAGAIN));
    }
    check_within(h, begun, Duration::from_millis(50))?;
    let steps =
        [Step::Udp(Family::V4), Step::SendTo(to, b"first"), Step::SendTo(to, b"2nd"), Step::Hold];
    let peer = script(h, &steps)?;
    let from = peer.address()?;
    becomes(h, &socket, POLLIN)?;
    for room in [5, 2, 16] {
        let len = room.min(5);
        check_eq!(socket.recv_flags(&mut buf[..room], MSG_PEEK), Ok(len));
        check_eq!(&buf[..len], &b"first"[..len]);
        check_eq!(socket.recvfrom_flags(&mut buf[..room], MSG_PEEK), Ok((len, from)));
    }
    check_eq!(socket.recv(&mut buf), Ok(5));
    check_eq!(socket.recv(&mut buf), Ok(3));
    Ok(Verdict::Proved)
}

pub(crate) fn the_local_address_of_a_datagram<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    let socket = h.net().udp()?;
    socket.bind(("", 0))?;
    socket.settimeout(PATIENCE)?;
    let ip = own_ip(h, Family::V4)?;
    let to = SockAddr::new(ip, socket.local_addr()?.port());
    check!(to.port() != 0);
    let _peer = script(h, &[Step::Udp(Family::V4), Step::SendTo(to, b"x"), Step::Hold])?;
    let info = socket.recv_info(&mut [0; 8], 0)?;
    check_eq!(info.local, h.caps().local_address.then_some(ip));
    Ok(Verdict::Proved)
}
