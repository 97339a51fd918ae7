//! A world with a driver in it, for one scenario.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use esp8285_sim::uart::UartConfig;
use esp8285_sim::{AccessPoint, Event, Knobs};
use esp8285_world::{KEY, Kit, PortConfig, SSID, Settings, Stack, World, network};
use usocket_conformance::{Actor, Peer, Report, Step};
use usocket_core::{Error, Family, Instant, SockAddr};

use crate::bad::{Bad, Mistakes};
use crate::driver::{Driver, Ours, PATIENCE, Sock, net};
use crate::profile::Profile;
use crate::support::Memory;
use crate::wire::{Tap, Way, Wire};

/// How a scenario ended; the text says what was wrong.
pub(crate) type Outcome = Result<(), String>;

/// Who plays the driver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cast {
    Ours,
    /// The naive driver of the test tree, with these mistakes.
    Bad(Mistakes),
}

/// What kind of world a scenario wants.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) knobs: Knobs,
    pub(crate) uart: UartConfig,
    pub(crate) air: Vec<AccessPoint>,
    pub(crate) round_trip: Duration,
    /// Plain `CIPSEND` on 1.x too.
    pub(crate) plain: bool,
    pub(crate) fast_baud: Option<u32>,
    /// What the board's UART can do.
    pub(crate) port: PortConfig,
    /// The scenario begins before the modem has been found and has joined.
    pub(crate) unjoined: bool,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            knobs: Knobs::default(),
            uart: UartConfig::default(),
            air: Vec::new(),
            round_trip: Duration::from_millis(10),
            plain: false,
            fast_baud: None,
            port: PortConfig::default(),
            unjoined: false,
        }
    }
}

/// The world and the driver of a scenario.
pub(crate) struct Stage<'s, 'n> {
    pub(crate) on: Profile,
    kit: &'s Kit<'n>,
    driver: &'s dyn Driver,
    tap: Rc<RefCell<Tap<'n>>>,
}

thread_local! {
    /// With other latencies than those of the plan, if not 0.
    pub(crate) static SHAKE: Cell<u64> = const { Cell::new(0) };
}

/// A plan with longer latencies.
fn shaken(mut plan: Plan, seed: u64) -> Plan {
    if seed > 0 {
        let some = |number: u64, most: u64| {
            let mixed = number.wrapping_mul(seed + 1).wrapping_mul(2_654_435_761);
            Duration::from_micros(mixed % most)
        };
        let knobs = &mut plan.knobs;
        knobs.command_latency = some(3, 15_000);
        knobs.prompt_latency += some(5, 20_000);
        knobs.recv_latency += some(7, 5_000);
        knobs.ack_latency += some(11, 20_000);
        knobs.seed += seed;
        plan.round_trip += some(13, 40_000);
    }
    plan
}

/// Plays a scenario.
pub(crate) fn play(
    on: Profile,
    cast: Cast,
    plan: Plan,
    scene: impl FnOnce(&Stage<'_, '_>) -> Outcome,
) -> Outcome {
    let plan = shaken(plan, SHAKE.get());
    let network = network(1);
    let mut memory = Box::new(Memory::new());
    let settings = Settings {
        version: on.version,
        knobs: plan.knobs.clone(),
        uart: plan.uart.clone(),
        air: plan.air.clone(),
        round_trip: plan.round_trip,
        seed: 1,
    };
    let kit = Kit::new(&network, settings).map_err(|error| format!("no world: {error}"))?;
    let tap = Rc::new(RefCell::new(Tap::default()));
    let wire = Wire::new(kit.world(), plan.port, &tap);
    let board = kit.world().board();
    match cast {
        Cast::Ours => {
            let net = net(on, &plan, wire, board, &mut memory);
            let ours = Ours::new(&net);
            Stage { on, kit: &kit, driver: &ours, tap }.begin(&plan, scene)
        }
        Cast::Bad(mistakes) => {
            let bad = Bad::new(on, mistakes, wire, board);
            Stage { on, kit: &kit, driver: &bad, tap }.begin(&plan, scene)
        }
    }
}

