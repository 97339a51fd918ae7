//! The commands, as [`atat`] commands with their own timeouts.
//!
//! Each knows its bytes in both dialects, and how to read the line that answers it. Text
//! that comes from a user goes through [`Line::quoted`], which escapes or refuses (P7).

mod basic;
mod links;
mod wifi;

pub use basic::Version;
#[cfg(feature = "scan")]
pub use wifi::AccessPoint;

pub(crate) use basic::{At, Baud, GetVersion, Set};
pub(crate) use links::*;
pub(crate) use wifi::*;

use core::net::IpAddr;

use atat::AtatResp;

use crate::address::Ip;

/// Longest command line of ours, CR LF included: `CWSAP_CUR` with a name of 32 and a key of 64
/// bytes, all escaped, takes 217. The firmware takes 256 (section 9).
pub(crate) const MAX_COMMAND: usize = 224;

/// Which family of firmware is spoken to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// 1.x: settings have `_CUR` forms that spare the flash.
    #[default]
    NonOs,
    /// 2.x: no such forms; `SYSSTORE=0` spares the flash.
    EspAt,
}

impl Dialect {
    /// The suffix of a setting that is not stored.
    fn current(self) -> &'static [u8] {
        match self {
            Dialect::NonOs => b"_CUR",
            Dialect::EspAt => b"",
        }
    }
}

/// A command without information of its own in the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Done;

impl AtatResp for Done {}

/// A command line being written.
pub(crate) struct Line<'b> {
    buf: &'b mut [u8],
    len: usize,
    /// It did not fit, or held what cannot be expressed.
    bad: bool,
}

impl<'b> Line<'b> {
    pub(crate) fn new(buf: &'b mut [u8], name: &[u8]) -> Self {
        Self { buf, len: 0, bad: false }.text(b"AT").text(name)
    }

    pub(crate) fn text(mut self, text: &[u8]) -> Self {
        match self.buf.get_mut(self.len..self.len + text.len()) {
            Some(room) => {
                room.copy_from_slice(text);
                self.len += text.len();
            }
            None => self.bad = true,
        }
        self
    }

    pub(crate) fn number(self, value: u32) -> Self {
        let mut digits = [0; 10];
        let mut at = digits.len();
        let mut value = value;
        loop {
            at -= 1;
            // A remainder of ten is one digit.
            digits[at] = b'0' + (value % 10) as u8;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        self.text(&digits[at..])
    }

    pub(crate) fn comma(self) -> Self {
        self.text(b",")
    }

    /// Text in quotes with `"`, `,` and `\` escaped. CR, LF and NUL cannot be expressed
    /// (section 3.2): then the command is refused.
    pub(crate) fn quoted(self, text: &[u8]) -> Self {
        let mut line = self.text(b"\"");
        for byte in text {
            line = match byte {
                b'"' | b',' | b'\\' => line.text(&[b'\\', *byte]),
                b'\r' | b'\n' | 0 => return Self { bad: true, ..line },
                _ => line.text(&[*byte]),
            };
        }
        line.text(b"\"")
    }

    /// An address in quotes.
    pub(crate) fn ip(self, ip: Ip) -> Self {
        match IpAddr::from(ip) {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets().map(u32::from);
                let line = self.text(b"\"").number(a).text(b".").number(b).text(b".");
                line.number(c).text(b".").number(d).text(b"\"")
            }
            #[cfg(feature = "ipv6")]
            IpAddr::V6(_) => {
                let mut text = heapless::String::<48>::new();
                if core::fmt::write(&mut text, format_args!("{ip}")).is_err() {
                    return Self { bad: true, ..self };
                }
                self.text(b"\"").text(text.as_bytes()).text(b"\"")
            }
            #[cfg(not(feature = "ipv6"))]
            IpAddr::V6(_) => Self { bad: true, ..self },
        }
    }

    /// Ends the line; its length, or 0 if it cannot be sent.
    pub(crate) fn end(self) -> usize {
        let line = self.text(b"\r\n");
        if line.bad { 0 } else { line.len }
    }
}

#[cfg(test)]
mod tests;
