//! Pairs of buffers, each with the stack's TCP socket that owns them for good.

#[cfg(feature = "slow-peers")]
use core::cell::Cell;
use core::ops::{Deref, DerefMut, Index, IndexMut};

use smoltcp::iface::{SocketHandle, SocketSet};
use smoltcp::socket::tcp;
use usocket_core::spi::Handle;

use smoltcp::wire::IpEndpoint;
use usocket_core::{Error, Instant};

use crate::address::UNSPECIFIED;
#[cfg(feature = "bulk")]
use crate::frame::Key;
#[cfg(feature = "slow-peers")]
use crate::frame::Window;
#[cfg(feature = "slow-peers")]
use crate::time::Span;

/// Who holds a pair.
///
/// ```text
///          connect                 close, nothing unread           FIN and bytes are out
/// Free ------------> Socket ------------------------------> Closing ------------------> Free
///   |   SYN replayed    ^   close with unread data, abort                                 ^
///   +-----> Pending ----+---------------------------------> Resetting --------------------+
///                accept                                        RST is out
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    Free,
    /// A socket of the user.
    Socket(Handle),
    /// It waits in the backlog of this listener.
    #[cfg_attr(not(feature = "server"), expect(dead_code, reason = "there are none"))]
    Pending(Handle, #[cfg(not(feature = "server"))] core::convert::Infallible),
    /// Closed; what is queued still goes out, until this time at the latest (S17).
    Closing(Instant),
    /// Its RST is about to go out, until this time at the latest.
    Resetting(Instant),
}

/// One pair.
pub(crate) struct Pair<'a> {
    /// The stack's socket while the stack does not see it: unused, or taken away from it
    /// so that it keeps what the user has not read (R1).
    home: Option<tcp::Socket<'a>>,
    /// Where the stack keeps it else.
    place: Option<SocketHandle>,
    pub(crate) owner: Owner,
    pub(crate) local: IpEndpoint,
    pub(crate) remote: IpEndpoint,
    #[cfg(feature = "bulk")]
    /// The same two, as they are in the segments of the peer.
    pub(crate) key: Key,
    #[cfg(feature = "bulk")]
    /// Connected and nothing special about it: no probe, no end, nobody slow. Then its
    /// segments need nothing but `step_streams`.
    pub(crate) plain: bool,
    /// What the holder must be told, once (S13).
    pub(crate) error: Option<Error>,
    /// The connection was lost: by a reset, the link, or time.
    pub(crate) dead: bool,
    /// `shutdown(Read)` was called.
    pub(crate) read_shut: bool,
    /// The state when it was last looked at, and since when it is so.
    pub(crate) state: tcp::State,
    pub(crate) since: Instant,
    /// Order of arrival at the listener (row 74).
    #[cfg(feature = "server")]
    pub(crate) order: u64,
    /// Set by the gate when a SYN came: the peer begins anew.
    #[cfg(feature = "server")]
    pub(crate) doubted: Cell<bool>,
    #[cfg(feature = "slow-peers")]
    /// Bytes that the peer has not acknowledged, and since when there are as many.
    pub(crate) unacked: usize,
    #[cfg(feature = "slow-peers")]
    pub(crate) stuck_since: Instant,
    #[cfg(feature = "slow-peers")]
    /// Set by the gate when anything of the peer came.
    pub(crate) heard: Cell<bool>,
    #[cfg(feature = "slow-peers")]
    pub(crate) heard_at: Instant,
    #[cfg(feature = "slow-peers")]
    /// How much the peer takes, from what it has acknowledged on: the field of its segments,
    /// and by how many bits that is shifted.
    window: Cell<u16>,
    #[cfg(feature = "slow-peers")]
    scale: Cell<u8>,
    #[cfg(feature = "slow-peers")]
    /// Our direction is ended for the user.
    pub(crate) write_shut: bool,
    #[cfg(feature = "slow-peers")]
    /// The stack has been told to send FIN.
    fin: bool,
    #[cfg(feature = "slow-peers")]
    /// How often the stack probes the peer while nothing else is sent.
    probes: Option<Span>,
    /// Whether nobody has acknowledged anything for some time.
    #[cfg(feature = "neighbours")]
    pub(crate) slow: bool,
    /// Set on the way out when a SYN went by: it did not wait for a neighbour.
    #[cfg(feature = "neighbours")]
    pub(crate) asked: Cell<bool>,
    /// Since when the peer is asked whether it is still there.
    #[cfg(feature = "keep-alive")]
    pub(crate) probing: Option<Instant>,
    /// An ICMP message said why the peer cannot be reached.
    #[cfg(feature = "unreachable")]
    pub(crate) hint: Cell<Option<Error>>,
}