impl<'n> Stage<'_, 'n> {
    fn begin(self, plan: &Plan, scene: impl FnOnce(&Stage<'_, '_>) -> Outcome) -> Outcome {
        if !plan.unjoined {
            self.ok("join", self.driver.join(SSID.as_bytes(), KEY.as_bytes()))?;
        }
        scene(&self)
    }

    pub(crate) fn driver(&self) -> &dyn Driver {
        self.driver
    }

    pub(crate) fn world(&self) -> &World<Stack<'n>> {
        self.kit.world()
    }

    pub(crate) fn kit(&self) -> &Kit<'n> {
        self.kit
    }

    pub(crate) fn now(&self) -> Instant {
        self.kit.world().now()
    }

    /// Lets time pass while the driver is at work.
    pub(crate) fn pass(&self, millis: u64) {
        self.driver.pass(Duration::from_millis(millis));
    }

    /// Does something once, when the last byte of a text goes over the wire.
    pub(crate) fn when(
        &self,
        way: Way,
        text: impl AsRef<[u8]>,
        action: impl FnOnce(&World<Stack<'n>>) + 'n,
    ) {
        self.tap.borrow_mut().when(way, text.as_ref(), action);
    }

    /// The modem says a line once something has gone over the wire.
    pub(crate) fn say_when(&self, way: Way, text: impl AsRef<[u8]>, line: &'static [u8]) {
        self.when(way, text, |world| {
            world.with_modem(|modem, now| modem.interject(now, line));
        });
    }

    /// The modem says a line now.
    pub(crate) fn say(&self, line: &[u8]) {
        self.world().with_modem(|modem, now| modem.interject(now, line));
    }

    pub(crate) fn tap(&self) -> std::cell::RefMut<'_, Tap<'n>> {
        self.tap.borrow_mut()
    }

    /// A handle of the tap, for what happens at places in the wire.
    pub(crate) fn tap_handle(&self) -> Rc<RefCell<Tap<'n>>> {
        Rc::clone(&self.tap)
    }

    /// How often a text was sent by the driver.
    pub(crate) fn sent(&self, text: &str) -> usize {
        let tap = self.tap.borrow();
        tap.sent().windows(text.len()).filter(|part| *part == text.as_bytes()).count()
    }

    /// Speaks to the modem behind the driver's back; its answer up to `OK`.
    pub(crate) fn behind(&self, line: &str) -> Result<Vec<u8>, String> {
        let mut port = self.world().port();
        let line = format!("{line}\r\n");
        let mut rest = line.as_bytes();
        let mut heard = Vec::new();
        for _ in 0..20_000 {
            let taken = port.write(rest);
            rest = &rest[taken..];
            self.world().pass(Duration::from_millis(1));
            let mut buf = [0; 256];
            let len = port.read(&mut buf).unwrap_or(0);
            heard.extend_from_slice(&buf[..len]);
            if heard.ends_with(b"OK\r\n") {
                return Ok(heard);
            }
        }
        Err(format!("{line:?} was answered {}", heard.escape_ascii()))
    }

    /// Starts a script of the peer and waits until it has an address.
    pub(crate) fn peer(&self, script: &[Step]) -> Result<(Actor, SockAddr), String> {
        let actor = self.start(script)?;
        for _ in 0..1000 {
            match self.kit.peer().address_now(actor) {
                Err(Error::EAGAIN) => self.pass(1),
                answer => return answer.map(|at| (actor, at)).map_err(|e| format!("peer: {e}")),
            }
        }
        Err("the peer has no address".to_owned())
    }

    /// A peer that listens, accepts one connection, and does this with it.
    pub(crate) fn server(&self, then: &[Step]) -> Result<(Actor, SockAddr), String> {
        let begin = [Step::Listen(Family::V4, 5), Step::Accept];
        self.peer(&[&begin, then].concat())
    }

    /// Starts a script of the peer.
    pub(crate) fn start(&self, script: &[Step]) -> Result<Actor, String> {
        self.kit.start(script).map_err(|error| format!("peer: {error}"))
    }

    /// A client of the driver's port.
    pub(crate) fn client(&self, port: u16, then: &[Step]) -> Result<Actor, String> {
        let to = SockAddr::new([10, 0, 0, 1].into(), port);
        self.start(&[&[Step::Connect(to)], then].concat())
    }

    pub(crate) fn report(&self, actor: Actor) -> Report {
        self.kit.peer().report(actor)
    }

    /// Waits until a script is done, failed or at `Hold`.
    pub(crate) fn settle(&self, actor: Actor) -> Report {
        for _ in 0..3000 {
            if self.kit.peer().settled(actor) {
                break;
            }
            self.pass(10);
        }
        self.report(actor)
    }

    /// What the modem noted.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.world().with_modem(|modem, _| std::iter::from_fn(|| modem.poll_event()).collect())
    }

    /// The modem has thrown away nothing that the driver sent.
    pub(crate) fn nothing_rejected(&self) -> Outcome {
        let rejected: Vec<String> = self
            .events()
            .into_iter()
            .filter_map(|event| match event {
                Event::Rejected(line) => Some(line),
                _ => None,
            })
            .collect();
        if rejected.is_empty() { Ok(()) } else { Err(format!("the modem rejected {rejected:?}")) }
    }

    /// A result that must be good.
    pub(crate) fn ok<T>(&self, what: &str, result: usocket_core::Result<T>) -> Result<T, String> {
        result.map_err(|error| format!("{what}: {error} at {:?}", self.now()))
    }

    pub(crate) fn connect(&self, to: SockAddr) -> Result<Sock, String> {
        self.ok("connect", self.driver.connect(to))
    }

    pub(crate) fn send(&self, socket: Sock, data: &[u8]) -> Outcome {
        self.ok("send", self.driver.send(socket, data))
    }

    /// Some bytes, within the usual time.
    pub(crate) fn recv(&self, socket: Sock, buf: &mut [u8]) -> usocket_core::Result<usize> {
        self.driver.recv_within(socket, buf, PATIENCE)
    }

    /// Exactly these bytes come next.
    pub(crate) fn expect(&self, socket: Sock, wanted: &[u8]) -> Outcome {
        let mut got = Vec::new();
        let mut buf = [0; 700];
        while got.len() < wanted.len() {
            let most = buf.len().min(wanted.len() - got.len());
            match self.recv(socket, &mut buf[..most]) {
                Ok(0) => return Err(format!("ended after {} of {}", got.len(), wanted.len())),
                Ok(len) => got.extend_from_slice(&buf[..len]),
                Err(error) => {
                    return Err(format!("{error} after {} of {} bytes", got.len(), wanted.len()));
                }
            }
        }
        let wrong = got.iter().zip(wanted).position(|(got, wanted)| got != wanted);
        wrong.map_or(Ok(()), |at| {
            let around = |bytes: &[u8]| bytes[at..].iter().take(24).copied().collect::<Vec<u8>>();
            let (got, wanted) = (around(&got), around(wanted));
            Err(format!("at {at}: {} not {}", got.escape_ascii(), wanted.escape_ascii()))
        })
    }

    /// The stream ends here.
    pub(crate) fn expect_end(&self, socket: Sock) -> Outcome {
        match self.recv(socket, &mut [0; 16]) {
            Ok(0) => Ok(()),
            other => Err(format!("instead of the end: {other:?}")),
        }
    }

    /// The driver is well: a new connection carries data both ways.
    pub(crate) fn still_works(&self) -> Outcome {
        let (actor, at) = self.server(&[Step::Recv(4), Step::Text(b"pong"), Step::RecvToEnd])?;
        let socket = self.connect(at).map_err(|error| format!("afterwards: {error}"))?;
        self.send(socket, b"ping").map_err(|error| format!("afterwards: {error}"))?;
        self.expect(socket, b"pong").map_err(|error| format!("afterwards: {error}"))?;
        self.driver.close(socket);
        let report = self.settle(actor);
        self.kit.stop(actor);
        ensure(&report.head[..] == b"ping", || format!("afterwards the peer got {report:?}"))
    }
}

/// Fails with a text unless something holds.
pub(crate) fn ensure(holds: bool, text: impl FnOnce() -> String) -> Outcome {
    if holds { Ok(()) } else { Err(text()) }
}

/// For scripts, which want bytes that live for ever.
pub(crate) fn forever(bytes: Vec<u8>) -> &'static [u8] {
    Box::leak(bytes.into_boxed_slice())
}
