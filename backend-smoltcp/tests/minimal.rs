//! The least that the backend is, a TCP client on bare IP, with a stack alone as its peer.
//!
//! `cargo test -p usocket-backend-smoltcp --no-default-features --test minimal`: here as little is
//! linked as in the smallest program. With more features it must behave the same.

extern crate alloc;

#[path = "support/wire.rs"]
#[allow(dead_code, reason = "for all tests")]
mod wire;

use core::net::Ipv4Addr;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use usocket_backend_smoltcp::smoltcp::iface::{self, Interface, SocketHandle, SocketSet};
use usocket_backend_smoltcp::smoltcp::phy::Medium;
use usocket_backend_smoltcp::smoltcp::socket::tcp;
use usocket_backend_smoltcp::smoltcp::time::Instant as StackInstant;
use usocket_backend_smoltcp::smoltcp::wire::{HardwareAddress, IpCidr};
use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
#[cfg(not(feature = "server"))]
use usocket_core::SO_KEEPALIVE;
use usocket_core::prelude::*;
use usocket_core::spi::{EventSource, Platform, Shutdown};
use usocket_core::{Instant, NoopRawMutex, POLLOUT};
use wire::{End, Side, Wire};

/// One socket, one connection.
type Memory<'a> = Storage<'a, 1, 1, 2048, 2048, 0, 0, 0, { 1 + OWN }>;

const PORT: u16 = 80;

fn ip(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last)
}

/// Byte number `at` of what the server sends.
fn pattern(at: usize) -> u8 {
    u8::try_from(at % 251).unwrap()
}

/// A server on the stack alone: takes a request of four bytes, sends so many bytes, ends, and
/// waits for the next.
struct Server {
    device: End,
    iface: Interface,
    set: SocketSet<'static>,
    socket: SocketHandle,
    len: usize,
    sent: usize,
    request: Vec<u8>,
    /// Connections that ended in order.
    served: usize,
}

impl Server {
    fn new(mut device: End, len: usize) -> Self {
        let config = iface::Config::new(HardwareAddress::Ip);
        let now = StackInstant::from_micros(device.now.get().cast_signed());
        let mut iface = Interface::new(config, &mut device, now);
        iface.update_ip_addrs(|own| own.push(IpCidr::new(ip(2).into(), 24)).unwrap());
        // Leaked: the test ends soon.
        let buffer = || tcp::SocketBuffer::new(vec![0; 4096].leak());
        let places: &'static mut [iface::SocketStorage<'static>] =
            Box::leak(Box::new([iface::SocketStorage::EMPTY]));
        let mut set = SocketSet::new(places);
        let socket = set.add(tcp::Socket::new(buffer(), buffer()));
        let request = Vec::new();
        Self { device, iface, set, socket, len, sent: 0, request, served: 0 }
    }

    /// Does what can be done now; when it has to be called again.
    fn step(&mut self) -> Option<u64> {
        let now = StackInstant::from_micros(self.device.now.get().cast_signed());
        loop {
            // Frame by frame, as the one socket is to listen again before the next SYN.
            let frame = self.iface.poll_ingress_single(now, &mut self.device, &mut self.set);
            self.serve();
            while self.iface.poll_egress(now, &mut self.device, &mut self.set)
                == iface::PollResult::SocketStateChanged
            {}
            if matches!(frame, iface::PollIngressSingleResult::None) {
                break;
            }
        }
        let next = self.iface.poll_at(now, &self.set);
        next.map(|at| at.total_micros().cast_unsigned().max(self.device.now.get() + 100))
    }

    fn serve(&mut self) {
        let socket = self.set.get_mut::<tcp::Socket<'_>>(self.socket);
        if !socket.is_open() {
            self.served += usize::from(self.sent == self.len);
            (self.sent, self.request) = (0, Vec::new());
            socket.listen(PORT).unwrap();
        }
        while let Ok(count @ 1..) = socket.recv(|bytes| {
            self.request.extend_from_slice(bytes);
            (bytes.len(), bytes.len())
        }) {
            assert!(count > 0);
        }
        if self.request.len() < 4 {
            return;
        }
        while self.sent < self.len && socket.can_send() {
            let piece: Vec<_> = (self.sent..self.len.min(self.sent + 500)).map(pattern).collect();
            self.sent += socket.send_slice(&piece).unwrap();
        }
        if self.sent == self.len {
            socket.close();
        }
    }
}

/// Our platform: sleeping lets the server and the wire go on.
struct Board {
    wire: Rc<RefCell<Wire>>,
    now: Rc<Cell<u64>>,
    server: Rc<RefCell<Server>>,
}

