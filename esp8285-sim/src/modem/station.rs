//! Joining and losing access points, and clients of our own (sheet sections 1.5, 3).

use std::net::Ipv4Addr;
use std::time::Duration;

use super::Modem;
use super::output::Outcome;
use super::phase::{Phase, Waiting};
use super::settings::{Addresses, Credentials};
use super::timers::Timer;
use crate::air::{AccessPoint, mac};
use crate::net::Network;

/// What the station is doing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Station {
    /// Nothing.
    #[default]
    Idle,
    /// On the way to this access point.
    Joining(Credentials),
    /// Associated, no address yet.
    Associated(Credentials),
    /// On the network.
    Joined(Credentials, Addresses),
    /// Its access point went away; it will come back to it.
    Lost(Credentials),
}

impl Station {
    fn credentials(&self) -> Option<&Credentials> {
        match self {
            Station::Idle => None,
            Station::Joining(ap) | Station::Associated(ap) | Station::Lost(ap) => Some(ap),
            Station::Joined(ap, _) => Some(ap),
        }
    }
}

impl<N: Network> Modem<N> {
    /// An access point appears or vanishes.
    pub fn set_access_point(&mut self, now: crate::Instant, ssid: &[u8], present: bool) {
        self.advance(now);
        let named = self.air.access_points.iter_mut().filter(|ap| ap.ssid == ssid);
        named.for_each(|ap| ap.present = present);
        let mine = self.station.credentials().is_some_and(|ap| ap.ssid == ssid);
        match (&self.station, present) {
            (Station::Lost(_), true) if mine => {
                if let Some(wait) = self.reconnects() {
                    self.timers.add(self.now + wait, Timer::Associated);
                    self.timers.add(self.now + wait * 2, Timer::GotAddress);
                }
            }
            (Station::Joined(ap, _) | Station::Associated(ap), false) if mine => {
                let ap = ap.clone();
                self.leave();
                self.station = Station::Lost(ap);
            }
            _ => {}
        }
    }

    /// The DHCP server of an access point begins or stops to answer.
    pub fn set_dhcp(&mut self, now: crate::Instant, ssid: &[u8], answers: bool) {
        self.advance(now);
        let named = self.air.access_points.iter_mut().filter(|ap| ap.ssid == ssid);
        named.for_each(|ap| ap.dhcp = answers);
    }

    /// A client joins the modem's own access point. False if that is off.
    pub fn softap_join(&mut self, now: crate::Instant, client: [u8; 6], ip: Ipv4Addr) -> bool {
        self.advance(now);
        if self.set.stored.mode & 2 == 0 || matches!(self.phase, Phase::Booting) {
            return false;
        }
        self.ap_clients.push((client, ip));
        if self.profile.softap_events {
            let client = mac(client);
            self.say(&format!("+STA_CONNECTED:\"{client}\"\r\n"));
            self.say(&format!("+DIST_STA_IP:\"{client}\",\"{ip}\"\r\n"));
        }
        true
    }

    /// A client of the modem's own access point leaves.
    pub fn softap_leave(&mut self, now: crate::Instant, client: [u8; 6]) {
        self.advance(now);
        let before = self.ap_clients.len();
        self.ap_clients.retain(|(mac, _)| *mac != client);
        if self.ap_clients.len() < before && self.profile.softap_events {
            self.say(&format!("+STA_DISCONNECTED:\"{}\"\r\n", mac(client)));
        }
    }

    /// Begins `CWJAP` (sheet section 3.1).
    pub(crate) fn join(&mut self, ap: Credentials, limit: Duration) -> Outcome {
        if matches!(self.station, Station::Joined(..) | Station::Associated(_)) {
            self.leave();
        }
        self.timers.retain(|timer| !is_join(timer));
        let found = self.air.find(&ap.ssid).cloned();
        match found {
            None => self.timers.add(self.now + SCAN_TIME, Timer::JoinFailed(3)),
            Some(found) if found.password != ap.password => {
                let after = found.join_time.min(limit);
                self.timers.add(self.now + after, Timer::JoinFailed(2));
            }
            Some(found) if found.join_time > limit => {
                self.timers.add(self.now + limit, Timer::JoinFailed(1));
            }
            Some(found) => self.begin_join(&found),
        }
        self.station = Station::Joining(ap);
        self.phase = Phase::Waiting(Waiting::Join);
        Outcome::Later
    }

    /// Joins the remembered access point without being asked (sheet section 1.5).
    pub(super) fn rejoin(&mut self) {
        if let Some(ap) = self.set.stored.join.clone() {
            self.come_back_to(ap);
        }
    }

    /// Another try, if it is still wanted.
    pub(super) fn try_again(&mut self) {
        if let Station::Lost(ap) = &self.station {
            self.come_back_to(ap.clone());
        }
    }

    fn come_back_to(&mut self, ap: Credentials) {
        let good = |found: &&AccessPoint| found.password == ap.password;
        if let Some(found) = self.air.find(&ap.ssid).filter(good).cloned() {
            self.begin_join(&found);
            self.station = Station::Joining(ap);
        } else {
            self.station = Station::Lost(ap);
        }
    }

    fn begin_join(&mut self, found: &AccessPoint) {
        self.timers.add(self.now + found.join_time * 3 / 4, Timer::Associated);
        let needs_dhcp = self.set.stored.station_dhcp && !found.dhcp;
        let after = if needs_dhcp { JOIN_LIMIT } else { found.join_time };
        self.timers.add(self.now + after, Timer::GotAddress);
    }

