//! The request, and the head of the answer.

use core::fmt::{self, Write};

use usocket::prelude::*;

use super::{Framing, Url};

/// What the head of an answer says, as far as a download asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The status, 200 to 999.
    pub status: u16,
    /// The words behind it, without anything unprintable.
    pub reason: heapless::String<40>,
    /// How the body ends.
    pub framing: Framing,
    /// Whether the server will close the connection behind the body.
    pub closes: bool,
    /// Length of the head, in bytes.
    pub len: usize,
}

/// Why there is no head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// The connection ended after so many bytes, 0 included.
    Ended(usize),
    /// A receive failed after so many bytes.
    Recv(Error, usize),
    /// It is not HTTP.
    NotHttp,
    /// It does not fit the buffer, or has too many fields.
    TooLong,
    /// The lengths in it contradict each other or are no numbers.
    BadLength,
    /// The body is encoded in a way that was not asked for.
    Encoding,
}

/// Writes a GET request into `buf` and returns it; `None` if it does not fit.
///
/// The lines are those of the reference's routine, and two more that say what we
/// cannot do: keep the connection, and unpack.
pub fn request<'b>(url: &Url<'_>, buf: &'b mut [u8]) -> Option<&'b [u8]> {
    let mut text = Text { buf, len: 0 };
    write!(
        text,
        "GET {} HTTP/1.1\r\nHost: {}\r\ncache-control: no-cache\r\n\
         Connection: close\r\nAccept-Encoding: identity\r\n\r\n",
        url.path, url.authority
    )
    .ok()?;
    let Text { buf, len } = text;
    Some(&buf[..len])
}

/// Receives until the head is complete. Returns it and how much of `buf` is
/// filled; what is behind [`Head::len`] belongs to the body.
pub fn read_head<B: Backend>(
    socket: &Socket<'_, B>,
    buf: &mut [u8],
) -> Result<(Head, usize), HeadError> {
    let mut filled = 0;
    loop {
        if filled == buf.len() {
            return Err(HeadError::TooLong);
        }
        match socket.recv(&mut buf[filled..]) {
            Ok(0) => return Err(HeadError::Ended(filled)),
            Ok(len) => filled += len,
            Err(error) => return Err(HeadError::Recv(error, filled)),
        }
        while let Some(head) = parse(&buf[..filled])? {
            if head.status >= 200 {
                return Ok((head, filled));
            }
            // An interim answer ("103 Early Hints"): the real one follows.
            buf.copy_within(head.len..filled, 0);
            filled -= head.len;
        }
    }
}

/// The head at the front of `bytes`; `None` if it is not complete.
fn parse(bytes: &[u8]) -> Result<Option<Head>, HeadError> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut fields);
    let mut parser = httparse::ParserConfig::default();
    // Old servers fold long fields, and a client takes that (RFC 9112, 5.2).
    parser.allow_obsolete_multiline_headers_in_responses(true);
    let len = match parser.parse_response(&mut response, bytes) {
        Ok(httparse::Status::Complete(len)) => len,
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(HeadError::TooLong),
        Err(_) => return Err(HeadError::NotHttp),
    };
    let mut length = None;
    let mut chunked = false;
    let mut closes = response.version == Some(0);
    for field in response.headers.iter() {
        let value = field.value.trim_ascii();
        if field.name.eq_ignore_ascii_case("content-length") {
            let value = number(value).ok_or(HeadError::BadLength)?;
            if length.is_some_and(|length| length != value) {
                return Err(HeadError::BadLength);
            }
            length = Some(value);
        } else if field.name.eq_ignore_ascii_case("transfer-encoding") {
            let is_chunked = value.eq_ignore_ascii_case(b"chunked");
            chunked |= is_chunked;
            if !is_chunked && !value.eq_ignore_ascii_case(b"identity") {
                return Err(HeadError::Encoding);
            }
        } else if field.name.eq_ignore_ascii_case("content-encoding") {
            if !value.eq_ignore_ascii_case(b"identity") {
                return Err(HeadError::Encoding);
            }
        } else if field.name.eq_ignore_ascii_case("connection") {
            closes = value.eq_ignore_ascii_case(b"close");
        }
    }
    let mut reason = heapless::String::new();
    for char in response.reason.unwrap_or("").chars().filter(|char| !char.is_control()) {
        if reason.push(char).is_err() {
            break;
        }
    }
    // Chunks win over a length (RFC 9112, 6.3).
    let framing = match length {
        _ if chunked => Framing::Chunked,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    let status = response.code.unwrap_or(0);
    Ok(Some(Head { status, reason, framing, closes, len }))
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &[u8]) -> Option<u64> {
    let digits = text.iter().all(u8::is_ascii_digit);
    core::str::from_utf8(text).ok().filter(|_| digits)?.parse().ok()
}

/// More than servers of pictures send; each costs four words of stack.
const MAX_FIELDS: usize = 40;

/// Formatted text at the front of a buffer.
struct Text<'b> {
    buf: &'b mut [u8],
    len: usize,
}

impl Write for Text<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.len + text.len();
        self.buf.get_mut(self.len..end).ok_or(fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(text: &str) -> Result<Option<Head>, HeadError> {
        parse(text.as_bytes())
    }

    #[test]
    fn what_is_sent() {
        let url = Url::parse("http://example.org:81/a.bmp").unwrap();
        let mut buf = [0; 200];
        let text = core::str::from_utf8(request(&url, &mut buf).unwrap()).unwrap();
        assert!(text.starts_with("GET /a.bmp HTTP/1.1\r\nHost: example.org:81\r\n"), "{text}");
        assert!(text.ends_with("\r\n\r\n"));
        assert_eq!(request(&url, &mut [0; 100]), None);
    }

    #[test]
    fn framings() {
        for (fields, framing) in [
            ("", Framing::UntilClose),
            ("Content-Length: 5\r\n", Framing::Length(5)),
            ("content-length: 5\r\nContent-Length:5 \r\n", Framing::Length(5)),
            ("Transfer-Encoding: Chunked\r\n", Framing::Chunked),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Framing::Chunked),
            ("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", Framing::Chunked),
            ("X: folded\r\n\tonce\r\nContent-Length:\r\n 5\r\n", Framing::Length(5)),
        ] {
            let mut text = heapless::String::<200>::new();
            write!(text, "HTTP/1.1 200 OK\r\n{fields}\r\nbody").unwrap();
            let head = head(&text).unwrap().unwrap();
            assert_eq!((head.framing, head.status), (framing, 200));
            assert_eq!(head.len, text.len() - 4);
        }
    }

    #[test]
    fn refusals() {
        for (text, want) in [
            ("SSH-2.0-x\r\n", HeadError::NotHttp),
            ("HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", HeadError::BadLength),
            ("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n", HeadError::BadLength),
            ("HTTP/1.1 200 OK\r\nContent-Length: \r\n\r\n", HeadError::BadLength),
            (
                "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
                HeadError::BadLength,
            ),
            ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", HeadError::Encoding),
            ("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n", HeadError::Encoding),
        ] {
            assert_eq!(head(text), Err(want), "{text}");
        }
        assert_eq!(head("HTTP/1.1 200 OK\r\nContent-"), Ok(None));
    }

    #[test]
    fn who_closes() {
        for (text, closes) in [
            ("HTTP/1.1 200 OK\r\n\r\n", false),
            ("HTTP/1.0 200 OK\r\n\r\n", true),
            ("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", true),
            ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n\r\n", false),
        ] {
            assert_eq!(head(text).unwrap().unwrap().closes, closes, "{text}");
        }
    }
}
