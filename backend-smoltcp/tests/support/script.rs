//! A script of the peer, on the operations of any backend: a step is tried again and
//! again until it is done.

use core::net::IpAddr;
use core::time::Duration;

use usocket_conformance::{Digest, End, Report, State, Step, pattern};
use usocket_core::spi::{Backend, Group, Handle, Opt, RecvFlags, Shutdown, SockType};
use usocket_core::{Error, Family, Instant, Result, SockAddr, earlier};

use super::alloc::vec::Vec;

/// Bytes that a script moves at once.
const PIECE: usize = 2048;

/// A running script.
pub(crate) struct Script {
    host: Vec<IpAddr>,
    steps: Vec<Step>,
    at: usize,
    /// When the step at hand was begun; `None` before its first try.
    begun: Option<Instant>,
    /// What the step at hand has done: bytes, or datagrams.
    done: u64,
    listener: Option<Handle>,
    /// Connections, the one in use last.
    streams: Vec<Handle>,
    socket: Option<Handle>,
    /// Bytes of the pattern sent on the stream in use.
    offset: u64,
    /// What an echo has received and not sent yet.
    echo: Vec<u8>,
    echo_ended: bool,
    last: Vec<u8>,
    pub(crate) address: Option<SockAddr>,
    pub(crate) report: Report,
}

/// How a try of a step ended.
enum Turn {
    Done,
    /// It did a part and may go on at once.
    Moved,
    Wait,
}

impl Script {
    pub(crate) fn new(host: &[IpAddr], steps: &[Step]) -> Self {
        Self {
            host: host.to_vec(),
            steps: steps.to_vec(),
            at: 0,
            begun: None,
            done: 0,
            listener: None,
            streams: Vec::new(),
            socket: None,
            offset: 0,
            echo: Vec::new(),
            echo_ended: false,
            last: Vec::new(),
            address: None,
            report: empty_report(State::Running(0)),
        }
    }

    /// Whether it waits to be finished from outside.
    pub(crate) fn holds(&self) -> bool {
        self.running() && self.steps.get(self.at) == Some(&Step::Hold)
    }

    pub(crate) fn running(&self) -> bool {
        matches!(self.report.state, State::Running(_))
    }

    /// When a script that does nothing goes on.
    pub(crate) fn due(&self) -> Option<Instant> {
        match (self.steps.get(self.at), self.begun) {
            (Some(&Step::Wait(ms)), Some(begun)) if self.running() => {
                Some(begun + Duration::from_millis(ms.into()))
            }
            _ => None,
        }
    }

    /// One try of the step at hand: whether it got on.
    pub(crate) fn step(&mut self, net: &dyn Backend, now: Instant) -> bool {
        if !self.running() {
            return false;
        }
        let Some(&step) = self.steps.get(self.at) else {
            self.finish(net, State::Done);
            return true;
        };
        let first = self.begun.is_none();
        let begun = *self.begun.get_or_insert(now);
        match self.attempt(net, step, first, now.saturating_since(begun)) {
            Ok(Turn::Wait) | Err(Error::EAGAIN) => first,
            Ok(Turn::Moved) => true,
            Ok(Turn::Done) => {
                self.at += 1;
                self.begun = None;
                self.done = 0;
                self.report.state = State::Running(self.at);
                if self.at == self.steps.len() {
                    self.finish(net, State::Done);
                }
                true
            }
            Err(error) => {
                self.finish(net, State::Failed(self.at, error));
                true
            }
        }
    }

    /// Ends the script: what it holds is closed in order.
    pub(crate) fn finish(&mut self, net: &dyn Backend, state: State) {
        self.report.state = state;
        let held = self.streams.drain(..).chain(self.listener.take()).chain(self.socket.take());
        for handle in held {
            let _ = net.close(handle);
        }
    }

    fn stream(&self) -> Result<Handle> {
        self.streams.last().copied().ok_or(Error::ENOTCONN)
    }

