//! A naive driver: blocking, one command after the other, and with any one of the mistakes
//! of section 11 that other drivers make. Without a mistake it passes every scenario for which
//! there is one, so that it is the mistake that fails it.

mod reader;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

use esp8285_sim::Version;
use usocket_backend_esp8285_at::Uart;
use usocket_core::spi::Platform;
use usocket_core::{Error, Instant, Result, SockAddr};

use self::reader::{Item, Reader};
use crate::driver::{Driver, Found, PATIENCE, Sock};
use crate::profile::Profile;
use crate::wire::{Board, Wire};

/// What a driver can do wrong; the numbers are those of section 11.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// 1, 16: empties the receiver before each command.
    EmptiesReceiver,
    /// 1: clears what it has received when it sends.
    ClearsOnSend,
    /// 2, 16: looks for results in payload as well.
    SearchesEverywhere,
    /// 3: believes that there is one link.
    OneLink,
    /// 4: a head has at most twelve characters.
    ShortHeads,
    /// 5: `ALREADY CONNECTED` is success.
    TakenIsSuccess,
    /// 6: pastes strings as they are.
    PastesRaw,
    /// 7: gives a join ten seconds.
    ShortJoin,
    /// 8: the end of a stream is "try again".
    EndIsAgain,
    /// 9: a line end after the payload.
    LineEndAfterPayload,
    /// 9: no line end after the command of a send.
    NoLineEnd,
    /// 10: splits a scan at parentheses.
    SplitsAtParentheses,
    /// 11: after `CLOSED` it reads nothing more.
    DropsAfterClosed,
    /// 11: sends again what was not acknowledged.
    Resends,
    /// 12: `busy` is the end of a command.
    AbortsOnBusy,
    /// 13: `CLOSED` throws away what is buffered.
    ClosesWithData,
    /// 13: reads more than it has room for.
    ReadsWithoutRoom,
    /// 14: datagram sockets outlive the network.
    DatagramsOutlive,
    /// 15: asks while a send is under way.
    SpeaksDuringSend,
    /// 17: what is no UTF-8 is thrown away.
    ChecksUtf8,
    /// 17: the last field of a head is the length.
    LengthIsLast,
    /// 17: no `CIPCLOSE` after the peer has closed, and its id is never free again.
    KeepsClosedIds,
    /// 17: the reply to a read is unsolicited, so it is of the link last heard of.
    ReadIsUnsolicited,
}

/// At most one.
pub(crate) type Mistakes = Option<Mistake>;

/// Bytes that a link buffers in passive mode.
const ROOM: usize = 4096;
/// Most bytes of one send.
const PIECE: usize = 1024;

#[derive(Debug, Default)]
struct Link {
    used: bool,
    data: VecDeque<u8>,
    datagrams: VecDeque<(Vec<u8>, SockAddr)>,
    udp: bool,
    noticed: bool,
    /// `CLOSED` was seen.
    gone: bool,
    /// Nothing is left in the modem.
    ended: bool,
    failed: Option<Error>,
}

/// The naive driver.
pub(crate) struct Bad<'n>(RefCell<State<'n>>);

struct State<'n> {
    on: Profile,
    mistake: Mistakes,
    wire: Wire<'n>,
    board: Board<'n>,
    reader: Reader,
    links: [Link; 5],
    last_link: usize,
    last_noticed: usize,
    set_up: bool,
}

/// How a command ended, with the lines before that.
struct Answer {
    ok: bool,
    lines: Vec<Vec<u8>>,
}

impl Answer {
    fn good(self) -> Result<Vec<Vec<u8>>> {
        if self.ok { Ok(self.lines) } else { Err(Error::ECONNREFUSED) }
    }

    fn has(&self, text: &[u8]) -> bool {
        self.lines.iter().any(|line| line == text)
    }
}

impl<'n> State<'n> {
    fn makes(&self, mistake: Mistake) -> bool {
        self.mistake == Some(mistake)
    }

