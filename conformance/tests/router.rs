//! The router of the core (R13) over two networks in memory.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use usocket_conformance::net::{Host, MemHarness, Network, Virtual};
use usocket_conformance::{Caps, Harness, Peer, Verdict, cases};
use usocket_core::prelude::*;
use usocket_core::router::Router;
use usocket_core::spi::{Handle, Link};
use usocket_core::{
    Family, IP_ADD_MEMBERSHIP, IP_DROP_MEMBERSHIP, IPPROTO_IP, SO_BINDTODEVICE, SO_BROADCAST,
    SO_REUSEADDR, SOL_SOCKET,
};

type World<'n> = Network<&'n Virtual, NoopRawMutex, 16, 16, 256>;
type Net<'n> = Host<'n, &'n Virtual, NoopRawMutex, 16, 16, 256>;
type Two<'n> = Router<'n, NoopRawMutex, 2, 8>;

const A: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
const A_PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const B: Ipv4Addr = Ipv4Addr::new(192, 168, 5, 1);
const B_PEER: Ipv4Addr = Ipv4Addr::new(192, 168, 5, 2);

/// Two networks of two hosts each; `test` gets the router over our two hosts,
/// these, and the peers.
fn worlds(test: impl FnOnce(&Two<'_>, [Net<'_>; 2], [Net<'_>; 2])) {
    let clock = Virtual::new(7);
    let (a, b) = (Box::new(World::new(&clock)), Box::new(World::new(&clock)));
    let own = [a.host(&[A.into()]).unwrap(), b.host(&[B.into()]).unwrap()];
    let peers = [a.host(&[A_PEER.into()]).unwrap(), b.host(&[B_PEER.into()]).unwrap()];
    let mut router = Two::new();
    router.add("eth0", &own[0]).unwrap();
    router.add("wlan0", &own[1]).unwrap();
    assert_eq!(router.add("wlan0", &own[1]), Err(Error::EEXIST));
    assert_eq!(router.add("x", &own[1]), Err(Error::ENOBUFS));
    test(&router, own, peers);
}

/// A listener on the peer, and the address to reach it.
fn listener<'p, 'n>(peer: &'p Net<'n>, ip: Ipv4Addr) -> (Socket<'p, Net<'n>>, SockAddr) {
    let socket = peer.tcp().unwrap();
    socket.bind((ip, 80)).unwrap();
    socket.listen(4).unwrap();
    (socket, SockAddr::new(ip.into(), 80))
}

#[test]
fn the_best_route_decides() {
    worlds(|router, _, peers| {
        let (_a, to_a) = listener(&peers[0], A_PEER);
        let (_b, to_b) = listener(&peers[1], B_PEER);
        for (to, name, local) in [(to_a, "eth0", A), (to_b, "wlan0", B)] {
            let s = router.tcp().unwrap();
            assert_eq!(router.net_of(&s), Ok(None));
            s.connect(to).unwrap();
            assert_eq!(router.net_of(&s), Ok(Some(name)));
            assert_eq!(s.local_addr().unwrap().ip(), IpAddr::from(local));
        }
        let nowhere = router.tcp().unwrap();
        assert_eq!(nowhere.connect(("203.0.113.9", 80)), Err(Error::ENETUNREACH));
    });
}

#[test]
fn a_local_address_or_a_device_decides() {
    worlds(|router, _, peers| {
        let (_a, to_a) = listener(&peers[0], A_PEER);
        let bound = router.tcp().unwrap();
        bound.bind((B, 0)).unwrap();
        assert_eq!(router.net_of(&bound), Ok(Some("wlan0")));
        assert_eq!(bound.connect(to_a), Err(Error::ENETUNREACH));
        assert_eq!(router.tcp().unwrap().bind(("203.0.113.9", 0)), Err(Error::EADDRNOTAVAIL));

        let named = router.udp().unwrap();
        assert_eq!(named.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b"ppp0"), Err(Error::ENODEV));
        named.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b"wlan0").unwrap();
        named.setsockopt(SOL_SOCKET, SO_BROADCAST, 1).unwrap();
        named.bind(("", 0)).unwrap();
        assert_eq!(router.net_of(&named), Ok(Some("wlan0")));
        // What was set before the choice arrived at the backend.
        assert_eq!(named.getsockopt(SOL_SOCKET, SO_BROADCAST), Ok(1));
        assert_eq!(named.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b"eth0"), Err(Error::EINVAL));

        // The name of an interface goes on to its backend; none takes the choice back.
        let (inner, free) = (router.udp().unwrap(), router.udp().unwrap());
        for socket in [&inner, &free] {
            socket.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b"mem0").unwrap();
        }
        free.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b"").unwrap();
        free.bind((B, 0)).unwrap();
        let mut buf = [0; 16];
        for (socket, name, len) in [(&inner, "eth0", 4), (&free, "wlan0", 0)] {
            let found = socket.getsockopt_bytes(SOL_SOCKET, SO_BINDTODEVICE, &mut buf);
            assert_eq!((found, router.net_of(socket)), (Ok(len), Ok(Some(name))));
        }
    });
}

