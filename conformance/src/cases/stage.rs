//! What cases share: a peer's part, a connected stream, data, and time.

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use usocket_core::{
    Error, Family, Instant, POLLIN, SO_SNDBUF, SOL_SOCKET, SockAddr, Socket, Usocket,
};

use crate::{Actor, Digest, End, Failure, Harness, Outcome, Report, Step, pattern, unsupported};

/// How long a call of a case waits before the case fails; cases that are about
/// waiting for ever say so.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A timeout that a case means to see.
pub(crate) const SHORT: Duration = Duration::from_millis(60);

/// How late a timeout may be (row 154).
pub(crate) const GRACE: Duration = Duration::from_millis(250);

/// More than a peer and a backend buffer: the pattern's first 64 KiB.
pub(crate) static BULK: [u8; 65_536] = bulk();

const fn bulk() -> [u8; 65_536] {
    let mut bytes = [0; 65_536];
    let mut at = 0;
    while at < bytes.len() {
        bytes[at] = pattern(at as u64);
        at += 1;
    }
    bytes
}

/// A socket of the harness `H`.
pub(crate) type Sock<'h, H> = Socket<'h, <H as Harness>::Net>;

/// The peer's part in a case; it ends with the case.
pub(crate) struct Part<'h, H: Harness> {
    h: &'h H,
    actor: Actor,
}

impl<'h, H: Harness> Part<'h, H> {
    /// Starts a script.
    pub(crate) fn start(h: &'h H, steps: &[Step]) -> Result<Self, Failure> {
        Ok(Self { h, actor: h.peer().start(steps)? })
    }

    /// Starts a script of a connection: the peer listens, accepts one, and goes
    /// on with `steps`.
    pub(crate) fn server(h: &'h H, steps: &[Step]) -> Result<Self, Failure> {
        let mut script: heapless::Vec<Step, { crate::MAX_STEPS }> = heapless::Vec::new();
        let begin = [Step::Listen(Family::V4, 1), Step::Accept];
        for step in begin.iter().chain(steps) {
            script.push(*step).map_err(|_| Failure::new("the script is too long"))?;
        }
        Self::start(h, &script)
    }

    /// Where it listens, or is bound.
    pub(crate) fn address(&self) -> Result<SockAddr, Failure> {
        Ok(self.h.peer().address(self.actor)?)
    }

    /// What it has seen once it holds or is done.
    pub(crate) fn settle(&self) -> Report {
        self.h.peer().settle(self.actor)
    }
}

impl<H: Harness> Drop for Part<'_, H> {
    fn drop(&mut self) {
        self.h.peer().stop(self.actor);
    }
}

/// A stream connected to a peer that goes through `steps`. It buffers little to
/// send where the backend can be told so, and waits no longer than [`PATIENCE`].
pub(crate) fn connected<'h, H: Harness>(
    h: &'h H,
    steps: &[Step],
) -> Result<(Sock<'h, H>, Part<'h, H>), Failure> {
    let part = Part::server(h, steps)?;
    let socket = h.net().tcp()?;
    // A size is a wish: a backend without the option has small buffers anyway.
    let _ = socket.setsockopt(SOL_SOCKET, SO_SNDBUF, 4096);
    socket.settimeout(PATIENCE)?;
    socket.connect(part.address()?)?;
    Ok((socket, part))
}

/// A datagram socket bound to our address, where the peer can reach it.
pub(crate) fn bound_udp<H: Harness>(h: &H) -> Result<(Sock<'_, H>, SockAddr), Failure> {
    let socket = h.net().udp()?;
    let ip = our_ip(h)?;
    socket.bind((ip, 0))?;
    socket.settimeout(PATIENCE)?;
    let address = SockAddr::new(ip, socket.local_addr()?.port());
    Ok((socket, address))
}

/// Our IPv4 address.
pub(crate) fn our_ip<H: Harness>(h: &H) -> Result<IpAddr, Failure> {
    h.ip(Family::V4).ok_or_else(|| Failure::new("the harness has IPv4"))
}

/// An address that no interface has (RFC 5737).
pub(crate) fn foreign_ip() -> IpAddr {
    Ipv4Addr::new(192, 0, 2, 77).into()
}

/// The answer of a backend without datagrams.
pub(crate) fn no_udp<H: Harness>(h: &H) -> Outcome {
    unsupported(h.net().udp().map(|_| ()), Error::EOPNOTSUPP)
}

