//! A host that wastes nothing and knows what comes: no driver, just the shortest exchange.

use std::net::Ipv4Addr;
use std::time::Duration;

use esp8285_sim::net::{Host, Script, Step, VirtualNet};
use esp8285_sim::uart::{Uart, UartConfig};
use esp8285_sim::{AccessPoint, Air, Instant, Knobs, Modem, Version};
use usocket_bench::esp8285_suite::conditions::{Conditions, Firmware, Receiving, Sending};

/// A modem under the conditions of a line, joined, with as many links as it has sockets.
pub(crate) struct Ideal {
    uart: Uart<VirtualNet>,
    now: Instant,
    got: Vec<u8>,
    on: Conditions,
}

impl Ideal {
    /// Joined, in the mode, with links 4, 3, ... open to this service.
    pub(crate) fn new(on: Conditions, receiving: Receiving, service: Service) -> Self {
        let latencies = on.latencies;
        let knobs = Knobs {
            command_latency: latencies.command,
            prompt_latency: latencies.prompt,
            recv_latency: latencies.recv,
            ack_latency: latencies.queued,
            flash_baud: on.baud,
            ..Knobs::default()
        };
        let script = match service {
            Service::Source(len) => Script::new([Step::Send(vec![b'x'; len])]),
            Service::Sink => Script::sink(),
            Service::Echo => Script::echo(),
        };
        let mut net = VirtualNet::new(1);
        let host = Host::default().round_trip(latencies.round_trip);
        net.add_host(Ipv4Addr::new(10, 0, 0, 1), host.tcp(9, script));
        let air = Air::with(AccessPoint::new(b"net", b"password"));
        let version = match on.firmware {
            Firmware::V1_7_6 => Version::V1_7_6,
            Firmware::V2_2 => Version::V2_2,
        };
        let modem = Modem::new(version, knobs, air, net);
        let config = UartConfig { baud: on.baud, tx_depth: 4096, ..UartConfig::default() };
        let uart = Uart::new(modem, config);
        let mut host = Self { uart, now: Instant::ZERO, got: Vec::new(), on };
        host.find("ready\r\n");
        let mode = u8::from(receiving == Receiving::Passive);
        for line in ["ATE0", "AT+CIPMUX=1", "AT+CWMODE=1", "AT+CWJAP=\"net\",\"password\""] {
            host.command(line);
            host.find("OK\r\n");
        }
        host.command(&format!("AT+CIPRECVMODE={mode}"));
        host.find("OK\r\n");
        for socket in 0..on.sockets {
            let id = 4 - socket;
            host.command(&format!("AT+CIPSTART={id},\"TCP\",\"10.0.0.1\",9"));
            host.find("CONNECT\r\n\r\nOK\r\n");
        }
        if receiving == Receiving::Passive {
            // The first bytes of all links are there.
            host.now = host.now + 5 * latencies.round_trip;
        }
        host
    }

    /// Efficiency of so many reads.
    pub(crate) fn receive(&mut self, receiving: Receiving, reads: usize, len: usize) -> f64 {
        let (mut began, mut bytes) = (self.now, 0);
        for read in 0..reads {
            if read == reads / 4 {
                (began, bytes) = (self.now, 0);
            }
            bytes += match receiving {
                Receiving::Passive => self.read(4 - read % self.on.sockets, len),
                Receiving::Active => {
                    self.find("+IPD,");
                    self.find(",");
                    let len = self.number(":");
                    self.take(len);
                    len
                }
            };
        }
        self.efficiency(bytes, began)
    }

    /// Efficiency of so many sends.
    pub(crate) fn send(&mut self, sending: Sending, sends: usize, len: usize) -> f64 {
        let (mut began, mut bytes) = (self.now, 0);
        for send in 0..sends {
            if send == sends / 4 {
                (began, bytes) = (self.now, 0);
            }
            self.piece(sending, 4 - send % self.on.sockets, len);
            bytes += len;
        }
        self.efficiency(bytes, began)
    }

    /// The time of a round trip, of so many.
    pub(crate) fn echo(
        &mut self,
        receiving: Receiving,
        sending: Sending,
        rounds: u32,
        len: usize,
    ) -> Duration {
        let began = self.now;
        for _ in 0..rounds {
            self.piece(sending, 4, len);
            self.find("+IPD,4,");
            match receiving {
                Receiving::Active => {
                    assert_eq!(self.number(":"), len);
                    self.take(len);
                }
                Receiving::Passive => {
                    assert_eq!(self.number("\r\n"), len);
                    assert_eq!(self.read(4, len), len);
                }
            }
        }
        self.now.since(began) / rounds
    }

    fn read(&mut self, id: usize, len: usize) -> usize {
        self.command(&format!("AT+CIPRECVDATA={id},{len}"));
        let end = match self.on.firmware {
            Firmware::V1_7_6 => {
                self.find("+CIPRECVDATA,");
                ":"
            }
            Firmware::V2_2 => {
                self.find("+CIPRECVDATA:");
                ","
            }
        };
        let len = self.number(end);
        self.take(len);
        self.find("\r\nOK\r\n");
        len
    }

    fn piece(&mut self, sending: Sending, id: usize, len: usize) {
        let name = match sending {
            Sending::Plain => "CIPSEND",
            Sending::Pipelined => "CIPSENDBUF",
        };
        self.command(&format!("AT+{name}={id},{len}"));
        self.find(">");
        self.write(&vec![b'x'; len]);
        self.find(&format!("Recv {len} bytes\r\n"));
        if sending == Sending::Plain {
            self.find("SEND OK\r\n");
        }
    }

    fn efficiency(&self, bytes: usize, began: Instant) -> f64 {
        self.on.on_the_wire(bytes) / self.now.since(began).as_secs_f64()
    }

    fn command(&mut self, line: &str) {
        self.write(line.as_bytes());
        self.write(b"\r\n");
    }

    fn write(&mut self, bytes: &[u8]) {
        assert_eq!(self.uart.write(self.now, bytes), bytes.len(), "the transmitter has room");
    }

    fn number(&mut self, end: &str) -> usize {
        let text = self.find(end);
        text.strip_suffix(end).and_then(|text| text.parse().ok()).expect("a number")
    }

    /// Waits for this text and takes everything up to its end.
    fn find(&mut self, text: &str) -> String {
        loop {
            let at = self.got.windows(text.len()).position(|part| part == text.as_bytes());
            if let Some(at) = at {
                let taken = self.got.drain(..at + text.len()).collect();
                return String::from_utf8(taken).expect("text");
            }
            self.pass();
        }
    }

    fn take(&mut self, len: usize) {
        while self.got.len() < len {
            self.pass();
        }
        self.got.drain(..len);
    }

    fn pass(&mut self) {
        let next = self.uart.poll_at().unwrap_or_else(|| {
            panic!("nothing more will come after {:?}", String::from_utf8_lossy(&self.got))
        });
        assert!(next < Instant::ZERO + Duration::from_secs(600), "in time");
        self.now = self.now.max(next);
        let mut buf = [0; 64];
        let len = self.uart.read(self.now, &mut buf);
        self.got.extend(&buf[..len]);
    }
}

/// What is at the other end of the links.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Service {
    /// Sends so many bytes.
    Source(usize),
    /// Takes bytes.
    Sink,
    /// Sends back what comes.
    Echo,
}
