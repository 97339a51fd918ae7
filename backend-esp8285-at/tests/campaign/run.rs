//! One run: the application at work among faults, then the proof that the driver is whole.

use std::net::SocketAddr;
use std::time::Duration;

use esp8285_sim::Rng;
use esp8285_sim::net::Conn;
use usocket_backend_esp8285_at::{Config, Resources, Trace};
use usocket_core::prelude::*;
use usocket_core::spi::{Platform, wait_until};

use crate::app::{App, Job, Outcome, datagram};
use crate::fault::Hits;
use crate::pattern::{Payload, TAGS};
use crate::plan::{Class, JobKind, Plan};
use crate::rig::{DATAGRAMS, ECHO, KEY, Net, OUR_PORT, PEER, Rig, SSID, tag_of};

/// What a run has shown.
#[derive(Debug, Default)]
pub(crate) struct Shown {
    pub(crate) hits: Hits,
    /// Bytes sent before the first fault that may end streams, and how many of them arrived.
    pub(crate) sent: u64,
    pub(crate) arrived: u64,
    pub(crate) jobs: u64,
    pub(crate) complete: u64,
    pub(crate) failed: u64,
    pub(crate) left: u64,
    /// Jobs that were still at it when the application gave up.
    pub(crate) unfinished: u64,
    pub(crate) recovery: Duration,
}

/// How long the application works at most.
const WORK: Duration = Duration::from_secs(90);
/// How long the driver may take to be whole again once the faults are over: the longest
/// patience with a command (a send, 60 s), a restart, a join, and closing.
const RECOVERY: Duration = Duration::from_secs(150);

pub(crate) fn run(seed: u64, notes: bool) -> Result<Shown, String> {
    let plan = Plan::new(seed);
    if notes {
        eprintln!("{plan:#?}");
    }
    match plan.memory {
        0 => with_memory(&plan, &mut Box::new(Resources::<7, 5, 512, 512>::new()), 7, 5, notes),
        1 => with_memory(&plan, &mut Box::new(Resources::<8, 7, 1024, 700>::new()), 8, 7, notes),
        _ => with_memory(&plan, &mut Box::new(Resources::<6, 6, 2048, 2048>::new()), 6, 6, notes),
    }
}

fn with_memory<const S: usize, const B: usize, const RX: usize, const TX: usize>(
    plan: &Plan,
    memory: &mut Resources<S, B, RX, TX>,
    sockets: usize,
    pairs: usize,
    notes: bool,
) -> Result<Shown, String> {
    let rig = Rig::new(plan);
    let mut config = Config::new().baud(plan.baud).receive(plan.receive).transmit(plan.transmit);
    if let Some(fast) = plan.fast {
        config = config.fast_baud(fast);
    }
    let net: Net<'_> = Net::with_config(rig.wire(plan), rig.clone(), memory, config);
    if notes {
        net.set_trace(Some(trace));
        rig.with_injector(|injector| injector.notes = true);
    }
    let mut shown = Shown::default();
    // One run in ten has its faults from the first moment on.
    let early = plan.class != Class::Plain && plan.seed.is_multiple_of(10);
    if early {
        rig.with_injector(|injector| injector.start());
    }
    let joined = join(&net, &rig, plan)?;
    rig.with_injector(|injector| injector.start());
    let app = App {
        net: &net,
        rig: &rig,
        style: plan.style,
        payload: plan.payload,
        rng: Rng::new(plan.seed ^ 0xa99),
        notes,
        datagram_patience: Duration::from_secs(if plan.class == Class::Plain { 60 } else { 3 }),
        name_patience: if plan.class == Class::Plain { 20_000 } else { 1 },
    };
    let jobs = work(app, plan)?;
    let sent = rig.sent_before();
    rig.stop_faults();
    shown.hits = rig.with_injector(|injector| injector.hits.clone());
    let (mut got, mut worked) = ([0; TAGS], [false; TAGS]);
    for job in &jobs {
        worked[job.tag] = true;
        shown.jobs += 1;
        match job.outcome {
            Some(Outcome::Complete) => shown.complete += 1,
            Some(Outcome::Left) => shown.left += 1,
            Some(Outcome::Failed(_)) => shown.failed += 1,
            None => shown.unfinished += 1,
        }
        got[job.tag] = job.got as u64;
        if plan.class == Class::Plain {
            check_complete(job)?;
        }
    }
    drop(jobs);
    let began = rig.now();
    if !joined {
        // It does not join by itself where it never was.
        while net.connect(SSID, KEY).is_err() {
            if rig.now().saturating_since(began) > RECOVERY {
                return Err("it does not join".to_owned());
            }
            let again = rig.now() + Duration::from_millis(500);
            let _ = wait_until(&net, Some(again), || false);
        }
    }
    recover(&net, &rig, began, sockets, pairs.min(5))?;
    shown.recovery = rig.now().saturating_since(began);
    let up = check_peers(&rig, plan)?;
    for (tag, job) in plan.jobs.iter().enumerate() {
        let leaves = job.leaves_after.is_some() || job.stalls;
        if leaves || !worked[tag] || !matches!(job.kind, JobKind::Client | JobKind::Accepted) {
            continue;
        }
        shown.sent += sent[tag].down + sent[tag].up;
        shown.arrived += got[tag].min(sent[tag].down) + up[tag].min(sent[tag].up);
        if plan.class == Class::Plain && worked[tag] && up[tag] < job.up as u64 {
            return Err(format!("link {tag}: the peer has {} bytes of {}", up[tag], job.up));
        }
    }
    Ok(shown)
}

