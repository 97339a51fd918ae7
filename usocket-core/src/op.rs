//! Which operation may answer which kind of error: the one table (S20).
//!
//! A backend that answers a kind outside it fails the conformance kit. The same
//! table, as a document, is `docs/errors.md`. Kinds of the host that have no
//! number here ([`ErrorKind::Other`]) are in no row: a backend must map them.

use crate::{Error, ErrorKind};

macro_rules! operations {
    ($($(#[$doc:meta])* $op:ident: $($group:ident)* + $($kind:ident)*;)*) => {
        /// An operation of a user.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Op { $($(#[$doc])* $op,)* }

        /// Every operation with the kinds it may answer.
        pub const TABLE: &[(Op, &[&[ErrorKind]])] = &[
            $((Op::$op, &[$($group,)* &[$(ErrorKind::$kind,)*]]),)*
        ];
    };
}

/// The socket is closed: every method but `close` (row 215).
const CLOSED: &[ErrorKind] = &[ErrorKind::BadDescriptor];
/// The backend cannot do this at all (P11).
const ABSENT: &[ErrorKind] = &[ErrorKind::NotSupported];
/// A wait that did not end in time, or may not begin (row 155); a waiter that
/// found no room (S6).
const WAIT: &[ErrorKind] = &[ErrorKind::WouldBlock, ErrorKind::TimedOut, ErrorKind::NoBuffers];
/// The link or the way to the peer is not there (R24).
const WAY: &[ErrorKind] =
    &[ErrorKind::NetworkDown, ErrorKind::NetworkUnreachable, ErrorKind::HostUnreachable];
/// What happened to the connection (S13, R23).
const BROKEN: &[ErrorKind] = &[
    ErrorKind::ConnectionReset,
    ErrorKind::ConnectionRefused,
    ErrorKind::ConnectionAborted,
    ErrorKind::Io,
];
/// No slot (S10).
const SLOT: &[ErrorKind] =
    &[ErrorKind::NoSlot, ErrorKind::TableFull, ErrorKind::SystemTableFull, ErrorKind::NoBuffers];
/// An address that the socket cannot take (rows 40 to 48).
const ADDRESS: &[ErrorKind] =
    &[ErrorKind::InvalidInput, ErrorKind::FamilyNotSupported, ErrorKind::NoDevice];

operations! {
    /// `socket`.
    Socket: SLOT ABSENT + FamilyNotSupported InvalidInput ProtocolNotSupported;
    /// `bind`.
    Bind: CLOSED ABSENT ADDRESS + AddressInUse AddressNotAvailable AccessDenied NoBuffers;
    /// `listen`.
    Listen: CLOSED ABSENT + InvalidInput AddressInUse AddressNotAvailable NoBuffers;
    /// `accept`.
    Accept: CLOSED ABSENT WAIT SLOT + InvalidInput ConnectionAborted NetworkDown;
    /// `connect`.
    Connect: CLOSED ABSENT ADDRESS WAIT WAY BROKEN + InProgress AlreadyInProgress IsConnected
        AddressNotAvailable AddressInUse AccessDenied;
    /// `send`, `sendall` and `write`.
    Send: CLOSED ABSENT WAIT WAY BROKEN + BrokenPipe DestinationRequired MessageTooLong
        AccessDenied;
    /// `sendto`.
    SendTo: CLOSED ABSENT ADDRESS WAIT WAY BROKEN + BrokenPipe MessageTooLong AccessDenied
        AddressNotAvailable;
    /// `recv`, `recvfrom`, `read`, `readinto` and `readline`.
    Recv: CLOSED ABSENT WAIT WAY BROKEN + NotConnected InvalidInput;
    /// `setsockopt` and `set_linger`.
    SetOption: CLOSED + NoProtocolOption InvalidInput AddressInUse AddressNotAvailable NoDevice
        NoBuffers PermissionDenied;
    /// `getsockopt` and `linger`.
    GetOption: CLOSED + NoProtocolOption InvalidInput;
    /// `settimeout` and `setblocking`.
    SetTimeout: CLOSED + InvalidInput;
    /// `makefile`.
    MakeFile: CLOSED + InvalidInput;
    /// `shutdown`.
    Shutdown: CLOSED ABSENT + NotConnected;
    /// `close` and `abort`: a second one is no error (row 214).
    Close: +;
    /// `take_error`.
    TakeError: CLOSED +;
    /// `local_addr`.
    LocalAddr: CLOSED +;
    /// `peer_addr`.
    PeerAddr: CLOSED + NotConnected;
    /// `getaddrinfo`.
    GetAddrInfo: + BadFlags NameUnknown NameTemporary NameFailure NameFamily NameSockType
        NameService NameAddrFamily NameMemory;
    /// `inet_pton` and `inet_ntop`.
    Inet: + InvalidInput FamilyNotSupported;
    /// `poll`, `ipoll` and `select`.
    Poll: SLOT + InvalidInput;
    /// `modify` of a poll.
    Modify: SLOT + NotFound;
    /// `drain`.
    Drain: + TimedOut InvalidInput;
}

/// The kinds that `op` may answer, in groups; a kind may be in two.
#[must_use]
pub fn allowed(op: Op) -> &'static [&'static [ErrorKind]] {
    TABLE.iter().find(|(other, _)| *other == op).map_or(&[], |(_, kinds)| *kinds)
}

/// Whether `op` may answer `error`.
#[must_use]
pub fn answers(op: Op, error: Error) -> bool {
    allowed(op).iter().any(|group| group.contains(&error.kind()))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::string::String;

    use super::*;

    /// `docs/errors.md`; written anew with `USOCKET_WRITE_DOCS=1 cargo test op`.
    #[test]
    fn the_document_is_this_table() {
        let mut text = String::from(
            "# Which call answers which error\n\n\
             Made from the table in `usocket-core/src/op.rs`; do not edit.\n\n\
             | kind | number | operations |\n|---|---|---|\n",
        );
        for &kind in ErrorKind::ALL {
            let ops = TABLE.iter().filter(|(op, _)| answers(*op, kind.into()));
            let mut names = String::new();
            for (op, _) in ops {
                let sep = if names.is_empty() { "" } else { ", " };
                write!(names, "{sep}{op:?}").unwrap();
            }
            writeln!(text, "| {} | {} | {names} |", kind.name(), kind.errno()).unwrap();
        }
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/errors.md");
        if std::env::var_os("USOCKET_WRITE_DOCS").is_some() {
            std::fs::write(path, &text).unwrap();
        }
        // Outside the workspace, as a package, there is no document.
        if let Ok(found) = std::fs::read_to_string(path) {
            assert_eq!(found, text);
        }
    }

    #[test]
    fn a_stream_is_closed_everywhere_but_in_close() {
        assert!(answers(Op::Recv, Error::EBADF));
        assert!(answers(Op::Recv, Error::ETIMEDOUT.with_transferred(3)));
        assert!(!answers(Op::Close, Error::EBADF));
        assert!(!answers(Op::Recv, Error::EPIPE));
        assert!(!answers(Op::Recv, Error::from_errno(77)));
    }
}
