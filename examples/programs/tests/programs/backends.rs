//! The backends, each with a way to this machine's loopback.

use usocket_examples::{Network, Program, Trouble};

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The operating system's sockets.
    Std,
    /// smoltcp, behind the gateway.
    Smoltcp,
    /// A simulated modem with AT firmware 1.7.6.
    Modem17,
    /// The same with 2.2.
    Modem22,
    /// The same with 2.2, where data are pushed.
    Modem22Active,
}

pub(crate) const KINDS: &[(Kind, &str)] = &[
    (Kind::Std, "std"),
    (Kind::Smoltcp, "smoltcp"),
    (Kind::Modem17, "modem, 1.7.6"),
    (Kind::Modem22, "modem, 2.2"),
    (Kind::Modem22Active, "modem, 2.2, active"),
];

impl Kind {
    /// The options of the example programs for it.
    pub(crate) fn options(self) -> &'static [&'static str] {
        match self {
            Self::Std => &[],
            Self::Smoltcp => &["--backend", "smoltcp"],
            Self::Modem17 => &["--backend", "esp8285-at", "--fast-baud", "2000000"],
            Self::Modem22 => {
                &["--backend", "esp8285-at", "--firmware", "2.2", "--fast-baud", "2000000"]
            }
            // Slower, as pushed data do not wait for a machine that is busy elsewhere.
            Self::Modem22Active => &[
                "--backend",
                "esp8285-at",
                "--firmware",
                "2.2",
                "--fast-baud",
                "230400",
                "--active",
            ],
        }
    }
}

/// Runs a program on a backend of this kind. What fails says so with the errno in it.
pub(crate) fn on(kind: Kind, program: impl Program) -> Result<(), String> {
    let mut parser = lexopt::Parser::from_args(kind.options());
    let mut network = Network::std();
    while let Some(argument) = parser.next().unwrap() {
        let lexopt::Arg::Long(name) = argument else { panic!("{argument:?}") };
        let name = name.to_owned();
        network.set(&name, &mut parser).unwrap();
    }
    network.run(program).map_err(|trouble| match trouble {
        Trouble::Failed(message) => message,
        trouble => panic!("{trouble:?}"),
    })
}
