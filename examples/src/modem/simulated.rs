//! A modem that is not there: the simulator in this process, on this machine's network.
//!
//! Its time is the wall clock. Nothing runs beside the program: whoever looks at the
//! UART first lets the modem do all that was due until now, byte by byte at its own times,
//! and whoever sleeps wakes up for what is due next.

use std::cell::RefCell;
use std::net::Ipv4Addr;
use std::task::Waker;
use std::time::Duration;

use esp8285_sim::net::RealNet;
use esp8285_sim::uart::{Receiver, Uart as Wire, UartConfig};
use esp8285_sim::{AccessPoint, Air, Instant as WireTime, Knobs, Modem, Version};
use usocket::esp8285::{Lost, Uart};
use usocket::spi::{Platform, StdPlatform};
use usocket::{Instant, earlier};

/// A modem, the wire to it, and an access point around it.
#[derive(Debug)]
pub(super) struct Simulated {
    wire: RefCell<Wire<RealNet>>,
    began: Instant,
}

impl Simulated {
    /// Switches a modem on, in reach of an access point of this name and key.
    pub(super) fn new(version: Version, baud: u32, ssid: &str, key: &str) -> Self {
        // It gives the modem the address at which its sockets really are.
        let access_point = AccessPoint {
            address: Ipv4Addr::LOCALHOST,
            gateway: Ipv4Addr::LOCALHOST,
            netmask: Ipv4Addr::new(255, 0, 0, 0),
            join_time: JOIN_TIME,
            ..AccessPoint::new(ssid.as_bytes(), key.as_bytes())
        };
        let mut air = Air::with(access_point);
        air.access_points.push(AccessPoint {
            bssid: [0x02, 0, 0, 0, 0, 0x11],
            channel: 11,
            rssi: -71,
            ..AccessPoint::new(b"Neighbours", b"not for you")
        });
        let knobs = Knobs { flash_baud: baud, ..Knobs::default() };
        let modem = Modem::new(version, knobs, air, RealNet::new());
        // The thread of a program may be held up for longer than an interrupt handler.
        let receiver = Receiver { ring: RING, ..Receiver::default() };
        let config = UartConfig { baud, receiver, tx_depth: TX_DEPTH, ..UartConfig::default() };
        Self { wire: RefCell::new(Wire::new(modem, config)), began: StdPlatform.now() }
    }

    /// Looks at the wire, brought up to date.
    fn with<T>(&self, look: impl FnOnce(&mut Wire<RealNet>, WireTime) -> T) -> T {
        let mut wire = self.wire.borrow_mut();
        let now = WireTime::ZERO + StdPlatform.now().saturating_since(self.began);
        // Nobody reads what happens inside.
        while wire.modem(now).poll_event().is_some() {}
        look(&mut wire, now)
    }

    /// When it is worth looking at the wire again.
    fn due(&self) -> Option<Instant> {
        self.with(|wire, now| wire.poll_at().map(|due| due.since(now)))
            .map(|wait| StdPlatform.now() + wait.max(NAP))
    }
}

/// The board's end of the wire.
#[derive(Debug)]
pub(super) struct SimulatedUart<'s>(pub(super) &'s Simulated);

impl Uart for SimulatedUart<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        self.0.with(|wire, now| wire.read_checked(now, buf).map_err(|_| Lost))
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        self.0.with(|wire, now| wire.write(now, bytes))
    }

    fn readable(&self) -> bool {
        self.0.with(|wire, _| wire.is_readable())
    }

    fn writable(&self) -> bool {
        self.0.with(|wire, _| wire.tx_room() > 0)
    }

    fn is_idle(&self) -> bool {
        self.0.with(|wire, _| wire.is_tx_idle())
    }

    fn set_baud(&mut self, baud: u32) -> bool {
        self.0.with(|wire, now| wire.set_baud(now, baud));
        true
    }

    fn capacity(&self) -> usize {
        RING
    }

    fn set_enabled(&mut self, on: bool) -> bool {
        self.0.with(|wire, now| wire.modem(now).set_enabled(now, on));
        true
    }
}

/// The host's clock, and a sleep that ends when the modem has something to do.
#[derive(Debug)]
pub(super) struct SimulatedBoard<'s>(pub(super) &'s Simulated);

impl Platform for SimulatedBoard<'_> {
    fn now(&self) -> Instant {
        StdPlatform.now()
    }

    fn seed(&self) -> u64 {
        StdPlatform.seed()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        StdPlatform.idle(earlier(until, self.0.due()), ready);
    }

    fn waker(&self) -> Option<Waker> {
        StdPlatform.waker()
    }
}

/// Shorter than the 3 to 5 s of a real one: nobody learns anything by waiting.
const JOIN_TIME: Duration = Duration::from_millis(100);

/// Merely chosen, as are the next two: bytes that wait for the driver.
const RING: usize = 16 << 10;

/// Bytes that wait for the wire: more than pass in a [`NAP`] at any rate.
const TX_DEPTH: usize = 1024;

/// Bytes come every 5 to 87 us; looking at each by itself would be busy waiting.
const NAP: Duration = Duration::from_micros(250);