pub(crate) const NOWHERE: IpEndpoint = IpEndpoint::new(UNSPECIFIED, 0);

impl<'a> Pair<'a> {
    /// A pair without buffers: one is put in by `equip`.
    pub(crate) const fn new() -> Self {
        Self {
            home: None,
            place: None,
            owner: Owner::Free,
            local: NOWHERE,
            remote: NOWHERE,
            #[cfg(feature = "bulk")]
            key: Key::NONE,
            #[cfg(feature = "bulk")]
            plain: false,
            error: None,
            dead: false,
            read_shut: false,
            state: tcp::State::Closed,
            since: Instant::ZERO,
            #[cfg(feature = "server")]
            order: 0,
            #[cfg(feature = "server")]
            doubted: Cell::new(false),
            #[cfg(feature = "slow-peers")]
            unacked: 0,
            #[cfg(feature = "slow-peers")]
            stuck_since: Instant::ZERO,
            #[cfg(feature = "slow-peers")]
            heard: Cell::new(false),
            #[cfg(feature = "slow-peers")]
            heard_at: Instant::ZERO,
            #[cfg(feature = "slow-peers")]
            window: Cell::new(0),
            #[cfg(feature = "slow-peers")]
            scale: Cell::new(0),
            #[cfg(feature = "slow-peers")]
            write_shut: false,
            #[cfg(feature = "slow-peers")]
            fin: false,
            #[cfg(feature = "slow-peers")]
            probes: None,
            #[cfg(feature = "neighbours")]
            slow: false,
            #[cfg(feature = "neighbours")]
            asked: Cell::new(false),
            #[cfg(feature = "keep-alive")]
            probing: None,
            #[cfg(feature = "unreachable")]
            hint: Cell::new(None),
        }
    }

    pub(crate) fn equip(&mut self, rx: &'a mut [u8], tx: &'a mut [u8]) {
        let buffers = (tcp::SocketBuffer::new(rx), tcp::SocketBuffer::new(tx));
        self.home = Some(tcp::Socket::new(buffers.0, buffers.1));
    }

