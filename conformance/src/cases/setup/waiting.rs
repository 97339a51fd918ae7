//! Waiting for what must come, and how long a call took.

use core::time::Duration;

use usocket_core::{Error, Events, Instant, MSG_DONTWAIT, MSG_PEEK};

use super::Sock;
use crate::{Failure, Harness};

/// How long a case waits for what must come; cases that are about waiting for ever
/// say so.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// A timeout that a case means to see.
pub(crate) const SHORT: Duration = Duration::from_millis(60);

/// How late a timeout may be (rows 73, 154).
pub(crate) const SLACK: Duration = Duration::from_millis(250);

/// Waits until `done` says true.
#[track_caller]
fn until<H: Harness>(h: &H, mut done: impl FnMut() -> bool) -> Result<(), Failure> {
    let limit = h.now() + PATIENCE;
    while !done() {
        if h.now() >= limit {
            return Err(Failure::new("what was waited for did not come"));
        }
        h.pass(Duration::from_millis(5));
    }
    Ok(())
}

/// Waits until all of `events` are true of the socket, and takes nothing.
#[track_caller]
pub(crate) fn becomes<H: Harness>(
    h: &H,
    socket: &Sock<'_, H>,
    events: Events,
) -> Result<(), Failure> {
    until(h, || socket.readiness().contains(events))
}

/// Waits until `count` bytes, or the end, can be received.
#[track_caller]
pub(crate) fn arrived<H: Harness>(
    h: &H,
    socket: &Sock<'_, H>,
    count: usize,
) -> Result<(), Failure> {
    let mut buf = [0; 256];
    let mut outcome = Ok(());
    until(h, || match socket.recv_flags(&mut buf[..count], MSG_PEEK | MSG_DONTWAIT) {
        Ok(seen) => seen == 0 || seen == count,
        Err(Error::EAGAIN) => false,
        Err(error) => {
            outcome = Err(error.into());
            true
        }
    })?;
    outcome
}

/// What `call` answers and how long it took.
pub(crate) fn timed<H: Harness, T>(h: &H, call: impl FnOnce() -> T) -> (T, Duration) {
    let before = h.now();
    let answer = call();
    (answer, h.now().saturating_since(before))
}

/// Whether a call with the timeout `limit` ended when it should.
pub(crate) fn on_time(took: Duration, limit: Duration) -> bool {
    // A host's clocks differ by a fraction of a millisecond.
    took + Duration::from_millis(1) >= limit && took <= limit + SLACK
}

/// Fails unless a call that began at `begun` with the timeout `limit` ended when it
/// should.
#[track_caller]
pub(crate) fn check_took<H: Harness>(
    h: &H,
    begun: Instant,
    limit: Duration,
) -> Result<(), Failure> {
    let took = h.now().saturating_since(begun);
    if on_time(took, limit) {
        Ok(())
    } else {
        Err(took_failure("a call ended at another time", took))
    }
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
