//! A human at a terminal: types lines, reads answers, types payload when prompted.
#![allow(dead_code, reason = "each test uses a part")]

use std::time::Duration;

use esp8285_world::{Board, KEY, Kit, Port, SSID, Stack};
use usocket_conformance::{Actor, End, Peer, Report, Step};
use usocket_core::spi::Platform;
use usocket_core::{Instant, SockAddr};

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(40);

pub(crate) struct Terminal<'n> {
    pub(crate) kit: Kit<'n>,
    pub(crate) port: Port<Stack<'n>>,
    pub(crate) board: Board<Stack<'n>>,
    heard: Vec<u8>,
    log: Vec<u8>,
}

impl<'n> Terminal<'n> {
    /// A modem that was just switched on.
    pub(crate) fn new(kit: Kit<'n>) -> Self {
        let (port, board) = (kit.world().port(), kit.world().board());
        Self { kit, port, board, heard: Vec::new(), log: Vec::new() }
    }

    /// One that has joined, with several links and without echo.
    pub(crate) fn joined(kit: Kit<'n>) -> Self {
        let mut terminal = Self::new(kit);
        terminal.until("ready\r\n");
        terminal.ok("ATE0");
        terminal.ok(&format!("AT+CWJAP=\"{SSID}\",\"{KEY}\""));
        terminal.ok("AT+CIPMUX=1");
        terminal
    }

    /// Types bytes.
    pub(crate) fn say(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let taken = self.port.write(bytes);
            bytes = &bytes[taken..];
            if taken == 0 {
                self.board.idle(None, &mut || self.port.writable());
            }
        }
    }

    /// Waits until this is heard; everything up to its end. Empty if it does not come.
    pub(crate) fn hear(&mut self, text: &[u8], patience: Duration) -> Vec<u8> {
        let until = self.board.now() + patience;
        loop {
            let found = self.heard.windows(text.len()).position(|part| part == text);
            if let Some(at) = found {
                return self.heard.drain(..at + text.len()).collect();
            }
            if !self.listen(until) {
                return Vec::new();
            }
        }
    }

    /// Takes what has come, or sleeps until something might; whether there is time left.
    fn listen(&mut self, until: Instant) -> bool {
        let mut buf = [0; 256];
        let len = self.port.read(&mut buf).expect("nothing is lost");
        self.heard.extend(&buf[..len]);
        self.log.extend(&buf[..len]);
        if len == 0 {
            let port = &self.port;
            self.board.idle(Some(until), &mut || port.readable());
        }
        len > 0 || self.board.now() < until || self.port.readable()
    }

    pub(crate) fn until(&mut self, text: &str) -> String {
        let heard = self.hear(text.as_bytes(), PATIENCE);
        assert!(!heard.is_empty(), "no {text:?}, but {:?}", String::from_utf8_lossy(&self.heard));
        String::from_utf8_lossy(&heard).into_owned()
    }

    /// Whether this is not heard for so long.
    pub(crate) fn silent(&mut self, text: &str, millis: u64) -> bool {
        self.hear(text.as_bytes(), Duration::from_millis(millis)).is_empty()
    }

    /// Whether this was ever heard.
    pub(crate) fn has_heard(&self, text: &str) -> bool {
        self.log.windows(text.len()).any(|part| part == text.as_bytes())
    }

    /// What was heard and not asked for yet.
    pub(crate) fn rest(&mut self) -> String {
        self.hear(b"never said", Duration::from_millis(200));
        String::from_utf8_lossy(&std::mem::take(&mut self.heard)).into_owned()
    }

    /// A command that succeeds; its answer.
    pub(crate) fn ok(&mut self, line: &str) -> String {
        self.say(format!("{line}\r\n").as_bytes());
        self.until("OK\r\n")
    }

    /// A command that fails; its answer.
    pub(crate) fn fails(&mut self, line: &str) -> String {
        self.say(format!("{line}\r\n").as_bytes());
        self.until("ERROR\r\n")
    }

    /// Sends a payload up to its `Recv`.
    pub(crate) fn payload(&mut self, command: &str, data: &[u8]) {
        self.say(format!("{command}\r\n").as_bytes());
        self.until("OK\r\n");
        self.until(">");
        self.say(data);
        self.until(&format!("Recv {} bytes\r\n", data.len()));
    }

    /// Sends on a link.
    pub(crate) fn send(&mut self, id: u8, data: &[u8]) {
        self.payload(&format!("AT+CIPSEND={id},{}", data.len()), data);
        self.until("SEND OK\r\n");
    }

    /// Opens a link to an address of the peer.
    pub(crate) fn open(&mut self, id: u8, to: SockAddr) {
        let answer = self.ok(&format!("AT+CIPSTART={id},\"TCP\",\"{}\",{}", to.ip(), to.port()));
        assert!(answer.contains(&format!("{id},CONNECT\r\n")), "{answer}");
    }

    /// Reads passively; empty if there is nothing.
    pub(crate) fn read(&mut self, id: u8, most: usize) -> Vec<u8> {
        self.say(format!("AT+CIPRECVDATA={id},{most}\r\n").as_bytes());
        let head = self.hear(b"+CIPRECVDATA,", Duration::from_millis(500));
        if head.is_empty() {
            assert!(self.rest().ends_with("ERROR\r\n"));
            return Vec::new();
        }
        let len = self.until(":");
        let len: usize = len.trim_end_matches(':').parse().expect("a length");
        while self.heard.len() < len {
            let until = self.board.now() + PATIENCE;
            assert!(self.listen(until), "the payload is too short");
        }
        let data = self.heard.drain(..len).collect();
        self.until("\r\nOK\r\n");
        data
    }

    /// Starts a script and waits until it has an address.
    pub(crate) fn script(&mut self, steps: &[Step]) -> (Actor, SockAddr) {
        let actor = self.start(steps);
        self.kit.world().pass(Duration::from_millis(20));
        (actor, self.kit.peer().address_now(actor).expect("an address"))
    }

    /// Starts a script.
    pub(crate) fn start(&mut self, steps: &[Step]) -> Actor {
        self.kit.start(steps).expect("a script")
    }

    /// Lets time pass; what is said meanwhile stays in the ring.
    pub(crate) fn pass(&mut self, millis: u64) {
        self.kit.world().pass(Duration::from_millis(millis));
    }

    /// What a script has seen after a while.
    pub(crate) fn report(&mut self, actor: Actor) -> Report {
        self.pass(50);
        self.kit.peer().report(actor)
    }

    /// How a script's stream ended.
    pub(crate) fn end(&mut self, actor: Actor) -> End {
        self.report(actor).end
    }
}
