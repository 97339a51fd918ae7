//! The station, the access point and addresses (section 3).

use core::net::{IpAddr, Ipv4Addr};

use atat::{AtatCmd, AtatResp, Error, InternalError};

use super::{Dialect, Done, Line};
use crate::fields::{Fields, after, number, word};

macro_rules! without_information {
    () => {
        fn parse(&self, _: Result<&[u8], InternalError<'_>>) -> Result<Done, Error> {
            Ok(Done)
        }
    };
}

/// `AT+CWMODE`: 1 station, 2 access point, 3 both.
pub(crate) struct SetMode(pub(crate) Dialect, pub(crate) u8);

impl AtatCmd for SetMode {
    type Response = Done;
    const MAX_TIMEOUT_MS: u32 = 5000;

    fn write(&self, buf: &mut [u8]) -> usize {
        let mut line = Line::new(buf, b"+CWMODE");
        line.text(self.0.current());
        line.text(b"=").number(self.1.into()).end()
    }

    without_information!();
}

/// `AT+CWMODE?`.
pub(crate) struct GetMode(pub(crate) Dialect);

/// The mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode(pub(crate) u8);

impl AtatResp for Mode {}

impl AtatCmd for GetMode {
    type Response = Mode;
    const MAX_TIMEOUT_MS: u32 = 2000;

    fn write(&self, buf: &mut [u8]) -> usize {
        Line::new(buf, b"+CWMODE").text(self.0.current()).text(b"?").end()
    }

    fn parse(&self, line: Result<&[u8], InternalError<'_>>) -> Result<Mode, Error> {
        let line = line.map_err(|_| Error::Error)?;
        let rest = after(line, b"+CWMODE").ok_or(Error::Parse)?;
        let rest = after(rest, b"_CUR").unwrap_or(rest);
        let mode = rest.strip_prefix(b":").and_then(number);
        mode.and_then(|mode| u8::try_from(mode).ok()).map(Mode).ok_or(Error::Parse)
    }
}

/// `AT+CWJAP`.
pub(crate) struct Join<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) ssid: &'a [u8],
    pub(crate) key: &'a [u8],
}

impl AtatCmd for Join<'_> {
    type Response = Done;
    const MAX_TIMEOUT_MS: u32 = 20_000;

    fn write(&self, buf: &mut [u8]) -> usize {
        let mut line = Line::new(buf, b"+CWJAP");
        line.text(self.dialect.current());
        line.text(b"=").quoted(self.ssid).comma().quoted(self.key).end()
    }

    without_information!();
}

/// `AT+CIPSTA?` or `AT+CIPAP?`, and setting them.
pub(crate) enum Addresses {
    /// Asks for the station's.
    Station(Dialect),
    /// A fixed address of the station; its DHCP goes off with it.
    #[cfg(feature = "settings")]
    Fixed(Dialect, crate::IfConfig),
}

/// A line of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddressLine {
    Ip(Ipv4Addr),
    Gateway(Ipv4Addr),
    Netmask(Ipv4Addr),
    #[cfg(feature = "ipv6")]
    V6(core::net::Ipv6Addr),
}

impl AtatResp for AddressLine {}

impl AtatCmd for Addresses {
    type Response = AddressLine;
    const MAX_TIMEOUT_MS: u32 = 2000;

    fn write(&self, buf: &mut [u8]) -> usize {
        match self {
            Addresses::Station(dialect) => {
                Line::new(buf, b"+CIPSTA").text(dialect.current()).text(b"?").end()
            }
            #[cfg(feature = "settings")]
            Addresses::Fixed(dialect, config) => {
                let mut line = Line::new(buf, b"+CIPSTA");
                line.text(dialect.current()).text(b"=");
                line.ip(config.ip.into()).comma().ip(config.gateway.into());
                line.comma().ip(config.netmask.into()).end()
            }
        }
    }

