//! The only place of these programs that knows backends by name.

use usocket::prelude::*;
use usocket::std::StdNet;

use crate::Trouble;

/// A program that runs on any backend.
pub trait Program {
    /// Runs it.
    ///
    /// # Errors
    /// What went wrong, in one line.
    fn run<B: Backend>(self, net: &B) -> Result<(), Trouble>;
}

/// The backends that this build has.
pub const BUILT_IN: &[&str] = &["std"];

/// One of [`BUILT_IN`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BackendName {
    /// The operating system's sockets.
    #[default]
    Std,
}

impl BackendName {
    /// The backend of that name.
    ///
    /// # Errors
    /// A usage error that lists what is there.
    pub fn parse(name: &str) -> Result<Self, Trouble> {
        match name {
            "std" => Ok(Self::Std),
            _ => Err(Trouble::Usage(format!(
                "backend {name:?} is not built in; this build has: {}",
                BUILT_IN.join(", ")
            ))),
        }
    }

    /// Makes the backend, runs the program on it, and waits until what its closed
    /// sockets still had to send is gone.
    ///
    /// # Errors
    /// Those of the program.
    pub fn run(self, program: impl Program) -> Result<(), Trouble> {
        match self {
            Self::Std => run_on(&StdNet::new(), program),
        }
    }
}

fn run_on<B: Backend>(net: &B, program: impl Program) -> Result<(), Trouble> {
    let outcome = program.run(net);
    let drained = net.drain(10);
    outcome?;
    drained.map_err(|error| Trouble::Failed(format!("sockets still busy at the end: {error}")))
}
