//! Datagrams on a stack that takes its time: what is queued meanwhile, and what is told late.

use core::future::{pending, poll_fn};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use edge_nal::io::{ErrorKind, ErrorType};
use edge_nal::{
    AddrType, Dns, MulticastV4, MulticastV6, NoopNet, Readable, TcpBind, TcpConnect, UdpBind,
    UdpReceive, UdpSend, UdpSplit, UdpSplitMulticast,
};
use usocket_backend_nal::{Config, NalNet, Shared};
use usocket_core::prelude::*;
use usocket_core::spi::{EventSource, Platform};
use usocket_core::{Error, IP_ADD_MEMBERSHIP, IPPROTO_IP, Instant, POLLERR, POLLIN, POLLOUT};

type Outcome = Result<(), ErrorKind>;
/// A datagram and its whole length.
type Arrival = Result<(&'static [u8], usize), ErrorKind>;

/// Each operation waits until its outcome is set.
#[derive(Default)]
struct Slow {
    bind: Cell<Option<Outcome>>,
    send: Cell<Option<Outcome>>,
    join: Cell<Option<Outcome>>,
    sent: RefCell<Vec<Vec<u8>>>,
    arrives: RefCell<VecDeque<Arrival>>,
}

async fn outcome(of: &Cell<Option<Outcome>>) -> Outcome {
    poll_fn(|_| of.get().map_or(Poll::Pending, Poll::Ready)).await
}

impl TcpConnect for Slow {
    type Error = <NoopNet as ErrorType>::Error;
    type Socket<'a> = NoopNet;

    async fn connect(&self, _: SocketAddr) -> Result<NoopNet, Self::Error> {
        pending().await
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

/// A socket of it, and each part of one.
#[derive(Clone, Copy)]
struct Part<'s>(&'s Slow);

impl UdpBind for Slow {
    type Error = ErrorKind;
    type Socket<'a> = Part<'a>;

    async fn bind(&self, _: SocketAddr) -> Result<Part<'_>, ErrorKind> {
        outcome(&self.bind).await.map(|()| Part(self))
    }
}

impl ErrorType for Part<'_> {
    type Error = ErrorKind;
}

impl UdpSend for Part<'_> {
    async fn send(&mut self, _: SocketAddr, data: &[u8]) -> Outcome {
        outcome(&self.0.send).await?;
        self.0.sent.borrow_mut().push(data.to_vec());
        Ok(())
    }
}

impl Readable for Part<'_> {
    async fn readable(&mut self) -> Outcome {
        poll_fn(|_| match self.0.arrives.borrow().is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(Ok(())),
        })
        .await
    }
}

impl UdpReceive for Part<'_> {
    async fn receive(&mut self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), ErrorKind> {
        let (data, full_len) = self.0.arrives.borrow_mut().pop_front().unwrap()?;
        buffer[..data.len()].copy_from_slice(data);
        Ok((full_len, TO.into()))
    }
}

impl UdpSplit for Part<'_> {
    type Receive<'a>
        = Part<'a>
    where
        Self: 'a;
    type Send<'a>
        = Part<'a>
    where
        Self: 'a;

    fn split(&mut self) -> (Part<'_>, Part<'_>) {
        (*self, *self)
    }
}

impl UdpSplitMulticast for Part<'_> {
    type MulticastV4<'a>
        = Part<'a>
    where
        Self: 'a;
    type MulticastV6<'a>
        = Part<'a>
    where
        Self: 'a;

    fn split_multicast(&mut self) -> (Part<'_>, Part<'_>, Part<'_>, Part<'_>) {
        (*self, *self, *self, *self)
    }
}

impl MulticastV4 for Part<'_> {
    async fn join_v4(&mut self, _: Ipv4Addr, _: Ipv4Addr) -> Outcome {
        outcome(&self.0.join).await
    }

    async fn leave_v4(&mut self, _: Ipv4Addr, _: Ipv4Addr) -> Outcome {
        Ok(())
    }
}

impl MulticastV6 for Part<'_> {
    async fn join_v6(&mut self, _: Ipv6Addr, _: u32) -> Outcome {
        outcome(&self.0.join).await
    }

    async fn leave_v6(&mut self, _: Ipv6Addr, _: u32) -> Outcome {
        Ok(())
    }
}

/// Sleeping is what makes time pass.
struct Clock(Cell<Instant>);

impl Platform for &Clock {
    fn now(&self) -> Instant {
        self.0.get()
    }

    fn seed(&self) -> u64 {
        1
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        if !ready() {
            self.0.set(until.expect("nothing will happen any more").max(self.0.get()));
        }
    }
}

const TO: (Ipv4Addr, u16) = (Ipv4Addr::new(10, 0, 0, 2), 7);

type Net<'r, 'c> = NalNet<'r, &'c Clock, 2, 512>;

