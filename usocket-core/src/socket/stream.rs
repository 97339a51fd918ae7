//! The stream methods of the reference: no short reads, no short writes.

use super::Socket;
use crate::file::{File, Stream};
use crate::spi::{Backend, RecvFlags, SockType};
use crate::wait::Mode;
use crate::{Error, Result};

impl<'b, B: Backend + ?Sized> Socket<'b, B> {
    /// Fills `buf`, or reads up to the end of the stream (rows 159 to 168).
    ///
    /// `Some(0)` for a non-empty buffer is the end of the stream; `Some(n)` with
    /// `n < buf.len()` is the rest before it, or, in non-blocking mode, what was
    /// there; `None` is nothing there yet, in non-blocking mode only. A full
    /// buffer is not an end of stream. An empty buffer is `Some(0)` at once.
    /// A datagram socket joins datagrams, and an empty one ends it (row 181).
    ///
    /// This is not the `read` of `std::io` or `embedded_io`, which may be short:
    /// those are on [`stream`](Self::stream).
    ///
    /// # Errors
    /// As [`recv`](Self::recv), never `EAGAIN`. What was read before the error is
    /// at the front of `buf` and [`Error::transferred`] counts it (rows 166, 167).
    /// The timeout bounds the whole call.
    pub fn read(&self, buf: &mut [u8]) -> Result<Option<usize>> {
        if buf.is_empty() {
            return self.net.alive(self.handle).map(|()| Some(0));
        }
        let mode = self.mode();
        let mut filled = 0;
        while filled < buf.len() {
            match self.recv_step(&mut buf[filled..], mode, RecvFlags::default()) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) => return part(error, filled, mode),
            }
        }
        Ok(Some(filled))
    }

    /// The same as [`read`](Self::read), under the reference's name (row 169).
    pub fn readinto(&self, buf: &mut [u8]) -> Result<Option<usize>> {
        self.read(buf)
    }

    /// Reads at most `nbytes` into `buf`; the rest of `buf` is left alone (row 170).
    pub fn readinto_n(&self, buf: &mut [u8], nbytes: usize) -> Result<Option<usize>> {
        let len = nbytes.min(buf.len());
        self.read(&mut buf[..len])
    }

    /// Reads through the next `\n`, inclusive (rows 172 to 175).
    ///
    /// Ends also at the end of the stream (`Some(0)` if nothing was left) or when
    /// `buf` is full. `\r` is kept. Nothing behind the newline is taken, as long
    /// as one task at a time reads from this socket. In non-blocking mode: what
    /// of the line is there, or `None`; the rest comes with the next call.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub fn readline(&self, buf: &mut [u8]) -> Result<Option<usize>> {
        if buf.is_empty() {
            return self.net.alive(self.handle).map(|()| Some(0));
        }
        let mode = self.mode();
        let mut filled = 0;
        while filled < buf.len() {
            match self.line_step(&mut buf[filled..], mode) {
                Ok((0, _)) => break,
                Ok((count, ended)) => {
                    filled += count;
                    if ended {
                        break;
                    }
                }
                Err(error) => return part(error, filled, mode),
            }
        }
        Ok(Some(filled))
    }

    /// Looks at what is there, and takes it through the newline.
    pub(crate) fn line_step(&self, buf: &mut [u8], mode: Mode) -> Result<(usize, bool)> {
        loop {
            let seen = self.recv_step(buf, mode, RecvFlags { peek: true })?;
            let newline = buf[..seen].iter().position(|&byte| byte == b'\n');
            let take = newline.map_or(seen, |at| at + 1);
            // A datagram of no bytes is consumed like any other.
            if take == 0 && self.kind == SockType::Stream {
                return Ok((0, false));
            }
            match self.recv_step(&mut buf[..take], Mode::Now, RecvFlags::default()) {
                // Another reader took it in between: that is no would-block of ours (row 155).
                Err(Error::EAGAIN) if mode != Mode::Now => {}
                taken => return taken.map(|taken| (taken, buf[..taken].ends_with(b"\n"))),
            }
        }
    }

    /// Writes all of `data` (rows 176 to 179): one datagram on a datagram socket.
    ///
    /// In non-blocking mode: how much was taken, or `None` when nothing fits.
    ///
    /// # Errors
    /// As [`send`](Self::send), never `EAGAIN`. [`Error::transferred`] counts what
    /// was queued before the error. The timeout bounds the whole call.
    pub fn write(&self, data: impl AsRef<[u8]>) -> Result<Option<usize>> {
        let data = data.as_ref();
        let mode = self.mode();
        let outcome = match self.kind {
            SockType::Stream => self.send_rest(data, mode),
            SockType::Dgram => self.send_step(data, mode).map(|_| ()),
        };
        match outcome {
            Ok(()) => Ok(Some(data.len())),
            Err(error) => part(error, error.transferred(), mode),
        }
    }

    /// A file object on this socket (rows 182 to 187): mode `"rb"`, `"wb"` or
    /// `"rwb"`. It shares the socket's position and timeout, either direction
    /// works in any mode, and closing it closes the socket.
    ///
    /// # Errors
    /// `EINVAL` for any other mode.
    pub fn makefile(&self, mode: &str) -> Result<File<'_, 'b, B>> {
        self.makefile_buffered(mode, 0)
    }

    /// `makefile` with the reference's `buffering` argument, which may be any
    /// integer and changes nothing (row 184).
    pub fn makefile_buffered(&self, mode: &str, buffering: i32) -> Result<File<'_, 'b, B>> {
        let _ = buffering;
        self.net.alive(self.handle)?;
        match mode {
            "rb" | "wb" | "rwb" => Ok(File::new(self)),
            _ => Err(Error::EINVAL),
        }
    }

    /// This socket as a stream of the traits `embedded_io::{Read, Write}` and,
    /// with feature `std`, `std::io::{Read, Write}`: `recv` and `send` semantics.
    #[must_use]
    pub fn stream(&self) -> Stream<'_, 'b, B> {
        Stream::new(self)
    }
}

/// What a stream method answers when a step failed after `count` bytes: in
/// non-blocking mode would-block is a count or `None`, every other error
/// carries the count.
fn part(error: Error, count: usize, mode: Mode) -> Result<Option<usize>> {
    match (error.is_would_block() && mode == Mode::Now, count) {
        (true, 0) => Ok(None),
        (true, count) => Ok(Some(count)),
        (false, count) => Err(error.with_transferred(count)),
    }
}
