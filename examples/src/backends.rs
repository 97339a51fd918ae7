//! The only place of these programs that knows backends by name.

use usocket::esp8285::AccessPoint;
use usocket::prelude::*;
use usocket::std::StdNet;

use crate::modem::{ModemOptions, Run, Scan};
use crate::raw::RawOptions;
use crate::{Site, Trouble};

/// A program that runs on any backend.
pub trait Program: Send {
    /// Runs it; `site` says where `net` is.
    ///
    /// # Errors
    /// What went wrong, in one line.
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble>;
}

/// The backends that this build has.
pub const BUILT_IN: &[&str] = &["std", "smoltcp", "esp8285-at"];

/// Their options, for `--help`.
pub(crate) fn help() -> String {
    let own = "\
  --backend NAME    the network it runs on (default: std)
      std           this machine's sockets";
    [own, crate::raw::HELP, crate::modem::HELP].join("\n")
}

/// Which backend, and what it is told: `--backend` and the options that go with it.
#[derive(Clone, Debug, Default)]
pub struct Network {
    kind: Kind,
    modem: ModemOptions,
    raw: RawOptions,
}

/// One of [`BUILT_IN`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// The operating system's sockets.
    #[default]
    Std,
    /// A stack in this program.
    Smoltcp,
    /// A modem behind a UART.
    Esp8285At,
}

impl Network {
    /// The operating system's sockets.
    #[must_use]
    pub fn std() -> Self {
        Self::default()
    }

    /// A modem, by default a simulated one.
    #[must_use]
    pub fn modem() -> Self {
        Self { kind: Kind::Esp8285At, ..Self::default() }
    }

    /// Whether `--name` is an option of a backend, or chooses one.
    #[must_use]
    pub fn has(name: &str) -> bool {
        name == "backend" || ModemOptions::has(name) || RawOptions::has(name)
    }

    /// Takes the value of such an option.
    ///
    /// # Errors
    /// A usage error that says what would do.
    pub fn set(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), Trouble> {
        use lexopt::ValueExt;

        if ModemOptions::has(name) {
            return self.modem.set(name, parser);
        }
        if RawOptions::has(name) {
            return self.raw.set(name, parser);
        }
        self.kind = match parser.value()?.string()?.as_str() {
            "std" => Kind::Std,
            "smoltcp" => Kind::Smoltcp,
            "esp8285-at" => Kind::Esp8285At,
            name => {
                return Err(Trouble::Usage(format!(
                    "backend {name:?} is not built in; this build has: {}",
                    BUILT_IN.join(", ")
                )));
            }
        };
        Ok(())
    }

    /// Whether it is a modem: one server port, five links.
    #[must_use]
    pub fn is_modem(&self) -> bool {
        self.kind == Kind::Esp8285At
    }

    /// What a second program in this process may run on to be reached from this network:
    /// the same, but there is only one modem at a port.
    ///
    /// # Errors
    /// A usage error: a device has no loopback.
    pub fn beside(&self) -> Result<Self, Trouble> {
        match self.kind {
            Kind::Smoltcp if self.raw.has_device() => {
                Err(Trouble::Usage("--tap and --packet need a URL".to_owned()))
            }
            // Both would write one file.
            Kind::Smoltcp => Ok(Self { raw: RawOptions::default(), ..self.clone() }),
            _ if self.modem.is_one_of_a_kind() => Ok(Self::std()),
            _ => Ok(self.clone()),
        }
    }

    /// What the modem hears on the air. It need not have joined.
    ///
    /// # Errors
    /// There is no modem, or it does not answer.
    pub fn scan(&self) -> Result<Vec<AccessPoint>, Trouble> {
        if !self.is_modem() {
            return Err(Trouble::Usage("only --backend esp8285-at can scan".to_owned()));
        }
        let mut found = Vec::new();
        self.modem.find(Scan(&mut found))?;
        Ok(found)
    }

    /// Makes the backend, runs the program on it, and waits until what its closed
    /// sockets still had to send is gone.
    ///
    /// # Errors
    /// Those of the program, and what keeps the backend from working.
    pub fn run(&self, program: impl Program) -> Result<(), Trouble> {
        if self.kind != Kind::Esp8285At {
            self.modem.refuse()?;
        }
        if self.kind != Kind::Smoltcp {
            self.raw.refuse()?;
        }
        match self.kind {
            Kind::Std => run_on(&StdNet::new(), &Site::HERE, program),
            Kind::Smoltcp => self.raw.run(program),
            Kind::Esp8285At => self.modem.run(Run(program)),
        }
    }
}

/// Runs the program to its end.
pub(crate) fn run_on<B: Backend>(
    net: &B,
    site: &Site<'_>,
    program: impl Program,
) -> Result<(), Trouble> {
    let outcome = program.run(net, site);
    let drained = net.drain(10);
    outcome?;
    drained.map_err(|error| Trouble::Failed(format!("sockets still busy at the end: {error}")))
}
