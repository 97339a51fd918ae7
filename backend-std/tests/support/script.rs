//! One script of the peer: a thread that goes through its steps.
//!
//! Its sockets do not block: it tries, and sleeps a moment, so that a script
//! can be stopped anywhere and each step has its bound.

use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr as SysAddr, SockRef, Socket, Type};
use usocket_conformance::{Digest, End, Report, State, Step, pattern};
use usocket_core::{Error, Family, Result, SockAddr};

/// How long a step, and a call that waits for a script, may take.
const BOUND: Duration = Duration::from_secs(30);
/// Between two tries.
const PAUSE: Duration = Duration::from_micros(300);
/// A stream's receive buffer: small, so that cases fill it soon.
const UNREAD: usize = 8 * 1024;

/// A running script.
pub(crate) struct Script {
    shared: Shared,
    thread: JoinHandle<()>,
}

/// What a script and those who ask about it share.
#[derive(Clone)]
pub(crate) struct Shared(Arc<Inner>);

struct Inner {
    seen: Mutex<Seen>,
    changed: Condvar,
    stop: AtomicBool,
}

struct Seen {
    report: Report,
    address: Option<SockAddr>,
    holds: bool,
}

impl Script {
    pub(crate) fn start(host: Ipv4Addr, steps: Vec<Step>) -> io::Result<Self> {
        let report = Report {
            state: State::Running(0),
            received: 0,
            digest: Digest::new(),
            head: heapless::Vec::new(),
            sent: 0,
            datagrams: 0,
            end: End::Open,
            from: None,
        };
        let seen = Mutex::new(Seen { report, address: None, holds: false });
        let stop = AtomicBool::new(false);
        let shared = Shared(Arc::new(Inner { seen, changed: Condvar::new(), stop }));
        let inner = Arc::clone(&shared.0);
        let thread = thread::Builder::new()
            .name("peer".into())
            .spawn(move || Runner::new(host, steps, inner).run())?;
        Ok(Self { shared, thread })
    }

    pub(crate) fn shared(&self) -> Shared {
        self.shared.clone()
    }

    pub(crate) fn stop(self) -> Report {
        self.shared.0.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("a script does not panic");
        self.shared.report()
    }
}

impl Shared {
    pub(crate) fn report(&self) -> Report {
        self.0.lock().report.clone()
    }

    pub(crate) fn settle(&self) -> Report {
        self.until(|seen| seen.holds).report.clone()
    }

    pub(crate) fn address(&self) -> Result<SockAddr> {
        let seen = self.until(|seen| seen.address.is_some());
        match (seen.address, seen.report.state) {
            (Some(address), _) => Ok(address),
            (None, State::Failed(_, error)) => Err(error),
            (None, _) => Err(Error::ETIMEDOUT),
        }
    }

    /// Waits until something holds, or the script has ended.
    fn until(&self, holds: impl Fn(&Seen) -> bool) -> MutexGuard<'_, Seen> {
        let goes_on =
            |seen: &mut Seen| matches!(seen.report.state, State::Running(_)) && !holds(seen);
        let waited = self.0.changed.wait_timeout_while(self.0.lock(), BOUND, goes_on);
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The thread's own part.
struct Runner {
    host: Ipv4Addr,
    steps: Vec<Step>,
    shared: Arc<Inner>,
    listener: Option<Socket>,
    /// Connections, the one in use last.
    streams: Vec<Socket>,
    datagrams: Option<UdpSocket>,
    /// Bytes of the pattern sent on the stream in use.
    offset: u64,
    /// The datagram received last.
    last: Vec<u8>,
    deadline: Instant,
}

impl Runner {
    fn new(host: Ipv4Addr, steps: Vec<Step>, shared: Arc<Inner>) -> Self {
        Self {
            host,
            steps,
            shared,
            listener: None,
            streams: Vec::new(),
            datagrams: None,
            offset: 0,
            last: Vec::new(),
            deadline: Instant::now(),
        }
    }

