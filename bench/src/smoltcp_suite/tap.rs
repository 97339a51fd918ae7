//! Against Linux over TAP devices, timed: ours, a hand-written loop on bare smoltcp, and the
//! system's own sockets over a veth pair as the ceiling. Needs root and a network namespace of
//! its own: `ci/jobs/smoltcp_tap`.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd as _, RawFd};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant as Clock};

use usocket_backend_smoltcp::smoltcp::phy::{Medium, TunTapInterface, wait};
use usocket_backend_smoltcp::smoltcp::socket::tcp::State;
use usocket_backend_smoltcp::smoltcp::time::{Duration as StackDuration, Instant as StackInstant};
use usocket_backend_smoltcp::smoltcp::wire::{EthernetAddress, HardwareAddress};
use usocket_backend_smoltcp::{Config, Net, OWN, Storage};
use usocket_core::Instant;
use usocket_core::prelude::*;
use usocket_core::spi::Platform;

use super::bare::{BUFFER, Bare, PORT};
use crate::clock::timed;
use crate::pairs::{Plan, compare};
use crate::table::{Line, Target, rate};

/// Takes all and answers one byte at the end.
const SINK: u16 = PORT;
/// Is told how many blocks, and sends them.
const SOURCE: u16 = PORT + 1;
/// Ends each connection at once.
const DOOR: u16 = PORT + 2;

/// Bytes of a block.
const BLOCK: usize = 16_384;

/// Ours and the loop's: `10.0.net.2` on `tap{net}`, Linux being `10.0.net.1`.
const OURS: u8 = 1;
const BARE: u8 = 2;
const VETH: u8 = 3;

/// One who transfers so many blocks or makes so many connections.
trait Contender {
    fn send(&mut self, blocks: u64);
    fn receive(&mut self, blocks: u64);
    fn connections(&mut self, count: u64);
}

/// Measures and gives the lines.
///
/// # Errors
/// The devices cannot be made.
pub fn run(plan: &Plan) -> io::Result<Vec<Line>> {
    // Else all ports would sit in Linux's TIME-WAIT after a second.
    shell("ip link set lo up && echo 0 > /proc/sys/net/ipv4/tcp_max_tw_buckets")?;
    for net in [OURS, BARE] {
        shell(&format!(
            "ip tuntap add dev tap{net} mode tap && \
             ip addr add 10.0.{net}.1/24 dev tap{net} && ip link set tap{net} up"
        ))?;
    }
    serve();
    let device = device(OURS)?;
    let board = Board { begun: Clock::now(), fd: device.as_raw_fd() };
    let config = Config::ethernet([2, 0, 0, 0, OURS, 2])
        .address([10, 0, OURS, 2].into(), 24)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let mut memory = Box::new(Storage::<'_, 8, 1, BUFFER, BUFFER, 0, 0, 4, { 1 + OWN }>::new());
    let net = Net::new(device, board, &config, &mut memory)
        .map_err(|error| io::Error::other(error.to_string()))?;
    let mut lines =
        measure(plan, &mut Ours { net: &net }, &mut ByHand::new()?, "bare smoltcp", true);
    let mut system = System::new()?;
    lines.extend(measure(plan, &mut Ours { net: &net }, &mut system, "Linux over veth", false));
    Ok(lines)
}

fn measure(
    plan: &Plan,
    ours: &mut dyn Contender,
    peer: &mut dyn Contender,
    name: &str,
    judged: bool,
) -> Vec<Line> {
    let bytes = |seconds: f64| rate(BLOCK as f64 / seconds, "B");
    let conns = |seconds: f64| rate(1.0 / seconds, "conn");
    let mut line =
        |what: &str, bound, show: &dyn Fn(f64) -> String, act: fn(&mut dyn Contender, u64)| {
            let paired = compare(plan, &mut |work| timed(|| act(ours, work)), &mut |work| {
                timed(|| act(peer, work))
            });
            Line {
                what: what.into(),
                peer: name.into(),
                ours: show(paired.ours()),
                theirs: show(paired.peer()),
                ratio: paired.rates(),
                target: if judged { Target::AtLeast(bound) } else { Target::Rate },
            }
        };
    vec![
        line("send over TAP", 0.97, &bytes, |who, work| who.send(work)),
        line("receive over TAP", 0.97, &bytes, |who, work| who.receive(work)),
        line("connect, see the end, close over TAP", 0.95, &conns, |who, work| {
            who.connections(work);
        }),
    ]
}

fn shell(command: &str) -> io::Result<()> {
    let status = Command::new("sh").args(["-c", command]).status()?;
    if status.success() { Ok(()) } else { Err(io::Error::other(command.to_owned())) }
}

fn device(net: u8) -> io::Result<TunTapInterface> {
    TunTapInterface::new(&format!("tap{net}"), Medium::Ethernet)
}

/// The servers of Linux.
fn serve() {
    fn listen(port: u16, serve: fn(TcpStream) -> io::Result<()>) {
        let listener = TcpListener::bind(("0.0.0.0", port)).expect("a port");
        thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                // A connection that breaks is seen at the other end.
                let _ = serve(stream);
            }
        });
    }
    listen(SINK, |mut stream| {
        let mut buf = vec![0; 1 << 16];
        let mut left = count_of(&mut stream)? * BLOCK as u64;
        while left > 0 {
            left -= stream.read(&mut buf)? as u64;
        }
        stream.write_all(&[1])
    });
    listen(SOURCE, |mut stream| {
        let block = vec![1; BLOCK];
        for _ in 0..count_of(&mut stream)? {
            stream.write_all(&block)?;
        }
        Ok(())
    });
    listen(DOOR, |stream| {
        drop(stream);
        Ok(())
    });
}

