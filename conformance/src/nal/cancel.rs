//! Futures of the async traits, dropped at their await points, by seeds (R15).

use core::future::Future;
use core::net::SocketAddr;
use core::ops::Range;
use core::pin::pin;
use core::task::Poll;
use core::time::Duration;

use edge_nal::{Readable, TcpAccept, TcpBind, TcpShutdown, UdpReceive, UdpSend};
use embedded_io_async::{Read, Write};
use embedded_nal_async::{AddrType, ConnectedUdp, UdpStack, UnconnectedUdp};
use usocket_core::nal::{Stack, TcpStream, UdpSocket};
use usocket_core::{Error, Family};

use super::setup::{run, server, udp_peer};
use crate::cases::duplex::ask;
use crate::cases::setup::{PATIENCE, own_ip, script};
use crate::{Failure, Harness, Outcome, Step, Verdict, check, check_eq, pattern};

/// One run for each seed: connects, accepts, transfers, datagrams and questions whose
/// futures are asked some times, with `moment` in between, and dropped.
///
/// It fails if a byte, a datagram or a connection is lost or doubled, and, as all runs
/// share the backend, if one leaves a socket, a query or a waiter behind. At the end a
/// stream of its own shows that the backend still does what it is told.
pub fn dropped_futures<H: Harness>(h: &H, seeds: Range<u32>, moment: Duration) -> Outcome {
    for seed in seeds {
        let mut schedule = Schedule { h, moment, state: seed.wrapping_mul(0x9e37_79b9) | 1 };
        match schedule.roll(6) {
            0 => schedule.server()?,
            1 => schedule.datagrams()?,
            2 => schedule.names()?,
            _ => schedule.client()?,
        }
    }
    let (to, _peer) = server(h, &[Step::Echo])?;
    let mut stream = run(h, edge_nal::TcpConnect::connect(&Stack::new(h.net()), to))?;
    // More than there are places for waiters, and nothing that would free one.
    for _ in 0..WAITERS {
        check!(ask(pin!(stream.read(&mut [0; 4]))).is_pending());
        check!(ask(pin!(stream.readable())).is_pending());
    }
    run(h, super::setup::echo(&mut stream))?;
    Ok(Verdict::Proved)
}

/// More than any backend of the tests has places for.
const WAITERS: u32 = 150;

/// Rounds after which something is wrong.
const MANY: u32 = 20_000;

/// What is sent and echoed in a run, at most.
const MOST: u32 = 300;

struct Schedule<'h, H: Harness> {
    h: &'h H,
    moment: Duration,
    state: u32,
}

