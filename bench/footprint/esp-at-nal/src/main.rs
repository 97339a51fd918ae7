//! Joins, opens a connection, GETs and checks the hash, on `esp-at-nal`.
//!
//! The crate cannot look up names, so the address is a literal. It has places for five
//! sockets whatever is used, and it never reports the end of a stream.
#![no_std]
#![no_main]

use core::cell::RefCell;
use core::convert::Infallible;
use core::net::{IpAddr, Ipv4Addr, SocketAddr};
use core::task::Waker;

use atat::blocking::Client;
use atat::{AtDigester, AtatIngress, Config, Ingress, ResponseSlot, UrcChannel};
use critical_section::Mutex;
use embedded_nal::TcpClientStack;
use esp_at_nal::urc::URCMessages;
use esp_at_nal::wifi::{Adapter, WifiAdapter};
use footprint_board::{ADDRESS, BAUD, Get, KEY, PORT, Place, REQUEST, SSID, TICKS};
use fugit::{TimerDurationU32, TimerInstantU32};

/// The crate's block sizes in both directions.
const BYTES: usize = footprint_board::size(option_env!("FOOTPRINT_BYTES"), 2048);
/// As in the crate's example.
const URCS: usize = 8;
/// Longest answer other than received data: `CIFSR`, which this program does not ask for.
const RESPONSE: usize = 128;
/// A block and what stands around it.
const INGRESS: usize = BYTES + 64;
/// A block or the longest command.
const COMMAND: usize = if BYTES > 256 { BYTES } else { 256 };
const HZ: u32 = 1_000_000;

type Urcs = UrcChannel<URCMessages<BYTES>, URCS, 1>;
type Feed = Ingress<'static, AtDigester<URCMessages<BYTES>>, URCMessages<BYTES>, RESPONSE, URCS, 1>;
type Nal = Adapter<'static, Client<'static, Serial, RESPONSE>, Timer, HZ, BYTES, BYTES, URCS>;

static CHANNEL: Urcs = UrcChannel::new();
static SLOT: ResponseSlot<RESPONSE> = ResponseSlot::new();
static FEED: Mutex<RefCell<Option<Feed>>> = Mutex::new(RefCell::new(None));
static NAL: Place<Nal> = Place::new();
static INGRESS_BYTES: Place<[u8; INGRESS]> = Place::new();
static COMMAND_BYTES: Place<[u8; COMMAND]> = Place::new();
static PAGE_BYTES: Place<[u8; BYTES]> = Place::new();

/// The interrupt handler feeds the digester: the crate waits without letting anybody else do it.
#[unsafe(no_mangle)]
fn footprint_received(byte: u8, lost: bool) {
    critical_section::with(|section| {
        if let Some(feed) = FEED.borrow_ref_mut(section).as_mut() {
            if lost {
                feed.clear();
            }
            let _ = feed.try_write(&[byte]);
        }
    });
}

#[unsafe(no_mangle)]
extern "C" fn main() -> ! {
    let ingress = INGRESS_BYTES.put(|| [0; INGRESS]);
    let command = COMMAND_BYTES.put(|| [0; COMMAND]);
    let page = PAGE_BYTES.put(|| [0; BYTES]);
    let digester = AtDigester::<URCMessages<BYTES>>::new();
    let feed = Ingress::new(digester, ingress, &SLOT, &CHANNEL);
    critical_section::with(|section| FEED.borrow_ref_mut(section).replace(feed));
    footprint_board::enable(BAUD);
    let client = Client::new(Serial, &SLOT, command, Config::new());
    let Ok(urcs) = CHANNEL.subscribe() else { footprint_board::finish(false) };
    let nal = NAL.put(|| Adapter::new(client, urcs, Timer(0)));
    footprint_board::finish(download(nal, page).unwrap_or(false))
}

fn download(nal: &mut Nal, page: &mut [u8]) -> Option<bool> {
    let state = nal.join(SSID, KEY).ok()?;
    if !state.connected {
        return None;
    }
    let mut socket = nal.socket().ok()?;
    let to = SocketAddr::new(IpAddr::V4(Ipv4Addr::from(ADDRESS)), PORT);
    nal.connect(&mut socket, to).ok()?;
    nal.send(&mut socket, REQUEST).ok()?;
    let mut get = Get::default();
    loop {
        match nal.receive(&mut socket, page) {
            Ok(len) if get.feed(&page[..len]) => break,
            Ok(_) | Err(nb::Error::WouldBlock) => {}
            Err(nb::Error::Other(_)) => return None,
        }
    }
    nal.close(socket).ok()?;
    Some(get.is_good())
}

struct Serial;

impl embedded_io::ErrorType for Serial {
    type Error = Infallible;
}

impl embedded_io::Write for Serial {
    fn write(&mut self, bytes: &[u8]) -> Result<usize, Infallible> {
        loop {
            let taken = footprint_board::put(bytes);
            if taken > 0 || bytes.is_empty() {
                return Ok(taken);
            }
        }
    }

    fn flush(&mut self) -> Result<(), Infallible> {
        while !footprint_board::is_idle() {}
        Ok(())
    }
}

fn micros() -> u64 {
    footprint_board::now() * 10 / (TICKS / 100_000)
}

/// The time limit of a send: when it is over.
struct Timer(u64);

impl fugit_timer::Timer<HZ> for Timer {
    type Error = Infallible;

    fn now(&mut self) -> TimerInstantU32<HZ> {
        #[expect(clippy::cast_possible_truncation, reason = "it wraps")]
        TimerInstantU32::from_ticks(micros() as u32)
    }

    fn start(&mut self, wait: TimerDurationU32<HZ>) -> Result<(), Infallible> {
        self.0 = micros() + u64::from(wait.to_micros());
        Ok(())
    }

    fn cancel(&mut self) -> Result<(), Infallible> {
        Ok(())
    }

    fn wait(&mut self) -> nb::Result<(), Infallible> {
        if micros() < self.0 { Err(nb::Error::WouldBlock) } else { Ok(()) }
    }
}

struct Clock;

impl embassy_time_driver::Driver for Clock {
    fn now(&self) -> u64 {
        micros()
    }

    /// Only for tasks, of which there are none.
    fn schedule_wake(&self, _: u64, waker: &Waker) {
        waker.wake_by_ref();
    }
}

embassy_time_driver::time_driver_impl!(static CLOCK: Clock = Clock);
