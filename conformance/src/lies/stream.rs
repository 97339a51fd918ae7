//! Lies about section P: `read`, `readinto`, `readline`.

use usocket_core::spi::{Backend, Handle, RecvFlags};
use usocket_core::{Error, Result, Socket, Timeout};

use super::{lies, retold};
use crate::cases::stream;
use crate::{Api, Lie};

lies! {
    api ShortRead breaks [159], caught by stream::read_fills_the_buffer;
    api RestBeforeTheEndLost breaks [160], caught by stream::read_ends_at_the_end_of_the_stream;
    api EndIsNothingYet breaks [160], caught by stream::read_ends_at_the_end_of_the_stream;
    backend EndIsUnconnected breaks [160], caught by stream::read_ends_at_the_end_of_the_stream;
    api ReadStopsAtAPause breaks [161], caught by stream::read_all_ends_at_the_end_of_the_stream;
    api EmptyReadNeverFails breaks [162], caught by stream::reading_nothing_is_nothing;
    api EmptyReadWaits breaks [162], caught by stream::reading_nothing_is_nothing;
    backend EmptyReadOfClosedWorks breaks [162], caught by stream::reading_nothing_is_nothing;
    api NoDataReadIsTheEnd breaks [163, 164],
        caught by stream::non_blocking_read_gives_what_is_there;
    api PartOfReadIsNone breaks [163, 164], caught by stream::non_blocking_read_gives_what_is_there;
    api NoDataReadintoIsTheEnd breaks [171],
        caught by stream::non_blocking_readinto_gives_what_is_there;
    api WholeLinesOnly breaks [175], caught by stream::non_blocking_readline_gives_a_part;
    api ReadTimeoutIsTheEnd breaks [165], caught by stream::a_timeout_with_nothing_read;
    api ReadlineTimeoutIsNone breaks [165], caught by stream::a_timeout_with_nothing_read;
    api PartOfReadLost breaks [166], caught by stream::a_timeout_after_a_part_keeps_it;
    api PartOfReadUncounted breaks [166], caught by stream::a_timeout_after_a_part_keeps_it;
    api PartOfLineUncounted breaks [166],
        caught by stream::a_timeout_after_a_part_of_a_line_keeps_it;
    api ResetLosesThePart breaks [167], caught by stream::a_reset_after_a_part_keeps_it;
    backend ResetOfReadIsTheEnd breaks [167], caught by stream::a_reset_after_a_part_keeps_it;
    backend UnconnectedIsTheEnd breaks [168], caught by stream::reading_unconnected_or_closed;
    backend UnconnectedReadIsAPipe breaks [168], caught by stream::reading_unconnected_or_closed;
    api ShortReadinto breaks [169], caught by stream::readinto_fills_the_buffer;
    api ReadintoCountIgnored breaks [170], caught by stream::readinto_keeps_to_its_count;
    api ReadintoClearsTheRest breaks [170], caught by stream::readinto_keeps_to_its_count;
    api ReturnEndsALine breaks [172], caught by stream::readline_ends_at_the_newline;
    api NewlineStripped breaks [172], caught by stream::readline_ends_at_the_newline;
    api LastLineLost breaks [173], caught by stream::readline_gives_the_last_line;
    api ReadlineReadsAhead breaks [174], caught by stream::readline_takes_nothing_behind_it;
    backend PeekConsumesTheLine breaks [174], caught by stream::readline_takes_nothing_behind_it;
}

retold! {
    api ReadTimeoutIsTheEnd: read { Err(Error::ETIMEDOUT) => Ok(Some(0)) }
    api ReadlineTimeoutIsNone: readline { Err(Error::ETIMEDOUT) => Ok(None) }
    api RestBeforeTheEndLost: read(buf) { Ok(Some(count)) if count < buf.len() => Ok(Some(0)) }
    api EndIsNothingYet: read { Ok(Some(0)) => Ok(None) }
    api LastLineLost: readline(buf) {
        Ok(Some(count)) if !buf[..count].ends_with(b"\n") => Ok(Some(0))
    }
    api PartOfReadUncounted: read { Err(error) => Err(error.with_transferred(0)) }
    api PartOfLineUncounted: readline { Err(error) => Err(error.with_transferred(0)) }
    backend ResetOfReadIsTheEnd: try_recv { Err(Error::ECONNRESET) => Ok(0) }
    backend UnconnectedIsTheEnd: try_recv { Err(Error::ENOTCONN) => Ok(0) }
    backend UnconnectedReadIsAPipe: try_recv { Err(Error::ENOTCONN) => Err(Error::EPIPE) }
    api NoDataReadIsTheEnd: read { Ok(None) => Ok(Some(0)) }
    api NoDataReadintoIsTheEnd: readinto_n { Ok(None) => Ok(Some(0)) }
    backend EndIsUnconnected: try_recv(buf, flags) {
        Ok(0) if !buf.is_empty() => Err(Error::ENOTCONN)
    }
}