    fn attempt(
        &mut self,
        net: &dyn Backend,
        step: Step,
        first: bool,
        past: Duration,
    ) -> Result<Turn> {
        match step {
            Step::Listen(family, backlog) => self.listen(net, family, backlog),
            Step::Accept => {
                let (handle, from) = net.try_accept(self.listener.ok_or(Error::EINVAL)?)?;
                self.uses(net, handle);
                self.report.from = Some(from);
                Ok(Turn::Done)
            }
            Step::Connect(to) => self.connect(net, to, first),
            Step::Send(len) => self.send(net, len.into()),
            Step::Text(text) => {
                let left = &text[usize::try_from(self.done).unwrap()..];
                if left.is_empty() {
                    return Ok(Turn::Done);
                }
                self.push(net, left)?;
                Ok(Turn::Moved)
            }
            Step::Recv(len) => self.recv(net, len.into()),
            Step::RecvToEnd => self.recv(net, u64::MAX),
            Step::Echo => {
                self.echo_ended &= !first;
                self.echo(net)
            }
            Step::Fin => net.shutdown(self.stream()?, Shutdown::Write).map(|()| Turn::Done),
            Step::Rst => net.abort(self.streams.pop().ok_or(Error::ENOTCONN)?).map(|()| Turn::Done),
            Step::Close => {
                net.close(self.streams.pop().ok_or(Error::ENOTCONN)?).map(|()| Turn::Done)
            }
            Step::CloseListener => {
                net.close(self.listener.take().ok_or(Error::EINVAL)?).map(|()| Turn::Done)
            }
            Step::Wait(ms) => Ok(match past >= Duration::from_millis(ms.into()) {
                true => Turn::Done,
                false => Turn::Wait,
            }),
            Step::Hold => Ok(Turn::Wait),
            Step::Udp(family) => self.udp(net, family),
            Step::Join(ip) => {
                let group = match ip {
                    IpAddr::V4(group) => {
                        Group::V4 { group, interface: core::net::Ipv4Addr::UNSPECIFIED }
                    }
                    IpAddr::V6(group) => Group::V6 { group, interface: 0 },
                };
                net.set_option(self.socket.ok_or(Error::EINVAL)?, &Opt::Join(group))?;
                Ok(Turn::Done)
            }
            Step::SendTo(to, data) => self.send_to(net, data, to),
            Step::SendLenTo(to, len) => {
                let data: Vec<u8> = (0..u64::from(len)).map(pattern).collect();
                self.send_to(net, &data, to)
            }
            Step::RecvFrom => self.recv_from(net),
            Step::Reply(data) => {
                let to = self.report.from.ok_or(Error::EDESTADDRREQ)?;
                self.send_to(net, data, to)
            }
            Step::EchoFrom(count) => self.echo_from(net, count.into()),
        }
    }

    fn listen(&mut self, net: &dyn Backend, family: Family, backlog: u32) -> Result<Turn> {
        let handle = net.open(family, SockType::Stream)?;
        self.listener = Some(handle);
        net.bind(handle, SockAddr::new(self.ip(family)?, 0))?;
        net.listen(handle, backlog)?;
        self.address = Some(net.local_addr(handle)?);
        Ok(Turn::Done)
    }

    fn connect(&mut self, net: &dyn Backend, to: SockAddr, first: bool) -> Result<Turn> {
        if first {
            let handle = net.open(to.family(), SockType::Stream)?;
            self.uses(net, handle);
            match net.try_connect(handle, to) {
                Err(Error::EINPROGRESS) | Ok(()) => {}
                Err(error) => return Err(error),
            }
            self.address = Some(net.local_addr(handle)?);
            return Ok(Turn::Moved);
        }
        net.connect_result(self.stream()?)?;
        self.report.from = Some(to);
        Ok(Turn::Done)
    }

    /// From here on the script's steps are about this connection.
    fn uses(&mut self, net: &dyn Backend, handle: Handle) {
        self.streams.push(handle);
        self.offset = 0;
        self.report.end = End::Open;
        if self.listener.is_none() && self.address.is_none() {
            self.address = net.local_addr(handle).ok();
        }
    }

    fn send(&mut self, net: &dyn Backend, len: u64) -> Result<Turn> {
        let left = len - self.done;
        if left == 0 {
            return Ok(Turn::Done);
        }
        let piece: Vec<u8> =
            (self.offset..self.offset + left.min(PIECE as u64)).map(pattern).collect();
        self.offset += self.push(net, &piece)?;
        Ok(Turn::Moved)
    }

    fn push(&mut self, net: &dyn Backend, data: &[u8]) -> Result<u64> {
        let taken = net.try_send(self.stream()?, data)? as u64;
        self.report.sent += taken;
        self.done += taken;
        Ok(taken)
    }

