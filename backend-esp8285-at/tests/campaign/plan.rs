//! Everything about a run, derived from its seed.

use std::time::Duration;

use esp8285_sim::{Knobs, Rng, Version};
use usocket_backend_esp8285_at::{Receive, Transmit};

use crate::fault::{FaultPlan, Kind};
use crate::pattern::Payload;

/// What kind of faults a run has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    /// None, and nobody leaves early: everything must arrive.
    Plain,
    /// Only such as can be detected.
    Detectable,
    /// Also such as cannot, without a checksum.
    Undetectable,
}

/// How the application waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Non-blocking calls and a poll over all sockets.
    Polling,
    /// Calls with a timeout, one socket after the other.
    Blocking,
}

/// A socket of the application.
#[derive(Clone, Debug)]
pub(crate) struct JobPlan {
    pub(crate) kind: JobKind,
    /// Bytes from the peer.
    pub(crate) down: usize,
    /// Bytes to it.
    pub(crate) up: usize,
    /// In so many pieces with such a pause the peer sends.
    pub(crate) pieces: usize,
    pub(crate) pause: Duration,
    /// It waits for our bytes before it sends.
    pub(crate) asks_first: bool,
    /// The peer ends the stream, not we, and gives it some time before.
    pub(crate) peer_ends: bool,
    pub(crate) patience: Duration,
    /// The peer falls silent for ever after this many pieces.
    pub(crate) stalls: bool,
    /// We close after so many bytes, whatever is missing.
    pub(crate) leaves_after: Option<usize>,
    /// By a reset.
    pub(crate) aborts: bool,
    pub(crate) read_size: usize,
    pub(crate) read_pause: Duration,
    pub(crate) write_size: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobKind {
    Client,
    Accepted,
    Datagrams,
    Names,
}

/// A run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) class: Class,
    pub(crate) payload: Payload,
    pub(crate) version: Version,
    pub(crate) receive: Receive,
    pub(crate) transmit: Transmit,
    pub(crate) baud: u32,
    pub(crate) fast: Option<u32>,
    /// Interrupts come so many bytes late, without a fault.
    pub(crate) late_bytes: u32,
    pub(crate) uart_ring: usize,
    /// Which of the sizes of memory.
    pub(crate) memory: usize,
    pub(crate) exact_losses: bool,
    pub(crate) enable_pin: bool,
    pub(crate) style: Style,
    pub(crate) round_trip: Duration,
    pub(crate) join_time: Duration,
    pub(crate) knobs: Knobs,
    pub(crate) jobs: Vec<JobPlan>,
    pub(crate) faults: Vec<FaultPlan>,
}

/// The rings of a socket, by the number of the memory.
pub(crate) const RINGS: [usize; 3] = [512, 1024, 2048];

/// The rates of flash and of the negotiation.
const RATES: [u32; 6] = [115_200, 230_400, 460_800, 921_600, 1_500_000, 2_000_000];

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Rng::new(seed ^ 0x5eed_5eed);
        let class = match rng.below(100) {
            0..15 => Class::Plain,
            15..70 => Class::Detectable,
            _ => Class::Undetectable,
        };
        let version = Version::ALL[rng.below(Version::ALL.len() as u64) as usize];
        let active = rng.below(4) == 0;
        let receive = if active { Receive::Active } else { Receive::Auto };
        let passive = !active && !matches!(version, Version::V1_5 | Version::V1_7_0);
        let datagrams = version.is_nonos() || active;
        let memory = rng.below(RINGS.len() as u64) as usize;
        let baud = if rng.below(4) == 0 { RATES[rng.below(4) as usize] } else { 115_200 };
        let fast = (rng.below(3) > 0).then(|| RATES[rng.below(6) as usize]);
        let kinds = Kind::possible(class, passive);
        let number = if class == Class::Plain { 0 } else { 1 + rng.below(5) / 2 };
        let faults: Vec<FaultPlan> =
            (0..number).map(|_| FaultPlan::new(&kinds, &mut rng)).collect();
        let payload = match class {
            Class::Undetectable => Payload::Tagged,
            _ if faults.iter().any(|fault| fault.kind == Kind::Length) => Payload::NoLineEnd,
            _ => Payload::Full,
        };
        let jobs = 1 + rng.below(5) as usize;
        // What is pushed needs room for all of it, if it must arrive.
        let limit = (!passive && class == Class::Plain).then_some(RINGS[memory]);
        let jobs = (0..jobs).map(|_| job(&mut rng, class, datagrams, limit)).collect();
        Self {
            seed,
            class,
            payload,
            version,
            receive,
            transmit: if rng.below(3) == 0 { Transmit::Plain } else { Transmit::Auto },
            baud,
            fast,
            late_bytes: [0, 0, 1, 4, 8, 14][rng.below(6) as usize],
            uart_ring: [256, 512, 1024, 4096][rng.below(4) as usize],
            memory,
            exact_losses: rng.below(2) == 0,
            enable_pin: rng.below(2) == 0,
            style: if rng.below(2) == 0 { Style::Polling } else { Style::Blocking },
            round_trip: Duration::from_millis(1 + rng.below(60)),
            join_time: Duration::from_millis(100 + rng.below(900)),
            knobs: knobs(&mut rng, baud, class),
            jobs,
            faults,
        }
    }
}

