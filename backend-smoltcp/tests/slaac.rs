//! Addresses from router advertisements, in virtual time.

mod support;

use core::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

use support::frames::{Advertisement, advertisement};
use support::roomy;
use support::wire::Side;
use support::world::{Memory, PeerMemory, World, ip6};
use usocket_backend_smoltcp::smoltcp::phy::Medium;
use usocket_backend_smoltcp::smoltcp::wire::Icmpv6Packet;
use usocket_backend_smoltcp::{Config, Net};
use usocket_conformance::{Harness as _, State, Step};
use usocket_core::prelude::*;
use usocket_core::spi::Link;
use usocket_core::{AF_INET6, Error, Family, SOCK_STREAM, SockAddr};

/// `fd00::` and the hardware address of our side.
const OURS: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0xff, 0xfe00, 1));

/// Somebody behind the router.
const FAR: IpAddr = IpAddr::V6(Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0x66));

/// Our side without any address by hand; the peer is the router.
fn with_world(test: impl FnOnce(&World<'_>) + Send) {
    roomy(|| {
        let (mut ours, mut theirs) = (Box::new(Memory::new()), Box::new(PeerMemory::new()));
        let config = Config::ethernet([2, 0, 0, 0, 0, 1]).slaac();
        let world = World::with(
            7,
            Medium::Ethernet,
            |device, board| Net::new(device, board, &config, &mut ours).unwrap(),
            &mut theirs,
        );
        test(&world);
    });
}

fn hear(world: &World<'_>, said: Advertisement) {
    let now = world.now().as_micros();
    world.theirs.wire.borrow_mut().send(Side::Ours, now, advertisement(said));
    world.pass(Duration::from_millis(10));
}

/// The times at which our side asked for routers, in milliseconds.
fn solicitations(world: &World<'_>) -> Vec<u64> {
    let wire = world.theirs.wire.borrow();
    let sent = wire.log.iter().flatten().filter(|(_, to, frame)| {
        *to == Side::Theirs
            && frame.get(12..14) == Some(&[0x86, 0xdd])
            && frame.get(54) == Some(&133)
    });
    sent.map(|(at, ..)| at / 1000).collect()
}

#[test]
fn an_address_and_a_way_out() {
    with_world(|world| {
        let net = &world.net;
        let stream = || {
            let stream = net.socket(AF_INET6, SOCK_STREAM).unwrap();
            stream.settimeout(2).unwrap();
            stream
        };
        assert_eq!(net.link(), Link::NoAddress);
        assert_eq!(stream().connect(SockAddr::new(FAR, 80)), Err(Error::ENETUNREACH));
        assert_eq!(net.wait_up(1), Err(Error::ETIMEDOUT));
        hear(world, Advertisement::default());
        assert_eq!((net.link(), net.ip(Family::V6)), (Link::Up, Some(OURS)));
        net.wait_up(0).unwrap();
        // On the link.
        let script = [Step::Listen(Family::V6, 4), Step::Accept, Step::Send(5000), Step::Close];
        let peer = world.peer().start(&script).unwrap();
        let stream_to_peer = stream();
        stream_to_peer.connect(world.peer().address(peer).unwrap()).unwrap();
        assert_eq!(stream_to_peer.local_addr().unwrap().ip(), OURS);
        let mut buf = [0; 6000];
        assert_eq!(stream_to_peer.read(&mut buf), Ok(Some(5000)));
        assert_eq!(world.peer().settle(peer).state, State::Done);
        // Behind the router, which knows of nobody there.
        assert_eq!(stream().connect(SockAddr::new(FAR, 80)), Err(Error::ETIMEDOUT));
    });
}

#[test]
fn without_a_router_it_asks_three_times_and_rests() {
    with_world(|world| {
        world.theirs.wire.borrow_mut().log = Some(Vec::new());
        let begun = world.now().as_micros() / 1000;
        let mut looks = 0;
        world.run(world.now() + Duration::from_secs(600), || {
            looks += 1;
            false
        });
        let asked: Vec<u64> = solicitations(world).iter().map(|at| at - begun).collect();
        assert_eq!(asked, [0, 4000, 8000]);
        assert!(looks < 50, "{looks} drives in ten minutes without traffic");
        // Maybe another network.
        world.net.set_link(false);
        world.pass(Duration::from_secs(5));
        world.net.set_link(true);
        world.pass(Duration::from_secs(60));
        assert_eq!(solicitations(world).len(), 6);
        // One that is late is heard all the same.
        hear(world, Advertisement::default());
        assert_eq!(world.net.ip(Family::V6), Some(OURS));
    });
}

#[test]
fn the_address_goes_with_its_lifetime() {
    with_world(|world| {
        let net = &world.net;
        hear(world, Advertisement { valid: Duration::from_secs(60), ..Advertisement::default() });
        let script =
            [Step::Listen(Family::V6, 4), Step::Accept, Step::Send(100), Step::Wait(500_000)];
        let peer = world.peer().start(&script).unwrap();
        let stream = net.socket(AF_INET6, SOCK_STREAM).unwrap();
        stream.settimeout(300).unwrap();
        stream.connect(world.peer().address(peer).unwrap()).unwrap();
        // Said again, it lives longer.
        world.pass(Duration::from_secs(40));
        hear(world, Advertisement { valid: Duration::from_secs(60), ..Advertisement::default() });
        world.pass(Duration::from_secs(40));
        assert_eq!(net.ip(Family::V6), Some(OURS));
        world.pass(Duration::from_secs(25));
        assert_ne!(net.ip(Family::V6), Some(OURS));
        assert_eq!(net.link(), Link::NoAddress);
        // What had come is there (R1), then it is told.
        let mut buf = [0; 200];
        assert_eq!(stream.recv(&mut buf), Ok(100));
        assert_eq!(stream.recv(&mut buf), Err(Error::ENETUNREACH));
    });
}

#[test]
fn a_router_that_leaves_takes_the_way_out_along() {
    with_world(|world| {
        let net = &world.net;
        hear(world, Advertisement::default());
        let leaves = Advertisement { router: Duration::ZERO, ..Advertisement::default() };
        hear(world, leaves);
        let stream = net.socket(AF_INET6, SOCK_STREAM).unwrap();
        assert_eq!(stream.connect(SockAddr::new(FAR, 80)), Err(Error::ENETUNREACH));
        assert_eq!(net.ip(Family::V6), Some(OURS));
        // Nobody can take the address away at once (RFC 4862, 5.5.3).
        hear(world, Advertisement { valid: Duration::ZERO, ..leaves });
        assert_eq!(net.ip(Family::V6), Some(OURS));
        world.pass(Duration::from_secs(3601));
        assert_eq!(net.link(), Link::NoAddress);
    });
}

#[test]
fn odd_advertisements_do_no_harm() {
    with_world(|world| {
        let net = &world.net;
        let good = Advertisement::default();
        let prefix = |text: &str| text.parse().unwrap();
        let mut bad = vec![
            // From beyond the link, or to who knows whom.
            Advertisement { hop_limit: 254, ..good },
            Advertisement { from: prefix("fd00::2"), ..good },
        ];
        for text in ["ff02::", "fe80::", "ff00::", "::"] {
            bad.push(Advertisement { prefix: prefix(text), ..good });
        }
        for len in [0, 1, 63, 65, 127, 128, 129, 255] {
            bad.push(Advertisement { prefix_len: len, ..good });
        }
        for advertisement in bad {
            hear(world, Advertisement { router: Duration::ZERO, ..advertisement });
            assert_eq!(net.link(), Link::NoAddress, "{advertisement:?}");
        }
        // More than there is room for.
        for n in 0..20 {
            let text = format!("fd00:{n}::");
            hear(world, Advertisement { prefix: prefix(&text), ..good });
        }
        assert_eq!(net.link(), Link::Up);
    });
}

/// Each byte of it another, with a checksum that is right: only what the fields say is odd.
#[test]
fn mutilated_advertisements_do_no_harm() {
    with_world(|world| {
        let good = Advertisement::default();
        let whole = advertisement(good);
        let send = |frame: Vec<u8>| {
            let now = world.now().as_micros();
            world.theirs.wire.borrow_mut().send(Side::Ours, now, frame);
            world.pass(Duration::from_millis(2));
        };
        for at in 55..whole.len() {
            for value in [0, 1, 2, 0x40, 0x7f, 0x80, 0xc0, 0xff] {
                let mut frame = whole.clone();
                frame[at] = value;
                let mut icmp = Icmpv6Packet::new_unchecked(&mut frame[54..]);
                icmp.fill_checksum(&good.from, &Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1));
                send(frame);
            }
        }
        // It goes on as ever.
        assert_eq!(world.net.link(), Link::Up);
        let peer = world.peer().start(&[Step::Listen(Family::V6, 4), Step::Accept]).unwrap();
        let stream = world.net.socket(AF_INET6, SOCK_STREAM).unwrap();
        stream.settimeout(5).unwrap();
        stream.connect(world.peer().address(peer).unwrap()).unwrap();
    });
}

