//! Joins, looks up a name, opens a connection, GETs and checks the hash, on usocket.
#![no_std]
#![no_main]

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use footprint_board::{BAUD, Get, HOST, KEY, PORT, Place, Queue, REQUEST, SSID, TICKS};
use usocket_backend_esp8285_at::{Esp8285, Lost, Resources, Uart};
use usocket_core::prelude::*;
use usocket_core::spi::Platform;
use usocket_core::{Hints, Instant, Result};

const SOCKETS: usize = footprint_board::size(option_env!("FOOTPRINT_SOCKETS"), 2);
/// Of each socket's buffers.
const BYTES: usize = footprint_board::size(option_env!("FOOTPRINT_BYTES"), 1024);
/// Of the UART's queue.
const RING: usize = footprint_board::size(option_env!("FOOTPRINT_RING"), 1024);

type Net = Esp8285<'static, Port, Board, NoopRawMutex, 0>;
type Memory = Resources<SOCKETS, SOCKETS, BYTES, BYTES>;

static RECEIVED: Queue<RING> = Queue::new();
static MEMORY: Place<Memory> = Place::new();
static NET: Place<Net> = Place::new();

#[unsafe(no_mangle)]
fn footprint_received(byte: u8, lost: bool) {
    RECEIVED.push(byte, lost);
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    footprint_board::enable(BAUD);
    let memory = MEMORY.put(Resources::new);
    let net = NET.put(|| Esp8285::new(Port, Board, memory));
    footprint_board::finish(download(net).unwrap_or(false))
}

fn download(net: &Net) -> Result<bool> {
    net.connect(SSID, KEY)?;
    let to = net.getaddrinfo(HOST, PORT, Hints::stream())?.first().sockaddr;
    let socket = net.tcp()?;
    socket.settimeout(30)?;
    socket.connect(to)?;
    socket.sendall(REQUEST)?;
    let mut get = Get::default();
    let mut page = [0; 128];
    loop {
        let len = socket.recv(&mut page)?;
        if len == 0 || get.feed(&page[..len]) {
            break;
        }
    }
    socket.close()?;
    Ok(get.is_good())
}

struct Port;

impl Uart for Port {
    fn read(&mut self, buf: &mut [u8]) -> core::result::Result<usize, Lost> {
        if RECEIVED.take_lost() { Err(Lost) } else { Ok(RECEIVED.take(buf)) }
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        footprint_board::put(bytes)
    }

    fn readable(&self) -> bool {
        RECEIVED.is_readable()
    }

    fn writable(&self) -> bool {
        footprint_board::writable()
    }

    fn is_idle(&self) -> bool {
        footprint_board::is_idle()
    }

    fn capacity(&self) -> usize {
        RING
    }
}

struct Board;

impl Platform for Board {
    fn now(&self) -> Instant {
        Instant::from_micros(footprint_board::now() * 10 / (TICKS / 100_000))
    }

    fn seed(&self) -> u64 {
        footprint_board::now()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        let until =
            until.map_or(u64::MAX, |at| at.as_micros().saturating_mul(TICKS / 100_000) / 10);
        footprint_board::idle(until, ready);
    }
}
