//! What a board tells the backend about its interface.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

use heapless::Vec;
use smoltcp::wire::{HardwareAddress, IpCidr};
#[cfg(feature = "options")]
use usocket_core::spi::DeviceName;
use usocket_core::{Error, Family, Result};

use crate::address::{family, to_stack};
use crate::time::Span;

/// Addresses that can be configured by hand.
pub(crate) const ADDRESSES: usize = 4;

#[cfg(feature = "dns")]
/// Name servers.
pub(crate) const SERVERS: usize = 4;

/// How the interface is set up: begin with [`Config::ethernet`] or [`Config::ip`].
///
/// ```
/// use usocket_backend_smoltcp::Config;
/// # #[cfg(feature = "ethernet")]
/// let fixed = Config::ethernet([2, 0, 0, 0, 0, 1])
///     .address([192, 168, 1, 5].into(), 24)?
///     .gateway([192, 168, 1, 1].into())
///     .name_server([192, 168, 1, 1].into())?;
/// # #[cfg(feature = "dhcp")]
/// let automatic = Config::ethernet([2, 0, 0, 0, 0, 1]).dhcp();
/// # Ok::<(), usocket_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Config {
    pub(crate) hardware: HardwareAddress,
    pub(crate) addresses: Vec<IpCidr, ADDRESSES>,
    pub(crate) gateway_v4: Option<Ipv4Addr>,
    pub(crate) gateway_v6: Option<Ipv6Addr>,
    #[cfg(feature = "dns")]
    pub(crate) servers: Vec<IpAddr, SERVERS>,
    #[cfg(feature = "dhcp")]
    pub(crate) dhcp: bool,
    #[cfg(feature = "slaac")]
    pub(crate) slaac: bool,
    pub(crate) interval: Option<Span>,
    #[cfg(feature = "options")]
    pub(crate) name: DeviceName,
}

impl Config {
    /// An Ethernet interface with this hardware address. One that is no unicast address
    /// becomes one: its group bit is cleared.
    #[cfg(feature = "ethernet")]
    #[cfg_attr(docsrs, doc(cfg(feature = "ethernet")))]
    #[must_use]
    pub fn ethernet(mut address: [u8; 6]) -> Self {
        address[0] &= !1;
        if address == [0; 6] {
            // A locally administered one: any, but not none.
            address = [2, 0, 0, 0, 0, 1];
        }
        let address = smoltcp::wire::EthernetAddress(address);
        Self::new(HardwareAddress::Ethernet(address), "eth0")
    }

    /// An interface that carries bare IP packets: PPP, a tunnel, USB.
    #[must_use]
    pub fn ip() -> Self {
        Self::new(HardwareAddress::Ip, "ip0")
    }

    fn new(hardware: HardwareAddress, name: &str) -> Self {
        #[cfg(not(feature = "options"))]
        let _ = name;
        Self {
            hardware,
            addresses: Vec::new(),
            gateway_v4: None,
            gateway_v6: None,
            #[cfg(feature = "dns")]
            servers: Vec::new(),
            #[cfg(feature = "dhcp")]
            dhcp: false,
            #[cfg(feature = "slaac")]
            slaac: false,
            interval: None,
            #[cfg(feature = "options")]
            name: DeviceName::try_from(name).unwrap_or_default(),
        }
    }

    /// Adds an address with the length of its network's prefix. On Ethernet an IPv6
    /// interface has its link-local address in any case.
    ///
    /// # Errors
    /// `EINVAL`: no unicast address, or a prefix that is too long. `EAFNOSUPPORT`: IPv6
    /// without the feature. `ENOBUFS`: more than four.
    pub fn address(mut self, ip: IpAddr, prefix: u8) -> Result<Self> {
        let ip = to_stack(ip).ok_or(Error::EAFNOSUPPORT)?;
        let bits = if family(ip) == Family::V4 { 32 } else { 128 };
        if prefix > bits || !ip.is_unicast() {
            return Err(Error::EINVAL);
        }
        self.addresses.push(IpCidr::new(ip, prefix)).map_err(|_| Error::ENOBUFS)?;
        Ok(self)
    }

    /// Sets the router of the address's family.
    #[must_use]
    pub fn gateway(mut self, ip: IpAddr) -> Self {
        match ip {
            IpAddr::V4(ip) => self.gateway_v4 = Some(ip),
            IpAddr::V6(ip) => self.gateway_v6 = Some(ip),
        }
        self
    }

    /// Adds a name server; they are asked in this order. DHCP adds its own. Without the
    /// feature `dns` nobody asks any.
    ///
    /// # Errors
    /// `ENOBUFS`: more than four.
    #[cfg_attr(not(feature = "dns"), expect(unused_mut, reason = "nobody asks"))]
    pub fn name_server(mut self, ip: IpAddr) -> Result<Self> {
        #[cfg(feature = "dns")]
        self.servers.push(ip).map_err(|_| Error::ENOBUFS)?;
        #[cfg(not(feature = "dns"))]
        let _ = ip;
        Ok(self)
    }

    /// Asks a DHCP server for the IPv4 address, the router and name servers.
    #[cfg(feature = "dhcp")]
    #[cfg_attr(docsrs, doc(cfg(feature = "dhcp")))]
    #[must_use]
    pub fn dhcp(mut self) -> Self {
        self.dhcp = true;
        self
    }

    /// Takes IPv6 addresses and the router from router advertisements.
    #[cfg(feature = "slaac")]
    #[cfg_attr(docsrs, doc(cfg(feature = "slaac")))]
    #[must_use]
    pub fn slaac(mut self) -> Self {
        self.slaac = true;
        self
    }

    /// For a device whose interrupts nobody passes on with [`Net::input`](crate::Net::input):
    /// looks for frames this often while anybody waits.
    #[must_use]
    pub fn poll_interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval.into());
        self
    }

    #[cfg(feature = "options")]
    #[cfg_attr(docsrs, doc(cfg(feature = "options")))]
    /// The name of the interface for `SO_BINDTODEVICE`, at most 15 bytes; `eth0` or `ip0`
    /// unless set.
    ///
    /// # Errors
    /// `EINVAL`: too long.
    pub fn device_name(mut self, name: &str) -> Result<Self> {
        self.name = DeviceName::try_from(name).map_err(|_| Error::EINVAL)?;
        Ok(self)
    }
}
