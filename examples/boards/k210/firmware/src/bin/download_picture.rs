//! Routine 1 of the reference text: join, fetch a picture, check it, save it, show it.
//!
//! The picture is written to the card and drawn while it comes in. Without a card it is only drawn.
#![no_std]
#![no_main]

use core::fmt::Write;

#[cfg(feature = "card")]
use maix_board::Card;
use maix_board::hal::pac::SPI1;
use maix_board::{Board, Panel, WIDTH, finish};
use maix_firmware::{
    BYTES, KEY, Net, PICTURE_SHA256, PICTURE_URL, SOCKETS, SSID, Start, config, start,
};
#[cfg(feature = "card")]
use maix_firmware::{PICTURE, Saved};
use static_cell::ConstStaticCell;
use usocket::esp8285::Resources;
use usocket::prelude::*;
use usocket_example_apps::{Journal, Limits, Painter, Progress, Sink, download};

maix_board::program!(main);

type Memory = Resources<SOCKETS, SOCKETS, BYTES, BYTES>;

fn main() -> ! {
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    let Start { uart, mut console, spi, card } = start();
    let memory = MEMORY.take();
    let net = Net::with_config(uart, Board, memory, config());
    let mut panel = Panel::new(spi);
    let outcome = run(&net, card, &mut panel, &mut console);
    let stats = net.stats();
    console.line(format_args!("bytes from the modem {}, losses {}", stats.rx_bytes, stats.lost));
    finish(&mut console, outcome)
}

fn run(
    net: &Net<'_>,
    socket: SPI1,
    panel: &mut Panel,
    console: &mut (impl Journal + Progress),
) -> Result<(), ()> {
    let mut fail = |what, error: Error| console.line(format_args!("{what}: {error}"));
    net.connect(SSID, KEY).map_err(|error| fail("cannot join", error))?;

    // The head of the file, and a row of the panel.
    let mut row = [0; 54 + 3 * WIDTH as usize];
    let mut painter = Painter::new(&mut row, panel);
    keep(net, socket, &mut painter, console)?;
    if !painter.is_complete() {
        console.line(format_args!("the picture has rows that did not come"));
        return Err(());
    }
    net.drain(10).map_err(|error| console.line(format_args!("still busy: {error}")))
}

/// Fetches the picture into `painter`, and onto the card if there is one.
#[cfg(feature = "card")]
fn keep(
    net: &Net<'_>,
    socket: SPI1,
    painter: &mut impl Sink,
    console: &mut (impl Journal + Progress),
) -> Result<(), ()> {
    let card = match Card::find(socket) {
        Ok(card) => card,
        Err(error) => {
            console.line(format_args!("no card, the picture is not saved: {error}"));
            return fetch(net, painter, console);
        }
    };
    let mut saved = Saved::new(painter, &card);
    let outcome = fetch(net, &mut saved, console);
    match saved.finish(outcome.is_ok()) {
        Ok(()) if outcome.is_ok() => console.line(format_args!("saved as {PICTURE}")),
        Ok(()) => console.line(format_args!("not saved")),
        Err(error) => console.line(format_args!("not saved: {error}")),
    }
    outcome
}

#[cfg(not(feature = "card"))]
fn keep(
    net: &Net<'_>,
    _socket: SPI1,
    painter: &mut impl Sink,
    console: &mut (impl Journal + Progress),
) -> Result<(), ()> {
    fetch(net, painter, console)
}

/// Fetches the picture, and checks that it is the one that is expected.
fn fetch(
    net: &Net<'_>,
    sink: &mut impl Sink,
    console: &mut (impl Journal + Progress),
) -> Result<(), ()> {
    let mut work = [0; 1024];
    let fetched = match download(net, PICTURE_URL, Limits::default(), &mut work, sink, console) {
        Ok(fetched) => fetched,
        Err(failure) => {
            console.line(format_args!("{PICTURE_URL}: {failure}"));
            return Err(());
        }
    };
    let mut hash = heapless::String::<64>::new();
    // As long as its room.
    fetched.sha256.iter().for_each(|byte| _ = write!(hash, "{byte:02x}"));
    console.line(format_args!("{} bytes, SHA-256 {hash}", fetched.len));
    if PICTURE_SHA256.is_some_and(|expected| expected != hash) {
        console.line(format_args!("that is another picture"));
        return Err(());
    }
    Ok(())
}
