//! What the user has set and a boot of the modem forgets: it is set again (R24).
//!
//! Nothing of it is written to the modem's flash, so each boot brings the flash's own
//! settings back. They are sent once per boot, before the next join; one that is refused
//! then is given up, as there is nobody to tell.

#[cfg(feature = "settings")]
use core::net::Ipv4Addr;

use super::request::Request;
use super::{Exchange, Machine};
use crate::cmd;
#[cfg(feature = "settings")]
use crate::network::IfConfig;

/// Settings that were accepted.
#[derive(Debug)]
pub(crate) struct Kept {
    /// What is looked at next, after a boot.
    next: Option<Setting>,
    #[cfg(feature = "settings")]
    host_name: heapless::Vec<u8, 32>,
    #[cfg(feature = "settings")]
    fixed: Option<IfConfig>,
    #[cfg(feature = "settings")]
    servers: heapless::Vec<Ipv4Addr, 3>,
    #[cfg(feature = "access-point")]
    access_point: Option<AccessPoint>,
}

#[cfg(feature = "access-point")]
#[derive(Clone, Debug)]
struct AccessPoint {
    ssid: heapless::Vec<u8, 32>,
    key: heapless::Vec<u8, 64>,
    channel: u8,
}

/// One of them, in the order in which they are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Setting {
    #[cfg(feature = "settings")]
    HostName,
    #[cfg(feature = "settings")]
    Fixed,
    #[cfg(feature = "settings")]
    Servers,
    #[cfg(feature = "access-point")]
    AccessPoint,
}

impl Setting {
    #[cfg(feature = "settings")]
    const FIRST: Self = Setting::HostName;
    #[cfg(not(feature = "settings"))]
    const FIRST: Self = Setting::AccessPoint;

    fn next(self) -> Option<Self> {
        match self {
            #[cfg(feature = "settings")]
            Setting::HostName => Some(Setting::Fixed),
            #[cfg(feature = "settings")]
            Setting::Fixed => Some(Setting::Servers),
            #[cfg(all(feature = "settings", feature = "access-point"))]
            Setting::Servers => Some(Setting::AccessPoint),
            #[cfg(all(feature = "settings", not(feature = "access-point")))]
            Setting::Servers => None,
            #[cfg(feature = "access-point")]
            Setting::AccessPoint => None,
        }
    }
}

impl Kept {
    pub(super) const fn new() -> Self {
        Self {
            next: None,
            #[cfg(feature = "settings")]
            host_name: heapless::Vec::new(),
            #[cfg(feature = "settings")]
            fixed: None,
            #[cfg(feature = "settings")]
            servers: heapless::Vec::new(),
            #[cfg(feature = "access-point")]
            access_point: None,
        }
    }

    /// The modem has been set up anew.
    pub(super) fn begin(&mut self) {
        self.next = Some(Setting::FIRST);
    }
}

impl Machine<'_> {
    /// Keeps what the modem has just accepted.
    pub(super) fn keep(&mut self, request: Request) {
        let scratch = &self.station.scratch;
        let kept = &mut self.station.kept;
        match request {
            #[cfg(feature = "settings")]
            Request::HostName => {
                kept.host_name = heapless::Vec::from_slice(&scratch.text).unwrap_or_default();
            }
            #[cfg(feature = "settings")]
            Request::Fixed => kept.fixed = Some(scratch.fixed),
            #[cfg(feature = "settings")]
            Request::Dhcp => kept.fixed = None,
            #[cfg(feature = "settings")]
            Request::Dns => kept.servers.clone_from(&scratch.servers),
            #[cfg(feature = "access-point")]
            Request::AccessPoint => {
                kept.access_point = Some(AccessPoint {
                    ssid: heapless::Vec::from_slice(&scratch.text).unwrap_or_default(),
                    key: scratch.key.clone(),
                    channel: scratch.channel,
                });
                // The set-up after a boot sees to the mode.
                self.station.want_access_point(true);
            }
            #[cfg(feature = "access-point")]
            Request::AccessPointOff => {
                kept.access_point = None;
                self.station.want_access_point(false);
            }
            _ => {}
        }
    }

    /// Sends the next setting that a boot has undone; whether there was one.
    pub(super) fn keep_next(&mut self) -> bool {
        while let Some(setting) = self.station.kept.next {
            self.station.kept.next = setting.next();
            if self.set_again(setting) {
                return true;
            }
        }
        false
    }

    fn set_again(&mut self, setting: Setting) -> bool {
        let dialect = self.firmware.dialect;
        match setting {
            #[cfg(feature = "settings")]
            Setting::HostName => {
                let name = self.station.kept.host_name.clone();
                !name.is_empty() && self.issue(Exchange::Kept, &cmd::Station::HostName(&name))
            }
            #[cfg(feature = "settings")]
            Setting::Fixed => self.station.kept.fixed.is_some_and(|fixed| {
                self.issue(Exchange::Kept, &cmd::Addresses::Fixed(dialect, fixed))
            }),
            #[cfg(feature = "settings")]
            Setting::Servers => {
                let servers = self.station.kept.servers.clone();
                let command = cmd::Station::Dns(dialect, &servers);
                !servers.is_empty() && self.issue(Exchange::Kept, &command)
            }
            #[cfg(feature = "access-point")]
            Setting::AccessPoint => {
                let Some(own) = self.station.kept.access_point.clone() else { return false };
                let AccessPoint { ssid, key, channel } = &own;
                let channel = *channel;
                self.issue(Exchange::Kept, &cmd::SetAccessPoint { dialect, ssid, key, channel })
            }
        }
    }
}
