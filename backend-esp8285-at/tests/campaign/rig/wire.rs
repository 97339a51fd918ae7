//! The line of a world over the simulator's own network, as the driver wants it.

use esp8285_sim::net::VirtualNet;
use esp8285_world::Port;
use usocket_backend_esp8285_at::{Lost, Uart};

/// The line as the driver wants it.
#[derive(Debug)]
pub(crate) struct Wire(pub(crate) Port<VirtualNet>);

impl Uart for Wire {
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
