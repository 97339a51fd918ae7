//! The world of a run: the modem, its peers, and a platform that looks for faults at every
//! event of the simulation.

use std::cell::{Cell, RefCell};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::task::Waker;
use std::time::Duration;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_sim::net::{Conn, Host, Script, Step, UdpService, VirtualNet};
use esp8285_sim::uart::{Receiver, Uart as Line, UartConfig, byte_time};
use esp8285_sim::{AccessPoint, Air, Modem};
use esp8285_world::{Board, Limits, PortConfig, World};
use usocket_backend_esp8285_at::{Esp8285, Transmit};
use usocket_core::Instant;
use usocket_core::spi::Platform;

use crate::fault::Injector;
use crate::pattern::{Payload, TAGS};
use crate::plan::{JobKind, JobPlan, Plan};

esp8285_world::wire!(
    /// The wire of a world as the driver wants it.
    pub(crate) Wire
);

pub(crate) const SSID: &[u8] = b"net";
pub(crate) const KEY: &[u8] = b"password";
/// Where the peers are, and at which ports.
pub(crate) const PEER: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 9);
pub(crate) const ECHO: u16 = 6000;
pub(crate) const CLIENTS: u16 = 7000;
pub(crate) const DATAGRAMS: u16 = 8000;
pub(crate) const SERVERS: u16 = 9000;
/// The port at which the application listens.
pub(crate) const OUR_PORT: u16 = 4000;
pub(crate) const NAME: &str = "peer.test";

/// The driver of a run.
pub(crate) type Net<'r> = Esp8285<'r, Wire<VirtualNet>, Rig, NoopRawMutex, 4>;

/// What has been sent on a link until some moment, towards us and by us.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    pub(crate) down: u64,
    pub(crate) up: u64,
}

/// The platform of a run; its clones are the same.
#[derive(Clone)]
pub(crate) struct Rig(Rc<Inner>);

struct Inner {
    world: World<VirtualNet>,
    board: Board<VirtualNet>,
    injector: RefCell<Injector>,
    dials: RefCell<Vec<(u16, Script)>>,
    /// What the application has sent on each link.
    up: [Cell<u64>; TAGS],
    /// What had been sent when the first fault struck that may end streams.
    before: RefCell<Option<[Sent; TAGS]>>,
}

impl Rig {
    pub(crate) fn new(plan: &Plan) -> Self {
        let mut net = VirtualNet::new(plan.seed);
        let mut host = Host::default()
            .round_trip(plan.round_trip)
            .tcp(ECHO, Script::echo())
            .udp(DATAGRAMS, UdpService::Echo);
        let mut dials = Vec::new();
        for (tag, job) in plan.jobs.iter().enumerate() {
            let port = u16::try_from(tag).unwrap_or(0);
            match job.kind {
                JobKind::Client => host = host.tcp(SERVERS + port, script(job, plan.payload, tag)),
                JobKind::Accepted => dials.push((CLIENTS + port, script(job, plan.payload, tag))),
                JobKind::Datagrams | JobKind::Names => {}
            }
        }
        net.add_host(PEER, host);
        net.add_name(NAME, PEER);
        let air = Air::with(AccessPoint::new(SSID, KEY).join_time(plan.join_time));
        let modem = Modem::new(plan.version, plan.knobs.clone(), air, net);
        let late = byte_time(2_000_000.min(plan.fast.unwrap_or(plan.baud).max(plan.baud)))
            * plan.late_bytes;
        let receiver = Receiver { irq_latency: late, ring: plan.uart_ring, ..Receiver::default() };
        let config = UartConfig { baud: plan.baud, receiver, ..UartConfig::default() };
        let world = World::new(Line::new(modem, config), plan.seed);
        world.set_limits(Limits {
            idles: 5_000_000,
            still: 3000,
            looks: 200_000,
            time: Duration::from_secs(4 * 3600),
        });
        let mut injector = Injector::new(plan.faults.clone(), plan.seed ^ 0xfa17, late);
        let buffered = plan.version.is_nonos() && plan.transmit == Transmit::Auto;
        injector.set_wire(plan.baud.max(plan.fast.unwrap_or(0)), buffered);
        Self(Rc::new(Inner {
            board: world.board(),
            world,
            injector: RefCell::new(injector),
            dials: RefCell::new(dials),
            up: [const { Cell::new(0) }; TAGS],
            before: RefCell::new(None),
        }))
    }

