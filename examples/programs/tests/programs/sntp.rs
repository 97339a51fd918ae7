//! The time from a server that is an hour ahead.

use std::net::{Ipv4Addr, UdpSocket};
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use sntpc::NtpTimestampGenerator;
use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_programs::sntp::{self, Failure};

use usocket_examples::{Program, Site, Trouble};

use crate::backends::{Kind, on};
use crate::http::failed;

/// Seconds from 1900 to 1970.
const ERA: u64 = 2_208_988_800;

const HOUR: Duration = Duration::from_secs(3600);

/// This machine's clock.
#[derive(Clone, Copy, Default)]
struct Clock(Duration);

impl NtpTimestampGenerator for Clock {
    fn init(&mut self) {
        self.0 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    }

    fn timestamp_sec(&self) -> u64 {
        self.0.as_secs()
    }

    fn timestamp_subsec_micros(&self) -> u32 {
        self.0.subsec_micros()
    }
}

struct Ask(u16);

impl Program for Ask {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let stack = Stack::new(net).with_timeout(10).unwrap();
        let server = site.peer((Ipv4Addr::LOCALHOST, self.0)).into();
        match net.block_on(sntp::ask(&stack, server, Clock::default())) {
            Ok(result) => {
                let off = result.offset() - i64::try_from(HOUR.as_micros()).unwrap();
                assert!(off.abs() < 2_000_000, "{off} us off");
                Ok(())
            }
            Err(Failure::Connect(error)) => Err(failed(error)),
            Err(Failure::Sntp(error)) => Err(failed(error)),
        }
    }
}

/// An answer of a server of stratum 1 (RFC 4330).
fn answer(request: &[u8]) -> Vec<u8> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap() + HOUR;
    let fraction = (u64::from(now.subsec_nanos()) << 32) / 1_000_000_000;
    let stamp = (((now.as_secs() + ERA) << 32) | fraction).to_be_bytes();
    let mut packet = vec![0x24, 1, 4, 0xec, 0, 0, 0, 0, 0, 0, 0, 0];
    packet.extend(b"LOCL");
    packet.extend(stamp);
    packet.extend(&request[40..48]);
    packet.extend(stamp);
    packet.extend(stamp);
    packet
}

/// A time server for one question; its port.
pub(crate) fn serve() -> (u16, thread::JoinHandle<()>) {
    let server = UdpSocket::bind(("127.0.0.1", 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let thread = thread::spawn(move || {
        let mut request = [0; 64];
        let (len, from) = server.recv_from(&mut request).unwrap();
        assert_eq!(len, 48);
        server.send_to(&answer(&request), from).unwrap();
    });
    (port, thread)
}

pub(crate) fn run(kind: Kind) -> Result<(), String> {
    let (port, thread) = serve();
    let outcome = on(kind, Ask(port));
    if outcome.is_ok() {
        thread.join().unwrap();
    }
    outcome
}