    fn now(&self) -> Instant {
        self.board.now()
    }

    /// Takes what has come, or waits for it; false at `until`.
    fn listen(&mut self, until: Instant) -> bool {
        let mut buf = [0; 256];
        match self.wire.read(&mut buf) {
            Ok(0) if self.now() >= until => false,
            Ok(0) => {
                let wire = &self.wire;
                self.board.idle(Some(until), &mut || wire.readable());
                true
            }
            Ok(len) => {
                self.reader.bytes.extend_from_slice(&buf[..len]);
                true
            }
            Err(_) => true,
        }
    }

    /// The next line or reply, after everything unsolicited before it.
    fn item(&mut self, until: Instant) -> Option<Item> {
        loop {
            while let Some(item) = self.reader.next() {
                if let Some(item) = self.unsolicited(item) {
                    return Some(item);
                }
            }
            if !self.listen(until) {
                return None;
            }
        }
    }

    fn unsolicited(&mut self, item: Item) -> Option<Item> {
        match item {
            Item::Pushed { link, from, data } => {
                let link = if self.makes(Mistake::OneLink) { self.last_link } else { link };
                match from {
                    Some(from) if self.links[link].udp => {
                        self.links[link].datagrams.push_back((data, from));
                    }
                    _ => self.links[link].data.extend(data),
                }
            }
            Item::Notice(link) => {
                let link = if self.makes(Mistake::OneLink) { self.last_link } else { link };
                self.links[link].noticed = true;
                self.last_noticed = link;
            }
            Item::Read(data) if self.makes(Mistake::ReadIsUnsolicited) => {
                self.links[self.last_noticed].data.extend(data);
            }
            Item::Line(line) => match &line[..] {
                [id @ b'0'..=b'4', rest @ ..] if rest == b",CLOSED" => {
                    self.closed(usize::from(id - b'0'));
                }
                [b'0'..=b'4', rest @ ..] if rest == b",CONNECT" => {}
                b"WIFI CONNECTED" | b"WIFI GOT IP" => {}
                b"WIFI DISCONNECT" => self.wifi_lost(),
                _ => return Some(Item::Line(line)),
            },
            other => return Some(other),
        }
        None
    }

    fn closed(&mut self, id: usize) {
        let passive = self.on.passive();
        let drops = self.makes(Mistake::DropsAfterClosed);
        let clears = self.makes(Mistake::ClosesWithData);
        let link = &mut self.links[id];
        link.gone = true;
        link.ended = !passive || drops || link.udp;
        if clears {
            link.data.clear();
            link.ended = true;
        }
    }

    fn wifi_lost(&mut self) {
        let outlive = self.makes(Mistake::DatagramsOutlive);
        for link in self.links.iter_mut().filter(|link| link.used && !(link.udp && outlive)) {
            link.failed = Some(Error::ENETDOWN);
        }
    }

