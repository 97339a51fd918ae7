//! The jobs of the lines, done by our driver.

use std::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_sim::Instant;
use esp8285_sim::net::VirtualNet;
use esp8285_world::{Board, World};
use usocket_backend_esp8285_at::{Config, Esp8285, Receive, Resources, Trace, Transmit};
use usocket_core::prelude::*;
use usocket_core::spi::EventSource;

use super::conditions::{Receiving, Sending};
use super::jobs::{ECHO, Job, Line};
use super::rig::{self, Wire};

/// Does the job of a line: its efficiency, or the seconds of a round trip.
///
/// # Errors
/// What went wrong; wrong or missing bytes among it.
pub fn measure(line: &Line) -> Result<f64, String> {
    match line.on.ring {
        4096 => run::<4096>(line),
        2048 => run::<2048>(line),
        1024 => run::<1024>(line),
        other => Err(format!("no rings of {other} bytes")),
    }
}

type Net<'r> = Esp8285<'r, Wire<VirtualNet>, Board<VirtualNet>, NoopRawMutex, 0>;
type Stream<'n, 'r> = Socket<'n, Net<'r>>;

fn run<const RING: usize>(line: &Line) -> Result<f64, String> {
    let world = rig::world(&line.on, BULK);
    let mut memory = Box::new(Resources::<SOCKETS, SOCKETS, RING, RING>::new());
    let wire = Wire(world.port());
    let net: Net<'_> = Esp8285::with_config(wire, world.board(), &mut memory, config(line));
    if std::env::var_os("BENCH_TRACE").is_some() {
        net.set_trace(Some(trace));
    }
    net.connect(rig::SSID, rig::PASSWORD).map_err(said("join"))?;
    let port = match line.job {
        Job::Receive(_) => rig::SOURCE,
        Job::Send(_) => rig::SINK,
        Job::Echo(..) => rig::ECHO,
    };
    let mut sockets = Vec::new();
    for _ in 0..line.on.sockets {
        let socket = net.tcp().map_err(said("socket"))?;
        socket.connect((rig::HOST, port)).map_err(said("connect"))?;
        sockets.push(socket);
    }
    let result = match line.job {
        Job::Receive(_) => receive(&world, &net, &sockets).map(|moved| moved.efficiency(line)),
        Job::Send(_) => send(&world, &net, &sockets).map(|moved| moved.efficiency(line)),
        Job::Echo(..) => echo(&world, &sockets[0]),
    };
    let flags = world.with_uart(|uart, _| uart.take_flags());
    if flags.any() {
        return Err(format!("the receiver has lost bytes: {flags:?}"));
    }
    result
}

fn config(line: &Line) -> Config {
    let (receiving, sending) = match line.job {
        Job::Receive(how) => (how, Sending::Pipelined),
        Job::Send(how) => (Receiving::Passive, how),
        Job::Echo(back, there) => (back, there),
    };
    let receive = match receiving {
        Receiving::Passive => Receive::Auto,
        Receiving::Active => Receive::Active,
    };
    let transmit = match sending {
        Sending::Plain => Transmit::Plain,
        Sending::Pipelined => Transmit::Auto,
    };
    Config::new().baud(line.on.baud).receive(receive).transmit(transmit)
}

/// Takes what comes, as it comes.
fn receive(
    world: &World<VirtualNet>,
    net: &Net<'_>,
    sockets: &[Stream<'_, '_>],
) -> Result<Moved, String> {
    let expected = rig::content(BULK);
    let mut taken = vec![0; sockets.len()];
    let mut buf = vec![0; 4096];
    for socket in sockets {
        socket.send(b"!").map_err(said("send"))?;
        socket.setblocking(false).map_err(said("setblocking"))?;
    }
    work(world, net, |moved| {
        for (socket, taken) in sockets.iter().zip(&mut taken) {
            let len = match socket.recv(&mut buf) {
                Ok(len) => len,
                Err(Error::EAGAIN) => continue,
                Err(error) => return Err(format!("recv: {error}")),
            };
            if len == 0 || buf[..len] != expected[*taken..*taken + len] {
                return Err(format!("wrong bytes after {taken}"));
            }
            *taken += len;
            moved.bytes += len;
        }
        Ok(())
    })
}