impl<'h, H: Harness> Schedule<'h, H> {
    /// A number below `limit`: xorshift, the same on every target.
    fn roll(&mut self, limit: u32) -> u32 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 17;
        self.state ^= self.state << 5;
        self.state % limit
    }

    /// Asks a future some times and drops it, unless it is done before.
    fn drop_after<T>(&mut self, most: u32, future: impl Future<Output = T>) -> Option<T> {
        let times = 1 + self.roll(most);
        let mut future = pin!(future);
        for _ in 0..times {
            if let Poll::Ready(answer) = ask(future.as_mut()) {
                return Some(answer);
            }
            // What happens now finds the future waiting, and it is not asked again.
            self.h.pass(self.moment);
        }
        None
    }

    /// A connect that is given up now and then; the peer serves whoever gets through.
    fn connect(&mut self, to: SocketAddr) -> Result<TcpStream<'h, H::Net>, Failure> {
        let stack = Stack::new(self.h.net());
        for _ in 0..self.roll(3) {
            let elsewhere = match self.roll(2) {
                0 => self.h.peer().silent(Family::V4),
                _ => self.h.peer().refusing(Family::V4),
            };
            let elsewhere = elsewhere.to_std();
            match self.drop_after(3, edge_nal::TcpConnect::connect(&stack, elsewhere)) {
                None | Some(Err(_)) => {}
                Some(Ok(_)) => return Err(Failure::new("nobody accepted")),
            }
        }
        let stream = match self.roll(2) {
            0 => run(self.h, edge_nal::TcpConnect::connect(&stack, to)),
            _ => run(self.h, embedded_nal_async::TcpConnect::connect(&stack, to)),
        }?;
        stream.socket().settimeout(PATIENCE)?;
        Ok(stream)
    }

    /// Sends to a peer that echoes and receives from it, in pieces, in any order.
    fn exchange(&mut self, stream: &mut TcpStream<'h, H::Net>) -> Result<(), Failure> {
        let total = u64::from(1 + self.roll(MOST));
        let (mut sent, mut received, mut buf) = (0, 0, [0; 64]);
        for _ in 0..MANY {
            if received == total {
                return Ok(());
            }
            let room = 1 + self.roll(64) as usize;
            let form = self.roll(4);
            if form == 0 && sent < total {
                let len = room.min(usize::try_from(total - sent).unwrap_or(room));
                for (at, byte) in (sent..).zip(&mut buf[..len]) {
                    *byte = pattern(at);
                }
                let count = self.drop_after(3, stream.write(&buf[..len])).transpose()?;
                sent += count.unwrap_or(0) as u64;
            } else if form == 1 {
                self.drop_after(3, stream.readable()).transpose()?;
            } else if form == 2 {
                let (mut read, _) = edge_nal::TcpSplit::split(stream);
                let count = self.drop_after(3, read.read(&mut buf[..room])).transpose()?;
                received = seen(&buf, count, received)?;
            } else {
                let count = self.drop_after(3, stream.read(&mut buf[..room])).transpose()?;
                received = seen(&buf, count, received)?;
            }
        }
        Err(Failure::new("the echo does not come"))
    }

    fn client(&mut self) -> Result<(), Failure> {
        let (to, peer) = server(self.h, &[Step::Echo, Step::Hold])?;
        let mut stream = self.connect(to)?;
        self.exchange(&mut stream)?;
        if self.roll(2) == 0 {
            self.drop_after(3, stream.close(edge_nal::Close::Both));
        }
        drop(stream);
        let seen = peer.settle();
        check_eq!(seen.received, seen.sent);
        check!(seen.end == crate::End::Fin);
        Ok(())
    }

    fn server(&mut self) -> Result<(), Failure> {
        if !self.h.caps().server {
            return Ok(());
        }
        let own = SocketAddr::new(own_ip(self.h, Family::V4)?, 0);
        let stack = Stack::new(self.h.net());
        drop(self.drop_after(2, TcpBind::bind(&stack, own)));
        let listener = run(self.h, TcpBind::bind(&stack, own))?;
        let at = SocketAddr::new(own.ip(), listener.socket().local_addr()?.port());
        let wait = Step::Wait(self.roll(6));
        let peer = script(self.h, &[wait, Step::Connect(at.into()), Step::Echo])?;
        for _ in 0..MANY {
            let Some(answer) = self.drop_after(3, listener.accept()) else { continue };
            let (from, mut stream) = answer?;
            check_eq!(Ok(from.into()), peer.address());
            stream.socket().settimeout(PATIENCE)?;
            return self.exchange(&mut stream);
        }
        Err(Failure::new("the connection does not come"))
    }

    fn datagrams(&mut self) -> Result<(), Failure> {
        if !self.h.caps().udp {
            return Ok(());
        }
        let (to, _peer) = udp_peer(self.h, &[Step::EchoFrom(3), Step::Hold])?;
        let stack = Stack::new(self.h.net());
        drop(self.drop_after(2, UdpStack::connect(&stack, to)));
        let (_, mut socket) = run(self.h, UdpStack::connect(&stack, to))?;
        socket.socket().settimeout(PATIENCE)?;
        let mut buf = [0; 8];
        for text in [&b"first"[..], b"second", b"third"] {
            self.send_one(&mut socket, to, text)?;
            let mut found = None;
            for _ in 0..MANY {
                found = match self.roll(3) {
                    0 => {
                        self.drop_after(2, socket.readable()).transpose()?;
                        None
                    }
                    1 => {
                        let answer = self.drop_after(3, UdpReceive::receive(&mut socket, &mut buf));
                        answer.transpose()?.map(|(len, _)| len)
                    }
                    _ => {
                        let receive = UnconnectedUdp::receive_into(&mut socket, &mut buf);
                        self.drop_after(3, receive).transpose()?.map(|(len, _, _)| len)
                    }
                };
                if found.is_some() {
                    break;
                }
            }
            check_eq!(found, Some(text.len()));
            check_eq!(&buf[..text.len()], text);
        }
        Ok(())
    }

    /// Sends one datagram, however often its future is dropped: once.
    fn send_one(
        &mut self,
        socket: &mut UdpSocket<'h, H::Net>,
        to: SocketAddr,
        text: &[u8],
    ) -> Result<(), Failure> {
        for _ in 0..MANY {
            let sent = match self.roll(2) {
                0 => self.drop_after(3, ConnectedUdp::send(socket, text)),
                _ => self.drop_after(3, UdpSend::send(socket, to, text)),
            };
            if sent.transpose()?.is_some() {
                return Ok(());
            }
        }
        Err(Failure::new("a datagram is not taken"))
    }

    fn names(&mut self) -> Result<(), Failure> {
        let stack = Stack::new(self.h.net());
        let name = self.h.peer().name();
        for _ in 0..4 {
            let asked = embedded_nal_async::Dns::get_host_by_name(&stack, name, AddrType::IPv4);
            if let Some(answer) = self.drop_after(4, asked) {
                check!(answer.is_ok());
            }
        }
        let answer = embedded_nal_async::Dns::get_host_by_name(&stack, name, AddrType::IPv4);
        check!(run(self.h, answer).is_ok());
        Ok(())
    }
}

/// Counts what was received, which must be the pattern.
fn seen(buf: &[u8], count: Option<usize>, before: u64) -> Result<u64, Failure> {
    match count {
        None => Ok(before),
        Some(0) => Err(Failure { error: Some(Error::EPIPE), ..Failure::new("the echo ended") }),
        Some(count) if crate::cases::setup::is_pattern(&buf[..count], before) => {
            Ok(before + count as u64)
        }
        Some(_) => Err(Failure::new("bytes differ from what was sent")),
    }
}
