//! Links, data, names and the server (sections 4 to 6).

use atat::{AtatCmd, AtatResp, Error, InternalError};
#[cfg(feature = "server")]
use usocket_core::Family;

use super::{Done, Line};
use crate::address::{Address, Ip, ip_of, is_v6};
#[cfg(feature = "dns")]
use crate::fields::ip;
use crate::fields::{Fields, after, link, number};

macro_rules! without_information {
    () => {
        fn parse(&self, _: Result<&[u8], InternalError<'_>>) -> Result<Done, Error> {
            Ok(Done)
        }
    };
}

/// `AT+CIPSTART` of a TCP link.
pub(crate) struct OpenTcp {
    pub(crate) link: u8,
    pub(crate) to: Address,
    /// Seconds until the first probe; `None` leaves the firmware's default.
    pub(crate) keep_alive: Option<u16>,
}

impl AtatCmd for OpenTcp {
    type Response = Done;
    const MAX_TIMEOUT_MS: u32 = 20_000;

    fn write(&self, buf: &mut [u8]) -> usize {
        let mut line = Line::new(buf, b"+CIPSTART=");
        line.number(self.link.into());
        line.text(if is_v6(ip_of(self.to)) { b",\"TCPv6\"," } else { b",\"TCP\"," });
        line.ip(ip_of(self.to)).comma().number(self.to.port().into());
        match self.keep_alive {
            Some(seconds) => line.comma().number(seconds.into()).end(),
            None => line.end(),
        }
    }

    without_information!();
}

/// `AT+CIPSTART` of a UDP link that hears everybody (mode 2).
#[cfg(feature = "udp")]
pub(crate) struct OpenUdp {
    pub(crate) link: u8,
    /// The wildcard, or a group to join (2.x).
    pub(crate) remote: Ip,
    pub(crate) port: u16,
    pub(crate) local_port: u16,
}

#[cfg(feature = "udp")]
impl AtatCmd for OpenUdp {
    type Response = Done;
    const MAX_TIMEOUT_MS: u32 = 5000;

    fn write(&self, buf: &mut [u8]) -> usize {
        let mut line = Line::new(buf, b"+CIPSTART=");
        line.number(self.link.into());
        line.text(if is_v6(self.remote) { b",\"UDPv6\"," } else { b",\"UDP\"," });
        line.ip(self.remote).comma().number(self.port.into());
        line.comma().number(self.local_port.into()).text(b",2").end()
    }

    without_information!();
}

/// `AT+CIPSEND`: the data follow the prompt.
pub(crate) struct Send {
    pub(crate) link: u8,
    pub(crate) len: u16,
    /// Where a datagram goes.
    pub(crate) to: Option<Address>,
}

impl AtatCmd for Send {
    type Response = Done;
    /// Until the prompt; the data and their result have times of their own.
    const MAX_TIMEOUT_MS: u32 = 5000;

    fn write(&self, buf: &mut [u8]) -> usize {
        let mut line = Line::new(buf, b"+CIPSEND=");
        line.number(self.link.into()).comma();
        line.number(self.len.into());
        match self.to {
            Some(to) => line.comma().ip(ip_of(to)).comma().number(to.port().into()).end(),
            None => line.end(),
        }
    }

    without_information!();
}

/// `AT+CIPSENDBUF` (1.x): the port is free at once, the result comes later.
pub(crate) struct SendBuffered {
    pub(crate) link: u8,
    pub(crate) len: u16,
}

/// The segment that a `CIPSENDBUF` begins (section 4.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment(pub(crate) u32);

impl AtatResp for Segment {}

impl AtatCmd for SendBuffered {
    type Response = Segment;
    const MAX_TIMEOUT_MS: u32 = 5000;

    fn write(&self, buf: &mut [u8]) -> usize {
        let mut line = Line::new(buf, b"+CIPSENDBUF=");
        line.number(self.link.into()).comma();
        line.number(self.len.into()).end()
    }

