//! What the user asks of the network object, one request at a time (section 3).

#[cfg(any(feature = "settings", feature = "scan", feature = "ping"))]
use atat::AtatCmd;
use usocket_core::{Error, Result};

use super::{Exchange, Machine};
use crate::cmd;
#[cfg(feature = "settings")]
use crate::cmd::Addresses;

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
pub(super) enum Progress {
    Queued,
    Running,
    Done(Result<()>),
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

    pub(super) fn end_request(&mut self, result: Result<()>) {
        if let Some((_, progress @ Progress::Running)) = &mut self.station.request {
            *progress = Progress::Done(result);
            self.touched = true;
        }
    }

    /// Sends the command of a request.
    pub(super) fn begin_request(&mut self, request: Request) -> bool {
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
        match self.running() {
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

    /// The request whose command is in flight, unless nobody waits for it any more: what has
    /// been asked since has not been sent.
    fn running(&self) -> Option<Request> {
        match self.station.request {
            Some((request, Progress::Running)) => Some(request),
            _ => None,
        }
    }

    /// A request was answered.
    pub(super) fn requested(&mut self, ok: bool) {
        let request = self.running();
        #[cfg(any(feature = "settings", feature = "access-point"))]
        if let Some(request) = request
            && ok
        {
            self.keep(request);
        }
        match request {
            Some(Request::Leave) => {
                self.wifi_lost();
                self.station.join_at = None;
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
}
