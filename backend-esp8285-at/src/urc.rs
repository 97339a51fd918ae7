//! Unsolicited result codes: lines that the modem sends by itself.

#[cfg(feature = "access-point")]
use core::net::IpAddr;

use crate::address::Ip;
use crate::fields::{Fields, after, link, word};

/// A line that the modem sends unasked (sheet sections 1.1, 1.5, 4.5, 4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Urc {
    /// The modem has booted.
    Ready,
    /// Associated with an access point, without an address yet.
    WifiConnected,
    /// The station has an address.
    WifiGotIp,
    /// The station has lost its access point.
    WifiDisconnect,
    /// An IPv6 address of the station.
    #[cfg(feature = "ipv6")]
    WifiGotIpV6,
    /// A link stands.
    Connect(u8),
    /// A link is gone.
    Closed(u8),
    /// An open failed (1.x).
    ConnectFail(u8),
    /// A link stands, or failed, with all that is known of it; replaces `Connect`.
    LinkConn(LinkConn),
    /// The segment of a `CIPSENDBUF` was acknowledged or failed.
    Segment { link: u8, segment: u32, ok: bool },
    /// A client of the access point came, got an address, or left.
    #[cfg(feature = "access-point")]
    Station(StationEvent),
    /// The same, of an access point that is not ours to use.
    #[cfg(not(feature = "access-point"))]
    Station,
}

/// `+LINK_CONN` (section 4.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkConn {
    pub(crate) link: u8,
    pub(crate) ok: bool,
    pub(crate) tcp: bool,
    /// The peer connected to us.
    pub(crate) server: bool,
    pub(crate) ip: Option<Ip>,
    pub(crate) port: u16,
    pub(crate) local_port: u16,
}

/// What a client of the access point did (1.6.1 on).
#[cfg(feature = "access-point")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StationEvent {
    /// It associated.
    Connected([u8; 6]),
    /// It was given an address.
    Address([u8; 6], core::net::Ipv4Addr),
    /// It left.
    Disconnected([u8; 6]),
}

impl atat::AtatUrc for Urc {
    fn parse(line: &[u8]) -> Option<Self> {
        const WORDS: &[&[u8]] = &[
            b"ready",
            b"WIFI CONNECTED",
            b"WIFI GOT IP",
            b"WIFI DISCONNECT",
            #[cfg(feature = "ipv6")]
            b"WIFI GOT IPv6 LL",
            #[cfg(feature = "ipv6")]
            b"WIFI GOT IPv6 GL",
        ];
        match line {
            [b'+', rest @ ..] => plus(rest),
            [id, b',', rest @ ..] => of_link(link(&[*id])?, rest),
            // `wdt reset` and its like announce a reboot as well (section 1.1).
            _ if line.ends_with(b"wdt reset") => Some(Urc::Ready),
            _ => match word(line, WORDS)? {
                0 => Some(Urc::Ready),
                1 => Some(Urc::WifiConnected),
                2 => Some(Urc::WifiGotIp),
                3 => Some(Urc::WifiDisconnect),
                #[cfg(feature = "ipv6")]
                4 | 5 => Some(Urc::WifiGotIpV6),
                _ => None,
            },
        }
    }
}

/// `<id>,` and one of the words.
fn of_link(link: u8, rest: &[u8]) -> Option<Urc> {
    Some(match word(rest, &[b"CONNECT", b"CLOSED", b"CONNECT FAIL"]) {
        Some(0) => Urc::Connect(link),
        Some(1) => Urc::Closed(link),
        Some(_) => Urc::ConnectFail(link),
        None => {
            let mut fields = Fields::new(rest);
            let segment = fields.number()?;
            let ok = word(fields.next()?, &[b"SEND OK", b"SEND FAIL"])? == 0;
            Urc::Segment { link, segment, ok }
        }
    })
}

fn plus(rest: &[u8]) -> Option<Urc> {
    if let Some(rest) = after(rest, b"LINK_CONN:") {
        let mut fields = Fields::new(rest);
        let ok = fields.number()? == 0;
        return Some(Urc::LinkConn(LinkConn {
            ok,
            link: link(fields.next()?)?,
            tcp: !fields.next()?.starts_with(b"UDP"),
            server: fields.number()? == 1,
            ip: fields.ip(),
            port: fields.port()?,
            local_port: fields.port()?,
        }));
    }
    station(rest)
}