    fn write(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.wire.write(bytes);
            bytes = &bytes[taken..];
            if taken == 0 {
                let wire = &self.wire;
                self.board.idle(None, &mut || wire.writable());
            }
        }
    }

    /// Sends a command line.
    fn say(&mut self, line: &[u8]) {
        if self.makes(Mistake::EmptiesReceiver) {
            while self.wire.read(&mut [0; 64]) != Ok(0) {}
            self.reader.bytes.clear();
        }
        self.write(&[line, b"\r\n"].concat());
    }

    /// A command and its answer.
    fn command(&mut self, line: impl AsRef<[u8]>, within: Duration) -> Result<Answer> {
        let line = line.as_ref();
        self.say(line);
        let end = self.now() + within;
        let mut until = end;
        let mut lines = Vec::new();
        loop {
            match self.item(until) {
                Some(Item::Line(text)) => match &text[..] {
                    b"OK" => return Ok(Answer { ok: true, lines }),
                    b"ERROR" | b"FAIL" => return Ok(Answer { ok: false, lines }),
                    b"busy p..." | b"busy s..." if self.makes(Mistake::AbortsOnBusy) => {
                        return Err(Error::EAGAIN);
                    }
                    // The answer may still come; if not, it was this line that was refused.
                    b"busy p..." | b"busy s..." => until = self.now() + Duration::from_secs(1),
                    _ => lines.push(text),
                },
                Some(Item::Read(data)) => lines.push(data),
                Some(_) => {}
                None if self.now() >= end => return Err(Error::ETIMEDOUT),
                None => {
                    self.say(line);
                    until = end;
                }
            }
        }
    }

    fn set_up(&mut self) -> Result<()> {
        if self.set_up {
            return Ok(());
        }
        let quick = Duration::from_secs(2);
        self.item(self.now() + Duration::from_secs(1));
        self.command("ATE0", quick)?.good()?;
        let mut lines = vec!["AT+CIPMUX=1"];
        if self.on.version >= Version::V1_7_0 {
            let passive = self.on.passive();
            lines.push(if passive { "AT+CIPRECVMODE=1" } else { "AT+CIPRECVMODE=0" });
        }
        lines.push(if self.on.udp() { "AT+CIPDINFO=1" } else { "AT+CIPDINFO=0" });
        for line in lines {
            self.command(line, quick)?.good()?;
        }
        self.set_up = true;
        Ok(())
    }

    fn quoted(&self, text: &[u8]) -> Vec<u8> {
        let raw = self.makes(Mistake::PastesRaw);
        let mut quoted = vec![b'"'];
        for byte in text {
            if !raw && matches!(byte, b'"' | b',' | b'\\') {
                quoted.push(b'\\');
            }
            quoted.push(*byte);
        }
        quoted.push(b'"');
        quoted
    }

    fn free_link(&mut self) -> Result<usize> {
        let link = (0..5).rev().find(|link| !self.links[*link].used).ok_or(Error::ENOBUFS)?;
        self.links[link] = Link { used: true, ..Link::default() };
        self.last_link = link;
        Ok(link)
    }

    fn open(&mut self, line: &str, link: usize) -> Result<Sock> {
        let answer = self.command(line, PATIENCE)?;
        let taken = answer.has(b"ALREADY CONNECTED") && self.makes(Mistake::TakenIsSuccess);
        if !answer.ok && !taken {
            self.links[link].used = false;
            return Err(Error::ECONNREFUSED);
        }
        // A `CLOSED` before that was of the one before.
        self.links[link].gone = false;
        self.links[link].ended = false;
        Ok(Sock(link))
    }

    /// Reads what waits in the modem for a link.
    fn fetch(&mut self, link: usize) -> Result<()> {
        let room = ROOM - self.links[link].data.len().min(ROOM);
        let most = if self.makes(Mistake::ReadsWithoutRoom) { 2048 } else { room.min(2048) };
        if most == 0 {
            return Ok(());
        }
        self.links[link].noticed = false;
        let answer = self.command(format!("AT+CIPRECVDATA={link},{most}"), PATIENCE)?;
        if answer.ok {
            let data = answer.lines.concat();
            let kept = data.len().min(room);
            self.links[link].data.extend(&data[..kept]);
            self.links[link].noticed |= data.len() == most;
        } else if self.links[link].gone {
            self.links[link].ended = true;
        }
        Ok(())
    }

    /// Works off what has come.
    fn pump(&mut self) -> Result<()> {
        self.item(self.now());
        if self.on.passive() {
            for link in 0..5 {
                let state = &self.links[link];
                if state.used && !state.udp && !state.ended && (state.noticed || state.gone) {
                    self.fetch(link)?;
                }
            }
        }
        Ok(())
    }

    fn send_piece(&mut self, line: &str, data: &[u8]) -> Result<()> {
        if self.makes(Mistake::NoLineEnd) {
            self.write(line.as_bytes());
            self.item(self.now() + PATIENCE);
            return Err(Error::ETIMEDOUT);
        }
        self.reader.prompt = true;
        if !self.command(line, PATIENCE)?.ok {
            self.reader.prompt = false;
            return Err(Error::EPIPE);
        }
        let until = self.now() + Duration::from_secs(5);
        loop {
            match self.item(until) {
                Some(Item::Prompt) => break,
                Some(_) => {}
                None => return Err(Error::ETIMEDOUT),
            }
        }
        if self.makes(Mistake::SpeaksDuringSend) && self.links.iter().any(|link| link.noticed) {
            self.write(b"AT+CIPRECVLEN?\r\n");
        }
        self.write(data);
        if self.makes(Mistake::LineEndAfterPayload) {
            self.write(b"\r\n");
        }
        let until = self.now() + Duration::from_secs(10);
        loop {
            match self.item(until) {
                Some(Item::Line(line)) if line == b"SEND OK" => return Ok(()),
                Some(Item::Line(line)) if line == b"SEND FAIL" || line == b"ERROR" => {
                    return Err(Error::ECONNRESET);
                }
                Some(_) => {}
                None => return Err(Error::ETIMEDOUT),
            }
        }
    }
}

