//! Does jobs of a bench with `esp-at-nal`: one line in, one line out.
//!
//! In: `receive|send|echo FIRMWARE BAUD SOCKETS BYTES` and the latencies in microseconds:
//! `COMMAND PROMPT RECV QUEUED ROUND-TRIP`. `BYTES` is what a buffer may have.
//!
//! Out: three values, or `- REASON`. A value is payload efficiency, or seconds of a round
//! trip. The first is with the crate's own cooldown of 20 ms. The driver does not look for
//! the prompt of a send: it sends the data when the cooldown is over, which begins with the
//! end of the command. So the second is with twice the latency of the prompt: the sheet has
//! 2 to 8 ms for it (section 8), and data that come too early are lost. The third is with
//! exactly that latency, as no program could know it.
//!
//! Each value is the difference between a run and one of twice the length, so that the
//! beginning and the end are not in it.
#![expect(clippy::print_stdout, reason = "a program that prints")]

use std::io::{self, BufRead};
use std::time::Duration;

use esp8285_sim::net::Host;
use esp8285_sim::uart::UartConfig;
use esp8285_sim::{Knobs, Version};
use esp8285_sim_peers::{Failure, Report, Setup, download, echo, upload};

fn main() -> io::Result<()> {
    let lines = io::stdin().lock().lines().collect::<io::Result<Vec<_>>>()?;
    for line in lines {
        let answer = match Job::parse(&line) {
            Some(job) => job.answer(),
            None => "- what job is that?".into(),
        };
        println!("{answer}");
    }
    Ok(())
}

struct Job {
    what: String,
    version: Version,
    baud: u32,
    sockets: usize,
    bytes: usize,
    knobs: Knobs,
    round_trip: Duration,
}

impl Job {
    fn parse(line: &str) -> Option<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [what, firmware, baud, sockets, bytes, times @ ..] = &words[..] else { return None };
        let version = match *firmware {
            "1.7.6" => Version::V1_7_6,
            "2.2" => Version::V2_2,
            _ => return None,
        };
        let times: Vec<Duration> = times
            .iter()
            .map(|word| word.parse().ok().map(Duration::from_micros))
            .collect::<Option<_>>()?;
        let [command_latency, prompt_latency, recv_latency, ack_latency, round_trip] = times[..]
        else {
            return None;
        };
        // The fault of 2.1 to 2.2.1 (sheet section 2.5), against which the piece is smaller.
        let rx_stall_after = (version == Version::V2_2).then_some(PIECE_2_2);
        let times = Knobs { command_latency, prompt_latency, recv_latency, ..Knobs::default() };
        Some(Self {
            what: (*what).to_owned(),
            version,
            baud: baud.parse().ok()?,
            sockets: sockets.parse().ok()?,
            bytes: bytes.parse().ok()?,
            knobs: Knobs { ack_latency, rx_stall_after, ..times },
            round_trip,
        })
    }

    fn answer(&self) -> String {
        let prompt = self.knobs.prompt_latency;
        let values = [DEFAULT, 2 * prompt, prompt].map(|cooldown| self.value(cooldown));
        match values {
            [Ok(default), Ok(careful), Ok(exact)] => format!("{default} {careful} {exact}"),
            [Err(why), ..] | [_, Err(why), _] | [.., Err(why)] => {
                format!("- {}", why.to_string().replace('\n', " "))
            }
        }
    }

    fn value(&self, cooldown: Duration) -> Result<f64, Failure> {
        let turn = Duration::from_micros((1_000_000 / u64::from(self.baud)).max(2));
        let uart = UartConfig { baud: self.baud, ..UartConfig::default() };
        let host = Host::default().round_trip(self.round_trip);
        let (version, knobs) = (self.version, self.knobs.clone());
        let limit = Duration::from_secs(120);
        let setup = Setup { version, knobs, uart, host, cooldown, turn, limit, ..Setup::default() };
        let (short, long) = (self.run(&setup, 1)?, self.run(&setup, 2)?);
        let time = long.time.saturating_sub(short.time).as_secs_f64();
        Ok(match self.what.as_str() {
            "echo" => time / ROUNDS as f64,
            _ => (long.bytes - short.bytes) as f64 * 10.0 / f64::from(self.baud) / time,
        })
    }

    /// A run of this length. The crate has one block for receiving and one for sending; both
    /// are as large as a socket's ring on our side, up to what a command can move.
    fn run(&self, setup: &Setup, length: usize) -> Result<Report, Failure> {
        let each = length * BULK / self.sockets;
        let piece = match self.version {
            Version::V2_2 => self.bytes.min(PIECE_2_2),
            _ => self.bytes.min(PIECE),
        };
        match (self.what.as_str(), self.bytes >= PIECE) {
            ("receive", true) => download::<PIECE, PIECE>(setup, self.sockets, each),
            ("receive", false) => download::<1024, 1024>(setup, self.sockets, each),
            ("echo", true) => echo::<PIECE, PIECE>(setup, ECHO, length * ROUNDS),
            ("echo", false) => echo::<1024, 1024>(setup, ECHO, length * ROUNDS),
            (_, true) => upload::<PIECE, PIECE>(setup, self.sockets, each, piece),
            (_, false) => upload::<1024, 1024>(setup, self.sockets, each, piece),
        }
    }
}

/// The crate's own.
const DEFAULT: Duration = Duration::from_millis(20);
/// Bytes of the shorter run, on all sockets together: twenty of the largest pieces.
const BULK: usize = 20 * 2048;
/// Most that a command moves.
const PIECE: usize = 2048;
const PIECE_2_2: usize = 1024;
const ECHO: usize = 32;
const ROUNDS: usize = 16;
