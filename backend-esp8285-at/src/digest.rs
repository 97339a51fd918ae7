//! The digester: bytes of the modem become lines, prompts and counted payload.
//!
//! Payload is passed through by count and never searched (R20, P7), so a payload may
//! hold anything. The result does not depend on how the bytes are cut into chunks.

use atat::{AtatUrc, DigestResult, Digester, InternalError};

use crate::address::Address;
use crate::fields::{after, ip, link, number};
use crate::urc::Urc;

/// Longest line kept whole; what is longer is garbled. `CWLAP` has the longest: 32 bytes
/// of name beside some 70 of numbers.
pub(crate) const MAX_LINE: usize = 128;

/// Longest head of a counted payload: `+IPD`, id, length, a quoted IPv6 address, a port.
const MAX_HEAD: usize = 72;

/// What a chunk was, beyond what [`DigestResult`] can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// `+IPD,<id>,<len>` without payload: data wait in the modem (section 5.2).
    Notice(u8),
    /// The head of a counted payload.
    Head(Head),
    /// So many bytes of it, the ones consumed. With [`Digest::payload_left`] at 0 it was
    /// the end of it.
    Payload(usize),
    /// Whether what followed the payload was what had to follow it.
    Framed(bool),
}

/// The head of a counted payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) source: Source,
    pub(crate) len: u16,
    /// The sender of a datagram, with `CIPDINFO=1`.
    pub(crate) from: Option<Address>,
}

/// Where counted payload belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Active receive: the link is named.
    Pushed(u8),
    /// The reply to `CIPRECVDATA`, which names none.
    Read,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// At the beginning of a line or inside one.
    Line,
    /// Inside counted payload: so many bytes are to come. `excused` where it has paused since
    /// the last one, and may not again.
    Payload { left: u16, excused: bool },
}

/// How far the end of the last payload has been checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    /// Nothing to check.
    Closed,
    /// CR is due; a line of the modem's own may come first (section 2.4).
    Cr,
    /// LF is due.
    Lf,
    /// After the reply to a read something else than another line end is due.
    Text,
}

/// An [`atat::Digester`] with a side channel for payload; see [`Event`].
#[derive(Debug)]
pub(crate) struct Digest {
    state: State,
    framing: Framing,
    /// The last payload was the reply to a read.
    read: bool,
    /// A prompt may come.
    prompt: bool,
    /// The byte before was a prompt: a space belongs to it.
    space: bool,
    /// So many bytes of the unfinished line have no line end.
    scanned: u32,
    /// The line is too long: what is left of it goes the same way.
    skipping: bool,
    event: Option<Event>,
}

impl Digest {
    pub(crate) const fn new() -> Self {
        Self {
            state: State::Line,
            framing: Framing::Closed,
            read: false,
            prompt: false,
            space: false,
            scanned: 0,
            skipping: false,
            event: None,
        }
    }

    /// From now on `>` at the beginning of a line is a prompt, once.
    pub(crate) fn expect_prompt(&mut self, expected: bool) {
        self.prompt = expected;
    }

    /// What the last call of `digest` found beside its result.
    pub(crate) fn take_event(&mut self) -> Option<Event> {
        self.event.take()
    }

    /// How much counted payload is still to come.
    pub(crate) fn payload_left(&self) -> usize {
        match self.state {
            State::Payload { left, .. } => left.into(),
            State::Line => 0,
        }
    }

    /// Payload went past the digester, straight to where it belongs.
    pub(crate) fn payload_passed(&mut self, len: usize) {
        if let State::Payload { left, .. } = self.state {
            self.pass(left, len);
        }
    }

    /// Lets a payload pause, once until its next byte; whether it had not yet.
    pub(crate) fn excuse(&mut self) -> bool {
        match &mut self.state {
            State::Payload { excused, .. } => !core::mem::replace(excused, true),
            State::Line => false,
        }
    }

