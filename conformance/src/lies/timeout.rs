//! Lies about section O.

use core::cell::Cell;
use core::time::Duration;

use usocket_core::spi::{Backend, Handle, RecvFlags};
use usocket_core::{AddrInfoList, Error, Instant, Result, SockAddr, Socket, Timeout};

use super::lies;
use crate::cases::timeout;
use crate::{Api, Asked, Lie};

lies! {
    api NoneIsNonBlocking breaks [149], caught by timeout::none_zero_and_seconds;
    api ZeroIsShort breaks [149], caught by timeout::none_zero_and_seconds;
    backend OwnTimeout breaks [149], caught by timeout::none_zero_and_seconds;
    api OldTimeoutStays breaks [150], caught by timeout::setblocking_is_short_for_settimeout;
    api SetblockingFalseWaits breaks [150], caught by timeout::setblocking_is_short_for_settimeout;
    api NonBlockingStays breaks [151], caught by timeout::a_timeout_after_setblocking_false_waits;
    api NegativeIsZero breaks [152], caught by timeout::wrong_timeouts_are_refused;
    api RefusedButTaken breaks [152], caught by timeout::wrong_timeouts_are_refused;
    api TinyIsZero breaks [153], caught by timeout::tiny_timeouts_are_timeouts;
    api WholeSeconds breaks [154], caught by timeout::fractions_of_seconds_count;
    backend TimeoutForWouldBlock breaks [155], caught by timeout::would_block_is_no_timeout;
    api TimeoutIsNothingYet breaks [155], caught by timeout::would_block_is_no_timeout;
    api SendTimeoutIsWouldBlock breaks [155], caught by timeout::a_full_buffer_is_no_timeout;
    backend TimeoutForNoDatagram breaks [155], caught by timeout::datagrams_would_block_or_time_out;
    api PerPieceRead breaks [156], caught by timeout::a_timeout_covers_the_whole_read;
    api PerPieceReadline breaks [156], caught by timeout::a_timeout_covers_the_whole_readline;
    api PerPieceWrite breaks [156], caught by timeout::a_timeout_covers_the_whole_write;
    api PerPieceSendall breaks [156], caught by timeout::a_timeout_covers_the_whole_write;
    api HurriedResolver breaks [157], caught by timeout::a_timeout_is_the_sockets_own;
    api OneTimeoutForAll breaks [157], caught by timeout::a_timeout_is_not_inherited;
    api NotBeforeConnect breaks [158], caught by timeout::a_timeout_may_come_first;
    api ForgottenByConnect breaks [158], caught by timeout::a_timeout_may_come_first;
    api TakenWhenClosed breaks [158], caught by timeout::no_timeout_on_a_closed_socket;
}

#[derive(Default)]
struct NoneIsNonBlocking;

impl<B: Backend> Api<B> for NoneIsNonBlocking {
    fn settimeout_to(&self, socket: &Socket<'_, B>, timeout: Timeout) -> Result<()> {
        match timeout {
            Timeout::Never => socket.settimeout(0),
            other => socket.settimeout(other),
        }
    }
}

#[derive(Default)]
struct ZeroIsShort;

impl<B: Backend> Api<B> for ZeroIsShort {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.settimeout(if seconds == 0.0 { 0.01 } else { seconds })
    }
}

/// Gives up 100 ms after the first receive that found nothing.
#[derive(Default)]
struct OwnTimeout(Cell<Option<Instant>>);

impl<B: Backend> Lie<B> for OwnTimeout {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let now = net.platform().now();
        match (net.try_recv(handle, buf, flags), self.0.get()) {
            (Err(Error::EAGAIN), None) => self.0.set(Some(now + Duration::from_millis(100))),
            (Err(Error::EAGAIN), Some(limit)) if now >= limit => return Err(Error::ETIMEDOUT),
            (Err(Error::EAGAIN), Some(_)) => {}
            (answer, _) => return answer,
        }
        Err(Error::EAGAIN)
    }

    fn drive(&self, net: &B, now: Instant) -> Option<Instant> {
        usocket_core::earlier(net.drive(now), self.0.get().filter(|limit| *limit > now))
    }
}

#[derive(Default)]
struct OldTimeoutStays;

impl<B: Backend> Api<B> for OldTimeoutStays {
    fn setblocking(&self, socket: &Socket<'_, B>, flag: bool) -> Result<()> {
        match (socket.timeout(), flag) {
            (Timeout::After(_), true) => Ok(()),
            _ => socket.setblocking(flag),
        }
    }
}

#[derive(Default)]
struct SetblockingFalseWaits;

impl<B: Backend> Api<B> for SetblockingFalseWaits {
    fn setblocking(&self, socket: &Socket<'_, B>, flag: bool) -> Result<()> {
        if flag { socket.setblocking(true) } else { socket.settimeout(0.001) }
    }
}

#[derive(Default)]
struct NonBlockingStays;

