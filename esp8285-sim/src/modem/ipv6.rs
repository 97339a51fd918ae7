//! IPv6 of 2.2: how the station gets its addresses (sheet sections 1.5, 9).

use std::net::{IpAddr, Ipv6Addr};

use super::Modem;
use super::station::Station;
use super::timers::Timer;
use crate::net::{Family, Network};

impl<N: Network> Modem<N> {
    /// Switches IPv6. On the network the addresses come by themselves after that.
    pub(crate) fn switch_ipv6(&mut self, on: bool) {
        let begins = on && !self.set.ipv6;
        self.set.ipv6 = on;
        if begins {
            self.begin_ipv6();
        } else if !on {
            self.end_ipv6();
            self.refresh_address();
        }
    }

    /// The station is on the link now.
    pub(super) fn begin_ipv6(&mut self) {
        let (Station::Associated(ap) | Station::Joined(ap, _)) = &self.station else { return };
        if let Some(found) = self.air.find(&ap.ssid).filter(|_| self.set.ipv6) {
            self.timers.add(self.now + found.ipv6_time, Timer::GotIpv6(0));
        }
    }

    pub(super) fn end_ipv6(&mut self) {
        self.timers.retain(|timer| !matches!(timer, Timer::GotIpv6(_)));
        self.ipv6 = [None; 2];
    }

    pub(super) fn got_ipv6(&mut self, which: usize) {
        let (Station::Associated(ap) | Station::Joined(ap, _)) = &self.station else { return };
        let Some((time, global)) = self.air.find(&ap.ssid).map(|ap| (ap.ipv6_time, ap.global))
        else {
            return;
        };
        if which == 0 {
            self.ipv6[0] = Some(LINK_LOCAL);
            if global.is_some() {
                self.timers.add(self.now + time, Timer::GotIpv6(1));
            }
        } else {
            self.ipv6[1] = global;
        }
        self.refresh_address();
        self.say(if which == 0 { "WIFI GOT IPv6 LL\r\n" } else { "WIFI GOT IPv6 GL\r\n" });
    }

    /// Whether hosts of a family can be reached.
    pub(crate) fn has_address_of(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.has_address(),
            Family::V6 => self.ipv6.iter().any(Option::is_some),
        }
    }

    /// The global address first: that is the one that peers elsewhere see.
    pub(super) fn ipv6_addresses(&self) -> impl Iterator<Item = IpAddr> + '_ {
        self.ipv6.iter().rev().flatten().copied().map(IpAddr::V6)
    }
}

/// Made of the station's hardware address (EUI-64).
const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0x5ecf, 0x7fff, 0xfe00, 1);
