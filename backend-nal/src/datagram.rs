//! Datagrams of one socket: how they lie in its queues, and its operations.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

use heapless::Deque;
use usocket_core::spi::{RecvFlags, RecvInfo, Shutdown};
use usocket_core::{Error, Events, Family, POLLERR, POLLIN, POLLOUT, Result, SockAddr};

use crate::socket::{Phase, Socket};

/// Bytes before each datagram in a queue: its length here, its whole length, and the other
/// end's port, address and scope.
pub(crate) const HEADER: usize = 2 + 2 + 2 + 16 + 4;

/// What the header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) len: usize,
    pub(crate) full_len: usize,
    pub(crate) other: SocketAddr,
}

impl Header {
    fn to_bytes(self) -> [u8; HEADER] {
        // UDP has no longer ones.
        let short = |len: usize| u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
        let (ip, scope) = match self.other {
            SocketAddr::V4(other) => (other.ip().to_ipv6_mapped(), 0),
            SocketAddr::V6(other) => (*other.ip(), other.scope_id()),
        };
        let mut bytes = [0; HEADER];
        bytes[..2].copy_from_slice(&short(self.len));
        bytes[2..4].copy_from_slice(&short(self.full_len));
        bytes[4..6].copy_from_slice(&self.other.port().to_be_bytes());
        bytes[6..22].copy_from_slice(&ip.octets());
        bytes[22..].copy_from_slice(&scope.to_be_bytes());
        bytes
    }

    /// An address of the socket's family is what it was.
    fn of_bytes(bytes: &[u8; HEADER], family: Family) -> Self {
        let short = |at: usize| u16::from_be_bytes([bytes[at], bytes[at + 1]]);
        let mut ip = [0; 16];
        ip.copy_from_slice(&bytes[6..22]);
        let (ip, port) = (Ipv6Addr::from(ip), short(4));
        let scope = u32::from_be_bytes([bytes[22], bytes[23], bytes[24], bytes[25]]);
        let other = match family {
            Family::V4 => {
                let ip = ip.to_ipv4_mapped().unwrap_or(Ipv4Addr::UNSPECIFIED);
                SocketAddr::new(ip.into(), port)
            }
            Family::V6 => SocketAddrV6::new(ip, port, 0, scope).into(),
        };
        Self { len: short(0).into(), full_len: short(2).into(), other }
    }
}

/// Adds a datagram; false where there is no room for all of it.
fn push<const BUF: usize>(queue: &mut Deque<u8, BUF>, header: Header, data: &[u8]) -> bool {
    let fits = queue.len() + HEADER + data.len() <= BUF;
    if fits {
        for &byte in header.to_bytes().iter().chain(data) {
            // There is room: see above.
            let _ = queue.push_back(byte);
        }
    }
    fits
}

/// The first datagram, as much of it as `buf` holds; it stays in the queue.
fn look<const BUF: usize>(
    queue: &Deque<u8, BUF>,
    family: Family,
    buf: &mut [u8],
) -> Option<Header> {
    let mut bytes = queue.iter().copied();
    let mut header = [0; HEADER];
    for place in &mut header {
        *place = bytes.next()?;
    }
    let header = Header::of_bytes(&header, family);
    for (place, byte) in buf.iter_mut().zip(bytes.take(header.len)) {
        *place = byte;
    }
    Some(header)
}

/// Removes the first datagram.
fn pop<const BUF: usize>(queue: &mut Deque<u8, BUF>) {
    let mut len = 0;
    for at in 0..HEADER {
        let byte = queue.pop_front().unwrap_or_default();
        if at < 2 {
            len = len << 8 | usize::from(byte);
        }
    }
    for _ in 0..len {
        queue.pop_front();
    }
}

