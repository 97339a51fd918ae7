//! The driver in the simulated world.
#![allow(dead_code, reason = "each test uses a part")]

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_world::{Board, Port, Stack};
use usocket_backend_esp8285_at::{Esp8285, Lost, Resources, Trace, Uart};

/// The wire of a world as the driver wants it.
#[derive(Debug)]
pub(crate) struct Wire<'n>(pub(crate) Port<Stack<'n>>);

impl Uart for Wire<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        self.0.read(buf).map_err(|_| Lost)
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        self.0.write(bytes)
    }

    fn readable(&self) -> bool {
        self.0.readable()
    }

    fn writable(&self) -> bool {
        self.0.writable()
    }

    fn is_idle(&self) -> bool {
        self.0.is_idle()
    }

    fn set_baud(&mut self, baud: u32) -> bool {
        self.0.set_baud(baud)
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }

    fn set_enabled(&mut self, on: bool) -> bool {
        self.0.set_enabled(on)
    }
}

/// The driver in a world.
pub(crate) type Net<'n> = Esp8285<'n, Wire<'n>, Board<Stack<'n>>, NoopRawMutex, 24>;

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
