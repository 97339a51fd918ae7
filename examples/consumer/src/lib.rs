//! The whole application: it knows no backend and no board.
//!
//! A station measures and reports to a collector, one line per measurement; the
//! collector answers each with the setting of the window. Both ends are here, so that
//! the tests need nobody else.
#![no_std]
#![forbid(unsafe_code)]

use core::fmt::{self, Write};

use usocket::SockAddr;
use usocket::prelude::*;

/// One look at the sensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Climate {
    /// Tenths of a degree Celsius.
    pub temperature: i16,
    /// Percent.
    pub humidity: u8,
}

/// What the collector wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Window {
    /// Open it.
    Open,
    /// Close it.
    Shut,
}

/// Reports measurements until there are no more, and hands each answer to `set`.
/// Returns how many were reported.
pub fn station<B: Backend>(
    net: &B,
    collector: &str,
    measurements: impl IntoIterator<Item = Climate>,
    mut set: impl FnMut(Window),
) -> Result<usize> {
    let s = net.dial(collector, 5)?;
    s.settimeout(5)?;
    let mut reported = 0;
    for Climate { temperature, humidity } in measurements {
        let mut line = Line::default();
        writeln!(line, "{temperature} {humidity}").map_err(|_| Error::EMSGSIZE)?;
        s.sendall(line.bytes())?;
        set(answer(&s)?);
        reported += 1;
    }
    s.close()?;
    Ok(reported)
}

/// The other end: takes the reports of one station and answers each.
/// Returns who it was and the warmest it was there.
pub fn collector<B: Backend>(listener: &Socket<'_, B>) -> Result<(SockAddr, Option<Climate>)> {
    let (s, peer) = listener.accept()?;
    s.settimeout(30)?;
    let mut warmest: Option<Climate> = None;
    let mut line = [0; Line::ROOM];
    loop {
        let len = s.readline(&mut line)?.unwrap_or(0);
        if len == 0 {
            return Ok((peer, warmest));
        }
        let now = parse(&line[..len]).ok_or(Error::EINVAL)?;
        if warmest.is_none_or(|warmest| now.temperature > warmest.temperature) {
            warmest = Some(now);
        }
        s.sendall(if now.temperature > 250 { "open\n" } else { "shut\n" })?;
    }
}

fn answer<B: Backend>(s: &Socket<'_, B>) -> Result<Window> {
    let mut line = [0; Line::ROOM];
    let len = s.readline(&mut line)?.unwrap_or(0);
    match &line[..len] {
        b"open\n" => Ok(Window::Open),
        b"shut\n" => Ok(Window::Shut),
        b"" => Err(Error::ECONNRESET),
        _ => Err(Error::EINVAL),
    }
}

fn parse(line: &[u8]) -> Option<Climate> {
    let text = core::str::from_utf8(line).ok()?.strip_suffix('\n')?;
    let (temperature, humidity) = text.split_once(' ')?;
    Some(Climate { temperature: temperature.parse().ok()?, humidity: humidity.parse().ok()? })
}

/// A short line of text, without an allocator.
#[derive(Default)]
struct Line {
    text: [u8; Line::ROOM],
    len: usize,
}

impl Line {
    const ROOM: usize = 24;

    fn bytes(&self) -> &[u8] {
        &self.text[..self.len]
    }
}

impl Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.text.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
