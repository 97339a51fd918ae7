//! R6: names, from several servers of which some fail.

mod support;

use core::net::IpAddr;
use std::time::Duration;

use support::names::{Record, serve};
use support::world::{ETHERNET, NAME, World, config, in_world, ip4, ip6};
use usocket_conformance::Harness;
use usocket_core::prelude::*;
use usocket_core::spi::{Backend, EventSource, SockType};
use usocket_core::{Events, Family, Hints, POLLNVAL, SockAddr};

/// Nobody has this address.
const ABSENT: u8 = 99;

/// The last parts of our name servers' addresses.
fn servers(world: &World<'_>, lasts: &[u8]) {
    let mut ours = Config::ethernet([2, 0, 0, 0, 0, 1]).address(ip4(1), 24).unwrap();
    for &last in lasts {
        ours = ours.name_server(ip4(last)).unwrap();
    }
    world.net.reconfigure(&ours);
}

use usocket_backend_smoltcp::Config;

/// A second server of the peer's, at `10.0.0.3`, which says this of a name.
fn second(world: &World<'_>, name: &str, record: Record) {
    let net = &world.theirs.net;
    net.reconfigure(&config(ETHERNET, 2).address(ip4(3), 24).unwrap());
    let socket = net.open(Family::V4, SockType::Dgram).unwrap();
    net.bind(socket, SockAddr::new(ip4(3), 53)).unwrap();
    let table = [(name.to_string(), record)];
    world.theirs.serve(move |net| serve(net, socket, &table));
}

fn found(world: &World<'_>, name: &str, hints: Hints) -> Result<Vec<IpAddr>> {
    let list = world.net.getaddrinfo(name, 80, hints)?;
    Ok(list.iter().map(|info| info.sockaddr.ip()).collect())
}

fn frames(world: &World<'_>) -> [u64; 2] {
    world.theirs.wire.borrow().frames
}

#[test]
fn a_server_that_says_nothing_is_passed_over() {
    for first in [ABSENT, 2] {
        in_world(1, |world| {
            second(world, "two.test", Record::Addresses(vec![ip4(77)]));
            world.theirs.names.borrow_mut().push(("two.test".into(), Record::Silent));
            servers(world, &[first, 3]);
            let begun = world.now();
            assert_eq!(found(world, "two.test", Hints::stream()), Ok(vec![ip4(77)]));
            let took = world.now().saturating_since(begun);
            assert!(took <= Duration::from_secs(2), "{took:?}");
        });
    }
}

#[test]
fn a_server_that_fails_is_passed_over_at_once() {
    in_world(2, |world| {
        second(world, "two.test", Record::Addresses(vec![ip4(77)]));
        world.theirs.names.borrow_mut().push(("two.test".into(), Record::Failure));
        servers(world, &[2, 3]);
        let begun = world.now();
        assert_eq!(found(world, "two.test", Hints::stream()), Ok(vec![ip4(77)]));
        let took = world.now().saturating_since(begun);
        assert!(took <= Duration::from_millis(100), "{took:?}");
    });
}

#[test]
fn what_all_servers_say_is_told() {
    in_world(3, |world| {
        second(world, "two.test", Record::Failure);
        world.theirs.names.borrow_mut().push(("two.test".into(), Record::Failure));
        servers(world, &[2, 3]);
        assert_eq!(found(world, "two.test", Hints::stream()), Err(Error::EAI_FAIL));
        // That there is no such name is an answer: nobody else is asked.
        assert_eq!(found(world, "three.test", Hints::stream()), Err(Error::EAI_NONAME));
        servers(world, &[ABSENT, ABSENT - 1]);
        let hints = Hints { timeout: Duration::from_secs(60), ..Hints::stream() };
        let begun = world.now();
        assert_eq!(found(world, "two.test", hints), Err(Error::EAI_AGAIN));
        let took = world.now().saturating_since(begun);
        assert!((6..30).contains(&took.as_secs()), "{took:?}");
    });
}

#[test]
fn a_lost_question_is_asked_again() {
    for seed in 1..10 {
        in_world(seed, |world| {
            world.theirs.wire.borrow_mut().faults.loss = 300;
            let hints = Hints { timeout: Duration::from_secs(60), ..Hints::stream() };
            // Three rounds may be lost; three names are not.
            let answers: Vec<_> = (0..3).map(|_| found(world, NAME, hints)).collect();
            assert!(answers.iter().any(Result::is_ok), "{answers:?}");
        });
    }
}

#[test]
fn all_addresses_of_a_name_are_told() {
    in_world(4, |world| {
        let all: Vec<_> = (10..16).map(ip4).collect();
        let record = Record::Addresses([&all[..], &[ip6(1)]].concat());
        world.theirs.names.borrow_mut().push(("many.test".into(), record));
        let hints = Hints { af: usocket_core::AF_INET, ..Hints::stream() };
        assert_eq!(found(world, "many.test", hints), Ok(all));
    });
}

