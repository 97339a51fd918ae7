//! Programs on the hosts that a test drives step by step from outside.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

use super::flow::Timer;
use super::script::{Script, Step};
use super::virtual_net::VirtualNet;
use super::{Conn, Family};
use crate::time::Instant;

/// Where a connection is, as its peer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PeerState {
    /// It does not stand yet.
    Opening,
    /// It stands.
    Open,
    /// The modem's FIN has come: what is readable now is all there will be.
    Finished,
    /// The modem has refused or reset it, or the peer has.
    Reset,
}

/// The peers of a [`VirtualNet`] at one time; see [`VirtualNet::peers`].
///
/// Nothing here waits. What a peer does takes effect at this time, and what it causes
/// arrives after half a round trip: advance the modem, then look again.
///
/// ```
/// use std::time::Duration;
///
/// use esp8285_sim::net::{PeerState, VirtualNet};
/// use esp8285_sim::{AccessPoint, Air, Instant, Knobs, Modem, Version};
///
/// let air = Air::with(AccessPoint::new(b"net", b"password"));
/// let mut modem = Modem::new(Version::V2_2, Knobs::default(), air, VirtualNet::new(1));
/// let mut now = Instant::from_millis(500);
/// let at = modem.net_mut().peers(now).listen(([10, 0, 0, 9], 80).into());
/// for line in ["AT+CWJAP=\"net\",\"password\"\r\n", "AT+CIPSTART=\"TCP\",\"10.0.0.9\",80\r\n"] {
///     modem.handle_rx(now, line.as_bytes());
///     now = now + Duration::from_secs(5);
///     modem.advance(now);
/// }
///
/// let mut peers = modem.net_mut().peers(now);
/// let conn = peers.accept(at).expect("the modem has connected");
/// assert_eq!(peers.state(conn), PeerState::Open);
/// peers.send(conn, b"hello");
/// peers.fin(conn);
/// ```
#[derive(Debug)]
pub struct Peers<'a> {
    net: &'a mut VirtualNet,
    now: Instant,
}

impl<'a> Peers<'a> {
    pub(super) fn new(net: &'a mut VirtualNet, now: Instant) -> Self {
        Self { net, now }
    }

    /// Listens there, port 0 for any; where exactly is the result. A host that is not
    /// known is added as [`Host::default`](super::Host::default). Does nothing if somebody listens there already.
    pub fn listen(&mut self, at: SocketAddr) -> SocketAddr {
        let at = self.place(at);
        self.net.listeners.entry(at).or_default();
        at
    }

    /// Listens there no longer. Clients that were not accepted are reset.
    pub fn unlisten(&mut self, at: SocketAddr) {
        for conn in self.net.listeners.remove(&at).unwrap_or_default() {
            self.reset(conn);
        }
    }

    /// The next connection that the modem has opened to there.
    pub fn accept(&mut self, at: SocketAddr) -> Option<Conn> {
        self.net.listeners.get_mut(&at).and_then(VecDeque::pop_front)
    }

    /// Sets out to the modem's server from there, port 0 for any. `None` if nobody listens.
    pub fn connect(&mut self, from: SocketAddr, port: u16) -> Option<Conn> {
        let from = self.place(from);
        self.net.dial(self.now, from, port, Script::sink())
    }

    /// Where the connection is.
    #[must_use]
    pub fn state(&self, conn: Conn) -> PeerState {
        match self.net.tcp.get(&conn) {
            None => PeerState::Reset,
            Some(tcp) if tcp.was_reset => PeerState::Reset,
            Some(tcp) if tcp.finished => PeerState::Finished,
            Some(tcp) if tcp.open => PeerState::Open,
            Some(_) => PeerState::Opening,
        }
    }

    /// The peer's address and, if the modem has one, the modem's.
    #[must_use]
    pub fn addresses(&self, conn: Conn) -> Option<(SocketAddr, SocketAddr)> {
        let tcp = self.net.tcp.get(&conn)?;
        let own = self.net.address(Family::of(tcp.peer.ip()))?;
        Some((tcp.peer, SocketAddr::new(own, tcp.local_port)))
    }

    /// Queues bytes for the modem.
    pub fn send(&mut self, conn: Conn, data: &[u8]) {
        self.net.tell(self.now, conn, Step::Send(data.to_vec()));
    }

    /// How many queued bytes the modem's window has not let out yet.
    #[must_use]
    pub fn unsent(&self, conn: Conn) -> usize {
        self.net.tcp.get(&conn).map_or(0, |tcp| tcp.queue.len())
    }

    /// How many bytes have left for the modem.
    #[must_use]
    pub fn sent(&self, conn: Conn) -> u64 {
        self.net.tcp.get(&conn).map_or(0, |tcp| tcp.sent)
    }

    /// How many bytes [`recv`](Self::recv) would give.
    #[must_use]
    pub fn readable(&self, conn: Conn) -> usize {
        self.net.tcp.get(&conn).map_or(0, |tcp| tcp.received.len() - tcp.read)
    }

