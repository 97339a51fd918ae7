//! `BufRead`, with the caller's buffer.

use core::fmt;

use embedded_io::{ErrorType, ReadReady, WriteReady};

use crate::{Error, Result};

/// A stream with a buffer in front of its reads: `BufRead` of `embedded_io`, of
/// `embedded_io_async` (feature) and of `std::io` (feature).
///
/// Sockets and file objects have no buffer of their own (rows 180, 184): whoever wants one
/// brings it. Writes pass through. What was read ahead is in this buffer alone: a reader
/// that is given up while [`buffer`](Self::buffer) is not empty loses it.
///
/// ```no_run
/// use embedded_io::BufRead;
/// use usocket_core::{BufReader, prelude::*};
///
/// fn first_byte<B: Backend>(socket: &Socket<'_, B>) -> Result<Option<u8>> {
///     let mut memory = [0; 128];
///     let mut reader = BufReader::new(socket.stream(), &mut memory)?;
///     let byte = reader.fill_buf()?.first().copied();
///     reader.consume(1);
///     Ok(byte)
/// }
/// ```
pub struct BufReader<'m, S> {
    stream: S,
    memory: &'m mut [u8],
    start: usize,
    end: usize,
}

impl<'m, S> BufReader<'m, S> {
    /// A reader of `stream` that reads ahead into `memory`.
    ///
    /// # Errors
    /// `EINVAL`: no memory, which would look like the end of the stream.
    pub fn new(stream: S, memory: &'m mut [u8]) -> Result<Self> {
        if memory.is_empty() {
            return Err(Error::EINVAL);
        }
        Ok(Self { stream, memory, start: 0, end: 0 })
    }

    /// What was read ahead.
    #[must_use]
    pub fn buffer(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    /// The stream.
    #[must_use]
    pub const fn get_ref(&self) -> &S {
        &self.stream
    }

    /// The stream. Who reads from it directly overtakes what was read ahead.
    pub const fn get_mut(&mut self) -> &mut S {
        &mut self.stream
    }

    /// The stream; what was read ahead is lost.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// Moves what was read ahead into `buf`.
    fn take(&mut self, buf: &mut [u8]) -> usize {
        let len = buf.len().min(self.end - self.start);
        buf[..len].copy_from_slice(&self.buffer()[..len]);
        self.start += len;
        len
    }

    /// Notes that the first `count` bytes of the memory were read.
    fn filled(&mut self, count: usize) {
        (self.start, self.end) = (0, count.min(self.memory.len()));
    }

    fn skip(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Whether a read into `buf` needs the stream. One of nothing never does: it must not wait.
    const fn must_read(&self, buf: &[u8]) -> bool {
        self.is_drained() && !buf.is_empty()
    }

    const fn is_drained(&self) -> bool {
        self.start == self.end
    }
}

impl<S: fmt::Debug> fmt::Debug for BufReader<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BufReader")
            .field("stream", &self.stream)
            .field("ahead", &(self.end - self.start))
            .finish_non_exhaustive()
    }
}

impl<S: ErrorType> ErrorType for BufReader<'_, S> {
    type Error = S::Error;
}

impl<S: embedded_io::Read> embedded_io::Read for BufReader<'_, S> {
    /// What was read ahead, else one read of the stream, past the memory if `buf` is larger.
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, S::Error> {
        if self.must_read(buf) {
            if buf.len() >= self.memory.len() {
                return self.stream.read(buf);
            }
            embedded_io::BufRead::fill_buf(self)?;
        }
        Ok(self.take(buf))
    }
}

impl<S: embedded_io::Read> embedded_io::BufRead for BufReader<'_, S> {
    /// What was read ahead, else what one read of the stream gives: nothing is its end.
    fn fill_buf(&mut self) -> Result<&[u8], S::Error> {
        if self.is_drained() {
            let count = self.stream.read(self.memory)?;
            self.filled(count);
        }
        Ok(self.buffer())
    }

    fn consume(&mut self, amount: usize) {
        self.skip(amount);
    }
}

impl<S: embedded_io::Write> embedded_io::Write for BufReader<'_, S> {
    fn write(&mut self, data: &[u8]) -> Result<usize, S::Error> {
        self.stream.write(data)
    }

    fn flush(&mut self) -> Result<(), S::Error> {
        self.stream.flush()
    }
}

impl<S: ReadReady> ReadReady for BufReader<'_, S> {
    fn read_ready(&mut self) -> Result<bool, S::Error> {
        if self.is_drained() { self.stream.read_ready() } else { Ok(true) }
    }
}

impl<S: WriteReady> WriteReady for BufReader<'_, S> {
    fn write_ready(&mut self) -> Result<bool, S::Error> {
        self.stream.write_ready()
    }
}

