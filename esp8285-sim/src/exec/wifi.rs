//! Station and access point (sheet section 3).

use std::time::Duration;

use super::{Call, small};
use crate::air::{AccessPoint, mac};
use crate::modem::Waiting;
use crate::modem::{Credentials, JOIN_LIMIT, Modem, Outcome, Phase, SCAN_TIME, SoftAp, Station};
use crate::net::Network;
use crate::profile::Version;

impl<N: Network> Modem<N> {
    pub(super) fn wifi(&mut self, call: &Call<'_>) -> Outcome {
        match call.base {
            "CWMODE" => self.cwmode(call),
            "CWJAP" if call.is_query() => self.joined_query(call),
            "CWJAP" if call.is_set() => self.cwjap(call),
            "CWQAP" if call.is_execute() => {
                self.leave();
                Outcome::Ok
            }
            "CWLAP" if call.is_execute() && self.set.stored.mode & 1 != 0 => {
                self.phase = Phase::Waiting(Waiting::Scan { due: self.now + SCAN_TIME });
                Outcome::Later
            }
            "CWLAPOPT" => self.cwlapopt(call),
            "CWAUTOCONN" => self.cwautoconn(call),
            "CWHOSTNAME" => self.cwhostname(call),
            "CWSAP" if call.is_query() => self.softap_query(call),
            "CWSAP" if call.is_set() => self.cwsap(call),
            "CWSTATE" if call.is_query() => self.cwstate(),
            "CWRECONNCFG" => self.cwreconncfg(call),
            "CWSTAPROTO" if call.is_query() => {
                // 802.11 b, g and n.
                self.say("+CWSTAPROTO:7\r\n");
                Outcome::Ok
            }
            _ => Outcome::Error,
        }
    }