fn with_net(run: impl FnOnce(&Slow, &Net<'_, '_>, &Clock)) {
    let (slow, clock) = (Slow::default(), Clock(Cell::new(Instant::ZERO)));
    let shared = Shared::<2, 512>::new(Config::default());
    let runner = pin!(shared.run(&slow));
    let net: Net<'_, '_> = NalNet::new(&shared, runner, &clock);
    run(&slow, &net, &clock);
}

fn settle(net: &Net<'_, '_>, clock: &Clock) {
    net.drive(clock.0.get());
    net.drive(clock.0.get());
}

#[test]
fn a_full_queue_blocks_until_it_is_sent() {
    with_net(|slow, net, clock| {
        slow.bind.set(Some(Ok(())));
        let socket = net.udp().unwrap();
        socket.setblocking(false).unwrap();
        assert!(socket.readiness().contains(POLLOUT));
        assert_eq!(socket.sendto([1; 300], TO), Ok(300));
        assert!(!socket.readiness().contains(POLLOUT));
        assert_eq!(socket.sendto([2; 300], TO), Err(Error::EAGAIN));
        assert_eq!(socket.sendto([3; 487], TO), Err(Error::EMSGSIZE));
        assert_eq!(socket.sendto([3; 100], TO), Ok(100));
        slow.send.set(Some(Ok(())));
        settle(net, clock);
        assert_eq!(*slow.sent.borrow(), [vec![1; 300], vec![3; 100]]);
        assert!(socket.readiness().contains(POLLOUT));
        assert_eq!(socket.sendto([4; 486], TO), Ok(486));
    });
}

#[test]
fn close_waits_for_what_is_queued_and_not_for_ever() {
    with_net(|slow, net, clock| {
        slow.bind.set(Some(Ok(())));
        for sends in [true, false] {
            slow.send.set(None);
            let socket = net.udp().unwrap();
            assert_eq!(socket.sendto("last", TO), Ok(4));
            socket.close().unwrap();
            settle(net, clock);
            assert_eq!(net.lingering(), 1);
            assert_eq!(net.drain(1), Err(Error::ETIMEDOUT));
            if sends {
                slow.send.set(Some(Ok(())));
            }
            assert_eq!(net.drain(Duration::from_secs(3600)), Ok(()));
            assert_eq!(slow.sent.borrow().len(), 1);
        }
        // Whoever aborts waits for nothing.
        let socket = net.udp().unwrap();
        assert_eq!(socket.sendto("never", TO), Ok(5));
        socket.abort().unwrap();
        settle(net, clock);
        assert_eq!(net.lingering(), 0);
        slow.send.set(Some(Ok(())));
        settle(net, clock);
        assert_eq!(slow.sent.borrow().len(), 1);
    });
}

#[test]
fn late_refusals_are_told_once() {
    with_net(|slow, net, clock| {
        let socket = net.udp().unwrap();
        socket.setblocking(false).unwrap();
        assert_eq!(socket.sendto("x", TO), Ok(1));
        slow.bind.set(Some(Err(ErrorKind::OutOfMemory)));
        settle(net, clock);
        assert!(socket.readiness().contains(POLLERR));
        assert_eq!(socket.recv(&mut [0; 8]), Err(Error::ENOBUFS));
        assert_eq!(socket.recv(&mut [0; 8]), Err(Error::EAGAIN));
        // It is as it was, and binds anew.
        slow.bind.set(Some(Ok(())));
        assert_eq!(socket.sendto("y", TO), Ok(1));
        slow.send.set(Some(Err(ErrorKind::Other)));
        settle(net, clock);
        assert_eq!(socket.take_error(), Ok(Some(Error::EIO)));
        assert_eq!(socket.take_error(), Ok(None));
        // A membership, too.
        let group = [239, 1, 2, 3, 0, 0, 0, 0];
        assert_eq!(socket.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, &group), Ok(()));
        slow.join.set(Some(Err(ErrorKind::Other)));
        settle(net, clock);
        assert_eq!(socket.take_error(), Ok(Some(Error::EIO)));
        let answer = socket.setsockopt(IPPROTO_IP, IP_ADD_MEMBERSHIP, &group);
        assert_eq!(answer, Err(Error::ENODEV));
    });
}

#[test]
fn receiving_goes_on_after_an_error() {
    with_net(|slow, net, _| {
        slow.bind.set(Some(Ok(())));
        let socket = net.udp().unwrap();
        socket.bind(("", 7)).unwrap();
        socket.settimeout(Duration::from_secs(5)).unwrap();
        slow.arrives.borrow_mut().extend([Err(ErrorKind::Other), Ok((&b"abc"[..], 3000))]);
        assert_eq!(socket.recv(&mut [0; 8]), Err(Error::EIO));
        // Longer than a queue: cut, and that is told.
        let mut buf = [0; 600];
        let info = socket.recv_info(&mut buf, 0).unwrap();
        assert_eq!((info.len, info.full_len), (486, 3000));
        assert_eq!(&buf[..3], b"abc");
        assert!(!socket.readiness().contains(POLLIN));
    });
}
