//! Section C: `getaddrinfo`.

use core::cell::Cell;
use core::future::Future;
use core::pin::pin;
use core::task::{Context, Waker};
use core::time::Duration;

use usocket_core::spi::{Answer, Backend, Handle, Wait, WaitKey};
use usocket_core::{
    AF_INET, AF_INET6, AI_CANONNAME, AI_NUMERICHOST, AddrInfoList, Error, Events, Family, Hints,
    IPPROTO_TCP, IPPROTO_UDP, Result, SOCK_DGRAM, SOCK_STREAM, Usocket, asynch,
};

use super::section;
use super::setup::{on_time, own_ip, script, stream, timed};
use crate::{Asked, Harness, Liar, Lie, Outcome, Step, Verdict, check, check_eq, unsupported};

section! {
    the_list_has_five_tuples: rows [16], requirements [6], clauses [];
    literals_ask_nobody: rows [17], requirements [6], clauses [];
    streams_come_first: rows [18], requirements [6], clauses [];
    type_filters: rows [19], requirements [6], clauses [];
    proto_filters: rows [20], requirements [6], clauses [];
    contradicting_filters_are_refused: rows [21], requirements [25], clauses [];
    family_filters: rows [22], requirements [6, 25], clauses [];
    unknown_filters_are_refused: rows [23], requirements [25], clauses [];
    ipv6_literals: rows [24], requirements [], clauses [];
    canonical_name_only_on_demand: rows [25], requirements [], clauses [];
    numeric_host_never_asks: rows [26], requirements [], clauses [];
    bad_names_have_negative_numbers: rows [27], requirements [6, 25], clauses [];
    empty_host_is_no_name: rows [28], requirements [], clauses [];
    ports_from_0_to_65535: rows [29], requirements [25], clauses [];
    sockaddr_is_opaque_and_comparable: rows [30], requirements [], clauses [];
    timeouts_of_sockets_do_not_apply: rows [31], requirements [5, 6], clauses [];
    a_dropped_query_frees_its_place: rows [], requirements [6, 15], clauses [23];
}

fn ask<H: Harness>(h: &H, host: &str, port: i32, hints: Hints) -> Result<AddrInfoList> {
    h.api().getaddrinfo(h.net(), Asked { host, port, hints })
}

/// The error of a question that must fail.
fn refusal<H: Harness>(h: &H, host: &str, hints: Hints) -> Option<Error> {
    ask(h, host, 80, hints).err()
}

pub(crate) fn the_list_has_five_tuples<H: Harness>(h: &H) -> Outcome {
    for host in ["127.0.0.1", h.peer().name()] {
        let list = ask(h, host, 8080, Hints::any())?;
        check!(list.len() > 0);
        for info in list.iter() {
            check_eq!(info.family, info.sockaddr.family().number());
            let kind = (info.socktype, info.proto);
            check!(kind == (SOCK_STREAM, IPPROTO_TCP) || kind == (SOCK_DGRAM, IPPROTO_UDP));
            check_eq!(info.canonname, "");
            check_eq!(info.sockaddr.port(), 8080);
        }
        check!(list.get(list.len()).is_none());
    }
    Ok(Verdict::Proved)
}

/// Counts questions; answers none.
#[derive(Default)]
struct Counting(Cell<usize>);

impl<B: Backend> Lie<B> for Counting {
    fn start_query(&self, _: &B, _: &str, _: Option<Family>, _: bool) -> Result<Handle> {
        self.0.set(self.0.get() + 1);
        Err(Error::EAI_AGAIN)
    }
}

