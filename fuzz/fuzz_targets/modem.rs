//! Bytes of a modem and calls in any order, on the ESP8285 backend.
//!
//! The input is a list of records: a byte that says what to do, and what it needs. Nothing
//! may panic, no drive may leave work for ever, and once everything is closed all slots and
//! buffers must come back, whatever the modem has said.
#![no_main]

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use embassy_sync::blocking_mutex::raw::NoopRawMutex;
use libfuzzer_sys::fuzz_target;
use usocket_backend_esp8285_at::{Config, Esp8285, Lost, Resources, Uart};
use usocket_core::Family;
use usocket_core::spi::{Answer, Backend, EventSource, SockType};
use usocket_fuzz::{Clock, Input, act, pass, settle};
use words::WORDS;

#[path = "../../backend-esp8285-at/src/machine/words.rs"]
mod words;

const SOCKETS: usize = 4;

/// The line: what the modem says; what it is told is lost.
#[derive(Clone)]
struct Port {
    said: Rc<RefCell<VecDeque<u8>>>,
    overrun: Rc<Cell<bool>>,
}

impl Uart for Port {
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Lost> {
        if self.overrun.take() {
            return Err(Lost);
        }
        let mut said = self.said.borrow_mut();
        let len = buf.len().min(said.len());
        for (to, byte) in buf.iter_mut().zip(said.drain(..len)) {
            *to = byte;
        }
        Ok(len)
    }

    fn write(&mut self, bytes: &[u8]) -> usize {
        bytes.len()
    }

    fn readable(&self) -> bool {
        self.overrun.get() || !self.said.borrow().is_empty()
    }

    fn writable(&self) -> bool {
        true
    }

    fn is_idle(&self) -> bool {
        true
    }

    fn set_baud(&mut self, _: u32) -> bool {
        true
    }

    fn set_enabled(&mut self, _: bool) -> bool {
        true
    }

    fn capacity(&self) -> usize {
        1024
    }
}

/// What a modem answers to the commands of the set-up, and that it has an address.
fn start(net: &dyn Backend, port: &Port, now: &Cell<u64>, version: u8) {
    let say = |text: &[u8]| {
        port.said.borrow_mut().extend(text);
        settle(net);
    };
    let versions = ["1.5.0", "1.7.6", "2.1.0", "2.2.0"];
    let version = versions[usize::from(version) % versions.len()];
    settle(net);
    for _ in 0..40 {
        now.set(now.get() + 11_000);
        say(format!("AT version:{version}.0(x)\r\n+CWMODE:1\r\nSTATUS:5\r\n\r\nOK\r\n").as_bytes());
    }
    say(b"WIFI CONNECTED\r\nWIFI GOT IP\r\n");
    say(b"+CIPSTA:ip:\"10.0.0.1\"\r\n+CIPSTA:netmask:\"255.255.255.0\"\r\n\r\nOK\r\n");
}

fuzz_target!(|data: &[u8]| {
    let mut input = Input(data);
    let port = Port { said: Rc::default(), overrun: Rc::default() };
    let now = Rc::new(Cell::new(1_000_000));
    let mut memory = Box::new(Resources::<SOCKETS, 3, 128, 128>::new());
    let clock = Clock(Rc::clone(&now));
    let net: Esp8285<'_, _, _, NoopRawMutex, 4> =
        Esp8285::with_config(port.clone(), clock, &mut memory, Config::new());
    if let Some(version @ 0..8) = input.byte() {
        start(&net, &port, &now, version);
    }
    let mut sockets = Vec::new();
    let query = net.start_query("a.example", None, false);
    while let Some(what) = input.byte() {
        match what % 8 {
            0 => {
                let Some(bytes) = input.bytes() else { break };
                port.said.borrow_mut().extend(bytes);
            }
            1..=3 => {
                let Some(word) = input.byte() else { break };
                port.said.borrow_mut().extend(WORDS[usize::from(word) % WORDS.len()]);
            }
            4 if what / 8 == 31 => port.overrun.set(true),
            4 => {
                let Some(time) = input.byte() else { break };
                pass(&now, time);
            }
            _ => {
                let _ = act(&net, &mut sockets, what / 8, &mut input);
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
    for socket in sockets {
        let _ = net.close(socket);
    }
    // The modem may be dead by now; that must not keep anything for ever.
    for _ in 0..600 {
        now.set(now.get() + 1_000_000);
        settle(&net);
    }
    assert_eq!(net.lingering(), 0, "what was closed must end");
    for _ in 0..SOCKETS {
        net.open(Family::V4, SockType::Stream).expect("a slot");
    }
});
