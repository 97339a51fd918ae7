//! Datagrams of the virtual network.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::flow::Timer;
use super::host::UdpService;
use super::virtual_net::{Datagram, VirtualNet};
use super::{Conn, Family, NetEvent};
use crate::time::Instant;

/// A port of the modem.
#[derive(Debug)]
pub(super) struct Udp {
    pub(super) family: Family,
    pub(super) port: u16,
    groups: BTreeSet<IpAddr>,
}

/// What a program outside has not taken yet, with its senders.
pub(super) type Mailbox = VecDeque<(SocketAddr, Vec<u8>)>;

impl Udp {
    pub(super) fn new(family: Family, port: u16) -> Self {
        Self { family, port, groups: BTreeSet::new() }
    }

    pub(super) fn join(&mut self, group: IpAddr) -> bool {
        let good = group.is_multicast() && Family::of(group) == self.family;
        good && {
            self.groups.insert(group);
            true
        }
    }

    /// Whether a datagram to `to` is for this port.
    fn takes(&self, to: SocketAddr, own: &[IpAddr]) -> bool {
        let addressed =
            own.contains(&to.ip()) || is_broadcast(to.ip()) || self.groups.contains(&to.ip());
        self.port == to.port() && self.family == Family::of(to.ip()) && addressed
    }
}

impl VirtualNet {
    /// A datagram sets out to the modem, to a group or to everybody.
    pub(super) fn datagram_to(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        data: &[u8],
    ) {
        let half = self.path(from.ip()).half();
        self.at(now + half, Timer::Datagram(to, from, data.to_vec()));
    }

    pub(super) fn datagram_at_modem(&mut self, to: SocketAddr, from: SocketAddr, data: &[u8]) {
        let takers = self.udp.iter().filter(|(_, udp)| udp.takes(to, &self.addresses));
        for (conn, _) in takers {
            self.events.push_back(NetEvent::Datagram(*conn, from, data.to_vec()));
        }
    }

    pub(super) fn datagram_from_modem(
        &mut self,
        now: Instant,
        conn: Conn,
        to: SocketAddr,
        data: &[u8],
    ) {
        let Some(from_port) = self.udp.get(&conn).map(|udp| udp.port) else { return };
        let Some(own) = self.address(Family::of(to.ip())) else { return };
        self.datagrams.push(Datagram { from_port, to, data: data.to_vec() });
        let from = SocketAddr::new(own, from_port);
        let reached = |ip: &IpAddr, groups: &BTreeSet<IpAddr>| match to.ip() {
            all if is_broadcast(all) => ip.is_ipv4(),
            group if group.is_multicast() => groups.contains(&group),
            one => *ip == one,
        };
        let hosts = self.hosts.iter().filter(|(ip, host)| reached(ip, &host.groups));
        let targets: Vec<_> = hosts.map(|(ip, host)| (*ip, host.path())).collect();
        for (ip, path) in targets {
            if !self.rng.happens(path.loss) {
                let to = SocketAddr::new(ip, to.port());
                self.at(now + path.half(), Timer::DatagramAt(to, from, data.to_vec()));
            }
        }
    }

    /// A datagram has come to a host.
    pub(super) fn serve(&mut self, now: Instant, to: SocketAddr, from: SocketAddr, data: Vec<u8>) {
        if let Some(mailbox) = self.mailboxes.get_mut(&to) {
            return mailbox.push_back((from, data));
        }
        let Some(host) = self.hosts.get(&to.ip()) else { return };
        let answers = match host.udp.get(&to.port()) {
            Some(UdpService::Echo) => vec![data],
            Some(UdpService::Answer(answers)) => answers.clone(),
            Some(UdpService::Sink) | None => return,
        };
        let path = host.path();
        for answer in answers {
            if !self.rng.happens(path.loss) {
                self.at(now + path.half(), Timer::Datagram(from, to, answer));
            }
        }
    }
}

/// Whether this is the address of everybody on the link.
fn is_broadcast(ip: IpAddr) -> bool {
    ip == IpAddr::V4(Ipv4Addr::BROADCAST)
}
