//! The station: its state, joining, addresses (section 3).

use core::net::IpAddr;
#[cfg(any(feature = "settings", feature = "udp"))]
use core::net::Ipv4Addr;
use core::time::Duration;

use atat::AtatCmd;
use usocket_core::spi::Link as LinkState;
use usocket_core::{Error, Family, Instant, Result};

#[cfg(any(feature = "settings", feature = "access-point"))]
use super::kept::Kept;
use super::request::{Progress, Request};
use super::{Exchange, Machine, Phase};
use crate::address::{self, Ip};
use crate::cmd::{AddressLine, Addresses, Join};
use crate::network::IfConfig;
use crate::reply::Hint;
#[cfg(feature = "access-point")]
use crate::urc::StationEvent;

/// How long the firmware may take to come back by itself before we join again.
const COME_BACK: Duration = Duration::from_secs(5);
/// Between two attempts of ours.
const TRY_AGAIN: Duration = Duration::from_secs(15);

/// Everything about the modem's place in a network.
#[derive(Debug)]
pub(crate) struct Station {
    state: LinkState,
    pub(crate) config: IfConfig,
    #[cfg(feature = "ipv6")]
    v6: Option<core::net::Ipv6Addr>,
    /// The addresses are to be asked for.
    pub(super) address_due: bool,
    /// `CWMODE` as found and as wanted.
    pub(super) found: u8,
    wanted: u8,
    /// The network to be in.
    pub(crate) network: Network,
    /// The last join was ours and is wanted again after a loss.
    pub(super) join_at: Option<Instant>,
    pub(super) request: Option<(Request, Progress)>,
    pub(super) ticket: u32,
    /// Text or results of a request.
    #[cfg_attr(
        not(any(
            feature = "settings",
            feature = "scan",
            feature = "ping",
            feature = "access-point"
        )),
        expect(dead_code, reason = "of the requests of these features")
    )]
    pub(crate) scratch: Scratch,
    #[cfg(any(feature = "settings", feature = "access-point"))]
    pub(super) kept: Kept,
    /// What the UART can hold.
    pub(crate) uart_capacity: usize,
    #[cfg(feature = "access-point")]
    client: Option<fn(StationEvent)>,
    link_hook: Option<fn(LinkState)>,
    /// The status of the set-up says that it has an address.
    listed: bool,
}

/// A network and its key. No network has no name.
#[derive(Debug)]
pub(crate) struct Network {
    ssid: heapless::Vec<u8, 32, u8>,
    key: heapless::Vec<u8, 64, u8>,
}

impl Network {
    pub(crate) fn is_some(&self) -> bool {
        !self.ssid.is_empty()
    }

    pub(crate) fn forget(&mut self) {
        self.ssid.clear();
        self.key.clear();
    }

    /// In its place: to make one and move it takes 400 bytes of code.
    fn set(&mut self, ssid: &[u8], key: &[u8]) -> Result<()> {
        self.forget();
        let too_long = |_| Error::EINVAL;
        self.key.extend_from_slice(key).map_err(too_long)?;
        self.ssid.extend_from_slice(ssid).map_err(too_long)
    }
}

/// Arguments and results of requests, kept while they run.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// A host name, an access point's name, a host to ping.
    #[cfg(any(feature = "settings", feature = "ping", feature = "access-point"))]
    pub(crate) text: heapless::Vec<u8, 64>,
    #[cfg(feature = "access-point")]
    pub(crate) key: heapless::Vec<u8, 64>,
    #[cfg(feature = "access-point")]
    pub(crate) channel: u8,
    #[cfg(feature = "settings")]
    pub(crate) fixed: IfConfig,
    #[cfg(feature = "settings")]
    pub(crate) servers: heapless::Vec<Ipv4Addr, 3>,
    /// An RSSI, or milliseconds of a ping.
    #[cfg(any(feature = "settings", feature = "ping"))]
    pub(crate) number: i32,
    #[cfg(feature = "scan")]
    pub(crate) found: heapless::Vec<crate::AccessPoint, { crate::MAX_SCAN }>,
}

impl Station {
    pub(crate) const fn new(uart_capacity: usize) -> Self {
        Self {
            state: LinkState::Down,
            config: IfConfig::NONE,
            #[cfg(feature = "ipv6")]
            v6: None,
            address_due: false,
            found: 0,
            wanted: 1,
            network: Network { ssid: heapless::Vec::new(), key: heapless::Vec::new() },
            join_at: None,
            request: None,
            ticket: 0,
            scratch: Scratch {
                #[cfg(any(feature = "settings", feature = "ping", feature = "access-point"))]
                text: heapless::Vec::new(),
                #[cfg(feature = "access-point")]
                key: heapless::Vec::new(),
                #[cfg(feature = "access-point")]
                channel: 1,
                #[cfg(feature = "settings")]
                fixed: IfConfig::NONE,
                #[cfg(feature = "settings")]
                servers: heapless::Vec::new(),
                #[cfg(any(feature = "settings", feature = "ping"))]
                number: 0,
                #[cfg(feature = "scan")]
                found: heapless::Vec::new(),
            },
            #[cfg(any(feature = "settings", feature = "access-point"))]
            kept: Kept::new(),
            uart_capacity,
            #[cfg(feature = "access-point")]
            client: None,
            link_hook: None,
            listed: false,
        }
    }