    #[inline]
    pub(crate) fn tcp<'s>(&'s self, set: &'s SocketSet<'a>) -> &'s tcp::Socket<'a> {
        match (self.place, &self.home) {
            (Some(place), _) => set.get(place),
            (None, Some(home)) => home,
            // `equip` came first, and `show` and `hide` move it from one to the other.
            (None, None) => unreachable!("a pair has its socket"),
        }
    }

    #[inline]
    pub(crate) fn tcp_mut<'s>(&'s mut self, set: &'s mut SocketSet<'a>) -> &'s mut tcp::Socket<'a> {
        match (self.place, &mut self.home) {
            (Some(place), _) => set.get_mut(place),
            (None, Some(home)) => home,
            (None, None) => unreachable!("a pair has its socket"),
        }
    }

    /// Whether the stack sees it.
    pub(crate) fn shown(&self) -> bool {
        self.place.is_some()
    }

    /// Gives it to the stack. The set has a place for each pair.
    pub(crate) fn show(&mut self, set: &mut SocketSet<'a>) {
        if let Some(socket) = self.home.take() {
            self.place = Some(set.add(socket));
        }
    }

    /// Takes it away from the stack, with what the user has not read.
    pub(crate) fn hide(&mut self, set: &mut SocketSet<'a>) {
        if let Some(place) = self.place.take()
            && let smoltcp::socket::Socket::Tcp(socket) = set.remove(place)
        {
            self.home = Some(socket);
        }
    }

    /// Takes it away and forgets the connection; no segment tells the peer.
    pub(crate) fn free(&mut self, set: &mut SocketSet<'a>) {
        self.hide(set);
        if let Some(socket) = &mut self.home {
            // The next connection clears the rest.
            socket.abort();
        }
        self.owner = Owner::Free;
        self.state = tcp::State::Closed;
        self.local = NOWHERE;
        self.remote = NOWHERE;
        #[cfg(feature = "bulk")]
        {
            self.key = Key::NONE;
            self.plain = false;
        }
    }

    /// Begins a new connection's bookkeeping.
    pub(crate) fn begin(
        &mut self,
        owner: Owner,
        local: IpEndpoint,
        remote: IpEndpoint,
        now: Instant,
    ) {
        self.owner = owner;
        self.local = local;
        self.remote = remote;
        self.error = None;
        self.dead = false;
        self.read_shut = false;
        self.since = now;
        #[cfg(feature = "bulk")]
        {
            self.key = Key::new(remote, local);
            self.plain = false;
        }
        #[cfg(feature = "server")]
        self.doubted.set(false);
        #[cfg(feature = "slow-peers")]
        {
            self.unacked = 0;
            self.stuck_since = now;
            self.heard.set(false);
            self.heard_at = now;
            self.window.set(0);
            self.scale.set(0);
            self.write_shut = false;
            self.fin = false;
            self.probes = None;
        }
        #[cfg(feature = "neighbours")]
        {
            self.slow = false;
            self.asked.set(false);
        }
        #[cfg(feature = "keep-alive")]
        {
            self.probing = None;
        }
        #[cfg(feature = "unreachable")]
        self.hint.set(None);
    }

    #[cfg(not(feature = "slow-peers"))]
    /// Ends our direction.
    pub(crate) fn finish(&mut self, set: &mut SocketSet<'a>) {
        self.tcp_mut(set).close();
    }

    /// The holder is told that the connection is lost, unless both directions have ended in
    /// order. What was received stays.
    pub(crate) fn lose(&mut self, error: Error, set: &mut SocketSet<'a>) {
        self.hide(set);
        if self.state != tcp::State::TimeWait {
            self.dead = true;
            self.error = Some(error);
        }
    }

    #[cfg(feature = "slow-peers")]
    /// Why the peer cannot be reached, if somebody said so.
    pub(crate) fn hint(&self) -> Option<Error> {
        #[cfg(feature = "unreachable")]
        return self.hint.get();
        #[cfg(not(feature = "unreachable"))]
        None
    }

    pub(crate) fn is_free(&self) -> bool {
        matches!(self.owner, Owner::Free)
    }

    /// Whether it is a connection between these addresses: one that is lost or over is none.
    pub(crate) fn connects(&self, local: IpEndpoint, remote: IpEndpoint) -> bool {
        self.shown() && self.local == local && self.remote == remote
    }
}

/// Patience with peers that take nothing.
#[cfg(feature = "slow-peers")]
impl<'a> Pair<'a> {
    /// A segment of the peer came.
    #[inline]
    pub(crate) fn hear(&self, window: Window) {
        self.heard.set(true);
        if let Some(scale) = window.scale {
            // That of a SYN is not scaled itself.
            self.window.set(window.field >> scale);
            self.scale.set(scale);
        } else {
            self.window.set(window.field);
        }
    }