/// The answer of a backend that cannot serve.
pub(crate) fn no_server<H: Harness>(h: &H) -> Outcome {
    unsupported(h.net().tcp()?.listen(1), Error::EOPNOTSUPP)
}

/// A part of the pattern: what was sent, for comparing with what arrived.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) count: u64,
    pub(crate) digest: Digest,
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

impl crate::Found for Sum {
    fn number(&self) -> Option<i64> {
        i64::try_from(self.count).ok()
    }
}

/// Sends without blocking until nothing fits any more, and stays non-blocking.
/// Takes about 0.15 s: what is acknowledged meanwhile makes room again.
pub(crate) fn fill<H: Harness>(h: &H, socket: &Sock<'_, H>) -> Result<Sum, Failure> {
    socket.setblocking(false)?;
    let mut sum = Sum::default();
    for _ in 0..15 {
        fill_once::<H>(socket, &mut sum)?;
        h.pass(Duration::from_millis(10));
    }
    fill_once::<H>(socket, &mut sum)?;
    Ok(sum)
}

fn fill_once<H: Harness>(socket: &Sock<'_, H>, sum: &mut Sum) -> Result<(), Failure> {
    while sum.count < 1 << 24 {
        match socket.send(&BULK[..1024]) {
            Ok(count @ 1..=1024) => sum.add(&BULK[..count]),
            Ok(_) => return Err(Failure::new("a send took nothing, or more than there was")),
            Err(Error::EAGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::new("the send buffer never fills"))
}

/// Receives to the end of the stream; fails unless it is the pattern.
pub(crate) fn drain_pattern<H: Harness>(socket: &Sock<'_, H>) -> Result<u64, Failure> {
    let mut buf = [0; 512];
    let mut total = 0;
    loop {
        let count = socket.recv(&mut buf)?;
        if count == 0 {
            return Ok(total);
        }
        check_pattern(&buf[..count], total)?;
        total += count as u64;
    }
}

/// Fails unless these are the bytes of the pattern from `offset` on.
#[track_caller]
pub(crate) fn check_pattern(bytes: &[u8], offset: u64) -> Result<(), Failure> {
    if bytes.iter().zip(offset..).all(|(byte, at)| *byte == pattern(at)) {
        Ok(())
    } else {
        Err(Failure::new("bytes differ from what was sent"))
    }
}

/// Waits until something can be received, without receiving it.
pub(crate) fn until_readable<H: Harness>(h: &H, socket: &Sock<'_, H>) -> Result<(), Failure> {
    let until = h.now() + PATIENCE;
    while !socket.readiness().intersects(POLLIN) {
        if h.now() >= until {
            return Err(Failure::new("nothing became readable"));
        }
        h.pass(Duration::from_millis(5));
    }
    Ok(())
}

/// Fails unless the time from `begun` to now is `time`, and not much more.
#[track_caller]
pub(crate) fn check_took<H: Harness>(h: &H, begun: Instant, time: Duration) -> Result<(), Failure> {
    let took = h.now().saturating_since(begun);
    // The clock of the backend and that of its timer may differ by a tick.
    if took + Duration::from_millis(1) < time {
        return Err(took_failure("a call ended before its time", took));
    }
    if took > time + GRACE {
        return Err(took_failure("a call ended long after its time", took));
    }
    Ok(())
}

/// Fails if more than `limit` has passed since `begun`.
#[track_caller]
pub(crate) fn check_within<H: Harness>(
    h: &H,
    begun: Instant,
    limit: Duration,
) -> Result<(), Failure> {
    let took = h.now().saturating_since(begun);
    if took > limit { Err(took_failure("a call took too long", took)) } else { Ok(()) }
}

#[track_caller]
fn took_failure(what: &'static str, took: Duration) -> Failure {
    Failure { found: i64::try_from(took.as_millis()).ok(), ..Failure::new(what) }
}

/// Fails unless the stream ended like this.
#[track_caller]
pub(crate) fn check_end(report: &Report, end: End) -> Result<(), Failure> {
    if report.end == end { Ok(()) } else { Err(Failure::new("the peer saw another end")) }
}

/// Whether an error is what a send on a stream without a peer may answer: `EPIPE`,
/// and `ENOTCONN` is tolerated (row 96).
pub(crate) fn no_pipe(error: Error) -> bool {
    matches!(error, Error::EPIPE | Error::ENOTCONN)
}

/// Whether an error is what a send to a peer that is gone may answer (row 98).
pub(crate) fn dead(error: Error) -> bool {
    matches!(error, Error::EPIPE | Error::ECONNRESET)
}
