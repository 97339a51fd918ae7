//! The network object of the reference routines: joining, addresses, scanning.

use core::net::Ipv4Addr;
use core::time::Duration;

use embassy_sync::blocking_mutex::raw::RawMutex;
use usocket_core::spi::{Backend, EventSource, Handle, Link, Platform, Wait, WaitKey, wait_until};
use usocket_core::{Error, Events, Result};

use crate::backend::Esp8285;
use crate::cmd::Version;
#[cfg(any(feature = "settings", feature = "ping", feature = "access-point"))]
use crate::machine::Scratch;
use crate::machine::{Machine, Request};
use crate::uart::Uart;
#[cfg(feature = "access-point")]
use crate::urc::StationEvent;

/// The name of the one interface, for `SO_BINDTODEVICE`.
pub const DEVICE: &str = "wlan0";

/// Most access points that a scan keeps, the strongest ones.
#[cfg(feature = "scan")]
pub const MAX_SCAN: usize = 16;

/// How long a request may take: finding a modem at an unknown rate, setting it up, and a
/// join of the longest kind.
const PATIENCE: Duration = Duration::from_secs(60);

/// Addresses of the station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IfConfig {
    /// Its own.
    pub ip: Ipv4Addr,
    /// Which part of it names the network.
    pub netmask: Ipv4Addr,
    /// The router.
    pub gateway: Ipv4Addr,
}

impl IfConfig {
    /// No address.
    pub const NONE: IfConfig = IfConfig {
        ip: Ipv4Addr::UNSPECIFIED,
        netmask: Ipv4Addr::UNSPECIFIED,
        gateway: Ipv4Addr::UNSPECIFIED,
    };
}

impl Default for IfConfig {
    fn default() -> Self {
        Self::NONE
    }
}

/// Text that can be said to the modem: no CR, LF or NUL, and not too long (3.2).
fn check(text: &[u8], most: usize) -> Result<()> {
    let bad = text.len() > most || text.iter().any(|byte| matches!(byte, b'\r' | b'\n' | 0));
    if bad { Err(Error::EINVAL) } else { Ok(()) }
}