    pub(crate) fn link(&self) -> LinkState {
        self.state
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state == LinkState::Up
    }

    /// Our address of a family.
    pub(crate) fn address(&self, family: Family) -> Option<Ip> {
        match family {
            Family::V4 => self.is_up().then_some(address::known(self.config.ip.into())),
            #[cfg(feature = "ipv6")]
            Family::V6 => self.v6.filter(|_| self.is_up()).map(IpAddr::V6),
            #[cfg(not(feature = "ipv6"))]
            Family::V6 => None,
        }
    }

    pub(crate) fn has_address(&self, ip: IpAddr) -> bool {
        self.address(Family::of(ip)) == Some(address::known(ip))
    }

    /// Whether an address is the broadcast address of our network.
    #[cfg(feature = "udp")]
    pub(crate) fn is_broadcast(&self, ip: Ipv4Addr) -> bool {
        let (own, mask) = (u32::from(self.config.ip), u32::from(self.config.netmask));
        self.is_up() && mask != u32::MAX && u32::from(ip) == (own & mask) | !mask
    }

    /// How well an address is reached: the length of our prefix, or the default route.
    pub(crate) fn route(&self, ip: IpAddr) -> Option<u8> {
        self.address(Family::of(ip))?;
        let IpAddr::V4(ip) = ip else { return Some(0) };
        let mask = u32::from(self.config.netmask);
        let ours = u32::from(self.config.ip) & mask == u32::from(ip) & mask;
        #[expect(clippy::cast_possible_truncation, reason = "at most 32")]
        let prefix = mask.leading_ones() as u8;
        Some(if ours { prefix } else { 0 })
    }

    /// Calls `hook` for each client of the access point that comes or goes.
    #[cfg(feature = "access-point")]
    pub(crate) fn on_client(&mut self, hook: Option<fn(StationEvent)>) {
        self.client = hook;
    }

    /// Calls `hook` for each change of the link.
    pub(crate) fn on_link(&mut self, hook: Option<fn(LinkState)>) {
        self.link_hook = hook;
    }

    fn become_state(&mut self, state: LinkState) {
        if self.state != state {
            self.state = state;
            if let Some(hook) = self.link_hook {
                hook(state);
            }
        }
    }

    #[cfg(feature = "access-point")]
    pub(super) fn client(&mut self, event: StationEvent) {
        if let Some(hook) = self.client {
            hook(event);
        }
    }

    pub(super) fn mode(&self) -> u8 {
        self.wanted | (self.found & 2)
    }

    pub(super) fn found_mode(&mut self, mode: u8) {
        self.found = mode;
    }

    /// Whether the mode of an own access point is wanted, from the next set-up on.
    #[cfg(feature = "access-point")]
    pub(super) fn want_access_point(&mut self, on: bool) {
        self.wanted = if on { 3 } else { 1 };
    }

    pub(super) fn mode_is_right(&self) -> bool {
        self.found & self.wanted == self.wanted
    }

    pub(super) fn associated(&mut self) {
        if self.state == LinkState::Down {
            self.become_state(LinkState::NoAddress);
        }
    }

    pub(super) fn got_address(&mut self) {
        if self.state == LinkState::Down {
            self.become_state(LinkState::NoAddress);
        }
        self.address_due = true;
    }

    /// `STATUS:<n>`: 2, 3 and 4 have an address.
    pub(super) fn status(&mut self, code: u8) {
        self.listed = (2..=4).contains(&code);
        if self.listed && self.state != LinkState::Up {
            self.got_address();
        }
    }

    /// The access point is lost; whether there was one.
    pub(super) fn disconnected(&mut self, now: Instant) -> bool {
        let was = self.state != LinkState::Down;
        self.forget_address();
        if self.network.is_some() && self.join_at.is_none() {
            self.join_at = Some(now + COME_BACK);
        }
        was
    }

    pub(super) fn forget_address(&mut self) {
        self.become_state(LinkState::Down);
        self.address_due = false;
    }

    /// There is a network to join again.
    pub(super) fn comes_back(&self) -> bool {
        self.network.is_some()
    }

