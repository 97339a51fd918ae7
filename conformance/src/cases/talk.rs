//! A stream or a datagram socket and the peer's script at its other end.

use core::time::Duration;

use usocket_core::{
    Error, Events, Family, POLLIN, PollRef, Pollable, Result, SockAddr, Socket, Timeout, Usocket,
};

use super::setup::{Script, connected, script};
use crate::{Failure, Harness, KitPoll, MAX_STEPS, Step};

/// How long a case waits for what must come.
const PATIENCE: Duration = Duration::from_secs(8);

/// Bytes to fill a send buffer with.
pub(crate) static BLOCK: [u8; 8192] = [b'.'; 8192];

/// A connected stream and the script behind it.
pub(crate) type Talk<'h, H> = (Socket<'h, <H as Harness>::Net>, Script<'h>);

/// A stream to a script that accepts it and then does these steps.
pub(crate) fn talk<'h, H: Harness>(h: &'h H, then: &[Step]) -> Result<Talk<'h, H>> {
    let mut steps = heapless::Vec::<Step, MAX_STEPS>::new();
    let opening = [Step::Listen(Family::V4, 1), Step::Accept];
    for &step in opening.iter().chain(then) {
        steps.push(step).map_err(|_| Error::ENOBUFS)?;
    }
    let peer = script(h, &steps)?;
    Ok((connected(h, &peer)?, peer))
}

/// A stream to a script that stays silent.
pub(crate) fn quiet<H: Harness>(h: &H) -> Result<Talk<'_, H>> {
    talk(h, &[Step::Hold])
}

/// A datagram socket connected to a script that opens one and does these steps.
pub(crate) fn datagrams<'h, H: Harness>(h: &'h H, then: &[Step]) -> Result<Talk<'h, H>> {
    let mut steps = heapless::Vec::<Step, MAX_STEPS>::new();
    for &step in [Step::Udp(Family::V4)].iter().chain(then) {
        steps.push(step).map_err(|_| Error::ENOBUFS)?;
    }
    let peer = script(h, &steps)?;
    let socket = h.net().udp()?;
    socket.connect(peer.address()?)?;
    Ok((socket, peer))
}

/// Waits until `done` says true.
pub(crate) fn until<H: Harness>(h: &H, mut done: impl FnMut() -> bool) -> Result<(), Failure> {
    let limit = h.now() + PATIENCE;
    while !done() {
        if h.now() >= limit {
            return Err(Failure::new("what was waited for did not come"));
        }
        h.pass(Duration::from_millis(5));
    }
    Ok(())
}

/// Waits until `count` bytes, or the end, can be received.
pub(crate) fn arrived<H: Harness>(
    h: &H,
    socket: &Socket<'_, H::Net>,
    count: usize,
) -> Result<(), Failure> {
    let mut buf = [0; 256];
    let mut outcome = Ok(());
    until(h, || {
        let buf = &mut buf[..count];
        match socket.recv_flags(buf, usocket_core::MSG_PEEK | usocket_core::MSG_DONTWAIT) {
            Ok(seen) => seen == 0 || seen == count,
            Err(Error::EAGAIN) => false,
            Err(error) => {
                outcome = Err(error.into());
                true
            }
        }
    })?;
    outcome
}

/// Waits until all of `events` are true of the socket.
pub(crate) fn becomes<H: Harness>(
    h: &H,
    socket: &Socket<'_, H::Net>,
    events: Events,
) -> Result<(), Failure> {
    until(h, || socket.readiness().contains(events))
}

/// Sends until nothing more fits, also after a while; returns how much did. The
/// socket is non-blocking meanwhile and keeps its timeout.
pub(crate) fn fill<H: Harness>(h: &H, socket: &Socket<'_, H::Net>) -> Result<u64, Failure> {
    const MOST: u64 = 64 << 20;
    let before = socket.timeout();
    socket.settimeout(Timeout::Zero)?;
    let (mut total, mut idle) = (0, 0);
    while total < MOST {
        match socket.send(BLOCK) {
            Ok(count) => (total, idle) = (total + count as u64, 0),
            // A host's delayed acknowledgement frees some room a little later.
            Err(Error::EAGAIN) if idle < 2 => {
                h.pass(Duration::from_millis(60));
                idle += 1;
            }
            Err(Error::EAGAIN) => break,
            Err(error) => return Err(error.into()),
        }
    }
    socket.settimeout(before)?;
    if total < MOST { Ok(total) } else { Err(Failure::new("the send buffer is never full")) }
}

/// A poll for `POLLIN` of one socket.
pub(crate) fn watch<'h, H: Harness>(
    h: &'h H,
    socket: &Socket<'h, H::Net>,
) -> Result<KitPoll<'h>, Error> {
    let mut poll = KitPoll::new(h.net());
    poll.register(socket, POLLIN)?;
    Ok(poll)
}

/// The events that a poll finds true of one socket, without waiting.
pub(crate) fn polled<'h, H: Harness>(
    h: &'h H,
    socket: &Socket<'h, H::Net>,
    mask: impl Into<Option<Events>>,
) -> Result<Events, Error> {
    let mut poll = KitPoll::new(h.net());
    h.api().register(&mut poll, socket.poll_ref(), mask.into())?;
    let found = h.api().poll(h.net(), &mut poll, Some(0))?;
    Ok(events_of(&found, socket.poll_ref()))
}

/// The events of one object among those found.
pub(crate) fn events_of(found: &[(PollRef<'_>, Events)], object: PollRef<'_>) -> Events {
    found.iter().find(|(other, _)| other.same(&object)).map_or(Events::NONE, |(_, events)| *events)
}

/// A connect that was started and will not be answered.
pub(crate) fn pending<H: Harness>(h: &H) -> Result<Socket<'_, H::Net>, Failure> {
    starting(h, h.peer().silent(Family::V4))
}

/// A connect that was started, to this address.
pub(crate) fn starting<H: Harness>(h: &H, to: SockAddr) -> Result<Socket<'_, H::Net>, Failure> {
    let socket = h.net().tcp()?;
    socket.setblocking(false)?;
    match socket.connect(to) {
        Ok(()) | Err(Error::EINPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// One number in seconds.
pub(crate) const fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
