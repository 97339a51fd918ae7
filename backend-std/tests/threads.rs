//! Closing from another thread wakes whoever waits (R11, S7).

mod support;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use support::{connected, datagrams, listener, net, until_asleep};
use usocket_backend_std::StdNet;
use usocket_core::spi::{Backend, EventSource, Handle, RecvFlags, SockType, Wait};
use usocket_core::{Error, Family, POLLIN, POLLNVAL, POLLOUT, Result};

/// Runs `wait` in a thread, closes the handle from this one, and gives what
/// `wait` answered.
fn closed_during<T: Send + 'static>(
    net: &Arc<StdNet>,
    handle: Handle,
    close: impl Fn(&StdNet, Handle) -> Result<()>,
    wait: impl FnOnce(&StdNet) -> T + Send + 'static,
) -> T {
    let waiting = {
        let net = Arc::clone(net);
        thread::spawn(move || wait(&net))
    };
    until_asleep(&waiting);
    assert!(!waiting.is_finished(), "it does not wait");
    close(net, handle).unwrap();
    let began = Instant::now();
    while !waiting.is_finished() {
        assert!(began.elapsed() < Duration::from_secs(10), "not woken");
        thread::sleep(Duration::from_millis(1));
    }
    waiting.join().unwrap()
}

fn fill(net: &StdNet, socket: Handle) {
    while net.try_send(socket, &[0; 65_536]).is_ok() {}
}

#[test]
fn blocking_calls_are_woken_by_close_and_by_abort() {
    for close in [StdNet::close as fn(&StdNet, Handle) -> Result<()>, StdNet::abort] {
        let net = Arc::new(net());
        let (a, _b) = connected(&net);
        let woken = closed_during(&net, a, close, move |net| net.recv_wait(a, &mut [0; 4]));
        assert_eq!(woken, Err(Error::EBADF));

        let (a, _b) = connected(&net);
        let woken = closed_during(&net, a, close, move |net| {
            net.recv_info_wait(a, &mut [0; 4]).map(|_| ())
        });
        assert_eq!(woken, Err(Error::EBADF));

        let (a, _b) = connected(&net);
        fill(&net, a);
        let woken = closed_during(&net, a, close, move |net| net.send_wait(a, &[0; 4]));
        assert_eq!(woken, Err(Error::EBADF));

        let (listening, _) = listener(&net, 1);
        let woken = closed_during(&net, listening, close, move |net| {
            net.accept_wait(listening).map(|_| ())
        });
        assert_eq!(woken, Err(Error::EBADF));

        let silent = support::Silent::new(Family::V4);
        let to = silent.address;
        let socket = net.open(Family::V4, SockType::Stream).unwrap();
        let woken = closed_during(&net, socket, close, move |net| net.connect_wait(socket, to));
        assert_eq!(woken, Err(Error::EBADF));

        for info in [false, true] {
            let [(udp, _), _] = datagrams(&net, Family::V4);
            let woken = closed_during(&net, udp, close, move |net| {
                if info {
                    net.recv_info_wait(udp, &mut [0; 4]).map(|info| info.len)
                } else {
                    net.recv_wait(udp, &mut [0; 4])
                }
            });
            assert_eq!(woken, Err(Error::EBADF), "{info}");
        }
    }
}

#[test]
fn waits_are_woken() {
    let net = Arc::new(net());
    let (stream, _b) = connected(&net);
    let (listening, _) = listener(&net, 1);
    let [(udp, _), _] = datagrams(&net, Family::V4);
    let silent = support::Silent::new(Family::V4);
    let pending = net.open(Family::V4, SockType::Stream).unwrap();
    assert_eq!(net.try_connect(pending, silent.address), Err(Error::EINPROGRESS));
    for (handle, events) in
        [(stream, POLLIN), (listening, POLLIN), (udp, POLLIN), (pending, POLLOUT)]
    {
        let woken =
            closed_during(&net, handle, StdNet::close, move |net| net.wait(handle, events, None));
        assert_eq!(woken, Ok(()));
        assert_eq!(net.readiness(handle), POLLNVAL);
        assert_eq!(net.try_recv(handle, &mut [0; 4], RecvFlags::default()), Err(Error::EBADF));
    }
}