    /// Reads up to `max` bytes, and opens the window by as many.
    pub fn recv(&mut self, conn: Conn, max: usize) -> Vec<u8> {
        let Some(tcp) = self.net.tcp.get_mut(&conn) else { return Vec::new() };
        let before = tcp.acknowledged();
        let end = tcp.received.len().min(tcp.read.saturating_add(max));
        let data = tcp.received[tcp.read..end].to_vec();
        tcp.read = end;
        if tcp.acknowledged() > before {
            self.net.acknowledge(self.now, conn);
        }
        data
    }

    /// From now on the peer takes and acknowledges so many bytes that its program has not
    /// read; 0 is a peer that stalls. Without this it takes everything.
    pub fn set_window(&mut self, conn: Conn, window: usize) {
        if let Some(tcp) = self.net.tcp.get_mut(&conn) {
            tcp.peer_window = window;
            self.net.acknowledge(self.now, conn);
        }
    }

    /// Ends the peer's direction once everything queued has left; it goes on reading.
    pub fn fin(&mut self, conn: Conn) {
        self.net.tell(self.now, conn, Step::Fin);
    }

    /// The peer's program closes: as [`fin`](Self::fin), and what comes from the modem
    /// after that is answered with a reset.
    pub fn close(&mut self, conn: Conn) {
        self.net.tell(self.now, conn, Step::Close);
    }

    /// Resets at once; what is queued is lost.
    pub fn reset(&mut self, conn: Conn) {
        let Some(tcp) = self.net.tcp.get_mut(&conn) else { return };
        if std::mem::replace(&mut tcp.was_reset, true) {
            return;
        }
        tcp.reset_by_peer();
        let ip = tcp.peer.ip();
        let half = self.net.path(ip).half();
        self.net.at(self.now + half, Timer::Reset(conn));
    }

    /// The peer falls silent for ever: it acknowledges nothing and answers no question.
    pub fn vanish(&mut self, conn: Conn) {
        if let Some(tcp) = self.net.tcp.get_mut(&conn) {
            tcp.stalled = true;
        }
    }

    /// Takes datagrams there, port 0 for any; where exactly is the result.
    pub fn bind(&mut self, at: SocketAddr) -> SocketAddr {
        let at = self.place(at);
        self.net.mailboxes.entry(at).or_default();
        at
    }

    /// Takes datagrams there no longer.
    pub fn unbind(&mut self, at: SocketAddr) {
        self.net.mailboxes.remove(&at);
    }

    /// The next datagram that has come there, and from where.
    pub fn recv_from(&mut self, at: SocketAddr) -> Option<(SocketAddr, Vec<u8>)> {
        self.net.mailboxes.get_mut(&at)?.pop_front()
    }

    /// Sends a datagram to the modem, to a group, or to everybody.
    pub fn send_to(&mut self, from: SocketAddr, to: SocketAddr, data: &[u8]) {
        self.net.datagram_to(self.now, from, to, data);
    }

    /// A host takes datagrams to a group from now on.
    pub fn join(&mut self, host: impl Into<IpAddr>, group: impl Into<IpAddr>) {
        self.net.hosts.entry(host.into()).or_default().groups.insert(group.into());
    }

    /// The modem's address of a family, if it is on the network.
    #[must_use]
    pub fn modem_address(&self, family: Family) -> Option<IpAddr> {
        self.net.address(family)
    }

    /// The port and family at which the modem's server listens.
    #[must_use]
    pub fn modem_listens(&self) -> Option<(Family, u16)> {
        self.net.listening.map(|(family, port, _)| (family, port))
    }

