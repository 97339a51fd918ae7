//! Lies about section O: `settimeout` and `setblocking`.

use core::cell::Cell;
use core::time::Duration;

use usocket_core::spi::{Backend, Handle, RecvFlags};
use usocket_core::{AddrInfoList, Error, Instant, Result, SockAddr, Socket, Timeout};

use super::{lies, retold};
use crate::cases::timeout;
use crate::{Api, Asked, Lie};

lies! {
    api NoneIsNonBlocking breaks [149], caught by timeout::none_zero_and_seconds;
    api TimeoutZeroIsShort breaks [149], caught by timeout::none_zero_and_seconds;
    backend BlockingTimesOut breaks [149], caught by timeout::none_zero_and_seconds;
    api OldTimeoutStays breaks [150], caught by timeout::setblocking_is_short_for_settimeout;
    api SetblockingFalseWaits breaks [150], caught by timeout::setblocking_is_short_for_settimeout;
    api NonBlockingStays breaks [151], caught by timeout::a_timeout_after_setblocking_false_waits;
    api NegativeTimeoutIsZero breaks [152], caught by timeout::wrong_timeouts_are_refused;
    api RefusedTimeoutIsTaken breaks [152], caught by timeout::wrong_timeouts_are_refused;
    api TinyTimeoutIsZero breaks [153], caught by timeout::tiny_timeouts_are_timeouts;
    api TimeoutsAreWholeSeconds breaks [154], caught by timeout::fractions_of_seconds_count;
    backend WouldBlockIsATimeout breaks [155], caught by timeout::would_block_is_no_timeout;
    api TimeoutIsNothingYet breaks [155], caught by timeout::would_block_is_no_timeout;
    api SendTimeoutIsWouldBlock breaks [155], caught by timeout::a_full_buffer_is_no_timeout;
    backend NoDatagramIsATimeout breaks [155], caught by timeout::datagrams_would_block_or_time_out;
    api ReadDeadlinePerPiece breaks [156], caught by timeout::a_timeout_covers_the_whole_read;
    api ReadlineDeadlinePerPiece breaks [156],
        caught by timeout::a_timeout_covers_the_whole_readline;
    api WriteDeadlinePerPiece breaks [156], caught by timeout::a_timeout_covers_the_whole_write;
    api SendallTimeoutPerPiece breaks [156], caught by timeout::a_timeout_covers_the_whole_write;
    api SettimeoutHurriesTheResolver breaks [157], caught by timeout::a_timeout_is_the_sockets_own;
    api AcceptedInheritsTheTimeout breaks [157], caught by timeout::a_timeout_is_not_inherited;
    api TimeoutOnlyAfterConnect breaks [158], caught by timeout::a_timeout_may_come_first;
    api TimeoutBeforeConnectLost breaks [158], caught by timeout::a_timeout_may_come_first;
    api TimeoutWhenClosedAccepted breaks [158], caught by timeout::no_timeout_on_a_closed_socket;
}

retold! {
    backend WouldBlockIsATimeout: try_recv { Err(Error::EAGAIN) => Err(Error::ETIMEDOUT) }
    api TimeoutIsNothingYet: read { Err(Error::ETIMEDOUT) => Ok(None) }
    api SendTimeoutIsWouldBlock: send { Err(Error::ETIMEDOUT) => Err(Error::EAGAIN) }
    api TimeoutWhenClosedAccepted: settimeout { Err(Error::EBADF) => Ok(()) }
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
struct TimeoutZeroIsShort;

impl<B: Backend> Api<B> for TimeoutZeroIsShort {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.settimeout(if seconds == 0.0 { 0.01 } else { seconds })
    }
}

/// Gives up 100 ms after the first receive that found nothing.
#[derive(Default)]
struct BlockingTimesOut(Cell<Option<Instant>>);

impl<B: Backend> Lie<B> for BlockingTimesOut {
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
struct NegativeTimeoutIsZero;

impl<B: Backend> Api<B> for NegativeTimeoutIsZero {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.settimeout(if seconds < 0.0 { 0.0 } else { seconds })
    }
}

#[derive(Default)]
struct RefusedTimeoutIsTaken;

impl<B: Backend> Api<B> for RefusedTimeoutIsTaken {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.settimeout(seconds).or_else(|error| {
            socket.settimeout(0)?;
            Err(error)
        })
    }
}

#[derive(Default)]
struct TinyTimeoutIsZero;

impl<B: Backend> Api<B> for TinyTimeoutIsZero {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.settimeout(if seconds < 0.001 { 0.0 } else { seconds })
    }
}

#[derive(Default)]
struct TimeoutsAreWholeSeconds;

impl<B: Backend> Api<B> for TimeoutsAreWholeSeconds {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.settimeout(if seconds > 0.0 && seconds < 1.0 { 1.0 } else { seconds })
    }
}

#[derive(Default)]
struct NoDatagramIsATimeout;

impl<B: Backend> Lie<B> for NoDatagramIsATimeout {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        WouldBlockIsATimeout.try_recv(net, handle, buf, flags)
    }
}

#[derive(Default)]
struct ReadDeadlinePerPiece;

impl<B: Backend> Api<B> for ReadDeadlinePerPiece {
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
struct ReadlineDeadlinePerPiece;

impl<B: Backend> Api<B> for ReadlineDeadlinePerPiece {
    fn readline(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        ReadDeadlinePerPiece.read(socket, buf)
    }
}

#[derive(Default)]
struct WriteDeadlinePerPiece;

impl<B: Backend> Api<B> for WriteDeadlinePerPiece {
    fn write(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<Option<usize>> {
        let mut sent = 0;
        while sent < data.len() {
            sent += socket.send(&data[sent..])?;
        }
        Ok(Some(sent))
    }
}

#[derive(Default)]
struct SendallTimeoutPerPiece;

impl<B: Backend> Api<B> for SendallTimeoutPerPiece {
    fn sendall(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<()> {
        WriteDeadlinePerPiece.write(socket, data).map(|_| ())
    }
}

/// A resolver that waits as long as the last timeout of any socket.
#[derive(Default)]
struct SettimeoutHurriesTheResolver(Cell<bool>);

impl<B: Backend> Api<B> for SettimeoutHurriesTheResolver {
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
struct AcceptedInheritsTheTimeout;

impl<B: Backend> Api<B> for AcceptedInheritsTheTimeout {
    fn accept<'b>(&self, socket: &Socket<'b, B>) -> Result<(Socket<'b, B>, SockAddr)> {
        let (child, from) = socket.accept()?;
        child.settimeout(socket.timeout())?;
        Ok((child, from))
    }
}

#[derive(Default)]
struct TimeoutOnlyAfterConnect;

impl<B: Backend> Api<B> for TimeoutOnlyAfterConnect {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        socket.peer_addr()?;
        socket.settimeout(seconds)
    }
}

/// Takes a timeout before connect or bind, and does not keep it.
#[derive(Default)]
struct TimeoutBeforeConnectLost;

impl<B: Backend> Api<B> for TimeoutBeforeConnectLost {
    fn settimeout(&self, socket: &Socket<'_, B>, seconds: f64) -> Result<()> {
        if socket.peer_addr().is_ok() { socket.settimeout(seconds) } else { Ok(()) }
    }
}
