//! Final results and the hint lines before them.

use crate::fields::{after, number, word};

/// A line that belongs to the command in flight (sheet sections 2.1, 4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reply<'a> {
    /// `OK`.
    Ok,
    /// `ERROR`, and `FAIL` of a join on 1.x.
    Error,
    /// `SEND OK`.
    SendOk,
    /// `SEND FAIL`, and `SEND Canceled`.
    SendFail,
    /// `busy p...` or `busy s...`: the input was dropped. Not a final result.
    Busy,
    /// `Recv n bytes`.
    Recv(u32),
    /// `Will force to restart!!!`.
    Restart,
    /// Anything else: information or a hint.
    Line(&'a [u8]),
}

impl<'a> Reply<'a> {
    pub(crate) fn parse(line: &'a [u8]) -> Self {
        const WORDS: [&[u8]; 9] = [
            b"OK",
            b"ERROR",
            b"FAIL",
            b"SEND OK",
            b"SEND FAIL",
            b"SEND Canceled",
            b"busy p...",
            b"busy s...",
            b"Will force to restart!!!",
        ];
        match word(line, &WORDS) {
            Some(0) => return Reply::Ok,
            Some(1 | 2) => return Reply::Error,
            Some(3) => return Reply::SendOk,
            Some(4 | 5) => return Reply::SendFail,
            Some(6 | 7) => return Reply::Busy,
            Some(_) => return Reply::Restart,
            None => {}
        }
        let digits = after(line, b"Recv ").and_then(|rest| rest.strip_suffix(b" bytes"));
        digits.and_then(number).map_or(Reply::Line(line), Reply::Recv)
    }
}

/// What a hint of 1.x says about a failure (section 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hint {
    /// `no ip`.
    NoAddress,
    /// `DNS Fail`.
    NoName,
    /// `ALREADY CONNECTED` in its three spellings: the id is taken.
    Taken,
    /// `BUFFER FULL`, `QUEUE FULL`: try again later.
    Full,
    /// `link is builded`, `Connection exists`.
    Linked,
    /// `no change`: the server listens already, at whatever port (4.7).
    #[cfg(feature = "server")]
    NoChange,
    /// `+CWJAP:<n>`: why a join failed (section 3.1).
    Join(u8),
}

impl Hint {
    pub(crate) fn parse(line: &[u8]) -> Option<Self> {
        const WORDS: &[(&[u8], Hint)] = &[
            #[cfg(feature = "server")]
            (b"no change", Hint::NoChange),
            (b"no ip", Hint::NoAddress),
            (b"DNS Fail", Hint::NoName),
            (b"BUFFER FULL", Hint::Full),
            (b"QUEUE FULL", Hint::Full),
            (b"link is builded", Hint::Linked),
            (b"Link is builded", Hint::Linked),
            (b"Connection exists", Hint::Linked),
            (b"ALREADY CONNECT", Hint::Taken),
        ];
        if let Some((_, hint)) = WORDS.iter().find(|(word, _)| line.starts_with(word)) {
            return Some(*hint);
        }
        match after(line, b"+CWJAP:") {
            Some([code @ b'1'..=b'9']) => Some(Hint::Join(code - b'0')),
            _ => None,
        }
    }
}

/// Whether a line may stand between a read and its counted reply without being a sign of
/// lost bytes: hints, and what chatty builds of 2.x log on the AT port (section 2.2).
pub(crate) fn is_chatter(line: &[u8]) -> bool {
    const LOGS: [&[u8]; 8] = [
        b"to read ",
        b"local port:",
        b"change type:",
        b"link type:",
        b"recv ",
        b"remote ",
        b"ERR CODE:",
        b"NO DATA",
    ];
    Hint::parse(line).is_some() || LOGS.iter().any(|log| line.starts_with(log))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results() {
        for (line, reply) in [
            (&b"OK"[..], Reply::Ok),
            (b"ERROR", Reply::Error),
            (b"FAIL", Reply::Error),
            (b"SEND OK", Reply::SendOk),
            (b"SEND FAIL", Reply::SendFail),
            (b"SEND Canceled", Reply::SendFail),
            (b"busy p...", Reply::Busy),
            (b"busy s...", Reply::Busy),
            (b"Recv 2048 bytes", Reply::Recv(2048)),
            (b"Recv x bytes", Reply::Line(b"Recv x bytes")),
            (b"Will force to restart!!!", Reply::Restart),
            (b"OK ", Reply::Line(b"OK ")),
        ] {
            assert_eq!(Reply::parse(line), reply);
        }
    }

    #[test]
    fn hints() {
        for (line, hint) in [
            (&b"no ip"[..], Some(Hint::NoAddress)),
            (b"DNS Fail", Some(Hint::NoName)),
            (b"ALREADY CONNECT", Some(Hint::Taken)),
            (b"ALREADY CONNECTTED", Some(Hint::Taken)),
            (b"BUFFER FULL", Some(Hint::Full)),
            (b"+CWJAP:3", Some(Hint::Join(3))),
            (b"+CWJAP:\"net\",\"aa\"", None),
            (b"link is not valid", None),
        ] {
            assert_eq!(Hint::parse(line), hint);
        }
        assert!(is_chatter(b"to read 41 bytes") && !is_chatter(b"+CIPRECVDBTA,4:abcd"));
    }
}