    /// Forgets what was half read: after a loss, before the modem is asked again.
    pub(crate) fn reset(&mut self) {
        *self = Self::new();
    }

    fn pass(&mut self, left: u16, len: usize) {
        // As much of it as is left.
        let left = u16::try_from(len).map_or(0, |len| left.saturating_sub(len));
        if left > 0 {
            self.state = State::Payload { left, excused: false };
        } else {
            self.state = State::Line;
            self.framing = Framing::Cr;
        }
    }

    fn event<'a>(&mut self, event: Event, consumed: usize) -> (DigestResult<'a>, usize) {
        self.event = Some(event);
        self.scanned = 0;
        (DigestResult::None, consumed)
    }

    /// Line ends and the space of a prompt, at the beginning of a line.
    fn blank<'a>(&mut self, byte: u8) -> Option<(DigestResult<'a>, usize)> {
        if self.framing == Framing::Text {
            // Two line ends, and nothing between them: the first is that of a line which the
            // payload has eaten. Only pushed data have one of their own (5.1).
            self.framing = Framing::Closed;
            return Some(self.event(Event::Framed(!matches!(byte, b'\r' | b'\n')), 0));
        }
        let space = core::mem::take(&mut self.space);
        match (self.framing, byte) {
            (Framing::Cr, b'\r') => self.framing = Framing::Lf,
            (Framing::Lf, b'\n') if self.read => self.framing = Framing::Text,
            (Framing::Lf, b'\n') => {
                self.framing = Framing::Closed;
                return Some(self.event(Event::Framed(true), 1));
            }
            (Framing::Lf, _) | (Framing::Cr, b'\n') => {
                self.framing = Framing::Closed;
                return Some(self.event(Event::Framed(false), 0));
            }
            (_, b'\r' | b'\n') => {}
            (_, b' ') if space => {}
            _ => return None,
        }
        Some((DigestResult::None, 1))
    }

    /// The head of a counted payload or a notice, if the line begins with one. `Ok(None)`:
    /// more bytes are needed. `Err`: it is an ordinary line.
    fn head(&mut self, buf: &[u8]) -> Result<Option<usize>, ()> {
        let (rest, read) = if let Some(rest) = after(buf, b"+IPD,") {
            (rest, false)
        } else if let Some(rest) = after(buf, b"+CIPRECVDATA") {
            match rest.first() {
                None => return Ok(None),
                Some(b',' | b':') => (&rest[1..], true),
                Some(_) => return Err(()),
            }
        } else {
            return Err(());
        };
        // On 2.x the length of a read ends at a comma, else all heads end at a colon.
        let comma_ends = read && buf[12] == b':';
        let mut quoted = false;
        let end = rest.iter().position(|byte| {
            quoted ^= *byte == b'"';
            match byte {
                b':' => !quoted && !comma_ends,
                b',' => comma_ends,
                b'\n' => true,
                _ => false,
            }
        });
        let Some(end) = end else {
            return if rest.len() < MAX_HEAD { Ok(None) } else { Err(()) };
        };
        let head_len = buf.len() - rest.len() + end + 1;
        if rest[end] == b'\n' {
            let notice = notice(&rest[..end]).filter(|_| !read).ok_or(())?;
            self.event = Some(Event::Notice(notice));
            return Ok(Some(head_len));
        }
        let head = if read { read_head(&rest[..end]) } else { pushed_head(&rest[..end]) };
        let head = head.ok_or(())?;
        self.event = Some(Event::Head(head));
        self.read = read;
        self.pass(head.len, 0);
        Ok(Some(head_len))
    }

    /// An ordinary line.
    #[expect(clippy::cast_possible_truncation, reason = "there is room for MAX_LINE")]
    fn line<'a>(&mut self, buf: &'a [u8]) -> (DigestResult<'a>, usize) {
        let scanned = self.scanned as usize;
        let fresh = buf[scanned..].iter().position(|byte| *byte == b'\n');
        let Some(end) = fresh.map(|at| at + scanned) else {
            self.scanned = buf.len() as u32;
            if buf.len() < MAX_LINE {
                return (DigestResult::None, 0);
            }
            self.scanned = 0;
            self.skipping = true;
            return (DigestResult::None, buf.len());
        };
        self.scanned = 0;
        let mut line = &buf[..end];
        while let [rest @ .., b'\r'] = line {
            line = rest;
        }
        // The same whether it came in one piece or in many.
        if core::mem::take(&mut self.skipping) || end >= MAX_LINE {
            self.framing = Framing::Closed;
            return (DigestResult::Response(Err(InternalError::Parse)), end + 1);
        }
        let result = if Urc::parse(line).is_some() {
            DigestResult::Urc(line)
        } else {
            DigestResult::Response(Ok(line))
        };
        (result, end + 1)
    }
}

