//! What the traits can tell of an error, as one of ours.

use edge_nal::io::ErrorKind;
use usocket_core::Error;

/// The error of an operation on a stream or of a connect.
///
/// `Other` is all that many stacks say, whatever happened: `ECONNABORTED`, which promises no
/// more than that it is over.
pub(crate) fn of_stream(error: &impl edge_nal::io::Error) -> Error {
    match error.kind() {
        ErrorKind::ConnectionRefused => Error::ECONNREFUSED,
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::NotConnected => {
            Error::ECONNRESET
        }
        ErrorKind::TimedOut => Error::ETIMEDOUT,
        ErrorKind::AddrInUse => Error::EADDRINUSE,
        ErrorKind::AddrNotAvailable => Error::EADDRNOTAVAIL,
        ErrorKind::OutOfMemory => Error::ENOBUFS,
        ErrorKind::PermissionDenied => Error::EACCES,
        ErrorKind::InvalidInput => Error::EINVAL,
        ErrorKind::Unsupported => Error::EOPNOTSUPP,
        ErrorKind::InvalidData => Error::EIO,
        _ => Error::ECONNABORTED,
    }
}

/// The error of a question, by the numbers of `getaddrinfo`.
pub(crate) fn of_name(error: &impl edge_nal::io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => Error::EAI_NONAME,
        ErrorKind::OutOfMemory => Error::EAI_MEMORY,
        ErrorKind::Unsupported | ErrorKind::InvalidInput => Error::EAI_FAIL,
        _ => Error::EAI_AGAIN,
    }
}
