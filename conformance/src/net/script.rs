//! Peers' scripts: a small engine on the same operations that a backend offers.

use core::net::IpAddr;
use core::time::Duration;

use usocket_core::spi::{Group, Handle, Opt, RecvFlags, Shutdown, SockType};
use usocket_core::{Error, Family, Instant, Result, SockAddr, earlier};

use super::MAX_DATAGRAM;
use super::state::{Id, State};
use crate::harness::{End, MAX_STEPS, Report, Step};
use crate::{Digest, pattern};

/// Connections that one script holds; the oldest is closed for one more.
const CONNECTIONS: usize = 8;

/// Bytes that a script moves at once.
const PIECE: usize = 512;

/// A running script.
pub(super) struct Script {
    host: usize,
    steps: heapless::Vec<Step, MAX_STEPS>,
    at: usize,
    /// When the step at hand was begun; `None` before its first try.
    begun: Option<Instant>,
    /// What the step at hand has done: bytes, or datagrams.
    done: u32,
    listener: Option<Handle>,
    /// Connections, the one in use last.
    streams: heapless::Vec<Handle, CONNECTIONS>,
    socket: Option<Handle>,
    /// Bytes of the pattern sent on the stream in use.
    offset: u64,
    /// What an echo has received and not sent yet.
    echo: heapless::Vec<u8, PIECE>,
    echo_ended: bool,
    last: heapless::Vec<u8, MAX_DATAGRAM>,
    pub(super) address: Option<SockAddr>,
    pub(super) report: Report,
}

/// How a try of a step ended.
enum Turn {
    /// The step is done.
    Done,
    /// It did a part and may go on at once.
    Moved,
    /// It waits.
    Wait,
}

impl Script {
    pub(super) fn new(host: usize, steps: &[Step]) -> Result<Self> {
        Ok(Self {
            host,
            steps: heapless::Vec::from_slice(steps).map_err(|_| Error::ENOBUFS)?,
            at: 0,
            begun: None,
            done: 0,
            listener: None,
            streams: heapless::Vec::new(),
            socket: None,
            offset: 0,
            echo: heapless::Vec::new(),
            echo_ended: false,
            last: heapless::Vec::new(),
            address: None,
            report: Report {
                state: crate::harness::State::Running(0),
                received: 0,
                digest: Digest::new(),
                head: heapless::Vec::new(),
                sent: 0,
                datagrams: 0,
                end: End::Open,
                from: None,
            },
        })
    }

    /// Whether it waits to be finished from outside.
    pub(super) fn holds(&self) -> bool {
        self.running() && self.steps.get(self.at) == Some(&Step::Hold)
    }

    pub(super) fn running(&self) -> bool {
        matches!(self.report.state, crate::harness::State::Running(_))
    }

    fn id(&self, handle: Option<Handle>) -> Result<Id> {
        handle.map(|handle| Id { host: self.host, handle }).ok_or(Error::ENOTCONN)
    }

    fn stream(&self) -> Result<Id> {
        self.id(self.streams.last().copied())
    }

    /// Notes received bytes.
    fn note(&mut self, bytes: &[u8]) {
        self.report.received += bytes.len() as u64;
        self.report.digest.add(bytes);
        let room = self.report.head.capacity() - self.report.head.len();
        let _ = self.report.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }
}

impl<const S: usize, const C: usize, const B: usize> State<S, C, B> {
    /// Runs every script as far as it goes; whether any got on.
    pub(super) fn step_scripts(&mut self) -> bool {
        let mut moved = false;
        for place in 0..self.scripts.len() {
            // Out of its place meanwhile, so that it can use the network.
            let Some(mut script) = self.scripts[place].take() else { continue };
            moved |= self.step_script(&mut script);
            self.scripts[place] = Some(script);
        }
        moved
    }

