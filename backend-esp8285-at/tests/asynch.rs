//! Async with one runner task: sockets wake when something has changed, and only then.

mod support;

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use esp8285_world::{KEY, Kit, SSID, Settings, network};
use support::{Memory, Net, Wire};
use usocket_backend_esp8285_at::Config;
use usocket_conformance::{Digest, Peer, Step};
use usocket_core::prelude::*;
use usocket_core::spi::{Backend, EventSource};
use usocket_core::{Family, Instant};

/// A task and how often it was polled.
struct Task<'t> {
    future: Option<Pin<Box<dyn Future<Output = ()> + 't>>>,
    flag: Arc<Flag>,
}

#[derive(Default)]
struct Flag {
    woken: AtomicBool,
    polls: AtomicU32,
}

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.woken.store(true, Ordering::Relaxed);
    }
}

/// An executor that polls a task only if its waker was used.
#[derive(Default)]
struct Executor<'t> {
    tasks: Vec<Task<'t>>,
}

impl<'t> Executor<'t> {
    fn spawn(&mut self, future: impl Future<Output = ()> + 't) -> Arc<Flag> {
        let flag = Arc::new(Flag { woken: AtomicBool::new(true), ..Flag::default() });
        self.tasks.push(Task { future: Some(Box::pin(future)), flag: flag.clone() });
        flag
    }

    /// Polls what is woken until nothing is.
    fn turn(&mut self) {
        loop {
            let mut any = false;
            for task in &mut self.tasks {
                let Some(future) = &mut task.future else { continue };
                if !task.flag.woken.swap(false, Ordering::Relaxed) {
                    continue;
                }
                any = true;
                task.flag.polls.fetch_add(1, Ordering::Relaxed);
                let waker = Waker::from(task.flag.clone());
                if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
                    task.future = None;
                }
            }
            if !any {
                return;
            }
        }
    }
}

/// The timer of the runner: one deadline and whom to wake at it.
#[derive(Default)]
struct Timer {
    until: Cell<Option<Instant>>,
    waker: RefCell<Option<Waker>>,
}

/// Runs tasks beside the runner until `done`.
fn run<'t>(net: &'t Net<'_>, executor: &mut Executor<'t>, until: Instant) {
    let timer = Rc::new(Timer::default());
    let clock = timer.clone();
    let sleep = move |next: Option<Instant>| {
        let mut asked = false;
        let timer = clock.clone();
        std::future::poll_fn(move |context| {
            if asked {
                return Poll::Ready(());
            }
            asked = true;
            timer.until.set(next);
            *timer.waker.borrow_mut() = Some(context.waker().clone());
            Poll::<()>::Pending
        })
    };
    executor.spawn(async move { match net.run(sleep).await {} });
    let platform = net.platform();
    while platform.now() < until {
        executor.turn();
        let next = timer.until.get().map_or(until, |next| next.min(until));
        platform.idle(Some(next), &mut || net.pending());
        // What an interrupt handler does.
        if net.pending() {
            net.notify();
        }
        if timer.until.get().is_some_and(|due| due <= platform.now())
            && let Some(waker) = timer.waker.borrow_mut().take()
        {
            timer.until.set(None);
            waker.wake();
        }
    }
}

