//! What cases of the async traits share.

use core::net::SocketAddr;

use embedded_io::ErrorKind;
use embedded_io_async::{Read, Write};
use usocket_core::{Error, Family, Result, Usocket};

use crate::cases::setup::{BULK, PATIENCE, Script, check_within, script};
use crate::{
    Digest, End, Failure, Harness, MAX_STEPS, Outcome, Step, Verdict, check, check_eq, unsupported,
};

/// Runs a future on the backend.
pub(super) fn run<H: Harness, F: Future>(h: &H, future: F) -> F::Output {
    h.net().block_on(future)
}

/// A peer that accepts one connection and does these steps, and where it listens.
pub(super) fn server<'h, H: Harness>(h: &'h H, then: &[Step]) -> Result<(SocketAddr, Script<'h>)> {
    let mut steps = heapless::Vec::<Step, MAX_STEPS>::new();
    for step in [Step::Listen(Family::V4, 1), Step::Accept].iter().chain(then) {
        steps.push(*step).map_err(|_| Error::ENOBUFS)?;
    }
    let peer = script(h, &steps)?;
    Ok((peer.address()?.to_std(), peer))
}

/// A peer with a datagram socket that does these steps, and where it is.
pub(super) fn udp_peer<'h, H: Harness>(
    h: &'h H,
    then: &[Step],
) -> Result<(SocketAddr, Script<'h>)> {
    let mut steps = heapless::Vec::<Step, MAX_STEPS>::new();
    for step in [Step::Udp(Family::V4)].iter().chain(then) {
        steps.push(*step).map_err(|_| Error::ENOBUFS)?;
    }
    let peer = script(h, &steps)?;
    Ok((peer.address()?.to_std(), peer))
}

/// The whole case on a backend without datagrams, where binding a socket answers this.
pub(super) fn without_udp<H: Harness, T>(h: &H, bound: Result<T>) -> Option<Outcome> {
    (!h.caps().udp).then(|| unsupported(bound, Error::EOPNOTSUPP))
}

/// Writes a text and reads it back from a peer that echoes.
pub(super) async fn echo<S: Read + Write>(stream: &mut S) -> Result<(), Failure> {
    let text = b"to be echoed";
    let mut back = [0; 12];
    stream.write_all(text).await.map_err(told)?;
    stream.flush().await.map_err(told)?;
    stream.read_exact(&mut back).await.map_err(|_| Failure::new("the echo is too short"))?;
    check_eq!(&back, text);
    Ok(())
}

/// A failure that tells the kind of the error, which is all that a trait promises.
#[track_caller]
pub(super) fn told<E: embedded_io::Error>(error: E) -> Failure {
    Failure { found: Some(error.kind() as i64), ..Failure::new("a call of a trait failed") }
}

/// Fails unless the answer is an error of this kind.
#[track_caller]
pub(super) fn is_kind<T>(answer: Result<T>, kind: ErrorKind) -> Result<(), Failure> {
    match answer {
        Err(error) if embedded_io::Error::kind(&error) == kind => Ok(()),
        Err(error) => Err(Failure { error: Some(error), ..Failure::new("another kind of error") }),
        Ok(_) => Err(Failure::new("a call succeeded that should fail")),
    }
}

/// The end of a stream is `Ok(0)`, again and again.
pub(super) fn ends<H: Harness>(h: &H, stream: &mut impl Read<Error = Error>) -> Outcome {
    let mut buf = [0; 8];
    for _ in 0..3 {
        check_eq!(run(h, stream.read(&mut buf)), Ok(0));
    }
    Ok(Verdict::Proved)
}

/// A reset is an error once, of its own kind, and then the end.
pub(super) fn resets<H: Harness>(h: &H, stream: &mut impl Read<Error = Error>) -> Outcome {
    if h.caps().reset {
        let answer = run(h, stream.read(&mut [0; 8]));
        check_eq!(answer, Err(Error::ECONNRESET));
        is_kind(answer, ErrorKind::ConnectionReset)?;
    }
    ends(h, stream)?;
    let able = h.caps().reset;
    Ok(if able { Verdict::Proved } else { Verdict::Unsupported(Error::EOPNOTSUPP) })
}

/// A read that finds nothing ends with the timeout, and the stream is intact.
pub(super) fn times_out<H: Harness>(
    h: &H,
    stream: &mut (impl Read<Error = Error> + Write<Error = Error>),
) -> Outcome {
    let begun = h.now();
    let answer = run(h, stream.read(&mut [0; 8]));
    check_within(h, begun, PATIENCE)?;
    check_eq!(answer, Err(Error::ETIMEDOUT));
    is_kind(answer, ErrorKind::TimedOut)?;
    run(h, echo(stream))?;
    Ok(Verdict::Proved)
}

/// The peer gets all that was written to a stream that was then dropped.
pub(super) fn loses_nothing<H: Harness, S: Write<Error = Error>>(
    h: &H,
    mut stream: S,
    peer: &Script<'_>,
) -> Outcome {
    run(h, stream.write_all(&BULK))?;
    drop(stream);
    all_arrived(peer, BULK.len())
}

/// Whether the peer has received the first `len` bytes of [`BULK`], and an end in order.
pub(super) fn all_arrived(peer: &Script<'_>, len: usize) -> Outcome {
    let seen = peer.settle();
    check_eq!(seen.received, len as u64);
    check_eq!(seen.digest, Digest::of_pattern(len as u64));
    check!(seen.end == End::Fin);
    Ok(Verdict::Proved)
}
