//! Addresses from a DHCP server, which come, change and go.

mod support;

use core::net::{IpAddr, Ipv4Addr};
use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use support::roomy;
use support::world::{ETHERNET, Memory, NAME, PeerMemory, World, ip4};
use usocket_backend_smoltcp::{Config, Net};
use usocket_conformance::{Harness, Step};
use usocket_core::prelude::*;
use usocket_core::spi::{Backend, Handle, Link, Opt, RecvFlags, SockType};
use usocket_core::{Family, POLLERR, POLLHUP, SockAddr};

/// What the server gives; with no address it says NAK, and nothing while it is silent.
#[derive(Clone, Copy)]
struct Lease {
    last: Option<u8>,
    seconds: u32,
    silent: bool,
}

/// A world whose backend of ours has no address yet, and the server's lease.
fn unconfigured(run: impl FnOnce(&World<'_>, &RefCell<Lease>) + Send) {
    with_config(Config::ethernet([2, 0, 0, 0, 0, 1]), run);
}

/// The same with something configured by hand.
fn with_config(config: Config, run: impl FnOnce(&World<'_>, &RefCell<Lease>) + Send) {
    roomy(|| {
        let (mut ours, mut theirs) = (Box::new(Memory::new()), Box::new(PeerMemory::new()));
        let ours = &mut *ours;
        let config = config.dhcp();
        let world = World::with(
            1,
            ETHERNET,
            move |device, board| Net::new(device, board, &config, ours).unwrap(),
            &mut theirs,
        );
        let lease = Lease { last: Some(50), seconds: 600, silent: false };
        let lease = Rc::new(RefCell::new(lease));
        let net = &world.theirs.net;
        let socket = net.open(Family::V4, SockType::Dgram).unwrap();
        net.set_option(socket, &Opt::Broadcast(true)).unwrap();
        net.bind(socket, SockAddr::new(Ipv4Addr::UNSPECIFIED.into(), 67)).unwrap();
        let given = Rc::clone(&lease);
        world.theirs.serve(move |net| serve(net, socket, *given.borrow()));
        run(&world, &lease);
    });
}

/// Answers a request (RFC 2131); whether there was one.
fn serve(net: &dyn Backend, socket: Handle, lease: Lease) -> bool {
    const COOKIE: [u8; 4] = [99, 130, 83, 99];
    let mut request = [0; 1000];
    let Ok(info) = net.try_recv_info(socket, &mut request, RecvFlags::default()) else {
        return false;
    };
    let options = &request[240..info.len];
    // DISCOVER is 1 and REQUEST 3: it is the first option of smoltcp's.
    let Some([_, _, asked]) = options.windows(3).find(|option| option[..2] == [53, 1]) else {
        return true;
    };
    if lease.silent {
        return true;
    }
    let mut answer = vec![2, 1, 6, 0];
    answer.extend(&request[4..8]);
    answer.extend([0; 8]);
    answer.extend([10, 0, 0, lease.last.unwrap_or(0)]);
    answer.extend([10, 0, 0, 2, 0, 0, 0, 0]);
    answer.extend(&request[28..44]);
    answer.resize(236, 0);
    answer.extend(COOKIE);
    let kind = match (lease.last, asked) {
        (None, _) => 6,
        (_, 1) => 2,
        _ => 5,
    };
    answer.extend([53, 1, kind, 54, 4, 10, 0, 0, 2, 1, 4, 255, 255, 255, 0]);
    answer.extend([3, 4, 10, 0, 0, 2, 6, 4, 10, 0, 0, 2, 51, 4]);
    answer.extend(lease.seconds.to_be_bytes());
    answer.push(255);
    let everybody = SockAddr::new(Ipv4Addr::BROADCAST.into(), 68);
    net.try_send_to(socket, &answer, everybody).unwrap();
    true
}

fn own(world: &World<'_>) -> Option<IpAddr> {
    world.net.ip(Family::V4)
}

#[test]
fn a_lease_brings_address_router_and_name_server() {
    unconfigured(|world, lease| {
        lease.borrow_mut().silent = true;
        assert_eq!((world.net.link(), own(world)), (Link::NoAddress, None));
        let stream = world.net.tcp().unwrap();
        assert_eq!(stream.connect((ip4(2), 80)), Err(Error::ENETUNREACH));
        assert_eq!(world.net.getaddrinfo(NAME, 80, ()).unwrap_err(), Error::EAI_AGAIN);
        assert_eq!(world.net.wait_up(15), Err(Error::ETIMEDOUT));
        lease.borrow_mut().silent = false;
        world.net.wait_up(60).unwrap();
        assert_eq!((world.net.link(), own(world)), (Link::Up, Some(ip4(50))));
        // The name server, and a router.
        assert!(world.net.getaddrinfo(NAME, 80, ()).is_ok());
        assert!(world.net.route([8, 8, 8, 8].into()).is_some());
        // It is renewed in time.
        world.pass(Duration::from_secs(3000));
        assert_eq!((world.net.link(), own(world)), (Link::Up, Some(ip4(50))));
    });
}

/// A stream of ours with some bytes to read.
fn connected<'h, 'w>(world: &'h World<'w>) -> usocket_core::Socket<'h, support::world::Ours<'w>> {
    let script = [Step::Listen(Family::V4, 1), Step::Accept, Step::Send(100), Step::Hold];
    let peer = world.peer().start(&script).unwrap();
    let stream = world.net.tcp().unwrap();
    stream.settimeout(30).unwrap();
    stream.connect(world.peer().address(peer).unwrap()).unwrap();
    world.pass(Duration::from_millis(100));
    stream
}

#[test]
fn who_used_a_lease_that_is_over_is_told() {
    unconfigured(|world, lease| {
        world.net.wait_up(60).unwrap();
        let stream = connected(world);
        lease.borrow_mut().silent = true;
        world.pass(Duration::from_secs(700));
        assert_eq!((world.net.link(), own(world)), (Link::NoAddress, None));
        assert!(stream.readiness().contains(POLLERR | POLLHUP));
        assert_eq!(stream.read(&mut [0; 100]), Ok(Some(100)));
        assert_eq!(stream.recv(&mut [0; 8]), Err(Error::ENETUNREACH));
        // Another address later: the old one is not believed to be there.
        *lease.borrow_mut() = Lease { last: Some(51), seconds: 600, silent: false };
        world.net.wait_up(120).unwrap();
        assert_eq!(own(world), Some(ip4(51)));
        assert!(!world.net.has_address(ip4(50)));
        connected(world);
    });
}

#[test]
fn a_lease_that_is_refused_is_over_and_another_is_asked_for() {
    unconfigured(|world, lease| {
        world.net.wait_up(60).unwrap();
        let stream = connected(world);
        lease.borrow_mut().last = None;
        world.pass(Duration::from_secs(310));
        assert_eq!(own(world), None);
        assert_eq!(stream.read(&mut [0; 100]), Ok(Some(100)));
        assert_eq!(stream.recv(&mut [0; 8]), Err(Error::ENETUNREACH));
        lease.borrow_mut().last = Some(60);
        world.net.wait_up(120).unwrap();
        assert_eq!(own(world), Some(ip4(60)));
    });
}

#[test]
fn a_link_that_comes_back_asks_again() {
    unconfigured(|world, lease| {
        world.net.wait_up(60).unwrap();
        let stream = connected(world);
        world.net.set_link(false);
        world.pass(Duration::from_secs(5));
        assert_eq!(stream.read(&mut [0; 100]), Ok(Some(100)));
        assert_eq!(stream.recv(&mut [0; 8]), Err(Error::ENETDOWN));
        // Another network.
        lease.borrow_mut().last = Some(70);
        world.net.set_link(true);
        world.pass(Duration::from_secs(15));
        assert_eq!((world.net.link(), own(world)), (Link::Up, Some(ip4(70))));
        connected(world);
    });
}

/// Whether we can look up a name, and have a way out.
fn works(world: &World<'_>) -> (bool, bool) {
    let names = world.net.getaddrinfo(NAME, 80, ()).is_ok();
    (names, world.net.route([8, 8, 8, 8].into()).is_some())
}

#[test]
fn what_a_lease_brought_stays_when_the_rest_is_replaced() {
    unconfigured(|world, lease| {
        world.net.wait_up(60).unwrap();
        let other = Config::ethernet([2, 0, 0, 0, 0, 1]).address(ip4(1), 24).unwrap();
        world.net.reconfigure(&other.gateway(ip4(9)).name_server(ip4(9)).unwrap());
        assert!(world.net.has_address(ip4(50)));
        assert_eq!(works(world), (true, true));
        world.net.reconfigure(&Config::ethernet([2, 0, 0, 0, 0, 1]));
        assert_eq!((own(world), works(world)), (Some(ip4(50)), (true, true)));
        // What it brought goes with it.
        lease.borrow_mut().silent = true;
        world.pass(Duration::from_secs(700));
        assert_eq!((own(world), works(world)), (None, (false, false)));
    });
}

#[test]
fn a_router_by_hand_is_there_while_a_lease_is_not() {
    let fixed = Config::ethernet([2, 0, 0, 0, 0, 1]).address(ip4(1), 24).unwrap();
    with_config(fixed.gateway(ip4(2)), |world, lease| {
        lease.borrow_mut().silent = true;
        world.pass(Duration::from_secs(1));
        assert!(world.net.route([8, 8, 8, 8].into()).is_some());
        lease.borrow_mut().silent = false;
        world.pass(Duration::from_secs(60));
        assert!(world.net.has_address(ip4(50)));
        lease.borrow_mut().silent = true;
        world.pass(Duration::from_secs(700));
        assert_eq!(own(world), Some(ip4(1)));
        assert!(world.net.route([8, 8, 8, 8].into()).is_some());
    });
}