/// Joins, in some tries; false if faults have prevented that.
fn join(net: &Net<'_>, rig: &Rig, plan: &Plan) -> Result<bool, String> {
    for _ in 0..6 {
        let began = rig.now();
        let result = net.connect(SSID, KEY);
        let took = rig.now().saturating_since(began);
        if took > Duration::from_millis(60_001) {
            return Err(format!("a join took {took:?}"));
        }
        match result {
            Ok(()) => return Ok(true),
            Err(error) if plan.class == Class::Plain => return Err(format!("join: {error}")),
            Err(_) => {}
        }
    }
    Ok(false)
}

/// Lets the jobs work until they are done, or for long enough.
fn work<'n, 'r>(mut app: App<'n, 'r>, plan: &Plan) -> Result<Vec<Job<'n, 'r>>, String> {
    let mut jobs: Vec<Job<'n, 'r>> =
        plan.jobs.iter().enumerate().map(|(tag, job)| Job::new(tag, job.clone())).collect();
    let until = app.rig.now() + WORK;
    let serves = plan.jobs.iter().any(|job| job.kind == JobKind::Accepted);
    let listener = serves.then(|| listen(app.net)).transpose()?;
    let mut strangers = 0;
    while app.rig.now() < until && jobs.iter().any(|job| job.outcome.is_none()) {
        let wants_clients = jobs.iter().any(Job::wants_client);
        if let Some(listener) = listener.as_ref().filter(|_| wants_clients) {
            accept(&app, listener, &mut jobs, &mut strangers)?;
        }
        for job in &mut jobs {
            job.turn(&mut app)?;
        }
        let most = 1 + app.rng.below(300);
        app.rest(&jobs, listener.as_ref().filter(|_| wants_clients), most)?;
    }
    // Those jobs never begin.
    jobs.retain(|job| !job.wants_client() || strangers == 0);
    Ok(jobs)
}

fn listen<'n, 'r>(net: &'n Net<'r>) -> Result<Socket<'n, Net<'r>>, String> {
    let listener = net.tcp().map_err(|error| format!("socket: {error}"))?;
    let set = || {
        listener.setblocking(false)?;
        listener.bind(("", OUR_PORT))?;
        listener.listen(5)
    };
    set().map_err(|error| format!("listen: {error}"))?;
    Ok(listener)
}

fn accept<'n, 'r>(
    app: &App<'n, 'r>,
    listener: &Socket<'n, Net<'r>>,
    jobs: &mut [Job<'n, 'r>],
    strangers: &mut usize,
) -> Result<(), String> {
    loop {
        match listener.accept() {
            Ok((socket, peer)) => {
                app.note(format_args!("accepted {peer}"));
                let tag = tag_of(peer.port()).filter(|tag| *tag < jobs.len());
                // A client whose address nobody knows is dropped: before 1.7 one that was gone
                // before a status had named it.
                *strangers += usize::from(tag.is_none());
                if let Some(tag) = tag.filter(|tag| jobs[*tag].wants_client()) {
                    jobs[tag].take_client(socket);
                }
            }
            // Those that the application has no buffers for wait.
            Err(Error::EAGAIN | Error::ENOBUFS | Error::ENOMEM) => return Ok(()),
            Err(error) => return Err(format!("accept: {error}")),
        }
    }
}

fn check_complete(job: &Job<'_, '_>) -> Result<(), String> {
    let Job { tag, outcome, got, sent, plan, .. } = job;
    let whole = match plan.kind {
        JobKind::Client | JobKind::Accepted => *got == plan.down && *sent == plan.up,
        JobKind::Datagrams | JobKind::Names => *got == plan.up,
    };
    if *outcome == Some(Outcome::Complete) && whole {
        return Ok(());
    }
    Err(format!(
        "link {tag} without a fault: {outcome:?}, received {got} of {}, sent {sent} of {}",
        plan.down, plan.up
    ))
}

