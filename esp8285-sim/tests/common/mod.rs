//! A small world around a modem: one network, two access points, a host with services.
#![allow(dead_code, reason = "each test uses a part")]

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use esp8285_sim::net::{Host, Script, Step, UdpService, VirtualNet};
use esp8285_sim::{AccessPoint, Air, Instant, Knobs, Modem, Version};

/// Where the services of IPv6 run.
pub(crate) const HOST6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x80);

/// Where the services run.
pub(crate) const HOST: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

/// A modem and the time.
pub(crate) struct World {
    pub(crate) modem: Modem<VirtualNet>,
    pub(crate) now: Instant,
}

impl World {
    /// A modem at power-up.
    pub(crate) fn new(version: Version, knobs: Knobs) -> Self {
        Self { modem: Modem::new(version, knobs, air(), net()), now: Instant::ZERO }
    }

    /// A modem that has booted, with the echo off.
    pub(crate) fn ready(version: Version, knobs: Knobs) -> Self {
        let mut world = Self::new(version, knobs);
        world.run(1_000);
        world.ask("ATE0");
        world
    }

    /// The same, on the network, with several links.
    pub(crate) fn joined(version: Version, knobs: Knobs) -> Self {
        let mut world = Self::ready(version, knobs);
        assert!(world.ask("AT+CWJAP=\"net\",\"password\"").ends_with("\r\n\r\nOK\r\n"));
        world.ask("AT+CIPMUX=1");
        world
    }

    /// Lets time pass until `millis` from now; what the modem said.
    pub(crate) fn run(&mut self, millis: u64) -> Vec<u8> {
        let end = self.now + Duration::from_millis(millis);
        let mut said = Vec::new();
        loop {
            let mut buf = [0; 512];
            let len = self.modem.poll_tx(self.now, &mut buf);
            said.extend(&buf[..len]);
            if len > 0 {
                continue;
            }
            match self.modem.poll_at().filter(|at| *at <= end) {
                Some(at) => self.now = at.max(self.now),
                None => break,
            }
        }
        self.now = end;
        self.modem.advance(end);
        said
    }

    /// Gives the modem bytes at once.
    pub(crate) fn give(&mut self, bytes: &[u8]) {
        self.modem.handle_rx(self.now, bytes);
    }

    /// A command line and what came in the following twenty seconds.
    pub(crate) fn ask(&mut self, line: &str) -> String {
        self.give(format!("{line}\r\n").as_bytes());
        text(&self.run(20_000))
    }

    /// The same with a shorter wait.
    pub(crate) fn ask_for(&mut self, line: &str, millis: u64) -> String {
        self.give(format!("{line}\r\n").as_bytes());
        text(&self.run(millis))
    }

    /// A client comes to the modem's server.
    pub(crate) fn dial(&mut self, port: u16, script: Script) -> Option<esp8285_sim::net::Conn> {
        let from = SocketAddr::from((HOST, 50_000));
        self.modem.net_mut().dial(self.now, from, port, script)
    }
}

/// Bytes as readable text.
pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn air() -> Air {
    let mut air = Air::with(AccessPoint::new(b"net", b"password"));
    let quoted = AccessPoint { rssi: -70, channel: 1, ..AccessPoint::new(b"a\",\"b", b"") };
    let slow = AccessPoint::new(b"slow", b"password").join_time(Duration::from_secs(16));
    let hidden = AccessPoint { present: false, ..AccessPoint::new(b"gone", b"password") };
    air.access_points.extend([quoted, slow, hidden]);
    for ap in &mut air.access_points[2..] {
        ap.rssi = -80;
    }
    air
}

fn net() -> VirtualNet {
    let mut net = VirtualNet::new(1);
    let pause = Step::Wait(Duration::from_millis(50));
    let reset = Script::new([Step::Send(b"12".to_vec()), pause, Step::Reset]);
    let host = Host::default()
        .tcp(7, Script::echo())
        .tcp(9, Script::sink())
        .tcp(80, Script::send_and_close(b"hello"))
        .tcp(81, Script::new([Step::Send(b"hello".to_vec())]))
        .tcp(82, reset)
        .tcp(83, Script::new([Step::Stall]))
        .tcp(90, Script::send_and_close(&[b'x'; 20_000]))
        .udp(53, UdpService::Answer(vec![b"ab".to_vec(), b"cde".to_vec()]))
        .udp(7, UdpService::Echo);
    net.add_host(HOST, host);
    net.add_name("host.test", HOST);
    let six = Host::default()
        .tcp(9, Script::sink())
        .tcp(81, Script::new([Step::Send(b"hello".to_vec())]))
        .udp(7, UdpService::Echo);
    net.add_host(HOST6, six);
    net.add_name("six.test", HOST6);
    net.add_name("both.test", HOST6);
    net.add_name("both.test", HOST);
    net
}
