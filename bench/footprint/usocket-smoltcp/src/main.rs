//! Connects to a numeric address, GETs and checks the hash, on usocket over smoltcp.
#![no_std]
#![no_main]

use footprint_board::{ADDRESS, Get, Network, OWN, PORT, Place, REQUEST, TICKS};
use footprint_network::Port;
use usocket_backend_smoltcp::{Config, Net, OWN as OWN_PLACES, Storage};
use usocket_core::prelude::*;
use usocket_core::spi::Platform;
use usocket_core::{Instant, Result};

/// Of the connection's buffers.
const BYTES: usize = footprint_board::size(option_env!("FOOTPRINT_BYTES"), 2048);

/// Sockets, each with a pair of buffers. The program uses one.
const SOCKETS: usize = footprint_board::size(option_env!("FOOTPRINT_SOCKETS"), 1);

/// As many connections, no datagrams, nobody who waits to be accepted.
type Memory = Storage<'static, SOCKETS, SOCKETS, BYTES, BYTES, 0, 0, 0, { SOCKETS + OWN_PLACES }>;
type Stack = Net<'static, Port, Board, usocket_core::NoopRawMutex, 0>;

static MEMORY: Place<Memory> = Place::new();
static NET: Place<Stack> = Place::new();

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let outcome = start().and_then(download);
    footprint_board::finish(outcome.unwrap_or(false))
}

fn start() -> Result<&'static Stack> {
    let (address, prefix, router) = OWN;
    #[cfg(feature = "ethernet")]
    let config = Config::ethernet(footprint_board::HARDWARE);
    #[cfg(not(feature = "ethernet"))]
    let config = Config::ip();
    let config = config.address(address.into(), prefix)?.gateway(router.into());
    let memory = MEMORY.put(Storage::new);
    // SAFETY: once.
    let device = Port::new(unsafe { Network::new() });
    let net = Net::new(device, Board, &config, memory)?;
    Ok(NET.put(|| net))
}

fn download(net: &Stack) -> Result<bool> {
    let socket = net.tcp()?;
    socket.settimeout(30)?;
    socket.connect((core::net::Ipv4Addr::from(ADDRESS), PORT))?;
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
    net.drain(10)?;
    Ok(get.is_good())
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
        footprint_board::idle(until, &mut || footprint_board::frame_came() || ready());
    }
}