    fn cwmode(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            self.say(&format!("+{}:{}\r\n", call.name, self.set.stored.mode));
            return Outcome::Ok;
        }
        let nonos = self.profile.version.is_nonos();
        let (least, most_args) = if nonos { (1, 1) } else { (0, 2) };
        let mode = call.number(0, least..=3).filter(|_| call.args.len() <= most_args);
        let (Some(mode), Some(_)) = (mode, call.optional(1, 0..=1)) else { return Outcome::Error };
        self.set.stored.mode = mode;
        if mode & 1 == 0 && self.station != Station::Idle {
            self.leave();
        }
        self.refresh_address();
        self.keep(self.stores(call));
        Outcome::Ok
    }

    fn cwjap(&mut self, call: &Call<'_>) -> Outcome {
        let text = |at: usize, most| {
            call.args.get(at)?.text().filter(|text| text.len() <= most).map(<[u8]>::to_vec)
        };
        let (Some(ssid), Some(password)) = (text(0, 32), text(1, 64)) else {
            return Outcome::Error;
        };
        if self.set.stored.mode & 1 == 0 || ssid.is_empty() {
            return Outcome::Error;
        }
        // The eighth parameter, from 2.2 on.
        let limit = match call.optional(7, 3..=600) {
            Some(None) => JOIN_LIMIT,
            Some(Some(limit)) if self.profile.version >= Version::V2_2 => {
                Duration::from_secs(small(limit))
            }
            _ => return Outcome::Error,
        };
        let credentials = Credentials { ssid, password };
        if self.stores(call) {
            self.set.stored.join = Some(credentials.clone());
            self.store();
        }
        self.join(credentials, limit)
    }

    /// The SSID is printed raw (sheet section 3.2).
    fn joined_query(&mut self, call: &Call<'_>) -> Outcome {
        let Some(ap) = self.joined().cloned() else {
            self.say("No AP\r\n");
            return Outcome::Ok;
        };
        self.say(&format!("+{}:\"", call.name));
        self.say_raw(&ap.ssid);
        let tail = self.profile.joined_tail;
        self.say(&format!("\",\"{}\",{},{}{tail}\r\n", mac(ap.bssid), ap.channel, ap.rssi));
        Outcome::Ok
    }

    fn cwlapopt(&mut self, call: &Call<'_>) -> Outcome {
        let (Some(sort), Some(mask), 2) =
            (call.number(0, 0..=1), call.number(1, 0..=0xffff), call.args.len())
        else {
            return Outcome::Error;
        };
        (self.set.scan_sorted, self.set.scan_mask) = (sort == 1, mask);
        Outcome::Ok
    }

    /// The lines of a scan (sheet section 3.3).
    pub(crate) fn say_scan(&mut self) {
        let present = self.air.access_points.iter().filter(|ap| ap.present);
        let mut found: Vec<AccessPoint> = present.cloned().collect();
        if self.set.scan_sorted {
            found.sort_by_key(|ap| std::cmp::Reverse(ap.rssi));
        }
        for ap in found {
            let line = self.scan_line(&ap);
            self.say_raw(&line);
        }
    }

    fn scan_line(&self, ap: &AccessPoint) -> Vec<u8> {
        let quoted = [b"\"", ap.ssid.as_slice(), b"\""].concat();
        let mut fields = vec![
            ap.encryption.to_string().into_bytes(),
            quoted,
            ap.rssi.to_string().into_bytes(),
            format!("\"{}\"", mac(ap.bssid)).into_bytes(),
            ap.channel.to_string().into_bytes(),
        ];
        let tail = self.profile.scan_tail.split(',').skip(1);
        fields.extend(tail.map(|field| field.as_bytes().to_vec()));
        let mask = self.set.scan_mask;
        let wanted = fields.into_iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1);
        let wanted: Vec<Vec<u8>> = wanted.map(|(_, field)| field).collect();
        [b"+CWLAP:(".as_slice(), &wanted.join(&b','), b")\r\n"].concat()
    }

    /// Always to flash (sheet section 1.5).
    fn cwautoconn(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            self.say(&format!("+CWAUTOCONN:{}\r\n", u8::from(self.set.stored.auto_connect)));
            return Outcome::Ok;
        }
        let Some(on) = call.only_number(0..=1) else { return Outcome::Error };
        self.set.stored.auto_connect = on == 1;
        self.store();
        Outcome::Ok
    }

    /// Seconds between two tries to come back, 0 for none, and how many, 0 for no end; the
    /// number is not counted here.
    fn cwreconncfg(&mut self, call: &Call<'_>) -> Outcome {
        if call.is_query() {
            let [interval, repeat] = self.set.stored.reconnect;
            self.say(&format!("+CWRECONNCFG:{interval},{repeat}\r\n"));
            return Outcome::Ok;
        }
        let (Some(interval), Some(repeat), 2) =
            (call.number(0, 0..=7200), call.number(1, 0..=1000), call.args.len())
        else {
            return Outcome::Error;
        };
        self.set.stored.reconnect = [interval, repeat];
        self.keep(self.stores(call));
        Outcome::Ok
    }

    fn cwhostname(&mut self, call: &Call<'_>) -> Outcome {
        if self.set.stored.mode & 1 == 0 {
            return Outcome::Error;
        }
        if call.is_query() {
            let name = [b"+CWHOSTNAME:", self.set.hostname.as_slice(), b"\r\n"].concat();
            self.say_raw(&name);
            return Outcome::Ok;
        }
        match call.args {
            [name] if name.text().is_some_and(|name| name.len() <= 32) => {
                self.set.hostname = name.text().unwrap_or_default().to_vec();
                Outcome::Ok
            }
            _ => Outcome::Error,
        }
    }

    /// Sheet section 3.5.
    fn cwsap(&mut self, call: &Call<'_>) -> Outcome {
        let text = |at: usize| call.args.get(at)?.text().map(<[u8]>::to_vec);
        let (Some(ssid), Some(password)) = (text(0), text(1)) else { return Outcome::Error };
        let (Some(channel), Some(encryption)) = (call.number(2, 1..=14), call.number(3, 0..=4))
        else {
            return Outcome::Error;
        };
        let (Some(max), Some(hidden)) = (call.optional(4, 1..=8), call.optional(5, 0..=1)) else {
            return Outcome::Error;
        };
        let key = if encryption == 0 { 0..=64 } else { 8..=64 };
        let bad = encryption == 1
            || !(1..=32).contains(&ssid.len())
            || !key.contains(&password.len())
            || self.set.stored.mode & 2 == 0;
        if bad || call.args.len() > 6 {
            return Outcome::Error;
        }
        let (max, hidden) = (max.unwrap_or(4), hidden.unwrap_or(0));
        self.set.stored.soft_ap = SoftAp { ssid, password, channel, encryption, max, hidden };
        self.keep(self.stores(call));
        Outcome::Ok
    }

    fn softap_query(&mut self, call: &Call<'_>) -> Outcome {
        let ap = self.set.stored.soft_ap.clone();
        let head = format!("+{}:\"", call.name).into_bytes();
        let tail = format!("\",{},{},{},{}\r\n", ap.channel, ap.encryption, ap.max, ap.hidden);
        let line = [&head, &ap.ssid, b"\",\"".as_slice(), &ap.password, tail.as_bytes()].concat();
        self.say_raw(&line);
        Outcome::Ok
    }

    /// Sheet section 3: 0 not begun, 1 no address, 2 joined, 3 on the way, 4 lost.
    fn cwstate(&mut self) -> Outcome {
        let (state, ssid) = match &self.station {
            Station::Idle => (0, Vec::new()),
            Station::Associated(ap) => (1, ap.ssid.clone()),
            Station::Joined(ap, _) => (2, ap.ssid.clone()),
            Station::Joining(ap) => (3, ap.ssid.clone()),
            Station::Lost(ap) => (4, ap.ssid.clone()),
        };
        let head = format!("+CWSTATE:{},\"", small::<u8>(state));
        self.say_raw(&[head.as_bytes(), &ssid, b"\"\r\n"].concat());
        Outcome::Ok
    }
}
