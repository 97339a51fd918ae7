//! Lies about the reading half of section P.

use usocket_core::spi::{Backend, Handle, RecvFlags};
use usocket_core::{Error, Result, Socket, Timeout};

use super::lies;
use crate::cases::stream;
use crate::{Api, Lie};

lies! {
    api ShortRead breaks [159], caught by stream::read_fills_the_buffer;
    api RestLost breaks [160], caught by stream::read_ends_at_the_end_of_the_stream;
    api EndIsNothingYet breaks [160], caught by stream::read_ends_at_the_end_of_the_stream;
    backend EndWouldBlock breaks [160], caught by stream::read_ends_at_the_end_of_the_stream;
    api StopsAtAPause breaks [161], caught by stream::read_all_ends_at_the_end_of_the_stream;
    api ClosedReadsNothing breaks [162], caught by stream::reading_nothing_is_nothing;
    api EmptyReadWaits breaks [162], caught by stream::reading_nothing_is_nothing;
    backend ClosedIsAlive breaks [162], caught by stream::reading_nothing_is_nothing;
    api NothingIsEmpty breaks [163, 164], caught by stream::non_blocking_read_gives_what_is_there;
    api PartIsNothing breaks [163, 164], caught by stream::non_blocking_read_gives_what_is_there;
    api NothingIsZero breaks [171], caught by stream::non_blocking_readinto_gives_what_is_there;
    api WholeLinesOnly breaks [175], caught by stream::non_blocking_readline_gives_a_part;
    api TimeoutIsEmpty breaks [165], caught by stream::a_timeout_with_nothing_read;
    api TimeoutIsNone breaks [165], caught by stream::a_timeout_with_nothing_read;
    api PartLost breaks [166], caught by stream::a_timeout_after_a_part_keeps_it;
    api PartCountedOut breaks [166], caught by stream::a_timeout_after_a_part_keeps_it;
    api LinePartLost breaks [166], caught by stream::a_timeout_after_a_part_of_a_line_keeps_it;
    api ResetLosesThePart breaks [167], caught by stream::a_reset_after_a_part_keeps_it;
    backend ResetIsTheEnd breaks [167], caught by stream::a_reset_after_a_part_keeps_it;
    backend UnconnectedIsTheEnd breaks [168], caught by stream::reading_unconnected_or_closed;
    backend UnconnectedWouldBlock breaks [168], caught by stream::reading_unconnected_or_closed;
    api ShortReadinto breaks [169], caught by stream::readinto_fills_the_buffer;
    api CountIgnored breaks [170], caught by stream::readinto_keeps_to_its_count;
    api RestCleared breaks [170], caught by stream::readinto_keeps_to_its_count;
    api ReturnEndsALine breaks [172], caught by stream::readline_ends_at_the_newline;
    api NewlineStripped breaks [172], caught by stream::readline_ends_at_the_newline;
    api LastLineLost breaks [173], caught by stream::readline_gives_the_last_line;
    api ReadsAhead breaks [174], caught by stream::readline_takes_nothing_behind_it;
    backend PeekConsumes breaks [174], caught by stream::readline_takes_nothing_behind_it;
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

reading!(RestLost, read, |socket, buf| match socket.read(buf)? {
    Some(count) if count < buf.len() => Ok(Some(0)),
    answer => Ok(answer),
});

reading!(EndIsNothingYet, read, |socket, buf| match socket.read(buf)? {
    Some(0) => Ok(None),
    answer => Ok(answer),
});

/// The end of the stream, once seen, reads as "nothing there yet".
#[derive(Default)]
struct EndWouldBlock;

impl<B: Backend> Lie<B> for EndWouldBlock {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags)? {
            0 if !buf.is_empty() => Err(Error::ENOTCONN),
            count => Ok(count),
        }
    }
}

reading!(
    /// Waits for the first bytes only.
    StopsAtAPause, read, |socket, buf| {
        let first = socket.recv(buf)?;
        let before = socket.timeout();
        socket.setblocking(false)?;
        let more = socket.read(&mut buf[first..]);
        socket.settimeout(before)?;
        Ok(Some(first + more?.unwrap_or(0)))
    }
);

