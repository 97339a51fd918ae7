//! The commonest lie: an operation is done honestly, and one of its answers told as
//! another.

use usocket_core::spi::RecvInfo;
use usocket_core::{Family, SockAddr};

/// No address: `0.0.0.0`, as a modem without `AT+CIPDINFO=1`.
pub(super) const NOBODY: SockAddr = SockAddr::new(Family::V4.unspecified(), 0);

/// An empty datagram of nobody, or the end of a stream.
pub(super) const EMPTY: RecvInfo = RecvInfo { len: 0, full_len: 0, from: NOBODY, local: None };

/// Lies about the answers of one operation each, with the arms of a `match` on its
/// honest answer; what no arm names stays as it is.
///
/// ```text
/// retold! {
///     backend NothingIsTheEnd: try_recv { Err(Error::EAGAIN) => Ok(0) }
///     backend SendsToNobody: try_send(data) { Err(Error::EPIPE) => Ok(data.len()) }
///     api LateIsWouldBlock: send { Err(Error::ETIMEDOUT) => Err(Error::EAGAIN) }
/// }
/// ```
///
/// A `backend` lie is about an operation of [`Lie`](crate::Lie), an `api` lie about
/// one of [`Api`](crate::Api). Where an arm needs the arguments, name them all: those
/// behind the handle or the socket.
macro_rules! retold {
    ($(
        $(#[$doc:meta])*
        $kind:ident $lie:ident: $op:ident $(($($arg:ident),+))? {
            $($pattern:pat $(if $guard:expr)? => $told:expr),+ $(,)?
        }
    )*) => {$(
        $(#[$doc])*
        #[derive(Default)]
        struct $lie;

        retold!(@$kind $lie $op ($($($arg),+)?) { $($pattern $(if $guard)? => $told,)+ });
    )*};

    (@backend $lie:ident alive () $arms:tt) => { retold!(@spi $lie alive() -> (), $arms); };
    (@backend $lie:ident bind () $arms:tt) => {
        retold!(@spi $lie bind(address: usocket_core::SockAddr) -> (), $arms);
    };
    (@backend $lie:ident listen () $arms:tt) => {
        retold!(@spi $lie listen(backlog: u32) -> (), $arms);
    };
    (@backend $lie:ident try_accept () $arms:tt) => {
        retold!(@spi $lie
            try_accept() -> (usocket_core::spi::Handle, usocket_core::SockAddr), $arms);
    };
    (@backend $lie:ident try_connect () $arms:tt) => {
        retold!(@spi $lie try_connect(address: usocket_core::SockAddr) -> (), $arms);
    };
    (@backend $lie:ident connect_result () $arms:tt) => {
        retold!(@spi $lie connect_result() -> (), $arms);
    };
    (@backend $lie:ident try_send () $arms:tt) => {
        retold!(@backend $lie try_send (data) $arms);
    };
    (@backend $lie:ident try_send ($data:ident) $arms:tt) => {
        retold!(@spi $lie try_send($data: &[u8]) -> usize, $arms);
    };
    (@backend $lie:ident try_send_to () $arms:tt) => {
        retold!(@backend $lie try_send_to (data, to) $arms);
    };
    (@backend $lie:ident try_send_to ($data:ident, $to:ident) $arms:tt) => {
        retold!(@spi $lie try_send_to($data: &[u8], $to: usocket_core::SockAddr) -> usize, $arms);
    };
    (@backend $lie:ident try_recv () $arms:tt) => {
        retold!(@backend $lie try_recv (buf, flags) $arms);
    };
    (@backend $lie:ident try_recv ($buf:ident, $flags:ident) $arms:tt) => {
        retold!(@spi $lie
            try_recv($buf: &mut [u8], $flags: usocket_core::spi::RecvFlags) -> usize, $arms);
    };
    (@backend $lie:ident try_recv_info () $arms:tt) => {
        retold!(@spi $lie
            try_recv_info(buf: &mut [u8], flags: usocket_core::spi::RecvFlags)
                -> usocket_core::spi::RecvInfo, $arms);
    };
    (@backend $lie:ident set_option () $arms:tt) => {
        retold!(@backend $lie set_option (option) $arms);
    };
    (@backend $lie:ident set_option ($option:ident) $arms:tt) => {
        retold!(@spi $lie set_option($option: &usocket_core::spi::Opt) -> (), $arms);
    };
    (@backend $lie:ident option () $arms:tt) => {
        retold!(@spi $lie
            option(name: usocket_core::spi::OptName) -> usocket_core::spi::Opt, $arms);
    };
    (@backend $lie:ident shutdown () $arms:tt) => {
        retold!(@spi $lie shutdown(how: usocket_core::spi::Shutdown) -> (), $arms);
    };
    (@backend $lie:ident take_error () $arms:tt) => {
        retold!(@spi $lie take_error() -> Option<usocket_core::Error>, $arms);
    };
    (@backend $lie:ident local_addr () $arms:tt) => {
        retold!(@spi $lie local_addr() -> usocket_core::SockAddr, $arms);
    };
    (@backend $lie:ident peer_addr () $arms:tt) => {
        retold!(@spi $lie peer_addr() -> usocket_core::SockAddr, $arms);
    };
    (@spi $lie:ident $op:ident($($arg:ident: $type:ty),*) -> $answer:ty, { $($arms:tt)+ }) => {
        impl<B: usocket_core::spi::Backend> $crate::Lie<B> for $lie {
            fn $op(
                &self,
                net: &B,
                handle: usocket_core::spi::Handle,
                $($arg: $type,)*
            ) -> usocket_core::Result<$answer> {
                match net.$op(handle $(, $arg)*) {
                    $($arms)+
                    answer => answer,
                }
            }
        }
    };

    // A number, not an operation of a socket.
    (@api $lie:ident constant () { $($arms:tt)+ }) => {
        impl<B: usocket_core::spi::Backend> $crate::Api<B> for $lie {
            fn constant(&self, honest: i32) -> i32 {
                match honest {
                    $($arms)+
                    honest => honest,
                }
            }
        }
    };
    // Its lifetimes are its own.
    (@api $lie:ident accept () { $($arms:tt)+ }) => {
        impl<B: usocket_core::spi::Backend> $crate::Api<B> for $lie {
            fn accept<'b>(
                &self,
                socket: &usocket_core::Socket<'b, B>,
            ) -> usocket_core::Result<(usocket_core::Socket<'b, B>, usocket_core::SockAddr)> {
                match socket.accept() {
                    $($arms)+
                    answer => answer,
                }
            }
        }
    };
    (@api $lie:ident connect () $arms:tt) => {
        retold!(@socket $lie connect(address: usocket_core::SockAddr) -> (), $arms);
    };
    (@api $lie:ident settimeout () $arms:tt) => {
        retold!(@socket $lie settimeout(seconds: f64) -> (), $arms);
    };
    (@api $lie:ident setblocking () $arms:tt) => {
        retold!(@socket $lie setblocking(flag: bool) -> (), $arms);
    };
    (@api $lie:ident setsockopt () $arms:tt) => {
        retold!(@api $lie setsockopt (level, name, value) $arms);
    };
    (@api $lie:ident setsockopt ($level:ident, $name:ident, $value:ident) $arms:tt) => {
        retold!(@socket $lie
            setsockopt($level: i32, $name: i32, $value: usocket_core::OptValue<'_>) -> (), $arms);
    };
    (@api $lie:ident send () $arms:tt) => {
        retold!(@socket $lie send(data: &[u8]) -> usize, $arms);
    };
    (@api $lie:ident sendall () $arms:tt) => {
        retold!(@socket $lie sendall(data: &[u8]) -> (), $arms);
    };
    (@api $lie:ident sendto () $arms:tt) => {
        retold!(@socket $lie sendto(data: &[u8], to: usocket_core::SockAddr) -> usize, $arms);
    };
    (@api $lie:ident recv_flags () $arms:tt) => {
        retold!(@api $lie recv_flags (buf, flags) $arms);
    };
    (@api $lie:ident recv_flags ($buf:ident, $flags:ident) $arms:tt) => {
        retold!(@socket $lie recv_flags($buf: &mut [u8], $flags: i32) -> usize, $arms);
    };
    (@api $lie:ident read () $arms:tt) => { retold!(@api $lie read (buf) $arms); };
    (@api $lie:ident read ($buf:ident) $arms:tt) => {
        retold!(@socket $lie read($buf: &mut [u8]) -> Option<usize>, $arms);
    };
    (@api $lie:ident readinto_n () $arms:tt) => {
        retold!(@socket $lie readinto_n(buf: &mut [u8], n: usize) -> Option<usize>, $arms);
    };
    (@api $lie:ident readline () $arms:tt) => { retold!(@api $lie readline (buf) $arms); };
    (@api $lie:ident readline ($buf:ident) $arms:tt) => {
        retold!(@socket $lie readline($buf: &mut [u8]) -> Option<usize>, $arms);
    };
    (@api $lie:ident write () $arms:tt) => { retold!(@api $lie write (data) $arms); };
    (@api $lie:ident write ($data:ident) $arms:tt) => {
        retold!(@socket $lie write($data: &[u8]) -> Option<usize>, $arms);
    };
    (@socket $lie:ident $op:ident($($arg:ident: $type:ty),*) -> $answer:ty, { $($arms:tt)+ }) => {
        impl<B: usocket_core::spi::Backend> $crate::Api<B> for $lie {
            fn $op(
                &self,
                socket: &usocket_core::Socket<'_, B>,
                $($arg: $type,)*
            ) -> usocket_core::Result<$answer> {
                match socket.$op($($arg),*) {
                    $($arms)+
                    answer => answer,
                }
            }
        }
    };
}
pub(super) use retold;