    pub(crate) fn wire(&self, plan: &Plan) -> Wire<VirtualNet> {
        Wire(self.0.world.port_with(PortConfig {
            rates: true,
            enable_pin: plan.enable_pin,
            exact_losses: plan.exact_losses,
        }))
    }

    pub(crate) fn world(&self) -> &World<VirtualNet> {
        &self.0.world
    }

    pub(crate) fn with_injector<T>(&self, look: impl FnOnce(&mut Injector) -> T) -> T {
        look(&mut self.0.injector.borrow_mut())
    }

    /// Faults are over; what they left outside the driver is repaired.
    pub(crate) fn stop_faults(&self) {
        self.0.world.with_uart(|uart, now| self.0.injector.borrow_mut().stop(uart, now));
        self.0.dials.borrow_mut().clear();
    }

    pub(crate) fn count_up(&self, tag: usize, more: usize) {
        self.0.up[tag].set(self.0.up[tag].get() + more as u64);
    }

    /// What had been sent when the first fault struck that may end streams, or until now.
    pub(crate) fn sent_before(&self) -> [Sent; TAGS] {
        let before = *self.0.before.borrow();
        before.unwrap_or_else(|| self.0.world.with_net(|net, now| self.sent(net, now)))
    }

    fn sent(&self, net: &mut VirtualNet, now: esp8285_sim::Instant) -> [Sent; TAGS] {
        let mut all = [Sent::default(); TAGS];
        for (sent, up) in all.iter_mut().zip(&self.0.up) {
            sent.up = up.get();
        }
        let conns: Vec<(Conn, SocketAddr)> = net.connections().collect();
        let peers = net.peers(now);
        for (conn, peer) in conns {
            if let Some(tag) = tag_of(peer.port()) {
                all[tag].down = all[tag].down.max(peers.sent(conn));
            }
        }
        all
    }

    /// Clients set out as soon as the modem listens.
    fn dial(&self, net: &mut VirtualNet, now: esp8285_sim::Instant) {
        if net.peers(now).modem_listens().is_none() {
            return;
        }
        for (port, script) in self.0.dials.borrow_mut().drain(..) {
            net.dial(now, SocketAddr::new(PEER.into(), port), OUR_PORT, script);
        }
    }

    /// Something has happened in the simulation.
    fn look(&self) {
        let inner = &*self.0;
        if !inner.dials.borrow().is_empty() {
            inner.world.with_net(|net, now| self.dial(net, now));
        }
        if inner.injector.borrow().is_idle() {
            return;
        }
        let first = inner.world.with_uart(|uart, now| inner.injector.borrow_mut().look(uart, now));
        if first {
            let sent = inner.world.with_net(|net, now| self.sent(net, now));
            inner.before.replace(Some(sent));
        }
    }
}

impl Platform for Rig {
    fn now(&self) -> Instant {
        self.0.board.now()
    }

    fn seed(&self) -> u64 {
        self.0.board.seed()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        self.0.board.idle(until, &mut || {
            self.look();
            ready()
        });
    }

    fn waker(&self) -> Option<Waker> {
        None
    }
}

/// The link that a port of the peer belongs to.
pub(crate) fn tag_of(port: u16) -> Option<usize> {
    let tag = [CLIENTS, SERVERS].into_iter().find_map(|base| port.checked_sub(base));
    let tag = tag.filter(|_| port < CLIENTS + 100).or(port.checked_sub(SERVERS));
    tag.map(usize::from).filter(|tag| *tag < TAGS)
}

/// What a peer does.
fn script(job: &JobPlan, payload: Payload, tag: usize) -> Script {
    let mut steps = Vec::new();
    if job.asks_first {
        steps.push(Step::Expect(job.up));
    }
    let size = job.down.div_ceil(job.pieces).max(1);
    let mut from = 0;
    while from < job.down {
        let len = size.min(job.down - from);
        steps.push(Step::Send(payload.piece(tag, false, from, len)));
        steps.push(Step::Wait(job.pause));
        from += len;
        if job.stalls && from * 2 > job.down {
            steps.push(Step::Stall);
        }
    }
    if !job.asks_first {
        steps.push(Step::Expect(job.up));
    }
    if job.peer_ends {
        steps.push(Step::Wait(job.patience));
        steps.push(Step::Fin);
    }
    Script::new(steps)
}
