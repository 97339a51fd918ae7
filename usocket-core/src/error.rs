//! One error type: a fixed errno, its kind, and what was already done.

use core::fmt;
use core::num::NonZero;

/// Why a call did not succeed (P10, R25, rows 13 and 14).
///
/// Two integers: the errno, the same number on every target (positive for the
/// system, negative for `getaddrinfo`), and how many bytes the failed call had
/// already moved ([`transferred`](Error::transferred)). Equality compares both.
///
/// ```
/// use usocket_core::{Error, ErrorKind};
/// assert_eq!(Error::ECONNREFUSED.errno(), 111);
/// assert_eq!(Error::from(ErrorKind::NameUnknown).errno(), -2);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Error {
    /// In the upper half what was transferred, in the lower one the number, 16 bits and one
    /// more: never 0, so that a result is no longer than its error. One integer, since that
    /// is returned in registers.
    raw: NonZero<u64>,
}

impl Error {
    /// The error with this number. Every number is accepted; one that is not
    /// in [`ErrorKind`] has the kind [`ErrorKind::Other`] and keeps its number.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "range is checked first")]
    pub const fn from_errno(errno: i32) -> Self {
        let errno = if errno > i16::MAX as i32 || errno <= i16::MIN as i32 {
            i16::MAX
        } else {
            errno as i16
        };
        Self::pack(errno, 0)
    }

    #[expect(clippy::cast_sign_loss, reason = "the bits are what is kept")]
    const fn pack(errno: i16, transferred: u32) -> Self {
        let number = errno as u16 as u64 + 1;
        match NonZero::new(((transferred as u64) << 32) | number) {
            Some(raw) => Self { raw },
            None => unreachable!(),
        }
    }

    /// The number: Linux errno when positive, `EAI_*` of `getaddrinfo` when
    /// negative (row 14; the reference's `e.args[0]`).
    #[must_use]
    pub const fn errno(self) -> i32 {
        self.number() as i32
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lower half is the number")]
    #[expect(clippy::cast_possible_wrap, reason = "its bits were kept")]
    const fn number(self) -> i16 {
        (self.raw.get() as u32).wrapping_sub(1) as u16 as i16
    }

    /// Bytes that the failed call had already moved: placed at the front of the
    /// caller's buffer by `read`, `readinto` and `readline`, queued by `write`,
    /// `sendall` and a `send` without a timeout (rows 166 and 167). 0 for every other
    /// call.
    #[must_use]
    pub const fn transferred(self) -> usize {
        (self.raw.get() >> 32) as usize
    }

    /// The same error with a count of bytes already moved (at most `u32::MAX`).
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "range is checked first")]
    pub const fn with_transferred(self, count: usize) -> Self {
        let transferred = if count > u32::MAX as usize { u32::MAX } else { count as u32 };
        Self::pack(self.number(), transferred)
    }

    /// Whether this is the would-block answer of a non-blocking call (EAGAIN).
    #[must_use]
    pub const fn is_would_block(self) -> bool {
        self.number() == Self::EAGAIN.number()
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident, $name:ident, $number:literal, $text:literal;)*) => {
        /// What kind of failure an [`Error`] is.
        ///
        /// One kind has one number. The table of the module
        /// [`op`](crate::op) says which operation may answer which kind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $(#[doc = concat!($text, " (`", stringify!($name), "`, ", stringify!($number), ").")]
            $(#[$doc])* $kind,)*
            /// A number of the host that is in no row of this table.
            Other,
        }

        impl ErrorKind {
            /// Every kind that has a number of its own, in order of definition.
            pub const ALL: &'static [ErrorKind] = &[$(ErrorKind::$kind),*];

            /// The fixed number of this kind; 0 for [`ErrorKind::Other`].
            #[must_use]
            pub const fn errno(self) -> i32 {
                match self { $(Self::$kind => $number,)* Self::Other => 0 }
            }

            /// The C name of the number, `"?"` for [`ErrorKind::Other`].
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$kind => stringify!($name),)* Self::Other => "?" }
            }

            /// A short English description.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$kind => $text,)* Self::Other => "Other host error" }
            }
        }

        impl Error {
            $(#[doc = concat!($text, " (", stringify!($number), ").")]
            pub const $name: Error = Error::from_errno($number);)*

            /// The kind of this error.
            #[must_use]
            pub const fn kind(self) -> ErrorKind {
                match self.errno() { $($number => ErrorKind::$kind,)* _ => ErrorKind::Other }
            }
        }
    };
}

