//! The backend: a stack, a device and a lock around both.

use core::cell::RefCell;
use core::fmt;
use core::net::IpAddr;
use core::sync::atomic::{AtomicBool, Ordering};

use embassy_sync::blocking_mutex::Mutex;
use embassy_sync::blocking_mutex::raw::{NoopRawMutex, RawMutex};
use smoltcp::iface::Interface;
use smoltcp::phy::{Device, Medium};
use smoltcp::wire::HardwareAddress;
use usocket_core::spi::{Backend as _, Link, Platform, WakerTable, wait_until};
use usocket_core::{Error, Family, Instant, IntoTimeout, Result, Timeout, earlier};

use crate::address::{family as family_of, from_stack, is_link_local};
use crate::config::Config;
use crate::state::State;
use crate::storage::Storage;
use crate::time::stack_time;

/// Sockets on a device: the backend.
///
/// `D` is any [`Device`] of smoltcp, `P` the board's clock and sleep. `M` is the kind of
/// lock: the default is for one thread; with interrupts or threads that use the same
/// backend take [`CriticalSectionRawMutex`](usocket_core::CriticalSectionRawMutex) or
/// the RTOS's own. `WAKERS` is how many waiters there can be at once: tasks times the
/// things that each waits for.
pub struct Net<'a, D, P, M: RawMutex = NoopRawMutex, const WAKERS: usize = 16> {
    platform: P,
    shared: Mutex<M, RefCell<Shared<'a, D, WAKERS>>>,
    /// Frames may be waiting: set by an interrupt handler.
    pub(crate) input: AtomicBool,
}

pub(crate) struct Shared<'a, D, const WAKERS: usize> {
    pub(crate) state: State<'a>,
    pub(crate) device: D,
    pub(crate) wakers: WakerTable<WAKERS>,
}

impl<D, const WAKERS: usize> Shared<'_, D, WAKERS> {
    /// When to drive again.
    pub(crate) fn next(&mut self) -> Option<Instant> {
        let next = self.state.next_call();
        if WAKERS == 0 { next } else { earlier(next, self.wakers.next_deadline()) }
    }

    /// Behind a drive: whether anybody waits for anything.
    pub(crate) fn is_waited(&mut self) -> bool {
        let waited = WAKERS > 0 && !self.wakers.is_empty();
        if WAKERS > 0 && !waited {
            // Who comes later has seen what is ready now.
            self.state.take_changed();
        }
        waited
    }
}

impl<'a, D: Device, P: Platform, M: RawMutex, const WAKERS: usize> Net<'a, D, P, M, WAKERS> {
    /// A backend on `device`, in `storage`, for as long as that lives.
    ///
    /// # Errors
    /// `EINVAL`: the configuration is for another medium than the device's.
    pub fn new<
        const SOCKETS: usize,
        const STREAMS: usize,
        const RX: usize,
        const TX: usize,
        const DATAGRAMS: usize,
        const QUEUE: usize,
        const PARKED: usize,
        const SET: usize,
    >(
        mut device: D,
        platform: P,
        config: &Config,
        storage: &'a mut Storage<'a, SOCKETS, STREAMS, RX, TX, DATAGRAMS, QUEUE, PARKED, SET>,
    ) -> Result<Self> {
        let capabilities = device.capabilities();
        if !fits(&config.hardware, capabilities.medium) {
            return Err(Error::EINVAL);
        }
        let (now, seed) = (platform.now(), platform.seed());
        let mut setup = smoltcp::iface::Config::new(config.hardware);
        // Another one than that of our ports.
        setup.random_seed = seed.rotate_left(29) ^ 0x5851_f42d_4c95_7f2d;
        let iface = Interface::new(setup, &mut device, stack_time(now));
        let state = State::new(iface, &capabilities, config, storage.split(), now, seed);
        let shared = Shared { state, device, wakers: WakerTable::new() };
        Ok(Self {
            platform,
            shared: Mutex::new(RefCell::new(shared)),
            input: AtomicBool::new(true),
        })
    }

    /// Says that the device may have frames: to be called by its interrupt handler, or by
    /// whoever fills it (S4). Cheap, and never waits for more than the lock.
    pub fn input(&self) {
        self.input.store(true, Ordering::Release);
        self.with(|shared| shared.wakers.take_workers()).wake();
    }

    /// Tells that the link came or went. When it goes, connections end with `ENETDOWN`.
    pub fn set_link(&self, up: bool) {
        self.with_wake(|state| state.set_link(up));
    }

    /// Replaces the addresses, routers and name servers that were configured by hand.
    /// Connections from an address that is gone end with `ENETUNREACH`; what they have
    /// received can still be read. What DHCP and router advertisements gave stays.
    pub fn reconfigure(&self, config: &Config) {
        self.with_wake(|state| state.reconfigure(config));
    }

    /// Waits until there is a link and an address: after DHCP or router advertisements have
    /// been asked for, or the link came.
    ///
    /// # Errors
    /// `ETIMEDOUT`; `EINVAL` for what is no timeout.
    pub fn wait_up(&self, timeout: impl IntoTimeout) -> Result<()> {
        let deadline = match timeout.into_timeout()? {
            Timeout::Never => None,
            Timeout::Zero => Some(self.platform.now()),
            Timeout::After(time) => Some(self.platform.now() + time),
        };
        wait_until(self, deadline, || self.link() == Link::Up)
    }