/// Answers of `read` and `readinto` through one function.
macro_rules! reading {
    ($(#[$doc:meta])* $lie:ident, $method:ident, |$socket:ident, $buf:ident| $body:expr) => {
        $(#[$doc])*
        #[derive(Default)]
        struct $lie;

        impl<B: Backend> Api<B> for $lie {
            reading!(@$method $socket, $buf, $body);
        }
    };
    (@read $socket:ident, $buf:ident, $body:expr) => {
        fn read(&self, $socket: &Socket<'_, B>, $buf: &mut [u8]) -> Result<Option<usize>> {
            $body
        }
    };
    (@readline $socket:ident, $buf:ident, $body:expr) => {
        fn readline(&self, $socket: &Socket<'_, B>, $buf: &mut [u8]) -> Result<Option<usize>> {
            $body
        }
    };
    (@readinto_n $socket:ident, $buf:ident, $body:expr) => {
        fn readinto_n(
            &self,
            $socket: &Socket<'_, B>,
            $buf: &mut [u8],
            _: usize,
        ) -> Result<Option<usize>> {
            $body
        }
    };
}

reading!(ShortRead, read, |socket, buf| socket.recv(buf).map(Some));

reading!(
    /// Waits for the first bytes only.
    ReadStopsAtAPause, read, |socket, buf| {
        let first = socket.recv(buf)?;
        let before = socket.timeout();
        socket.setblocking(false)?;
        let more = socket.read(&mut buf[first..]);
        socket.settimeout(before)?;
        Ok(Some(first + more?.unwrap_or(0)))
    }
);

reading!(EmptyReadNeverFails, read, |socket, buf| {
    if buf.is_empty() { Ok(Some(0)) } else { socket.read(buf) }
});

reading!(
    /// Looks for data even if none is wanted.
    EmptyReadWaits, read, |socket, buf| {
        if buf.is_empty() && socket.backend().alive(socket.handle()).is_ok() {
            socket.settimeout(0.01)?;
            return socket.recv(&mut [0]).map(Some);
        }
        socket.read(buf)
    }
);

#[derive(Default)]
struct EmptyReadOfClosedWorks;

impl<B: Backend> Lie<B> for EmptyReadOfClosedWorks {
    fn alive(&self, _: &B, _: Handle) -> Result<()> {
        Ok(())
    }
}

reading!(
    /// Bytes that do not fill the buffer are kept back.
    PartOfReadIsNone, read, |socket, buf| {
        if socket.timeout() == Timeout::Zero
            && socket.recv_flags(buf, usocket_core::MSG_PEEK).is_ok_and(|n| n > 0 && n < buf.len())
        {
            return Ok(None);
        }
        socket.read(buf)
    }
);

reading!(WholeLinesOnly, readline, |socket, buf| {
    let seen = socket.recv_flags(buf, usocket_core::MSG_PEEK);
    if socket.timeout() == Timeout::Zero
        && seen.is_ok_and(|seen| seen > 0 && !buf[..seen].contains(&b'\n'))
    {
        return Ok(None);
    }
    socket.readline(buf)
});

reading!(
    /// The bytes before the timeout are thrown away.
    PartOfReadLost, read, |socket, buf| socket.read(buf).inspect_err(|_error| {
        buf.fill(0);
    })
);

reading!(ResetLosesThePart, read, |socket, buf| socket.read(buf).map_err(|error| {
    buf.fill(0);
    error.with_transferred(0)
}));

reading!(ShortReadinto, readinto_n, |socket, buf| socket.recv(buf).map(Some));

reading!(ReadintoCountIgnored, readinto_n, |socket, buf| socket.readinto(buf));

/// Uses the rest of the buffer as scratch.
#[derive(Default)]
struct ReadintoClearsTheRest;

impl<B: Backend> Api<B> for ReadintoClearsTheRest {
    fn readinto_n(
        &self,
        socket: &Socket<'_, B>,
        buf: &mut [u8],
        n: usize,
    ) -> Result<Option<usize>> {
        let answer = socket.readinto_n(buf, n)?;
        buf[answer.unwrap_or(0)..].fill(0);
        Ok(answer)
    }
}

reading!(ReturnEndsALine, readline, |socket, buf| {
    let mut filled = 0;
    while filled < buf.len() && socket.recv(&mut buf[filled..=filled])? == 1 {
        filled += 1;
        if matches!(buf[filled - 1], b'\n' | b'\r') {
            break;
        }
    }
    Ok(Some(filled))
});

reading!(NewlineStripped, readline, |socket, buf| {
    let read = socket.readline(buf)?;
    Ok(read.map(|count| if buf[..count].ends_with(b"\n") { count - 1 } else { count }))
});

reading!(
    /// Takes one byte more than the line.
    ReadlineReadsAhead, readline, |socket, buf| {
        let answer = socket.readline(buf)?;
        socket.recv_flags(&mut [0], usocket_core::MSG_DONTWAIT)?;
        Ok(answer)
    }
);

#[derive(Default)]
struct PeekConsumesTheLine;

impl<B: Backend> Lie<B> for PeekConsumesTheLine {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], _: RecvFlags) -> Result<usize> {
        net.try_recv(handle, buf, RecvFlags { peek: false })
    }
}
