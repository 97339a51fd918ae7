//! The jobs, done by `esp-at-nal`.

use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

use atat::blocking::Client;
use atat::{AtDigester, AtatIngress, Config, Ingress, ResponseSlot, UrcChannel};
use embedded_nal::TcpClientStack;
use esp_at_nal::stack::Socket;
use esp_at_nal::urc::URCMessages;
use esp_at_nal::wifi::{Adapter, WifiAdapter};
use esp8285_sim::Instant;
use fugit::{TimerDurationU32, TimerInstantU32};

use crate::clock::{Ingest, Serial, World};
use crate::setup::{ECHO, Failure, HOST, PASSWORD, Report, SINK, SSID, Setup, content, port};

/// Joins, opens `sockets` connections and receives `each` bytes on every one of them.
///
/// `TX` and `RX` are the crate's own block sizes.
///
/// # Errors
///
/// [`Failure`], for any byte that is missing or wrong.
pub fn download<const TX: usize, const RX: usize>(
    setup: &Setup,
    sockets: usize,
    each: usize,
) -> Result<Report, Failure> {
    let mut run = Run::<TX, RX>::begin(setup, sockets, each)?;
    let mut open = run.open(sockets, port)?;
    for socket in &mut open {
        run.send(socket, b"!")?;
    }
    run.began = World::pass();
    let mut streams = vec![Vec::new(); sockets];
    let mut buf = vec![0; RX];
    while streams.iter().any(|stream| stream.len() < each) {
        for (socket, stream) in open.iter_mut().zip(&mut streams) {
            let len = run.receive(socket, &mut buf)?;
            stream.extend(&buf[..len]);
        }
    }
    let wrong = |(at, stream): (usize, &Vec<u8>)| *stream != content(at, each);
    match streams.iter().enumerate().position(wrong) {
        Some(socket) => Err(Failure::Wrong(socket)),
        None => run.end(sockets * each, open),
    }
}

/// Joins, opens `sockets` connections and sends `each` bytes on every one of them, one
/// call of `send` for every `piece` bytes.
///
/// # Errors
///
/// [`Failure`], for any byte that the peer lacks or has wrong.
pub fn upload<const TX: usize, const RX: usize>(
    setup: &Setup,
    sockets: usize,
    each: usize,
    piece: usize,
) -> Result<Report, Failure> {
    let mut run = Run::<TX, RX>::begin(setup, 0, 0)?;
    let mut open = run.open(sockets, |_| SINK)?;
    let data: Vec<_> = (0..sockets).map(|socket| content(socket, each)).collect();
    run.began = World::pass();
    for at in (0..each).step_by(piece.max(1)) {
        for (socket, data) in open.iter_mut().zip(&data) {
            run.send(socket, &data[at..each.min(at + piece.max(1))])?;
        }
    }
    // On 2.x a send ends before the peer has the bytes.
    while World::with(|uart, now| came(uart.modem(now).net(), sockets)) < sockets * each {
        run.in_time()?;
    }
    let wrong = World::with(|uart, now| {
        let net = uart.modem(now).net();
        let mut streams = net.connections().map(|(conn, _)| net.received(conn));
        data.iter().position(|data| streams.next() != Some(data))
    });
    match wrong {
        Some(socket) => Err(Failure::Wrong(socket)),
        None => run.end(sockets * each, open),
    }
}

/// Joins, opens one connection, and `rounds` times sends `size` bytes and waits for them.
///
/// # Errors
///
/// [`Failure`], for any byte that comes back wrong or not at all.
pub fn echo<const TX: usize, const RX: usize>(
    setup: &Setup,
    size: usize,
    rounds: usize,
) -> Result<Report, Failure> {
    let mut run = Run::<TX, RX>::begin(setup, 0, 0)?;
    let mut open = run.open(1, |_| ECHO)?;
    let data = content(0, size);
    let mut buf = vec![0; size];
    run.began = World::pass();
    for _ in 0..rounds {
        run.send(&mut open[0], &data)?;
        let mut len = 0;
        while len < size {
            len += run.receive(&mut open[0], &mut buf[len..])?;
        }
        if buf != data {
            return Err(Failure::Wrong(0));
        }
    }
    run.end(size * rounds, open)
}

type Nal<const TX: usize, const RX: usize> =
    Adapter<'static, Client<'static, Serial, RESPONSE>, Timer, HZ, TX, RX, URCS>;

type Parts<const RX: usize> =
    Ingress<'static, AtDigester<URCMessages<RX>>, URCMessages<RX>, RESPONSE, URCS, 1>;

/// The driver, joined, in this thread's world.
struct Run<const TX: usize, const RX: usize> {
    nal: Nal<TX, RX>,
    began: Instant,
    limit: Instant,
}

/// What the interrupt handler hands bytes to.
struct Feed<const RX: usize>(Parts<RX>);

/// The crate's time limit for the result of a send.
struct Timer(Option<Instant>);