    /// Our first address of a family, one that is more than link-local if there is any.
    pub fn ip(&self, family: Family) -> Option<IpAddr> {
        self.with(|shared| {
            let own = shared.state.iface.ip_addrs().iter().map(|cidr| cidr.address());
            let own = own.filter(|&ip| family_of(ip) == family);
            own.min_by_key(|&ip| is_link_local(ip)).map(from_stack)
        })
    }

    pub(crate) fn board(&self) -> &P {
        &self.platform
    }

    pub(crate) fn with<T>(&self, act: impl FnOnce(&mut Shared<'a, D, WAKERS>) -> T) -> T {
        self.shared.lock(|shared| act(&mut shared.borrow_mut()))
    }

    /// Acts under the lock; then those who wait for work are woken if it left any (S8).
    pub(crate) fn with_wake<T>(&self, act: impl FnOnce(&mut State<'a>) -> T) -> T {
        let (answer, announce) = self.with(|shared| {
            let answer = act(&mut shared.state);
            (answer, WAKERS > 0 && shared.state.take_unannounced() && !shared.wakers.is_empty())
        });
        if WAKERS > 0 && announce {
            // A lock of its own: as a rule nobody waits, and a table of wakers is no small
            // thing to hand around.
            self.with(|shared| shared.wakers.take_workers()).wake();
        }
        answer
    }

    /// The same at this time: nobody may have driven for long, and what an operation begins has
    /// a bound.
    pub(crate) fn with_now<T>(&self, act: impl FnOnce(&mut State<'a>) -> T) -> T {
        let now = self.platform.now();
        self.with_wake(|state| {
            state.now = state.now.max(now);
            act(state)
        })
    }

    /// `with_now` for what has no bound but by these features.
    pub(crate) fn with_bound<T>(&self, act: impl FnOnce(&mut State<'a>) -> T) -> T {
        #[cfg(any(feature = "slow-peers", feature = "udp"))]
        return self.with_now(act);
        #[cfg(not(any(feature = "slow-peers", feature = "udp")))]
        self.with_wake(act)
    }

    pub(crate) fn take_input(&self) {
        self.input.store(false, Ordering::Release);
    }

    pub(crate) fn has_input(&self) -> bool {
        self.input.load(Ordering::Acquire)
    }
}

/// Whether an address is one of this medium.
fn fits(hardware: &HardwareAddress, medium: Medium) -> bool {
    match (hardware, medium) {
        (HardwareAddress::Ip, Medium::Ip) => true,
        #[cfg(feature = "ethernet")]
        (HardwareAddress::Ethernet(_), Medium::Ethernet) => true,
        #[allow(unreachable_patterns)]
        _ => false,
    }
}

impl<D, P, M: RawMutex, const WAKERS: usize> fmt::Debug for Net<'_, D, P, M, WAKERS> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Net")
    }
}

#[cfg(test)]
mod tests {
    use usocket_core::CriticalSectionRawMutex;
    use usocket_core::spi::StdPlatform;

    use super::*;

    /// A device as a driver has it: threads may hand it around.
    struct Nothing;

    impl Device for Nothing {
        type RxToken<'a> = NoToken;
        type TxToken<'a> = NoToken;

        fn receive(
            &mut self,
            _: smoltcp::time::Instant,
        ) -> Option<(Self::RxToken<'_>, Self::TxToken<'_>)> {
            None
        }

        fn transmit(&mut self, _: smoltcp::time::Instant) -> Option<NoToken> {
            None
        }

        fn capabilities(&self) -> smoltcp::phy::DeviceCapabilities {
            let mut capabilities = smoltcp::phy::DeviceCapabilities::default();
            capabilities.medium = Medium::Ip;
            capabilities.max_transmission_unit = 1500;
            capabilities
        }
    }

    struct NoToken;

    impl smoltcp::phy::RxToken for NoToken {
        fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
            f(&[])
        }
    }

    impl smoltcp::phy::TxToken for NoToken {
        fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
            f(&mut std::vec![0; len])
        }
    }

    #[test]
    fn threads_share_it_behind_their_own_kind_of_lock() {
        fn shared<T: Sync>(_: &T) {}

        let mut memory: std::boxed::Box<Storage<'_>> = std::boxed::Box::default();
        let config = Config::ip().address([10, 0, 0, 1].into(), 24).unwrap();
        let net: Net<'_, _, _, CriticalSectionRawMutex> =
            Net::new(Nothing, StdPlatform, &config, &mut memory).unwrap();
        shared(&net);
        // A device that takes nothing keeps nobody busy.
        let socket = usocket_core::Usocket::tcp(&net).unwrap();
        socket.settimeout(0.02).unwrap();
        let to = (core::net::Ipv4Addr::new(10, 0, 0, 2), 80);
        assert_eq!(socket.connect(to), Err(Error::ETIMEDOUT));
    }
}
