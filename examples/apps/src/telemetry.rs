//! A telemetry uploader: readings that reach their collector whatever the network does.

mod queue;

use core::fmt::{self, Write};
use core::time::Duration;

use usocket::prelude::*;
use usocket::spi::wait_until;
use usocket::{Instant, Timeout};

pub use self::queue::{Queue, Reading};

/// Where readings go: an HTTP server that takes them by `POST`.
#[derive(Clone, Copy, Debug)]
pub struct Collector<'c> {
    /// Name or address.
    pub host: &'c str,
    /// Its port.
    pub port: u16,
    /// What the request asks for, with the leading slash.
    pub path: &'c str,
}

/// How hard to try.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// What one attempt may take from the name to the answer, however slowly its parts
    /// come.
    pub attempt: Duration,
    /// Attempts in a row that may fail before it gives up.
    pub failures: u32,
    /// The pause after the first failure; doubled after each further one.
    pub pause: Duration,
    /// The longest pause.
    pub longest_pause: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            attempt: Duration::from_secs(10),
            failures: 5,
            pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
        }
    }
}

/// Why an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// A call failed.
    Net(Error),
    /// The collector answered this status.
    Status(u16),
    /// What came is no answer of HTTP, or its head does not fit into the buffer.
    Answer,
}

/// It gave up: what is not confirmed is still in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GaveUp {
    /// Why the last attempt failed.
    pub last: Failure,
    /// How many attempts in a row failed.
    pub failures: u32,
}

/// Sends what is in the queue, in as many requests as it takes, and returns how many
/// readings that were. A reading leaves the queue when the collector has confirmed it.
///
/// Whoever loses the answer sends again, so a reading may arrive twice: its number tells.
///
/// `work` holds a request or an answer's head; 512 bytes do.
///
/// # Errors
/// After [`Policy::failures`] failed attempts, or at once where trying again is no use.
pub fn upload<B: Backend, const N: usize>(
    net: &B,
    collector: &Collector<'_>,
    policy: &Policy,
    queue: &mut Queue<N>,
    work: &mut [u8],
) -> Result<u32, GaveUp> {
    let (mut sent, mut failures, mut pause) = (0, 0, policy.pause);
    while !queue.is_empty() {
        match attempt(net, collector, policy, queue, work) {
            Ok(count) => {
                queue.confirm(count);
                sent += count;
                (failures, pause) = (0, policy.pause);
            }
            Err(last) => {
                failures += 1;
                if !last.may_pass() || failures >= policy.failures {
                    return Err(GaveUp { last, failures });
                }
                sleep(net, pause);
                pause = (2 * pause).min(policy.longest_pause);
            }
        }
    }
    Ok(sent)
}

/// One request; how many readings the collector has confirmed.
fn attempt<B: Backend, const N: usize>(
    net: &B,
    collector: &Collector<'_>,
    policy: &Policy,
    queue: &Queue<N>,
    work: &mut [u8],
) -> Result<u32, Failure> {
    let until = net.platform().now() + policy.attempt;
    let s = net.dial((collector.host, collector.port), policy.attempt)?;
    let (head_room, body_room) = work.split_at_mut(work.len() / 2);
    let (count, body) = queue.write_to(body_room);
    let mut head = Text { room: head_room, len: 0 };
    let Collector { host, path, .. } = collector;
    let written = write!(
        head,
        "POST {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {body}\r\n\r\n"
    );
    if count == 0 || written.is_err() {
        return Err(Failure::Net(Error::EMSGSIZE));
    }
    let head = head.len;
    for part in [&head_room[..head], &body_room[..body]] {
        s.settimeout(left(net, until)?)?;
        s.sendall(part)?;
    }
    match answer(net, &s, until, work)? {
        200..=299 => Ok(count),
        status => Err(Failure::Status(status)),
    }
}

/// Reads the head of the answer; its status.
fn answer<B: Backend>(
    net: &B,
    s: &Socket<'_, B>,
    until: Instant,
    work: &mut [u8],
) -> Result<u16, Failure> {
    let mut filled = 0;
    loop {
        let room = work.get_mut(filled..).filter(|room| !room.is_empty()).ok_or(Failure::Answer)?;
        // A timeout of its own for each receive would let a slow server hold us for ever.
        s.settimeout(left(net, until)?)?;
        let len = s.recv(room)?;
        if len == 0 {
            return Err(Failure::Answer);
        }
        filled += len;
        while let Some((status, len)) = status(&work[..filled])? {
            if status >= 200 {
                return Ok(status);
            }
            // An interim answer ("103 Early Hints"): the real one follows.
            work.copy_within(len..filled, 0);
            filled -= len;
        }
    }
}

/// The status of the head at the front of `bytes`, and its length; `None` if it is not complete.
fn status(bytes: &[u8]) -> Result<Option<(u16, usize)>, Failure> {
    let mut fields = [httparse::EMPTY_HEADER; 32];
    let mut response = httparse::Response::new(&mut fields);
    let mut parser = httparse::ParserConfig::default();
    parser.allow_obsolete_multiline_headers_in_responses(true);
    match parser.parse_response(&mut response, bytes) {
        Ok(httparse::Status::Complete(len)) => {
            Ok(Some((response.code.ok_or(Failure::Answer)?, len)))
        }
        Ok(httparse::Status::Partial) => Ok(None),
        Err(_) => Err(Failure::Answer),
    }
}

/// The rest of an attempt's time.
fn left<B: Backend>(net: &B, until: Instant) -> Result<Timeout, Failure> {
    match until.saturating_since(net.platform().now()) {
        Duration::ZERO => Err(Failure::Net(Error::ETIMEDOUT)),
        left => Ok(Timeout::After(left)),
    }
}

/// Waits while the backend goes on: its link may come back meanwhile.
fn sleep<B: Backend>(net: &B, time: Duration) {
    let until = net.platform().now() + time;
    // Ends with the time, as nothing else ends it.
    let _ = wait_until(net, Some(until), || false);
}

impl Failure {
    /// Whether to try again is of any use.
    fn may_pass(self) -> bool {
        match self {
            Self::Net(error) => !matches!(error, Error::EAI_NONAME | Error::EMSGSIZE),
            Self::Status(status) => matches!(status, 408 | 429 | 500..),
            Self::Answer => true,
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        // Two errors that differ in what was transferred are the same failure.
        Self::Net(error.with_transferred(0))
    }
}

impl fmt::Display for GaveUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { last, failures } = self;
        write!(f, "gave up after {failures} attempts: ")?;
        match last {
            Failure::Net(error) => write!(f, "{error}"),
            Failure::Status(status) => write!(f, "the collector answered {status}"),
            Failure::Answer => f.write_str("what came is no answer of a collector"),
        }
    }
}

impl core::error::Error for GaveUp {}

/// Text in a buffer of the caller's.
struct Text<'r> {
    room: &'r mut [u8],
    len: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        let room = self.room.get_mut(self.len..end).ok_or(fmt::Error)?;
        room.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
