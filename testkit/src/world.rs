//! The world of one test: the application's host, its peers, the names, the time.

use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::rc::Rc;
use std::time::Duration;

use usocket_conformance::net::{Faults, Record};
use usocket_core::Instant;
use usocket_core::spi::{Backend, EventSource, Link};

use crate::clock::Clock;
use crate::net::{Network, Shared};
use crate::tasks::Tasks;
use crate::{Host, Net, SOCKETS};

/// When a program that still waits is taken for one that never ends.
const LIMIT: Duration = Duration::from_secs(7 * 24 * 3600);

/// A network in memory with the application on it, in virtual time.
///
/// The application's host is `10.0.0.1` and `fd00::1`. Everything else of the test is
/// arranged here: peers ([`host`](Self::host)), names, faults, and what shall happen
/// later. Time passes while the application waits, and only then.
///
/// Two worlds of the same seed in which the same is done run alike, to the microsecond.
pub struct World {
    tasks: Rc<Tasks>,
    net: Net,
}

impl World {
    /// A healthy network: 1 ms each way, no names. What is random on it, such as which
    /// datagrams are lost, follows from `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::creeping(seed, Duration::ZERO)
    }

    /// A world for a program that asks again and again instead of waiting, such as a loop
    /// over non-blocking sockets: here each look at the clock takes `step`.
    #[must_use]
    pub fn creeping(seed: u64, step: Duration) -> Self {
        let tasks = Rc::new(Tasks::default());
        let network = Network::new(Clock::new(seed, step, LIMIT));
        let shared =
            Rc::new(Shared { network, tasks: Rc::downgrade(&tasks), most: Cell::new(SOCKETS) });
        let own = [
            IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1)),
            IpAddr::V6(Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1)),
        ];
        let net = Net::add(&shared, &own);
        Self { tasks, net }
    }

    /// The application's backend.
    #[must_use]
    pub fn net(&self) -> &Net {
        &self.net
    }

    /// Adds a host with this address, such as `10.0.0.2` or `fd00::2`, at most three.
    /// Neighbours of the application are in `10.0.0.0/24` and `fd00::/64`; others it
    /// reaches as through a router.
    ///
    /// # Panics
    /// The text is no address, or there are three already.
    #[must_use]
    pub fn host(&self, address: &str) -> Host {
        let ip: IpAddr = address.parse().expect("an IP address");
        Host::new(Net::add(&self.net.shared, &[ip]), ip, &self.tasks)
    }

    /// Lets a name resolve to these addresses, from now on. Names that nobody set do not
    /// exist.
    ///
    /// # Panics
    /// A text is no address, or there are more than eight; 16 names are set already.
    pub fn name(&self, name: &str, addresses: &[&str]) {
        let parse = |text: &&str| text.parse::<IpAddr>().expect("an IP address");
        let addresses: Vec<_> = addresses.iter().map(parse).collect();
        let set = self.net.shared.network.set_addresses(name, &addresses);
        set.expect("room for 16 names of 8 addresses");
    }

    /// Lets the name server answer something else for a name: that it does not exist, that
    /// the server failed, or nothing.
    ///
    /// # Panics
    /// 16 names are set already, or the name is too long.
    pub fn set_name(&self, name: &str, record: Record) {
        self.net.shared.network.set_name(name, record).expect("room for 16 names");
    }

    /// Sets the faults of an address that may be nobody's: a black hole, for one.
    ///
    /// # Panics
    /// The text is no address, or 16 addresses have faults already.
    pub fn set_faults(&self, address: &str, faults: Faults) {
        let ip: IpAddr = address.parse().expect("an IP address");
        let set = self.net.shared.network.set_faults(ip, faults);
        set.expect("room for the faults of 16 addresses");
    }

    /// How long anything takes from one host to another; 1 ms at first.
    pub fn set_latency(&self, latency: Duration) {
        self.net.shared.network.set_latency(latency);
    }

    /// The application's link: up, down, or without an address.
    pub fn set_link(&self, link: Link) {
        self.net.host().set_link(link);
    }

    /// How many sockets the application may have open at once: as few as its board has, five
    /// on an ESP8285. One more is `ENOMEM`, and so is `accept` of one more.
    pub fn set_sockets(&self, most: usize) {
        self.net.shared.most.set(most);
    }

    /// The time on the world's clock, since its beginning.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.net.shared.now().saturating_since(Instant::ZERO)
    }

    /// Does something to the world in so much time, while the application waits.
    ///
    /// ```
    /// # use std::time::Duration;
    /// use usocket_core::spi::Link;
    /// let world = usocket_testkit::World::new(1);
    /// world.after(Duration::from_secs(30), |world| world.set_link(Link::Down));
    /// ```
    pub fn after(&self, time: Duration, act: impl FnOnce(&World) + 'static) {
        let (net, tasks) = (self.net.clone(), Rc::downgrade(&self.tasks));
        let due = self.net.shared.now() + time;
        self.tasks.spawn(async move {
            net.sleep(due.saturating_since(net.shared.now())).await;
            // While a task runs, there are tasks.
            if let Some(tasks) = tasks.upgrade() {
                act(&World { tasks, net });
            }
        });
    }

    /// Runs a future of the test's own beside the application.
    pub fn spawn(&self, future: impl Future<Output = ()> + 'static) {
        self.tasks.spawn(future);
    }

    /// Lets time pass without the application: for what it left to the network when it
    /// returned, or between two of its calls.
    pub fn pass(&self, time: Duration) {
        let until = self.net.shared.now() + time;
        // Nobody says that it is over before the time has come.
        let _ = usocket_core::spi::wait_until(&self.net, Some(until), || false);
    }

    /// When a program that still waits is taken for one that never ends, and the test
    /// fails: a week at first.
    pub fn set_limit(&self, time: Duration) {
        self.net.shared.network.platform().limit.set(Instant::ZERO + time);
    }

    /// Fails the test if the application has left a socket open, or cannot get rid of what
    /// closed ones still had to send.
    ///
    /// # Panics
    /// So it is.
    #[track_caller]
    pub fn assert_nothing_left(&self) {
        let open = self.net.open_sockets();
        assert_eq!(open, 0, "sockets that the application left open");
        let now = self.net.platform().now();
        self.net.drive(now);
        let drained = usocket_core::Usocket::drain(&self.net, 60);
        assert_eq!(drained, Ok(()), "what closed sockets still had to send");
    }
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("now", &self.now()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_world_stays_behind() {
        let world = World::new(1);
        world.host("10.0.0.2").serve(80, async |talk| talk.hang().await);
        world.after(Duration::from_secs(9), |_| ());
        drop(usocket_core::Usocket::dial(world.net(), "10.0.0.2:80", 1).unwrap());
        let shared = Rc::downgrade(&world.net.shared);
        drop(world);
        assert!(shared.upgrade().is_none());
    }
}
