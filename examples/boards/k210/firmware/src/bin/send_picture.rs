//! Routine 2 of the reference text: a picture over a plain TCP connection.
#![no_std]
#![no_main]

use maix_board::{Board, finish};
use maix_firmware::{BYTES, KEY, Net, SEND_TO, SOCKETS, SSID, Start, config, start};
use static_cell::ConstStaticCell;
use usocket::esp8285::Resources;
use usocket::prelude::*;
use usocket_example_apps::{Journal, Progress, scene, send};

maix_board::program!(main);

type Memory = Resources<SOCKETS, SOCKETS, BYTES, BYTES>;

fn main() -> ! {
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    let Start { uart, mut console, .. } = start();
    let memory = MEMORY.take();
    let net = Net::with_config(uart, Board, memory, config());
    let outcome = run(&net, &mut console);
    finish(&mut console, outcome)
}

fn run(net: &Net<'_>, console: &mut (impl Journal + Progress)) -> Result<(), ()> {
    net.connect(SSID, KEY).map_err(|error| console.line(format_args!("cannot join: {error}")))?;
    match send(net, SEND_TO, &mut scene::Scene, Some(scene::LEN.into()), console) {
        Ok(sent) => console.line(format_args!("sent {sent} bytes")),
        Err(error) => {
            console.line(format_args!("not sent: {error}"));
            return Err(());
        }
    }
    net.drain(10).map_err(|error| console.line(format_args!("still busy: {error}")))
}
