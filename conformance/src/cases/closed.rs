//! Section R: what a closed socket answers.

use usocket_core::{
    AF_INET, Error, Events, Hints, MSG_DONTWAIT, MSG_PEEK, OptValue, POLLIN, POLLNVAL, POLLOUT,
    Result, SO_ERROR, SO_REUSEADDR, SOCK_DGRAM, SOCK_STREAM, SOL_SOCKET, SockAddr, Socket, Timeout,
    Usocket,
};

use super::section;
use super::setup::{arrived, connected_plain, quiet, stream, without_udp};
use crate::{Harness, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    close_may_be_repeated: rows [214], requirements [9], clauses [9];
    every_method_of_a_closed_stream: rows [215], requirements [2, 11, 16], clauses [9];
    every_method_of_a_closed_datagram_socket: rows [215], requirements [2], clauses [9];
    every_form_of_a_closed_socket: rows [215], requirements [2], clauses [9];
    closed_with_data_waiting: rows [215], requirements [2], clauses [9];
    a_number_while_it_is_open: rows [220], requirements [], clauses [];
}

pub(crate) fn close_may_be_repeated<H: Harness>(h: &H) -> Outcome {
    for socktype in [SOCK_STREAM, SOCK_DGRAM] {
        if socktype == SOCK_DGRAM && !h.caps().udp {
            continue;
        }
        let socket = h.net().socket(AF_INET, socktype)?;
        for _ in 0..3 {
            check_eq!(h.api().close(&socket), Ok(()));
        }
        check_eq!(socket.abort(), Ok(()));
        check_eq!(socket.readiness(), POLLNVAL);
    }
    let (socket, _peer) = quiet(h)?;
    for _ in 0..3 {
        check_eq!(h.api().close(&socket), Ok(()));
    }
    check_eq!(socket.abort(), Ok(()));
    check_eq!(socket.readiness(), POLLNVAL);
    // The slot may serve another socket now, which a second close must not touch.
    let (other, _other) = connected_plain(h, &[Step::Text(b"x"), Step::Hold])?;
    check_eq!(h.api().close(&socket), Ok(()));
    check_eq!(socket.abort(), Ok(()));
    check_eq!(other.recv(&mut [0; 4]), Ok(1));
    Ok(Verdict::Proved)
}

/// More than there are methods.
const MANY: usize = 48;

/// Every method but `close`, with arguments that are right.
fn answers<H: Harness>(
    h: &H,
    socket: &Socket<'_, H::Net>,
    to: SockAddr,
) -> heapless::Vec<(&'static str, Result<()>), MANY> {
    let api = h.api();
    let mut buf = [0; 4];
    let mut all = heapless::Vec::new();
    let mut note = |name: &'static str, answer: Result<()>| {
        all.push((name, answer)).expect("fewer methods than MANY");
    };
    note("bind", socket.bind(("", 0)));
    note("listen", api.listen(socket, None));
    note("accept", api.accept(socket).map(drop));
    note("connect", api.connect(socket, to));
    note("send", api.send(socket, b"x").map(drop));
    note("send nothing", api.send(socket, b"").map(drop));
    note("sendall", api.sendall(socket, b"x"));
    note("sendall nothing", api.sendall(socket, b""));
    note("sendto", api.sendto(socket, b"x", to).map(drop));
    note("sendto nothing", api.sendto(socket, b"", to).map(drop));
    note("recv", socket.recv(&mut buf).map(drop));
    note("recv nothing", socket.recv(&mut []).map(drop));
    note("recv flags", api.recv_flags(socket, &mut buf, MSG_PEEK | MSG_DONTWAIT).map(drop));
    note("recvfrom", socket.recvfrom(&mut buf).map(drop));
    note("recvfrom nothing", socket.recvfrom(&mut []).map(drop));
    note("recv_info", socket.recv_info(&mut buf, 0).map(drop));
    note("recv_info nothing", socket.recv_info(&mut [], 0).map(drop));
    let value = OptValue::Int(1);
    note("setsockopt", api.setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, value));
    note("getsockopt", socket.getsockopt(SOL_SOCKET, SO_REUSEADDR).map(drop));
    note("pending error", socket.getsockopt(SOL_SOCKET, SO_ERROR).map(drop));
    note("settimeout", api.settimeout(socket, 1.0));
    note("setblocking", api.setblocking(socket, true));
    note("makefile", api.makefile(socket, "rb", 0).map(drop));
    note("read", api.read(socket, &mut buf).map(drop));
    note("read nothing", api.read(socket, &mut []).map(drop));
    note("readinto", api.readinto_n(socket, &mut buf, 4).map(drop));
    note("readinto nothing", api.readinto_n(socket, &mut buf, 0).map(drop));
    note("readline", api.readline(socket, &mut buf).map(drop));
    note("readline nothing", api.readline(socket, &mut []).map(drop));
    note("write", api.write(socket, b"x").map(drop));
    note("write nothing", api.write(socket, b"").map(drop));
    note("shutdown", socket.shutdown(usocket_core::spi::Shutdown::Both));
    note("take_error", socket.take_error().map(drop));
    note("local_addr", socket.local_addr().map(drop));
    note("peer_addr", socket.peer_addr().map(drop));
    note("set_linger", socket.set_linger(None));
    note("linger", socket.linger().map(drop));
    all
}

