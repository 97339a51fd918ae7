//! The stream traits of `embedded_io` and `std::io`, for [`File`] and [`Stream`].

use embedded_io::{ErrorKind as IoKind, ErrorType};

use crate::spi::Backend;
use crate::{Error, ErrorKind, File, POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT, Stream};

impl embedded_io::Error for Error {
    /// The kind; total. `embedded_io` has no kind for would-block: it is
    /// `Other`, and the errno is kept.
    fn kind(&self) -> IoKind {
        match Error::kind(*self) {
            ErrorKind::NotFound | ErrorKind::NoDevice | ErrorKind::NameUnknown => IoKind::NotFound,
            ErrorKind::PermissionDenied | ErrorKind::AccessDenied => IoKind::PermissionDenied,
            ErrorKind::ConnectionRefused => IoKind::ConnectionRefused,
            ErrorKind::ConnectionReset => IoKind::ConnectionReset,
            ErrorKind::ConnectionAborted => IoKind::ConnectionAborted,
            ErrorKind::NotConnected | ErrorKind::BadDescriptor => IoKind::NotConnected,
            ErrorKind::AddressInUse => IoKind::AddrInUse,
            ErrorKind::AddressNotAvailable => IoKind::AddrNotAvailable,
            ErrorKind::BrokenPipe => IoKind::BrokenPipe,
            ErrorKind::AlreadyExists => IoKind::AlreadyExists,
            ErrorKind::InvalidInput
            | ErrorKind::DestinationRequired
            | ErrorKind::MessageTooLong
            | ErrorKind::BadFlags
            | ErrorKind::NameService => IoKind::InvalidInput,
            ErrorKind::Io => IoKind::InvalidData,
            ErrorKind::TimedOut => IoKind::TimedOut,
            ErrorKind::Interrupted => IoKind::Interrupted,
            ErrorKind::NotSupported
            | ErrorKind::NoProtocolOption
            | ErrorKind::ProtocolNotSupported
            | ErrorKind::FamilyNotSupported
            | ErrorKind::NameFamily
            | ErrorKind::NameSockType
            | ErrorKind::NameAddrFamily => IoKind::Unsupported,
            ErrorKind::NoSlot
            | ErrorKind::NoBuffers
            | ErrorKind::TableFull
            | ErrorKind::SystemTableFull
            | ErrorKind::NameMemory => IoKind::OutOfMemory,
            _ => IoKind::Other,
        }
    }
}

macro_rules! stream_traits {
    ($($view:ident),*) => {$(
        impl<B: Backend + ?Sized> ErrorType for $view<'_, '_, B> {
            type Error = Error;
        }

        impl<B: Backend + ?Sized> embedded_io::Read for $view<'_, '_, B> {
            /// [`Socket::recv`](crate::Socket::recv); an empty buffer is 0.
            fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
                if buf.is_empty() {
                    return self.socket.stream_alive().map(|()| 0);
                }
                self.socket.recv(buf)
            }
        }

        impl<B: Backend + ?Sized> embedded_io::Write for $view<'_, '_, B> {
            /// [`Socket::send`](crate::Socket::send), which may be short without a timeout too.
            fn write(&mut self, data: &[u8]) -> Result<usize, Error> {
                self.socket.send_some(data)
            }

            /// Does nothing: nothing is buffered here.
            fn flush(&mut self) -> Result<(), Error> {
                self.socket.stream_alive()
            }
        }

        impl<B: Backend + ?Sized> embedded_io::ReadReady for $view<'_, '_, B> {
            /// Whether a read would not wait: data, end of stream or an error is there.
            fn read_ready(&mut self) -> Result<bool, Error> {
                Ok(self.socket.readiness().intersects(POLLIN | POLLERR | POLLHUP | POLLNVAL))
            }
        }

        impl<B: Backend + ?Sized> embedded_io::WriteReady for $view<'_, '_, B> {
            /// Whether a write would not wait: there is room, or an error.
            fn write_ready(&mut self) -> Result<bool, Error> {
                Ok(self.socket.readiness().intersects(POLLOUT | POLLERR | POLLHUP | POLLNVAL))
            }
        }
    )*};
}
stream_traits!(File, Stream);

#[cfg(test)]
mod tests {
    use super::*;