impl<U: Uart, P: Platform, M: RawMutex, const WAITERS: usize> Esp8285<'_, U, P, M, WAITERS> {
    /// Joins an access point as a station and waits for an address: 3 to 5 s as a rule, at
    /// most 60. The access point is joined again after a reboot of the modem or a lost
    /// link, if [`Config::rejoin`](crate::Config::rejoin) is on. All other sockets wait
    /// meanwhile: the firmware answers nothing while it joins (sheet 3.1).
    ///
    /// The key is empty for an open network. Both may hold any bytes but CR, LF and NUL,
    /// which AT commands cannot express (3.2).
    ///
    /// # Errors
    /// `EINVAL`: SSID longer than 32 bytes or empty, key longer than 64, or such a byte.
    /// `EACCES`: wrong key. `ENOENT`: no such access point. `ETIMEDOUT`: no modem, no
    /// answer, or no address in time. `ENETDOWN`: the modem says no more than that it
    /// failed. `EALREADY`: another request is out. `EOPNOTSUPP`: firmware older than 1.0.
    pub fn connect(&self, ssid: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<()> {
        let ticket = self.ask_to_join(ssid.as_ref(), key.as_ref())?;
        self.answer(ticket)
    }

    /// `connect` as a future. Dropping it does not stop the join.
    ///
    /// # Errors
    /// As `connect`, and `ENOBUFS` if no waker can be kept.
    pub async fn connect_async(&self, ssid: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<()> {
        let ticket = self.ask_to_join(ssid.as_ref(), key.as_ref())?;
        self.answer_async(ticket).await
    }

    fn ask_to_join(&self, ssid: &[u8], key: &[u8]) -> Result<u32> {
        check(ssid, 32)?;
        check(key, 64)?;
        if ssid.is_empty() {
            return Err(Error::EINVAL);
        }
        self.with(|state| {
            // First, as a request that is out may be a join of another network.
            let ticket = state.machine.request(Request::Join)?;
            state.machine.set_network(ssid, key)?;
            Ok(ticket)
        })
    }

    /// Leaves the access point; every connection ends with `ENETDOWN`. It is not joined
    /// again until the next [`connect`](Self::connect).
    ///
    /// # Errors
    /// `ETIMEDOUT`, `EALREADY` as for `connect`.
    pub fn disconnect(&self) -> Result<()> {
        let ticket = self.with(|state| {
            let ticket = state.machine.request(Request::Leave);
            if ticket.is_ok() {
                state.machine.station.network.forget();
            }
            ticket
        })?;
        self.answer(ticket)
    }

    /// Whether the station has an access point and an address. Does not wait.
    pub fn isconnected(&self) -> bool {
        self.link() == Link::Up
    }

    /// The station's addresses; [`IfConfig::NONE`] without a link. Does not wait.
    pub fn ifconfig(&self) -> IfConfig {
        self.with(|state| {
            let station = &state.machine.station;
            if station.is_up() { station.config } else { IfConfig::NONE }
        })
    }

    /// Waits until the modem has been found and set up: a second after power-up as a rule.
    ///
    /// # Errors
    /// `ETIMEDOUT` after `within`.
    pub fn start(&self, within: Duration) -> Result<()> {
        let deadline = self.platform().now() + within;
        wait_until(self, Some(deadline), || self.is_ready())
    }

    /// Whether the modem has been found and set up. Does not wait.
    pub fn is_ready(&self) -> bool {
        self.with(|state| state.machine.is_ready())
    }

    /// The version of the AT firmware; `None` until it is known.
    pub fn firmware(&self) -> Option<Version> {
        let version = self.with(|state| state.machine.firmware.version);
        (version != Version::default()).then_some(version)
    }

    /// Restarts the modem, by its enable pin or `AT+RST`, and waits until it is set up
    /// again. Every connection ends with `ECONNRESET`.
    ///
    /// # Errors
    /// `ETIMEDOUT`, `EALREADY` as for `connect`.
    pub fn reset(&self) -> Result<()> {
        self.ask(Request::Reset)
    }

    /// Calls `hook` for each client of the own access point that comes or goes. It runs
    /// under the driver's lock: it must not call the driver.
    #[cfg(feature = "access-point")]
    pub fn on_station(&self, hook: Option<fn(StationEvent)>) {
        self.with(|state| state.machine.station.on_client(hook));
    }

    /// Calls `hook` for each change of the link: down, associated without an address, up.
    /// It runs under the driver's lock: it must not call the driver.
    pub fn on_link(&self, hook: Option<fn(Link)>) {
        self.with(|state| state.machine.station.on_link(hook));
    }

    fn ask(&self, request: Request) -> Result<()> {
        let ticket = self.with(|state| state.machine.request(request))?;
        self.answer(ticket)
    }

    /// The same with arguments, which are in place before anybody else can ask.
    #[cfg(any(feature = "settings", feature = "access-point"))]
    fn ask_with(&self, request: Request, fill: impl FnOnce(&mut Scratch)) -> Result<()> {
        let ticket = self.begin_with(request, fill)?;
        self.answer(ticket)
    }

    #[cfg(any(feature = "settings", feature = "ping", feature = "access-point"))]
    fn begin_with(&self, request: Request, fill: impl FnOnce(&mut Scratch)) -> Result<u32> {
        self.with(|state| {
            let ticket = state.machine.request(request);
            if ticket.is_ok() {
                fill(&mut state.machine.station.scratch);
            }
            ticket
        })
    }

    fn answer(&self, ticket: u32) -> Result<()> {
        self.answer_with(ticket, nothing)
    }

    /// The same with what was found, which is fetched before anybody else can ask.
    fn answer_with<T>(&self, ticket: u32, fetch: impl Fn(&mut Machine<'_>) -> T) -> Result<T> {
        let deadline = self.platform().now() + PATIENCE;
        let mut result = None;
        wait_until(self, Some(deadline), || {
            if result.is_none() {
                result = self.with(|state| {
                    let result = state.machine.request_result(ticket)?;
                    Some(result.map(|()| fetch(&mut state.machine)))
                });
            }
            result.is_some()
        })
        .inspect_err(|_| self.with(|state| state.machine.drop_request(ticket)))?;
        result.unwrap_or(Err(Error::ETIMEDOUT))
    }

    async fn answer_async(&self, ticket: u32) -> Result<()> {
        let mut listening = Listening { net: self, key: None };
        core::future::poll_fn(|context| {
            let result = || self.with(|state| state.machine.request_result(ticket));
            if let Some(result) = result() {
                return core::task::Poll::Ready(result);
            }
            let wait = Wait {
                handle: Handle::ANY,
                events: Events::NONE,
                deadline: None,
                waker: context.waker(),
            };
            match self.register(listening.key, wait) {
                Ok(key) => listening.key = Some(key),
                Err(error) => return core::task::Poll::Ready(Err(error)),
            }
            // What came before the registration woke nobody.
            result().map_or(core::task::Poll::Pending, core::task::Poll::Ready)
        })
        .await
    }
}

/// What is fetched of a request that finds nothing.
fn nothing(_: &mut Machine<'_>) {}

/// A registration, taken back when it is dropped.
struct Listening<'n, B: Backend> {
    net: &'n B,
    key: Option<WaitKey>,
}

impl<B: Backend> Drop for Listening<'_, B> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            self.net.unregister(key);
        }
    }
}