#[cfg(feature = "embedded-io-async")]
impl<S: embedded_io_async::Read> embedded_io_async::Read for BufReader<'_, S> {
    /// As the one that waits. Cancel-safe if the stream's is.
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, S::Error> {
        if self.must_read(buf) {
            if buf.len() >= self.memory.len() {
                return self.stream.read(buf).await;
            }
            embedded_io_async::BufRead::fill_buf(self).await?;
        }
        Ok(self.take(buf))
    }
}

#[cfg(feature = "embedded-io-async")]
impl<S: embedded_io_async::Read> embedded_io_async::BufRead for BufReader<'_, S> {
    /// As the one that waits. Cancel-safe if the stream's `read` is.
    async fn fill_buf(&mut self) -> Result<&[u8], S::Error> {
        if self.is_drained() {
            let count = self.stream.read(self.memory).await?;
            self.filled(count);
        }
        Ok(self.buffer())
    }

    fn consume(&mut self, amount: usize) {
        self.skip(amount);
    }
}

#[cfg(feature = "embedded-io-async")]
impl<S: embedded_io_async::Write> embedded_io_async::Write for BufReader<'_, S> {
    async fn write(&mut self, data: &[u8]) -> Result<usize, S::Error> {
        self.stream.write(data).await
    }

    async fn flush(&mut self) -> Result<(), S::Error> {
        self.stream.flush().await
    }
}

#[cfg(feature = "std")]
mod std_io {
    use std::io::{BufRead, Read, Result, Write};

    use super::BufReader;

    impl<S: Read> Read for BufReader<'_, S> {
        fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
            if self.must_read(buf) {
                if buf.len() >= self.memory.len() {
                    return self.stream.read(buf);
                }
                self.fill_buf()?;
            }
            Ok(self.take(buf))
        }
    }

    impl<S: Read> BufRead for BufReader<'_, S> {
        fn fill_buf(&mut self) -> Result<&[u8]> {
            if self.is_drained() {
                let count = self.stream.read(self.memory)?;
                self.filled(count);
            }
            Ok(self.buffer())
        }

        fn consume(&mut self, amount: usize) {
            self.skip(amount);
        }
    }

    impl<S: Write> Write for BufReader<'_, S> {
        fn write(&mut self, data: &[u8]) -> Result<usize> {
            self.stream.write(data)
        }

        fn flush(&mut self) -> Result<()> {
            self.stream.flush()
        }
    }
}

#[cfg(test)]
mod tests {
    use embedded_io::{BufRead as _, Read as _};

    use super::*;

    /// Gives its bytes in pieces of at most three.
    struct Pieces<'d>(&'d [u8]);

    impl ErrorType for Pieces<'_> {
        type Error = Error;
    }

    impl embedded_io::Read for Pieces<'_> {
        fn read(&mut self, buf: &mut [u8]) -> Result<usize> {
            let len = buf.len().min(3).min(self.0.len());
            buf[..len].copy_from_slice(&self.0[..len]);
            self.0 = &self.0[len..];
            Ok(len)
        }
    }

    #[test]
    fn bytes_come_in_order_by_every_form_and_end() {
        let text = b"a line that is longer than the memory";
        for size in 1..8 {
            let mut memory = [0; 8];
            let mut reader = BufReader::new(Pieces(text), &mut memory[..size]).unwrap();
            let (mut got, mut turn) = (heapless::Vec::<u8, 64>::new(), 0);
            loop {
                turn += 1;
                if turn % 3 == 0 {
                    let seen = reader.fill_buf().unwrap();
                    let Some(&first) = seen.first() else { break };
                    got.push(first).unwrap();
                    reader.consume(1);
                } else {
                    let mut buf = [0; 5];
                    let len = reader.read(&mut buf[..turn % 5 + 1]).unwrap();
                    if len == 0 {
                        break;
                    }
                    got.extend_from_slice(&buf[..len]).unwrap();
                }
            }
            assert_eq!(got, text, "{size}");
            assert_eq!(reader.fill_buf(), Ok(&[][..]));
        }
    }

    /// Has nothing yet: who asks would wait.
    struct Silent;

    impl ErrorType for Silent {
        type Error = Error;
    }

    impl embedded_io::Read for Silent {
        fn read(&mut self, _: &mut [u8]) -> Result<usize> {
            Err(Error::ETIMEDOUT)
        }
    }

    #[test]
    fn a_read_of_nothing_does_not_wait() {
        let mut memory = [0; 4];
        assert_eq!(BufReader::new(Silent, &mut memory).unwrap().read(&mut []), Ok(0));
    }

    #[test]
    fn too_much_is_not_consumed_and_no_memory_is_refused() {
        let mut memory = [0; 4];
        let mut reader = BufReader::new(Pieces(b"abcdef"), &mut memory).unwrap();
        assert_eq!(reader.fill_buf(), Ok(&b"abc"[..]));
        reader.consume(100);
        assert_eq!(reader.fill_buf(), Ok(&b"def"[..]));
        assert_eq!(reader.buffer(), b"def");
        assert_eq!(BufReader::new(Pieces(b""), &mut []).err(), Some(Error::EINVAL));
    }
}
