//! The radio side: access points around the modem, and what its own one looks like.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

/// An access point in reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPoint {
    /// Its name: any bytes, at most 32.
    pub ssid: Vec<u8>,
    /// Its password; empty for an open one.
    pub password: Vec<u8>,
    /// Its hardware address.
    pub bssid: [u8; 6],
    /// Channel.
    pub channel: u8,
    /// Received signal strength in dBm.
    pub rssi: i8,
    /// 0 open, 1 WEP, 2 WPA, 3 WPA2, 4 WPA/WPA2, 5 enterprise (sheet section 3.3).
    pub encryption: u8,
    /// From `CWJAP` to `WIFI GOT IP`; beyond the modem's own limit of 15 s the join fails.
    pub join_time: Duration,
    /// Whether it is there.
    pub present: bool,
    /// Whether its DHCP server answers.
    pub dhcp: bool,
    /// What its DHCP server gives the modem.
    pub address: Ipv4Addr,
    /// The router.
    pub gateway: Ipv4Addr,
    /// The network's mask.
    pub netmask: Ipv4Addr,
    /// The global IPv6 address that the modem makes of what the router announces, if it
    /// announces anything.
    pub global: Option<Ipv6Addr>,
    /// From one step to the next on the way to an IPv6 address: first the link-local one,
    /// then the global one.
    pub ipv6_time: Duration,
}

impl AccessPoint {
    /// A WPA2 access point on channel 6 that answers in three seconds.
    #[must_use]
    pub fn new(ssid: &[u8], password: &[u8]) -> Self {
        Self {
            ssid: ssid.to_vec(),
            password: password.to_vec(),
            bssid: [0x02, 0, 0, 0, 0, 0x10],
            channel: 6,
            rssi: -55,
            encryption: if password.is_empty() { 0 } else { 3 },
            join_time: Duration::from_secs(3),
            present: true,
            dhcp: true,
            address: Ipv4Addr::new(192, 168, 1, 50),
            gateway: Ipv4Addr::new(192, 168, 1, 1),
            netmask: Ipv4Addr::new(255, 255, 255, 0),
            global: Some(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0x5ecf, 0x7fff, 0xfe00, 1)),
            ipv6_time: Duration::from_secs(1),
        }
    }

    /// Sets the join time.
    #[must_use]
    pub fn join_time(mut self, time: Duration) -> Self {
        self.join_time = time;
        self
    }
}

/// What is on the air.
#[derive(Clone, Debug, Default)]
pub struct Air {
    /// The access points, present or not.
    pub access_points: Vec<AccessPoint>,
}

impl Air {
    /// One access point.
    #[must_use]
    pub fn with(access_point: AccessPoint) -> Self {
        Self { access_points: vec![access_point] }
    }

    /// The strongest present access point of this name.
    pub(crate) fn find(&self, ssid: &[u8]) -> Option<&AccessPoint> {
        let named = self.access_points.iter().filter(|ap| ap.present && ap.ssid == ssid);
        named.max_by_key(|ap| ap.rssi)
    }
}

/// A hardware address as the modem prints it.
pub(crate) fn mac(bytes: [u8; 6]) -> String {
    bytes.map(|b| format!("{b:02x}")).join(":")
}

#[cfg(test)]
mod tests {
    use super::{AccessPoint, Air, mac};

    #[test]
    fn the_strongest_present_one_is_found() {
        let mut air = Air::with(AccessPoint::new(b"a", b""));
        air.access_points.push(AccessPoint { rssi: -40, ..AccessPoint::new(b"a", b"key") });
        assert_eq!(air.find(b"a").map(|ap| ap.rssi), Some(-40));
        air.access_points[1].present = false;
        assert_eq!(air.find(b"a").map(|ap| ap.encryption), Some(0));
        assert!(air.find(b"b").is_none());
        assert_eq!(mac([2, 0, 0, 0xab, 0, 1]), "02:00:00:ab:00:01");
    }
}
