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
        let mut line = Self { buf, len: 0, bad: false };
        line.text(b"AT").text(name);
        line
    }

    pub(crate) fn text(&mut self, text: &[u8]) -> &mut Self {
        match self.buf.get_mut(self.len..self.len + text.len()) {
            Some(room) => {
                room.copy_from_slice(text);
                self.len += text.len();
            }
            None => self.bad = true,
        }
        self
    }

    pub(crate) fn number(&mut self, value: u32) -> &mut Self {
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

    pub(crate) fn comma(&mut self) -> &mut Self {
        self.text(b",")
    }

    /// Text in quotes with `"`, `,` and `\` escaped. CR, LF and NUL cannot be expressed
    /// (section 3.2): then the command is refused.
    pub(crate) fn quoted(&mut self, text: &[u8]) -> &mut Self {
        self.text(b"\"");
        for byte in text {
            match byte {
                b'"' | b',' | b'\\' => {
                    self.text(b"\\");
                }
                b'\r' | b'\n' | 0 => self.bad = true,
                _ => {}
            }
            self.text(&[*byte]);
        }
        self.text(b"\"")
    }

    /// An address in quotes.
    pub(crate) fn ip(&mut self, ip: Ip) -> &mut Self {
        match IpAddr::from(ip) {
            IpAddr::V4(ip) => {
                let mut before: &[u8] = b"\"";
                for octet in ip.octets() {
                    self.text(before).number(octet.into());
                    before = b".";
                }
                self.text(b"\"")
            }
            #[cfg(feature = "ipv6")]
            IpAddr::V6(_) => {
                let mut text = heapless::String::<48>::new();
                self.bad |= core::fmt::write(&mut text, format_args!("{ip}")).is_err();
                self.text(b"\"").text(text.as_bytes()).text(b"\"")
            }
            #[cfg(not(feature = "ipv6"))]
            IpAddr::V6(_) => {
                self.bad = true;
                self
            }
        }
    }

    /// Ends the line; its length, or 0 if it cannot be sent.
    pub(crate) fn end(&mut self) -> usize {
        self.text(b"\r\n");
        if self.bad { 0 } else { self.len }
    }
}

#[cfg(test)]
mod tests;