    fn run(mut self) {
        for at in 0..self.steps.len() {
            let step = self.steps[at];
            self.seen(|seen| {
                seen.report.state = State::Running(at);
                seen.holds = step == Step::Hold;
            });
            self.deadline = Instant::now() + BOUND;
            if let Err(error) = self.step(step) {
                let error = number(&error);
                self.close_all();
                self.seen(|seen| seen.report.state = State::Failed(at, error));
                return;
            }
        }
        self.close_all();
        self.seen(|seen| {
            seen.report.state = State::Done;
            seen.holds = false;
        });
    }

    fn seen(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.shared.lock());
        self.shared.changed.notify_all();
    }

    /// Tries until it does not block, the script is stopped, or time is up.
    fn repeat<T>(&self, mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        loop {
            match attempt() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                answer => return answer,
            }
            if self.shared.stop.load(Ordering::Relaxed) {
                return Err(io::ErrorKind::Interrupted.into());
            }
            if Instant::now() >= self.deadline {
                return Err(io::ErrorKind::TimedOut.into());
            }
            thread::sleep(PAUSE);
        }
    }

    fn step(&mut self, step: Step) -> io::Result<()> {
        match step {
            Step::Listen(family, backlog) => self.listen(family, backlog),
            Step::Accept => self.accept(),
            Step::Connect(to) => self.connect(to),
            Step::Send(len) => self.send(len),
            Step::Text(text) => self.push(text),
            Step::Recv(len) => self.recv(len.into()),
            Step::RecvToEnd => self.recv(u64::MAX),
            Step::Echo => self.echo(),
            Step::Fin => self.stream()?.shutdown(std::net::Shutdown::Write),
            Step::Rst => {
                let stream = self.streams.pop().ok_or(io::ErrorKind::NotConnected)?;
                stream.set_linger(Some(Duration::ZERO))
            }
            Step::Close => {
                let stream = self.streams.pop().ok_or(io::ErrorKind::NotConnected)?;
                close(stream);
                Ok(())
            }
            Step::CloseListener => {
                self.listener.take().map(drop).ok_or_else(|| io::ErrorKind::InvalidInput.into())
            }
            Step::Wait(ms) => self.pass(Some(Duration::from_millis(ms.into()))),
            Step::Hold => self.pass(None),
            Step::Udp(family) => self.udp(family),
            Step::Join(group) => self.join(group),
            Step::SendTo(to, data) => self.send_to(to, data),
            Step::SendLenTo(to, len) => {
                let data: Vec<u8> = (0..u64::from(len)).map(pattern).collect();
                self.send_to(to, &data)
            }
            Step::RecvFrom => self.recv_from(),
            Step::Reply(data) => {
                let to = self.shared.lock().report.from.ok_or(io::ErrorKind::NotConnected)?;
                self.send_to(to, data)
            }
            Step::EchoFrom(count) => (0..count).try_for_each(|_| {
                self.deadline = Instant::now() + BOUND;
                self.recv_from()?;
                let to = self.shared.lock().report.from.ok_or(io::ErrorKind::NotConnected)?;
                let data = std::mem::take(&mut self.last);
                self.send_to(to, &data)
            }),
        }
    }

    /// Lets time pass: this much, or until the script is stopped.
    fn pass(&self, time: Option<Duration>) -> io::Result<()> {
        let until = time.map(|time| Instant::now() + time);
        while until.is_none_or(|until| Instant::now() < until) {
            if self.shared.stop.load(Ordering::Relaxed) {
                // A script that holds has done what it had to.
                return if time.is_none() {
                    Ok(())
                } else {
                    Err(io::ErrorKind::Interrupted.into())
                };
            }
            thread::sleep(PAUSE);
        }
        Ok(())
    }

    fn socket(&self, family: Family, kind: Type, bind: bool) -> io::Result<Socket> {
        let domain = if family == Family::V4 { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, kind, None)?;
        socket.set_nonblocking(true)?;
        if kind == Type::STREAM {
            socket.set_recv_buffer_size(UNREAD)?;
        }
        if bind {
            socket.bind(&SocketAddr::new(self.ip(family), 0).into())?;
        }
        Ok(socket)
    }

    fn ip(&self, family: Family) -> IpAddr {
        match family {
            Family::V4 => self.host.into(),
            Family::V6 => Ipv6Addr::LOCALHOST.into(),
        }
    }

    fn listen(&mut self, family: Family, backlog: u32) -> io::Result<()> {
        let socket = self.socket(family, Type::STREAM, true)?;
        socket.listen(i32::try_from(backlog).unwrap_or(i32::MAX))?;
        let address = local(&socket)?;
        self.listener = Some(socket);
        self.seen(|seen| seen.address = Some(address));
        Ok(())
    }

    fn accept(&mut self) -> io::Result<()> {
        let listener = self.listener.as_ref().ok_or(io::ErrorKind::InvalidInput)?;
        let (stream, from) = self.repeat(|| listener.accept())?;
        self.uses(stream, convert(&from)?)
    }

    fn connect(&mut self, to: SockAddr) -> io::Result<()> {
        let stream = self.socket(to.family(), Type::STREAM, true)?;
        let address: SysAddr = to.to_std().into();
        self.repeat(|| match stream.connect(&address) {
            Err(error) if in_progress(&error) => Err(io::ErrorKind::WouldBlock.into()),
            answer => answer,
        })?;
        self.uses(stream, to)
    }

    /// From here on the script's steps are about this connection.
    fn uses(&mut self, stream: Socket, from: SockAddr) -> io::Result<()> {
        stream.set_nonblocking(true)?;
        let address = local(&stream)?;
        self.streams.push(stream);
        self.offset = 0;
        self.seen(|seen| {
            seen.report.from = Some(from);
            seen.report.end = End::Open;
            seen.address.get_or_insert(address);
        });
        Ok(())
    }

    fn stream(&self) -> io::Result<&Socket> {
        self.streams.last().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn send(&mut self, len: u32) -> io::Result<()> {
        let end = self.offset + u64::from(len);
        while self.offset < end {
            let next = end.min(self.offset + 16 * 1024);
            let piece: Vec<u8> = (self.offset..next).map(pattern).collect();
            self.push(&piece)?;
            self.offset = next;
        }
        Ok(())
    }

    fn push(&mut self, mut data: &[u8]) -> io::Result<()> {
        while !data.is_empty() {
            let mut stream = self.stream()?;
            let sent = self.repeat(|| stream.write(data))?;
            data = &data[sent..];
            self.deadline = Instant::now() + BOUND;
            self.seen(|seen| seen.report.sent += sent as u64);
        }
        Ok(())
    }

    /// Receives this many bytes, or to the end of the stream.
    fn recv(&mut self, mut left: u64) -> io::Result<()> {
        let mut buf = [0; 16 * 1024];
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(buf.len());
            let mut stream = self.stream()?;
            let end = match self.repeat(|| stream.read(&mut buf[..room])) {
                Ok(0) => End::Fin,
                Ok(n) => {
                    left -= n as u64;
                    self.deadline = Instant::now() + BOUND;
                    self.seen(|seen| note(seen, &buf[..n]));
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => End::Reset,
                Err(error) => return Err(error),
            };
            self.seen(|seen| seen.report.end = end);
            break;
        }
        Ok(())
    }

    fn echo(&mut self) -> io::Result<()> {
        let mut buf = [0; 16 * 1024];
        loop {
            self.deadline = Instant::now() + BOUND;
            let mut stream = self.stream()?;
            match self.repeat(|| stream.read(&mut buf)) {
                Ok(0) => {
                    self.seen(|seen| seen.report.end = End::Fin);
                    return Ok(());
                }
                Ok(n) => {
                    self.seen(|seen| note(seen, &buf[..n]));
                    self.push(&buf[..n])?;
                }
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                    self.seen(|seen| seen.report.end = End::Reset);
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }

    fn udp(&mut self, family: Family) -> io::Result<()> {
        // A socket bound to one address gets no datagrams of groups.
        let groups = self.steps.iter().any(|step| matches!(step, Step::Join(_)));
        let socket = self.socket(family, Type::DGRAM, !groups)?;
        if groups {
            let any = match family {
                Family::V4 => IpAddr::from(Ipv4Addr::UNSPECIFIED),
                Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
            };
            socket.bind(&SocketAddr::new(any, 0).into())?;
        }
        socket.set_broadcast(family == Family::V4)?;
        let address = SockAddr::new(self.ip(family), local(&socket)?.port());
        self.datagrams = Some(socket.into());
        self.seen(|seen| seen.address = Some(address));
        Ok(())
    }

    fn join(&self, group: IpAddr) -> io::Result<()> {
        let socket = self.datagram_socket()?;
        match group {
            IpAddr::V4(group) => {
                socket.join_multicast_v4(&group, &Ipv4Addr::LOCALHOST)?;
                SockRef::from(socket).set_multicast_if_v4(&Ipv4Addr::LOCALHOST)
            }
            // The loopback is interface 1.
            IpAddr::V6(group) => {
                socket.join_multicast_v6(&group, 1)?;
                SockRef::from(socket).set_multicast_if_v6(1)
            }
        }
    }

    fn datagram_socket(&self) -> io::Result<&UdpSocket> {
        self.datagrams.as_ref().ok_or_else(|| io::ErrorKind::NotConnected.into())
    }

    fn send_to(&self, to: SockAddr, data: &[u8]) -> io::Result<()> {
        let socket = self.datagram_socket()?;
        let sent = self.repeat(|| match socket.send_to(data, to.to_std()) {
            // An earlier datagram's port unreachable; this one is not sent yet.
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            answer => answer,
        })?;
        self.seen(|seen| seen.report.sent += sent as u64);
        Ok(())
    }

    fn recv_from(&mut self) -> io::Result<()> {
        let mut buf = vec![0; 65_536];
        let socket = self.datagram_socket()?;
        let (len, from) = self.repeat(|| match socket.recv_from(&mut buf) {
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                Err(io::ErrorKind::WouldBlock.into())
            }
            answer => answer,
        })?;
        buf.truncate(len);
        self.last = buf;
        let from = from.into();
        let data = &self.last;
        self.seen(|seen| {
            note(seen, data);
            seen.report.datagrams += 1;
            seen.report.from = Some(from);
        });
        Ok(())
    }

    /// Ends the script: what it holds is closed in order.
    fn close_all(&mut self) {
        self.streams.drain(..).for_each(close);
        self.listener = None;
        self.datagrams = None;
    }
}

/// Closes in order: what was not read would make it a reset.
fn close(stream: Socket) {
    let _ = stream.shutdown(std::net::Shutdown::Write);
    let mut buf = [0; 4096];
    while matches!((&stream).read(&mut buf), Ok(n) if n > 0) {}
}

fn note(seen: &mut Seen, bytes: &[u8]) {
    seen.report.received += bytes.len() as u64;
    seen.report.digest.add(bytes);
    let room = seen.report.head.capacity() - seen.report.head.len();
    let _ = seen.report.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
}

fn local(socket: &Socket) -> io::Result<SockAddr> {
    convert(&socket.local_addr()?)
}

fn convert(address: &SysAddr) -> io::Result<SockAddr> {
    address.as_socket().map(SockAddr::from).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn in_progress(error: &io::Error) -> bool {
    matches!(
        Error::from_errno(error.raw_os_error().unwrap_or(0)),
        Error::EINPROGRESS | Error::EALREADY
    ) || error.kind() == io::ErrorKind::WouldBlock
}

fn number(error: &io::Error) -> Error {
    match (error.raw_os_error(), error.kind()) {
        (Some(number), _) if cfg!(target_os = "linux") => Error::from_errno(number),
        (_, io::ErrorKind::TimedOut) => Error::ETIMEDOUT,
        (_, io::ErrorKind::Interrupted) => Error::EINTR,
        (_, io::ErrorKind::NotConnected) => Error::ENOTCONN,
        (_, io::ErrorKind::ConnectionReset) => Error::ECONNRESET,
        (_, io::ErrorKind::ConnectionRefused) => Error::ECONNREFUSED,
        _ => Error::EINVAL,
    }
}
