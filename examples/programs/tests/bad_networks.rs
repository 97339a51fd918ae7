//! Clients of the community's crates on bad networks, in virtual time: what `docs/programs.md`
//! says that they make of it.

use std::time::Duration;

use embedded_io_async::ErrorKind;
use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_programs::{http, mqtt};
use usocket_testkit::{Faults, Talk, World};

const HEAD: &str = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";

fn world() -> (World, usocket_testkit::Host) {
    let world = World::new(1);
    let host = world.host("10.0.0.2");
    world.name("www.example", &["10.0.0.2"]);
    (world, host)
}

/// Fetches the page; what came, and how it ended.
fn fetch(world: &World) -> (Vec<u8>, Result<usize, reqwless::Error>) {
    let stack = Stack::new(world.net()).with_timeout(5).unwrap();
    let (mut page, mut work) = (Vec::new(), [0; 512]);
    let sink = |piece: &[u8]| page.extend_from_slice(piece);
    let url = "http://www.example/";
    let end = world.net().block_on(http::fetch(&stack, &stack, url, &mut work, sink));
    world.assert_nothing_left();
    (page, end)
}

#[track_caller]
fn fails_with(world: &World, kind: ErrorKind) {
    let (_, end) = fetch(world);
    assert!(matches!(end, Err(reqwless::Error::Network(found)) if found == kind), "{end:?}");
}

#[test]
fn http_where_nobody_listens() {
    let (world, _host) = world();
    fails_with(&world, ErrorKind::ConnectionRefused);
}

#[test]
fn http_without_a_name() {
    let world = World::new(1);
    let (_, end) = fetch(&world);
    assert!(matches!(end, Err(reqwless::Error::Dns)), "{end:?}");
}

#[test]
fn http_into_a_black_hole_and_to_a_server_that_says_nothing() {
    let (world, host) = world();
    host.serve(80, async |talk| talk.hang().await);
    fails_with(&world, ErrorKind::TimedOut);
    host.set_faults(Faults { silent: true, ..Faults::NONE });
    fails_with(&world, ErrorKind::TimedOut);
    assert!(world.now() < Duration::from_secs(90), "{:?}", world.now());
}

/// Sends this to whoever asks, in full, and then resets or ends.
fn answers(host: &usocket_testkit::Host, answer: &'static str, resets: bool) {
    host.serve(80, async move |mut talk| {
        talk.until("\r\n\r\n").await?;
        talk.send(answer).await?;
        talk.pause(Duration::from_millis(50)).await;
        if resets { talk.reset() } else { Ok(()) }
    });
}

#[test]
fn http_with_a_reset_in_the_head_and_in_the_body() {
    for answer in ["HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"] {
        let (world, host) = world();
        answers(&host, answer, true);
        fails_with(&world, ErrorKind::ConnectionReset);
    }
}

#[test]
fn http_with_an_end_in_the_body_is_no_success() {
    let (world, host) = world();
    answers(&host, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", false);
    let (page, end) = fetch(&world);
    assert_eq!(page, b"hel");
    assert!(matches!(end, Err(reqwless::Error::ConnectionAborted)), "{end:?}");
}

#[test]
fn http_byte_by_byte_over_a_slow_line() {
    let (world, host) = world();
    let line = Faults { latency: Duration::from_secs(1), segment: Some(1), ..Faults::NONE };
    host.set_faults(line);
    host.serve(80, async |mut talk| {
        talk.until("\r\n\r\n").await?;
        talk.drip(HEAD, Duration::from_millis(100)).await?;
        talk.drip("hello", Duration::from_secs(1)).await?;
        talk.to_end().await.map(|_| ())
    });
    let (page, end) = fetch(&world);
    assert!(matches!(end, Ok(5)), "{end:?}");
    assert_eq!(page, b"hello");
}

/// CONNACK of MQTT 5, without properties.
const CONNACK: [u8; 5] = [0x20, 3, 0, 0, 0];

/// Connects and publishes; how it ended.
fn publish(world: &World) -> Result<usize, mqtt::Failure<Error>> {
    let stack = Stack::new(world.net()).with_timeout(5).unwrap();
    let broker = ([10, 0, 0, 2], 1883).into();
    let echoed = mqtt::echo(&stack, broker, ("name", "topic"), &["21.5"], |_| ());
    let end = world.net().block_on(echoed);
    world.assert_nothing_left();
    end
}

#[track_caller]
fn breaks_with(world: &World, kind: ErrorKind) {
    let end = publish(world);
    assert!(matches!(end, Err(mqtt::Failure::Network(found)) if found == kind), "{end:?}");
}

/// Takes the client's CONNECT.
async fn connect(talk: &mut Talk<'_>) -> Result<()> {
    let head = talk.exactly(2).await?;
    assert_eq!(head[0], 0x10);
    talk.exactly(head[1].into()).await.map(|_| ())
}

#[test]
fn mqtt_where_nobody_listens() {
    let (world, _host) = world();
    let end = publish(&world);
    assert!(matches!(end, Err(mqtt::Failure::Connect(Error::ECONNREFUSED))), "{end:?}");
}

#[test]
fn mqtt_with_a_broker_that_says_nothing_resets_or_ends() {
    for (number, kind) in [ErrorKind::TimedOut, ErrorKind::ConnectionReset, ErrorKind::NotConnected]
        .into_iter()
        .enumerate()
    {
        let (world, host) = world();
        host.serve(1883, async move |mut talk| {
            connect(&mut talk).await?;
            talk.send(CONNACK).await?;
            talk.exactly(1).await?;
            match number {
                0 => talk.hang().await,
                1 => talk.reset(),
                _ => {
                    talk.finish()?;
                    talk.to_end().await.map(|_| ())
                }
            }
        });
        breaks_with(&world, kind);
    }
}
