//! The modem of the backend `esp8285-at`: a simulated one in this process, or a real one,
//! or whatever else answers behind a serial line.

#[cfg(unix)]
mod serial;
mod simulated;

use std::io::{self, Write};
use std::time::Duration;

use esp8285_sim::Version;
use usocket::esp8285::{AccessPoint, Config, Esp8285, Receive, Resources, Trace, Uart};
use usocket::spi::Platform;
use usocket::{NoopRawMutex, RawMutex};

use self::simulated::{Simulated, SimulatedBoard, SimulatedUart};
use crate::backends::{Program, run_on};
use crate::{Site, Trouble};

/// What was said about the modem on the command line.
#[derive(Clone, Debug, Default)]
pub(crate) struct ModemOptions {
    port: Option<String>,
    baud: Option<u32>,
    fast_baud: Option<u32>,
    ssid: Option<String>,
    password: Option<String>,
    firmware: Option<Version>,
    active: bool,
    trace: bool,
}

/// The options, for `--help`.
pub(crate) const HELP: &str = "\
      esp8285-at    a Wi-Fi modem, with these options:
  --firmware V      a simulated one with AT firmware V, on this machine's network:
                    1.5, 1.7.0, 1.7.2, 1.7.6 (the default), 2.1 or 2.2
  --port PATH       or the one at this serial device or pseudo-terminal
  --baud N          its rate after a reset (default: 115200)
  --fast-baud N     the rate to go on with (default: 921600 simulated, else none)
  --ssid NAME       the access point to join; must be given with --port
  --password KEY    its key (default: none)
  --active          the modem pushes data (the only mode with UDP on 2.x)
  --trace           show what is said on the wire on standard error, keys included";

const NAMES: [&str; 8] =
    ["firmware", "port", "baud", "fast-baud", "ssid", "password", "active", "trace"];

impl ModemOptions {
    pub(crate) fn has(name: &str) -> bool {
        NAMES.contains(&name)
    }

    pub(crate) fn set(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), Trouble> {
        use lexopt::ValueExt;

        match name {
            "firmware" => self.firmware = Some(version(&parser.value()?.string()?)?),
            "port" => self.port = Some(parser.value()?.string()?),
            "baud" => self.baud = Some(rate(parser)?),
            "fast-baud" => self.fast_baud = Some(rate(parser)?),
            "ssid" => self.ssid = Some(parser.value()?.string()?),
            "password" => self.password = Some(parser.value()?.string()?),
            "active" => self.active = true,
            _ => self.trace = true,
        }
        Ok(())
    }

    /// Whether there is just this modem.
    pub(crate) fn is_one_of_a_kind(&self) -> bool {
        self.port.is_some()
    }

    /// They make no sense without a modem.
    pub(crate) fn refuse(&self) -> Result<(), Trouble> {
        let given = [
            self.firmware.is_some(),
            self.port.is_some(),
            self.baud.is_some(),
            self.fast_baud.is_some(),
            self.ssid.is_some(),
            self.password.is_some(),
            self.active,
            self.trace,
        ];
        match NAMES.iter().zip(given).find(|(_, given)| *given) {
            Some((name, _)) => {
                Err(Trouble::Usage(format!("--{name} goes with --backend esp8285-at")))
            }
            None => Ok(()),
        }
    }

    /// Finds the modem and joins.
    pub(crate) fn run(&self, to_do: impl Use) -> Result<(), Trouble> {
        if self.port.is_some() && self.ssid.is_none() {
            return Err(Trouble::Usage("--port needs --ssid, and --password if it has one".into()));
        }
        self.find(Joining { options: self, to_do })
    }

    /// Finds the modem.
    pub(crate) fn find(&self, to_do: impl Use) -> Result<(), Trouble> {
        let finding = Finding { trace: self.trace, to_do };
        match &self.port {
            None => self.simulate(finding),
            Some(_) if self.firmware.is_some() => {
                Err(Trouble::Usage("--firmware is for a simulated modem".to_owned()))
            }
            Some(port) => self.at_port(port, finding),
        }
    }

    /// Switches a simulated modem on.
    fn simulate(&self, to_do: impl Use) -> Result<(), Trouble> {
        let version = self.firmware.unwrap_or(Version::V1_7_6);
        let (ssid, key) = self.access_point();
        let modem = Simulated::new(version, self.baud(), ssid, key);
        let config = self.config(Some(FAST_BAUD));
        let mut memory = Box::new(Memory::new());
        let net: Esp8285<'_, _, _, NoopRawMutex> = Esp8285::with_config(
            SimulatedUart(&modem),
            SimulatedBoard(&modem),
            &mut memory,
            config,
        );
        to_do.with(&net)
    }

    #[cfg(unix)]
    fn at_port(&self, port: &str, to_do: impl Use) -> Result<(), Trouble> {
        serial::run(port, self.baud(), self.config(None), to_do)
    }

    #[cfg(not(unix))]
    fn at_port(&self, _: &str, _: impl Use) -> Result<(), Trouble> {
        Err(Trouble::Failed("--port works on Unix".to_owned()))
    }

    /// Name and key of the access point to join.
    fn access_point(&self) -> (&str, &str) {
        match (&self.ssid, &self.password) {
            (None, None) => (SSID, KEY),
            (ssid, key) => (ssid.as_deref().unwrap_or(SSID), key.as_deref().unwrap_or("")),
        }
    }

    fn baud(&self) -> u32 {
        self.baud.unwrap_or(115_200)
    }

    fn config(&self, fast_baud: Option<u32>) -> Config {
        let mut config = Config::new().baud(self.baud());
        if let Some(baud) = self.fast_baud.or(fast_baud) {
            config = config.fast_baud(baud);
        }
        if self.active { config.receive(Receive::Active) } else { config }
    }
}

