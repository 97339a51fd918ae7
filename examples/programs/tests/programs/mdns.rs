//! A name of our own in the local network, asked for as a one-shot client does.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::{Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use embassy_futures::select::{Either, select};
use socket2::{Domain, Socket, Type};
use usocket::nal::Stack;
use usocket::prelude::*;
use usocket_programs::mdns;

use usocket_examples::{Program, Site, Trouble};

use crate::backends::{Kind, on};
use crate::http::failed;

const GROUP: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(224, 0, 0, 251), 5353);

/// What the responder says that the name has.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 77);

struct Respond {
    name: &'static str,
    answered: mpsc::Receiver<()>,
}

impl Program for Respond {
    fn run<B: Backend>(self, net: &B, site: &Site<'_>) -> Result<(), Trouble> {
        let stack = Stack::new(net);
        let interface = site.group((*GROUP.ip(), GROUP.port()), Ipv4Addr::LOCALHOST)?;
        let responding = mdns::respond(&stack, self.name, ADDRESS, interface, rand::rng());
        let answered = async {
            loop {
                match self.answered.try_recv() {
                    Ok(()) => return Ok(()),
                    Err(mpsc::TryRecvError::Empty) => {}
                    Err(mpsc::TryRecvError::Disconnected) => return Err(failed("no answer")),
                }
                embassy_time::Timer::after_millis(10).await;
            }
        };
        match net.block_on(select(responding, answered)) {
            Either::First(ended) => ended.map_err(failed),
            Either::Second(answered) => answered,
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

/// Asks again and again until the answer has come. On the loopback, where the others are,
/// and on this machine's default interface, where the simulated modem joins.
pub(crate) fn ask(name: &str, address: Ipv4Addr) {
    let sockets = [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED].map(|interface| {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        socket.bind(&SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into()).unwrap();
        socket.set_multicast_if_v4(&interface).unwrap();
        let socket = std::net::UdpSocket::from(socket);
        socket.set_read_timeout(Some(Duration::from_millis(150))).unwrap();
        socket
    });
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        for socket in &sockets {
            // Without a default interface there is nobody on it.
            let _ = socket.send_to(&query(name), GROUP);
            let mut answer = [0; 1500];
            if let Ok((len, _)) = socket.recv_from(&mut answer)
                && answer[..len].windows(4).any(|part| part == address.octets())
            {
                return;
            }
        }
        assert!(Instant::now() < end, "nobody answers for {name}.local");
    }
}

/// Port 5353 is one for all of this machine.
pub(crate) fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn run(kind: Kind) -> Result<(), String> {
    let _alone = alone();
    let name = match kind {
        Kind::Std => "std",
        Kind::Smoltcp => "smoltcp",
        _ => "modem",
    };
    let (tell, answered) = mpsc::channel();
    let client = thread::spawn(move || {
        ask(name, ADDRESS);
        let _ = tell.send(());
    });
    let outcome = on(kind, Respond { name, answered });
    if outcome.is_ok() {
        client.join().unwrap();
    }
    outcome
}
