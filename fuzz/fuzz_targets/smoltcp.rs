//! Frames and calls in any order, on the smoltcp backend.
//!
//! The input is a list of records: a byte that says what to do, and what it needs. Nothing
//! may panic, and no drive may leave work for ever.
#![no_main]

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use usocket_backend_smoltcp::smoltcp::phy::{
    Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken,
};
use usocket_backend_smoltcp::smoltcp::time::Instant as StackInstant;
use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
use usocket_core::spi::{
    Answer, Backend, EventSource, Handle, Platform, RecvFlags, Shutdown, SockType,
};
use usocket_core::{Family, Instant, SockAddr};

type Memory<'a> = Storage<'a, 6, 3, 1024, 1024, 2, 3000, 3, { 3 + 2 + OWN }>;

/// Frames to receive; what is sent is lost.
struct Frames {
    waiting: VecDeque<Vec<u8>>,
    medium: Medium,
}

struct Frame(Vec<u8>);

impl RxToken for Frame {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&self.0)
    }
}

struct Lost;

impl TxToken for Lost {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        f(&mut vec![0; len])
    }
}

/// The device is the test's as well, to put frames into.
#[derive(Clone)]
struct Port(Rc<std::cell::RefCell<Frames>>);

impl Device for Port {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Lost;

    fn receive(&mut self, _: StackInstant) -> Option<(Frame, Lost)> {
        Some((Frame(self.0.borrow_mut().waiting.pop_front()?), Lost))
    }

    fn transmit(&mut self, _: StackInstant) -> Option<Lost> {
        Some(Lost)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut capabilities = DeviceCapabilities::default();
        capabilities.medium = self.0.borrow().medium;
        capabilities.max_transmission_unit = 1514;
        // A fuzzer cannot guess checksums.
        capabilities.checksum = ChecksumCapabilities::ignored();
        capabilities.checksum.ipv4 = Checksum::None;
        capabilities
    }
}

struct Clock(Rc<Cell<u64>>);

impl Platform for Clock {
    fn now(&self) -> Instant {
        Instant::from_micros(self.0.get())
    }

    fn seed(&self) -> u64 {
        1
    }

    fn idle(&self, _: Option<Instant>, _: &mut dyn FnMut() -> bool) {}
}

/// The rest of the input, taken piece by piece.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::from(self.byte()?).min(self.0.len());
        let (bytes, rest) = self.0.split_at(len);
        self.0 = rest;
        Some(bytes)
    }
}

fn peer(port: u8) -> SockAddr {
    SockAddr::new([10, 0, 0, 2].into(), 1 + u16::from(port))
}

fn act(
    net: &dyn Backend,
    sockets: &mut Vec<Handle>,
    what: u8,
    input: &mut Input<'_>,
) -> Option<()> {
    let pick = usize::from(input.byte()?);
    if what % 12 < 2 {
        let kind = if what % 12 == 0 { SockType::Stream } else { SockType::Dgram };
        let family = if pick % 4 == 0 { Family::V6 } else { Family::V4 };
        sockets.extend(net.open(family, kind));
        return Some(());
    }
    let handle = *sockets.get(pick % sockets.len().max(1))?;
    let mut buf = [0; 300];
    match what % 12 {
        2 => drop(net.bind(handle, SockAddr::new([0, 0, 0, 0].into(), input.byte()?.into()))),
        3 => drop(net.listen(handle, input.byte()?.into())),
        4 => sockets.extend(net.try_accept(handle).map(|(accepted, _)| accepted)),
        5 => drop(net.try_connect(handle, peer(input.byte()?))),
        6 => drop(net.try_send(handle, input.bytes()?)),
        7 => drop(net.try_send_to(handle, input.bytes()?, peer(pick as u8))),
        8 => drop(net.try_recv_info(handle, &mut buf, RecvFlags { peek: pick % 2 == 0 })),
        9 => drop(net.shutdown(handle, Shutdown::Write)),
        10 => drop(net.close(handle)),
        _ => drop(net.abort(handle)),
    }
    Some(())
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let medium = if input.byte().unwrap_or(0) % 2 == 0 { Medium::Ip } else { Medium::Ethernet };
    let frames = Frames { waiting: VecDeque::new(), medium };
    let port = Port(Rc::new(std::cell::RefCell::new(frames)));
    let now = Rc::new(Cell::new(1_000_000));
    let config = match medium {
        Medium::Ip => Config::ip(),
        _ => Config::ethernet([2, 0, 0, 0, 0, 1]).dhcp().slaac(),
    };
    let config = config.address([10, 0, 0, 1].into(), 24).unwrap();
    let config = config.name_server([10, 0, 0, 2].into()).unwrap();
    let mut memory = Box::new(Memory::new());
    let net: Net<'_, Port, Clock> =
        Net::new(port.clone(), Clock(Rc::clone(&now)), &config, &mut memory).unwrap();
    let mut sockets = Vec::new();
    let query = net.start_query("a.example", None, false);
    while let Some(what) = input.byte() {
        match what % 4 {
            0 => {
                let Some(frame) = input.bytes() else { break };
                port.0.borrow_mut().waiting.push_back(frame.to_vec());
            }
            1 => {
                let Some(time) = input.byte() else { break };
                let time = Duration::from_millis(1 << (time % 18));
                now.set(now.get() + u64::try_from(time.as_micros()).unwrap());
            }
            _ => {
                let _ = act(&net, &mut sockets, what / 4, &mut input);
            }
        }
        // A bounded number of drives takes in all there is.
        let mut drives = 0;
        while drives == 0 || net.pending() {
            net.drive(net.platform().now());
            drives += 1;
            assert!(drives < 1000, "it is busy for ever");
        }
        for &socket in &sockets {
            let _ = net.readiness(socket);
        }
    }
    if let Ok(query) = query {
        let _ = net.try_answer(query, &mut Answer::default());
        net.end_query(query);
    }
});
