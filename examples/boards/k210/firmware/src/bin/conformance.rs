//! The conformance kit on the board: one case per run. The peer, and what number the case has,
//! come from a program beside the emulator.
#![no_std]
#![no_main]

use core::net::{IpAddr, Ipv4Addr};
use core::time::Duration;

use maix_board::{Board, ask, finish};
use maix_firmware::{KEY, Modem, SSID, Start, config, start};
use maix_remote::{Ask, Reader, Wire, Writer};
use static_cell::{ConstStaticCell, StaticCell};
use usocket::esp8285::{Esp8285, Resources};
use usocket::prelude::*;
use usocket::spi::{EventSource, Platform};
use usocket::{Family, NoopRawMutex, SockAddr, earlier};
use usocket_conformance::{Actor, Caps, Harness, Peer, Report, Step, cases};

maix_board::program!(main);

/// As the same kit has it on a host.
const SOCKETS: usize = 16;
type Memory = Resources<SOCKETS, 8, 4096, 4096>;
type Net = Esp8285<'static, Modem, Board, NoopRawMutex, 24>;

/// The driver, and the peer behind the port.
struct Remote {
    net: &'static Net,
}

fn main() -> ! {
    static MEMORY: ConstStaticCell<Memory> = ConstStaticCell::new(Memory::new());
    static NET: StaticCell<Net> = StaticCell::new();
    let Start { uart, mut console, .. } = start();
    let net = NET.init_with(|| Net::with_config(uart, Board, MEMORY.take(), config()));
    if net.connect(SSID, KEY).is_err() {
        finish(&mut console, Err(()));
    }
    let remote = Remote { net };
    let number: u32 = question(&Ask::Case);
    let mut index = 0;
    cases::visit(&mut |case| {
        if index == number {
            let () = question(&Ask::Outcome((case.run)(&remote)));
        }
        index += 1;
    });
    if number >= index {
        let () = question(&Ask::NoMore);
    }
    finish(&mut console, Ok(()))
}

/// Asks the program beside the emulator.
fn question<T: Wire>(what: &Ask<'_>) -> T {
    let (mut out, mut back) = ([0; 2048], [0; 256]);
    let mut writer = Writer::new(&mut out);
    what.put(&mut writer);
    let answer = ask(writer.message(), &mut back);
    // Nothing that is kept comes this way.
    T::get(&mut Reader::new(answer, |_| &[])).expect("both ends are built from one source")
}

impl Remote {
    /// Lets time pass until `over` says true; not longer than a while.
    fn run(&self, time: Duration, mut over: impl FnMut() -> bool) {
        let until = Board.now() + time;
        loop {
            let now = Board.now();
            let next = self.net.drive(now);
            if over() || now >= until {
                return;
            }
            // Nothing calls when the peer has got further.
            let until = earlier(next, Some(until.min(now + LOOK)));
            Board.idle(until, &mut || self.net.pending());
        }
    }
}

impl Harness for Remote {
    type Net = Net;

    fn net(&self) -> &Net {
        self.net
    }

    /// Those of AT firmware 1.7.6, as in `esp8285-world`.
    fn caps(&self) -> Caps {
        Caps {
            ipv6: false,
            server: true,
            udp: true,
            multicast: false,
            broadcast: false,
            half_close: false,
            reset: false,
            time_wait: false,
            reuse_addr: true,
            linger: true,
            client_port: false,
            empty_datagrams: false,
            keep_alive: false,
            no_delay: false,
            port_unreachable: false,
            fileno: false,
            local_address: false,
            max_datagram: 1472,
            max_sockets: Some(SOCKETS),
        }
    }

    fn peer(&self) -> &dyn Peer {
        self
    }

    fn ip(&self, family: Family) -> Option<IpAddr> {
        (family == Family::V4).then_some(OWN)
    }

    fn burst(&self) -> Duration {
        // At 115200 baud.
        Duration::from_secs(3)
    }

    fn pass(&self, time: Duration) {
        self.run(time, || false);
    }
}

impl Peer for Remote {
    fn ip(&self, family: Family) -> Option<IpAddr> {
        (family == Family::V4).then_some(PEER)
    }

    fn start(&self, script: &[Step]) -> Result<Actor> {
        question(&Ask::Start(script))
    }

    fn address(&self, actor: Actor) -> Result<SockAddr> {
        let ask = || question::<Result<SockAddr>>(&Ask::Address(actor));
        self.run(PATIENCE, || ask() != Err(Error::EAGAIN));
        match ask() {
            Err(Error::EAGAIN) => Err(Error::ETIMEDOUT),
            answer => answer,
        }
    }

    fn report(&self, actor: Actor) -> Report {
        question(&Ask::Report(actor))
    }

    fn settle(&self, actor: Actor) -> Report {
        self.run(PATIENCE, || question(&Ask::Settled(actor)));
        self.report(actor)
    }

    fn stop(&self, actor: Actor) -> Report {
        question(&Ask::Stop(actor))
    }

    fn refusing(&self, family: Family) -> SockAddr {
        question(&Ask::Refusing(family))
    }

    fn silent(&self, family: Family) -> SockAddr {
        question(&Ask::Silent(family))
    }

    fn name(&self) -> &'static str {
        "peer.test"
    }
}

/// Addresses of the kit's network.
const OWN: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

/// How long the methods of a peer wait at most.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often the peer is looked at.
const LOOK: Duration = Duration::from_millis(10);