    /// One try of the step at hand.
    fn step_script(&mut self, script: &mut Script) -> bool {
        if !script.running() {
            return false;
        }
        let Some(&step) = script.steps.get(script.at) else {
            self.finish_script(script, crate::harness::State::Done);
            return true;
        };
        let first = script.begun.is_none();
        script.begun.get_or_insert(self.now);
        match self.try_step(script, step, first) {
            Ok(Turn::Wait) => false,
            Ok(Turn::Moved) => true,
            Ok(Turn::Done) => {
                script.at += 1;
                script.begun = None;
                script.done = 0;
                script.report.state = crate::harness::State::Running(script.at);
                if script.at == script.steps.len() {
                    self.finish_script(script, crate::harness::State::Done);
                }
                true
            }
            Err(Error::EAGAIN) => false,
            Err(error) => {
                let state = crate::harness::State::Failed(script.at, error);
                self.finish_script(script, state);
                true
            }
        }
    }

    /// Ends a script: what it holds is closed in order.
    pub(super) fn finish_script(&mut self, script: &mut Script, state: crate::harness::State) {
        script.report.state = state;
        while !script.streams.is_empty() {
            let handle = script.streams.remove(0);
            self.close_of(script, handle, false);
        }
        for handle in [script.listener.take(), script.socket.take()].into_iter().flatten() {
            self.close_of(script, handle, false);
        }
    }

    fn close_of(&mut self, script: &Script, handle: Handle, abort: bool) {
        if let Some(socket) = self.hosts[script.host].sockets.remove(handle) {
            self.release(Id { host: script.host, handle }, &socket, abort);
        }
    }

    fn try_step(&mut self, script: &mut Script, step: Step, first: bool) -> Result<Turn> {
        match step {
            Step::Listen(family, backlog) => self.script_listen(script, family, backlog),
            Step::Accept => self.script_accept(script),
            Step::Connect(to) => self.script_connect(script, to, first),
            Step::Send(len) => self.script_send(script, len),
            Step::Text(text) => self.script_text(script, text),
            Step::Recv(len) => self.script_recv(script, len),
            Step::RecvToEnd => self.script_recv(script, u32::MAX),
            Step::Echo => {
                if first {
                    script.echo_ended = false;
                }
                self.script_echo(script)
            }
            Step::Fin => {
                self.shutdown_stream(script.stream()?, Shutdown::Write)?;
                Ok(Turn::Done)
            }
            Step::Rst | Step::Close => {
                let handle = script.streams.pop().ok_or(Error::ENOTCONN)?;
                self.close_of(script, handle, step == Step::Rst);
                Ok(Turn::Done)
            }
            Step::CloseListener => {
                let handle = script.listener.take().ok_or(Error::EINVAL)?;
                self.close_of(script, handle, false);
                Ok(Turn::Done)
            }
            Step::Wait(ms) => {
                let over = self.wait_over(script, ms);
                Ok(if over { Turn::Done } else { Turn::Wait })
            }
            Step::Hold => Ok(Turn::Wait),
            Step::Udp(family) => self.script_udp(script, family),
            Step::Join(ip) => self.script_join(script, ip),
            Step::SendTo(to, data) => self.script_send_to(script, data, to),
            Step::SendLenTo(to, len) => {
                let data = patterned(len)?;
                self.script_send_to(script, &data, to)
            }
            Step::RecvFrom => self.script_recv_from(script),
            Step::Reply(data) => {
                let to = script.report.from.ok_or(Error::EDESTADDRREQ)?;
                self.script_send_to(script, data, to)
            }
            Step::EchoFrom(count) => self.script_echo_from(script, count),
        }
    }

    fn wait_over(&self, script: &Script, ms: u32) -> bool {
        script.begun.is_some_and(|begun| self.now >= begun + millis(ms))
    }

    fn script_listen(&mut self, script: &mut Script, family: Family, backlog: u32) -> Result<Turn> {
        let host = script.host;
        let handle = self.open(host, family, SockType::Stream)?;
        script.listener = Some(handle);
        let id = Id { host, handle };
        let ip = self.address_of(host, family)?;
        self.bind(id, SockAddr::new(ip, 0))?;
        self.listen(id, backlog)?;
        script.address = Some(self.socket(id)?.local());
        Ok(Turn::Done)
    }