#[test]
fn a_query_and_a_pipe_are_woken_too() {
    let net = Arc::new(net());
    let (reader, mut writer) = std::io::pipe().unwrap();
    let watched = net.watch_fd(reader).unwrap();
    let handle = watched.handle();
    let woken =
        closed_during(&net, handle, StdNet::close, move |net| net.recv_wait(handle, &mut [0; 4]));
    assert_eq!(woken, Err(Error::EBADF));
    assert!(writer.write(b"x").is_err(), "the descriptor is closed");
}

#[test]
fn a_set_wait_is_woken_and_reports_the_closed_handle() {
    let net = Arc::new(net());
    let (a, b) = connected(&net);
    let sets = net.sets().unwrap();
    let set = sets.open().unwrap();
    sets.put(set, a, POLLIN, 7).unwrap();
    sets.put(set, b, POLLIN, 8).unwrap();
    // A clone keeps the socket open, and would stay in epoll.
    let clone = net.owned_fd(a).unwrap();
    for _ in 0..2 {
        let found = if net.alive(a).is_ok() {
            closed_during(&net, a, StdNet::close, move |net| found(net, set, None))
        } else {
            found(&net, set, None)
        };
        assert_eq!(found, [(7, 32)]);
    }
    let waker = sets.waker(set);
    sets.remove(set, a);
    assert_eq!(found(&net, set, Some(Duration::ZERO)), []);
    let waiting = {
        let net = Arc::clone(&net);
        thread::spawn(move || found(&net, set, None))
    };
    until_asleep(&waiting);
    waker.wake();
    assert_eq!(waiting.join().unwrap(), []);
    drop(clone);
}

fn found(net: &StdNet, set: usocket_core::spi::SetId, timeout: Option<Duration>) -> Vec<(u32, u8)> {
    let mut found = Vec::new();
    let sets = net.sets().unwrap();
    let mut report = |token, events: usocket_core::Events| found.push((token, events.bits()));
    sets.wait(set, timeout, &mut || false, &mut report).unwrap();
    found
}

struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[test]
fn async_waiters_are_woken_by_events_deadlines_and_close() {
    let net = Arc::new(net());
    let (a, b) = connected(&net);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let until = |wanted: usize| {
        let began = Instant::now();
        while count.0.load(Ordering::SeqCst) < wanted {
            assert!(began.elapsed() < Duration::from_secs(10), "{wanted} not reached");
            thread::sleep(Duration::from_millis(1));
        }
        thread::sleep(Duration::from_millis(20));
        assert_eq!(count.0.load(Ordering::SeqCst), wanted);
    };
    let wait = Wait { handle: a, events: POLLIN, deadline: None, waker: &waker };
    // Several in one direction, and one that is taken back.
    net.register(None, wait).unwrap();
    let key = net.register(None, wait).unwrap();
    assert_eq!(net.register(Some(key), wait), Ok(key), "renewed in place");
    let gone = net.register(None, wait).unwrap();
    net.unregister(gone);
    until(0);
    net.send_wait(b, b"x").unwrap();
    until(2);
    // True already: fires at once.
    net.register(Some(key), wait).unwrap();
    until(3);
    net.recv_wait(a, &mut [0; 4]).unwrap();
    // One direction is ready, the other goes on waiting.
    net.register(None, wait).unwrap();
    net.register(None, Wait { events: POLLOUT, ..wait }).unwrap();
    until(4);
    net.close(a).unwrap();
    until(5);
    assert_eq!(net.register(None, wait), Err(Error::EBADF));

    let deadline = Some(net.platform().now() + Duration::from_millis(30));
    for handle in [b, Handle::WORK] {
        net.register(None, Wait { handle, deadline, events: POLLNVAL, waker: &waker }).unwrap();
    }
    // The peer closed: IN and no more, as b asked for nothing.
    until(7);
}