impl<B: Backend> Api<B> for NonBlockingStays {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        if socket.timeout() == Timeout::Zero { Ok(()) } else { socket.settimeout(seconds) }
    }
}

#[derive(Default)]
struct NegativeIsZero;

impl<B: Backend> Api<B> for NegativeIsZero {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.settimeout(if seconds < 0.0 { 0.0 } else { seconds })
    }
}

#[derive(Default)]
struct RefusedButTaken;

impl<B: Backend> Api<B> for RefusedButTaken {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.settimeout(seconds).or_else(|error| {
            socket.settimeout(0)?;
            Err(error)
        })
    }
}

#[derive(Default)]
struct TinyIsZero;

impl<B: Backend> Api<B> for TinyIsZero {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.settimeout(if seconds < 0.001 { 0.0 } else { seconds })
    }
}

#[derive(Default)]
struct WholeSeconds;

impl<B: Backend> Api<B> for WholeSeconds {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.settimeout(if seconds > 0.0 && seconds < 1.0 { 1.0 } else { seconds })
    }
}

#[derive(Default)]
struct TimeoutForWouldBlock;

impl<B: Backend> Lie<B> for TimeoutForWouldBlock {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        net.try_recv(handle, buf, flags).map_err(|error| match error {
            Error::EAGAIN => Error::ETIMEDOUT,
            other => other,
        })
    }
}

#[derive(Default)]
struct TimeoutIsNothingYet;

impl<B: Backend> Api<B> for TimeoutIsNothingYet {
    fn read(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        match socket.read(buf) {
            Err(Error::ETIMEDOUT) => Ok(None),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct SendTimeoutIsWouldBlock;

impl<B: Backend> Api<B> for SendTimeoutIsWouldBlock {
    fn send(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<usize> {
        socket.send(data).map_err(|error| match error {
            Error::ETIMEDOUT => Error::EAGAIN,
            other => other,
        })
    }
}

#[derive(Default)]
struct TimeoutForNoDatagram;

impl<B: Backend> Lie<B> for TimeoutForNoDatagram {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        TimeoutForWouldBlock.try_recv(net, handle, buf, flags)
    }
}

#[derive(Default)]
struct PerPieceRead;

impl<B: Backend> Api<B> for PerPieceRead {
    fn read(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        let mut filled = 0;
        while filled < buf.len() {
            match socket.recv(&mut buf[filled..])? {
                0 => break,
                count => filled += count,
            }
        }
        Ok(Some(filled))
    }
}

#[derive(Default)]
struct PerPieceReadline;

impl<B: Backend> Api<B> for PerPieceReadline {
    fn readline(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        PerPieceRead.read(socket, buf)
    }
}

#[derive(Default)]
struct PerPieceWrite;

impl<B: Backend> Api<B> for PerPieceWrite {
    fn write(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<Option<usize>> {
        let mut sent = 0;
        while sent < data.len() {
            sent += socket.send(&data[sent..])?;
        }
        Ok(Some(sent))
    }
}

#[derive(Default)]
struct PerPieceSendall;

impl<B: Backend> Api<B> for PerPieceSendall {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        PerPieceWrite.write(socket, data).map(|_| ())
    }
}

/// A resolver that waits as long as the last timeout of any socket.
#[derive(Default)]
struct HurriedResolver(Cell<bool>);

impl<B: Backend> Api<B> for HurriedResolver {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        self.0.set(seconds < 0.001);
        socket.settimeout(seconds)
    }

    fn getaddrinfo(&self, net: &B, mut asked: Asked<'_>) -> Result<AddrInfoList> {
        if self.0.get() {
            asked.hints.timeout = Duration::ZERO;
        }
        crate::Honest.getaddrinfo(net, asked)
    }
}

/// Accepted sockets have the listener's timeout.
#[derive(Default)]
struct OneTimeoutForAll;

impl<B: Backend> Api<B> for OneTimeoutForAll {
    fn accept<'b>(&self, socket: &Socket<'b, B>) -> Result<(Socket<'b, B>, SockAddr)> {
        let (child, from) = socket.accept()?;
        child.settimeout(socket.timeout())?;
        Ok((child, from))
    }
}

#[derive(Default)]
struct NotBeforeConnect;

impl<B: Backend> Api<B> for NotBeforeConnect {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.peer_addr()?;
        socket.settimeout(seconds)
    }
}

/// Takes a timeout before connect or bind, and does not keep it.
#[derive(Default)]
struct ForgottenByConnect;

impl<B: Backend> Api<B> for ForgottenByConnect {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        if socket.peer_addr().is_ok() { socket.settimeout(seconds) } else { Ok(()) }
    }
}

#[derive(Default)]
struct TakenWhenClosed;

impl<B: Backend> Api<B> for TakenWhenClosed {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        match socket.settimeout(seconds) {
            Err(Error::EBADF) => Ok(()),
            answer => answer,
        }
    }
}