#[test]
fn sockets_wake_when_something_has_changed() {
    let network = network(1);
    let mut memory = Box::new(Memory::new());
    let kit = Kit::new(&network, Settings::default()).unwrap();
    let world = kit.world().clone();
    let net: Net<'_> =
        Net::with_config(Wire(world.port()), world.board(), &mut memory, Config::new());
    net.connect(SSID, KEY).unwrap();

    let listen = |then: &[Step]| {
        let script: Vec<Step> =
            [Step::Listen(Family::V4, 1), Step::Accept].iter().chain(then).copied().collect();
        let actor = kit.start(&script).unwrap();
        (actor, kit.peer().address(actor).unwrap())
    };
    let mut executor = Executor::default();
    // Two that stream, both ways, one that waits for a late byte, one for nothing.
    let total = Rc::new(Cell::new(0));
    let mut flags = Vec::new();
    let mut actors = Vec::new();
    for _ in 0..2 {
        let (actor, address) =
            listen(&[Step::Send(20_000), Step::Recv(3000), Step::Fin, Step::Hold]);
        actors.push(actor);
        let (net, total) = (&net, total.clone());
        flags.push(executor.spawn(async move {
            let socket = net.tcp().unwrap();
            let view = socket.asynch();
            view.connect(address).await.unwrap();
            let mut digest = Digest::new();
            let mut buf = [0; 2048];
            let mut got = 0;
            while got < 20_000 {
                let n = view.recv(&mut buf).await.unwrap();
                assert!(n > 0);
                digest.add(&buf[..n]);
                got += n;
            }
            assert_eq!(digest, Digest::of_pattern(20_000));
            let data: Vec<u8> = (0..3000).map(usocket_conformance::pattern).collect();
            view.sendall(&data).await.unwrap();
            assert_eq!(view.recv(&mut buf).await, Ok(0));
            total.set(total.get() + 1);
        }));
    }
    let (_, late) = listen(&[Step::Wait(20_000), Step::Text(b"!"), Step::Hold]);
    let (_, never) = listen(&[Step::Hold]);
    let waits = |address, wanted: usize| {
        let (net, total) = (&net, total.clone());
        async move {
            let socket = net.tcp().unwrap();
            let view = socket.asynch();
            view.connect(address).await.unwrap();
            let mut buf = [0; 8];
            let found = view.recv(&mut buf).await;
            assert_eq!(found, Ok(wanted));
            total.set(total.get() + 1);
        }
    };
    let late = executor.spawn(waits(late, 1));
    let never = executor.spawn(waits(never, 0));
    let until = world.now() + Duration::from_secs(40);
    let before = net.stats();
    run(&net, &mut executor, until);

    assert_eq!(total.get(), 3, "two streams and a late byte are done, one waits for ever");
    let polls = |flag: &Arc<Flag>| flag.polls.load(Ordering::Relaxed);
    // Begun, connected, one byte: three polls, whatever the others did.
    assert_eq!((polls(&late), polls(&never)), (3, 2));
    for flag in &flags {
        // A wake for each reply that brought data, not for each chunk of bytes on the wire.
        assert!(polls(flag) < 60, "{} polls", polls(flag));
    }
    // While all wait, the modem is asked now and then, since notices get lost (5.2).
    let asked = net.stats().commands - before.commands;
    assert!(asked < 200, "{asked} commands");
    drop(executor);
    net.drain(10).unwrap();
    for actor in actors {
        assert_eq!(kit.stop(actor).digest, Digest::of_pattern(3000));
    }
}

#[test]
fn joining_is_a_future_as_well() {
    let network = network(2);
    let mut memory = Box::new(Memory::new());
    let kit = Kit::new(&network, Settings { seed: 2, ..Settings::default() }).unwrap();
    let world = kit.world().clone();
    let net: Net<'_> =
        Net::with_config(Wire(world.port()), world.board(), &mut memory, Config::new());
    let mut executor = Executor::default();
    let found = Rc::new(RefCell::new(Vec::new()));
    let (there, network) = (found.clone(), &net);
    executor.spawn(async move {
        let wrong = network.connect_async(SSID, "wrong password").await;
        there.borrow_mut().push(wrong);
        let right = network.connect_async(SSID, KEY).await;
        there.borrow_mut().push(right);
    });
    let until = world.now() + Duration::from_secs(40);
    run(&net, &mut executor, until);
    drop(executor);
    assert_eq!(*found.borrow(), [Err(Error::EACCES), Ok(())]);
    assert!(net.isconnected());
}

#[test]
fn a_refused_request_leaves_the_network_of_the_one_that_is_out() {
    let network = network(3);
    let mut memory = Box::new(Memory::new());
    let kit = Kit::new(&network, Settings { seed: 3, ..Settings::default() }).unwrap();
    let world = kit.world().clone();
    let net: Net<'_> =
        Net::with_config(Wire(world.port()), world.board(), &mut memory, Config::new());
    let mut joining = Box::pin(net.connect_async(SSID, KEY));
    let poll = |future: Pin<&mut dyn Future<Output = usocket_core::Result<()>>>| {
        future.poll(&mut Context::from_waker(Waker::noop()))
    };
    assert_eq!(poll(joining.as_mut()), Poll::Pending);
    assert_eq!(net.connect("another", KEY), Err(Error::EALREADY));
    assert_eq!(net.disconnect(), Err(Error::EALREADY));
    let other = Box::pin(net.connect_async("another", KEY))
        .as_mut()
        .poll(&mut Context::from_waker(Waker::noop()));
    assert_eq!(other, Poll::Ready(Err(Error::EALREADY)));
    net.start(Duration::from_secs(5)).unwrap();
    kit.world().pass(Duration::from_secs(1));
    let deadline = world.now() + Duration::from_secs(20);
    usocket_core::spi::wait_until(&net, Some(deadline), || net.isconnected()).unwrap();
    assert_eq!(poll(joining.as_mut()), Poll::Ready(Ok(())));
}
