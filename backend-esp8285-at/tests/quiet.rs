//! What the driver does not say: nothing that would cost the wire and is not needed.

mod support;

use std::cell::RefCell;

use esp8285_sim::Version;
use esp8285_world::{KEY, Kit, SSID, Settings, network};
use support::{Memory, Net, Wire};
use usocket_backend_esp8285_at::{Config, Trace};
use usocket_conformance::{Peer, Step};
use usocket_core::prelude::*;
use usocket_core::{Family, SockAddr};

thread_local! {
    static SAID: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn listen(trace: Trace<'_>) {
    if let Trace::Command(line) = trace {
        SAID.with_borrow_mut(|said| said.push(line.escape_ascii().to_string()));
    }
}

/// How many commands with this in them since the last call.
fn said(part: &str) -> usize {
    SAID.take().iter().filter(|line| line.contains(part)).count()
}

#[test]
fn nothing_is_asked_while_data_flow_and_again_when_they_stop() {
    for version in [Version::V1_7_6, Version::V2_2] {
        let network = network(1);
        let mut memory = Box::new(Memory::new());
        let kit = Kit::new(&network, Settings { version, ..Settings::default() }).unwrap();
        let wire = Wire(kit.world().port());
        let net: Net<'_> = Net::with_config(wire, kit.world().board(), &mut memory, Config::new());
        net.set_trace(Some(listen));
        net.connect(SSID, KEY).unwrap();
        let script = [Step::Listen(Family::V4, 1), Step::Accept, Step::Send(50_000), Step::Hold];
        let actor = kit.start(&script).unwrap();
        let socket = net.tcp().unwrap();
        socket.settimeout(3).unwrap();
        socket.connect(kit.peer().address(actor).unwrap()).unwrap();
        SAID.take();
        let (mut buf, mut total) = ([0; 1000], 0);
        while total < 50_000 {
            total += socket.recv(&mut buf).unwrap();
        }
        assert_eq!(said("CIPRECVLEN"), 0, "{version:?}: for over four seconds of data");
        assert_eq!(socket.recv(&mut buf), Err(Error::ETIMEDOUT));
        let asked = said("CIPRECVLEN");
        assert!((4..7).contains(&asked), "{version:?}: {asked} times in three seconds of silence");
    }
}

#[test]
fn the_sender_is_told_where_it_is_needed() {
    for (version, at_first) in [(Version::V1_5, 1), (Version::V1_7_6, 0), (Version::V2_2, 0)] {
        let network = network(1);
        let mut memory = Box::new(Memory::new());
        let kit = Kit::new(&network, Settings { version, ..Settings::default() }).unwrap();
        let wire = Wire(kit.world().port());
        let config = Config::new().receive(usocket_backend_esp8285_at::Receive::Active);
        let net: Net<'_> = Net::with_config(wire, kit.world().board(), &mut memory, config);
        net.set_trace(Some(listen));
        SAID.take();
        net.connect(SSID, KEY).unwrap();
        assert_eq!(said("CIPDINFO=1"), at_first, "{version:?}: at the set-up");
        for expected in [1 - at_first, 0] {
            let socket = net.udp().unwrap();
            socket.bind(SockAddr::new(Family::V4.unspecified(), 0)).unwrap();
            net.drain(1).unwrap();
            assert_eq!(said("CIPDINFO=1"), expected, "{version:?}: for datagrams");
        }
    }
}