impl<'n> Bad<'n> {
    pub(crate) fn new(on: Profile, mistake: Mistakes, wire: Wire<'n>, board: Board<'n>) -> Self {
        let reader = Reader { mistake, ..Reader::default() };
        let links = Default::default();
        let (last_link, last_noticed) = (4, 4);
        let set_up = false;
        Self(RefCell::new(State {
            on,
            mistake,
            wire,
            board,
            reader,
            links,
            last_link,
            last_noticed,
            set_up,
        }))
    }
}

impl Driver for Bad<'_> {
    fn join(&self, ssid: &[u8], key: &[u8]) -> Result<()> {
        let mut state = self.0.borrow_mut();
        state.set_up()?;
        let name = if state.on.nonos() { "AT+CWJAP_CUR=" } else { "AT+CWJAP=" };
        let line = [name.as_bytes(), &state.quoted(ssid), b",", &state.quoted(key)].concat();
        let short = state.makes(Mistake::ShortJoin);
        let within = if short { Duration::from_secs(10) } else { Duration::from_secs(20) };
        state.command(line, within)?.good().map(drop)
    }

    fn connect(&self, to: SockAddr) -> Result<Sock> {
        let mut state = self.0.borrow_mut();
        let link = state.free_link()?;
        let line = format!("AT+CIPSTART={link},\"TCP\",\"{}\",{}", to.ip(), to.port());
        state.open(&line, link)
    }

    fn udp(&self, port: u16) -> Result<Sock> {
        let mut state = self.0.borrow_mut();
        let link = state.free_link()?;
        let line = format!("AT+CIPSTART={link},\"UDP\",\"0.0.0.0\",{port},{port},2");
        let socket = state.open(&line, link)?;
        state.links[link].udp = true;
        Ok(socket)
    }

    fn send(&self, socket: Sock, data: &[u8]) -> Result<()> {
        let mut state = self.0.borrow_mut();
        let link = socket.0;
        if state.makes(Mistake::ClearsOnSend) {
            state.links[link].data.clear();
        }
        for piece in data.chunks(PIECE) {
            let line = format!("AT+CIPSEND={link},{}", piece.len());
            let mut result = state.send_piece(&line, piece);
            if result == Err(Error::ETIMEDOUT) && state.makes(Mistake::Resends) {
                result = state.send_piece(&line, piece);
            }
            result?;
        }
        Ok(())
    }

    fn recv_within(&self, socket: Sock, buf: &mut [u8], within: Duration) -> Result<usize> {
        let mut state = self.0.borrow_mut();
        let until = state.now() + within;
        loop {
            state.pump()?;
            let again = state.makes(Mistake::EndIsAgain);
            let link = &mut state.links[socket.0];
            if !link.data.is_empty() {
                let len = link.data.len().min(buf.len());
                for (to, byte) in buf.iter_mut().zip(link.data.drain(..len)) {
                    *to = byte;
                }
                return Ok(len);
            }
            if let Some(error) = link.failed.take() {
                return Err(error);
            }
            if link.ended {
                return if again { Err(Error::EAGAIN) } else { Ok(0) };
            }
            if state.now() >= until {
                return Err(Error::EAGAIN);
            }
            let soon = state.now() + Duration::from_millis(500);
            state.listen(soon.min(until));
        }
    }

    fn recv_from(&self, socket: Sock, buf: &mut [u8]) -> Result<(usize, SockAddr)> {
        let mut state = self.0.borrow_mut();
        let until = state.now() + PATIENCE;
        loop {
            state.pump()?;
            let link = &mut state.links[socket.0];
            if let Some((data, from)) = link.datagrams.pop_front() {
                let len = data.len().min(buf.len());
                buf[..len].copy_from_slice(&data[..len]);
                return Ok((len, from));
            }
            if let Some(error) = link.failed.take() {
                return Err(error);
            }
            if !state.listen(until) {
                return Err(Error::EAGAIN);
            }
        }
    }

    fn close(&self, socket: Sock) {
        let mut state = self.0.borrow_mut();
        let link = socket.0;
        if state.links[link].gone && state.makes(Mistake::KeepsClosedIds) {
            return;
        }
        // `ERROR` says that it is closed already.
        let _ = state.command(format!("AT+CIPCLOSE={link}"), Duration::from_secs(5));
        state.links[link].used = false;
    }

    fn resolve(&self, name: &str) -> Result<IpAddr> {
        let mut state = self.0.borrow_mut();
        let lines = state.command(format!("AT+CIPDOMAIN=\"{name}\""), PATIENCE)?.good()?;
        let found = lines.iter().find_map(|line| {
            let text = std::str::from_utf8(line.strip_prefix(b"+CIPDOMAIN:")?).ok()?;
            text.trim_matches('"').parse().ok()
        });
        found.ok_or(Error::ENOENT)
    }

    fn scan(&self) -> Result<Vec<Found>> {
        let mut state = self.0.borrow_mut();
        let lines = state.command("AT+CWLAP", PATIENCE)?.good()?;
        let split = state.makes(Mistake::SplitsAtParentheses);
        let parse = |line: &Vec<u8>| {
            let line = line.strip_prefix(b"+CWLAP:(")?;
            let end = match split {
                true => line.iter().position(|byte| matches!(byte, b'(' | b')'))?,
                false => line.len() - 1,
            };
            found(&line[..end])
        };
        Ok(lines.iter().filter_map(parse).collect())
    }

    fn pass(&self, time: Duration) {
        let mut state = self.0.borrow_mut();
        let until = state.now() + time;
        loop {
            let _ = state.pump();
            if !state.listen(until) {
                return;
            }
        }
    }
}

/// `<ecn>,"<ssid>",<rssi>,"<mac>",<ch>` and more numbers: the name ends at the quote before
/// the number.
fn found(line: &[u8]) -> Option<Found> {
    let begin = line.iter().position(|byte| *byte == b'"')? + 1;
    let mac = line.windows(2).rposition(|part| part == b",\"")?;
    let end = line[..mac].iter().rposition(|byte| *byte == b'"')?;
    let rssi = std::str::from_utf8(line.get(end + 2..mac)?).ok()?.parse().ok()?;
    let after = &line[mac + 2..];
    let channel = after.split(|byte| *byte == b',').nth(1)?;
    let channel = std::str::from_utf8(channel).ok()?.parse().ok()?;
    Some((line.get(begin..end)?.to_vec(), rssi, channel))
}