impl Platform for Board {
    fn now(&self) -> Instant {
        Instant::from_micros(self.now.get())
    }

    fn seed(&self) -> u64 {
        7
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        let server = self.server.borrow_mut().step();
        if ready() {
            return;
        }
        let wire = self.wire.borrow();
        let due = |side| wire.next_due(side).map(Instant::as_micros);
        let times = [due(Side::Ours), due(Side::Theirs), until.map(Instant::as_micros), server];
        let next = times.into_iter().flatten().min().expect("virtual time: nothing can happen");
        self.now.set(next.max(self.now.get()));
    }
}

struct World {
    wire: Rc<RefCell<Wire>>,
    now: Rc<Cell<u64>>,
    server: Rc<RefCell<Server>>,
}

/// Runs on a fresh wire, with a server that sends `len` bytes.
fn with_net(
    seed: u64,
    len: usize,
    test: impl FnOnce(&World, &Net<'_, End, Board, NoopRawMutex, 0>),
) {
    let now = Rc::new(Cell::new(1_000_000));
    let wire = Rc::new(RefCell::new(Wire::new(Medium::Ip, seed)));
    let end = |side| End { wire: Rc::clone(&wire), now: Rc::clone(&now), side };
    let server = Rc::new(RefCell::new(Server::new(end(Side::Theirs), len)));
    let board = Board { wire: Rc::clone(&wire), now: Rc::clone(&now), server: Rc::clone(&server) };
    let config = Config::ip().address(ip(1).into(), 24).unwrap().gateway(ip(2).into());
    let mut memory = Box::new(Memory::new());
    let net = Net::new(end(Side::Ours), board, &config, &mut memory).unwrap();
    test(&World { wire: Rc::clone(&wire), now: Rc::clone(&now), server }, &net);
}

/// Asks, and reads to the end.
fn download<B: Backend>(net: &B, len: usize) {
    let socket = net.tcp().unwrap();
    socket.settimeout(60).unwrap();
    socket.connect((ip(2), PORT)).unwrap();
    socket.sendall("GET!").unwrap();
    let (mut count, mut page) = (0, [0; 300]);
    loop {
        let read = socket.recv(&mut page).unwrap();
        if read == 0 {
            break;
        }
        assert!(page[..read].iter().enumerate().all(|(at, byte)| *byte == pattern(count + at)));
        count += read;
    }
    assert_eq!(count, len);
    socket.close().unwrap();
    net.drain(30).unwrap();
}

#[test]
fn a_download_comes_whole_over_a_good_wire_and_a_bad_one() {
    for (seed, loss) in [(1, 0), (2, 50), (3, 100), (4, 50), (5, 100)] {
        with_net(seed, 50_000, |world, net| {
            {
                let faults = &mut world.wire.borrow_mut().faults;
                (faults.loss, faults.duplicate, faults.reorder) = (loss, loss, loss);
            }
            // The only socket and the only pair of buffers, again and again.
            for _ in 0..3 {
                download(net, 50_000);
            }
            assert!(world.server.borrow().served >= 2);
        });
    }
}

#[test]
fn refused_silent_and_gone_are_told_apart() {
    with_net(6, 100_000, |world, net| {
        let socket = net.tcp().unwrap();
        assert_eq!(socket.connect((ip(2), 81)), Err(Error::ECONNREFUSED));
        socket.settimeout(2).unwrap();
        let begun = world.now.get();
        assert_eq!(socket.connect((Ipv4Addr::new(10, 9, 9, 9), 80)), Err(Error::ETIMEDOUT));
        assert_eq!(world.now.get() - begun, 2_000_000);
        drop(socket);
        let socket = net.tcp().unwrap();
        // Nobody answers for 75 s.
        let answer = socket.connect((Ipv4Addr::new(10, 9, 9, 9), 80));
        assert_eq!(answer, Err(Error::ETIMEDOUT));
        drop(socket);
        let socket = net.tcp().unwrap();
        socket.connect((ip(2), PORT)).unwrap();
        socket.sendall("GET!").unwrap();
        // The peer goes away in the middle; what we say then is never acknowledged.
        socket.read(&mut [0; 5000]).unwrap();
        world.wire.borrow_mut().faults.cut = true;
        socket.send("anybody?").unwrap();
        let begun = world.now.get();
        let error = loop {
            match socket.recv(&mut [0; 300]) {
                Ok(count) => assert_ne!(count, 0),
                Err(error) => break error,
            }
        };
        assert_eq!(error, Error::ETIMEDOUT);
        let took = Duration::from_micros(world.now.get() - begun);
        assert!((100..=125).contains(&took.as_secs()), "{took:?}");
        assert_eq!(socket.send("x"), Err(Error::EPIPE));
    });
}

#[test]
fn a_closed_socket_gives_its_buffers_back() {
    with_net(8, 10_000, |_, net| {
        for round in 0..50 {
            let socket = net.tcp().unwrap();
            assert_eq!(net.tcp().map(|_| ()).unwrap_err(), Error::ENOMEM);
            socket.settimeout(30).unwrap();
            socket.connect((ip(2), PORT)).unwrap();
            socket.sendall("GET!").unwrap();
            match round % 3 {
                0 => socket.abort().unwrap(),
                1 => {
                    socket.shutdown(Shutdown::Write).unwrap();
                    while socket.recv(&mut [0; 2000]).unwrap() > 0 {}
                }
                // Unread bytes: a reset.
                _ => assert!(socket.recv(&mut [0; 10]).unwrap() > 0),
            }
            drop(socket);
            net.drain(30).unwrap();
            // The acknowledgment of the peer's FIN may wait for 10 ms; then the server listens.
            let until = net.platform().now() + Duration::from_millis(20);
            while net.platform().now() < until {
                let next = usocket_core::earlier(net.drive(net.platform().now()), Some(until));
                net.platform().idle(next, &mut || net.pending());
            }
        }
    });
}

#[test]
fn an_idle_connection_is_left_alone() {
    with_net(11, 1000, |world, net| {
        let socket = net.tcp().unwrap();
        socket.connect((ip(2), PORT)).unwrap();
        let rest = |minutes: u64| {
            let until = Instant::from_micros(world.now.get()) + Duration::from_secs(minutes * 60);
            while net.platform().now() < until {
                let next = usocket_core::earlier(net.drive(net.platform().now()), Some(until));
                net.platform().idle(next, &mut || net.pending());
            }
        };
        rest(10);
        socket.sendall("GE").unwrap();
        // Everything is acknowledged, and nothing is to be said for longer than any patience.
        rest(10);
        socket.sendall("T!").unwrap();
        let (mut count, mut page) = (0, [0; 300]);
        while let Ok(read @ 1..) = socket.recv(&mut page) {
            count += read;
        }
        assert_eq!(count, 1000);
    });
}

#[test]
fn who_waits_for_one_socket_sleeps() {
    with_net(9, 1000, |world, net| {
        let socket = net.tcp().unwrap();
        socket.connect((ip(2), PORT)).unwrap();
        net.drive(Instant::from_micros(world.now.get()));
        assert_eq!(socket.readiness(), POLLOUT);
        assert!(!net.pending());
        assert_eq!(net.drive(Instant::from_micros(world.now.get())), None);
        net.set_link(false);
        assert_eq!(socket.recv(&mut [0; 8]), Err(Error::ENETDOWN));
    });
}

#[cfg(not(feature = "server"))]
#[test]
fn what_is_left_out_says_so() {
    with_net(10, 0, |_, net| {
        {
            let socket = net.tcp().unwrap();
            assert_eq!(socket.bind(("", 80)), Err(Error::EOPNOTSUPP));
            assert_eq!(socket.listen(1), Err(Error::EOPNOTSUPP));
            assert_eq!(socket.accept().map(|_| ()).unwrap_err(), Error::EOPNOTSUPP);
            let alive = socket.setsockopt(SOL_SOCKET, SO_KEEPALIVE, 1);
            let expected =
                if cfg!(feature = "keep-alive") { Ok(()) } else { Err(Error::ENOPROTOOPT) };
            assert_eq!(alive, expected);
            let no_delay = socket.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1);
            let expected = if cfg!(feature = "options") { Ok(()) } else { Err(Error::ENOPROTOOPT) };
            assert_eq!(no_delay, expected);
        }
        if cfg!(not(feature = "udp")) {
            assert_eq!(net.udp().map(|_| ()).unwrap_err(), Error::EOPNOTSUPP);
        }
        if cfg!(not(feature = "ipv6")) {
            let v6 = net.socket(AF_INET6, SOCK_STREAM);
            assert_eq!(v6.map(|_| ()).unwrap_err(), Error::EAFNOSUPPORT);
        }
        if cfg!(not(feature = "dns")) {
            assert_eq!(net.getaddrinfo("example.org", 80, ()).unwrap_err(), Error::EAI_FAIL);
        }
        assert!(net.getaddrinfo("10.0.0.2", 80, ()).is_ok());
    });
}