    fn parse(&self, line: Result<&[u8], InternalError<'_>>) -> Result<AddressLine, Error> {
        let line = line.map_err(|_| Error::Error)?;
        let rest = after(line, b"+CIP").ok_or(Error::Parse)?;
        let colon = rest.iter().position(|byte| *byte == b':').ok_or(Error::Parse)?;
        let rest = &rest[colon + 1..];
        let colon = rest.iter().position(|byte| *byte == b':').ok_or(Error::Parse)?;
        let (name, value) = (&rest[..colon], &rest[colon + 1..]);
        let address = IpAddr::from(Fields::new(value).ip().ok_or(Error::Parse)?);
        match (word(name, &[b"ip", b"gateway", b"netmask", b"ip6ll", b"ip6gl"]), address) {
            (Some(0), IpAddr::V4(ip)) => Ok(AddressLine::Ip(ip)),
            (Some(1), IpAddr::V4(ip)) => Ok(AddressLine::Gateway(ip)),
            (Some(2), IpAddr::V4(ip)) => Ok(AddressLine::Netmask(ip)),
            #[cfg(feature = "ipv6")]
            (Some(3 | 4), IpAddr::V6(ip)) => Ok(AddressLine::V6(ip)),
            _ => Err(Error::Parse),
        }
    }
}

/// Settings of the station and questions about it.
#[cfg(feature = "settings")]
pub(crate) enum Station<'a> {
    /// The name under which DHCP knows it.
    HostName(&'a [u8]),
    /// Addresses by DHCP again (arguments differ by dialect).
    Dhcp(Dialect),
    /// Name servers; none is DHCP's.
    Dns(Dialect, &'a [Ipv4Addr]),
    /// Which access point it has joined, and how well it hears it.
    Joined(Dialect),
}

/// How well the access point is heard, dBm.
#[cfg(feature = "settings")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rssi(pub(crate) i8);

#[cfg(feature = "settings")]
impl AtatResp for Rssi {}

#[cfg(feature = "settings")]
impl AtatCmd for Station<'_> {
    type Response = Rssi;
    const MAX_TIMEOUT_MS: u32 = 5000;

    fn write(&self, buf: &mut [u8]) -> usize {
        match self {
            Station::HostName(name) => Line::new(buf, b"+CWHOSTNAME=").quoted(name).end(),
            Station::Dhcp(Dialect::NonOs) => Line::new(buf, b"+CWDHCP_CUR=1,1").end(),
            Station::Dhcp(Dialect::EspAt) => Line::new(buf, b"+CWDHCP=1,1").end(),
            Station::Dns(dialect, servers) => {
                let mut line = Line::new(buf, b"+CIPDNS");
                line.text(dialect.current());
                line.text(if servers.is_empty() { b"=0" } else { b"=1" });
                for ip in *servers {
                    line.comma().ip((*ip).into());
                }
                line.end()
            }
            Station::Joined(dialect) => {
                Line::new(buf, b"+CWJAP").text(dialect.current()).text(b"?").end()
            }
        }
    }

    /// The RSSI is the fourth field; the SSID may hold commas and quotes, so it is looked
    /// for behind the address, which is the last thing in quotes (3.2, 3.4).
    fn parse(&self, line: Result<&[u8], InternalError<'_>>) -> Result<Rssi, Error> {
        let line = line.map_err(|_| Error::Error)?;
        if !line.starts_with(b"+CWJAP") {
            return Err(Error::Parse);
        }
        let quote = line.iter().rposition(|byte| *byte == b'"').ok_or(Error::Parse)?;
        let mut fields = Fields::new(line.get(quote + 2..).ok_or(Error::Parse)?);
        let rssi = fields.next().and_then(|_channel| signed(fields.next()?));
        rssi.map(Rssi).ok_or(Error::Parse)
    }
}

/// A number that may be negative.
#[cfg(any(feature = "scan", feature = "settings"))]
fn signed(digits: &[u8]) -> Option<i8> {
    match digits.strip_prefix(b"-") {
        Some(digits) => i8::try_from(-i64::from(number(digits)?)).ok(),
        None => i8::try_from(number(digits)?).ok(),
    }
}

