//! Name queries on the SPI. They need no network: what cannot be asked is
//! answered all the same.

mod support;

use std::time::{Duration, Instant};

use support::net;
use usocket_backend_std::StdNet;
use usocket_core::spi::{Answer, Backend, EventSource, Handle};
use usocket_core::{Error, Family, POLLIN, Result, Usocket};

fn ask(net: &StdNet, name: &str, family: Option<Family>) -> Result<Answer> {
    let query = net.start_query(name, family, true)?;
    let answer = wait_for(net, query);
    net.end_query(query);
    answer
}

fn wait_for(net: &StdNet, query: Handle) -> Result<Answer> {
    let mut answer = Answer::default();
    loop {
        match net.try_answer(query, &mut answer) {
            Err(Error::EAGAIN) => net.wait(query, POLLIN, None)?,
            done => return done.map(|()| answer),
        }
    }
}

#[test]
fn localhost_is_known_without_a_network() {
    let net = net();
    let answer = ask(&net, "localhost", None).unwrap();
    assert_eq!(answer.addresses[0].to_string(), "127.0.0.1");
    assert_eq!(answer.canonname, "localhost");
    for (family, ip) in [(Family::V4, "127.0.0.1"), (Family::V6, "::1")] {
        let answer = ask(&net, "LOCALHOST", Some(family)).unwrap();
        assert_eq!(answer.addresses.len(), 1);
        assert_eq!(answer.addresses[0].to_string(), ip);
    }
}

#[test]
fn what_is_no_name_is_refused_at_once() {
    let net = net();
    for name in ["", "hey.!!$$", "256.1.1.1", "1", "0x7f.1", "1.2.3", "a\0b", "a..b"] {
        let answer = net.getaddrinfo(name, 80, ());
        assert_eq!(answer.unwrap_err(), Error::EAI_NONAME, "{name:?}");
    }
}

#[test]
fn an_unknown_name_is_a_negative_error() {
    let net = net();
    let error = ask(&net, "nonexistent.invalid", None).unwrap_err();
    assert!(matches!(error, Error::EAI_NONAME | Error::EAI_AGAIN), "{error:?}");
    // And so it is told to everybody who asks, until the query is ended.
    let query = net.start_query("nonexistent.invalid", Some(Family::V6), false).unwrap();
    let first = wait_for(&net, query).map(|_| ());
    assert_eq!(net.try_answer(query, &mut Answer::default()), first);
    assert_eq!(net.readiness(query), POLLIN);
    net.end_query(query);
    assert_eq!(net.try_answer(query, &mut Answer::default()), Err(Error::EBADF));
}

#[test]
fn queries_are_bounded_and_cancelled() {
    let net = net();
    let began = Instant::now();
    let mut queries = Vec::new();
    let full = loop {
        match net.start_query("nonexistent.invalid", None, false) {
            Ok(query) if queries.len() < 10_000 => queries.push(query),
            Ok(_) => break None,
            Err(error) => break Some(error),
        }
    };
    // A fast system may answer as fast as we ask.
    assert!(full.is_none_or(|error| error == Error::EAI_MEMORY), "{full:?}");
    for query in queries {
        net.end_query(query);
        assert_eq!(net.alive(query), Err(Error::EBADF));
    }
    // What was abandoned makes room.
    let query = net.start_query("localhost", None, false).unwrap();
    assert!(wait_for(&net, query).is_ok());
    assert!(net.start_query("nonexistent.invalid", None, false).is_ok());
    drop(net);
    assert!(began.elapsed() < Duration::from_secs(20), "drop waits for no name server");
}

#[test]
fn a_query_is_no_socket() {
    let net = net();
    let query = net.start_query("localhost", None, false).unwrap();
    assert_eq!(net.try_send(query, b"x"), Err(Error::EOPNOTSUPP));
    assert_eq!(net.local_addr(query), Err(Error::EOPNOTSUPP));
    let socket = net.open(Family::V4, usocket_core::spi::SockType::Dgram).unwrap();
    assert_eq!(net.try_answer(socket, &mut Answer::default()), Err(Error::EBADF));
    net.end_query(socket);
    assert_eq!(net.alive(socket), Ok(()), "end_query ends queries");
}