#[test]
fn one_listener_shared_by_both_forms_of_accept() {
    let net = Arc::new(net());
    let (listening, address) = listener(&net, 64);
    let accepted = Arc::new(AtomicUsize::new(0));
    let threads: Vec<_> = (0..4)
        .map(|form| {
            let (net, accepted) = (Arc::clone(&net), Arc::clone(&accepted));
            thread::spawn(move || {
                loop {
                    let next = if form % 2 == 0 {
                        net.accept_wait(listening)
                    } else {
                        net.try_accept(listening)
                    };
                    match next {
                        Ok((handle, _)) => {
                            net.close(handle).unwrap();
                            accepted.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(Error::EAGAIN) => net.wait(listening, POLLIN, None).unwrap(),
                        Err(error) => return error,
                    }
                }
            })
        })
        .collect();
    for _ in 0..500 {
        let mut stream = support::client(address);
        let _ = stream.flush();
    }
    let began = Instant::now();
    while accepted.load(Ordering::SeqCst) < 500 {
        assert!(began.elapsed() < Duration::from_secs(10));
        thread::sleep(Duration::from_millis(1));
    }
    net.close(listening).unwrap();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), Error::EBADF);
    }
}

#[test]
fn a_stale_handle_never_reaches_a_newer_socket() {
    let net = Arc::new(net());
    let stop = Arc::new(AtomicUsize::new(0));
    let [(udp, address), _] = datagrams(&net, Family::V4);
    let threads: Vec<_> = (0..2)
        .map(|_| {
            let (net, stop) = (Arc::clone(&net), Arc::clone(&stop));
            thread::spawn(move || {
                while stop.load(Ordering::Relaxed) == 0 {
                    let socket = net.open(Family::V4, SockType::Dgram).unwrap();
                    assert_eq!(net.try_send_to(socket, b"x", address), Ok(1));
                    net.close(socket).unwrap();
                    let again = net.open(Family::V4, SockType::Dgram).unwrap();
                    assert_eq!(net.close(socket), Err(Error::EBADF));
                    assert_eq!(net.try_send_to(socket, b"x", address), Err(Error::EBADF));
                    net.close(again).unwrap();
                }
            })
        })
        .collect();
    thread::sleep(Duration::from_millis(300));
    stop.store(1, Ordering::Relaxed);
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    assert_eq!(net.alive(udp), Ok(()));
}

#[test]
fn a_waiter_for_any_socket() {
    let net = Arc::new(net());
    let (a, b) = connected(&net);
    let [(udp, address), (other, _)] = datagrams(&net, Family::V4);
    let count = Arc::new(Count(AtomicUsize::new(0)));
    let waker = Waker::from(Arc::clone(&count));
    let wait = Wait { handle: Handle::ANY, events: POLLIN, deadline: None, waker: &waker };
    let mut key = None;
    let mut change = |wanted: usize, change: &dyn Fn()| {
        key = Some(net.register(key, wait).unwrap());
        thread::sleep(Duration::from_millis(20));
        assert_eq!(count.0.load(Ordering::SeqCst), wanted - 1, "what is true already is no change");
        change();
        let began = Instant::now();
        while count.0.load(Ordering::SeqCst) < wanted {
            assert!(began.elapsed() < Duration::from_secs(10), "{wanted} not reached");
            thread::sleep(Duration::from_millis(1));
        }
    };
    change(1, &|| assert_eq!(net.send_wait(a, b"x"), Ok(1)));
    change(2, &|| assert_eq!(net.try_send_to(other, b"x", address), Ok(1)));
    change(3, &|| assert_eq!(net.recv_wait(b, &mut [0; 2]).and_then(|_| net.close(b)), Ok(())));
    change(4, &|| assert!(net.open(Family::V4, SockType::Stream).is_ok()));
    change(5, &|| assert_eq!(net.close(udp), Ok(())));
    net.unregister(net.register(key, wait).unwrap());
    net.close(other).unwrap();
    thread::sleep(Duration::from_millis(20));
    assert_eq!(count.0.load(Ordering::SeqCst), 5);
}