#[test]
fn numbers_touch_no_wire() {
    in_world(5, |world| {
        world.pass(Duration::from_secs(1));
        let before = frames(world);
        for host in ["10.0.0.2", "255.255.255.255", "0.0.0.0"] {
            assert!(world.net.getaddrinfo(host, 80, ()).is_ok(), "{host}");
        }
        world.pass(Duration::from_secs(30));
        world.net.set_link(false);
        assert!(world.net.getaddrinfo("10.0.0.2", 80, ()).is_ok());
        assert_eq!(frames(world), before);
    });
}

#[test]
fn who_does_not_want_to_know_any_more_asks_no_more() {
    in_world(6, |world| {
        servers(world, &[ABSENT]);
        let query = world.net.start_query("two.test", None, false).unwrap();
        world.pass(Duration::from_millis(500));
        assert_eq!(world.net.readiness(query), Events::NONE);
        world.net.end_query(query);
        assert_eq!(world.net.readiness(query), POLLNVAL);
        world.pass(Duration::from_secs(5));
        let before = frames(world);
        world.pass(Duration::from_secs(60));
        assert_eq!(frames(world), before);
        // An answer that comes too late is nobody's.
        servers(world, &[2]);
        world.theirs.wire.borrow_mut().faults.latency = Duration::from_millis(200);
        let query = world.net.start_query(NAME, None, false).unwrap();
        world.pass(Duration::from_millis(300));
        world.net.end_query(query);
        let other = world.net.start_query("nobody.test", None, false).unwrap();
        world.pass(Duration::from_secs(2));
        let mut answer = usocket_core::spi::Answer::default();
        assert_eq!(world.net.try_answer(other, &mut answer), Err(Error::EAI_NONAME));
    });
}

/// A server may know nothing of IPv6 and say so long before it has found the other addresses.
#[cfg(feature = "ipv6")]
#[test]
fn a_server_that_fails_for_one_family_is_waited_for() {
    use std::cell::Cell;
    use std::rc::Rc;

    in_world(7, |world| {
        let net = &world.theirs.net;
        net.reconfigure(&config(ETHERNET, 2).address(ip4(3), 24).unwrap());
        let socket = net.open(Family::V4, SockType::Dgram).unwrap();
        net.bind(socket, SockAddr::new(ip4(3), 53)).unwrap();
        let known = Rc::new(Cell::new(false));
        let knows = Rc::clone(&known);
        let mut held = None;
        world.theirs.serve(move |net| {
            let mut question = [0; 512];
            let flags = usocket_core::spi::RecvFlags::default();
            if let Ok(info) = net.try_recv_info(socket, &mut question, flags) {
                let question = &question[..info.len];
                if question[info.len - 3] == 28 {
                    let table = [("one.test".to_string(), Record::Failure)];
                    let failed = support::names::answer(question, &table).unwrap();
                    net.try_send_to(socket, &failed, info.from).unwrap();
                } else {
                    held = Some((question.to_vec(), info.from));
                }
                return true;
            }
            if !knows.get() {
                return false;
            }
            let Some((question, to)) = held.take() else { return false };
            let table = [("one.test".to_string(), Record::Addresses(vec![ip4(77)]))];
            let found = support::names::answer(&question, &table).unwrap();
            net.try_send_to(socket, &found, to).unwrap();
            true
        });
        // Beside one that is not there the other family is asked for to the end.
        for (lasts, end) in [(&[3][..], 1), (&[ABSENT, 3], 15)] {
            let mut ours = Config::ethernet([2, 0, 0, 0, 0, 1]).address(ip4(1), 24).unwrap();
            ours = ours.address(ip6(1), 64).unwrap();
            for &last in lasts {
                ours = ours.name_server(ip4(last)).unwrap();
            }
            world.net.reconfigure(&ours);
            known.set(false);
            let query = world.net.start_query("one.test", None, false).unwrap();
            world.pass(Duration::from_millis(1100));
            let mut answer = usocket_core::spi::Answer::default();
            assert_eq!(world.net.try_answer(query, &mut answer), Err(Error::EAGAIN));
            let before = frames(world);
            world.pass(Duration::from_millis(500));
            let sent = frames(world)[1] - before[1];
            assert!(sent < 8, "{sent} frames in half a second");
            known.set(true);
            world.pass(Duration::from_secs(end));
            assert_eq!(world.net.try_answer(query, &mut answer), Ok(()), "{lasts:?}");
            assert_eq!(&answer.addresses[..], [ip4(77)]);
            world.net.end_query(query);
        }
    });
}

/// Of three rounds the last counts as well.
#[test]
fn the_last_question_is_waited_for() {
    in_world(8, |world| {
        let net = &world.theirs.net;
        net.reconfigure(&config(ETHERNET, 2).address(ip4(3), 24).unwrap());
        let socket = net.open(Family::V4, SockType::Dgram).unwrap();
        net.bind(socket, SockAddr::new(ip4(3), 53)).unwrap();
        let mut asked = 0;
        world.theirs.serve(move |net| {
            let said = if asked < 2 { Record::Silent } else { Record::Addresses(vec![ip4(77)]) };
            let came = serve(net, socket, &[("three.test".to_string(), said)]);
            asked += usize::from(came);
            came
        });
        servers(world, &[3]);
        let hints = Hints { af: usocket_core::AF_INET, ..Hints::stream() };
        assert_eq!(found(world, "three.test", hints), Ok(vec![ip4(77)]));
    });
}
