//! How late the interrupt handler of the UART may come: five links stream into an
//! application that reads slowly, through the FIFO of 16 bytes, and no byte is lost.
//!
//! `cargo test --release -p usocket-backend-esp8285-at --test latency -- --nocapture`
//! prints the largest latency for each rate and firmware.

use std::net::Ipv4Addr;
use std::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_sim::net::{Host, Script, Step, VirtualNet};
use esp8285_sim::uart::{Receiver, Uart, UartConfig, byte_time};
use esp8285_sim::{AccessPoint, Air, Knobs, Modem, Version};
use esp8285_world::{Board, World};
use usocket_backend_esp8285_at::{Config, Esp8285, Resources};
use usocket_core::prelude::*;
use usocket_core::spi::wait_until;

esp8285_world::wire!(
    /// The wire of a world as the driver wants it.
    Wire
);

type Net<'r> = Esp8285<'r, Wire<VirtualNet>, Board<VirtualNet>, NoopRawMutex, 4>;

const LINKS: usize = 5;
const PEER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 9);
const PORT: u16 = 9000;
/// What each peer sends, as fast as it may.
const LEN: usize = 6000;
/// The application takes so few bytes of each stream, so often.
const READ: usize = 100;
const PAUSE: Duration = Duration::from_millis(20);
/// The FIFO of the K210 (sheet section 7).
const FIFO: usize = 16;

/// What became of five streams.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    /// Losses that the receiver flagged.
    lost: u64,
    /// Streams that arrived whole, and that ended with the error for what had no room.
    whole: usize,
    overflowed: usize,
}

fn world(version: Version, baud: u32, latency: Duration) -> World<VirtualNet> {
    let mut net = VirtualNet::new(1);
    let mut host = Host::default();
    for link in 0..LINKS {
        let port = PORT + u16::try_from(link).unwrap();
        // All begin at about the same time, when they are told to.
        let steps = [Step::Expect(1), Step::Send(data(link)), Step::Fin];
        host = host.tcp(port, Script::new(steps));
    }
    net.add_host(PEER, host);
    let air = Air::with(AccessPoint::new(b"net", b"password"));
    let knobs = Knobs { flash_baud: baud, ..Knobs::default() };
    let modem = Modem::new(version, knobs, air, net);
    let receiver = Receiver { fifo_depth: FIFO, irq_latency: latency, ..Receiver::default() };
    World::new(Uart::new(modem, UartConfig { baud, receiver, ..UartConfig::default() }), 1)
}

fn data(link: usize) -> Vec<u8> {
    let from = link as u64 * 100_000;
    (from..from + LEN as u64).map(usocket_conformance::pattern).collect()
}

/// Receives all five streams, slowly; what arrives must be what was sent.
fn stream(version: Version, baud: u32, latency: Duration) -> Outcome {
    let world = world(version, baud, latency);
    let mut memory = Box::new(Resources::<6, 5, 1024, 256>::new());
    let config = Config::new().baud(baud);
    let net: Net<'_> = Net::with_config(Wire(world.port()), world.board(), &mut memory, config);
    let streams = net.connect("net", "password").and_then(|()| receive(&net));
    let lost = world.with_uart(|uart, _| uart.losses());
    let mut outcome = Outcome { lost, whole: 0, overflowed: 0 };
    match streams {
        Ok(streams) => {
            for (link, (got, end)) in streams.iter().enumerate() {
                assert!(data(link).starts_with(got), "link {link}: a wrong byte");
                outcome.whole += usize::from(got.len() == LEN && end.is_ok());
                outcome.overflowed += usize::from(*end == Err(Error::EIO));
            }
        }
        Err(error) => assert!(lost > 0, "{error} without a loss"),
    }
    outcome
}

/// What each link received, and how its stream ended.
fn receive(net: &Net<'_>) -> Result<Vec<(Vec<u8>, Result<()>)>> {
    let mut sockets = Vec::new();
    for link in 0..LINKS {
        let socket = net.tcp()?;
        socket.settimeout(20)?;
        socket.connect(SockAddr::new(PEER.into(), PORT + u16::try_from(link).unwrap()))?;
        socket.setblocking(false)?;
        sockets.push(socket);
    }
    for socket in &sockets {
        socket.send("!")?;
    }
    let mut streams = vec![(Vec::new(), Err(Error::EAGAIN)); LINKS];
    while streams.iter().any(|(_, end)| *end == Err(Error::EAGAIN)) {
        for (socket, (got, end)) in sockets.iter().zip(&mut streams) {
            let mut buf = [0; READ];
            if *end == Err(Error::EAGAIN) {
                *end = match socket.recv(&mut buf) {
                    Ok(0) => Ok(()),
                    Ok(len) => {
                        got.extend(&buf[..len]);
                        Err(Error::EAGAIN)
                    }
                    Err(error) => Err(error),
                };
            }
        }
        let until = net.platform().now() + PAUSE;
        let _ = wait_until(net, Some(until), || false);
    }
    Ok(streams)
}

/// The largest latency, in whole microseconds, at which nothing is lost.
fn largest(version: Version, baud: u32) -> u64 {
    let lossless = |micros| stream(version, baud, Duration::from_micros(micros)).lost == 0;
    let (mut good, mut bad) = (0, 2 * limit(baud));
    assert!(lossless(good) && !lossless(bad), "{version:?} at {baud}");
    while bad - good > 1 {
        let middle = good.midpoint(bad);
        *(if lossless(middle) { &mut good } else { &mut bad }) = middle;
    }
    good
}

/// What the FIFO alone allows: the byte that finds it full is the seventeenth.
fn limit(baud: u32) -> u64 {
    u64::try_from((byte_time(baud) * u32::try_from(FIFO).unwrap()).as_micros()).unwrap()
}

#[test]
#[expect(clippy::print_stdout, reason = "the latencies are what this test is for")]
fn nothing_is_lost_up_to_what_the_fifo_allows() {
    println!("{:10}{:>10}{:>18}{:>18}", "firmware", "baud", "largest latency", "the FIFO's limit");
    for baud in [115_200, 921_600] {
        for version in [Version::V1_5, Version::V1_7_6, Version::V2_2] {
            let (largest, limit) = (largest(version, baud), limit(baud));
            println!("{:10}{baud:>10}{largest:>15} us{limit:>15} us", format!("{version:?}"));
            // The driver takes no more than its wire: a microsecond is rounding.
            assert!(largest + 1 >= limit, "only {largest} us of {limit}");
            let outcome = stream(version, baud, Duration::from_micros(largest));
            if version == Version::V1_5 {
                assert_eq!(outcome.whole + outcome.overflowed, LINKS, "{outcome:?}");
            } else {
                assert_eq!(outcome, Outcome { lost: 0, whole: LINKS, overflowed: 0 });
            }
        }
    }
}