    fn parse(&self, line: Result<&[u8], InternalError<'_>>) -> Result<Segment, Error> {
        let mut fields = Fields::new(line.map_err(|_| Error::Error)?);
        let segment = fields.number().ok_or(Error::Parse)?;
        fields.number().ok_or(Error::Parse)?;
        Ok(Segment(segment))
    }
}

/// `AT+CIPRECVDATA`: at most `max` bytes of what waits (5.2).
pub(crate) struct Read {
    pub(crate) link: u8,
    pub(crate) max: u16,
}

impl AtatCmd for Read {
    type Response = Done;
    /// From the last byte heard: a reply of 2048 bytes at 9600 baud takes longer.
    const MAX_TIMEOUT_MS: u32 = 2000;

    fn write(&self, buf: &mut [u8]) -> usize {
        let mut line = Line::new(buf, b"+CIPRECVDATA=");
        line.number(self.link.into()).comma();
        line.number(self.max.into()).end()
    }

    without_information!();
}

/// `AT+CIPRECVLEN?`.
pub(crate) struct Lengths;

/// What waits on each link; `None` is a link that 2.x knows to be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Waiting(pub(crate) [Option<u32>; 5]);

impl AtatResp for Waiting {}

impl AtatCmd for Lengths {
    type Response = Waiting;
    const MAX_TIMEOUT_MS: u32 = 2000;

    fn write(&self, buf: &mut [u8]) -> usize {
        Line::new(buf, b"+CIPRECVLEN?").end()
    }

    fn parse(&self, line: Result<&[u8], InternalError<'_>>) -> Result<Waiting, Error> {
        let line = line.map_err(|_| Error::Error)?;
        let mut parts = after(line, b"+CIPRECVLEN:").ok_or(Error::Parse)?.split(comma);
        let mut waiting = [Some(0); 5];
        for len in &mut waiting {
            *len = match parts.next().ok_or(Error::Parse)? {
                b"-1" => None,
                // The document prints empty fields (5.2).
                b"" => Some(0),
                digits => Some(number(digits).ok_or(Error::Parse)?),
            };
        }
        Ok(Waiting(waiting))
    }
}

fn comma(byte: &u8) -> bool {
    *byte == b','
}

/// `AT+CIPSTATUS`.
pub(crate) struct Status;

/// A line of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StatusLine {
    /// `STATUS:<n>`: 2 has an address, 3 has a link, 4 a link is gone, 5 no access point.
    Station(u8),
    /// A link.
    Link(LinkStatus),
}

/// A link as the modem sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkStatus {
    pub(crate) link: u8,
    pub(crate) tcp: bool,
    pub(crate) ip: Option<Ip>,
    pub(crate) port: u16,
    pub(crate) local_port: u16,
    pub(crate) server: bool,
}

impl AtatResp for StatusLine {}

impl AtatCmd for Status {
    type Response = StatusLine;
    const MAX_TIMEOUT_MS: u32 = 2000;

    fn write(&self, buf: &mut [u8]) -> usize {
        Line::new(buf, b"+CIPSTATUS").end()
    }

    fn parse(&self, line: Result<&[u8], InternalError<'_>>) -> Result<StatusLine, Error> {
        let line = line.map_err(|_| Error::Error)?;
        if let Some(digit) = after(line, b"STATUS:") {
            let digit = number(digit).and_then(|digit| u8::try_from(digit).ok());
            return digit.map(StatusLine::Station).ok_or(Error::Parse);
        }
        let mut fields = Fields::new(after(line, b"+CIPSTATUS:").ok_or(Error::Parse)?);
        let read = |fields: &mut Fields<'_>| {
            Some(LinkStatus {
                link: link(fields.next()?)?,
                tcp: !fields.next()?.starts_with(b"UDP"),
                ip: fields.ip(),
                port: fields.port()?,
                local_port: fields.port()?,
                server: fields.number()? == 1,
            })
        };
        read(&mut fields).map(StatusLine::Link).ok_or(Error::Parse)
    }
}

/// `AT+CIPCLOSE`; 5 closes all.
pub(crate) struct Close(pub(crate) u8);

