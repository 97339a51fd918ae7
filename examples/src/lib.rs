//! What the example programs of a host share: the choice of a backend, the
//! terminal, files, the command line. The programs themselves are in `src/bin`, what
//! they do over the network in the package `usocket-example-apps`.
#![forbid(unsafe_code)]

mod backends;
mod cli;
mod file;
mod modem;
mod progress;
mod raw;
mod screen;
mod site;

pub use backends::{BUILT_IN, Network, Program};
pub use cli::{Trouble, address, hex, out, program, seconds};
pub use file::{OpenFile, PartFile};
pub use progress::{Bar, Printer};
pub use screen::{Colour, Frame};
pub use site::{Site, Spot};

/// The programs in the documents of the repository compile.
#[cfg(doctest)]
mod documents {
    #[doc = include_str!("../../README.md")]
    struct Readme;

    #[doc = include_str!("../../docs/micropython.md")]
    struct FromMicroPython;
}
