//! One poll over many sockets, a listener, a wake and a timer, and what it sees.

use core::net::Ipv4Addr;
use core::time::Duration;

use usocket::prelude::*;
use usocket::{RawMutex, SockAddr, UserWake};

use crate::Journal;

/// How many times as long as planned all may take where the machine or the modem is slow.
const PATIENCE: usize = 20;

/// What a run of [`poll_many`] saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Datagrams.
    pub datagrams: usize,
    /// Connections.
    pub connections: usize,
    /// Wakes by somebody else.
    pub wakes: usize,
    /// Times that the timer ran out.
    pub ticks: usize,
}

/// What a socket is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Streams.
    Tcp,
    /// Datagrams.
    Udp,
    /// Both, with one port.
    Both,
}

/// Where the sockets of one program meet.
pub trait Neighbourhood {
    /// Where the next socket is bound; port 0 picks one.
    fn place(&mut self, kind: Kind) -> Result<(Ipv4Addr, u16)>;

    /// How other sockets of the program reach the one with this address.
    fn reach(&self, local: SockAddr) -> SockAddr;
}

/// They meet at 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub struct Loopback;

impl Neighbourhood for Loopback {
    fn place(&mut self, _: Kind) -> Result<(Ipv4Addr, u16)> {
        Ok((Ipv4Addr::LOCALHOST, 0))
    }

    fn reach(&self, local: SockAddr) -> SockAddr {
        local
    }
}

/// Watches `SOCKETS` UDP sockets, a listener and `wake` in one poll for `ticks` ticks
/// of `tick` each, and tells the journal what became ready and when.
///
/// `ENTRIES` must be `SOCKETS + 2`. The traffic is its own: at the start and at
/// each tick but the last one socket sends to three others, and a client connects. Whoever else may use `wake`: a
/// thread, a task, an interrupt handler.
pub fn poll_many<'b, B: Backend, M: RawMutex, const SOCKETS: usize, const ENTRIES: usize>(
    net: &'b B,
    around: &mut impl Neighbourhood,
    wake: &'b UserWake<M>,
    tick: Duration,
    ticks: usize,
    journal: &mut impl Journal,
) -> Result<Seen> {
    const { assert!(ENTRIES == SOCKETS + 2, "room for the sockets, the listener and the wake") };
    let mut poll = Poll::<'b, ENTRIES>::new(net);
    let mut sockets = heapless::Vec::<_, SOCKETS>::new();
    for _ in 0..SOCKETS {
        let s = net.udp()?;
        s.bind(around.place(Kind::Udp)?)?;
        poll.register(&s, POLLIN)?;
        let _ = sockets.push(s);
    }
    let listener = net.tcp()?;
    listener.bind(around.place(Kind::Tcp)?)?;
    listener.listen(None)?;
    poll.register(&listener, POLLIN)?;
    poll.register(wake, POLLIN)?;

    let platform = net.platform();
    let start = platform.now();
    let since = || platform.now().saturating_since(start).as_millis();
    let mut seen = Seen::default();
    let mut next_tick = start + tick;
    let mut turns = 0;
    let mut rounds = usize::from(traffic(net, around, &sockets, &listener, 0)?);
    while seen.ticks < ticks || seen.connections < rounds || rounds < ticks {
        if turns > ticks * PATIENCE {
            return Err(Error::ETIMEDOUT);
        }
        // The timer is the poll's own time-out.
        let left = next_tick.saturating_since(platform.now());
        let ms = i32::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
        for ready in poll.poll(ms)? {
            if ready.is(wake) {
                wake.clear();
                seen.wakes += 1;
                journal.line(format_args!("{:6} ms  {:?}  wake", since(), ready.events));
            } else if ready.is(&listener) {
                let (_, peer) = listener.accept()?;
                seen.connections += 1;
                journal.line(format_args!(
                    "{:6} ms  {:?}  connection from {peer}",
                    since(),
                    ready.events
                ));
            } else if let Some(at) = sockets.iter().position(|s| ready.is(s)) {
                let mut buf = [0; 32];
                let (len, from) = sockets[at].recvfrom(&mut buf)?;
                seen.datagrams += 1;
                let text = core::str::from_utf8(&buf[..len]).unwrap_or("?");
                journal.line(format_args!(
                    "{:6} ms  {:?}  socket {at}: {text:?} from {from}",
                    since(),
                    ready.events
                ));
            }
        }
        if platform.now() >= next_tick {
            next_tick = next_tick + tick;
            journal.line(format_args!("{:6} ms  tick {turns}", since()));
            turns += 1;
            seen.ticks = turns.min(ticks);
            if rounds < ticks && seen.connections == rounds {
                rounds += usize::from(traffic(net, around, &sockets, &listener, rounds)?);
            }
        }
    }
    Ok(seen)
}

/// One socket writes to three others, and somebody connects and leaves again. `false`: there is
/// no room yet for both ends of the connection. A modem has five links, and those of the last
/// round may still be closing.
fn traffic<B: Backend>(
    net: &B,
    around: &impl Neighbourhood,
    sockets: &[Socket<'_, B>],
    listener: &Socket<'_, B>,
    round: usize,
) -> Result<bool> {
    let client = net.tcp()?;
    match client.connect(around.reach(listener.local_addr()?)) {
        Ok(()) => {}
        Err(Error::ENOBUFS | Error::ECONNREFUSED) => return Ok(false),
        Err(error) => return Err(error),
    }
    if let Some(sender) = sockets.get(round % sockets.len().max(1)) {
        for step in [1, 5, 11] {
            let to = &sockets[(round + step) % sockets.len()];
            sender.sendto("hello", around.reach(to.local_addr()?))?;
        }
    }
    Ok(true)
}
