//! The driver in the simulated world.
#![allow(dead_code, reason = "each test uses a part")]

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_world::{Board, Stack};
use usocket_backend_esp8285_at::{Esp8285, Resources, Trace};

esp8285_world::wire!(
    /// The wire of a world as the driver wants it.
    pub(crate) Wire
);

/// The driver in a world.
pub(crate) type Net<'n> = Esp8285<'n, Wire<Stack<'n>>, Board<Stack<'n>>, NoopRawMutex, 24>;

/// Memory enough for the conformance kit.
pub(crate) type Memory = Resources<16, 8, 4096, 4096>;

/// Shows the wire if `TRACE` is set.
pub(crate) fn trace(trace: Trace<'_>) {
    if std::env::var_os("TRACE").is_some() {
        match trace {
            Trace::Command(line) => eprintln!("-> {}", line.trim_ascii_end().escape_ascii()),
            Trace::Line(line) => eprintln!("<- {}", line.trim_ascii_end().escape_ascii()),
            other => eprintln!("   {other:?}"),
        }
    }
}