/// The driver is whole again: nothing lingers, all links and slots can be used, and data
/// pass.
fn recover(
    net: &Net<'_>,
    rig: &Rig,
    began: usocket_core::Instant,
    sockets: usize,
    links: usize,
) -> Result<(), String> {
    let deadline = began + RECOVERY;
    let left = || deadline.saturating_since(rig.now());
    net.drain(left()).map_err(|error| format!("drain: {error}, {} linger", net.lingering()))?;
    let up = wait_until(net, Some(deadline), || net.isconnected());
    up.map_err(|error| format!("not joined again: {error}"))?;
    loop {
        match echoes(net, rig, links) {
            Ok(()) => break,
            Err(error) if left() < Duration::from_secs(1) => {
                return Err(format!("no echo again: {error}"));
            }
            // What was under way when the faults ended may have hit this.
            Err(_) => {
                let again = rig.now() + Duration::from_millis(500);
                let _ = wait_until(net, Some(again), || false);
                net.drain(left()).map_err(|error| format!("drain: {error}"))?;
            }
        }
    }
    net.drain(left()).map_err(|error| format!("drain at the end: {error}"))?;
    if net.lingering() > 0 {
        return Err(format!("{} links linger", net.lingering()));
    }
    let mut all = Vec::new();
    for _ in 0..sockets {
        all.push(net.tcp().map_err(|error| format!("slot {}: {error}", all.len()))?);
    }
    match net.tcp() {
        Err(Error::ENOMEM) => Ok(()),
        other => Err(format!("more slots than there are: {:?}", other.map(|_| ()))),
    }
}

/// Echoes on so many links at once.
fn echoes(net: &Net<'_>, rig: &Rig, links: usize) -> Result<()> {
    let mut open = Vec::new();
    for number in 0..links {
        let socket = net.tcp()?;
        socket.settimeout(20)?;
        socket.connect(SockAddr::new(PEER.into(), ECHO))?;
        socket.sendall(word(number))?;
        open.push(socket);
    }
    for (number, socket) in open.iter().enumerate() {
        let mut buf = [0; 40];
        let got = socket.read(&mut buf)?;
        if got != Some(40) || buf != word(number) {
            let began = rig.now();
            panic!("echo {number} at {began:?}: {got:?} {}", buf.escape_ascii());
        }
    }
    Ok(())
}

fn word(number: usize) -> [u8; 40] {
    std::array::from_fn(|at| Payload::Full.byte(TAGS - 1 - number, true, at))
}

/// What came to the peers; how much on each link.
fn check_peers(rig: &Rig, plan: &Plan) -> Result<[u64; TAGS], String> {
    rig.world().with_net(|net, _| {
        let mut got = [0; TAGS];
        let conns: Vec<(Conn, SocketAddr)> = net.connections().collect();
        for (conn, peer) in conns {
            let Some(tag) = tag_of(peer.port()) else { continue };
            let data = net.received(conn);
            plan.payload.check(tag, true, 0, data)?;
            let most = plan.jobs[tag].up;
            if plan.payload != Payload::Tagged && data.len() > most {
                return Err(format!("link {tag}: the peer has more than was sent"));
            }
            got[tag] = got[tag].max(data.len() as u64);
        }
        for sent in net.datagrams() {
            check_datagram(plan, sent.to, &sent.data)?;
        }
        Ok(got)
    })
}

fn check_datagram(plan: &Plan, to: SocketAddr, data: &[u8]) -> Result<(), String> {
    let mut jobs = plan.jobs.iter().enumerate();
    let known = jobs.any(|(tag, job)| {
        job.kind == JobKind::Datagrams
            && match plan.payload {
                Payload::Tagged => plan.payload.check(tag, true, 0, data).is_ok(),
                Payload::Full | Payload::NoLineEnd => {
                    (0..job.up).any(|number| datagram(plan.payload, tag, number) == data)
                }
            }
    });
    if known && to == SocketAddr::new(PEER.into(), DATAGRAMS) {
        return Ok(());
    }
    Err(format!("a datagram of {} bytes to {to} that nobody sent", data.len()))
}

fn trace(trace: Trace<'_>) {
    match trace {
        Trace::Command(line) => eprintln!("  -> {}", line.trim_ascii_end().escape_ascii()),
        Trace::Line(line) => eprintln!("  <- {}", line.trim_ascii_end().escape_ascii()),
        other => eprintln!("     {other:?}"),
    }
}