/// Settings of the station (feature `settings`).
#[cfg(feature = "settings")]
impl<U: Uart, P: Platform, M: RawMutex, const WAITERS: usize> Esp8285<'_, U, P, M, WAITERS> {
    /// The name under which DHCP knows the station: at most 32 bytes. Set it before
    /// `connect`. After a boot of the modem it is set again, as are the addresses and name
    /// servers below, before the station joins.
    ///
    /// # Errors
    /// `EINVAL`: too long, or a byte that cannot be said. `ETIMEDOUT`, `EALREADY`.
    pub fn set_hostname(&self, name: &str) -> Result<()> {
        check(name.as_bytes(), 32)?;
        let text = text(name.as_bytes())?;
        self.ask_with(Request::HostName, |scratch| scratch.text = text)
    }

    /// A fixed address instead of DHCP's.
    ///
    /// # Errors
    /// `EINVAL`: the modem refuses it. `ETIMEDOUT`, `EALREADY`.
    pub fn set_ifconfig(&self, config: IfConfig) -> Result<()> {
        self.ask_with(Request::Fixed, |scratch| scratch.fixed = config)
    }

    /// An address by DHCP again.
    ///
    /// # Errors
    /// `ETIMEDOUT`, `EALREADY`.
    pub fn use_dhcp(&self) -> Result<()> {
        self.ask(Request::Dhcp)
    }

    /// Name servers instead of DHCP's; none goes back to those.
    ///
    /// # Errors
    /// `EINVAL`: more than three, or the modem refuses them. `ETIMEDOUT`, `EALREADY`.
    pub fn set_dns(&self, servers: &[Ipv4Addr]) -> Result<()> {
        let servers = heapless::Vec::from_slice(servers).map_err(|_| Error::EINVAL)?;
        self.ask_with(Request::Dns, |scratch| scratch.servers = servers)
    }

    /// How well the access point is heard, dBm.
    ///
    /// # Errors
    /// `ENETDOWN`: not joined. `ETIMEDOUT`, `EALREADY`.
    pub fn rssi(&self) -> Result<i8> {
        let ticket = self.begin_with(Request::Rssi, |scratch| scratch.number = 0)?;
        let rssi = self.answer_with(ticket, |machine| machine.station.scratch.number)?;
        i8::try_from(rssi).ok().filter(|rssi| *rssi != 0).ok_or(Error::ENETDOWN)
    }
}

/// The text argument of a request.
#[cfg(any(feature = "settings", feature = "ping", feature = "access-point"))]
fn text(bytes: &[u8]) -> Result<heapless::Vec<u8, 64>> {
    heapless::Vec::from_slice(bytes).map_err(|_| Error::EINVAL)
}

/// Scanning (feature `scan`).
#[cfg(feature = "scan")]
impl<U: Uart, P: Platform, M: RawMutex, const WAITERS: usize> Esp8285<'_, U, P, M, WAITERS> {
    /// The access points around, strongest first, at most [`MAX_SCAN`]: 2 to 4 s, during
    /// which sockets wait.
    ///
    /// # Errors
    /// `EINVAL`: the modem refuses. `ETIMEDOUT`, `EALREADY`.
    pub fn scan(&self) -> Result<heapless::Vec<crate::AccessPoint, MAX_SCAN>> {
        let ticket = self.with(|state| state.machine.request(Request::ScanOptions))?;
        self.answer_with(ticket, |machine| core::mem::take(&mut machine.station.scratch.found))
    }
}

/// An access point of its own (feature `access-point`).
#[cfg(feature = "access-point")]
impl<U: Uart, P: Platform, M: RawMutex, const WAITERS: usize> Esp8285<'_, U, P, M, WAITERS> {
    /// Opens an access point beside the station: with a key of 8 to 64 bytes for WPA2, an
    /// empty one for none. After a boot of the modem it is opened again.
    ///
    /// # Errors
    /// `EINVAL`: lengths, a byte that cannot be said, or the modem refuses. `ETIMEDOUT`,
    /// `EALREADY`.
    pub fn enable_ap(
        &self,
        ssid: impl AsRef<[u8]>,
        key: impl AsRef<[u8]>,
        channel: u8,
    ) -> Result<()> {
        let (ssid, key) = (ssid.as_ref(), key.as_ref());
        check(ssid, 32)?;
        check(key, 64)?;
        if ssid.is_empty() || (1..8).contains(&key.len()) || !(1..=14).contains(&channel) {
            return Err(Error::EINVAL);
        }
        let (ssid, key) = (text(ssid)?, text(key)?);
        self.ask_with(Request::AccessPointMode, |scratch| {
            scratch.text = ssid;
            scratch.key = key;
            scratch.channel = channel;
        })
    }

    /// Closes it.
    ///
    /// # Errors
    /// `ETIMEDOUT`, `EALREADY`.
    pub fn disable_ap(&self) -> Result<()> {
        self.ask(Request::AccessPointOff)
    }
}

/// Pings (feature `ping`).
#[cfg(feature = "ping")]
impl<U: Uart, P: Platform, M: RawMutex, const WAITERS: usize> Esp8285<'_, U, P, M, WAITERS> {
    /// The round trip to a host, a name or an address of at most 63 bytes. Sockets wait
    /// meanwhile.
    ///
    /// # Errors
    /// `ETIMEDOUT`: no answer. `EINVAL`: a name that cannot be said. `EALREADY`.
    pub fn ping(&self, host: &str) -> Result<Duration> {
        check(host.as_bytes(), 63)?;
        let text = text(host.as_bytes())?;
        let ticket = self.begin_with(Request::Ping, |scratch| {
            scratch.text = text;
            scratch.number = -1;
        })?;
        let millis = self.answer_with(ticket, |machine| machine.station.scratch.number)?;
        u64::try_from(millis).map(Duration::from_millis).map_err(|_| Error::ETIMEDOUT)
    }
}
