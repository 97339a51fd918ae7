use core::future::Future;
use core::pin::pin;
use core::task::Context;
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::task::Wake;
use std::vec::Vec;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use embedded_io_async::{ErrorKind, ErrorType};

use super::*;

/// The hardware behind both halves.
#[derive(Default)]
struct Line {
    rx: VecDeque<Result<u8, ErrorKind>>,
    ended: bool,
    sent: Vec<u8>,
    room: usize,
    /// What is still on the line.
    leaving: bool,
    broken: bool,
}

struct Half<'l>(&'l RefCell<Line>);

impl ErrorType for Half<'_> {
    type Error = ErrorKind;
}

impl Read for Half<'_> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| {
            let mut line = self.0.borrow_mut();
            match line.rx.pop_front() {
                Some(Ok(byte)) => {
                    buf[0] = byte;
                    Poll::Ready(Ok(1))
                }
                Some(Err(error)) => Poll::Ready(Err(error)),
                None if line.ended => Poll::Ready(Ok(0)),
                None => Poll::Pending,
            }
        })
        .await
    }
}

impl Write for Half<'_> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, ErrorKind> {
        poll_fn(|_| {
            let mut line = self.0.borrow_mut();
            let len = buf.len().min(line.room);
            if line.broken {
                return Poll::Ready(Err(ErrorKind::Other));
            }
            if len == 0 {
                return Poll::Pending;
            }
            line.room -= len;
            line.leaving = true;
            line.sent.extend_from_slice(&buf[..len]);
            Poll::Ready(Ok(len))
        })
        .await
    }

    async fn flush(&mut self) -> Result<(), ErrorKind> {
        poll_fn(|_| if self.0.borrow().leaving { Poll::Pending } else { Poll::Ready(Ok(())) }).await
    }
}

#[derive(Default)]
struct Wakes(AtomicUsize);

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Polls as long as it wakes itself.
fn run<F: Future<Output = ()>>(mut future: core::pin::Pin<&mut F>) -> (Poll<()>, Arc<Wakes>) {
    loop {
        let wakes = Arc::new(Wakes::default());
        let waker = wakes.clone().into();
        let poll = future.as_mut().poll(&mut Context::from_waker(&waker));
        if poll.is_ready() || wakes.0.load(Ordering::Relaxed) == 0 {
            return (poll, wakes);
        }
    }
}

type Small = Pump<NoopRawMutex, 16, 64>;

#[test]
fn receives_bytes_and_losses_in_order() {
    let pump = Small::new();
    let mut uart = pump.uart();
    let notices = Cell::new(0);
    let rx = [Ok(1), Ok(2), Err(ErrorKind::Other), Ok(3)];
    let line = RefCell::new(Line { rx: rx.into(), ..Line::default() });
    let mut receive = pin!(pump.receive(Half(&line), || notices.set(notices.get() + 1)));
    assert!(run(receive.as_mut()).0.is_pending());
    assert_eq!(notices.get(), 4);
    let mut buf = [0; 8];
    assert_eq!((uart.read(&mut buf), buf[..2].to_vec()), (Ok(2), std::vec![1, 2]));
    assert_eq!(uart.read(&mut buf), Err(Lost));
    assert_eq!((uart.read(&mut buf), buf[0]), (Ok(1), 3));
    assert!(!uart.readable());
    // More than it holds.
    line.borrow_mut().rx = (0..20).map(Ok).collect();
    line.borrow_mut().ended = true;
    assert!(run(receive.as_mut()).0.is_ready());
    let mut buf = [0; 32];
    assert_eq!((uart.read(&mut buf), uart.read(&mut buf)), (Ok(16), Err(Lost)));
    assert_eq!((buf[15], uart.read(&mut buf), uart.capacity()), (15, Ok(0), 16));
}

#[test]
fn a_receive_that_is_dropped_loses_nothing() {
    let pump = Small::new();
    let line = RefCell::new(Line { rx: [Ok(1), Ok(2)].into(), ..Line::default() });
    {
        // Once only: it yields after the first byte.
        let mut receive = pin!(pump.receive(Half(&line), || {}));
        assert!(receive.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert!(run(pin!(pump.receive(Half(&line), || {}))).0.is_pending());
    let mut buf = [0; 8];
    assert_eq!((pump.uart().read(&mut buf), &buf[..2]), (Ok(2), &[1, 2][..]));
}

#[test]
fn sends_in_order_and_tells_when_all_has_left() {
    let pump = Small::new();
    let mut uart = pump.uart();
    let notices = Cell::new(0);
    let line = RefCell::new(Line { room: 3, ..Line::default() });
    let notify = || notices.set(notices.get() + 1);
    {
        let mut send = pin!(pump.send(Half(&line), notify));
        let (poll, wakes) = run(send.as_mut());
        assert!(poll.is_pending() && uart.is_idle() && uart.take_waker().is_none());
        // The driver writes: who sends is woken, once.
        assert_eq!(uart.write(b"abcde"), 5);
        uart.take_waker().unwrap().wake();
        assert_eq!(wakes.0.load(Ordering::Relaxed), 1);
        assert!(uart.take_waker().is_none());
        assert!(run(send.as_mut()).0.is_pending());
        assert_eq!((line.borrow().sent.as_slice(), notices.get()), (&b"abc"[..], 1));
        // Dropped while it waits for room.
    }
    let mut send = pin!(pump.send(Half(&line), notify));
    line.borrow_mut().room = 10;
    assert!(run(send.as_mut()).0.is_pending());
    assert_eq!(line.borrow().sent, b"abcde");
    assert!(!uart.is_idle(), "the last byte is on the line");
    line.borrow_mut().leaving = false;
    let before = notices.get();
    assert!(run(send.as_mut()).0.is_pending());
    assert!(uart.is_idle());
    assert_eq!(notices.get(), before + 1);
}

#[test]
fn a_full_queue_is_not_writable_and_a_broken_line_empties_it() {
    let pump = Small::new();
    let mut uart = pump.uart();
    assert_eq!((uart.write(&[1; 70]), uart.write(&[1]), uart.writable()), (64, 0, false));
    let line = RefCell::new(Line { broken: true, ..Line::default() });
    assert!(run(pin!(pump.send(Half(&line), || {}))).0.is_pending());
    assert!(uart.is_idle() && uart.writable());
}