fn count_of(stream: &mut TcpStream) -> io::Result<u64> {
    let mut count = [0; 8];
    stream.read_exact(&mut count)?;
    Ok(u64::from_be_bytes(count))
}

/// A clock and a sleep that a frame ends.
struct Board {
    begun: Clock,
    fd: RawFd,
}

impl Platform for Board {
    fn now(&self) -> Instant {
        Instant::from_micros(u64::try_from(self.begun.elapsed().as_micros()).unwrap_or(0) + 1)
    }

    fn seed(&self) -> u64 {
        u64::from(std::process::id())
    }

    fn idle(&self, until: Option<Instant>, ready: &mut dyn FnMut() -> bool) {
        if !ready() {
            sleep(self.fd, until.map(|until| until.saturating_since(self.now())));
        }
    }
}

/// Until a frame comes.
fn sleep(fd: RawFd, most: Option<Duration>) {
    let most = most.unwrap_or(Duration::from_secs(1)).min(Duration::from_secs(1));
    // Rounded up: a select that ends too early would spin.
    let micros = u64::try_from(most.as_micros()).unwrap_or(0) + 1;
    let _ = wait(fd, Some(StackDuration::from_micros(micros)));
}

struct Ours<'n, 'a> {
    net: &'n Net<'a, TunTapInterface, Board>,
}

impl Ours<'_, '_> {
    fn close<S>(&self, socket: S) {
        drop(socket);
        self.net.drain(5).expect("closed");
    }
}

impl Contender for Ours<'_, '_> {
    fn send(&mut self, blocks: u64) {
        let socket = self.net.tcp().expect("a socket");
        socket.connect((Ipv4Addr::new(10, 0, OURS, 1), SINK)).expect("a connection");
        socket.sendall(blocks.to_be_bytes()).expect("sent");
        let block = [1; BLOCK];
        for _ in 0..blocks {
            // Not the array itself: that would be a copy of it.
            socket.sendall(&block[..]).expect("sent");
        }
        assert_eq!(socket.recv(&mut [0; 1]), Ok(1));
        self.close(socket);
    }

    fn receive(&mut self, blocks: u64) {
        let socket = self.net.tcp().expect("a socket");
        socket.connect((Ipv4Addr::new(10, 0, OURS, 1), SOURCE)).expect("a connection");
        socket.sendall(blocks.to_be_bytes()).expect("sent");
        let mut block = [0; BLOCK];
        let mut total = 0;
        while let Ok(taken @ 1..) = socket.recv(&mut block) {
            total += taken as u64;
        }
        assert_eq!(total, blocks * BLOCK as u64);
        self.close(socket);
    }

    fn connections(&mut self, count: u64) {
        for _ in 0..count {
            let socket = self.net.tcp().expect("a socket");
            socket.connect((Ipv4Addr::new(10, 0, OURS, 1), DOOR)).expect("a connection");
            assert_eq!(socket.recv(&mut [0; 1]), Ok(0));
            self.close(socket);
        }
    }
}

/// The loop by hand.
struct ByHand {
    near: Bare<TunTapInterface>,
    fd: RawFd,
}

impl ByHand {
    fn new() -> io::Result<Self> {
        let device = device(BARE)?;
        let fd = device.as_raw_fd();
        let hardware = HardwareAddress::Ethernet(EthernetAddress([2, 0, 0, 0, BARE, 2]));
        Ok(Self { near: Bare::new(device, hardware, (BARE, 2), 0, StackInstant::now()), fd })
    }

    fn sleep(&mut self) {
        let now = StackInstant::now();
        let at = self.near.poll_at(now);
        let most =
            at.map(|at| Duration::from_micros((at - now).total_micros()).max(Duration::ZERO));
        let most = if at.is_some_and(|at| at <= now) { Some(Duration::ZERO) } else { most };
        sleep(self.fd, most);
    }

    fn until(&mut self, mut done: impl FnMut(&mut Bare<TunTapInterface>) -> bool) {
        loop {
            self.near.poll(StackInstant::now());
            if done(&mut self.near) {
                return;
            }
            self.sleep();
        }
    }