    /// There is no modem to be found.
    pub(super) fn lost_modem(&mut self) {
        self.forget_address();
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.join_at.filter(|_| self.state == LinkState::Down)
    }
}

impl Machine<'_> {
    /// The network to be in from now on.
    pub(crate) fn set_network(&mut self, ssid: &[u8], key: &[u8]) -> Result<()> {
        self.station.network.set(ssid, key)
    }

    /// The set-up is done.
    pub(super) fn begin_work(&mut self) {
        self.phase = Phase::Ready;
        self.work = true;
        self.server_forgotten();
        if let Some((Request::Reset, Progress::Running)) = self.station.request {
            self.end_request(Ok(()));
        }
        self.request_again();
        #[cfg(any(feature = "settings", feature = "access-point"))]
        self.station.kept.begin();
        if self.station.network.is_some() && !self.station.listed {
            self.station.join_at = Some(self.now);
        }
        #[cfg(feature = "udp")]
        self.reopen_datagrams();
    }

    /// The next command about the station; whether there was one.
    pub(super) fn station_next(&mut self) -> bool {
        let dialect = self.firmware.dialect;
        if core::mem::take(&mut self.station.address_due) {
            return self.issue(Exchange::Address, &Addresses::Station(dialect));
        }
        #[cfg(any(feature = "settings", feature = "access-point"))]
        if self.keep_next() {
            return true;
        }
        if let Some((request, Progress::Queued)) = self.station.request {
            if let Some((_, progress)) = &mut self.station.request {
                *progress = Progress::Running;
            }
            if self.begin_request(request) {
                return true;
            }
        }
        let due = self.station.join_at.is_some_and(|at| at <= self.now);
        if due && self.station.state == LinkState::Down && self.config.rejoin {
            self.station.join_at = Some(self.now + TRY_AGAIN);
            return self.join();
        }
        false
    }

    pub(super) fn join(&mut self) -> bool {
        let Network { ssid, key } = &self.station.network;
        if ssid.is_empty() {
            return false;
        }
        let join = Join { dialect: self.firmware.dialect, ssid, key };
        // Written from where they are: a copy of them would lie on the stack.
        let len = join.write(&mut self.command);
        self.start(Exchange::Join, len, Join::MAX_TIMEOUT_MS)
    }

    /// A join was answered.
    pub(super) fn joined(&mut self, ok: bool) {
        let hint = self.flight.hint.take();
        if ok {
            self.station.join_at = None;
            if self.station.state != LinkState::Up {
                self.station.got_address();
            }
            // The user is told once the addresses are known.
            return;
        }
        // Section 3.1; 1 and 4 are not told apart before 1.7.6.
        let error = match hint {
            Some(Hint::Join(1)) => Error::ETIMEDOUT,
            Some(Hint::Join(2)) => Error::EACCES,
            Some(Hint::Join(3)) => Error::ENOENT,
            _ => Error::ENETDOWN,
        };
        self.fail_wanted(Error::ENETDOWN);
        self.end_join(Err(error));
    }

    /// A join was not answered.
    pub(super) fn join_unknown(&mut self) {
        self.fail_wanted(Error::ENETDOWN);
        self.end_join(Err(Error::ETIMEDOUT));
    }

    fn end_join(&mut self, result: Result<()>) {
        if let Some((Request::Join, Progress::Running)) = self.station.request {
            if result.is_err() {
                self.station.network.forget();
                self.station.join_at = None;
            }
            self.end_request(result);
        }
        self.work = true;
    }

    pub(super) fn address_line(&mut self, line: &[u8]) {
        match Addresses::Station(self.firmware.dialect).parse(Ok(line)) {
            Ok(AddressLine::Ip(ip)) => self.station.config.ip = ip,
            Ok(AddressLine::Gateway(ip)) => self.station.config.gateway = ip,
            Ok(AddressLine::Netmask(ip)) => self.station.config.netmask = ip,
            #[cfg(feature = "ipv6")]
            Ok(AddressLine::V6(ip)) => self.station.v6 = Some(ip),
            Err(_) => {}
        }
    }

    /// The addresses have been asked for. If they are known the link is up, unless it went down meanwhile.
    pub(super) fn address_known(&mut self, ok: bool) {
        if !ok {
            // What is known may be that of before. The status has it asked for again.
            self.ask_status_soon();
            return;
        }
        let known = !self.station.config.ip.is_unspecified();
        if known && self.station.state == LinkState::NoAddress {
            self.station.become_state(LinkState::Up);
            self.station.join_at = None;
            #[cfg(feature = "udp")]
            self.reopen_datagrams();
        }
        self.touched = true;
        self.end_join(if known { Ok(()) } else { Err(Error::ENETUNREACH) });
    }
}