kinds! {
    PermissionDenied, EPERM, 1, "Operation not permitted";
    NotFound, ENOENT, 2, "No such entry";
    Interrupted, EINTR, 4, "Interrupted";
    Io, EIO, 5, "Bytes were lost on the way";
    BadDescriptor, EBADF, 9, "Socket is closed";
    WouldBlock, EAGAIN, 11, "Operation would block";
    NoSlot, ENOMEM, 12, "No socket slot is free";
    AccessDenied, EACCES, 13, "Access denied";
    AlreadyExists, EEXIST, 17, "Entry exists already";
    NoDevice, ENODEV, 19, "No such interface";
    InvalidInput, EINVAL, 22, "Invalid argument";
    SystemTableFull, ENFILE, 23, "Too many open files in the system";
    TableFull, EMFILE, 24, "Too many open files";
    BrokenPipe, EPIPE, 32, "Broken pipe";
    DestinationRequired, EDESTADDRREQ, 89, "Destination address required";
    MessageTooLong, EMSGSIZE, 90, "Message too long";
    NoProtocolOption, ENOPROTOOPT, 92, "Protocol option not available";
    ProtocolNotSupported, EPROTONOSUPPORT, 93, "Protocol does not match the socket type";
    NotSupported, EOPNOTSUPP, 95, "Operation not supported";
    FamilyNotSupported, EAFNOSUPPORT, 97, "Address family not supported";
    AddressInUse, EADDRINUSE, 98, "Address already in use";
    AddressNotAvailable, EADDRNOTAVAIL, 99, "Address not available";
    NetworkDown, ENETDOWN, 100, "Network is down";
    NetworkUnreachable, ENETUNREACH, 101, "Network is unreachable";
    ConnectionAborted, ECONNABORTED, 103, "Connection aborted, outcome of the last send unknown";
    ConnectionReset, ECONNRESET, 104, "Connection reset by peer";
    NoBuffers, ENOBUFS, 105, "No buffer, link or table entry is free";
    IsConnected, EISCONN, 106, "Socket is connected";
    NotConnected, ENOTCONN, 107, "Socket is not connected";
    TimedOut, ETIMEDOUT, 110, "Timed out";
    ConnectionRefused, ECONNREFUSED, 111, "Connection refused";
    HostUnreachable, EHOSTUNREACH, 113, "No route to host";
    AlreadyInProgress, EALREADY, 114, "A connect is pending already";
    InProgress, EINPROGRESS, 115, "The connect has been started";
    BadFlags, EAI_BADFLAGS, -1, "Unknown getaddrinfo flag";
    NameUnknown, EAI_NONAME, -2, "Name is not known or not an address";
    NameTemporary, EAI_AGAIN, -3, "Name could not be resolved now";
    NameFailure, EAI_FAIL, -4, "Name server failed for good";
    NameFamily, EAI_FAMILY, -6, "Address family of the query not supported";
    NameSockType, EAI_SOCKTYPE, -7, "Socket type of the query not supported";
    NameService, EAI_SERVICE, -8, "Port out of range";
    NameAddrFamily, EAI_ADDRFAMILY, -9, "Host has no address of that family";
    NameMemory, EAI_MEMORY, -10, "No room for the query";
}

impl From<ErrorKind> for Error {
    fn from(kind: ErrorKind) -> Self {
        Self::from_errno(kind.errno())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}({})", self.kind().name(), self.errno())?;
        if self.transferred() > 0 {
            write!(f, " after {} bytes", self.transferred())?;
        }
        Ok(())
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}, {})", self.kind().description(), self.kind().name(), self.errno())
    }
}

impl core::error::Error for Error {}

/// The result of every call of this crate.
pub type Result<T, E = Error> = core::result::Result<T, E>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_and_number_agree() {
        for &kind in ErrorKind::ALL {
            let error = Error::from(kind);
            assert_eq!(error.kind(), kind);
            assert_eq!(error.errno(), kind.errno());
            assert_eq!(Error::from_errno(kind.errno()), error);
        }
        for number in -20..140 {
            assert_eq!(Error::from_errno(number).errno(), number);
        }
        assert_eq!(Error::from_errno(77).kind(), ErrorKind::Other);
    }

    #[test]
    fn a_result_is_as_small_as_its_error() {
        assert_eq!(size_of::<Error>(), 8);
        assert_eq!(size_of::<Result<()>>(), 8);
        assert_eq!(size_of::<Option<Error>>(), 8);
        for number in [i16::MIN as i32, i32::MIN, i32::MAX] {
            assert_eq!(Error::from_errno(number).errno(), i16::MAX.into());
        }
        for number in [i16::MIN as i32 + 1, i16::MAX.into()] {
            assert_eq!(Error::from_errno(number).errno(), number);
        }
    }

    #[test]
    fn transferred_is_carried_and_compared() {
        let error = Error::ETIMEDOUT.with_transferred(50);
        assert_eq!((error.kind(), error.transferred()), (ErrorKind::TimedOut, 50));
        assert_ne!(error, Error::ETIMEDOUT);
    }
}