fn knobs(rng: &mut Rng, baud: u32, class: Class) -> Knobs {
    let millis = |rng: &mut Rng, most: u64| Duration::from_micros(rng.below(most * 1000 + 1));
    Knobs {
        seed: rng.next_u64(),
        flash_baud: baud,
        boot_noise: rng.below(3) as usize * 20,
        boot_baud: Some(74_880),
        command_latency: millis(rng, 5),
        prompt_latency: millis(rng, 8),
        recv_latency: millis(rng, 3),
        ack_latency: millis(rng, 12),
        chatty: rng.below(8) == 0,
        ipd_trailer: [None, None, Some(true), Some(false)][rng.below(4) as usize],
        quote_ip: [None, None, Some(true), Some(false)][rng.below(4) as usize],
        read_max: (rng.below(6) == 0).then(|| 1 + rng.below(400) as usize),
        // Heads of tiny pieces fill the ring, and then datagrams are lost, too.
        ipd_chunk_max: match (rng.below(3), 1 + rng.below(1460) as usize) {
            (0, len) if class == Class::Plain => len.max(64),
            (0, len) => len,
            _ => 1460,
        },
        stale_closed: millis(rng, 30),
        // A small one loses datagrams.
        tx_ring: if class == Class::Plain { 8192 } else { 64 + rng.below(2048) as usize },
        ..Knobs::default()
    }
}

fn job(rng: &mut Rng, class: Class, datagrams: bool, limit: Option<usize>) -> JobPlan {
    let kind = match rng.below(10) {
        0..5 => JobKind::Client,
        5..8 => JobKind::Accepted,
        8 if datagrams => JobKind::Datagrams,
        8 => JobKind::Client,
        _ => JobKind::Names,
    };
    let amount = |rng: &mut Rng| {
        let scale = [1, 40, 300, 1500, 4000][rng.below(5) as usize];
        rng.below(scale + 1) as usize
    };
    let (down, up) = match kind {
        JobKind::Client | JobKind::Accepted => (amount(rng), amount(rng)),
        JobKind::Datagrams => (0, 1 + rng.below(6) as usize),
        JobKind::Names => (0, 1 + rng.below(3) as usize),
    };
    let down = down.min(limit.unwrap_or(usize::MAX));
    let early = class != Class::Plain && rng.below(6) == 0;
    JobPlan {
        kind,
        down,
        up,
        pieces: 1 + rng.below(4) as usize,
        pause: Duration::from_millis(rng.below(200)),
        asks_first: rng.below(2) == 0,
        peer_ends: rng.below(4) > 0,
        // What is not acknowledged when the end comes, nobody knows to have arrived.
        patience: Duration::from_millis(if class == Class::Plain { 100 } else { rng.below(100) }),
        stalls: class != Class::Plain && rng.below(25) == 0,
        leaves_after: early.then(|| rng.below(down as u64 + 1) as usize),
        aborts: rng.below(3) == 0,
        // Not so few bytes at a time that it takes for ever.
        read_size: ([1 + rng.below(16), 64, 256, 1000][rng.below(4) as usize] as usize)
            .clamp(down / 40 + 1, 1000),
        read_pause: Duration::from_millis([0, 0, 5, 40][rng.below(4) as usize]),
        write_size: ([1 + rng.below(32), 100, 600, 3000][rng.below(4) as usize] as usize)
            .max(up / 40 + 1),
    }
}
