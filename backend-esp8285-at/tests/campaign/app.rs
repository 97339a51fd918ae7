//! The application: one job for each socket, each with its own habits.

use std::time::Duration;

use esp8285_sim::Rng;
use usocket_core::prelude::*;
use usocket_core::spi::Platform;

use crate::pattern::Payload;
use crate::plan::{JobKind, JobPlan, Style};
use crate::rig::{DATAGRAMS, NAME, Net, PEER, Rig, SERVERS};

type Checked<T = ()> = std::result::Result<T, String>;

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Everything that it had to do is done.
    Complete,
    /// It closed early, as it was told to.
    Left,
    /// A call told it of an error.
    Failed(Error),
}

/// A job at work.
pub(crate) struct Job<'n, 'r> {
    pub(crate) tag: usize,
    pub(crate) plan: JobPlan,
    pub(crate) outcome: Option<Outcome>,
    /// Bytes, datagrams or answers received.
    pub(crate) got: usize,
    pub(crate) sent: usize,
    socket: Option<Socket<'n, Net<'r>>>,
    connected: bool,
    ended: bool,
    next_at: Option<usocket_core::Instant>,
    /// The datagram that is still to come back, and since when.
    away: Option<(usize, usocket_core::Instant)>,
}

/// What the jobs of a run share.
pub(crate) struct App<'n, 'r> {
    pub(crate) net: &'n Net<'r>,
    pub(crate) rig: &'n Rig,
    pub(crate) style: Style,
    pub(crate) payload: Payload,
    pub(crate) rng: Rng,
    pub(crate) notes: bool,
    /// Least patience with a name, milliseconds.
    pub(crate) name_patience: u64,
    /// How long an answer may take before the next datagram goes out.
    pub(crate) datagram_patience: Duration,
}

impl<'n, 'r> App<'n, 'r> {
    /// Makes a call and checks that it ends in time.
    fn timed<T>(&self, what: &str, limit: Duration, call: impl FnOnce() -> T) -> Checked<T> {
        let began = self.rig.now();
        let result = call();
        let took = self.rig.now().saturating_since(began);
        // Timeouts are rounded up to a millisecond.
        let slack = if limit.is_zero() { 0 } else { 1000 };
        if took > limit + Duration::from_micros(slack) {
            return Err(format!("{what} took {took:?}, not {limit:?}"));
        }
        Ok(result)
    }

    /// Gives a socket the timeout of its next call.
    fn patience(&mut self, socket: &Socket<'n, Net<'r>>) -> Checked<Duration> {
        let limit = match self.style {
            Style::Polling => Duration::ZERO,
            Style::Blocking => Duration::from_millis(1 + self.rng.below(400)),
        };
        socket.settimeout(limit).map_err(|error| format!("settimeout: {error}"))?;
        Ok(limit)
    }

    pub(crate) fn note(&self, text: std::fmt::Arguments<'_>) {
        if self.notes {
            eprintln!("{:>12} us    {text}", self.rig.now().as_micros());
        }
    }

    /// Waits for anything to do, at most so long.
    pub(crate) fn rest(
        &self,
        jobs: &[Job<'n, 'r>],
        listener: Option<&Socket<'n, Net<'r>>>,
        most: u64,
    ) -> Checked {
        let mut poll = Poll::<8>::new(self.net);
        let now = self.rig.now();
        let mut wait = most;
        for job in jobs {
            let Some(socket) = &job.socket else { continue };
            if let Some(at) = job.next_at.filter(|at| *at > now) {
                let left = at.saturating_since(now).as_millis();
                wait = wait.min(u64::try_from(left).unwrap_or(1).max(1));
                continue;
            }
            let _ = poll.register(socket, job.wanted());
        }
        if let Some(listener) = listener {
            let _ = poll.register(listener, POLLIN);
        }
        let ms = i32::try_from(wait).unwrap_or(1);
        let result =
            self.timed("poll", Duration::from_millis(wait), || poll.poll(ms).map(|_| ()))?;
        result.map_err(|error| format!("poll: {error}"))
    }
}

impl<'n, 'r> Job<'n, 'r> {
    pub(crate) fn new(tag: usize, plan: JobPlan) -> Self {
        Self {
            tag,
            plan,
            outcome: None,
            got: 0,
            sent: 0,
            socket: None,
            connected: false,
            ended: false,
            next_at: None,
            away: None,
        }
    }