impl<const TX: usize, const RX: usize> Run<TX, RX> {
    /// Boots, connects the driver and joins.
    ///
    /// The crate wants its buffers for ever; a run leaks them, some KiB.
    fn begin(setup: &Setup, downloads: usize, each: usize) -> Result<Self, Failure> {
        let channel: &'static UrcChannel<URCMessages<RX>, URCS, 1> =
            Box::leak(Box::new(UrcChannel::new()));
        let slot: &'static ResponseSlot<RESPONSE> = Box::leak(Box::new(ResponseSlot::new()));
        let ingress = Ingress::new(
            AtDigester::<URCMessages<RX>>::new(),
            vec![0; setup.ingress].leak(),
            slot,
            channel,
        );
        World::enter(setup.world(downloads, each), setup.turn, Box::new(Feed(ingress)));
        let cooldown = u64::try_from(setup.cooldown.as_micros()).unwrap_or(u64::MAX);
        let config = Config::new().cmd_cooldown(embassy_time::Duration::from_micros(cooldown));
        let client = Client::new(Serial, slot, vec![0; TX.max(COMMAND)].leak(), config);
        let urcs = channel.subscribe().map_err(failed("subscribe"))?;
        let nal = Adapter::new(client, urcs, Timer(None));
        let (began, limit) = (Instant::ZERO, Instant::ZERO + setup.limit);
        let mut run = Self { nal, began, limit };
        let ready = Instant::ZERO + setup.knobs.boot_time + BOOT;
        while World::pass() < ready {}
        let state = run.nal.join(SSID, PASSWORD).map_err(failed("join"))?;
        if !(state.connected && state.ip_assigned) {
            return Err(Failure::Driver("join", format!("{state:?}")));
        }
        Ok(run)
    }

    fn open(&mut self, count: usize, port: fn(usize) -> u16) -> Result<Vec<Socket>, Failure> {
        let mut open = Vec::new();
        for at in 0..count {
            let to = SocketAddr::V4(SocketAddrV4::new(HOST, port(at)));
            let mut socket = self.nal.socket().map_err(failed("socket"))?;
            self.nal.connect(&mut socket, to).map_err(failed("connect"))?;
            open.push(socket);
        }
        Ok(open)
    }

    fn send(&mut self, socket: &mut Socket, data: &[u8]) -> Result<(), Failure> {
        self.nal.send(socket, data).map_err(failed("send"))?;
        self.in_time()
    }

    /// Zero if nothing is there.
    fn receive(&mut self, socket: &mut Socket, buf: &mut [u8]) -> Result<usize, Failure> {
        match self.nal.receive(socket, buf) {
            Ok(len) => self.in_time().map(|()| len),
            Err(nb::Error::WouldBlock) => self.in_time().map(|()| 0),
            Err(nb::Error::Other(error)) => Err(failed("receive")(error)),
        }
    }

    fn in_time(&self) -> Result<(), Failure> {
        if World::pass() < self.limit { Ok(()) } else { Err(Failure::TooLate) }
    }

    /// The report, and then everything is closed.
    fn end(mut self, bytes: usize, open: Vec<Socket>) -> Result<Report, Failure> {
        let (time, flags) = World::with(|uart, now| (now.since(self.began), uart.take_flags()));
        for socket in open {
            self.nal.close(socket).map_err(failed("close"))?;
        }
        Ok(Report { bytes, time, flags })
    }
}

impl<const TX: usize, const RX: usize> Drop for Run<TX, RX> {
    fn drop(&mut self) {
        World::leave();
    }
}

impl<const RX: usize> Ingest for Feed<RX> {
    fn room(&mut self) -> &mut [u8] {
        self.0.write_buf()
    }

    fn commit(&mut self, len: usize) -> bool {
        self.0.try_advance(len).is_ok()
    }
}

impl fugit_timer::Timer<HZ> for Timer {
    type Error = u32;

    fn now(&mut self) -> TimerInstantU32<HZ> {
        let micros = World::pass().as_nanos() / 1000 % (1 << 32);
        TimerInstantU32::from_ticks(u32::try_from(micros).unwrap_or_default())
    }

    fn start(&mut self, wait: TimerDurationU32<HZ>) -> Result<(), u32> {
        self.0 = Some(World::pass() + Duration::from_micros(wait.to_micros().into()));
        Ok(())
    }

    fn cancel(&mut self) -> Result<(), u32> {
        self.0.take().map(|_| ()).ok_or(0)
    }

    fn wait(&mut self) -> nb::Result<(), u32> {
        match self.0 {
            Some(end) if World::pass() < end => Err(nb::Error::WouldBlock),
            _ => Ok(()),
        }
    }
}

/// What the peers of all connections have received.
fn came(net: &esp8285_sim::net::VirtualNet, sockets: usize) -> usize {
    net.connections().take(sockets).map(|(conn, _)| net.received(conn).len()).sum()
}

fn failed<E: std::fmt::Debug>(step: &'static str) -> impl FnOnce(E) -> Failure {
    move |error| Failure::Driver(step, format!("{error:?}"))
}

const HZ: u32 = 1_000_000;

/// The crate's own example has 8; five links with a notice for each segment need more.
const URCS: usize = 32;

/// Longest answer other than received data.
const RESPONSE: usize = 512;

/// Longest command: `CWJAP` with everything escaped.
const COMMAND: usize = 256;

/// Merely chosen: from `ready` to the first command.
const BOOT: Duration = Duration::from_millis(100);
