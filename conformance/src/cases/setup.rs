//! What many cases begin with, and how they look at time.

use core::net::IpAddr;
use core::time::Duration;

use usocket_core::{Error, Family, Result, SockAddr, Socket, Usocket};

use crate::{Actor, Failure, Harness, Outcome, Peer, Report, State, Step, unsupported};

/// How late a timeout may be (rows 73, 154).
pub(crate) const SLACK: Duration = Duration::from_millis(250);

/// How long a case waits for what must come.
const PATIENCE: Duration = Duration::from_secs(8);

/// A running script, stopped when dropped, so that a failed case leaves nothing.
pub(crate) struct Script<'h> {
    peer: &'h dyn Peer,
    pub(crate) actor: Actor,
}

impl Script<'_> {
    pub(crate) fn address(&self) -> Result<SockAddr> {
        self.peer.address(self.actor)
    }

    pub(crate) fn report(&self) -> Report {
        self.peer.report(self.actor)
    }

    pub(crate) fn settle(&self) -> Report {
        self.peer.settle(self.actor)
    }

    /// Waits until the script is at this step or beyond, or failed.
    pub(crate) fn reaches<H: Harness>(&self, h: &H, step: usize) -> bool {
        let until = h.now() + PATIENCE;
        loop {
            match self.report().state {
                State::Done => return true,
                State::Failed(..) => return false,
                State::Running(at) if at >= step => return true,
                State::Running(_) if h.now() >= until => return false,
                State::Running(_) => h.pass(Duration::from_millis(10)),
            }
        }
    }
}

impl Drop for Script<'_> {
    fn drop(&mut self) {
        self.peer.stop(self.actor);
    }
}

/// Starts a script of the peer.
pub(crate) fn script<'h, H: Harness>(h: &'h H, steps: &[Step]) -> Result<Script<'h>> {
    let peer = h.peer();
    Ok(Script { peer, actor: peer.start(steps)? })
}

/// The families of the backend.
pub(crate) fn families<H: Harness>(h: &H) -> impl Iterator<Item = Family> + use<H> {
    let ipv6 = h.caps().ipv6;
    [Family::V4, Family::V6].into_iter().filter(move |&family| family == Family::V4 || ipv6)
}

/// Our own address.
pub(crate) fn own_ip<H: Harness>(h: &H, family: Family) -> Result<IpAddr, Failure> {
    h.ip(family).ok_or_else(|| Failure::new("the harness has no address of this family"))
}

/// A new IPv4 stream.
pub(crate) fn stream<H: Harness>(h: &H) -> Result<Socket<'_, H::Net>> {
    h.net().tcp()
}

/// A stream connected to a script whose first steps are `Listen`, `Accept`.
pub(crate) fn connected<'h, H: Harness>(h: &'h H, peer: &Script<'_>) -> Result<Socket<'h, H::Net>> {
    let socket = stream(h)?;
    socket.connect(peer.address()?)?;
    Ok(socket)
}

/// A socket bound to a free port of our own address.
pub(crate) fn bound<H: Harness>(
    h: &H,
    family: Family,
    socktype: i32,
) -> Result<Socket<'_, H::Net>, Failure> {
    let socket = h.net().socket(family.number(), socktype)?;
    socket.bind((own_ip(h, family)?, 0))?;
    Ok(socket)
}

/// A listener on a free port of our own address.
pub(crate) fn listening<H: Harness>(
    h: &H,
    backlog: Option<i32>,
) -> Result<Socket<'_, H::Net>, Failure> {
    let socket = bound(h, Family::V4, usocket_core::SOCK_STREAM)?;
    socket.listen(backlog)?;
    Ok(socket)
}

/// Where the peer reaches a socket of ours, also one bound to the wildcard.
pub(crate) fn reached<H: Harness>(h: &H, socket: &Socket<'_, H::Net>) -> Result<SockAddr, Failure> {
    Ok(SockAddr::new(own_ip(h, socket.family())?, socket.local_addr()?.port()))
}

/// The whole case on a backend without server sockets: `bind` says so (row 59).
pub(crate) fn without_server<H: Harness>(h: &H) -> Option<Outcome> {
    (!h.caps().server).then(|| {
        let bound = stream(h).and_then(|socket| socket.bind(("", 0)));
        unsupported(bound, Error::EOPNOTSUPP)
    })
}

/// The whole case on a backend without datagrams: there is no such socket.
pub(crate) fn without_udp<H: Harness>(h: &H) -> Option<Outcome> {
    (!h.caps().udp).then(|| unsupported(h.net().udp().map(|_| ()), Error::EOPNOTSUPP))
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