    fn dial(&mut self, port: u16) {
        self.near.to_port = port;
        self.near.connect(1);
        self.until(|near| near.socket().may_send());
    }

    fn send_all(&mut self, data: &[u8]) {
        let mut sent = 0;
        loop {
            sent += self.near.send(&data[sent..]);
            self.near.poll(StackInstant::now());
            if sent == data.len() {
                return;
            }
            if !self.near.socket().can_send() {
                self.sleep();
            }
        }
    }

    /// 0 at the end.
    fn recv(&mut self, buf: &mut [u8]) -> usize {
        loop {
            match self.near.socket().recv_slice(buf) {
                Ok(taken @ 1..) => return taken,
                Ok(_) => {}
                Err(_) => return 0,
            }
            self.near.poll(StackInstant::now());
            let socket = self.near.socket();
            if !socket.can_recv() && socket.may_recv() {
                self.sleep();
            }
        }
    }

    fn close(&mut self) {
        self.near.socket().close();
        self.until(|near| matches!(near.socket().state(), State::Closed | State::TimeWait));
        self.near.socket().abort();
        self.near.poll(StackInstant::now());
    }
}

impl Contender for ByHand {
    fn send(&mut self, blocks: u64) {
        self.dial(SINK);
        self.send_all(&blocks.to_be_bytes());
        let block = [1; BLOCK];
        for _ in 0..blocks {
            self.send_all(&block);
        }
        assert_eq!(self.recv(&mut [0; 1]), 1);
        self.close();
    }

    fn receive(&mut self, blocks: u64) {
        self.dial(SOURCE);
        self.send_all(&blocks.to_be_bytes());
        let mut block = [0; BLOCK];
        let mut total = 0;
        loop {
            match self.recv(&mut block) {
                0 => break,
                taken => total += taken as u64,
            }
        }
        assert_eq!(total, blocks * BLOCK as u64);
        self.close();
    }

    fn connections(&mut self, count: u64) {
        for _ in 0..count {
            self.dial(DOOR);
            assert_eq!(self.recv(&mut [0; 1]), 0);
            self.close();
        }
    }
}

/// The system's own sockets, in another process and network namespace.
struct System {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl System {
    fn new() -> io::Result<Self> {
        let mut child = Command::new("unshare")
            .arg("--net")
            .arg(std::env::current_exe()?)
            .arg(CLIENT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let answers = child.stdout.take().map(BufReader::new);
        let mut system = Self { child, answers: answers.ok_or(io::ErrorKind::BrokenPipe)? };
        // It is in its namespace when it answers.
        system.ask("ready", 0)?;
        let child = system.child.id();
        shell(&format!(
            "ip link add veth{VETH} type veth peer name peer{VETH} netns {child} && \
             ip addr add 10.0.{VETH}.1/24 dev veth{VETH} && ip link set veth{VETH} up && \
             nsenter --net --target {child} sh -c \
             'ip addr add 10.0.{VETH}.2/24 dev peer{VETH} && ip link set peer{VETH} up'"
        ))?;
        Ok(system)
    }

    fn ask(&mut self, what: &str, count: u64) -> io::Result<()> {
        let stdin = self.child.stdin.as_mut().ok_or(io::ErrorKind::BrokenPipe)?;
        writeln!(stdin, "{what} {count}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if answer.trim() == "done" { Ok(()) } else { Err(io::Error::other(answer)) }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // Its input ends, and with it the process.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

impl Contender for System {
    fn send(&mut self, blocks: u64) {
        self.ask("send", blocks).expect("sent");
    }

    fn receive(&mut self, blocks: u64) {
        self.ask("receive", blocks).expect("received");
    }

    fn connections(&mut self, count: u64) {
        self.ask("connections", count).expect("connected");
    }
}

/// The command of the process that uses the system's own sockets.
pub const CLIENT: &str = "smoltcp-tap-client";

/// What that process does: what its input says, line by line.
///
/// # Errors
/// The network does not work.
pub fn client() -> io::Result<()> {
    let dial = |port| TcpStream::connect((Ipv4Addr::new(10, 0, VETH, 1), port));
    for line in io::stdin().lines() {
        let line = line?;
        let (what, count) = line.split_once(' ').unwrap_or((&line, ""));
        let count: u64 = count.parse().unwrap_or(0);
        let mut block = vec![1; BLOCK];
        match what {
            "send" => {
                let mut stream = dial(SINK)?;
                stream.write_all(&count.to_be_bytes())?;
                for _ in 0..count {
                    stream.write_all(&block)?;
                }
                stream.read_exact(&mut [0])?;
            }
            "receive" => {
                let mut stream = dial(SOURCE)?;
                stream.write_all(&count.to_be_bytes())?;
                while stream.read(&mut block)? > 0 {}
            }
            "connections" => {
                for _ in 0..count {
                    let _ = dial(DOOR)?.read(&mut [0])?;
                }
            }
            _ => {}
        }
        writeln!(io::stdout(), "done")?;
    }
    Ok(())
}
