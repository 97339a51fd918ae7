//! The station: joining, addresses, and requests of the network object (section 3).

use core::net::IpAddr;
#[cfg(any(feature = "settings", feature = "udp"))]
use core::net::Ipv4Addr;
use core::time::Duration;

use atat::AtatCmd;
use usocket_core::spi::Link as LinkState;
use usocket_core::{Error, Family, Instant, Result};

use super::{Exchange, Machine, Phase};
use crate::cmd::{self, AddressLine, Addresses, Join};
use crate::network::IfConfig;
use crate::reply::Hint;
#[cfg(feature = "access-point")]
use crate::urc::StationEvent;

/// How long the firmware may take to come back by itself before we join again.
const COME_BACK: Duration = Duration::from_secs(5);
/// Between two attempts of ours.
const TRY_AGAIN: Duration = Duration::from_secs(15);

/// What the user asks of the network object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Request {
    Join,
    Leave,
    Reset,
    #[cfg(feature = "settings")]
    HostName,
    #[cfg(feature = "settings")]
    Fixed,
    #[cfg(feature = "settings")]
    Dhcp,
    #[cfg(feature = "settings")]
    Dns,
    #[cfg(feature = "settings")]
    Rssi,
    #[cfg(feature = "scan")]
    ScanOptions,
    #[cfg(feature = "scan")]
    Scan,
    #[cfg(feature = "access-point")]
    AccessPointMode,
    #[cfg(feature = "access-point")]
    AccessPoint,
    #[cfg(feature = "access-point")]
    AccessPointOff,
    #[cfg(feature = "ping")]
    Ping,
}

/// How far a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Progress {
    Queued,
    Running,
    Done(Result<()>),
}

/// Everything about the modem's place in a network.
#[derive(Debug)]
pub(crate) struct Station {
    state: LinkState,
    pub(crate) config: IfConfig,
    #[cfg(feature = "ipv6")]
    v6: Option<core::net::Ipv6Addr>,
    /// The addresses are to be asked for.
    address_due: bool,
    /// `CWMODE` as found and as wanted.
    found: u8,
    wanted: u8,
    /// The network to be in.
    pub(crate) network: Option<Network>,
    /// The last join was ours and is wanted again after a loss.
    join_at: Option<Instant>,
    request: Option<(Request, Progress)>,
    ticket: u32,
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
    /// What the UART can hold.
    pub(crate) uart_capacity: usize,
    #[cfg(feature = "access-point")]
    client: Option<fn(StationEvent)>,
    link_hook: Option<fn(LinkState)>,
    /// The status of the set-up says that it has an address.
    listed: bool,
}

