//! A tiny backend for the tests of waiting: one socket that echoes, moved by
//! `drive` only, and a clock on which input comes at set times.

use core::cell::{Cell, RefCell};
use core::net::IpAddr;
use core::task::Waker;
use core::time::Duration;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Wake;

use crate::spi::{
    Answer, Backend, EventSource, Handle, Opt, OptName, Platform, RecvFlags, RecvInfo, Shutdown,
    SockType, Wait, WaitKey, WakerTable,
};
use crate::{Error, Events, Family, Instant, POLLIN, POLLOUT, Result, SockAddr, earlier};

pub(crate) struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// `N` is the size of its table of waiters.
pub(crate) struct Fake<const N: usize> {
    now: Cell<Instant>,
    /// A thread of a host: only its waker and the time end its sleep.
    thread: Option<Arc<Flag>>,
    /// When bytes come in, and how many.
    pub(crate) input: Cell<Option<(Instant, usize)>>,
    /// Bytes at the interface, and in the socket.
    raw: Cell<usize>,
    bytes: Cell<usize>,
    pub(crate) queued: Cell<usize>,
    pub(crate) sent: Cell<usize>,
    pub(crate) drives: Cell<usize>,
    pub(crate) idles: Cell<usize>,
    /// A thread that sets a timer for this time, and drives, just before somebody
    /// listens for work: nobody is woken.
    pub(crate) intruder: Cell<Option<Instant>>,
    timer: Cell<Option<Instant>>,
    /// There is always more to do.
    pub(crate) flood: Cell<bool>,
    pub(crate) wakers: RefCell<WakerTable<N>>,
}

impl<const N: usize> Fake<N> {
    pub(crate) fn new(thread: bool) -> Self {
        Self {
            now: Cell::default(),
            thread: thread.then(|| Arc::new(Flag(AtomicBool::new(false)))),
            input: Cell::default(),
            raw: Cell::default(),
            bytes: Cell::default(),
            queued: Cell::default(),
            sent: Cell::default(),
            drives: Cell::default(),
            idles: Cell::default(),
            intruder: Cell::default(),
            timer: Cell::default(),
            flood: Cell::default(),
            wakers: RefCell::default(),
        }
    }

    /// Lets time pass up to `until` or the input, whichever is first.
    pub(crate) fn pass(&self, until: Option<Instant>) {
        let input = self.input.get();
        let next = earlier(until, input.map(|(at, _)| at)).expect("this sleep never ends");
        self.now.set(self.now.get().max(next));
        if let Some((_, count)) = input.filter(|&(at, _)| at <= self.now.get()) {
            self.input.set(None);
            self.raw.set(self.raw.get() + count);
            self.work();
        }
    }

    fn work(&self) {
        let woken = self.wakers.borrow_mut().take_workers();
        woken.wake();
    }
}

pub(crate) fn ms(count: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(count)
}

impl<const N: usize> Platform for Fake<N> {
    fn now(&self) -> Instant {
        self.now.get()
    }

    fn seed(&self) -> u64 {
        0
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        self.idles.set(self.idles.get() + 1);
        assert!(self.idles.get() < 10_000, "a busy loop");
        if ready() {
            return;
        }
        let Some(flag) = &self.thread else { return self.pass(until) };
        while !flag.0.swap(false, Ordering::SeqCst) && until.is_none_or(|until| self.now() < until)
        {
            self.pass(until);
        }
    }

    fn waker(&self) -> Option<Waker> {
        self.thread.as_ref().map(|flag| Waker::from(Arc::clone(flag)))
    }
}

impl<const N: usize> EventSource for Fake<N> {
    fn drive(&self, now: Instant) -> Option<Instant> {
        self.drives.set(self.drives.get() + 1);
        if self.timer.get().is_some_and(|timer| timer <= now) {
            self.timer.set(None);
            self.raw.set(self.raw.get() + 1);
        }
        let before = self.bytes.get();
        self.bytes.set(before + self.raw.take());
        self.sent.set(self.sent.get() + self.queued.take());
        let woken = self.wakers.borrow_mut().take(now, |handle, events| match handle {
            Handle::ANY => self.bytes.get() > before,
            Handle::WORK => self.flood.get(),
            _ => !self.readiness(handle).masked(events).is_empty(),
        });
        woken.wake();
        earlier(self.wakers.borrow_mut().next_deadline(), self.timer.get())
    }