    /// Receives until `len` bytes are there or the stream has ended.
    fn recv(&mut self, net: &dyn Backend, len: u64) -> Result<Turn> {
        let left = usize::try_from(len - self.done).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(Turn::Done);
        }
        let mut piece = [0; PIECE];
        let given = self.pull(net, &mut piece[..left.min(PIECE)])?;
        if given == 0 {
            return Ok(Turn::Done);
        }
        if len != u64::MAX {
            self.done += given as u64;
        }
        Ok(Turn::Moved)
    }

    /// Receives and notes; 0 when the stream has ended, by FIN or RST.
    fn pull(&mut self, net: &dyn Backend, piece: &mut [u8]) -> Result<usize> {
        match net.try_recv(self.stream()?, piece, RecvFlags::default()) {
            Ok(0) => {
                if self.report.end == End::Open {
                    self.report.end = End::Fin;
                }
                Ok(0)
            }
            Ok(given) => {
                self.note(&piece[..given]);
                Ok(given)
            }
            Err(Error::ECONNRESET) => {
                self.report.end = End::Reset;
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    fn echo(&mut self, net: &dyn Backend) -> Result<Turn> {
        let mut moved = false;
        if self.echo.is_empty() && !self.echo_ended {
            let mut piece = [0; PIECE];
            match self.pull(net, &mut piece)? {
                0 => self.echo_ended = true,
                given => self.echo.extend(&piece[..given]),
            }
            moved = true;
        }
        if !self.echo.is_empty() {
            match net.try_send(self.stream()?, &self.echo) {
                Ok(taken) => {
                    self.report.sent += taken as u64;
                    self.echo.drain(..taken);
                    moved = true;
                }
                Err(Error::EAGAIN) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(match (self.echo_ended && self.echo.is_empty(), moved) {
            (true, _) => Turn::Done,
            (false, true) => Turn::Moved,
            (false, false) => Turn::Wait,
        })
    }

    fn udp(&mut self, net: &dyn Backend, family: Family) -> Result<Turn> {
        let handle = net.open(family, SockType::Dgram)?;
        self.socket = Some(handle);
        net.bind(handle, SockAddr::new(family.unspecified(), 0))?;
        // What the script sends may go to everybody (row 134).
        net.set_option(handle, &Opt::Broadcast(true))?;
        self.address = Some(SockAddr::new(self.ip(family)?, net.local_addr(handle)?.port()));
        Ok(Turn::Done)
    }

    fn send_to(&mut self, net: &dyn Backend, data: &[u8], to: SockAddr) -> Result<Turn> {
        let sent = net.try_send_to(self.socket.ok_or(Error::EINVAL)?, data, to)?;
        self.report.sent += sent as u64;
        Ok(Turn::Done)
    }

    fn recv_from(&mut self, net: &dyn Backend) -> Result<Turn> {
        let mut data = [0; 2048];
        let handle = self.socket.ok_or(Error::EINVAL)?;
        let info = net.try_recv_info(handle, &mut data, RecvFlags::default())?;
        self.last = data[..info.len].to_vec();
        self.note(&data[..info.len]);
        self.report.datagrams += 1;
        self.report.from = Some(info.from);
        Ok(Turn::Done)
    }

    fn echo_from(&mut self, net: &dyn Backend, count: u64) -> Result<Turn> {
        if self.done >= count {
            return Ok(Turn::Done);
        }
        self.recv_from(net)?;
        let to = self.report.from.ok_or(Error::EDESTADDRREQ)?;
        let data = self.last.clone();
        self.send_to(net, &data, to)?;
        self.done += 1;
        Ok(Turn::Moved)
    }

    fn ip(&self, family: Family) -> Result<IpAddr> {
        let mut own = self.host.iter().copied();
        own.find(|&ip| Family::of(ip) == family).ok_or(Error::EAFNOSUPPORT)
    }

    /// Notes received bytes.
    fn note(&mut self, bytes: &[u8]) {
        self.report.received += bytes.len() as u64;
        self.report.digest.add(bytes);
        let room = self.report.head.capacity() - self.report.head.len();
        let _ = self.report.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

/// The report of a script that has seen nothing.
pub(crate) fn empty_report(state: State) -> Report {
    Report {
        state,
        received: 0,
        digest: Digest::new(),
        head: heapless::Vec::new(),
        sent: 0,
        datagrams: 0,
        end: End::Open,
        from: None,
    }
}

/// The earliest time at which one of the scripts goes on.
pub(crate) fn scripts_due<'s>(scripts: impl Iterator<Item = &'s Script>) -> Option<Instant> {
    scripts.fold(None, |next, script| earlier(next, script.due()))
}