/// A network and its key.
#[derive(Clone, Debug, Default)]
pub(crate) struct Network {
    pub(crate) ssid: heapless::Vec<u8, 32>,
    pub(crate) key: heapless::Vec<u8, 64>,
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
    pub(crate) const fn new() -> Self {
        Self {
            state: LinkState::Down,
            config: IfConfig::NONE,
            #[cfg(feature = "ipv6")]
            v6: None,
            address_due: false,
            found: 0,
            wanted: 1,
            network: None,
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
            uart_capacity: 0,
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
    pub(crate) fn address(&self, family: Family) -> Option<IpAddr> {
        match family {
            Family::V4 => self.is_up().then_some(IpAddr::V4(self.config.ip)),
            #[cfg(feature = "ipv6")]
            Family::V6 => self.v6.filter(|_| self.is_up()).map(IpAddr::V6),
            #[cfg(not(feature = "ipv6"))]
            Family::V6 => None,
        }
    }

    pub(crate) fn has_address(&self, ip: IpAddr) -> bool {
        self.address(Family::of(ip)) == Some(ip)
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
    /// States a request; its ticket fetches the result. One at a time.
    pub(crate) fn request(&mut self, request: Request) -> Result<u32> {
        if matches!(self.station.request, Some((_, Progress::Queued | Progress::Running))) {
            return Err(Error::EALREADY);
        }
        self.station.ticket = self.station.ticket.wrapping_add(1);
        self.station.request = Some((request, Progress::Queued));
        self.work = true;
        Ok(self.station.ticket)
    }

    /// The result of a request; `None` while it is out.
    pub(crate) fn request_result(&mut self, ticket: u32) -> Option<Result<()>> {
        if self.station.ticket != ticket {
            return Some(Err(Error::ECONNABORTED));
        }
        match self.station.request {
            Some((_, Progress::Done(result))) => {
                self.station.request = None;
                Some(result)
            }
            Some(_) => None,
            None => Some(Err(Error::ECONNABORTED)),
        }
    }

    /// Nobody waits for the result any more.
    pub(crate) fn drop_request(&mut self, ticket: u32) {
        if self.station.ticket == ticket {
            self.station.request = None;
        }
    }

    /// The request that is out begins anew, once the modem is found again.
    pub(super) fn request_again(&mut self) {
        #[cfg(feature = "scan")]
        if let Some((request @ Request::Scan, _)) = &mut self.station.request {
            *request = Request::ScanOptions;
        }
        #[cfg(feature = "access-point")]
        if let Some((request @ Request::AccessPoint, _)) = &mut self.station.request {
            *request = Request::AccessPointMode;
        }
        if let Some((_, progress @ Progress::Running)) = &mut self.station.request {
            *progress = Progress::Queued;
        }
    }

    /// Ends the request that is out.
    pub(super) fn fail_request(&mut self, error: Error) {
        if let Some((_, progress @ (Progress::Queued | Progress::Running))) =
            &mut self.station.request
        {
            *progress = Progress::Done(Err(error));
            self.touched = true;
        }
    }

    fn end_request(&mut self, result: Result<()>) {
        if let Some((_, progress)) = &mut self.station.request {
            *progress = Progress::Done(result);
            self.touched = true;
        }
    }

    /// The network to be in from now on.
    pub(crate) fn set_network(&mut self, ssid: &[u8], key: &[u8]) -> Result<()> {
        let too_long = |_| Error::EINVAL;
        let ssid = heapless::Vec::from_slice(ssid).map_err(too_long)?;
        let key = heapless::Vec::from_slice(key).map_err(too_long)?;
        self.station.network = Some(Network { ssid, key });
        Ok(())
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

    fn join(&mut self) -> bool {
        let Some(network) = self.station.network.clone() else { return false };
        let dialect = self.firmware.dialect;
        self.issue(Exchange::Join, &Join { dialect, ssid: &network.ssid, key: &network.key })
    }

    /// Sends the command of a request.
    fn begin_request(&mut self, request: Request) -> bool {
        let sent = match request {
            Request::Join => self.join(),
            Request::Leave => {
                self.station.join_at = None;
                self.issue(Exchange::Request, &cmd::Set(b"+CWQAP"))
            }
            Request::Reset => {
                self.restart();
                return true;
            }
            #[cfg(any(
                feature = "settings",
                feature = "scan",
                feature = "access-point",
                feature = "ping"
            ))]
            other => self.begin_optional(other),
        };
        if !sent {
            self.end_request(Err(Error::EINVAL));
        }
        sent
    }

    #[cfg(any(feature = "settings", feature = "scan", feature = "access-point", feature = "ping"))]
    fn begin_optional(&mut self, request: Request) -> bool {
        let dialect = self.firmware.dialect;
        let _ = dialect;
        match request {
            #[cfg(feature = "settings")]
            Request::HostName => {
                let name = self.station.scratch.text.clone();
                self.issue(Exchange::Request, &cmd::Station::HostName(&name))
            }
            #[cfg(feature = "settings")]
            Request::Fixed => {
                let fixed = self.station.scratch.fixed;
                self.issue(Exchange::Request, &Addresses::Fixed(dialect, fixed))
            }
            #[cfg(feature = "settings")]
            Request::Dhcp => self.issue(Exchange::Request, &cmd::Station::Dhcp(dialect)),
            #[cfg(feature = "settings")]
            Request::Dns => {
                let servers = self.station.scratch.servers.clone();
                self.issue(Exchange::Request, &cmd::Station::Dns(dialect, &servers))
            }
            #[cfg(feature = "settings")]
            Request::Rssi => self.issue(Exchange::Request, &cmd::Station::Joined(dialect)),
            // Sorted by RSSI, with the fields that all versions have.
            #[cfg(feature = "scan")]
            Request::ScanOptions => self.issue(Exchange::Request, &cmd::Set(b"+CWLAPOPT=1,31")),
            #[cfg(feature = "scan")]
            Request::Scan => self.issue(Exchange::Request, &cmd::Scan),
            #[cfg(feature = "access-point")]
            Request::AccessPointMode => {
                self.station.found = 3;
                self.issue(Exchange::Request, &cmd::SetMode(dialect, 3))
            }
            #[cfg(feature = "access-point")]
            Request::AccessPoint => {
                let scratch = &self.station.scratch;
                let (ssid, key) = (scratch.text.clone(), scratch.key.clone());
                let channel = scratch.channel;
                let set = cmd::SetAccessPoint { dialect, ssid: &ssid, key: &key, channel };
                self.issue(Exchange::Request, &set)
            }
            #[cfg(feature = "access-point")]
            Request::AccessPointOff => {
                self.station.found = 1;
                self.issue(Exchange::Request, &cmd::SetMode(dialect, 1))
            }
            #[cfg(feature = "ping")]
            Request::Ping => {
                let host = self.station.scratch.text.clone();
                self.issue(Exchange::Request, &cmd::Ping(&host))
            }
            _ => false,
        }
    }

    /// A line that answers a request.
    pub(super) fn request_line(&mut self, line: &[u8]) {
        let _ = line;
        match self.station.request.map(|(request, _)| request) {
            #[cfg(feature = "settings")]
            Some(Request::Rssi) => {
                let command = cmd::Station::Joined(self.firmware.dialect);
                if let Ok(rssi) = command.parse(Ok(line)) {
                    self.station.scratch.number = rssi.0.into();
                }
            }
            #[cfg(feature = "scan")]
            Some(Request::Scan) => {
                if let Ok(found) = cmd::Scan.parse(Ok(line)) {
                    // Sorted: what does not fit is weaker.
                    let _ = self.station.scratch.found.push(found);
                }
            }
            #[cfg(feature = "ping")]
            Some(Request::Ping) => {
                if let Ok(pong) = cmd::Ping(&[]).parse(Ok(line)) {
                    self.station.scratch.number = i32::try_from(pong.0).unwrap_or(i32::MAX);
                }
            }
            _ => {}
        }
    }

    /// A request was answered.
    pub(super) fn requested(&mut self, ok: bool) {
        let request = self.station.request.map(|(request, _)| request);
        match request {
            Some(Request::Leave) => {
                let up = self.station.disconnected(self.now);
                self.station.join_at = None;
                if up {
                    self.all_links_lost(Error::ENETDOWN);
                    self.pending_lost();
                }
                self.end_request(Ok(()));
            }
            #[cfg(feature = "settings")]
            Some(Request::Fixed | Request::Dhcp) if ok => {
                self.station.address_due = self.station.is_up();
                self.end_request(Ok(()));
            }
            // Not every version has the options; then the lines are only longer.
            #[cfg(feature = "scan")]
            Some(Request::ScanOptions) => {
                self.station.scratch.found.clear();
                self.station.request = Some((Request::Scan, Progress::Queued));
            }
            #[cfg(feature = "access-point")]
            Some(Request::AccessPointMode) if ok => {
                self.station.request = Some((Request::AccessPoint, Progress::Queued));
            }
            #[cfg(feature = "ping")]
            Some(Request::Ping) if !ok => self.end_request(Err(Error::ETIMEDOUT)),
            _ => self.end_request(if ok { Ok(()) } else { Err(Error::EINVAL) }),
        }
        self.work = true;
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
                self.station.network = None;
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

    /// The addresses are known: the link is up, unless it went down meanwhile.
    pub(super) fn address_known(&mut self) {
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
