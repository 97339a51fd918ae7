//! The access points around the modem.
#![no_std]
#![no_main]

use core::time::Duration;

use maix_board::{Board, finish};
use maix_firmware::{Net, Start, config, start};
use static_cell::ConstStaticCell;
use usocket::Error;
use usocket::esp8285::Resources;
use usocket_example_apps::Journal;

maix_board::program!(main);

/// It opens no socket.
type Memory = Resources<1, 1, 64, 64>;

fn main() -> ! {
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    let Start { uart, mut console, .. } = start();
    let memory = MEMORY.take();
    let net = Net::with_config(uart, Board, memory, config());
    let outcome = scan(&net, &mut console);
    let outcome = outcome.map_err(|error| console.line(format_args!("no scan: {error}")));
    finish(&mut console, outcome)
}

fn scan(net: &Net<'_>, console: &mut impl Journal) -> Result<(), Error> {
    net.start(Duration::from_secs(10))?;
    let found = net.scan()?;
    for at in &found {
        let name = at.ssid.escape_ascii();
        console.line(format_args!("{:4} dBm  channel {:2}  {name}", at.rssi, at.channel));
    }
    console.line(format_args!("{} access points", found.len()));
    Ok(())
}
