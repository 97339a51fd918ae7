//! A modem at a serial line, a pseudo-terminal or a TCP port of this machine.

use std::io;
use std::thread;

use usocket::CriticalSectionRawMutex;
use usocket::esp8285::{Config, Esp8285, HostReader, HostUart};
use usocket::spi::StdPlatform;

use super::{Memory, Use};
use crate::Trouble;

/// Opens the line, and runs what is to be run with the modem there.
pub(super) fn run(port: &str, baud: u32, config: Config, to_do: impl Use) -> Result<(), Trouble> {
    let (uart, reader) = open(port, baud).map_err(|error| Trouble::of(port, error))?;
    let stop = uart.stop();
    let mut memory = Box::new(Memory::new());
    let net: Esp8285<'_, _, _, CriticalSectionRawMutex> =
        Esp8285::with_config(uart, StdPlatform, &mut memory, config);
    thread::scope(|scope| {
        let driver = &net;
        let reader = scope.spawn(move || reader.run(|| driver.notify()));
        let outcome = to_do.with(&net);
        drop(stop);
        match (outcome, reader.join()) {
            // A line that is gone is why nothing else worked.
            (Err(_), Ok(Err(error))) => Err(Trouble::of(port, error)),
            (outcome, _) => outcome,
        }
    })
}

/// What looks like `host:port` is a TCP port.
fn open(port: &str, baud: u32) -> io::Result<(HostUart, HostReader)> {
    let is_tcp = !port.contains('/')
        && port.rsplit_once(':').is_some_and(|(_, number)| number.parse::<u16>().is_ok());
    if is_tcp { HostUart::connect(port) } else { HostUart::open(port, baud) }
}