    fn pending(&self) -> bool {
        self.raw.get() > 0
            || self.queued.get() > 0
            || self.flood.get()
            || self.wakers.borrow().sooner()
    }

    fn readiness(&self, _: Handle) -> Events {
        if self.bytes.get() > 0 { POLLIN | POLLOUT } else { POLLOUT }
    }

    fn register(&self, key: Option<WaitKey>, wait: Wait<'_>) -> Result<WaitKey> {
        if wait.handle == Handle::WORK
            && let Some(timer) = self.intruder.take()
        {
            self.timer.set(Some(timer));
        }
        let waker = wait.waker.clone();
        let (key, _unneeded) = self.wakers.borrow_mut().register(key, wait, waker);
        let key = key?;
        if self.wakers.borrow().sooner() {
            self.work();
        }
        Ok(key)
    }

    fn unregister(&self, key: WaitKey) {
        drop(self.wakers.borrow_mut().unregister(key));
    }
}

impl<const N: usize> Backend for Fake<N> {
    fn platform(&self) -> &dyn Platform {
        self
    }

    fn open(&self, _: Family, _: SockType) -> Result<Handle> {
        Ok(Handle::new(0, 0))
    }

    fn alive(&self, _: Handle) -> Result<()> {
        Ok(())
    }

    fn bind(&self, _: Handle, _: SockAddr) -> Result<()> {
        Err(Error::EOPNOTSUPP)
    }

    fn listen(&self, _: Handle, _: u32) -> Result<()> {
        Err(Error::EOPNOTSUPP)
    }

    fn try_accept(&self, _: Handle) -> Result<(Handle, SockAddr)> {
        Err(Error::EINVAL)
    }

    fn try_connect(&self, _: Handle, _: SockAddr) -> Result<()> {
        Ok(())
    }

    fn connect_result(&self, _: Handle) -> Result<()> {
        Ok(())
    }

    fn try_send(&self, _: Handle, data: &[u8]) -> Result<usize> {
        self.queued.set(self.queued.get() + data.len());
        self.work();
        Ok(data.len())
    }

    fn try_send_to(&self, handle: Handle, data: &[u8], _: SockAddr) -> Result<usize> {
        self.try_send(handle, data)
    }

    fn try_recv(&self, _: Handle, buf: &mut [u8], _: RecvFlags) -> Result<usize> {
        match self.bytes.get().min(buf.len()) {
            0 => Err(Error::EAGAIN),
            count => {
                self.bytes.set(self.bytes.get() - count);
                Ok(count)
            }
        }
    }

    fn try_recv_info(&self, _: Handle, _: &mut [u8], _: RecvFlags) -> Result<RecvInfo> {
        Err(Error::EOPNOTSUPP)
    }

    fn shutdown(&self, _: Handle, _: Shutdown) -> Result<()> {
        Err(Error::EOPNOTSUPP)
    }

    fn close(&self, _: Handle) -> Result<()> {
        Ok(())
    }

    fn abort(&self, _: Handle) -> Result<()> {
        Ok(())
    }

    fn set_option(&self, _: Handle, _: &Opt) -> Result<()> {
        Err(Error::ENOPROTOOPT)
    }

    fn option(&self, _: Handle, _: OptName) -> Result<Opt> {
        Err(Error::ENOPROTOOPT)
    }

    fn take_error(&self, _: Handle) -> Result<Option<Error>> {
        Ok(None)
    }

    fn local_addr(&self, _: Handle) -> Result<SockAddr> {
        Err(Error::EOPNOTSUPP)
    }

    fn peer_addr(&self, _: Handle) -> Result<SockAddr> {
        Err(Error::ENOTCONN)
    }

    fn start_query(&self, _: &str, _: Option<Family>, _: bool) -> Result<Handle> {
        Ok(Handle::new(0, 0))
    }

    fn try_answer(&self, _: Handle, _: &mut Answer) -> Result<()> {
        Err(Error::EAGAIN)
    }

    fn end_query(&self, _: Handle) {}

    fn has_address(&self, _: IpAddr) -> bool {
        false
    }

    fn route(&self, _: IpAddr) -> Option<u8> {
        None
    }
}