fn all_bad<H: Harness>(h: &H, socket: &Socket<'_, H::Net>) -> Outcome {
    let to = h.peer().refusing(usocket_core::Family::V4);
    for (name, answer) in answers(h, socket, to) {
        if answer != Err(Error::EBADF) {
            return Err(crate::Failure { error: answer.err(), ..crate::Failure::new(name) });
        }
    }
    check_eq!(socket.readiness(), POLLNVAL);
    check_eq!(socket.close(), Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn every_method_of_a_closed_stream<H: Harness>(h: &H) -> Outcome {
    let fresh = stream(h)?;
    let (connected, _peer) = quiet(h)?;
    for (socket, timeout) in
        [(&fresh, Timeout::Zero), (&connected, Timeout::Never), (&stream(h)?, Timeout::Zero)]
    {
        socket.settimeout(timeout)?;
        socket.close()?;
        all_bad(h, socket)?;
    }
    if h.caps().server {
        let listener = stream(h)?;
        listener.listen(1)?;
        listener.close()?;
        all_bad(h, &listener)?;
    }
    Ok(Verdict::Proved)
}

pub(crate) fn every_method_of_a_closed_datagram_socket<H: Harness>(h: &H) -> Outcome {
    if let Some(outcome) = without_udp(h) {
        return outcome;
    }
    for timeout in [Timeout::Never, Timeout::Zero] {
        let socket = h.net().udp()?;
        socket.settimeout(timeout)?;
        socket.close()?;
        all_bad(h, &socket)?;
    }
    Ok(Verdict::Proved)
}

/// Wrong arguments change nothing, and neither do the awaited and the trait forms.
fn other_forms<H: Harness>(h: &H, socket: &Socket<'_, H::Net>) -> Outcome {
    let bad = || Err(Error::EBADF);
    let to = h.peer().refusing(usocket_core::Family::V4);
    check_eq!(socket.bind(("not an address", 1)), bad());
    check_eq!(socket.connect(to.with_port(0)), bad());
    check_eq!(h.api().setsockopt(socket, 77, 77, OptValue::Int(1)), bad());
    check_eq!(h.api().setsockopt(socket, SOL_SOCKET, -5, OptValue::Int(1)), bad());
    check_eq!(h.api().settimeout(socket, -1.0), bad());
    check_eq!(h.api().makefile(socket, "no mode", 0).map(drop), bad());
    let (net, view) = (h.net(), socket.asynch());
    let mut buf = [0; 4];
    for len in [4, 0] {
        let buf = &mut buf[..len];
        check_eq!(socket.recv_flags(buf, 1 << 20).map(drop), bad());
        check_eq!(net.block_on(view.recv(buf)).map(drop), bad());
        check_eq!(net.block_on(view.recvfrom(buf)).map(drop), bad());
        check_eq!(net.block_on(view.read(buf)).map(drop), bad());
        check_eq!(net.block_on(view.readline(buf)).map(drop), bad());
    }
    for data in ["x", ""] {
        check_eq!(net.block_on(view.send(data)).map(drop), bad());
        check_eq!(net.block_on(view.sendall(data)), bad());
    }
    check_eq!(net.block_on(view.accept()).map(drop), bad());
    check_eq!(net.block_on(view.connect(to)), bad());
    // Readiness is no operation: it tells that the socket is closed (row 204).
    check_eq!(net.block_on(view.ready(POLLIN | POLLOUT)), Ok(POLLNVAL));
    check_eq!(net.block_on(view.ready(Events::NONE)), Ok(POLLNVAL));
    let mut stream = socket.stream();
    check_eq!(embedded_io::Read::read(&mut stream, &mut buf).map(drop), bad());
    check_eq!(embedded_io::Write::write(&mut stream, b"x").map(drop), bad());
    check_eq!(embedded_io::Write::flush(&mut stream), bad());
    Ok(Verdict::Proved)
}

pub(crate) fn every_form_of_a_closed_socket<H: Harness>(h: &H) -> Outcome {
    let (connected, _peer) = quiet(h)?;
    for socket in [stream(h)?, connected] {
        socket.close()?;
        other_forms(h, &socket)?;
    }
    if h.caps().udp {
        let udp = h.net().udp()?;
        udp.close()?;
        other_forms(h, &udp)?;
    }
    if h.caps().server {
        let listener = stream(h)?;
        listener.listen(1)?;
        listener.close()?;
        other_forms(h, &listener)?;
    }
    // The module goes on.
    h.net().getaddrinfo("127.0.0.1", 80, Hints::stream())?;
    Ok(Verdict::Proved)
}

pub(crate) fn closed_with_data_waiting<H: Harness>(h: &H) -> Outcome {
    let (socket, _peer) = connected_plain(h, &[Step::Text(b"waiting\n"), Step::Hold])?;
    arrived(h, &socket, 8)?;
    socket.close()?;
    all_bad(h, &socket)?;
    other_forms(h, &socket)
}

pub(crate) fn a_number_while_it_is_open<H: Harness>(h: &H) -> Outcome {
    let socket = stream(h)?;
    let other = stream(h)?;
    if !h.caps().fileno {
        return unsupported(h.fileno(socket.handle()), Error::EOPNOTSUPP);
    }
    let number = |socket: &Socket<'_, H::Net>| {
        h.fileno(socket.handle()).map(|number| h.api().fileno(number))
    };
    check!(number(&socket)? >= 0);
    check!(number(&other)? >= 0);
    check!(number(&socket)? != number(&other)?);
    socket.close()?;
    check_eq!(number(&socket), Ok(-1));
    check!(number(&other)? >= 0);
    Ok(Verdict::Proved)
}
