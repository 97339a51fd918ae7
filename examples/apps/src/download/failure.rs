//! Why a download failed, in one line.

use core::fmt;

use usocket::{Error, ErrorKind};

use super::Limits;
use crate::http::{BodyError, HeadError, UrlError};

/// Why a download failed. `Display` says it in one line that names what happened
/// and how many bytes came.
#[derive(Debug)]
#[non_exhaustive]
pub enum Failure<E> {
    /// The URL is none.
    Url(UrlError),
    /// The request does not fit the work buffer.
    LongRequest,
    /// The host's name has no address.
    Name(Error),
    /// No connection.
    Connect(Error),
    /// The request could not be sent.
    Send(Error),
    /// There is no proper head of an answer.
    Head {
        /// What is wrong with it.
        error: HeadError,
        /// What was waited for.
        limits: Limits,
    },
    /// The server answered something else than 200.
    Status {
        /// Its number.
        status: u16,
        /// Its words.
        reason: heapless::String<40>,
    },
    /// The body is longer than wanted.
    TooLarge {
        /// As the server announced it; `None` if it just kept coming.
        announced: Option<u64>,
        /// What was wanted.
        limits: Limits,
    },
    /// The body broke off.
    Body {
        /// Bytes that came.
        got: u64,
        /// Bytes that were announced.
        total: Option<u64>,
        /// What ended it.
        cause: Cause,
        /// What was waited for.
        limits: Limits,
    },
    /// The bytes could not be stored.
    Sink(E),
}

/// What ended a body too early, or not early enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The server closed the connection.
    Ended,
    /// A receive failed: reset, timeout, link down.
    Recv(Error),
    /// The frame around the body is broken.
    Frame(BodyError),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(error) => write!(f, "{error}"),
            Self::LongRequest => f.write_str("the URL is too long for the buffer"),
            Self::Name(error) => write!(f, "no address for that name: {error}{NOTHING}"),
            Self::Connect(error) => write!(f, "no connection: {error}{NOTHING}"),
            Self::Send(error) => write!(f, "the request could not be sent: {error}{NOTHING}"),
            Self::Head { error, limits } => head(f, *error, limits),
            Self::Status { status, reason } => {
                write!(f, "the server answered {status} {reason}{NOTHING}")
            }
            Self::TooLarge { announced: Some(len), limits } => {
                let limit = limits.size;
                write!(f, "too large: {len} bytes announced, the limit is {limit}{NOTHING}")
            }
            Self::TooLarge { announced: None, limits } => {
                write!(f, "too large: more than the limit of {} bytes came", limits.size)
            }
            Self::Body { got, total, cause, limits } => {
                match cause {
                    Cause::Ended => f.write_str("truncated: the server closed the connection")?,
                    Cause::Recv(error) => lost(f, *error, limits)?,
                    Cause::Frame(BodyError::Chunk) => f.write_str("the chunks are garbled")?,
                    Cause::Frame(BodyError::TooMuch) => {
                        f.write_str("wrong length: the server sent more than it announced")?;
                    }
                }
                match total {
                    Some(total) => write!(f, " ({got} of {total} bytes came)"),
                    None => write!(f, " ({got} bytes came, length unknown)"),
                }
            }
            Self::Sink(error) => write!(f, "cannot store the file: {error}"),
        }
    }
}

/// Of the file, that is.
const NOTHING: &str = " (0 bytes came)";

fn head(f: &mut fmt::Formatter<'_>, error: HeadError, limits: &Limits) -> fmt::Result {
    match error {
        HeadError::Ended(0) => {
            write!(f, "the server closed the connection without an answer{NOTHING}")
        }
        HeadError::Ended(len) => {
            write!(f, "truncated: the connection ended within the head, after {len} bytes")
        }
        HeadError::Recv(error, len) => {
            lost(f, error, limits)?;
            write!(f, " ({len} bytes of the head came)")
        }
        HeadError::NotHttp => write!(f, "the server does not speak HTTP{NOTHING}"),
        HeadError::TooLong => f.write_str("the head of the answer is too long for the buffer"),
        HeadError::BadLength => f.write_str("the server announced a length that is none"),
        HeadError::Encoding => {
            f.write_str("the server packed the file in a way that was not asked for")
        }
    }
}

/// A receive that failed.
fn lost(f: &mut fmt::Formatter<'_>, error: Error, limits: &Limits) -> fmt::Result {
    match error.kind() {
        ErrorKind::TimedOut => write!(f, "stalled: no byte for {:?}", limits.timeout),
        ErrorKind::ConnectionReset => f.write_str("the connection was reset"),
        _ => write!(f, "the connection was lost: {error}"),
    }
}