    /// Whether it still waits for its client.
    pub(crate) fn wants_client(&self) -> bool {
        self.plan.kind == JobKind::Accepted && self.outcome.is_none() && self.socket.is_none()
    }

    pub(crate) fn take_client(&mut self, socket: Socket<'n, Net<'r>>) {
        self.socket = Some(socket);
        self.connected = true;
    }

    fn wanted(&self) -> Events {
        let out = match self.plan.kind {
            JobKind::Datagrams => self.away.is_none(),
            _ => !self.connected || self.sent < self.plan.up,
        };
        if out { POLLIN | POLLOUT } else { POLLIN }
    }

    fn end(&mut self, outcome: Outcome) {
        self.outcome = Some(outcome);
        let Some(socket) = self.socket.take() else { return };
        match outcome {
            Outcome::Left if self.plan.aborts => {
                let _ = socket.abort();
            }
            _ => drop(socket),
        }
    }

    /// Does what there is to do now.
    pub(crate) fn turn(&mut self, app: &mut App<'n, 'r>) -> Checked {
        if self.outcome.is_some() || self.next_at.is_some_and(|at| at > app.rig.now()) {
            return Ok(());
        }
        match self.plan.kind {
            JobKind::Names => self.resolve(app),
            JobKind::Datagrams => self.datagrams(app),
            JobKind::Client if !self.connected => self.connect(app),
            JobKind::Accepted if !self.connected => Ok(()),
            JobKind::Client | JobKind::Accepted => self.stream(app),
        }?;
        if let Some(outcome) = self.outcome {
            let (tag, got, sent) = (self.tag, self.got, self.sent);
            app.note(format_args!("link {tag}: {outcome:?}, got {got}, sent {sent}"));
        }
        Ok(())
    }

