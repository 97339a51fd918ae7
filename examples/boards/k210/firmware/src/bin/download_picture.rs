//! Routine 1 of the reference text: join, fetch a picture, check it, show it.
//!
//! The picture is drawn while it comes in, as there is no driver for the card.
#![no_std]
#![no_main]

use core::fmt::Write;

use maix_board::{Board, Panel, WIDTH, finish};
use maix_firmware::{
    BYTES, KEY, Net, PICTURE_SHA256, PICTURE_URL, SOCKETS, SSID, Start, config, start,
};
use static_cell::ConstStaticCell;
use usocket::esp8285::Resources;
use usocket::prelude::*;
use usocket_example_apps::{Journal, Limits, Painter, Progress, download};

maix_board::program!(main);

type Memory = Resources<SOCKETS, SOCKETS, BYTES, BYTES>;

fn main() -> ! {
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    let Start { uart, mut console, spi } = start();
    let memory = MEMORY.take();
    let net = Net::with_config(uart, Board, memory, config());
    let mut panel = Panel::new(spi);
    let outcome = run(&net, &mut panel, &mut console);
    let stats = net.stats();
    console.line(format_args!("bytes from the modem {}, losses {}", stats.rx_bytes, stats.lost));
    finish(&mut console, outcome)
}

fn run(
    net: &Net<'_>,
    panel: &mut Panel,
    console: &mut (impl Journal + Progress),
) -> Result<(), ()> {
    let mut fail = |what, error: Error| console.line(format_args!("{what}: {error}"));
    net.connect(SSID, KEY).map_err(|error| fail("cannot join", error))?;

    // The head of the file, and a row of the panel.
    let mut row = [0; 54 + 3 * WIDTH as usize];
    let mut painter = Painter::new(&mut row, panel);
    let mut work = [0; 1024];
    let fetched =
        match download(net, PICTURE_URL, Limits::default(), &mut work, &mut painter, console) {
            Ok(fetched) => fetched,
            Err(failure) => {
                console.line(format_args!("{PICTURE_URL}: {failure}"));
                return Err(());
            }
        };
    if !painter.is_complete() {
        console.line(format_args!("the picture has rows that did not come"));
        return Err(());
    }
    let mut hash = heapless::String::<64>::new();
    // As long as its room.
    fetched.sha256.iter().for_each(|byte| _ = write!(hash, "{byte:02x}"));
    console.line(format_args!("{} bytes, SHA-256 {hash}", fetched.len));
    if PICTURE_SHA256.is_some_and(|expected| expected != hash) {
        console.line(format_args!("that is another picture"));
        return Err(());
    }
    net.drain(10).map_err(|error| console.line(format_args!("still busy: {error}")))
}
