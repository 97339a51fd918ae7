//! The command line.

use std::error::Error;
use std::ffi::OsString;
use std::net::SocketAddr;

use esp8285_sim::uart::UartConfig;
use esp8285_sim::{AccessPoint, Air, Instant, Knobs, Version};
use lexopt::Arg;

use crate::table;

/// What the user wants.
pub(crate) enum Request {
    Help,
    Run(Box<Options>),
}

/// Where the host plugs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    Terminal,
    Tcp(SocketAddr),
}

/// Which network the modem is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum World {
    Real,
    Virtual,
}

/// Everything that can be set.
#[derive(Debug)]
pub(crate) struct Options {
    pub(crate) version: Version,
    pub(crate) place: Place,
    pub(crate) world: World,
    pub(crate) trace: bool,
    /// When clients of the virtual network dial in, and where.
    pub(crate) clients: Vec<(Instant, u16)>,
    pub(crate) knobs: Knobs,
    pub(crate) uart: UartConfig,
    pub(crate) air: Air,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            version: Version::V1_7_6,
            place: Place::Terminal,
            world: World::Real,
            trace: true,
            clients: Vec::new(),
            knobs: Knobs::default(),
            uart: UartConfig::default(),
            air: Air::default(),
        }
    }
}

impl Options {
    /// The access point that options after `--ssid` are about.
    pub(crate) fn access_point(&mut self) -> Result<&mut AccessPoint, String> {
        self.air.access_points.last_mut().ok_or_else(|| "give --ssid first".to_owned())
    }
}

/// Reads the arguments, the program's name excluded.
pub(crate) fn parse(
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<Request, Box<dyn Error>> {
    let mut options = Options::default();
    let mut parser = lexopt::Parser::from_args(arguments);
    while let Some(argument) = parser.next()? {
        let name = match argument {
            Arg::Short('h') | Arg::Long("help") => return Ok(Request::Help),
            Arg::Long(name) => name.to_owned(),
            other => return Err(other.unexpected().into()),
        };
        let Some(option) = table::OPTIONS.iter().find(|option| option.name == name) else {
            return Err(format!("no option --{name}; see --help").into());
        };
        let value = if option.value.is_empty() { OsString::new() } else { parser.value()? };
        let value = value.to_str().ok_or_else(|| format!("--{name}: not UTF-8"))?;
        (option.set)(&mut options, value).map_err(|why| format!("--{name} {value}: {why}"))?;
    }
    if options.air.access_points.is_empty() {
        options.air.access_points.push(AccessPoint::new(b"net", b"password"));
    }
    options.knobs.flash_baud = options.uart.baud;
    // What waits beyond that is kept by the program.
    options.uart.tx_depth = 256;
    // The host's own driver has the ring; ours must outlast a program that is held up.
    options.uart.receiver.ring = usize::MAX;
    Ok(Request::Run(Box::new(options)))
}
