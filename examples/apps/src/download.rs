//! Routine 1 of the reference text, its first half: a file fetched over HTTP.

mod failure;

use core::time::Duration;

use sha2::{Digest, Sha256};
use usocket::prelude::*;

pub use self::failure::{Cause, Failure};
use crate::http::{Body, BodyError, HeadError, Url, read_head, request};
use crate::{Progress, Received, Sink};

/// What bounds a download.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How long connecting may take, and each wait for more bytes. The
    /// reference's routine has 5 seconds.
    pub timeout: Duration,
    /// How long the body may be, in bytes.
    pub size: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { timeout: Duration::from_secs(5), size: 16 << 20 }
    }
}

/// Fetches `url` and hands the body, piece by piece, to `sink`.
///
/// Nothing is kept here: `work` is the only buffer. The request and the head of
/// the answer must fit into it; 2 KiB do for most servers, the reference has 4.
///
/// # Errors
/// `Ok` means complete, as far as HTTP can tell: as many bytes as the server
/// announced, or the last chunk, or, where it announced nothing, a proper end of the
/// connection. What `sink` took before an error is for the caller to throw away.
pub fn download<B: Backend, S: Sink>(
    net: &B,
    url: &str,
    limits: Limits,
    work: &mut [u8],
    sink: &mut S,
    progress: &mut impl Progress,
) -> Result<Received, Failure<S::Error>> {
    let url = Url::parse(url).map_err(Failure::Url)?;
    let s = connect(net, &url, limits.timeout)?;
    let get = request(&url, work).ok_or(Failure::LongRequest)?;
    s.sendall(get).map_err(Failure::Send)?;

    let (head, filled) = read_head(&s, work)
        .map_err(|error| Failure::Head { error: reset_is_refusal(error), limits })?;
    if head.status != 200 {
        return Err(Failure::Status { status: head.status, reason: head.reason });
    }
    let mut body = Body::new(head.framing);
    if let Some(announced) = body.total().filter(|&total| total > limits.size) {
        return Err(Failure::TooLarge { announced: Some(announced), limits });
    }
    let mut transfer = Transfer { limits, hash: Sha256::new(), sink, progress };
    transfer.progress.progress(0, body.total());
    transfer.take(&mut body, &work[head.len..filled])?;
    while !body.is_complete() {
        match s.recv(work) {
            Ok(0) if body.may_end() => break,
            Ok(0) => return Err(transfer.failure(&body, Cause::Ended)),
            Ok(len) => transfer.take(&mut body, &work[..len])?,
            Err(error) => return Err(transfer.failure(&body, Cause::Recv(error))),
        }
    }
    // A server that said it closes may still have sent more than it announced.
    if body.is_complete()
        && head.closes
        && let Ok(1..) = s.recv(work)
    {
        return Err(transfer.failure(&body, Cause::Frame(BodyError::TooMuch)));
    }
    Ok(Received { len: body.got(), sha256: transfer.hash.finalize().into() })
}

/// Tries all addresses of the name; the time bounds the whole.
fn connect<'b, B: Backend, E>(
    net: &'b B,
    url: &Url<'_>,
    timeout: Duration,
) -> Result<Socket<'b, B>, Failure<E>> {
    let dialled = net.dial((url.host, url.port), timeout);
    dialled.and_then(|s| s.settimeout(timeout).map(|()| s)).map_err(|error| {
        if error.errno() < 0 { Failure::Name(error) } else { Failure::Connect(error) }
    })
}

/// A reset before any byte of an answer is an end without an answer.
fn reset_is_refusal(error: HeadError) -> HeadError {
    match error {
        HeadError::Recv(Error::ECONNRESET, 0) => HeadError::Ended(0),
        error => error,
    }
}

/// A body on its way into the sink.
struct Transfer<'s, S, P> {
    limits: Limits,
    hash: Sha256,
    sink: &'s mut S,
    progress: &'s mut P,
}

impl<S: Sink, P: Progress> Transfer<'_, S, P> {
    /// Takes what one receive brought.
    fn take(&mut self, body: &mut Body, mut input: &[u8]) -> Result<(), Failure<S::Error>> {
        while !input.is_empty() {
            let step = match body.step(input) {
                Ok(step) => step,
                Err(error) => return Err(self.failure(body, Cause::Frame(error))),
            };
            if body.got() > self.limits.size {
                return Err(Failure::TooLarge { announced: None, limits: self.limits });
            }
            if !step.payload.is_empty() {
                self.hash.update(step.payload);
                self.sink.append(step.payload).map_err(Failure::Sink)?;
                self.progress.progress(body.got(), body.total());
            }
            input = step.rest;
        }
        Ok(())
    }

    fn failure(&self, body: &Body, cause: Cause) -> Failure<S::Error> {
        Failure::Body { got: body.got(), total: body.total(), cause, limits: self.limits }
    }
}
