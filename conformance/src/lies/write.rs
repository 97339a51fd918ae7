//! Lies about section P: `write`, and forms mixed.

use core::cell::Cell;

use usocket_core::spi::{Backend, Handle, RecvFlags};
use usocket_core::{Error, Result, Socket, Timeout};

use super::{lies, retold};
use crate::cases::write;
use crate::{Api, Lie};

lies! {
    api ShortWrite breaks [176], caught by write::write_queues_everything;
    backend WriteLosesTheLastByte breaks [176], caught by write::write_queues_everything;
    api FullWriteIsAnError breaks [177], caught by write::non_blocking_write_takes_what_fits;
    api CountsWhatDidNotFit breaks [177], caught by write::non_blocking_write_takes_what_fits;
    api WriteTimeoutIsAPart breaks [178], caught by write::write_times_out_when_full;
    api WriteTimeoutWouldBlock breaks [178], caught by write::write_times_out_when_full;
    backend UnconnectedSendIsSilent breaks [179], caught by write::writing_unconnected_or_closed;
    api EmptyWriteWhenClosedWorks breaks [179], caught by write::writing_unconnected_or_closed;
    backend DeadPeerIsSilent breaks [179], caught by write::writing_to_a_dead_peer;
    api LineReaderReadsAhead breaks [180], caught by write::reads_mix_without_a_hidden_buffer;
    api WritesAreHeldBack breaks [180], caught by write::writes_mix_without_a_hidden_buffer;
    api WriteSplitsDatagrams breaks [181], caught by write::write_is_one_datagram;
    backend NoDestinationNeeded breaks [181], caught by write::write_is_one_datagram;
    api OneDatagramPerRead breaks [181], caught by write::read_joins_datagrams;
    backend TailOfDatagramIsKept breaks [181], caught by write::read_joins_datagrams;
    api EmptyDatagramsSkipped breaks [181], caught by write::an_empty_datagram_ends_a_read;
}

retold! {
    api WriteTimeoutIsAPart: write {
        Err(error) if error.errno() == Error::ETIMEDOUT.errno() => Ok(Some(error.transferred()))
    }
    api WriteTimeoutWouldBlock: write { Err(Error::ETIMEDOUT) => Ok(None) }
    backend UnconnectedSendIsSilent: try_send(data) { Err(Error::EPIPE) => Ok(data.len()) }
    /// Writing nothing to a closed socket is fine.
    api EmptyWriteWhenClosedWorks: write(data) {
        Err(Error::EBADF) if data.is_empty() => Ok(Some(0))
    }
    backend DeadPeerIsSilent: try_send(data) {
        Err(Error::EPIPE | Error::ECONNRESET) => Ok(data.len())
    }
    backend NoDestinationNeeded: try_send(data) { Err(Error::EDESTADDRREQ) => Ok(data.len()) }
    api FullWriteIsAnError: write { Ok(None) => Err(Error::EAGAIN) }
    api CountsWhatDidNotFit: write(data) { Ok(Some(_)) => Ok(Some(data.len())) }
}

#[derive(Default)]
struct ShortWrite;

impl<B: Backend> Api<B> for ShortWrite {
    fn write(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<Option<usize>> {
        let before = socket.timeout();
        socket.setblocking(false)?;
        let answer = socket.write(data);
        socket.settimeout(before)?;
        answer
    }
}

/// Of every long piece the last byte is not sent.
#[derive(Default)]
struct WriteLosesTheLastByte;

impl<B: Backend> Lie<B> for WriteLosesTheLastByte {
    fn try_send(&self, net: &B, handle: Handle, data: &[u8]) -> Result<usize> {
        match data {
            [rest @ .., _] if data.len() > 1 => {
                let count = net.try_send(handle, rest)?;
                Ok(if count == rest.len() { count + 1 } else { count })
            }
            _ => net.try_send(handle, data),
        }
    }
}

/// Takes one byte more than the line, as if into a buffer.
#[derive(Default)]
struct LineReaderReadsAhead;

impl<B: Backend> Api<B> for LineReaderReadsAhead {
    fn readline(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        let answer = socket.readline(buf)?;
        socket.recv_flags(&mut [0], usocket_core::MSG_DONTWAIT)?;
        Ok(answer)
    }
}

/// The first write is sent behind the second.
#[derive(Default)]
struct WritesAreHeldBack(Cell<Option<(u8, u8)>>);

impl<B: Backend> Api<B> for WritesAreHeldBack {
    fn write(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<Option<usize>> {
        match (self.0.take(), data) {
            (None, &[a, b]) => {
                self.0.set(Some((a, b)));
                Ok(Some(2))
            }
            (held, _) => {
                if let Some((a, b)) = held {
                    socket.write([a, b])?;
                }
                socket.write(data)
            }
        }
    }
}

#[derive(Default)]
struct WriteSplitsDatagrams;

impl<B: Backend> Api<B> for WriteSplitsDatagrams {
    fn write(&self, socket: &Socket<'_, B>, data: &[u8]) -> Result<Option<usize>> {
        let (a, b) = data.split_at(data.len() / 2);
        Ok(Some(socket.send(a)? + socket.send(b)?))
    }
}

#[derive(Default)]
struct OneDatagramPerRead;

impl<B: Backend> Api<B> for OneDatagramPerRead {
    fn read(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        socket.recv(buf).map(Some)
    }
}

/// The first receive that cannot hold a whole datagram leaves it there.
#[derive(Default)]
struct TailOfDatagramIsKept(Cell<bool>);

impl<B: Backend> Lie<B> for TailOfDatagramIsKept {
    fn try_recv(&self, net: &B, handle: Handle, buf: &mut [u8], flags: RecvFlags) -> Result<usize> {
        let seen = net.try_recv_info(handle, buf, RecvFlags { peek: true })?;
        if seen.truncated() && !self.0.replace(true) {
            return Ok(seen.len);
        }
        net.try_recv(handle, buf, flags)
    }
}

#[derive(Default)]
struct EmptyDatagramsSkipped;

impl<B: Backend> Api<B> for EmptyDatagramsSkipped {
    fn read(&self, socket: &Socket<'_, B>, buf: &mut [u8]) -> Result<Option<usize>> {
        let before = socket.timeout();
        if before == Timeout::Never {
            return socket.read(buf);
        }
        let mut filled = 0;
        while filled < buf.len() {
            match socket.recv(&mut buf[filled..]) {
                Ok(count) => filled += count,
                Err(error) => return Err(error.with_transferred(filled)),
            }
        }
        Ok(Some(filled))
    }
}
