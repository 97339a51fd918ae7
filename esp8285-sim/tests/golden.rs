//! The golden table: byte strings of the protocol sheet, sections 1.3 to 7, one row each,
//! compared exactly, with the input fed whole, byte by byte and in random chunks.

mod common;
#[path = "golden/ipv6.rs"]
mod ipv6;
#[path = "golden/links.rs"]
mod links;
#[path = "golden/receive.rs"]
mod receive;
#[path = "golden/row.rs"]
mod row;
#[path = "golden/settings.rs"]
mod settings;
#[path = "golden/wifi.rs"]
mod wifi;

use common::{HOST, HOST6, World, text};
use esp8285_sim::net::Script;
use esp8285_sim::{Knobs, Rng, Version};
use row::Row;

#[test]
fn settings_rows() {
    check(settings::ROWS);
}

#[test]
fn wifi_rows() {
    check(wifi::ROWS);
}

#[test]
fn link_rows() {
    check(links::ROWS);
}

#[test]
fn receive_rows() {
    check(receive::ROWS);
}

#[test]
fn ipv6_rows() {
    check(ipv6::ROWS);
}

#[test]
fn every_version_is_covered() {
    let all = [settings::ROWS, wifi::ROWS, links::ROWS, receive::ROWS, ipv6::ROWS];
    for version in Version::ALL {
        let rows = all.iter().flat_map(|rows| rows.iter());
        let count = rows.filter(|row| row.on.contains(&version)).count();
        assert!(count > 90, "{version:?}: {count} rows");
    }
}

fn check(rows: &[Row]) {
    let mut wrong = Vec::new();
    for row in rows {
        for version in row.on {
            for feed in [Feed::Whole, Feed::Bytes, Feed::Chunks] {
                let said = play(row, *version, feed);
                if said != row.says {
                    let what = format!("{} {version:?} {feed:?}: {}", row.section, row.ask);
                    wrong.push(format!("{what}\n  says {said:?}\n  not  {:?}", row.says));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
}

#[derive(Clone, Copy, Debug)]
enum Feed {
    Whole,
    Bytes,
    Chunks,
}

fn play(row: &Row, version: Version, feed: Feed) -> String {
    let mut world = World::new(version, Knobs::default());
    world.run(1_000);
    for step in row.before {
        act(&mut world, step, Feed::Whole);
        world.run(20_000);
    }
    act(&mut world, row.ask, feed);
    text(&world.run(20_000))
}

/// A command line; `>` gives raw bytes, `!` lets the world do something.
fn act(world: &mut World, step: &str, feed: Feed) {
    match step.split_at_checked(1) {
        Some(("!", deed)) => world_does(world, deed),
        Some((">", data)) => give(world, data.as_bytes(), feed),
        _ => give(world, format!("{step}\r\n").as_bytes(), feed),
    }
}

fn give(world: &mut World, bytes: &[u8], feed: Feed) {
    let mut rng = Rng::new(bytes.len() as u64);
    let mut rest = bytes;
    while !rest.is_empty() {
        let len = match feed {
            Feed::Whole => rest.len(),
            Feed::Bytes => 1,
            Feed::Chunks => 1 + usize::try_from(rng.below(7)).unwrap_or(0),
        };
        let (now, later) = rest.split_at(len.min(rest.len()));
        world.give(now);
        rest = later;
    }
}

fn world_does(world: &mut World, deed: &str) {
    let now = world.now;
    let client = [2, 0, 0, 0, 0, 9];
    match deed.split_whitespace().collect::<Vec<_>>()[..] {
        ["lose"] => world.modem.set_access_point(now, b"net", false),
        ["return"] => world.modem.set_access_point(now, b"net", true),
        ["client"] => assert!(world.modem.softap_join(now, client, [192, 168, 4, 2].into())),
        ["leave"] => world.modem.softap_leave(now, client),
        ["dial", port] => {
            let port = port.parse().expect("a port");
            world.dial(port, Script::send_and_close(b"hi"));
        }
        ["hold", port] => {
            let port = port.parse().expect("a port");
            world.dial(port, Script::sink());
        }
        ["hold6", port] => {
            let from = std::net::SocketAddr::from((HOST6, 50_000));
            let port = port.parse().expect("a port");
            assert!(world.modem.net_mut().dial(now, from, port, Script::sink()).is_some());
        }
        ["foreign", port, data] => {
            let from = std::net::SocketAddr::from((HOST, 99));
            let port = port.parse().expect("a port");
            world.modem.net_mut().datagram(now, from, port, data.as_bytes());
        }
        ["all", port, data] => {
            let to = (std::net::Ipv4Addr::BROADCAST, port.parse().expect("a port")).into();
            let from = (HOST, 99).into();
            world.modem.net_mut().peers(now).send_to(from, to, data.as_bytes());
        }
        ["group", port, data] => {
            let to = ([224, 0, 0, 9], port.parse().expect("a port")).into();
            let from = (HOST, 99).into();
            world.modem.net_mut().peers(now).send_to(from, to, data.as_bytes());
        }
        ["datagram", port, data] => {
            let from = std::net::SocketAddr::from((HOST, 53));
            let port = port.parse().expect("a port");
            world.modem.net_mut().datagram(now, from, port, data.as_bytes());
        }
        _ => panic!("no such deed: {deed}"),
    }
}