    /// What a reader must be able to tell apart by the kind alone, and that only what
    /// `embedded_io` has no kind for is `Other`.
    #[test]
    fn every_kind_has_its_own_answer() {
        for (error, kind) in [
            (Error::ECONNRESET, IoKind::ConnectionReset),
            (Error::ETIMEDOUT, IoKind::TimedOut),
            (Error::EBADF, IoKind::NotConnected),
            (Error::ENOTCONN, IoKind::NotConnected),
            (Error::EPIPE, IoKind::BrokenPipe),
            (Error::ECONNABORTED, IoKind::ConnectionAborted),
            (Error::ECONNREFUSED, IoKind::ConnectionRefused),
            (Error::EADDRINUSE, IoKind::AddrInUse),
            (Error::EADDRNOTAVAIL, IoKind::AddrNotAvailable),
            (Error::EIO, IoKind::InvalidData),
            (Error::ENOMEM, IoKind::OutOfMemory),
            (Error::EOPNOTSUPP, IoKind::Unsupported),
            (Error::EAI_NONAME, IoKind::NotFound),
        ] {
            assert_eq!(embedded_io::Error::kind(&error), kind, "{error:?}");
        }
        let other: heapless::Vec<i32, 16> = ErrorKind::ALL
            .iter()
            .map(|&kind| Error::from(kind))
            .filter(|error| embedded_io::Error::kind(error) == IoKind::Other)
            .map(Error::errno)
            .collect();
        let wanted = [
            Error::EAGAIN,
            Error::ENETDOWN,
            Error::ENETUNREACH,
            Error::EISCONN,
            Error::EHOSTUNREACH,
            Error::EALREADY,
            Error::EINPROGRESS,
            Error::EAI_AGAIN,
            Error::EAI_FAIL,
        ];
        assert_eq!(other, wanted.map(Error::errno));
        assert_eq!(Error::from_errno(77).kind(), ErrorKind::Other);
        assert_eq!(embedded_io::Error::kind(&Error::from_errno(77)), IoKind::Other);
    }
}

#[cfg(feature = "std")]
mod std_io {
    use std::io;

    use super::{Backend, Error, ErrorKind, File, Stream};

    impl From<Error> for io::Error {
        /// The `std` kind; total. The [`Error`] itself is inside: `get_ref` and
        /// `downcast` give it back with its errno and count.
        fn from(error: Error) -> io::Error {
            io::Error::new(std_kind(error.kind()), error)
        }
    }

    fn std_kind(kind: ErrorKind) -> io::ErrorKind {
        match kind {
            ErrorKind::PermissionDenied | ErrorKind::AccessDenied => {
                io::ErrorKind::PermissionDenied
            }
            ErrorKind::NotFound | ErrorKind::NoDevice | ErrorKind::NameUnknown => {
                io::ErrorKind::NotFound
            }
            ErrorKind::Interrupted => io::ErrorKind::Interrupted,
            ErrorKind::WouldBlock | ErrorKind::InProgress | ErrorKind::AlreadyInProgress => {
                io::ErrorKind::WouldBlock
            }
            ErrorKind::AlreadyExists => io::ErrorKind::AlreadyExists,
            ErrorKind::InvalidInput
            | ErrorKind::BadDescriptor
            | ErrorKind::DestinationRequired
            | ErrorKind::MessageTooLong
            | ErrorKind::BadFlags
            | ErrorKind::NameService => io::ErrorKind::InvalidInput,
            ErrorKind::BrokenPipe => io::ErrorKind::BrokenPipe,
            ErrorKind::NoSlot
            | ErrorKind::NoBuffers
            | ErrorKind::TableFull
            | ErrorKind::SystemTableFull
            | ErrorKind::NameMemory => io::ErrorKind::OutOfMemory,
            ErrorKind::NoProtocolOption
            | ErrorKind::ProtocolNotSupported
            | ErrorKind::NotSupported
            | ErrorKind::FamilyNotSupported
            | ErrorKind::NameFamily
            | ErrorKind::NameSockType
            | ErrorKind::NameAddrFamily => io::ErrorKind::Unsupported,
            ErrorKind::AddressInUse => io::ErrorKind::AddrInUse,
            ErrorKind::AddressNotAvailable => io::ErrorKind::AddrNotAvailable,
            ErrorKind::NetworkDown => io::ErrorKind::NetworkDown,
            ErrorKind::NetworkUnreachable => io::ErrorKind::NetworkUnreachable,
            ErrorKind::ConnectionAborted => io::ErrorKind::ConnectionAborted,
            ErrorKind::ConnectionReset => io::ErrorKind::ConnectionReset,
            ErrorKind::NotConnected => io::ErrorKind::NotConnected,
            ErrorKind::TimedOut => io::ErrorKind::TimedOut,
            ErrorKind::ConnectionRefused => io::ErrorKind::ConnectionRefused,
            ErrorKind::HostUnreachable => io::ErrorKind::HostUnreachable,
            ErrorKind::Io => io::ErrorKind::InvalidData,
            _ => io::ErrorKind::Other,
        }
    }

    macro_rules! std_streams {
        ($($view:ident),*) => {$(
            impl<B: Backend + ?Sized> io::Read for $view<'_, '_, B> {
                fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                    Ok(embedded_io::Read::read(self, buf)?)
                }
            }

            impl<B: Backend + ?Sized> io::Write for $view<'_, '_, B> {
                fn write(&mut self, data: &[u8]) -> io::Result<usize> {
                    Ok(self.socket.send_some(data)?)
                }

                fn flush(&mut self) -> io::Result<()> {
                    Ok(embedded_io::Write::flush(self)?)
                }
            }
        )*};
    }
    std_streams!(File, Stream);

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_error_travels_inside() {
            for &kind in ErrorKind::ALL {
                let error = Error::from(kind).with_transferred(3);
                let outer = io::Error::from(error);
                let inner = outer.get_ref().and_then(|e| e.downcast_ref::<Error>());
                assert_eq!(inner, Some(&error));
            }
            assert_eq!(std_kind(ErrorKind::WouldBlock), io::ErrorKind::WouldBlock);
            assert_eq!(std_kind(ErrorKind::TimedOut), io::ErrorKind::TimedOut);
        }
    }
}