#[test]
fn what_was_configured_by_hand_goes_first() {
    with_world(|world| {
        let net = &world.net;
        hear(world, Advertisement::default());
        // A gateway that is not there: no way out, but to the neighbours.
        let nobody = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x99);
        let by_hand = Config::ethernet([2, 0, 0, 0, 0, 1]).slaac().address(ip6(1), 64).unwrap();
        net.reconfigure(&by_hand.clone().gateway(nobody.into()));
        let connect = || {
            let stream = net.socket(AF_INET6, SOCK_STREAM).unwrap();
            stream.settimeout(10).unwrap();
            stream.connect(SockAddr::new(FAR, 80)).unwrap_err()
        };
        assert_eq!(connect(), Error::EHOSTUNREACH);
        hear(world, Advertisement::default());
        assert_eq!(connect(), Error::EHOSTUNREACH);
        // Without it the router is asked, who knows of nobody there.
        net.reconfigure(&by_hand);
        assert_eq!(connect(), Error::ETIMEDOUT);
    });
}

/// An interface without hardware addresses has nothing to make an address of.
#[test]
fn on_bare_ip_nobody_is_asked() {
    roomy(|| {
        let (mut ours, mut theirs) = (Box::new(Memory::new()), Box::new(PeerMemory::new()));
        let config = Config::ip().slaac().address(ip6(1), 64).unwrap();
        let world = World::with(
            7,
            Medium::Ip,
            |device, board| Net::new(device, board, &config, &mut ours).unwrap(),
            &mut theirs,
        );
        world.pass(Duration::from_secs(60));
        assert_eq!(world.net.ip(Family::V6), Some(ip6(1)));
    });
}

#[test]
fn without_a_link_nobody_waits_for_routers() {
    with_world(|world| {
        world.pass(Duration::from_secs(1));
        world.net.set_link(false);
        let mut looks = 0;
        world.run(world.now() + Duration::from_secs(600), || {
            looks += 1;
            false
        });
        assert!(looks < 10, "{looks} drives in ten minutes without a link");
    });
}
