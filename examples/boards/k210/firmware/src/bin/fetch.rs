//! The smallest program that does something: join, look up a name, GET, check the hash of what
//! came. It says nothing but how it ended, and is there to be measured.
#![no_std]
#![no_main]

use maix_board::{Board, finish};
use maix_firmware::{BYTES, KEY, Net, SOCKETS, SSID, Start, config, start};
use sha2::{Digest, Sha256};
use static_cell::{ConstStaticCell, StaticCell};
use usocket::esp8285::Resources;
use usocket::prelude::*;
use usocket::{Hints, Result, Socket};

maix_board::program!(main);

type Memory = Resources<SOCKETS, SOCKETS, BYTES, BYTES>;

fn main() -> ! {
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    static NET: StaticCell<Net<'static>> = StaticCell::new();
    let Start { uart, mut console, .. } = start();
    let net = NET.init_with(|| Net::with_config(uart, Board, MEMORY.take(), config()));
    let good = fetch(net).unwrap_or(false);
    finish(&mut console, if good { Ok(()) } else { Err(()) })
}

/// Whether the picture came as it should be. The two halves are apart, so that what each needs
/// of the stack is not there while the other waits.
fn fetch(net: &Net<'_>) -> Result<bool> {
    let s = ask(net)?;
    receive(&s)
}

#[inline(never)]
fn ask<'n, 'r>(net: &'n Net<'r>) -> Result<Socket<'n, Net<'r>>> {
    net.connect(SSID, KEY)?;
    let to = net.getaddrinfo(HOST, 80, Hints::stream())?.first().sockaddr;
    let s = net.tcp()?;
    s.settimeout(30)?;
    s.connect(to)?;
    s.sendall(REQUEST)?;
    Ok(s)
}

#[inline(never)]
fn receive(s: &Socket<'_, Net<'_>>) -> Result<bool> {
    let (mut hash, mut page, mut ends) = (Sha256::new(), [0; 64], 0);
    loop {
        let len = s.recv(&mut page)?;
        if len == 0 {
            return Ok(hash.finalize_reset()[..] == SHA256);
        }
        // The head ends with the fourth of these in a row.
        let in_head = page[..len].iter().take_while(|byte| {
            let before = ends;
            ends = match (before, **byte) {
                (4, _) => 4,
                (0 | 2, b'\r') | (1 | 3, b'\n') => before + 1,
                _ => u8::from(**byte == b'\r'),
            };
            before < 4
        });
        let in_head = in_head.count();
        hash.update(&page[in_head..len]);
    }
}

const HOST: &str = "pictures.test";
const REQUEST: &str = "GET /lake.bmp HTTP/1.0\r\nHost: pictures.test\r\n\r\n";

/// Of the picture that the emulator's server has.
const SHA256: [u8; 32] = [
    0xad, 0xf8, 0x8a, 0x87, 0xa3, 0xd9, 0xbb, 0x5b, 0xad, 0x39, 0xb9, 0x08, 0x6e, 0x2c, 0xf4, 0x21,
    0x52, 0xf0, 0xf6, 0x28, 0xbe, 0x8a, 0x52, 0xa0, 0x3b, 0xde, 0xbf, 0x0c, 0x78, 0x97, 0x7a, 0x3c,
];