impl AtatCmd for Close {
    type Response = Done;
    const MAX_TIMEOUT_MS: u32 = 5000;

    fn write(&self, buf: &mut [u8]) -> usize {
        Line::new(buf, b"+CIPCLOSE=").number(self.0.into()).end()
    }

    without_information!();
}

/// What a link does at close and whether it waits to fill segments: `CIPCLOSEMODE` on
/// 1.7, `CIPTCPOPT` on 2.1 on (4.6).
pub(crate) enum LinkOption {
    /// The next `CIPCLOSE` resets the connection (1.7).
    CloseMode(u8),
    /// Linger 0 and Nagle's rule off or on (2.1).
    TcpOption { link: u8, abort: bool, no_delay: bool },
}

impl AtatCmd for LinkOption {
    type Response = Done;
    const MAX_TIMEOUT_MS: u32 = 2000;

    fn write(&self, buf: &mut [u8]) -> usize {
        match self {
            LinkOption::CloseMode(link) => {
                Line::new(buf, b"+CIPCLOSEMODE=").number((*link).into()).text(b",1").end()
            }
            LinkOption::TcpOption { link, abort, no_delay } => {
                let mut line = Line::new(buf, b"+CIPTCPOPT=");
                line.number((*link).into());
                line.text(if *abort { b",0," } else { b",-1," });
                line.number(u32::from(*no_delay)).text(b",0").end()
            }
        }
    }

    without_information!();
}

/// `AT+CIPDOMAIN`.
#[cfg(feature = "dns")]
pub(crate) struct Resolve<'n> {
    pub(crate) name: &'n [u8],
    /// On 2.2 with IPv6: 2 asks for IPv4 only, 3 for IPv6 only.
    pub(crate) family: Option<u8>,
}

/// The address of a name.
#[cfg(feature = "dns")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Resolved(pub(crate) Ip);

#[cfg(feature = "dns")]
impl AtatResp for Resolved {}

#[cfg(feature = "dns")]
impl AtatCmd for Resolve<'_> {
    type Response = Resolved;
    const MAX_TIMEOUT_MS: u32 = 20_000;

    fn write(&self, buf: &mut [u8]) -> usize {
        let mut line = Line::new(buf, b"+CIPDOMAIN=");
        line.quoted(self.name);
        match self.family {
            Some(family) => line.comma().number(family.into()).end(),
            None => line.end(),
        }
    }

    fn parse(&self, line: Result<&[u8], InternalError<'_>>) -> Result<Resolved, Error> {
        let line = line.map_err(|_| Error::Error)?;
        let text = after(line, b"+CIPDOMAIN:").ok_or(Error::Parse)?;
        ip(text).map(Resolved).ok_or(Error::Parse)
    }
}

/// Steps of a server (4.7).
#[cfg(feature = "server")]
pub(crate) enum Server {
    /// How many clients at once; before the start only.
    MaxClients(u8),
    /// Begins to listen.
    Start(Family, u16),
    /// Never closes an idle client.
    NoTimeout,
    /// Stops listening.
    Stop,
}

#[cfg(feature = "server")]
impl AtatCmd for Server {
    type Response = Done;
    const MAX_TIMEOUT_MS: u32 = 5000;

    fn write(&self, buf: &mut [u8]) -> usize {
        match self {
            Server::MaxClients(most) => {
                Line::new(buf, b"+CIPSERVERMAXCONN=").number((*most).into()).end()
            }
            Server::Start(family, port) => {
                let mut line = Line::new(buf, b"+CIPSERVER=1,");
                line.number((*port).into());
                // A type is known from 2.2 on only, as IPv6 is.
                match family {
                    Family::V4 => line.end(),
                    Family::V6 => line.text(b",\"TCPv6\"").end(),
                }
            }
            Server::NoTimeout => Line::new(buf, b"+CIPSTO=0").end(),
            Server::Stop => Line::new(buf, b"+CIPSERVER=0").end(),
        }
    }

    without_information!();
}