pub(crate) fn literals_ask_nobody<H: Harness>(h: &H) -> Outcome {
    let counting = Liar { net: h.net(), lie: Counting::default() };
    for host in ["127.0.0.1", "8.8.8.8", "::1", "fe80::1%1", "256.1.1.1"] {
        let _ = counting.getaddrinfo(host, 80, ());
    }
    check_eq!(counting.lie.0.get(), 0);
    check_eq!(counting.getaddrinfo(h.peer().name(), 80, ()).err(), Some(Error::EAI_AGAIN));
    check_eq!(counting.lie.0.get(), 1);
    // Without any time there is no time to ask.
    let at_once = Hints { timeout: Duration::ZERO, ..Hints::any() };
    for host in ["127.0.0.1", "8.8.8.8", "::1"] {
        check_eq!(ask(h, host, 80, at_once).map(|_| ()), Ok(()));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn streams_come_first<H: Harness>(h: &H) -> Outcome {
    for host in ["127.0.0.1", h.peer().name()] {
        let list = ask(h, host, 80, Hints::any())?;
        check_eq!(list.first().socktype, SOCK_STREAM);
        check!(list.iter().any(|info| info.socktype == SOCK_DGRAM));
        check!(list.iter().all(|info| [SOCK_STREAM, SOCK_DGRAM].contains(&info.socktype)));
    }
    Ok(Verdict::Proved)
}

/// Checks that a filter leaves one type, with its protocol.
fn leaves<H: Harness>(h: &H, hints: Hints, socktype: i32, proto: i32) -> Outcome {
    for host in ["127.0.0.1", h.peer().name()] {
        let list = ask(h, host, 80, hints)?;
        check!(list.iter().all(|info| (info.socktype, info.proto) == (socktype, proto)));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn type_filters<H: Harness>(h: &H) -> Outcome {
    leaves(h, Hints { socktype: SOCK_DGRAM, ..Hints::any() }, SOCK_DGRAM, IPPROTO_UDP)?;
    leaves(h, Hints { socktype: SOCK_STREAM, ..Hints::any() }, SOCK_STREAM, IPPROTO_TCP)
}

pub(crate) fn proto_filters<H: Harness>(h: &H) -> Outcome {
    leaves(h, Hints { proto: IPPROTO_UDP, ..Hints::any() }, SOCK_DGRAM, 17)?;
    leaves(h, Hints { proto: IPPROTO_TCP, ..Hints::any() }, SOCK_STREAM, 6)
}

pub(crate) fn contradicting_filters_are_refused<H: Harness>(h: &H) -> Outcome {
    for (socktype, proto) in [(SOCK_DGRAM, IPPROTO_TCP), (SOCK_STREAM, IPPROTO_UDP)] {
        let hints = Hints { socktype, proto, ..Hints::any() };
        check_eq!(refusal(h, "127.0.0.1", hints).map(Error::errno), Some(-7));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn family_filters<H: Harness>(h: &H) -> Outcome {
    let only = |af| Hints { af, ..Hints::any() };
    for (host, own, other) in [("127.0.0.1", AF_INET, AF_INET6), ("::1", AF_INET6, AF_INET)] {
        check_eq!(refusal(h, host, only(other)).map(Error::errno), Some(-9));
        check!(ask(h, host, 80, only(own))?.iter().all(|info| info.family == own));
    }
    let list = ask(h, h.peer().name(), 80, only(AF_INET))?;
    check!(list.iter().all(|info| info.family == AF_INET));
    Ok(Verdict::Proved)
}

pub(crate) fn unknown_filters_are_refused<H: Harness>(h: &H) -> Outcome {
    let any = Hints::any();
    for (hints, number) in [
        (Hints { af: 99, ..any }, -6),
        (Hints { socktype: 99, ..any }, -7),
        (Hints { socktype: 3, ..any }, -7),
        (Hints { flags: 0x4000_0000, ..any }, -1),
    ] {
        check_eq!(refusal(h, "127.0.0.1", hints).map(Error::errno), Some(number));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn ipv6_literals<H: Harness>(h: &H) -> Outcome {
    for (host, text, scope) in [
        ("::1", "::1", 0),
        ("FE80:0::1%1", "fe80::1", 1),
        ("2001:DB8:0:0:0:0:0:0A", "2001:db8::a", 0),
        ("fe80::1%1", "fe80::1", 1),
    ] {
        let list = ask(h, host, 80, Hints::any())?;
        let info = list.first();
        check_eq!(info.family, AF_INET6);
        let core::net::SocketAddr::V6(parts) = info.sockaddr.to_std() else {
            return Err(crate::Failure::new("not an address of four parts"));
        };
        check_eq!((parts.flowinfo(), parts.scope_id()), (0, scope));
        let shown = h.api().inet_ntop(AF_INET6, &parts.ip().octets())?;
        check_eq!(shown.as_str(), text);
    }
    Ok(Verdict::Proved)
}

pub(crate) fn canonical_name_only_on_demand<H: Harness>(h: &H) -> Outcome {
    for host in ["127.0.0.1", h.peer().name()] {
        let list = ask(h, host, 80, Hints::any())?;
        check_eq!(list.canonname(), "");
        check_eq!(list.first().canonname, "");
        let list = ask(h, host, 80, Hints { flags: AI_CANONNAME, ..Hints::any() })?;
        check!(!list.canonname().is_empty());
        check_eq!(list.first().canonname, list.canonname());
    }
    Ok(Verdict::Proved)
}

pub(crate) fn numeric_host_never_asks<H: Harness>(h: &H) -> Outcome {
    let numeric = Hints { flags: AI_NUMERICHOST, ..Hints::any() };
    check_eq!(refusal(h, h.peer().name(), numeric).map(Error::errno), Some(-2));
    check_eq!(refusal(h, "localhost", numeric).map(Error::errno), Some(-2));
    check_eq!(ask(h, "127.0.0.1", 80, numeric).map(|_| ()), Ok(()));
    check_eq!(ask(h, "::1", 80, numeric).map(|_| ()), Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn bad_names_have_negative_numbers<H: Harness>(h: &H) -> Outcome {
    for host in ["hey.!!$$", "256.1.1.1", "a\"b", "a\r\nb", "a b", "\0"] {
        check_eq!(refusal(h, host, Hints::any()).map(Error::errno), Some(-2));
    }
    // A host without a name server cannot know that the name does not exist.
    let soon = Hints { timeout: Duration::from_secs(2), ..Hints::any() };
    let unknown = refusal(h, "nonexistent.invalid", soon);
    check!(unknown == Some(Error::EAI_NONAME) || unknown == Some(Error::EAI_AGAIN));
    Ok(Verdict::Proved)
}

pub(crate) fn empty_host_is_no_name<H: Harness>(h: &H) -> Outcome {
    for flags in [0, usocket_core::AI_PASSIVE, AI_NUMERICHOST] {
        let hints = Hints { flags, ..Hints::any() };
        check_eq!(refusal(h, "", hints).map(Error::errno), Some(-2));
    }
    check_eq!(ask(h, "0.0.0.0", 80, Hints::any()).map(|_| ()), Ok(()));
    check_eq!(ask(h, "::", 80, Hints::any()).map(|_| ()), Ok(()));
    Ok(Verdict::Proved)
}

pub(crate) fn ports_from_0_to_65535<H: Harness>(h: &H) -> Outcome {
    for port in [0, 1, 80, 65_535] {
        let list = ask(h, "127.0.0.1", port, Hints::any())?;
        check_eq!(i32::from(list.first().sockaddr.port()), port);
    }
    for port in [-1, 65_536, 65_616, i32::MIN, i32::MAX] {
        let answer = ask(h, "127.0.0.1", port, Hints::any());
        check_eq!(answer.err().map(Error::errno), Some(-8));
    }
    Ok(Verdict::Proved)
}

pub(crate) fn sockaddr_is_opaque_and_comparable<H: Harness>(h: &H) -> Outcome {
    let first = |host: &str, port: u16| -> Result<_> {
        Ok(ask(h, host, port.into(), Hints::stream())?.first().sockaddr)
    };
    check!(first("127.0.0.1", 80)? == first("127.0.0.1", 80)?);
    check!(first("127.0.0.1", 80)? != first("127.0.0.1", 81)?);
    check!(first("127.0.0.1", 80)? != first("127.0.0.2", 80)?);

    let peer = script(h, &[Step::Listen(Family::V4, 1), Step::Accept, Step::Hold])?;
    let there = peer.address()?;
    let socket = stream(h)?;
    socket.connect(first(&usocket_core::ip_text(there.ip()), there.port())?)?;
    check_eq!(socket.peer_addr(), Ok(there));
    if h.caps().udp {
        let peer = script(h, &[Step::Udp(Family::V4), Step::RecvFrom, Step::Hold])?;
        let there = peer.address()?;
        let to = first(&usocket_core::ip_text(there.ip()), there.port())?;
        check_eq!(h.net().udp()?.sendto("x", to), Ok(1));
        check!(peer.reaches(h, 2));
    }
    let own = first(&usocket_core::ip_text(own_ip(h, Family::V4)?), 0)?;
    let socket = stream(h)?;
    if !h.caps().server {
        return unsupported(socket.bind(own), Error::EOPNOTSUPP);
    }
    socket.bind(own)?;
    check_eq!(socket.local_addr()?.ip(), own.ip());
    Ok(Verdict::Proved)
}

/// A name server that never answers.
#[derive(Default)]
struct Silent;

impl<B: Backend> Lie<B> for Silent {
    fn try_answer(&self, _: &B, _: Handle, _: &mut Answer) -> Result<()> {
        Err(Error::EAGAIN)
    }

    fn readiness(&self, _: &B, _: Handle) -> Events {
        Events::NONE
    }

    fn register(&self, net: &B, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        // The query itself is answered: only its deadline shall end the wait.
        net.register(key, Wait { handle: Handle::ANY, ..wait })
    }
}

pub(crate) fn timeouts_of_sockets_do_not_apply<H: Harness>(h: &H) -> Outcome {
    let socket = stream(h)?;
    for seconds in [0.0, 1e-9] {
        h.api().settimeout(&socket, seconds)?;
        check_eq!(ask(h, h.peer().name(), 80, Hints::any()).map(|_| ()), Ok(()));
    }
    // Silence ends with -3, after the query's own timeout.
    let limit = Duration::from_millis(80);
    let hints = Hints { timeout: limit, ..Hints::any() };
    let silent = Liar { net: h.net(), lie: Silent };
    let (answer, took) = timed(h, || silent.getaddrinfo(h.peer().name(), 80, hints));
    check_eq!(answer.err().map(Error::errno), Some(-3));
    check!(on_time(took, limit));
    Ok(Verdict::Proved)
}

pub(crate) fn a_dropped_query_frees_its_place<H: Harness>(h: &H) -> Outcome {
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..100 {
        let query = pin!(asynch::getaddrinfo(h.net(), h.peer().name(), 80, ()));
        let answer = query.poll(&mut context);
        if let core::task::Poll::Ready(answer) = answer {
            check_eq!(answer.map(|_| ()), Ok(()));
        }
    }
    check_eq!(ask(h, h.peer().name(), 80, Hints::any()).map(|_| ()), Ok(()));
    let answer = h.net().block_on(asynch::getaddrinfo(h.net(), h.peer().name(), 80, ()));
    check_eq!(answer.map(|list| list.first().socktype), Ok(SOCK_STREAM));
    Ok(Verdict::Proved)
}