reading!(ClosedReadsNothing, read, |socket, buf| {
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
struct ClosedIsAlive;

impl<B: Backend> Lie<B> for ClosedIsAlive {
    fn alive(&self, _: &B, _: Handle) -> Result<()> {
        Ok(())
    }
}

reading!(NothingIsEmpty, read, |socket, buf| socket.read(buf).map(|read| read.or(Some(0))));

reading!(
    /// Bytes that do not fill the buffer are kept back.
    PartIsNothing, read, |socket, buf| {
        if socket.timeout() == Timeout::Zero
            && socket.recv_flags(buf, usocket_core::MSG_PEEK).is_ok_and(|n| n > 0 && n < buf.len())
        {
            return Ok(None);
        }
        socket.read(buf)
    }
);

reading!(NothingIsZero, readinto_n, |socket, buf| {
    socket.readinto(buf).map(|read| read.or(Some(0)))
});

reading!(WholeLinesOnly, readline, |socket, buf| {
    let seen = socket.recv_flags(buf, usocket_core::MSG_PEEK);
    if socket.timeout() == Timeout::Zero
        && seen.is_ok_and(|seen| seen > 0 && !buf[..seen].contains(&b'\n'))
    {
        return Ok(None);
    }
    socket.readline(buf)
});

reading!(TimeoutIsEmpty, read, |socket, buf| match socket.read(buf) {
    Err(Error::ETIMEDOUT) => Ok(Some(0)),
    answer => answer,
});

reading!(TimeoutIsNone, readline, |socket, buf| match socket.readline(buf) {
    Err(Error::ETIMEDOUT) => Ok(None),
    answer => answer,
});

reading!(
    /// The bytes before the timeout are thrown away.
    PartLost, read, |socket, buf| socket.read(buf).inspect_err(|_error| {
        buf.fill(0);
    })
);

reading!(PartCountedOut, read, |socket, buf| {
    socket.read(buf).map_err(|error| error.with_transferred(0))
});

reading!(LinePartLost, readline, |socket, buf| {
    socket.readline(buf).map_err(|error| error.with_transferred(0))
});

reading!(ResetLosesThePart, read, |socket, buf| socket.read(buf).map_err(|error| {
    buf.fill(0);
    error.with_transferred(0)
}));

#[derive(Default)]
struct ResetIsTheEnd;

impl<B: Backend> Lie<B> for ResetIsTheEnd {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::ECONNRESET) => Ok(0),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct UnconnectedIsTheEnd;

impl<B: Backend> Lie<B> for UnconnectedIsTheEnd {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::ENOTCONN) => Ok(0),
            answer => answer,
        }
    }
}

#[derive(Default)]
struct UnconnectedWouldBlock;

impl<B: Backend> Lie<B> for UnconnectedWouldBlock {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        match net.try_recv(handle, buf, flags) {
            Err(Error::ENOTCONN) => Err(Error::EPIPE),
            answer => answer,
        }
    }
}

reading!(ShortReadinto, readinto_n, |socket, buf| socket.recv(buf).map(Some));

reading!(CountIgnored, readinto_n, |socket, buf| socket.readinto(buf));

/// Uses the rest of the buffer as scratch.
#[derive(Default)]
struct RestCleared;

impl<B: Backend> Api<B> for RestCleared {
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

reading!(LastLineLost, readline, |socket, buf| match socket.readline(buf)? {
    Some(count) if !buf[..count].ends_with(b"\n") => Ok(Some(0)),
    answer => Ok(answer),
});

reading!(
    /// Takes one byte more than the line.
    ReadsAhead, readline, |socket, buf| {
        let answer = socket.readline(buf)?;
        socket.recv_flags(&mut [0], usocket_core::MSG_DONTWAIT)?;
        Ok(answer)
    }
);

#[derive(Default)]
struct PeekConsumes;

impl<B: Backend> Lie<B> for PeekConsumes {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], _: RecvFlags) -> Result<usize> {
        net.try_recv(handle, buf, RecvFlags { peek: false })
    }
}
