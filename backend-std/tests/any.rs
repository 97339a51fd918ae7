//! Whoever waits for any socket hears of each change (S7, S8).

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

use support::{client, listener, loopback, net};
use usocket_backend_std::StdNet;
use usocket_core::spi::{Backend, EventSource, Handle, SockType, Wait};
use usocket_core::{Error, Events, Family};

/// Far above a busy machine's hiccups.
const SOON: Duration = Duration::from_secs(10);

#[derive(Default)]
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

impl Woken {
    fn by_anything(net: &StdNet) -> Arc<Self> {
        let woken = Arc::new(Self::default());
        let waker = &Waker::from(Arc::clone(&woken));
        let wait = Wait { handle: Handle::ANY, events: Events::NONE, deadline: None, waker };
        net.register(None, wait).unwrap();
        woken
    }

    fn expect(&self) {
        let begun = Instant::now();
        while !self.0.load(Ordering::SeqCst) {
            assert!(begun.elapsed() < SOON, "not woken");
            thread::sleep(Duration::from_millis(1));
        }
    }
}

/// A new stream hangs up always, so that the system cannot be asked to tell more of it.
#[test]
fn a_new_stream_that_is_closed_or_begins_to_listen_or_connects() {
    let net = net();
    let open = || net.open(Family::V4, SockType::Stream).unwrap();
    let socket = open();
    let woken = Woken::by_anything(&net);
    net.close(socket).unwrap();
    woken.expect();

    let socket = open();
    net.bind(socket, loopback(Family::V4)).unwrap();
    let woken = Woken::by_anything(&net);
    net.listen(socket, 1).unwrap();
    woken.expect();
    let woken = Woken::by_anything(&net);
    let _client = client(net.local_addr(socket).unwrap());
    woken.expect();

    let (_listener, address) = listener(&net, 1);
    for wait in [false, true] {
        let socket = open();
        let woken = Woken::by_anything(&net);
        if wait {
            net.connect_wait(socket, address).unwrap();
        } else {
            assert_ne!(net.try_connect(socket, address), Err(Error::ECONNREFUSED));
        }
        woken.expect();
    }
}