/// The clients of the access point.
#[cfg(feature = "access-point")]
fn station(rest: &[u8]) -> Option<Urc> {
    let mut fields;
    let station = if let Some(rest) = after(rest, b"STA_CONNECTED:") {
        fields = Fields::new(rest);
        StationEvent::Connected(mac(fields.next()?)?)
    } else if let Some(rest) = after(rest, b"STA_DISCONNECTED:") {
        fields = Fields::new(rest);
        StationEvent::Disconnected(mac(fields.next()?)?)
    } else {
        fields = Fields::new(after(rest, b"DIST_STA_IP:")?);
        let mac = mac(fields.next()?)?;
        let Some(IpAddr::V4(ip)) = fields.ip().map(IpAddr::from) else { return None };
        StationEvent::Address(mac, ip)
    };
    Some(Urc::Station(station))
}

/// The same where nobody asks what they did.
#[cfg(not(feature = "access-point"))]
fn station(rest: &[u8]) -> Option<Urc> {
    const WORDS: [&[u8]; 3] = [b"STA_CONNECTED:", b"STA_DISCONNECTED:", b"DIST_STA_IP:"];
    WORDS.iter().any(|word| rest.starts_with(word)).then_some(Urc::Station)
}

/// Six pairs of hexadecimal digits with colons between.
#[cfg(any(feature = "access-point", feature = "scan"))]
pub(crate) fn mac(text: &[u8]) -> Option<[u8; 6]> {
    let mut mac = [0; 6];
    let mut parts = text.split(|byte| *byte == b':');
    for byte in &mut mac {
        let [high, low] = parts.next()? else { return None };
        let digit = |digit: u8| char::from(digit).to_digit(16);
        *byte = u8::try_from(digit(*high)? * 16 + digit(*low)?).ok()?;
    }
    parts.next().is_none().then_some(mac)
}

#[cfg(test)]
mod tests {
    use atat::AtatUrc;

    use super::*;

    #[test]
    fn each_line_of_the_sheet() {
        let segment = |segment, ok| Urc::Segment { link: 1, segment, ok };
        let ip = core::net::Ipv4Addr::new(192, 168, 4, 2);
        let conn = Urc::LinkConn(LinkConn {
            link: 0,
            ok: true,
            tcp: true,
            server: true,
            ip: Some(ip.into()),
            port: 50000,
            local_port: 80,
        });
        for (line, urc) in [
            (&b"ready"[..], Urc::Ready),
            (b"ets wdt reset", Urc::Ready),
            (b"WIFI CONNECTED", Urc::WifiConnected),
            (b"WIFI GOT IP", Urc::WifiGotIp),
            (b"WIFI DISCONNECT", Urc::WifiDisconnect),
            (b"0,CONNECT", Urc::Connect(0)),
            (b"4,CLOSED", Urc::Closed(4)),
            (b"2,CONNECT FAIL", Urc::ConnectFail(2)),
            (b"1,12,SEND OK", segment(12, true)),
            (b"1,3,SEND FAIL", segment(3, false)),
            (b"+LINK_CONN:0,0,\"TCP\",1,\"192.168.4.2\",50000,80", conn),
        ] {
            assert_eq!(Urc::parse(line), Some(urc), "{}", line.escape_ascii());
        }
    }

    #[test]
    fn clients_of_the_access_point() {
        #[cfg(feature = "access-point")]
        let [connected, address, disconnected] = {
            let mac = [1, 2, 3, 0xAA, 0xBB, 0xCC];
            let ip = core::net::Ipv4Addr::new(192, 168, 4, 2);
            [
                StationEvent::Connected(mac),
                StationEvent::Address(mac, ip),
                StationEvent::Disconnected(mac),
            ]
            .map(Urc::Station)
        };
        #[cfg(not(feature = "access-point"))]
        let [connected, address, disconnected] = [Urc::Station; 3];
        for (line, urc) in [
            (&b"+STA_CONNECTED:\"01:02:03:aa:bb:cc\""[..], connected),
            (b"+DIST_STA_IP:\"01:02:03:aa:bb:cc\",\"192.168.4.2\"", address),
            (b"+STA_DISCONNECTED:\"01:02:03:AA:BB:CC\"", disconnected),
        ] {
            assert_eq!(Urc::parse(line), Some(urc), "{}", line.escape_ascii());
        }
    }

    #[cfg(feature = "access-point")]
    #[test]
    fn a_client_without_an_address_is_none() {
        assert_eq!(Urc::parse(b"+STA_CONNECTED:\"01:02:03\""), None);
    }

    #[test]
    fn what_only_looks_like_one_is_none() {
        for line in [
            &b""[..],
            b"5,CLOSED",
            b"0,CLOSED ",
            b"0,CLOSE",
            b"10,CLOSED",
            b"SEND OK",
            b"1,SEND OK",
            b"OK",
            b"readyx",
            b"+LINK_CONN:0,9,\"TCP\",1,\"1.2.3.4\",1,2",
            b"+STA_CONNECT:\"01:02:03:aa:bb:cc\"",
        ] {
            assert_eq!(Urc::parse(line), None, "{}", line.escape_ascii());
        }
    }
}
