//! The only place of these programs that knows backends by name.

use usocket::esp8285::AccessPoint;
use usocket::prelude::*;
use usocket::std::StdNet;

use crate::Trouble;
use crate::modem::{ModemOptions, Run, Scan};

/// A program that runs on any backend.
pub trait Program {
    /// Runs it.
    ///
    /// # Errors
    /// What went wrong, in one line.
    fn run<B: Backend>(self, net: &B) -> Result<(), Trouble>;
}

/// The backends that this build has.
pub const BUILT_IN: &[&str] = &["std", "esp8285-at"];

/// Which backend, and what it is told: `--backend` and the options that go with it.
#[derive(Clone, Debug, Default)]
pub struct Network {
    kind: Kind,
    modem: ModemOptions,
}

/// One of [`BUILT_IN`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Kind {
    /// The operating system's sockets.
    #[default]
    Std,
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
        name == "backend" || ModemOptions::has(name)
    }

    /// Takes the value of such an option.
    ///
    /// # Errors
    /// A usage error that says what would do.
    pub fn set(&mut self, name: &str, parser: &mut lexopt::Parser) -> Result<(), Trouble> {
        use lexopt::ValueExt;

        if name != "backend" {
            return self.modem.set(name, parser);
        }
        self.kind = match parser.value()?.string()?.as_str() {
            "std" => Kind::Std,
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
    #[must_use]
    pub fn beside(&self) -> Self {
        if self.modem.is_one_of_a_kind() { Self::std() } else { self.clone() }
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
        match self.kind {
            Kind::Std => {
                self.modem.refuse()?;
                run_on(&StdNet::new(), program)
            }
            Kind::Esp8285At => self.modem.run(Run(program)),
        }
    }
}

/// Runs the program to its end.
pub(crate) fn run_on<B: Backend>(net: &B, program: impl Program) -> Result<(), Trouble> {
    let outcome = program.run(net);
    let drained = net.drain(10);
    outcome?;
    drained.map_err(|error| Trouble::Failed(format!("sockets still busy at the end: {error}")))
}