    /// Takes a result: `None` is to be tried again.
    fn sort<T>(&mut self, result: Result<T>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(Error::EAGAIN | Error::EINPROGRESS | Error::EALREADY | Error::ETIMEDOUT) => None,
            Err(error) => {
                self.end(Outcome::Failed(error));
                None
            }
        }
    }

    fn connect(&mut self, app: &mut App<'n, 'r>) -> Checked {
        if self.socket.is_none() {
            match app.net.tcp() {
                Ok(socket) => self.socket = Some(socket),
                Err(error) => return Err(format!("socket: {error}")),
            }
        }
        let Some(socket) = self.socket.take() else { return Ok(()) };
        let limit = app.patience(&socket)?;
        let to = SockAddr::new(PEER.into(), SERVERS + u16::try_from(self.tag).unwrap_or(0));
        let result = app.timed("connect", limit, || socket.connect(to));
        self.socket = Some(socket);
        let result = result?;
        let result = if result == Err(Error::EISCONN) { Ok(()) } else { result };
        if self.sort(result).is_some() {
            self.connected = true;
        }
        Ok(())
    }

    fn stream(&mut self, app: &mut App<'n, 'r>) -> Checked {
        self.send_some(app)?;
        if self.outcome.is_none() {
            self.recv_some(app)?;
        }
        if self.outcome.is_some() {
            return Ok(());
        }
        if self.plan.leaves_after.is_some_and(|most| self.got >= most) {
            self.end(Outcome::Left);
        }
        let everything = self.sent >= self.plan.up && self.got >= self.plan.down;
        if self.ended || (everything && !self.plan.peer_ends) {
            self.end(Outcome::Complete);
        }
        if !self.plan.read_pause.is_zero() {
            self.next_at = Some(app.rig.now() + self.plan.read_pause);
        }
        Ok(())
    }

    fn send_some(&mut self, app: &mut App<'n, 'r>) -> Checked {
        let left = self.plan.up.saturating_sub(self.sent);
        if left == 0 {
            return Ok(());
        }
        let data = app.payload.piece(self.tag, true, self.sent, left.min(self.plan.write_size));
        let Some(socket) = self.socket.take() else { return Ok(()) };
        let limit = app.patience(&socket)?;
        let result = app.timed("send", limit, || socket.send(&data));
        self.socket = Some(socket);
        let result = result?;
        // A blocking send that runs out of time has queued a part, and says how much.
        let part = result.err().map_or(0, |error| error.transferred());
        self.sent += part;
        app.rig.count_up(self.tag, part);
        if let Some(sent) = self.sort(result) {
            self.sent += sent;
            app.rig.count_up(self.tag, sent);
        }
        Ok(())
    }

    fn recv_some(&mut self, app: &mut App<'n, 'r>) -> Checked {
        let mut buf = [0; 1000];
        let Some(socket) = self.socket.take() else { return Ok(()) };
        let limit = app.patience(&socket)?;
        let size = self.plan.read_size;
        let result = app.timed("recv", limit, || socket.recv(&mut buf[..size]));
        self.socket = Some(socket);
        let Some(got) = self.sort(result?) else { return Ok(()) };
        app.payload.check(self.tag, false, self.got, &buf[..got])?;
        self.got += got;
        if app.payload != Payload::Tagged && self.got > self.plan.down {
            return Err(format!("link {}: more than was sent", self.tag));
        }
        self.ended |= got == 0;
        Ok(())
    }

    /// Sends datagrams to an echo, one after the other, and takes what comes back.
    fn datagrams(&mut self, app: &mut App<'n, 'r>) -> Checked {
        if self.socket.is_none() {
            let socket = app.net.udp().map_err(|error| format!("udp: {error}"))?;
            self.socket = Some(socket);
        }
        let Some(socket) = self.socket.take() else { return Ok(()) };
        let limit = app.patience(&socket)?;
        let to = SockAddr::new(PEER.into(), DATAGRAMS);
        if let Some((_, since)) = self.away
            && app.rig.now().saturating_since(since) > app.datagram_patience
        {
            self.away = None;
        }
        if self.away.is_none() && self.sent < self.plan.up {
            let data = datagram(app.payload, self.tag, self.sent);
            let result = app.timed("sendto", limit, || socket.sendto(&data, to))?;
            if self.sort(result).is_some() {
                self.away = Some((self.sent, app.rig.now()));
                self.sent += 1;
            }
        }
        let mut buf = [0; 1500];
        if self.outcome.is_none() {
            let result = app.timed("recvfrom", limit, || socket.recvfrom(&mut buf))?;
            if let Some((len, from)) = self.sort(result) {
                self.came_back(app, &buf[..len], from)?;
            }
        }
        self.socket = Some(socket);
        if self.outcome.is_none() && self.sent >= self.plan.up && self.away.is_none() {
            self.end(Outcome::Complete);
        } else if self.outcome.is_some() {
            self.socket = None;
        }
        Ok(())
    }

    fn came_back(&mut self, app: &App<'n, 'r>, data: &[u8], from: SockAddr) -> Checked {
        if app.payload == Payload::Tagged {
            app.payload.check(self.tag, true, 0, data)?;
        } else {
            let whole =
                (0..self.sent).any(|number| datagram(app.payload, self.tag, number) == data);
            if !whole {
                return Err(format!("a datagram of {} bytes that nobody sent", data.len()));
            }
            if from != SockAddr::new(PEER.into(), DATAGRAMS) {
                return Err(format!("a datagram from {from}"));
            }
        }
        self.away = None;
        self.got += 1;
        Ok(())
    }

    fn resolve(&mut self, app: &mut App<'n, 'r>) -> Checked {
        let limit = Duration::from_millis(app.name_patience + app.rng.below(3000));
        let hints = Hints { timeout: limit, ..Hints::stream() };
        let result =
            app.timed("getaddrinfo", limit, || app.net.getaddrinfo(NAME, 80_u16, hints))?;
        self.sent += 1;
        if let Ok(found) = result {
            if found.first().sockaddr.ip() != PEER {
                return Err(format!("{NAME} is {}", found.first().sockaddr));
            }
            self.got += 1;
        }
        if self.sent >= self.plan.up {
            self.end(Outcome::Complete);
        }
        Ok(())
    }
}

/// The datagram of a number.
pub(crate) fn datagram(payload: Payload, tag: usize, number: usize) -> Vec<u8> {
    let len = 4 + (number * 97 + tag * 31) % 380;
    payload.piece(tag, true, number * 1000, len)
}
