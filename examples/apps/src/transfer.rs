//! Routine 2 of the reference text: a file over a plain TCP connection.

use core::fmt;

use sha2::{Digest, Sha256};
use usocket::prelude::*;
use usocket::{SockAddr, ToSockAddr};

use crate::{Progress, Received, Sink, Source};

/// The reference's routine sends pieces of this length.
pub const PIECE: usize = 2048;

/// Why a file was not sent or received: the network, or the file.
#[derive(Debug)]
pub enum TransferError<E> {
    /// A socket call failed after so many bytes.
    Net(Error, u64),
    /// The file failed after so many bytes.
    File(E, u64),
}

/// Connects to `address` and sends the whole of `file`, then closes. Returns how
/// many bytes that were.
///
/// The routine calls `send` and ignores the count. That is safe on a socket without
/// a timeout, but this one has 5 seconds, and then `send` may take a part (row 102):
/// `sendall` is the call that means "all of it".
pub fn send<B: Backend, S: Source>(
    net: &B,
    address: impl ToSockAddr,
    file: &mut S,
    total: Option<u64>,
    progress: &mut impl Progress,
) -> Result<u64, TransferError<S::Error>> {
    let mut sent = 0;
    let sock = net.socket(AF_INET, SOCK_STREAM).map_err(|e| TransferError::Net(e, 0))?;
    sock.connect(address).map_err(|e| TransferError::Net(e, 0))?;
    sock.settimeout(5).map_err(|e| TransferError::Net(e, 0))?;
    progress.progress(0, total);
    let mut img = [0; PIECE];
    loop {
        let len = match file.read_at(sent, &mut img) {
            Ok(0) => break,
            Ok(len) => len,
            Err(error) => return Err(TransferError::File(error, sent)),
        };
        sock.sendall(&img[..len])
            .map_err(|e| TransferError::Net(e, sent + e.transferred() as u64))?;
        sent += len as u64;
        progress.progress(sent, total);
    }
    sock.close().map_err(|e| TransferError::Net(e, sent))?;
    Ok(sent)
}

/// Accepts one connection and stores what comes until its end. Returns who sent it
/// and what it was.
///
/// Nothing in this protocol says how long the file is: only a reset or a timeout
/// tells a file that broke off from one that ended.
pub fn receive<B: Backend, S: Sink>(
    listener: &Socket<'_, B>,
    timeout: impl usocket::IntoTimeout,
    work: &mut [u8],
    sink: &mut S,
    progress: &mut impl Progress,
) -> Result<(SockAddr, Received), TransferError<S::Error>> {
    let (sock, peer) = listener.accept().map_err(|e| TransferError::Net(e, 0))?;
    sock.settimeout(timeout).map_err(|e| TransferError::Net(e, 0))?;
    let (mut len, mut hash) = (0, Sha256::new());
    progress.progress(0, None);
    loop {
        match sock.recv(work) {
            Ok(0) => return Ok((peer, Received { len, sha256: hash.finalize().into() })),
            Ok(count) => {
                hash.update(&work[..count]);
                sink.append(&work[..count]).map_err(|e| TransferError::File(e, len))?;
                len += count as u64;
                progress.progress(len, None);
            }
            Err(error) => return Err(TransferError::Net(error, len)),
        }
    }
}

impl<E: fmt::Display> fmt::Display for TransferError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Net(error, done) => write!(f, "{error} after {done} bytes"),
            Self::File(error, done) => write!(f, "file: {error} after {done} bytes"),
        }
    }
}
