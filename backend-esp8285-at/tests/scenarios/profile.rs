//! The firmwares over which every scenario runs.

use std::fmt;

use esp8285_sim::Version;
use esp8285_world::Mode;

/// A firmware and how TCP data come from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) version: Version,
    pub(crate) mode: Mode,
}

/// All of them. Where the firmware has a passive mode that loses nothing, 2.x and 1.7.6 run
/// in the active mode as well.
pub(crate) const PROFILES: [Profile; 9] = [
    V1_5,
    Profile { version: Version::V1_7_0, mode: Mode::Active },
    V1_7_2,
    V1_7_6,
    V1_7_6_ACTIVE,
    V2_1,
    Profile { version: Version::V2_1, mode: Mode::Active },
    V2_2,
    V2_2_ACTIVE,
];

pub(crate) const V1_5: Profile = Profile { version: Version::V1_5, mode: Mode::Active };
pub(crate) const V2_1: Profile = Profile { version: Version::V2_1, mode: Mode::Passive };
pub(crate) const V1_7_2: Profile = Profile { version: Version::V1_7_2, mode: Mode::Passive };
pub(crate) const V1_7_6: Profile = Profile { version: Version::V1_7_6, mode: Mode::Passive };
pub(crate) const V1_7_6_ACTIVE: Profile = Profile { version: Version::V1_7_6, mode: Mode::Active };
pub(crate) const V2_2: Profile = Profile { version: Version::V2_2, mode: Mode::Passive };
pub(crate) const V2_2_ACTIVE: Profile = Profile { version: Version::V2_2, mode: Mode::Active };

impl Profile {
    /// The 1.x family.
    pub(crate) fn nonos(self) -> bool {
        self.version.is_nonos()
    }

    pub(crate) fn passive(self) -> bool {
        self.mode == Mode::Passive
    }

    /// Datagram sockets work: not where passive reads would merge datagrams (5.3).
    pub(crate) fn udp(self) -> bool {
        self.nonos() || !self.passive()
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mode = if self.passive() { "p" } else { "a" };
        write!(f, "{}{mode}", self.version.profile().name)
    }
}

/// Whether a scenario makes sense on a firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Applies {
    Run,
    /// It does not, and why.
    No(&'static str),
}

/// Everywhere.
pub(crate) fn everywhere(_: Profile) -> Applies {
    Applies::Run
}

/// Where TCP data are asked for.
pub(crate) fn passive_only(on: Profile) -> Applies {
    if on.passive() { Applies::Run } else { Applies::No("about passive receive (5.2)") }
}

/// Where there are datagram sockets.
pub(crate) fn udp_only(on: Profile) -> Applies {
    match on.udp() {
        true => Applies::Run,
        false => Applies::No("no datagram sockets: passive reads of 2.x merge datagrams (5.3)"),
    }
}
