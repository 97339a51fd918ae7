//! What commands have set: what a reboot forgets, and what flash remembers.

use std::net::Ipv4Addr;

use crate::knobs::Knobs;
use crate::net::Family;
use crate::profile::Profile;

/// An access point to join.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Credentials {
    pub(crate) ssid: Vec<u8>,
    pub(crate) password: Vec<u8>,
}

/// The modem's own access point (sheet section 3.5).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SoftAp {
    pub(crate) ssid: Vec<u8>,
    pub(crate) password: Vec<u8>,
    pub(crate) channel: i64,
    pub(crate) encryption: i64,
    pub(crate) max: i64,
    pub(crate) hidden: i64,
}

/// Address, gateway, netmask.
pub(crate) type Addresses = [Ipv4Addr; 3];

/// Settings that can live in flash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// 1 station, 2 access point, 3 both; 0 off (2.x).
    pub(crate) mode: i64,
    pub(crate) join: Option<Credentials>,
    pub(crate) auto_connect: bool,
    /// Seconds between two tries to come back, and how many; 0 is never and for ever.
    pub(crate) reconnect: [i64; 2],
    pub(crate) soft_ap: SoftAp,
    pub(crate) station_dhcp: bool,
    pub(crate) ap_dhcp: bool,
    pub(crate) station: Option<Addresses>,
    pub(crate) ap: Addresses,
    pub(crate) dns: Option<Vec<Ipv4Addr>>,
    pub(crate) baud: u32,
}

/// Everything else, back to its default at every boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) echo: bool,
    pub(crate) mux: bool,
    pub(crate) dinfo: bool,
    pub(crate) passive: bool,
    pub(crate) sysmsg: i64,
    /// `ERR CODE` lines (2.x, 2.1 of the sheet).
    pub(crate) syslog: bool,
    /// IPv6 is on (2.2).
    pub(crate) ipv6: bool,
    /// Whether plain sets go to flash (2.1 on: yes by default).
    pub(crate) sysstore: bool,
    pub(crate) hostname: Vec<u8>,
    pub(crate) server: Option<(Family, u16)>,
    pub(crate) max_conn: usize,
    /// Idle limit of accepted clients in seconds, 0 for none (4.7).
    pub(crate) server_timeout: u32,
    pub(crate) baud: u32,
    pub(crate) scan_mask: i64,
    pub(crate) scan_sorted: bool,
    pub(crate) stored: Stored,
}

impl Stored {
    /// A modem as it leaves the factory.
    pub(crate) fn factory(baud: u32) -> Self {
        Self {
            mode: 1,
            join: None,
            auto_connect: true,
            reconnect: [1, 0],
            soft_ap: SoftAp {
                ssid: b"ESP_000001".to_vec(),
                password: Vec::new(),
                channel: 1,
                encryption: 0,
                max: 4,
                hidden: 0,
            },
            station_dhcp: true,
            ap_dhcp: true,
            station: None,
            ap: [
                Ipv4Addr::new(192, 168, 4, 1),
                Ipv4Addr::new(192, 168, 4, 1),
                Ipv4Addr::new(255, 255, 255, 0),
            ],
            dns: None,
            baud,
        }
    }
}

impl Settings {
    /// As after a boot.
    pub(crate) fn booted(profile: &Profile, knobs: &Knobs, flash: &Stored) -> Self {
        Self {
            echo: true,
            mux: false,
            dinfo: false,
            passive: false,
            sysmsg: 0,
            syslog: false,
            ipv6: false,
            sysstore: !profile.version.is_nonos(),
            hostname: b"ESP-000001".to_vec(),
            server: None,
            max_conn: 5,
            server_timeout: knobs.sto.unwrap_or(180),
            baud: flash.baud,
            scan_mask: 0x7ff,
            scan_sorted: false,
            stored: flash.clone(),
        }
    }
}
