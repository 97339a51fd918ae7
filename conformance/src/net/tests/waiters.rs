//! Registrations and wakers (S6 to S8).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use usocket_core::spi::{Backend, EventSource, Handle, Wait};
use usocket_core::{Error, Events, Instant, POLLIN, POLLOUT};

use super::{MS, World, listener, network, pair};
use crate::harness::Harness;
use crate::net::WAKERS;

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn take(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

fn register(
    world: &World<'_>,
    handle: Handle,
    events: Events,
    until: Option<Instant>,
) -> Arc<Count> {
    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let wait = Wait { handle, events, deadline: until, waker: &waker };
    world.net().register(None, wait).unwrap();
    count
}

#[test]
fn every_waiter_fires_once_and_only_for_its_event() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (client, server) = pair(&world, world.peer_host(), world.net());
    let first = register(&world, server, POLLIN, None);
    let second = register(&world, server, POLLIN, None);
    let writable = register(&world, server, POLLOUT, None);
    world.net().drive(world.now());
    assert_eq!((first.take(), second.take(), writable.take()), (0, 0, 1));
    world.peer_host().try_send(client, b"x").unwrap();
    assert_eq!(first.take(), 0);
    world.pass(2 * MS);
    world.peer_host().try_send(client, b"y").unwrap();
    world.pass(2 * MS);
    assert_eq!((first.take(), second.take(), writable.take()), (1, 1, 0));
}

#[test]
fn deadlines_fire_and_unregistered_waiters_do_not() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (server, _) = listener(&world, 1);
    let soon = world.now() + 5 * MS;
    let due = register(&world, server, POLLIN, Some(soon));
    assert_eq!(world.net().drive(world.now()), Some(soon));
    world.pass(4 * MS);
    assert_eq!(due.take(), 0);
    world.pass(MS);
    assert_eq!(due.take(), 1);

    let count = Arc::new(Count::default());
    let waker = Waker::from(count.clone());
    let wait = Wait { handle: server, events: POLLIN, deadline: None, waker: &waker };
    let key = world.net().register(None, wait).unwrap();
    assert_eq!(world.net().register(Some(key), wait), Ok(key));
    world.net().unregister(key);
    world.net().close(server).unwrap();
    assert_eq!(count.take(), 0);
    assert_eq!(world.net().register(Some(key), wait), Err(Error::EBADF));
}

#[test]
fn close_fires_at_once() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (server, _) = listener(&world, 1);
    let waiters =
        [register(&world, server, POLLIN, None), register(&world, server, Events::NONE, None)];
    world.net().close(server).unwrap();
    assert_eq!(waiters.map(|count| count.take()), [1, 1]);
}

#[test]
fn any_and_work() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (client, _server) = pair(&world, world.peer_host(), world.net());
    world.net().drive(world.now());
    let any = register(&world, Handle::ANY, Events::NONE, None);
    let work = register(&world, Handle::WORK, Events::NONE, None);
    world.pass(100 * MS);
    assert_eq!((any.take(), work.take()), (0, 0));
    world.peer_host().try_send(client, b"x").unwrap();
    assert_eq!((any.take(), work.take()), (0, 1));
    world.pass(2 * MS);
    assert_eq!(any.take(), 1);
}

#[test]
fn a_full_table_is_enobufs() {
    let network = network();
    let world = World::new(&network).unwrap();
    let (server, _) = listener(&world, 1);
    let wait = Wait { handle: server, events: POLLIN, deadline: None, waker: Waker::noop() };
    for _ in 0..WAKERS {
        world.net().register(None, wait).unwrap();
    }
    assert_eq!(world.net().register(None, wait), Err(Error::ENOBUFS));
    world.net().close(server).unwrap();
    let (server, _) = listener(&world, 1);
    assert!(world.net().register(None, Wait { handle: server, ..wait }).is_ok());
}