/// For the calls.
impl<const BUF: usize> Socket<BUF> {
    pub(crate) fn recv_datagram(&mut self, buf: &mut [u8], flags: RecvFlags) -> Result<RecvInfo> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        let Some(header) = look(&self.rx, self.family, buf) else {
            let from = SockAddr::new(self.family.unspecified(), 0);
            let nothing = RecvInfo { len: 0, full_len: 0, from, local: None };
            return if self.ended { Ok(nothing) } else { Err(Error::EAGAIN) };
        };
        if !flags.peek {
            pop(&mut self.rx);
        }
        Ok(RecvInfo {
            len: header.len.min(buf.len()),
            full_len: header.full_len,
            from: header.other.into(),
            // The traits do not tell.
            local: None,
        })
    }

    /// Whether a datagram may be sent at all, before the socket is bound for it.
    pub(crate) fn may_send(&mut self, len: usize, to: SockAddr, largest: usize) -> Result<()> {
        if let Some(error) = self.error.take() {
            return Err(error);
        }
        if self.fin {
            return Err(Error::EPIPE);
        }
        if len > largest || HEADER + len > BUF {
            return Err(Error::EMSGSIZE);
        }
        // The permission is an option, and the traits have none.
        if to.ip() == IpAddr::V4(Ipv4Addr::BROADCAST) { Err(Error::EACCES) } else { Ok(()) }
    }

    /// Queues a datagram whole, or not at all.
    pub(crate) fn queue_datagram(&mut self, data: &[u8], to: SockAddr) -> Result<usize> {
        let header = Header { len: data.len(), full_len: data.len(), other: to.into() };
        if push(&mut self.tx, header, data) { Ok(data.len()) } else { Err(Error::EAGAIN) }
    }

    pub(crate) fn shutdown_datagrams(&mut self, how: Shutdown) -> Result<()> {
        if self.peer.is_none() {
            return Err(Error::ENOTCONN);
        }
        self.fin |= how != Shutdown::Read;
        self.ended |= how != Shutdown::Write;
        Ok(())
    }

    /// Writable is a socket that takes a datagram of any length.
    pub(crate) fn datagram_readiness(&self) -> Events {
        let mut events = Events::NONE;
        if !self.rx.is_empty() || self.ended {
            events |= POLLIN;
        }
        if self.tx.is_empty() || self.fin {
            events |= POLLOUT;
        }
        if self.error.is_some() {
            events |= POLLERR | POLLIN | POLLOUT;
        }
        events
    }
}

/// For the task.
impl<const BUF: usize> Socket<BUF> {
    /// The datagram that is to be sent next; it stays until it is sent.
    pub(crate) fn next_datagram(&self, buf: &mut [u8]) -> Option<Header> {
        look(&self.tx, self.family, buf)
    }

    /// It is sent, or cannot be.
    pub(crate) fn datagram_done(&mut self) {
        pop(&mut self.tx);
    }

    /// Takes what arrived; false where it must wait for room.
    pub(crate) fn arrived(&mut self, data: &[u8], full_len: usize, from: SocketAddr) -> bool {
        let same = |peer: SocketAddr| (peer.ip(), peer.port()) == (from.ip(), from.port());
        if !self.open || !self.peer.is_none_or(same) {
            // Of a socket with a default peer, strangers are not heard (row 91).
            return true;
        }
        push(&mut self.rx, Header { len: data.len(), full_len, other: from }, data)
    }

    /// The stack did not bind.
    pub(crate) fn not_bound(&mut self, error: Error) {
        (self.change, self.asking) = (None, false);
        self.tx.clear();
        (self.phase, self.bound, self.error) = (Phase::Idle, None, Some(error));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(len: usize, full_len: usize, other: &str) -> Header {
        Header { len, full_len, other: other.parse().unwrap() }
    }

    #[test]
    fn a_queue_keeps_datagrams_apart() {
        let mut queue = Deque::<u8, 200>::new();
        let first = header(3, 3000, "10.0.0.1:65535");
        assert!(push(&mut queue, first, b"abc"));
        assert!(push(&mut queue, header(0, 0, "10.0.0.2:1"), b""));
        let mut buf = [0; 8];
        assert_eq!(look(&queue, Family::V4, &mut buf), Some(first));
        assert_eq!(&buf, b"abc\0\0\0\0\0");
        pop(&mut queue);
        assert_eq!(look(&queue, Family::V4, &mut buf), Some(header(0, 0, "10.0.0.2:1")));
        pop(&mut queue);
        assert_eq!(look(&queue, Family::V4, &mut buf), None);
        assert!(queue.is_empty());
    }

    #[test]
    fn a_scope_stays() {
        let mut queue = Deque::<u8, 64>::new();
        let first = header(1, 1, "[fe80::1%3]:7");
        assert!(push(&mut queue, first, b"x"));
        assert_eq!(look(&queue, Family::V6, &mut []), Some(first));
    }

    #[test]
    fn what_does_not_fit_leaves_nothing() {
        let mut queue = Deque::<u8, 40>::new();
        let long = [1; 40 - HEADER + 1];
        assert!(!push(&mut queue, header(long.len(), long.len(), "10.0.0.1:1"), &long));
        assert!(queue.is_empty());
        let fits = &long[1..];
        assert!(push(&mut queue, header(fits.len(), fits.len(), "10.0.0.1:1"), fits));
        assert!(!push(&mut queue, header(0, 0, "10.0.0.1:1"), b""));
    }
}
