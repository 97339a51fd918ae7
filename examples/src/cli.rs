//! Command lines, and how a program ends.

use std::fmt;
use std::io::{self, Write};
use std::net::Ipv4Addr;
use std::process::ExitCode;
use std::time::Duration;

/// Why a program ends early.
#[derive(Debug)]
pub enum Trouble {
    /// `--help` was asked for.
    Help,
    /// The command line is wrong: exit code 2.
    Usage(String),
    /// It did not work: exit code 1.
    Failed(String),
}

impl Trouble {
    /// `what` failed because of `error`.
    pub fn of(what: &str, error: impl fmt::Display) -> Self {
        Self::Failed(format!("{what}: {error}"))
    }
}

impl From<lexopt::Error> for Trouble {
    fn from(error: lexopt::Error) -> Self {
        Self::Usage(error.to_string())
    }
}

/// The `main` of every example: runs `body` and says in one line what went wrong. A line
/// `{network}` of `help` stands for the options of [`Network`](crate::Network).
pub fn program(
    name: &str,
    help: &str,
    body: impl FnOnce(lexopt::Parser) -> Result<(), Trouble>,
) -> ExitCode {
    let (message, code) = match body(lexopt::Parser::from_env()) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Trouble::Help) => {
            out(format_args!("{}", help.trim().replace("{network}", &crate::backends::help())));
            return ExitCode::SUCCESS;
        }
        Err(Trouble::Failed(message)) => (message, 1),
        Err(Trouble::Usage(message)) => (format!("{message} (see {name} --help)"), 2),
    };
    let _ = writeln!(io::stderr(), "{name}: {message}");
    ExitCode::from(code)
}

/// One line on standard output. That nobody reads it any more is no error.
pub fn out(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stdout(), "{line}");
}

/// Bytes as two digits each.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A number of seconds on the command line, with or without fraction.
///
/// # Errors
/// Anything but a positive number.
pub fn seconds(parser: &mut lexopt::Parser) -> Result<Duration, Trouble> {
    use lexopt::ValueExt;

    let number: f64 = parser.value()?.parse()?;
    Duration::try_from_secs_f64(number)
        .ok()
        .filter(|time| *time >= Duration::from_millis(1))
        .ok_or_else(|| Trouble::Usage(format!("{number} is not a positive number of seconds")))
}

/// `address:port` on the command line.
///
/// # Errors
/// Anything else.
pub fn address(text: &str) -> Result<(Ipv4Addr, u16), Trouble> {
    text.rsplit_once(':')
        .and_then(|(ip, port)| Some((ip.parse().ok()?, port.parse().ok()?)))
        .ok_or_else(|| Trouble::Usage(format!("{text:?} is not an address like 127.0.0.1:3456")))
}
