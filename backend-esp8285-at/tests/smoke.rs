//! The first steps: the modem is found, joins, and a stream carries data both ways.

mod support;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use esp8285_sim::Version;
use esp8285_world::{KEY, Kit, SSID, Settings, network};
use std::time::Duration;
use support::{Memory, Net, Wire, trace};
use usocket_backend_esp8285_at::{Config, Esp8285, Lost, Uart};
use usocket_conformance::{Digest, Peer, Step};
use usocket_core::prelude::*;
use usocket_core::{Family, Hints};

#[test]
fn a_stream_carries_data_both_ways() {
    for version in Version::ALL {
        eprintln!("== {version:?}");
        let network = network(1);
        let mut memory = Box::new(Memory::new());
        let kit = Kit::new(&network, Settings { version, ..Settings::default() }).unwrap();
        let world = kit.world().clone();
        let net: Net<'_> =
            Net::with_config(Wire(world.port()), world.board(), &mut memory, Config::new());
        net.set_trace(Some(trace));
        net.connect(SSID, KEY).unwrap();
        assert!(net.isconnected());
        assert_eq!(net.ifconfig().ip.octets(), [10, 0, 0, 1]);
        let listen = [Step::Listen(Family::V4, 1), Step::Accept, Step::Send(20_000)];
        let then = [Step::Recv(10_000), Step::Fin, Step::RecvToEnd, Step::Hold];
        let script: Vec<Step> = listen.into_iter().chain(then).collect();
        let actor = kit.start(&script).unwrap();
        let address = kit.peer().address(actor).unwrap();
        let found = net.getaddrinfo("peer.test", address.port(), Hints::stream()).unwrap();
        let socket = net.tcp().unwrap();
        socket.settimeout(30).unwrap();
        socket.connect(found.first().sockaddr).unwrap();
        assert_ne!(socket.local_addr().unwrap().port(), 0);
        let mut digest = Digest::new();
        let mut buf = [0; 1000];
        let mut total = 0;
        while total < 20_000 {
            let n = socket.recv(&mut buf).unwrap();
            assert!(n > 0, "ended after {total}");
            digest.add(&buf[..n]);
            total += n;
        }
        assert_eq!(digest, Digest::of_pattern(20_000));
        let data: Vec<u8> = (0..10_000).map(usocket_conformance::pattern).collect();
        socket.sendall(&data).unwrap();
        assert_eq!(socket.recv(&mut buf), Ok(0));
        drop(socket);
        net.drain(10).unwrap();
        let report = kit.stop(actor);
        assert_eq!((report.received, report.digest), (10_000, Digest::of_pattern(10_000)));
    }
}

/// On 1.x a server that stops drops its clients, those included that are still being sent to.
#[test]
fn what_a_closed_client_is_still_to_get_outlives_the_listener() {
    for version in Version::ALL {
        let network = network(1);
        let mut memory = Box::new(Memory::new());
        let kit = Kit::new(&network, Settings { version, ..Settings::default() }).unwrap();
        let world = kit.world().clone();
        let net: Net<'_> =
            Net::with_config(Wire(world.port()), world.board(), &mut memory, Config::new());
        net.connect(SSID, KEY).unwrap();
        let listener = net.tcp().unwrap();
        listener.bind(("0.0.0.0", 80)).unwrap();
        listener.listen(1).unwrap();
        let to = usocket_core::SockAddr::new(net.ifconfig().ip.into(), 80);
        let actor = kit.start(&[Step::Connect(to), Step::RecvToEnd, Step::Hold]).unwrap();
        let (client, _) = listener.accept().unwrap();
        let data: Vec<u8> = (0..4000).map(usocket_conformance::pattern).collect();
        client.sendall(&data).unwrap();
        drop((client, listener));
        net.drain(10).unwrap();
        let report = kit.stop(actor);
        assert_eq!(report.digest, Digest::of_pattern(4000), "{version:?}: {}", report.received);
    }
}

/// A wire whose bytes reach the driver only once it has said something, as with a thread that
/// reads a line of a computer.
struct Late<'n>(Wire<esp8285_world::Stack<'n>>, bool);

impl Uart for Late<'_> {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        if self.1 { self.0.read(buf) } else { Ok(0) }
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        self.1 = true;
        self.0.write(bytes)
    }

    fn readable(&self) -> bool {
        self.1 && self.0.readable()
    }

    fn writable(&self) -> bool {
        self.0.writable()
    }

    fn is_idle(&self) -> bool {
        self.0.is_idle()
    }

    fn capacity(&self) -> usize {
        self.0.capacity()
    }
}

/// The answer to the probe must not be taken for that of the command that follows `ready`.
#[test]
fn a_ready_that_has_waited_for_the_driver() {
    for version in Version::ALL {
        let network = network(1);
        let mut memory = Box::new(Memory::new());
        let kit = Kit::new(&network, Settings { version, ..Settings::default() }).unwrap();
        let world = kit.world().clone();
        world.pass(Duration::from_secs(1));
        let uart = Late(Wire(world.port()), false);
        let net: Esp8285<'_, _, _, NoopRawMutex, 24> =
            Esp8285::with_config(uart, world.board(), &mut memory, Config::new());
        net.start(Duration::from_secs(2)).unwrap();
        net.connect(SSID, KEY).unwrap();
        assert_eq!(net.stats().busy, 0, "{version:?}");
    }
}