impl Digester for Digest {
    fn digest<'a>(&mut self, buf: &'a [u8]) -> (DigestResult<'a>, usize) {
        let Some(first) = buf.first() else { return (DigestResult::None, 0) };
        if let State::Payload { left, .. } = self.state {
            let len = buf.len().min(left.into());
            self.pass(left, len);
            return self.event(Event::Payload(len), len);
        }
        if self.scanned == 0 && !self.skipping {
            if let Some(blank) = self.blank(*first) {
                return blank;
            }
            if *first == b'>' && self.prompt {
                self.prompt = false;
                self.space = true;
                return (DigestResult::Prompt(b'>'), 1);
            }
        }
        if !self.skipping && *first == b'+' {
            let open = self.framing == Framing::Cr;
            match self.head(buf) {
                Ok(None) => return (DigestResult::None, 0),
                Ok(Some(_)) if open => {
                    // A head or a notice begins with CR LF (5.2): the payload has eaten that.
                    (self.state, self.framing) = (State::Line, Framing::Closed);
                    return self.event(Event::Framed(false), 0);
                }
                Ok(Some(consumed)) => {
                    self.scanned = 0;
                    return (DigestResult::None, consumed);
                }
                Err(()) => {}
            }
        }
        let was_open = self.framing == Framing::Cr && !self.skipping;
        let (result, consumed) = self.line(buf);
        // What begins with CR LF itself (4.5) comes without only if the payload has eaten that.
        let starts_bare = matches!(&result, DigestResult::Urc(line)
            if !(line.ends_with(b",SEND OK") || line.ends_with(b",SEND FAIL")));
        if was_open && consumed > 0 && !starts_bare {
            // Something else than CR LF or a line of the modem's own after payload.
            self.framing = Framing::Closed;
            self.event = Some(Event::Framed(false));
        }
        (result, consumed)
    }
}

/// `<id>,<len>`, perhaps with the CR of the line end.
fn notice(text: &[u8]) -> Option<u8> {
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let comma = text.iter().position(|byte| *byte == b',')?;
    number(&text[comma + 1..])?;
    link(&text[..comma])
}

/// `<id>,<len>[,<ip>,<port>]`.
fn pushed_head(text: &[u8]) -> Option<Head> {
    let mut parts = text.splitn(3, |byte| *byte == b',');
    let link = link(parts.next()?)?;
    let len = length(parts.next()?)?;
    let from = match parts.next() {
        None => None,
        Some(rest) => {
            let comma = rest.iter().rposition(|byte| *byte == b',')?;
            let port = u16::try_from(number(&rest[comma + 1..])?).ok()?;
            Some(Address::new(ip(&rest[..comma])?, port))
        }
    };
    Some(Head { source: Source::Pushed(link), len, from })
}

/// `<len>`.
fn read_head(text: &[u8]) -> Option<Head> {
    Some(Head { source: Source::Read, len: length(text)?, from: None })
}

fn length(text: &[u8]) -> Option<u16> {
    number(text).and_then(|len| u16::try_from(len).ok())
}

#[cfg(test)]
mod tests;