/// An access point found by a scan.
#[cfg(feature = "scan")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPoint {
    /// Its name, any bytes.
    pub ssid: heapless::Vec<u8, 32>,
    /// Its address.
    pub bssid: [u8; 6],
    /// How well it is heard, dBm.
    pub rssi: i8,
    /// Its channel.
    pub channel: u8,
    /// 0 open, 1 WEP, 2 WPA, 3 WPA2, 4 WPA/WPA2, 5 enterprise, 6 and 7 WPA3.
    pub security: u8,
}

#[cfg(feature = "scan")]
impl AtatResp for AccessPoint {}

/// `AT+CWLAP`, after `CWLAPOPT` has made its lines alike.
#[cfg(feature = "scan")]
pub(crate) struct Scan;

#[cfg(feature = "scan")]
impl AtatCmd for Scan {
    type Response = AccessPoint;
    const MAX_TIMEOUT_MS: u32 = 10_000;

    fn write(&self, buf: &mut [u8]) -> usize {
        Line::new(buf, b"+CWLAP").end()
    }

    /// From the right, since the SSID may hold anything, and with however many fields the
    /// version has behind the channel (3.3).
    fn parse(&self, line: Result<&[u8], InternalError<'_>>) -> Result<AccessPoint, Error> {
        let line = line.map_err(|_| Error::Error)?;
        let read = || {
            let body = after(line, b"+CWLAP:(")?.strip_suffix(b")")?;
            let security = body.iter().position(|byte| *byte == b',')?;
            // `"<ssid>",<rssi>,"<mac>",<channel>...`: the address ends at the last quote.
            let quotes = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte == b'"');
            let mac_end = quotes(body)?;
            let mac_start = quotes(&body[..mac_end])?;
            let ssid_end = quotes(&body[..mac_start])?;
            let mut tail = Fields::new(body.get(mac_end + 2..)?);
            let mut middle = Fields::new(body.get(ssid_end + 2..mac_start)?);
            let ssid = body.get(security + 2..ssid_end)?;
            Some(AccessPoint {
                ssid: heapless::Vec::from_slice(ssid).ok()?,
                bssid: crate::urc::mac(&body[mac_start + 1..mac_end])?,
                rssi: signed(middle.next()?)?,
                channel: u8::try_from(tail.number()?).ok()?,
                security: u8::try_from(number(&body[..security])?).ok()?,
            })
        };
        read().ok_or(Error::Parse)
    }
}

/// `AT+CWSAP` (3.5).
#[cfg(feature = "access-point")]
pub(crate) struct SetAccessPoint<'a> {
    pub(crate) dialect: Dialect,
    pub(crate) ssid: &'a [u8],
    pub(crate) key: &'a [u8],
    pub(crate) channel: u8,
}

#[cfg(feature = "access-point")]
impl AtatCmd for SetAccessPoint<'_> {
    type Response = Done;
    const MAX_TIMEOUT_MS: u32 = 5000;

    fn write(&self, buf: &mut [u8]) -> usize {
        let mut line = Line::new(buf, b"+CWSAP");
        line.text(self.dialect.current()).text(b"=");
        line.quoted(self.ssid).comma().quoted(self.key).comma();
        // WPA2 with a key, open without.
        let security = if self.key.is_empty() { 0 } else { 3 };
        line.number(self.channel.into()).comma().number(security).end()
    }

    without_information!();
}

/// `AT+PING` (section 9).
#[cfg(feature = "ping")]
pub(crate) struct Ping<'a>(pub(crate) &'a [u8]);

/// The round trip, milliseconds.
#[cfg(feature = "ping")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pong(pub(crate) u32);

#[cfg(feature = "ping")]
impl AtatResp for Pong {}

#[cfg(feature = "ping")]
impl AtatCmd for Ping<'_> {
    type Response = Pong;
    const MAX_TIMEOUT_MS: u32 = 10_000;

    fn write(&self, buf: &mut [u8]) -> usize {
        Line::new(buf, b"+PING=").quoted(self.0).end()
    }

    fn parse(&self, line: Result<&[u8], InternalError<'_>>) -> Result<Pong, Error> {
        let line = line.map_err(|_| Error::Error)?;
        let rest = line.strip_prefix(b"+").ok_or(Error::Parse)?;
        number(after(rest, b"PING:").unwrap_or(rest)).map(Pong).ok_or(Error::Parse)
    }
}
