//! A name of our own in the local network, asked for as a one-shot client does.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use embassy_futures::select::{Either, select};
use socket2::{Domain, Socket, Type};
use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_programs::mdns;

use crate::backends::{Kind, Place, Task, on};

const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), 5353);

/// What the responder says that the name has.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);

struct Respond {
    name: &'static str,
    answered: mpsc::Receiver<()>,
}

impl Task for Respond {
    fn run<B: Backend>(self, net: &B, place: &Place<'_>) -> Result<(), String> {
        let stack = Stack::new(net);
        let interface = place.group(GROUP);
        let responding = mdns::respond(&stack, self.name, ADDRESS, interface, rand::rng());
        let answered = async {
            while self.answered.try_recv().is_err() {
                embassy_time::Timer::after_millis(10).await;
            }
        };
        match net.block_on(select(responding, answered)) {
            Either::First(ended) => ended.map_err(|error| format!("{error:?}")),
            Either::Second(()) => Ok(()),
        }
    }
}

/// A query of the address of `name`.local.
fn query(name: &str) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in [name, "local"] {
        packet.push(u8::try_from(label.len()).unwrap());
        packet.extend(label.as_bytes());
    }
    packet.extend([0, 0, 1, 0, 1]);
    packet
}

/// Asks again and again until the answer has come.
fn ask(name: &str) {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
    socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
    socket.set_multicast_if_v4(&Ipv4Addr::LOCALHOST).unwrap();
    let socket = std::net::UdpSocket::from(socket);
    socket.set_read_timeout(Some(Duration::from_millis(300))).unwrap();
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        socket.send_to(&query(name), GROUP).unwrap();
        let mut answer = [0; 1500];
        if let Ok((len, _)) = socket.recv_from(&mut answer)
            && answer[..len].windows(4).any(|part| part == ADDRESS.octets())
        {
            return;
        }
        assert!(Instant::now() < end, "nobody answers for {name}.local");
    }
}

pub(crate) fn run(kind: Kind) -> Result<(), String> {
    // Port 5353 is one for all of this machine.
    static ALONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let name = match kind {
        Kind::Std => "std",
        Kind::Smoltcp => "smoltcp",
        _ => "modem",
    };
    let (tell, answered) = mpsc::channel();
    let client = thread::spawn(move || {
        ask(name);
        let _ = tell.send(());
    });
    let outcome = on(kind, Respond { name, answered });
    if outcome.is_ok() {
        client.join().unwrap();
    }
    outcome
}
