//! Frames and calls in any order, on the smoltcp backend.
//!
//! The input is a list of records: a byte that says what to do, and what it needs. Nothing
//! may panic, and no drive may leave work for ever.
#![no_main]

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use libfuzzer_sys::fuzz_target;
use usocket_backend_smoltcp::smoltcp::phy::{
    Checksum, ChecksumCapabilities, Device, DeviceCapabilities, Medium, RxToken, TxToken,
};
use usocket_backend_smoltcp::smoltcp::time::Instant as StackInstant;
use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
use usocket_core::spi::{Answer, Backend, EventSource};
use usocket_fuzz::{Clock, Input, act, pass, settle};

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
                pass(&now, time);
            }
            _ => {
                let _ = act(&net, &mut sockets, what / 4, &mut input);
            }
        }
        settle(&net);
        for &socket in &sockets {
            let _ = net.readiness(socket);
        }
    }
    if let Ok(query) = query {
        let _ = net.try_answer(query, &mut Answer::default());
        net.end_query(query);
    }
});
