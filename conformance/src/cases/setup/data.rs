//! Bytes to send, what arrived of them, and full buffers.

use core::time::Duration;

use usocket_core::{Error, Timeout};

use super::Sock;
use crate::{Digest, Failure, Harness, Report, Step, pattern};

/// More than a peer and a backend with small buffers hold: the pattern's first
/// 64 KiB.
pub(crate) static BULK: [u8; 65_536] = bulk();

/// A piece to fill a buffer with.
pub(crate) static BLOCK: &[u8] = BULK.split_at(8192).0;

const fn bulk() -> [u8; 65_536] {
    let mut bytes = [0; 65_536];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = pattern(at as u64);
        at += 1;
    }
    bytes
}

/// Whether these are the bytes of the pattern from `offset` on.
pub(crate) fn is_pattern(bytes: &[u8], offset: u64) -> bool {
    (offset..).zip(bytes).all(|(at, &byte)| byte == pattern(at))
}

/// Receives to the end of the stream; fails unless it is the pattern.
pub(crate) fn read_pattern<H: Harness>(socket: &Sock<'_, H>) -> Result<u64, Failure> {
    let mut buf = [0; 512];
    let mut total = 0;
    loop {
        let count = socket.recv(&mut buf)?;
        if count == 0 {
            return Ok(total);
        }
        if !is_pattern(&buf[..count], total) {
            return Err(Failure::new("bytes differ from what was sent"));
        }
        total += count as u64;
    }
}

/// What was sent, for comparing with what arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    digest: Digest,
}

impl Sum {
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.count += bytes.len() as u64;
        self.digest.add(bytes);
    }

    /// Whether the peer received exactly this.
    pub(crate) fn is(&self, report: &Report) -> bool {
        (self.count, self.digest) == (report.received, report.digest)
    }
}

/// A peer's step until [`fill`] is long done: only then may it begin to receive.
pub(crate) const AFTER_FILL: Step = Step::Wait(1500);

/// Sends until nothing more fits, also after a while; tells what did. The socket is
/// non-blocking meanwhile and keeps its timeout.
pub(crate) fn fill<H: Harness>(h: &H, socket: &Sock<'_, H>) -> Result<Sum, Failure> {
    const MOST: u64 = 64 << 20;
    let before = socket.timeout();
    socket.settimeout(Timeout::Zero)?;
    let (mut sum, mut idle) = (Sum::default(), 0);
    while sum.count < MOST {
        match socket.send(BLOCK) {
            Ok(0) => return Err(Failure::new("a send took nothing")),
            Ok(count) if count > BLOCK.len() => {
                return Err(Failure::new("a send took more than there was"));
            }
            Ok(count) => {
                sum.add(&BLOCK[..count]);
                idle = 0;
            }
            // A host frees some room later: delayed acknowledgements, window probes.
            Err(Error::EAGAIN) if idle < 6 => {
                h.pass(Duration::from_millis(60));
                idle += 1;
            }
            Err(Error::EAGAIN) => break,
            Err(error) => return Err(error.into()),
        }
    }
    socket.settimeout(before)?;
    if sum.count < MOST { Ok(sum) } else { Err(Failure::new("the send buffer is never full")) }
}

/// Whether an error is what a send on a stream without a peer may answer: `EPIPE`,
/// and `ENOTCONN` is tolerated (row 96).
pub(crate) fn no_pipe(error: Error) -> bool {
    matches!(error, Error::EPIPE | Error::ENOTCONN)
}

/// Whether an error is what a send to a peer that is gone may answer (row 98).
pub(crate) fn gone(error: Error) -> bool {
    matches!(error, Error::EPIPE | Error::ECONNRESET)
}