    pub(super) fn associated(&mut self) {
        if let Station::Joining(ap) | Station::Lost(ap) = &self.station {
            let ap = ap.clone();
            if self.air.find(&ap.ssid).is_some() {
                self.station = Station::Associated(ap);
                self.say("WIFI CONNECTED\r\n");
                self.begin_ipv6();
            }
        }
    }

    pub(super) fn got_address(&mut self) {
        let Station::Associated(ap) = &self.station else {
            return self.join_failed(1);
        };
        let ap = ap.clone();
        let Some(found) = self.air.find(&ap.ssid) else { return };
        if self.set.stored.station_dhcp && !found.dhcp {
            return self.dhcp_timeout();
        }
        let dhcp = [found.address, found.gateway, found.netmask];
        let fixed = self.set.stored.station.filter(|_| !self.set.stored.station_dhcp);
        self.station = Station::Joined(ap, fixed.unwrap_or(dhcp));
        self.refresh_address();
        self.say("WIFI GOT IP\r\n");
        if matches!(self.phase, Phase::Waiting(Waiting::Join)) {
            self.finish(Outcome::Ok);
        }
    }

    /// Sheet section 1.5: the firmware disconnects and tries again. A join that was asked
    /// for has used up its time by then.
    fn dhcp_timeout(&mut self) {
        self.say("DHCP TIMEOUT\r\n");
        let ap = self.station.credentials().cloned();
        self.leave();
        if matches!(self.phase, Phase::Waiting(Waiting::Join)) {
            self.join_failed(1);
        } else if let (Some(wait), Some(ap)) = (self.reconnects(), ap) {
            self.station = Station::Lost(ap);
            self.timers.add(self.now + wait, Timer::Rejoin);
        }
    }

    /// How long the station waits before it tries to come back, if it does
    /// (`CWRECONNCFG` of 2.2).
    fn reconnects(&self) -> Option<Duration> {
        let seconds = u64::try_from(self.set.stored.reconnect[0]).unwrap_or(0);
        (seconds > 0).then(|| Duration::from_secs(seconds))
    }

    pub(super) fn join_failed(&mut self, code: u8) {
        if !matches!(self.phase, Phase::Waiting(Waiting::Join)) {
            // It was not asked for: it will be tried again when the access point returns.
            if let Station::Joining(ap) = &self.station {
                self.station = Station::Lost(ap.clone());
            }
            return;
        }
        self.timers.retain(|timer| !is_join(timer));
        self.station = Station::Idle;
        self.say(&format!("+CWJAP:{code}\r\n"));
        self.conclude(self.profile.join_fail);
    }

    /// The station leaves its access point: links die in no order (scenario 29).
    pub(crate) fn leave(&mut self) {
        let was_up = matches!(self.station, Station::Joined(..) | Station::Associated(_));
        self.timers.retain(|timer| !is_join(timer));
        self.station = Station::Idle;
        self.end_ipv6();
        if was_up {
            self.say("WIFI DISCONNECT\r\n");
        }
        // First, so that no link can tell its peer.
        self.refresh_address();
        self.drop_links();
        if was_up && self.knobs.server_lost {
            self.set.server = None;
            self.net.listen(self.now, None, 0);
        }
    }

    fn drop_links(&mut self) {
        let udp_too = self.profile.udp_closed_on_wifi_loss;
        let mut ids: Vec<usize> = (0..self.links.len()).collect();
        while !ids.is_empty() {
            let pick = self.rng.below(ids.len() as u64);
            let id = ids.swap_remove(usize::try_from(pick).unwrap_or(0));
            match &self.links[id] {
                Some(link) if !link.udp || udp_too => self.link_down(id),
                _ => {}
            }
        }
    }

    /// The station's address, if it has one.
    pub(crate) fn station_address(&self) -> Option<Addresses> {
        match &self.station {
            Station::Joined(_, addresses) => Some(*addresses),
            _ => None,
        }
    }

    /// Whether the station is on its way to an access point.
    pub(super) fn is_joining(&self) -> bool {
        matches!(self.station, Station::Joining(_) | Station::Associated(_))
    }

    /// Whether anybody can be reached at all.
    pub(crate) fn has_address(&self) -> bool {
        self.station_address().is_some() || self.set.stored.mode & 2 != 0
    }

    /// Tells the network which address we have.
    pub(crate) fn refresh_address(&mut self) {
        let own = (self.set.stored.mode & 2 != 0).then_some(self.set.stored.ap[0]);
        let address = self.station_address().map(|addresses| addresses[0]).or(own);
        let v4 = address.map(Into::into).into_iter();
        let addresses: Vec<_> = v4.chain(self.ipv6_addresses()).collect();
        self.net.set_addresses(self.now, &addresses);
    }

    /// The access point that the station is joined to.
    pub(crate) fn joined(&self) -> Option<&AccessPoint> {
        match &self.station {
            Station::Joined(ap, _) => self.air.find(&ap.ssid),
            _ => None,
        }
    }

    /// The command that waited is due.
    pub(super) fn waited(&mut self, waiting: Waiting) {
        if let Waiting::Scan { .. } = waiting {
            self.say_scan();
            self.finish(Outcome::Ok);
        }
    }

    /// Writes what was set to flash if this form of the command does.
    pub(crate) fn keep(&mut self, stores: bool) {
        if stores {
            self.store();
        }
    }
}

fn is_join(timer: &Timer) -> bool {
    matches!(timer, Timer::Associated | Timer::GotAddress | Timer::JoinFailed(_) | Timer::Rejoin)
}

/// How long a scan takes (sheet section 3.3: 2 to 4 s).
pub(crate) const SCAN_TIME: Duration = Duration::from_secs(2);

/// The firmware's own limit for a join (sheet section 3.1: 14 to 15 s).
pub(crate) const JOIN_LIMIT: Duration = Duration::from_secs(15);