    /// A place with a port, on a host that exists.
    fn place(&mut self, at: SocketAddr) -> SocketAddr {
        self.net.hosts.entry(at.ip()).or_default();
        let port = if at.port() == 0 { self.net.port() } else { at.port() };
        SocketAddr::new(at.ip(), port)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::PeerState;
    use crate::net::{Conn, Family, NetEvent, Network, VirtualNet};
    use crate::time::Instant;

    const AT: SocketAddr =
        SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::new(10, 0, 0, 1)), 80);

    fn at(millis: u64) -> Instant {
        Instant::from_millis(millis)
    }

    fn net() -> VirtualNet {
        let mut net = VirtualNet::new(1);
        net.set_addresses(at(0), &[[10, 0, 0, 2].into()]);
        net
    }

    /// Everything until then.
    fn run(net: &mut VirtualNet, millis: u64) -> Vec<NetEvent> {
        std::iter::from_fn(|| net.poll(at(millis))).collect()
    }

    fn connected(net: &mut VirtualNet) -> Conn {
        net.peers(at(0)).listen(AT);
        let mine = net.connect(at(0), AT, 1000);
        assert_eq!(net.peers(at(0)).accept(AT), None);
        assert_eq!(run(net, 100), [NetEvent::Connected(mine)]);
        assert_eq!(net.peers(at(100)).accept(AT), Some(mine));
        mine
    }

    #[test]
    fn a_server_outside_accepts_speaks_and_closes() {
        let mut net = net();
        let conn = connected(&mut net);
        net.peers(at(100)).send(conn, b"hello");
        assert_eq!(run(&mut net, 200), [NetEvent::Readable(conn)]);
        net.send(at(200), conn, b"there");
        assert_eq!(run(&mut net, 300), [NetEvent::Acked(conn, 5)]);
        let mut peers = net.peers(at(300));
        assert_eq!(peers.readable(conn), 5);
        assert_eq!((peers.recv(conn, 2), peers.recv(conn, 9)), (b"th".to_vec(), b"ere".to_vec()));
        peers.close(conn);
        assert_eq!(run(&mut net, 400), [NetEvent::Finished(conn)]);
        net.send(at(400), conn, b"late");
        assert_eq!(run(&mut net, 500), [NetEvent::Reset(conn)]);
    }

    #[test]
    fn a_listener_that_is_gone_refuses_and_resets() {
        let mut net = net();
        net.peers(at(0)).listen(AT);
        let waiting = net.connect(at(0), AT, 1000);
        run(&mut net, 100);
        net.peers(at(100)).unlisten(AT);
        let refused = net.connect(at(100), AT, 1000);
        assert_eq!(run(&mut net, 200), [NetEvent::Reset(waiting), NetEvent::Failed(refused)]);
        assert_eq!(net.peers(at(200)).state(waiting), PeerState::Reset);
    }

    #[test]
    fn a_window_that_is_not_read_stops_acknowledging() {
        let mut net = net();
        let conn = connected(&mut net);
        net.peers(at(100)).set_window(conn, 4);
        run(&mut net, 190);
        net.send(at(200), conn, b"0123456789");
        assert_eq!(run(&mut net, 300), [NetEvent::Acked(conn, 4)]);
        assert_eq!(net.peers(at(300)).recv(conn, 3), b"012");
        assert_eq!(run(&mut net, 400), [NetEvent::Acked(conn, 7)]);
        net.peers(at(400)).vanish(conn);
        assert_eq!(net.peers(at(400)).recv(conn, 9), b"3456789");
        assert_eq!(run(&mut net, 500), []);
    }

    #[test]
    fn the_modem_closes_and_aborts() {
        for abort in [false, true] {
            let mut net = net();
            let conn = connected(&mut net);
            match abort {
                false => net.close(at(100), conn),
                true => net.abort(at(100), conn),
            }
            run(&mut net, 200);
            let expected = if abort { PeerState::Reset } else { PeerState::Finished };
            assert_eq!(net.peers(at(200)).state(conn), expected);
            net.peers(at(200)).send(conn, b"into the void");
            run(&mut net, 300);
            assert_eq!(net.peers(at(300)).state(conn), PeerState::Reset);
        }
    }

    #[test]
    fn a_client_outside_comes_in() {
        let mut net = net();
        let from = SocketAddr::new(AT.ip(), 0);
        assert_eq!(net.peers(at(0)).connect(from, 333), None);
        net.listen(at(0), Some((Family::V4, 333)), 1000);
        assert_eq!(net.peers(at(0)).modem_listens(), Some((Family::V4, 333)));
        let conn = net.peers(at(0)).connect(from, 333).expect("a server");
        assert_eq!(net.peers(at(0)).state(conn), PeerState::Opening);
        let (peer, _) = net.peers(at(0)).addresses(conn).expect("an address");
        assert_eq!(run(&mut net, 100), [NetEvent::Accepted(conn, peer)]);
        assert_eq!(net.peers(at(100)).state(conn), PeerState::Open);
        let late = net.peers(at(100)).connect(from, 333).expect("a server");
        net.listen(at(100), None, 0);
        run(&mut net, 200);
        assert_eq!(net.peers(at(200)).state(late), PeerState::Reset);
    }

    #[test]
    fn datagrams_and_groups() {
        let mut net = net();
        let group: std::net::IpAddr = [224, 0, 0, 9].into();
        let mine = net.bind(at(0), Family::V4, 4000).expect("a port");
        let mut peers = net.peers(at(0));
        let place = peers.bind(AT);
        peers.join(AT.ip(), group);
        let own = peers.modem_address(Family::V4).expect("an address");
        for to in [own, group, [255, 255, 255, 255].into()] {
            peers.send_to(place, (to, 4000).into(), b"in");
        }
        let came = NetEvent::Datagram(mine, place, b"in".to_vec());
        assert_eq!(run(&mut net, 100), [came.clone(), came.clone()], "not in the group yet");
        assert!(net.join_group(at(100), mine, group) && !net.join_group(at(100), mine, own));
        net.peers(at(100)).send_to(place, (group, 4000).into(), b"in");
        assert_eq!(run(&mut net, 200), [came]);
        for to in [AT.ip(), group, [224, 0, 0, 8].into(), [255, 255, 255, 255].into()] {
            net.send_to(at(200), mine, (to, 80).into(), b"out");
        }
        run(&mut net, 300);
        let taken = std::iter::from_fn(|| net.peers(at(300)).recv_from(place));
        let from: SocketAddr = (own, 4000).into();
        assert_eq!(taken.collect::<Vec<_>>(), vec![(from, b"out".to_vec()); 3]);
        net.peers(at(300)).unbind(place);
        assert_eq!(net.peers(at(300)).recv_from(place), None);
    }
}
