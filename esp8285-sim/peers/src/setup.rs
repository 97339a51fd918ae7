//! What a run is given, and what it gives back.

use std::fmt;
use std::net::Ipv4Addr;
use std::time::Duration;

use esp8285_sim::net::{Host, Script, Step, VirtualNet};
use esp8285_sim::uart::{RxFlags, Uart, UartConfig};
use esp8285_sim::{AccessPoint, Air, Knobs, Modem, Version};

/// The world around a driver.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The firmware.
    pub version: Version,
    /// The modem. Its rate at power-up is taken from `uart`.
    pub knobs: Knobs,
    /// The wire and the host's receiver; its rate holds from the beginning.
    pub uart: UartConfig,
    /// How far away the peer is. Its services are added by the run.
    pub host: Host,
    /// `atat`'s pause after each command; the default of the crate is 20 ms.
    ///
    /// The driver does not look for the prompt of `CIPSEND`: it sends its data after `OK`
    /// and this pause. Where the prompt comes later than that the data are lost.
    pub cooldown: Duration,
    /// `atat`'s receive buffer.
    pub ingress: usize,
    /// How long one turn of a busy loop takes.
    pub turn: Duration,
    /// Virtual time after which a run has failed.
    pub limit: Duration,
}

impl Default for Setup {
    /// AT 1.7.6 at 115200 baud, everything else as its own default has it.
    fn default() -> Self {
        Self {
            version: Version::V1_7_6,
            knobs: Knobs::default(),
            uart: UartConfig::default(),
            host: Host::default(),
            cooldown: Duration::from_millis(20),
            ingress: 4096,
            turn: Duration::from_micros(2),
            limit: Duration::from_secs(3600),
        }
    }
}

/// What a run has measured, from the moment all sockets were open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Payload that was moved, all of it checked; both directions of an echo counted once.
    pub bytes: usize,
    /// Virtual time that it took.
    pub time: Duration,
    /// What the host's receiver has flagged.
    pub flags: RxFlags,
}

/// Why a run has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The driver has given up: the step, and what it said.
    Driver(&'static str, String),
    /// Wrong bytes on this socket.
    Wrong(usize),
    /// [`Setup::limit`] has passed.
    TooLate,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Driver(step, why) => write!(f, "{step}: {why}"),
            Failure::Wrong(socket) => write!(f, "wrong bytes on socket {socket}"),
            Failure::TooLate => f.write_str("not done in time"),
        }
    }
}

impl std::error::Error for Failure {}

/// The first `len` bytes of what a socket has to carry: all values, no two sockets alike.
#[must_use]
pub fn content(socket: usize, len: usize) -> Vec<u8> {
    let bytes = (0..len).map(|at| (at * 7 + at / 251 + socket * 31) % 256);
    bytes.map(|byte| u8::try_from(byte).unwrap_or_default()).collect()
}

impl Setup {
    /// The modem at its wire, with a peer that serves so many downloads of `each` bytes.
    pub(crate) fn world(&self, downloads: usize, each: usize) -> Uart<VirtualNet> {
        let mut host = self.host.clone().tcp(ECHO, Script::echo()).tcp(SINK, Script::sink());
        for socket in 0..downloads {
            // Begins when asked to, so that all are open by then.
            let steps = [Step::Expect(1), Step::Send(content(socket, each))];
            host = host.tcp(port(socket), Script::new(steps));
        }
        let mut net = VirtualNet::new(self.knobs.seed);
        net.add_host(HOST, host);
        let air = Air::with(AccessPoint::new(SSID.as_bytes(), PASSWORD.as_bytes()));
        let knobs = Knobs { flash_baud: self.uart.baud, ..self.knobs.clone() };
        Uart::new(Modem::new(self.version, knobs, air, net), self.uart.clone())
    }
}

/// The port that serves the download of a socket.
pub(crate) fn port(socket: usize) -> u16 {
    8000 + u16::try_from(socket).unwrap_or_default()
}

pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const ECHO: u16 = 7;
pub(crate) const SINK: u16 = 9;
pub(crate) const SSID: &str = "net";
pub(crate) const PASSWORD: &str = "password";