#[test]
fn groups_are_joined_at_once() {
    worlds(|router, _, _| {
        let group = |interface: Ipv4Addr| [[239, 1, 2, 3], interface.octets()].concat();
        let any = Ipv4Addr::UNSPECIFIED;
        let join = |socket: &Socket<'_, Two<'_>>, interface| {
            socket.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, &group(interface)[..])
        };
        let leave = |socket: &Socket<'_, Two<'_>>, interface| {
            socket.setsockopt(IPPROTO_IP, IP_DROP_MEMBERSHIP, &group(interface)[..])
        };
        let [first, device, address] = [(); 3].map(|()| router.udp().unwrap());
        assert_eq!(leave(&first, any), Err(Error::EADDRNOTAVAIL));
        assert_eq!(join(&first, Ipv4Addr::new(192, 0, 2, 7)), Err(Error::ENODEV));
        assert_eq!((join(&first, any), join(&first, any)), (Ok(()), Err(Error::EADDRINUSE)));
        device.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b"wlan0").unwrap();
        assert_eq!((join(&device, A), join(&device, any)), (Err(Error::ENODEV), Ok(())));
        assert_eq!(join(&address, B), Ok(()));
        for (socket, name) in [(&first, "eth0"), (&device, "wlan0"), (&address, "wlan0")] {
            assert_eq!(router.net_of(socket), Ok(Some(name)));
        }
    });
}

#[test]
fn order_preference_and_links_decide_the_rest() {
    worlds(|router, own, peers| {
        let home = |router: &Two<'_>| {
            let s = router.udp().unwrap();
            s.bind(("", 0)).unwrap();
            router.net_of(&s).unwrap().unwrap().to_string()
        };
        assert_eq!(home(router), "eth0");
        router.prefer("wlan0").unwrap();
        assert_eq!(home(router), "wlan0");
        assert_eq!(router.prefer("ppp0"), Err(Error::ENODEV));

        let (_b, to_b) = listener(&peers[1], B_PEER);
        let old = router.tcp().unwrap();
        old.connect(to_b).unwrap();
        own[1].set_link(Link::Down);
        assert_eq!(home(router), "eth0");
        assert_eq!(old.recv(&mut [0; 8]), Err(Error::ENETDOWN));
        assert_eq!(router.tcp().unwrap().connect(to_b), Err(Error::ENETUNREACH));
        own[0].set_link(Link::Down);
        assert_eq!(router.tcp().unwrap().connect(to_b), Err(Error::ENETDOWN));
    });
}

#[test]
fn what_a_listener_accepts_stays_with_it_and_slots_come_back() {
    worlds(|router, own, peers| {
        let server = router.tcp().unwrap();
        server.bind((B, 80)).unwrap();
        server.listen(4).unwrap();
        for _ in 0..1000 {
            let client = peers[1].tcp().unwrap();
            client.setblocking(false).unwrap();
            assert_eq!(client.connect((B, 80)), Err(Error::EINPROGRESS));
            let (conn, from) = server.accept().unwrap();
            assert_eq!(router.net_of(&conn), Ok(Some("wlan0")));
            assert_eq!(from, client.local_addr().unwrap());
        }
        router.drain(30).unwrap();
        let all: Vec<_> = std::iter::from_fn(|| router.tcp().ok()).collect();
        assert_eq!(all.len(), 7, "eight slots, one is the listener's");
        assert_eq!(router.tcp().unwrap_err(), Error::ENOMEM);
        // Without a slot the connection stays pending (S16).
        let client = peers[1].tcp().unwrap();
        client.setblocking(false).unwrap();
        let _ = client.connect((B, 80));
        assert_eq!(server.accept().unwrap_err(), Error::ENOMEM);
        drop(all);
        assert!(server.accept().is_ok());
        assert_eq!(own[0].network().held().sockets, 0);
    });
}

#[test]
fn a_full_router_says_so_only_to_who_would_get_a_socket() {
    worlds(|router, _, peers| {
        let server = router.tcp().unwrap();
        server.bind((A, 80)).unwrap();
        server.listen(4).unwrap();
        server.setblocking(false).unwrap();
        let others: Vec<_> = (0..7).map(|_| router.tcp().unwrap()).collect();
        assert_eq!(router.tcp().map(|_| ()), Err(Error::ENOMEM));
        assert_eq!(server.accept().map(|_| ()), Err(Error::EAGAIN));
        let client = peers[0].tcp().unwrap();
        client.connect((A, 80)).unwrap();
        server.settimeout(1).unwrap();
        assert_eq!(server.accept().map(|_| ()), Err(Error::ENOMEM));
        drop(others);
        assert!(server.accept().is_ok());
    });
}

