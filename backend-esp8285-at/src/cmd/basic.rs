//! Probing, echo, version, rate and plain settings (sections 1, 2, 7).

use atat::{AtatCmd, AtatResp, Error, InternalError};

use super::{Dialect, Done, Line};
use crate::fields::{after, number};

/// `AT`: is anybody there?
pub(crate) struct At;

impl AtatCmd for At {
    type Response = Done;
    /// It takes 1 to 10 ms (section 8).
    const MAX_TIMEOUT_MS: u32 = 250;

    fn write(&self, buf: &mut [u8]) -> usize {
        Line::new(buf, b"").end()
    }

    fn parse(&self, _: Result<&[u8], InternalError<'_>>) -> Result<Done, Error> {
        Ok(Done)
    }
}

/// A setting whose line is fixed: what follows `AT`.
pub(crate) struct Set(pub(crate) &'static [u8]);

impl AtatCmd for Set {
    type Response = Done;
    const MAX_TIMEOUT_MS: u32 = 2000;

    fn write(&self, buf: &mut [u8]) -> usize {
        Line::new(buf, self.0).end()
    }

    fn parse(&self, _: Result<&[u8], InternalError<'_>>) -> Result<Done, Error> {
        Ok(Done)
    }
}

/// The version of the AT firmware, `<major>.<minor>.<patch>` (section 1.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// 1 is the NonOS family, 2 esp-at.
    pub major: u8,
    /// The feature release.
    pub minor: u8,
    /// The bug fixes.
    pub patch: u8,
}

impl AtatResp for Version {}

/// `AT+GMR`.
pub(crate) struct GetVersion;

impl AtatCmd for GetVersion {
    type Response = Version;
    const MAX_TIMEOUT_MS: u32 = 2000;

    fn write(&self, buf: &mut [u8]) -> usize {
        Line::new(buf, b"+GMR").end()
    }

    fn parse(&self, line: Result<&[u8], InternalError<'_>>) -> Result<Version, Error> {
        let line = line.map_err(|_| Error::Error)?;
        let rest = after(line, b"AT version:").ok_or(Error::Parse)?;
        let mut parts = rest.split(|byte| !byte.is_ascii_digit());
        let mut part = || {
            let digits = parts.next().and_then(number);
            digits.and_then(|part| u8::try_from(part).ok()).ok_or(Error::Parse)
        };
        Ok(Version { major: part()?, minor: part()?, patch: part()? })
    }
}

/// `AT+UART_CUR`: the rate, 8N1, no flow control. Never `UART_DEF`, which is stored.
pub(crate) struct Baud(pub(crate) u32);

impl AtatCmd for Baud {
    type Response = Done;
    const MAX_TIMEOUT_MS: u32 = 2000;

    fn write(&self, buf: &mut [u8]) -> usize {
        Line::new(buf, b"+UART_CUR=").number(self.0).text(b",8,1,0,0").end()
    }

    fn parse(&self, _: Result<&[u8], InternalError<'_>>) -> Result<Done, Error> {
        Ok(Done)
    }
}

impl Dialect {
    /// Which family a version belongs to.
    pub(crate) fn of(version: Version) -> Self {
        if version.major >= 2 { Dialect::EspAt } else { Dialect::NonOs }
    }
}
