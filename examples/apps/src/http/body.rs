//! Where a body ends: counted, in chunks, or with the connection. No I/O.

/// How the server marks the end of the body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// `Content-Length`: so many bytes.
    Length(u64),
    /// `Transfer-Encoding: chunked`.
    Chunked,
    /// Neither: the body ends with the connection, and nobody can tell whether
    /// it is complete.
    UntilClose,
}

/// The body on its way: takes bytes as they come, gives back payload.
#[derive(Clone, Debug)]
pub struct Body {
    framing: Framing,
    state: State,
    got: u64,
    /// Bytes of the frame since the last payload.
    frame: usize,
}

/// What one call of [`Body::step`] found at the front of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step<'i> {
    /// Payload; may be empty.
    pub payload: &'i [u8],
    /// The input behind it, for the next step.
    pub rest: &'i [u8],
}

/// What is wrong with the frame around a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyError {
    /// A chunk does not begin with its size, or does not end where it says; or what stands
    /// between two of them, or behind the last one, has no end.
    Chunk,
    /// Bytes behind the end of the body.
    TooMuch,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So much payload is to come.
    Payload(u64),
    /// In a chunk's size: its value so far, and whether a digit was there.
    Size(u64, bool),
    /// In what may follow the size on its line.
    Extension(u64),
    /// At the line feed behind a size.
    SizeEnd(u64),
    /// Behind a chunk's payload.
    ChunkEnd,
    /// At the line feed behind a chunk.
    ChunkEndFeed,
    /// At the start of a line behind the last chunk.
    Trailer,
    /// Inside such a line.
    TrailerLine,
    /// At the line feed of the empty line that ends it all.
    LastFeed,
    /// Everything is here.
    Done,
}

impl Body {
    /// A body of which nothing is here yet.
    #[must_use]
    pub fn new(framing: Framing) -> Self {
        let state = match framing {
            Framing::Length(0) => State::Done,
            Framing::Length(len) => State::Payload(len),
            Framing::UntilClose => State::Payload(u64::MAX),
            Framing::Chunked => State::Size(0, false),
        };
        Self { framing, state, got: 0, frame: 0 }
    }

    /// Takes payload, or frame bytes, from the front of `input`. Call it until
    /// `rest` is empty.
    pub fn step<'i>(&mut self, input: &'i [u8]) -> Result<Step<'i>, BodyError> {
        let mut input = input;
        loop {
            if let State::Payload(left) = self.state {
                self.frame = 0;
                let (payload, rest) = input.split_at(len_within(left, input.len()));
                self.took(left, payload.len());
                return Ok(Step { payload, rest });
            }
            let Some((&byte, rest)) = input.split_first() else {
                return Ok(Step { payload: &[], rest: &[] });
            };
            self.state = self.frame(byte)?;
            self.frame += 1;
            if self.frame > MAX_FRAME {
                return Err(BodyError::Chunk);
            }
            input = rest;
        }
    }

    /// Payload bytes so far.
    #[must_use]
    pub fn got(&self) -> u64 {
        self.got
    }

    /// How long the payload will be, where the server said so.
    #[must_use]
    pub fn total(&self) -> Option<u64> {
        match self.framing {
            Framing::Length(len) => Some(len),
            Framing::Chunked | Framing::UntilClose => None,
        }
    }

    /// Whether everything is here. Never true where only the end of the
    /// connection ends the body.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.state == State::Done
    }

    /// Whether the end of the connection is all right now.
    #[must_use]
    pub fn may_end(&self) -> bool {
        self.is_complete() || self.framing == Framing::UntilClose
    }

    fn took(&mut self, left: u64, len: usize) {
        self.got += len as u64;
        if self.framing == Framing::UntilClose {
            return;
        }
        self.state = match (left - len as u64, self.framing) {
            (0, Framing::Chunked) => State::ChunkEnd,
            (0, _) => State::Done,
            (left, _) => State::Payload(left),
        };
    }

    /// One byte of the frame.
    fn frame(&mut self, byte: u8) -> Result<State, BodyError> {
        Ok(match (self.state, byte) {
            (State::Size(size, _), _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).unwrap_or(0);
                // 2^60 bytes in one chunk are as good as nonsense.
                if size >> 56 != 0 {
                    return Err(BodyError::Chunk);
                }
                State::Size(size << 4 | u64::from(digit), true)
            }
            (State::Size(size, true), b';' | b' ' | b'\t') => State::Extension(size),
            (State::Size(size, true) | State::Extension(size), b'\r') => State::SizeEnd(size),
            (State::Size(0, true) | State::Extension(0) | State::SizeEnd(0), b'\n') => {
                State::Trailer
            }
            (State::Size(size, true) | State::Extension(size) | State::SizeEnd(size), b'\n') => {
                State::Payload(size)
            }
            (State::Extension(size), _) => State::Extension(size),
            (State::ChunkEnd, b'\r') => State::ChunkEndFeed,
            (State::ChunkEnd | State::ChunkEndFeed, b'\n') => State::Size(0, false),
            (State::Trailer, b'\r') => State::LastFeed,
            (State::Trailer | State::LastFeed, b'\n') => State::Done,
            (State::TrailerLine, b'\n') => State::Trailer,
            (State::Trailer | State::TrailerLine, _) => State::TrailerLine,
            (State::Done, _) => return Err(BodyError::TooMuch),
            _ => return Err(BodyError::Chunk),
        })
    }
}

