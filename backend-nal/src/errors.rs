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

/// The error of a `bind` of datagrams: of the kinds that one may have.
pub(crate) fn of_bind(error: &impl edge_nal::io::Error) -> Error {
    match error.kind() {
        ErrorKind::AddrInUse => Error::EADDRINUSE,
        ErrorKind::OutOfMemory => Error::ENOBUFS,
        ErrorKind::PermissionDenied => Error::EACCES,
        ErrorKind::InvalidInput => Error::EINVAL,
        ErrorKind::Unsupported => Error::EOPNOTSUPP,
        _ => Error::EADDRNOTAVAIL,
    }
}

/// The error of a `bind` that makes a listener: `listen` has no word for a port that one
/// may not have.
pub(crate) fn of_listen(error: &impl edge_nal::io::Error) -> Error {
    match of_bind(error) {
        Error::EACCES => Error::EADDRNOTAVAIL,
        error => error,
    }
}

/// The error of a datagram: of the kinds that both a send and a receive may have, since it is
/// told by the next of them. `EIO` promises no more than that a datagram was lost.
pub(crate) fn of_datagram(error: &impl edge_nal::io::Error) -> Error {
    match error.kind() {
        ErrorKind::ConnectionRefused => Error::ECONNREFUSED,
        ErrorKind::ConnectionReset => Error::ECONNRESET,
        ErrorKind::OutOfMemory => Error::ENOBUFS,
        ErrorKind::Unsupported => Error::EOPNOTSUPP,
        _ => Error::EIO,
    }
}

/// The error of joining or leaving a group; `Other` is most likely the interface.
pub(crate) fn of_member(error: &impl edge_nal::io::Error) -> Error {
    match error.kind() {
        ErrorKind::AddrInUse => Error::EADDRINUSE,
        ErrorKind::AddrNotAvailable => Error::EADDRNOTAVAIL,
        ErrorKind::OutOfMemory => Error::ENOBUFS,
        ErrorKind::InvalidInput => Error::EINVAL,
        ErrorKind::Unsupported => Error::ENOPROTOOPT,
        _ => Error::ENODEV,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a stack answers.
    #[derive(Debug)]
    struct Foreign(ErrorKind);

    impl core::fmt::Display for Foreign {
        fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
            write!(f, "{:?}", self.0)
        }
    }

    impl core::error::Error for Foreign {}

    impl edge_nal::io::Error for Foreign {
        fn kind(&self) -> ErrorKind {
            self.0
        }
    }

    #[test]
    fn a_listen_answers_what_its_table_has() {
        for (kind, error) in [
            (ErrorKind::AddrInUse, Error::EADDRINUSE),
            (ErrorKind::OutOfMemory, Error::ENOBUFS),
            (ErrorKind::InvalidInput, Error::EINVAL),
            (ErrorKind::Unsupported, Error::EOPNOTSUPP),
            (ErrorKind::PermissionDenied, Error::EADDRNOTAVAIL),
            (ErrorKind::Other, Error::EADDRNOTAVAIL),
        ] {
            assert_eq!(of_listen(&Foreign(kind)), error, "{kind:?}");
        }
    }
}
