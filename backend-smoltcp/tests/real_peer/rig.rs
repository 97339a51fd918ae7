//! Devices of Linux, and what tests do with them.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::os::fd::{AsRawFd, RawFd};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant as Clock};

use usocket_backend_smoltcp::smoltcp::phy::{Device, Medium, RawSocket, TunTapInterface, wait};
use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
use usocket_core::prelude::*;
use usocket_core::spi::{Platform, Shutdown};
use usocket_core::{Instant, NoopRawMutex, Poll, SOCK_STREAM};

use crate::keep::{Kept, kept};

type Memory<'a> = Storage<'a, 32, 12, 65_536, 65_536, 4, 7360, 16, { 12 + 4 + OWN }>;
/// Our side on a device.
pub(crate) type Ours<'a, D> = Net<'a, Kept<D>, Board, NoopRawMutex, 16>;

pub(crate) const LINUX: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 1);
pub(crate) const OURS: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 2);
pub(crate) const LINUX_V6: Ipv6Addr = Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 1);
pub(crate) const OURS_V6: Ipv6Addr = Ipv6Addr::new(0xfd07, 0, 0, 0, 0, 0, 0, 2);

/// A clock and a sleep that a frame ends.
pub(crate) struct Board {
    begun: Clock,
    device: RawFd,
}

impl Platform for Board {
    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.begun.elapsed().as_micros()).unwrap() + 1)
    }

    fn seed(&self) -> u64 {
        // Other ports in each run.
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .subsec_nanos()
            .into()
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        if ready() {
            return;
        }
        let left = until.map(|until| until.saturating_since(self.now()));
        // Rounded up: a select that ends too early would spin.
        let left = left.unwrap_or(Duration::from_secs(1)).min(Duration::from_secs(1));
        let micros = u64::try_from(left.as_micros()).unwrap() + 1;
        wait(
            self.device,
            Some(usocket_backend_smoltcp::smoltcp::time::Duration::from_micros(micros)),
        )
        .unwrap();
    }
}

/// Runs a command that must succeed.
pub(crate) fn run(command: &str) {
    let status = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success(), "{command}");
}

/// Our side of a fresh TAP device, configured so.
pub(crate) fn on_tap(config: &Config, test: impl FnOnce(&Ours<'_, TunTapInterface>) + Send) {
    roomy(|| {
        clear();
        run("ip tuntap add dev tap0 mode tap");
        run(&give_addresses("tap0"));
        with_device(TunTapInterface::new("tap0", Medium::Ethernet).unwrap(), config, test);
    });
}

/// Our side of one end of a pair of Ethernet interfaces, through AF_PACKET. Linux has the
/// other end; it must make each frame whole, with its checksum, as a card would.
pub(crate) fn on_packets(config: &Config, test: impl FnOnce(&Ours<'_, RawSocket>) + Send) {
    roomy(|| {
        clear();
        run("ip link add veth0 type veth peer name veth1 \
             && ip link set veth0 addrgenmode none \
             && ethtool -K veth1 tx off tso off gso off >/dev/null && ip link set veth0 up");
        run(&give_addresses("veth1"));
        with_device(RawSocket::new("veth0", Medium::Ethernet).unwrap(), config, test);
    });
}

/// Removes what an earlier test has left.
fn clear() {
    run("ip link set lo up; ip link del tap0 2>/dev/null; ip link del veth0 2>/dev/null; true");
}

/// Linux's end, up and with its addresses.
fn give_addresses(interface: &str) -> String {
    format!(
        "ip addr add {LINUX}/24 dev {interface} && ip addr add {LINUX_V6}/64 dev {interface} nodad \
         && ip link set {interface} up"
    )
}

fn with_device<D: Device + AsRawFd>(device: D, config: &Config, test: impl FnOnce(&Ours<'_, D>)) {
    let board = Board { begun: Clock::now(), device: device.as_raw_fd() };
    let mut memory = Box::new(Memory::new());
    let net = Net::new(kept(device), board, config, &mut memory).unwrap();
    test(&net);
}

pub(crate) fn fixed() -> Config {
    Config::ethernet([2, 0, 0, 0, 7, 2])
        .address(OURS.into(), 24)
        .unwrap()
        .address(OURS_V6.into(), 64)
        .unwrap()
        .gateway(LINUX.into())
        .name_server(LINUX.into())
        .unwrap()
}

fn roomy(test: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let name = thread::current().name().unwrap_or("test").to_owned();
        let thread = thread::Builder::new().name(name).stack_size(64 << 20);
        if let Err(panic) = thread.spawn_scoped(scope, test).unwrap().join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Lets our side go on until the other thread is done.
pub(crate) fn until_done<B: Backend, T>(net: &B, thread: thread::JoinHandle<T>) -> T {
    let mut poll = Poll::<1>::new(net);
    while !thread.is_finished() {
        poll.poll(10).unwrap();
    }
    thread.join().unwrap()
}

pub(crate) fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

/// An echo server of Linux for this many connections.
pub(crate) fn echo(listener: TcpListener, connections: usize) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for _ in 0..connections {
            let (mut stream, _) = listener.accept().unwrap();
            thread::spawn(move || {
                let mut buf = [0; 16_384];
                while let Ok(n @ 1..) = stream.read(&mut buf) {
                    stream.write_all(&buf[..n]).unwrap();
                }
            });
        }
    })
}

/// Sends all of it through an echo, and compares.
pub(crate) fn through_echo<B: Backend>(net: &B, af: i32, to: SocketAddr, len: usize) {
    let data = pattern(len);
    let stream = net.socket(af, SOCK_STREAM).unwrap();
    stream.settimeout(20).unwrap();
    stream.connect(to).unwrap();
    stream.setblocking(false).unwrap();
    let (mut sent, mut got) = (0, Vec::<u8>::new());
    let mut buf = [0; 16_384];
    let mut poll = Poll::<1>::new(net);
    poll.register(&stream, usocket_core::POLLIN | usocket_core::POLLOUT).unwrap();
    loop {
        poll.poll(20_000).unwrap();
        match stream.send(&data[sent..]) {
            Ok(n) => sent += n,
            Err(Error::EAGAIN) => {}
            Err(error) => panic!("{error} after {sent}"),
        }
        if sent == data.len() {
            break;
        }
        while let Ok(n) = stream.recv(&mut buf) {
            got.extend(&buf[..n]);
        }
    }
    stream.shutdown(Shutdown::Write).unwrap();
    stream.settimeout(20).unwrap();
    loop {
        match stream.recv(&mut buf).unwrap() {
            0 => break,
            n => got.extend(&buf[..n]),
        }
    }
    assert!(got == data, "{} of {} bytes came back, or others", got.len(), data.len());
}