/// What is done with a driver, whatever its UART is.
pub(crate) trait Use {
    /// Does it.
    fn with<U: Uart, P: Platform, M: RawMutex>(
        self,
        net: &Esp8285<'_, U, P, M>,
    ) -> Result<(), Trouble>;
}

/// Runs a program as on any other backend.
pub(crate) struct Run<R>(pub(crate) R);

impl<R: Program> Use for Run<R> {
    fn with<U: Uart, P: Platform, M: RawMutex>(
        self,
        net: &Esp8285<'_, U, P, M>,
    ) -> Result<(), Trouble> {
        run_on(net, &Site::MODEM, self.0).map_err(|trouble| match trouble {
            Trouble::Failed(message) if message.contains("EOPNOTSUPP") => {
                let esp_at = net.firmware().is_some_and(|version| version.major >= 2);
                let hint = if esp_at { "; AT firmware 2.x has UDP only with --active" } else { "" };
                Trouble::Failed(message + hint)
            }
            trouble => trouble,
        })
    }
}

/// Listens for access points.
pub(crate) struct Scan<'f>(pub(crate) &'f mut Vec<AccessPoint>);

impl Use for Scan<'_> {
    fn with<U: Uart, P: Platform, M: RawMutex>(
        self,
        net: &Esp8285<'_, U, P, M>,
    ) -> Result<(), Trouble> {
        let found = net.scan().map_err(|error| Trouble::of("no scan", error))?;
        self.0.extend(found);
        Ok(())
    }
}

/// Waits for the modem first.
struct Finding<D> {
    trace: bool,
    to_do: D,
}

impl<D: Use> Use for Finding<D> {
    fn with<U: Uart, P: Platform, M: RawMutex>(
        self,
        net: &Esp8285<'_, U, P, M>,
    ) -> Result<(), Trouble> {
        if self.trace {
            net.set_trace(Some(trace));
        }
        net.start(PATIENCE).map_err(|error| Trouble::of("no modem answers", error))?;
        self.to_do.with(net)
    }
}

/// Joins the access point first.
struct Joining<'o, D> {
    options: &'o ModemOptions,
    to_do: D,
}

impl<D: Use> Use for Joining<'_, D> {
    fn with<U: Uart, P: Platform, M: RawMutex>(
        self,
        net: &Esp8285<'_, U, P, M>,
    ) -> Result<(), Trouble> {
        let (ssid, key) = self.options.access_point();
        net.connect(ssid, key)
            .map_err(|error| Trouble::of(&format!("cannot join {ssid:?}"), error))?;
        self.to_do.with(net)
    }
}

/// A modem has five links; a few more sockets may be open without one.
/// Their buffers are large, as firmware that pushes does not wait for the program.
type Memory = Resources<16, 6, 65_536, 8192>;

/// The simulated access point.
const SSID: &str = "usocket";
const KEY: &str = "over the air";

/// What the sheet says works on most boards.
const FAST_BAUD: u32 = 921_600;

/// From power-up to an answer, at an unknown rate.
const PATIENCE: Duration = Duration::from_secs(10);

fn version(text: &str) -> Result<Version, Trouble> {
    let found = Version::ALL.into_iter().find(|version| version.profile().name == text);
    found.ok_or_else(|| {
        let names = Version::ALL.map(|version| version.profile().name);
        Trouble::Usage(format!("no simulated firmware {text:?}; there are: {}", names.join(", ")))
    })
}

fn rate(parser: &mut lexopt::Parser) -> Result<u32, Trouble> {
    use lexopt::ValueExt;

    let rate: u32 = parser.value()?.parse()?;
    if (300..=4_500_000).contains(&rate) {
        return Ok(rate);
    }
    Err(Trouble::Usage(format!("{rate} baud: 300 to 4500000 will do")))
}

fn trace(what: Trace<'_>) {
    let mut to = io::stderr();
    // A trace that nobody can read is no reason to stop.
    let _ = match what {
        Trace::Command(line) => writeln!(to, "-> {}", line.trim_ascii_end().escape_ascii()),
        Trace::Line(line) => writeln!(to, "<- {}", line.trim_ascii_end().escape_ascii()),
        Trace::Payload(len) => writeln!(to, "<- {len} bytes"),
        Trace::Note(note) => writeln!(to, "** {note}"),
    };
}
