//! The greenhouse behind a Wi-Fi modem on a serial line of a PC: on a board it is the same
//! with the UART and the clock of that board.

use std::process::ExitCode;
use std::thread;

use greenhouse::{Climate, station};
use usocket::CriticalSectionRawMutex;
use usocket::esp8285::{Esp8285, HostUart, Resources};
use usocket::prelude::*;
use usocket::std::StdPlatform;

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [port, baud, ssid, key, collector] = &args[..] else {
        eprintln!("usage: greenhouse-esp8285-at device baud ssid key host:port");
        return ExitCode::from(2);
    };
    let opened =
        baud.parse().map_err(std::io::Error::other).and_then(|baud| HostUart::open(port, baud));
    let (uart, reader) = match opened {
        Ok(line) => line,
        Err(error) => {
            eprintln!("greenhouse-esp8285-at: {port}: {error}");
            return ExitCode::FAILURE;
        }
    };
    // Two sockets at most, of which one is used.
    let mut memory = Resources::<2, 1, 1024, 1024>::new();
    let stop = uart.stop();
    let net: Esp8285<'_, _, _, CriticalSectionRawMutex> =
        Esp8285::new(uart, StdPlatform, &mut memory);
    let outcome = thread::scope(|scope| {
        // Ends the reader below, however this ends.
        let _stop = stop;
        let driver = &net;
        scope.spawn(move || reader.run(|| driver.notify()));
        net.connect(ssid, key)?;
        // A PC has no sensors: one measurement, made up.
        let measured = [Climate { temperature: 214, humidity: 55 }];
        let reported = station(&net, collector, measured, |window| println!("window: {window:?}"));
        net.drain(5).and(reported)
    });
    match outcome {
        Ok(_) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("greenhouse-esp8285-at: {collector}: {error}");
            ExitCode::FAILURE
        }
    }
}