/// The longest that stands between two chunks or behind the last one: more than any server has
/// to say there, chosen.
const MAX_FRAME: usize = 8192;

/// `left` or `len`, whichever is less.
fn len_within(left: u64, len: usize) -> usize {
    usize::try_from(left).map_or(len, |left| left.min(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feeds `input` in pieces and collects the payload.
    fn feed(
        body: &mut Body,
        input: &[u8],
        piece: usize,
    ) -> Result<heapless::Vec<u8, 64>, BodyError> {
        let mut payload = heapless::Vec::new();
        for piece in input.chunks(piece) {
            let mut rest = piece;
            while !rest.is_empty() {
                let step = body.step(rest)?;
                payload.extend_from_slice(step.payload).unwrap();
                rest = step.rest;
            }
        }
        Ok(payload)
    }

    #[test]
    fn bodies_in_pieces_of_any_size() {
        let chunked = b"5\r\nhello\r\n1;x=\"y\"\r\n,\r\n00A \r\n big world\r\n0\r\nT: x\r\n\r\n";
        for (framing, input, want, complete) in [
            (Framing::Length(5), &b"hello"[..], &b"hello"[..], true),
            (Framing::Length(6), b"hello", b"hello", false),
            (Framing::Length(0), b"", b"", true),
            (Framing::UntilClose, b"hello", b"hello", false),
            (Framing::Chunked, chunked, b"hello, big world", true),
            (Framing::Chunked, b"2\nhi\n0\n\n", b"hi", true),
            (Framing::Chunked, &chunked[..30], b"hello, b", false),
            (Framing::Chunked, b"0\r\n\r\n", b"", true),
            (Framing::Chunked, b"0\r\n", b"", false),
        ] {
            for piece in 1..=input.len().max(1) {
                let mut body = Body::new(framing);
                let payload = feed(&mut body, input, piece).unwrap();
                assert_eq!((&payload[..], body.is_complete()), (want, complete), "{input:?}");
                assert_eq!(body.got(), want.len() as u64);
                assert_eq!(body.may_end(), complete || framing == Framing::UntilClose);
            }
        }
    }

    #[test]
    fn a_frame_has_an_end() {
        for (begin, more) in [(&b"0\r\n"[..], &b"t: x\r\n"[..]), (b"1;", b"xxxxx"), (b"", b"00000")]
        {
            let mut body = Body::new(Framing::Chunked);
            assert_eq!(feed(&mut body, begin, 1), Ok(heapless::Vec::new()));
            let ends = (0..10_000).any(|_| feed(&mut body, more, 9) == Err(BodyError::Chunk));
            assert!(ends, "{more:?} goes on for ever");
        }
    }

    #[test]
    fn broken_frames() {
        for (framing, input, want) in [
            (Framing::Length(4), &b"hello"[..], BodyError::TooMuch),
            (Framing::Length(0), b"x", BodyError::TooMuch),
            (Framing::Chunked, b"0\r\n\r\nx", BodyError::TooMuch),
            (Framing::Chunked, b"x", BodyError::Chunk),
            (Framing::Chunked, b"\r\n", BodyError::Chunk),
            (Framing::Chunked, b"-1\r\n", BodyError::Chunk),
            (Framing::Chunked, b"1\r\nab", BodyError::Chunk),
            (Framing::Chunked, b"1\rx", BodyError::Chunk),
            (Framing::Chunked, b"fffffffffffffffff\r\n", BodyError::Chunk),
        ] {
            assert_eq!(feed(&mut Body::new(framing), input, 1), Err(want), "{input:?}");
            assert_eq!(feed(&mut Body::new(framing), input, 99), Err(want), "{input:?}");
        }
    }
}
