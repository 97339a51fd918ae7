//! Streams on a stack that takes its time or fails in one direction.

use core::future::{pending, poll_fn};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::task::Poll;

use edge_nal::io::{ErrorKind, ErrorType, Read, Write};
use edge_nal::{
    AddrType, Close, Dns, NoopNet, Readable, TcpBind, TcpConnect, TcpShutdown, TcpSplit,
};
use usocket_backend_nal::{Config, NalNet, Shared};
use usocket_core::prelude::*;
use usocket_core::spi::{EventSource, Platform};
use usocket_core::{DEFAULT_LINGER, Error, Instant, POLLERR, POLLIN, POLLOUT};

/// A piece that came, the end, or an error.
type Arrival = Result<Vec<u8>, ErrorKind>;

/// What waits has `None`.
#[derive(Default)]
struct Slow {
    write: Cell<Option<Result<(), ErrorKind>>>,
    aborts: Cell<bool>,
    aborted: Cell<usize>,
    arrives: RefCell<VecDeque<Arrival>>,
}

impl TcpConnect for Slow {
    type Error = ErrorKind;
    type Socket<'a> = Stream<'a>;

    async fn connect(&self, _: SocketAddr) -> Result<Stream<'_>, ErrorKind> {
        Ok(Stream(self))
    }
}

impl TcpBind for Slow {
    type Error = <NoopNet as ErrorType>::Error;
    type Accept<'a> = NoopNet;

    async fn bind(&self, _: SocketAddr) -> Result<NoopNet, Self::Error> {
        pending().await
    }
}

impl Dns for Slow {
    type Error = ErrorKind;

    async fn get_host_by_name(&self, _: &str, _: AddrType) -> Result<IpAddr, ErrorKind> {
        pending().await
    }

    async fn get_host_by_address(&self, _: IpAddr, _: &mut [u8]) -> Result<usize, ErrorKind> {
        pending().await
    }
}

/// A stream of it, and each half of one.
#[derive(Clone, Copy)]
struct Stream<'s>(&'s Slow);

impl ErrorType for Stream<'_> {
    type Error = ErrorKind;
}

impl Readable for Stream<'_> {
    async fn readable(&mut self) -> Result<(), ErrorKind> {
        poll_fn(|_| match self.0.arrives.borrow().is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(Ok(())),
        })
        .await
    }
}

impl Read for Stream<'_> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        let mut arrives = self.0.arrives.borrow_mut();
        let mut piece = arrives.pop_front().unwrap()?;
        let len = piece.len().min(buf.len());
        buf[..len].copy_from_slice(&piece[..len]);
        if len < piece.len() {
            arrives.push_front(Ok(piece.split_off(len)));
        }
        Ok(len)
    }
}

impl Write for Stream<'_> {
    async fn write(&mut self, data: &[u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| self.0.write.get().map_or(Poll::Pending, Poll::Ready)).await?;
        Ok(data.len())
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

impl TcpSplit for Stream<'_> {
    type Read<'a>
        = Stream<'a>
    where
        Self: 'a;
    type Write<'a>
        = Stream<'a>
    where
        Self: 'a;

    fn split(&mut self) -> (Stream<'_>, Stream<'_>) {
        (*self, *self)
    }
}

impl TcpShutdown for Stream<'_> {
    async fn close(&mut self, _: Close) -> Result<(), ErrorKind> {
        Ok(())
    }

    async fn abort(&mut self) -> Result<(), ErrorKind> {
        poll_fn(|_| if self.0.aborts.get() { Poll::Ready(()) } else { Poll::Pending }).await;
        self.0.aborted.set(self.0.aborted.get() + 1);
        Ok(())
    }
}

/// Time passes only by hand.
struct Clock(Cell<Instant>);

impl Platform for &Clock {
    fn now(&self) -> Instant {
        self.0.get()
    }

    fn seed(&self) -> u64 {
        1
    }

    fn idle(&self, _: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        assert!(ready(), "nothing here waits");
    }

    fn waker(&self) -> Option<std::task::Waker> {
        Some(std::task::Waker::noop().clone())
    }
}

type Net<'r, 'c> = NalNet<'r, &'c Clock, 1, 512>;

