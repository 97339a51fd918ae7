//! Addresses, DHCP, name servers (sheet section 3.5).

use std::net::Ipv4Addr;

use super::Call;
use crate::air::mac;
use crate::modem::{Modem, Outcome, Station};
use crate::net::Network;

impl<N: Network> Modem<N> {
    pub(super) fn address(&mut self, call: &Call<'_>) -> Outcome {
        match call.base {
            "CWDHCP" if call.is_query() => self.dhcp_query(call),
            "CWDHCP" if call.is_set() => self.cwdhcp(call),
            "CIPSTA" | "CIPAP" if call.is_query() => self.addresses_query(call),
            "CIPSTA" | "CIPAP" if call.is_set() => self.set_addresses(call),
            "CIFSR" if call.is_execute() => self.cifsr(),
            "CIPDNS" if call.is_query() => self.dns_query(call),
            "CIPDNS" if call.is_set() => self.cipdns(call),
            "CIPV6" => self.cipv6(call),
            _ => Outcome::Error,
        }
    }

    /// The families disagree on the order of the bits.
    fn dhcp_query(&mut self, call: &Call<'_>) -> Outcome {
        let station = u8::from(self.set.stored.station_dhcp);
        let ap = u8::from(self.set.stored.ap_dhcp);
        let nonos = self.profile.version.is_nonos();
        let bits = if nonos { ap | station << 1 } else { station | ap << 1 };
        self.say(&format!("+{}:{bits}\r\n", call.name));
        Outcome::Ok
    }

    /// 1.x: which (0 access point, 1 station, 2 both), on; 2.x: on, mask.
    fn cwdhcp(&mut self, call: &Call<'_>) -> Outcome {
        let (Some(first), Some(second), 2) =
            (call.number(0, 0..=2), call.number(1, 0..=3), call.args.len())
        else {
            return Outcome::Error;
        };
        let nonos = self.profile.version.is_nonos();
        let (on, station, ap) = if nonos {
            (second, first != 0, first != 1)
        } else {
            (first, second & 1 != 0, second & 2 != 0)
        };
        if on > 1 {
            return Outcome::Error;
        }
        if station {
            self.set.stored.station_dhcp = on == 1;
        }
        if ap {
            self.set.stored.ap_dhcp = on == 1;
        }
        self.keep(self.stores(call));
        Outcome::Ok
    }

    fn addresses_query(&mut self, call: &Call<'_>) -> Outcome {
        let addresses = match call.base {
            "CIPAP" => self.set.stored.ap,
            _ => self.station_address().unwrap_or([Ipv4Addr::UNSPECIFIED; 3]),
        };
        for (label, address) in ["ip", "gateway", "netmask"].iter().zip(addresses) {
            self.say(&format!("+{}:{label}:\"{address}\"\r\n", call.name));
        }
        if call.base == "CIPSTA" {
            for (label, address) in ["ip6ll", "ip6gl"].iter().zip(self.ipv6) {
                if let Some(address) = address {
                    self.say(&format!("+CIPSTA:{label}:\"{address}\"\r\n"));
                }
            }
        }
        Outcome::Ok
    }

    /// Setting the station's address turns its DHCP off.
    fn set_addresses(&mut self, call: &Call<'_>) -> Outcome {
        let Some(ip) = call.address(0) else { return Outcome::Error };
        let [a, b, c, _] = ip.octets();
        let (gateway, mask) = match call.args.len() {
            1 => (Ipv4Addr::new(a, b, c, 1), Ipv4Addr::new(255, 255, 255, 0)),
            3 => match (call.address(1), call.address(2)) {
                (Some(gateway), Some(mask)) => (gateway, mask),
                _ => return Outcome::Error,
            },
            _ => return Outcome::Error,
        };
        let addresses = [ip, gateway, mask];
        if call.base == "CIPAP" {
            self.set.stored.ap = addresses;
        } else {
            self.set.stored.station = Some(addresses);
            self.set.stored.station_dhcp = false;
            if let Station::Joined(_, current) = &mut self.station {
                *current = addresses;
            }
        }
        self.refresh_address();
        self.keep(self.stores(call));
        Outcome::Ok
    }

    fn cifsr(&mut self) -> Outcome {
        if self.set.stored.mode & 2 != 0 {
            let ip = self.set.stored.ap[0];
            self.say(&format!("+CIFSR:APIP,\"{ip}\"\r\n+CIFSR:APMAC,\"{}\"\r\n", mac(AP_MAC)));
        }
        if self.set.stored.mode & 1 != 0 {
            let ip = self.station_address().map_or(Ipv4Addr::UNSPECIFIED, |known| known[0]);
            let own = mac(STATION_MAC);
            self.say(&format!("+CIFSR:STAIP,\"{ip}\"\r\n"));
            for (label, address) in ["STAIP6LL", "STAIP6GL"].iter().zip(self.ipv6) {
                if let Some(address) = address {
                    self.say(&format!("+CIFSR:{label},\"{address}\"\r\n"));
                }
            }
            self.say(&format!("+CIFSR:STAMAC,\"{own}\"\r\n"));
        }
        Outcome::Ok
    }

    /// IPv6 on or off; not while a link is open.
    fn cipv6(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            self.say(&format!("+CIPV6:{}\r\n", u8::from(self.set.ipv6)));
            return Outcome::Ok;
        }
        let Some(on) = call.only_number(0..=1) else { return Outcome::Error };
        if self.any_link() || self.set.server.is_some() {
            return Outcome::Error;
        }
        self.switch_ipv6(on == 1);
        Outcome::Ok
    }

    fn dns_query(&mut self, call: &Call<'_>) -> Outcome {
        let manual = self.set.stored.dns.clone();
        let on = u8::from(manual.is_some());
        let servers = manual.unwrap_or_else(|| vec![DEFAULT_DNS]);
        if self.profile.version.is_nonos() {
            for server in servers {
                self.say(&format!("+{}:{server}\r\n", call.name));
            }
        } else {
            let servers: String = servers.iter().map(|server| format!(",\"{server}\"")).collect();
            self.say(&format!("+CIPDNS:{on}{servers}\r\n"));
        }
        Outcome::Ok
    }

    fn cipdns(&mut self, call: &Call<'_>) -> Outcome {
        let most = if self.profile.version.is_nonos() { 3 } else { 4 };
        let Some(on) = call.number(0, 0..=1).filter(|_| call.args.len() <= most) else {
            return Outcome::Error;
        };
        let servers: Option<Vec<_>> = (1..call.args.len()).map(|at| call.address(at)).collect();
        let Some(servers) = servers else { return Outcome::Error };
        self.set.stored.dns = match on {
            1 if servers.is_empty() => Some(vec![DEFAULT_DNS]),
            1 => Some(servers),
            _ => None,
        };
        self.keep(self.stores(call));
        Outcome::Ok
    }
}

/// The modem's own hardware addresses.
const STATION_MAC: [u8; 6] = [0x5c, 0xcf, 0x7f, 0, 0, 1];
const AP_MAC: [u8; 6] = [0x5e, 0xcf, 0x7f, 0, 0, 1];

/// Sheet section 3.5.
const DEFAULT_DNS: Ipv4Addr = Ipv4Addr::new(208, 67, 222, 222);