/// Gives what there is room for; what counts is what the peer has.
fn send(
    world: &World<VirtualNet>,
    net: &Net<'_>,
    sockets: &[Stream<'_, '_>],
) -> Result<Moved, String> {
    let data = rig::content(BULK);
    let mut given = vec![0; sockets.len()];
    for socket in sockets {
        socket.setblocking(false).map_err(said("setblocking"))?;
    }
    let moved = work(world, net, |moved| {
        for (socket, given) in sockets.iter().zip(&mut given) {
            match socket.send(&data[*given..]) {
                Ok(len) => *given += len,
                Err(Error::EAGAIN) => {}
                Err(error) => return Err(format!("send: {error}")),
            }
        }
        moved.bytes = world
            .with_net(|net, _| net.connections().map(|(conn, _)| net.received(conn).len()).sum());
        Ok(())
    })?;
    let right = world
        .with_net(|net, _| net.connections().all(|(conn, _)| data.starts_with(net.received(conn))));
    if right { Ok(moved) } else { Err("the peer has wrong bytes".into()) }
}

/// Seconds of a round trip.
fn echo(world: &World<VirtualNet>, socket: &Stream<'_, '_>) -> Result<f64, String> {
    let data = rig::content(ECHO);
    let mut began = world.time();
    for round in 0..=ROUNDS {
        if round == 1 {
            began = world.time();
        }
        socket.sendall(&data).map_err(said("send"))?;
        let (mut got, mut buf) = (0, [0; ECHO]);
        while got < ECHO {
            match socket.recv(&mut buf[got..]).map_err(said("recv"))? {
                0 => return Err("the end of the stream".into()),
                len => got += len,
            }
        }
        if buf[..] != data[..] {
            return Err("wrong bytes".into());
        }
    }
    Ok(world.time().since(began).as_secs_f64() / f64::from(ROUNDS))
}

/// Drives the driver, doing the step after each drive, until [`BULK`] is nearly moved.
fn work(
    world: &World<VirtualNet>,
    net: &Net<'_>,
    mut step: impl FnMut(&mut Moved) -> Result<(), String>,
) -> Result<Moved, String> {
    let began = world.time();
    let mut moved = Moved::default();
    while moved.bytes < ENOUGH {
        let next = net.drive(net.platform().now());
        let before = moved.bytes;
        step(&mut moved)?;
        if moved.bytes > before {
            moved.events.push((world.time(), moved.bytes));
        }
        net.platform().idle(next, &mut || net.pending());
        if world.time().since(began) > LIMIT {
            return Err(format!("only {} bytes in {LIMIT:?}", moved.bytes));
        }
    }
    Ok(moved)
}

/// How many bytes had been moved when.
#[derive(Debug, Default)]
struct Moved {
    bytes: usize,
    events: Vec<(Instant, usize)>,
}

impl Moved {
    /// Payload efficiency between two moments at which bytes had just been moved: without
    /// the beginning, and as the job was not done at the second, without an end.
    fn efficiency(&self, line: &Line) -> f64 {
        let steady = self.events.iter().find(|(_, bytes)| *bytes >= ENOUGH / 4);
        let (Some((began, before)), Some((ended, after))) = (steady, self.events.last()) else {
            return 0.0;
        };
        line.on.on_the_wire(after - before) / ended.since(*began).as_secs_f64()
    }
}

fn said(step: &'static str) -> impl FnOnce(Error) -> String {
    move |error| format!("{step}: {error}")
}

fn trace(trace: Trace<'_>) {
    match trace {
        Trace::Command(line) => eprintln!("-> {}", line.trim_ascii_end().escape_ascii()),
        Trace::Line(line) => eprintln!("<- {}", line.trim_ascii_end().escape_ascii()),
        other => eprintln!("   {other:?}"),
    }
}

/// What each connection could carry.
const BULK: usize = 400_000;
/// What is moved in all, the beginning included: 150 pieces or more.
const ENOUGH: usize = 320_000;
/// Round trips that count.
const ROUNDS: u32 = 16;
/// Far more than any line takes.
const LIMIT: Duration = Duration::from_secs(600);
const SOCKETS: usize = 5;
