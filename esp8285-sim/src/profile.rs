//! Firmware profiles: what differs between versions, as data.
//!
//! Text in braces is filled in by the modem: `{id}`, `{len}`, `{ip}`, `{port}`, `{ms}`.
//! Section numbers are those of the protocol sheet.

/// A firmware version that the simulator models, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Version {
    /// NonOS AT 1.5: active receive only.
    V1_5,
    /// NonOS AT 1.7.0: passive receive that loses unread data at close.
    V1_7_0,
    /// NonOS AT 1.7.2: passive receive, data kept after close.
    V1_7_2,
    /// NonOS AT 1.7.6.
    V1_7_6,
    /// esp-at 2.1.
    V2_1,
    /// esp-at 2.2.
    V2_2,
}

impl Version {
    /// Every version, oldest first.
    pub const ALL: [Version; 6] = [
        Version::V1_5,
        Version::V1_7_0,
        Version::V1_7_2,
        Version::V1_7_6,
        Version::V2_1,
        Version::V2_2,
    ];

    /// Its table.
    #[must_use]
    pub fn profile(self) -> &'static Profile {
        match self {
            Version::V1_5 => &V1_5,
            Version::V1_7_0 => &V1_7_0,
            Version::V1_7_2 => &V1_7_2,
            Version::V1_7_6 => &V1_7_6,
            Version::V2_1 => &V2_1,
            Version::V2_2 => &V2_2,
        }
    }

    /// Whether it belongs to the NonOS family (1.x).
    #[must_use]
    pub fn is_nonos(self) -> bool {
        self < Version::V2_1
    }
}

/// What becomes of unread passive data when the peer closes (section 5.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClosedPolicy {
    /// `CLOSED` at once; the data stay readable until the id is used again (1.7.2 on).
    Keep,
    /// `CLOSED` at once; the data are lost (1.7.0, 1.7.1).
    Lose,
    /// `CLOSED` only after everything was read or `CIPCLOSE` was sent (2.1 on).
    Withhold,
}

/// When a passive notice is sent (section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoticePolicy {
    /// Once, then silence until the host has read (2.x).
    Level,
    /// For each segment that arrives (1.7).
    PerSegment,
    /// Like [`PerSegment`](Self::PerSegment), but every n-th notice is lost; 0 loses none.
    DropNth(u32),
}

/// Passive receive of one version (section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passive {
    /// Around the data of an answer to `CIPRECVDATA`.
    pub answer: &'static str,
    /// The same with `CIPDINFO=1`.
    pub answer_with_peer: &'static str,
    /// The largest request; the sheet gives 2048 for 1.7 and no bound for 2.x.
    pub max_read: usize,
    /// What `CIPRECVLEN?` shows for a link that is closed.
    pub closed_len: i32,
    /// Whether UDP links are passive too.
    pub udp: bool,
    /// At close with unread data.
    pub closed: ClosedPolicy,
    /// When notices are sent.
    pub notice: NoticePolicy,
}

