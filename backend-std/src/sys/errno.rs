//! The system's error numbers to the fixed ones (row 13).

use rustix::io::Errno;
use usocket_core::Error;

macro_rules! numbers {
    ($($(#[$cfg:meta])* $system:ident => $fixed:ident,)*) => {
        /// The core's error for the system's.
        #[cold]
        pub(crate) fn error(errno: Errno) -> Error {
            match errno {
                $($(#[$cfg])* Errno::$system => Error::$fixed,)*
                other => unlisted(other),
            }
        }
    };
}

numbers! {
    ACCESS => EACCES,
    ADDRINUSE => EADDRINUSE,
    ADDRNOTAVAIL => EADDRNOTAVAIL,
    AFNOSUPPORT => EAFNOSUPPORT,
    AGAIN => EAGAIN,
    ALREADY => EALREADY,
    BADF => EBADF,
    CONNABORTED => ECONNABORTED,
    CONNREFUSED => ECONNREFUSED,
    CONNRESET => ECONNRESET,
    DESTADDRREQ => EDESTADDRREQ,
    HOSTUNREACH => EHOSTUNREACH,
    INPROGRESS => EINPROGRESS,
    INVAL => EINVAL,
    ISCONN => EISCONN,
    MFILE => EMFILE,
    MSGSIZE => EMSGSIZE,
    NETDOWN => ENETDOWN,
    NETUNREACH => ENETUNREACH,
    NOBUFS => ENOBUFS,
    NOPROTOOPT => ENOPROTOOPT,
    NOTCONN => ENOTCONN,
    // What is no socket (a watched pipe) has no socket operations.
    NOTSOCK => EOPNOTSUPP,
    OPNOTSUPP => EOPNOTSUPP,
    PROTONOSUPPORT => EPROTONOSUPPORT,
    TIMEDOUT => ETIMEDOUT,
    // A dropped connection on other systems; never a number of the contract.
    NETRESET => ECONNRESET,
    #[cfg(not(windows))] EXIST => EEXIST,
    #[cfg(not(windows))] IO => EIO,
    #[cfg(not(windows))] NFILE => ENFILE,
    #[cfg(not(windows))] NODEV => ENODEV,
    #[cfg(not(windows))] NXIO => ENODEV,
    #[cfg(not(windows))] NOENT => ENOENT,
    #[cfg(not(windows))] NOMEM => ENOMEM,
    #[cfg(not(windows))] PERM => EPERM,
    #[cfg(not(windows))] PIPE => EPIPE,
    // What a router on the way said of the peer (ICMP).
    #[cfg(target_os = "linux")] HOSTDOWN => EHOSTUNREACH,
    #[cfg(target_os = "linux")] NONET => EHOSTUNREACH,
    // Winsock's word for a send after shutdown or reset.
    #[cfg(windows)] SHUTDOWN => EPIPE,
}

/// Numbers that the contract does not name are passed on where they are
/// Linux's own, and are EIO elsewhere.
fn unlisted(errno: Errno) -> Error {
    if cfg!(target_os = "linux") { Error::from_errno(errno.raw_os_error()) } else { Error::EIO }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_numbers_are_the_fixed_ones() {
        assert_eq!(error(Errno::CONNREFUSED).errno(), 111);
        assert_eq!(error(Errno::AGAIN), Error::EAGAIN);
        assert_eq!(error(Errno::WOULDBLOCK), Error::EAGAIN);
        assert_eq!(error(Errno::NOTSOCK), Error::EOPNOTSUPP);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn an_unlisted_number_is_kept() {
        assert_eq!(error(Errno::HOSTDOWN), Error::EHOSTUNREACH);
        assert_eq!(error(Errno::PROTO).errno(), Errno::PROTO.raw_os_error());
    }
}