    fn script_accept(&mut self, script: &mut Script) -> Result<Turn> {
        let (handle, from) = self.accept(script.id(script.listener)?)?;
        self.script_uses(script, handle);
        script.report.from = Some(from);
        Ok(Turn::Done)
    }

    fn script_connect(&mut self, script: &mut Script, to: SockAddr, first: bool) -> Result<Turn> {
        if first {
            let handle = self.open(script.host, to.family(), SockType::Stream)?;
            self.script_uses(script, handle);
            return match self.connect(Id { host: script.host, handle }, to) {
                Err(Error::EINPROGRESS) => {
                    script.address = self.socket(script.stream()?)?.bound;
                    Ok(Turn::Moved)
                }
                other => other.map(|()| Turn::Moved),
            };
        }
        self.connect_result(script.stream()?)?;
        script.report.from = Some(to);
        Ok(Turn::Done)
    }

    /// From here on the script's steps are about this connection.
    fn script_uses(&mut self, script: &mut Script, handle: Handle) {
        if script.streams.is_full() {
            let oldest = script.streams.remove(0);
            self.close_of(script, oldest, false);
        }
        let _ = script.streams.push(handle);
        script.offset = 0;
        script.report.end = End::Open;
        if script.listener.is_none() && script.address.is_none() {
            let id = Id { host: script.host, handle };
            script.address = self.socket(id).ok().and_then(|socket| socket.bound);
        }
    }

    fn script_send(&mut self, script: &mut Script, len: u32) -> Result<Turn> {
        let left = (len - script.done) as usize;
        if left == 0 {
            return Ok(Turn::Done);
        }
        let mut piece = [0; PIECE];
        let piece = &mut piece[..left.min(PIECE)];
        for (offset, byte) in (script.offset..).zip(piece.iter_mut()) {
            *byte = pattern(offset);
        }
        let taken = self.script_push(script, piece)?;
        script.offset += u64::from(taken);
        Ok(Turn::Moved)
    }

    fn script_text(&mut self, script: &mut Script, text: &[u8]) -> Result<Turn> {
        let left = &text[script.done as usize..];
        if left.is_empty() {
            return Ok(Turn::Done);
        }
        self.script_push(script, left)?;
        Ok(Turn::Moved)
    }

    fn script_push(&mut self, script: &mut Script, data: &[u8]) -> Result<u32> {
        let taken = self.send_stream(script.stream()?, data)?;
        script.report.sent += taken as u64;
        let taken = u32::try_from(taken).unwrap_or(u32::MAX);
        script.done += taken;
        Ok(taken)
    }

    /// Receives until `len` bytes are there or the stream has ended.
    fn script_recv(&mut self, script: &mut Script, len: u32) -> Result<Turn> {
        let left = usize::try_from(len - script.done).unwrap_or(usize::MAX);
        if left == 0 {
            return Ok(Turn::Done);
        }
        let mut piece = [0; PIECE];
        let given = self.script_pull(script, &mut piece[..left.min(PIECE)])?;
        if given == 0 {
            return Ok(Turn::Done);
        }
        if len != u32::MAX {
            script.done += u32::try_from(given).unwrap_or(u32::MAX);
        }
        Ok(Turn::Moved)
    }

    /// Receives and notes; 0 when the stream has ended, by FIN or RST.
    fn script_pull(&mut self, script: &mut Script, piece: &mut [u8]) -> Result<usize> {
        match self.recv_stream(script.stream()?, piece, RecvFlags::default()) {
            Ok((0, _)) => {
                if script.report.end == End::Open {
                    script.report.end = End::Fin;
                }
                Ok(0)
            }
            Ok((given, _)) => {
                script.note(&piece[..given]);
                Ok(given)
            }
            Err(Error::ECONNRESET) => {
                script.report.end = End::Reset;
                Ok(0)
            }
            Err(error) => Err(error),
        }
    }

