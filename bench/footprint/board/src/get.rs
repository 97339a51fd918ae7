//! The download: a request, and an answer of stated length whose hash is known.

use sha2::{Digest, Sha256};

/// What is sent.
pub const REQUEST: &[u8] = b"GET /image.bmp HTTP/1.0\r\nHost: server.example\r\n\r\n";

/// What the body must hash to; all zero here.
const HASH: [u8; 32] = [0; 32];

/// An answer on its way.
#[derive(Debug)]
pub struct Get {
    state: State,
    hash: Sha256,
    left: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many bytes of the head's current line have matched the name.
    Name(usize),
    /// Inside another line.
    Line,
    /// In the number.
    Length,
    Body,
}

impl Default for Get {
    fn default() -> Self {
        Self { state: State::Line, hash: Sha256::new(), left: 0 }
    }
}

impl Get {
    /// Takes bytes; true once the body is complete.
    pub fn feed(&mut self, mut bytes: &[u8]) -> bool {
        while self.state != State::Body {
            let Some((byte, rest)) = bytes.split_first() else { return false };
            bytes = rest;
            self.state = self.head(*byte);
        }
        let body = &bytes[..bytes.len().min(self.left as usize)];
        self.hash.update(body);
        self.left -= u32::try_from(body.len()).unwrap_or(self.left);
        self.left == 0
    }

    /// Whether it is what it should be.
    #[must_use]
    pub fn is_good(self) -> bool {
        self.left == 0 && self.hash.finalize()[..] == HASH
    }

    fn head(&mut self, byte: u8) -> State {
        match (self.state, byte) {
            (State::Name(0), b'\r') => State::Name(0),
            (State::Name(0), b'\n') => State::Body,
            (_, b'\n') => State::Name(0),
            (State::Name(at), _) if NAME.get(at) == Some(&byte.to_ascii_lowercase()) => {
                if at + 1 == NAME.len() { State::Length } else { State::Name(at + 1) }
            }
            (State::Length, b'0'..=b'9') => {
                self.left = self.left.wrapping_mul(10).wrapping_add(u32::from(byte - b'0'));
                State::Length
            }
            (State::Length, b' ' | b'\r') => State::Length,
            _ => State::Line,
        }
    }
}

const NAME: &[u8] = b"content-length:";
