//! Names: what the server answers, and how long it takes.

use core::time::Duration;

use usocket_core::spi::{Answer, Backend};
use usocket_core::{Error, Family, POLLIN, Result};

use super::{Short, World, network};
use crate::harness::Harness;
use crate::net::{QUERIES, Record};

/// Asks and waits; the answer and how many addresses came.
fn resolve(world: &World<'_>, name: &str, family: Option<Family>) -> Result<usize> {
    let net = world.net();
    let query = net.start_query(name, family, true)?;
    net.wait(query, POLLIN, None).unwrap();
    let mut answer = Answer::default();
    let outcome = net.try_answer(query, &mut answer);
    net.end_query(query);
    assert_eq!(net.bits(query, 1), 32);
    outcome.map(|()| {
        assert_eq!(answer.canonname, name);
        answer.addresses.len()
    })
}

#[test]
fn every_record_has_its_answer() {
    let network = network();
    let world = World::new(&network).unwrap();
    let only4 = [world.ip(Family::V4).unwrap()];
    network.set_addresses("four.test", &only4).unwrap();
    network.set_name("broken.test", Record::Failure).unwrap();
    network.set_name("mute.test", Record::Silent).unwrap();
    for (name, family, wanted) in [
        (world.peer().name(), None, Ok(2)),
        (world.peer().name(), Some(Family::V6), Ok(1)),
        ("localhost", None, Ok(2)),
        ("four.test", Some(Family::V4), Ok(1)),
        ("four.test", Some(Family::V6), Err(Error::EAI_ADDRFAMILY)),
        ("nonexistent.invalid", None, Err(Error::EAI_NONAME)),
        ("hey.!!$$", None, Err(Error::EAI_NONAME)),
        ("256.1.1.1", None, Err(Error::EAI_NONAME)),
        ("a..b", None, Err(Error::EAI_NONAME)),
        ("", None, Err(Error::EAI_NONAME)),
        ("broken.test", None, Err(Error::EAI_FAIL)),
        ("mute.test", None, Err(Error::EAI_AGAIN)),
    ] {
        let before = world.now();
        assert_eq!(resolve(&world, name, family), wanted, "{name}");
        let took = world.now().saturating_since(before);
        assert_eq!(took > Duration::from_secs(1), name == "mute.test");
    }
}

#[test]
fn dropped_queries_leave_their_place() {
    let network = network();
    let world = World::new(&network).unwrap();
    let net = world.net();
    for _ in 0..100 {
        let query = net.start_query("peer.test", None, false).unwrap();
        net.end_query(query);
        net.end_query(query);
        assert_eq!(net.try_answer(query, &mut Answer::default()), Err(Error::EBADF));
    }
    for _ in 0..QUERIES {
        net.start_query("peer.test", None, false).unwrap();
    }
    assert_eq!(net.start_query("peer.test", None, false), Err(Error::EAI_MEMORY));
}