/// Runs a test with a connected socket that does not wait.
fn with_stream(run: impl FnOnce(&Slow, &Net<'_, '_>, &Clock, Socket<'_, Net<'_, '_>>)) {
    let (slow, clock) = (Slow::default(), Clock(Cell::new(Instant::ZERO)));
    slow.aborts.set(true);
    let shared = Shared::<1, 512>::new(Config::default());
    let runner = pin!(shared.run_streams(&slow));
    let net: Net<'_, '_> = NalNet::new(&shared, runner, &clock);
    let socket = net.tcp().unwrap();
    socket.setblocking(false).unwrap();
    assert_eq!(socket.connect((Ipv4Addr::new(10, 0, 0, 2), 7)), Err(Error::EINPROGRESS));
    settle(&net, &clock);
    assert!(socket.readiness().contains(POLLOUT));
    run(&slow, &net, &clock, socket);
}

fn settle(net: &Net<'_, '_>, clock: &Clock) -> Option<Instant> {
    net.drive(clock.0.get());
    net.drive(clock.0.get())
}

#[test]
fn a_reset_does_not_wait_for_a_write() {
    with_stream(|slow, net, clock, socket| {
        assert_eq!(socket.send("never"), Ok(5));
        settle(net, clock);
        socket.abort().unwrap();
        settle(net, clock);
        assert_eq!((slow.aborted.get(), net.lingering()), (1, 0));
        assert!(net.tcp().is_ok());
    });
}

/// Whoever drives does not spin.
#[test]
fn a_stack_that_cannot_abort_costs_no_time() {
    with_stream(|slow, net, clock, socket| {
        slow.aborts.set(false);
        assert_eq!(socket.send("never"), Ok(5));
        settle(net, clock);
        socket.close().unwrap();
        assert_eq!(settle(net, clock), Some(Instant::ZERO + DEFAULT_LINGER));
        clock.0.set(Instant::ZERO + DEFAULT_LINGER);
        assert_eq!((settle(net, clock), net.pending()), (None, false));
        slow.aborts.set(true);
        settle(net, clock);
        assert_eq!((slow.aborted.get(), net.lingering()), (1, 0));
    });
}

#[test]
fn what_came_before_a_failed_write_is_read_first() {
    with_stream(|slow, net, clock, socket| {
        assert_eq!(socket.send("x"), Ok(1));
        settle(net, clock);
        slow.write.set(Some(Err(ErrorKind::ConnectionReset)));
        // More than the queue has room for.
        slow.arrives.borrow_mut().push_back(Ok(vec![7; 700]));
        settle(net, clock);
        let mut buf = [0; 600];
        assert_eq!(socket.recv(&mut buf), Ok(512));
        settle(net, clock);
        assert_eq!(socket.recv(&mut buf), Ok(188));
        settle(net, clock);
        assert!(socket.readiness().contains(POLLERR | POLLIN));
        assert_eq!(socket.recv(&mut buf), Err(Error::ECONNRESET));
        assert_eq!(socket.recv(&mut buf), Ok(0));
        assert_eq!(socket.send("y"), Err(Error::EPIPE));
    });
}

#[test]
fn a_failed_write_is_told_to_who_only_sends() {
    with_stream(|slow, net, clock, socket| {
        assert_eq!(socket.send("x"), Ok(1));
        slow.write.set(Some(Err(ErrorKind::ConnectionReset)));
        slow.arrives.borrow_mut().push_back(Ok(vec![7; 700]));
        settle(net, clock);
        assert!(socket.readiness().contains(POLLOUT));
        assert_eq!(socket.send("y"), Err(Error::ECONNRESET));
        assert_eq!(socket.send("y"), Err(Error::EPIPE));
    });
}

#[test]
fn an_error_that_both_directions_find_is_told_once() {
    with_stream(|slow, net, clock, socket| {
        assert_eq!(socket.send("x"), Ok(1));
        settle(net, clock);
        slow.arrives.borrow_mut().push_back(Err(ErrorKind::ConnectionReset));
        settle(net, clock);
        assert_eq!(socket.recv(&mut [0; 8]), Err(Error::ECONNRESET));
        slow.write.set(Some(Err(ErrorKind::ConnectionReset)));
        settle(net, clock);
        assert_eq!(socket.recv(&mut [0; 8]), Ok(0));
        assert_eq!(socket.send("y"), Err(Error::EPIPE));
    });
}

#[test]
fn an_end_in_order_stays_one() {
    with_stream(|slow, net, clock, socket| {
        assert_eq!(socket.send("x"), Ok(1));
        slow.arrives.borrow_mut().push_back(Ok(vec![]));
        settle(net, clock);
        assert_eq!(socket.recv(&mut [0; 8]), Ok(0));
        slow.write.set(Some(Err(ErrorKind::ConnectionReset)));
        settle(net, clock);
        assert!(socket.readiness().contains(POLLERR));
        assert_eq!(socket.recv(&mut [0; 8]), Ok(0));
        assert_eq!(socket.send("y"), Err(Error::ECONNRESET));
        assert_eq!(socket.send("y"), Err(Error::EPIPE));
        assert_eq!(socket.recv(&mut [0; 8]), Ok(0));
        socket.close().unwrap();
        settle(net, clock);
        assert!(net.tcp().is_ok());
    });
}
