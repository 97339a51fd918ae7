//! Against the TCP/IP of Linux over a TAP device, in wall-clock time.
//!
//! Needs root and a network namespace of its own: `ci/jobs/linux-peer`.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd as _, RawFd};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant as Clock};

use usocket_backend_smoltcp::smoltcp::phy::{Medium, TunTapInterface, wait};
use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
use usocket_core::prelude::*;
use usocket_core::spi::{Backend, EventSource, Platform, Shutdown};
use usocket_core::{AF_INET6, Instant, NoopRawMutex, POLLIN, Poll, SOCK_STREAM};

type Memory<'a> = Storage<'a, 32, 12, 65_536, 65_536, 4, 7360, 16, { 12 + 4 + OWN }>;
type Ours<'a> = Net<'a, TunTapInterface, Board, NoopRawMutex, 16>;

const DEVICE: &str = "tap0";
const LINUX: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 1);
const OURS: Ipv4Addr = Ipv4Addr::new(10, 7, 0, 2);

/// A clock and a sleep that a frame ends.
struct Board {
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
fn run(command: &str) {
    let status = Command::new("sh").args(["-c", command]).status().unwrap();
    assert!(status.success(), "{command}");
}

/// Our side of a fresh TAP device, configured so.
fn with_net(config: &Config, test: impl FnOnce(&Ours<'_>)) {
    run(&format!(
        "ip link del {DEVICE} 2>/dev/null; ip link set lo up && ip tuntap add dev {DEVICE} mode tap \
         && ip addr add {LINUX}/24 dev {DEVICE} && ip addr add fd07::1/64 dev {DEVICE} nodad \
         && ip link set {DEVICE} up"
    ));
    let device = TunTapInterface::new(DEVICE, Medium::Ethernet).unwrap();
    let board = Board { begun: Clock::now(), device: device.as_raw_fd() };
    let mut memory = Box::new(Memory::new());
    let net = Net::new(device, board, config, &mut memory).unwrap();
    test(&net);
}

fn fixed() -> Config {
    Config::ethernet([2, 0, 0, 0, 7, 2])
        .address(OURS.into(), 24)
        .unwrap()
        .address("fd07::2".parse().unwrap(), 64)
        .unwrap()
        .gateway(LINUX.into())
        .name_server(LINUX.into())
        .unwrap()
}

fn roomy(test: impl FnOnce() + Send) {
    thread::scope(|scope| {
        let thread = thread::Builder::new().stack_size(64 << 20);
        if let Err(panic) = thread.spawn_scoped(scope, test).unwrap().join() {
            std::panic::resume_unwind(panic);
        }
    });
}

/// Lets our side go on until the other thread is done.
fn until_done<T>(net: &Ours<'_>, thread: thread::JoinHandle<T>) -> T {
    let mut poll = Poll::<1>::new(net);
    while !thread.is_finished() {
        poll.poll(10).unwrap();
    }
    thread.join().unwrap()
}

fn pattern(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 7 % 251).unwrap()).collect()
}