/// One firmware version as a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Which one.
    pub version: Version,
    /// The version as the sheet writes it.
    pub name: &'static str,
    /// Answer to `AT+GMR` up to the final result, whose blank line 1.x lacks (1.3).
    pub gmr: &'static str,
    /// Queries whose final result has no blank line in front (2.3).
    pub bare_ok: &'static [&'static str],
    /// Whether hint lines are printed on the AT port (2.2).
    pub hints: bool,
    /// What an echoed CR LF looks like (1.4).
    pub echo_end: &'static str,
    /// Input between the data and the result of a send (2.1).
    pub busy_sending: &'static str,
    /// What follows the `OK` of `CIPSEND` (4.3).
    pub prompt: &'static str,
    /// A send that failed (2.1).
    pub send_fail: &'static str,
    /// Final result of a failed join (3.1).
    pub join_fail: &'static str,
    /// Fields of `CWLAP` after the channel (3.3); 2.x and 1.6 on.
    pub scan_tail: &'static str,
    /// What `CWJAP?` prints after the channel and the RSSI (3.4).
    pub joined_tail: &'static str,
    /// Active receive: `+IPD` with CIPMUX=0, 1, each without and with CIPDINFO (5.1).
    pub ipd: [&'static str; 4],
    /// After the payload of an active `+IPD` (5.1).
    pub ipd_trailer: &'static str,
    /// Passive receive, if the version has it.
    pub passive: Option<Passive>,
    /// `CIPDOMAIN` (section 6).
    pub resolved: &'static str,
    /// `PING` answered and not answered (section 9).
    pub ping: [&'static str; 2],
    /// Whether the result of a send waits for the peer's acknowledgement (2.1).
    pub send_ok_is_ack: bool,
    /// Whether a failed open is followed by a stale `CLOSED` (4.2).
    pub stale_closed: bool,
    /// TCP receive window (5.3).
    pub window: usize,
    /// UDP links are told of a lost Wi-Fi link (2.5).
    pub udp_closed_on_wifi_loss: bool,
    /// Lines for SoftAP clients (1.5).
    pub softap_events: bool,
}

const V1_7_6: Profile = Profile {
    version: Version::V1_7_6,
    name: "1.7.6",
    gmr: "AT version:1.7.6.0(Jan 24 2022 08:56:02)\r\nSDK version:3.0.6(a1b2c3d)\r\n\
          compile time:Jan 24 2022 09:56:02\r\nBin version(Wroom 02):1.7.6\r\n",
    bare_ok: &["GMR", "CWDHCP", "CWAUTOCONN", "CIPDINFO", "CIPSERVERMAXCONN", "UART"],
    hints: true,
    echo_end: "\r\r\n",
    busy_sending: "\r\nbusy s...\r\n",
    prompt: "> ",
    send_fail: "SEND FAIL\r\n",
    join_fail: "\r\nFAIL\r\n",
    scan_tail: ",0,0,4,4,7,0",
    joined_tail: ",0",
    ipd: [
        "\r\n+IPD,{len}:",
        "\r\n+IPD,{id},{len}:",
        "\r\n+IPD,{len},{ip},{port}:",
        "\r\n+IPD,{id},{len},{ip},{port}:",
    ],
    ipd_trailer: "",
    passive: Some(Passive {
        answer: "\r\n+CIPRECVDATA,{len}:",
        answer_with_peer: "\r\n+CIPRECVDATA,{len}:",
        max_read: 2048,
        closed_len: 0,
        udp: false,
        closed: ClosedPolicy::Keep,
        notice: NoticePolicy::PerSegment,
    }),
    resolved: "+CIPDOMAIN:{ip}\r\n",
    ping: ["+{ms}\r\n", "+timeout\r\n"],
    send_ok_is_ack: true,
    stale_closed: true,
    window: 5840,
    udp_closed_on_wifi_loss: true,
    softap_events: true,
};

const V1_7_2: Profile = Profile {
    version: Version::V1_7_2,
    name: "1.7.2",
    gmr: "AT version:1.7.2.0(Nov 29 2019 06:25:11)\r\nSDK version:3.0.2(a1b2c3d)\r\n\
          compile time:Nov 29 2019 07:25:11\r\nBin version(Wroom 02):1.7.2\r\n",
    ..V1_7_6
};

const V1_7_0: Profile = Profile {
    version: Version::V1_7_0,
    name: "1.7.0",
    gmr: "AT version:1.7.0.0(Aug 16 2018 00:57:04)\r\nSDK version:3.0.0(d49923c)\r\n\
          compile time:Aug 23 2018 16:58:12\r\nBin version(Wroom 02):1.7.0\r\n",
    passive: Some(Passive {
        answer: "\r\n+CIPRECVDATA,{len}:",
        answer_with_peer: "\r\n+CIPRECVDATA,{len}:",
        max_read: 2048,
        closed_len: 0,
        udp: false,
        closed: ClosedPolicy::Lose,
        notice: NoticePolicy::PerSegment,
    }),
    ..V1_7_6
};

const V1_5: Profile = Profile {
    version: Version::V1_5,
    name: "1.5",
    gmr: "AT version:1.5.0.0(Oct 24 2017 12:03:18)\r\nSDK version:2.1.0(ace2d95)\r\n\
          compile time:Oct 24 2017 15:48:02\r\nBin version(Wroom 02):1.5.1\r\n",
    scan_tail: ",0,0",
    joined_tail: "",
    passive: None,
    softap_events: false,
    ..V1_7_6
};

const V2_2: Profile = Profile {
    version: Version::V2_2,
    name: "2.2",
    gmr: "AT version:2.2.0.0(0a1b2c3 - ESP8266 - Jun 24 2021 12:01:05)\r\n\
          SDK version:v3.4-22-g967752e2\r\ncompile time(36bb200):Jun 28 2021 08:30:34\r\n\
          Bin version:2.2.0(WROOM-02)\r\n",
    bare_ok: &["CWDHCP", "CWAUTOCONN", "CIPDINFO", "SYSMSG", "SYSRAM", "CWSTAPROTO"],
    hints: false,
    echo_end: "\r\n",
    busy_sending: "\r\nbusy p...\r\n",
    prompt: "\r\n>",
    send_fail: "\r\nSEND FAIL\r\n",
    join_fail: "\r\nERROR\r\n",
    scan_tail: ",-1,-1,4,4,7,0",
    joined_tail: ",0,1,3,0,0",
    ipd: [
        "\r\n+IPD,{len}:",
        "\r\n+IPD,{id},{len}:",
        "\r\n+IPD,{len},\"{ip}\",{port}:",
        "\r\n+IPD,{id},{len},\"{ip}\",{port}:",
    ],
    ipd_trailer: "\r\n",
    passive: Some(Passive {
        answer: "+CIPRECVDATA:{len},",
        answer_with_peer: "+CIPRECVDATA:{len},\"{ip}\",{port},",
        max_read: usize::MAX,
        closed_len: -1,
        udp: true,
        closed: ClosedPolicy::Withhold,
        notice: NoticePolicy::Level,
    }),
    resolved: "+CIPDOMAIN:\"{ip}\"\r\n",
    ping: ["+PING:{ms}\r\n", "+PING:TIMEOUT\r\n"],
    send_ok_is_ack: false,
    stale_closed: false,
    window: 5760,
    udp_closed_on_wifi_loss: false,
    softap_events: true,
};

const V2_1: Profile = Profile {
    version: Version::V2_1,
    name: "2.1",
    gmr: "AT version:2.1.0.0(ded5b14 - Jul 24 2020 12:01:05)\r\nSDK version:v3.3-2-gb6e861a\r\n\
          compile time(36bb200):Jul 28 2020 08:30:34\r\nBin version:2.1.0(WROOM-02)\r\n",
    joined_tail: ",0,0,0,0",
    resolved: "+CIPDOMAIN:{ip}\r\n",
    ping: ["+PING:{ms}\r\n", "+timeout\r\n"],
    ..V2_2
};

#[cfg(test)]
mod tests {
    use super::Version;

    #[test]
    fn each_version_has_its_own_table() {
        for version in Version::ALL {
            let profile = version.profile();
            assert_eq!(profile.version, version);
            let stated = format!("AT version:{}", profile.name);
            assert!(profile.gmr.starts_with(&stated), "{}", profile.name);
            assert!(profile.gmr.ends_with("\r\n"));
            assert_eq!(profile.bare_ok.contains(&"GMR"), version.is_nonos());
        }
        assert!(Version::ALL.is_sorted());
    }
}
