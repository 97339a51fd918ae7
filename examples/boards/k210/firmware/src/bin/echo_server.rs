//! Many clients, TCP and UDP, one poll. Runs for ever.
#![no_std]
#![no_main]

use core::net::Ipv4Addr;

use maix_board::{Board, finish};
use maix_firmware::{BYTES, KEY, Net, PORT, SSID, Start, config, start};
use static_cell::{ConstStaticCell, StaticCell};
use usocket::Error;
use usocket::esp8285::Resources;
use usocket_example_apps::{EchoServer, Journal};

maix_board::program!(main);

/// Five links, and what has none: the listener.
type Memory = Resources<7, 5, BYTES, BYTES>;

/// Four clients beside the listener and the datagrams, which take a link.
type Server<'n> = EchoServer<'n, Net<'n>, 6, 512>;

fn main() -> ! {
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    static NET: StaticCell<Net<'static>> = StaticCell::new();
    let Start { uart, mut console, .. } = start();
    let memory = MEMORY.take();
    let net = NET.init_with(|| Net::with_config(uart, Board, memory, config()));
    if let Err(error) = serve(net, &mut console) {
        console.line(format_args!("{error}"));
    }
    finish(&mut console, Err(()))
}

fn serve(net: &'static Net<'static>, console: &mut impl Journal) -> Result<(), Error> {
    net.connect(SSID, KEY)?;
    let mut server = Server::new(net, (Ipv4Addr::UNSPECIFIED, PORT))?;
    console.line(format_args!("echo on port {PORT}, TCP and UDP"));
    loop {
        server.turn(None, console)?;
    }
}