/// An echo server of Linux for this many connections.
fn echo(listener: TcpListener, connections: usize) -> thread::JoinHandle<()> {
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
fn through_echo(net: &Ours<'_>, af: i32, to: std::net::SocketAddr, len: usize) {
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

#[test]
fn streams_to_linux_and_back() {
    roomy(|| {
        with_net(&fixed(), |net| {
            for (af, bind) in [(2, "10.7.0.1:0"), (AF_INET6, "[fd07::1]:0")] {
                let listener = TcpListener::bind(bind).unwrap();
                let to = listener.local_addr().unwrap();
                let server = echo(listener, 4);
                for len in [0, 1, 5000, 4_000_000] {
                    through_echo(net, af, to, len);
                }
                server.join().unwrap();
            }
            net.drain(10).unwrap();
        })
    });
}

#[test]
fn streams_with_loss() {
    roomy(|| {
        with_net(&fixed(), |net| {
            run(
                "nft add table inet t && nft add chain inet t i '{ type filter hook input priority 0; }' \
             && nft add rule inet t i tcp dport != 0 numgen random mod 100 '<' 3 drop \
             && nft add chain inet t o '{ type filter hook output priority 0; }' \
             && nft add rule inet t o oifname tap0 tcp dport != 0 numgen random mod 100 '<' 3 drop",
            );
            let listener = TcpListener::bind((LINUX, 0)).unwrap();
            let to = listener.local_addr().unwrap();
            let server = echo(listener, 3);
            for _ in 0..3 {
                through_echo(net, 2, to, 200_000);
            }
            run("nft delete table inet t");
            server.join().unwrap();
        })
    });
}

#[test]
fn a_server_for_many_clients_of_linux() {
    roomy(|| {
        with_net(&fixed(), |net| {
            let listener = net.tcp().unwrap();
            listener.bind(("", 80)).unwrap();
            listener.listen(4).unwrap();
            // More at once than there are pairs of buffers.
            let clients = thread::spawn(|| {
                let clients: Vec<_> = (0..40u8)
                    .map(|n| {
                        thread::spawn(move || {
                            let mut stream = TcpStream::connect((OURS, 80)).unwrap();
                            stream.write_all(&[n; 100]).unwrap();
                            stream.shutdown(std::net::Shutdown::Write).unwrap();
                            let mut answer = Vec::new();
                            stream.read_to_end(&mut answer).unwrap();
                            assert_eq!(answer, [n; 100]);
                        })
                    })
                    .collect();
                clients.into_iter().for_each(|client| client.join().unwrap());
            });
            for _ in 0..40 {
                listener.settimeout(30).unwrap();
                let (stream, peer) = listener.accept().unwrap();
                assert_eq!(peer.ip(), std::net::IpAddr::V4(LINUX));
                stream.settimeout(10).unwrap();
                let mut buf = [0; 200];
                assert_eq!(stream.read(&mut buf), Ok(Some(100)));
                stream.sendall(&buf[..100]).unwrap();
            }
            until_done(net, clients);
            net.drain(10).unwrap();
        })
    });
}

#[test]
fn curl_and_ping() {
    roomy(|| {
        with_net(&fixed(), |net| {
            let ping = thread::spawn(|| {
                run("ping -q -c 3 -i 0.2 10.7.0.2 && ping -q -c 2 -i 0.2 fd07::2")
            });
            until_done(net, ping);
            let listener = net.tcp().unwrap();
            listener.bind(("", 80)).unwrap();
            listener.listen(None).unwrap();
            let curl = thread::spawn(|| {
                let output =
                    Command::new("curl").args(["-sS", "http://10.7.0.2/page"]).output().unwrap();
                assert!(output.status.success(), "{output:?}");
                output.stdout
            });
            let (stream, _) = listener.accept().unwrap();
            let mut line = [0; 128];
            let len = stream.readline(&mut line).unwrap().unwrap();
            assert_eq!(&line[..len], b"GET /page HTTP/1.1\r\n");
            while stream.readline(&mut line).unwrap() != Some(2) {}
            stream.sendall("HTTP/1.0 200 OK\r\n\r\n").unwrap();
            stream.sendall(&pattern(300_000)[..]).unwrap();
            drop(stream);
            assert_eq!(until_done(net, curl), pattern(300_000));
            net.drain(10).unwrap();
        })
    });
}

#[test]
fn refusals_resets_and_datagrams() {
    roomy(|| {
        with_net(&fixed(), |net| {
            assert_eq!(net.tcp().unwrap().connect((LINUX, 9)), Err(Error::ECONNREFUSED));
            // A reset behind data.
            let listener = TcpListener::bind((LINUX, 0)).unwrap();
            let to = listener.local_addr().unwrap();
            let server = thread::spawn(move || {
                let (mut stream, _) = listener.accept().unwrap();
                stream.write_all(&[1; 3000]).unwrap();
                let mut byte = [0];
                stream.read_exact(&mut byte).unwrap();
                // Bytes of ours are left unread: Linux resets.
                thread::sleep(Duration::from_millis(100));
            });
            let stream = net.tcp().unwrap();
            stream.settimeout(5).unwrap();
            stream.connect(to).unwrap();
            stream.sendall("four").unwrap();
            until_done(net, server);
            net.drive(net.platform().now());
            let mut buf = [0; 4000];
            assert_eq!(
                stream.read(&mut buf).map_err(|e| (e.kind(), e.transferred())),
                Err((usocket_core::ErrorKind::ConnectionReset, 3000))
            );
            assert_eq!(stream.recv(&mut buf), Ok(0));
            // Datagrams both ways, and to a closed port.
            let linux = UdpSocket::bind((LINUX, 0)).unwrap();
            let socket = net.udp().unwrap();
            socket.settimeout(5).unwrap();
            socket.sendto(&pattern(1472)[..], linux.local_addr().unwrap()).unwrap();
            let (len, from) = linux.recv_from(&mut buf).unwrap();
            assert_eq!((&buf[..len], from.ip()), (&pattern(1472)[..], OURS.into()));
            linux.send_to(b"back", from).unwrap();
            assert_eq!(socket.recvfrom(&mut buf).unwrap(), (4, linux.local_addr().unwrap().into()));
            socket.connect((LINUX, 9)).unwrap();
            socket.send("nobody").unwrap();
            assert_eq!(socket.recv(&mut buf), Err(Error::ECONNREFUSED));
            assert!(!socket.readiness().contains(POLLIN));
        })
    });
}

/// Kills dnsmasq when the test ends, however it ends.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn an_address_from_dnsmasq_and_names() {
    roomy(|| {
        with_net(&Config::ethernet([2, 0, 0, 0, 7, 2]).dhcp(), |net| {
            let server = Command::new("dnsmasq")
                .args([
                    "--keep-in-foreground",
                    "--no-resolv",
                    "--no-hosts",
                    "--conf-file=/dev/null",
                ])
                .args(["--interface=tap0", "--bind-interfaces", "--user=root", "--pid-file="])
                .args(["--dhcp-range=10.7.0.50,10.7.0.60,120", "--dhcp-leasefile=/dev/null"])
                .args([
                    "--local=/test/",
                    "--address=/one.test/10.7.0.1",
                    "--address=/one.test/fd07::1",
                ])
                .args(["--cname=alias.test,one.test", "--host-record=two.test,10.7.0.1,fd07::1"])
                .stdout(Stdio::null())
                .spawn()
                .unwrap();
            let _server = Server(server);
            net.wait_up(30).unwrap();
            let ip = net.ip(usocket_core::Family::V4).unwrap();
            assert!(ip.to_string().starts_with("10.7.0.5"), "{ip}");
            let list = net.getaddrinfo("two.test", 80, usocket_core::Hints::stream()).unwrap();
            let found: Vec<_> = list.iter().map(|info| info.sockaddr.ip().to_string()).collect();
            assert_eq!(found, ["10.7.0.1", "fd07::1"]);
            let nobody = net.getaddrinfo("nobody.test", 80, ()).unwrap_err();
            assert_eq!(nobody, Error::EAI_NONAME);
            let listener = TcpListener::bind((LINUX, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            let server = echo(listener, 1);
            let stream = net.dial(("two.test", port), 5).unwrap();
            stream.sendall("hello").unwrap();
            let mut buf = [0; 5];
            assert_eq!(stream.read(&mut buf), Ok(Some(5)));
            server.join().unwrap();
        })
    });
}
