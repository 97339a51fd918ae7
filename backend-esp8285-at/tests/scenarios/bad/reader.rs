//! What the naive driver makes of received bytes.

use std::net::IpAddr;

use usocket_core::SockAddr;

use super::Mistake;

/// One thing that the modem said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    Line(Vec<u8>),
    Prompt,
    /// Pushed data.
    Pushed {
        link: usize,
        from: Option<SockAddr>,
        data: Vec<u8>,
    },
    /// The reply to a read.
    Read(Vec<u8>),
    /// Data wait for a read.
    Notice(usize),
}

/// Received bytes that nobody has looked at.
#[derive(Debug, Default)]
pub(super) struct Reader {
    pub(super) bytes: Vec<u8>,
    pub(super) prompt: bool,
    pub(super) mistake: Option<Mistake>,
}

impl Reader {
    fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    /// The next thing, if all of it is there.
    pub(super) fn next(&mut self) -> Option<Item> {
        if self.makes(Mistake::ChecksUtf8) && std::str::from_utf8(&self.bytes).is_err() {
            self.bytes.clear();
        }
        if self.makes(Mistake::SearchesEverywhere)
            && let Some(item) = self.search()
        {
            return Some(item);
        }
        let blank = self.bytes.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        self.bytes.drain(..blank);
        if self.prompt && self.bytes.first() == Some(&b'>') {
            self.prompt = false;
            let space = usize::from(self.bytes.get(1) == Some(&b' '));
            self.bytes.drain(..=space);
            return Some(Item::Prompt);
        }
        if self.bytes.starts_with(b"+IPD,") {
            return self.pushed();
        }
        if self.bytes.starts_with(b"+CIPRECVDATA") {
            return self.read();
        }
        // A counted head may still become one.
        let line = self.bytes.iter().position(|byte| *byte == b'\n')?;
        let mut line: Vec<u8> = self.bytes.drain(..=line).collect();
        while matches!(line.last(), Some(b'\r' | b'\n')) {
            line.pop();
        }
        Some(Item::Line(line))
    }

    /// Looks for results in all that has come, payload included.
    fn search(&mut self) -> Option<Item> {
        let at = |tag: &[u8]| self.bytes.windows(tag.len()).position(|part| part == tag);
        if self.prompt
            && let Some(at) = at(b">")
        {
            self.prompt = false;
            self.bytes.drain(..=at);
            return Some(Item::Prompt);
        }
        let tags: [&[u8]; 5] =
            [b"SEND OK\r\n", b"\r\nOK\r\n", b"ERROR\r\n", b"0,CLOSED\r\n", b"SEND FAIL\r\n"];
        let (at, tag) = tags.iter().find_map(|tag| Some((at(tag)?, tag)))?;
        self.bytes.drain(..at + tag.len());
        Some(Item::Line(tag.trim_ascii().to_vec()))
    }

    /// `+IPD,<id>,<len>[,<ip>,<port>]:<data>` or a notice.
    fn pushed(&mut self) -> Option<Item> {
        let mut quoted = false;
        let end = self.bytes.iter().position(|byte| {
            quoted ^= *byte == b'"';
            *byte == b'\n' || (*byte == b':' && !quoted)
        })?;
        if self.makes(Mistake::ShortHeads) && end > 5 + 12 {
            // Not a head, then.
            let line: Vec<u8> = self.bytes.drain(..=end).collect();
            return Some(Item::Line(line));
        }
        let head = String::from_utf8_lossy(&self.bytes[5..end]).trim().to_owned();
        let fields: Vec<&str> = head.split(',').collect();
        let number = |at: usize| fields.get(at).and_then(|field| field.parse::<usize>().ok());
        let len = if self.makes(Mistake::LengthIsLast) { fields.len() - 1 } else { 1 };
        let (Some(link), Some(len)) = (number(0).filter(|link| *link < 5), number(len)) else {
            self.bytes.drain(..=end);
            return self.next();
        };
        if self.bytes[end] == b'\n' {
            self.bytes.drain(..=end);
            return Some(Item::Notice(link));
        }
        if self.bytes.len() < end + 1 + len {
            return None;
        }
        let from = fields.get(2).zip(number(3)).and_then(|(ip, port)| {
            let ip: IpAddr = ip.trim_matches('"').parse().ok()?;
            Some(SockAddr::new(ip, u16::try_from(port).ok()?))
        });
        self.bytes.drain(..=end);
        let data = self.bytes.drain(..len).collect();
        Some(Item::Pushed { link, from, data })
    }

    /// `+CIPRECVDATA,<len>:<data>` of 1.x, `+CIPRECVDATA:<len>,<data>` of 2.x.
    fn read(&mut self) -> Option<Item> {
        let comma = *self.bytes.get(12)? == b',';
        let last = if comma { b':' } else { b',' };
        let end = 13 + self.bytes[13..].iter().position(|byte| *byte == last)?;
        let len = std::str::from_utf8(&self.bytes[13..end]).ok()?.parse::<usize>().ok()?;
        if self.bytes.len() < end + 1 + len {
            return None;
        }
        self.bytes.drain(..=end);
        Some(Item::Read(self.bytes.drain(..len).collect()))
    }
}