#[test]
fn a_device_that_finds_no_room_decides_nothing() {
    worlds(|router, _, _| {
        router.prefer("wlan0").unwrap();
        let sockets: Vec<_> = (0..8).map(|_| router.udp().unwrap()).collect();
        let [last, first, others @ ..] = &sockets[..] else { unreachable!() };
        first.setsockopt(SOL_SOCKET, SO_REUSEADDR, 1).unwrap();
        for socket in others.iter().chain([first]) {
            socket.setsockopt(SOL_SOCKET, SO_BROADCAST, 1).unwrap();
        }
        assert_eq!(last.setsockopt(SOL_SOCKET, SO_BINDTODEVICE, b"mem0"), Err(Error::ENOBUFS));
        last.bind(("", 0)).unwrap();
        assert_eq!(router.net_of(last), Ok(Some("wlan0")));
    });
}

#[test]
fn one_poll_spans_backends_and_follows_a_socket_to_its_own() {
    worlds(|router, _, peers| {
        let (listener_a, to_a) = listener(&peers[0], A_PEER);
        let (_b, to_b) = listener(&peers[1], B_PEER);
        let wake = UserWake::<NoopRawMutex>::new();
        let (first, second) = (router.tcp().unwrap(), router.tcp().unwrap());
        let mut poll = Poll::<4>::new(router);
        // Registered before they have a backend: fresh streams read as HUP.
        poll.register(&first, POLLIN).unwrap();
        poll.register(&second, POLLIN).unwrap();
        poll.register(&wake, POLLIN).unwrap();
        assert_eq!(poll.poll(0).unwrap().events_of(&first), POLLHUP);

        first.connect(to_a).unwrap();
        second.connect(to_b).unwrap();
        assert!(poll.poll(100).unwrap().is_empty());
        let (conn, _) = listener_a.accept().unwrap();
        conn.send("hi").unwrap();
        let ready = poll.poll(1000).unwrap();
        assert_eq!((ready.len(), ready.events_of(&first)), (1, POLLIN));
        assert_eq!(first.recv(&mut [0; 8]), Ok(2));

        wake.wake();
        assert!(poll.poll(None).unwrap().iter().all(|ready| ready.is(&wake)));
        wake.clear();
        // Known under the name it was registered by, wherever it is now.
        poll.modify(&second, POLLOUT).unwrap();
        assert_eq!(poll.poll(0).unwrap().events_of(&second), POLLOUT);
        second.close().unwrap();
        assert_eq!(poll.poll(0).unwrap().events_of(&second), POLLNVAL);
        poll.unregister(&first);
        assert_eq!(poll.len(), 2);
    });
}

/// The kit's harness with a router in front of the backend.
struct Routed<'h, H: Harness> {
    inner: &'h H,
    router: Router<'h, NoopRawMutex, 1, 32>,
}

impl<'h, H: Harness> Harness for Routed<'h, H> {
    type Net = Router<'h, NoopRawMutex, 1, 32>;

    fn net(&self) -> &Self::Net {
        &self.router
    }

    fn caps(&self) -> Caps {
        self.inner.caps()
    }

    fn peer(&self) -> &dyn Peer {
        self.inner.peer()
    }

    fn ip(&self, family: Family) -> Option<IpAddr> {
        self.inner.ip(family)
    }

    /// The slot of the router stands for a descriptor.
    fn fileno(&self, handle: Handle) -> Result<i32> {
        let slot = i32::try_from(handle.slot()).map_err(|_| Error::EOPNOTSUPP)?;
        Ok(self.router.alive(handle).map_or(-1, |()| slot))
    }

    fn pass(&self, time: Duration) {
        self.inner.pass(time);
    }
}

#[test]
fn a_router_passes_the_kit() {
    let mut failed = Vec::new();
    cases::visit::<Routed<'static, MemHarness<'static, Virtual>>>(&mut |case| {
        // One type for all cases needs one lifetime: each world is leaked.
        let network: &Network<Virtual> = Box::leak(Box::new(Network::new(Virtual::new(1))));
        let inner = &*Box::leak(Box::new(MemHarness::new(network).unwrap()));
        let mut router = Router::new();
        router.add("mem0", inner.net()).unwrap();
        match (case.run)(&Routed { inner, router }) {
            Ok(Verdict::Proved | Verdict::Unsupported(_)) => {}
            Err(failure) => failed.push(format!("{}: {failure}", case.name)),
        }
    });
    assert!(failed.is_empty(), "{failed:#?}");
}