    fn script_echo(&mut self, script: &mut Script) -> Result<Turn> {
        let mut moved = false;
        if script.echo.is_empty() && !script.echo_ended {
            let mut piece = [0; PIECE];
            match self.script_pull(script, &mut piece) {
                Ok(0) => script.echo_ended = true,
                Ok(given) => {
                    let _ = script.echo.extend_from_slice(&piece[..given]);
                }
                Err(error) => return Err(error),
            }
            moved = true;
        }
        if !script.echo.is_empty() {
            let data = script.echo.clone();
            match self.send_stream(script.stream()?, &data) {
                Ok(taken) => {
                    script.report.sent += taken as u64;
                    script.echo.clear();
                    let _ = script.echo.extend_from_slice(&data[taken..]);
                    moved = true;
                }
                Err(Error::EAGAIN) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(match (script.echo_ended && script.echo.is_empty(), moved) {
            (true, _) => Turn::Done,
            (false, true) => Turn::Moved,
            (false, false) => Turn::Wait,
        })
    }

    fn script_udp(&mut self, script: &mut Script, family: Family) -> Result<Turn> {
        let host = script.host;
        let handle = self.open(host, family, SockType::Dgram)?;
        script.socket = Some(handle);
        let id = Id { host, handle };
        self.bind(id, SockAddr::new(family.unspecified(), 0))?;
        // What the script sends may go to everybody (row 134).
        self.set_option(id, &Opt::Broadcast(true))?;
        let port = self.socket(id)?.local().port();
        script.address = Some(SockAddr::new(self.address_of(host, family)?, port));
        Ok(Turn::Done)
    }

    fn script_join(&mut self, script: &mut Script, ip: IpAddr) -> Result<Turn> {
        let group = match ip {
            IpAddr::V4(group) => Group::V4 { group, interface: core::net::Ipv4Addr::UNSPECIFIED },
            IpAddr::V6(group) => Group::V6 { group, interface: 0 },
        };
        self.set_option(script.id(script.socket)?, &Opt::Join(group))?;
        Ok(Turn::Done)
    }

    fn script_send_to(&mut self, script: &mut Script, data: &[u8], to: SockAddr) -> Result<Turn> {
        let sent = self.send_to(script.id(script.socket)?, data, None, to)?;
        script.report.sent += sent as u64;
        Ok(Turn::Done)
    }

    fn script_recv_from(&mut self, script: &mut Script) -> Result<Turn> {
        let mut data = [0; MAX_DATAGRAM];
        let id = script.id(script.socket)?;
        let info = self.recv_datagram(id, &mut data, RecvFlags::default())?;
        script.last.clear();
        let _ = script.last.extend_from_slice(&data[..info.len]);
        script.note(&data[..info.len]);
        script.report.datagrams += 1;
        script.report.from = Some(info.from);
        Ok(Turn::Done)
    }

    fn script_echo_from(&mut self, script: &mut Script, count: u32) -> Result<Turn> {
        if script.done >= count {
            return Ok(Turn::Done);
        }
        self.script_recv_from(script)?;
        let to = script.report.from.ok_or(Error::EDESTADDRREQ)?;
        let data = script.last.clone();
        self.script_send_to(script, &data, to)?;
        script.done += 1;
        Ok(Turn::Moved)
    }

    /// The first address of a family.
    fn address_of(&self, host: usize, family: Family) -> Result<IpAddr> {
        let mut own = self.hosts[host].addresses.iter().copied();
        own.find(|&ip| Family::of(ip) == family).ok_or(Error::EAFNOSUPPORT)
    }

    /// When a script that does nothing goes on.
    pub(super) fn scripts_due(&self) -> Option<Instant> {
        let running = self.scripts.iter().flatten().filter(|script| script.running());
        running.fold(None, |next, script| match (script.steps.get(script.at), script.begun) {
            (Some(&Step::Wait(ms)), Some(begun)) => earlier(next, Some(begun + millis(ms))),
            _ => next,
        })
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

/// A datagram of the pattern.
fn patterned(len: u32) -> Result<heapless::Vec<u8, MAX_DATAGRAM>> {
    let mut data = heapless::Vec::new();
    for offset in 0..u64::from(len) {
        data.push(pattern(offset)).map_err(|_| Error::EMSGSIZE)?;
    }
    Ok(data)
}