    /// Notes how many bytes the peer has not acknowledged, and whether it was heard.
    #[inline]
    pub(crate) fn note_progress(&mut self, unacked: usize, now: Instant) -> bool {
        let heard = self.heard.take();
        if heard || unacked < self.unacked || self.unacked == 0 {
            self.stuck_since = now;
        }
        self.unacked = unacked;
        if heard {
            self.heard_at = now;
        }
        heard
    }

    /// Ends our direction. The stack sends FIN as soon as all bytes are sent, also where the
    /// peer's window ends with them; then nothing that follows is in the window, and a peer
    /// that takes nothing does not even see what we acknowledge. So FIN waits for its room.
    pub(crate) fn finish(&mut self, set: &mut SocketSet<'a>) {
        self.write_shut = true;
        if self.fin {
            return;
        }
        let room = usize::from(self.window.get()) << self.scale.get();
        let socket = self.tcp_mut(set);
        if socket.send_queue() < room {
            socket.close();
            self.fin = true;
        }
    }

    /// Sets how often the stack probes the peer, at once for the first time.
    pub(crate) fn probe(&mut self, interval: Option<Span>, set: &mut SocketSet<'a>) {
        if self.probes != interval {
            self.probes = interval;
            self.tcp_mut(set).set_keep_alive(interval.map(Span::for_stack));
        }
    }

    /// Asks a peer that begins anew, until the question is out: one that has forgotten the connection answers with RST.
    #[cfg(feature = "server")]
    pub(crate) fn ask_again(&mut self, set: &mut SocketSet<'a>) {
        if matches!(self.state, tcp::State::SynSent | tcp::State::SynReceived) {
            self.doubted.set(false);
        }
        if !self.doubted.get() {
            return;
        }
        let probes = self.probes;
        // One question now, whatever follows.
        self.probe(None, set);
        self.probe(Some(Span::from_secs(1)), set);
        self.probe(probes, set);
    }

    /// Whether what goes out and looks like a probe is one.
    pub(crate) fn is_probed(&self) -> bool {
        #[cfg(feature = "server")]
        if self.doubted.take() {
            return true;
        }
        self.is_slow()
    }

    /// Whether it is probed for more than a SYN.
    pub(crate) fn is_slow(&self) -> bool {
        self.probes.is_some()
    }

    /// Whether FIN waits for the peer's window.
    pub(crate) fn fin_waits(&self) -> bool {
        self.write_shut && !self.fin
    }
}

/// All pairs. Indexed by a function of their own, so that a small image checks the index once
/// and not wherever it is used.
pub(crate) struct Pairs<'a>(pub(crate) &'a mut [Pair<'a>]);

impl<'a> Index<usize> for Pairs<'a> {
    type Output = Pair<'a>;

    fn index(&self, index: usize) -> &Pair<'a> {
        &self.0[index]
    }
}

impl<'a> IndexMut<usize> for Pairs<'a> {
    fn index_mut(&mut self, index: usize) -> &mut Pair<'a> {
        &mut self.0[index]
    }
}

impl<'a> Deref for Pairs<'a> {
    type Target = [Pair<'a>];

    fn deref(&self) -> &[Pair<'a>] {
        self.0
    }
}

impl<'a> DerefMut for Pairs<'a> {
    fn deref_mut(&mut self) -> &mut [Pair<'a>] {
        self.0
    }
}

/// Whether the peer has ended its direction: nothing follows what is here.
pub(crate) fn at_end(socket: &tcp::Socket<'_>) -> bool {
    matches!(
        socket.state(),
        tcp::State::CloseWait
            | tcp::State::LastAck
            | tcp::State::Closing
            | tcp::State::TimeWait
            | tcp::State::Closed
    )
}

#[cfg(feature = "slow-peers")]
/// Whether our direction is ended, and FIN or bytes before it may still be on their way.
pub(crate) fn ending(state: tcp::State) -> bool {
    matches!(state, tcp::State::FinWait1 | tcp::State::Closing | tcp::State::LastAck)
}
